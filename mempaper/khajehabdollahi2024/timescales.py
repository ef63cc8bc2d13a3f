"""Timescales of activity: autocovariance and exponential fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import curve_fit

FITTED_LAGS = 31  # lags 0 to 30
LONGEST_TAU = 100.0


def autocovariance(x: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocovariance of signals, mean over trials.

    ``AC(l) = 1/(n - 1 - l) sum_t x'_t x'_{t+l}`` with x' the signal minus its trial's mean.

    Parameters
    ----------
    x : ndarray, shape (..., trial, time)
    n_lags : int
        Lags 0 to ``n_lags - 1``.

    Returns
    -------
    ndarray, shape (..., n_lags), float64
    """
    x = np.asarray(x, float)
    n = x.shape[-1]
    if not 1 <= n_lags <= n - 1:
        raise ValueError(f"n_lags is {n_lags}; signals of {n} samples have 1 to {n - 1}")
    centred = x - x.mean(-1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * n)
    products = np.fft.irfft(np.abs(spectrum) ** 2, 2 * n)[..., :n_lags]
    return (products / (n - 1 - np.arange(n_lags))).mean(-2)


def single_exponential(lag: np.ndarray, a: float, t1: float) -> np.ndarray:
    """``a exp(-l/t1)``."""
    return a * np.exp(-lag / t1)


def double_exponential(lag: np.ndarray, a: float, t1: float, t2: float, c: float) -> np.ndarray:
    """``a c exp(-l/t1) + a (1-c) exp(-l/t2)``, a sum of two products from left to right.

    The fit begins where both terms are alike, so that rounding alone decides which one becomes the
    slow one: written in another order this function gives other fits for one neuron in ten.
    """
    return a * c * np.exp(-lag / t1) + a * (1 - c) * np.exp(-lag / t2)


@dataclass(frozen=True)
class TimescaleFit:
    """Outcome of a fit.

    Attributes
    ----------
    n_exponentials : int
        1 or 2; 0 where nothing could be fitted.
    tau : float
        The time constant, the slower of two; not a number where nothing could be fitted.
    """

    n_exponentials: Literal[0, 1, 2]
    tau: float


MISSING = TimescaleFit(0, float("nan"))


def fit_timescale(autocorrelation: np.ndarray) -> TimescaleFit:
    """Single or double exponential by Akaike's criterion, as in the original code.

    Bounded least squares on lags 0 to 30 from the middle of the bounds; the slower time constant of
    a double exponential counts whatever its weight.

    Parameters
    ----------
    autocorrelation : ndarray, shape (>= 31,)
        Normalised: 1 at lag 0.
    """
    y = np.asarray(autocorrelation, float)[:FITTED_LAGS]
    if len(y) < FITTED_LAGS:
        raise ValueError(f"a fit needs {FITTED_LAGS} lags; got {len(y)}")
    if not np.isfinite(y).all():
        return MISSING
    lag = np.arange(FITTED_LAGS, dtype=float)
    found: list[tuple[float, TimescaleFit]] = []
    models = (
        (single_exponential, [1.0, LONGEST_TAU]),
        (double_exponential, [1.0, LONGEST_TAU, LONGEST_TAU, 1.0]),
    )
    for model, upper in models:
        try:
            with np.errstate(all="ignore"):
                values, _ = curve_fit(model, lag, y, bounds=([0.0] * len(upper), upper), max_nfev=2000)
        except (RuntimeError, ValueError):
            continue
        residual = float(((y - model(lag, *values)) ** 2).sum())
        aic = 2 * len(upper) + FITTED_LAGS * np.log(residual / FITTED_LAGS)
        if len(upper) == 2:
            found.append((aic, TimescaleFit(1, float(values[1]))))
        else:
            found.append((aic, TimescaleFit(2, float(max(values[1], values[2])))))
    if not found or (len(found) == 2 and found[0][0] == found[1][0]):
        return MISSING
    return min(found, key=lambda pair: pair[0])[1]


def fit_timescales(autocorrelation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`fit_timescale` of many curves.

    Parameters
    ----------
    autocorrelation : ndarray, shape (..., >= 31)

    Returns
    -------
    tau, n_exponentials : ndarray, shape (...)
        ``tau`` is not a number, and ``n_exponentials`` 0, where nothing could be fitted.
    """
    shape = autocorrelation.shape[:-1]
    fits = [fit_timescale(y) for y in autocorrelation.reshape(-1, autocorrelation.shape[-1])]
    tau = np.array([fit.tau for fit in fits]).reshape(shape)
    return tau, np.array([fit.n_exponentials for fit in fits], int).reshape(shape)


def normalised(autocovariance: np.ndarray) -> np.ndarray:
    """Autocorrelation, 1 at lag 0; not a number for a signal that does not vary."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return autocovariance / autocovariance[..., :1]


# The robust fit: time constants on a grid, weights in closed form, then ever finer grids around.
COARSE_TAUS = np.geomspace(0.1, LONGEST_TAU, 49)
LEAST_AIC_GAIN, LEAST_WEIGHT = 2.0, 0.05
REFINEMENTS, FINE_POINTS = 4, 7


def _decay(tau: np.ndarray) -> np.ndarray:
    """``exp(-l/tau)`` for lags 0 to 30, (..., lag)."""
    return np.exp(-np.arange(FITTED_LAGS) / tau[..., None])


def _single_weights(y: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best weight between 0 and 1 of one decay, and the squared error; (curve, candidate)."""
    product = np.einsum("...l,...cl->...c", y, basis)
    square = (basis**2).sum(-1)
    weight = np.clip(product / square, 0, 1)
    error = (y**2).sum(-1)[..., None] - 2 * weight * product + weight**2 * square
    return weight, error


def _double_weights(
    y: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Best weights of two decays, neither negative and their sum 1 at most, and the error.

    Returns
    -------
    weights : ndarray, shape (curve, candidate, 2)
    error : ndarray, shape (curve, candidate)
    """
    u = np.einsum("...l,...cl->...c", y, first)
    v = np.einsum("...l,...cl->...c", y, second)
    uu, vv, uv = (first**2).sum(-1), (second**2).sum(-1), (first * second).sum(-1)
    determinant = np.maximum(uu * vv - uv**2, 1e-12)
    free = np.stack([(u * vv - v * uv) / determinant, (v * uu - u * uv) / determinant], -1)
    share = np.clip((u - v - uv + vv) / np.maximum(uu + vv - 2 * uv, 1e-12), 0, 1)
    candidates = [free, np.stack([share, 1 - share], -1)]  # inside, or on the line of sum 1
    none = np.zeros_like(u)
    candidates.append(np.stack([np.clip(u / uu, 0, 1), none], -1))
    candidates.append(np.stack([none, np.clip(v / vv, 0, 1)], -1))
    weights = np.stack(candidates)
    a, b = weights[..., 0], weights[..., 1]
    constant = (y**2).sum(-1)[..., None]
    error = constant - 2 * (a * u + b * v) + a**2 * uu + 2 * a * b * uv + b**2 * vv
    allowed = (a >= 0) & (b >= 0) & (a + b <= 1 + 1e-12)
    best = np.where(allowed, error, np.inf).argmin(0)[None]
    picked = np.take_along_axis(weights, best[..., None], 0)[0]
    return picked, np.take_along_axis(error, best, 0)[0]


def robust_timescales(autocorrelation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Single or double exponential, fitted so that rounding decides nothing.

    The same models, lags, bounds and criterion as :func:`fit_timescale`, but the best time constants
    are searched for on a grid that is refined, two exponentials must lower Akaike's criterion by more
    than 2, and the slow one counts only with a weight above 5 %; otherwise the fast one does.

    Parameters
    ----------
    autocorrelation : ndarray, shape (..., >= 31)
        Normalised: 1 at lag 0.

    Returns
    -------
    tau, n_exponentials : ndarray, shape (...)
        Not a number, and 0, where a curve has missing values.
    """
    shape = autocorrelation.shape[:-1]
    if autocorrelation.shape[-1] < FITTED_LAGS:
        raise ValueError(f"a fit needs {FITTED_LAGS} lags; got {autocorrelation.shape[-1]}")
    curves = np.asarray(autocorrelation, float).reshape(-1, autocorrelation.shape[-1])[:, :FITTED_LAGS]
    usable = np.isfinite(curves).all(-1)
    tau, kind = np.full(len(curves), np.nan), np.zeros(len(curves), int)
    for part in np.array_split(np.flatnonzero(usable), -(-usable.sum() // 200) or 1):
        if len(part):
            tau[part], kind[part] = _robust(curves[part])
    return tau.reshape(shape), kind.reshape(shape)


@dataclass(frozen=True)
class _Search:
    """Best exponentials of each curve: time constants, weights and squared errors."""

    single: np.ndarray  # (curve,)
    single_weight: np.ndarray
    single_error: np.ndarray
    double: np.ndarray  # (curve, 2)
    double_weights: np.ndarray
    double_error: np.ndarray

    def curves(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Fitted single and double exponential of one curve."""
        one = self.single_weight[row] * _decay(self.single[row, None])[0]
        return one, self.double_weights[row] @ _decay(self.double[row])


def _search(y: np.ndarray) -> _Search:
    rows = np.arange(len(y))
    weight, error = _single_weights(y, _decay(COARSE_TAUS)[None])
    single = COARSE_TAUS[error.argmin(1)]
    i, j = np.triu_indices(len(COARSE_TAUS), 1)
    pairs = np.stack([COARSE_TAUS[i], COARSE_TAUS[j]], -1)  # (candidate, fast and slow)
    basis = _decay(pairs)
    _, error = _double_weights(y, basis[None, :, 0], basis[None, :, 1])
    double = pairs[error.argmin(1)]
    steps = np.linspace(-1, 1, FINE_POINTS)
    width = np.log(COARSE_TAUS[1] / COARSE_TAUS[0])
    for _ in range(REFINEMENTS):
        finer = np.minimum(single[:, None] * np.exp(width * steps), LONGEST_TAU)
        weight, error = _single_weights(y, _decay(finer))
        best = error.argmin(1)
        single, single_weight, single_error = finer[rows, best], weight[rows, best], error[rows, best]
        fast, slow = (np.minimum(double[:, [c]] * np.exp(width * steps), LONGEST_TAU) for c in (0, 1))
        fast, slow = np.repeat(fast, FINE_POINTS, 1), np.tile(slow, FINE_POINTS)
        weights, error = _double_weights(y, _decay(fast), _decay(slow))
        best = error.argmin(1)
        double = np.stack([fast[rows, best], slow[rows, best]], -1)
        double_weights, double_error = weights[rows, best], error[rows, best]
        width *= 2 / (FINE_POINTS - 1)
    return _Search(single, single_weight, single_error, double, double_weights, double_error)


def _robust(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = _search(y)
    ratio = np.maximum(s.single_error, 1e-15) / np.maximum(s.double_error, 1e-15)
    two = FITTED_LAGS * np.log(ratio) - 4 > LEAST_AIC_GAIN  # two more parameters cost 4
    weights = np.take_along_axis(s.double_weights, s.double.argmax(1)[:, None], 1)[:, 0]
    share = weights / np.maximum(s.double_weights.sum(1), 1e-12)
    chosen = np.where(share > LEAST_WEIGHT, s.double.max(1), s.double.min(1))
    return np.where(two, chosen, s.single), np.where(two, 2, 1)


def fitted_curves(autocorrelation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The single and the double exponential of the robust fit of one curve, each (31,)."""
    return _search(np.asarray(autocorrelation, float)[None, :FITTED_LAGS]).curves(0)
