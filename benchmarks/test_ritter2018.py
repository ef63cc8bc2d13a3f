"""Updates a second of agents with a memory: `make bench`.

Contextual choice: the plain loop takes one agent, one trial and one step at a time. Recurring contexts:
it takes one environment after the other (see ``plain_recurring.py``).
"""

from types import SimpleNamespace

import plain_recurring
import pytest
import rates
import torch

from mempaper.ensemble import member_generators
from mempaper.ritter2018 import recurring, recurring_training, sequential, training
from mempaper.ritter2018.task import ContextualChoice
from mempaper.ritter2018.training import EpochBatch, ReadRule, TrainingSettings

TASK = ContextualChoice()
SETTINGS = TrainingSettings()
UPDATES = 2 * TASK.n_unique
RECURRING = {
    "barcode_bandit": (recurring.BarcodeBandit, plain_recurring.Bandit, {"n_repetitions": 2}),
    "noisy_contexts": (recurring.NoisyContexts, plain_recurring.Bandit, {}),
    "water_maze": (recurring.WaterMaze, plain_recurring.Maze, {}),
    "two_step": (recurring.TwoStep, plain_recurring.TwoStep, {}),
}


def epoch_of(loop, n_members):
    """A function that draws one epoch and trains on it."""
    agents = training.new_agents(TASK, SETTINGS, 0, n_members)
    optimizer = torch.optim.Adam(agents.parameters(), lr=SETTINGS.learning_rate, foreach=True)

    def run():
        batch = EpochBatch.sample(TASK, member_generators(0, n_members, 1), SETTINGS.hidden_size)
        loop(agents, optimizer, batch, TASK.n_unique, ReadRule())

    return run


@pytest.mark.parametrize("n_members", [1, 8, 64])
def test_contextual_choice(benchmark, product_rate, n_members):
    ours = epoch_of(training.train_epoch, n_members)
    plain = epoch_of(sequential.train_epoch, 1)
    mine, theirs = rates.take_turns(benchmark, ours, plain, rounds=3)
    rates.keep(
        benchmark,
        "ritter2018/contextual_choice",
        f"{SETTINGS.hidden_size} units, {n_members} network{'s' * (n_members > 1)}",
        "one step of one trial",
        ours=n_members * UPDATES / mine,
        theirs=UPDATES / theirs,
        operations_per_update=rates.operations(ours) / n_members / UPDATES,
        rate=product_rate,
    )


@pytest.mark.parametrize("name", RECURRING)
def test_recurring_contexts(benchmark, product_rate, name):
    experiment, world, shorter = RECURRING[name]
    run = experiment.preset("full", **shorter)
    task, settings, n = run.task(), run.settings(), run.n_seeds
    agents = recurring_training.new_recurring_agents(task, settings, 0, n)
    optimizer = torch.optim.Adam(agents.parameters(), lr=settings.learning_rate, foreach=True)

    def ours():
        generators = member_generators(0, n, 1)
        epoch = task.sample(generators, settings.n_envs)
        uniform = torch.rand(n, task.n_episodes, task.n_steps, settings.n_envs)
        recurring_training.train_epoch(agents, optimizer, epoch, task, settings, 0, uniform)

    plain = plain_recurring.Trainer(SimpleNamespace(**run.config()), world)
    mine, theirs = rates.take_turns(benchmark, ours, plain.update, rounds=2)
    rates.keep(
        benchmark,
        f"ritter2018/{name}",
        f"{run.hidden_size} units, {n} networks, {run.n_envs} environments",
        "one step of one environment",
        ours=n * task.n_episodes / mine,
        theirs=1 / theirs,
        operations_per_update=rates.operations(ours) / n / task.n_episodes,
        rate=product_rate,
    )
