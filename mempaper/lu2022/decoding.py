"""What can be read from the cell state: one classifier per feature (Lu et al. 2022, Methods).

A feature's label at a time is its value from the observation on, and "unknown" before. After recall
in the second part every feature counts as known. Classifiers are fit on all time points together.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mempaper.lu2022.analysis import Array
from mempaper.lu2022.knowledge import first_seen

UNKNOWN = -1
N_FOLDS, N_INNER_FOLDS = 5, 4
PAPER_GRID = tuple(np.logspace(-2, 10, 6).tolist())  # inverse strengths C of the L2 penalty
FAST_GRID = (1.0,)  # on the demo network it predicts as well as a choice from PAPER_GRID
MAX_ITERATIONS = 200


def observed_labels(order: Array, values: Array, removed: Array | None = None) -> np.ndarray:
    """Labels of one part: a feature's value from its observation on, -1 before.

    Parameters
    ----------
    order : int array, shape (..., observation)
        The feature observed at each step.
    values : int array, shape (..., feature)
        The event.
    removed : bool array, shape (..., observation), optional
        Whether the observed value was hidden; such a feature stays at -1.

    Returns
    -------
    int ndarray, shape (..., time, feature)
    """
    seen = first_seen(order, removed)[..., None, :]
    time = np.arange(np.shape(order)[-1])[:, None]
    return np.where(seen <= time, np.asarray(values)[..., None, :], UNKNOWN)


def labels(order: Array, values: Array, gate: Array, removed: Array | None = None) -> np.ndarray:
    """Labels of both parts: from the moment of recall on, all that the second part will have shown.

    The moment of recall is when the gate is largest.

    Parameters
    ----------
    order : int array, shape (..., part, observation)
    values : int array, shape (..., feature)
    gate : array, shape (..., time)
        Of the second part.
    removed : bool array, shape (..., part, observation), optional

    Returns
    -------
    int ndarray, shape (..., time, feature)
        First part, then second part.
    """
    values = np.asarray(values)
    parts = observed_labels(order, values[..., None, :], removed)  # (..., part, time, feature)
    first, second = parts[..., 0, :, :], parts[..., 1, :, :]
    gate = np.asarray(gate)
    recalled = np.arange(gate.shape[-1]) >= gate.argmax(-1)[..., None]
    second = np.where(recalled[..., None], second[..., -1:, :], second)
    return np.concatenate([np.broadcast_to(first, second.shape), second], -2)


def contiguous_folds(n: int, n_folds: int) -> np.ndarray:
    """Fold of each of ``n`` trials: runs of neighbours, of sizes that differ by one at most."""
    if n < n_folds:
        raise ValueError(f"{n} trials are too few for {n_folds} folds")
    sizes = [len(part) for part in np.array_split(np.arange(n), n_folds)]
    return np.repeat(np.arange(n_folds), sizes)


def decode(
    states: Array,
    labels: Array,
    *,
    grid: Sequence[float] = FAST_GRID,
    n_folds: int = N_FOLDS,
    n_inner_folds: int = N_INNER_FOLDS,
    tolerance: float = 1e-3,
) -> np.ndarray:
    """Cross-validated predictions of every feature's label.

    Multinomial logistic regression with an L2 penalty. Trials, not time points, are held out, in
    contiguous folds; states are z-scored by the training trials. Where ``grid`` has several values,
    one is chosen within the training trials, again in contiguous folds; of equally good ones, the
    smallest.

    Parameters
    ----------
    states : array, shape (member, trial, time, unit)
        Cell states.
    labels : int array, shape (member, trial, time, feature)
    grid : sequence of float
        Values of C to choose from; ``PAPER_GRID`` has the six of the paper, and takes 13 times as
        long as ``FAST_GRID``.
    n_folds, n_inner_folds : int
    tolerance : float
        Largest slope at which a fit ends. At 1e-4, scikit-learn's own, fits take about twice as long
        and predict as well.

    Returns
    -------
    int ndarray, shape (member, trial, time, feature)
    """
    states, labels = np.asarray(states, np.float32), np.asarray(labels)
    if states.shape[:-1] != labels.shape[:-1]:
        raise ValueError(
            f"states {states.shape} and labels {labels.shape} must agree in members, trials and times"
        )
    fold = contiguous_folds(states.shape[1], n_folds)
    contiguous_folds(int((fold != 0).sum()), n_inner_folds)  # says what is wrong before anything is fit
    selection = _Selection(tuple(sorted(grid)), n_inner_folds, tolerance)
    predictions = np.empty_like(labels)
    with threadpool_limits(1):  # more threads only wait for each other: these are small products
        for m, held_out in itertools.product(range(len(states)), range(n_folds)):
            test = fold == held_out
            predictions[m, test] = _predict_fold(states[m], labels[m], test, selection)
    return predictions


class _Selection(NamedTuple):
    """How the penalty is chosen."""

    grid: tuple[float, ...]
    n_inner_folds: int
    tolerance: float


def _predict_fold(
    states: np.ndarray, labels: np.ndarray, held_out: np.ndarray, selection: _Selection
) -> np.ndarray:
    """Predictions for the trials that are held out, (trial, time, feature)."""
    train, test = states[~held_out], states[held_out]
    n_trials, n_times, n_units = train.shape
    rows = train.reshape(-1, n_units)
    mean, sd = rows.mean(0), rows.std(0)
    sd[sd == 0] = 1  # a silent unit says nothing
    rows = (rows - mean) / sd
    asked = (test.reshape(-1, n_units) - mean) / sd
    inner = np.repeat(contiguous_folds(n_trials, selection.n_inner_folds), n_times)
    predictions = [
        _predict_feature(rows, y.ravel(), asked, inner, selection)
        for y in np.moveaxis(labels[~held_out], -1, 0)
    ]
    return np.stack(predictions, -1).reshape(*test.shape[:2], -1)


def _predict_feature(
    rows: np.ndarray, y: np.ndarray, asked: np.ndarray, inner: np.ndarray, selection: _Selection
) -> np.ndarray:
    """Choose the penalty, fit, and predict one feature at ``asked`` (row, unit)."""
    grid = selection.grid
    right = np.zeros(len(grid))
    for fold in range(inner.max() + 1) if len(grid) > 1 else ():
        tried = inner == fold
        for k, model in enumerate(_path(rows[~tried], y[~tried], grid, selection.tolerance)):
            right[k] += (model.predict(rows[tried]) == y[tried]).sum()
    (best,) = _path(rows, y, grid[right.argmax() :][:1], selection.tolerance)
    return best.predict(asked)


class _Constant:
    """Predicts the only label that there is."""

    def __init__(self, label: int) -> None:
        self.label = label

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Labels of rows (row, unit)."""
        return np.full(len(rows), self.label)


def _path(
    rows: np.ndarray, y: np.ndarray, grid: tuple[float, ...], tolerance: float
) -> Iterator[LogisticRegression | _Constant]:
    """Fitted models from the strongest penalty on, each started where the one before ended."""
    if (y == y[0]).all():
        yield from [_Constant(int(y[0]))] * len(grid)
        return
    model = LogisticRegression(tol=tolerance, warm_start=True, max_iter=MAX_ITERATIONS)
    for c in grid:
        with (
            warnings.catch_warnings()
        ):  # almost no penalty: the fit may go on for ever, and is taken as is
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield model.set_params(C=c).fit(rows, y)


class Decoded(NamedTuple):
    """Shares of trials and features at each time, (member, time).

    Attributes
    ----------
    agreement : ndarray
        The prediction is the label, "unknown" included.
    known : ndarray
        The prediction is the label, and a value.
    """

    agreement: np.ndarray
    known: np.ndarray


def decoded(predictions: Array, labels: Array) -> Decoded:
    """How much of the event is decoded at each time.

    Parameters
    ----------
    predictions, labels : int array, shape (member, trial, time, feature)
    """
    labels = np.asarray(labels)
    agree = np.asarray(predictions) == labels
    return Decoded(agree.mean((1, 3)), (agree & (labels != UNKNOWN)).mean((1, 3)))


class AroundRecall(NamedTuple):
    """Share of features whose value is decoded, by time from the moment of recall, (member, offset).

    Attributes
    ----------
    unseen : ndarray
        Features not observed in the second part by then.
    seen : ndarray
        The others. Not a number where there are none.
    """

    unseen: np.ndarray
    seen: np.ndarray


def around_recall(
    predictions: Array, values: Array, order: Array, gate: Array, offsets: Sequence[int]
) -> AroundRecall:
    """What is decoded before and after the moment of recall, which is when the gate is largest.

    Parameters
    ----------
    predictions : int array, shape (member, trial, time, feature)
        Of the second part.
    values : int array, shape (member, trial, feature)
    order : int array, shape (member, trial, observation)
        The feature observed at each step of the second part.
    gate : array, shape (member, trial, time)
        Of the second part.
    offsets : sequence of int
        Steps from the moment of recall.
    """
    right = np.asarray(predictions) == np.asarray(values)[..., None, :]
    n_times = right.shape[2]
    seen = first_seen(order)[..., None, :] <= np.arange(n_times)[:, None]
    moment = np.asarray(gate).argmax(-1)[..., None, None]
    columns: list[list[np.ndarray]] = [[], []]
    for offset in offsets:
        step = np.clip(moment + offset, 0, n_times - 1)
        within = step == moment + offset
        now, right_now = (np.take_along_axis(x, step, 2)[:, :, 0] for x in (seen, right))
        for column, where in zip(columns, (~now & within[..., 0], now & within[..., 0]), strict=True):
            n = where.sum((1, 2))
            share = np.full(len(n), np.nan)
            np.divide((right_now & where).sum((1, 2)), n, out=share, where=n > 0)
            column.append(share)
    unseen_shares, seen_shares = (np.stack(column, 1) for column in columns)
    return AroundRecall(unseen_shares, seen_shares)
