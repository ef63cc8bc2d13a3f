"""Runs chapters, and the trainings that they need, side by side."""

from __future__ import annotations

import hashlib
import multiprocessing
import platform
import queue
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from jupyter_core.utils import ensure_event_loop

from mempaper import needs, notebooks, records, schedule, timings
from mempaper.checkpoint import DiskError
from mempaper.ensemble import one_thread_each
from mempaper.experiment import Experiment
from mempaper.needs import Training
from mempaper.parameters import ConfigError, Mode
from mempaper.paths import PACKAGE, ROOT
from mempaper.schedule import Task
from mempaper.workers import train_logged

BUILD = ROOT / "_build"
Parts = dict[str, list[Experiment]]  # of trainings, by their keys
# Modules that cannot change what a chapter shows.
TOOLS = {
    "__main__",
    "build",
    "catalogue",
    "cli",
    "cli_values",
    "cluster",
    "costs",
    "execution",
    "measurements",
    "needs",
    "notebooks",
    "page_scripts",
    "pages",
    "records",
    "schedule",
    "speed_page",
    "sweep_cli",
    "timings",
    "verify",
    "workers",
}


@dataclass
class Outcome:
    """How one chapter went."""

    chapter: str
    mode: str
    seconds: float = 0.0
    status: str = "ran"  # ran | unchanged | failed
    error: str = ""
    used: list[dict[str, Any]] = field(default_factory=list)  # see records.Journal
    memory: float | None = None  # MiB at most


@dataclass
class Executed:
    """What came of running chapters.

    Attributes
    ----------
    outcomes : list of Outcome
    trainings : dict
        Seconds of the trainings that were done ahead of the chapters, by name.
    critical : list of (str, float)
        The chain of trainings and chapters that took longest, with the seconds of each.
    busy : float
        Share of the cores' time in which one of them was under way.
    """

    outcomes: list[Outcome]
    trainings: dict[str, float] = field(default_factory=dict)
    critical: list[tuple[str, float]] = field(default_factory=list)
    busy: float = 0.0


def executed_path(chapter: str, mode: str) -> Path:
    """Where the executed copy of a chapter lies."""
    return BUILD / "executed" / mode / f"{chapter}.ipynb"


def source_key(chapter: str, mode: str) -> str:
    """Checksum of everything that decides what an executed chapter shows."""
    paper = chapter.split("/")[0]
    ground = [f for f in PACKAGE.glob("*.py") if f.stem not in TOOLS]
    files = sorted([*ground, *(PACKAGE / paper).glob("*.py")])
    files.append(notebooks.notebook_path(chapter))
    for published in (f"{paper}.*", f"{paper}_*"):
        files += sorted((ROOT / "data" / "claims").glob(published))
    files += sorted((ROOT / "data" / "pretrained" / paper).rglob("*.json"))  # with checksums
    return checksum(files, mode)


def checksum(files: Iterable[Path], *words: str) -> str:
    """Of the contents of files, the pinned requirements, Python's version and some words."""
    digest = hashlib.sha256(" ".join([*words, platform.python_version()]).encode())
    for file in (*files, ROOT / "requirements.txt"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_unchanged(chapter: str, mode: str) -> bool:
    """Whether the executed copy is what executing the chapter now would give."""
    return is_current(executed_path(chapter, mode), source_key(chapter, mode))


def is_current(made: Path, key: str) -> bool:
    """Whether a file is there and was made from what has this checksum, kept beside it."""
    kept = made.with_suffix(".key")
    return made.exists() and kept.exists() and kept.read_text() == key


class Trainers:
    """Processes that train, each apart from the others: if one is killed, only its own run is lost.

    Parameters
    ----------
    n : int
        How many; no more runs than that may be trained at once.
    """

    def __init__(self, n: int) -> None:
        self._free: queue.LifoQueue[ProcessPoolExecutor] = queue.LifoQueue()
        for _ in range(n):
            self._free.put(self._new())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while not self._free.empty():
            self._free.get().shutdown()

    @staticmethod
    def _new() -> ProcessPoolExecutor:
        """One process, which starts when it is first needed."""
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def train(self, run: Experiment) -> str:
        """Train a run in a process that is free; returns the error, empty if there is none."""
        process = self._free.get()
        try:
            return process.submit(train_logged, run).result()
        except BrokenProcessPool:
            process.shutdown()
            process = self._new()
            return "its process was killed; is there too little memory?"
        finally:
            self._free.put(process)


class Execution:
    """Runs chapters, and the trainings that they are known to need, side by side.

    Parameters
    ----------
    mode : Mode
    budget : float, optional
        Seconds. Chapters that have not started when it is used up run in smoke mode.
    tell : callable (line)
    """

    def __init__(self, mode: Mode, budget: float | None, tell: Callable[[str], None]) -> None:
        self.mode, self.budget, self._tell = mode, budget, tell
        self.begun = time.monotonic()
        self.outcomes: dict[str, Outcome] = {}

    def say(self, text: str) -> None:
        """Tell a line with the minutes and seconds since the beginning."""
        minutes, seconds = divmod(int(time.monotonic() - self.begun), 60)
        self._tell(f"[{minutes:2d}:{seconds:02d}] {text}")

    def late(self) -> bool:
        """Whether the time budget is used up."""
        return self.budget is not None and time.monotonic() - self.begun > self.budget

    def run(self, chapters: list[str], jobs: int) -> Executed:
        """Run them; trainings that several need come first, and no core waits for another."""
        for chapter in chapters:
            if is_unchanged(chapter, self.mode):
                self.say(f"{chapter}: unchanged")
                self.outcomes[chapter] = Outcome(chapter, self.mode, status="unchanged")
        changed = [chapter for chapter in chapters if chapter not in self.outcomes]
        needed = needs.load(self.mode) if changed else {}
        trained = {k: t for c in changed for k, t in needed.get(c, {}).items() if not t.run.is_done()}
        parts = {key: training.run.parts() for key, training in trained.items()}
        with Trainers(jobs) as trainers:
            tasks = self._trainings(trained, parts, trainers)
            names = [task.name for task in tasks]
            cold = timings.load()
            for chapter in changed:
                own = needed.get(chapter, {})
                seconds = cold.get(chapter, {}).get(self.mode, float("inf"))
                seconds = max(1.0, seconds - sum(t.seconds for t in own.values()))
                do = partial(self._chapter, chapter)
                tasks.append(Task(chapter, seconds, do, _names(own, parts)))
            took = schedule.run(tasks, jobs)
        wall = time.monotonic() - self.begun
        return Executed(
            [self.outcomes[chapter] for chapter in chapters],
            {name: took[name] for name in names},
            [(name, took[name]) for name in schedule.critical_path(tasks, took)],
            sum(took.values()) / (jobs * wall),
        )

    def _trainings(self, trained: dict[str, Training], parts: Parts, trainers: Trainers) -> list[Task]:
        """One task for each part of each training, after what it starts from."""
        tasks = []
        for key, training in trained.items():
            for part in parts[key]:
                after = _names((source.key() for source in part.needs()), parts)
                do = partial(self._train, part, trainers)
                tasks.append(Task(_name(part), training.seconds / len(parts[key]), do, after))
        return tasks

    def _train(self, run: Experiment, trainers: Trainers) -> None:
        if self.late():
            return
        self.say(f"{_name(run)}: training")
        if error := trainers.train(run):  # a chapter that needs it tries again, and shows what is wrong
            self.say(f"{_name(run)}: {error}")

    def _chapter(self, chapter: str) -> None:
        late = self.late()
        chosen: Mode = "smoke" if late else self.mode
        outcome = self.outcomes[chapter] = Outcome(chapter, chosen)
        if late and is_unchanged(chapter, chosen):
            self.say(f"{chapter}: unchanged")
            outcome.status = "unchanged"
            return
        output = executed_path(chapter, chosen)
        key = output.with_suffix(".key")
        key.unlink(missing_ok=True)
        self.say(f"{chapter}: started ({chosen}{', the time budget is used up' if late else ''})")
        start = time.monotonic()
        try:
            notebooks.run(chapter, output, {"mode": chosen})
        except (ConfigError, DiskError, notebooks.ChapterError) as error:
            outcome.seconds, outcome.status = time.monotonic() - start, "failed"
            outcome.error = str(error)
            self.say(f"{chapter}: FAILED after {outcome.seconds:.0f} s\n{error}")
            return
        finally:
            ensure_event_loop().close()  # this thread's; the next chapter makes its own
        key.write_text(source_key(chapter, chosen))
        outcome.seconds = time.monotonic() - start
        if (record := records.read(output)) is not None:
            outcome.used, outcome.memory = list(record["used"].values()), record["memory"]
        self.say(f"{chapter}: done in {outcome.seconds:.0f} s")


def _name(run: Experiment) -> str:
    return f"{run.paper}/{run.name} {run.key()}"


def _names(keys: Iterable[str], parts: Parts) -> tuple[str, ...]:
    """Names of the tasks that make some trainings, of those that are still to be made."""
    return tuple(_name(part) for key in keys for part in parts.get(key, ()))


def execute(
    mode: Mode,
    *,
    jobs: int,
    budget: float | None = None,
    only: list[str] | None = None,
    tell: Callable[[str], None] = print,
) -> Executed:
    """Run chapters and their trainings side by side, each with one torch thread.

    Parameters
    ----------
    mode : Mode
    jobs : int
        Chapters or trainings at once.
    budget : float, optional
        Seconds. Chapters that have not started when it is used up run in smoke mode.
    only : list of str, optional
        Chapters; all by default.
    """
    one_thread_each()  # also of the notebooks' kernels, which are processes of their own
    return Execution(mode, budget, tell).run(only or notebooks.chapters(), jobs)
