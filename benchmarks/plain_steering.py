"""Steering agents as one writes them first: trial after trial (sections 3 and 6, and the warm start).

Lists of trials, target nets run on the first step and then on the rest, gradients everywhere, torch's
own layers, one parameter after the other.
"""

import copy
import math
import random

import torch

from mempaper.zhang2024 import td3, warm
from mempaper.zhang2024.trials import draw_trials


class PlainLearner:
    """One update as section 6.2 writes it."""

    def __init__(self, agent):
        for module in agent.modules():
            if isinstance(module, torch.nn.Linear):
                module.__class__ = torch.nn.Linear
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

    def critic_loss(self, s, a, r):
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
        return (q1 - y).square().mean() + (q2 - y).square().mean()

    def update(self, *batches):
        """Learn from batches (s, a, r), each of trials of one length."""
        loss = sum(self.critic_loss(*batch) for batch in batches) / len(batches)
        self.optimizers[1].zero_grad()
        loss.backward()
        self.optimizers[1].step()
        if self.updates % 2 == 0:
            loss = -sum(self.critic.value(s, self.actor(s)[0]).mean() for s, _, _ in batches)
            self.optimizers[0].zero_grad()
            (loss / len(batches)).backward()
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

    def one_by_one(self, n):
        """An update on ``n`` trials of any lengths, one after the other."""
        chosen = random.sample(self.memory, n)
        self.learner.update(*(tuple(part[:, None] for part in trial) for trial in chosen))

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
                self.learner.update(tuple(self.sample()))
            if stop:
                break
        stored = tuple(torch.stack(parts) for parts in (states, actions, rewards))
        if learn:
            self.memory.append(stored)


def warm_step(actor, optimizer, world, conditions, n):
    """The gradient of the cost of ``n`` trials through the world, one after the other."""
    generator = torch.Generator().manual_seed(0)
    optimizer.zero_grad()
    for _ in range(n):
        trials = draw_trials(1, world, conditions, generator)
        gain, target = trials.gain[0], trials.target[0]
        x, last, seen = torch.tensor([0, 0, math.pi / 2, 0, 0]), torch.zeros(2), torch.zeros(2)
        hidden, positions, actions = None, [], []
        for t in range(world.n_steps):
            s = torch.cat([seen, last, target if t <= world.target_off else torch.zeros(2)])
            raw, hidden = actor(s.reshape(1, 1, 6), hidden)
            a = raw.reshape(2)
            positions.append(x[:2])
            actions.append(a)
            p = x[:2] + world.dt * x[3] * torch.stack([x[2].cos(), x[2].sin()])
            v = gain * a + trials.process_std[0] * torch.randn(2)
            x = torch.cat([p, (x[2] + world.dt * x[4]).reshape(1), v])
            seen, last = v + trials.observation_std[0] * torch.randn(2), a
        rows = (torch.stack(part)[:, None] for part in (positions, actions))
        cost, late = warm.soft_cost(world, trials, *rows)
        ((cost + late) / n).backward()
    torch.nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
    optimizer.step()
