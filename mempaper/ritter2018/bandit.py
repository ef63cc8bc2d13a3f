"""Bandits whose contexts recur (Ritter et al. 2018, barcode bandits and image contexts).

Each context has one best arm for an epoch; it pays 1 with probability ``p_best``, every other arm
with ``p_other``. Everything random about an epoch is drawn before it starts, so agents that act
differently still meet the same contexts, in the same order, with the same luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mempaper.memory import one_of
from mempaper.ritter2018.contexts import (
    Draws,
    Generators,
    RecurringEpoch,
    distinct_contexts,
    mean_by_encounter,
    shuffled_bag,
    stack_members,
)


@dataclass(frozen=True)
class BanditEpoch(RecurringEpoch):
    """An epoch of bandit episodes.

    Attributes
    ----------
    best_arm : int64 Tensor, shape (member, env, episode)
    reward_draws : Tensor, shape (member, env, episode, pull)
        Uniform numbers; a pull pays where its number lies below the arm's probability.
    n_arms : int
    p_best, p_other : float
    shows_outcome : bool
        Whether a last step without a choice shows the outcome of the last pull.
    """

    best_arm: Tensor
    reward_draws: Tensor
    n_arms: int
    p_best: float
    p_other: float
    shows_outcome: bool

    def start(self, episode: int) -> Tensor:
        """First observation: no previous action, no reward; (member, env, n_arms + 1)."""
        return self.cues.new_zeros(*self.order.shape[:2], self.n_arms + 1)

    def step(self, episode: int, pull: int, arm: Tensor) -> tuple[Tensor, Tensor]:
        """Pull an arm in every environment.

        Parameters
        ----------
        episode, pull : int
        arm : int64 Tensor, shape (member, env)

        Returns
        -------
        reward : Tensor, shape (member, env)
        observation : Tensor, shape (member, env, n_arms + 1)
            One-hot action and reward, as the network sees them at the next step.
        """
        p = torch.where(arm == self.best_arm[..., episode], self.p_best, self.p_other)
        reward = (self.reward_draws[..., episode, pull] < p).float()
        one_hot = torch.eye(self.n_arms, device=arm.device)[arm]
        return reward, torch.cat([one_hot, reward.unsqueeze(-1)], -1)


@dataclass(frozen=True)
class BarcodeBanditTask:
    """The barcode bandit: a binary string tells which of several bandits is met.

    Parameters
    ----------
    n_arms : int
    n_contexts : int
        At least ``n_arms``, so that every arm is the best one of some context.
    context_length : int
        Bits of a context.
    n_repetitions : int
        Encounters with each context per epoch.
    n_pulls : int
        Pulls per episode.
    min_distance : int
        Least number of bits in which two contexts of an epoch differ.
    p_best, p_other : float
        Probability that the best arm, and any other arm, pays.
    """

    n_arms: int = 10
    n_contexts: int = 10
    context_length: int = 10
    n_repetitions: int = 10
    n_pulls: int = 10
    min_distance: int = 1
    p_best: float = 0.9
    p_other: float = 0.1

    def __post_init__(self) -> None:
        if self.n_contexts < self.n_arms:
            raise ValueError(
                f"{self.n_contexts} contexts cannot make each of {self.n_arms} arms the best one; "
                "take at least as many contexts as arms"
            )

    @property
    def n_actions(self) -> int:
        """One action per arm."""
        return self.n_arms

    @property
    def n_steps(self) -> int:
        """Choices per episode."""
        return self.n_pulls

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
        """Inputs that change from step to step: one-hot previous action, previous reward."""
        return self.n_arms + 1

    @property
    def shows_outcome(self) -> bool:
        """Whether a last step without a choice shows the outcome of the last pull."""
        return False

    def _draw(self, rng: np.random.Generator, n_envs: int) -> Draws:
        bits = distinct_contexts(rng, n_envs, self.n_contexts, self.context_length, self.min_distance)
        spare = rng.integers(self.n_arms, size=(n_envs, self.n_contexts - self.n_arms))
        every = np.tile(np.arange(self.n_arms), (n_envs, 1))
        arms = rng.permuted(np.concatenate([every, spare], 1), axis=1)
        order, encounter = shuffled_bag(rng, n_envs, self.n_contexts, self.n_repetitions)
        shown = np.take_along_axis(bits, order[..., None], 1)
        return {
            "keys": 2 * shown - 1,
            "cues": shown,
            "order": order,
            "encounter": encounter,
            "best_arm": np.take_along_axis(arms, order, 1),
            "reward_draws": rng.random((n_envs, self.n_episodes, self.n_pulls), dtype=np.float32),
        }

    def sample(self, generators: Generators, n_envs: int, device: str = "cpu") -> BanditEpoch:
        """Draw an epoch of ``n_envs`` environments for each member."""
        draws = stack_members([self._draw(rng, n_envs) for rng in generators], device)
        return BanditEpoch(
            **draws,
            n_arms=self.n_arms,
            p_best=self.p_best,
            p_other=self.p_other,
            shows_outcome=self.shows_outcome,
        )

    def log_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of what :meth:`measure` gives per member."""
        return {"p_best": (self.n_repetitions, self.n_pulls)}

    def measure(self, epoch: BanditEpoch, actions: Tensor, rewards: Tensor) -> dict[str, Tensor]:
        """How often the best arm was pulled, ``p_best`` (member, encounter, pull).

        Parameters
        ----------
        actions, rewards : Tensor, shape (member, env, episode, pull)
        """
        correct = actions == epoch.best_arm.unsqueeze(-1)
        return {"p_best": mean_by_encounter(correct, epoch.encounter, self.n_repetitions)}


@dataclass(frozen=True)
class NoisyContextTask(BarcodeBanditTask):
    """A bandit whose context shows itself differently each time (OUR stand-in for image contexts).

    Each context is a random string of -1 and 1. An episode shows it with every entry flipped with
    probability ``p_flip``, to the memory only: the network sees its previous action and reward, and
    one more step without a choice shows it the outcome of the last pull.

    Parameters
    ----------
    p_flip : float
        Chance that an entry of the context is flipped.
    """

    n_arms: int = 4
    n_contexts: int = 4
    context_length: int = 24
    n_repetitions: int = 6
    n_pulls: int = 6
    p_flip: float = 0.25

    @property
    def cue_size(self) -> int:
        """The context is no input of the network."""
        return 0

    @property
    def shows_outcome(self) -> bool:
        """The stored state has seen every outcome."""
        return True

    def _draw(self, rng: np.random.Generator, n_envs: int) -> Draws:
        draws = super()._draw(rng, n_envs)
        flipped = rng.random(draws["keys"].shape) < self.p_flip
        keys = np.where(flipped, -draws["keys"], draws["keys"])
        return {**draws, "keys": keys, "cues": keys[..., :0]}


Choice = Literal["greedy", "thompson"]


class BayesLines(NamedTuple):
    """How a Bayesian agent that knows the task's probabilities chooses, each (encounter, pull)."""

    with_memory: np.ndarray
    without_memory: np.ndarray


def bayes_bandit(
    rng: np.random.Generator,
    *,
    n_arms: int,
    n_pulls: int,
    n_encounters: int,
    choice: Choice = "greedy",
    p_best: float = 0.9,
    p_other: float = 0.1,
    n_samples: int = 20_000,
) -> BayesLines:
    """Probability of the best arm for Bayesian agents, by simulation.

    The agent knows that one arm pays with ``p_best`` and the others with ``p_other``. By Bayes' rule
    the log posterior that an arm is the best one grows by ``log(p_best / p_other)`` with each of
    its wins and by ``log((1 - p_best) / (1 - p_other))`` with each loss. With a perfect episodic
    memory a context's posterior is found again at its next encounter; without one every episode
    starts at 1/K. Neither agent infers anything from what it knows of other contexts.

    Parameters
    ----------
    choice : {'greedy', 'thompson'}
        Pull the most probable arm (ties at random), or an arm drawn from the posterior.
    n_samples : int
        Simulated contexts.

    Returns
    -------
    BayesLines
    """
    one_of("choice", choice, Choice)
    pick: Callable[[np.ndarray], np.ndarray] = {
        "greedy": lambda log_odds: (log_odds + 1e-6 * rng.random(log_odds.shape)).argmax(1),
        "thompson": lambda log_odds: (log_odds + rng.gumbel(size=log_odds.shape)).argmax(1),
    }[choice]
    won, lost = np.log(p_best / p_other), np.log((1 - p_best) / (1 - p_other))
    rows = np.arange(n_samples)

    def simulate(remembers: bool) -> np.ndarray:
        best = rng.integers(n_arms, size=n_samples)
        log_odds = np.zeros((n_samples, n_arms))
        correct = np.zeros((n_encounters, n_pulls))
        for encounter in range(n_encounters):
            if not remembers:
                log_odds[:] = 0.0
            for pull in range(n_pulls):
                arm = pick(log_odds)
                right = arm == best
                correct[encounter, pull] = right.mean()
                reward = rng.random(n_samples) < np.where(right, p_best, p_other)
                log_odds[rows, arm] += np.where(reward, won, lost)
        return correct

    return BayesLines(with_memory=simulate(True), without_memory=simulate(False))
