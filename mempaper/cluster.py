"""What sends the runs of a sweep away: exca and submitit, as processes of their own or to Slurm."""

from __future__ import annotations

import functools
import hashlib
import logging
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

from mempaper import catalogue
from mempaper.checkpoint import DiskError, disk_errors_explained
from mempaper.ensemble import one_thread_each
from mempaper.experiment import Experiment
from mempaper.parameters import ConfigError
from mempaper.paths import runs_folder
from mempaper.runs import busy_last
from mempaper.sweep import failure_file
from mempaper.workers import Told, train_logged

Where = Literal["local", "slurm"]
POLL_SECONDS = 2.0
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
    """

    model_config = ConfigDict(extra="forbid")
    _exclude_from_cls_uid: ClassVar[tuple[str, ...]] = ("runs",)

    name: str
    runs: tuple[dict[str, Any], ...]
    infra: TaskInfra = TaskInfra(version="1")

    @infra.apply
    def errors(self) -> None:  # the name is in those of the jobs' folders
        """Train; what became of each run is seen in its folder, and errors in its log."""
        one_thread_each()
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
    run = kind.checked(**entry["config"], device=entry["device"])
    return run.part() if entry["is_part"] else run


def jobs_of(runs: Sequence[Experiment], where: Where, workers: int, **options: Any) -> list[Work]:
    """One job per run for Slurm; on this machine one per worker, which share all runs.

    Parameters
    ----------
    runs : sequence of Experiment
    where : {'local', 'slurm'}
    workers : int
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
    keys = hashlib.sha256(" ".join(run.key() for run in runs).encode()).hexdigest()[:12]
    return [
        Work(name=f"worker{k}-{keys}", runs=entries, infra=infra.model_copy()) for k in range(workers)
    ]


def check_slurm() -> None:
    """Raise ConfigError where jobs cannot be sent to Slurm from."""
    if shutil.which("sbatch") is None:
        raise ConfigError(
            "There is no sbatch here: --cluster slurm works on a machine from which jobs are sent to "
            "Slurm. On one machine use --cluster none."
        )


def queued() -> set[str]:
    """Numbers of all jobs that Slurm knows, ``array_task`` or plain; squeue is the source of truth."""
    listed = subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%i"], capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


def is_under_way(work: Work, known: Callable[[], set[str]]) -> bool:
    """Whether a job was sent and has neither ended nor vanished.

    Parameters
    ----------
    work : Work
    known : callable
        :func:`queued`, cached by whoever asks about several jobs at a time.
    """
    folder = work.infra.uid_folder()
    assert folder is not None
    if not (folder / "job.pkl").exists():
        return False
    job = work.infra.job()  # was sent, so that this only reads
    assert isinstance(job, submitit.Job)
    if job.paths.result_pickle.exists():
        return False
    if work.infra.cluster == "slurm":
        return job.job_id in known()
    return not job.done() or "submitit" in _command_of(job.job_id)  # sent by this process or another


def _command_of(number: str) -> str:
    """What a process of this machine is running; empty if it has ended."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path("/proc", number, "cmdline").read_text()
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "args=", "-p", number], capture_output=True, text=True).stdout


def send(jobs: Sequence[Work], at_once: int) -> None:
    """Submit what is not under way already, as one array; two that call this at once send nothing twice.

    Raises
    ------
    ConfigError
        Slurm refuses.
    """
    folder = runs_folder() / "sweeps"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        known = functools.cache(queued)
        missing = [work for work in jobs if not is_under_way(work, known)]
        for work in missing:
            work.infra.clear_job()  # of an earlier sweep, ended or cancelled
        if not missing:
            return
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


def wait(runs: Sequence[Experiment], jobs: Sequence[Work], tell: Told) -> None:
    """Wait until all jobs have ended; what became of each run is read from the runs' folders.

    Parameters
    ----------
    tell : callable (run, error)
        Called as each run ends.
    """
    left = {run.key(): run for run in runs}
    while left:
        known = functools.cache(queued)
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
