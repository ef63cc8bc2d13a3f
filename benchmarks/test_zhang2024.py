"""Updates, training and evaluation of steering agents: `make bench`.

The plain implementation goes trial by trial (see ``plain_steering.py``). Besides whole trainings there
are updates alone, evaluation against trial-by-trial evaluation, and the grid of test noises.
"""

import copy

import numpy as np
import pytest
import rates
import torch
from plain_steering import PlainLearner, PlainTrainer, warm_step

from mempaper.zhang2024 import grids, td3, trial_sets
from mempaper.zhang2024.experiments import QuickAgent, WarmStart
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.quick import QuickTrainer
from mempaper.zhang2024.rollout import Agent, run
from mempaper.zhang2024.training import Trainer
from mempaper.zhang2024.warm import warm_start

ARCHITECTURES = ("Actor3Critic5", "Actor1Critic1", "Actor2Critic4")
TURNS, TRIALS = 3, 4
SHARE = 8  # of a round or of a warm-start step, the plain one makes one part in so many


def sizes(experiment, architecture):
    """Units of an architecture in words."""
    s = experiment.sizes()
    units = {
        "Actor3Critic5": f"{s.rnn} + {s.fc} units",
        "Actor1Critic1": f"{s.holistic} units",
        "Actor2Critic4": f"2 x {s.stacked} units",
    }
    return f"{architecture}, {units[architecture]}"


@pytest.mark.parametrize("steps", [35, 18])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_update(benchmark, product_rate, architecture, steps):
    reference = ReferenceAgent.preset("full", architecture=architecture)
    agent = reference.new_agent()
    s, a = torch.randn(steps, 16, 6), torch.randn(steps, 16, 2).clamp(-1, 1)
    r, done = torch.zeros(steps, 16, 1), torch.zeros(steps, 16, 1)
    r[-1], done[-1] = 1, 1
    batch = td3.Batch(s, a, r, done)
    learner = td3.Learner(agent.actor, agent.critic, torch.Generator())
    plain = PlainLearner(reference.new_agent())

    def ours():
        for _ in range(4):
            learner.update(batch, td3.Rates())

    def other():
        for _ in range(4):
            plain.update((s, a, r))

    mine, theirs = rates.take_turns(benchmark, ours, other, rounds=3)
    rates.keep(
        benchmark,
        "zhang2024/reference",
        f"{sizes(reference, architecture)}, update alone, {steps} steps",
        "first step, then the rest, all gradients",
        ours=4 / mine,
        theirs=4 / theirs,
        operations_per_update=rates.operations(ours) / 4,
        rate=product_rate,
    )


def _memory_of(trainer, plain, n, lengths, generator):
    """The same random trials in both memories."""
    for k in range(n):
        length = lengths[k % len(lengths)]
        s, a = torch.rand(length, 6, generator=generator), torch.rand(length, 2, generator=generator)
        r = torch.zeros(length, 1)
        r[-1] = 5
        if trainer is not None:
            trainer.memory.push(s, a, 5.0)
        plain.memory.append((s, a, r))


@pytest.mark.parametrize("architecture", ["Actor3Critic5", "Actor1Critic1"])
@pytest.mark.parametrize("phase", [1, 2])
def test_training(benchmark, product_rate, architecture, phase):
    """Early, when all trials last 35 steps, and late, when trained agents stop."""
    reference = ReferenceAgent.preset("full", architecture=architecture, mirror=False)
    generator = torch.Generator().manual_seed(0)
    agent = reference.new_agent()
    if phase == 2:
        warm_start(agent, reference.world(), reference.conditions(), generator, steps=60)
    trainer = Trainer(
        agent, reference.world(), reference.conditions(), reference.schedule(), reference.seed
    )
    plain = PlainTrainer(copy.deepcopy(agent), 0.8 if phase == 1 else 0.5)
    trainer.phase = phase
    lengths = [35] if phase == 1 else list(range(9, 23))
    _memory_of(trainer, plain, 1000 if phase == 1 else 12_000, lengths, generator)
    for optimizer in plain.learner.optimizers:
        optimizer.param_groups[0]["lr"] = 0.0
    trainer.rates = td3.Rates(0.0, 0.0)  # the agents stay as they are: only the work is timed

    def several(trial):
        def trials():
            for _ in range(TRIALS):
                trial()

        return trials

    ours, other = several(trainer.one_trial), several(plain.trial)
    ours()
    other()
    before = trainer.learner.updates, plain.learner.updates
    seconds = [0.0, 0.0]
    for _ in range(TURNS):  # trials differ in length: sums, not the shortest
        seconds[0] += rates.seconds_of(ours)
        seconds[1] += rates.seconds_of(other)
    made = trainer.learner.updates - before[0], plain.learner.updates - before[1]
    benchmark.pedantic(trainer.one_trial, rounds=2)
    start = trainer.learner.updates
    counted = rates.operations(ours) / (trainer.learner.updates - start)
    rates.keep(
        benchmark,
        "zhang2024/reference",
        f"{sizes(reference, architecture)}, phase {'I' * phase}",
        "one trial, lists of trials",
        ours=made[0] / seconds[0],
        theirs=made[1] / seconds[1],
        operations_per_update=counted,
        rate=product_rate,
    )


@pytest.mark.parametrize("actor", ["Actor3", "Actor1"])
def test_warm_start(benchmark, product_rate, actor):
    """Steps of the quick recipe's warm start, 128 trials each."""
    start = WarmStart.preset("fast", actor=actor)
    world, conditions, n = start.world(), start.conditions(), start.batch_size
    architecture = {"Actor3": "Actor3Critic5", "Actor1": "Actor1Critic1"}[actor]
    agent, other = (Agent(architecture, start.sizes(), torch.Generator()) for _ in range(2))
    optimizer = torch.optim.Adam(other.actor.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)

    def ours():
        warm_start(agent, world, conditions, generator, steps=4, batch_size=n)

    def plain():
        warm_step(other.actor, optimizer, world, conditions, n // SHARE)

    mine, theirs = rates.take_turns(benchmark, ours, plain, rounds=4)
    rates.keep(
        benchmark,
        "zhang2024/warm_start",
        f"{sizes(start, architecture).replace(architecture, actor)}, {n} trials",
        "one step of one trial",
        ours=4 / mine,
        theirs=1 / SHARE / theirs,
        operations_per_update=rates.operations(ours) / 4,
        rate=product_rate,
    )


@pytest.mark.parametrize("architecture", ["Actor3Critic5", "Actor1Critic1"])
def test_quick_rounds(benchmark, product_rate, architecture):
    """Rounds of the quick recipe: 64 trials and 8 updates."""
    quick = QuickAgent.preset("fast", architecture=architecture, critic_updates=0)
    generator = torch.Generator().manual_seed(0)
    agent = quick.new_agent()
    warm_start(agent, quick.world(), quick.conditions(), generator, steps=100)
    recipe = quick.recipe_in_use()
    plain = PlainTrainer(copy.deepcopy(agent), 0.4)
    _memory_of(None, plain, 1000, list(range(9, 23)), generator)
    trainer = QuickTrainer(agent, quick.world(), quick.conditions(), recipe, 0)
    trainer.begin()
    rounds = iter(range(10**6))

    def ours():
        for _ in range(2):
            trainer.round(next(rounds))

    def other():
        for _ in range(recipe.trials_per_round // SHARE):
            plain.trial(learn=False)
        for _ in range(recipe.updates_per_round // SHARE):
            plain.one_by_one(recipe.batch_size)

    mine, theirs = rates.take_turns(benchmark, ours, other, rounds=4)
    rates.keep(
        benchmark,
        "zhang2024/quick",
        f"{sizes(quick, architecture)}, {recipe.batch_size} trials",
        "one step of one trial, updates trial by trial",
        ours=2 * recipe.updates_per_round / mine,
        theirs=recipe.updates_per_round / SHARE / theirs,
        operations_per_update=rates.operations(ours) / 2 / recipe.updates_per_round,
        rate=product_rate,
    )
    assert np.isfinite(trainer.logs["critic_loss"][:8]).all()
    assert (
        len(run(agent, quick.world(), trial_sets.gain_set(1.0, 20).trials, torch.zeros(20, 35, 4))) == 20
    )


@pytest.mark.parametrize("mode", ["fast", "full"])
def test_evaluation(benchmark, mode):
    """2,000 trials of one condition at once, against one after the other."""
    experiment = QuickAgent if mode == "fast" else ReferenceAgent
    agent = experiment.preset(mode, architecture="Actor3Critic5").new_agent()
    trials = trial_sets.gain_set(1.0, 2000)
    plain = PlainTrainer(agent, 0.0)

    def other():
        for _ in range(20):
            plain.trial(explore=False, learn=False)

    mine, theirs = rates.take_turns(benchmark, lambda: trials.run(agent), other, rounds=3)
    benchmark.extra_info |= {
        "trials_per_second": 2000 / mine,
        "plain_trials_per_second": 20 / theirs,
        "ratio": (2000 / mine) / (20 / theirs),
    }


def test_noise_grid(benchmark):
    """The 25 test noises of figure 2 for one quick agent."""
    agent = QuickAgent.preset("fast", architecture="Actor3Critic5").new_agent()
    benchmark.pedantic(grids.noise_grid, args=(agent,), rounds=1)
    benchmark.extra_info["cells_per_second"] = 25 / benchmark.stats.stats.min
