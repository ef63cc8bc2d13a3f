"""Correlation between networks in RM and in each condition."""

import dataclasses

import numpy as np
from test_evaluation import networks

from mempaper.lu2022 import isc, synchrony
from mempaper.lu2022.evaluation import Test, evaluate
from mempaper.lu2022.task import EventTask

TASK = EventTask(n_features=12, n_values=4)
ASKED = Test(n_trials=22)


def test_shapes_and_what_is_compared():
    found = synchrony.synchrony(networks(members=3, task=TASK), ASKED, n_features=4)
    for name in ("RM", "DM", "NM"):
        assert found.spatial[name].shape == (3, 12)
        assert found.temporal[name].shape == (3, 4)
        assert found.sliding[name].shape == (3, 8)
        assert found.matrix[name].shape == (24, 24)
        diagonal = np.diag(found.matrix[name])[12:]
        np.testing.assert_allclose(diagonal, found.spatial[name].mean(0))
    assert set(found.link) == {"RM", "DM"}
    assert found.link["DM"].shape == (3, synchrony.LAST_STEP - isc.WINDOW)


def test_recall_is_that_of_the_held_out_trials():
    those = networks(members=2, task=TASK)
    found = synchrony.synchrony(those, ASKED, n_features=4)
    tests = [
        evaluate(those, dataclasses.replace(ASKED, condition=c, same_trials=True, schema=False))
        for c in ("RM", "DM", "NM")
    ]
    shared = isc.shared_activity(np.stack([test.decision for test in tests]), 4)
    sliding = isc.sliding_isc(shared[0][:, :, 12:], shared[1][:, :, 12:])
    recall = tests[1].activation[:, 12:, 12:, -1]  # 2 skipped, 10 to fit, 10 held out
    np.testing.assert_allclose(found.link["DM"], isc.recall_isc_link(recall, sliding))


def test_silenced_networks_in_dm_are_as_in_nm():
    silent = dataclasses.replace(ASKED, silence=tuple(range(12)))
    found = synchrony.synchrony(networks(members=2, task=TASK), silent, n_features=4)
    np.testing.assert_allclose(found.spatial["DM"], found.spatial["NM"], atol=1e-6)


def test_by_network_is_the_mean_over_its_pairs():
    pairs = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])  # 01, 02, 12
    expected = [[1.5, 15.0], [2.0, 20.0], [2.5, 25.0]]
    np.testing.assert_allclose(synchrony.by_network(pairs), expected)
    np.testing.assert_allclose(synchrony.by_network(pairs[:1]), pairs[[0, 0]])
