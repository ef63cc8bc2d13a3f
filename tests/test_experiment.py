import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from filelock import FileLock

from mempaper.checkpoint import CorruptFileError, same_arrays
from mempaper.parameters import MODES, ConfigError, unless_full
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.runs import side_by_side, train_all

SMALL = {"n_seeds": 2, "n_epochs": 2, "n_unique": 5, "n_evaluation": 1}
LONG = {**SMALL, "n_unique": 30, "n_epochs": 12}


def child(code, runs):
    """Start Python code in a process of its own, with the run class imported as E."""
    head = "from mempaper.ritter2018.experiments import ContextualChoiceTraining as E\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + code],
        env={**os.environ, "MEMPAPER_RUNS": str(runs), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_call_loads_what_the_first_trained(runs):
    first = ContextualChoiceTraining(**SMALL).result()
    second = ContextualChoiceTraining(**SMALL).result()
    assert first.provenance["origin"] == "trained"
    assert second.provenance["origin"] == "cache"
    assert set(first.arrays) == set(second.arrays)
    for name, array in first.arrays.items():
        assert np.array_equal(array, second[name])
    assert first.provenance["config"]["n_unique"] == 5


def test_every_field_but_the_device_names_another_run(runs):
    base = ContextualChoiceTraining(**SMALL)
    assert base.replace(seed=1).folder() != base.folder()
    assert base.replace(tau=2.0).key() != base.key()
    assert base.replace(device="cpu").key() == base.key()


@pytest.mark.parametrize(
    ("mode", "given", "message"),
    [
        ("quick", {}, r"mode is 'quick'; allowed are smoke, fast, full"),
        ("fast", {"sede": 3}, r"Unknown parameter 'sede'. Did you mean 'seed'\?"),
        ("fast", {"n_seeds": 0}, r"n_seeds is 0: Input should be greater than or equal to 1"),
        ("fast", {"n_seeds": "many"}, r"n_seeds is 'many': .*valid integer"),
        ("fast", {"learning_rate": -1}, r"learning_rate is -1: Input should be greater than 0"),
        ("fast", {"kernel": "l3"}, r"kernel is 'l3': Input should be 'l2', 'l1' or 'cosine'"),
        ("fast", {"t_noise_off": 10}, r"t_noise_off must be less than trial_length"),
        ("fast", {"device": "tpu9"}, r"device is 'tpu9': torch cannot use it here"),
    ],
)
def test_impossible_configurations_are_refused_with_what_is_allowed(mode, given, message):
    with pytest.raises(ConfigError, match=message):
        ContextualChoiceTraining.preset(mode, **given)


def test_what_costs_much_is_left_out_of_full_mode_unless_asked_for():
    assert [unless_full(None, mode, "sweep") for mode in MODES] == [True, True, False]
    assert unless_full(True, "full", "sweep")
    assert not unless_full(False, "fast", "sweep")
    with pytest.raises(ConfigError, match="sweep is 'false'; allowed are True, False and None"):
        unless_full("false", "full", "sweep")


class InParts(ContextualChoiceTraining):
    """Its networks are trained each by itself."""

    def parts(self):
        return self.by_seed(1)


def test_parts_give_what_one_ensemble_gives_and_are_used_again(runs):
    together = ContextualChoiceTraining(**SMALL, seed=4).result()
    apart = InParts(**SMALL, seed=4)
    assert [(part.seed, part.n_seeds) for part in apart.parts()] == [(4, 1), (5, 1)]
    found = apart.result()
    assert found.arrays.keys() == together.arrays.keys()
    for name, array in together.arrays.items():
        assert np.allclose(found[name], array, atol=1e-5), name
    more = apart.replace(n_seeds=3)
    origins = [part.result().provenance["origin"] for part in more.parts()]
    assert origins == ["cache", "cache", "trained"]
    assert not list(runs.rglob("resume*"))
    assert apart.by_seed(None) == apart.by_seed(2) == [apart]


def test_what_another_process_trains_comes_last(runs, monkeypatch):
    order = []
    monkeypatch.setattr(InParts, "result", lambda self: order.append(self.seed))
    parts = InParts(**SMALL).parts()
    monkeypatch.setattr(InParts, "busy", lambda self: self.seed == 0)
    with joblib.parallel_config(backend="sequential"):
        assert side_by_side(parts, lambda done, total: order.append(f"{done}/{total}")) == [None, None]
    assert order == [1, "1/2", 0, "2/2"]


def test_none_stands_for_the_modes_own_value():
    assert ContextualChoiceTraining.preset("smoke", n_seeds=None).n_seeds == 2
    assert ContextualChoiceTraining.preset("smoke", n_seeds=5).n_seeds == 5


def stored_file(run):
    (file,) = run.folder().glob("result.safetensors")
    return file


def test_truncated_or_foreign_results_are_refused_by_name(runs):
    run = ContextualChoiceTraining(**SMALL)
    run.result()
    file = stored_file(run)
    good = file.read_bytes()
    file.write_bytes(good[:-100])
    with pytest.raises(
        CorruptFileError, match=r"result\.safetensors is not the file.*Delete the folder"
    ):
        run.result()
    file.write_bytes(good)
    sidecar = file.with_suffix(".json")
    content = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**content, "config": {**content["config"], "seed": 99}}))
    with pytest.raises(CorruptFileError, match="belongs to another run"):
        run.result()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("result.json", r"result\.json is missing or not JSON"),
        ("result.safetensors", r"result\.safetensors cannot be read: No such file"),
    ],
)
def test_a_deleted_file_is_named_with_what_brings_it_back(runs, name, message):
    run = ContextualChoiceTraining(**SMALL)
    run.result()
    (run.folder() / name).unlink()
    with pytest.raises(CorruptFileError, match=message) as refused:
        run.result()
    advice = f". Delete the folder {run.folder()} to train this run again."
    assert str(refused.value).endswith(advice)
    shutil.rmtree(run.folder())
    assert run.replace().result().provenance["origin"] == "trained"


def test_a_truncated_cache_entry_is_refused_by_name(runs):
    run = ContextualChoiceTraining(**SMALL)
    run.result()
    job = run.folder() / "job.pkl"
    job.write_bytes(job.read_bytes()[:5])
    with pytest.raises(CorruptFileError, match=r"job\.pkl is truncated or foreign"):
        ContextualChoiceTraining(**SMALL).result()


def test_a_failed_run_is_tried_again(runs, monkeypatch):
    def fail(self, resume, report):
        raise FloatingPointError("diverged")

    with monkeypatch.context() as patch:
        patch.setattr(ContextualChoiceTraining, "train", fail)
        with pytest.raises(FloatingPointError, match="diverged"):
            ContextualChoiceTraining(**SMALL).result()
    again = ContextualChoiceTraining(**SMALL).result()
    assert again["correct"].shape == (2, 2, 10, 10)
    assert again.provenance["origin"] == "trained"


def test_shipped_results_are_used_and_foreign_ones_refused(runs, tmp_path, monkeypatch):
    run = ContextualChoiceTraining(**SMALL)
    trained = run.result()
    shipped = tmp_path / "shipped"
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: shipped)
    run.ship()
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "elsewhere"))
    found = ContextualChoiceTraining(**SMALL).result()
    assert found.provenance["origin"] == "shipped"
    assert [one.key() for one in ContextualChoiceTraining.shipped()] == [run.key()]
    assert np.array_equal(found["p_correct"], trained["p_correct"])
    other = ContextualChoiceTraining(**SMALL, seed=4)
    run.shipped_file().replace(other.shipped_file())
    run.shipped_file().with_suffix(".json").replace(other.shipped_file().with_suffix(".json"))
    with pytest.raises(CorruptFileError, match="belongs to another run"):
        other.result()


@pytest.mark.parametrize("lost", [".json", ".safetensors"])
def test_half_of_a_shipped_result_is_told_and_not_trained_anew(runs, tmp_path, monkeypatch, lost):
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: tmp_path / "shipped")
    run = ContextualChoiceTraining(**SMALL)
    assert not run.is_shipped()
    file = run.ship().with_suffix(lost)
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "elsewhere"))
    file.unlink()
    with pytest.raises(CorruptFileError, match=f"{file.name} .*restore it: git"):
        ContextualChoiceTraining(**SMALL).result()
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_file_of_the_book_is_restored_and_never_deleted(runs, tmp_path, monkeypatch):
    book = tmp_path / "the book"
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: book)
    run = ContextualChoiceTraining(**SMALL)
    file = run.ship()
    good = file.read_bytes()

    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=book, check=True
        )

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "results")
    file.write_bytes(good[:-10])
    file.with_suffix(".json").write_text("{")
    with pytest.raises(
        CorruptFileError, match=r"missing or not JSON. It comes with the book; "
    ) as refused:
        run.result()
    assert "elete" not in str(refused.value)
    subprocess.run(shlex.split(str(refused.value).partition("restore it: ")[2]), check=True)
    assert run.result().provenance["origin"] == "shipped"
    file.write_bytes(good[:-10])
    monkeypatch.setattr("mempaper.experiment.IN_CHECKOUT", False)
    with pytest.raises(CorruptFileError, match=r"checksum differs\)\. .* install mempaper anew\.$"):
        run.result()


def test_a_result_from_elsewhere_is_adopted_without_training(runs, tmp_path, monkeypatch):
    elsewhere = ContextualChoiceTraining(**SMALL).result()
    made = {"commit": "abc", "date": "2020-01-02", "device": "cpu", "seconds": 3.0}
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "here"))
    monkeypatch.setattr(ContextualChoiceTraining, "train", lambda *_: pytest.fail("trained"))
    run = ContextualChoiceTraining(**SMALL)
    assert same_arrays(run.adopt(elsewhere.arrays, made).arrays, elsewhere.arrays)
    found = ContextualChoiceTraining(**SMALL).result()
    assert found.provenance["origin"] == "cache"
    assert {name: found.provenance[name] for name in made} == made
    assert found.provenance["sha256"] == elsewhere.provenance["sha256"]
    assert not run.busy()
    again = ContextualChoiceTraining(**SMALL)
    again.adopt(elsewhere.arrays, {**made, "commit": "def"})
    assert again.result().provenance["commit"] == "abc"
    other = {**elsewhere.arrays, "correct": elsewhere["correct"] + 1}
    with pytest.raises(ConfigError, match=r"has another result already, which is in .*remove"):
        again.adopt(other, made)
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: tmp_path / "shipped")
    run.ship()
    with pytest.raises(ConfigError, match=r"another result already, which comes with the book"):
        again.adopt(other, made)


def test_arrays_are_the_same_with_their_types_and_gaps():
    gaps = {"a": np.array([1.0, np.nan]), "b": np.arange(3)}
    assert same_arrays(gaps, {name: array.copy() for name, array in gaps.items()})
    assert not same_arrays(gaps, {"a": gaps["a"]})
    assert not same_arrays(gaps, {**gaps, "b": np.arange(3.0)})
    assert not same_arrays(gaps, {**gaps, "a": np.array([1.0, 2.0])})


def test_kill_and_resume_gives_the_unbroken_result(runs, tmp_path):
    run = ContextualChoiceTraining(**LONG)
    code = f"E.resume_every = 0.0\nE(**{LONG}).result()\n"
    victim = child(code, runs)
    point = run.folder() / "resume"
    deadline = time.monotonic() + 60
    while not point.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.communicate()
    assert point.exists(), "the run ended before it could be killed"
    assert not (run.folder() / "result.safetensors").exists()

    asked = []
    trained = run.train

    def spy(resume, report):
        asked.append(int(resume.load()["done"]))
        return trained(resume, report)

    object.__setattr__(run, "train", spy)
    resumed = run.result()
    assert asked
    assert 0 < asked[0] < LONG["n_epochs"]
    assert not point.exists()

    os.environ["MEMPAPER_RUNS"] = str(tmp_path / "unbroken")
    unbroken = ContextualChoiceTraining(**LONG).result()
    for name, array in unbroken.arrays.items():
        assert np.array_equal(array, resumed[name]), name


def test_two_processes_train_once_and_agree(runs):
    code = f"r = E(**{LONG}).result()\nprint(r.provenance['origin'], r.provenance['sha256'], sep='\\n')"
    both = [child(code, runs), child(code, runs)]
    outputs = [p.communicate(timeout=120)[0].split() for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert sorted(words[-2] for words in outputs) == ["cache", "trained"]
    assert outputs[0][-1] == outputs[1][-1]


@pytest.mark.usefixtures("runs")
def test_runs_that_another_process_trains_are_left_for_last(monkeypatch):
    first, second, third = (ContextualChoiceTraining(**SMALL, seed=seed) for seed in (0, 10, 20))
    order = []
    plain = ContextualChoiceTraining.train

    def train(self, resume, report):
        order.append(self.seed)
        if self.seed == 20:
            elsewhere.release()
        return plain(self, resume, report)

    monkeypatch.setattr(ContextualChoiceTraining, "train", train)
    elsewhere = FileLock(first.folder() / "lock", is_singleton=False)
    with elsewhere:
        assert [run.busy() for run in (first, second)] == [True, False]
        train_all(iter([first, second, third]))
    assert order == [10, 20, 0]
    assert first.result().provenance["origin"] == "cache"
    assert not first.busy()


def test_runs_lie_where_the_environment_says(runs):
    assert Path(ContextualChoiceTraining(**SMALL).folder()).is_relative_to(runs)
