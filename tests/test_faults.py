"""Kills, full and read-only disks, sweeps at once, wrong clocks: nothing is lost or trained twice.

What is named ``small_disk_...`` needs a file system of its own, which one of the tests makes for it.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import journalled
import pytest
from filelock import FileLock
from journalled import Journalled, entries, until

from mempaper import provenance, sweep, workers
from mempaper.checkpoint import DiskError, ResumePoint, same_arrays
from mempaper.progress import silent
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.runs import train_all

TESTS = Path(__file__).parent
MEMPAPER = [sys.executable, "-c", "import journalled; journalled.main()"]
SWEEP = [*MEMPAPER, "sweep", "tests/journalled", "--mode", "smoke", "--n-seeds", "1"]
TWO = ("--grid", "seed=0,9")
TEN_YEARS = 10 * 365 * 24 * 3600


@pytest.fixture(autouse=True)
def journal(tmp_path, monkeypatch):
    """Where trainings write down what they do."""
    monkeypatch.setenv("FAULTS_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def start(tmp_path):
    """Starts commands, and ends what is left of them and their workers."""
    started = []

    def started_with(*command, **environment):
        with (tmp_path / f"output{len(started)}").open("w+") as output:  # workers may outlive it
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.said = Path(output.name).read_text
        started.append(process)
        return process

    yield started_with
    for process in started:
        kill_all_of(process)


class SmallDisk:
    """A file system of two megabytes."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self._mount("-t", "tmpfs", "-o", "size=2m", "small")

    def _mount(self, *words):
        subprocess.run(["mount", *words, str(self.folder)], check=True, capture_output=True)

    def fill(self):
        """Leave no room for a single byte."""
        with pytest.raises(OSError, match="No space left"):
            (self.folder / "filler").write_bytes(bytes(2**22))

    def free(self):
        """Undo :meth:`fill`."""
        (self.folder / "filler").unlink()

    def make(self, state):
        """Make it ``ro``, read-only, or ``rw`` again."""
        self._mount("-o", f"remount,{state}")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A disk that is soon full, where runs go."""
    small = SmallDisk(tmp_path / "small")
    monkeypatch.setenv("MEMPAPER_RUNS", str(small.folder / "runs"))
    yield small
    subprocess.run(["umount", "--lazy", str(small.folder)], check=True)


@pytest.fixture
def clock(monkeypatch):
    """A wall clock that is wrong by ``offset`` seconds."""
    wrong = SimpleNamespace(offset=0)
    right, right_ns = time.time, time.time_ns

    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(time.time(), tz)

    monkeypatch.setattr(time, "time", lambda: right() + wrong.offset)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + wrong.offset * 10**9)
    monkeypatch.setattr(provenance, "datetime", Wrong)
    return wrong


def kill_all_of(process):
    """End a command and its workers as the kernel does when memory runs out."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def small(**changes):
    return Journalled.preset("smoke", n_seeds=1, **changes)


def when(monkeypatch, event, epoch, do):
    """Have something happen as a training of this process writes a line into its journal."""
    plain = journalled.note

    def noted(*line):
        plain(*line)
        if (line[0], line[2]) == (event, epoch):
            do()

    monkeypatch.setattr(journalled, "note", noted)


def assert_intact(*runs):
    """Results are those of undisturbed trainings, and nothing else is left in their folders."""
    for run in runs:
        assert same_arrays(run.result().arrays, run.walk(ResumePoint(), silent))
        left = {path.name for path in run.folder().iterdir()}
        assert left >= {"job.pkl", "result.safetensors", "result.json", "lock"}
        assert not [name for name in left if "resume" in name or "tmp" in name or "part" in name]


def assert_never_twice_at_once(*runs):
    """No process goes on with a training after another one has begun it."""
    for run in runs:
        pids = [pid for pid, _ in itertools.groupby(entry.pid for entry in entries(run=run))]
        assert pids
        assert len(pids) == len(set(pids))


def assert_told(message, *words):
    assert "Traceback" not in message
    for word in words:
        assert word in message


def test_what_a_killed_worker_was_training_is_taken_up_again(runs, start, tmp_path):
    both = [small(seed=seed) for seed in (0, 9)]
    sweeping = start(*SWEEP, *TWO, FAULTS_HOLD="3")
    until(lambda: len(entries("held")) == 2 or sweeping.poll() is not None, "two workers")
    begun = entries("start")
    assert len({entry.pid for entry in begun} | {sweeping.pid}) == 3
    killed = begun[0]
    os.kill(killed.pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    assert sweeping.wait(journalled.PATIENCE) == 0, sweeping.said()
    again = [entry for entry in entries("start") if entry.key == killed.key][-1]
    assert again.pid not in {entry.pid for entry in begun}
    assert again.epoch >= 2, "from its resume point"
    assert_never_twice_at_once(*both)
    assert_intact(*both)
    assert not list((runs / "sweeps" / "logs").iterdir())


def test_a_sweep_goes_on_where_another_one_was_killed_that_ran_at_the_same_time(runs, start, tmp_path):
    both = [small(seed=seed) for seed in (0, 9)]
    first = start(*SWEEP, *TWO, FAULTS_HOLD="3")
    until(lambda: len(entries("held")) == 2 or first.poll() is not None, "the first sweep")
    second = start(*SWEEP, *TWO, "--workers", "1", FAULTS_HOLD="3")
    waiting = sweep.log_file(both[0])
    until(
        lambda: (
            second.poll() is not None
            or (waiting.exists() and "Another process trains" in waiting.read_text())
        ),
        "the second sweep to wait for the first one's trainings",
    )
    assert second.poll() is None, second.said()
    assert len(entries("start")) == 2
    first.kill()  # its workers know nothing of it and train on
    first.wait()
    (tmp_path / "go").touch()
    assert second.wait(journalled.PATIENCE) == 0, second.said()
    assert [len(entries("start", run)) for run in both] == [1, 1], "nothing was trained twice"
    assert_intact(*both)
    assert not list((runs / "sweeps" / "logs").iterdir())


@pytest.mark.usefixtures("runs")
def test_a_sweep_that_is_killed_with_its_workers_goes_on_although_the_clock_was_set(
    start, tmp_path, clock
):
    run = small()
    sweeping = start(*SWEEP, "--workers", "1", FAULTS_HOLD="3", FAULTS_CLOCK=str(TEN_YEARS))
    until(lambda: entries("held") or sweeping.poll() is not None, "the training")
    kill_all_of(sweeping)
    assert int(ResumePoint(run.folder() / "resume").load()["done"]) == 2
    for file in run.folder().iterdir():
        os.utime(file, times=(time.time() + TEN_YEARS,) * 2)
    assert [run.busy(), run.is_done(), sweep.state_of(run)] == [False, False, "waiting"]
    (tmp_path / "go").touch()
    repeated = start(*SWEEP, "--workers", "1", FAULTS_CLOCK=str(-TEN_YEARS))
    assert repeated.wait(journalled.PATIENCE) == 0, repeated.said()
    assert [entry.epoch for entry in entries("start")] == [0, 2]
    assert_never_twice_at_once(run)
    clock.offset = -2 * TEN_YEARS
    assert_intact(run)


@pytest.mark.usefixtures("runs")
def test_what_a_kill_left_half_written_is_cleared_away():
    run = small()
    for name in (".resume.1.part", ".result.safetensors.1.part", "result.safetensors"):
        (run.folder() / name).write_bytes(b"half")
    assert_intact(run)


def kept(run):
    """The epoch of the resume point; that it loads shows that it is whole."""
    return int(ResumePoint(run.folder() / "resume").load()["done"])


@pytest.mark.parametrize(("event", "epoch", "point"), [("epoch", 4, 3), ("end", 5, 5)])
def small_disk_that_is_full_costs_only_what_was_not_written(disk, monkeypatch, event, epoch, point):
    run = small()
    with monkeypatch.context() as patch:
        when(patch, event, epoch, disk.fill)
        with pytest.raises(DiskError, match=r"disk of .* is full: free some space, or move") as caught:
            run.result()
        assert "MEMPAPER_RUNS" in str(caught.value)
        assert kept(run) == point
        with pytest.raises(DiskError, match="is full"):  # once more while there is no room
            small().result()
        assert kept(run) == point
    assert not [path.name for path in run.folder().iterdir() if "part" in path.name]
    assert not run.is_done()
    disk.free()
    assert_intact(small())
    assert [entry.epoch for entry in entries("start")] == [0, point, point]


def small_disk_that_was_full_right_after_a_result_does_not_cost_it(disk, monkeypatch):
    run = small()
    with monkeypatch.context() as patch:
        cleared = ResumePoint.clear
        patch.setattr(ResumePoint, "clear", lambda self: [cleared(self), disk.fill()])
        with pytest.raises(DiskError, match="is full"):
            run.result()
    assert not (run.folder() / "job.pkl").exists()
    disk.free()
    assert_intact(small())
    assert len(entries("start")) == 1


def small_disk_that_is_read_only_gives_results_and_takes_none(disk):
    finished, new = small(), small(seed=3)
    finished.result()
    disk.make("ro")
    assert finished.result().provenance["origin"] == "cache"
    train_all([small()])
    with pytest.raises(DiskError, match="must be writable"):
        train_all([new])
    with pytest.raises(DiskError, match=r"must be writable \(Read-only file system\).*MEMPAPER_RUNS"):
        new.result()
    assert not entries("start", new)
    disk.make("rw")
    assert_intact(finished, new)


def small_disk_that_is_full_is_named_by_sweep_and_chapter(disk, start, tmp_path):
    run, notebook = small(), tmp_path / "out.ipynb"
    disk.fill()
    swept = start(*SWEEP, "--workers", "1")
    chapter = start(*MEMPAPER, "run", "ritter2018/fig3_learning", "--mode", "smoke", "-o", notebook)
    assert swept.wait(journalled.PATIENCE) == 1
    assert_told(
        swept.said(), f"The disk of {disk.folder}", "is full: free some space", "then do the same"
    )
    assert chapter.wait(journalled.PATIENCE) == 2
    assert_told(
        chapter.said(), f"The disk of {disk.folder}", "is full: free some space", "then do the same"
    )
    assert f"{notebook.with_suffix('.failed.ipynb')}" in chapter.said()
    assert not notebook.exists()
    disk.free()
    assert workers.train_logged(run) == ""
    assert_intact(run)


def test_small_disks(tmp_path):
    """Runs the tests above where a file system can be mounted without special rights."""
    mounting = ["sh", "-c", 'mount -t tmpfs small "$0"', str(tmp_path)]
    for way in (["--user", "--map-root-user", "--mount"], ["--mount"]):  # the second one for root
        apart = ["unshare", *way]
        if (
            shutil.which("unshare")
            and subprocess.run([*apart, *mounting], capture_output=True).returncode == 0
        ):
            break
    else:
        pytest.skip("a file system can be mounted here only with special rights")
    tests = [__file__, "-o", "python_functions=small_disk_*", "-p", "no:cacheprovider"]
    command = [*apart, sys.executable, "-m", "pytest", *tests, f"--basetemp={tmp_path / 'apart'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def without_rights():
    """Begin of a command for which a folder's permissions count, which they do not for root."""
    if os.geteuid() != 0:
        return []
    dropped = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if shutil.which("setpriv") is None or subprocess.run([*dropped, "true"]).returncode != 0:
        pytest.skip("permissions do not count for root, and setpriv cannot change that here")
    return dropped


def test_a_sweep_into_a_folder_that_may_not_be_written_says_so(runs, start):
    finished = small()
    finished.result()
    begun = entries()
    for folder, _, _ in os.walk(runs):
        Path(folder).chmod(0o555)
    try:
        refused = start(*without_rights(), *SWEEP, "--workers", "1", "--grid", "seed=0,3")
        assert refused.wait(journalled.PATIENCE) in (1, 2)
    finally:
        for folder, _, _ in os.walk(runs):
            Path(folder).chmod(0o755)
    assert_told(refused.said(), "must be writable (Permission denied)", "set MEMPAPER_RUNS")
    assert entries() == begun
    assert_intact(finished)


def test_full_and_read_only_disks_are_explained(runs):
    full, locked = "No space left on device", "Permission denied"
    told = workers.explained(OSError(28, full))
    assert f"The disk of {runs}, or where else this writes, is full: free some space, or move" in told
    assert "then do the same again. Nothing that was finished is lost." in told
    assert workers.explained(RuntimeError(f"cannot write: {full}")) == told
    assert f"The disk of {runs} is full" in workers.explained(OSError(28, full, f"{runs}/x"))
    elsewhere = workers.explained(PermissionError(13, locked, "/elsewhere/book.ipynb"))
    assert elsewhere.startswith("/elsewhere must be writable (Permission denied): change its perm")
    assert "MEMPAPER_RUNS" not in elsewhere
    assert workers.explained(ValueError("a\nb")) == "ValueError: a"


@pytest.mark.usefixtures("runs")
def test_a_clock_that_jumps_changes_nothing(clock, monkeypatch):
    run, kept_until = small(), []
    for epoch, jump in ((2, TEN_YEARS), (4, -2 * TEN_YEARS)):
        when(monkeypatch, "epoch", epoch, lambda jump=jump: setattr(clock, "offset", jump))
    for epoch in range(2, run.n_epochs + 1):
        when(monkeypatch, "epoch", epoch, lambda: kept_until.append(kept(run)))
    run.result()
    assert kept_until == [1, 2, 3, 4]
    clock.offset = 0
    assert_intact(small())
    assert len(entries("start")) == 1


def test_a_clock_that_jumps_does_not_hurry_or_hold_up_resume_points(clock, monkeypatch, tmp_path):
    now = time.monotonic()
    point = ResumePoint(tmp_path / "resume", every=20)
    for clock.offset in (TEN_YEARS, -TEN_YEARS):
        assert not point.due()
    monkeypatch.setattr(time, "monotonic", lambda: now + 40)
    assert point.due()


def test_sweeps_in_the_background_send_nothing_twice_and_their_jobs_outlive_them(runs, start):
    run = ContextualChoiceTraining.preset("smoke")
    command = [sys.executable, "-m", "mempaper", "sweep", "ritter2018/contextual_choice"]
    command += ["--mode", "smoke", "--cluster", "local"]
    sent = runs / "sweeps" / "jobs" / "logs"
    with FileLock(run.folder() / "lock", is_singleton=False):  # for which the job waits
        first, log = start(*command), sweep.log_file(run)
        until(
            lambda: first.poll() is not None or (log.exists() and "waiting" in log.read_text()),
            "the job of the first sweep",
        )
        second = start(*command, "--detach")
        assert second.wait(journalled.PATIENCE) == 0, second.said()
        assert "1 runs are on their way" in second.said()
        assert first.poll() is None, first.said()
        first.kill()
        first.wait()
    until(run.is_done, "the job, which goes on")
    assert len(list(sent.glob("*/*log.out"))) == 1
    assert same_arrays(run.result().arrays, run.train(ResumePoint(), silent))
