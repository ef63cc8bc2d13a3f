"""The contextual water maze on a grid: OUR version of a navigation task of Ritter et al. 2018."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mempaper.ritter2018.contexts import (
    Draws,
    Generators,
    RecurringEpoch,
    distinct_contexts,
    mean_by_encounter,
    shuffled_bag,
    stack_members,
)

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # up, down, left, right as (row, column)


def neighbours(side: int) -> np.ndarray:
    """Cell that each action leads to, int64 (cell, action); at a wall it is the cell itself."""
    row, column = np.divmod(np.arange(side**2), side)
    moved = [
        np.clip(row + down, 0, side - 1) * side + np.clip(column + right, 0, side - 1)
        for down, right in MOVES
    ]
    return np.stack(moved, 1)


@dataclass(frozen=True)
class MazeEpoch(RecurringEpoch):
    """An epoch of searches for a hidden goal.

    Attributes
    ----------
    goal : int64 Tensor, shape (member, env, episode)
        Cell of the goal; cells are numbered row by row.
    places : int64 Tensor, shape (member, env, episode, step + 1)
        Where the swimmer starts (first) and where it is put if it finds the goal at a step; never
        the goal itself.
    neighbours : int64 Tensor, shape (cell, action)
        See :func:`neighbours`.
    position : int64 Tensor, shape (member, env)
        Cell of the swimmer now; :meth:`start` and :meth:`step` set it.
    """

    goal: Tensor
    places: Tensor
    neighbours: Tensor
    position: Tensor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", self.places[:, :, 0, 0].clone())

    def _observation(self, action: Tensor, reward: Tensor) -> Tensor:
        place = torch.eye(len(self.neighbours), device=reward.device)[self.position]
        return torch.cat([place, action, reward.unsqueeze(-1)], -1)

    def start(self, episode: int) -> Tensor:
        """Put the swimmer at its start; the first observation (member, env, cell + 5)."""
        self.position.copy_(self.places[:, :, episode, 0])
        n_members, n_envs = self.position.shape
        nothing = self.cues.new_zeros(n_members, n_envs, len(MOVES) + 1)
        return self._observation(nothing[..., 1:], nothing[..., 0])

    def step(self, episode: int, step: int, action: Tensor) -> tuple[Tensor, Tensor]:
        """Move in every environment.

        Parameters
        ----------
        episode, step : int
        action : int64 Tensor, shape (member, env)
            Up, down, left, right.

        Returns
        -------
        reward : Tensor, shape (member, env)
            1 where the goal was entered; the swimmer is then put somewhere else.
        observation : Tensor, shape (member, env, cell + 5)
            One-hot position, one-hot action, reward.
        """
        moved = self.neighbours[self.position, action]
        found = moved == self.goal[:, :, episode]
        self.position.copy_(torch.where(found, self.places[:, :, episode, step + 1], moved))
        reward = found.float()
        one_hot = torch.eye(len(MOVES), device=action.device)[action]
        return reward, self._observation(one_hot, reward)


@dataclass(frozen=True)
class WaterMazeTask:
    """Find a hidden goal on a grid, again and again; the context tells which goal it is.

    Entering the goal pays 1 and puts the swimmer on a random other cell. Goals of an epoch are all
    distinct.

    Parameters
    ----------
    side : int
        The grid has ``side`` times ``side`` cells.
    n_contexts : int
        Contexts, and goals, per epoch.
    context_length : int
        Bits of a context.
    n_repetitions : int
        Encounters with each context per epoch.
    n_moves : int
        Moves per episode.
    """

    side: int = 6
    n_contexts: int = 6
    context_length: int = 8
    n_repetitions: int = 4
    n_moves: int = 16

    n_actions = len(MOVES)
    shows_outcome = False

    def __post_init__(self) -> None:
        if self.n_contexts > self.side**2:
            raise ValueError(
                f"a grid of {self.side} by {self.side} has no {self.n_contexts} distinct goals"
            )

    @property
    def n_steps(self) -> int:
        """Choices per episode."""
        return self.n_moves

    @property
    def n_episodes(self) -> int:
        """Episodes per epoch."""
        return self.n_contexts * self.n_repetitions

    @property
    def cue_size(self) -> int:
        """Inputs that tell the context."""
        return self.context_length

    @property
    def observation_size(self) -> int:
        """Inputs that change: one-hot position, one-hot previous action, previous reward."""
        return self.side**2 + len(MOVES) + 1

    def _draw(self, rng: np.random.Generator, n_envs: int) -> Draws:
        bits = distinct_contexts(rng, n_envs, self.n_contexts, self.context_length)
        cells = np.tile(np.arange(self.side**2), (n_envs, 1))
        goals = rng.permuted(cells, axis=1)[:, : self.n_contexts]
        order, encounter = shuffled_bag(rng, n_envs, self.n_contexts, self.n_repetitions)
        shown = np.take_along_axis(bits, order[..., None], 1)
        goal = np.take_along_axis(goals, order, 1)
        other = rng.integers(1, self.side**2, size=(*goal.shape, self.n_moves + 1))
        return {
            "keys": 2 * shown - 1,
            "cues": shown,
            "order": order,
            "encounter": encounter,
            "goal": goal,
            "places": (goal[..., None] + other) % self.side**2,
        }

    def sample(self, generators: Generators, n_envs: int, device: str = "cpu") -> MazeEpoch:
        """Draw an epoch of ``n_envs`` environments for each member."""
        draws = stack_members([self._draw(rng, n_envs) for rng in generators], device)
        table = torch.as_tensor(neighbours(self.side), device=device)
        return MazeEpoch(**draws, neighbours=table)

    def log_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of what :meth:`measure` gives per member."""
        shape = (self.n_repetitions,)
        return {"reward_by_encounter": shape, "steps_by_encounter": shape}

    def measure(self, epoch: MazeEpoch, actions: Tensor, rewards: Tensor) -> dict[str, Tensor]:
        """Reward per episode and moves until the goal was first found, by encounter.

        Parameters
        ----------
        actions, rewards : Tensor, shape (member, env, episode, move)

        Returns
        -------
        dict
            ``reward_by_encounter`` and ``steps_by_encounter``, each (member, encounter); an episode
            without success counts as ``n_moves`` moves.
        """
        not_yet = rewards.cumsum(-1) == 0
        steps = (not_yet.sum(-1) + 1).clamp(max=self.n_moves)
        return {
            "reward_by_encounter": mean_by_encounter(
                rewards.sum(-1), epoch.encounter, self.n_repetitions
            ),
            "steps_by_encounter": mean_by_encounter(steps, epoch.encounter, self.n_repetitions),
        }
