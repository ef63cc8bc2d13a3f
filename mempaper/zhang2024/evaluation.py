"""Behaviour of several seeds on the same trials, and what their networks tell of it (figures 1, 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from mempaper.parameters import check_names
from mempaper.stats import mean_interval
from mempaper.zhang2024 import decoding
from mempaper.zhang2024.analysis import (
    Curvature,
    Paths,
    Roc,
    StopFit,
    curvature,
    path_length,
    paths,
    polar,
    rollout_roc,
    stop_fit,
)
from mempaper.zhang2024.comparisons import without_outliers
from mempaper.zhang2024.groups import Trained
from mempaper.zhang2024.monkey_trials import agent_trials, reintegrated
from mempaper.zhang2024.monkeys import Recordings
from mempaper.zhang2024.rollout import Agent, Rollouts, reward_rate
from mempaper.zhang2024.trial_sets import TrialSet, as_set, gain_set
from mempaper.zhang2024.world import World

Array = Any  # anything numpy.asarray takes
Reader = Callable[[Agent, Rollouts], np.ndarray]
FAR, ASIDE = 300.0, 15.0  # cm and degrees: targets of an example that shows something
LAYERS: dict[str, tuple[Reader, tuple[str, ...]]] = {  # figures 1l and S1f
    "actor LSTM": (decoding.actor_memory, decoding.ACTOR_VARIABLES),
    "actor MLP": (decoding.actor_layers, decoding.ACTOR_VARIABLES),
    "critic LSTM": (partial(decoding.critic_memory, copy=1), decoding.CRITIC_VARIABLES),
    "critic MLP": (partial(decoding.critic_layers, copy=1), decoding.CRITIC_VARIABLES),
}


@dataclass(frozen=True)
class Behaviour:
    """What several seeds of one kind of agent did in the same trials.

    Attributes
    ----------
    agents : tuple of Trained
    rollouts : tuple of Rollouts
        One per seed.
    world : World
    """

    agents: tuple[Trained, ...]
    rollouts: tuple[Rollouts, ...]
    world: World

    @cached_property
    def paths(self) -> tuple[Paths, ...]:
        """In cm and degrees, one per seed."""
        return tuple(paths(r) for r in self.rollouts)

    @cached_property
    def rewarded(self) -> np.ndarray:
        """Which trials were rewarded, (seed, trial)."""
        return np.stack([r.rewarded.cpu().numpy() for r in self.rollouts])

    @cached_property
    def reward_rate(self) -> np.ndarray:
        """Rewards per second, (seed,)."""
        return np.array([reward_rate(r, self.world.dt) for r in self.rollouts])

    @cached_property
    def signed_error(self) -> np.ndarray:
        """Distance of the stop from the target, cm, negative if too short, (seed, trial)."""
        return np.stack([p.signed_error for p in self.paths])

    @cached_property
    def curvature(self) -> np.ndarray:
        """Mean curvature of each trial, 1/cm, (seed, trial)."""
        return np.stack([trial_curvature(p) for p in self.paths])

    @cached_property
    def path_length(self) -> np.ndarray:
        """cm, (seed, trial)."""
        return np.stack([path_length(p.place) for p in self.paths])

    @cached_property
    def auc(self) -> np.ndarray:
        """Area under each seed's complete ROC curve, (seed,)."""
        return np.array([rollout_roc(r).area for r in self.rollouts])

    def rocs(self, last: int) -> list[Roc]:
        """Each seed's curves, on the boundaries 0 to ``last`` cm."""
        return [rollout_roc(r, last) for r in self.rollouts]

    def stop_fits(self) -> list[dict[str, StopFit]]:
        """:func:`stop_fits` of each seed."""
        return [stop_fits(p.end, p.target) for p in self.paths]


def behave(agents: Sequence[Trained], trial_set: TrialSet) -> Behaviour:
    """Let the seeds of one kind of agent do the same trials, with the same noise."""
    rollouts = tuple(trial_set.run(one.agent) for one in agents)
    return Behaviour(tuple(agents), rollouts, trial_set.world)


def trial_curvature(p: Paths) -> np.ndarray:
    """Mean curvature of each trial, 1/cm, (trial,); not a number where an agent hardly moved."""
    found: Curvature = curvature(p.place, p.length)
    return found.of_trials


def stop_fits(end: Array, target: Array) -> dict[str, StopFit]:
    """Lines from targets to stops (figures S1d, S1e): 'radial' in cm, 'angular' from straight ahead.

    Parameters
    ----------
    end, target : array, shape (trial, 2)
        cm.
    """
    pairs = zip(polar(target), polar(end), strict=True)
    return {name: stop_fit(*pair) for name, pair in zip(("radial", "angular"), pairs, strict=True)}


def mean(values: Array) -> np.ndarray:
    """Mean over the first axis, of the seeds; those without a number are left out."""
    return mean_interval(values)[0]


def pooled(values: Array, kept: Array) -> np.ndarray:
    """What a violin shows: trials of all seeds together, without outliers.

    Parameters
    ----------
    values : array, shape (seed, trial)
    kept : bool array, shape (seed, trial) or (trial,)
        Which trials count, such as the rewarded ones.
    """
    values = np.asarray(values, float)
    return without_outliers(values[np.broadcast_to(kept, values.shape)])


def read_out(behaviour: Behaviour, layer: str) -> dict[str, np.ndarray]:
    """Correlation of decoded and true values by variable, each (seed,); see section B.8.

    Parameters
    ----------
    layer : str
        A key of :data:`LAYERS`; a layer that the architecture lacks is an error.
    """
    check_names([layer], LAYERS, "layer")
    reader, names = LAYERS[layer]
    found = []
    for one, rollouts in zip(behaviour.agents, behaviour.rollouts, strict=True):
        activity = reader(one.agent, rollouts)
        found.append(decoding.decode(activity, rollouts, names).correlations())
    return {name: np.array([each[name] for each in found]) for name in names}


def example_trial(target: Array, *rewarded: Array) -> int:
    """The first trial with a far target to the side that all agents are rewarded for.

    Parameters
    ----------
    target : array, shape (trial, 2)
        cm.
    *rewarded : bool array, shape (trial,)
        One per agent. If no trial fits them all, the first one with such a target is taken, and if
        there is none, the first of all.
    """
    distance, angle = polar(target)
    shown = (distance > FAR) & (np.abs(angle) > ASIDE)
    solved = np.flatnonzero(np.all([shown, *rewarded], 0))
    return int(solved[0] if solved.size else np.argmax(shown))


# Monkeys


def monkey_set(recordings: Recordings, world: World) -> TrialSet:
    """The trials of a monkey for agents, with noise of their own."""
    return as_set(agent_trials(recordings), world)


def normal_trials(n: int, world: World, monkeys: Mapping[str, Recordings]) -> TrialSet:
    """The trials of figures 1 and 3: those of the first monkey, without monkeys the environment's."""
    for recordings in monkeys.values():
        return monkey_set(recordings, world)
    return gain_set(1, n, world=world)


def rewarded_to_all(sets: Mapping[str, Recordings]) -> np.ndarray:
    """Which matched trials were rewarded for each of the monkeys, (trial,)."""
    return np.all([recordings.scalars["rewarded"] for recordings in sets.values()], 0)


def differences(
    did: Mapping[str, Behaviour], monkeys: Mapping[str, Recordings]
) -> dict[str, dict[str, np.ndarray]]:
    """How far paths are from those of the first monkey in the same trials (figures 3a, 3b).

    Parameters
    ----------
    did : mapping of Behaviour
        Agents in the trials of the first monkey.
    monkeys : mapping of Recordings
        Matched trials, of one monkey or two.

    Returns
    -------
    dict
        'curvature' (1/cm) and 'length' (cm): absolute differences by agent, and under 'monkey' those
        of the second monkey; trials that were rewarded for the monkeys, all seeds, without outliers.
    """
    kept = rewarded_to_all(monkeys)
    their = [reintegrated(recordings) for recordings in monkeys.values()]
    curved = [trial_curvature(p) for p in their]
    long = [path_length(p.place) for p in their]
    return {
        "curvature": _from_first({name: one.curvature for name, one in did.items()}, curved, kept),
        "length": _from_first({name: one.path_length for name, one in did.items()}, long, kept),
    }


def _from_first(
    of_agents: Mapping[str, np.ndarray], of_monkeys: Sequence[np.ndarray], kept: np.ndarray
) -> dict[str, np.ndarray]:
    first, *others = of_monkeys
    values = {**of_agents, **({"monkey": np.stack(others)} if others else {})}
    return {name: pooled(np.abs(one - first), kept) for name, one in values.items()}
