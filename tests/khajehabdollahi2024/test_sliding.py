import numpy as np
import pytest
import torch

from mempaper.khajehabdollahi2024 import sliding
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.learning import LearningSettings, draw_network, learn
from mempaper.khajehabdollahi2024.trained import TrainedNetworks


def settings(order="position", forget=2, max_n=6):
    """Every epoch is a pass: two windows, 2 to 4 and 4 to 6."""
    return LearningSettings(
        curriculum=Curriculum("sliding", init_heads=3, forget_heads=forget, head_order=order),
        n_units=6,
        batch_size=32,
        updates_per_epoch=2,
        test_batches=1,
        max_epochs=2,
        max_n=max_n,
        pass_mark=0.0,
    )


def heads(order):
    """Readout weights before training, after the first window, and after the second."""
    trained = TrainedNetworks(settings(order), 0, learn(settings(order), 0, 2))
    return [trained.untrained().w_head, trained.network(4).w_head, trained.network(6).w_head], trained


def same(before, after):
    return [bool(torch.equal(before[:, head], after[:, head])) for head in range(before.shape[1])]


def test_heads_by_place_are_asked_something_else_after_a_slide():
    (before, first, second), trained = heads("position")
    assert before.shape[1] == 3
    assert not any(same(before, first) + same(first, second))
    assert trained.questions(4) == [(2, 0), (3, 1), (4, 2)]
    assert trained.questions(6) == [(4, 0), (5, 1), (6, 2)]


def test_heads_by_n_keep_their_question_and_rest_outside_the_window():
    (before, first, second), trained = heads("n")
    assert same(before, first) == [False, False, False, True, True]
    moved = (second - first).abs().amax((0, 2, 3))
    assert moved[:2].max() < 0.2 * moved[2:].min()  # what is left of their momentum
    assert trained.questions(4) == [(2, 0), (3, 1), (4, 2)]
    assert trained.questions(6) == [(4, 2), (5, 3), (6, 4)]


def test_both_orders_are_the_same_training_until_the_first_slide():
    by_place, by_n = (heads(order)[0] for order in ("position", "n"))
    assert torch.equal(by_place[1], by_n[1][:, :3])
    assert not torch.equal(by_place[2], by_n[2][:, 2:])


def made_up(accuracy, passed, **changes):
    """Networks whose tests are given; ``accuracy`` (member, epoch, head), ``passed`` (member, stage)."""
    own = settings(**changes)
    arrays = {
        "ends": np.array([stage[-1] for stage in own.stages]),
        "kept": np.array([], int),
        "passed": np.array(passed),
        "accuracy": np.array(accuracy, float),
        "loss": np.zeros((len(accuracy), len(accuracy[0]))),
    }
    return TrainedNetworks(own, 0, arrays)


ROWS = [[0.99, 0.7, 0.5], [0.97, 0.99, 0.6], [0.99, 0.99, 0.99], [0.6, 0.5, 0.99], [0.9, 0.8, 0.7]]


def test_epochs_to_learn_are_those_before_the_slide():
    trained = made_up([ROWS, ROWS, ROWS], [[3, 0], [2, 0], [0, 0]])
    expected = [[1, 2, 3], [1, 2, np.nan], [1, 2, 3]]
    np.testing.assert_array_equal(sliding.epochs_to_learn(trained), expected)


def test_rank_correlation_leaves_out_what_is_missing():
    samples = np.array([[1, 4, 9], [3, 2, 1], [1, np.nan, 2], [5, 5, 5], [np.nan, np.nan, 1]])
    found = sliding.rank_correlation(np.array([2, 3, 4]), samples)
    np.testing.assert_allclose(found, [1, -1, 1, np.nan, np.nan])


def test_accuracy_around_the_slide():
    trained = made_up([ROWS, ROWS], [[3, 4], [0, 0]])
    epochs, staying, new = sliding.around_slide(trained, 2, 3)
    assert epochs.tolist() == [-1, 0, 1, 2, 3]
    # only N = 4 stays: the last head before the slide and the first one after it
    np.testing.assert_allclose(staying[0], [0.6, 0.99, 0.6, np.nan, np.nan])
    np.testing.assert_allclose(new[0], [np.nan, np.nan, (0.5 + 0.99) / 2, np.nan, np.nan])
    assert np.isnan(staying[1]).all()
    assert np.isnan(new[1]).all()


def test_without_a_second_window_there_is_no_slide():
    with pytest.raises(ValueError, match="training ends with N = 4, before the first slide"):
        sliding.around_slide(made_up([ROWS], [[3]], max_n=5), 1, 1)


def test_idle_heads_begin_like_those_of_a_longer_list():
    few, many = draw_network(settings(), 0, 1), draw_network(settings("n"), 0, 1)
    assert torch.equal(few.w_head, many.w_head[:, :3])
