"""Means with confidence intervals over seeds, bootstrap, correlation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats as sps

Array = Any  # anything numpy.asarray takes


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its confidence interval.

    Attributes
    ----------
    value : float
        The mean.
    low, high : float
        Ends of the interval; not a number where fewer than two seeds were given.
    n : int
        Number of seeds.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.value:.3g} (one network)" if self.n == 1 else f"{self.value:.3g}"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def mean_interval(samples: Array, axis: int = 0, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half-width of Student's interval along ``axis``.

    Missing samples (not a number) are left out. Half-widths are not a number where fewer than two
    samples remain.
    """
    x = np.asarray(samples, dtype=float)
    n = np.sum(~np.isnan(x), axis=axis)
    total = np.nansum(x, axis=axis)
    mean = np.divide(total, n, out=np.full(np.shape(total), np.nan), where=n > 0)
    deviation = np.nansum((x - np.expand_dims(mean, axis)) ** 2, axis=axis)
    enough = np.asarray(n > 1)
    df = np.where(enough, n - 1, 1)
    half = sps.t.ppf(0.5 + level / 2, df) * np.sqrt(deviation / df / np.where(enough, n, 1))
    return mean, np.where(enough, half, np.nan)


def estimate(samples: Array, level: float = 0.95) -> Estimate:
    """Mean over seeds of one number per seed, with Student's interval."""
    x = np.atleast_1d(np.asarray(samples, dtype=float))
    x = x[~np.isnan(x)]
    if x.size == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean, half = mean_interval(x, level=level)
    return Estimate(float(mean), float(mean - half), float(mean + half), int(x.size))


def exact(value: float, n: int = 1) -> Estimate:
    """A number that does not vary over seeds, or is taken from their mean: an interval of no width."""
    return Estimate(float(value), float(value), float(value), n)


def smallest_gap(*ascending: float) -> float:
    """The smallest step of numbers that should ascend; negative if they do not."""
    return float(np.min(np.diff(ascending)))


def resampled(
    number: Callable[[dict[str, Any]], float],
    groups: Mapping[str, Any],
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A number made of several groups of networks, with its bootstrap interval (percentiles).

    Each group's seeds are drawn with replacement, independently of the other groups'. With few seeds
    such an interval is somewhat too narrow.

    Parameters
    ----------
    number : callable
        Takes groups by name, such as ``lambda g: g["a"].mean() - g["b"].mean()``.
    groups : mapping
        By name an array (seed, ...) or a sequence of objects, one per seed.

    Returns
    -------
    Estimate
        Without an interval where a group has fewer than two seeds; ``n`` is of the smallest group.
    """
    n = min(len(group) for group in groups.values())
    value = float(number(dict(groups)))
    if n < 2:
        return Estimate(value, np.nan, np.nan, n)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_resamples):
        rows = {name: rng.integers(len(group), size=len(group)) for name, group in groups.items()}
        found.append(number({name: _at(group, rows[name]) for name, group in groups.items()}))
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(value, float(low), float(high), n)


def _at(group: Any, rows: np.ndarray) -> Any:
    return group[rows] if isinstance(group, np.ndarray) else [group[k] for k in rows]


def slopes(x: Array, samples: Array) -> np.ndarray:
    """Slope of each seed's line through its points; (n,) and (seed, n) give (seed,)."""
    return np.polyfit(x, np.asarray(samples, float).T, 1)[0]


def standard_error(samples: Array, axis: int = 0) -> np.ndarray:
    """Standard error as the original code takes it: sd (ddof 0) over sqrt(n - 1)."""
    x = np.asarray(samples, dtype=float)
    if x.shape[axis] < 2:
        raise ValueError("a standard error needs at least two samples")
    return x.std(axis=axis) / np.sqrt(x.shape[axis] - 1)


def correlated(
    x: np.ndarray, y: np.ndarray, correlate: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    """A correlation over the pairs that are numbers.

    It is not a number for fewer than three pairs, or where all values of one side are the same.

    Parameters
    ----------
    x, y : array of equal size
    correlate : callable (x, y)
        Gives the correlation of two arrays of shape (pair,).
    """
    x, y = np.ravel(x), np.ravel(y)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(correlate(x, y))


def correlation(x: Array, y: Array) -> float:
    """Pearson's correlation over the pairs that are numbers; see :func:`correlated`."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    return correlated(x, y, lambda a, b: np.corrcoef(a, b)[0, 1])
