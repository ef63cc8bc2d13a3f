"""Which answers can be known, and from where (Lu et al. 2022, Methods: objective uncertainty)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mempaper.lu2022.analysis import Array
from mempaper.lu2022.trials import DM, NM, RM


class Known(NamedTuple):
    """Which queries can be answered.

    Attributes
    ----------
    working : bool ndarray, shape (..., feature)
        In the second part, from what was observed in it so far.
    episodic : bool ndarray, shape (..., 2 feature)
        In both parts, from everything observed in this trial so far.
    """

    working: np.ndarray
    episodic: np.ndarray


class Sources(NamedTuple):
    """Where the answers of the second part can come from, bool (member, trial, feature).

    Attributes
    ----------
    episodic_only : ndarray
        Not recently observed, but in the first part. DM alone.
    both : ndarray
        Recently observed, so that recall is not needed.
    working_only : ndarray
        NM alone, in practice.
    neither : ndarray
    """

    episodic_only: np.ndarray
    both: np.ndarray
    working_only: np.ndarray
    neither: np.ndarray


def first_seen(order: Array, removed: Array | None = None) -> np.ndarray:
    """Step at which each feature was observed; the number of features where its value was removed.

    Parameters
    ----------
    order : int array, shape (..., observation)
        The feature observed at each step, each of them once.
    removed : bool array, shape (..., observation), optional

    Returns
    -------
    int ndarray, shape (..., feature)
    """
    order = np.asarray(order)
    step = order.argsort(-1)
    if removed is None:
        return step
    return np.where(np.take_along_axis(np.asarray(removed), step, -1), order.shape[-1], step)


def known_values(order: Array, removed: Array | None = None, delay: int = 0) -> Known:
    """Which queries can be answered from observations up to and including their step.

    Parameters
    ----------
    order : int array, shape (..., part, observation)
        The feature observed at each step of the two parts.
    removed : bool array, shape (..., part, observation), optional
        Whether the observed value was hidden.
    delay : int
        Steps of each part before the first query.
    """
    n = np.shape(order)[-1]
    seen = first_seen(order, removed)
    seen_by_now = (seen <= np.arange(n) + delay) & (seen < n)  # (..., part, feature)
    working = seen_by_now[..., 1, :]
    later = working | (seen[..., 0, :] < n)
    return Known(working, np.concatenate([seen_by_now[..., 0, :], later], -1))


def sources(known: Known, condition: Array) -> Sources:
    """Where the answers of the second part can come from, by the rules of each condition.

    DM: working memory, and episodic memory. RM keeps its working memory, so that an answer comes from
    both or neither. NM has working memory alone.

    Parameters
    ----------
    known : Known
        Of arrays (member, trial, ...).
    condition : int array, shape (member, trial)
        0 RM, 1 DM, 2 NM.
    """
    working = known.working
    episodic = known.episodic[..., working.shape[-1] :]
    rm, dm, nm = (np.asarray(condition)[..., None] == c for c in (RM, DM, NM))
    return Sources(
        dm & ~working & episodic,
        (dm & working & episodic) | (rm & episodic),
        (dm & working & ~episodic) | (nm & working),
        (dm & ~working & ~episodic) | (rm & ~episodic) | (nm & ~working),
    )


def seen_shares(n_features: int) -> np.ndarray:
    """Chance that the feature queried at each step was observed in this part by then.

    ``(t + 1) / T`` at steps t = 0 .. T - 1: the best possible accuracy without recall.
    """
    return np.arange(1, n_features + 1) / n_features
