"""Which of an original training's checkpoints is looked at (section 7.4), and what of it is shipped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mempaper.checkpoint import Arrays, with_half_digits
from mempaper.zhang2024.rollout import COLUMNS, Agent

CRITERIA: dict[str, Callable[[str], bool]] = {
    "gain1x": lambda label: label == "gain1x",
    "gain1x+2x": lambda label: label in ("gain1x", "gain2x"),
    "gain": lambda label: label.startswith("gain"),
    "perturbation": lambda label: label.startswith("perturbation"),
}
SHIPPED = "gain"  # the criterion by which one checkpoint of a training comes with the book


def best_row(table: np.ndarray, labels: list[str], criterion: str) -> int | None:
    """The earliest checkpoint with the largest reward rate, summed over the criterion's conditions.

    Parameters
    ----------
    table : array, shape (checkpoint, label, column)
    labels : list of str
    criterion : str
        A key of :data:`CRITERIA`.

    Returns
    -------
    int, or None where no checkpoint was evaluated
    """
    columns = [k for k, label in enumerate(labels) if CRITERIA[criterion](label)]
    rate = table[:, columns, COLUMNS.index("reward_rate")].sum(1)
    return None if np.isnan(rate).all() else int(np.nanargmax(rate))


def light(arrays: Arrays, agent: Agent) -> Arrays:
    """Arrays of a result with half the digits of weights, and without the second critic's.

    Parameters
    ----------
    arrays : mapping of arrays
        Weights are named ``weights/...`` or ``selected/<criterion>/...``.
    agent : Agent
        Of the same architecture.
    """
    second = tuple(f"/{name}" for name in agent.critic.second_copy())
    kept = {name: array for name, array in arrays.items() if not name.endswith(second)}
    return with_half_digits(kept, ("weights/", "selected/"))
