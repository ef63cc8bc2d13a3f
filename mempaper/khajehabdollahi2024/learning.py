"""Learning of leaky networks by a curriculum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint
from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024.epochs import WEIGHTS_STREAM, Learner, Schedule
from mempaper.khajehabdollahi2024.model import Activation, LeakyRNN, Placement
from mempaper.khajehabdollahi2024.task import TaskName, Trials, sample_trials
from mempaper.khajehabdollahi2024.training import heads_accuracy, new_optimizer, update
from mempaper.progress import Report, silent

HIGHEST_INITIAL_STATE = 0.1


@dataclass(frozen=True)
class LearningSettings(Schedule):
    """Everything but the seeds that decides a training; the defaults are the paper's.

    Parameters
    ----------
    task : {'parity', 'dms'}
    placement, activation, fixed_tau :
        See :class:`LeakyRNN`.
    initial_tau : float, optional
        Mean that the starting time constants are rescaled to.
    duplicates : tuple of int
        Repetitions of every bit. Continuous networks make one update for each of these.
    tau_factor : float
        Learning rate of the time constants in units of ``learning_rate``.
    """

    task: TaskName = "parity"
    placement: Placement = "default"
    activation: Activation = "leakyrelu"
    fixed_tau: float | None = None
    initial_tau: float | None = None
    duplicates: tuple[int, ...] = (1,)
    tau_factor: float = 1.0


def draw_network(settings: LearningSettings, seed: int, n_members: int) -> LeakyRNN:
    """Untrained networks; member ``m`` depends on ``seed + m`` alone, curricula start alike."""
    network = LeakyRNN(
        member_generators(seed, n_members, WEIGHTS_STREAM),
        settings.n_units,
        settings.curriculum.n_heads(settings.max_n),
        placement=settings.placement,
        activation=settings.activation,
        fixed_tau=settings.fixed_tau,
    )
    if settings.initial_tau is not None:
        with torch.no_grad():
            network.tau.mul_(settings.initial_tau / network.tau.mean(-1, keepdim=True))
    return network


def draw_states(
    generators: list[np.random.Generator], n_trials: int, n_units: int, device: str = "cpu"
) -> Tensor:
    """Initial states, uniform between 0 and 0.1, shape (member, trial, unit)."""
    draws = np.stack([rng.random((n_trials, n_units), dtype=np.float32) for rng in generators])
    return torch.from_numpy(HIGHEST_INITIAL_STATE * draws).to(device)


@torch.no_grad()
def batch_accuracy(
    network: LeakyRNN, trials: Trials, h: Tensor, heads: Tensor | None = None, k: int = 1
) -> Tensor:
    """Share of right answers at the end of the sequences, (member, head); NaN for heads not live."""
    final = network.unroll(trials.bits, h, trials.start, k=k)[-1]
    logits = network.logits(final, trials.labels.shape[1], heads)
    return heads_accuracy(logits, trials.labels, trials.live)


class Learning(Learner[LearningSettings, LeakyRNN]):
    """Leaky networks on their way through a curriculum, see :class:`Learner`."""

    def _new_network(self, n_members: int) -> LeakyRNN:
        return draw_network(self.settings, self.seed, n_members)

    def _new_optimizer(self, network: LeakyRNN) -> torch.optim.Optimizer:
        return new_optimizer(network, self.settings.learning_rate, self.settings.tau_factor)

    def _time_constants(self, network: LeakyRNN) -> Tensor:
        return network.tau.detach()[:, 0]  # as they are, also below 1

    def _heads(self) -> Tensor | None:
        heads = self.settings.curriculum.heads(self.lists())
        return None if heads is None else heads.to(self.device)

    def _batch(self, generators: list[np.random.Generator], k: int) -> tuple[Trials, Tensor]:
        s = self.settings
        trials = sample_trials(s.task, self.lists(), s.batch_size, generators, k)
        h = draw_states(generators, s.batch_size, s.n_units, self.device)
        return trials.to(self.device), h

    def _updates(self, generators: list[np.random.Generator]) -> Iterator[Tensor]:
        heads = self._heads()
        for k in self.settings.duplicates:
            trials, h = self._batch(generators, k)
            loss, _ = update(
                self.network,
                self.optimizer,
                trials.bits,
                trials.labels,
                h,
                trials.start,
                trials.live,
                heads=heads,
                k=k,
            )
            yield loss

    def _tests(self, generators: list[np.random.Generator]) -> Iterator[Tensor]:
        heads = self._heads()
        for k in self.settings.duplicates:
            yield batch_accuracy(self.network, *self._batch(generators, k), heads=heads, k=k)


def learn(
    settings: LearningSettings,
    seed: int,
    n_members: int,
    *,
    device: str = "cpu",
    resume: ResumePoint | None = None,
    report: Report = silent,
) -> dict[str, np.ndarray]:
    """Train leaky networks through a curriculum; :meth:`Learner.result` describes what is returned."""
    return Learning(settings, seed, n_members, device).run(resume or ResumePoint(), report)


def join_members(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """One result from those of members trained apart; shorter logs are padded as in one ensemble."""
    epochs = max(part["loss"].shape[1] for part in parts)
    joined = {}
    for name, first in parts[0].items():
        if name in ("ends", "kept"):
            joined[name] = first
            continue
        arrays = [part[name] for part in parts]
        if name in ("loss", "accuracy", "trained_n"):
            blank: float = 0 if name == "trained_n" else np.nan
            arrays = [
                np.pad(
                    a,
                    [(0, 0), (0, epochs - a.shape[1]), *[(0, 0)] * (a.ndim - 2)],
                    constant_values=blank,
                )
                for a in arrays
            ]
        joined[name] = np.concatenate(arrays)
    return joined
