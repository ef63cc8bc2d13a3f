"""Tasks with recurring contexts and their agent as one writes them first (sections 4 and 6).

One network, one environment after the other, one step at a time; the memory is a list of keys and cell
states that is searched from the newest entry on. Numbers in tasks are Python's own.
"""

import random

import torch
import torch.nn.functional as F
from torch import nn


def _one_hot(number, size):
    return [float(k == number) for k in range(size)]


class Bandit:
    """One environment; each context has a best arm."""

    def __init__(self, run):
        self.run, self.n_steps, self.n_actions = run, run.n_pulls, run.n_arms
        self.keys = [[random.choice((-1.0, 1.0)) for _ in range(run.context_length)] for _ in range(20)]
        self.p_flip = getattr(run, "p_flip", 0.0)

    def start(self):
        which = random.randrange(self.run.n_contexts)
        self.best = which % self.run.n_arms
        self.key = [-k if random.random() < self.p_flip else k for k in self.keys[which]]
        self.cue = [] if self.p_flip else [(k + 1) / 2 for k in self.key]
        return self.cue + [0.0] * (self.n_actions + 1)

    def step(self, arm):
        p = self.run.p_best if arm == self.best else self.run.p_other
        reward = float(random.random() < p)
        return reward, [*self.cue, *_one_hot(arm, self.n_actions), reward]


class Maze:
    """One environment; each context has a goal."""

    def __init__(self, run):
        self.run, self.n_steps, self.n_actions, self.n_cells = run, run.n_moves, 4, run.side**2
        self.contexts = [
            [float(random.random() < 0.5) for _ in range(run.context_length)]
            for _ in range(run.n_contexts)
        ]

    def start(self):
        self.goal = random.randrange(self.run.n_contexts)
        self.cue = self.contexts[self.goal]
        self.key = [2 * bit - 1 for bit in self.cue]
        self.place = random.randrange(self.n_cells)
        return self.cue + _one_hot(self.place, self.n_cells) + [0.0] * 5

    def step(self, action):
        row, column = divmod(self.place, self.run.side)
        down, right = ((-1, 0), (1, 0), (0, -1), (0, 1))[action]
        row, column = (max(0, min(self.run.side - 1, k)) for k in (row + down, column + right))
        self.place = row * self.run.side + column
        reward = float(self.place == self.goal)
        if reward:
            self.place = random.randrange(self.n_cells)
        seen = [*self.cue, *_one_hot(self.place, self.n_cells), *_one_hot(action, 4), reward]
        return reward, seen


class TwoStep:
    """One environment; the second half of an episode cues the trials of the first."""

    def __init__(self, run):
        self.run, self.n_steps, self.n_actions = run, 2 * run.n_uncued, 2

    def start(self):
        self.trial, self.good, self.past = 0, random.randrange(2), []
        self.order = random.sample(range(self.run.n_uncued), self.run.n_uncued)
        return [0.0] * 6

    def cued(self):
        """The trial of the first half that is cued now, or None."""
        return self.order[self.trial - self.run.n_uncued] if self.trial >= self.run.n_uncued else None

    def step(self, action):
        if random.random() < self.run.p_switch:
            self.good = 1 - self.good
        state = action if random.random() < self.run.p_common else 1 - action
        p = self.run.p_good if state == self.good else self.run.p_bad
        reward, cue = float(random.random() < p), self.cued()
        if cue is not None and self.past[cue][0] == state:
            reward = self.past[cue][1]
        self.past.append((state, reward))
        self.trial += 1
        shown = float(self.trial >= self.run.n_uncued)
        return reward, [*_one_hot(action, 2), *_one_hot(state, 2), reward, shown]


class Agent(nn.Module):
    """LSTM with a gate for what is recalled."""

    def __init__(self, n_inputs, n_units, n_actions):
        super().__init__()
        self.i2h, self.h2h = (
            nn.Linear(n_inputs, 5 * n_units),
            nn.Linear(n_units, 5 * n_units, bias=False),
        )
        self.actor, self.critic = nn.Linear(n_units, n_actions), nn.Linear(n_units, 1)
        self.n_units = n_units

    def forward(self, x, h, c, recalled):
        f, i, o, r, n = (self.i2h(x) + self.h2h(h)).chunk(5)
        c = f.sigmoid() * c + i.sigmoid() * n.tanh() + r.sigmoid() * recalled.tanh()
        h = o.sigmoid() * c.tanh()
        return h, c, F.log_softmax(self.actor(h), 0), self.critic(h)


class Trainer:
    """An update after an episode of every environment."""

    def __init__(self, run, world):
        self.run, self.worlds = run, [world(run) for _ in range(run.n_envs)]
        self.memories = [[] for _ in self.worlds]
        n_inputs = len(self.worlds[0].start())
        self.agent = Agent(n_inputs, run.hidden_size, self.worlds[0].n_actions)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), run.learning_rate)

    def search(self, memory, key):
        """The newest entry of those that are most alike."""
        if not memory:
            return torch.zeros(self.run.hidden_size)
        distances = [float((key - other).square().sum()) for other, _ in memory]
        nearest = min(range(len(memory)), key=lambda k: (distances[k], -k))
        exact = getattr(self.run, "miss", "zeros") == "zeros"
        return torch.zeros(self.run.hidden_size) if exact and distances[nearest] else memory[nearest][1]

    def episode(self, world, memory):
        """Loss of an episode of one environment."""
        h = c = recalled = torch.zeros(self.run.hidden_size)
        log_probs, values, entropies, rewards, cells = [], [], [], [], []
        x = world.start()
        is_two_step = isinstance(world, TwoStep)
        if not is_two_step:
            key = torch.tensor(world.key)
            recalled = self.search(memory, key)
        for _ in range(world.n_steps):
            if is_two_step and (cue := world.cued()) is not None:
                recalled = cells[cue + 1] if cue + 1 < len(cells) else torch.zeros_like(c)
            h, c, log_policy, value = self.agent(torch.tensor(x), h, c, recalled)
            cells.append(c.detach())
            action = int(torch.multinomial(log_policy.detach().exp(), 1))
            reward, x = world.step(action)
            log_probs.append(log_policy[action])
            values.append(value[0])
            entropies.append(-(log_policy.exp() * log_policy).sum())
            rewards.append(reward)
        if not is_two_step:
            memory.append((key, c.detach()))
            del memory[: -world.run.n_contexts * world.run.n_repetitions]
        returns, following = [], 0.0
        for reward in reversed(rewards):
            following = reward + self.run.gamma * following
            returns.insert(0, following)
        values, advantage = torch.stack(values), torch.tensor(returns) - torch.stack(values)
        policy_loss = -(torch.stack(log_probs) * advantage.detach()).mean()
        return policy_loss + 0.5 * advantage.square().mean() - 0.02 * torch.stack(entropies).mean()

    def update(self):
        pairs = zip(self.worlds, self.memories, strict=True)
        loss = sum(self.episode(world, memory) for world, memory in pairs) / len(self.worlds)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), 1.0)
        self.optimizer.step()
