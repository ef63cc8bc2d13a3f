"""``mempaper khajehabdollahi2024 train``: options, files, going on after a kill, refusals."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from filelock import FileLock

import mempaper.cli
from mempaper.checkpoint import CorruptFileError, load_arrays, load_sidecar
from mempaper.khajehabdollahi2024 import gated_learning, gated_storage, learning, storage, trainer
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning
from mempaper.parameters import ConfigError

PAPER = "khajehabdollahi2024"
SMALL = "-nn 20 --batch_size 16 --updates_per_epoch 20 --test_batches 2 --learning_rate 0.2"
SHORT = f"{SMALL} --max_epochs 4 --max_n 4 --pass_mark 0.3"
OPTIONS = {
    "train": "-b --base_path -m --model_type -a --afunc -nn --num_neurons -ni --ns_init "
    "-c --curriculum_type -n --network_number -t --task -T --tau -ih --init_heads -dh --add_heads "
    "-fh --forget_heads -s --seed -h --help",
    "train_continuous": "-b --base_path -a --afunc -c --curriculum_type -t --task -n --network_number "
    "-ih --init_heads -dh --add_heads -fh --forget_heads -s --seed -dup --duplicates -it --init_tau",
    "train_lstm": "-b --base_path -n --network_number -c --curriculum_type -k --cell -s --seed",
}


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process; gives exit status, output and errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["mempaper", PAPER, *map(str, words)])
        try:
            mempaper.cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def asked_for(monkeypatch):
    """Note the trainings that are asked for instead of running them."""
    calls = []
    monkeypatch.setattr(trainer, "train_timescale", lambda *a, **k: calls.append(a))
    return calls


def contents(folder):
    """All arrays of a folder, by file and name."""
    return {
        (file.name, name): tensor.numpy()
        for file in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_arrays(file).items()
    }


def assert_same(folder, other):
    one, two = contents(folder), contents(other)
    assert one.keys() == two.keys()
    for key in one:
        assert np.array_equal(one[key], two[key], equal_nan=True), key


def test_papers_commands_are_listed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mempaper", "-h"])
    mempaper.cli.main()
    assert PAPER in capsys.readouterr().out


@pytest.mark.parametrize("command", OPTIONS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_explains_every_option(run, command, flag):
    status, out, _ = run(command, flag)
    assert status == 0
    words = out.replace(",", " ").split()
    assert set(OPTIONS[command].split()) <= set(words)
    first, further = out.split("Beyond the original:")
    assert "--max_epochs" in further
    assert "--batch_size" not in first


def test_defaults_are_the_papers(run, asked_for):
    assert run("train", "-s", "0")[0] == 0
    config, base_path, number = asked_for[0]
    assert config == CurriculumLearning.checked(n_seeds=1)
    assert (config.n_units, config.batch_size, config.fixed_tau) == (500, 256, None)
    assert (base_path, number) == ("trained_models", 1)


def test_short_options_are_told_apart(run, asked_for):
    short = "-b base -m mod -a tanh -nn 64 -ni 3 -c sliding -n 2 -t dms -T 2 -ih 6 -dh 4 -fh 5 -s 7"
    long = (
        "--base_path base --model_type mod --afunc tanh --num_neurons 64 --ns_init 3 "
        "--curriculum_type sliding --network_number 2 --task dms --tau 2 --init_heads 6 "
        "--add_heads 4 --forget_heads 5 --seed 7"
    )
    for words in (short, long):
        assert run("train", *words.split()) == (0, "", "")
    assert asked_for[0] == asked_for[1]
    config, base_path, number = asked_for[0]
    assert (base_path, number) == ("base", 2)
    assert config == CurriculumLearning.checked(
        n_seeds=1,
        placement="mod",
        activation="tanh",
        n_units=64,
        first_n=3,
        curriculum="sliding",
        task="dms",
        fixed_tau=2.0,
        init_heads=6,
        add_heads=4,
        forget_heads=5,
        seed=7,
    )


@pytest.mark.parametrize("given", ["7,8,9,10", "[7,8,9,10]", "[7, 8, 9, 10]"])
def test_options_of_continuous_networks(run, asked_for, given):
    assert run("train_continuous", "-dup", given, "-it", "2.5", "-s", "1", "-n", "99")[0] == 0
    config, _, number = asked_for[0]
    assert (config.duplicates, config.initial_tau, number) == ((7, 8, 9, 10), 2.5, 99)
    assert config.placement == "continuous"


def test_one_head_is_what_single_curricula_have(run, asked_for):
    status, _, err = run("train", "-c", "single", "-ih", "4", "-s", "1")
    assert (status, err) == (0, "single has one head: init_heads is 1\n")
    assert asked_for[0][0] == CurriculumLearning.checked(n_seeds=1, curriculum="single", seed=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train -c random", "'random' is not one of 'cumulative', 'sliding', 'single', 'single_nocurr'"),
        ("train -t parrot", "'parrot' is not one of 'parity', 'dms'"),
        ("train -a elu", "'elu' is not one of 'leakyrelu', 'relu', 'tanh', 'sigmoid'"),
        ("train -m inside", "'inside' is not one of 'default', 'mod'"),
        ("train -a tanh", "activation is 'tanh'; 'default' networks have 'leakyrelu'"),
        ("train -T 0.5", "fixed_tau is 0.5: Input should be greater than or equal to 1"),
        ("train -T two", "'two' is not a valid float"),
        ("train -nn 1", "n_units is 1: Input should be greater than or equal to 2"),
        ("train -nn 6.5", "'6.5' is not a valid integer"),
        ("train -ni 1", "first_n is 1"),
        ("train -ni 102", "max_n is 101, but training starts with (102,)"),
        ("train -ih 0", "init_heads is 0"),
        ("train -dh 0", "add_heads is 0"),
        ("train -fh 0", "forget_heads is 0"),
        ("train -n -1", "-1 is not in the range"),
        ("train -s -1", "seed is -1"),
        ("train --pass_mark 1.5", "pass_mark is 1.5"),
        ("train --device tpu9", "device is 'tpu9': torch cannot use it here"),
        ("train --epochs 4", "No such option '--epochs'"),
        ("train_continuous", "Missing option '-dup'"),
        ("train_continuous -dup 1,x", "'1,x' is not a list of whole numbers like 7,8,9,10"),
        ("train_continuous -dup [1,0]", "duplicates is (1, 0)"),
        ("train_continuous -dup 1,2 -t dms", "repeated bits are for the parity task only"),
        ("train_continuous -dup 2 -it 0.5", "initial_tau is 0.5"),
        ("train_continuous -dup 2 -c single_nocurr", "'single_nocurr' is not one of"),
        ("train_lstm -c sliding", "'sliding' is not one of 'cumulative', 'single'"),
        ("train_lstm -k rnn", "'rnn' is not one of 'lstm', 'gru'"),
        ("train_lstm --num_neurons 1", "n_units is 1"),
        ("train_lstm --max_n 1", "max_n is 1"),
        ("trian", "No such command 'trian'"),
    ],
)
def test_bad_input_is_one_message(run, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*words.split())
    assert status == 2
    assert message in err.replace("\n", " ")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_every_pass_is_in_a_file_and_is_what_learning_gives(run, tmp_path):
    status, out, _ = run("train", "-b", tmp_path, "-s", "3", "-n", "5", *SHORT.split())
    assert status == 0
    folder = tmp_path / "cumulative_parity_size_20_network_5"
    settings = CurriculumLearning.checked(
        n_units=20,
        batch_size=16,
        updates_per_epoch=20,
        test_batches=2,
        learning_rate=0.2,
        max_epochs=4,
        max_n=4,
        pass_mark=0.3,
    ).settings()
    expected = learning.learn(settings, 3, 1)
    n_passed = np.count_nonzero(expected["passed"])
    assert n_passed > 1
    names = ["rnn_init", *(f"rnn_N2_N{n}" for n in expected["ends"][:n_passed]), "stats"]
    assert sorted(f.stem for f in folder.glob("*.safetensors")) == sorted(names)
    for place, n in enumerate(expected["ends"][:n_passed]):
        found = storage.load_model("cumulative", "parity", 5, n, base_path=tmp_path, affixes=["size_20"])
        for name, p in found.named_parameters():
            assert np.array_equal(p.detach()[0], expected[f"weights/{name}"][0, place]), name
    stats = storage.load_stats(folder)
    for name in ("loss", "accuracy", "trained_n", "passed"):
        assert np.array_equal(stats[name], expected[name][0], equal_nan=True), name
    first = storage.load_network(folder / "rnn_init.safetensors")
    assert (first.trained, first.about["seed"]) == ((), 3)
    assert np.array_equal(first.network.tau.detach()[0, 0], expected["initial_tau"][0])
    assert not first.network.to_reference()["w_rec"].diagonal().any()
    lines = out.splitlines()
    assert lines[0] == f"{folder}, seed 3"
    assert [line.split(":")[0] for line in lines[1:]] == [
        f"epoch {i + 1}" for i in range(len(stats["loss"]))
    ]
    assert sum("passed: rnn_N2_N" in line for line in lines) == n_passed
    assert not (folder / "resume").exists()


@pytest.mark.parametrize(
    ("words", "folder", "stem"),
    [
        ("train -c single -t dms", "single_dms_size_20_network_1", "rnn_N3_N3"),
        ("train -c sliding -ih 2", "sliding_2_1_parity_size_20_network_1", "rnn_N3_N4"),
        ("train -m mod -a relu -T 2", "cumulative_parity_mod_relu_T_2.0_network_1", "rnn_N2_N3"),
        ("train -c single_nocurr -ni 4", "single_nocurr_parity_size_20_network_1", "rnn_N4_N4"),
        (
            "train_continuous -dup 1,2 -it 2",
            "cumulative_parity_duplicates[1, 2]_tau2.0_mod_leakyrelu_network_1",
            "rnn_N2_N3",
        ),
    ],
)
def test_all_kinds_of_networks_are_trained(run, tmp_path, words, folder, stem):
    small = [word.replace("-nn", "--num_neurons") for word in SHORT.split()]
    assert run(*words.split(), "-b", tmp_path, "-s", "0", *small)[0] == 0
    stored = storage.load_network(tmp_path / folder / f"{stem}.safetensors")
    first = storage.load_network(tmp_path / folder / "rnn_init.safetensors")
    assert not np.array_equal(*(s.network.w_rec.detach() for s in (stored, first)))
    if "-T" in words:
        assert (stored.network.tau == 2.0).all()
    if "-it" in words:
        assert first.network.tau.mean().item() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("words", "stem"),
    [("", "lstm_cumulative_network_3/lstm"), ("-k gru -c single", "gru_single_network_3/gru")],
)
def test_gated_networks_are_kept_as_learning_gives_them(run, tmp_path, words, stem):
    small = SHORT.replace("-nn", "--num_neurons").split()
    assert run("train_lstm", *words.split(), "-b", tmp_path, "-n", "3", "-s", "2", *small)[0] == 0
    settings = gated_learning.GatedSettings(
        kind=stem.split("/")[1],
        curriculum=Curriculum(stem.split("_")[1]),
        n_units=20,
        batch_size=16,
        updates_per_epoch=20,
        test_batches=2,
        learning_rate=0.2,
        max_epochs=4,
        max_n=4,
        pass_mark=0.3,
    )
    expected = gated_learning.learn_gated(settings, 2, 1)
    n_passed = np.count_nonzero(expected["passed"])
    assert n_passed > 1
    for place, n in enumerate(expected["ends"][:n_passed]):
        stored = gated_storage.load_gated(tmp_path / f"{stem}_N2_N{n}.safetensors")
        assert stored.trained == settings.stages[place]
        assert stored.head_of(n) == (n - 2 if "cumulative" in stem else 0)
        for name, p in stored.network.named_parameters():
            assert np.array_equal(p.detach()[0], expected[f"weights/{name}"][0, place]), name
    first = gated_storage.load_gated(tmp_path / f"{stem}_init.safetensors")
    assert first.trained == ()
    with pytest.raises(CorruptFileError, match=r"expected kind 'network'.*found 'gated network'"):
        storage.load_network(first.source)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        gated_storage.load_gated(tmp_path / f"{stem}_N2_N9.safetensors")
    moved = first.source.with_name(f"{first.source.stem.split('_')[0]}_N2_N3")
    for suffix in (".safetensors", ".json"):
        first.source.with_suffix(suffix).rename(moved.with_suffix(suffix))
    with pytest.raises(CorruptFileError, match=r"by its name \w+_N2_N3 is expected, found \w+_init"):
        gated_storage.load_gated(moved.with_suffix(".safetensors"))


def test_a_broken_off_gated_training_comes_to_the_same_end(tmp_path, monkeypatch):
    small = {"n_units": 8, "batch_size": 4, "updates_per_epoch": 3, "test_batches": 1}
    config = GatedLearning.checked(n_seeds=1, max_epochs=6, max_n=5, pass_mark=0.4, **small)
    whole = trainer.train_gated(config, tmp_path / "whole", tell=quietly)
    real, calls = storage.save_stats, []

    def fail(*a):
        calls.append(a)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*a)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "save_stats", fail)
        with pytest.raises(KeyboardInterrupt):
            trainer.train_gated(config, tmp_path / "broken", tell=quietly)
    assert_same(whole, trainer.train_gated(config, tmp_path / "broken", tell=quietly))


def config_of(**fields):
    small = {"n_seeds": 1, "n_units": 8, "batch_size": 4, "updates_per_epoch": 3, "test_batches": 1}
    return CurriculumLearning.checked(
        **{**small, "max_epochs": 6, "max_n": 5, "pass_mark": 0.4, **fields}
    )


def quietly(line):
    pass


@pytest.mark.parametrize("name", ["save_network", "save_stats"])
@pytest.mark.parametrize("call", [2, 3])
def test_broken_off_anywhere_it_comes_to_the_same_end(tmp_path, monkeypatch, name, call):
    whole = trainer.train_timescale(config_of(), tmp_path / "whole", tell=quietly)
    real, calls = getattr(storage, name), []

    def fail(*a, **k):
        calls.append(a)
        if len(calls) == call:
            raise KeyboardInterrupt
        return real(*a, **k)

    with monkeypatch.context() as patch:
        patch.setattr(storage, name, fail)
        with pytest.raises(KeyboardInterrupt):
            trainer.train_timescale(config_of(), tmp_path / "broken", tell=quietly)
    broken = trainer.train_timescale(config_of(), tmp_path / "broken", tell=quietly)
    assert_same(whole, broken)


def test_after_a_kill_the_same_command_comes_to_the_same_end(tmp_path):
    words = f"{SMALL} --max_n 12 --max_epochs 30 --pass_mark 0.9 -s 5".split()
    command = [sys.executable, "-m", "mempaper", PAPER, "train", *words, "-b"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    name = "cumulative_parity_size_20_network_1"
    killed = subprocess.Popen([*command, tmp_path / "killed"], env=environment, stdout=subprocess.PIPE)
    passed = tmp_path / "killed" / name / "rnn_N2_N2.safetensors"
    while not (passed.exists() and passed.with_name("resume").exists()) and killed.poll() is None:
        time.sleep(0.02)
    assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not load_sidecar(tmp_path / "killed" / name / "stats.safetensors")["finished"]
    for base in ("killed", "whole"):
        done = subprocess.run(
            [*command, tmp_path / base], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert ("going on after epoch" in done.stdout) == (base == "killed")
    assert_same(tmp_path / "killed" / name, tmp_path / "whole" / name)


def test_a_finished_training_is_left_alone(tmp_path):
    folder = trainer.train_timescale(config_of(), tmp_path, tell=quietly)
    before = {file: file.stat().st_mtime_ns for file in folder.glob("*.safetensors")}
    lines = []
    trainer.train_timescale(config_of(), tmp_path, tell=lines.append)
    assert lines[-1] == "finished already"
    assert {file: file.stat().st_mtime_ns for file in folder.glob("*.safetensors")} == before


def test_a_folder_is_not_mixed_with_another_training(run, tmp_path):
    assert run("train", "-b", tmp_path, "-s", "1", *SHORT.split())[0] == 0
    status, _, err = run("train", "-b", tmp_path, "-s", "2", "-dh", "2", *SHORT.split())
    assert status == 2
    assert "holds another training: add_heads is 1 there, 2 here; seed is 1 there, 2 here" in err
    (tmp_path / "cumulative_parity_size_20_network_1" / "rnn_init.json").unlink()
    status, _, err = run("train", "-b", tmp_path, "-s", "1", *SHORT.split())
    assert status == 2
    assert "but no rnn_init" in err


def test_a_seed_that_is_not_given_is_drawn_told_and_kept(run, tmp_path):
    _, out, _ = run("train", "-b", tmp_path, *SHORT.split())
    seed = int(out.splitlines()[0].split("seed ")[1])
    folder = tmp_path / "cumulative_parity_size_20_network_1"
    assert json.loads((folder / "rnn_init.json").read_text())["seed"] == seed
    _, again, _ = run("train", "-b", tmp_path, *SHORT.split())
    assert again.splitlines() == [f"{folder}, seed {seed}", "finished already"]
    _, other, _ = run("train", "-b", tmp_path, "-n", "2", *SHORT.split())
    assert f"seed {seed}" not in other


def test_two_trainings_do_not_share_a_folder(tmp_path):
    folder = tmp_path / "cumulative_parity_size_8_network_1"
    folder.mkdir()
    with FileLock(folder / "lock"), pytest.raises(ConfigError, match="Another process trains in"):
        trainer.train_timescale(config_of(), tmp_path, tell=quietly)


def test_a_base_path_that_is_a_file_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = run("train", "-b", tmp_path / "file", *SHORT.split())
    assert status == 2
    assert "cannot be written" in err


def test_a_folder_holds_one_network(tmp_path):
    with pytest.raises(ConfigError, match="n_seeds is 3; a folder holds one network"):
        trainer.train_timescale(config_of(n_seeds=3), tmp_path)
    assert list(tmp_path.iterdir()) == []
