"""How well trained networks answer: on sequences like those of the training, and on endless streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import learning
from mempaper.khajehabdollahi2024.analysis import WARM_UP, Streams
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.storage import StoredNetwork
from mempaper.khajehabdollahi2024.task import TaskName, sample_trials
from mempaper.parameters import ConfigError

N_BATCHES, BATCH_SIZE = 20, 256
EVALUATION_STREAM = 3  # of each member's seed; the training has the others


def questions(stored: StoredNetwork[LeakyRNN], n_values: Iterable[int]) -> list[tuple[int, int]]:
    """Which of some memory lengths a network can be asked for, each with the head that answers.

    A network with one head answers for every N, other networks where they have a head of that N.
    """
    if stored.network.placement == "continuous":
        raise ConfigError(
            f"{stored.source} is a continuous network, which has no step per bit to answer at"
        )
    if len(stored.n_values) == 1:
        return [(n, 0) for n in n_values]
    return [(n, stored.head_of(n)) for n in n_values if n in stored.n_values]


def batch_accuracy(
    network: LeakyRNN,
    task: TaskName,
    asked: Sequence[tuple[int, int]],
    *,
    n_batches: int = N_BATCHES,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> np.ndarray:
    """Share of right answers at the end of sequences drawn as in training, (member, question).

    Parameters
    ----------
    asked : sequence of (n, head)
        Memory lengths and the heads that answer. The largest N decides how long sequences are.
    n_batches, batch_size : int
    seed : int
        Of the first member's sequences; the next follow it.
    """
    n_values = [n for n, _ in asked]
    heads = torch.tensor([head for _, head in asked]).expand(network.n_members, -1)
    generators = member_generators(seed, network.n_members, EVALUATION_STREAM)
    found = []
    for _ in range(n_batches):
        trials = sample_trials(task, [n_values] * network.n_members, batch_size, generators)
        h = learning.draw_states(generators, batch_size, network.n_units)
        found.append(learning.batch_accuracy(network, trials, h, heads))
    return torch.stack(found).mean(0).numpy()


def accuracies(
    network: LeakyRNN,
    task: TaskName,
    asked: Sequence[tuple[int, int]],
    *,
    n_batches: int = N_BATCHES,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Batch accuracy and streaming accuracy, each (member, question).

    Streams are 10 of 1000 bits after 100 that do not count, 0 and 1 equally likely; a head answers
    after every bit.
    """
    longest = max(n for n, _ in asked)
    streams = Streams(seed, warm_up=max(WARM_UP, longest))
    batches = batch_accuracy(network, task, asked, n_batches=n_batches, seed=seed)
    return batches, streams.accuracy(network, task, asked).mean(1)
