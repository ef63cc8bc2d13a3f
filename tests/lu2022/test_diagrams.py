"""Drawings contain what they are about."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mempaper.lu2022 import diagrams, examples, figures
from mempaper.lu2022.task import EventTask


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def texts(ax):
    return " ".join(text.get_text() for text in ax.texts)


@pytest.mark.parametrize(("gating", "fixed"), [("pre", False), ("post", True)])
def test_network(ax, gating, fixed):
    assert diagrams.draw_network(gating, ax=ax) is ax
    assert "LSTM" in texts(ax)
    assert "gate" in texts(ax)
    assert ("0.3" in texts(ax)) == fixed


def test_conditions_store_except_in_nm(ax):
    diagrams.draw_conditions([7, 15], 16, ax=ax)
    assert texts(ax).count("store") == 2
    assert texts(ax).count("the event, and a lure") == 2
    assert "lures only" in texts(ax)


def test_stimulus():
    task = EventTask(n_features=5, n_values=4)
    trials = task.sample(np.random.default_rng(0), 1, 1, delay=2)
    fig, axes = plt.subplots(4)
    diagrams.draw_stimulus(examples.stimulus(trials, (0, 0)), axes)
    assert [ax.images[0].get_array().shape for ax in axes] == [(5, 14), (4, 14), (5, 14), (4, 14)]
    plt.close(fig)


def test_decoded_marks_wrong_values_and_leaves_unknown_ones_white(ax):
    predicted = np.array([[-1, 0], [2, 1], [2, 0]])
    figures.draw_decoded(predicted, np.array([2, 0]), ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 1]])
    assert np.isnan(ax.images[0].get_array().filled(np.nan)[0, 0])
