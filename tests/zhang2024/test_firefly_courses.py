"""Numbers from performance tables: known tables give known rows and seeds."""

from types import SimpleNamespace

import numpy as np
import pytest

from mempaper.zhang2024 import courses, evaluation, gain
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.original import ReferenceAgent

QUICK, REFERENCE = QuickAgent.preset("smoke"), ReferenceAgent.preset("smoke")
nan = np.nan


def agent(run=QUICK, **tables):
    """A trained agent, as far as its performance table goes: courses by label."""

    def curve(label, column):
        return np.array(tables[label][column], float)

    return SimpleNamespace(run=run, curve=curve)


def rated(*rates, run=QUICK):
    return agent(run, gain1x={"reward_rate": rates})


def rewarded(*share, label="gain1x"):
    return agent(**{label: {"reward_fraction": share}})


def test_columns_are_averaged_over_conditions():
    two = {"gain1x": {"reward_rate": [1, 2]}, "gain2x": {"reward_rate": [3, 0]}}
    found = courses.table_mean([agent(**two)], ["gain1x", "gain2x"], "reward_rate")
    assert found.tolist() == [[2, 1]]


def test_the_best_seed_is_that_of_the_analysed_weights():
    peaked, steady = (0.1, 0.9, 0.2), (0.1, 0.2, 0.3)
    assert courses.best_seed([rated(*peaked), rated(*steady)]) == 1  # the quick recipe's end
    both = [rated(*peaked, run=REFERENCE), rated(*steady, run=REFERENCE)]
    assert courses.best_seed(both) == 0  # the original's best checkpoint
    assert courses.best_seed([rated(nan, nan, nan), rated(0.0, nan, nan)]) == 1


def test_the_best_seed_may_be_that_over_several_gains():
    def steering(*rates):
        pairs = zip(gain.LABELS, rates, strict=True)
        return agent(**{label: {"reward_rate": [rate]} for label, rate in pairs})

    agents = [steering(0.9, 0.1, 0.1), steering(0.5, 0.5, 0.4)]
    assert courses.best_seed(agents) == 0
    assert courses.best_seed(agents, gain.LABELS) == 1


def test_the_end_of_training_is_the_last_row_that_was_reached():
    seeds = [rated(0.1, 0.2, 0.3), rated(0.4, 0.5, nan), rated(nan, nan, nan)]
    found = courses.at_end(seeds, "reward_rate")
    assert np.array_equal(found, [0.3, 0.5, nan], equal_nan=True)
    assert evaluation.mean(found) == pytest.approx(0.4)


def test_agents_have_learned_from_where_most_trials_are_rewarded():
    seeds = [rewarded(0.1, 0.5, 0.8, 0.5), rewarded(0.2, 0.6, 0.6, 0.5)]
    assert courses.learned_row(seeds) == 2
    assert courses.learned_row(seeds, share=0.95) == 4
    assert courses.learned_row([rewarded(0.7, label="perturbation0")], label="perturbation0") == 0


def test_the_middle_of_a_training_and_numbers_of_each_seed():
    assert courses.middle_row(np.arange(500, 10_001, 500)) == 9
    measured = courses.by_seed({"hol": ["a", "bb"], "mod": ["c"]}, len)
    assert measured["hol"].tolist() == [1, 2]
    assert measured["mod"].tolist() == [1]
