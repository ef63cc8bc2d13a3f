"""The experiment that most chapters share: leaky networks trained through a curriculum."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.ensemble import members_together
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024 import learning
from mempaper.khajehabdollahi2024.curriculum import PASS_MARK, Curriculum, HeadOrder, Kind
from mempaper.khajehabdollahi2024.model import Activation, Placement
from mempaper.khajehabdollahi2024.task import TaskName
from mempaper.khajehabdollahi2024.trained import TrainedNetworks
from mempaper.parameters import Mode
from mempaper.progress import Report

CURRICULA: tuple[Kind, ...] = ("single", "cumulative")
FAST_DMS_EPOCHS = 40


class CurriculumExperiment(Experiment):
    """Base: leaky networks and the curriculum that they learn through; defaults are the paper's."""

    paper: ClassVar[str] = "khajehabdollahi2024"

    task: TaskName = Field("parity", description="parity or dms (delayed match to sample)")
    curriculum: Kind = Field(
        "cumulative",
        description="cumulative and sliding have several heads, single and single_nocurr one",
    )
    init_heads: int = Field(1, ge=1, strict=True, description="how many N there are at first")
    add_heads: int = Field(1, ge=1, strict=True, description="how many N a pass adds (cumulative)")
    forget_heads: int = Field(1, ge=1, strict=True, description="how many N a pass exchanges (sliding)")
    first_n: int = Field(2, ge=2, strict=True, description="smallest N at the start")
    head_order: HeadOrder = Field(
        "position", description="sliding: heads belong to places in the list, or each N has its own (n)"
    )
    n_units: int = Field(500, ge=2, strict=True, description="hidden units")
    placement: Placement = Field(
        "default", description="non-linearity around the leak (default) or inside (mod, continuous)"
    )
    activation: Activation = Field("leakyrelu", description="default networks have leakyrelu")
    fixed_tau: float | None = Field(None, ge=1, description="one tau for all units, not trained")
    initial_tau: float | None = Field(
        None, ge=1, description="mean of the starting taus; 1.5 by default"
    )
    duplicates: tuple[int, ...] = Field((1,), description="repetitions of every bit (continuous)")
    batch_size: int = Field(256, ge=1, strict=True, description="sequences per update")
    learning_rate: float = Field(0.05, gt=0, description="of Nesterov descent")
    tau_factor: float = Field(1.0, gt=0, description="learning rate of the taus, in units of the other")
    updates_per_epoch: int = Field(600, ge=1, strict=True, description="updates between two tests")
    test_batches: int = Field(50, ge=1, strict=True, description="batches of a test")
    max_epochs: int = Field(1000, ge=1, strict=True, description="epochs at most")
    max_n: int = Field(101, ge=2, strict=True, description="a network that passes this N is finished")
    pass_mark: float = Field(PASS_MARK, ge=0, lt=1, description="accuracy that must be exceeded")
    kept: tuple[int, ...] | None = Field(None, description="N whose weights are kept; all by default")
    half_precision: bool = Field(False, description="keep large weight matrices as float16")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.placement == "default" and self.activation != "leakyrelu":
            raise ValueError(
                f"activation is {self.activation!r}; 'default' networks have 'leakyrelu', "
                "placement 'mod' and 'continuous' take others"
            )
        if min(self.duplicates, default=0) < 1:
            raise ValueError(f"duplicates is {self.duplicates}; give whole numbers from 1 on")
        if self.duplicates != (1,) and self.placement != "continuous":
            raise ValueError("duplicates other than (1,) need placement 'continuous'")
        if self.duplicates != (1,) and self.task != "parity":
            raise ValueError("repeated bits are for the parity task only")
        if self.initial_tau is not None and self.fixed_tau is not None:
            raise ValueError("give fixed_tau or initial_tau, not both")
        _ = self.settings().stages  # refuses a max_n below the start
        return self

    def settings(self) -> learning.LearningSettings:
        """The configuration without seeds."""
        names = [f.name for f in dataclasses.fields(learning.LearningSettings)]
        return learning.LearningSettings(
            curriculum=Curriculum(
                self.curriculum,
                self.init_heads,
                self.add_heads,
                self.forget_heads,
                self.first_n,
                self.head_order,
            ),
            **{name: getattr(self, name) for name in names if name != "curriculum"},
        )


class CurriculumLearning(CurriculumExperiment):
    """Train leaky networks through a curriculum.

    The result's arrays are those of :func:`mempaper.khajehabdollahi2024.learning.learn`. Defaults are
    the paper's. The fast mode's networks are smaller, and their learning rates larger: with the
    paper's ratio of the two rates the time constants of small networks hardly move at these N.
    """

    name: ClassVar[str] = "curriculum"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            "n_seeds": 2,
            "n_units": 10,
            "batch_size": 8,
            "updates_per_epoch": 2,
            "test_batches": 1,
            "max_epochs": 3,
            "max_n": 4,
            "pass_mark": 0.0,
        },
        "fast": {
            "n_units": 48,
            "batch_size": 64,
            "learning_rate": 0.2,
            "tau_factor": 20.0,
            "updates_per_epoch": 100,
            "test_batches": 8,
            "max_epochs": 84,
            "max_n": 12,
        },
        "full": {"n_seeds": 4, "max_n": 10, "kept": (2, 5, 8, 10), "half_precision": True},
    }

    def trained(self) -> TrainedNetworks:
        """The trained networks; see :meth:`result`, which this calls."""
        result = self.result()
        return TrainedNetworks(self.settings(), self.seed, result.arrays, result.provenance)

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        return learning.learn(
            self.settings(), self.seed, self.n_seeds, device=self.device, resume=resume, report=report
        )

    def updates_planned(self) -> int:
        """Those of all epochs, one per batch and repetition; fewer if the largest N is passed sooner."""
        return self.max_epochs * self.updates_per_epoch * len(self.duplicates)

    def ensemble_size(self) -> int | None:
        """Large networks are trained each by itself."""
        return members_together(self.n_units, self.batch_size)

    def joined(self, parts: list[dict[str, np.ndarray]]) -> Arrays:
        """One result; shorter logs are padded as in one ensemble."""
        return learning.join_members(parts)


def main_trainings(
    base: CurriculumLearning, mode: Mode, tasks: tuple[TaskName, ...] = ("parity", "dms")
) -> dict[tuple[TaskName, Kind], CurriculumLearning]:
    """The trainings that most chapters share: each task with one head and with several.

    In the fast mode the matching task, which is learned sooner, gets fewer epochs.
    """
    found: dict[tuple[TaskName, Kind], CurriculumLearning] = {}
    for task in tasks:
        fewer = {"max_epochs": FAST_DMS_EPOCHS} if task == "dms" and mode == "fast" else {}
        for kind in CURRICULA:
            found[task, kind] = base.replace(task=task, curriculum=kind, **fewer)
    return found
