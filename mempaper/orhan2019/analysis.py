"""How a network holds on: weights in the order of peaks, non-normality, decoding over time, a chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from mempaper.stats import correlated

LEAST_UNITS = 3  # active units without which a profile has no asymmetry
CHANCE = np.pi / 4  # mean circular error of guessing an angle in (0, pi)


@dataclass(frozen=True)
class WeightProfile:
    """Recurrent weights by how far apart two units are in the order of their peaks.

    Attributes
    ----------
    order : int array, shape (active,)
        Active units, the one with the earliest peak first.
    lag : int array, shape (2 * active - 1,)
        Place of the receiving unit minus place of the sending one: positive is forward.
    mean, std : array, shape (2 * active - 1,)
        Of the weights at that lag; population standard deviation. Lag 0 are the self-weights.
    asymmetry : float
        Mean of the weights up to a quarter of the units forward, minus that backward; not a number
        for fewer than three active units.
    """

    order: np.ndarray
    lag: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    asymmetry: float


def peak_order(activity: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """Active units in the order of their peaks; equal peaks in the order of the centres of mass.

    Parameters
    ----------
    activity : array, shape (time, unit)
        Of one trial, or the mean over trials.
    threshold : float
        A unit is active if its mean over time is above.
    """
    m = np.asarray(activity, float)
    active = np.flatnonzero(m.mean(0) > threshold)
    m = m[:, active]
    centre = np.arange(len(m)) @ m / m.sum(0)
    return active[np.lexsort((centre, m.argmax(0)))]


def weight_profile(h: np.ndarray, w_hh: np.ndarray, threshold: float = 0.1) -> WeightProfile:
    """Mean and spread of the weights against the lag in the order of peaks.

    Parameters
    ----------
    h : array, shape (trial, time, unit)
        Activity; its mean over trials gives the order.
    w_hh : array, shape (pre, post)
        Recurrent weights.
    threshold : float
        A unit is active if its mean over trials and time is above.
    """
    order = peak_order(np.mean(h, 0, dtype=float), threshold)
    v = np.asarray(w_hh, float)[np.ix_(order, order)].T  # (post, pre)
    n = len(order)
    lag = np.arange(1 - n, n)
    diagonals = [np.diagonal(v, -k) for k in lag]
    mean, std = (np.array([f(d) for d in diagonals]) for f in (np.mean, np.std))
    if n < LEAST_UNITS:
        return WeightProfile(order, lag, mean, std, np.nan)
    near = max(2, n // 4)
    apart = np.arange(n)[:, None] - np.arange(n)
    forward = v[(apart >= 1) & (apart <= near)].mean()
    backward = v[(apart <= -1) & (apart >= -near)].mean()
    return WeightProfile(order, lag, mean, std, float(forward - backward))


def schur_magnitude(w: np.ndarray) -> np.ndarray:
    """Magnitudes of the complex Schur form, (unit, unit).

    Off its diagonal, which holds the magnitudes of the eigenvalues, a normal matrix has zeros; what
    is above the diagonal carries activity from one mode to the next, in one direction only.
    """
    triangular, _ = linalg.schur(np.asarray(w, float), output="complex")
    return np.abs(triangular)


def henrici(w: np.ndarray) -> float:
    """Henrici's departure from normality, ``sqrt(|W|^2 - sum |eigenvalue|^2) / |W|``, in [0, 1].

    It is taken from the part of the Schur form above the diagonal, whose norm is that root. A matrix
    of zeros has 0.
    """
    t = schur_magnitude(w)
    size = linalg.norm(t)
    return float(linalg.norm(np.triu(t, 1)) / size) if size > 0 else 0.0


def chain_weights(alpha: float, self_weight: float, n_units: int) -> np.ndarray:
    """Weights (post, pre) of a chain: ``self_weight * ((1 - alpha) identity + alpha shift by one)``.

    Raises
    ------
    ValueError
        ``alpha``, the share of a unit's weight that goes to the next unit, is not in [0, 1].
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is a share in [0, 1]; got {alpha}")
    return self_weight * ((1 - alpha) * np.eye(n_units) + alpha * np.eye(n_units, k=-1))


def chain_activity(
    alpha: float,
    self_weight: float = 0.98,
    n_units: int = 100,
    n_steps: int = 150,
    n_driven: int = 10,
    stimulus_steps: int = 25,
) -> np.ndarray:
    """Activity (time, unit) of a chain, ``h_t = relu(W h_{t-1} + u_t)`` from rest.

    Parameters
    ----------
    alpha, self_weight, n_units
        See :func:`chain_weights`.
    n_steps : int
    n_driven, stimulus_steps : int
        The first so many units get an input of 1 in the first so many steps.
    """
    w = chain_weights(alpha, self_weight, n_units)
    h = np.zeros((n_steps, n_units))
    now = np.zeros(n_units)
    for t in range(n_steps):
        u = (np.arange(n_units) < n_driven) * float(t < stimulus_steps)
        now = np.maximum(w @ now + u, 0.0)
        h[t] = now
    return h


def circular_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of angles of period pi, in [0, pi/2]."""
    return np.abs((a - b + np.pi / 2) % np.pi - np.pi / 2)


def cross_temporal_error(
    h_train: np.ndarray,
    s_train: np.ndarray,
    h_test: np.ndarray,
    s_test: np.ndarray,
    ridge: float = 1.0,
) -> np.ndarray:
    """Error of a linear decoder trained at one step and tested at another, (train step, test step).

    The decoder is a ridge regression, with an intercept that is not penalised, of ``(cos 2S, sin 2S)``
    on the activity of all units at one step.

    Parameters
    ----------
    h_train, h_test : array, shape (trial, time, unit)
    s_train, s_test : array, shape (trial,)
        Angles in (0, pi).
    ridge : float
        Weight of the penalty on squared coefficients, above 0.

    Returns
    -------
    array, shape (time, time)
        Mean circular error over the test trials; pi / 4 by chance.

    Raises
    ------
    ValueError
        A number of trials, units or steps does not fit, or ``ridge`` is not above 0.
    """
    if not ridge > 0:
        raise ValueError(f"ridge is above 0; got {ridge}")
    for h, s in ((h_train, s_train), (h_test, s_test)):
        if h.ndim != 3 or s.shape != h.shape[:1]:
            raise ValueError(f"expected (trial, time, unit) with (trial,); got {h.shape} with {s.shape}")
    if h_train.shape[1:] != h_test.shape[1:]:
        raise ValueError(f"training and test differ in steps or units: {h_train.shape}, {h_test.shape}")
    x = np.asarray(h_train, float).transpose(1, 0, 2)  # (time, trial, unit)
    y = np.stack([np.cos(2 * s_train), np.sin(2 * s_train)], 1)  # (trial, 2)
    x_mean, y_mean = x.mean(1), y.mean(0)
    x = x - x_mean[:, None]
    # X'(XX' + ridge)^-1 Y, the same as (X'X + ridge)^-1 X'Y, has trials and not units to solve for.
    gram = x @ x.transpose(0, 2, 1) + ridge * np.eye(len(y))
    weights = x.transpose(0, 2, 1) @ np.linalg.solve(
        gram, np.broadcast_to(y - y_mean, (len(x), *y.shape))
    )
    offset = y_mean - np.einsum("tn,tnk->tk", x_mean, weights)
    read = np.tensordot(np.asarray(h_test, float), weights, (2, 1)) + offset  # (trial, test, train, 2)
    angle = np.arctan2(read[..., 1], read[..., 0]) / 2
    return circular_error(angle, np.asarray(s_test, float)[:, None, None]).mean(0).T


def mean_over_lags(error: np.ndarray, least: int, most: int | None = None) -> np.ndarray:
    """Mean of (..., time, time) over pairs of steps that are ``least`` to ``most`` steps apart.

    Parameters
    ----------
    error : array, shape (..., time, time)
    least : int
        0 takes in the step itself.
    most : int, optional
        No limit by default.

    Raises
    ------
    ValueError
        No two steps are so far apart.
    """
    t = np.arange(error.shape[-1])
    apart = np.abs(t[:, None] - t)
    chosen = (apart >= least) & (apart <= (len(t) if most is None else most))
    if not chosen.any():
        raise ValueError(f"{len(t)} steps have no pair that is {least} to {most} apart")
    return error[..., chosen].mean(-1)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation; see :func:`mempaper.stats.correlated`."""
    return correlated(x, y, lambda a, b: stats.spearmanr(a, b).statistic)
