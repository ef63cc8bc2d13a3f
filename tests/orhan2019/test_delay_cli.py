"""``mempaper orhan2019``: the original's options, what they mean, resuming, refusals."""

import sys

import numpy as np
import pytest
from click.testing import CliRunner

import mempaper.cli
from mempaper.checkpoint import load_arrays
from mempaper.orhan2019 import cli, experiments, groups
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.training import Trainer
from mempaper.parameters import ConfigError

TINY = "--mode smoke --hidden_size 12 --iterations 6 --report_every 3 --test_trials 50"


@pytest.fixture
def run(runs):
    """Run a command of this paper; gives click's result."""
    return lambda words: CliRunner().invoke(cli.cli, words.split())


@pytest.fixture
def asked_for(monkeypatch):
    """Note the trainings that are asked for instead of running them."""
    calls = []

    def note(experiment):
        calls.append(experiment)
        trials = np.ones((1, 3))
        return {"infloss": np.ones(1), "diverged": -np.ones(1)} | dict.fromkeys(
            ("index", "entropy", "ridge"), trials
        )

    monkeypatch.setattr(DelayLearning, "result", note)
    return calls


def refuse(words, monkeypatch, capsys):
    """Run the whole command; gives exit status and what it says on standard error."""
    monkeypatch.setattr(sys, "argv", ["mempaper", "orhan2019", *words.split()])
    with pytest.raises(SystemExit) as stop:
        mempaper.cli.main()
    return stop.value.code, capsys.readouterr().err


def index_of(output):
    """Index, entropy and ridge from the lines that a command prints, one row per stage."""
    words = [line.split() for line in output.splitlines() if "sequentiality index" in line]
    return np.array([[float(w) for w in line if w[0].isdigit()] for line in words])


def test_papers_commands_are_listed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mempaper", "-h"])
    mempaper.cli.main()
    assert "orhan2019" in capsys.readouterr().out


@pytest.mark.parametrize("command", [*cli.MODELS, "multitask"])
def test_help_shows_the_originals_options_first(run, command):
    out = run(f"{command} -h").output
    own = ("--first", "--second", "--job")
    original = ("--task", "--model", "--lambda_val", "--sigma_val", "--rho_val")
    flags = own if command == "multitask" else original
    places = [out.index(f"{flag} ") for flag in (*flags, "--mode", "--hidden_size")]
    assert places == sorted(places)
    assert ("--rho_val" in out) == (command != "multitask")


@pytest.mark.parametrize("command", cli.MODELS)
def test_defaults_are_the_originals(run, asked_for, command):
    result = run(command)
    assert result.exit_code == 0
    wanted = DelayLearning.checked(
        task="DE1", condition=command, lambda0=0.98, sigma0=0, rho=0, n_seeds=1, seed=0
    )
    assert [e.config() for e in asked_for] == [wanted.config()]
    assert (wanted.hidden_size, wanted.iterations, wanted.norm_clip) == (500, 25_001, None)
    assert "DE-1 (code 0)" in result.output


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("basic --model 1", "hebbian"),
        ("basic --model 2", "orthogonal"),
        ("basic --model 3", "gru"),
        ("tethered --model 1", "orthogonal"),
        ("dynamic --model 2", "gru"),
        ("vardelay --model 1", "gru"),
        ("tethered --model Hebbian", "hebbian"),
        ("basic --model leinit", "leinit"),
    ],
)
def test_model_codes_differ_between_commands(run, asked_for, words, model):
    output = run(words).output
    assert asked_for[0].model == model
    assert f"{model}: 500 {cli.KINDS[model]}" in output


@pytest.mark.parametrize(
    ("given", "name"), [("0", "DE1"), ("4", "GDE"), ("6", "2AFC"), ("sine", "SINE"), ("DE-2", "DE2")]
)
def test_tasks_have_the_originals_codes(run, asked_for, given, name):
    assert run(f"basic --task {given}").exit_code == 0
    assert asked_for[0].task == name


@pytest.mark.parametrize("command", ["basic", "tethered", "vardelay"])
def test_code_5_is_the_variable_delay_in_every_command(run, asked_for, command):
    output = run(f"{command} --task 5").output
    assert (asked_for[0].task, asked_for[0].condition) == ("DE1", "vardelay")
    assert "DE-1 with variable delays" in output
    assert "does not report" in output


def test_code_3_says_that_it_is_not_in_the_paper(run, asked_for):
    assert "does not report the task CD, 2 locations" in run("tethered --task 3").output
    assert (asked_for[0].task, asked_for[0].condition) == ("CD2", "tethered")


def test_sigma_is_the_spread_of_the_weights_themselves(run, asked_for):
    output = run(
        "basic --task 6 --hidden_size 200 --lambda_val 0.9 --sigma_val 0.02 --rho_val 1e-4"
    ).output
    weights = asked_for[0].start_network().W_hh[0].detach().numpy()
    off = weights[~np.eye(200, dtype=bool)]
    assert off.std() == pytest.approx(0.02, rel=0.02)
    assert np.diag(weights) == pytest.approx(0.9)
    assert asked_for[0].points() == [(0.9, 0.02 * 200**0.5, 1e-4)]
    assert "sigma_0 = 0.282843 (sigma = 0.02), rho = 0.0001" in output


def test_sigma_takes_the_size_of_the_mode_where_none_is_given(run, asked_for):
    run("basic --mode fast --sigma_val 0.05")
    assert asked_for[0].hidden_size == 64
    assert asked_for[0].sigma0 == (0.05 * 8,)


def test_jobs_walk_over_the_originals_grid():
    starts = [cli.job_start(job) for job in range(1, 101)]
    assert starts[:2] == [(0.8, 0.0), (0.82, 0.0)]
    assert starts[10] == (0.8, 0.002)
    assert starts[-1] == (0.98, 0.018)
    assert len(set(starts)) == 100
    sigma0 = sorted({sigma * 500**0.5 for _, sigma in starts})
    assert np.allclose(sigma0, experiments.SIGMAS, atol=5e-5)


@pytest.mark.parametrize("pair", groups.PAIRS)
def test_pairs_of_tasks(run, asked_for, pair):
    first, second = groups.PAIRS[pair]
    run(f"multitask --pair {pair} --job 12")
    run(f"multitask --first {first} --second {second} --job 12 --seed 12")
    by_name, by_task = asked_for[:2], asked_for[2:]
    assert [e.config() for e in by_name] == [e.config() for e in by_task]
    assert [(e.task, e.first_task, e.seed) for e in by_name] == [(first, None, 12), (second, first, 12)]
    assert {e.iterations for e in by_name} == {25_001}
    assert {e.points()[0] for e in by_name} == {(0.82, 0.002 * 500**0.5, 0.0)}


def test_a_network_is_trained_once_and_then_read(run):
    words = f"basic --task 2AFC --sigma_val 0.05 --seed 3 {TINY}"
    first, again = run(words), run(words)
    assert first.exit_code == again.exit_code == 0, first.output
    assert "6 updates" in first.output
    assert "trained already" in again.output
    assert first.output.splitlines()[-2:] == again.output.splitlines()[-2:]
    index, entropy, ridge = index_of(first.output)[0, :3]
    assert index == pytest.approx(entropy + ridge, abs=2e-3)


def test_a_broken_training_goes_on_to_the_same_end(run, runs, monkeypatch):
    words = f"basic --task CD {TINY}"
    whole = run(words)
    (file,) = runs.rglob("result.safetensors")
    expected = load_arrays(file)
    for kept in file.parent.iterdir():
        kept.unlink()
    update = Trainer.update

    def broken(self, iteration):
        if iteration == 4:
            raise KeyboardInterrupt
        return update(self, iteration)

    monkeypatch.setattr(DelayLearning, "resume_every", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "update", broken)
        assert run(words).exit_code != 0
    result = run(words)
    assert "going on where it was broken off" in result.output
    assert result.output.splitlines()[-2:] == whole.output.splitlines()[-2:]
    found = load_arrays(file)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert np.array_equal(tensor, found[name], equal_nan=True), name


def test_the_second_task_begins_where_the_first_ended(run, runs):
    result = run(f"multitask --job 95 --learning_rate 1e-9 {TINY}")
    assert result.exit_code == 0, result.output
    assert "CD (code 2), after 2AFC" in result.output
    assert len(index_of(result.output)) == 2
    first, second = (load_arrays(file)["weights/W_hh"] for file in runs.rglob("result.safetensors"))
    assert np.allclose(first, second, atol=1e-6)
    assert np.allclose(np.diagonal(first[0]), 0.88, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("basic --task 9", "Unknown task code 9"),
        ("basic --task 2AFG", "Did you mean '2AFC'?"),
        ("vardelay --model 2", "0 = leinit, 1 = gru"),
        ("basic --model grue", "Did you mean 'gru'?"),
        ("basic --lambda_val 1.1", "not in [0, 1]"),
        ("basic --sigma_val -0.1", "below 0"),
        ("basic --task 5 --model 1", "Hebbian term is not defined"),
        ("basic --model 2 --sigma_val 0.01", "orthogonal start has no sigma0"),
        ("dynamic --task 7", "not defined for the task Sine"),
        ("multitask --first 0 --second 2", "need to be different"),
        ("multitask --first 5", "code 5 is DE-1 with variable delays"),
        ("multitask --first 2 --pair har12_cd1", "give --pair, or --first and --second"),
        ("multitask --job 101", "101 is not in the range"),
        ("basic --hidden_size 0", "hidden_size"),
    ],
)
def test_refusals_are_one_message(runs, monkeypatch, capsys, words, said):
    status, error = refuse(words, monkeypatch, capsys)
    assert status == 2
    assert said in error
    assert "Traceback" not in error


def test_a_divergence_names_the_hyper_parameters(runs, monkeypatch, capsys):
    words = f"basic --task 7 --sigma_val 100 --lambda_val 0.9 --rho_val 0.5 --seed 7 {TINY}"
    status, error = refuse(words, monkeypatch, capsys)
    assert status == 1
    assert error.startswith("Error: Training diverged")
    assert "SINE with lambda0 0.9, sigma0 346.41, rho 0.5, seed 7" in error
    assert "Traceback" not in error


def test_a_model_code_says_with_which_command(runs):
    with pytest.raises(ConfigError, match="Allowed with tethered: 0 = leinit, 1 = orthogonal, 2 = gru"):
        cli.model_name("3", "tethered")
