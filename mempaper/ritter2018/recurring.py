"""Experiments on the paper's tasks with recurring contexts: bandits, water maze, two-step task.

A run trains one variant of the agent. Runs that differ in ``variant`` alone have the same seeds,
task draws and (except 'input', which has more weights) initial weights, so their seeds are pairs.
The paper's hyper-parameters are unknown to us: those here are OURS.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from mempaper.checkpoint import Arrays, ResumePoint, with_half_digits
from mempaper.ensemble import member_generators
from mempaper.experiment import Experiment
from mempaper.memory import Miss
from mempaper.parameters import Mode
from mempaper.progress import Report
from mempaper.ritter2018.bandit import BarcodeBanditTask, NoisyContextTask
from mempaper.ritter2018.contexts import mean_by_encounter
from mempaper.ritter2018.maze import WaterMazeTask
from mempaper.ritter2018.model import Variant
from mempaper.ritter2018.recurring_memory import EpisodeRecall, search
from mempaper.ritter2018.recurring_training import (
    TRAINING_STREAM,
    RecurringSettings,
    Task,
    train_recurring,
)
from mempaper.ritter2018.two_step import TwoStepTask, mb_index, mf_index, stay_probabilities


class RecurringExperiment(Experiment):
    """What the four experiments share: the agent's variant and the training's hyper-parameters."""

    paper: ClassVar[str] = "ritter2018"

    variant: Variant = Field(
        "gate", description="how recall enters: gate (the paper's), nogate, input; none = no memory"
    )
    n_epochs: int = Field(60, ge=1, strict=True, description="training epochs")
    n_last: int = Field(4, ge=1, strict=True, description="last epochs over which behaviour is measured")
    n_envs: int = Field(64, ge=1, strict=True, description="environments per network")
    hidden_size: int = Field(64, ge=1, strict=True, description="LSTM units")
    learning_rate: float = Field(3e-3, gt=0, description="of Adam")
    gamma: float = Field(0.5, ge=0, le=1, description="discount of future reward")
    entropy_coefficient: float = Field(
        0.02, ge=0, description="entropy bonus at the first update; falls linearly to 0"
    )

    def task(self) -> Task:
        """The task that this configuration trains on."""
        raise NotImplementedError

    def settings(self) -> RecurringSettings:
        """Hyper-parameters of the training."""
        names = set(RecurringSettings.__dataclass_fields__) & set(self.parameters())
        return RecurringSettings(**{name: getattr(self, name) for name in names})

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.n_last > self.n_epochs:
            raise ValueError(
                f"n_last is {self.n_last} but there are {self.n_epochs} epochs; "
                "n_last must be at most n_epochs"
            )
        self.task().sample([np.random.default_rng(0)], 1)  # raises where the task cannot exist
        return self

    def updates_planned(self) -> int:
        """One per episode."""
        return self.n_epochs * self.task().n_episodes

    def shipped_arrays(self, arrays: Arrays) -> Arrays:
        """Weights with half the digits: what is shown and judged was logged during the training."""
        return with_half_digits(arrays)

    def _logs(self, resume: ResumePoint, report: Report) -> dict[str, np.ndarray]:
        return train_recurring(
            self.task(),
            self.settings(),
            self.seed,
            self.n_seeds,
            device=self.device,
            resume=resume,
            report=report,
        )

    def _last(self, log: np.ndarray) -> np.ndarray:
        """Mean over the last epochs of (seed, epoch, ...)."""
        return log[:, -self.n_last :].mean(1)


class BarcodeBandit(RecurringExperiment):
    """Train agents on the barcode bandit.

    The result's arrays, with behaviour as sampled during the last ``n_last`` training epochs:

    ``p_best`` (seed, encounter, pull)
        How often the best arm was pulled.
    ``regret`` (seed, encounter)
        Expected reward per episode lost to pulls of other arms.
    ``learning_curve`` (seed, epoch, encounter)
        How often the best arm was pulled, mean over pulls.
    ``reward`` (seed, epoch)
        Mean reward per pull.
    ``weights/...``
    """

    name: ClassVar[str] = "barcode_bandit"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            "n_seeds": 2,
            "n_arms": 3,
            "n_contexts": 3,
            "context_length": 5,
            "n_repetitions": 3,
            "n_pulls": 3,
            "n_epochs": 3,
            "n_last": 2,
            "n_envs": 8,
            "hidden_size": 8,
        },
        "fast": {
            "n_arms": 4,
            "n_contexts": 4,
            "context_length": 8,
            "n_repetitions": 6,
            "n_pulls": 6,
            "hidden_size": 48,
        },
        "full": {},
    }

    miss: Miss = Field(
        "zeros", description="what a new context recalls: zeros, or the nearest one's state"
    )
    n_arms: int = Field(10, ge=2, le=100, strict=True, description="arms")
    n_contexts: int = Field(
        10, ge=2, le=1000, strict=True, description="contexts per epoch, at least one per arm"
    )
    context_length: int = Field(10, ge=1, le=1000, strict=True, description="bits of a context")
    min_distance: int = Field(
        1, ge=1, strict=True, description="least number of bits in which two contexts differ"
    )
    n_repetitions: int = Field(
        10, ge=1, le=100, strict=True, description="encounters with each context per epoch"
    )
    n_pulls: int = Field(10, ge=1, le=100, strict=True, description="pulls per episode")
    p_best: float = Field(0.9, gt=0, lt=1, description="chance that the best arm pays")
    p_other: float = Field(0.1, gt=0, lt=1, description="chance that another arm pays")

    def task(self) -> BarcodeBanditTask:
        """The task that this configuration trains on."""
        return BarcodeBanditTask(
            n_arms=self.n_arms,
            n_contexts=self.n_contexts,
            context_length=self.context_length,
            n_repetitions=self.n_repetitions,
            n_pulls=self.n_pulls,
            min_distance=self.min_distance,
            p_best=self.p_best,
            p_other=self.p_other,
        )

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        logs = self._logs(resume, report)
        p_best = logs.pop("p_best")
        last = self._last(p_best)
        regret = (self.p_best - self.p_other) * (1 - last).sum(-1)
        return {
            "p_best": last,
            "regret": regret,
            "learning_curve": p_best.mean(-1),
            **logs,
        }


class NoisyContexts(BarcodeBandit):
    """Train agents on a bandit whose contexts never look the same twice (OUR stand-in for images).

    The result's arrays are those of :class:`BarcodeBandit` and

    ``hit_rate`` (seed, encounter)
        How often what is recalled was stored under the right context: the fraction of 1-NN reads,
        or the weight that the average puts there; without meaning for the variant 'none'.
    """

    name: ClassVar[str] = "noisy_contexts"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {**BarcodeBandit.presets["smoke"], "context_length": 8},
        "fast": {"n_seeds": 4},
        "full": {},
    }

    miss: Miss = Field(
        "nearest", description="what a read without an exact match gives: the nearest, or zeros"
    )
    n_arms: int = Field(4, ge=2, le=100, strict=True, description="arms")
    n_contexts: int = Field(
        4, ge=2, le=1000, strict=True, description="contexts per epoch, at least one per arm"
    )
    context_length: int = Field(24, ge=1, le=1000, strict=True, description="entries of a context")
    n_repetitions: int = Field(
        6, ge=1, le=100, strict=True, description="encounters with each context per epoch"
    )
    n_pulls: int = Field(6, ge=1, le=100, strict=True, description="pulls per episode")
    n_epochs: int = Field(80, ge=1, strict=True, description="training epochs")
    hidden_size: int = Field(48, ge=1, strict=True, description="LSTM units")
    p_flip: float = Field(
        0.25, ge=0, le=0.5, description="chance that an entry of the context is flipped"
    )
    recall: EpisodeRecall = Field(
        "1nn", description="the most similar entry, or a softmax average over all entries"
    )
    tau: float = Field(2.0, gt=0, description="temperature of the softmax average")

    def task(self) -> NoisyContextTask:
        """The task that this configuration trains on."""
        return NoisyContextTask(
            n_arms=self.n_arms,
            n_contexts=self.n_contexts,
            context_length=self.context_length,
            n_repetitions=self.n_repetitions,
            n_pulls=self.n_pulls,
            min_distance=self.min_distance,
            p_best=self.p_best,
            p_other=self.p_other,
            p_flip=self.p_flip,
        )

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        return {**super().train(resume, report), "hit_rate": self._hit_rate()}

    def _hit_rate(self) -> np.ndarray:
        """Draw the last epochs again: what is recalled depends on the contexts alone."""
        task, hits = self.task(), []
        for number in range(self.n_epochs - self.n_last, self.n_epochs):
            generators = member_generators(self.seed, self.n_seeds, TRAINING_STREAM, number)
            epoch = task.sample(generators, self.n_envs)
            reads = search(epoch.keys, self.recall, self.miss, self.tau)
            if reads.dim() == 3:  # the blank entry gives a row of zeros
                reads = torch.nn.functional.one_hot(reads, task.n_episodes + 1)[..., :-1].float()
            same = epoch.order.unsqueeze(-1) == epoch.order.unsqueeze(-2)
            hit = (reads * same).sum(-1)
            hits.append(mean_by_encounter(hit, epoch.encounter, self.n_repetitions))
        return torch.stack(hits).mean(0).numpy()


class WaterMaze(RecurringExperiment):
    """Train agents on the contextual water maze on a grid.

    The result's arrays:

    ``reward_by_encounter``, ``steps_by_encounter`` (seed, encounter)
        Goals found per episode, and moves until the first one (all moves if none), over the last
        ``n_last`` epochs.
    ``reward_curve``, ``steps_curve`` (seed, epoch, encounter)
        The same for every epoch.
    ``reward`` (seed, epoch)
        Mean reward per move.
    ``weights/...``
    """

    name: ClassVar[str] = "water_maze"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            "n_seeds": 2,
            "side": 3,
            "n_contexts": 3,
            "n_repetitions": 2,
            "n_moves": 5,
            "n_epochs": 2,
            "n_last": 1,
            "n_envs": 8,
            "hidden_size": 8,
        },
        "fast": {"n_seeds": 3, "side": 4},
        "full": {"n_epochs": 300},
    }

    miss: Miss = Field(
        "zeros", description="what a new context recalls: zeros, or the nearest one's state"
    )
    n_epochs: int = Field(90, ge=1, strict=True, description="training epochs")
    n_envs: int = Field(48, ge=1, strict=True, description="environments per network")
    gamma: float = Field(0.85, ge=0, le=1, description="discount of future reward")
    entropy_coefficient: float = Field(
        0.03, ge=0, description="entropy bonus at the first update; falls linearly to 0"
    )
    side: int = Field(6, ge=2, le=50, strict=True, description="the grid is side by side cells")
    n_contexts: int = Field(6, ge=2, strict=True, description="contexts, and goals, per epoch")
    context_length: int = Field(8, ge=1, le=1000, strict=True, description="bits of a context")
    n_repetitions: int = Field(
        4, ge=1, le=100, strict=True, description="encounters with each context per epoch"
    )
    n_moves: int = Field(16, ge=1, le=1000, strict=True, description="moves per episode")

    def task(self) -> WaterMazeTask:
        """The task that this configuration trains on."""
        return WaterMazeTask(
            side=self.side,
            n_contexts=self.n_contexts,
            context_length=self.context_length,
            n_repetitions=self.n_repetitions,
            n_moves=self.n_moves,
        )

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        logs = self._logs(resume, report)
        reward, steps = logs.pop("reward_by_encounter"), logs.pop("steps_by_encounter")
        return {
            "reward_by_encounter": self._last(reward),
            "steps_by_encounter": self._last(steps),
            "reward_curve": reward,
            "steps_curve": steps,
            **logs,
        }


class TwoStep(RecurringExperiment):
    """Train agents on the episodic two-step task.

    The result's arrays; analyses come in the order uncued, incremental cued, episodic (see
    :func:`mempaper.ritter2018.two_step.stay_counts`), over the last ``n_last`` updates:

    ``stay`` (seed, analysis, rewarded or not, common or not)
        Stay probabilities.
    ``stay_cases`` (seed, analysis, rewarded or not, common or not)
        How many trials each of them is taken over.
    ``mb_index``, ``mf_index`` (seed, analysis)
        Model-based and model-free index.
    ``reward_by_half`` (seed, half)
        Mean reward per uncued and per cued trial.
    ``reward_curve`` (seed, update, half)
        The same for every update.
    ``reward`` (seed, update)
        Mean reward per trial.
    ``weights/...``
    """

    name: ClassVar[str] = "two_step"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            "n_seeds": 2,
            "n_uncued": 6,
            "n_epochs": 6,
            "n_last": 4,
            "n_envs": 8,
            "hidden_size": 8,
        },
        "fast": {"n_seeds": 3, "n_uncued": 30},
        "full": {},
    }

    n_epochs: int = Field(900, ge=1, strict=True, description="updates, one per episode")
    n_last: int = Field(
        100, ge=1, strict=True, description="last updates over which behaviour is measured"
    )
    n_envs: int = Field(48, ge=1, strict=True, description="environments per network")
    hidden_size: int = Field(48, ge=1, strict=True, description="LSTM units")
    gamma: float = Field(0.0, ge=0, le=1, description="discount of future reward")
    n_uncued: int = Field(
        50, ge=2, le=1000, strict=True, description="uncued trials, and as many cued ones"
    )
    p_common: float = Field(0.9, ge=0.5, le=1, description="chance of the common transition")
    p_good: float = Field(0.9, ge=0, le=1, description="chance of reward in the good state")
    p_bad: float = Field(0.1, ge=0, le=1, description="chance of reward in the other state")
    p_switch: float = Field(
        0.1, ge=0, le=1, description="chance that the good state changes before a trial"
    )

    def task(self) -> TwoStepTask:
        """The task that this configuration trains on."""
        return TwoStepTask(
            n_uncued=self.n_uncued,
            p_common=self.p_common,
            p_good=self.p_good,
            p_bad=self.p_bad,
            p_switch=self.p_switch,
        )

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        logs = self._logs(resume, report)
        counts = logs.pop("stay_counts")[:, -self.n_last :].sum(1, dtype=np.float64)
        reward = logs.pop("reward_by_half")
        stay = stay_probabilities(counts)
        return {
            "stay": stay,
            "stay_cases": counts[..., 1],
            "mb_index": mb_index(stay),
            "mf_index": mf_index(stay),
            "reward_by_half": self._last(reward),
            "reward_curve": reward,
            **logs,
        }


EXPERIMENTS: tuple[type[Experiment], ...] = (BarcodeBandit, NoisyContexts, WaterMaze, TwoStep)
