"""Activity of networks under endless random input, and what is kept of it: timescales, dimensions.

Nothing is stored step by step: autocovariances and covariances are summed piece by piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mempaper.khajehabdollahi2024.learning import draw_states
from mempaper.khajehabdollahi2024.model import LeakyRNN

TRANSFORMED = 4096  # samples of one Fourier transform


class StreamingAutocovariance:
    """Autocovariance, mean over trials, of signals that come piece by piece.

    The result is that of :func:`mempaper.khajehabdollahi2024.timescales.autocovariance`, without
    keeping the signals. Power spectra give the products within a piece, a short transform those of
    its first samples with the last ones before it, and the means are taken out at the end.

    Parameters
    ----------
    n_lags : int
        Lags 0 to ``n_lags - 1``.
    """

    def __init__(self, n_lags: int) -> None:
        if not 2 <= n_lags <= TRANSFORMED // 4:
            raise ValueError(f"n_lags is {n_lags}; it must lie between 2 and {TRANSFORMED // 4}")
        self.n_lags, self.past, self.n_samples = n_lags, n_lags - 1, 0
        self._first: list[Tensor] = []  # by trial, like all the following
        self._last: list[Tensor] = []
        self._offset: list[Tensor] = []
        self._total: list[Tensor] = []
        self._within: Tensor = torch.zeros(())
        self._across: Tensor = torch.zeros(())

    @property
    def longest(self) -> int:
        """Samples that a piece must not exceed."""
        return TRANSFORMED - self.past

    def add(self, x: Tensor) -> None:
        """Count samples in, shape (trial, ..., time); at least ``n_lags - 1`` of them."""
        if not self.past <= x.shape[-1] <= self.longest:
            raise ValueError(f"a piece has {x.shape[-1]} samples; {self.past} to {self.longest} fit")
        for trial, signal in enumerate(x):
            self._add_trial(trial, signal.double())
        self.n_samples += x.shape[-1]

    def _add_trial(self, trial: int, x: Tensor) -> None:
        if self.n_samples == 0:
            self._offset.append(x.mean(-1, keepdim=True))  # near the mean: nothing cancels later
            x = x - self._offset[trial]
            self._first.append(x[..., : self.past].clone())
            self._total.append(x.sum(-1))
            self._last.append(x[..., x.shape[-1] - self.past :].clone())
        else:
            x = x - self._offset[trial]
            last, size = self._last[trial], 4 * self.past
            later = torch.fft.rfft(torch.cat([torch.zeros_like(last), x[..., : self.past]], -1), size)
            self._across = self._across + torch.fft.rfft(last, size).conj() * later
            self._total[trial] += x.sum(-1)
            last.copy_(x[..., x.shape[-1] - self.past :])
        self._within = self._within + torch.view_as_real(torch.fft.rfft(x, TRANSFORMED)).square().sum(-1)

    def result(self) -> np.ndarray:
        """The autocovariance, shape (..., n_lags), float64."""
        if self.n_samples == 0:
            raise ValueError("no samples were added")
        n, lag, size = self.n_samples, torch.arange(self.n_lags), 4 * self.past
        sums = torch.fft.irfft(self._within, TRANSFORMED)[..., : self.n_lags]
        if self._across.dim():
            sums = sums + torch.fft.irfft(self._across, size)[..., : self.n_lags]
        for first, last, total in zip(self._first, self._last, self._total, strict=True):
            mean = total[..., None] / n
            nothing = torch.zeros_like(mean)
            start = torch.cat([nothing, first.cumsum(-1)], -1)  # sum of the first l samples
            end = torch.cat([nothing, last.flip(-1).cumsum(-1)], -1)  # and of the last l
            sums = sums + (n - lag) * mean**2 - mean * (2 * total[..., None] - start - end)
        return (sums / (n - 1 - lag) / len(self._total)).numpy()


def explained_variance(activity: np.ndarray) -> np.ndarray:
    """Share of variance of each principal component of activity (time, unit), largest first."""
    centred = activity - activity.mean(0)
    variance = np.linalg.svd(centred, compute_uv=False) ** 2
    return variance / variance.sum()


def components_needed(shares: np.ndarray, threshold: float) -> int:
    """How many components it takes until their shares add up to **more** than ``threshold``."""
    return int(np.argmax(np.cumsum(shares) > threshold)) + 1


@dataclass(frozen=True)
class Activity:
    """What is known of networks' activity after a simulation.

    Attributes
    ----------
    autocovariance : ndarray, shape (member, unit, lag)
        Of the units, mean over trials.
    population : ndarray, shape (member, lag)
        Of the activity summed over units.
    shares : ndarray, shape (member, trial, component)
        Share of variance of each principal component, largest first.
    """

    autocovariance: np.ndarray
    population: np.ndarray
    shares: np.ndarray

    def dimensions(self, threshold: float) -> np.ndarray:
        """Components whose shares add up to **more** than ``threshold``, mean over trials, (member,)."""
        needed = np.apply_along_axis(components_needed, -1, self.shares, threshold)
        return needed.mean(1)


def spread_probabilities(n_trials: int, rng: np.random.Generator) -> np.ndarray:
    """Chances of a 1 between 0 and 1, one drawn from each of ``n_trials`` equal parts, (trial,)."""
    return (np.arange(n_trials) + rng.random(n_trials)) / n_trials


@torch.no_grad()
def simulate(
    network: LeakyRNN,
    n_steps: int,
    seed: int,
    *,
    probabilities: np.ndarray | None = None,
    n_trials: int = 10,
    burn_in: int = 500,
    n_lags: int = 200,
    k: int = 1,
) -> Activity:
    """Let networks run on random bits; all members see the same ones.

    Parameters
    ----------
    network : LeakyRNN
    n_steps : int
        Steps that count.
    seed : int
        Of the bits and the initial states.
    probabilities : ndarray, shape (trial,), optional
        Each trial's chance of a 1; by default ``n_trials`` that are spread evenly, since timescales
        and dimensions depend on them.
    burn_in : int
        Steps before, which do not count.
    n_lags : int
    k : int
        Repetitions of each bit, for continuous networks.

    Returns
    -------
    Activity
    """
    rng = np.random.default_rng(seed)
    if probabilities is None:
        probabilities = spread_probabilities(n_trials, rng)
    n_members, n_trials = network.n_members, len(probabilities)
    if n_steps <= n_lags:
        raise ValueError(f"n_steps is {n_steps}; {n_lags} lags need more")
    units, population = StreamingAutocovariance(n_lags), StreamingAutocovariance(n_lags)
    h = draw_states([rng], n_trials, network.n_units).expand(n_members, -1, -1)

    def run(steps: int, h: Tensor) -> Tensor:
        drawn = rng.random((n_trials, -(-steps // k))) < probabilities[:, None]
        bits = torch.from_numpy(drawn.astype(np.float32)).repeat_interleave(k, 1)[None, :, :steps]
        return network.unroll(bits.expand(n_members, -1, -1), h, k=k)

    if burn_in:
        h = run(burn_in, h)[-1]
    second = torch.zeros(n_members, n_trials, network.n_units, network.n_units, dtype=torch.float64)
    total = torch.zeros(n_members, n_trials, network.n_units, dtype=torch.float64)
    for part in np.array_split(np.arange(n_steps), -(-n_steps // units.longest)):
        states = run(len(part), h)
        h = states[-1]
        by_signal = states.permute(2, 1, 3, 0)  # (trial, member, unit, time)
        units.add(by_signal)
        population.add(by_signal.sum(2))
        by_trial = states.permute(1, 2, 0, 3)  # (member, trial, time, unit)
        if part[0] == 0:
            centre = by_trial.mean(2, keepdim=True)
        by_trial = by_trial - centre
        second += by_trial.mT @ by_trial
        total += by_trial.sum(2)
    covariance = second - total[..., :, None] * total[..., None, :] / n_steps
    variance = torch.linalg.eigvalsh(covariance).flip(-1).clamp(min=0)
    shares = variance / variance.sum(-1, keepdim=True)
    return Activity(units.result(), population.result(), shares.numpy())
