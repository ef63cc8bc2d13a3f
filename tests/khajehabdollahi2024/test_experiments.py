"""Configurations: what they refuse, and experiments that build on a training."""

import numpy as np
import pytest

from mempaper.khajehabdollahi2024 import curriculum_learning
from mempaper.khajehabdollahi2024.analysis import Streams
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity, Retraining
from mempaper.parameters import ConfigError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"curriculum": "cumulativ"}, "curriculum is 'cumulativ'"),
        ({"task": "xor"}, "task is 'xor'"),
        ({"activation": "selu"}, "activation is 'selu'"),
        ({"activation": "tanh"}, "'default' networks have 'leakyrelu'"),
        ({"fixed_tau": 0.5}, "fixed_tau is 0.5"),
        ({"first_n": 5, "max_n": 4}, "max_n is 4, but training starts with"),
        ({"duplicates": (3,)}, "need placement 'continuous'"),
        ({"duplicates": (0, 2), "placement": "continuous"}, "give whole numbers from 1 on"),
        ({"duplicates": (2,), "placement": "continuous", "task": "dms"}, "parity task only"),
        ({"fixed_tau": 2.0, "initial_tau": 3.0}, "not both"),
        ({"hidden": 3}, "Unknown parameter 'hidden'"),
    ],
)
def test_impossible_configurations_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        CurriculumLearning.checked(**fields)


def test_large_networks_are_trained_one_by_one_with_the_same_result(runs, monkeypatch):
    tiny = CurriculumLearning.preset("smoke", pass_mark=0.5)
    together = tiny.result()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "elsewhere"))
    monkeypatch.setattr(curriculum_learning, "members_together", lambda units, batch_size: 1)
    apart = CurriculumLearning.preset("smoke", pass_mark=0.5)
    found = apart.result()
    assert together.arrays.keys() == found.arrays.keys()
    for name, array in together.arrays.items():
        assert np.allclose(array, found[name], atol=1e-6, equal_nan=True), name
    assert not list(apart.folder().glob("resume*"))


def test_activity_and_retraining_share_the_training(runs):
    activity = NetworkActivity.preset("smoke", n_steps=120)
    found = activity.result()
    trained = activity.source().result()
    assert trained.provenance["origin"] == "cache"
    assert found["n"].tolist() == trained["kept"].tolist()
    assert found["autocovariance"].shape == (2, 3, 10, 31)
    assert found["dimensions"].shape == (2, 3, 4)
    assert (np.diff(found["dimensions"]) >= 0).all()
    again = Retraining.preset("smoke")
    accuracy = again.result()["accuracy"]
    assert accuracy.shape == (2, 2)
    assert ((accuracy > 0.3) & (accuracy < 0.7)).all()
    assert again.source().result().provenance["origin"] == "cache"
    fresh = Retraining.preset("smoke", fresh_head=True).result()["accuracy"]
    assert not np.array_equal(fresh, accuracy)


def test_networks_that_never_passed_have_no_activity(runs):
    never = {"pass_mark": 0.999, "max_epochs": 1}
    found = NetworkActivity.preset("smoke", n_steps=120, **never).result()
    assert np.isnan(found["dimensions"]).all()
    assert np.isnan(Retraining.preset("smoke", **never).result()["accuracy"]).all()


@pytest.mark.parametrize(
    ("experiment", "fields", "message"),
    [
        (NetworkActivity, {"n_steps": 100, "n_lags": 200}, "n_steps is 100; 200 lags need more"),
        (Retraining, {"beyond": (-1,)}, "from 0 on"),
        (Retraining, {"passed_n": 9, "max_n": 4}, "passed_n is 9, more than max_n, 4"),
    ],
)
def test_impossible_follow_ups_are_refused(experiment, fields, message):
    with pytest.raises(ConfigError, match=message):
        experiment.checked(**fields)


@pytest.mark.parametrize(("curriculum", "least"), [("cumulative", 0.98), ("single", 0.95)])
def test_the_networks_that_come_with_the_book_answer(curriculum, least):
    full = CurriculumLearning.preset("full", curriculum=curriculum)
    assert full.result().provenance["origin"] == "shipped"
    trained = full.trained()
    assert trained.passed_by_all() == [2, 5, 8, 10]
    streams = Streams(n_streams=2, n_steps=300)
    accuracy = streams.accuracy(trained.network(10), "parity", [trained.questions(10)[-1]])
    assert (accuracy.mean(1) > least).all()
