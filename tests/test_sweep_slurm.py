"""Sweeps on a real Slurm: an array, a cancelled job, a failing job (make test-slurm)."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from mempaper.checkpoint import load_arrays
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.sweep import failure_file

pytestmark = pytest.mark.slurm
GRID = ("ritter2018/contextual_choice", "--mode", "smoke", "--grid", "kernel=l2,cosine")


@pytest.fixture(autouse=True)
def slurm():
    if shutil.which("sinfo") is None:
        pytest.fail("There is no Slurm here: start a cluster of one node before make test-slurm.")
    state = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout.split()
    if not {"idle", "mixed", "allocated"} & set(state):
        pytest.fail(f"Slurm's node is {', '.join(state) or 'unknown'}, not idle: restart the cluster.")


def sweep(runs, *options, check=True):
    """Run the command to its end; its output, or all of its result if it may fail."""
    done = subprocess.run(
        [sys.executable, "-m", "mempaper", "sweep", *options],
        env={**os.environ, "MEMPAPER_RUNS": str(runs)},
        capture_output=True,
        text=True,
        timeout=540,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def in_queue():
    return subprocess.run(
        ["squeue", "-h", "--array", "-o", "%i %T"], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.5)
    return found


def test_an_array_gives_what_this_machine_gives_and_runs_once(runs, tmp_path):
    sweep(tmp_path / "here", *GRID)
    sweep(runs, *GRID, "--cluster", "slurm", "--hours", "1", "--memory", "2")
    files = sorted(file.relative_to(runs) for file in runs.rglob("result.safetensors"))
    assert len(files) == 2
    for file in files:
        ours, theirs = (load_arrays(folder / file) for folder in (runs, tmp_path / "here"))
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert np.array_equal(array, theirs[name], equal_nan=True), name
    times = [(runs / file).stat().st_mtime_ns for file in files]
    again = sweep(runs, *GRID, "--cluster", "slurm")
    assert [(runs / file).stat().st_mtime_ns for file in files] == times
    assert again.stdout.count("cache") == 2


def test_a_cancelled_job_goes_on_from_its_resume_point(runs, monkeypatch):
    long = ("ritter2018/contextual_choice", "--mode", "smoke", "-p", "n_epochs", "2500")
    run = ContextualChoiceTraining.preset("smoke", n_epochs=2500)
    sweep(runs, *long, "--cluster", "slurm", "--detach")
    until(lambda: (run.folder() / "resume").exists())
    again = sweep(runs, *long, "--cluster", "slurm", "--detach")  # is under way: not sent twice
    assert "1 runs are on their way" in again.stdout
    jobs = in_queue()
    assert len(jobs) == 1
    subprocess.run(["scancel", jobs[0].split()[0]], check=True)
    # Without control groups Slurm leaves the process, which does not heed SIGTERM, to itself.
    subprocess.run(["pkill", "-KILL", "-f", f"submitit.core._submit {runs}"], check=False)
    until(lambda: not in_queue() and not run.busy())
    assert not run.is_done()
    assert (run.folder() / "resume").exists()
    assert "1 waiting" in sweep(runs, *long, "--status").stdout
    sweep(runs, *long, "--cluster", "slurm")
    assert run.is_done()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "unbroken"))
    unbroken = ContextualChoiceTraining.preset("smoke", n_epochs=2500).result()
    for name, array in unbroken.arrays.items():
        assert np.array_equal(array, run.result()[name], equal_nan=True), name


def test_a_job_that_fails_keeps_its_log_and_is_named(runs):
    broken = ContextualChoiceTraining.preset("smoke", kernel="cosine")
    (broken.folder() / "resume").write_bytes(b"no resume point")
    done = sweep(runs, *GRID, "--cluster", "slurm", check=False)
    assert done.returncode == 1
    assert ContextualChoiceTraining.preset("smoke", kernel="l2").is_done()
    assert not broken.is_done()
    assert str(failure_file(broken)) in done.stderr
    assert "is not a resume point that mempaper wrote" in failure_file(broken).read_text()
    assert "1 done, 1 failed" in sweep(runs, *GRID, "--status").stdout
    (broken.folder() / "resume").unlink()
    sweep(runs, *GRID, "--cluster", "slurm")
    assert broken.is_done()
    assert not failure_file(broken).exists()
