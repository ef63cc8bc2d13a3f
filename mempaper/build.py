"""Builds the book: train and run the chapters side by side, stage what they gave, make the HTML."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mempaper import claims, execution, needs, notebooks, pages, speed_page
from mempaper.ensemble import available_cores
from mempaper.execution import Executed, Outcome, checksum, execute, executed_path
from mempaper.parameters import Mode
from mempaper.paths import PACKAGE, ROOT
from mempaper.records import keep_built

MEMORY = 2048  # MiB that a chapter may hold, as on Binder


@dataclass
class Report:
    """What a build did."""

    executed: Executed
    html: Path | None = None
    html_error: str = ""
    seconds: float = 0.0
    worse: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether the build must exit non-zero."""
        broken = any(o.status == "failed" for o in self.executed.outcomes)
        return broken or bool(self.html_error) or bool(self.worse)


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
    wanted[folder / "book" / "checked.md"] = checked_page().encode()
    wanted[folder / "book" / "speed.md"] = speed_page.speed().encode()
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


def checked_page() -> str:
    """The comparisons with the original code, made anew when the package or a fixture has changed."""
    page = execution.BUILD / "checked.md"
    fixtures = (f for f in (ROOT / "tests" / "fixtures").rglob("*") if f.is_file())
    key = checksum(sorted([*PACKAGE.rglob("*.py"), *fixtures]))
    if not execution.is_current(page, key):
        _write_if_changed(page, pages.checked().encode())
        page.with_suffix(".key").write_text(key)
    return page.read_text()


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
    outcomes = report.executed.outcomes
    if record_times:
        fresh = [o for o in outcomes if o.status == "ran" and o.mode == mode]
        needs.record(mode, {o.chapter: o.seconds for o in fresh}, {o.chapter: o.used for o in fresh})
    folder = execution.BUILD / f"stage-{mode}"
    records = stage(outcomes, folder)
    went = [o for o in outcomes if o.status != "failed"]
    keep_built(execution.BUILD, [executed_path(o.chapter, o.mode) for o in went])
    tell("Building the HTML ...")
    report.html_error = make_html(folder, output)
    report.html = output / "_build" / "html" / "index.html"
    for paper in dict.fromkeys(o.chapter.split("/")[0] for o in outcomes):
        report.worse += claims.worse_than_expected(claims.roll_up(paper, records))
    report.seconds = time.monotonic() - begun
    tell(summary(report, records))
    return report


def summary(report: Report, records: list[dict[str, Any]]) -> str:
    """Times by chapter, claims roll-up, what failed, and where the book is."""
    executed, outcomes = report.executed, report.executed.outcomes
    lines = ["", "Chapter times and memory, without what was trained ahead"]
    for o in sorted(outcomes, key=lambda o: -o.seconds):
        took = f"{o.seconds:6.1f} s" if o.status != "unchanged" else "unchanged"
        held = f"{o.memory:6.0f} MiB" if o.memory else ""
        much = "  MORE THAN BINDER HAS" * ((o.memory or 0) > MEMORY and o.mode != "full")
        failed = "  FAILED" * (o.status == "failed")
        lines.append(f"  {o.chapter:38} {o.mode:6} {took:9} {held}{much}{failed}")
    if executed.trainings:
        total = sum(executed.trainings.values())
        lines.append(f"Trained ahead: {len(executed.trainings)} runs, {total:.0f} s of one core")
    if executed.critical:
        path = " -> ".join(f"{name} {seconds:.0f} s" for name, seconds in executed.critical)
        lines.append(f"Critical path, {sum(s for _, s in executed.critical):.0f} s: {path}")
        lines.append(f"Cores were busy {executed.busy:.0%} of the time")
    lines.append("Claims")
    for paper in dict.fromkeys(o.chapter.split("/")[0] for o in outcomes):
        rows = claims.roll_up(paper, records)
        for column in ("fast", "full"):
            counts = claims.count(rows, column)
            text = ", ".join(f"{n} {status}" for status, n in counts.most_common())
            lines.append(f"  {paper} ({column}): {text}")
    smoked = [o.chapter for o in outcomes if o.mode == "smoke"]
    if smoked:
        lines.append(f"Not judged (smoke mode): {', '.join(smoked)}")
    lines += [f"WORSE THAN EXPECTED: {sentence}" for sentence in report.worse]
    for o in outcomes:
        if o.status == "failed":
            lines.append(f"FAILED: {o.error}")
    if report.html_error:
        lines.append(f"The HTML has errors:\n{report.html_error[-6000:]}")
    lines.append(f"The book: {report.html} ({report.seconds / 60:.1f} minutes)")
    return "\n".join(lines)
