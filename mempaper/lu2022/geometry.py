"""The geometry of cell states, and how active the decision layer is (Lu et al. 2022, Methods)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mempaper.lu2022.analysis import Array, trial_mean


def state_similarity(first: Array, second: Array, where: Array) -> np.ndarray:
    """Cosine between states of the first and of the second part, mean over trials.

    Parameters
    ----------
    first, second : array, shape (member, trial, time, unit)
        States after recall.
    where : bool array, shape (member, trial)

    Returns
    -------
    ndarray, shape (member, time of first, time of second)
        Row 15 compares with the end of an event of 16 steps, row 7 with its middle.
    """
    one, other = (_unit_length(np.asarray(x, float)) for x in (first, second))
    where = np.asarray(where, bool)
    one = one * where[..., None, None]
    total = np.einsum("ntau,ntbu->nab", one, other, optimize=True)
    n = where.sum(1)[:, None, None]
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def _unit_length(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-8)


def time_by_time_correlation(states: Array, where: Array) -> np.ndarray:
    """Correlation, over units, of the states of a trial at any two times; mean over trials.

    Parameters
    ----------
    states : array, shape (member, trial, time, unit)
    where : bool array, shape (member, trial)

    Returns
    -------
    ndarray, shape (member, time, time)
    """
    states = np.asarray(states, float)
    centred = states - states.mean(-1, keepdims=True)
    return state_similarity(centred, centred, where)


class Components(NamedTuple):
    """Principal components of each network's states.

    Attributes
    ----------
    mean : ndarray, shape (member, unit)
    axes : ndarray, shape (member, component, unit)
        Of unit length; the largest coefficient of each is positive.
    scores : ndarray, shape (member, trial, time, component)
        Of all trials, also of those that the axes were not taken from.
    cumulative : ndarray, shape (member, component)
        Share of the variance that components up to this one explain.
    """

    mean: np.ndarray
    axes: np.ndarray
    scores: np.ndarray
    cumulative: np.ndarray

    def transform(self, states: Array) -> np.ndarray:
        """Scores of other states (member, trial, time, unit)."""
        centred = np.asarray(states, float) - self.mean[:, None, None]
        return np.einsum("ntsu,ncu->ntsc", centred, self.axes, optimize=True)


def principal_components(states: Array, where: Array, n_components: int = 100) -> Components:
    """Principal components of the states of all trials and times pooled.

    Parameters
    ----------
    states : array, shape (member, trial, time, unit)
    where : bool array, shape (member, trial)
    n_components : int
        At most as many as there are units.
    """
    states, where = np.asarray(states, float), np.asarray(where, bool)
    mean = trial_mean(states, where).mean(1)
    centred = np.where(where[..., None, None], states - mean[:, None, None], 0)
    covariance = np.einsum("ntsu,ntsv->nuv", centred, centred, optimize=True)
    variance, axes = np.linalg.eigh(covariance)  # smallest first
    variance = variance[:, ::-1].clip(0)
    axes = axes[:, :, ::-1].swapaxes(1, 2)[:, :n_components]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(-1)[..., None], -1)
    axes = axes * np.sign(largest)
    cumulative = variance.cumsum(-1) / variance.sum(-1, keepdims=True)
    found = Components(mean, axes, np.empty(0), cumulative[:, :n_components])
    return found._replace(scores=found.transform(states))


def activity_norm(decision: Array) -> np.ndarray:
    """Length of the decision layer's activity, ``||d||``; (..., unit) gives (...)."""
    return np.linalg.norm(np.asarray(decision), axis=-1)
