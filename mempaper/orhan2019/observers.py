"""Ideal observers, who see the same spikes, and what a network loses against them."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, i0, xlogy
from scipy.stats import norm

from mempaper.orhan2019.task import CHOICE, ESTIMATION, DelayTask, Stimuli

LEAST_PROBABILITY = 1e-6  # outputs are clipped to [1e-6, 1 - 1e-6], as in the loss


def preferred_angle(counts: np.ndarray, preferred: np.ndarray) -> np.ndarray:
    """Angle in [0, pi) that a population vector points to; 0 without spikes.

    Parameters
    ----------
    counts : array, shape (..., neuron)
    preferred : array, shape (neuron,)
    """
    doubled = np.arctan2(counts @ np.sin(2 * preferred), counts @ np.cos(2 * preferred))
    return np.where(doubled < 0, doubled / 2 + np.pi, doubled / 2)


def change_evidence(first: np.ndarray, second: np.ndarray, preferred: np.ndarray) -> np.ndarray:
    """Evidence d for a change of the angle, as the original computes it.

    With mu the (undoubled) angle of the population vector and k the length of the sum of
    ``exp(i phi)`` over spikes, ``d = I0(k1) I0(k2) / I0(sqrt(k1^2 + k2^2 + 2 k1 k2 cos(mu2 - mu1)))``.
    It is not the posterior odds: these have twice the angle in both places, and kappa in k.

    Parameters
    ----------
    first, second : array, shape (..., neuron)
        Spike counts in stimulus and response phase.
    """

    def angle_and_length(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        doubled = np.arctan2(counts @ np.sin(2 * preferred), counts @ np.cos(2 * preferred))
        return doubled, np.hypot(counts @ np.cos(preferred), counts @ np.sin(preferred))

    (mu1, k1), (mu2, k2) = angle_and_length(first), angle_and_length(second)
    both = np.sqrt(np.maximum(k1**2 + k2**2 + 2 * k1 * k2 * np.cos(mu2 - mu1), 0))
    return i0(k1) * i0(k2) / i0(both)


def ideal_answer(
    task: DelayTask, first: np.ndarray, second: np.ndarray, cue: np.ndarray | None = None
) -> np.ndarray:
    """What an observer of all spikes answers.

    Parameters
    ----------
    task : DelayTask
    first, second : array, shape (trial, location, neuron)
        Spike counts in stimulus and response phase, see :meth:`DelayTask.counts`.
    cue : int array, shape (trial,), optional
        The location that GDE asks for.

    Returns
    -------
    array, shape (trial, output)
        Angles, or the probability of the answer 1 (not a number in COMP without a spike).
    """
    phi = task.preferred
    if task.name in ("DE1", "DE2"):
        return preferred_angle(first, phi)
    if task.name == "GDE":
        assert cue is not None
        return np.take_along_axis(preferred_angle(first, phi), cue[:, None].astype(int), 1)
    if task.name in ("CD", "CD2"):
        d = change_evidence(first, second, phi).mean(1, keepdims=True)
        return d / (1 + d)
    if task.name == "2AFC":
        return expit(30 / 225 * (first[:, 0] @ phi))[:, None]
    if task.name == "COMP":
        with np.errstate(divide="ignore", invalid="ignore"):
            n1, n2 = first[:, 0].sum(-1), second[:, 0].sum(-1)
            difference = (second[:, 0] @ phi) / n2 - (first[:, 0] @ phi) / n1
            return norm.cdf(0, difference, np.sqrt(100 / n1 + 100 / n2))[:, None]
    raise ValueError("SINE has no stimulus: the ideal answer is the target")


def true_change_probability(first: np.ndarray, second: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Posterior probability of a change at one location, by Bayes' rule.

    Parameters
    ----------
    first, second : array, shape (trial, neuron)
    phi : array, shape (neuron,)

    Returns
    -------
    array, shape (trial,)
    """
    r1, r2 = (2 * (counts @ np.exp(2j * phi)) for counts in (first, second))  # kappa = 2
    odds = i0(abs(r1)) * i0(abs(r2)) / i0(abs(r1 + r2))
    return odds / (1 + odds)


def wrapped_error(answer: np.ndarray, true: np.ndarray) -> np.ndarray:
    """``|true - answer| mod pi``: not a circular distance, it is up to pi."""
    return np.abs(true - answer) % np.pi


def information_loss(name: str, true: np.ndarray, ideal: np.ndarray, network: np.ndarray) -> float:
    """Fractional loss of a network against the ideal observer; 0 is perfect.

    Estimation: relative excess of the mean error. Choices: mean Kullback-Leibler divergence of the
    network's from the ideal probability over the mean information of the ideal one; guessing gives
    1. Trials on which the ideal probability is exactly 0 or 1, or missing, drop out. SINE: the mean
    absolute error at the readout step.

    Parameters
    ----------
    name : str
        The task.
    true, ideal, network : array of equal size
        What is asked, the ideal observer's answer, and the network's output at the readout step. A
        network with an output that is not finite has no loss (not a number).
    """
    if name not in (*CHOICE, *ESTIMATION, "SINE"):
        raise ValueError(f"unknown task {name!r}")
    true, ideal, network = (np.asarray(x, float).ravel() for x in (true, ideal, network))
    if not np.isfinite(network).all():
        return float("nan")
    if name == "SINE":
        return float(np.abs(true - network).mean())
    if name in ESTIMATION:
        optimal = np.nanmean(wrapped_error(ideal, true))
        return float((np.nanmean(wrapped_error(network, true)) - optimal) / optimal)
    q = np.clip(network, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    p = np.where((ideal > 0) & (ideal < 1), ideal, np.nan)
    kept = ~np.isnan(p)
    p, q = p[kept], q[kept]
    lost = xlogy(p, p / q) + xlogy(1 - p, (1 - p) / (1 - q))
    gained = xlogy(p, 2 * p) + xlogy(1 - p, 2 * (1 - p))
    return float(lost.mean() / gained.mean())


def ideal_answers(task: DelayTask, inputs: np.ndarray, stimuli: Stimuli) -> np.ndarray:
    """What an observer of the inputs answers, (trial, output)."""
    return ideal_answer(task, *task.counts(inputs), stimuli.cue)
