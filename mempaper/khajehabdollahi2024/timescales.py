"""Timescales of activity: autocovariance, exponential fits, dimensionality."""

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


def explained_variance(activity: np.ndarray) -> np.ndarray:
    """Share of variance of each principal component of activity (time, unit), largest first."""
    centred = activity - activity.mean(0)
    variance = np.linalg.svd(centred, compute_uv=False) ** 2
    return variance / variance.sum()


def components_needed(shares: np.ndarray, threshold: float) -> int:
    """How many components it takes until their shares add up to **more** than ``threshold``."""
    return int(np.argmax(np.cumsum(shares) > threshold)) + 1
