"""The firefly task as a Gymnasium environment, over the vectorised core.

Importing this module registers ``mempaper/Firefly-v0``; :func:`gymnasium.make` takes the parameters of
:class:`FireflyEnv`.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from mempaper.parameters import check_names
from mempaper.zhang2024.task import Firefly
from mempaper.zhang2024.trials import Conditions, Trials, draw_trials, make_trials
from mempaper.zhang2024.world import LINEAR_SCALE, World

VELOCITY_LIMIT = 100.0  # units/s and rad/s, far beyond what noise and gains give
TARGET_LIMIT = 10.0  # units
OPTIONS = ("target", "gain", "peak", "start")
Info = dict[str, Any]


class FireflyEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """Steer to a target that was visible for 300 ms, and stop there (section 3).

    Observations are the six inputs of the networks: noisy linear and angular velocity, the last action,
    and the visible target or zeros; in units of 400 cm, s and rad. Actions are the linear and the
    angular one, in [-1, 1]; a stop is an action within the world's stop box. A valid stop terminates
    the episode, and it alone is rewarded; the last step truncates it. Whether a trial has started, and
    thus may be stopped, is decided by the actions that are handed to :meth:`step`.

    ``info`` holds ``distance`` from the target in cm, ``reached`` (within the reward zone) and
    ``rewarded`` (stopped there), all of the state before the step, as the reward; and the trial's
    ``target`` in units and ``gain``, a multiplier.

    Parameters
    ----------
    conditions : Conditions, optional
        What trials are drawn from: gains, noises and perturbations. By default the training's.
    world : World, optional
        Durations, zone, reward mode, visibility of the target.

    Raises
    ------
    ValueError
        Targets of the world lie beyond the bounds of the observation.
    """

    def __init__(self, conditions: Conditions | None = None, world: World | None = None) -> None:
        self.conditions, self.world = conditions or Conditions(), world or World()
        if self.world.initial_radius[1] > TARGET_LIMIT:
            raise ValueError(
                f"initial_radius {self.world.initial_radius} reaches beyond {TARGET_LIMIT:g} units"
            )
        limits = np.repeat([VELOCITY_LIMIT, 1.0, TARGET_LIMIT], 2).astype(np.float32)
        self.observation_space = spaces.Box(-limits, limits)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._generator = torch.Generator()
        self._firefly: Firefly | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, Info]:
        """Begin a trial.

        Parameters
        ----------
        seed : int, optional
            Begins the stream of random numbers anew.
        options : dict, optional
            What is given instead of drawn: ``target``, two numbers in units; ``gain``, a multiplier, of
            which the noises keep their fractions; ``peak``, two numbers in units/s and rad/s, together
            with ``start``, a step.

        Raises
        ------
        ValueError
            An option is unknown or impossible; the message names it.
        """
        first = self._firefly is None
        super().reset(seed=seed)
        if seed is not None or first:
            self._generator.manual_seed(int(self.np_random.integers(2**62)))
        trials = draw_trials(1, self.world, self.conditions, self._generator)
        self._firefly = Firefly(self.world, _changed(trials, options or {}, self.world), self._generator)
        self._is_over = False
        distance = float((self._firefly.x[:, :2] - self._firefly.trials.target).norm())
        return self._observe(self._firefly), self._info(distance, False, False)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, Info]:
        """Act for one step.

        Parameters
        ----------
        action : array, shape (2,)
            Linear and angular, in [-1, 1].

        Raises
        ------
        ValueError
            The action is not two numbers within [-1, 1].
        gymnasium.error.ResetNeeded
            No trial is running.
        """
        firefly = self._firefly
        if firefly is None or self._is_over:
            raise ResetNeeded("no trial is running; call reset() before the next step")
        given = np.asarray(action, np.float32)
        if given.shape != (2,) or not (np.abs(given) <= 1).all():
            raise ValueError(f"action is {action}; it must be two numbers within [-1, 1]")
        step = firefly.step(torch.from_numpy(given)[None])
        terminated = bool(step.stopped)
        truncated = not terminated and firefly.t >= self.world.n_steps
        self._is_over = terminated or truncated
        reached = bool(step.reached)
        info = self._info(float(step.distance), reached, reached and terminated)
        return self._observe(firefly), float(step.reward), terminated, truncated, info

    def _observe(self, firefly: Firefly) -> np.ndarray:
        limits = self.observation_space.high  # type: ignore[attr-defined]
        return np.clip(firefly.inputs()[0].numpy(), -limits, limits)

    def _info(self, distance: float, reached: bool, rewarded: bool) -> Info:
        assert self._firefly is not None
        trials = self._firefly.trials
        return {
            "distance": LINEAR_SCALE * distance,
            "reached": reached,
            "rewarded": rewarded,
            "target": trials.target[0].numpy().copy(),
            "gain": float(trials.gain[0, 0]) / self.world.full_speed[0],
        }


def _pair(options: dict[str, Any], name: str) -> torch.Tensor:
    """An option of two numbers as (1, 2)."""
    try:
        pair = np.asarray(options[name], np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} {options[name]!r} is not two numbers") from error
    if pair.shape not in ((2,), (2, 1)):
        raise ValueError(f"{name} has shape {pair.shape}, expected (2,)")
    return torch.from_numpy(pair.reshape(1, 2).copy())


def _changed(drawn: Trials, options: dict[str, Any], world: World) -> Trials:
    """A drawn trial with what is given in its place."""
    check_names(options, OPTIONS, "option")
    if ("peak" in options) != ("start" in options):
        raise ValueError("peak and start of a perturbation need each other: one is missing")
    target, peak, start = drawn.target, drawn.peak, drawn.start
    if "target" in options:
        target = _pair(options, "target")
        if (target.abs() > TARGET_LIMIT).any():
            raise ValueError(f"target {options['target']} is beyond {TARGET_LIMIT:g} units")
    if "peak" in options:
        peak, step = _pair(options, "peak"), options["start"]
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise ValueError(f"start {step!r} is not a step, a whole number from 0 on")
        start = torch.tensor([int(step)])
    given = make_trials(target, peak=peak, start=start, radius=float(drawn.radius))
    given = Trials(
        given.target,
        drawn.gain,
        drawn.process_std,
        drawn.observation_std,
        given.peak,
        given.start,
        drawn.radius,
    )
    if "gain" not in options:
        return given
    gain = options["gain"]
    if (
        isinstance(gain, bool)
        or not isinstance(gain, int | float | np.number)
        or not math.isfinite(gain)
    ):
        raise ValueError(f"gain {gain!r} is not a positive number")
    return given.with_gain(float(gain), world.full_speed)


gymnasium.register("mempaper/Firefly-v0", "mempaper.zhang2024.environment:FireflyEnv")
