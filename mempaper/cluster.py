"""What sends the runs of a sweep away: exca and submitit, as processes of their own or to Slurm."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import submitit
from exca import TaskInfra
from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from mempaper import catalogue, costs
from mempaper.checkpoint import DiskError, disk_errors_explained
from mempaper.ensemble import one_thread_each
from mempaper.experiment import Experiment, devices_elsewhere
from mempaper.parameters import ConfigError
from mempaper.paths import runs_folder
from mempaper.runs import busy_last
from mempaper.sweep import failure_file, with_needs
from mempaper.workers import Told, train_logged

Where = Literal["local", "slurm"]
POLL_SECONDS = 2.0  # from one look at the runs' folders to the next
ASK_SECONDS = 30.0  # from one question to Slurm to the next
PATIENCE = 20  # questions in a row that Slurm may leave without an answer
MARGIN = 3  # of the time limit over the estimated hours
YEAR = 365 * 24  # hours
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
for _chatty in ("exca", "submitit"):
    logging.getLogger(_chatty).setLevel(logging.ERROR)


class Work(BaseModel):
    """A job: it trains one run after the other, but none that another process trains just then.

    Attributes
    ----------
    name : str
        Tells it from other jobs.
    runs : tuple of dict
        ``experiment``, ``config``, ``device`` and ``is_part`` of each.
    environment : dict
        Variables that the job sets before it trains; None stands for one that is not there.
    """

    model_config = ConfigDict(extra="forbid")
    _exclude_from_cls_uid: ClassVar[tuple[str, ...]] = ("runs", "environment")

    name: str
    runs: tuple[dict[str, Any], ...]
    environment: dict[str, str | None] = {}
    infra: TaskInfra = TaskInfra(version="1")

    @infra.apply
    def errors(self) -> None:  # the name is in those of the jobs' folders
        """Train; what became of each run is seen in its folder, and errors in its log."""
        one_thread_each()
        for name, value in self.environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        for _, run in busy_last(enumerate(map(_run_of, self.runs))):
            train_logged(run)


def _entry_of(run: Experiment) -> dict[str, Any]:
    return {
        "experiment": f"{run.paper}/{run.name}",
        "config": run.config(),
        "device": run.device,
        "is_part": run.is_part,
    }


def _run_of(entry: dict[str, Any]) -> Experiment:
    kind = catalogue.experiment(entry["experiment"])
    with devices_elsewhere():  # one that is not here fails in training, which has a log
        run = kind.checked(**entry["config"], device=entry["device"])
        return run.part() if entry["is_part"] else run


def hours_needed(runs: Sequence[Experiment]) -> float:
    """Time limit of each job of some runs, in hours: ``MARGIN`` times the longest estimate, at least 1.

    What a run starts from counts, too, where it is not done. Runs of smoke mode take seconds.

    Raises
    ------
    ConfigError
        There is no estimate, which are of CPU cores.
    """
    longest = 0.0
    for run in runs:
        left = [one for one in with_needs([run]) if not one.is_done()]
        estimates = [0.0 if costs.nearest_mode(one) == "smoke" else costs.hours(one) for one in left]
        known = [hours for hours in estimates if hours is not None]
        if len(known) < len(left) or run.device != "cpu":
            raise ConfigError(
                f"How long {run.paper}/{run.name} takes on {run.device} was not measured: give --hours, "
                "the time limit of a job."
            )
        longest = max(longest, sum(known))
    return max(1.0, MARGIN * longest)


def jobs_of(
    runs: Sequence[Experiment], where: Where, workers: int, name: str, **options: Any
) -> list[Work]:
    """One job per run for Slurm; on this machine one per worker, which share all runs.

    Parameters
    ----------
    runs : sequence of Experiment
    where : {'local', 'slurm'}
    workers : int
    name : str
        Of the sweep, the same whatever of it is done: see :func:`mempaper.sweep.plan_key`.
    **options
        Of exca's ``TaskInfra``: ``slurm_partition``, ``timeout_min``, ``mem_gb`` ...
    """
    folder = runs_folder() / "sweeps" / "jobs"
    infra = TaskInfra(
        version="1",
        folder=folder,
        cluster=where,
        mode="cached",  # a failed job is sent again by send() alone
        cpus_per_task=1,
        logs=folder / "logs" / "%j",
        **options,
    )
    if where == "slurm":
        names = [f"{run.paper}-{run.name}-{run.key()}" for run in runs]
        return [
            Work(name=name, runs=(_entry_of(run),), infra=infra.model_copy())
            for name, run in zip(names, runs, strict=True)
        ]
    entries = tuple(_entry_of(run) for run in runs)
    gpus = {VISIBLE_GPUS: os.environ.get(VISIBLE_GPUS)}  # which submitit hides
    return [
        Work(name=f"worker{k}-{name}", runs=entries, environment=gpus, infra=infra.model_copy())
        for k in range(workers)
    ]


def check_slurm() -> None:
    """Raise ConfigError where jobs cannot be sent to Slurm from."""
    if shutil.which("sbatch") is None:
        raise ConfigError(
            "There is no sbatch here: --cluster slurm works on a machine from which jobs are sent to "
            "Slurm. On one machine use --cluster none."
        )


def queued() -> set[str]:
    """Numbers of one's own jobs, ``array_task`` or plain; squeue is the source of truth.

    Raises
    ------
    ConfigError
        Slurm does not answer.
    """
    mine = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    try:
        listed = subprocess.run(mine, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"Slurm does not say which jobs there are: {error}") from None
    if listed.returncode:
        said = listed.stderr.strip() or f"squeue ended with {listed.returncode}"
        raise ConfigError(f"Slurm does not say which jobs there are: {said}")
    return set(listed.stdout.split())


class Queue:
    """What Slurm said last about some jobs; it is asked now and then, and need not answer every time.

    Parameters
    ----------
    jobs : sequence of Work
        Sent; taken to be there until Slurm has answered.
    """

    def __init__(self, jobs: Sequence[Work]) -> None:
        sent = (_sent(work) for work in jobs)
        self._known = {job.job_id for job in sent if job is not None}
        self._asked = -ASK_SECONDS
        self._unanswered = 0

    def __call__(self) -> set[str]:
        """Numbers of the jobs there are; raises ConfigError after ``PATIENCE`` failures in a row."""
        if time.monotonic() - self._asked < ASK_SECONDS:
            return self._known
        self._asked = time.monotonic()
        try:
            self._known, self._unanswered = queued(), 0
        except ConfigError as error:
            self._unanswered += 1
            if self._unanswered == PATIENCE:
                raise ConfigError(
                    f"{error}\nIt was asked {PATIENCE} times. The jobs go on; the same command waits "
                    "for them again."
                ) from None
        return self._known


def is_under_way(work: Work, known: Callable[[], set[str]]) -> bool:
    """Whether a job was sent and has neither ended nor vanished.

    Parameters
    ----------
    work : Work
    known : callable
        :func:`queued`, cached by whoever asks about several jobs at a time.
    """
    job = _sent(work)
    if job is None or job.paths.result_pickle.exists():
        return False
    if work.infra.cluster == "slurm":
        return job.job_id in known()
    return not job.done() or "submitit" in _command_of(job.job_id)  # sent by this process or another


def _sent(work: Work) -> submitit.Job[None] | None:
    """What submitit knows of a job; None if it was never sent."""
    folder = work.infra.uid_folder()
    assert folder is not None
    if not (folder / "job.pkl").exists():
        return None
    job = work.infra.job()  # was sent, so that this only reads
    assert isinstance(job, submitit.Job)
    return job


def _command_of(number: str) -> str:
    """What a process of this machine is running; empty if it has ended."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path("/proc", number, "cmdline").read_text()
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "args=", "-p", number], capture_output=True, text=True).stdout


def send(jobs: Sequence[Work], at_once: int) -> int:
    """Submit what is not under way already, as one array; two that call this at once send nothing twice.

    Returns
    -------
    int
        How many jobs were sent.

    Raises
    ------
    ConfigError
        Slurm refuses, or does not say what is under way.
    """
    folder = runs_folder() / "sweeps"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        known = functools.cache(queued)
        missing = [work for work in jobs if not is_under_way(work, known)]
        for work in missing:
            work.infra.clear_job()  # of an earlier sweep, ended or cancelled
        if not missing:
            return 0
        try:
            with (
                disk_errors_explained(folder),
                missing[0].infra.job_array(max_workers=at_once) as array,
            ):
                array.extend(missing)
        except DiskError:
            raise
        except Exception as error:
            raise ConfigError(f"The jobs could not be sent: {error}") from error
    return len(missing)


def wait(runs: Sequence[Experiment], jobs: Sequence[Work], tell: Told) -> None:
    """Wait until all jobs have ended; what became of each run is read from the runs' folders.

    Parameters
    ----------
    tell : callable (run, error)
        Called as each run ends.

    Raises
    ------
    ConfigError
        Slurm does not answer for a long time.
    """
    left = {run.key(): run for run in runs}
    known = Queue(jobs)
    while left:
        over = not any(is_under_way(work, known) for work in jobs)
        for key in [key for key, run in left.items() if run.is_done()]:
            tell(left.pop(key), "")
        if over:
            break
        time.sleep(POLL_SECONDS)
    for run in left.values():
        tell(run, "" if run.is_done() else _reason(run))


def _reason(run: Experiment) -> str:
    """Why a job ended without a result."""
    log = failure_file(run)
    if log.exists():
        return log.read_text().splitlines()[-1]
    return "its job was cancelled, killed or ran out of time; the same command goes on where it was"
