"""Courses of a test, and the tests that a chapter's reader may ask for."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mempaper.ensemble import member_generators
from mempaper.lu2022 import curves, figures
from mempaper.lu2022.evaluation import Networks, Test, evaluate
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.trials import DM, NM, TrialSettings
from mempaper.parameters import ConfigError

TASK = EventTask(n_features=8, n_values=3, schema_strength=1 / 3)


@pytest.fixture(scope="module")
def tested():
    settings = TrialSettings(segment=8)
    net = RecallLSTM(member_generators(0, 3), settings.input_size(TASK), 7, 6, 4)
    return evaluate(Networks(net, TASK, settings), Test(segment=4, n_trials=64))


def test_snapshots_add_up_to_the_activation_of_targets_and_lures(tested):
    course, found = curves.curves(tested), curves.by_snapshot(tested)
    assert found.shape == (3, 3, 2, 2)
    np.testing.assert_allclose(found[:, DM, 1].mean(-1), course.mean("target", DM), rtol=1e-5)
    np.testing.assert_allclose(found[:, DM, 0].mean(-1), course.mean("lure", DM), rtol=1e-5)
    np.testing.assert_allclose(found[:, NM].sum((1, 2)), course.mean("all_lures", NM), rtol=1e-5)


def test_shares_add_up_and_every_step_counts_once(tested):
    course = curves.curves(tested)
    np.testing.assert_allclose(course.accuracy + course.dont_know + course.mistake, 1)
    assert course.gate.shape == (3, 3, 8)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"penalty": -1}, "penalty"),
        ({"penalty": "2"}, "penalty"),
        ({"n_trials": 5}, "at least 32 trials"),
        ({"n_trials": 64.0}, "n_trials"),
        ({"segment": 5}, "must divide 16"),
        ({"segment": "8"}, "segment"),
        ({"remove_midway": True}, "less than the 16 features"),
        ({"segment": 16, "remove_midway": True}, "less than the 16 features"),
    ],
)
def test_impossible_tests_are_refused_before_anything_is_trained(asked, message):
    with pytest.raises(ConfigError, match=message):
        curves.checked_test(16, **asked)


def test_figures_draw_on_the_given_axes(tested):
    course = curves.curves(tested)
    fig, axes = plt.subplots(2, 3)
    drawn = (
        figures.draw_behaviour(course, DM, ax=axes[0, 0]),
        figures.draw_activation(course, ax=axes[0, 1]),
        figures.draw_split(tested, ax=axes[0, 2]),
        figures.draw_rocs(tested, ax=axes[1, 0]),
        figures.draw_likeness(tested, ax=axes[1, 1]),
        figures.draw_snapshots(curves.by_snapshot(tested), "NM", ax=axes[1, 2]),
    )
    assert list(drawn) == list(axes.ravel())
    plt.close(fig)
