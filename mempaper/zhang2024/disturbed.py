"""Several seeds of several kinds of agents under passive perturbations (figures 6 and S6).

Groups of agents are mappings from a short name (hol, moho, homo, mod) to a list with one entry per
seed. Lengths are in cm, angles in degrees, velocities in cm/s and deg/s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes

from mempaper import plots
from mempaper.plots import GREY, own_axes
from mempaper.stats import mean_interval
from mempaper.zhang2024 import decoding, perturbation
from mempaper.zhang2024.analysis import Paths, auc, paths, replay
from mempaper.zhang2024.comparisons import Rolling, rolling, slope_without_intercept
from mempaper.zhang2024.figures import COLOURS
from mempaper.zhang2024.groups import Trained
from mempaper.zhang2024.monkey_trials import agent_trials, perturbed_sets, without_generalisation
from mempaper.zhang2024.monkeys import Subject
from mempaper.zhang2024.rollout import Rollouts, reward_rate
from mempaper.zhang2024.sweeps import means
from mempaper.zhang2024.task_drawings import draw_ellipse
from mempaper.zhang2024.trial_sets import TrialSet, as_set, perturbation_set
from mempaper.zhang2024.world import LINEAR_SCALE, World

WEAK, STRONG = 40.0, 200.0  # magnitudes below and above which trials are compared
WINDOW_SHARE = 0.1  # of the trials; the paper's 100 of 1000, and 800 of 8000
OPPOSING = {"forward": -1, "backward": 1, "congruent": -1, "incongruent": 1}  # sign of a reaction
KINDS = {"linear": ("forward", "backward"), "angular": ("congruent", "incongruent")}


# Behaviour


def behaviour_trials(n: int, world: World, subjects: Sequence[Subject] = ()) -> TrialSet:
    """Perturbed trials for agents: the first monkey's where there is one, else drawn ones.

    Parameters
    ----------
    n : int
        How many; of a monkey's at most.
    """
    if not subjects:
        return perturbation_set("full", n, world=world)
    return as_set(agent_trials(perturbed_sets(subjects, n)[subjects[0].name]), world)


def _distance(rollouts: Rollouts) -> np.ndarray:
    return rollouts.distance.cpu().numpy().astype(float) * LINEAR_SCALE


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


@dataclass(frozen=True)
class Disturbed:
    """What one agent does in perturbed trials, and in the same trials without perturbation.

    Attributes
    ----------
    perturbed, normal : Rollouts
    world : World
    """

    perturbed: Rollouts
    normal: Rollouts
    world: World

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Nominal size of the perturbation (trial,), cm/s mixed with deg/s."""
        return perturbation.magnitude(self.perturbed.trials)

    @cached_property
    def distance(self) -> np.ndarray:
        """Of the end from the target, (trial,)."""
        return _distance(self.perturbed)

    @cached_property
    def without_reaction(self) -> Paths:
        """Where the actions of the normal trials lead when they are perturbed."""
        trials = self.perturbed.trials
        peak, start = perturbation.peaks(trials), trials.start.cpu().numpy()
        return replay(paths(self.normal), peak=peak, start=start, world=self.world)

    @property
    def error_strong(self) -> float:
        """Mean distance where the magnitude is above 200; not a number if there is no such trial."""
        return _mean(self.distance[self.magnitude > STRONG])

    @property
    def error_weak(self) -> float:
        """Mean distance where it is below 40."""
        return _mean(self.distance[self.magnitude < WEAK])

    @property
    def rise(self) -> float:
        """How much larger the former is than the latter (figure 6d)."""
        return self.error_strong - self.error_weak

    @property
    def auc_large(self) -> float:
        """Area under the ROC of trials with magnitude above 115 (figure 6e)."""
        return auc(self.perturbed[torch.as_tensor(self.magnitude > perturbation.LARGE)])

    @property
    def reward_rate(self) -> float:
        """Of the perturbed trials, per s."""
        return reward_rate(self.perturbed, self.world.dt)

    @cached_property
    def kernels(self) -> dict[str, np.ndarray]:
        """Compensations after the onset, each (step,); see :func:`perturbation.compensation`."""
        return perturbation.compensation(self.perturbed, self.normal, self.world).kernels()


def behaviour(agents: Mapping[str, Sequence[Trained]], trials: TrialSet) -> dict[str, list[Disturbed]]:
    """Perturbed and normal trials of all agents."""
    still = trials.without_perturbation()
    return {
        name: [Disturbed(trials.run(a.agent), still.run(a.agent), trials.world) for a in group]
        for name, group in agents.items()
    }


def errors_by_magnitude(group: Sequence[Disturbed], reacting: bool = True) -> Rolling:
    """Running mean of the error over the trials of all seeds, in the order of magnitude (figure 6d).

    Parameters
    ----------
    reacting : bool
        False: of :attr:`Disturbed.without_reaction`.
    """
    magnitude = np.concatenate([a.magnitude for a in group])
    errors = [a.distance if reacting else np.abs(a.without_reaction.signed_error) for a in group]
    return rolling(magnitude, np.concatenate(errors), window(len(magnitude)))


def window(n: int) -> int:
    """Trials that a running mean takes together, of ``n``."""
    return max(2, round(WINDOW_SHARE * n))


def kernel(group: Sequence[Disturbed], direction: str) -> np.ndarray:
    """Compensations (seed, step) of perturbations of one direction."""
    return np.stack([a.kernels[direction] for a in group])


class Peak(NamedTuple):
    """The largest value of a course by size, with its sign, and its time in s."""

    value: float
    time: float


def peak(courses: np.ndarray, dt: float = 0.1) -> Peak:
    """Peak of the mean over seeds of courses (seed, step); not a number if a step is of no seed."""
    mean, _ = mean_interval(courses)
    if np.isnan(mean).any():
        return Peak(np.nan, np.nan)
    at = int(np.abs(mean).argmax())
    return Peak(float(mean[at]), at * dt)


def peaks(group: Sequence[Disturbed]) -> dict[str, Peak]:
    """Peak of each direction; values that oppose the perturbation are positive."""
    found = {name: peak(kernel(group, name), group[0].world.dt) for name in OPPOSING}
    return {name: Peak(OPPOSING[name] * p.value, p.time) for name, p in found.items()}


def strength(found: Mapping[str, Peak], kind: str) -> float:
    """Mean over both directions of a kind, linear or angular, of what :func:`peaks` finds."""
    return float(np.mean([found[direction].value for direction in KINDS[kind]]))


def critic_gap(values: Mapping[str, np.ndarray], factor: float = 1.0) -> float:
    """Lower mean of the agents with a modular critic minus ``factor`` times the higher of the others."""
    mean = means(values)
    return min(mean["homo"], mean["mod"]) - factor * max(mean["hol"], mean["moho"])


def best(group: Sequence[Any]) -> int:
    """Index of the seed with the highest reward rate."""
    return int(np.argmax([a.reward_rate for a in group]))


def typical(values: np.ndarray, among: np.ndarray) -> int:
    """Index of the trial whose value is the median of some; of two in the middle the lower one.

    Parameters
    ----------
    values : array, shape (trial,)
    among : array of bool, shape (trial,)

    Raises
    ------
    ValueError
        There is none to choose among.
    """
    index = np.flatnonzero(among)
    if not index.size:
        raise ValueError("no trial is left to choose among")
    return int(index[np.argsort(values[index], kind="stable")[(len(index) - 1) // 2]])


# Monkeys


class Subjects(NamedTuple):
    """Running means of a monkey's errors, and of what they would be without a reaction (figure 6c)."""

    errors: Rolling
    without_reaction: Rolling


def monkey_errors(subjects: Sequence[Subject], keep: int) -> dict[str, Subjects]:
    """Errors of monkeys by the magnitude of the perturbation, ``keep`` trials of each at most."""
    found = {}
    for subject, (name, trials) in zip(subjects, perturbed_sets(subjects, keep).items(), strict=True):
        magnitude = np.hypot(*trials.peak.T)
        distance = trials.scalars["relative_radius_end"]
        replayed = np.abs(without_generalisation(trials, subject["normal"]).signed_error)
        running = [rolling(magnitude, d, window(len(trials))) for d in (distance, replayed)]
        found[name] = Subjects(*running)
    return found


# Memory


FitName = Literal["linear", "angular", "behaviour"]


class Fit(NamedTuple):
    """Pearson's r, and the slope of the line through the origin."""

    r: float
    slope: float


def fit(x: np.ndarray, y: np.ndarray) -> Fit:
    """How ``y`` follows ``x``, each (trial,)."""
    return Fit(float(np.corrcoef(x, y)[0, 1]), slope_without_intercept(x, y))


@dataclass(frozen=True)
class Memory:
    """What a linear decoder reads from an agent's memory in perturbed trials.

    Attributes
    ----------
    tested : Rollouts
        Trials that the decoder was not fitted to.
    decoded : Decoded
        Position in them.
    pushed : BeliefErrors
        Of the same trials.
    world : World
    """

    tested: Rollouts
    decoded: decoding.Decoded
    pushed: decoding.BeliefErrors
    world: World

    @cached_property
    def distance(self) -> np.ndarray:
        """Of the end from the target, (trial,)."""
        return _distance(self.tested)

    @property
    def error(self) -> float:
        """Mean distance between decoded and true position, over all steps (figure 6h)."""
        return self.decoded.error

    @property
    def auc(self) -> float:
        """Area under the ROC of the same trials."""
        return auc(self.tested)

    @property
    def reward_rate(self) -> float:
        """Of the same trials, per s."""
        return reward_rate(self.tested, self.world.dt)

    def points(self, what: FitName) -> tuple[np.ndarray, np.ndarray]:
        """What is fitted, x and y, each (trial,).

        linear and angular (figure 6g): error of the believed distance against the delivered
        displacement, and of the believed direction against the delivered turn; behaviour (figure
        S6g): distance from the target against the error of the believed end.
        """
        if what == "linear":
            return self.pushed.pushed_distance, self.pushed.distance_error
        if what == "angular":
            return self.pushed.pushed_angle, self.pushed.angle_error
        return self.decoded.end_errors, self.distance


def memory(agents: Mapping[str, Sequence[Trained]], trials: TrialSet) -> dict[str, list[Memory]]:
    """Decode position from the actors' memories; a decoder of its own for each agent."""

    def read(one: Trained) -> Memory:
        rollouts = trials.run(one.agent)
        decoded = decoding.decode(decoding.actor_memory(one.agent, rollouts), rollouts)
        pushed = decoding.belief_errors(decoded, rollouts)
        return Memory(rollouts[decoded.test], decoded, pushed, trials.world)

    return {name: [read(one) for one in group] for name, group in agents.items()}


def fits(
    groups: Mapping[str, Sequence[Memory]], what: FitName, number: Literal["r", "slope"]
) -> dict[str, np.ndarray]:
    """``number`` of the fit ``what``, (seed,) by name; see :meth:`Memory.points`."""
    return {
        name: np.array([getattr(fit(*one.points(what)), number) for one in group])
        for name, group in groups.items()
    }


def pooled_r(group: Sequence[Memory], what: FitName) -> float:
    """Pearson's r over the trials of all seeds together."""
    x, y = (np.concatenate(part) for part in zip(*(one.points(what) for one in group), strict=True))
    return fit(x, y).r


# Drawings


def draw_kernels(
    groups: Mapping[str, Sequence[Disturbed]], kind: str, *, ax: Axes | None = None
) -> Axes:
    """Compensations of both directions of a kind, mean over seeds with a band; the second one dashed."""
    ax = own_axes(ax)
    for name, group in groups.items():
        for direction, line in zip(KINDS[kind], ("-", "--"), strict=True):
            courses = kernel(group, direction)
            time = group[0].world.dt * np.arange(courses.shape[1])
            plots.mean_band(time, courses, ax=ax, color=COLOURS[name], ls=line, lw=1.8)
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.set_xlabel("time since the onset (s)")
    return ax


def draw_scatter(x: np.ndarray, y: np.ndarray, *, colour: str, ax: Axes | None = None) -> Axes:
    """Trials as points, the line through the origin, and the ellipse of one standard deviation.

    One point in a hundred lies beyond the axis.
    """
    ax = own_axes(ax)
    ax.plot(x, y, ".", ms=1.5, color=colour, alpha=0.35)
    draw_ellipse((x.mean(), y.mean()), np.cov(x, y), 1.0, ax=ax, colour="black")
    ends = np.array([min(0.0, x.min()), x.max()])
    ax.plot(ends, slope_without_intercept(x, y) * ends, color="black", lw=1.5)
    low, high = np.quantile(y, [0.005, 0.995])
    ax.set_ylim(low, high)
    return ax
