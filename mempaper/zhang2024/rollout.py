"""Agents at work: many trials side by side, and the numbers that describe them (section 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from mempaper.zhang2024.belief import SMALL, Belief
from mempaper.zhang2024.networks import (
    ACTIONS,
    INPUTS,
    Actor,
    Critic,
    Hidden,
    Sizes,
    initialise,
    split_architecture,
)
from mempaper.zhang2024.task import Firefly
from mempaper.zhang2024.trials import Trials
from mempaper.zhang2024.world import LINEAR_SCALE, World

GAMMA = 0.97
COMPACT_AT = 0.8  # share of running trials below which the others are dropped
Explore = Callable[[Tensor, int, Tensor], tuple[Tensor, Tensor]]
COLUMNS = (
    "reward_fraction",
    "error_distance",
    "error_distance_shoot",
    "reward_rate",
    "TD_error_abs",
    "TD_error",
    "value_est",
)


class Agent(nn.Module):
    """An actor, its critic and, for EKF agents, what the filter assumes.

    Parameters
    ----------
    architecture : str
        Such as 'Actor3Critic5' (modular), 'Actor1Critic1' (holistic), 'ActorEKFCritic1' or 'EKF'.
    sizes : Sizes
    generator : torch.Generator, optional
        Draws the weights; without it they are whatever torch begins with.
    stop_feature : bool
        See :func:`~mempaper.zhang2024.networks.action_features`.
    assumed_noise : (float, float), optional
        Process and observation noise that the filter assumes, as fractions of the gain; by default it
        is told the trial's.
    knows_perturbation : bool
        Whether the filter is told the perturbation's velocity.
    """

    def __init__(
        self,
        architecture: str,
        sizes: Sizes,
        generator: torch.Generator | None = None,
        *,
        stop_feature: bool = False,
        assumed_noise: tuple[float, float] | None = None,
        knows_perturbation: bool = True,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        actor, critic = split_architecture(architecture)
        self.actor = Actor(actor, sizes)
        self.critic = Critic(critic, sizes, stop_feature=stop_feature)
        self.assumed_noise, self.knows_perturbation = assumed_noise, knows_perturbation
        if generator is not None:
            initialise(self, generator)

    def take(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take over weights, ``actor....`` and ``critic....``, with or without an axis of one seed.

        A shipped agent has no second critic, which only learning needs; it is left as it is.

        Raises
        ------
        ValueError
            A weight is missing, unknown or of another shape; the message names it.
        """
        own = self.state_dict()
        second = self.critic.second_copy()
        for name, tensor in own.items():
            if name not in weights and name not in second:
                raise ValueError(f"the weights of {self.architecture} lack {name}")
            if name in weights:
                given = torch.as_tensor(np.asarray(weights[name])).to(tensor.dtype)
                given = given[0] if given.dim() == tensor.dim() + 1 else given
                if given.shape != tensor.shape:
                    raise ValueError(
                        f"{name} has shape {tuple(given.shape)}, not the {tuple(tensor.shape)} of "
                        f"{self.architecture} in these sizes"
                    )
                tensor.copy_(given)
        unknown = set(weights) - set(own)
        if unknown:
            raise ValueError(f"{self.architecture} has no weights named {', '.join(sorted(unknown))}")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def has_belief(self) -> bool:
        """Whether the actor is given a filter's belief instead of observations."""
        return not self.actor.is_recurrent

    @property
    def critic_sees_belief(self) -> bool:
        """Whether the critic is given the belief too."""
        return self.critic.name == "CriticEKF"


class Steering:
    """An agent's internal state while it steers: its LSTM's, or the filter's."""

    def __init__(self, agent: Agent, firefly: Firefly) -> None:
        self.agent = agent
        self.hidden: Hidden | None = None
        self.belief: Belief | None = None
        if agent.has_belief:
            trials = firefly.trials
            process, sensor = trials.process_std, trials.observation_std
            if agent.assumed_noise is not None:
                process, sensor = (fraction * trials.gain for fraction in agent.assumed_noise)
            self.belief = Belief(trials, firefly.world.dt, process.clamp(min=SMALL), sensor)

    def act(self, firefly: Firefly) -> Tensor:
        """Action (trial, 2) without exploration noise."""
        if self.belief is not None:
            return self.agent.actor(self.belief.vector())[0]
        action, self.hidden = self.agent.actor(firefly.inputs()[None], self.hidden)
        return action[0]

    def observe(self, action: Tensor, push: Tensor, firefly: Firefly) -> None:
        """Take in what the step that was just made has shown."""
        if self.belief is not None:
            told = push if self.agent.knows_perturbation else torch.zeros_like(push)
            self.belief.update(action, firefly.observation, told)

    def keep(self, which: Tensor) -> None:
        """Go on with some of the trials only."""
        if self.belief is not None:
            self.belief.keep(which)
        if self.hidden is not None:
            h, c = self.hidden
            self.hidden = (h[:, which].contiguous(), c[:, which].contiguous())


@dataclass(frozen=True)
class Rollouts:
    """What happened in each trial; entries at and beyond a trial's length are zero.

    Attributes
    ----------
    x : Tensor, shape (trial, step, 5)
        State before each step.
    states : Tensor, shape (trial, step, 6)
        Input of the networks.
    actions : Tensor, shape (trial, step, 2)
        Executed.
    beliefs : Tensor, shape (trial, step, 13), optional
        Of EKF agents.
    length : Tensor of int, shape (trial,)
        Steps.
    stopped : Tensor of bool, shape (trial,)
        The trial ended by a valid stop, not by a time-out.
    still : Tensor of bool, shape (trial,)
        The last action is within the stop box; a trial that never started may be still at its end.
    reward : Tensor, shape (trial,)
    trials : Trials
    """

    x: Tensor
    states: Tensor
    actions: Tensor
    beliefs: Tensor | None
    length: Tensor
    stopped: Tensor
    still: Tensor
    reward: Tensor
    trials: Trials

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, which: Tensor | slice) -> Rollouts:
        beliefs = None if self.beliefs is None else self.beliefs[which]
        names = ("length", "stopped", "still", "reward")
        rest = {name: getattr(self, name)[which] for name in names}
        x, states, actions = (part[which] for part in (self.x, self.states, self.actions))
        return Rollouts(x, states, actions, beliefs, **rest, trials=self.trials[which])

    @cached_property
    def valid(self) -> Tensor:
        """Mask (trial, step) of the steps that were made."""
        return torch.arange(self.x.shape[1], device=self.length.device) < self.length[:, None]

    @cached_property
    def end(self) -> Tensor:
        """Last position (trial, 2), units: where the stop was decided."""
        return self.x[torch.arange(len(self)), self.length - 1, :2]

    @cached_property
    def distance(self) -> Tensor:
        """Distance (trial,) of the end from the target, units."""
        return (self.end - self.trials.target).norm(dim=1)

    @cached_property
    def rewarded(self) -> Tensor:
        """Still within the reward zone at the end, (trial,)."""
        return self.still & (self.distance < self.trials.radius)


@torch.no_grad()
def run(
    agent: Agent,
    world: World,
    trials: Trials,
    noise: Tensor,
    explore: Explore | None = None,
    stop_action: float | None = None,
) -> Rollouts:
    """Let an agent steer through trials, all at once; those that have ended are dropped on the way.

    Parameters
    ----------
    noise : Tensor, shape (trial, step, 4)
        See :func:`~mempaper.zhang2024.task.step_noise`.
    explore : callable (raw, step, indices of the trials) -> (action, raw), optional
        What is executed, and what decides whether a trial has started; by default the actor's own.
    stop_action : float, optional
        Stop threshold in place of the world's.
    """
    n, steps, device = len(trials), world.n_steps, trials.target.device
    x = torch.zeros(n, steps, 5, device=device)
    states = torch.zeros(n, steps, INPUTS, device=device)
    actions = torch.zeros(n, steps, ACTIONS, device=device)
    beliefs = torch.zeros(n, steps, 13, device=device) if agent.has_belief else None
    length = torch.full((n,), steps, device=device)
    stopped = torch.zeros(n, dtype=torch.bool, device=device)
    reward = torch.zeros(n, device=device)
    firefly = Firefly(world, trials, noise)
    steering = Steering(agent, firefly)
    index = torch.arange(n, device=device)
    for t in range(steps):
        x[index, t], states[index, t] = firefly.x, firefly.inputs()
        if beliefs is not None and steering.belief is not None:
            beliefs[index, t] = steering.belief.vector()
        raw = steering.act(firefly)
        action, raw = (raw, raw) if explore is None else explore(raw, t, index)
        actions[index, t] = action
        push = firefly.push()
        step = firefly.step(action, raw, stop_action)
        new = index[step.stopped & ~stopped[index]]
        length[new], stopped[new] = t + 1, True
        reward[new] = step.reward[step.stopped & (length[index] == t + 1)]
        if t + 1 == steps:
            break
        steering.observe(action, push, firefly)
        running = ~stopped[index]
        n_running = int(running.sum())
        if n_running == 0:
            break
        if n_running < COMPACT_AT * len(index):
            index = index[running]
            firefly.keep(running)
            steering.keep(running)
    made = (torch.arange(steps, device=device) < length[:, None])[:, :, None]
    last = actions[torch.arange(n, device=device), length - 1]
    limit = world.stop_action if stop_action is None else stop_action
    return Rollouts(
        x * made,
        states * made,
        actions * made,
        None if beliefs is None else beliefs * made,
        length,
        stopped,
        (last.abs() < limit).all(1),
        reward,
        trials,
    )


@dataclass(frozen=True)
class Values:
    """What the critic says of each trial: means over its steps, each (trial,).

    Attributes
    ----------
    td_error_abs, td_error : Tensor
        Of the temporal-difference error, absolute and signed.
    value : Tensor
    """

    td_error_abs: Tensor
    td_error: Tensor
    value: Tensor


@torch.no_grad()
def judge(agent: Agent, rollouts: Rollouts, gamma: float = GAMMA) -> Values:
    """Values and temporal-difference errors by the first critic, run on whole trials."""
    seen = rollouts.beliefs if agent.critic_sees_belief else rollouts.states
    assert seen is not None
    most = int(rollouts.length.max())
    x, a = (part[:, :most].transpose(0, 1).contiguous() for part in (seen, rollouts.actions))
    q = agent.critic.value(x, a)[:, :, 0].T  # (trial, step)
    valid = rollouts.valid[:, :most]
    q = q * valid
    following = torch.cat([q[:, 1:], torch.zeros_like(q[:, :1])], 1)
    reward = torch.zeros_like(q)
    reward[torch.arange(len(q)), rollouts.length - 1] = rollouts.reward
    delta = (reward + gamma * following - q) * valid
    steps = rollouts.length
    return Values(delta.abs().sum(1) / steps, delta.sum(1) / steps, q.sum(1) / steps)


def arc_length(place: Tensor | np.ndarray) -> np.ndarray:
    """Length of the circle from the origin, tangent to +y, to each place (trial, 2)."""
    x, y = np.asarray(place, np.float64).T
    d = np.hypot(x, y)
    ratio = np.divide(x, d, out=np.zeros_like(x), where=d > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        arc = d / ratio * np.arcsin(np.clip(ratio, -1, 1))
    return np.where(np.abs(ratio) > 1e-8, arc, d)


def signed_error(rollouts: Rollouts) -> np.ndarray:
    """Distance from the target in cm, (trial,); negative where the path's circle is shorter."""
    short = arc_length(rollouts.end.cpu()) < arc_length(rollouts.trials.target.cpu())
    return np.where(short, -1, 1) * rollouts.distance.cpu().numpy() * LINEAR_SCALE


def reward_rate(rollouts: Rollouts, dt: float) -> float:
    """Rewarded trials per second of trial time; the time of a trial's last step does not count."""
    seconds = dt * float((rollouts.length - 1).sum())
    return float(rollouts.rewarded.sum()) / seconds if seconds > 0 else 0.0


def performance(agent: Agent, rollouts: Rollouts, world: World) -> dict[str, float]:
    """The columns of a performance table for one agent under one condition (section 7.1)."""
    values = judge(agent, rollouts)
    return {
        "reward_fraction": float(rollouts.rewarded.float().mean()),
        "error_distance": float(rollouts.distance.double().mean()) * LINEAR_SCALE,
        "error_distance_shoot": float(signed_error(rollouts).mean()),
        "reward_rate": reward_rate(rollouts, world.dt),
        "TD_error_abs": float(values.td_error_abs.double().mean()),
        "TD_error": float(values.td_error.double().mean()),
        "value_est": float(values.value.double().mean()),
    }


def labelled_trials(base: Trials, world: World, large_peak: Tensor | None = None) -> dict[str, Trials]:
    """The same targets under the gains 1, 1.5 and 2 and, with ``large_peak`` given, 3 and 4.

    ``base`` holds the normal peaks and their starts; perturbation0 is the same without, perturbation2
    has the large peaks.
    """
    gains = (1.0, 1.5, 2.0) if large_peak is None else (1.0, 2.0, 3.0, 4.0)
    still = replace(base, peak=torch.zeros_like(base.peak))
    labels = {f"gain{gain:g}x": still.with_gain(gain, world.full_speed) for gain in gains}
    labels |= {"perturbation0": still, "perturbation1": base}
    if large_peak is not None:
        labels["perturbation2"] = replace(base, peak=large_peak)
    return labels
