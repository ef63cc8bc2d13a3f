"""Training on tasks whose contexts recur: synchronous advantage actor-critic, members together.

The paper trains with asynchronous actors; here (OUR choice) ``n_envs`` environments of each member
run in step and one Adam update follows each episode. Tensors lead with ``(member, env)``. Losses
are summed over members and gradients clipped per member: each learns what it would learn alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint, restore_training, training_state
from mempaper.ensemble import clip_grad_norm_per_member, member_generators
from mempaper.memory import Miss, one_of
from mempaper.progress import Report, silent
from mempaper.ritter2018.contexts import Generators, RecurringEpoch
from mempaper.ritter2018.model import DNDLSTM, Variant
from mempaper.ritter2018.recurring_memory import (
    EpisodeMemory,
    EpisodeRecall,
    Memory,
    TrialMemory,
)
from mempaper.ritter2018.two_step import TwoStepEpoch
from mempaper.rl import discounted_returns, sample_actions

WEIGHTS_STREAM, TRAINING_STREAM = 0, 1  # of each member's seed


class Epoch(Protocol):
    """A running epoch of a vectorised task."""

    def cue(self, episode: int) -> Tensor:
        """Inputs that stay the same during an episode, (member, env, cue_size)."""

    def start(self, episode: int) -> Tensor:
        """First observation of an episode, (member, env, observation_size)."""

    def step(self, episode: int, step: int, action: Tensor) -> tuple[Tensor, Tensor]:
        """Reward (member, env) and next observation after ``action`` (member, env)."""


class Task(Protocol):
    """A vectorised task: ``n_steps`` choices in each of ``n_episodes`` episodes of an epoch."""

    @property
    def n_actions(self) -> int:
        """Choices at each step."""

    @property
    def n_steps(self) -> int:
        """Choices per episode."""

    @property
    def n_episodes(self) -> int:
        """Episodes per epoch."""

    @property
    def cue_size(self) -> int:
        """Inputs that stay the same during an episode."""

    @property
    def observation_size(self) -> int:
        """Inputs that change from step to step."""

    @property
    def shows_outcome(self) -> bool:
        """Whether a last step without a choice shows the last outcome."""

    def sample(self, generators: Generators, n_envs: int, device: str = "cpu") -> Any:
        """Draw an epoch of ``n_envs`` environments for each member."""

    def log_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of what :meth:`measure` gives per member."""

    def measure(self, epoch: Any, actions: Tensor, rewards: Tensor) -> dict[str, Tensor]:
        """Behaviour in a finished epoch from (member, env, episode, step), by name."""


@dataclass(frozen=True)
class RecurringSettings:
    """Hyper-parameters of the training.

    Parameters
    ----------
    variant : {'gate', 'nogate', 'input', 'none'}
        See :class:`mempaper.ritter2018.model.DNDLSTMCell`; 'none' has no memory.
    n_epochs : int
        Each has one update per episode.
    n_envs : int
        Environments per member.
    hidden_size : int
    learning_rate : float
        Of Adam.
    gamma : float
        Discount within an episode.
    entropy_coefficient : float
        Weight of the entropy bonus at the first update; it falls linearly to 0 at the last one.
    recall, miss, tau :
        How the memory is read, see :func:`mempaper.ritter2018.recurring_memory.search`.
    max_gradient_norm : float
        The norm of each member's gradient is clipped to it.
    value_weight : float
        Weight of the value loss.
    """

    variant: Variant = "gate"
    n_epochs: int = 60
    n_envs: int = 64
    hidden_size: int = 48
    learning_rate: float = 3e-3
    gamma: float = 0.5
    entropy_coefficient: float = 0.02
    recall: EpisodeRecall = "1nn"
    miss: Miss = "zeros"
    tau: float = 2.0
    max_gradient_norm: float = 1.0
    value_weight: float = 0.5

    def __post_init__(self) -> None:
        one_of("variant", self.variant, Variant)
        one_of("recall", self.recall, EpisodeRecall)
        one_of("miss", self.miss, Miss)


def new_memory(epoch: Any, task: Task, settings: RecurringSettings) -> Memory | None:
    """An empty memory for an epoch; None for agents without one."""
    if settings.variant == "none":
        return None
    if isinstance(epoch, TwoStepEpoch):
        return TrialMemory(epoch.cue_index, epoch.n_uncued, settings.hidden_size)
    assert isinstance(epoch, RecurringEpoch)
    last_step = task.n_steps - 1 + task.shows_outcome
    return EpisodeMemory(
        epoch.keys,
        settings.hidden_size,
        last_step,
        recall=settings.recall,
        miss=settings.miss,
        tau=settings.tau,
    )


class Rollout(NamedTuple):
    """One episode of all environments.

    Attributes
    ----------
    hidden : Tensor, shape (member, step, env, unit)
    actions : int64 Tensor, shape (member, step, env)
    rewards : Tensor, shape (member, step, env)
    """

    hidden: Tensor
    actions: Tensor
    rewards: Tensor


def roll_out(
    agents: DNDLSTM, epoch: Epoch, task: Task, memory: Memory | None, episode: int, uniform: Tensor
) -> Rollout:
    """Play one episode: recall, update the state, write, act.

    Parameters
    ----------
    uniform : Tensor, shape (member, step, env)
        Uniform numbers that decide the sampled actions.
    """
    cell = agents.cell
    observation, cue = epoch.start(episode), epoch.cue(episode)
    memory_inputs = cell.hidden_size if cell.variant == "input" else 0
    from_cue, from_observation, from_memory = cell.i2h.weight.split(
        [cue.shape[-1], observation.shape[-1], memory_inputs], dim=1
    )
    assert cell.i2h.bias is not None
    constant = shared = torch.baddbmm(cell.i2h.bias, cue, from_cue)
    c = h = cue.new_zeros(*cue.shape[:2], cell.hidden_size)
    recalled = None
    hidden, actions, rewards = [], [], []
    for step in range(task.n_steps + task.shows_outcome):
        entry = None if memory is None else memory.recall(episode, step)
        if entry is not None:
            recalled = torch.tanh(entry)
            if cell.variant == "input":
                shared = torch.baddbmm(constant, recalled, from_memory)
        projected = torch.baddbmm(shared, observation, from_observation)
        h, c, _ = cell.step(projected, h, c, recalled)
        if memory is not None:
            memory.write(episode, step, c.detach())
        if step < task.n_steps:
            with torch.no_grad():
                policy = torch.softmax(agents.heads.actor(h), -1)
            action = sample_actions(policy, uniform[:, step])
            reward, observation = epoch.step(episode, step, action)
            hidden.append(h)
            actions.append(action)
            rewards.append(reward)
    return Rollout(torch.stack(hidden, 1), torch.stack(actions, 1), torch.stack(rewards, 1))


def recurring_loss(
    agents: DNDLSTM, rollout: Rollout, settings: RecurringSettings, entropy_coefficient: float
) -> Tensor:
    """Advantage actor-critic loss of one episode, (member,): means over steps and environments.

    ``-mean(log pi(a) A) + value_weight mean((R - V)^2) - entropy_coefficient entropy`` with the
    discounted return R of the episode, no bootstrap, and ``A = R - V`` with V detached.
    """
    flat = rollout.hidden.flatten(1, 2)
    log_policy = torch.log_softmax(agents.heads.actor(flat), -1)  # (member, step x env, action)
    value = agents.heads.critic(flat).squeeze(-1)
    returns = discounted_returns(rollout.rewards.mT, settings.gamma).mT.flatten(1)
    log_prob = log_policy.gather(-1, rollout.actions.flatten(1).unsqueeze(-1)).squeeze(-1)
    policy_loss = -(log_prob * (returns - value.detach())).mean(1)
    value_loss = (returns - value).square().mean(1)
    entropy = -(log_policy.exp() * log_policy).sum(-1).mean(1)
    return policy_loss + settings.value_weight * value_loss - entropy_coefficient * entropy


def new_recurring_agents(task: Task, settings: RecurringSettings, seed: int, n_seeds: int) -> DNDLSTM:
    """Untrained agents: orthogonal weights, one bias vector, forget bias 1, a nearly flat policy."""
    return DNDLSTM(
        member_generators(seed, n_seeds, WEIGHTS_STREAM),
        task.cue_size + task.observation_size,
        settings.hidden_size,
        task.n_actions,
        variant=settings.variant,
        hidden_bias=False,
        forget_bias=1.0,
        actor_gain=0.01,
    )


def train_recurring(
    task: Task,
    settings: RecurringSettings,
    seed: int,
    n_seeds: int,
    *,
    device: str = "cpu",
    resume: ResumePoint | None = None,
    report: Report = silent,
) -> dict[str, np.ndarray]:
    """Train ``n_seeds`` agents; all randomness of an epoch is drawn ahead from each member's seed.

    Returns
    -------
    dict of ndarray
        ``reward`` (seed, epoch), mean reward per choice; what the task measures, each
        (seed, epoch, ...), see its ``measure``; ``weights/...``.
    """
    resume = resume or ResumePoint()
    agents = new_recurring_agents(task, settings, seed, n_seeds).to(device)
    optimizer = torch.optim.Adam(agents.parameters(), lr=settings.learning_rate, foreach=True)
    shapes = {"reward": (), **task.log_shapes()}
    logs = {
        name: np.zeros((n_seeds, settings.n_epochs, *shape), np.float32)
        for name, shape in shapes.items()
    }
    state = resume.load()
    first = 0 if state is None else restore_training(state, agents, optimizer, logs)
    for number in range(first, settings.n_epochs):
        generators = member_generators(seed, n_seeds, TRAINING_STREAM, number)
        epoch = task.sample(generators, settings.n_envs, device)
        shape = (task.n_episodes, task.n_steps, settings.n_envs)
        draws = np.stack([rng.random(shape, dtype=np.float32) for rng in generators])
        uniform = torch.as_tensor(draws, device=device)
        actions, rewards = train_epoch(agents, optimizer, epoch, task, settings, number, uniform)
        logs["reward"][:, number] = rewards.mean((1, 2, 3)).cpu().numpy()
        for name, measured in task.measure(epoch, actions, rewards).items():
            logs[name][:, number] = measured.cpu().numpy()
        report(number + 1, settings.n_epochs)
        if resume.due():
            resume.save(training_state(agents, optimizer, logs, number + 1))
    weights = {f"weights/{k}": v.cpu().numpy() for k, v in agents.state_dict().items()}
    return logs | weights


def train_epoch(
    agents: DNDLSTM,
    optimizer: torch.optim.Optimizer,
    epoch: Any,
    task: Task,
    settings: RecurringSettings,
    number: int,
    uniform: Tensor,
) -> tuple[Tensor, Tensor]:
    """Play the episodes of one epoch, with one update after each.

    Parameters
    ----------
    number : int
        Of the epoch; with the episode it tells how far the entropy bonus has fallen.
    uniform : Tensor, shape (member, episode, step, env)

    Returns
    -------
    actions : int64 Tensor, shape (member, env, episode, step)
    rewards : Tensor, shape (member, env, episode, step)
    """
    memory = new_memory(epoch, task, settings)
    last_update = max(settings.n_epochs * task.n_episodes - 1, 1)
    actions, rewards = [], []
    for episode in range(task.n_episodes):
        update = number * task.n_episodes + episode
        entropy_coefficient = settings.entropy_coefficient * (1 - update / last_update)
        rollout = roll_out(agents, epoch, task, memory, episode, uniform[:, episode])
        loss = recurring_loss(agents, rollout, settings, entropy_coefficient)
        optimizer.zero_grad()
        loss.sum().backward()
        clip_grad_norm_per_member(agents.parameters(), settings.max_gradient_norm)
        optimizer.step()
        actions.append(rollout.actions)
        rewards.append(rollout.rewards)
    return torch.stack(actions, 1).permute(0, 3, 1, 2), torch.stack(rewards, 1).permute(0, 3, 1, 2)
