"""What a build does when processes are killed, files change and chapters fail."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from click.testing import CliRunner
from journalled import Journalled, entries, until

from mempaper import build, claims, cli, execution, notebooks, records, tables
from mempaper.execution import Executed, Outcome, Trainers, executed_path
from mempaper.needs import Training

CHAPTER = "ritter2018/fig2_stimuli"
OTHER = "ritter2018/fig3_learning"


class Fatal(Journalled):
    """Its process is killed as it begins to train."""

    def train(self, resume, report):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def folder(tmp_path, runs, monkeypatch):
    """Where trainings keep their journal, beside a build's folder."""
    monkeypatch.setenv("FAULTS_FOLDER", str(tmp_path))
    monkeypatch.setattr(execution, "BUILD", tmp_path / "_build")
    (tmp_path / "_build").mkdir()
    return tmp_path


def small(kind=Journalled, **changes):
    return kind.preset("smoke", n_seeds=1, **changes)


def test_a_process_that_is_killed_takes_no_other_training_along(folder, monkeypatch):
    monkeypatch.setenv("FAULTS_HOLD", "2")
    killed, other = small(), small(seed=3)
    with Trainers(2) as trainers, ThreadPoolExecutor(2) as threads:
        errors = [threads.submit(trainers.train, run) for run in (killed, other)]
        until(lambda: len(entries("held")) == 2, "both trainings")
        os.kill(entries("held", killed)[0].pid, signal.SIGKILL)
        assert "its process was killed" in errors[0].result()
        (folder / "go").touch()
        assert errors[1].result() == ""
        assert trainers.train(killed) == ""
    assert [entry.epoch for entry in entries("start", killed)] == [0, 1]
    assert len(entries("start", other)) == 1


def test_a_build_goes_on_after_a_training_whose_process_was_killed(folder, monkeypatch):
    fatal, *others = small(Fatal, seed=9), small(), small(seed=3)
    needed = {run.key(): Training(run, seconds=9 - k) for k, run in enumerate([fatal, *others])}
    monkeypatch.setattr(execution.needs, "load", lambda mode: {CHAPTER: needed})

    def run(chapter, output, given):
        raise notebooks.ChapterError("as far as it came")

    monkeypatch.setattr(notebooks, "run", run)
    lines = []
    executed = execution.execute("smoke", jobs=1, only=[CHAPTER], tell=lines.append)
    assert [o.error for o in executed.outcomes] == ["as far as it came"]
    assert sum("its process was killed" in line for line in lines) == 1
    assert [run.is_done() for run in others] == [True, True]


def test_a_chapter_is_made_anew_when_published_numbers_of_its_paper_change(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "claims"
    folder.mkdir(parents=True)
    (tmp_path / "requirements.txt").touch()
    monkeypatch.setattr(execution, "ROOT", tmp_path)

    def key_after(name):
        (folder / name).write_text(name)
        return execution.source_key(CHAPTER, "fast")

    keys = [key_after(name) for name in ("ritter2018.yml", "ritter2018_tables.csv", "ritter20180.yml")]
    assert keys[0] != keys[1] == keys[2]


def write_executed(chapter, mode, value):
    """An executed notebook that measured one value for each claim."""
    paper, figure = chapter.split("/")
    own = {name: claim for name, claim in claims.load(paper).items() if claim.figure == figure}
    judged = claims.judge(own, {name: [value, value] for name in own}, mode)
    shown = nbformat.v4.new_output("display_data", tables.bundle(chapter, mode, judged, {}))
    path = executed_path(chapter, mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = nbformat.v4.new_code_cell("", outputs=[shown])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return list(own)


def test_claims_are_shown_as_the_last_build_measured_them(folder, monkeypatch):
    outcomes = [Outcome(CHAPTER, "full"), Outcome(OTHER, "full", status="failed")]
    for chapter in (CHAPTER, OTHER):  # of earlier builds
        write_executed(chapter, "fast", 111.0)
        write_executed(chapter, "full", 222.0)
    of_chapter, of_other = write_executed(CHAPTER, "full", 333.0), write_executed(OTHER, "full", 222.0)
    monkeypatch.setattr(build, "execute", lambda mode, **_: Executed(outcomes))
    monkeypatch.setattr(build, "stage", lambda outcomes, folder: [])
    monkeypatch.setattr(build, "make_html", lambda folder, output: "")
    monkeypatch.setattr(cli, "ROOT", folder)

    def shown():
        done = CliRunner().invoke(cli.cli, ["claims"], catch_exceptions=False)
        return {line.split()[1]: line for line in done.output.splitlines()}

    assert records.last_built(folder / "_build") == []
    lines = shown()
    assert all("fast: not run" in lines[name] for name in of_chapter + of_other)
    build.build("full", output=folder, tell=lambda text: None)
    assert records.last_built(folder / "_build") == [executed_path(CHAPTER, "full")]
    lines = shown()
    for name in of_chapter:
        assert "fast: not run" in lines[name]
        assert "333" in lines[name]
    for name in of_other:
        assert "fast: not run" in lines[name]
        assert "222" not in lines[name]
