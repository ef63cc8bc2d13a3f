"""Epochs of updates and tests through a curriculum, whatever the networks are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint, restore_training, training_state
from mempaper.khajehabdollahi2024.curriculum import PASS_MARK, Curriculum, passed
from mempaper.khajehabdollahi2024.gated import GatedRNN
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.progress import Report

WEIGHTS_STREAM, TRAINING_STREAM, TEST_STREAM = 0, 1, 2  # of each member's seed
HALVED = ("w_rec", "w_head")  # stored with half precision where that is asked for


@dataclass(frozen=True)
class Schedule:
    """What every training through a curriculum has; the defaults are those of the leaky networks.

    Parameters
    ----------
    curriculum : Curriculum
    n_units : int
    batch_size, updates_per_epoch, test_batches, max_epochs : int
    learning_rate : float
    max_n : int
        A network is finished once it has passed every list of lengths that ends at or below this.
    pass_mark : float
    kept : tuple of int, optional
        Largest N of the passed lists whose weights are kept; all by default.
    half_precision : bool
        Keep recurrent and readout weights as float16.
    """

    curriculum: Curriculum = field(default_factory=Curriculum)
    n_units: int = 500
    batch_size: int = 256
    learning_rate: float = 0.05
    updates_per_epoch: int = 600
    test_batches: int = 50
    max_epochs: int = 1000
    max_n: int = 101
    pass_mark: float = PASS_MARK
    kept: tuple[int, ...] | None = None
    half_precision: bool = False

    @property
    def stages(self) -> list[tuple[int, ...]]:
        """The lists of memory lengths in the order in which they are trained."""
        stages: list[tuple[int, ...]] = []
        following: tuple[int, ...] | None = self.curriculum.start
        while following is not None and following[-1] <= self.max_n:
            stages.append(following)
            following = self.curriculum.after(following)
        if not stages:
            raise ValueError(f"max_n is {self.max_n}, but training starts with {self.curriculum.start}")
        return stages

    @property
    def kept_stages(self) -> list[int]:
        """Indices of the stages whose weights are kept."""
        ends = [stage[-1] for stage in self.stages]
        return [i for i, n in enumerate(ends) if self.kept is None or n in self.kept]


SomeSchedule = TypeVar("SomeSchedule", bound=Schedule)
Network = TypeVar("Network", LeakyRNN, GatedRNN)


class Learner(Generic[SomeSchedule, Network]):
    """Networks on their way through a curriculum; members that have finished are left out.

    A subclass says what the networks are and how they are updated and tested.

    Parameters
    ----------
    settings : Schedule
    seed : int
        Of the first member.
    n_members : int
    device : str

    Attributes
    ----------
    epoch : int
        Number of finished epochs.
    members : list of int
        Who is still in training.
    network : LeakyRNN or GatedRNN
        These members.
    logs : dict of numpy.ndarray
        See :meth:`result`, which describes them; not yet cut to the epochs there were.
    """

    def __init__(self, settings: SomeSchedule, seed: int, n_members: int, device: str = "cpu") -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.stages = settings.stages
        self.kept = {stage: place for place, stage in enumerate(settings.kept_stages)}
        everyone: Network = self._new_network(n_members)
        self.logs = self._empty_logs(everyone)
        self.epoch = 0
        self._admit(everyone, list(range(n_members)))

    def _new_network(self, n_members: int) -> Network:
        """Untrained networks; member ``m`` depends on ``seed + m`` alone."""
        raise NotImplementedError

    def _new_optimizer(self, network: Network) -> torch.optim.Optimizer:
        raise NotImplementedError

    def _time_constants(self, network: Network) -> Tensor:
        """What is logged of the units at every pass, (member, unit)."""
        raise NotImplementedError

    def _updates(self, generators: list[np.random.Generator]) -> Iterator[Tensor]:
        """Make the updates that one draw is for; yields the losses of each, (member,)."""
        raise NotImplementedError

    def _tests(self, generators: list[np.random.Generator]) -> Iterator[Tensor]:
        """Test on fresh batches; yields accuracies, (member, head)."""
        raise NotImplementedError

    def _empty_logs(self, network: Network) -> dict[str, np.ndarray]:
        members, epochs, stages = network.n_members, self.settings.max_epochs, len(self.stages)
        n_heads = max(len(stage) for stage in self.stages)
        logs = {
            "stage": np.zeros(members, np.int64),
            "loss": np.full((members, epochs), np.nan),
            "accuracy": np.full((members, epochs, n_heads), np.nan),
            "trained_n": np.zeros((members, epochs), np.int64),
            "passed": np.zeros((members, stages), np.int64),
            "tau": np.full((members, stages, network.n_units), np.nan, np.float32),
            "initial_tau": self._time_constants(network).numpy().copy(),
            "ends": np.array([stage[-1] for stage in self.stages]),
            "kept": np.array([self.stages[stage][-1] for stage in self.kept], np.int64),
        }
        first = (members, len(self.kept))
        for name, p in network.named_parameters():
            kind = np.float16 if self.settings.half_precision and name in HALVED else np.float32
            logs[f"weights/{name}"] = np.full(first + p.shape[1:], np.nan, kind)
        return logs

    def _admit(self, network: Network, members: list[int]) -> None:
        """Let these members go on, with ``network`` their weights and nothing in the optimiser yet."""
        self.members = members
        self.network: Network = network.to(self.device)
        self.optimizer = self._new_optimizer(self.network)

    def _leave_out(self, finished: list[int]) -> None:
        """Go on without members that have finished; the others keep what their optimiser knows."""
        stay = [place for place, member in enumerate(self.members) if member not in finished]
        states = [self.optimizer.state[p] for p in self._trained()]
        self._admit(self.network.select(stay), [self.members[place] for place in stay])
        for p, state in zip(self._trained(), states, strict=True):
            for slot, value in state.items():
                self.optimizer.state[p][slot] = value[stay]

    def _trained(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    @property
    def finished(self) -> bool:
        """Whether no member goes on, or the epochs are used up."""
        return not self.members or self.epoch >= self.settings.max_epochs

    def _generators(self, stream: int) -> list[np.random.Generator]:
        return [
            np.random.default_rng([self.seed + member, stream, self.epoch]) for member in self.members
        ]

    def lists(self) -> list[tuple[int, ...]]:
        """Memory lengths that each member trains now."""
        return [self.stages[self.logs["stage"][member]] for member in self.members]

    def train_epoch(self) -> list[tuple[int, int]]:
        """Train and test for one epoch and let those that pass go on to more memory.

        Returns
        -------
        list of (member, stage)
            Who passed, and what.
        """
        generators = self._generators(TRAINING_STREAM)
        total, updates = torch.zeros(len(self.members), device=self.device), 0
        for _ in range(self.settings.updates_per_epoch):
            for loss in self._updates(generators):
                total += loss
                updates += 1
        generators = self._generators(TEST_STREAM)
        tests = [
            accuracy for _ in range(self.settings.test_batches) for accuracy in self._tests(generators)
        ]
        mean_loss, accuracy = total / updates, torch.stack(tests).mean(0)
        return self._record(mean_loss.cpu().numpy(), accuracy.cpu().numpy())

    def _record(self, loss: np.ndarray, accuracy: np.ndarray) -> list[tuple[int, int]]:
        logs, passes = self.logs, []
        for place, (member, ns) in enumerate(zip(self.members, self.lists(), strict=True)):
            logs["loss"][member, self.epoch] = loss[place]
            logs["accuracy"][member, self.epoch, : len(ns)] = accuracy[place, : len(ns)]
            logs["trained_n"][member, self.epoch] = ns[-1]
            if passed(accuracy[place, : len(ns)], self.settings.pass_mark):
                stage = int(logs["stage"][member])
                passes.append((member, stage))
                self._keep(place, member, stage)
                logs["passed"][member, stage] = self.epoch + 1
                logs["stage"][member] += 1
        self.epoch += 1
        finished = [member for member in self.members if logs["stage"][member] == len(self.stages)]
        if finished:
            self._leave_out(finished)
        return passes

    def _keep(self, place: int, member: int, stage: int) -> None:
        self.logs["tau"][member, stage] = self._time_constants(self.network)[place].cpu().numpy()
        if stage in self.kept:
            for name, p in self.network.named_parameters():
                self.logs[f"weights/{name}"][member, self.kept[stage]] = p.detach()[place].cpu().numpy()

    def state(self) -> dict[str, Tensor]:
        """Everything that a later :meth:`restore` needs to go on."""
        return training_state(self.network, self.optimizer, self.logs, self.epoch)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        stage = state["logs/stage"].tolist()
        going_on = [member for member in self.members if stage[member] < len(self.stages)]
        self._admit(self.network.select(going_on), going_on)
        self.epoch = restore_training(state, self.network, self.optimizer, self.logs)

    def result(self) -> dict[str, np.ndarray]:
        """The logs, cut to the epochs there were.

        Returns
        -------
        dict of numpy.ndarray
            ``loss`` (member, epoch), mean over the epoch's updates; ``accuracy`` (member, epoch,
            head) of the test after it; ``trained_n`` (member, epoch), the largest N in training
            then, 0 after the end; ``passed`` (member, stage), number of epochs at the pass, 0 for
            never; ``ends`` (stage,), largest N of each stage; ``tau`` (member, stage, unit), time
            constants at the pass; ``initial_tau`` (member, unit); ``kept`` (k,), the N whose weights
            are kept; ``weights/...`` (member, k, ...), not a number where not passed.
        """
        cut = {name: self.logs[name][:, : self.epoch] for name in ("loss", "accuracy", "trained_n")}
        return {**{k: v for k, v in self.logs.items() if k != "stage"}, **cut}

    def run(self, resume: ResumePoint, report: Report) -> dict[str, np.ndarray]:
        """Train to the end, from the last state kept in ``resume`` on; returns :meth:`result`."""
        state = resume.load()
        if state is not None:
            self.restore(state)
        while not self.finished:
            passes = self.train_epoch()
            report(self.epoch, self.settings.max_epochs)
            if passes or resume.due():
                resume.save(self.state())
        resume.save(self.state())
        return self.result()
