"""Course of a test: what each network answered, opened and recalled, by condition and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mempaper.lu2022 import analysis, knowledge
from mempaper.lu2022.evaluation import Evaluation, Test
from mempaper.lu2022.trials import DM, NM, encoding_steps
from mempaper.parameters import ConfigError

LEAST_TRIALS = 32  # fewer may leave a condition without trials


@dataclass(frozen=True)
class Curves:
    """Means over trials, (member, condition RM DM NM, time), not a number without such trials.

    Time runs over the second part unless an attribute says otherwise.

    Attributes
    ----------
    accuracy, dont_know, mistake : ndarray
        Shares of trials.
    gate : ndarray
    target, lure : ndarray
        Activation per memory; no target in NM.
    all_lures : ndarray
        Activation summed over the lures.
    first_accuracy : ndarray
        Accuracy in the first part.
    recall_auc : ndarray, shape (member,)
        Area under the recall ROC; not a number where DM or NM trials are missing.
    penalty : float
    """

    accuracy: np.ndarray
    dont_know: np.ndarray
    mistake: np.ndarray
    gate: np.ndarray
    target: np.ndarray
    lure: np.ndarray
    all_lures: np.ndarray
    first_accuracy: np.ndarray
    recall_auc: np.ndarray
    penalty: float

    def mean(self, name: str, condition: int) -> np.ndarray:
        """Mean over the second part of one of the curves in one condition, (member,)."""
        return getattr(self, name)[:, condition].mean(-1)

    @property
    def recall_time(self) -> np.ndarray:
        """Mean time of the gate in DM, from 1, (member,)."""
        return analysis.recall_time(self.gate[:, DM])

    @property
    def cumulative_reward(self) -> np.ndarray:
        """Reward of the second part in DM, (member,)."""
        return analysis.cumulative_reward(self.accuracy[:, DM], self.mistake[:, DM], self.penalty)


def checked_test(n_features: int, **asked: Any) -> Test:
    """The test that a chapter's reader asks for, checked before anything is trained.

    Parameters
    ----------
    n_features : int
        Of an event.
    **asked
        Fields of :class:`mempaper.lu2022.evaluation.Test`.

    Raises
    ------
    ConfigError
        An impossible value, with what is allowed.
    """
    try:
        test = Test(**asked)
        test.check_silence(n_features)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if not isinstance(test.n_trials, int) or test.n_trials < LEAST_TRIALS:
        raise ConfigError(f"n_trials is {test.n_trials!r}; a test needs at least {LEAST_TRIALS} trials")
    if not all(isinstance(p, int | float) and 0 <= p <= 1 for p in test.p_removed):
        raise ConfigError(f"p_removed is {test.p_removed!r}; shares lie between 0 and 1")
    if test.segment is not None:
        if not isinstance(test.segment, int):
            raise ConfigError(f"segment is {test.segment!r}; it must be a whole number")
        try:
            encoding_steps(n_features, test.segment, 0)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    if test.remove_midway and test.segment in (None, n_features):
        raise ConfigError(
            f"segment is {test.segment}; it must be less than the {n_features} features of an event"
        )
    return test


def second_part(evaluation: Evaluation) -> slice:
    """Steps of the second part with a query."""
    length = evaluation.trials.part_length
    return slice(length + evaluation.trials.delay, 2 * length)


def by_condition(evaluation: Evaluation, values: np.ndarray) -> np.ndarray:
    """Mean over the trials of each condition; (member, trial, ...) gives (member, condition, ...)."""
    return np.stack([analysis.trial_mean(values, evaluation.condition == c) for c in range(3)], axis=1)


def curves(evaluation: Evaluation) -> Curves:
    """Average a test over its trials, separately for each network and condition."""
    e, part = evaluation, second_part(evaluation)
    first = slice(e.trials.delay, e.trials.part_length)
    answers = analysis.behaviour(e.policy[:, :, part], e.trials.values)
    before = analysis.behaviour(e.policy[:, :, first], e.trials.values)
    target, lure = analysis.target_and_lure(e.activation[:, :, part], e.condition, e.n_targets)
    n_lures = np.where(e.condition == NM, e.activation.shape[-1], e.activation.shape[-1] - e.n_targets)
    both = all(((e.condition == c).sum(1) > 0).all() for c in (DM, NM))
    auc = np.full(len(e.condition), np.nan)
    if both:
        auc = np.array([roc.area for roc in recall_rocs(e)])
    return Curves(
        accuracy=by_condition(e, answers.correct),
        dont_know=by_condition(e, answers.dont_know),
        mistake=by_condition(e, answers.mistake),
        gate=by_condition(e, e.gate[:, :, part]),
        target=by_condition(e, target),
        lure=by_condition(e, lure),
        all_lures=by_condition(e, lure * n_lures[..., None]),
        first_accuracy=by_condition(e, before.correct),
        recall_auc=auc,
        penalty=e.penalty,
    )


def recall_rocs(evaluation: Evaluation) -> list[analysis.RecallROC]:
    """Recall ROC of each network: targets in DM against lures in NM."""
    e = evaluation
    activation = e.activation[:, :, second_part(e)]
    return analysis.recall_rocs(activation, e.condition, e.condition >= 0, e.n_targets)


def by_snapshot(evaluation: Evaluation) -> np.ndarray:
    """Mean activation in the second part of each memory, by the event and the moment it is from.

    Returns
    -------
    ndarray, shape (member, condition, event, snapshot)
        Oldest event first: the last one is the present event in RM and DM. The last snapshot of an
        event is from its end.
    """
    e = evaluation
    mean = by_condition(e, e.activation[:, :, second_part(e)].mean(2))
    return mean.reshape(*mean.shape[:2], -1, e.n_targets)


def split_by_source(evaluation: Evaluation, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Course in DM where the queried feature was not, and where it was, seen recently.

    Parameters
    ----------
    evaluation : Evaluation
    values : ndarray, shape (member, trial, step of the second part)

    Returns
    -------
    not_seen, seen : ndarray, shape (member, step)
        Not a number at steps without such trials.
    """
    known = knowledge.known_values(
        evaluation.trials.order, evaluation.trials.removed, evaluation.trials.delay
    )
    where = knowledge.sources(known, evaluation.condition)
    seen = where.both & (evaluation.condition == DM)[..., None]  # RM has both sources too
    return analysis.trial_mean(values, where.episodic_only), analysis.trial_mean(values, seen)


def lure_cosine(evaluation: Evaluation) -> np.ndarray:
    """Cosine between the state before recall and lures, mean over the second part, by condition.

    Returns
    -------
    ndarray, shape (member, condition)
    """
    cosine = evaluation.cosine[:, :, second_part(evaluation)]
    lure = analysis.target_and_lure(cosine, evaluation.condition, evaluation.n_targets)[1]
    return by_condition(evaluation, lure).mean(-1)
