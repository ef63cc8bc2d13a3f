"""Experiments on networks that :class:`CurriculumLearning` has trained."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import joblib
import numpy as np
import torch
from pydantic import Field, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.ensemble import LARGE, available_cores
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024.activity import simulate
from mempaper.khajehabdollahi2024.analysis import Streams
from mempaper.khajehabdollahi2024.curriculum_learning import CurriculumExperiment, CurriculumLearning
from mempaper.khajehabdollahi2024.learning import draw_network, draw_states
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.task import sample_trials
from mempaper.khajehabdollahi2024.timescales import FITTED_LAGS
from mempaper.khajehabdollahi2024.training import new_optimizer, update
from mempaper.parameters import Mode
from mempaper.progress import Report

THRESHOLDS = (0.8, 0.9, 0.95, 0.99)  # of explained variance
RETRAINING_STREAM = 3  # of each member's seed


def _presets(**own: dict[Mode, Any]) -> dict[Mode, dict[str, Any]]:
    """Presets of :class:`CurriculumLearning` with fields added, each given by mode."""
    return {
        mode: {**CurriculumLearning.presets[mode], **{name: v[mode] for name, v in own.items()}}
        for mode in CurriculumLearning.presets
    }


class FollowUp(CurriculumExperiment):
    """Base: the fields of the training, which is looked up or done first, and further ones."""

    def source(self) -> CurriculumLearning:
        """The training that this one starts from."""
        known = CurriculumLearning.parameters()
        return CurriculumLearning(**{name: getattr(self, name) for name in known})

    def needs(self) -> list[Experiment]:
        """The training."""
        return [self.source()]


class NetworkActivity(FollowUp):
    """Activity of trained networks under endless random bits, at every pass.

    The result's arrays: ``n`` (N,); ``autocovariance`` (member, N, unit, lag), mean over trials;
    ``population`` (member, N, lag) of the activity summed over units; ``dimensions`` (member, N,
    threshold), components that explain more than .8, .9, .95 and .99 of the variance. Not a number
    where a network did not pass.
    """

    name: ClassVar[str] = "activity"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = _presets(
        n_steps={"smoke": 300, "fast": 4000, "full": 100_000},
        n_trials={"smoke": 2, "fast": 10, "full": 10},
        n_lags={"smoke": FITTED_LAGS, "fast": 61, "full": FITTED_LAGS},
    )

    n_steps: int = Field(100_000, ge=100, strict=True, description="steps that count")
    n_trials: int = Field(10, ge=1, strict=True, description="trials, each with its own chance of a 1")
    n_lags: int = Field(200, ge=FITTED_LAGS, le=1000, strict=True, description="lags that are kept")

    @model_validator(mode="after")
    def _longer_than_lags(self) -> Self:
        if self.n_steps <= self.n_lags:
            raise ValueError(f"n_steps is {self.n_steps}; {self.n_lags} lags need more")
        return self

    def updates_planned(self) -> int:
        """Steps of the simulation, which makes no updates."""
        return self.n_trials * self.n_steps

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Simulate every network at every N at which its weights are kept."""
        trained = self.source().trained()
        n_values, units = trained.kept, self.n_units
        shape = (self.n_seeds, len(n_values))
        arrays = {
            "n": np.array(n_values),
            "autocovariance": np.full((*shape, units, self.n_lags), np.nan),
            "population": np.full((*shape, self.n_lags), np.nan),
            "dimensions": np.full((*shape, len(THRESHOLDS)), np.nan),
        }
        each_alone = self.n_units >= LARGE
        jobs = []
        for place, n in enumerate(n_values):
            passed = trained.members(n)
            groups = [[m] for m in passed] if each_alone else [passed] if passed else []
            jobs += [(members, place, trained.network(n, members)) for members in groups]
        run = joblib.Parallel(
            n_jobs=available_cores() if each_alone else 1, return_as="generator", backend="loky"
        )(joblib.delayed(self._observe)(network) for _, _, network in jobs)
        for done, ((members, place, _), found) in enumerate(zip(jobs, run, strict=True), 1):
            for name, values in found.items():
                arrays[name][members, place] = values
            report(done, len(jobs))
        return arrays

    def shipped_arrays(self, arrays: Arrays) -> Arrays:
        """Autocovariances in single precision: what is fitted to them has four digits."""
        return {**arrays, "autocovariance": np.asarray(arrays["autocovariance"], np.float32)}

    def _observe(self, network: LeakyRNN) -> dict[str, np.ndarray]:
        torch.set_num_threads(1)
        found = simulate(network, self.n_steps, self.seed, n_trials=self.n_trials, n_lags=self.n_lags)
        dimensions = np.stack([found.dimensions(threshold) for threshold in THRESHOLDS], -1)
        return {
            "autocovariance": found.autocovariance,
            "population": found.population,
            "dimensions": dimensions,
        }


class Retraining(FollowUp):
    """Train networks that passed N further on a larger N' alone, with one head.

    The result's arrays: ``targets`` (N',); ``accuracy`` (member, N') on streams afterwards; not a
    number for networks that never passed N.
    """

    name: ClassVar[str] = "retraining"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = _presets(
        passed_n={"smoke": 2, "fast": 6, "full": 10},
        beyond={"smoke": (0, 1), "fast": (0, 2, 4, 6), "full": (0, 2, 4, 6)},
        n_updates={"smoke": 2, "fast": 300, "full": 12_000},
    )

    passed_n: int = Field(16, ge=2, strict=True, description="N that the networks have passed")
    beyond: tuple[int, ...] = Field((0, 4, 8, 16, 30), description="N' - N of the retraining")
    n_updates: int = Field(12_000, ge=1, strict=True, description="updates of the retraining")
    fresh_head: bool = Field(False, description="start from a new head instead of the one for N")

    @model_validator(mode="after")
    def _towards_larger_n(self) -> Self:
        if min(self.beyond, default=0) < 0 or not self.beyond:
            raise ValueError(f"beyond is {self.beyond}; give one or more numbers from 0 on")
        if self.passed_n > self.max_n:
            raise ValueError(f"passed_n is {self.passed_n}, more than max_n, {self.max_n}")
        return self

    def updates_planned(self) -> int:
        """Those of the retraining alone."""
        return len(self.beyond) * self.n_updates

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Retrain on each N' in turn, always from the same networks."""
        trained = self.source().trained()
        members = trained.members(self.passed_n)
        targets = [self.passed_n + step for step in self.beyond]
        accuracy = np.full((self.n_seeds, len(targets)), np.nan)
        if members:
            head = trained.head(self.passed_n)
            start = self._with_one_head(trained.network(self.passed_n), head, members)
            for place, target in enumerate(targets):
                network = start.select(range(len(members))).to(self.device)
                accuracy[members, place] = self._retrain(network, members, target)
                report(place + 1, len(targets))
        return {"targets": np.array(targets), "accuracy": accuracy}

    def _with_one_head(self, network: LeakyRNN, head: int, members: list[int]) -> LeakyRNN:
        parameters = dict(network.named_parameters())
        if self.fresh_head:
            untrained = draw_network(self.settings(), self.seed, self.n_seeds).select(members)
            parameters |= {"w_head": untrained.w_head, "b_head": untrained.b_head}
            head = 0
        one = {name: parameters[name][:, [head]] for name in ("w_head", "b_head")}
        return LeakyRNN.from_members(
            {**parameters, **one},
            placement=self.placement,
            activation=self.activation,
            trainable_tau=self.fixed_tau is None,
        )

    def _retrain(self, network: LeakyRNN, members: list[int], target: int) -> np.ndarray:
        generators = [
            np.random.default_rng([self.seed + member, RETRAINING_STREAM, target]) for member in members
        ]
        optimizer = new_optimizer(network, self.learning_rate, self.tau_factor)
        for _ in range(self.n_updates):
            trials = sample_trials(self.task, [[target]] * len(members), self.batch_size, generators)
            trials = trials.to(self.device)
            h = draw_states(generators, self.batch_size, self.n_units, self.device)
            update(network, optimizer, trials.bits, trials.labels, h, trials.start)
        return Streams(self.seed).accuracy(network.to("cpu"), self.task, [(target, 0)]).mean((1, 2))
