"""Updates, training and evaluation of steering agents: `make bench`.

The plain implementation follows the equations of section 6 trial by trial: lists of trials, target nets
run on the first step and then on the rest, gradients everywhere, one parameter after the other. It takes
turns with ours, so that both meet the same machine. `extra_info` holds seconds of both and their ratio,
and for updates at the paper's sizes the share of this machine's rate of matrix products.
"""

import copy
import math
import random
import time

import numpy as np
import pytest
import torch

from mempaper.zhang2024 import grids, td3, trial_sets
from mempaper.zhang2024.experiments import QuickAgent, ReferenceAgent
from mempaper.zhang2024.quick import QuickTrainer
from mempaper.zhang2024.rollout import run
from mempaper.zhang2024.training import Trainer
from mempaper.zhang2024.warm import warm_start

ARCHITECTURES = ("Actor3Critic5", "Actor1Critic1", "Actor2Critic4")


class PlainLearner:
    """One update as section 6.2 writes it."""

    def __init__(self, agent):
        self.actor, self.critic = agent.actor, agent.critic
        self.targets = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.optimizers = [
            torch.optim.Adam(net.parameters(), 3e-4, eps=1.5e-4, foreach=False, fused=False)
            for net in (self.actor, self.critic)
        ]
        self.updates = 0

    def both_values(self, critic, x, a):
        """Both copies on the first step, then on the rest, each from the state that the first left."""
        return [torch.cat([critic.value(x[:1], a[:1], k), critic.value(x, a, k)[1:]]) for k in (1, 2)]

    def update(self, s, a, r):
        actor, critic = self.targets
        done = torch.zeros_like(r)
        done[-1] = 1
        with torch.no_grad():
            _, hidden = actor(s[:1])
            following = torch.cat([s[1:], torch.zeros_like(s[:1])])
            action, _ = actor(following, hidden)
            action = td3.smooth(action, 0.05 * torch.randn_like(action))
            q = self.both_values(critic, torch.cat([s[:1], following]), torch.cat([a[:1], action]))
            y = r + (1 - done) * 0.97 * torch.minimum(q[0][1:], q[1][1:])
        q1, q2 = self.critic(s, a)
        loss = (q1 - y).square().mean() + (q2 - y).square().mean()
        self.optimizers[1].zero_grad()
        loss.backward()
        self.optimizers[1].step()
        if self.updates % 2 == 0:
            loss = -self.critic.value(s, self.actor(s)[0]).mean()
            self.optimizers[0].zero_grad()
            loss.backward()
            self.optimizers[0].step()
            for target, online in zip(self.targets, (self.actor, self.critic), strict=True):
                for p, q in zip(target.parameters(), online.parameters(), strict=True):
                    p.data.copy_(0.995 * p.data + 0.005 * q.data)
        self.updates += 1


class PlainTrainer:
    """Trial after trial, with lists of trials as memory."""

    def __init__(self, agent, std):
        self.agent, self.std = agent, std
        self.learner = PlainLearner(agent)
        self.memory, self.steps = [], 0

    def sample(self):
        memory = self.memory
        some = memory if len(memory) < 10_000 else random.sample(memory, 10_000)
        length = len(random.choice(some)[0])
        same = [trial for trial in some if len(trial[0]) == length]
        chosen = random.sample(same, min(16, len(same)))
        return (torch.stack(parts, 1) for parts in zip(*chosen, strict=True))

    def act(self, s, hidden):
        with torch.no_grad():
            return self.agent.actor(s.reshape(1, 1, 6), hidden)

    def trial(self, explore=True, learn=True):
        """One trial by the equations of section 3, with numbers one by one."""
        gain = torch.tensor([0.5, math.pi / 2])
        r, beta = math.sqrt(random.uniform(0.0625, 1)), math.radians(random.uniform(-35, 35))
        target = torch.tensor([r * math.sin(beta), r * math.cos(beta)])
        x, last, seen = torch.tensor([0, 0, math.pi / 2, 0, 0]), torch.zeros(2), torch.zeros(2)
        hidden, started, states, actions, rewards = None, False, [], [], []
        for t in range(35):
            s = torch.cat([seen, last, target if t < 4 else torch.zeros(2)])
            raw, hidden = self.act(s, hidden)
            a = raw = raw.reshape(2)
            if explore and (raw.abs() > 0.1).any():
                a = (raw + self.std * torch.randn(2)).clamp(-1, 1)
            distance = (x[:2] - target).norm()
            stop = started and bool((a.abs() < 0.1).all())
            p = x[:2] + 0.1 * x[3] * torch.stack([x[2].cos(), x[2].sin()])
            v = gain * a + 0.2 * gain * torch.randn(2)
            reward = 0.0
            if stop:
                zone = torch.exp(-(distance**2) / (2 * (0.1625 / 1.5) ** 2)).clamp(min=1e-3)
                reward = 10.0 if distance < 0.1625 else 10 * float(zone)
            x = torch.cat([p, (x[2] + 0.1 * x[4]).reshape(1), v])
            seen, last = v + 0.1 * gain * torch.randn(2), a
            started = started or bool((raw.abs() > 0.1).any())
            states.append(s)
            actions.append(a)
            rewards.append(torch.tensor([reward]))
            self.steps += 1
            if learn and len(self.memory) > 800 and self.steps % 4 == 0:
                self.learner.update(*self.sample())
            if stop:
                break
        stored = tuple(torch.stack(parts) for parts in (states, actions, rewards))
        if learn:
            self.memory.append(stored)


def matrix_rate():
    """Floating-point operations a second of a large matrix product on one core."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    a @ b
    start = time.perf_counter()
    for _ in range(5):
        a @ b
    return 5 * 2 * 1024**3 / (time.perf_counter() - start)


def operations(agent, steps, trials):
    """Of an update, per weight 2 forward and 4 backward; the actor learns in every second one."""
    actor, critic = (sum(p.numel() for p in net.parameters()) for net in (agent.actor, agent.critic))
    return steps * trials * (5 * actor + 9 * critic)


def take_turns(benchmark, ours, plain, rounds=5):
    """Time both in turns; returns their shortest seconds."""
    seconds = []

    def other():
        start = time.perf_counter()
        plain()
        seconds.append(time.perf_counter() - start)
        return (), {}

    ours()
    plain()
    benchmark.pedantic(ours, setup=other, rounds=rounds)
    return benchmark.stats.stats.min, min(seconds)


@pytest.mark.parametrize("steps", [35, 18])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_update(benchmark, architecture, steps):
    torch.set_num_threads(1)
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
            plain.update(s, a, r)

    mine, theirs = take_turns(benchmark, ours, other)
    rate = operations(agent, steps, 16) / (mine / 4)
    benchmark.extra_info |= {
        "seconds_per_update": mine / 4,
        "ratio": theirs / mine,
        "share_of_matrix_rate": rate / matrix_rate(),
    }


def _memory_of(trainer, plain, n, lengths, generator):
    """The same random trials in both memories."""
    for k in range(n):
        length = lengths[k % len(lengths)]
        s, a = torch.rand(length, 6, generator=generator), torch.rand(length, 2, generator=generator)
        r = torch.zeros(length, 1)
        r[-1] = 5
        trainer.memory.push(s, a, 5.0)
        plain.memory.append((s, a, r))


@pytest.mark.parametrize("architecture", ["Actor3Critic5", "Actor1Critic1"])
@pytest.mark.parametrize("phase", [1, 2])
def test_training(benchmark, architecture, phase):
    """Trials a second: early, when all last 35 steps, and late, when trained agents stop."""
    torch.set_num_threads(1)
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
    for learner in (trainer.learner, plain.learner):
        for group in (
            [g for o in (learner.actor_optimizer, learner.critic_optimizer) for g in o.param_groups]
            if isinstance(learner, td3.Learner)
            else [g for o in learner.optimizers for g in o.param_groups]
        ):
            group["lr"] = 0.0
    trainer.rates = td3.Rates(0.0, 0.0)  # the agents stay as they are: only the work is timed

    def steps_of(one, trial):
        """Seconds per step of the world over some trials: trials differ in length."""

        def some():
            start, before = time.perf_counter(), one.steps
            for _ in range(4):
                trial()
            return (time.perf_counter() - start) / (one.steps - before)

        return some

    ours, other = steps_of(trainer, trainer.one_trial), steps_of(plain, plain.trial)
    pairs = [(other(), ours()) for _ in range(4)]
    benchmark.pedantic(trainer.one_trial, rounds=2)
    theirs, mine = (min(seconds) for seconds in zip(*pairs, strict=True))
    benchmark.extra_info |= {"seconds_per_step": mine, "ratio": theirs / mine}


@pytest.mark.parametrize("sizes", ["fast", "full"])
def test_evaluation(benchmark, sizes):
    """2,000 trials of one condition at once, against one after the other."""
    torch.set_num_threads(1)
    experiment = QuickAgent if sizes == "fast" else ReferenceAgent
    agent = experiment.preset(sizes, architecture="Actor3Critic5").new_agent()
    trials = trial_sets.gain_set(1.0, 2000)
    plain = PlainTrainer(agent, 0.0)

    def other():
        for _ in range(20):
            plain.trial(explore=False, learn=False)

    mine, theirs = take_turns(benchmark, lambda: trials.run(agent), other, rounds=3)
    benchmark.extra_info |= {
        "trials_per_second": 2000 / mine,
        "plain_trials_per_second": 20 / theirs,
        "ratio": (2000 / mine) / (20 / theirs),
    }


def test_noise_grid(benchmark):
    """The 25 test noises of figure 2 for one quick agent."""
    torch.set_num_threads(1)
    agent = QuickAgent.preset("fast", architecture="Actor3Critic5").new_agent()
    benchmark.pedantic(grids.noise_grid, args=(agent,), rounds=2)
    benchmark.extra_info["cells_per_second"] = 25 / benchmark.stats.stats.min


def test_quick_round(benchmark):
    """A round of the quick recipe: 64 trials and 8 updates."""
    torch.set_num_threads(1)
    quick = QuickAgent.preset("fast", architecture="Actor3Critic5", critic_updates=0)
    generator = torch.Generator().manual_seed(0)
    agent = quick.new_agent()
    warm_start(agent, quick.world(), quick.conditions(), generator, steps=100)
    trainer = QuickTrainer(agent, quick.world(), quick.conditions(), quick.recipe_in_use(), 0)
    trainer.begin()
    rounds = iter(range(10**6))
    benchmark.pedantic(lambda: trainer.round(next(rounds)), rounds=8, warmup_rounds=2)
    assert np.isfinite(trainer.logs["critic_loss"][:8]).all()
    assert (
        len(run(agent, quick.world(), trial_sets.gain_set(1.0, 20).trials, torch.zeros(20, 35, 4))) == 20
    )
