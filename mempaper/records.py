"""What an executed chapter says for programs: the trainings that it used, its time, its memory.

And which executed chapters make up the book as it was last built.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import nbformat

MIME = "application/vnd.mempaper.use+json"
BUILT = "built.json"  # below _build/


class Run(Protocol):
    """What a record tells of an :class:`~mempaper.experiment.Experiment`."""

    paper: ClassVar[str]
    name: ClassVar[str]

    def key(self) -> str:
        """Its name among others of its kind."""

    def config(self) -> dict[str, Any]:
        """What decides its result."""


class Result(Protocol):
    """What a run gave, with where it came from."""

    @property
    def provenance(self) -> dict[str, Any]:
        """With an ``origin``."""


AnyRun = TypeVar("AnyRun", bound=Run)
AnyResult = TypeVar("AnyResult", bound=Result)


class Journal:
    """Results that this process asked for.

    Attributes
    ----------
    used : dict
        By key: ``experiment``, ``config``, ``origin`` and ``seconds`` spent until the result was at
        hand. What does not come with the book only, and not what a training itself starts from.
    """

    def __init__(self) -> None:
        self.used: dict[str, dict[str, Any]] = {}
        self._depth = 0

    def noted(self, result: Callable[[AnyRun], AnyResult]) -> Callable[[AnyRun], AnyResult]:
        """Wrap the method that gives a result, so that its use is noted."""

        @functools.wraps(result)
        def noting(run: AnyRun) -> AnyResult:
            start = time.monotonic()
            self._depth += 1
            try:
                found = result(run)
            finally:
                self._depth -= 1
            origin = found.provenance["origin"]
            if self._depth == 0 and origin != "shipped" and run.key() not in self.used:
                self.used[run.key()] = {
                    "experiment": f"{run.paper}/{run.name}",
                    "config": run.config(),
                    "origin": origin,
                    "seconds": round(time.monotonic() - start, 2),
                }
            return found

        return noting


JOURNAL = Journal()


def peak_memory() -> float | None:
    """MiB that this process held at most, without processes that it started; None on Windows."""
    if sys.platform == "win32":
        return None
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if high_water := re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE):
            return round(int(high_water[1]) / 2**10, 1)
    # Where there is no VmHWM. On Linux it counts what the parent held when it started this process.
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def of_chapter(chapter: str, mode: str) -> dict[str, Any]:
    """The record that a chapter leaves in its notebook."""
    return {"chapter": chapter, "mode": mode, "memory": peak_memory(), "used": JOURNAL.used}


def read(notebook: Path, mime: str = MIME) -> dict[str, Any] | None:
    """The record of one kind in an executed notebook, or None."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            record = output.get("data", {}).get(mime)
            if record is not None:
                return record
    return None


def keep_built(folder: Path, executed: Iterable[Path]) -> None:
    """Note the notebooks that a build has executed without a failure, all of them below a folder."""
    names = [path.relative_to(folder).as_posix() for path in executed]
    (folder / BUILT).write_text(json.dumps(names, indent=1) + "\n")


def last_built(folder: Path) -> list[Path]:
    """The notebooks that the last build noted in a folder; none where nothing was built."""
    built = folder / BUILT
    return [folder / name for name in json.loads(built.read_text())] if built.exists() else []
