"""The original's training of an agent as an experiment: a validated configuration, a cached result."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from mempaper.checkpoint import Arrays, ResumePoint, load_arrays, save_arrays
from mempaper.experiment import Result
from mempaper.parameters import Mode
from mempaper.progress import Report
from mempaper.zhang2024.quick import generator_of
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.selection import CRITERIA, SHIPPED, best_row, light
from mempaper.zhang2024.steering import (
    QUICK_SIZES,
    Steering,
    check_architecture,
    filter_needs_noise,
)
from mempaper.zhang2024.td3 import OptimizerName
from mempaper.zhang2024.training import Schedule, Trainer

USUAL_FIRST_PHASE = 15_000  # trials: about the median of the paper's agents, see the chapter on training


class ReferenceAgent(Steering):
    """An agent trained as the original does; see :mod:`mempaper.zhang2024.training`.

    The result holds what :meth:`Trainer.run` returns and, of the checkpoint that each criterion of
    :data:`CRITERIA` selects, ``selected/<criterion>/...``, everything with the seeds first. Every
    checkpoint is a file in the run's folder.
    """

    name: ClassVar[str] = "reference"
    resume_every: ClassVar[float] = 120.0
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            **QUICK_SIZES,
            "total_trials": 20,
            "give_up": 20,
            "log_every": 5,
            "validate_every": 10,
            "validation_trials": 10,
            "learn_after": 4,
            "batch_size": 4,
            "ekf_learn_after": 64,
            "ekf_batch_size": 32,
        },
        "fast": QUICK_SIZES,
        "full": {},
    }

    architecture: str = Field("Actor3Critic5", description="actor and critic in one word, or EKF")
    total_trials: int = Field(10_000, ge=1, strict=True, description="after the first phase")
    extensive: bool = Field(False, description="validate and test gains 1 to 4, large perturbations")
    exploration: float = Field(0.8, gt=0.5, description="noise on actions in the first phase")
    phase_two_exploration: float = Field(0.5, ge=0, description="noise on actions in the second phase")
    phase_three_exploration: float = Field(0.4, ge=0, description="noise on actions in the third phase")
    give_up: int = Field(50_000, ge=1, strict=True, description="trials of a first phase that hangs")
    phase_two_at: float = Field(0.2, ge=0, le=1, description="rewarded share that ends phase I")
    phase_three_at: float = Field(0.8, ge=0, le=1, description="rewarded share that ends phase II")
    log_every: int = Field(100, ge=1, strict=True, description="trials per line of the log")
    validate_every: int = Field(500, ge=1, strict=True, description="trials between checkpoints")
    validation_trials: int = Field(300, ge=1, strict=True, description="per gain in a validation")
    test_trials: int | None = Field(
        None,
        ge=1,
        strict=True,
        description="per condition in the test of a checkpoint; None for 500, or 300 if extensive",
    )
    validate_noise_free: bool = Field(False, description="no observation noise in validations")
    mirror: bool = Field(True, description="store trials with their reflection")
    steps_per_update: int = Field(4, ge=1, strict=True, description="steps of the world per update")
    batch_size: int = Field(16, ge=1, strict=True, description="trials per update")
    memory_size: int = Field(100_000, ge=10, strict=True, description="trials in the memory")
    learn_after: int = Field(800, ge=1, strict=True, description="trials before the first update")
    ekf_batch_size: int = Field(256, ge=1, strict=True, description="transitions per update")
    ekf_memory_size: int = Field(1_600_000, ge=10, strict=True, description="transitions in memory")
    ekf_learn_after: int = Field(
        12_800, ge=1, strict=True, description="transitions before the first update"
    )
    gamma: float = Field(0.97, ge=0, lt=1, description="discount")
    tau: float = Field(0.005, gt=0, le=1, description="how fast targets follow")
    policy_every: int = Field(2, ge=1, strict=True, description="critic updates per actor update")
    smoothing_std: float = Field(0.05, ge=0, description="noise on target actions")
    smoothing_clip: float = Field(0.1, ge=0, description="limit of the noise on target actions")
    optimizer: OptimizerName = Field("adam", description="adam, or radam, which begins with small steps")
    learning_rate: float = Field(3e-4, gt=0, description="in phases I and II")
    final_learning_rate: float = Field(5e-5, gt=0, description="in phase III")
    adam_eps: float = Field(1.5e-4, gt=0, description="epsilon of the optimiser")

    _known = field_validator("architecture")(check_architecture)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        filter_needs_noise(self.architecture, self.process_noise)
        if self.total_trials < self.validate_every:
            raise ValueError(
                f"total_trials {self.total_trials} is below validate_every {self.validate_every}: no "
                "checkpoint would be kept"
            )
        if self.validate_every % self.log_every:
            raise ValueError(f"validate_every is no multiple of log_every, {self.log_every}")
        if self.ekf_learn_after < self.ekf_batch_size:
            raise ValueError(f"ekf_learn_after is below ekf_batch_size, {self.ekf_batch_size}")
        return self

    def schedule(self) -> Schedule:
        """How the agent learns."""
        is_ekf = self.architecture == "EKF"
        shared = {f.name: getattr(self, f.name) for f in fields(Schedule) if hasattr(self, f.name)}
        return Schedule(
            **{
                **shared,
                "test_trials": self.test_trials or (300 if self.extensive else 500),
                "batch_size": self.ekf_batch_size if is_ekf else self.batch_size,
                "capacity": self.ekf_memory_size if is_ekf else self.memory_size,
                "learn_after": self.ekf_learn_after if is_ekf else self.learn_after,
            }
        )

    def new_agent(self) -> Agent:
        """The agent with random weights."""
        return Agent(
            self.architecture,
            self.sizes(),
            generator_of(self.seed, "weights"),
            knows_perturbation=self.ekf_knows_perturbation,
        ).to(self.device)

    def checkpoints(self, seed: int) -> Path:
        """Folder of a seed's checkpoints."""
        return self.folder() / "checkpoints" / f"seed{seed}"

    def updates_planned(self) -> int:
        """If all trials lasted to the end, and the first phase as long as the paper's agents' did."""
        trials = self.total_trials + min(self.give_up, USUAL_FIRST_PHASE)
        return trials * self.world().n_steps // self.steps_per_update

    def first_phase(self, result: Result) -> tuple[int, bool]:
        """Trials of the first phase, and whether it ended before it was given up."""
        trials = int(result["first_phase_trials"][0])
        return (trials, True) if trials else (int(result["n_blocks"][0, 0]) * self.log_every, False)

    def shipped_arrays(self, arrays: Arrays) -> Arrays:
        """Logs and tables, and of all weights those that :data:`SHIPPED` selects, made light.

        A training whose first phase did not end has none to select.
        """
        kept = {
            name: array
            for name, array in arrays.items()
            if name.startswith(f"selected/{SHIPPED}/") or not name.startswith(("selected/", "weights/"))
        }
        return light(kept, self.new_agent())

    def train_one(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train to the end, keep every checkpoint, then select the best ones."""
        folder = self.checkpoints(self.seed)
        sidecar = {"kind": "checkpoint", "config": self.config()}

        def keep(agent: Agent, trial: int, first_phase: bool) -> None:
            file = folder / f"{trial}{'_pre' * first_phase}.safetensors"
            save_arrays(file, agent.state_dict(), {**sidecar, "trial": trial})

        trainer = Trainer(
            self.new_agent(), self.world(), self.conditions(), self.schedule(), self.seed, keep
        )
        arrays = trainer.run(resume, report)
        labels = list(trainer.tester.labels)
        for criterion in CRITERIA:
            row = best_row(arrays["table"], labels, criterion)
            if row is not None:
                trial = (row + 1) * self.validate_every - 1
                best = load_arrays(folder / f"{trial}.safetensors")
                arrays |= {f"selected/{criterion}/{name}": t.numpy() for name, t in best.items()}
        return arrays
