"""The firefly task: steer to a target that was visible for 300 ms, and stop there.

Lengths are in units of 400 cm, angles in rad, times in s. A state is (x, y, heading, v, w); every agent
starts at the origin, at rest, facing +y. Many trials run side by side: states are ``(trial, 5)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal, Self, get_args

import torch
from torch import Tensor

LINEAR_SCALE = 400.0  # cm per unit
GAIN = (0.5, math.pi / 2)  # joystick gain at 1x: 200 cm/s and 90 deg/s
RewardMode = Literal["mixed", "gauss", "const"]
REWARD_MODES: tuple[RewardMode, ...] = get_args(RewardMode)
Range = tuple[float, float]
NORMAL_PEAKS: tuple[Range, Range] = ((-0.5, 0.5), (-math.radians(120), math.radians(120)))
LARGE_PEAKS: tuple[Range, Range] = ((-0.5, 2.0), (-math.radians(180), math.radians(180)))
SMALL_PEAKS = (100 / LINEAR_SCALE, math.radians(60))  # below them a peak is redrawn where excluded


@dataclass(frozen=True)
class World:
    """What never changes between trials.

    Attributes
    ----------
    dt, episode_time : float
        Seconds of a step and of the longest trial.
    goal_radius, initial_radius : (float, float)
        Ranges of the radius of the reward zone and of the target's distance, in units.
    relative_angle : float
        The target's angle from straight ahead lies within plus or minus this, rad.
    stop_action : float
        Threshold of starting and stopping.
    reward_scale : float
    reward_mode : {'mixed', 'gauss', 'const'}
    target_fullon : bool
        The target never disappears.
    target_off : int
        Last step at which the target is visible.
    bump_duration, bump_std : int, float
        Steps from the first to the last sample of a perturbation (even), and its width in steps.
    """

    dt: float = 0.1
    episode_time: float = 3.5
    goal_radius: Range = (65 / LINEAR_SCALE, 65 / LINEAR_SCALE)
    initial_radius: Range = (100 / LINEAR_SCALE, 400 / LINEAR_SCALE)
    relative_angle: float = math.radians(35)
    stop_action: float = 0.1
    reward_scale: float = 10.0
    reward_mode: RewardMode = "mixed"
    target_fullon: bool = False
    target_off: int = 3
    bump_duration: int = 10
    bump_std: float = 2.0

    def __post_init__(self) -> None:
        if not (self.dt > 0 and 2 * self.dt <= self.episode_time < math.inf):
            raise ValueError(f"dt {self.dt} is not positive, or episode_time is below two steps")
        for name in ("bump_std", "reward_scale", "stop_action"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)} is not a positive number")
        if not 0 <= self.relative_angle <= math.pi:
            raise ValueError(f"relative_angle {self.relative_angle} is not between 0 and pi")
        if self.reward_mode not in REWARD_MODES:
            raise ValueError(f"reward_mode {self.reward_mode!r} is not one of {REWARD_MODES}")
        if self.target_off < 0:
            raise ValueError(f"target_off {self.target_off} is negative")
        if self.bump_duration < 2 or self.bump_duration % 2:
            raise ValueError(f"bump_duration {self.bump_duration} is not a positive even number")
        for name in ("goal_radius", "initial_radius"):
            check_range(getattr(self, name), name, low=1e-9)

    @property
    def n_steps(self) -> int:
        """Steps of the longest trial."""
        return math.floor(self.episode_time / self.dt + 1e-9)

    def bump(self) -> Tensor:
        """Time course of a perturbation, (bump_duration + 1,), 1 at its peak."""
        k = torch.arange(self.bump_duration + 1) - self.bump_duration // 2
        return torch.exp(-((k / self.bump_std) ** 2) / 2)

    def reward(self, distance: Tensor, radius: Tensor | float) -> Tensor:
        """Reward of a stop at a distance from the target, both in units."""
        if self.reward_mode == "const":
            value = (distance < radius).to(distance.dtype)
        elif self.reward_mode == "gauss":
            value = torch.exp(-(distance**2) / (2 * (radius / 2) ** 2))
        else:
            far = torch.exp(-(distance**2) / (2 * (radius / 1.5) ** 2))
            value = torch.where(distance < radius, torch.ones_like(far), far).clamp(min=1e-3)
        return self.reward_scale * value


def check_range(given: Range, name: str, low: float = -math.inf) -> None:
    """Raise ValueError unless ``given`` is (lower, upper) with both at least ``low``."""
    lower, upper = given
    if not (math.isfinite(lower) and math.isfinite(upper) and low <= lower <= upper):
        raise ValueError(f"{name} {given} is not a range (lower, upper), or below what is possible")


def _check_excluded(given: Range, excluded: Range, name: str) -> None:
    """Raise ValueError if next to nothing of a range lies outside an open interval."""
    low, high = excluded
    inside = low <= given[0] and given[1] <= high
    if given[0] == given[1]:
        inside = low < given[0] < high
    if inside:
        raise ValueError(f"{name} {excluded} leaves nothing of {given}: it would be redrawn for ever")


@dataclass(frozen=True)
class Conditions:
    """What a trial is drawn from; noises are fractions of the trial's gain.

    Attributes
    ----------
    gain : (float, float)
        Range of the gain's multiplier.
    exclude_gain : (float, float), optional
        Open interval within which the multiplier is redrawn.
    process_noise, observation_noise : (float, float)
        Ranges of the standard deviations; no noise where both ends are 0.
    peaks : ((float, float), (float, float)), optional
        Ranges of the perturbation's peak velocities; None for trials without perturbation.
    exclude_peaks : (float, float), optional
        Peaks closer to zero than these are redrawn, each by itself.
    start : (int, int)
        First and last step at which a perturbation may begin.
    """

    gain: Range = (1.0, 1.0)
    exclude_gain: Range | None = None
    process_noise: Range = (0.2, 0.2)
    observation_noise: Range = (0.1, 0.1)
    peaks: tuple[Range, Range] | None = None
    exclude_peaks: Range | None = None
    start: tuple[int, int] = (0, 10)

    def __post_init__(self) -> None:
        check_range(self.gain, "gain", low=1e-9)
        check_range(self.process_noise, "process_noise", low=0)
        check_range(self.observation_noise, "observation_noise", low=0)
        if self.exclude_gain is not None:
            check_range(self.exclude_gain, "exclude_gain")
            _check_excluded(self.gain, self.exclude_gain, "exclude_gain")
        if self.exclude_peaks is not None and self.peaks is None:
            raise ValueError("exclude_peaks is given without peaks")
        for axis, peak in enumerate(self.peaks or ()):
            check_range(peak, "peaks")
            limit = self.exclude_peaks[axis] if self.exclude_peaks else 0.0
            if not 0 <= limit < math.inf:
                raise ValueError(f"exclude_peaks {self.exclude_peaks} holds a limit below zero")
            if limit > 0:
                _check_excluded(peak, (-limit, limit), "exclude_peaks")
        if not 0 <= self.start[0] <= self.start[1]:
            raise ValueError(f"start {self.start} is not a range of steps from 0 on")


@dataclass(frozen=True)
class Trials:
    """Trials that are ready to run, each array with the trials first.

    Attributes
    ----------
    target : Tensor, shape (trial, 2)
        Position of the target, units.
    gain : Tensor, shape (trial, 2)
        What an action of 1 gives: units/s and rad/s.
    process_std, observation_std : Tensor, shape (trial, 2)
        Of the noises, in units/s and rad/s.
    peak : Tensor, shape (trial, 2)
        Peak velocities of the perturbation; zero for none.
    start : Tensor of int, shape (trial,)
        Step at which the perturbation begins.
    radius : Tensor, shape (trial,)
        Of the reward zone, units.
    """

    target: Tensor
    gain: Tensor
    process_std: Tensor
    observation_std: Tensor
    peak: Tensor
    start: Tensor
    radius: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, which: Tensor | slice) -> Trials:
        return Trials(*(getattr(self, field.name)[which] for field in fields(self)))

    def to(self, device: str | torch.device) -> Trials:
        """The same trials on another device."""
        return Trials(*(getattr(self, field.name).to(device) for field in fields(self)))

    def with_noise(self, process: float | None = None, observation: float | None = None) -> Trials:
        """The same trials with other noises, as fractions of the gain."""
        changed = self
        if min(process or 0.0, observation or 0.0) < 0:
            raise ValueError(f"a noise is negative: process {process}, observation {observation}")
        if process is not None:
            changed = replace(changed, process_std=process * self.gain)
        if observation is not None:
            changed = replace(changed, observation_std=observation * self.gain)
        return changed

    def with_gain(self, multiplier: float | Tensor) -> Trials:
        """The same targets under another gain; the noises keep their fractions of it."""
        ratio = torch.as_tensor(multiplier, dtype=self.gain.dtype).reshape(-1, 1)
        if not ((ratio > 0) & ratio.isfinite()).all():
            raise ValueError(f"gain {multiplier} is not positive")
        ratio = ratio * torch.tensor(GAIN) / self.gain
        scaled = ("gain", "process_std", "observation_std")
        return replace(self, **{name: getattr(self, name) * ratio for name in scaled})


def make_trials(
    target: Tensor,
    *,
    gain: float | Tensor = 1.0,
    process_noise: float = 0.2,
    observation_noise: float = 0.1,
    peak: Tensor | None = None,
    start: Tensor | None = None,
    radius: float = 65 / LINEAR_SCALE,
) -> Trials:
    """Trials with given targets (trial, 2), units.

    Raises
    ------
    ValueError
        A target is at distance 0 or has another shape; a gain is not positive; a noise is negative; a
        peak comes without start, or a start without peak.
    """
    target = torch.as_tensor(target, dtype=torch.float32)
    if target.dim() != 2 or target.shape[1] != 2:
        raise ValueError(f"target has shape {tuple(target.shape)}, expected (trial, 2)")
    if not torch.isfinite(target).all() or (target == 0).all(1).any():
        raise ValueError("target holds a place at distance 0 or a number that is not finite")
    if not (0 <= process_noise < math.inf and 0 <= observation_noise < math.inf):
        raise ValueError(
            f"a noise is negative: process {process_noise}, observation {observation_noise}"
        )
    if (peak is None) != (start is None):
        raise ValueError("peak and start of a perturbation need each other: one is missing")
    n = len(target)
    multiplier = torch.as_tensor(gain, dtype=torch.float32).reshape(-1, 1).expand(n, 1)
    if not ((multiplier > 0) & multiplier.isfinite()).all():
        raise ValueError(f"gain {gain} is not positive")
    gains = multiplier * torch.tensor(GAIN)
    peak = torch.zeros(n, 2) if peak is None else torch.as_tensor(peak, dtype=torch.float32)
    start = torch.zeros(n, dtype=torch.long) if start is None else torch.as_tensor(start).long()
    if (start < 0).any():
        raise ValueError("start of a perturbation is negative")
    if peak.shape != (n, 2) or start.shape != (n,):
        shapes = f"{tuple(peak.shape)} and {tuple(start.shape)}"
        raise ValueError(f"peak and start have shapes {shapes}, expected ({n}, 2) and ({n},)")
    if not peak.isfinite().all():
        raise ValueError("peak of a perturbation is not finite")
    if not 0 < radius < math.inf:
        raise ValueError(f"radius {radius} is not positive")
    radii = torch.full((n,), radius)
    return Trials(target, gains, process_noise * gains, observation_noise * gains, peak, start, radii)


def draw_trials(n: int, world: World, conditions: Conditions, generator: torch.Generator) -> Trials:
    """Draw many trials at once; see :func:`draw_in_order` for the original's stream of numbers."""

    def uniform(bounds: Range) -> Tensor:
        return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(n, generator=generator)

    def redrawn(bounds: Range, low: float, high: float) -> Tensor:
        values = uniform(bounds)
        while ((low < values) & (values < high)).any():
            values = torch.where((low < values) & (values < high), uniform(bounds), values)
        return values

    radius = uniform(world.goal_radius)
    inner, outer = world.initial_radius
    distance = uniform((inner**2, outer**2)).sqrt()
    bearing = math.pi / 2 - uniform((-world.relative_angle, world.relative_angle))
    target = distance[:, None] * torch.stack([bearing.cos(), bearing.sin()], 1)
    gain = redrawn(conditions.gain, *(conditions.exclude_gain or (0.0, 0.0)))
    gains = gain[:, None] * torch.tensor(GAIN)
    process = uniform(conditions.process_noise)[:, None] * gains
    peak, start = torch.zeros(n, 2), torch.zeros(n, dtype=torch.long)
    if conditions.peaks is not None:
        limits = conditions.exclude_peaks or (0.0, 0.0)
        peak = torch.stack(
            [redrawn(p, -limit, limit) for p, limit in zip(conditions.peaks, limits, strict=True)], 1
        )
        first, last = conditions.start
        start = torch.randint(first, last + 1, (n,), generator=generator)
    observation = uniform(conditions.observation_noise)[:, None] * gains
    return Trials(target, gains, process, observation, peak, start, radius)


def draw_in_order(
    world: World, conditions: Conditions, generator: torch.Generator, *, sensor: bool = True
) -> Trials:
    """Draw one trial, every number by a call of its own, in the original's order.

    Parameters
    ----------
    sensor : bool
        Whether the agent's sensor is reset too, which draws the observation noise last.

    Returns
    -------
    Trials
        Of one trial.
    """

    def uniform(bounds: Range) -> Tensor:
        return torch.empty(1).uniform_(*bounds, generator=generator)

    def outside(bounds: Range, low: float, high: float, first: Tensor) -> Tensor:
        while low < float(first) < high:
            first = uniform(bounds)
        return first

    radius = uniform(world.goal_radius)
    inner, outer = world.initial_radius
    distance = uniform((inner**2, outer**2)).sqrt()
    bearing = math.pi / 2 - uniform((-world.relative_angle, world.relative_angle))
    target = distance * torch.cat([bearing.cos(), bearing.sin()])
    gain, peak, start = torch.ones(1), torch.zeros(2), torch.zeros(1, dtype=torch.long)
    if conditions.peaks is None:
        excluded = conditions.exclude_gain or (0.0, 0.0)
        gain = outside(conditions.gain, *excluded, uniform(conditions.gain))
    gains = gain * torch.tensor(GAIN)
    process = torch.zeros(2)
    if conditions.process_noise[1] > 0:
        process = uniform(conditions.process_noise) * gains
    if conditions.peaks is not None:
        drawn = [uniform(bounds) for bounds in conditions.peaks]
        limits = conditions.exclude_peaks or (0.0, 0.0)
        parts = zip(conditions.peaks, limits, drawn, strict=True)
        peak = torch.cat([outside(bounds, -limit, limit, one) for bounds, limit, one in parts])
        first, last = conditions.start
        start = torch.randint(first, last + 1, (1,), generator=generator)
    observation = torch.zeros(2)
    if sensor:
        observation = uniform(conditions.observation_noise) * gains
    target, gains, process, observation, peak = (
        tensor[None] for tensor in (target, gains, process, observation, peak)
    )
    return Trials(target, gains, process, observation, peak, start, radius)


def draw_each_in_order(
    n: int, world: World, conditions: Conditions, generator: torch.Generator, *, sensor: bool = False
) -> Trials:
    """``n`` trials drawn one after the other by :func:`draw_in_order`."""
    one_by_one = [draw_in_order(world, conditions, generator, sensor=sensor) for _ in range(n)]
    return Trials(*(torch.cat([getattr(t, f.name) for t in one_by_one]) for f in fields(Trials)))


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
        """
        world, trials = self.world, self.trials
        if action.shape != self.last_action.shape:
            expected = f"expected {tuple(self.last_action.shape)}: two numbers for each trial"
            raise ValueError(f"action has shape {tuple(action.shape)}, {expected}")
        distance = (self.x[:, :2] - trials.target).norm(dim=1)
        still = (action.abs() < (world.stop_action if goal is None else goal)).all(1)
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
