"""Experiments of this paper: validated configurations with cached results."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.experiment import Experiment
from mempaper.memory import Kernel, Recall
from mempaper.parameters import Mode
from mempaper.progress import Report
from mempaper.ritter2018 import recurring, training
from mempaper.ritter2018.task import ContextualChoice


class ContextualChoiceTraining(Experiment):
    """Train agents on the contextual choice task and evaluate them with frozen weights.

    The result's arrays are those of :func:`mempaper.ritter2018.training.train`.
    """

    paper: ClassVar[str] = "ritter2018"
    name: ClassVar[str] = "contextual_choice"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {"n_seeds": 2, "n_epochs": 1, "n_unique": 6, "n_evaluation": 1},
        "fast": {},
        "full": {},
    }

    retrieval: bool = Field(True, description="False switches recall off: a plain LSTM")
    kernel: Kernel = Field("l2", description="similarity of a query to a stored key")
    recall: Recall = Field("1nn", description="nearest entry, or an average over entries")
    n_neighbours: int | None = Field(
        None, ge=1, description="entries that a kernel average takes; all by default"
    )
    tau: float = Field(1.0, gt=0, description="temperature of the softmax average")
    context_key: bool = Field(False, description="key and query are the context alone")
    capacity: int = Field(100, ge=1, strict=True, description="entries the memory holds")
    n_unique: int = Field(50, ge=1, le=1000, strict=True, description="unique trials per epoch")
    obs_dim: int = Field(32, ge=1, strict=True, description="length of observation and context")
    trial_length: int = Field(10, ge=2, strict=True, description="steps per trial")
    t_noise_off: int = Field(5, ge=0, strict=True, description="first step with evidence")
    hidden_size: int = Field(32, ge=1, strict=True, description="LSTM units")
    n_epochs: int = Field(20, ge=1, strict=True, description="training epochs")
    learning_rate: float = Field(5e-4, gt=0, description="of Adam")
    gamma: float = Field(0.0, ge=0, le=1, description="discount of future reward")
    n_evaluation: int = Field(6, ge=1, strict=True, description="epochs of frozen evaluation")

    @model_validator(mode="after")
    def _evidence_comes(self) -> Self:
        if self.t_noise_off >= self.trial_length:
            raise ValueError(
                f"t_noise_off is {self.t_noise_off} but a trial has only {self.trial_length} "
                "steps: evidence would never come; t_noise_off must be less than trial_length"
            )
        return self

    def task(self) -> ContextualChoice:
        """The task that this configuration trains on."""
        return ContextualChoice(self.n_unique, self.obs_dim, self.trial_length, self.t_noise_off)

    def rule(self) -> training.ReadRule:
        """How the memory is read."""
        return training.ReadRule(
            kernel=self.kernel,
            recall=self.recall,
            n_neighbours=self.n_neighbours,
            tau=self.tau,
            context_key=self.context_key,
            retrieval=self.retrieval,
            capacity=self.capacity,
        )

    def updates_planned(self) -> int:
        """One per trial, and each trial is met twice per epoch."""
        return 2 * self.n_unique * self.n_epochs

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        settings = training.TrainingSettings(
            n_epochs=self.n_epochs,
            hidden_size=self.hidden_size,
            learning_rate=self.learning_rate,
            gamma=self.gamma,
            n_evaluation=self.n_evaluation,
        )
        return training.train(
            self.task(),
            self.rule(),
            settings,
            self.seed,
            self.n_seeds,
            device=self.device,
            resume=resume,
            report=report,
        )


EXPERIMENTS: tuple[type[Experiment], ...] = (
    ContextualChoiceTraining,
    recurring.BarcodeBandit,
    recurring.NoisyContexts,
    recurring.WaterMaze,
    recurring.TwoStep,
)
