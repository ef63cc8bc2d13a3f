"""Tasks in an order that keeps the cores busy, and what the book knows of its trainings."""

import subprocess
import sys
import threading
from graphlib import CycleError

import numpy as np
import pytest
import yaml

from mempaper import measurements, needs, records, schedule, timings
from mempaper.lu2022.experiments import RecallLearning
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.schedule import Task


class Log:
    """Tasks that note when they begin and end, and how many are under way at once."""

    def __init__(self):
        self.lines, self.most, self.now, self.lock = [], 0, 0, threading.Lock()

    def task(self, name, seconds=1.0, *after):
        def do():
            with self.lock:
                self.lines.append(f"+{name}")
                self.now += 1
                self.most = max(self.most, self.now)
            threading.Event().wait(0.01)
            with self.lock:
                self.lines.append(f"-{name}")
                self.now -= 1

        return Task(name, seconds, do, after)


@pytest.fixture
def log():
    return Log()


def test_a_task_starts_when_all_that_it_waits_for_has_ended(log):
    tasks = [log.task("c", 1, "a", "b"), log.task("d", 1, "c"), log.task("a"), log.task("b")]
    took = schedule.run(tasks, 3)
    assert set(took) == {"a", "b", "c", "d"}
    place = {line: k for k, line in enumerate(log.lines)}
    assert place["+c"] > max(place["-a"], place["-b"])
    assert place["+d"] > place["-c"]
    assert log.most <= 3


def test_the_longest_chain_starts_first_not_the_longest_task(log):
    tasks = [log.task("long", 5), log.task("short", 1), log.task("root", 2), log.task("leaf", 4, "root")]
    schedule.run(tasks, 1)
    assert [line for line in log.lines if line[0] == "+"] == ["+root", "+long", "+leaf", "+short"]
    assert schedule.ahead(tasks) == {"long": 5, "short": 1, "root": 6, "leaf": 4}


def test_no_more_tasks_at_once_than_asked_for_and_no_fewer(log):
    together = threading.Barrier(2, timeout=60)  # breaks unless two are under way at the same time
    tasks = [Task(str(k), 1.0, lambda: together.wait() and None) for k in range(2)]
    assert len(schedule.run(tasks, 2)) == 2
    schedule.run([log.task(str(k)) for k in range(6)], 2)
    assert log.most <= 2


def test_an_error_is_raised_and_nothing_starts_after_it(log):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        schedule.run([Task("first", 9, fail), log.task("second", 1)], 1)
    assert log.lines == []


def test_a_circle_is_refused(log):
    with pytest.raises(CycleError):
        schedule.run([log.task("a", 1, "b"), log.task("b", 1, "a")], 1)


def test_the_critical_path_is_the_chain_that_took_longest(log):
    tasks = [log.task("a"), log.task("b", 1, "a"), log.task("c", 1, "a"), log.task("alone", 99)]
    assert schedule.critical_path(tasks, {"a": 2, "b": 1, "c": 3, "alone": 4}) == ["a", "c"]
    assert schedule.critical_path([], {}) == []


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(measurements, "data_folder", lambda: tmp_path)
    return tmp_path


def test_what_chapters_needed_is_kept_and_found_again(runs, data):
    own = ContextualChoiceTraining.preset("smoke", seed=5)
    recall = RecallLearning.preset("smoke", penalty=2.0)
    used = {}
    for run in (own, recall):
        journal = records.Journal()
        journal.noted(type(run).result.__wrapped__)(run)
        used[run.paper] = list(journal.used.values())
    assert [entry["origin"] for entry in used["lu2022"]] == ["trained"]
    needs.record(
        "smoke",
        {"ritter2018/a": 50.0, "lu2022/b": 70.0},
        {"ritter2018/a": used["ritter2018"], "lu2022/b": used["lu2022"]},
    )
    found = needs.load("smoke")
    assert found["ritter2018/a"][own.key()].run.config() == own.config()
    assert set(found["lu2022/b"]) == {
        recall.key(),
        recall.pretraining().key(),
    }  # and what it starts from
    entry = yaml.safe_load((data / "needs.yml").read_text())["smoke"]["trainings"][own.key()]
    assert entry["differs"] == {"seed": 5}
    trained = sum(t.seconds for t in found["ritter2018/a"].values())
    spent = used["ritter2018"][0]["seconds"]
    assert timings.load()["ritter2018/a"]["smoke"] == pytest.approx(50 - spent + trained, abs=0.06)
    assert needs.load("fast") == {}

    needs.record("smoke", {"lu2022/b": 3.0}, {"lu2022/b": []})
    found = needs.load("smoke")
    assert found["lu2022/b"] == {}
    assert own.key() in found["ritter2018/a"]
    assert set(yaml.safe_load((data / "needs.yml").read_text())["smoke"]["trainings"]) == {own.key()}


def test_a_chapters_memory_is_its_own_and_not_that_of_the_process_that_started_it():
    held = np.ones(60 * 2**20)  # 480 MiB
    program = "from mempaper import records; print(records.peak_memory())"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert 10 < float(child.stdout) < held.nbytes / 2**20 < records.peak_memory()


def test_the_book_knows_runs_that_can_be_made():
    for chapter, trainings in needs.load("fast").items():
        paper = chapter.split("/")[0]
        assert all(t.run.paper == paper and t.seconds >= 0 for t in trainings.values())
