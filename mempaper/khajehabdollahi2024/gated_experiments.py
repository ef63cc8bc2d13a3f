"""The experiment on LSTM and GRU networks."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.ensemble import members_together
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024.curriculum import PASS_MARK, Curriculum
from mempaper.khajehabdollahi2024.gated import Kind
from mempaper.khajehabdollahi2024.gated_activity import measure_timescales
from mempaper.khajehabdollahi2024.gated_learning import GatedSettings, learn_gated
from mempaper.khajehabdollahi2024.learning import join_members
from mempaper.khajehabdollahi2024.trained import Training
from mempaper.parameters import Mode
from mempaper.progress import Report

SIMULATION_SEED = 0  # the same inputs for all networks


class TrainedGatedNetworks(Training[GatedSettings]):
    """Course of a training of gated networks, and their timescales at every N that is kept.

    Time constants (``tau``) are timescales of forgetting by the biases.
    """

    def gate_timescales(self) -> np.ndarray:
        """Timescale of forgetting by the mean gate in the simulation, (member, kept)."""
        return self._arrays["tau_gate"]

    def memory_timescales(self) -> np.ndarray:
        """Timescales of the activity of the units' memories, (member, kept, unit)."""
        return self._arrays["tau_net"]

    def bias_timescale_change(self) -> np.ndarray:
        """Mean timescale by the biases at the largest N passed minus that at the first, (member,).

        Not a number for networks that passed nothing.
        """
        mean, _ = self.tau_statistics()
        n_passed = np.count_nonzero(self._arrays["passed"], axis=1)  # in order, from the first on
        last = np.maximum(n_passed - 1, 0)
        return mean[np.arange(self.n_members), last] - mean[:, 0]


class GatedLearning(Experiment):
    """Train LSTM or GRU networks on parities through a curriculum, and measure their timescales.

    Defaults are the paper's (for the LSTM; those of its GRU are unknown to us and taken to be the
    same). The result's arrays are those of :meth:`mempaper.khajehabdollahi2024.epochs.Learner.result`
    (``tau``: timescales of forgetting by the biases) and of
    :func:`mempaper.khajehabdollahi2024.gated_activity.measure_timescales`.
    """

    paper: ClassVar[str] = "khajehabdollahi2024"
    name: ClassVar[str] = "gated"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            "n_seeds": 2,
            "n_units": 8,
            "batch_size": 8,
            "updates_per_epoch": 2,
            "test_batches": 1,
            "max_epochs": 3,
            "max_n": 4,
            "pass_mark": 0.0,
            "n_steps": 60,
        },
        "fast": {
            "n_units": 64,
            "learning_rate": 5e-3,
            "updates_per_epoch": 100,
            "test_batches": 8,
            "max_epochs": 30,
            "max_n": 12,
            "kept": (2, 4, 6, 8, 10, 12),
            "n_steps": 2000,
        },
        "full": {"kept": tuple(range(2, 102, 5)), "half_precision": True, "fit": "original"},
    }

    kind: Kind = Field("lstm", description="units: lstm or gru")
    curriculum: Literal["cumulative", "single"] = Field(
        "cumulative", description="cumulative has a head for each N, single one head"
    )
    n_seeds: int = Field(4, ge=1, le=512, strict=True, description="how many networks")
    n_units: int = Field(500, ge=2, strict=True, description="hidden units")
    batch_size: int = Field(64, ge=1, strict=True, description="sequences per update")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    updates_per_epoch: int = Field(300, ge=1, strict=True, description="updates between two tests")
    test_batches: int = Field(50, ge=1, strict=True, description="batches of a test")
    max_epochs: int = Field(100, ge=1, strict=True, description="epochs at most")
    max_n: int = Field(101, ge=2, strict=True, description="a network that passes this N is finished")
    pass_mark: float = Field(PASS_MARK, ge=0, lt=1, description="accuracy that must be exceeded")
    kept: tuple[int, ...] | None = Field(None, description="N whose weights are kept; all by default")
    half_precision: bool = Field(False, description="keep large weight matrices as float16")
    n_steps: int = Field(50_500, ge=32, strict=True, description="steps of the simulated activity")
    fit: Literal["robust", "original"] = Field(
        "robust", description="how exponentials are fitted to the autocorrelation of the memory"
    )

    @model_validator(mode="after")
    def _some_weights(self) -> Self:
        settings = self.settings()
        if not settings.kept_stages:
            raise ValueError(f"kept is {self.kept}, but N goes from 2 to {self.max_n}")
        return self

    def settings(self) -> GatedSettings:
        """The configuration of the training without seeds."""
        own = ("seed", "n_seeds", "device", "infra", "curriculum", "n_steps", "fit")
        rest = {name: getattr(self, name) for name in type(self).model_fields if name not in own}
        return GatedSettings(curriculum=Curriculum(self.curriculum), **rest)

    def trained(self) -> TrainedGatedNetworks:
        """The course of the training and the timescales; see :meth:`result`, which this calls."""
        result = self.result()
        return TrainedGatedNetworks(self.settings(), self.seed, result.arrays, result.provenance)

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble, then measure."""
        arrays = learn_gated(
            self.settings(), self.seed, self.n_seeds, device=self.device, resume=resume, report=report
        )
        timescales = measure_timescales(
            self.kind, arrays, self.n_steps, SIMULATION_SEED, robust=self.fit == "robust"
        )
        return {**arrays, **timescales}

    def updates_planned(self) -> int:
        """Those of all epochs; a network that passes the largest N sooner makes fewer."""
        return self.max_epochs * self.updates_per_epoch

    def ensemble_size(self) -> int | None:
        """Large networks are trained each by itself."""
        return members_together(self.n_units, self.batch_size)

    def joined(self, parts: list[dict[str, np.ndarray]]) -> Arrays:
        """One result; shorter logs are padded as in one ensemble."""
        return join_members(parts)
