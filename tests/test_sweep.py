"""Sweeps: what a name stands for, what is left to do, and runs that fail."""

import pytest

from mempaper import catalogue, costs, measurements, sweep
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.lu2022.experiments import RecallLearning
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.parameters import MODES, ConfigError
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.workers import train_here, train_logged

SMALL = {"n_seeds": 1, "n_epochs": 1, "n_unique": 4, "n_evaluation": 1}


def small(**changes):
    return ContextualChoiceTraining(**{**SMALL, **changes})


def planned(name, mode="smoke", axes=None, **fixed):
    seeds = {key: fixed.pop(key) for key in ("seed", "n_seeds") if key in fixed}
    made = sweep.named(name, mode, catalogue.groups(), catalogue.experiments(), **seeds)
    return sweep.plan(made, axes, **fixed)


@pytest.mark.parametrize("mode", MODES)
def test_every_group_has_runs_in_every_mode(mode):
    for name, group in catalogue.groups().items():
        runs = group.runs(mode)
        assert group.title
        assert runs or name in ("zhang2024/extensive", "zhang2024/original-ekf")
        assert {run.paper for run in runs.values()} <= {name.split("/")[0]}
        assert all(run.updates_planned() > 0 for run in runs.values())
    assert not set(catalogue.groups()) & set(catalogue.experiments())


def test_a_name_is_a_group_an_experiment_or_a_paper():
    (low,) = planned("lu2022/similarity-low")
    assert low.run.similarity_max == 0.4
    points = planned("lu2022/main", "full", {"penalty": [0, 2]}, n_seeds=15)
    assert [(p.label, p.run.penalty, p.run.n_seeds) for p in points] == [
        ("vary-test-penalty, penalty=0", 0, 15),
        ("vary-test-penalty, penalty=2", 2, 15),
    ]
    assert [part.n_seeds for part in points[0].parts] == [8, 7]
    assert [part.seed for part in points[0].parts] == [0, 8]
    tasks = planned("orhan2019/delay", axes={"task": ["CD", "GDE"]})
    assert [p.run.iterations for p in tasks] == [24, 40]  # the mode's own for each task
    whole = planned("lu2022")
    keys = [p.run.key() for p in whole]
    assert len(keys) == len(set(keys))  # 'main' and 'vary-test-penalty' are one
    assert low.run.key() in keys
    with pytest.raises(ConfigError, match="Did you mean 'lu2022/similarity-low'"):
        planned("lu2022/similarity-lo")
    with pytest.raises(ConfigError, match="Unknown parameter 'penalti'"):
        planned("lu2022/main", penalti=3)


def test_seeds_are_those_of_a_pool_where_each_run_is_one_network():
    agents = planned("zhang2024/main", "full", seed=7, n_seeds=2)
    assert len(agents) == 8
    assert {(p.run.seed, p.run.n_seeds) for p in agents} == {(7, 1), (8, 1)}
    fixed = planned("khajehabdollahi2024/fixed-tau", "fast", seed=7, n_seeds=9)
    assert {(p.run.seed, p.run.n_seeds) for p in fixed} == {(7, 9)}  # not the group's own number


def test_large_networks_are_cut_and_small_ones_stay_together():
    full = [kind.preset("full") for kind in (RecallLearning, CurriculumLearning, DelayLearning)]
    assert [len(run.parts()) for run in full] == [1, 4, 100]
    assert [len(type(run).preset("fast").parts()) for run in full] == [1, 1, 1]
    assert all(part.is_part for part in full[1].parts())
    assert not full[1].is_part


def test_what_is_done_is_not_left(runs):
    one, two = planned("ritter2018/contextual_choice", axes={"kernel": ["l2", "l1"]}, **SMALL)
    assert sweep.unfinished([one, two, one]) == [one.run, two.run]
    assert not list(runs.glob("ritter2018/*/*/*")), "only looking makes no folders"
    one.run.result()
    assert sweep.unfinished([one, two]) == [two.run]
    assert [sweep.state_of(p.run) for p in (one, two)] == ["done", "waiting"]


def test_a_run_that_fails_does_not_end_the_others_and_keeps_its_log(runs):
    good, bad = small(), small(kernel="l1")
    (bad.folder() / "resume").write_bytes(b"nothing")
    told = {}
    train_here([bad, good], 2, lambda run, error: told.update({run.key(): error}))
    assert told[good.key()] == ""
    assert "is not a resume point that mempaper wrote" in told[bad.key()]
    assert [sweep.state_of(run) for run in (good, bad)] == ["done", "failed"]
    assert "Traceback" in sweep.failure_file(bad).read_text()
    assert not sweep.log_file(good).exists()
    (bad.folder() / "resume").unlink()
    assert train_logged(bad) == ""
    assert sweep.state_of(bad) == "done"
    assert not sweep.failure_file(bad).exists()


def test_hours_are_those_of_the_nearest_mode(tmp_path, monkeypatch):
    monkeypatch.setattr(measurements, "data_folder", lambda: tmp_path)
    costs._measured.cache_clear()
    assert costs.hours(RecallLearning.preset("full")) is None
    assert costs.basis() == "no throughput was measured yet"
    (tmp_path / "throughput.yml").write_text(
        "machine: a test\nseconds_per_update: {lu2022/recall: {full: 0.036, fast: 1.0}}\n"
    )
    costs._measured.cache_clear()
    run = RecallLearning.preset("full", penalty=2, n_seeds=10)
    assert costs.nearest_mode(run) == "full"
    assert costs.hours(run) == pytest.approx(10 * 102_400 * 0.036 / 3600)
    assert costs.basis() == "measured on a test"
    costs._measured.cache_clear()
