import dataclasses

import numpy as np
import pytest
import torch

from mempaper.khajehabdollahi2024 import continuous, learning
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.epochs import TRAINING_STREAM
from mempaper.khajehabdollahi2024.learning import LearningSettings, draw_network, draw_states
from mempaper.khajehabdollahi2024.task import sample_trials
from mempaper.khajehabdollahi2024.trained import TrainedNetworks
from mempaper.khajehabdollahi2024.training import new_optimizer, update

SETTINGS = LearningSettings(
    placement="continuous",
    duplicates=(2, 3),
    n_units=7,
    batch_size=32,
    updates_per_epoch=2,
    test_batches=1,
    max_epochs=3,
    max_n=4,
    pass_mark=0.0,
)


def test_training_makes_one_update_for_each_number_of_steps():
    settings = dataclasses.replace(SETTINGS, max_epochs=1)
    trained = learning.Learning(settings, 5, 1)
    trained.train_epoch()
    alone = draw_network(settings, 5, 1)
    optimizer = new_optimizer(alone, settings.learning_rate)
    rng = np.random.default_rng([5, TRAINING_STREAM, 0])
    for k in (2, 3, 2, 3):
        trials = sample_trials("parity", [[2]], 32, [rng], k)
        assert torch.equal(trials.bits[..., ::k].repeat_interleave(k, -1), trials.bits)
        h = draw_states([rng], 32, 7)
        update(alone, optimizer, trials.bits, trials.labels, h, trials.start, trials.live, k=k)
    alone.clear_self_connections()
    for ours, theirs in zip(trained.network.parameters(), alone.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.fixture(scope="module")
def trained():
    return TrainedNetworks(SETTINGS, 0, learning.learn(SETTINGS, 0, 3))


def test_accuracy_is_that_of_a_batch_at_these_steps(trained):
    network = trained.network(4)
    found = continuous.accuracy_at_steps(network, 4, 2, (1, 3, 5), 11, n_trials=40, n_batches=1)
    assert found.shape == (3, 3)
    for place, k in enumerate((1, 3, 5)):
        rng = np.random.default_rng(11)
        trials = sample_trials("parity", [[4]], 40, [rng], k)
        h = draw_states([rng], 40, 7)
        for member in range(3):
            alone = network.select([member])
            expected = learning.batch_accuracy(alone, trials, h, torch.tensor([[2]]), k)
            assert found[member, place] == pytest.approx(expected.item())


def test_long_sequences_are_run_piece_by_piece(trained, monkeypatch):
    network = trained.network(4)
    whole = continuous.accuracy_at_steps(network, 4, 2, (3,), 1)
    monkeypatch.setattr(continuous, "STATES_AT_ONCE", 3 * 256 * 7 * 4)
    lengths = []
    unroll = type(network).unroll

    def watched(self, bits, *args, **options):
        lengths.append(bits.shape[-1])
        return unroll(self, bits, *args, **options)

    monkeypatch.setattr(type(network), "unroll", watched)
    np.testing.assert_array_equal(continuous.accuracy_at_steps(network, 4, 2, (3,), 1), whole)
    assert len(lengths) > 4
    assert max(lengths) == 4


def test_steps_have_a_length_in_continuous_networks_only():
    network = draw_network(dataclasses.replace(SETTINGS, placement="mod", duplicates=(1,)), 0, 1)
    with pytest.raises(ValueError, match="placement is 'mod'"):
        continuous.accuracy_at_steps(network, 2, 0, (1,), 0)


@pytest.mark.parametrize(("kind", "head"), [("cumulative", 1), ("single", 0)])
def test_each_n_is_asked_of_its_own_head_of_networks_that_passed_it(kind, head):
    settings = dataclasses.replace(SETTINGS, curriculum=Curriculum(kind))
    arrays = learning.learn(settings, 0, 3)
    arrays["passed"][1, 1] = 0  # the second network did not pass N = 3
    trained = TrainedNetworks(settings, 0, arrays)
    found = continuous.generalisation(trained, (2, 3), (1, 2), 9)
    assert np.isnan(found[1, 1]).all()
    assert not np.isnan(found[[0, 2]]).any()
    expected = continuous.accuracy_at_steps(trained.network(3), 3, head, (1, 2), 9)
    np.testing.assert_array_equal(found[[0, 2], 1], expected)
