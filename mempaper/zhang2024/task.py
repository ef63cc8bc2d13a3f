"""The firefly task: steer to a target that was visible for 300 ms, and stop there.

Lengths are in units of 400 cm, angles in rad, times in s. A state is (x, y, heading, v, w); every agent
starts at the origin, at rest, facing +y. Many trials run side by side: states are ``(trial, 5)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from mempaper.zhang2024.trials import Trials
from mempaper.zhang2024.world import World


def start_state(n: int, device: str | torch.device = "cpu") -> Tensor:
    """State (trial, 5) at the begin of a trial."""
    x = torch.zeros(n, 5, device=device)
    x[:, 2] = math.pi / 2
    return x


def move(x: Tensor, action: Tensor, gain: Tensor, push: Tensor, noise: Tensor, dt: float) -> Tensor:
    """State after one step: velocity is replaced at once, position follows a step later.

    Parameters
    ----------
    x : Tensor, shape (trial, 5)
    action, gain, push, noise : Tensor, shape (trial, 2)
        ``push`` is the perturbation's velocity, ``noise`` the process noise, both linear and angular.
    """
    heading, v, w = x[:, 2], x[:, 3], x[:, 4]
    rate = torch.stack([v * heading.cos(), v * heading.sin(), w], 1)
    return torch.cat([x[:, :3] + dt * rate, gain * action + noise + push], 1)


def push_at(trials: Trials, bump: Tensor, t: int) -> Tensor:
    """Velocity (trial, 2) that the perturbation adds at step ``t``."""
    k = t - trials.start
    inside = (k >= 0) & (k < len(bump))
    shape = torch.where(inside, bump[k.clamp(0, len(bump) - 1)], torch.zeros(()).to(bump))
    return trials.peak * shape[:, None]


@dataclass(frozen=True)
class Step:
    """What a step of :class:`Firefly` gives, each (trial,): of the state before the step.

    Attributes
    ----------
    distance : Tensor
        From the target, units.
    reached : Tensor of bool
        Inside the reward zone.
    stopped : Tensor of bool
        A valid stop: the trial ends.
    reward : Tensor
        Zero unless stopped.
    """

    distance: Tensor
    reached: Tensor
    stopped: Tensor
    reward: Tensor


class Firefly:
    """Trials that run side by side.

    Parameters
    ----------
    world : World
    trials : Trials
    noise : torch.Generator or Tensor
        Where normal numbers come from: a generator, or numbers (trial, step, 4) given beforehand, two
        for the process and two for the observation, with which trials do not depend on one another.

    Attributes
    ----------
    x : Tensor, shape (trial, 5)
        State.
    observation : Tensor, shape (trial, 2)
        Noisy velocity; exactly zero at the begin.
    last_action : Tensor, shape (trial, 2)
        Executed one step before.
    t : int
        Steps made.
    """

    def __init__(self, world: World, trials: Trials, noise: torch.Generator | Tensor) -> None:
        self.world, self.trials, self.noise = world, trials, noise
        device = trials.target.device
        n = len(trials)
        if isinstance(noise, Tensor) and (noise.dim() != 3 or noise.shape[::2] != (n, 4)):
            raise ValueError(f"noise has shape {tuple(noise.shape)}, expected ({n}, step, 4)")
        self.x = start_state(n, device)
        self.observation = torch.zeros(n, 2, device=device)
        self.last_action = torch.zeros(n, 2, device=device)
        self.started = torch.zeros(n, dtype=torch.bool, device=device)
        self.t = 0
        self._bump = world.bump().to(device)
        self._is_pushed = bool((trials.peak != 0).any())
        self._none = torch.zeros(n, 2, device=device)

    @property
    def visible_target(self) -> Tensor:
        """Target (trial, 2), or zeros once it has disappeared."""
        shown = self.world.target_fullon or self.t <= self.world.target_off
        return self.trials.target if shown else self._none

    def inputs(self) -> Tensor:
        """Input (trial, 6) of the networks: observation, last action, visible target (section 4.1)."""
        return torch.cat([self.observation, self.last_action, self.visible_target], 1)

    def push(self) -> Tensor:
        """Velocity (trial, 2) of the perturbation in this step."""
        return push_at(self.trials, self._bump, self.t) if self._is_pushed else self._none

    def step(self, action: Tensor, raw: Tensor | None = None, goal: float | None = None) -> Step:
        """Score the state before the step, then move (section 3.3).

        Parameters
        ----------
        action : Tensor, shape (trial, 2)
            What is executed, in [-1, 1].
        raw : Tensor, shape (trial, 2), optional
            The action without exploration noise, which decides whether a trial has started.
        goal : float, optional
            Stop threshold in place of the world's.

        Raises
        ------
        ValueError
            The action has another shape, or holds NaN or a number outside [-1, 1].
        """
        world, trials = self.world, self.trials
        if action.shape != self.last_action.shape:
            expected = f"expected {tuple(self.last_action.shape)}: two numbers for each trial"
            raise ValueError(f"action has shape {tuple(action.shape)}, {expected}")
        size = action.detach().abs()
        if not (size <= 1).all():
            raise ValueError(f"action at step {self.t} holds a number outside [-1, 1], or NaN")
        distance = (self.x[:, :2] - trials.target).norm(dim=1)
        still = (size < (world.stop_action if goal is None else goal)).all(1)
        stopped = still & self.started
        reward = world.reward(distance, trials.radius) * stopped
        result = Step(distance, distance < trials.radius, stopped, reward)
        raw = action if raw is None else raw
        self.started = self.started | (raw.abs() > world.stop_action).any(1)
        process, sensor = self._normal()
        push = self.push()
        self.x = move(self.x, action, trials.gain, push, process * trials.process_std, world.dt)
        self.observation = self.x[:, 3:] + sensor * trials.observation_std
        self.last_action = action
        self.t += 1
        return result

    def _normal(self) -> tuple[Tensor, Tensor]:
        if isinstance(self.noise, Tensor):
            drawn = self.noise[:, self.t]
            return drawn[:, :2], drawn[:, 2:]
        n, device = len(self.trials), self.x.device
        process = self._none
        if (self.trials.process_std != 0).any():
            process = torch.randn(n, 2, generator=self.noise).to(device)
        return process, torch.randn(n, 2, generator=self.noise).to(device)

    def keep(self, which: Tensor) -> Self:
        """Go on with some of the trials only, a mask or indices; returns self."""
        self.trials = self.trials[which]
        for name in ("x", "observation", "last_action", "started", "_none"):
            setattr(self, name, getattr(self, name)[which])
        if isinstance(self.noise, Tensor):
            self.noise = self.noise[which]
        return self


def step_noise(n: int, world: World, generator: torch.Generator) -> Tensor:
    """Normal numbers (trial, step, 4) for :class:`Firefly`."""
    return torch.randn(n, world.n_steps, 4, generator=generator)
