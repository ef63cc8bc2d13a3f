"""Where agents stop, and along which paths: measures of behaviour (part B of the analyses).

Lengths are in cm, angles in degrees, straight ahead being 90, times in steps unless said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mempaper.zhang2024.rollout import Rollouts, arc_length
from mempaper.zhang2024.world import GAIN, LINEAR_SCALE, World

Array = Any  # anything numpy.asarray takes
GAIN_1X = (GAIN[0] * LINEAR_SCALE, math.degrees(GAIN[1]))  # cm/s and deg/s of an action of 1
STATE_SCALE = np.array([LINEAR_SCALE, 180 / np.pi])  # of lengths and of angles
SHUFFLE_SEED = 1
CURVATURE_SHARE = 0.95


@dataclass(frozen=True)
class Paths:
    """Trials as they are analysed; steps beyond a trial's length are not a number.

    Attributes
    ----------
    place : ndarray, shape (trial, step, 2)
        Position before each step, cm.
    heading : ndarray, shape (trial, step)
        Degrees, counter-clockwise.
    speed : ndarray, shape (trial, step, 2)
        Linear and angular, cm/s and deg/s.
    action : ndarray, shape (trial, step, 2)
    target : ndarray, shape (trial, 2)
        cm.
    length : int ndarray, shape (trial,)
        Steps.
    """

    place: np.ndarray
    heading: np.ndarray
    speed: np.ndarray
    action: np.ndarray
    target: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, which: Any) -> Paths:
        names = ("place", "heading", "speed", "action", "target", "length")
        return Paths(*(getattr(self, name)[which] for name in names))

    @cached_property
    def valid(self) -> np.ndarray:
        """Mask (trial, step) of the steps that were made."""
        return np.arange(self.place.shape[1]) < self.length[:, None]

    @cached_property
    def end(self) -> np.ndarray:
        """Last position (trial, 2)."""
        return self.place[np.arange(len(self)), self.length - 1]

    @cached_property
    def relative_radius(self) -> np.ndarray:
        """Distance (trial, step) from the target."""
        return np.hypot(*np.moveaxis(self.place - self.target[:, None], -1, 0))

    @cached_property
    def relative_angle(self) -> np.ndarray:
        """Heading minus how far the position has turned from the target, (trial, step).

        Not the bearing of the target; at the origin, where a position has no direction, it counts as 0.
        """
        turned = _direction(self.place) - _direction(self.target)[:, None]
        return self.heading - turned

    @cached_property
    def signed_error(self) -> np.ndarray:
        """Distance of the end from the target, negative if too short; see :func:`signed_error`."""
        return signed_error(self.end, self.target)


def _direction(place: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(place[..., 1], place[..., 0]))


def paths(rollouts: Rollouts) -> Paths:
    """Trials of an agent in cm and degrees."""
    beyond = np.where(rollouts.valid.cpu().numpy()[:, :, None], 0.0, np.nan)
    x = rollouts.x.cpu().numpy().astype(float) + beyond
    return Paths(
        x[..., :2] * LINEAR_SCALE,
        np.degrees(x[..., 2]),
        x[..., 3:] * STATE_SCALE,
        rollouts.actions.cpu().numpy().astype(float) + beyond,
        rollouts.trials.target.cpu().numpy().astype(float) * LINEAR_SCALE,
        rollouts.length.cpu().numpy(),
    )


def signed_error(end: Array, target: Array) -> np.ndarray:
    """Distance between end and target (trial, 2); negative where the end's circle is shorter.

    The circles pass through the origin with the first heading as tangent. A sideways miss counts as an
    over- or undershoot too.
    """
    short = arc_length(end) < arc_length(target)
    return np.where(short, -1, 1) * np.hypot(*(np.asarray(end) - np.asarray(target)).T)


def polar(place: Array) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the origin and angle from straight ahead, counter-clockwise, of places (..., 2)."""
    place = np.asarray(place, float)
    return np.hypot(place[..., 0], place[..., 1]), _direction(place) - 90


# Where trials end


@dataclass(frozen=True)
class Roc:
    """Shares of trials that end closer to a target than some boundary.

    Attributes
    ----------
    boundary : ndarray, shape (point,)
        cm.
    true, false : ndarray, shape (point,)
        Of the trial's own target, and of another trial's.
    """

    boundary: np.ndarray
    true: np.ndarray
    false: np.ndarray

    @property
    def area(self) -> float:
        """Area under ``true`` against ``false`` by the trapezoid rule."""
        return float(np.sum(np.diff(self.false) * (self.true[1:] + self.true[:-1]) / 2))


def shuffled(target: Array) -> np.ndarray:
    """Targets (trial, 2) in an order that is the same for all agents and seeds."""
    target = np.array(target)
    np.random.default_rng(SHUFFLE_SEED).shuffle(target, axis=0)
    return target


def roc(end: Array, target: Array, last: int | None = None) -> Roc:
    """How well ends tell their own target from another trial's (figures 1j, 1k).

    Parameters
    ----------
    end, target : array, shape (trial, 2)
        cm.
    last : int, optional
        Largest boundary in cm. By default so large that both shares reach 1; the original cuts some
        panels at 399 cm, or at the largest distance of a panel, and loses the area beyond.
    """
    end, target = np.asarray(end, float), np.asarray(target, float)
    own, other = (np.sort(np.hypot(*(end - t).T)) for t in (target, shuffled(target)))
    if last is None:
        last = round(max(own[-1], other[-1])) + 1
    boundary = np.arange(last + 1)
    true, false = (np.searchsorted(d, boundary) / len(d) for d in (own, other))
    return Roc(boundary, true, false)


def rollout_roc(rollouts: Rollouts, last: int | None = None) -> Roc:
    """:func:`roc` of an agent's trials."""
    end, target = (place.cpu().numpy() for place in (rollouts.end, rollouts.trials.target))
    return roc(LINEAR_SCALE * end.astype(float), LINEAR_SCALE * target.astype(float), last)


def auc(rollouts: Rollouts) -> float:
    """Area under the complete :func:`roc` of an agent's trials."""
    return rollout_roc(rollouts).area


# Paths


def _gradient(values: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Central differences (trial, step) with unit step, one-sided at the ends of each trial."""
    t, last = np.arange(values.shape[1]), length[:, None] - 1
    after = np.minimum(t + 1, last)
    before = np.minimum(np.maximum(t - 1, 0), last)
    span = np.where(after > before, after - before, np.nan)
    ahead, behind = (np.take_along_axis(values, at, 1) for at in (after, before))
    return (ahead - behind) / span


@dataclass(frozen=True)
class Curvature:
    """Curvature of paths.

    Attributes
    ----------
    values : ndarray, shape (trial, step)
        1/cm; not a number where the agent rests, and at the sharpest turns of a trial.
    """

    values: np.ndarray

    @cached_property
    def count(self) -> np.ndarray:
        """Steps that are kept, (trial,)."""
        return np.sum(~np.isnan(self.values), 1)

    @cached_property
    def of_trials(self) -> np.ndarray:
        """Mean of each trial (trial,), not a number where nothing is kept (figures 3 and 4)."""
        total = np.nansum(self.values, 1)
        return np.divide(total, self.count, out=np.full(len(total), np.nan), where=self.count > 0)

    @property
    def pooled(self) -> float:
        """Mean over all steps of all trials together (figure S8), not a number where none is kept."""
        n = int(self.count.sum())
        return float(np.nansum(self.values) / n) if n else np.nan


def curvature(place: Array, length: Array, share: float = CURVATURE_SHARE) -> Curvature:
    """Curvature |x' y'' - y' x''| / (x'^2 + y'^2)^1.5 of paths.

    Values of a trial that are not strictly below its quantile ``share`` are left out: when an agent
    nearly rests they are arbitrarily large.

    Parameters
    ----------
    place : array, shape (trial, step, 2)
        cm.
    length : int array, shape (trial,)
    share : float
    """
    place, length = np.asarray(place, float), np.asarray(length)
    first = [_gradient(place[..., axis], length) for axis in (0, 1)]
    second = [_gradient(d, length) for d in first]
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = np.abs(first[0] * second[1] - first[1] * second[0])
        values = turn / (first[0] ** 2 + first[1] ** 2) ** 1.5
        return Curvature(np.where(values < _row_quantile(values, share)[:, None], values, np.nan))


def _row_quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Quantile (trial,) of each row's numbers; numpy's own takes a loop where some are missing."""
    ordered = np.sort(values, 1)  # puts what is not a number last
    place = share * np.maximum(np.sum(~np.isnan(values), 1) - 1, 0)
    low = np.floor(place).astype(int)
    rows = np.arange(len(values))
    below, above = ordered[rows, low], ordered[rows, np.ceil(place).astype(int)]
    return below + (above - below) * (place - low)


def path_length(place: Array) -> np.ndarray:
    """Sum (trial,) of the steps' lengths; places (trial, step, 2) beyond a trial are not a number."""
    return np.nansum(np.hypot(*np.moveaxis(np.diff(np.asarray(place, float), axis=1), -1, 0)), 1)


# No generalisation


def replay(
    normal: Paths,
    gain: float | Array = 1.0,
    peak: Array | None = None,
    start: Array | None = None,
    world: World | None = None,
) -> Paths:
    """What the actions of normal trials would do in a changed world, without noise (section B.4).

    A perturbation is delivered as a whole, even if the trial would have ended before.

    Parameters
    ----------
    normal : Paths
        Trials at gain 1 without perturbation, with the targets of the trials that are compared.
    gain : float or array, shape (trial,)
        Multiplier.
    peak : array, shape (trial, 2), optional
        Peak velocities of a perturbation, cm/s and deg/s.
    start : int array, shape (trial,), optional
        Step at which it begins.
    world : World, optional

    Returns
    -------
    Paths
        Of the same trials, as long as the longest needs.
    """
    if (peak is None) != (start is None):
        raise ValueError("peak and start of a perturbation need each other: one is missing")
    world = world or World()
    n, length = len(normal), normal.length
    if start is not None:
        length = np.maximum(length, np.asarray(start) + world.bump_duration + 1)
    steps = max(int(length.max()), normal.action.shape[1])
    action = np.zeros((n, steps, 2))
    action[:, : normal.action.shape[1]] = np.where(normal.valid[..., None], normal.action, 0)
    wanted = action * np.reshape(gain, (-1, 1, 1)) * np.array(world.full_speed) * STATE_SCALE
    if peak is not None and start is not None:
        wanted += np.asarray(peak, float)[:, None] * bumps(start, steps, world)[..., None]
    speed = _delayed(wanted, 0.0)
    heading = _delayed(90 + world.dt * speed[..., 1].cumsum(1), 90.0)
    ahead = np.stack([np.cos(np.radians(heading)), np.sin(np.radians(heading))], -1)
    place = _delayed(world.dt * (speed[..., :1] * ahead).cumsum(1), 0.0)
    beyond = np.where(np.arange(steps) < length[:, None], 0.0, np.nan)
    deep = beyond[..., None]
    return Paths(place + deep, heading + beyond, speed + deep, action + deep, normal.target, length)


def _delayed(values: np.ndarray, first: float) -> np.ndarray:
    """Values (trial, step, ...) one step later."""
    return np.concatenate([np.full_like(values[:, :1], first), values[:, :-1]], 1)


def bumps(start: Array, steps: int, world: World | None = None) -> np.ndarray:
    """Time course (trial, step) of perturbations that begin at given steps, with peak 1."""
    world = world or World()
    k = np.arange(steps) - np.asarray(start)[:, None]
    half = world.bump_duration // 2
    shape = np.exp(-(((k - half) / world.bump_std) ** 2) / 2)
    return np.where((k >= 0) & (k <= world.bump_duration), shape, 0.0)


class StopFit(NamedTuple):
    """Line without intercept from targets to stops, and the correlation of its prediction."""

    slope: float
    correlation: float


def stop_fit(target: Array, stop: Array) -> StopFit:
    """How stops follow targets, in distance or in angle (figures S1d, S1e); each (trial,)."""
    target, stop = np.asarray(target, float), np.asarray(stop, float)
    slope = float(target @ stop / (target @ target))
    return StopFit(slope, float(np.corrcoef(slope * target, stop)[0, 1]))
