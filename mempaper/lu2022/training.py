"""Training in phases: first working memory alone, then episodic memory and rewards."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mempaper.checkpoint import ResumePoint, restore_training, training_state
from mempaper.ensemble import clip_grad_norm_per_member, member_generators
from mempaper.lu2022.learning import (
    answer_rates,
    decorrelation,
    prediction_loss,
    reinforcement_loss,
)
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.trials import Batch, Draws, TrialSettings, TwoParts, run_trials
from mempaper.memory import MemoryQueue
from mempaper.progress import Report, silent
from mempaper.rl import sample_actions

WEIGHTS_STREAM, TRAINING_STREAM, TEST_STREAM = 0, 1, 2  # of each network's seed
DELAY_STREAM = 11  # of no network: all see the same sequence of delays
MAX_GRADIENT_NORM = 1.0
Objective = Literal["prediction", "reinforcement"]


@dataclass(frozen=True)
class Phase:
    """One stretch of training with its own optimiser.

    Parameters
    ----------
    name : str
    objective : {'prediction', 'reinforcement'}
    recall : bool
        Whether there is an episodic memory.
    n_epochs, updates_per_epoch, n_streams : int
        Each update takes one trial of each stream.
    learning_rate : float
        Of Adam.
    plateau : bool
        Halve the learning rate of a network after 30 epochs without progress. Otherwise it is
        constant for ``hold`` of the phase and then falls linearly to ``final`` times itself.
    hold, final : float
    probabilities : (RM, DM, NM)
        Of the conditions.
    entropy_weight : (first, last)
        Changes linearly over the phase.
    normalize_return : bool
    ramp : int
        Updates over which penalties grow from zero.
    decorrelation : float
        Weight of :func:`mempaper.lu2022.learning.decorrelation`.
    first_part_graph : bool
        False: the reinforcement loss has gradients and terms of the second part only.
    """

    name: str
    objective: Objective
    recall: bool
    n_epochs: int
    updates_per_epoch: int = 256
    n_streams: int = 1
    learning_rate: float = 7e-4
    plateau: bool = True
    hold: float = 1.0
    final: float = 1.0
    probabilities: tuple[float, float, float] = (0.25, 0.25, 0.5)
    entropy_weight: tuple[float, float] = (0.1, 0.1)
    normalize_return: bool = True
    ramp: int = 0
    decorrelation: float = 0.0
    first_part_graph: bool = True

    @property
    def n_updates(self) -> int:
        """Updates of the whole phase."""
        return self.n_epochs * self.updates_per_epoch


def falling(done: float, hold: float, final: float) -> float:
    """1 up to ``hold``, then linearly down to ``final`` at 1."""
    return 1.0 if done <= hold else 1.0 + (final - 1.0) * (done - hold) / (1.0 - hold)


class MemberRates:
    """Learning rates that fall for each network by itself when its score stops to improve.

    Torch's plateau schedule, one per network. Its state is a function of the scores so far, which
    the training log holds.
    """

    def __init__(self, n_members: int, learning_rate: float) -> None:
        self.base = learning_rate
        self._schedules = [
            ReduceLROnPlateau(
                torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=learning_rate),
                factor=0.5,
                patience=30,
                threshold=1e-3,
                min_lr=1e-8,
            )
            for _ in range(n_members)
        ]

    def step(self, scores: np.ndarray) -> None:
        """Note the score of an epoch, (member,); less is better."""
        for schedule, score in zip(self._schedules, scores, strict=True):
            schedule.step(float(score))

    @property
    def factors(self) -> list[float]:
        """Learning rate of each network over the base rate."""
        return [s.optimizer.param_groups[0]["lr"] / self.base for s in self._schedules]


@torch.no_grad()
def step_members(optimizer: torch.optim.Optimizer, factors: list[float], base: float) -> None:
    """An optimiser step in which each member's learning rate is ``base`` times its factor."""
    group = optimizer.param_groups[0]
    if len(set(factors)) == 1:
        group["lr"] = base * factors[0]
        optimizer.step()
        return
    group["lr"] = base
    moving = [p for p in group["params"] if p.grad is not None]
    before = [p.detach().clone() for p in moving]
    optimizer.step()
    for p, old in zip(moving, before, strict=True):
        p.copy_(torch.lerp(old, p, p.new_tensor(factors).view(-1, *[1] * (p.dim() - 1))))


class Trainer:
    """Networks in training, with their memories, through the phases of a recipe.

    Parameters
    ----------
    network : RecallLSTM
    task : EventTask
    settings : TrialSettings
    phases : list of Phase
    seed : int
        Of the first network.
    capacity : int
        Entries of the episodic memory.
    delays : sequence of int
        What is drawn for each update, with equal probabilities; all its trials have the same.
    device : str
    """

    def __init__(
        self,
        network: RecallLSTM,
        task: EventTask,
        settings: TrialSettings,
        phases: list[Phase],
        seed: int,
        *,
        capacity: int = 2,
        delays: Sequence[int] = range(5),
        device: str = "cpu",
    ) -> None:
        self.network, self.task, self.settings, self.phases = network, task, settings, phases
        self.seed, self.capacity, self.device = seed, capacity, device
        self.delays = list(delays)
        self.tables = [task.table(seed + member) for member in range(network.n_members)]
        epochs = sum(phase.n_epochs for phase in phases)
        members = network.n_members
        self.logs: dict[str, np.ndarray] = {
            "loss": np.full((members, epochs), np.nan),
            "score": np.full((members, epochs), np.nan),
            "right": np.full((members, epochs, 3), np.nan),
            "wrong": np.full((members, epochs, 3), np.nan),
            "gate": np.full((members, epochs, 3), np.nan),
        }

    def _begin(self, phase: Phase) -> None:
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=phase.learning_rate, fused=True)
        self.rates = MemberRates(self.network.n_members, phase.learning_rate)
        self.memory: MemoryQueue | None = None
        if phase.recall:
            streams = (self.network.n_members, phase.n_streams)
            hidden = self.network.hidden_size
            self.memory = MemoryQueue(streams, self.capacity, hidden, self.device)

    def run(self, resume: ResumePoint | None = None, report: Report = silent) -> dict[str, np.ndarray]:
        """Train to the end, from the last state kept in ``resume`` on.

        Returns
        -------
        dict of ndarray
            Logs (seed, epoch, ...), over all phases: ``loss``, the mean over the epoch; ``score``,
            what the plateau schedule watches; of the second part, by condition RM, DM, NM (not a
            number where there was none), ``right`` and ``wrong``, shares of sampled answers, and
            ``gate``, its mean; and ``weights/...``.
        """
        resume = resume or ResumePoint()
        state, first = resume.load(), 0
        total = sum(phase.n_updates for phase in self.phases)
        finished = 0
        for index, phase in enumerate(self.phases):
            last = first + phase.n_epochs
            self._begin(phase)
            start = first
            if state is not None and int(state["done"]) > first:
                start = self._restore(state, first, last)
            for epoch in range(start, last):
                self._epoch(phase, index, epoch - first, epoch)
                if not np.isfinite(self.logs["loss"][:, epoch]).all():
                    raise FloatingPointError(
                        f"training diverged in epoch {epoch - first} of the phase {phase.name!r}; "
                        "lower its learning rate"
                    )
                report(finished + (epoch + 1 - first) * phase.updates_per_epoch, total)
                if resume.due():
                    resume.save(self._state(epoch + 1))
            first, finished = last, finished + phase.n_updates
        weights = {f"weights/{k}": v.cpu().numpy() for k, v in self.network.state_dict().items()}
        return self.logs | weights

    def _state(self, done: int) -> dict[str, Tensor]:
        state = training_state(self.network, self.optimizer, self.logs, done)
        if self.memory is not None:
            state["memory"] = self.memory.entries
        return state

    def _restore(self, state: dict[str, Tensor], first: int, last: int) -> int:
        """Put a state back that was taken within or after the phase from ``first`` to ``last``."""
        done = int(state["done"])
        if done > last:
            return last  # a later phase restores it
        restore_training(state, self.network, self.optimizer, self.logs)
        if self.memory is not None:
            self.memory.entries = state["memory"].to(self.device)
        for epoch in range(first, done):
            self.rates.step(self.logs["score"][:, epoch])
        return done

    def _epoch(self, phase: Phase, index: int, epoch: int, row: int) -> None:
        network = self.network
        settings = dataclasses.replace(self.settings, probabilities=phase.probabilities)
        generators = member_generators(self.seed, network.n_members, TRAINING_STREAM, index, epoch)
        draws = Draws.sample(
            self.task,
            settings,
            generators,
            self.tables,
            phase.n_streams,
            phase.updates_per_epoch,
            network.hidden_size,
            max(self.delays),
        )
        common = np.random.default_rng([DELAY_STREAM, index, epoch])
        delays = common.choice(self.delays, size=phase.updates_per_epoch)
        counts = Counts(network.n_members, self.device)
        factors = self.rates.factors
        for update in range(phase.updates_per_epoch):
            done = epoch * phase.updates_per_epoch + update
            penalties = min(1.0, done / phase.ramp) if phase.ramp else 1.0
            batch = draws.batch(settings, update, int(delays[update]), self.device, penalties)
            trials, loss, actions = losses(network, batch, self.memory, phase, done / phase.n_updates)
            network.zero_grad()
            loss.sum().backward()
            clip_grad_norm_per_member(network.parameters(), MAX_GRADIENT_NORM)
            rate = phase.learning_rate
            if not phase.plateau:
                rate *= falling(done / phase.n_updates, phase.hold, phase.final)
            step_members(self.optimizer, factors, rate)
            counts.add(trials, batch, loss.detach(), actions)
        for name, values in counts.means(phase.objective).items():
            self.logs[name][:, row] = values
        if phase.plateau:
            self.rates.step(self.logs["score"][:, row])


def losses(
    network: RecallLSTM, batch: Batch, memory: MemoryQueue | None, phase: Phase, progress: float
) -> tuple[TwoParts, Tensor, Tensor]:
    """Run one trial per stream and take the phase's loss.

    Parameters
    ----------
    progress : float
        Share of the phase that is done, for the entropy weight.

    Returns
    -------
    trials : TwoParts
    loss : Tensor, shape (member,)
        Mean over trials.
    actions : int64 Tensor, shape (member, trial, time)
        Sampled.
    """
    trials = run_trials(network, batch, memory, first_part_graph=phase.first_part_graph)
    actions = sample_actions(trials.heads.policy, batch.uniform)
    if phase.objective == "prediction":
        loss = prediction_loss(trials.heads.policy, batch.y)
    else:
        first, last = phase.entropy_weight
        loss = reinforcement_loss(
            trials.heads,
            batch,
            actions,
            entropy_weight=first + (last - first) * progress,
            normalize=phase.normalize_return,
            steps=slice(0 if phase.first_part_graph else batch.part_length, None),
        )
    mean = loss.mean(1)
    if phase.decorrelation:
        states = [trials.second.c] if not phase.first_part_graph else [trials.first.c, trials.second.c]
        mean = mean + phase.decorrelation * decorrelation(torch.cat(states, 2))
    return trials, mean, actions


class Counts:
    """Sums over the updates of an epoch, for the log."""

    def __init__(self, n_members: int, device: str) -> None:
        self.n_updates = 0
        self.loss = torch.zeros(n_members, device=device)
        self.score = torch.zeros(n_members, device=device)
        self.n = torch.zeros(n_members, 3, device=device)
        self.sums = torch.zeros(3, n_members, 3, device=device)

    @torch.no_grad()
    def add(self, trials: TwoParts, batch: Batch, loss: Tensor, actions: Tensor) -> None:
        """Note one update."""
        right, wrong = answer_rates(actions, batch)  # (member, trial, part)
        self.n_updates += 1
        self.loss += loss
        self.score += (wrong - right).mean((1, 2))
        of = F.one_hot(batch.condition, 3).to(right.dtype)  # (member, trial, condition)
        self.n += of.sum(1)
        gate = trials.second.gate.mean(-1)
        self.sums += torch.stack([right[..., 1], wrong[..., 1], gate])[..., None, :].matmul(of)[
            ..., 0, :
        ]

    def means(self, objective: Objective) -> dict[str, np.ndarray]:
        """What the log holds of an epoch."""
        loss, score = (x.cpu().numpy() / self.n_updates for x in (self.loss, self.score))
        by_condition = (self.sums / self.n).cpu().numpy()
        return {
            "loss": loss,
            "score": loss if objective == "prediction" else score,
            **dict(zip(("right", "wrong", "gate"), by_condition, strict=True)),
        }
