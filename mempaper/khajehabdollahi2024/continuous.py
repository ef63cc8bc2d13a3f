"""Continuous networks at other time steps than those of their training.

A bit lasts one unit of time and is shown for ``k`` steps, so that a step is ``1/k`` long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mempaper.khajehabdollahi2024.learning import draw_states
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.task import sample_trials
from mempaper.khajehabdollahi2024.trained import TrainedNetworks

STATES_AT_ONCE = 10_000_000  # numbers that are kept of one piece of a sequence


@torch.no_grad()
def accuracy_at_steps(
    network: LeakyRNN,
    n: int,
    head: int,
    steps_per_bit: Sequence[int],
    seed: int,
    *,
    n_trials: int = 256,
    n_batches: int = 2,
) -> np.ndarray:
    """Share of right answers about the parity of the last ``n`` bits, with steps of several lengths.

    All networks get the same bits at all steps, in sequences as in the training on ``n``.

    Parameters
    ----------
    network : LeakyRNN
        With placement 'continuous'.
    n, head : int
        Memory length, and the head that answers.
    steps_per_bit : sequence of int
        Numbers ``k`` of steps for which each bit is shown; they need not be those of the training.
    seed : int
        Of bits and initial states.
    n_trials, n_batches : int
        Sequences of a batch, which are equally long, and number of batches.

    Returns
    -------
    ndarray, shape (member, k)
    """
    if network.placement != "continuous":
        raise ValueError(f"placement is {network.placement!r}; steps have a length in 'continuous' only")
    piece = max(1, STATES_AT_ONCE // (network.n_members * n_trials * network.n_units))
    found = np.zeros((network.n_members, len(steps_per_bit)))
    for place, k in enumerate(steps_per_bit):
        rng = np.random.default_rng(seed)
        for _ in range(n_batches):
            trials = sample_trials("parity", [[n]], n_trials, [rng], k)
            bits = trials.bits.expand(network.n_members, -1, -1)
            h = draw_states([rng], n_trials, network.n_units).expand(network.n_members, -1, -1)
            for part in bits.split(piece, -1):
                h = network.unroll(part, h, k=k)[-1]
            heads = torch.full((network.n_members, 1), head)
            answers = network.logits(h, heads=heads).argmax(-1)
            found[:, place] += (answers == trials.labels).double().mean((1, 2)).numpy() / n_batches
    return found


def generalisation(
    trained: TrainedNetworks, n_values: Sequence[int], steps_per_bit: Sequence[int], seed: int
) -> np.ndarray:
    """:func:`accuracy_at_steps` of networks when they passed each N, about that N.

    Returns
    -------
    ndarray, shape (member, N, k)
        Not a number for networks that did not pass.
    """
    accuracy = np.full((trained.n_members, len(n_values), len(steps_per_bit)), np.nan)
    for place, n in enumerate(n_values):
        passed = trained.members(n)
        if passed:
            head = trained.head(n)
            accuracy[passed, place] = accuracy_at_steps(
                trained.network(n, passed), n, head, steps_per_bit, seed
            )
    return accuracy
