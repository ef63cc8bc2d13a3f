"""Networks put side by side: by sigma0, and in pairs that began alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mempaper import stats
from mempaper.orhan2019.trained import Trained


def by_sigma(
    points: Sequence[tuple[float, float, float]], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values (point, seed) as (sigma0, network); networks of all lambda0 and rho are in one row.

    Returns
    -------
    sigmas : array, shape (sigma0,)
        Rising.
    values : array, shape (sigma0, network)
    """
    given = np.array([point[1] for point in points])
    sigmas = np.unique(given)
    return sigmas, np.stack([values[given == sigma].ravel() for sigma in sigmas])


def known(samples: np.ndarray | None, at_least: int = 2) -> np.ndarray | None:
    """What a claim is judged by, or None, which stands for 'not run', where there are too few.

    Parameters
    ----------
    samples : array, optional
        One number per network or pair; not a number where a network fails.
    at_least : int
        How many there must be; an ordering cannot be tested with fewer than two.
    """
    if samples is None or np.isfinite(samples).sum() < at_least:
        return None
    return np.ravel(samples)


def rise(sigmas: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """Values (sigma0, network) at the largest minus the smallest sigma0; None where there is one."""
    return values[-1] - values[0] if len(sigmas) > 1 else None


def slopes(sigmas: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Slope of each network's values (sigma0, network) on sigma0; not a number where one is missing."""
    found = np.full(values.shape[1], np.nan)
    whole = np.isfinite(values).all(0)
    if len(sigmas) > 1 and whole.any():
        found[whole] = stats.slopes(sigmas, values[:, whole].T)
    return found


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation of what broadcasts together; see :func:`mempaper.stats.correlated`."""
    return stats.correlation(*np.broadcast_arrays(x, y))


@dataclass(frozen=True)
class Pairs:
    """Index of networks of a condition, and of basic networks that began alike.

    Attributes
    ----------
    sigmas : array, shape (sigma0,)
    basic, changed : array, shape (sigma0, network)
    """

    sigmas: np.ndarray
    basic: np.ndarray
    changed: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Condition minus basic, (sigma0, network)."""
        return self.changed - self.basic

    @property
    def steeper(self) -> np.ndarray:
        """Slope of the index on sigma0 in the condition minus that of the basic networks, (network,)."""
        return slopes(self.sigmas, self.changed) - slopes(self.sigmas, self.basic)

    def at(self, sigma0: float) -> np.ndarray | None:
        """Differences at one sigma0, (network,), or None where it is not there."""
        there = np.flatnonzero(np.isclose(self.sigmas, sigma0))
        return self.difference[there[0]] if len(there) else None

    def at_largest(self) -> np.ndarray | None:
        """Differences at the largest of several values of sigma0."""
        return self.difference[-1] if len(self.sigmas) > 1 else None


def pairs(changed: Trained, basic: Trained, trials: np.ndarray | None = None) -> Pairs:
    """Pair networks of a condition with basic ones of the same lambda0, sigma0, rho and seed.

    Parameters
    ----------
    changed, basic : Trained
        Of the same points; the networks of the condition have the first of the basic ones' seeds.
    trials : bool array, shape (trial,), optional
        Which test trials of the condition count.

    Raises
    ------
    ValueError
        The points differ.
    """
    if changed.points != basic.points:
        raise ValueError("the two groups of networks have different lambda0, sigma0 or rho")
    n = min(changed.n_seeds, basic.n_seeds)
    sigmas, values = by_sigma(changed.points, changed.mean("index", trials)[:, :n])
    return Pairs(sigmas, by_sigma(basic.points, basic.mean("index")[:, :n])[1], values)
