"""Results of several runs: side by side, or shared with other processes that need the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import joblib
import torch

from mempaper.ensemble import available_cores
from mempaper.progress import Report, quiet, silent

Place = TypeVar("Place", bound=Hashable)


class Run(Protocol):
    """What has a result that several processes may want: an :class:`~mempaper.experiment.Experiment`."""

    def busy(self) -> bool:
        """Whether another process works on the result now."""

    def result(self) -> Any:
        """The result, which is made if it is not there yet."""


AnyRun = TypeVar("AnyRun", bound=Run)


def side_by_side(runs: Sequence[Run], report: Report = silent) -> list[Any]:
    """Results of several runs, each in a process of its own with one thread, on this machine's cores.

    What another process trains already comes last, so that no core waits for it.

    Parameters
    ----------
    runs : sequence of Run
    report : callable (done, total)
        Told how many runs are finished.

    Returns
    -------
    list
        Of results, in the order of ``runs``.
    """
    order = list(busy_last(enumerate(runs)))
    jobs = (joblib.delayed(quiet_result)(run) for _, run in order)
    results = joblib.Parallel(n_jobs=available_cores(), return_as="generator")(jobs)
    found: dict[int, Any] = {}
    for (k, _), result in zip(order, results, strict=True):
        found[k] = result
        report(len(found), len(runs))
    return [found[k] for k in range(len(runs))]


def busy_last(runs: Iterable[tuple[Place, AnyRun]]) -> Iterator[tuple[Place, AnyRun]]:
    """Runs with their places, in order, but those that another process trains come last.

    Each is looked at no sooner than it is asked for, so that one that has become busy meanwhile is
    left for last too.
    """
    busy = []
    for place, run in runs:
        if run.busy():
            busy.append((place, run))
        else:
            yield place, run
    yield from busy


def quiet_result(run: Run) -> Any:
    """A run's result by one thread and without progress: for one of several that another one counts."""
    torch.set_num_threads(1)
    with quiet():
        return run.result()


def train_all(runs: Iterable[Run]) -> None:
    """Have the results of several runs at hand; what another process trains is left for last.

    Processes that need the same runs share the work in this way, instead of waiting for each other at
    one run after the other.
    """
    for _, run in busy_last(enumerate(runs)):
        run.result()
