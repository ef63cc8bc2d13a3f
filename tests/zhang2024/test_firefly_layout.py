"""The original's folders: export, import, and the evaluation of all checkpoints."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mempaper.checkpoint import CorruptFileError, load_arrays, same_arrays, save_arrays
from mempaper.parameters import ConfigError
from mempaper.zhang2024 import groups
from mempaper.zhang2024.checkpoints import best, evaluate
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.layout import Seed, find_seeds, read_seed, seed_folder
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.rollout import COLUMNS
from mempaper.zhang2024.table_files import labels_of, read_rows, table_file, write_rows
from mempaper.zhang2024.transfer import adopt, export

SMALL = {"rnn_size": 6, "fc_size": 6, "holistic_size": 6, "stacked_size": 6}
QUICK = {**SMALL, "rounds": 2, "warm_steps": 2}
STAMP = "20260304-000000"
HEADER = (
    "episode,task,reward_fraction,error_distance,error_distance_shoot,reward_rate,TD_error_abs,TD_error,"
    "value_est,ordered_episode"
)
GAINS = ["gain1x", "gain1.5x", "gain2x"]


def original(**changes):
    return ReferenceAgent.preset("smoke", **{**SMALL, **changes})


def quick(**changes):
    return QuickAgent.preset("smoke", **{**QUICK, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Trainings of both kinds, exported; the original's leaves its first phase at once."""
    here = tmp_path_factory.mktemp("made")
    plain = ReferenceAgent.schedule
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMPAPER_RUNS", str(here / "runs"))
        patch.setattr(ReferenceAgent, "schedule", lambda run: replace(plain(run), phase_two_at=-1.0))
        patch.setattr("mempaper.provenance.here", lambda: {"commit": "abc", "date": "2026-03-04"})
        one, noisy = original(), quick(process_noise=0.3, observation_noise=0)
        results = one.result(), noisy.result()
        folders = [export(run, here / "agents") for run in (one, noisy)]
    return SimpleNamespace(
        root=here / "agents",
        store=here / "runs",
        original=one,
        quick=noisy,
        results=results,
        folder=folders[0],
        quick_folder=folders[1],
    )


@pytest.fixture
def copied(made, tmp_path):
    """A copy of what was exported, to do harm to."""
    root = tmp_path / "agents"
    shutil.copytree(made.root, root)
    return root, root / made.folder.relative_to(made.root)


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("run", "path"),
    [
        (original(), "Actor3Critic5/gain/seed0"),
        (quick(seed=4, architecture="Actor1Critic2"), "Actor1Critic2/gain/seed4"),
        (
            quick(process_noise=0.0, observation_noise=0.3),
            "Actor3Critic5/gain_control/0_0.3/seed0",
        ),
        (
            original(architecture="EKF", process_noise=0.1, observation_noise=0.2, seed=2),
            "EKF/gain_control/0.1_0.2/seed2",
        ),
        (quick(process_noise=0.2, observation_noise=0.2), "Actor3Critic5/gain_control/0.2_0.2/seed0"),
    ],
)
def test_the_folder_of_a_seed(run, path):
    assert seed_folder("data", run) == Path("data") / path


def test_where_tables_lie():
    found = [
        table_file(Path("r"), "EKF", noise, 3, labels, extensive).as_posix()
        for noise in ((0.2, 0.1), (0.0, 0.3))
        for labels in ("gain", "perturbation")
        for extensive in (False, True)
    ]
    assert found == [
        f"r/training_curve_temp/{folder}/EKF_seed3.csv"
        for folder in (
            "gain",
            "gain_full",
            "perturbation",
            "perturbation_full",
            "gain_control/0_0.3",
            "gain_control_full/0_0.3",
            "perturbation_control/0_0.3",
            "perturbation_control_full/0_0.3",
        )
    ]


def test_an_export_has_the_originals_files(made):
    names = sorted(path.name for path in made.folder.iterdir())
    stems = ["-19", "-9", "-result"]
    assert names == sorted(
        [f"{STAMP}.csv", f"{STAMP}_arg.json"]
        + [f"{STAMP}{stem}.{kind}" for stem in stems for kind in ("safetensors", "json")]
    )
    content = json.loads((made.folder / f"{STAMP}_arg.json").read_text())
    assert content == {
        "experiment": "zhang2024/reference",
        "version": made.original.version,
        "config": made.original.config(),
    }
    for table in (made.folder / f"{STAMP}.csv", *made.root.rglob("training_curve_temp/**/*.csv")):
        assert table.read_text().splitlines()[0] == HEADER


def test_an_export_of_what_comes_with_the_book_has_the_weights_that_are_shipped(tmp_path):
    """One checkpoint of a training, and none of one that never left its first phase."""
    for run in ReferenceAgent.shipped():
        folder = export(run, tmp_path)
        kept = [load_arrays(path) for path in folder.glob("*9.safetensors")]
        ended = run.first_phase(run.result())[1]
        assert [bool(weights) for weights in kept] == [True] * ended
        shutil.rmtree(tmp_path / run.architecture)


def test_tables_hold_the_numbers_of_the_training(made):
    result = made.results[0]
    for labels, table, path in (
        (GAINS, result["validation"][0], made.folder / f"{STAMP}.csv"),
        (GAINS, result["table"][0][:, :3], made.root / "training_curve_temp/gain"),
        (
            ["perturbation0", "perturbation1"],
            result["table"][0][:, 3:],
            made.root / "training_curve_temp/perturbation",
        ),
    ):
        rows = read_rows(path if path.is_file() else path / "Actor3Critic5_seed0.csv")
        evaluated = table[np.isfinite(table[:, 0, 0])]
        assert len(rows) == len(labels) * len(evaluated) > 0
        assert [row["task"] for row in rows] == labels * len(evaluated)
        episodes = np.repeat([9, 19], len(labels))[: len(rows)].tolist()
        assert [row["episode"] for row in rows] == episodes
        assert [row["ordered_episode"] for row in rows] == episodes
        numbers = np.array([[row[column] for column in COLUMNS] for row in rows])
        assert np.array_equal(numbers, evaluated.reshape(-1, len(COLUMNS)))


def test_exporting_twice_changes_nothing(made, monkeypatch):
    monkeypatch.setattr("mempaper.provenance.here", lambda: pytest.fail("trained again"))
    before = contents(made.root)
    times = {path: path.stat().st_mtime_ns for path in made.root.rglob("*")}
    assert export(made.original, made.root) == made.folder
    assert contents(made.root) == before
    assert {path: path.stat().st_mtime_ns for path in made.root.rglob("*")} == times


def test_a_checkpoint_gives_the_agent_back(made):
    seed = read_seed(made.folder)
    assert seed.run.config() == made.original.config()
    assert (seed.stamp, seed.episodes, seed.root) == (STAMP, (9, 19), made.root)
    end = seed.agent(19).state_dict()
    for name, tensor in made.results[0].weights().items():
        assert np.array_equal(end[name].numpy(), tensor[0].numpy()), name
    before = load_arrays(made.original.checkpoints(0) / "9.safetensors")
    assert same_arrays(before, seed.agent(9).state_dict())
    assert not same_arrays(before, end)
    assert [row["task"] for row in seed.validations][:3] == GAINS
    assert same_arrays(seed.result().arrays, made.results[0].arrays)


def test_an_import_loses_nothing(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "elsewhere"))
    for kind in (QuickAgent, ReferenceAgent):
        monkeypatch.setattr(kind, "train", lambda *_: pytest.fail("trained again"))
    for folder, run, result in (
        (made.folder, original(), made.results[0]),
        (made.quick_folder, made.quick.replace(seed=0), made.results[1]),
    ):
        adopt(folder)
        adopt(folder)
        again = run.result()
        assert again.provenance == {**result.provenance, "origin": "cache"}
        assert same_arrays(again.arrays, result.arrays)
        assert groups.load(run).agent.architecture == run.architecture
        export(run, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(made.root)


def test_an_import_does_not_replace_another_result(made, copied, tmp_path, monkeypatch):
    _, folder = copied
    path = folder / f"{STAMP}-result.safetensors"
    arrays, sidecar = load_arrays(path), json.loads(path.with_suffix(".json").read_text())
    arrays["table"] = arrays["table"] + 1
    kept = {name: sidecar[name] for name in sidecar if name not in ("sha256", "format")}
    save_arrays(path, arrays, kept)
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "elsewhere"))
    adopt(made.folder)
    with pytest.raises(ConfigError, match=r"has another result already, which is in .*remove"):
        adopt(folder)
    with pytest.raises(ConfigError, match=r"another result of this very configuration"):
        export(original(), folder.parents[2])


def test_several_seeds_get_a_folder_each(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    single = made.results[1].arrays
    second = {name: array + 1 for name, array in single.items()}
    both = {name: np.concatenate([single[name], second[name]]) for name in single}
    run = made.quick.replace(seed=5, n_seeds=2)
    run.adopt(both, {"date": "2026-03-04"})
    export(run, tmp_path / "agents")
    found = [read_seed(folder) for folder in find_seeds(tmp_path)]
    assert [(seed.run.seed, seed.run.n_seeds) for seed in found] == [(5, 1), (6, 1)]
    assert same_arrays(found[0].result().arrays, single)
    assert same_arrays(found[1].result().arrays, second)
    result = adopt(found[1].folder)
    assert result.provenance["key"] == run.replace(seed=6, n_seeds=1).key()


def test_a_shipped_training_has_the_checkpoints_of_its_result(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    run = original()
    run.adopt(made.results[0].arrays, {"date": "2026-03-04"})
    seed = read_seed(export(run, tmp_path / "agents"))
    assert seed.episodes[-1] == 19
    full = read_seed(made.folder)
    for episode in seed.episodes:
        assert same_arrays(seed.agent(episode).state_dict(), full.agent(episode).state_dict())


def test_weights_that_were_chosen_have_no_row_of_others(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    chosen, last = (quick(recipe=recipe) for recipe in ("scratch", "warm"))
    episodes = []
    for run, name in ((chosen, "chosen"), (last, "last")):
        seed = read_seed(export(run, tmp_path / name))
        table = tmp_path / name / "training_curve_temp/gain/Actor3Critic5_seed0.csv"
        episodes.append(({row["episode"] for row in read_rows(table)}, set(seed.episodes)))
    assert episodes == [({512, 576}, {640}), ({512, 576, 640}, {640})]


# Folders that are refused


def test_another_run_in_the_folder_is_not_overwritten(copied, tmp_path, monkeypatch):
    root, folder = copied
    before = contents(root)
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("mempaper.provenance.here", lambda: {"date": "2026-03-04"})
    with pytest.raises(ConfigError, match=rf"{STAMP}_arg.json, which differs in .*total_trials"):
        export(original(total_trials=10), root)
    monkeypatch.setattr("mempaper.provenance.here", lambda: {"date": "2027-03-04T10:20:30"})
    with pytest.raises(ConfigError, match=rf"{folder} holds another run \({STAMP}"):
        export(quick(), root)
    assert contents(root) == before
    shutil.rmtree(folder)
    with pytest.raises(ConfigError, match=r"gain/Actor3Critic5_seed0\.csv is the table of another"):
        export(quick(), root)
    stamped = export(quick(), tmp_path / "new")
    assert (stamped / "20270304-102030_arg.json").exists()


def second_config(folder):
    shutil.copy(folder / f"{STAMP}_arg.json", folder / "20260305-000000_arg.json")


def second_table(folder):
    shutil.copy(folder / f"{STAMP}.csv", folder / "20260305-000000.csv")


def unstamped_table(folder):
    shutil.copy(folder / f"{STAMP}.csv", folder / "copy.csv")


def second_checkpoint(folder):
    shutil.copy(folder / f"{STAMP}-9.safetensors", folder / "20260305-000000-9.safetensors")


def no_config(folder):
    (folder / f"{STAMP}_arg.json").unlink()


def originals_pickle(folder):
    for path in folder.iterdir():
        path.unlink()
    (folder / f"{STAMP}_arg.pkl").write_bytes(b"")


def half_a_config(folder):
    path = folder / f"{STAMP}_arg.json"
    path.write_text(path.read_text()[:100])


def edited_config(folder, **changes):
    path = folder / f"{STAMP}_arg.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("harm", "error", "message"),
    [
        (second_config, ConfigError, rf"more than one run \({STAMP}.*, 20260305-000000_arg.json\)"),
        (second_table, ConfigError, rf"more than one run \({STAMP}.*, 20260305-000000.csv\)"),
        (unstamped_table, ConfigError, rf"more than one run \({STAMP}.csv, copy.csv\)"),
        (second_checkpoint, ConfigError, "more than one run .*20260305-000000-9.safetensors"),
        (no_config, ConfigError, "holds no run: <stamp>_arg.json is missing"),
        (originals_pickle, ConfigError, "original's pickles are not opened"),
        (half_a_config, CorruptFileError, "_arg.json cannot be read as JSON"),
        (lambda f: edited_config(f, config={"sede": 1}), ConfigError, "Unknown parameter 'sede'"),
        (lambda f: edited_config(f, config=[]), ConfigError, "_arg.json"),
        (lambda f: edited_config(f, config={"n_seeds": 2}), ConfigError, "is of 2 seeds"),
        (lambda f: edited_config(f, experiment="zhang2024/quik"), ConfigError, "zhang2024/quick"),
        (lambda f: (f / f"{STAMP}_arg.json").write_text("[]"), CorruptFileError, "lacks experiment"),
        (lambda f: shutil.rmtree(f), ConfigError, "is not a folder"),
    ],
)
def test_folders_that_are_not_one_run_are_refused(copied, harm, error, message):
    _, folder = copied
    harm(folder)
    with pytest.raises(error, match=message):
        read_seed(folder)


def test_checkpoints_that_do_not_fit_are_refused(made, copied):
    _, folder = copied
    seed = read_seed(folder)
    with pytest.raises(ConfigError, match="no checkpoint at 499; there are 9, 19"):
        seed.agent(499)
    with pytest.raises(ConfigError, match="no checkpoint of the first phase at 9; there are none"):
        seed.agent(9, first_phase=True)
    path = folder / f"{STAMP}-9.safetensors"
    weights = load_arrays(path)
    sidecar = {"kind": "checkpoint", "config": made.original.config(), "trial": 9}
    save_arrays(path, {**weights, "actor.l1.bias": weights["actor.l1.bias"][:4]}, sidecar)
    with pytest.raises(
        ConfigError, match=r"-9.safetensors does not fit Actor3Critic5: actor.l1.bias has shape \(4,\)"
    ):
        seed.agent(9)
    save_arrays(path, {k: v for k, v in weights.items() if k != "actor.l1.bias"}, sidecar)
    with pytest.raises(ConfigError, match=r"lack actor\.l1\.bias"):
        seed.agent(9)
    save_arrays(path, weights, {**sidecar, "config": original(seed=3).config()})
    with pytest.raises(CorruptFileError, match="a checkpoint of another run"):
        seed.agent(9)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CorruptFileError, match="checksum differs"):
        seed.agent(9)


def test_results_that_do_not_fit_are_refused(made, copied, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    _, folder = copied
    edited_config(folder, config=original(total_trials=30).config())
    with pytest.raises(CorruptFileError, match="the result of another run"):
        adopt(folder)
    edited_config(folder, config=made.original.config(), version="0")
    with pytest.raises(ConfigError, match="is of version 0 of zhang2024/reference"):
        adopt(folder)
    (folder / f"{STAMP}-result.json").unlink()
    with pytest.raises(CorruptFileError, match=r"-result.json is missing"):
        read_seed(folder).result()


# Evaluation


def test_an_evaluation_gives_the_numbers_of_the_training(made, tmp_path):
    for task, folder in (("gain", "gain"), ("perturb", "perturbation")):
        table = evaluate(made.folder, task, root=tmp_path)
        exported = made.root / "training_curve_temp" / folder / "Actor3Critic5_seed0.csv"
        assert table == tmp_path / exported.relative_to(made.root)
        assert table.read_bytes() == exported.read_bytes()
        beside = [path.with_suffix(".json").read_bytes() for path in (table, exported)]
        assert beside[0] == beside[1]


def test_an_evaluation_goes_on_where_it_was(copied, monkeypatch):
    root, folder = copied
    exported = read_rows(root / "training_curve_temp/gain/Actor3Critic5_seed0.csv")
    seen, plain = [], Seed.agent

    def agent(self, episode):
        if episode == 19 and len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(episode)
        return plain(self, episode)

    monkeypatch.setattr(Seed, "agent", agent)
    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, again=True)
    monkeypatch.setattr(Seed, "agent", lambda *given: seen.append(given[1]) or plain(*given))
    told = []
    table = evaluate(folder, report=lambda *counts: told.append(counts))
    assert seen == [9, 19]
    assert told == [(1, 1)]
    assert read_rows(table) == exported
    evaluate(folder)
    assert seen == [9, 19]


def test_a_checkpoint_is_tested_the_same_without_the_others(copied):
    root, folder = copied
    table = root / "training_curve_temp/gain/Actor3Critic5_seed0.csv"
    exported = read_rows(table)
    write_rows(table, [row for row in exported if row["episode"] == 19])
    evaluate(folder)
    assert read_rows(table) == exported


def test_an_extensive_evaluation(copied):
    root, folder = copied
    gains = evaluate(folder, extensive=True)
    assert gains == root / "training_curve_temp/gain_full/Actor3Critic5_seed0.csv"
    assert [r["task"] for r in read_rows(gains)] == ["gain1x", "gain2x", "gain3x", "gain4x"] * 2
    settings = json.loads(gains.with_suffix(".json").read_text())
    assert settings["n_trials"] == 300
    pushed = evaluate(folder, "perturb", extensive=True, n_trials=20)
    assert pushed.parent.name == "perturbation_full"
    assert [r["task"] for r in read_rows(pushed)] == [f"perturbation{k}" for k in range(3)] * 2


def test_the_noise_of_a_pair_is_used_in_perturbations_too(made, tmp_path):
    ours = evaluate(made.quick_folder, "perturb_control", root=tmp_path, n_trials=30)
    assert ours.parent == tmp_path / "training_curve_temp/perturbation_control/0.3_0"
    theirs = evaluate(
        made.quick_folder, "perturb_control", root=tmp_path / "b", n_trials=30, original_noise=True
    )
    noises = [
        json.loads(path.with_suffix(".json").read_text())["process_noise"] for path in (ours, theirs)
    ]
    assert noises == [0.3, 0.2]
    errors = [[row["error_distance"] for row in read_rows(path)] for path in (ours, theirs)]
    assert not np.isclose(*errors).any()


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("folder", {"testing_task": "gain_control"}, "is for agents of the training task gain_control"),
        ("folder", {"testing_task": "perturb_control"}, "those of gain are tested with gain or perturb"),
        ("quick_folder", {"testing_task": "gain"}, "tested with gain_control or perturb_control"),
        ("quick_folder", {"testing_task": "perturb"}, "tested with gain_control or perturb_control"),
        ("folder", {"testing_task": "gian"}, "Unknown testing task 'gian'. Did you mean 'gain'"),
        ("folder", {"noise": (0.3, 0.1)}, "trained in the noises 0.2_0.1.*asked for 0.3_0.1"),
        ("folder", {"n_trials": 0}, "n_trials is 0"),
        ("folder", {"original_noise": True}, "original_noise is for perturb_control"),
        ("folder", {"n_trials": 40}, "was made with n_trials 500: begin it --again, or remove it"),
    ],
)
def test_evaluations_that_do_not_fit_are_refused(made, kind, given, message):
    before = contents(made.root)
    with pytest.raises(ConfigError, match=message):
        evaluate(getattr(made, kind), **given)
    assert contents(made.root) == before


def test_tables_of_unknown_origin_are_refused(copied):
    root, folder = copied
    table = root / "training_curve_temp/gain/Actor3Critic5_seed0.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0].replace("reward_rate", "rate"), *lines[1:]]))
    with pytest.raises(CorruptFileError, match=r"lacks the column\(s\) reward_rate"):
        evaluate(folder)
    table.write_text("\n".join([lines[0], lines[1].replace("gain1x,", "gain1x,x")]))
    with pytest.raises(CorruptFileError, match=r"line 2: could not convert"):
        evaluate(folder)
    table.with_suffix(".json").unlink()
    with pytest.raises(ConfigError, match=r"lacks Actor3Critic5_seed0\.json"):
        evaluate(folder)
    moved = folder.rename(root / "elsewhere")
    with pytest.raises(ConfigError, match="does not lie as the layout says: give the root"):
        evaluate(moved)


def test_training_task_and_testing_task():
    assert labels_of("perturb_control", "gain_control") == "perturbation"
    with pytest.raises(ConfigError, match="Unknown training task 'gains'"):
        labels_of("gain", "gains")


def test_the_best_checkpoint_is_the_earliest_of_equal_ones():
    rates = [(9, 0.1), (9, 0.4), (19, 0.3), (19, 0.3), (29, 0.3), (29, 0.3)]
    rows = [{"episode": episode, "reward_rate": rate} for episode, rate in rates]
    assert best(rows) == (19, pytest.approx(0.6))
