"""Analyses of the contextual choice agent: accuracy, memory content, recall ceiling.

Functions take arrays and return values; leading axes are free unless a shape says otherwise.
"""

from __future__ import annotations

import numpy as np
import torch

from mempaper.ensemble import member_generators
from mempaper.memory import Kernel, similarity
from mempaper.ritter2018.task import ContextualChoice
from mempaper.ritter2018.training import EpochBatch, ReadRule, epoch_recall_weights


def by_encounter(trials: np.ndarray, axis: int = -2) -> tuple[np.ndarray, np.ndarray]:
    """Split the trial axis of an epoch into first and second encounters."""
    first, second = np.split(np.asarray(trials), 2, axis=axis)
    return first, second


def returns_by_encounter(correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean return per trial of first and second encounters.

    Parameters
    ----------
    correct : ndarray, shape (..., trial, time)
        Rewards, or probabilities of reward.

    Returns
    -------
    first, second : ndarray, shape (...)
    """
    first, second = by_encounter(np.asarray(correct, float))
    return first.sum(-1).mean(-1), second.sum(-1).mean(-1)


def similarity_matrix(vectors: np.ndarray, kernel: Kernel = "l2") -> np.ndarray:
    """Similarity of all pairs of vectors (..., n, d), shape (..., n, n), with a memory kernel."""
    v = torch.as_tensor(np.asarray(vectors, np.float32))
    return similarity(v, v, kernel).numpy()


def block_similarity(vectors: np.ndarray, labels: np.ndarray, kernel: Kernel = "l2") -> np.ndarray:
    """Mean similarity of pairs of different vectors with equal and with different labels.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
    labels : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (2,)
        Within a class, between classes.
    """
    matrix = similarity_matrix(vectors, kernel)
    same = labels[:, None] == labels[None, :]
    different_vector = ~np.eye(len(labels), dtype=bool)
    return np.array([matrix[same & different_vector].mean(), matrix[~same].mean()])


def principal_components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and explained variance of the principal components, signs free.

    Parameters
    ----------
    values : ndarray, shape (n, d)

    Returns
    -------
    scores : ndarray, shape (n, min(n, d))
    explained : ndarray, shape (min(n, d),)
        Shares of the variance.
    """
    centred = values - values.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return u * s, s**2 / np.sum(s**2)


def separation(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """How well one axis separates two classes.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    labels : ndarray of 0 and 1, shape (n,)

    Returns
    -------
    sign_accuracy : float
        Share of entries on their class's side of zero, better of the two orientations.
    d_prime : float
        ``|mean_1 - mean_0| / sqrt((var_1 + var_0) / 2)`` with population variances.
    """
    agree = np.mean((scores > 0) == (labels == 1))
    a, b = scores[labels == 1], scores[labels == 0]
    if len(a) == 0 or len(b) == 0:
        raise ValueError("separation needs entries of both classes")
    d_prime = abs(a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 2)
    return float(max(agree, 1 - agree)), float(d_prime)


def recall_ceiling(
    task: ContextualChoice, rule: ReadRule, seed: int, n_epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """How often the memory's strongest entry is the right one, whatever the network does with it.

    Keys and queries are inputs, so this needs no network.

    Parameters
    ----------
    task : ContextualChoice
    rule : ReadRule
    seed : int
        Epochs are drawn from seeds ``seed`` to ``seed + n_epochs - 1``.
    n_epochs : int

    Returns
    -------
    entry, label : ndarray, shape (time,)
        Share of second-encounter trials whose strongest entry is the same trial, and has the same
        right answer.
    """
    batch = EpochBatch.sample(task, member_generators(seed, n_epochs), hidden_size=1)
    n = task.n_unique
    strongest = epoch_recall_weights(batch.x, n, rule)[:, n:].argmax(-1)  # (epoch, trial, time)
    right = strongest == batch.source[..., None]
    answers = torch.gather(batch.y[:, :n, 0], 1, strongest.flatten(1)).view_as(strongest)
    same = answers == batch.y[:, n:]
    return right.float().mean((0, 1)).numpy(), same.float().mean((0, 1)).numpy()
