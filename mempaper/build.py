"""Builds the book: run the chapters side by side, stage what they gave, make the HTML."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jupyter_core.utils import ensure_event_loop

from mempaper import claims, notebooks, pages, timings
from mempaper.ensemble import available_cores
from mempaper.experiment import ConfigError, Mode
from mempaper.paths import PACKAGE, ROOT

BUILD = ROOT / "_build"
# Modules that cannot change what a chapter shows.
TOOLS = {
    "__main__",
    "build",
    "catalogue",
    "cli",
    "cli_values",
    "cluster",
    "costs",
    "notebooks",
    "page_scripts",
    "pages",
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


@dataclass
class Report:
    """What a build did."""

    outcomes: list[Outcome] = field(default_factory=list)
    html: Path | None = None
    html_error: str = ""
    seconds: float = 0.0
    worse: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether the build must exit non-zero."""
        broken = any(o.status == "failed" for o in self.outcomes)
        return broken or bool(self.html_error) or bool(self.worse)


def executed_path(chapter: str, mode: str) -> Path:
    """Where the executed copy of a chapter lies."""
    return BUILD / "executed" / mode / f"{chapter}.ipynb"


def source_key(chapter: str, mode: str) -> str:
    """Checksum of everything that decides what an executed chapter shows."""
    paper = chapter.split("/")[0]
    ground = [f for f in PACKAGE.glob("*.py") if f.stem not in TOOLS]
    files = sorted([*ground, *(PACKAGE / paper).glob("*.py")])
    files += [notebooks.notebook_path(chapter), ROOT / "data" / "claims" / f"{paper}.yml"]
    files += [ROOT / "requirements.txt"]
    digest = hashlib.sha256(f"{mode} {platform.python_version()}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_unchanged(chapter: str, mode: str) -> bool:
    """Whether the executed copy is what executing the chapter now would give."""
    output = executed_path(chapter, mode)
    key = output.with_suffix(".key")
    return output.exists() and key.exists() and key.read_text() == source_key(chapter, mode)


def execute(
    mode: Mode,
    *,
    jobs: int,
    budget: float | None = None,
    only: list[str] | None = None,
    tell: Callable[[str], None] = print,
) -> list[Outcome]:
    """Run chapters side by side, the longest first, each with one torch thread.

    Parameters
    ----------
    mode : Mode
    jobs : int
        Chapters at once.
    budget : float, optional
        Seconds. Chapters that have not started when it is used up run in smoke mode.
    only : list of str, optional
        Chapters; all by default.
    """
    begun = time.monotonic()
    known = timings.load()
    waiting = sorted(
        only or notebooks.chapters(),
        key=lambda c: -known.get(c, {}).get(mode, float("inf")),
    )
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    os.environ.update(one_thread)  # of the notebooks' kernels, which are processes of their own

    def say(text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        tell(f"[{minutes:2d}:{seconds:02d}] {text}")

    def one(chapter: str) -> Outcome:
        late = budget is not None and time.monotonic() - begun > budget
        chosen: Mode = "smoke" if late else mode
        if is_unchanged(chapter, chosen):
            say(f"{chapter}: unchanged")
            return Outcome(chapter, chosen, status="unchanged")
        output = executed_path(chapter, chosen)
        key = output.with_suffix(".key")
        key.unlink(missing_ok=True)
        say(f"{chapter}: started ({chosen}{', the time budget is used up' if late else ''})")
        start = time.monotonic()
        try:
            notebooks.run(chapter, output, {"mode": chosen})
        except (ConfigError, notebooks.ChapterError) as error:
            outcome = Outcome(chapter, chosen, time.monotonic() - start, "failed", str(error))
            say(f"{chapter}: FAILED after {outcome.seconds:.0f} s\n{error}")
            return outcome
        finally:
            ensure_event_loop().close()  # this thread's; the next chapter makes its own
        key.write_text(source_key(chapter, chosen))
        outcome = Outcome(chapter, chosen, time.monotonic() - start)
        say(f"{chapter}: done in {outcome.seconds:.0f} s")
        return outcome

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(one, waiting))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt starts no further chapter


def _write_if_changed(path: Path, data: bytes) -> None:
    """Keep the file's time where its content is the same, so that Sphinx builds only what changed."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def stage(outcomes: list[Outcome], folder: Path) -> list[dict[str, Any]]:
    """Lay out what the HTML is made from: pages, executed notebooks, generated pages.

    Returns
    -------
    list of dict
        The claims records of the executed notebooks.
    """
    wanted: dict[Path, bytes] = {}
    for file in sorted(notebooks.BOOK.rglob("*")):
        if file.is_file() and file.suffix not in (".py", ".ipynb", ".toml"):
            wanted[folder / "book" / file.relative_to(notebooks.BOOK)] = file.read_bytes()
    records = []
    for outcome in outcomes:
        path = executed_path(outcome.chapter, outcome.mode)
        if outcome.status == "failed":
            failed = path.with_suffix(".failed.ipynb")
            path = failed if failed.exists() else notebooks.notebook_path(outcome.chapter)
        elif (record := claims.read_notebook(path)) is not None:
            records.append(record)
        text = path.read_text()
        wanted[folder / "book" / f"{outcome.chapter}.ipynb"] = text.encode()
    wanted[folder / "book" / "scoreboard.md"] = pages.scoreboard(records).encode()
    wanted[folder / "book" / "checked.md"] = pages.checked().encode()
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["execute"] = {"execute_notebooks": "off"}
    wanted[folder / "_config.yml"] = yaml.safe_dump(config).encode()
    wanted[folder / "_toc.yml"] = (ROOT / "_toc.yml").read_bytes()
    for old in folder.rglob("*"):
        if old.is_file() and old not in wanted:
            old.unlink()
    for path, data in wanted.items():
        _write_if_changed(path, data)
    return records


def make_html(folder: Path, output: Path) -> str:
    """Run Jupyter Book on a staged folder, warnings as errors; returns what went wrong."""
    program = "from jupyter_book.cli.main import main; main()"  # it has no __main__ module
    command = [sys.executable, "-c", program, "build", str(folder)]
    command += ["--config", str(folder / "_config.yml"), "--toc", str(folder / "_toc.yml")]
    command += ["--path-output", str(output), "-n", "-W", "--keep-going", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


def build(
    mode: Mode = "fast",
    *,
    jobs: int | None = None,
    budget_minutes: float | None = None,
    output: Path = ROOT,
    record_times: bool = False,
    tell: Callable[[str], None] = print,
) -> Report:
    """Run every chapter, stage, build the HTML into ``output/_build/html``, and report."""
    begun = time.monotonic()
    jobs = jobs or available_cores()
    budget = None if budget_minutes is None else 60 * budget_minutes
    report = Report(execute(mode, jobs=jobs, budget=budget, tell=tell))
    if record_times:
        fresh = [o for o in report.outcomes if o.status == "ran" and o.mode == mode]
        timings.record(mode, {o.chapter: o.seconds for o in fresh})
    folder = BUILD / f"stage-{mode}"
    records = stage(report.outcomes, folder)
    tell("Building the HTML ...")
    report.html_error = make_html(folder, output)
    report.html = output / "_build" / "html" / "index.html"
    for paper in dict.fromkeys(o.chapter.split("/")[0] for o in report.outcomes):
        report.worse += claims.worse_than_expected(claims.roll_up(paper, records))
    report.seconds = time.monotonic() - begun
    tell(summary(report, records))
    return report


def summary(report: Report, records: list[dict[str, Any]]) -> str:
    """Times by chapter, claims roll-up, what failed, and where the book is."""
    lines = ["", "Chapter times"]
    for o in sorted(report.outcomes, key=lambda o: -o.seconds):
        took = f"{o.seconds:6.1f} s" if o.status != "unchanged" else "unchanged"
        lines.append(f"  {o.chapter:38} {o.mode:6} {took}{'  FAILED' * (o.status == 'failed')}")
    lines.append("Claims")
    for paper in dict.fromkeys(o.chapter.split("/")[0] for o in report.outcomes):
        rows = claims.roll_up(paper, records)
        for column in ("fast", "full"):
            counts = claims.count(rows, column)
            text = ", ".join(f"{n} {status}" for status, n in counts.most_common())
            lines.append(f"  {paper} ({column}): {text}")
    smoked = [o.chapter for o in report.outcomes if o.mode == "smoke"]
    if smoked:
        lines.append(f"Not judged (smoke mode): {', '.join(smoked)}")
    lines += [f"WORSE THAN EXPECTED: {sentence}" for sentence in report.worse]
    for o in report.outcomes:
        if o.status == "failed":
            lines.append(f"FAILED: {o.error}")
    if report.html_error:
        lines.append(f"The HTML has errors:\n{report.html_error[-6000:]}")
    lines.append(f"The book: {report.html} ({report.seconds / 60:.1f} minutes)")
    return "\n".join(lines)
