"""The trials that agents are tested on: the same targets and noises for all agents of a panel.

Targets are those that the original's environment draws after seed 0. Noise is not the original's: there
it is drawn trial by trial, and depends on how long an agent's trials last.

=====================  =======================================================
figures                set
=====================  =======================================================
1, 2, 3, S1, S3        ``gain_set(1)``
4, 5                   ``gain_set(1)``, ``gain_set(1.5)``, ``gain_set(2)``
6a-e, S6a-b            ``perturbation_set("full", 1000)`` and its ``without_perturbation()``
6f-h, S6e-g            ``perturbation_set("full", 5000)`` and ``("excluded", 5000)``
7b, S7a-b              ``gain_set(2)`` and ``perturbation_set("excluded", start=0)``
S7c                    ``random_gain_set()`` and ``perturbation_set("large excluded")``
8                      ``random_gain_set()`` and ``perturbation_set("large")``
S8                     ``random_gain_set()`` and ``perturbation_set("wide")``
=====================  =======================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor

from mempaper.zhang2024.rollout import Agent, Rollouts, run
from mempaper.zhang2024.task import step_noise
from mempaper.zhang2024.trials import (
    SMALL_PEAKS,
    Conditions,
    Trials,
    draw_each_in_order,
    draw_trials,
    make_trials,
)
from mempaper.zhang2024.world import Peaks, World

Perturbations = Literal["full", "excluded", "large", "large excluded", "wide"]
PERTURBATIONS: tuple[Perturbations, ...] = get_args(Perturbations)
WIDE_PEAKS: Peaks = ((-1.0, 2.0), (-math.pi, math.pi))  # figure S8b
TARGET_SEED, NOISE_SEED, START_SEED, GAIN_SEED, PEAK_SEED = 0, 1, 2, 3, 10
PROCESS, OBSERVATION = 0.2, 0.1
N_TRIALS = 2000


@dataclass(frozen=True)
class TrialSet:
    """Trials with the noise of each of their steps.

    Attributes
    ----------
    world : World
    trials : Trials
    noise : Tensor, shape (trial, step, 4)
    """

    world: World
    trials: Trials
    noise: Tensor

    def __len__(self) -> int:
        return len(self.trials)

    def run(self, agent: Agent) -> Rollouts:
        """What an agent does in them, without exploration."""
        device = agent.device
        return run(agent, self.world, self.trials.to(device), self.noise.to(device))

    def with_noise(self, process: float | None = None, observation: float | None = None) -> TrialSet:
        """The same trials in a noisier or calmer world; noises are fractions of the gain."""
        return replace(self, trials=self.trials.with_noise(process, observation))

    def without_perturbation(self) -> TrialSet:
        """The same targets and noises, and no perturbation."""
        still = torch.zeros_like(self.trials.peak)
        return replace(self, trials=replace(self.trials, peak=still))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@lru_cache(maxsize=8)
def _targets(n: int, world: World) -> Tensor:
    return draw_each_in_order(n, world, Conditions(), _generator(TARGET_SEED)).target


def targets(n: int, world: World | None = None) -> Tensor:
    """The first ``n`` targets (trial, 2) of the original's environment after seed 0, in units."""
    return _targets(n, world or World()).clone()


def as_set(trials: Trials, world: World) -> TrialSet:
    """Given trials, with the noise that all agents meet."""
    return TrialSet(world, trials, step_noise(len(trials), world, _generator(NOISE_SEED)))


def _made(
    n: int,
    world: World,
    process: float,
    observation: float,
    gain: float | Tensor = 1.0,
    peak: Tensor | None = None,
    start: Tensor | None = None,
) -> TrialSet:
    trials = make_trials(
        targets(n, world),
        gain=gain,
        process_noise=process,
        observation_noise=observation,
        peak=peak,
        start=start,
        radius=world.goal_radius[1],
        full_speed=world.full_speed,
    )
    return as_set(trials, world)


def gain_set(
    gain: float = 1.0,
    n: int = N_TRIALS,
    process: float = PROCESS,
    observation: float = OBSERVATION,
    world: World | None = None,
) -> TrialSet:
    """Trials at one gain, without perturbation.

    Parameters
    ----------
    gain : float
        Multiplier of the joystick gain.
    n : int
        Trials.
    process, observation : float
        Noises, fractions of the gain.
    world : World, optional
    """
    return _made(n, world or World(), process, observation, gain)


def random_gain_set(
    low: float = 3.0,
    high: float = 4.0,
    n: int = N_TRIALS,
    process: float = PROCESS,
    observation: float = OBSERVATION,
    world: World | None = None,
) -> TrialSet:
    """Trials whose gain is drawn uniformly, each for itself."""
    if not 0 < low <= high:
        raise ValueError(f"gains from {low} to {high}: not a range of positive numbers")
    gain = low + (high - low) * torch.rand(n, generator=_generator(GAIN_SEED))
    return _made(n, world or World(), process, observation, gain)


def perturbation_set(
    kind: Perturbations = "full",
    n: int = N_TRIALS,
    process: float = PROCESS,
    observation: float = OBSERVATION,
    world: World | None = None,
    start: int | None = None,
) -> TrialSet:
    """Trials at gain 1 with a perturbation; all kinds share targets, starts and noises.

    Parameters
    ----------
    kind : {'full', 'excluded', 'large', 'large excluded', 'wide'}
        Peaks to 200 cm/s and 120 deg/s; the same with small ones redrawn; from -200 to 800 cm/s and to
        180 deg/s; the same with small ones redrawn; from -400 to 800 cm/s and to 180 deg/s.
    n : int
        Trials.
    process, observation : float
        Noises, fractions of the gain.
    world : World, optional
    start : int, optional
        Step at which every perturbation begins; by default drawn from 0 to 10.
    """
    if kind not in PERTURBATIONS:
        raise ValueError(f"perturbations {kind!r} are not one of {', '.join(PERTURBATIONS)}")
    world = world or World()
    ranges = world.large_peaks if kind.startswith("large") else world.peaks
    ranges = WIDE_PEAKS if kind == "wide" else ranges
    excluded = SMALL_PEAKS if kind.endswith("excluded") else None
    conditions = Conditions(peaks=ranges, exclude_peaks=excluded)
    seed = PEAK_SEED + PERTURBATIONS.index(kind)
    peak = draw_trials(n, world, conditions, _generator(seed)).peak
    first, last = world.bump_start
    starts = torch.randint(first, last + 1, (n,), generator=_generator(START_SEED))
    if start is not None:
        starts = torch.full((n,), start)
    return _made(n, world, process, observation, peak=peak, start=starts)
