"""Passive perturbations: how large, how much was delivered, and how agents compensate (figure 6, S6).

Velocities are in cm/s and deg/s, in the order linear, angular.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mempaper.zhang2024.analysis import STATE_SCALE, bumps
from mempaper.zhang2024.rollout import Rollouts
from mempaper.zhang2024.trials import Trials
from mempaper.zhang2024.world import World

LARGE = 115.0  # magnitude above which figure 6e counts a trial
KERNEL_STEPS = 21  # 0 to 2 s after the onset


def peaks(trials: Trials) -> np.ndarray:
    """Peak velocities (trial, 2)."""
    return trials.peak.cpu().numpy().astype(float) * STATE_SCALE


def magnitude(trials: Trials) -> np.ndarray:
    """Nominal size (trial,): the root of the squared peaks summed, cm/s mixed with deg/s."""
    return np.hypot(*peaks(trials).T)


def delivered(rollouts: Rollouts, world: World | None = None) -> np.ndarray:
    """Displacement in cm and turn in degrees, (trial, 2), by what was delivered before the end."""
    world = world or World()
    return world.dt * peaks(rollouts.trials) * _shape(rollouts, world).sum(1)[:, None]


def _shape(rollouts: Rollouts, world: World) -> np.ndarray:
    """Time course (trial, step) of the perturbations with peak 1, while the trial lasts."""
    start = rollouts.trials.start.cpu().numpy()
    return bumps(start, rollouts.x.shape[1], world) * rollouts.valid.cpu().numpy()


@dataclass(frozen=True)
class Compensation:
    """How the actions of perturbed trials differ from those of the same trials unperturbed.

    Attributes
    ----------
    difference : ndarray, shape (trial, step, 2)
        cm/s and deg/s at gain 1, from the onset of the perturbation on.
    peak : ndarray, shape (trial, 2)
    side : ndarray, shape (trial,)
        Angle of the target from straight ahead, counter-clockwise, rad.
    counted : bool ndarray, shape (trial, 2)
        Trials that were perturbed before they ended, and whose differences do not sum to zero.
    """

    difference: np.ndarray
    peak: np.ndarray
    side: np.ndarray
    counted: np.ndarray

    def _mean(self, which: np.ndarray, axis: int, sign: np.ndarray | float = 1.0) -> np.ndarray:
        which = which & self.counted[:, axis]
        values = (np.reshape(sign, (-1, 1)) * self.difference[..., axis])[which]
        return values.mean(0) if len(values) else np.full(self.difference.shape[1], np.nan)

    @property
    def forward(self) -> np.ndarray:
        """Mean linear compensation (step,) of forward perturbations (figure S6a)."""
        return self._mean(self.peak[:, 0] > 0, 0)

    @property
    def backward(self) -> np.ndarray:
        """Of backward perturbations."""
        return self._mean(self.peak[:, 0] < 0, 0)

    @property
    def congruent(self) -> np.ndarray:
        """Mean angular compensation (step,) of pushes towards the target's side (figure S6b).

        As if all were counter-clockwise: negative values oppose the push.
        """
        w = self.peak[:, 1]
        return self._mean(self.side * w > 0, 1, np.sign(w))

    @property
    def incongruent(self) -> np.ndarray:
        """Of pushes away from the target's side, as if all were clockwise."""
        w = self.peak[:, 1]
        return self._mean(self.side * w < 0, 1, -np.sign(w))

    def kernels(self) -> dict[str, np.ndarray]:
        """The four means, each (step,)."""
        names = ("forward", "backward", "congruent", "incongruent")
        return {name: getattr(self, name) for name in names}


def compensation(
    perturbed: Rollouts, normal: Rollouts, world: World | None = None, steps: int = KERNEL_STEPS
) -> Compensation:
    """Actions of perturbed trials minus those of the same trials unperturbed, from the onset on.

    After the end of a trial its action counts as zero.

    Parameters
    ----------
    perturbed, normal : Rollouts
        The same agent and targets.
    world : World, optional
    steps : int
        How many from the onset on.

    Raises
    ------
    ValueError
        The targets differ.
    """
    if not torch.equal(perturbed.trials.target, normal.trials.target):
        raise ValueError("perturbed and normal trials have different targets")
    difference = (perturbed.actions - normal.actions).cpu().numpy().astype(float)
    start = perturbed.trials.start.cpu().numpy()
    padded = np.pad(difference, ((0, 0), (0, steps), (0, 0)))
    at = np.minimum(start[:, None] + np.arange(steps), padded.shape[1] - 1)
    full_speed = np.array((world or World()).full_speed) * STATE_SCALE
    aligned = np.take_along_axis(padded, at[..., None], 1) * full_speed
    target = perturbed.trials.target.cpu().numpy()
    reached = start < perturbed.length.cpu().numpy()
    counted = reached[:, None] & (aligned.sum(1) != 0)
    side = np.arctan2(target[:, 1], target[:, 0]) - np.pi / 2
    return Compensation(aligned, peaks(perturbed.trials), side, counted)
