"""What sweeps ask of Slurm and of this machine, with stand-ins for both; nothing is sent."""

import os
import re
import subprocess
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mempaper import catalogue, cluster, costs, sweep
from mempaper.cluster import Queue, Work, hours_needed, jobs_of, queued
from mempaper.lu2022.experiments import RecallLearning
from mempaper.parameters import ConfigError
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.sweep_cli import sweep_command

LONG = ("lu2022/recall", "--mode", "full", "-p", "penalty", "9", "--n-seeds", "2")
SMOKE = ("ritter2018/contextual_choice", "--mode", "smoke")


def command(*words):
    """Run ``mempaper sweep`` here; its outcome, with the error that the command line would show."""
    done = CliRunner().invoke(sweep_command, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit | ConfigError):
        raise done.exception
    return done


@pytest.fixture
def slurm(tmp_path, monkeypatch, runs):
    """Commands like Slurm's: a folder with the jobs' scripts, and what squeue does in ``squeue.sh``."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, does in {
        "sbatch": f'cp "$1" {folder}/script; echo "Submitted batch job 7"',
        "squeue": f'echo "$@" >> {folder}/asked; . {folder}/squeue.sh',
        "srun": "exit 1",
        "sacct": "true",
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    (folder / "squeue.sh").write_text("echo 7\n")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(cluster, "ASK_SECONDS", 0.0)
    return folder


@pytest.fixture
def workers(monkeypatch, runs):
    """Processes that submitit would start on this machine: what it asks of each."""
    started = []

    def start(**options):
        started.append(options)
        return SimpleNamespace(pid=10**9 + len(started), poll=lambda: None)

    monkeypatch.setattr("submitit.local.local.start_controller", start)
    monkeypatch.setattr("mempaper.sweep_cli.available_cores", lambda: 2)
    return started


def asked_for(slurm):
    """Options of the job that was sent."""
    return dict(re.findall(r"#SBATCH --([\w-]+)=(.*)", (slurm / "script").read_text()))


def test_jobs_have_the_time_that_they_need(slurm):
    done = command(*LONG, "--cluster", "slurm", "--detach")
    assert done.exit_code == 0, done.output
    run = RecallLearning.preset("full", penalty=9, n_seeds=2)
    needed = [one for one in sweep.with_needs([run]) if not one.is_done()]
    estimate = sum(costs.hours(one) for one in needed)
    limit = max(1.0, cluster.MARGIN * estimate)
    assert float(asked_for(slurm)["time"]) == pytest.approx(60 * limit, abs=1)
    assert f"Time limit of a job: {limit:.1f} hours" in done.output
    assert "gpus-per-node" not in asked_for(slurm)


def test_a_time_limit_is_three_times_the_longest_estimate(monkeypatch, runs):
    monkeypatch.setattr(costs, "hours", lambda run: float(run.n_seeds))
    runs_of_two_lengths = [ContextualChoiceTraining.preset("fast", n_seeds=n) for n in (4, 9)]
    assert hours_needed(runs_of_two_lengths) == 27
    monkeypatch.setattr(costs, "hours", lambda run: 0.01)
    assert hours_needed(runs_of_two_lengths) == 1
    monkeypatch.setattr(costs, "hours", lambda run: None)
    assert hours_needed([ContextualChoiceTraining.preset("smoke")]) == 1
    with pytest.raises(ConfigError, match="was not measured: give --hours"):
        hours_needed(runs_of_two_lengths)


def test_limits_and_resources_reach_slurm(slurm):
    limits = ("--hours", "2.5", "--memory", "3", "--partition", "long")
    done = command(*LONG, *limits, "--cluster", "slurm", "--detach")
    assert done.exit_code == 0, done.output
    asked = asked_for(slurm)
    assert (asked["time"], asked["mem"], asked["partition"]) == ("150", "3GB", "long")
    assert "Time limit" not in done.output


@pytest.mark.parametrize(("gpus", "given"), [((), "1"), (("--gpus", "2"), "2")])
def test_a_training_that_is_not_for_the_cpu_asks_slurm_for_a_gpu(slurm, gpus, given):
    elsewhere = (*LONG, "-p", "device", "cuda", "--cluster", "slurm", "--detach")
    refused = command(*elsewhere, *gpus)
    assert "takes on cuda was not measured: give --hours" in str(refused.exception)
    assert command(*elsewhere, *gpus, "--hours", "2").exit_code == 0
    assert asked_for(slurm)["gpus-per-node"] == given


def test_gpus_are_not_asked_for_in_vain(slurm):
    refused = command(*LONG, "--cluster", "slurm", "--gpus", "1")
    assert "--gpus is for trainings on a GPU" in str(refused.exception)
    assert not (slurm / "script").exists()


def test_workers_of_this_machine_are_not_stopped_by_a_clock(workers):
    assert command(*SMOKE, "--cluster", "local", "--detach").exit_code == 0
    assert workers[0]["timeout_min"] == 60 * cluster.YEAR
    assert command(*LONG, "--cluster", "local", "--detach", "--hours", "2").exit_code == 0
    assert workers[1]["timeout_min"] == 120


def test_a_worker_sees_the_gpus_that_the_sweep_sees(monkeypatch, runs):
    monkeypatch.setattr(cluster, "one_thread_each", lambda: None)
    run = ContextualChoiceTraining.preset("smoke")
    for seen in ("1,2", None):
        monkeypatch.delenv(cluster.VISIBLE_GPUS, raising=False)
        if seen is not None:
            monkeypatch.setenv(cluster.VISIBLE_GPUS, seen)
        (work,) = jobs_of([run], "local", 1, "sweep")
        monkeypatch.setenv(cluster.VISIBLE_GPUS, "")  # as submitit does
        Work(name="here", runs=(), environment=work.environment).errors()
        assert os.environ.get(cluster.VISIBLE_GPUS) == seen


def test_the_same_command_finds_its_workers_when_runs_are_done_meanwhile(workers):
    grid = (*SMOKE, "--grid", "kernel=l2,l1,cosine", "--cluster", "local", "--detach")
    assert "3 runs are on their way" in command(*grid).output
    assert len(workers) == 2
    ContextualChoiceTraining.preset("smoke", kernel="l2").result()
    assert "2 runs are on their way" in command(*grid).output
    assert len(workers) == 2
    other = (*SMOKE, "--grid", "kernel=l1,cosine", "--cluster", "local", "--detach")
    assert command(*other).exit_code == 0
    assert len(workers) == 4, "another sweep has workers of its own"


def test_the_key_of_a_plan_is_that_of_all_its_runs():
    def key(**axes):
        made = sweep.named(SMOKE[0], "smoke", {}, catalogue.experiments())
        return sweep.plan_key(sweep.plan(made, axes))

    assert key(kernel=["l2", "l1"]) == key(kernel=["l1", "l2"])
    assert len({key(), key(kernel=["l1"]), key(kernel=["l2", "l1"]), key(seed=[1])}) == 4


def test_a_sweep_outlives_a_squeue_that_fails_now_and_then(slurm):
    count = slurm / "asked"
    (slurm / "squeue.sh").write_text(
        f'case $(wc -l < {count}) in 1|3) echo "socket timed out" >&2; exit 1;; 2) echo 7;; esac\n'
    )
    done = command(*SMOKE, "--cluster", "slurm")
    assert done.exit_code == 1
    assert "its job was cancelled, killed or ran out of time" in done.output
    lines = count.read_text().splitlines()
    assert len(lines) == 4, "the job was taken to go on while Slurm did not answer"
    assert all("--me" in line.split() for line in lines)


def test_a_slurm_that_answers_no_more_ends_the_waiting_in_words(slurm):
    (slurm / "squeue.sh").write_text('echo "Unable to contact slurm controller" >&2; exit 1\n')
    done = command(*SMOKE, "--cluster", "slurm")
    assert isinstance(done.exception, ConfigError)
    assert "Unable to contact slurm controller" in str(done.exception)
    assert "The jobs go on; the same command waits for them again" in str(done.exception)
    assert len((slurm / "asked").read_text().splitlines()) == cluster.PATIENCE
    again = command(*SMOKE, "--cluster", "slurm", "--detach")  # nothing is sent twice
    assert "Slurm does not say which jobs there are" in str(again.exception)


def test_failures_count_only_in_a_row(monkeypatch):
    answers = iter([*[ConfigError("no")] * (cluster.PATIENCE - 1), {"7"}, *[ConfigError("no")] * 99])

    def answer():
        said = next(answers)
        if isinstance(said, ConfigError):
            raise said
        return said

    monkeypatch.setattr(cluster, "queued", answer)
    monkeypatch.setattr(cluster, "ASK_SECONDS", 0.0)
    queue = Queue([])
    assert [queue() for _ in range(cluster.PATIENCE)] == [set()] * (cluster.PATIENCE - 1) + [{"7"}]
    assert [queue() for _ in range(cluster.PATIENCE - 1)] == [{"7"}] * (cluster.PATIENCE - 1)
    with pytest.raises(ConfigError, match="The jobs go on"):
        queue()


def test_slurm_is_asked_twice_a_minute_at_most(monkeypatch):
    now, asked = [1000.0], []
    monkeypatch.setattr(cluster, "queued", lambda: asked.append(now[0]) or set())
    monkeypatch.setattr(cluster.time, "monotonic", lambda: now[0])
    queue = Queue([])
    for now[0] in (1000.0, 1002.0, 1029.0, 1030.0, 1059.0):
        queue()
    assert asked == [1000.0, 1030.0]


@pytest.mark.parametrize("error", [FileNotFoundError("squeue"), subprocess.TimeoutExpired("squeue", 60)])
def test_a_squeue_that_is_not_there_or_hangs_is_no_answer(monkeypatch, error):
    def ask(*words, **options):
        raise error

    monkeypatch.setattr(subprocess, "run", ask)
    with pytest.raises(ConfigError, match=r"does not say which jobs there are: .*squeue"):
        queued()
