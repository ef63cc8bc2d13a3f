"""The sequentiality index: how far the units' peaks are spread over time, and how high they rise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TRIALS_AT_ONCE = 50


@dataclass(frozen=True)
class Sequentiality:
    """The index of each trial and its two parts.

    Attributes
    ----------
    index : array, shape (trial,)
        Entropy plus mean ridge-to-background ratio; not a number where no unit is active.
    entropy : array, shape (trial,)
        Of the histogram of peak times, in nats.
    ridge : array, shape (trial,)
        Mean over active units of the logarithm of the activity around the peak over that elsewhere.
    n_active : int array, shape (trial,)
    """

    index: np.ndarray
    entropy: np.ndarray
    ridge: np.ndarray
    n_active: np.ndarray

    @property
    def mean(self) -> float:
        """Mean index over the trials that have one; not a number where none has."""
        return float(_mean_of_known(self.index))


def _mean_of_known(x: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean over what is a number (infinities count); not a number where there is none."""
    known = ~np.isnan(x)
    n = known.sum(axis)
    with np.errstate(invalid="ignore"):
        total = np.where(known, x, 0.0).sum(axis)
        return np.divide(total, n, out=np.full(np.shape(total), np.nan), where=n > 0)


def peak_entropy(peaks: np.ndarray, active: np.ndarray, bins: int) -> np.ndarray:
    """Entropy of each trial's histogram of peak times, 0.1 added to every bin, in nats.

    The bins divide the range from the earliest to the latest peak, as numpy's default does.

    Parameters
    ----------
    peaks : int array, shape (trial, unit)
    active : bool array, shape (trial, unit)
    bins : int
    """
    first = np.where(active, peaks, np.iinfo(int).max).min(1).astype(float)
    last = np.where(active, peaks, -1).max(1).astype(float)
    one = first == last
    first, last = np.where(one, first - 0.5, first), np.where(one, last + 0.5, last)
    edges = np.linspace(first, last, bins + 1, axis=1)  # (trial, bin + 1)
    place = ((peaks - first[:, None]) / (last - first)[:, None] * bins).astype(int)
    place = np.clip(place, 0, bins - 1)  # the last bin includes its end
    place -= active & (peaks < np.take_along_axis(edges, place, 1))
    upper = np.take_along_axis(edges, place + 1, 1)
    place += active & (peaks >= upper) & (place < bins - 1)
    counts = (active[..., None] & (place[..., None] == np.arange(bins))).sum(1) + 0.1
    p = counts / counts.sum(1, keepdims=True)
    return -(p * np.log(p)).sum(1)


def sequentiality(
    h: np.ndarray,
    *,
    bins: int = 20,
    window: int = 5,
    threshold: float = 0.1,
    finite_only: bool = True,
) -> Sequentiality:
    """Sequentiality index of each trial.

    Units with a mean activity above ``threshold`` count. With ``p`` the step of a unit's (first)
    maximum, the ridge is the steps from ``p - w`` to ``p + w - 1``, with ``w = window // 2`` and
    inside the trial but for its last step, and the background is all other steps.

    Parameters
    ----------
    h : array, shape (trial, time, unit)
    bins, window : int
    threshold : float
    finite_only : bool
        Leave out units whose ridge or background is silent, which have an infinite ratio. The
        original does not.
    """
    parts = [
        _some_trials(np.asarray(h[k : k + TRIALS_AT_ONCE], float), bins, window, threshold, finite_only)
        for k in range(0, len(h), TRIALS_AT_ONCE)
    ]
    index, entropy, ridge, n_active = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Sequentiality(index, entropy, ridge, n_active)


def _some_trials(
    h: np.ndarray, bins: int, window: int, threshold: float, finite_only: bool
) -> tuple[np.ndarray, ...]:
    steps, half = h.shape[1], window // 2
    active = h.mean(1) > threshold  # (trial, unit)
    peaks = h.argmax(1)
    start, stop = np.clip(peaks - half, 0, steps - 1), np.clip(peaks + half, 0, steps - 1)
    t = np.arange(steps)[:, None]
    inside = (t >= start[:, None]) & (t < stop[:, None])  # (trial, time, unit)
    n_inside = stop - start
    with np.errstate(divide="ignore", invalid="ignore"):
        on_ridge = (h * inside).sum(1) / n_inside
        elsewhere = (h * ~inside).sum(1) / (steps - n_inside)
        ratio = np.log(on_ridge) - np.log(elsewhere)
    counted = active & np.isfinite(ratio) if finite_only else active
    ridge = _mean_of_known(np.where(counted, ratio, np.nan), 1)
    entropy = np.where(active.any(1), peak_entropy(peaks, active, bins), np.nan)
    return ridge + entropy, entropy, ridge, active.sum(1)
