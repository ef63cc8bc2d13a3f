"""What trained networks answer, recall and represent (Lu et al. 2022, Methods).

Arrays lead with ``(member, trial, time)``, numpy arrays or tensors without gradient. Which trials
count is said with a bool array ``where``, (member, trial) or longer: members differ in it, for each
has its own conditions and fills its memory at its own trial. Tests compare everything here with
numbers of the original code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.integrate import trapezoid

from mempaper.lu2022.model import Gating, recall_activation
from mempaper.lu2022.trials import DM, NM
from mempaper.memory import CompetingAccumulators
from mempaper.memory import similarity as memory_similarity
from mempaper.stats import Estimate

ROC_BINS = 50

Array = Any  # anything numpy.asarray takes


# Means over the trials that count


def trials_to_skip(condition: Array, n_remembered: int = 2) -> np.ndarray:
    """Trials from the start on that are left out because the memory is not yet full of past events.

    These are the trials before the ``n_remembered + 2``-nd one that is not NM.

    Parameters
    ----------
    condition : int array, shape (member, trial)
        0 RM, 1 DM, 2 NM.
    n_remembered : int
        Events that the memory holds.

    Returns
    -------
    int ndarray, shape (member,)
    """
    stored = (np.asarray(condition) != NM).cumsum(-1)
    if stored[..., -1].min() < n_remembered + 2:
        raise ValueError(
            f"a member has only {stored[..., -1].min()} trials that are not NM; {n_remembered + 2} are "
            "needed before the memory counts as full. Take more trials, or skip a fixed number."
        )
    return (stored < n_remembered + 2).sum(-1)


def full_memory(condition: Array, n_remembered: int = 2) -> np.ndarray:
    """Which trials count, the first ones left out by :func:`trials_to_skip`; bool (member, trial)."""
    condition = np.asarray(condition)
    return np.arange(condition.shape[-1]) >= trials_to_skip(condition, n_remembered)[..., None]


def _weights(values: np.ndarray, where: Array) -> np.ndarray:
    """``where`` with trailing axes of length one, to go with ``values``."""
    where = np.asarray(where, bool)
    if where.shape != values.shape[: where.ndim]:
        raise ValueError(
            f"where has shape {where.shape}, which must be the leading axes of {values.shape}"
        )
    return where.reshape(*where.shape, *[1] * (values.ndim - where.ndim))


def _ratio(total: np.ndarray, n: np.ndarray) -> np.ndarray:
    """``total / n``, not a number where n is 0."""
    total, n = np.broadcast_arrays(total, n)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def trial_mean(values: Array, where: Array) -> np.ndarray:
    """Mean over the trials of each member that count; not a number without any.

    Parameters
    ----------
    values : array, shape (member, trial, ...)
    where : bool array, shape (member, trial, ...)
        As many leading axes of ``values`` as it takes, e.g. (member, trial) or (member, trial, time).

    Returns
    -------
    ndarray, shape (member, ...)
    """
    values = np.asarray(values)
    where = _weights(values, where)
    total = np.where(where, values, 0).sum(1, dtype=float)
    return _ratio(total, where.sum(1))


def trial_error(values: Array, where: Array) -> np.ndarray:
    """Standard error of :func:`trial_mean`: sd (ddof 1) over the root of n, for each member.

    Not a number where fewer than two trials count.
    """
    values = np.asarray(values, float)
    mean = np.nan_to_num(trial_mean(values, where))
    where = _weights(values, where)
    n = where.sum(1)
    deviation = np.where(where, values - mean[:, None], 0)
    return np.sqrt(_ratio((deviation**2).sum(1), np.where(n > 1, n * (n - 1), 0)))


def pooled_mean(values: Array, where: Array) -> np.ndarray:
    """Mean over all trials and times that count.

    Parameters
    ----------
    values : array, shape (member, trial, time)
    where : bool array, shape (member, trial) or (member, trial, time)

    Returns
    -------
    ndarray, shape (member,)
    """
    values = np.asarray(values)
    where = np.broadcast_to(_weights(values, where), values.shape)
    return _ratio(np.where(where, values, 0).sum((1, 2), dtype=float), where.sum((1, 2)))


# Answers


class Behaviour(NamedTuple):
    """What was answered, three exclusive bool arrays of equal shape (..., time).

    Attributes
    ----------
    correct, dont_know, mistake : ndarray
    """

    correct: np.ndarray
    dont_know: np.ndarray
    mistake: np.ndarray


def behaviour(policy: Array, right: Array) -> Behaviour:
    """Most probable action at each step, compared with the right value.

    Parameters
    ----------
    policy : array, shape (..., time, action)
        The last action is "don't know".
    right : int array, shape (..., time)
        Value of the queried feature.
    """
    policy = np.asarray(policy)
    answer = policy.argmax(-1)
    correct, dont_know = answer == np.asarray(right), answer == policy.shape[-1] - 1
    return Behaviour(correct & ~dont_know, dont_know, ~correct & ~dont_know)


def cumulative_reward(accuracy: Array, mistakes: Array, penalty: float) -> np.ndarray:
    """Reward of a part, ``sum_t accuracy_t - penalty mistakes_t``; (..., time) gives (...)."""
    return (np.asarray(accuracy, float) - penalty * np.asarray(mistakes, float)).sum(-1)


def bootstrap_difference(
    a: Array,
    b: Array,
    rng: np.random.Generator,
    *,
    n_resamples: int = 10_000,
    level: float = 0.95,
) -> Estimate:
    """Mean of ``a - b`` over networks, with the percentile interval of resampled networks.

    Parameters
    ----------
    a, b : array, shape (member,)
        The same networks, in the same order.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired samples need one number per network; got {a.shape} and {b.shape}")
    difference = a - b
    if len(a) < 2:
        return Estimate(float(difference.mean()), np.nan, np.nan, len(a))
    means = difference[rng.integers(len(a), size=(n_resamples, len(a)))].mean(1)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(float(difference.mean()), float(low), float(high), len(a))


# Recall


def recall_time(gate: Array) -> np.ndarray:
    """Mean time of recall, ``sum_t t g_t / sum_t g_t`` with t from 1; (..., time) gives (...)."""
    gate = np.asarray(gate, float)
    return (gate * np.arange(1, gate.shape[-1] + 1)).sum(-1) / gate.sum(-1)


def memory_cosine(before: Array, memories: Array) -> np.ndarray:
    """Cosine of the cell state with each memory.

    Parameters
    ----------
    before : array, shape (..., time, unit)
        Cell state before recall, c'.
    memories : array, shape (..., entry, unit)
        What the memory holds in the trial; zeros where it is empty, which gives 0.

    Returns
    -------
    ndarray, shape (..., time, entry)
    """
    return memory_similarity(torch.as_tensor(before), torch.as_tensor(memories), "cosine").numpy()


def memory_activation(
    before: Array,
    memories: Array,
    gate: Array,
    *,
    postgating: bool = False,
    accumulators: CompetingAccumulators | None = None,
) -> np.ndarray:
    """How strongly each memory is recalled.

    ``V = LCA(g cos(c', m_k))``, and with postgating ``g LCA(.3 cos(c', m_k))``.

    Parameters
    ----------
    before : array, shape (..., time, unit)
        Cell state before recall, c'.
    memories : array, shape (..., entry, unit)
    gate : array, shape (..., time)
    postgating : bool
    accumulators : CompetingAccumulators, optional
        Competition .8, no leak, by default.

    Returns
    -------
    ndarray, shape (..., time, entry)
    """
    cosine, g = torch.from_numpy(memory_cosine(before, memories)), torch.as_tensor(gate)
    gating: Gating = "post" if postgating else "pre"
    return recall_activation(cosine, g, gating, accumulators or CompetingAccumulators()).numpy()


def target_and_lure(
    activation: Array, condition: Array, n_targets: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Mean activation, or cosine, of the memories of the present event and of the others.

    The last ``n_targets`` entries are of the present event in RM and DM; in NM all are lures.

    Parameters
    ----------
    activation : array, shape (member, trial, time, entry)
        Oldest memory first. The memory must be full: see :func:`full_memory`.
    condition : int array, shape (member, trial)
    n_targets : int
        Memories stored per event: 1, or 2 with a memory also at mid-event.

    Returns
    -------
    target : ndarray, shape (member, trial, time)
        Not a number in NM.
    lure : ndarray, shape (member, trial, time)
    """
    activation = np.asarray(activation)
    if not 0 < n_targets < activation.shape[-1]:
        raise ValueError(
            f"n_targets is {n_targets}; of {activation.shape[-1]} memories at least one must be of "
            "the present event and one of another"
        )
    none = (np.asarray(condition) == NM)[..., None]
    target = np.where(none, np.nan, activation[..., -n_targets:].mean(-1))
    lure = np.where(none, activation.mean(-1), activation[..., :-n_targets].mean(-1))
    return target, lure


class RecallROC(NamedTuple):
    """How well the strongest recall of a trial tells remembered from new events.

    Attributes
    ----------
    noise, signal : int ndarray, shape (bin,)
        Histograms of the scores on [0, 1].
    false_positive, true_positive : ndarray, shape (bin,)
        Share of the scores in this bin or a later one.
    area : float
        Under the curve through these points, without the end point (0, 0).
    """

    noise: np.ndarray
    signal: np.ndarray
    false_positive: np.ndarray
    true_positive: np.ndarray
    area: float


def recall_roc(noise: Array, signal: Array, n_bins: int = ROC_BINS) -> RecallROC:
    """Receiver operating characteristic of scores between 0 and 1; (n,) and (m,)."""
    counts = [np.histogram(np.asarray(x), n_bins, (0.0, 1.0))[0] for x in (noise, signal)]
    false, true = (_ratio(h[::-1].cumsum()[::-1].astype(float), h.sum()) for h in counts)
    return RecallROC(counts[0], counts[1], false, true, float(-trapezoid(true, false)))


def recall_rocs(
    activation: Array, condition: Array, where: Array, n_targets: int = 1
) -> list[RecallROC]:
    """:func:`recall_roc` of each member: targets in DM against lures in NM.

    The score of a trial is the largest activation of any memory of the kind at any time.

    Parameters
    ----------
    activation : array, shape (member, trial, time, entry)
        Of the second part.
    condition : int array, shape (member, trial)
    where : bool array, shape (member, trial)
    n_targets : int
    """
    activation, condition, where = np.asarray(activation), np.asarray(condition), np.asarray(where)
    target, lure = activation[..., -n_targets:].max((-2, -1)), activation.max((-2, -1))
    signal, noise = where & (condition == DM), where & (condition == NM)
    return [recall_roc(lure[m, noise[m]], target[m, signal[m]]) for m in range(len(activation))]


def by_schema(curve: Array, schematic: Array) -> tuple[np.ndarray, np.ndarray]:
    """Mean over schematic and over other time points.

    Parameters
    ----------
    curve : array, shape (member, time)
    schematic : bool array, shape (member, time) or (time,)

    Returns
    -------
    schematic, other : ndarray, shape (member,)
    """
    curve = np.asarray(curve, float)
    schematic = np.broadcast_to(np.asarray(schematic, bool), curve.shape)
    split = [_ratio(np.where(s, curve, 0).sum(-1), s.sum(-1)) for s in (schematic, ~schematic)]
    return split[0], split[1]
