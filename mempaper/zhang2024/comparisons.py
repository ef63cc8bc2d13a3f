"""Statistics of this paper's figures: outliers, ellipses, correlations, matching of trials (B.9)."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy import stats as sps

Array = Any  # anything numpy.asarray takes
N_RESAMPLES = 9999
SHUFFLE_SEED = 0
FEWEST_POINTS = 8  # with fewer, resamples happen to be constant and have no correlation
SIDE = np.radians(55)
MATCHING_RANGES = np.array(
    [
        [-400 * np.cos(SIDE), 400 * np.cos(SIDE)],  # target's x, cm
        [100 * np.sin(SIDE), 400],  # target's y, cm
        [-200, 200],  # peak of the linear perturbation, cm/s
        [-120, 120],  # of the angular one, deg/s
        [0, 1],  # its start, s
    ]
)


def inliers(values: Array) -> np.ndarray:
    """Mask of values strictly within 1.5 interquartile ranges of the quartiles."""
    values = np.asarray(values, float)
    low, high = np.quantile(values, [0.25, 0.75])
    reach = 1.5 * (high - low)
    return (low - reach < values) & (values < high + reach)


def without_outliers(values: Array) -> np.ndarray:
    """Values (n,) that a violin is drawn of: numbers, and no outliers."""
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    return values[inliers(values)] if values.size else values


class Ellipse(NamedTuple):
    """Of one standard deviation: centre (2,), full axes, and the angle of the first in degrees."""

    centre: np.ndarray
    width: float
    height: float
    angle: float


def ellipse(x: Array, y: Array, n_std: float = 1.0) -> Ellipse:
    """Covariance ellipse of points."""
    points = np.stack([np.asarray(x, float), np.asarray(y, float)])
    return gaussian_ellipse(points.mean(1), np.cov(points), n_std)


def gaussian_ellipse(mean: Array, covariance: Array, n_std: float = 1.0) -> Ellipse:
    """Outline of a two-dimensional Gaussian at some standard deviations."""
    variances, axes = np.linalg.eigh(np.asarray(covariance, float))
    height, width = 2 * n_std * np.sqrt(np.maximum(variances, 0))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1])) % 180
    return Ellipse(np.asarray(mean, float), float(width), float(height), float(angle))


def slope_without_intercept(x: Array, y: Array) -> float:
    """Slope of the line through the origin."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    return float(x @ y / (x @ x))


class Correlation(NamedTuple):
    """Pearson's r with its bootstrap.

    Attributes
    ----------
    r, p : float
        Of the points as they are; ``p`` is two-sided.
    mean : float
        Of the bootstrap distribution: the line in the paper's boxes.
    low, high : float
        95 % interval, bias-corrected and accelerated: the box. Not a number for few points.
    n : int
        Points.
    """

    r: float
    p: float
    mean: float
    low: float
    high: float
    n: int


def _pearson(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    a, b = a - a.mean(axis, keepdims=True), b - b.mean(axis, keepdims=True)
    return (a * b).sum(axis) / np.sqrt((a * a).sum(axis) * (b * b).sum(axis))


def bootstrap_correlation(
    a: Array, b: Array, *, shuffle: bool = False, n_resamples: int = N_RESAMPLES
) -> Correlation:
    """Pearson's r of pairs with a bootstrap over them (figures 2d, 7c).

    Parameters
    ----------
    a, b : array of equal shape
        Each entry is a point; the cells of two grids, for example.
    shuffle : bool
        Permute ``b`` once before everything else: the grey boxes.
    n_resamples : int

    Raises
    ------
    ValueError
        Shapes differ, fewer than three points, or one side does not vary.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.size < 3:
        raise ValueError(f"a correlation needs equal shapes of 3 or more; got {a.shape} and {b.shape}")
    a, b = a.ravel(), b.ravel().copy()
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        raise ValueError("one side of a correlation does not vary")
    if shuffle:
        np.random.default_rng(SHUFFLE_SEED).shuffle(b)
    r, p = sps.pearsonr(a, b)
    mean = low = high = np.nan
    if a.size >= FEWEST_POINTS:
        with warnings.catch_warnings():  # points on a line give a distribution without width
            warnings.simplefilter("ignore", RuntimeWarning)
            found = sps.bootstrap(
                (a, b),
                _pearson,
                paired=True,
                vectorized=True,
                n_resamples=n_resamples,
                method="BCa",
                random_state=np.random.RandomState(0),  # the original's stream
            )
        mean = float(np.mean(found.bootstrap_distribution))
        low, high = (float(end) for end in found.confidence_interval)
    return Correlation(float(r), float(p), mean, low, high, a.size)


class RankTest(NamedTuple):
    """Mann and Whitney's U of the first sample, and the exact two-sided p."""

    u: float
    p: float


def mann_whitney(a: Array, b: Array) -> RankTest:
    """Whether one sample tends to larger values (figure S2i)."""
    found = sps.mannwhitneyu(a, b, alternative="two-sided", method="exact")
    return RankTest(float(found.statistic), float(found.pvalue))


class Matches(NamedTuple):
    """Pairs of trials: indices into both sets, and the distance between them, each (pair,)."""

    reference: np.ndarray
    other: np.ndarray
    distance: np.ndarray


def match(
    reference: Array, others: Array, *, replace: bool = False, n_best: int | None = None
) -> Matches:
    """For each reference trial, in order, the nearest trial of another set.

    Parameters
    ----------
    reference, others : array, shape (trial, feature)
        Such as targets in cm, or what :func:`matching_features` gives.
    replace : bool
        Whether a trial may be taken twice.
    n_best : int, optional
        Keep this many pairs, the closest first; by default all, in the order of ``reference``.

    Raises
    ------
    ValueError
        Without ``replace``, the other set is smaller than the reference.
    """
    reference, others = np.asarray(reference, float), np.asarray(others, float)
    if not replace and len(others) < len(reference):
        raise ValueError(
            f"{len(reference)} trials cannot be matched to {len(others)} without replacement"
        )
    free = np.zeros(len(others))
    nearest, distances = np.empty(len(reference), int), np.empty(len(reference))
    for i, trial in enumerate(reference):
        distance = np.sqrt(((others - trial) ** 2).sum(1)) + free
        nearest[i] = distance.argmin()
        distances[i] = distance[nearest[i]]
        if not replace:
            free[nearest[i]] = np.inf
    order = np.arange(len(reference))
    if n_best is not None:
        order = np.argsort(distances, kind="stable")[:n_best]
    return Matches(order, nearest[order], distances[order])


def matching_features(target: Array, peak: Array, start: Array) -> np.ndarray:
    """Perturbed trials as points (trial, 5), each feature scaled to 0-1 by a fixed range.

    Parameters
    ----------
    target : array, shape (trial, 2)
        cm.
    peak : array, shape (trial, 2)
        cm/s and deg/s.
    start : array, shape (trial,)
        Seconds.
    """
    features = np.column_stack([target, peak, start])
    low, high = MATCHING_RANGES.T
    return (features - low) / (high - low)


class Rolling(NamedTuple):
    """Positions in increasing order, and mean and standard deviation of the values around each."""

    x: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def rolling(x: Array, values: Array, window: int) -> Rolling:
    """Mean over a window of ``window`` neighbours in the order of ``x`` (figures 6c, 6d).

    The window is centred, and shrinks at both ends; the standard deviation has ddof 1.
    """
    x, values = np.asarray(x, float), np.asarray(values, float)
    n = len(x)
    if min(window, n) < 2:
        raise ValueError(f"window {window} of {n} values: both must be 2 or more")
    order = np.argsort(x, kind="stable")
    centre = values.mean()
    v = values[order] - centre
    first = np.clip(np.arange(n) - window // 2, 0, n)
    last = np.clip(np.arange(n) + (window - 1) // 2 + 1, 0, n)
    sums, squares = (np.concatenate([[0], np.cumsum(part)]) for part in (v, v**2))
    count = last - first
    mean = (sums[last] - sums[first]) / count
    spread = (squares[last] - squares[first]) - count * mean**2
    sd = np.sqrt(np.maximum(spread, 0) / np.maximum(count - 1, 1))
    return Rolling(x[order], mean + centre, sd)
