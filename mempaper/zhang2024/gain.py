"""Gains that no agent was trained with: behaviour and decoded position (figures 4, 5, S4, S5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from matplotlib.axes import Axes
from scipy.linalg import qr

from mempaper.plots import GREY
from mempaper.zhang2024 import analysis, comparisons, courses, decoding, trial_sets
from mempaper.zhang2024.analysis import Paths, Roc
from mempaper.zhang2024.decoding import Decoded
from mempaper.zhang2024.groups import Trained
from mempaper.zhang2024.monkey_trials import (
    agent_trials,
    gain_sets,
    reintegrated,
    without_generalisation,
)
from mempaper.zhang2024.monkeys import Recordings, Subject
from mempaper.zhang2024.rollout import Rollouts
from mempaper.zhang2024.trial_sets import TrialSet
from mempaper.zhang2024.world import LINEAR_SCALE, World

T = TypeVar("T")
TRAINED = 1.0
GAINS = (TRAINED, 1.5, 2.0)
NEW_LABELS = ("gain1.5x", "gain2x")
LABELS = (courses.TRAINED, *NEW_LABELS)


def pooled(groups: Mapping[str, Sequence[T]], measure: Callable[[T], Any]) -> dict[str, np.ndarray]:
    """Numbers of all trials of all seeds together, (number,) by short name."""
    return {name: np.concatenate([measure(one) for one in seeds]) for name, seeds in groups.items()}


# Behaviour


class Ends(NamedTuple):
    """Where trials end, and their targets, each (trial, 2), cm."""

    end: np.ndarray
    target: np.ndarray


class Behaviour(ABC):
    """What somebody does with about the same targets at several gains.

    ``adapted`` is what was done. Otherwise it is the replay without generalisation: the actions of the
    trial at gain 1 in the new world; at gain 1 this is what was done.
    """

    @abstractmethod
    def ends(self, gain: float, adapted: bool = True) -> Ends:
        """Where trials end."""

    @abstractmethod
    def walked(self, gain: float) -> Paths:
        """Paths in steps of the agents' world."""

    def signed_error(self, gain: float, adapted: bool = True) -> np.ndarray:
        """Distance from the target (trial,), cm, negative if too short (figures 4c, 4d, S4a)."""
        return analysis.signed_error(*self.ends(gain, adapted))

    def roc(self, gain: float, adapted: bool = True) -> Roc:
        """Complete curve of true and false targets within a boundary (figure 4e)."""
        return analysis.roc(*self.ends(gain, adapted))

    def curvature(self, gain: float) -> np.ndarray:
        """Mean curvature (trial,), 1/cm (figure S4b)."""
        walked = self.walked(gain)
        return analysis.curvature(walked.place, walked.length).of_trials

    def length(self, gain: float) -> np.ndarray:
        """Path length (trial,), cm (figure S4c)."""
        return analysis.path_length(self.walked(gain).place)


@dataclass(frozen=True)
class AgentBehaviour(Behaviour):
    """Of one agent, with the same targets and noises at each gain.

    Attributes
    ----------
    rollouts : mapping of Rollouts by gain
    world : World
    """

    rollouts: Mapping[float, Rollouts]
    world: World

    def walked(self, gain: float) -> Paths:
        """Paths as they were."""
        return analysis.paths(self.rollouts[gain])

    def replayed(self, gain: float) -> Paths:
        """Paths of the replay without generalisation, without noise."""
        return analysis.replay(self.walked(TRAINED), gain, world=self.world)

    def ends(self, gain: float, adapted: bool = True) -> Ends:
        """Where trials end, or where the replay does."""
        walked = self.walked(gain) if adapted or gain == TRAINED else self.replayed(gain)
        return Ends(walked.end, walked.target)

    def rewarded(self, gain: float) -> np.ndarray:
        """Mask (trial,)."""
        return self.rollouts[gain].rewarded.cpu().numpy()


@dataclass(frozen=True)
class MonkeyBehaviour(Behaviour):
    """Of one monkey.

    Attributes
    ----------
    sets : mapping of Recordings by gain
        Matched by their targets, trial by trial.
    normal : Recordings
        All trials at gain 1, for the replays.
    """

    sets: Mapping[float, Recordings]
    normal: Recordings

    def ends(self, gain: float, adapted: bool = True) -> Ends:
        """Where trials end, or where the replay does."""
        made = self.sets[gain]
        if adapted or gain == TRAINED:
            return Ends(made.end, made.target)
        replayed = without_generalisation(made, self.normal)
        return Ends(replayed.end, replayed.target)

    def walked(self, gain: float) -> Paths:
        """Paths of the binned actions."""
        return reintegrated(self.sets[gain])

    @property
    def rewarded(self) -> np.ndarray:
        """Mask (trial,) of the trials at gain 1."""
        return self.sets[TRAINED].scalars["rewarded"].astype(bool)


def monkeys(subjects: Sequence[Subject], keep: int = 1000) -> dict[str, MonkeyBehaviour]:
    """Behaviour of one or two monkeys by name, in sets of the same number of matched trials."""
    normal = {subject.name: subject["normal"] for subject in subjects}
    return {
        name: MonkeyBehaviour(sets, normal[name]) for name, sets in gain_sets(subjects, keep).items()
    }


def gain_trials(
    gain: float, n: int, world: World | None = None, recordings: Recordings | None = None
) -> TrialSet:
    """Trials at one gain: the usual targets or, if given, those of a monkey's trials, ``n`` at most."""
    if recordings is None:
        return trial_sets.gain_set(gain, n, world=world)
    full_speed = (world or World()).full_speed
    trials = agent_trials(recordings[:n]).with_gain(gain, full_speed)
    return replace(trial_sets.gain_set(gain, len(trials), world=world), trials=trials)


def behave(
    agents: Mapping[str, Sequence[Trained]],
    n: int,
    gains: Sequence[float] = GAINS,
    recordings: Recordings | None = None,
) -> dict[str, list[AgentBehaviour]]:
    """Every agent at every gain, ``n`` trials each; see :func:`gain_trials`."""

    def one(agent: Trained) -> AgentBehaviour:
        made = {g: gain_trials(g, n, agent.world, recordings).run(agent.agent) for g in gains}
        return AgentBehaviour(made, agent.world)

    return {name: [one(agent) for agent in seeds] for name, seeds in agents.items()}


def spread(behaviours: Sequence[Behaviour], gain: float, adapted: bool = True) -> tuple[float, float]:
    """Mean and standard deviation (ddof 0) of signed errors, cm, all trials together (figure 4c)."""
    errors = np.concatenate([one.signed_error(gain, adapted) for one in behaviours])
    return float(errors.mean()), float(errors.std())


def filtered_mean(behaviours: Sequence[Behaviour], gain: float, adapted: bool = True) -> float:
    """Mean signed error, cm, of all trials together but for outliers (figure S4a)."""
    errors = np.concatenate([one.signed_error(gain, adapted) for one in behaviours])
    return float(comparisons.without_outliers(errors).mean())


def reduction(behaviours: Sequence[Behaviour], gain: float) -> float:
    """By how much adaptation makes the mean error without outliers smaller, cm."""
    return filtered_mean(behaviours, gain, False) - filtered_mean(behaviours, gain)


def compared(
    behaviours: Sequence[Behaviour],
    measure: Literal["curvature", "length"],
    gain: float,
    reference: Behaviour | None = None,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Curvature or length of all trials together without outliers (value,): figures S4b, S4c.

    Parameters
    ----------
    behaviours : sequence of Behaviour
    measure : {'curvature', 'length'}
    gain : float
    reference : Behaviour, optional
        A monkey, from whom the absolute difference is taken, trial by trial.
    mask : bool array, shape (trial,), optional
        Trials that count.
    """
    values = np.stack([getattr(one, measure)(gain) for one in behaviours])
    if reference is not None:
        values = np.abs(values - getattr(reference, measure)(gain))
    return comparisons.without_outliers(values if mask is None else values[:, mask])


def typical_trial(behaviours: Sequence[Behaviour], gain: float) -> int:
    """The trial whose signed errors are nearest to everybody's own mean, in standard deviations."""
    return _nearest_to_means([one.signed_error(gain) for one in behaviours])


def _nearest_to_means(values: Sequence[np.ndarray]) -> int:
    """Which trial is nearest to the mean of every row of (trial,), in standard deviations."""
    rows = np.stack(values)
    deviation = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    return int(np.argmin((deviation**2).sum(0)))


# Position in the actor's memory


@dataclass(frozen=True)
class Belief:
    """Position as it is read from an actor's memory, in trials that the decoder has not seen.

    Attributes
    ----------
    decoded : Decoded
    rollouts : Rollouts
        The same trials.
    """

    decoded: Decoded
    rollouts: Rollouts

    @property
    def error(self) -> float:
        """Mean distance between decoded and true position, cm (figures 5d, 5e)."""
        return self.decoded.error

    @property
    def auc(self) -> float:
        """How well these trials end (figure 5e)."""
        return analysis.auc(self.rollouts)

    @property
    def distance(self) -> np.ndarray:
        """From the target at the end (trial,), cm (figure S5b)."""
        return self.rollouts.distance.cpu().numpy() * LINEAR_SCALE


def believe(agents: Mapping[str, Sequence[Trained]], gain: float, n: int) -> dict[str, list[Belief]]:
    """A decoder for each agent at one gain, from the first 70 % of ``n`` trials."""

    def one(agent: Trained) -> Belief:
        made = gain_trials(gain, n, agent.world).run(agent.agent)
        decoded = decoding.decode(decoding.actor_memory(agent.agent, made), made)
        return Belief(decoded, made[decoded.test])

    return {name: [one(agent) for agent in seeds] for name, seeds in agents.items()}


def typical_belief(beliefs: Sequence[Belief]) -> int:
    """The test trial whose mean decoding error is nearest to everybody's own, in standard deviations."""
    return _nearest_to_means([np.nanmean(one.decoded.errors, 1) for one in beliefs])


def maps(
    agent: Trained, n: int, gains: Sequence[float] = GAINS, units: np.ndarray | None = None
) -> np.ndarray:
    """Activity of an actor's units over the arena, (gain, unit, y, x); see decoding.unit_maps."""
    found = []
    for gain in gains:
        made = gain_trials(gain, n, agent.world).run(agent.agent)
        found.append(decoding.unit_maps(decoding.actor_memory(agent.agent, made), made, units))
    return np.stack(found)


def stability(agent: Trained, n: int, gains: Sequence[float] = (1.0, 2.0)) -> float:
    """Mean correlation of the units' maps at two gains; not a number if they share no places."""
    found = maps(agent, n, gains)
    common = ~np.isnan(found).any((0, 1))
    return decoding.map_stability(*found) if common.sum() > 1 else np.nan


def different_units(values: np.ndarray, n: int = 3) -> np.ndarray:
    """Units (n,) to show of maps (unit, y, x).

    The one that varies most over places, then always the one with most variation of its own.
    """
    known = values[:, ~np.isnan(values).any(0)]
    if known.size == 0:
        return np.arange(n)
    centred = known - known.mean(1, keepdims=True)
    return qr(centred.T, mode="r", pivoting=True)[-1][:n]


def draw_maps(values: np.ndarray, axes: Sequence[Axes]) -> None:
    """Maps of one unit at several gains (gain, y, x), in one scale of colours about 0."""
    limit = float(np.max(np.abs(values), where=~np.isnan(values), initial=1e-9))
    low, high = (np.array(axis[:2]) for axis in (decoding.MAP_X, decoding.MAP_Y))
    sector = np.radians(np.linspace(55, 125, 50))
    for ax, one in zip(axes, values, strict=True):
        extent = (*low, *high)
        ax.imshow(one, origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit)
        for radius in (100, 400):
            ax.plot(radius * np.cos(sector), radius * np.sin(sector), ":", color=GREY, lw=1)
        for edge in sector[[0, -1]]:
            ax.plot(*np.outer([np.cos(edge), np.sin(edge)], [100, 400]), ":", color=GREY, lw=1)
        ax.set(xlim=(-300, 300), ylim=high, xticks=[], yticks=[])
        ax.set_aspect("equal")
        ax.spines[:].set_visible(False)
