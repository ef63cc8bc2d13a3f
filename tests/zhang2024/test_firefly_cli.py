"""``mempaper zhang2024``: train, evaluate, export, import, recordings of monkeys."""

import shutil
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import mempaper.cli
from mempaper.parameters import ConfigError
from mempaper.zhang2024 import cli, monkeys
from mempaper.zhang2024.cli_options import architecture_name, one_training, seed_numbers
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.groups import EKF, HOL, MAIN, MOD, Pool
from mempaper.zhang2024.layout import find_seeds, read_seed
from mempaper.zhang2024.monkeys import read_recordings, write_recordings
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.table_files import read_rows

SIZES = "-p rnn_size 6 -p fc_size 6 -p holistic_size 6 -p stacked_size 6"
QUICK = f"--mode smoke --rounds 2 -p warm_steps 2 {SIZES}"
SLOW = f"--mode smoke --training original {SIZES}"


def run(words):
    """Run a command of this paper; gives what it prints."""
    result = CliRunner().invoke(cli.cli, words.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refuse(words, monkeypatch, capsys):
    """Run the whole command; gives what it says on standard error."""
    monkeypatch.setattr(sys, "argv", ["mempaper", "zhang2024", *words.split()])
    with pytest.raises(SystemExit) as stop:
        mempaper.cli.main()
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two seeds of one agent in other noises, trained by the command and exported; what it printed."""
    here = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMPAPER_RUNS", str(here / "runs"))
        words = f"train modular --seeds 0-1 --process_noise 0.3 --observation_noise 0 {QUICK}"
        output = run(f"{words} --out {here / 'agents'}")
    return here, words, output


@pytest.fixture
def asked(monkeypatch):
    """Note the trainings that are asked for, with their fields, instead of running them."""
    calls = []

    class NotTrainedError(Exception):
        pass

    def note(experiment):
        calls.append(experiment)
        raise NotTrainedError

    for kind in (QuickAgent, ReferenceAgent):
        monkeypatch.setattr(kind, "result", note)

    def ask(words):
        with pytest.raises(NotTrainedError):
            run(words)
        return calls[-1]

    return ask


def test_the_command_is_listed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mempaper", "-h"])
    mempaper.cli.main()
    assert "zhang2024" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["", "train", "evaluate", "export", "import", "monkeys", "monkeys import"]
)
def test_every_command_has_help(command):
    assert run(f"{command} -h").startswith("Usage")


def test_defaults_are_the_originals(runs, asked):
    found = asked("train Actor3Critic5")
    assert found.config() == ReferenceAgent.preset("full").config()
    assert (found.rnn_size, found.total_trials, found.exploration) == (128, 10_000, 0.8)
    assert not found.extensive
    found = asked(
        "train EKF --seeds 3 --process_noise 0.1 --observation_noise 0.2 --exploration 0.9 "
        "--total_trials 1000 --extensive --gain_range 1 2 -p dt 0.05"
    )
    wanted = ReferenceAgent.preset(
        "full",
        architecture="EKF",
        seed=3,
        process_noise=0.1,
        observation_noise=0.2,
        exploration=0.9,
        total_trials=1000,
        extensive=True,
        gain_range=(1, 2),
        dt=0.05,
    )
    assert found.config() == wanted.config()


def test_the_trainings_of_the_chapters_are_asked_for(runs, asked):
    for mode in ("smoke", "fast", "full"):
        pool = Pool.preset(mode)
        for word in ("holistic", "mod", "EKF"):
            own = pool.member(architecture_name(word), 2, (0.1, 0.2))
            found = asked(
                f"train {word} --seeds 2 --process_noise 0.1 --observation_noise 0.2 --mode {mode}"
            )
            assert found.key() == own.key()


def test_words_for_architectures():
    assert [architecture_name(word) for word in MAIN] == list(MAIN.values())
    words = ("holistic", "modular", "holEKF", "EKF", "Actor2Critic3")
    found = [architecture_name(word) for word in words]
    assert found == [HOL, MOD, "ActorEKFCritic1", EKF, "Actor2Critic3"]
    with pytest.raises(ConfigError, match="Unknown architecture 'Actor4Critic1'"):
        architecture_name("Actor4Critic1")


def test_seeds():
    assert seed_numbers("0-2,5") == [0, 1, 2, 5]
    assert seed_numbers("3, 1,1") == [1, 3]
    for wrong in ("", "a", "3-1", "-1", "1;2"):
        with pytest.raises(ConfigError, match="is not like 0, 0-2 or 0,3,5"):
            seed_numbers(wrong)


def test_train_tells_what_it_does(trained):
    here, _, output = trained
    for seed in (0, 1):
        assert f"Actor3Critic5, seed {seed}: " in output
        assert f"exported to {here}/agents/Actor3Critic5/gain_control/0.3_0/seed{seed}" in output
    assert "task gain_control: gain 1, process noise 0.3, observation noise 0" in output
    assert "warm start of 2 updates, then 2 rounds of 64 trials" in output
    assert output.count("trained now; kept in") == 2
    table = [line.split() for line in output.splitlines() if line.startswith("  gain1x")]
    exported = [
        read_rows(path)[-3] for path in sorted((here / "agents").rglob("gain_control/0.3_0/*.csv"))
    ]
    assert [float(line[2]) for line in table] == [round(row["error_distance"], 1) for row in exported]


def test_train_again_reads_what_is_there(trained, monkeypatch):
    here, words, output = trained
    monkeypatch.setenv("MEMPAPER_RUNS", str(here / "runs"))
    monkeypatch.setattr(QuickAgent, "train", lambda *_: pytest.fail("trained again"))
    again = run(words)
    assert again.count("trained already; kept in") == 2
    numbers = [line for line in output.splitlines() if line.startswith("  gain")]
    assert [line for line in again.splitlines() if line.startswith("  gain")] == numbers


def test_a_first_phase_that_does_not_end_is_told(runs, tmp_path):
    root = tmp_path / "agents"
    output = run(f"train EKF modular {SLOW} --out {root}")
    assert output.count("FAILS: phase I did not end") == 2
    assert (
        "phase I of 20 trials at most (exploration 0.8), then 20 trials, a checkpoint every 10" in output
    )
    for folder in find_seeds(root):
        assert sorted(read_seed(folder).checkpoints) == [(9, True), (19, True)]
    told = run(f"evaluate {root}").splitlines()
    assert told == [
        f"{name}, seed 0: phase I did not end, nothing to test" for name in ("Actor3Critic5", "EKF")
    ]


def test_export_and_import(trained, tmp_path, monkeypatch, capsys):
    here, words, _ = trained
    options = words.removeprefix("train")
    monkeypatch.setenv("MEMPAPER_RUNS", str(here / "runs"))
    first = run(f"export {tmp_path / 'a'}{options}")
    assert first.count("exported to") == 2
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    said = refuse(f"export {tmp_path / 'b'}{options}", monkeypatch, capsys)
    assert "Actor3Critic5, seed 0, is not trained in this way yet" in said
    assert not (tmp_path / "b").exists()
    told = run(f"import {tmp_path / 'a'}")
    assert [f"noises 0.3_0, seed {k}: kept in {tmp_path}" in told for k in (0, 1)] == [True, True]
    run(f"export {tmp_path / 'b'}{options}")
    files = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "a", tmp_path / "b")
    ]
    assert files[0] == files[1]


def test_evaluate(trained, tmp_path):
    root = tmp_path / "agents"
    shutil.copytree(trained[0] / "agents", root)
    where = f"evaluate {root} --training_task gain_control --process_noise 0.3 --observation_noise 0"
    told = run(f"{where} --testing_task perturb_control --n_trials 25 --again --seeds 1")
    table = root / "training_curve_temp/perturbation_control/0.3_0/Actor3Critic5_seed1.csv"
    assert f"noises 0.3_0, seed 1: 1 checkpoint, table in {table}" in told
    assert "seed 0" not in told
    rows = read_rows(table)
    assert [row["task"] for row in rows] == ["perturbation0", "perturbation1"]
    for row in rows:
        assert f"{row['task']}  {row['reward_fraction']:.3f}" in " ".join(told.split()).replace(
            " ", "  "
        )
    told = run(f"{where} --testing_task gain_control --agents modular --extensive --n_trials 25")
    folder = root / "training_curve_temp/gain_control_full/0.3_0"
    assert sorted(path.name for path in folder.glob("*.csv")) == [
        f"Actor3Critic5_seed{seed}.csv" for seed in (0, 1)
    ]
    assert told.count("1 checkpoint, table in") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--testing_task gain_control", "for agents of the training task gain_control"),
        ("--training_task gain_control", "testing task gain is for agents of the training task gain;"),
        ("--training_task gians", "Unknown training task 'gians'. Did you mean 'gain'?"),
        ("--process_noise 0.3", "noises 0.3_0.1 are of --training_task gain_control"),
        (
            "--training_task gain_control --testing_task gain_control --process_noise 0.3",
            "gain_control needs --process_noise and --observation_noise",
        ),
        (
            "--training_task gain_control --testing_task gain_control --process_noise 0.2 "
            "--observation_noise 0.1",
            "noises 0.2_0.1 are of --training_task gain",
        ),
        ("", "no agents in"),
        ("--agents EKF", "no agents in"),
        ("--agents EKF --seeds 0", "EKF/gain/seed0 is not a folder"),
        ("--agents EKG", "Unknown architecture 'EKG'"),
        ("--seeds x", "--seeds x is not like"),
    ],
)
def test_evaluations_that_are_refused(trained, options, message, monkeypatch, capsys):
    assert message in refuse(f"evaluate {trained[0] / 'agents'} {options}", monkeypatch, capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("Actor9Critic1", "Unknown architecture 'Actor9Critic1'"),
        ("EKF --rounds 3", "rounds is for the quick training: add --training quick"),
        ("EKF --mode fast --exploration 0.9", "exploration is for the original training"),
        ("EKF --exploration 0.5", "exploration is 0.5"),
        ("EKF --total_trials 100", "total_trials 100 is below validate_every 500"),
        ("EKF --process_noise 0", "process_noise 0 makes the filter of an EKF agent singular"),
        ("mod --observation_noise -1", "observation_noise is -1"),
        ("mod --gain_range 2 1", "gain_range is (2.0, 1.0): not a range"),
        ("mod -p rnn_siez 6", "Unknown parameter 'rnn_siez'. Did you mean 'rnn_size'?"),
        ("mod -p n_seeds 6", "-p n_seeds: there is an option for it"),
        ("mod --rounds 5 --mode fast -p rounds 6", "-p rounds: there is an option for it"),
        ("mod --seeds 1-0", "--seeds 1-0 is not like"),
        ("mod --device tpu9", "torch cannot use it here"),
    ],
)
def test_trainings_that_are_refused(runs, options, message, monkeypatch, capsys):
    assert message in refuse(f"train {options}", monkeypatch, capsys)
    assert not list(runs.rglob("result.*"))


def test_an_import_of_nothing_is_refused(runs, tmp_path, monkeypatch, capsys):
    said = refuse(f"import {tmp_path}", monkeypatch, capsys)
    assert f"{tmp_path} holds no run" in said


def test_quick_training_at_another_mode(runs):
    found = one_training(
        HOL, 1, mode="full", training="quick", noise=(0.2, 0.1), device="cpu", rounds=None
    )
    assert found.config() == Pool.preset("fast").member(HOL, 1).config()


# Recordings of monkeys


@pytest.fixture
def recordings(tmp_path):
    """A folder with one subject's made-up trials."""
    n, samples = 3, 5
    columns = {
        "target_x": np.zeros(n),
        "target_y": np.full(n, 200.0),
        "gain_v": np.full(n, 200.0),
        "gain_w": np.full(n, 90.0),
        "rewarded": np.array([True, False, True]),
        "offsets": np.arange(n + 1) * samples,
        "dt": np.array(0.1),
        **{name: np.zeros(n * samples) for name in ("pos_x", "pos_y", "action_v", "action_w")},
    }
    made = monkeys.checked(columns, "normal", "here")
    write_recordings(tmp_path / "monkeys/B/normal.npz", made)
    return tmp_path / "monkeys"


def test_check_tells_what_is_there(recordings, monkeypatch, capsys):
    told = run(f"monkeys check {recordings} --conditions normal")
    assert told == "B normal: 3 trials, gain 1, 0.5 s (median)\n"
    assert "gain.npz is missing" in refuse(f"monkeys check {recordings}", monkeypatch, capsys)
    said = refuse(f"monkeys check {recordings} --conditions nromal", monkeypatch, capsys)
    assert "Unknown condition 'nromal'. Did you mean 'normal'?" in said
    path = recordings / "B/normal.npz"
    columns = dict(np.load(path))
    np.savez(path, **{name: columns[name] for name in columns if name not in ("pos_x", "gain_v")})
    said = refuse(f"monkeys check {recordings} --conditions normal", monkeypatch, capsys)
    assert "lacks the column(s) gain_v, pos_x" in said


def test_import_of_released_pickles(recordings, tmp_path, monkeypatch, capsys):
    pandas = pytest.importorskip("pandas")
    made = read_recordings(recordings / "B/normal.npz", "normal")
    columns = {**{k: list(v) for k, v in made.scalars.items()}}
    for name in made.traces:
        columns[name] = [made.trace(name, trial) for trial in range(len(made))]
    source = tmp_path / "released/Bruno/bruno_normal_trajectory_paper.pkl"
    source.parent.mkdir(parents=True)
    pandas.DataFrame(columns).to_pickle(source)
    told = run(f"monkeys import {tmp_path / 'released'} {tmp_path / 'out'}")
    assert told == f"written: {tmp_path / 'out/B/normal.npz'}\n"
    assert run(f"monkeys check {tmp_path / 'out'} --conditions normal").startswith("B normal: 3 trials")
    said = refuse(f"monkeys import {tmp_path / 'out'} {tmp_path}", monkeypatch, capsys)
    assert "has no Bruno/bruno_normal_trajectory_paper.pkl" in said
