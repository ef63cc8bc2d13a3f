"""What all trainings of this paper share: world, noises and sizes as fields of a configuration."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.ensemble import members_together
from mempaper.experiment import Experiment
from mempaper.progress import Report
from mempaper.zhang2024.networks import Sizes, split_architecture
from mempaper.zhang2024.trials import Conditions
from mempaper.zhang2024.world import LINEAR_SCALE, RewardMode, World

Bounds = tuple[float, float]
QUICK_SIZES: dict[str, Any] = {  # about 27,000 weights in each recurrent actor
    "rnn_size": 64,
    "fc_size": 64,
    "holistic_size": 80,
    "stacked_size": 46,
}


class Steering(Experiment):
    """World, noises and sizes: what all trainings of this paper share. Defaults are the paper's."""

    paper: ClassVar[str] = "zhang2024"

    n_seeds: int = Field(1, ge=1, le=512, strict=True, description="how many agents")
    process_noise: float = Field(0.2, ge=0, le=10, description="sigma_a, a fraction of the gain")
    observation_noise: float = Field(0.1, ge=0, le=10, description="sigma_o, a fraction of the gain")
    gain_range: tuple[float, float] = Field((1.0, 1.0), description="multipliers of the joystick gain")
    exclude_gain: tuple[float, float] | None = Field(None, description="multipliers that are redrawn")
    reward_mode: RewardMode = Field("mixed", description="mixed, gauss or const")
    reward_scale: float = Field(10.0, gt=0, description="largest reward")
    full_speed: tuple[float, float] = Field(
        (200.0, 90.0), description="cm/s and degrees/s of a full action at gain 1"
    )
    dt: float = Field(0.1, gt=0, le=1, description="seconds per step")
    episode_time: float = Field(3.5, gt=0, le=60, description="longest trial in seconds")
    goal_radius: float = Field(65.0, gt=0, description="of the reward zone, cm")
    target_distance: tuple[float, float] = Field((100.0, 400.0), description="of the target, cm")
    target_angle: float = Field(35.0, ge=0, le=180, description="largest angle of the target, degrees")
    target_fullon: bool = Field(False, description="the target never disappears")
    target_off: int = Field(3, ge=0, strict=True, description="last step with the target visible")
    stop_action: float = Field(0.1, gt=0, lt=1, description="threshold of starting and stopping")
    bump_duration: int = Field(10, ge=2, strict=True, description="steps of a perturbation, even")
    bump_std: float = Field(2.0, gt=0, description="width of a perturbation in steps")
    bump_start: tuple[int, int] = Field(
        (0, 10), description="first and last step at which a perturbation may begin"
    )
    peaks: tuple[Bounds, Bounds] = Field(
        ((-200.0, 200.0), (-120.0, 120.0)),
        description="ranges of the peak velocities of perturbations, cm/s and degrees/s",
    )
    large_peaks: tuple[Bounds, Bounds] = Field(
        ((-200.0, 800.0), (-180.0, 180.0)), description="the same of large perturbations"
    )
    perturbed: bool = Field(False, description="trials of the training are perturbed too")
    exclude_peaks: Bounds | None = Field(
        None, description="peaks closer to zero are redrawn in training, cm/s and degrees/s"
    )
    rnn_size: int = Field(128, ge=1, le=4096, strict=True, description="units of an LSTM")
    fc_size: int = Field(300, ge=1, le=4096, strict=True, description="units of a memoryless layer")
    holistic_size: int = Field(
        220, ge=1, le=4096, strict=True, description="units of the LSTM of Actor1 and Critic1"
    )
    stacked_size: int = Field(
        128, ge=1, le=4096, strict=True, description="units of each of two LSTMs in a row"
    )
    ekf_knows_perturbation: bool = Field(True, description="the filter is told the perturbation")

    @field_validator("gain_range", "target_distance")
    @classmethod
    def _is_a_range(cls, given: tuple[float, float]) -> tuple[float, float]:
        lower, upper = given
        if not 0 < lower <= upper:
            raise ValueError("not a range (lower, upper) with 0 < lower <= upper")
        return given

    @field_validator("peaks", "large_peaks")
    @classmethod
    def _are_ranges(cls, given: tuple[Bounds, Bounds]) -> tuple[Bounds, Bounds]:
        for lower, upper in given:
            if not -math.inf < lower <= upper < math.inf:
                raise ValueError("not two ranges (lower, upper) with lower <= upper")
        return given

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.exclude_peaks and not self.perturbed:
            raise ValueError("exclude_peaks is for trainings with perturbations: set perturbed too")
        self.world()
        self.conditions()
        return self

    def world(self) -> World:
        """What never changes between trials."""
        near, far = self.target_distance
        return World(
            dt=self.dt,
            episode_time=self.episode_time,
            goal_radius=(self.goal_radius / LINEAR_SCALE, self.goal_radius / LINEAR_SCALE),
            initial_radius=(near / LINEAR_SCALE, far / LINEAR_SCALE),
            relative_angle=math.radians(self.target_angle),
            stop_action=self.stop_action,
            reward_scale=self.reward_scale,
            reward_mode=self.reward_mode,
            target_fullon=self.target_fullon,
            target_off=self.target_off,
            bump_duration=self.bump_duration,
            bump_std=self.bump_std,
            bump_start=self.bump_start,
            peaks=_ranges_in_units(self.peaks),
            large_peaks=_ranges_in_units(self.large_peaks),
            full_speed=_in_units(self.full_speed),
        )

    def conditions(self) -> Conditions:
        """What training trials are drawn from."""
        return Conditions(
            gain=self.gain_range,
            peaks=_ranges_in_units(self.peaks) if self.perturbed else None,
            exclude_peaks=_in_units(self.exclude_peaks) if self.exclude_peaks else None,
            exclude_gain=self.exclude_gain,
            process_noise=(self.process_noise, self.process_noise),
            observation_noise=(self.observation_noise, self.observation_noise),
        )

    def sizes(self) -> Sizes:
        """Widths of the layers."""
        return Sizes(self.rnn_size, self.fc_size, self.holistic_size, self.stacked_size)

    def train_one(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train the agent of the first seed; arrays without an axis of seeds."""
        raise NotImplementedError

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train one agent; arrays have an axis of seeds first."""
        return {name: np.asarray(a)[None] for name, a in self.train_one(resume, report).items()}

    def parts(self) -> list[Self]:
        """Agents are trained each by itself: their LSTMs are torch's."""
        return self.by_seed(members_together(self.rnn_size, fused=True))


def _in_units(velocity: Bounds) -> Bounds:
    """A linear and an angular velocity, cm/s and degrees/s, in units/s and rad/s."""
    linear, angular = velocity
    return linear / LINEAR_SCALE, math.radians(angular)


def _ranges_in_units(velocities: tuple[Bounds, Bounds]) -> tuple[Bounds, Bounds]:
    """The same for ranges of a linear and of an angular velocity."""
    lowest, highest = (_in_units(ends) for ends in zip(*velocities, strict=True))
    return (lowest[0], highest[0]), (lowest[1], highest[1])


def needs_steps(run: Steering, least: int) -> None:
    """Raise ValueError where the longest trial of a run has fewer than ``least`` steps."""
    steps = run.world().n_steps
    if steps < least:
        raise ValueError(
            f"episode_time {run.episode_time:g} gives trials of {steps} steps at dt {run.dt:g}; "
            f"this training needs at least {least}"
        )


def check_architecture(name: str) -> str:
    """Return ``name``; ValueError unless it is an architecture."""
    split_architecture(name)
    return name


def filter_needs_noise(architecture: str, process_noise: float) -> None:
    """Raise ValueError for an EKF agent without process noise."""
    if "EKF" in architecture and process_noise == 0:
        raise ValueError("process_noise 0 makes the filter of an EKF agent singular: give more")
