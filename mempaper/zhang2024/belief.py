"""Kalman filters: the extended one that steers the EKF agents, and the toy one of figure 2a."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mempaper.zhang2024.task import move, start_state
from mempaper.zhang2024.trials import Trials

SMALL = 1e-8  # variance at the begin, and standard deviation that stands for "no process noise"
UPPER = ([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2])  # of the covariance of position and heading
BELIEF_SIZE = 13


class Belief:
    """Gaussian belief about the state, in a frame with the target at the origin (section 5).

    Parameters
    ----------
    trials : Trials
        The filter knows target, gain and both noises.
    dt : float
    process_std, observation_std : Tensor, shape (trial, 2), optional
        What the filter assumes instead of the trials' noises.

    Attributes
    ----------
    mean : Tensor, shape (trial, 5)
    covariance : Tensor, shape (trial, 5, 5)

    Raises
    ------
    ValueError
        Neither process nor observation noise: the filter's gain would be undefined.
    """

    def __init__(
        self,
        trials: Trials,
        dt: float,
        process_std: Tensor | None = None,
        observation_std: Tensor | None = None,
    ) -> None:
        process_std = trials.process_std if process_std is None else process_std
        self.dt, self.gain = dt, trials.gain
        observation_std = trials.observation_std if observation_std is None else observation_std
        self.process_variance = process_std.square()
        self.observation_covariance = torch.diag_embed(observation_std.square())
        if ((process_std == 0) & (observation_std == 0)).any():
            raise ValueError("the filter needs process noise, observation noise, or both")
        self.mean = start_state(len(trials), trials.target.device)
        self.mean[:, :2] = -trials.target
        self.covariance = SMALL * torch.eye(5, device=trials.target.device).repeat(len(trials), 1, 1)

    def update(self, action: Tensor, observation: Tensor, push: Tensor) -> None:
        """Predict with ``action`` and the perturbation's velocity, then correct by the observation."""
        heading, v = self.mean[:, 2], self.mean[:, 3]
        jacobian = torch.zeros(len(action), 5, 5, device=action.device)
        jacobian[:, [0, 1, 2], [0, 1, 2]] = 1.0
        jacobian[:, 0, 2], jacobian[:, 0, 3] = -v * heading.sin() * self.dt, heading.cos() * self.dt
        jacobian[:, 1, 2], jacobian[:, 1, 3] = v * heading.cos() * self.dt, heading.sin() * self.dt
        jacobian[:, 2, 4] = self.dt
        predicted = move(self.mean, action, self.gain, push, torch.zeros_like(push), self.dt)
        p = jacobian @ self.covariance @ jacobian.mT
        velocities = torch.diag_embed(self.process_variance)
        p = torch.cat([p[:, :3], torch.cat([p[:, 3:, :3], p[:, 3:, 3:] + velocities], 2)], 1)
        kalman_gain = p[:, :, 3:] @ torch.linalg.inv(p[:, 3:, 3:] + self.observation_covariance)
        surprise = observation - predicted[:, 3:]
        self.mean = predicted + (kalman_gain @ surprise[:, :, None])[:, :, 0]
        self.covariance = p - kalman_gain @ p[:, 3:]

    def vector(self) -> Tensor:
        """What networks are given, (trial, 13): means, covariance of the pose, velocities' variances."""
        rows, columns = UPPER
        variances = self.covariance[:, [3, 4], [3, 4]]
        return torch.cat([self.mean, self.covariance[:, rows, columns], variances], 1)

    def keep(self, which: Tensor) -> None:
        """Go on with some of the trials only."""
        for name in ("gain", "process_variance", "observation_covariance", "mean", "covariance"):
            setattr(self, name, getattr(self, name)[which])


@dataclass(frozen=True)
class ToyBelief:
    """Belief of the toy filter after some steps: mean (2,), covariance (2, 2), gain (2,)."""

    mean: np.ndarray
    covariance: np.ndarray
    gain: np.ndarray


def toy_filter(
    process_std: float, observation_std: float, action: float, observation: float, steps: int = 2
) -> ToyBelief:
    """Kalman filter of (position, velocity): velocity is the action, and it is observed (figure 2a)."""
    transition, drive = np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([0.0, 1.0])
    observed = np.array([0.0, 1.0])
    mean, p, gain = np.zeros(2), np.zeros((2, 2)), np.zeros(2)
    for _ in range(steps):
        mean = transition @ mean + drive * action
        p = transition @ p @ transition.T + np.diag([0.0, process_std**2])
        gain = p @ observed / (observed @ p @ observed + observation_std**2)
        mean = mean + gain * (observation - observed @ mean)
        p = (np.eye(2) - np.outer(gain, observed)) @ p
    return ToyBelief(mean, p, gain)
