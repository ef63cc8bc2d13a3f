"""How agents bear noise that they were not trained in: grids over both noises (figures 2 and 7).

Grids are (observation noise, process noise), both growing from the first row and column.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from mempaper.zhang2024.analysis import auc
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.trial_sets import OBSERVATION, PROCESS, TrialSet, gain_set
from mempaper.zhang2024.trials import Trials

Array = Any  # anything numpy.asarray takes
ADDED = (0.0, 0.2, 0.4, 0.6, 0.8)


@contextmanager
def assuming(agent: Agent, process: float, observation: float) -> Iterator[Agent]:
    """For a while, let an EKF agent's filter assume these noises, whatever the world's are."""
    before = agent.assumed_noise
    agent.assumed_noise = (process, observation)
    try:
        yield agent
    finally:
        agent.assumed_noise = before


def _side_by_side(parts: list[Trials]) -> Trials:
    return Trials(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Trials)))


def noise_grid(
    agent: Agent,
    process: float = PROCESS,
    observation: float = OBSERVATION,
    added: tuple[float, ...] = ADDED,
    trial_set: TrialSet | None = None,
) -> np.ndarray:
    """Area under the curve of an agent in growing noise, (observation, process).

    Every cell has the same targets and the same normal numbers. A filter goes on assuming the first
    cell's noises.

    Parameters
    ----------
    agent : Agent
    process, observation : float
        Noises of the first cell, fractions of the gain: those of the training.
    added : tuple of float
        What is added to each.
    trial_set : TrialSet, optional
        By default 2000 trials at gain 1.
    """
    base = gain_set() if trial_set is None else trial_set
    n = len(base)
    grid = np.empty((len(added), len(added)))
    noise = base.noise.repeat(len(added), 1, 1)
    with assuming(agent, process, observation):
        for row, more in enumerate(added):
            noisy = [base.trials.with_noise(process + p, observation + more) for p in added]
            rollouts = replace(base, trials=_side_by_side(noisy), noise=noise).run(agent)
            cells = (rollouts[k * n : (k + 1) * n] for k in range(len(added)))
            grid[row] = [auc(cell) for cell in cells]
    return grid


def drop(grid: Array) -> np.ndarray:
    """Grid (..., observation, process) minus its first cell."""
    grid = np.asarray(grid, float)
    return grid - grid[..., :1, :1]


def drop_ratio(grid: Array) -> np.ndarray:
    """Drop by most observation noise over the drop by most process noise, (...).

    Large for agents that trust observations, small for those that trust their prediction.
    """
    dropped = drop(grid)
    return dropped[..., -1, 0] / dropped[..., 0, -1]
