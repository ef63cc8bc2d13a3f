"""Throughput of the contextual choice training: `make bench`.

`extra_info` holds updates (trials) a second, summed over members, and for the ensemble its ratio to the
loop that takes one agent, one trial and one step at a time.
"""

import time

import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.ritter2018 import sequential, training
from mempaper.ritter2018.task import ContextualChoice
from mempaper.ritter2018.training import EpochBatch, ReadRule, TrainingSettings

TASK = ContextualChoice()
SETTINGS = TrainingSettings()
UPDATES = 2 * TASK.n_unique


def epoch_of(loop, n_members, data):
    """A function that draws (or reuses) one epoch and trains on it."""
    agents = training.new_agents(TASK, SETTINGS, 0, n_members)
    optimizer = torch.optim.Adam(agents.parameters(), lr=SETTINGS.learning_rate, foreach=True)

    def run():
        batch = data or EpochBatch.sample(TASK, member_generators(0, n_members, 1), SETTINGS.hidden_size)
        loop(agents, optimizer, batch, TASK.n_unique, ReadRule())

    return run


@pytest.fixture(scope="module")
def plain():
    """Updates a second of one agent, one trial, one step at a time."""
    torch.set_num_threads(1)
    run = epoch_of(sequential.train_epoch, 1, None)
    run()
    start = time.perf_counter()
    run()
    return UPDATES / (time.perf_counter() - start)


def test_one_step_at_a_time(benchmark):
    torch.set_num_threads(1)
    benchmark.pedantic(epoch_of(sequential.train_epoch, 1, None), rounds=3, warmup_rounds=1)
    benchmark.extra_info["updates_per_second"] = UPDATES / benchmark.stats["median"]


@pytest.mark.parametrize("n_members", [1, 4, 16, 64])
def test_ensemble(benchmark, plain, n_members):
    torch.set_num_threads(1)
    benchmark.pedantic(epoch_of(training.train_epoch, n_members, None), rounds=5, warmup_rounds=1)
    rate = n_members * UPDATES / benchmark.stats["median"]
    benchmark.extra_info["updates_per_second"] = rate
    benchmark.extra_info["ratio_to_one_step_at_a_time"] = rate / plain
