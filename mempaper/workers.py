"""What trains the runs of a sweep on this machine: processes with one thread each."""

from __future__ import annotations

import contextlib
import errno
import traceback
from collections.abc import Callable, Sequence

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from mempaper.checkpoint import DISK_ERRORS, disk_error
from mempaper.ensemble import available_cores
from mempaper.experiment import Experiment
from mempaper.runs import busy_last, quiet_result
from mempaper.sweep import failure_file, log_file

ATTEMPTS = 3  # of a run whose process is killed

Told = Callable[[Experiment, str], None]  # a run that has ended, and its error, empty if there is none


def explained(error: BaseException) -> str:
    """One line on an error, with what to do about it where that is known."""
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    if not isinstance(error, OSError) and "No space left" in text:  # a library has wrapped it
        error = OSError(errno.ENOSPC, text)
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return str(disk_error(error))
    return text


def train_logged(run: Experiment) -> str:
    """Train one run with its messages in a log, which stays if it fails; returns the error, if any."""
    log = log_file(run)
    failure: Exception | None = None
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("w", buffering=1) as stream,  # a line can be read as it is written
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
        ):
            try:
                quiet_result(run)
            except Exception as error:  # a failed run must not end the others
                failure = error
                traceback.print_exc(file=stream)
    except OSError as error:  # there is no room for the log
        failure = failure or (None if run.is_done() else error)
    with contextlib.suppress(OSError):
        if failure is None:
            log.unlink(missing_ok=True)  # two sweeps may have waited for the same run
            failure_file(run).unlink(missing_ok=True)
        elif log.stat().st_size:
            log.replace(failure_file(run))
        else:
            log.unlink()
    return "" if failure is None else explained(failure)


def _work(place: int, run: Experiment) -> tuple[int, str]:
    return place, train_logged(run)


def train_here(runs: Sequence[Experiment], workers: int, tell: Told) -> None:
    """Train runs side by side, never more than there are cores.

    A run that another process trains comes last. If a worker is killed, the runs that were under way
    are taken up again, from their resume points.

    Parameters
    ----------
    runs : sequence of Experiment
    workers : int
    tell : callable (run, error)
        Called as each run ends.
    """
    left = dict(enumerate(runs))
    killed = dict.fromkeys(left, 0)
    workers = max(1, min(workers, available_cores(), len(left) or 1))
    while left:
        jobs = [joblib.delayed(_work)(k, run) for k, run in busy_last(left.items())]
        pool = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
        try:
            for k, error in pool(jobs):
                tell(left.pop(k), error)
        except TerminatedWorkerError:
            for k in [k for k, run in left.items() if log_file(run).exists()]:
                killed[k] += 1
                if killed[k] == ATTEMPTS:
                    reason = "its process was killed again and again; is there too little memory?"
                    tell(left.pop(k), reason)
