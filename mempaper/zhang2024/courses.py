"""How several seeds did in the course of their training, from their performance tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from mempaper.stats import mean_interval
from mempaper.zhang2024.groups import Trained
from mempaper.zhang2024.original import ReferenceAgent

T = TypeVar("T")
TRAINED = "gain1x"  # the test under the conditions of the training


def table_mean(agents: Sequence[Trained], labels: Sequence[str], column: str) -> np.ndarray:
    """A column of the performance tables averaged over conditions, (agent, row)."""
    return np.stack([np.mean([a.curve(label, column) for label in labels], 0) for a in agents])


def at_end(agents: Sequence[Trained], column: str, labels: Sequence[str] = (TRAINED,)) -> np.ndarray:
    """A column of the performance tables at the end of training, averaged over conditions, (agent,).

    Rows at the end that were not reached, as in a very short training, do not count.
    """
    return np.array([_last_number(course) for course in table_mean(agents, labels, column)])


def _last_number(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known[-1]) if known.size else np.nan


def best_seed(agents: Sequence[Trained], labels: Sequence[str] = (TRAINED,)) -> int:
    """Which seed has the largest reward rate, over some conditions, of the weights that are analysed.

    Of the original's trainings these are the best checkpoint, of the quick recipe the end.
    """
    rates = at_end(agents, "reward_rate", labels)
    for k, one in enumerate(agents):
        if isinstance(one.run, ReferenceAgent):
            rates[k] = np.nan_to_num(table_mean([one], labels, "reward_rate"), nan=-1.0).max()
    return int(np.argmax(np.nan_to_num(rates, nan=-1.0)))


def learned_row(agents: Sequence[Trained], share: float = 0.6, label: str = TRAINED) -> int:
    """First row at which more than ``share`` of the trials is rewarded, in the mean over seeds.

    The number of rows where there is none. Errors of the critics are drawn from there on (figures 3d,
    4h and S6d).
    """
    course, _ = mean_interval(table_mean(agents, [label], "reward_fraction"))
    later = np.flatnonzero(course > share)
    return int(later[0]) if later.size else len(course)


def middle_row(trials: np.ndarray) -> int:
    """The row of a table, (row,) training trials, that is nearest to half of the training."""
    return int(np.argmin(np.abs(np.asarray(trials) - trials[-1] / 2)))


def by_seed(groups: Mapping[str, Sequence[T]], measure: Callable[[T], float]) -> dict[str, np.ndarray]:
    """A number of each seed, (seed,) by short name."""
    return {name: np.array([measure(one) for one in seeds], float) for name, seeds in groups.items()}
