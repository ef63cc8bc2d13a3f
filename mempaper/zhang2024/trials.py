"""Trials of the firefly task: their conditions, and how they are drawn (section 3.2).

Lengths are in units of 400 cm, angles in rad, times in s. Many trials run side by side: arrays have
the trials first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from mempaper.zhang2024.world import (
    GAIN,
    LINEAR_SCALE,
    Peaks,
    Range,
    World,
    check_range,
    check_start,
)

SMALL_PEAKS = (100 / LINEAR_SCALE, math.radians(60))  # below them a peak is redrawn where excluded


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
    start : (int, int), optional
        First and last step at which a perturbation may begin; by default the world's.
    """

    gain: Range = (1.0, 1.0)
    exclude_gain: Range | None = None
    process_noise: Range = (0.2, 0.2)
    observation_noise: Range = (0.1, 0.1)
    peaks: Peaks | None = None
    exclude_peaks: Range | None = None
    start: tuple[int, int] | None = None

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
        if self.start is not None:
            check_start(self.start, "start")


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

    def with_gain(self, multiplier: float | Tensor, full_speed: tuple[float, float] = GAIN) -> Trials:
        """The same targets under another gain; the noises keep their fractions of it.

        ``full_speed`` is the world's, if it is not the usual one.
        """
        ratio = torch.as_tensor(multiplier, dtype=self.gain.dtype).reshape(-1, 1)
        if not ((ratio > 0) & ratio.isfinite()).all():
            raise ValueError(f"gain {multiplier} is not positive")
        ratio = ratio * torch.tensor(full_speed) / self.gain
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
    full_speed: tuple[float, float] = GAIN,
) -> Trials:
    """Trials with given targets (trial, 2), units; ``full_speed`` is the world's.

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
    gains = multiplier * torch.tensor(full_speed)
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
    gains = gain[:, None] * torch.tensor(world.full_speed)
    process = uniform(conditions.process_noise)[:, None] * gains
    peak, start = torch.zeros(n, 2), torch.zeros(n, dtype=torch.long)
    if conditions.peaks is not None:
        limits = conditions.exclude_peaks or (0.0, 0.0)
        peak = torch.stack(
            [redrawn(p, -limit, limit) for p, limit in zip(conditions.peaks, limits, strict=True)], 1
        )
        first, last = conditions.start or world.bump_start
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
    if conditions.peaks is None or conditions.gain != (1.0, 1.0):  # the original perturbs at gain 1
        excluded = conditions.exclude_gain or (0.0, 0.0)
        gain = outside(conditions.gain, *excluded, uniform(conditions.gain))
    gains = gain * torch.tensor(world.full_speed)
    process = torch.zeros(2)
    if conditions.process_noise[1] > 0:
        process = uniform(conditions.process_noise) * gains
    if conditions.peaks is not None:
        drawn = [uniform(bounds) for bounds in conditions.peaks]
        limits = conditions.exclude_peaks or (0.0, 0.0)
        parts = zip(conditions.peaks, limits, drawn, strict=True)
        peak = torch.cat([outside(bounds, -limit, limit, one) for bounds, limit, one in parts])
        first, last = conditions.start or world.bump_start
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
