"""What trains the runs of a sweep on this machine: processes with one thread each."""

from __future__ import annotations

import contextlib
import errno
import os
import traceback
from collections.abc import Callable, Sequence

import joblib
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from mempaper.ensemble import available_cores
from mempaper.experiment import Experiment
from mempaper.paths import runs_folder
from mempaper.progress import quiet
from mempaper.sweep import failure_file, log_file

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM)
ATTEMPTS = 3  # of a run whose process is killed

Told = Callable[[Experiment, str], None]  # a run that has ended, and its error, empty if there is none


def explained(error: BaseException) -> str:
    """One line on an error, with what to do about it where that is known."""
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        return (
            f"{text}. The disk of {runs_folder()} is full: free some space, or set MEMPAPER_RUNS to a "
            "folder elsewhere. Nothing is lost; run the same command again."
        )
    if code in DISK_ERRORS:
        return (
            f"{text}. {runs_folder()} must be writable: change its permissions, or set MEMPAPER_RUNS "
            "to a folder of your own."
        )
    return text


def train_logged(run: Experiment) -> str:
    """Train one run with its messages in a log, which stays if it fails; returns the error, if any."""
    torch.set_num_threads(1)
    log = log_file(run)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("w") as stream,
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
        ):
            try:
                with quiet():
                    run.result()
            except Exception:
                traceback.print_exc(file=stream)
                raise
        log.unlink(missing_ok=True)  # two sweeps may have waited for the same run
        failure_file(run).unlink(missing_ok=True)
    except Exception as error:  # a failed run must not end the others
        with contextlib.suppress(OSError):
            log.replace(failure_file(run))
        return explained(error)
    return ""


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
        order = sorted(left, key=lambda k: left[k].busy())
        jobs = [joblib.delayed(_work)(k, left[k]) for k in order]
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


def one_thread() -> None:
    """Have the processes of a sweep use one thread each, whatever library makes threads."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
