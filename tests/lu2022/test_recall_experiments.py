"""Configurations: what they refuse, what they share, and the trainings that they stand for."""

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint
from mempaper.lu2022 import experiments, groups
from mempaper.lu2022.evaluation import Test, evaluate
from mempaper.lu2022.experiments import Pretraining, RecallLearning
from mempaper.lu2022.training import Trainer
from mempaper.parameters import ConfigError

TINY = {
    "n_features": 4,
    "n_values": 3,
    "schema_strength": 0.5,
    "hidden_size": 7,
    "decision_size": 6,
    "n_seeds": 3,
    "updates_per_epoch": 5,
    "pretraining_epochs": 2,
    "epochs": 2,
}
BATCHES = {
    "n_streams": 4,
    "plateau": False,
    "decorrelation": 1.0,
    "input_gain": 10.0,
    "forget_bias": 3.0,
    "bridge_epochs": 1,
    "ramp": 6,
    "first_part_graph": False,
    "final_entropy_weight": 0.05,
}


def quiet(done, total):
    """Reports nothing."""


def same(found, expected, atol=0.0):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.allclose(found[name], array, rtol=0, atol=atol, equal_nan=True), name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"schema_strength": 0.2},
            "schema_strength is 0.2; the prototype's value cannot be less likely",
        ),
        (
            {"similarity_min": 0.9, "similarity_max": 1.0},
            "in 20000 draws; .* multiples of 1/16, .*largest",
        ),
        ({"similarity_min": 0.45, "similarity_max": 0.48}, "multiples of 1/16. Take a wider window"),
        ({"similarity_min": 0.5, "similarity_max": 0.4}, r"similarity is \[0.5, 0.4\]"),
        ({"segment": 5}, r"segment \(enc_size\) is 5; it must divide 16 features"),
        ({"segment": 0}, "segment is 0: Input should be greater than or equal to 1"),
        ({"capacity": 0}, "capacity is 0: Input should be greater than or equal to 1"),
        ({"penalty_onehot": True, "penalty_discrete": False}, "penalty_onehot needs whole penalties"),
        (
            {"penalty_onehot": True, "penalty": 3},
            "penalty is 3.0; one-hot inputs need its half to be whole",
        ),
        ({"penalty": 2.5}, "penalty is 2.5; random whole penalties need a whole largest one"),
        ({"penalty": -1}, "penalty is -1"),
        ({"penalty": float("inf")}, "penalty is inf: Input should be a finite number"),
        ({"familiarity": 2}, "familiarity is 2: Input should be -1, 0 or 1"),
        ({"gating": "mid"}, "gating is 'mid': Input should be 'pre' or 'post'"),
        ({"p_removed_first": 1.3}, "p_removed_first is 1.3"),
        ({"delay": -1}, "delay is -1"),
        ({"attach_cond": 1}, "Unknown parameter 'attach_cond'"),
    ],
)
def test_impossible_configurations_are_refused_before_anything_is_trained(runs, fields, message):
    with pytest.raises(ConfigError, match=message):
        RecallLearning.checked(**fields)
    assert not runs.exists()


def test_defaults_are_the_paper_s():
    full = RecallLearning.preset("full")
    assert full.delays() == [0, 1, 2, 3, 4]
    assert full.memory_capacity == 2
    assert full.replace(segment=8).memory_capacity == 4
    assert full.replace(segment=8, capacity=3).memory_capacity == 3
    (phase,) = full.phases()
    assert (phase.objective, phase.n_epochs, phase.updates_per_epoch, phase.n_streams) == (
        "reinforcement",
        400,
        256,
        1,
    )
    assert (phase.learning_rate, phase.entropy_weight, phase.plateau) == (7e-4, (0.1, 0.1), True)
    before = full.pretraining().phase()
    assert (before.objective, before.n_epochs, before.recall) == ("prediction", 600, False)
    assert full.replace(delay=3).delays() == [3]
    assert full.replace(reinforcement=False).phases()[0].objective == "prediction"


KINDS = {
    "paper": {},
    "batches": BATCHES,
    "postgating": {"gating": "post", "segment": 2},
    "prediction": {**BATCHES, "reinforcement": False},
    "familiarity": {"familiarity": 1, "shared_pretraining": True, "penalty": 2, "penalty_random": False},
    "schema": {"schema_strength": 0.8, "penalty_onehot": True},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("runs")
def test_networks_learn_in_company_what_they_learn_alone(kind):
    config = RecallLearning.checked(**{**TINY, "seed": 3, **KINDS[kind]})
    together = config.train(ResumePoint(), quiet)
    for member, one in enumerate(config.by_seed(1)):
        alone = one.train(ResumePoint(), quiet)
        same(alone, {name: array[member : member + 1] for name, array in together.items()}, 1e-5)
    other = RecallLearning.checked(**{**TINY, "seed": 5, "n_seeds": 1, **KINDS[kind]})
    same(other.result().arrays, {name: array[2:] for name, array in together.items()}, 1e-5)


@pytest.mark.usefixtures("runs")
def test_pretraining_in_company_and_alone():
    config = Pretraining.checked(**{k: v for k, v in TINY.items() if k != "epochs"})
    together = config.train(ResumePoint(), quiet)
    for member, one in enumerate(config.by_seed(1)):
        alone = one.train(ResumePoint(), quiet)
        same(alone, {name: array[member : member + 1] for name, array in together.items()}, 1e-5)


def test_large_networks_are_trained_in_several_processes_with_the_same_result(runs, monkeypatch):
    together = RecallLearning.checked(**TINY).result()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "elsewhere"))
    monkeypatch.setattr(experiments, "members_together", lambda units, batch_size: 2)
    apart = RecallLearning.checked(**TINY)
    assert [part.n_seeds for part in apart.parts()] == [2, 1]
    same(apart.result().arrays, together.arrays, 1e-5)
    assert not list(apart.folder().glob("resume*"))


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_an_interrupted_run_goes_on_where_it_was(runs, monkeypatch, n):
    """Two epochs of pretraining, one of the bridge, two of rewards."""
    fields = {**TINY, **BATCHES}
    unbroken = RecallLearning.checked(**fields).result()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "elsewhere"))
    monkeypatch.setattr(RecallLearning, "resume_every", 0)
    monkeypatch.setattr(Pretraining, "resume_every", 0)
    plain, epochs = Trainer._epoch, []

    def epoch(self, *arguments):
        epochs.append(arguments)
        if len(epochs) == n:
            raise KilledError
        plain(self, *arguments)

    monkeypatch.setattr(Trainer, "_epoch", epoch)
    with pytest.raises(KilledError):
        RecallLearning.checked(**fields).result()
    config = RecallLearning.checked(**fields)
    same(config.result().arrays, unbroken.arrays)
    assert len(epochs) == 6  # none was repeated but the one that was interrupted
    assert not list(config.folder().glob("resume*"))


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"gating": "post"},
        {"familiarity": 1},
        {"penalty": 0, "penalty_random": False},
        {"penalty_onehot": True, "penalty": 2},
    ],
)
def test_training_starts_from_the_pretrained_networks(change):
    config = RecallLearning.checked(**{**TINY, "shared_pretraining": True, **change})
    start = config.start_network().state_dict()
    drawn = config.new_network(config.gating).state_dict()
    before = {name: w[:3] for name, w in config.pretraining().result().weights().items()}
    for name, weights in start.items():
        if name == "hpc.weight" and "gating" in change:
            assert torch.equal(weights, drawn[name])
        elif name == "i2h.weight" and "familiarity" in change:
            assert torch.equal(weights[:, 11], drawn[name][:, 11])  # the new input
            kept = [*range(11), 12]
            assert torch.equal(weights[:, kept], before[name])
        else:
            assert torch.equal(weights, before[name]), name


def test_groups_of_the_same_task_pretrain_alike():
    base = RecallLearning.preset("fast")
    expected = base.pretraining().config() | {"n_seeds": 0}
    for name in groups.CHANGES:
        found = groups.group(base, name).pretraining().config() | {"n_seeds": 0}
        other_task = name.startswith(("vary-schema", "similarity")) or "fixobs" in name
        assert (found == expected) != other_task, name
    keys = [groups.group(base, name).key() for name in groups.CHANGES]
    assert len(set(keys)) == len(keys)
    with pytest.raises(ConfigError, match="Did you mean 'similarity-low'"):
        groups.group(base, "similarity-lo")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    "fields", [{}, {"gating": "post", "segment": 8}, {"familiarity": 1, "delay": 2}]
)
def test_trained_networks_can_be_tested(fields):
    config = RecallLearning.preset("smoke", **fields)
    networks = config.trained()
    assert networks.provenance["config"] == config.config()
    assert networks.network.gating == config.gating
    assert evaluate(networks, Test(n_trials=32)).policy.shape == (2, 32, 32, 5)
    result = config.result()
    assert result.provenance["origin"] == "cache"
    assert result["loss"].shape == (2, 2)
    assert result["gate"].shape == (2, 2, 3)
    for name, weights in networks.network.state_dict().items():
        assert np.array_equal(weights.numpy(), result[f"weights/{name}"])
