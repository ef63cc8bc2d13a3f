"""Many agents beside each other: over noises in the test and in training, and over architectures.

Tables of training noises are (observation noise, process noise), those of architectures (critic, actor),
as in the paper's heat maps (figures 2, 7, 8).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from mempaper.parameters import ConfigError, Mode, check_names
from mempaper.stats import correlation
from mempaper.zhang2024 import groups, published
from mempaper.zhang2024.analysis import auc, curvature, path_length, paths
from mempaper.zhang2024.comparisons import Correlation, bootstrap_correlation
from mempaper.zhang2024.decoding import actor_memory, decode
from mempaper.zhang2024.grids import noise_grid
from mempaper.zhang2024.groups import Pool, Trained
from mempaper.zhang2024.networks import ACTORS, CRITICS, Sizes
from mempaper.zhang2024.rollout import Agent, Rollouts, judge, reward_rate
from mempaper.zhang2024.trial_sets import TrialSet

Name = TypeVar("Name", bound=Hashable)
Range = tuple[float, float]
NoiseName = tuple[str, float, float]
CORNERS = (min(groups.NOISES), max(groups.NOISES))
SOME_ARCHITECTURES = (*groups.MAIN.values(), "Actor2Critic5", "Actor3Critic4")  # of a smoke run
GAIN_2, GAINS_3_TO_4 = (2.0, 2.0), (3.0, 4.0)
HOL_EKF_SEEDS = 3
PUBLISHED = {  # names in the paper's heat maps
    "hol": "holistic",
    "moho": "modular_actor_holistic_critic",
    "homo": "holistic_actor_modular_critic",
    "mod": "modular",
    "EKF": "EKF",
    "EKF alternative": "EKF_alternative",
}


# Which agents, and which gains


def gain_ranges(given: object, mode: Mode) -> tuple[Range, Range]:
    """The new gains that are judged, from and to, and others that are only drawn.

    None stands for gain 2 in fast and smoke mode, where agents are small and trained for a short time,
    and for the paper's 3 to 4 in full mode.

    Raises
    ------
    ConfigError
        It is no pair of positive numbers in order.
    """
    if given is None:
        judged = GAINS_3_TO_4 if mode == "full" else GAIN_2
    else:
        allowed = "allowed are two positive numbers in order, such as [3, 4], or None"
        if not isinstance(given, (list, tuple)) or len(given) != 2:
            raise ConfigError(f"new_gains is {given!r}; {allowed}.")
        if any(isinstance(x, bool) or not isinstance(x, (int, float)) for x in given):
            raise ConfigError(f"new_gains is {given!r}; {allowed}.")
        judged = (float(given[0]), float(given[1]))
        if not 0 < judged[0] <= judged[1] < np.inf:
            raise ConfigError(f"new_gains is {given!r}; {allowed}.")
    return judged, GAIN_2 if judged == GAINS_3_TO_4 else GAINS_3_TO_4


def describe_gains(gains: Range) -> str:
    """Such as 'gain 2' or 'gains 3 to 4'."""
    low, high = gains
    return f"gain {low:g}" if low == high else f"gains {low:g} to {high:g}"


def noises(base: Pool, sweep: bool) -> dict[NoiseName, list[Any]]:
    """Trainings in 16 noises; without ``sweep`` in the default one, in smoke mode in five."""
    runs = groups.noises(base)
    if not sweep:
        return {key: run for key, run in runs.items() if key[1:] == groups.DEFAULT_NOISE}
    if base.recipe == "tiny":
        few = {(p, o) for p in CORNERS for o in CORNERS} | {groups.DEFAULT_NOISE}
        return {key: run for key, run in runs.items() if key[1:] in few}
    return runs


def architectures(base: Pool, sweep: bool) -> dict[str, list[Any]]:
    """Trainings of fifteen architectures; without ``sweep`` of the main four, in smoke mode of six."""
    if not sweep:
        return {name: base.seeds(name) for name in groups.MAIN.values()}
    runs = groups.sweep(base)
    return {name: runs[name] for name in SOME_ARCHITECTURES} if base.recipe == "tiny" else runs


# A filter without learning


class Rule(nn.Module):
    """Maps a filter's belief (..., 13) to actions: turn to the target, go there, stop when near.

    Learns nothing. It shows what a belief is worth if somebody steers well by it.
    """

    is_recurrent = False
    name = "rule"

    def forward(self, belief: Tensor, hidden: None = None) -> tuple[Tensor, None]:
        """Action (..., 2) for the beliefs."""
        x, y, heading = belief[..., 0], belief[..., 1], belief[..., 2]
        distance = torch.hypot(x, y)  # of the origin, where the target is; in units of 400 cm
        turn = torch.atan2(-y, -x) - heading
        turn = torch.atan2(turn.sin(), turn.cos())
        v = (2 * distance).clamp(0.2, 0.8)
        action = torch.stack([v, (2 * turn).clamp(-1, 1)], -1)
        return torch.where((distance < 0.1)[..., None], 0.0, action), None


def rule_agent() -> Agent:
    """An EKF agent that steers by :class:`Rule`; its critic means nothing."""
    agent = Agent("EKF", Sizes(1, 1, 1, 1), torch.Generator().manual_seed(0))
    agent.actor = Rule()  # type: ignore[assignment]
    return agent


# What they do


def noise_grids(
    agents: Sequence[Trained], trial_set: TrialSet, start: Range | None = None
) -> np.ndarray:
    """Area under the curve in growing noise, (agent, observation, process).

    Parameters
    ----------
    agents : sequence of Trained
    trial_set : TrialSet
    start : (float, float), optional
        Process and observation noise of the first cell; by default those of the agent's training.
    """
    cells = [noise_grid(a.agent, *(start or a.noise), trial_set=trial_set) for a in agents]
    return np.stack(cells)


def _decoding_error(trained: Trained, rollouts: Rollouts) -> float:
    return decode(actor_memory(trained.agent, rollouts), rollouts).error


def _td_error(trained: Trained, rollouts: Rollouts) -> float:
    return float(judge(trained.agent, rollouts).td_error_abs.double().mean())


def _curvature(trained: Trained, rollouts: Rollouts) -> float:
    path = paths(rollouts)
    return curvature(path.place, path.length).pooled


MEASURES: dict[str, Callable[[Trained, Rollouts], float]] = {
    "auc": lambda trained, rollouts: auc(rollouts),
    "reward_rate": lambda trained, rollouts: reward_rate(rollouts, trained.world.dt),  # per s
    "decoding_error": _decoding_error,  # of the position, cm
    "td_error": _td_error,
    "length": lambda trained, rollouts: float(path_length(paths(rollouts).place).mean()),  # cm
    "curvature": _curvature,  # over all time points, 1/cm
}


def measure(
    agents: Mapping[Name, Sequence[Trained]],
    trial_set: TrialSet,
    *names: str,
    own_noise: bool = False,
) -> dict[str, dict[Name, np.ndarray]]:
    """What groups of agents do in the same trials, by measure and group, (agent,).

    Parameters
    ----------
    agents : mapping of Trained
    trial_set : TrialSet
    *names : str
        Keys of :data:`MEASURES`.
    own_noise : bool
        In the noise of each agent's own training, instead of the set's.

    Raises
    ------
    ConfigError
        A measure is unknown.
    """
    check_names(names, MEASURES, "measure")
    values: dict[str, dict[Name, np.ndarray]] = {name: {} for name in names}
    for key, group in agents.items():
        rows = []
        for one in group:
            rollouts = (trial_set.with_noise(*one.noise) if own_noise else trial_set).run(one.agent)
            rows.append([MEASURES[name](one, rollouts) for name in names])
        for name, column in zip(names, np.array(rows).T, strict=True):
            values[name][key] = column
    return values


def means(values: Mapping[Name, np.ndarray]) -> dict[Name, float]:
    """Mean over seeds of each group."""
    return {key: float(np.mean(per_seed)) for key, per_seed in values.items()}


# Tables


def noise_tables(values: Mapping[NoiseName, float]) -> dict[str, np.ndarray]:
    """Numbers by (name, process, observation) as tables by name; not a number where there is none."""
    n = len(groups.NOISES)
    tables: dict[str, np.ndarray] = {}
    for (name, process, observation), value in values.items():
        table = tables.setdefault(name, np.full((n, n), np.nan))
        table[groups.NOISES.index(observation), groups.NOISES.index(process)] = value
    return tables


def printed_noise_tables(
    figure: str, quantities: Mapping[str, str], suffix: str = ""
) -> dict[str, dict[str, np.ndarray]]:
    """The paper's tables over training noises by our name of the quantity and agent, hol and mod.

    Parameters
    ----------
    figure : str
        Such as '7a'.
    quantities : mapping of str
        The paper's name by ours.
    suffix : str
        Of the agents' names, such as '_extensive'.
    """
    return {
        name: {
            agent: published.table(figure, quantity, PUBLISHED[agent] + suffix).values
            for agent in ("hol", "mod")
        }
        for name, quantity in quantities.items()
    }


def by_larger_noise(table: np.ndarray) -> tuple[float, float]:
    """Mean of a table (observation, process) over trainings with more process noise, and with less.

    Trainings with equal noises do not count; not a number where all are missing.
    """
    noise = np.array(groups.NOISES)
    more = noise[None] > noise[:, None]
    sides = [table[mask][np.isfinite(table[mask])] for mask in (more, more.T)]
    with_more, with_less = (float(side.mean()) if side.size else np.nan for side in sides)
    return with_more, with_less


def architecture_table(values: Mapping[str, float]) -> np.ndarray:
    """Numbers by architecture as a table (critic, actor); not a number where there is none."""
    names = [[actor + critic for actor in ACTORS[:3]] for critic in CRITICS[:5]]
    return np.array([[values.get(name, np.nan) for name in row] for row in names])


def critic_means(table: np.ndarray) -> np.ndarray:
    """Mean over actors of a table (critic, actor), (critic,); not a number where any is missing."""
    return np.asarray(table, float).mean(1)


def printed_architecture_tables() -> dict[tuple[str, str], np.ndarray]:
    """The paper's tables over architectures by test (gain, perturbation, train) and measure."""
    where = {
        ("gain", "auc"): ("8c", "gain_auc"),
        ("gain", "decoding_error"): ("8c", "gain_decoding_error_cm"),
        ("gain", "reward_rate"): ("S9d", "gain_reward_rate"),
        ("gain", "auc_sem"): ("S9c", "gain_auc_sem"),
        ("perturbation", "auc"): ("8d", "perturbation_auc"),
        ("perturbation", "decoding_error"): ("8d", "perturbation_decoding_error_cm"),
        ("perturbation", "reward_rate"): ("S9d", "perturbation_reward_rate"),
        ("perturbation", "auc_sem"): ("S9c", "perturbation_auc_sem"),
        ("train", "reward_rate"): ("S9b", "train_reward_rate"),
        ("train", "td_error"): ("S9b", "train_TD_error"),
    }
    return {key: published.table(*at, "architecture_sweep").values for key, at in where.items()}


def standard_errors(values: Mapping[Name, np.ndarray]) -> dict[Name, float]:
    """Standard error over seeds (ddof 1) of each group; not a number for a single seed."""
    return {
        key: float(v.std(ddof=1) / np.sqrt(len(v))) if len(v) > 1 else np.nan
        for key, v in values.items()
    }


# Correlations


def boxed_correlation(a: Any, b: Any, *, shuffle: bool = False) -> Correlation:
    """:func:`~mempaper.zhang2024.comparisons.bootstrap_correlation` over the entries that both have.

    Nothing but their number is known where :func:`~mempaper.stats.correlation` is not a number.
    """
    a, b = np.ravel(np.asarray(a, float)), np.ravel(np.asarray(b, float))
    known = np.isfinite(a) & np.isfinite(b)
    if np.isnan(correlation(a, b)):
        return Correlation(np.nan, np.nan, np.nan, np.nan, np.nan, int(known.sum()))
    return bootstrap_correlation(a[known], b[known], shuffle=shuffle)


def likenesses(
    tables: Mapping[str, np.ndarray], yardstick: np.ndarray, *, shuffle: bool = False
) -> dict[str, Correlation]:
    """:func:`boxed_correlation` of several tables with one, by name."""
    return {n: boxed_correlation(t, yardstick, shuffle=shuffle) for n, t in tables.items()}
