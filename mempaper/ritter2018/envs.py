"""The paper's tasks as Gymnasium environments, over the vectorised cores.

An episode is one trial of the contextual choice and two-step tasks, or one visit to a bandit or a
maze. What matters here lasts longer: the epoch, in which contexts come again. It lives on across
``reset()``, which goes on to the next episode; ``reset(seed=...)`` starts a new epoch, and so does
a reset after the last episode. A reset before the first step shows the same episode again.

Importing this module registers ``mempaper/ContextualChoice-v0``, ``mempaper/BarcodeBandit-v0``,
``mempaper/WaterMaze-v0`` and ``mempaper/TwoStep-v0``; :func:`gymnasium.make` takes the parameters
of the classes.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from torch import Tensor

from mempaper.ritter2018.bandit import BanditEpoch, BarcodeBanditTask
from mempaper.ritter2018.contexts import distinct_contexts
from mempaper.ritter2018.maze import MazeEpoch, WaterMazeTask
from mempaper.ritter2018.task import ContextualChoice, Epoch
from mempaper.ritter2018.two_step import TwoStepEpoch, TwoStepTask

OBSERVATION_LIMIT = 10.0  # of the contextual choice task, whose noise has unit variance
EpochT = TypeVar("EpochT")
Info = dict[str, Any]


class EpochEnv(gymnasium.Env[np.ndarray, np.int64], Generic[EpochT]):
    """Environment whose episodes belong to epochs; subclasses fill in the underscored methods.

    Parameters
    ----------
    n_episodes : int
        Episodes per epoch.
    n_steps : int
        Steps per episode.
    n_actions : int
    observation_space : gymnasium.spaces.Box
    """

    def __init__(
        self, n_episodes: int, n_steps: int, n_actions: int, observation_space: spaces.Box
    ) -> None:
        self.n_episodes = n_episodes
        self.n_steps = n_steps
        self.action_space = spaces.Discrete(n_actions)
        self.observation_space = observation_space
        self._epoch: EpochT | None = None
        self._episode = self._next_episode = 0
        self._step = n_steps

    def _new_epoch(self) -> EpochT:
        raise NotImplementedError

    def _begin(self, epoch: EpochT, episode: int) -> np.ndarray:
        raise NotImplementedError

    def _advance(self, epoch: EpochT, episode: int, step: int, action: int) -> tuple[np.ndarray, float]:
        raise NotImplementedError

    def _info(self, epoch: EpochT, episode: int) -> Info:
        raise NotImplementedError

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, Info]:
        """Go on to the next episode; with a seed, or after the last episode, start a new epoch."""
        super().reset(seed=seed)
        if seed is not None or self._epoch is None or self._next_episode == self.n_episodes:
            self._epoch, self._next_episode = self._new_epoch(), 0
        self._episode, self._step = self._next_episode, 0
        return self._begin(self._epoch, self._episode), self._info(self._epoch, self._episode)

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, Info]:
        """Act; the episode terminates after ``n_steps`` steps."""
        if self._epoch is None or self._step == self.n_steps:
            raise ResetNeeded("no episode is running; call reset() before the next step")
        if not self.action_space.contains(action):
            raise ValueError(f"action is {action}; it must be in {self.action_space}")
        self._next_episode = self._episode + 1
        observation, reward = self._advance(self._epoch, self._episode, self._step, int(action))
        self._step += 1
        over = self._step == self.n_steps
        return observation, reward, over, False, self._info(self._epoch, self._episode)


class ContextualChoiceEnv(EpochEnv[Epoch]):
    """Contextual choice: reward 1 for each step at which the action is the right one.

    Observations are the evidence, then the context, cut at +-10; after the last step the last one is
    shown once more. ``info`` has ``trial`` (which unique trial) and ``encounter`` (0 or 1).

    Parameters
    ----------
    **sizes
        Of :class:`mempaper.ritter2018.task.ContextualChoice`.
    """

    def __init__(self, **sizes: int) -> None:
        self.task = ContextualChoice(**sizes)
        limit = np.full(self.task.input_size, OBSERVATION_LIMIT, np.float32)
        super().__init__(2 * self.task.n_unique, self.task.trial_length, 2, spaces.Box(-limit, limit))

    def _new_epoch(self) -> Epoch:
        return self.task.sample_epoch(self.np_random)

    def _observe(self, epoch: Epoch, episode: int, step: int) -> np.ndarray:
        x = epoch.x[episode, min(step, self.n_steps - 1)]
        return x.clip(-OBSERVATION_LIMIT, OBSERVATION_LIMIT).astype(np.float32)

    def _begin(self, epoch: Epoch, episode: int) -> np.ndarray:
        return self._observe(epoch, episode, 0)

    def _advance(self, epoch: Epoch, episode: int, step: int, action: int) -> tuple[np.ndarray, float]:
        reward = float(action == epoch.y[episode, step])
        return self._observe(epoch, episode, step + 1), reward

    def _info(self, epoch: Epoch, episode: int) -> Info:
        encounter, position = divmod(episode, self.task.n_unique)
        trial = int(epoch.source[position]) if encounter else position
        return {"trial": trial, "encounter": encounter}


def unit_box(size: int) -> spaces.Box:
    """Vectors of numbers between 0 and 1."""
    return spaces.Box(0.0, 1.0, (size,), np.float32)


def as_observation(*parts: Tensor) -> np.ndarray:
    """Parts (1, 1, size) of the only environment of the only member, one after the other."""
    return torch.cat(parts, -1)[0, 0].numpy()


class BarcodeBanditEnv(EpochEnv[BanditEpoch]):
    """Barcode bandit: one episode is ``n_pulls`` pulls with the same context.

    Observations are the context's bits, the previous action (one-hot, zeros at first) and the
    previous reward. ``info`` has ``encounter`` (from 0) and ``best_arm``.

    Parameters
    ----------
    **sizes
        Of :class:`mempaper.ritter2018.bandit.BarcodeBanditTask`.
    """

    def __init__(self, **sizes: Any) -> None:
        self.task = task = BarcodeBanditTask(**sizes)
        box = unit_box(task.cue_size + task.observation_size)
        super().__init__(task.n_episodes, task.n_steps, task.n_actions, box)

    def _new_epoch(self) -> BanditEpoch:
        return self.task.sample([self.np_random], 1)

    def _begin(self, epoch: BanditEpoch, episode: int) -> np.ndarray:
        return as_observation(epoch.cue(episode), epoch.start(episode))

    def _advance(
        self, epoch: BanditEpoch, episode: int, step: int, action: int
    ) -> tuple[np.ndarray, float]:
        reward, observation = epoch.step(episode, step, torch.tensor([[action]]))
        return as_observation(epoch.cue(episode), observation), float(reward)

    def _info(self, epoch: BanditEpoch, episode: int) -> Info:
        return {
            "encounter": int(epoch.encounter[0, 0, episode]),
            "best_arm": int(epoch.best_arm[0, 0, episode]),
        }


class WaterMazeEnv(EpochEnv[MazeEpoch]):
    """Contextual water maze: one episode is ``n_moves`` moves in search of the same goal.

    Observations are the context's bits, the position (one-hot, row by row), the previous action
    (one-hot, zeros at first) and the previous reward. Actions are up, down, left, right. ``info``
    has ``encounter`` (from 0) and ``goal`` (cell).

    Parameters
    ----------
    **sizes
        Of :class:`mempaper.ritter2018.maze.WaterMazeTask`.
    """

    def __init__(self, **sizes: Any) -> None:
        self.task = task = WaterMazeTask(**sizes)
        box = unit_box(task.cue_size + task.observation_size)
        super().__init__(task.n_episodes, task.n_steps, task.n_actions, box)

    def _new_epoch(self) -> MazeEpoch:
        return self.task.sample([self.np_random], 1)

    def _begin(self, epoch: MazeEpoch, episode: int) -> np.ndarray:
        return as_observation(epoch.cue(episode), epoch.start(episode))

    def _advance(
        self, epoch: MazeEpoch, episode: int, step: int, action: int
    ) -> tuple[np.ndarray, float]:
        reward, observation = epoch.step(episode, step, torch.tensor([[action]]))
        return as_observation(epoch.cue(episode), observation), float(reward)

    def _info(self, epoch: MazeEpoch, episode: int) -> Info:
        return {
            "encounter": int(epoch.encounter[0, 0, episode]),
            "goal": int(epoch.goal[0, 0, episode]),
        }


class TwoStepEnv(EpochEnv[TwoStepEpoch]):
    """Episodic two-step task: one episode is one trial, a single choice.

    Observations are the last action and second-stage state (one-hot), the last reward, whether the
    coming trial is cued, and ``context_length`` bits. Before a cued choice the bits are the context
    of an uncued trial; with the outcome of an uncued trial a fresh context appears; at all other
    times they are zeros. ``info`` has ``trial`` and ``cued_trial`` (-1 if there is none).

    Parameters
    ----------
    context_length : int
    **parameters
        Of :class:`mempaper.ritter2018.two_step.TwoStepTask`.
    """

    def __init__(self, context_length: int = 10, **parameters: Any) -> None:
        self.task = task = TwoStepTask(**parameters)
        self.context_length = context_length
        box = unit_box(task.observation_size + context_length)
        super().__init__(task.n_steps, 1, task.n_actions, box)

    def _new_epoch(self) -> TwoStepEpoch:
        epoch = self.task.sample([self.np_random], 1)
        bits = distinct_contexts(self.np_random, 1, self.task.n_uncued, self.context_length)
        self._contexts = torch.as_tensor(bits)
        self._outcome = epoch.start(0)
        return epoch

    def _shown(self, trial: int) -> np.ndarray:
        if trial < 0:
            nothing = self._outcome.new_zeros(1, 1, self.context_length)
            return as_observation(self._outcome, nothing)
        return as_observation(self._outcome, self._contexts[None, :, trial])

    def _begin(self, epoch: TwoStepEpoch, episode: int) -> np.ndarray:
        return self._shown(int(epoch.cue_index[0, 0, episode]))

    def _advance(
        self, epoch: TwoStepEpoch, episode: int, step: int, action: int
    ) -> tuple[np.ndarray, float]:
        reward, self._outcome = epoch.step(0, episode, torch.tensor([[action]]))
        return self._shown(episode if episode < self.task.n_uncued else -1), float(reward)

    def _info(self, epoch: TwoStepEpoch, episode: int) -> Info:
        return {"trial": episode, "cued_trial": int(epoch.cue_index[0, 0, episode])}


for _name in ("ContextualChoice", "BarcodeBandit", "WaterMaze", "TwoStep"):
    gymnasium.register(f"mempaper/{_name}-v0", entry_point=f"{__name__}:{_name}Env")
