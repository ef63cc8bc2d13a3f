"""The arena of the firefly task, and what never changes in it.

Lengths are in units of 400 cm, angles in rad, times in s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

LINEAR_SCALE = 400.0  # cm per unit
GAIN = (0.5, math.pi / 2)  # joystick gain at 1x: 200 cm/s and 90 deg/s
NORMAL_PEAKS = ((-0.5, 0.5), (-math.radians(120), math.radians(120)))  # of perturbations
LARGE_PEAKS = ((-0.5, 2.0), (-math.radians(180), math.radians(180)))
RewardMode = Literal["mixed", "gauss", "const"]
REWARD_MODES: tuple[RewardMode, ...] = get_args(RewardMode)
Range = tuple[float, float]
Peaks = tuple[Range, Range]  # of linear and angular velocity


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
    bump_start : (int, int)
        First and last step at which a perturbation may begin.
    peaks, large_peaks : ((float, float), (float, float))
        Ranges of the peak velocities of normal and of large perturbations, units/s and rad/s.
    full_speed : (float, float)
        What an action of 1 gives at gain 1, units/s and rad/s.
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
    bump_start: tuple[int, int] = (0, 10)
    peaks: Peaks = NORMAL_PEAKS
    large_peaks: Peaks = LARGE_PEAKS
    full_speed: tuple[float, float] = GAIN

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
        check_start(self.bump_start, "bump_start")
        for name in ("peaks", "large_peaks"):
            for bounds in getattr(self, name):
                check_range(bounds, name)
        if not all(0 < speed < math.inf for speed in self.full_speed):
            raise ValueError(f"full_speed {self.full_speed} is not two positive numbers")

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


def check_start(given: tuple[int, int], name: str) -> None:
    """Raise ValueError unless ``given`` is a range of steps."""
    if not 0 <= given[0] <= given[1]:
        raise ValueError(f"{name} {given} is not a range of steps from 0 on")
