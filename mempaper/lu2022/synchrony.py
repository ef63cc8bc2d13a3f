"""How alike trained networks are to each other while they see the same event (Lu et al. 2022, Methods).

Every network runs every trial in each condition, RM, DM and NM, in a test of its own. A network in RM is
then correlated with other networks in RM, DM or NM.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from mempaper.lu2022 import isc
from mempaper.lu2022.evaluation import Networks, Test, evaluate
from mempaper.lu2022.trials import CONDITIONS

LAST_STEP = 9  # of the second part, up to which recall and the change of correlation are compared


class Synchrony(NamedTuple):
    """Correlation between networks in RM and networks in each condition, mean over held-out trials.

    Each attribute is a dict by the condition of the second network.

    Attributes
    ----------
    spatial : ndarray, shape (pair, step)
        Of patterns, at each step of the second part.
    matrix : ndarray, shape (time, time)
        Of patterns at any two times of the whole trial, mean over pairs.
    temporal : ndarray, shape (pair, feature)
        Of each shared feature's course over the second part.
    sliding : ndarray, shape (pair, window)
        The same within windows, mean over features.
    link : ndarray, shape (pair, window)
        Correlation over trials between recall of the target and the change of ``sliding`` to the next
        window. In RM and DM.
    """

    spatial: dict[str, np.ndarray]
    matrix: dict[str, np.ndarray]
    temporal: dict[str, np.ndarray]
    sliding: dict[str, np.ndarray]
    link: dict[str, np.ndarray]


def synchrony(networks: Networks, asked: Test, n_features: int, width: int = isc.WINDOW) -> Synchrony:
    """Test networks in each condition and correlate them with each other.

    Parameters
    ----------
    networks : Networks
    asked : Test
        Penalty, number of trials and disturbance. All networks get the same trials, without a schema.
    n_features : int
        Dimensions of the shared space.
    width : int
        Steps of a window.
    """
    activity, recall = np.empty(0), {}
    for place, name in enumerate(CONDITIONS):
        fixed = dataclasses.replace(asked, condition=name, same_trials=True, schema=False)
        test = evaluate(networks, fixed)
        if not place:
            activity = np.empty((len(CONDITIONS), *test.decision.shape), np.float32)
        activity[place] = test.decision
        recall[name] = test.activation[..., -test.n_targets :].max(-1)
        del test  # its states take much room
    shared = isc.shared_activity(activity, n_features)
    held_out, half = shared.shape[2], shared.shape[3] // 2
    found = Synchrony({}, {}, {}, {}, {})
    for name, other in zip(CONDITIONS, shared, strict=True):
        rm, part = shared[0][:, :, half:], other[:, :, half:]
        sliding = isc.sliding_isc(rm, part, width)
        found.spatial[name] = isc.spatial_isc(rm, part).mean(1)
        found.matrix[name] = isc.spatial_isc_matrix(shared[0], other).mean((0, 1))
        found.temporal[name] = isc.temporal_isc(rm, part).mean(1)
        found.sliding[name] = sliding.mean(1)
        if name != "NM":
            recalled = recall[name][:, -held_out:, half:]
            link = isc.recall_isc_link(recalled, sliding, width, LAST_STEP - width)
            found.link[name] = link
    return found


def by_network(values: np.ndarray) -> np.ndarray:
    """Mean over the pairs that a network is part of.

    Parameters
    ----------
    values : ndarray, shape (pair, ...)

    Returns
    -------
    ndarray, shape (member, ...)
    """
    n = round((1 + np.sqrt(1 + 8 * len(values))) / 2)
    first, second = isc.pairs(n)
    return np.stack([values[(first == m) | (second == m)].mean(0) for m in range(n)])
