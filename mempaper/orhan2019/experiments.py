"""Experiments of this paper: validated configurations with cached results."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from mempaper.checkpoint import Arrays, ResumePoint, with_half_digits
from mempaper.ensemble import LARGE, member_generators, members_together
from mempaper.experiment import Experiment, Result
from mempaper.orhan2019.evaluation import run_test
from mempaper.orhan2019.gated import GatedNetworks, Networks
from mempaper.orhan2019.model import ModelName, RateNetworks, Start
from mempaper.orhan2019.task import Condition, DelayTask, Geometry, TaskName, task_name
from mempaper.orhan2019.trained import Trained
from mempaper.orhan2019.training import (
    SECOND_STAGE,
    TEST_STREAM,
    TRAINING_STREAM,
    WEIGHTS_STREAM,
    DivergedError,
    Schedule,
    Trainer,
    diverged,
)
from mempaper.parameters import Mode, check_mode
from mempaper.progress import Report

UNITS = 500  # of the paper's networks, for which gamma is given
LAMBDAS = (0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98)  # the original's grid
DEVIATIONS = tuple(round(0.002 * k, 3) for k in range(10))  # likewise, of single weights
SIGMAS = tuple(round(deviation * UNITS**0.5, 4) for deviation in DEVIATIONS)
QUICK_ITERATIONS = {
    "2AFC": 400,
    "SINE": 400,
    "COMP": 700,
    "DE1": 800,
    "DE2": 800,
    "CD": 1200,
    "CD2": 2000,
    "GDE": 2000,
}

QUICK: dict[str, Any] = {
    "lambda0": (0.98,),
    "sigma0": (0.0, 0.2, 0.4),
    "hidden_size": 64,
    "stimulus_steps": 5,
    "delay_steps": 20,
    "response_steps": 5,
    "learning_rate": 1e-3,
    "gradient_clip": None,
    "norm_clip": 1.0,
    "readout": 2,
    "tethered_readout": 4,
    "success": 0.8,
}
SMOKE: dict[str, Any] = {
    "n_seeds": 2,
    "hidden_size": 24,
    "test_trials": 400,
    "index_trials": 40,
    "success": 1e9,
}
SMOKE_SHARE = 0.02  # of the quick recipe's iterations


class DelayLearning(Experiment):
    """Networks that learn one task; every combination of ``lambda0``, ``sigma0`` and ``rho``.

    The defaults are the paper's. Networks of one seed begin with the same random numbers, scaled by
    ``sigma0``, and see the same trials. The result holds what :meth:`Trainer.run` returns, member
    first, and of the test ``infloss`` (member,), ``index``, ``entropy``, ``ridge`` and ``n_active``
    (member, trial) and ``delay`` (trial,).
    """

    paper: ClassVar[str] = "orhan2019"
    name: ClassVar[str] = "delay"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {**QUICK, **SMOKE},
        "fast": {**QUICK, "n_seeds": 6},
        "full": {"n_seeds": 1},
    }

    task: TaskName = Field("2AFC", description="what is to be remembered; also the original's codes")
    condition: Condition = Field("basic", description="how a trial runs")
    model: ModelName = Field("leinit", description="kind of network")
    first_task: TaskName | None = Field(None, description="task that was learnt before this one")
    lambda0: tuple[float, ...] = Field(LAMBDAS, description="initial self-weights, each in [0, 1]")
    sigma0: tuple[float, ...] = Field(
        SIGMAS, description="initial standard deviations of the other recurrent weights, times sqrt(N)"
    )
    rho: tuple[float, ...] = Field((0.0,), description="weights of the penalty on weights")
    gamma: float = Field(
        7e-4, ge=0, description="strength of Hebbian weights at 500 units; else times 500 / hidden_size"
    )
    hidden_size: int = Field(UNITS, ge=2, le=5000, strict=True, description="recurrent units")
    stimulus_steps: int = Field(25, ge=2, strict=True, description="steps of the stimulus phase")
    delay_steps: int = Field(100, ge=1, strict=True, description="steps of the (longest) delay")
    response_steps: int = Field(25, ge=2, strict=True, description="steps of the response phase")
    iterations: int = Field(25_001, ge=1, strict=True, description="updates")
    report_every: int = Field(500, ge=1, strict=True, description="updates between two reports")
    batch_size: int = Field(50, ge=1, strict=True, description="trials per update")
    learning_rate: float = Field(5e-4, gt=0, description="of Adam")
    gradient_clip: float | None = Field(
        100.0, gt=0, description="limit of a pre-activation's gradient at each step"
    )
    norm_clip: float | None = Field(None, gt=0, description="largest norm of a network's gradient")
    readout: int = Field(5, ge=1, strict=True, description="steps before the end: when to read out")
    tethered_readout: int = Field(10, ge=1, strict=True, description="the same, tethered")
    test_trials: int = Field(
        10_000, ge=1, strict=True, description="trials of the test (original: 125,050)"
    )
    index_trials: int = Field(300, ge=1, strict=True, description="of them for the sequentiality index")
    success: float = Field(
        0.5, gt=0, description="largest information loss of a network that counts; a fifth of it in Sine"
    )

    @field_validator("task", "first_task", mode="before")
    @classmethod
    def _any_spelling(cls, given: Any) -> Any:
        if given is None:
            return None
        name = task_name(given)
        if name == "VDE1":
            raise ValueError("code 5 is DE-1 with variable delays: task DE1, condition vardelay")
        return name

    @field_validator("lambda0", "sigma0", "rho", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        if isinstance(given, str):
            return [part for part in given.strip("[]() ").split(",") if part.strip()]
        return (given,) if isinstance(given, int | float) else given

    @field_validator("lambda0", "sigma0", "rho")
    @classmethod
    def _possible(cls, given: tuple[float, ...], info: Any) -> tuple[float, ...]:
        if not given:
            raise ValueError("give at least one value")
        most = 1.0 if info.field_name == "lambda0" else np.inf
        for value in given:
            if not 0 <= value <= most:
                raise ValueError(f"{value} is not in [0, 1]" if most == 1 else f"{value} is below 0")
        if len(set(given)) < len(given):
            raise ValueError("a value is given twice")
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        task = self.delay_task()
        if self.model == "hebbian" and self.condition == "vardelay":
            raise ValueError("the Hebbian term is not defined for variable delays")
        if self.model == "orthogonal" and self.sigma0 != (0.0,):
            raise ValueError("an orthogonal start has no sigma0: give 0")
        if max(self.readout, self.tethered_readout) > self.response_steps:
            raise ValueError(
                f"readout and tethered_readout are at most response_steps, {self.response_steps}"
            )
        if self.first_task is not None:
            first = DelayTask(self.first_task, self.condition, task.geometry)
            shapes = [(t.n_inputs, t.n_outputs, t.is_choice) for t in (first, task)]
            if shapes[0] != shapes[1] or self.first_task == self.task:
                raise ValueError(
                    f"first_task {self.first_task} and task {self.task} need to be different, with as "
                    "many inputs and outputs: two of 2AFC, CD and COMP, for example"
                )
        return self

    @classmethod
    def preset(cls, mode: object, **overrides: Any) -> Self:
        """As for every experiment; outside the full mode ``iterations`` depends on the task."""
        mode = check_mode(mode)
        given = {name: value for name, value in overrides.items() if value is not None}
        if mode != "full" and "iterations" not in given:
            given["iterations"] = quick_iterations(given.get("task", "2AFC"), mode)
        if "report_every" not in given and isinstance(given.get("iterations"), int):
            given["report_every"] = max(1, given["iterations"] // (4 if mode == "smoke" else 20))
        return super().preset(mode, **given)

    @property
    def is_quick(self) -> bool:
        """Whether the networks learn by the quick recipe, not by the paper's."""
        return self.gradient_clip is None

    @property
    def geometry(self) -> Geometry:
        """Steps of the phases."""
        return Geometry(self.stimulus_steps, self.delay_steps, self.response_steps)

    def delay_task(self) -> DelayTask:
        """The task under its condition."""
        return DelayTask(self.task, self.condition, self.geometry)

    def points(self) -> list[tuple[float, float, float]]:
        """Combinations (lambda0, sigma0, rho); lambda0 changes fastest."""
        combined = itertools.product(self.rho, self.sigma0, self.lambda0)
        return [(lambda0, sigma0, rho) for rho, sigma0, lambda0 in combined]

    @property
    def effective_gamma(self) -> float:
        """Strength of the Hebbian term in networks of this size; 0 in others than Hebbian ones."""
        return self.gamma * UNITS / self.hidden_size if self.model == "hebbian" else 0.0

    @property
    def read_at(self) -> int:
        """Steps before the end at which outputs are read."""
        return self.tethered_readout if self.condition == "tethered" else self.readout

    @property
    def limit(self) -> float:
        """Largest information loss of a successful network.

        In Sine .5, the paper's limit, would be no demand: a silent network has about .6.
        """
        return self.success / 5 if self.task == "SINE" else self.success

    def start_network(self) -> Networks:
        """Untrained networks: member ``point * n_seeds + k`` has seed ``seed + k``."""
        task = self.delay_task()
        starts = [
            Start(rng, lambda0, sigma0)
            for lambda0, sigma0, _ in self.points()
            for rng in member_generators(self.seed, self.n_seeds, WEIGHTS_STREAM)
        ]
        sizes = (task.n_inputs, self.hidden_size, task.n_outputs)
        if self.model == "gru":
            return GatedNetworks(starts, *sizes, choice=task.is_choice)
        return RateNetworks(
            starts,
            *sizes,
            choice=task.is_choice,
            gamma=self.effective_gamma,
            model=self.model,
            clip=self.gradient_clip,
        )

    def schedule(self) -> Schedule:
        """How the networks learn."""
        return Schedule(
            self.iterations,
            min(self.report_every, self.iterations),
            self.batch_size,
            self.learning_rate,
            self.norm_clip,
            self.read_at,
            min(100, self.index_trials),
        )

    def names(self) -> list[str]:
        """What to call the networks in messages."""
        return [
            f"{self.task} with lambda0 {point[0]:g}, sigma0 {point[1]:g}, rho {point[2]:g}, seed {seed}"
            for point in self.points()
            for seed in range(self.seed, self.seed + self.n_seeds)
        ]

    def first_stage(self) -> DelayLearning:
        """The training on the first task, as far as the second needs it."""
        assert self.first_task is not None
        changes: dict[str, Any] = {"task": self.first_task, "first_task": None}
        if self.is_quick:
            changes |= with_iterations(self, self.first_task)
        return self.replace(**changes)

    def needs(self) -> list[Experiment]:
        """The first stage, if there is one."""
        return [] if self.first_task is None else [self.first_stage()]

    def n_networks(self) -> int:
        """One for each point and seed."""
        return len(self.points()) * self.n_seeds

    def updates_planned(self) -> int:
        """As many as there are iterations."""
        return self.iterations

    def ensemble_size(self) -> int | None:
        """Large networks are trained each by itself."""
        return members_together(self.hidden_size, self.batch_size)

    def by_seed(self, at_most: int | None) -> list[Self]:
        """Parts of one network each, by point and seed; itself alone if all fit into one."""
        if at_most is None or self.n_networks() <= at_most:
            return [self]
        return [
            self.part(lambda0=lambda0, sigma0=sigma0, rho=rho, seed=self.seed + k, n_seeds=1)
            for lambda0, sigma0, rho in self.points()
            for k in range(self.n_seeds)
        ]

    def joined(self, parts: list[dict[str, np.ndarray]]) -> Arrays:
        """One result; networks that diverged made fewer steps than the others."""
        return {name: _joined(name, [part[name] for part in parts]) for name in parts[0]}

    def result(self) -> Result:
        """As for every experiment.

        Raises
        ------
        DivergedError
            No network is left; of a part this says nothing of the others.
        """
        result = super().result()
        if not self.is_part and (result["diverged"] >= 0).all():
            raise diverged(self.names(), int(result["diverged"].max()), ResumePoint())
        return result

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train and test all networks as one ensemble."""
        first = None
        if self.first_task is not None:
            stage = self.first_stage()
            first = (stage.part() if self.is_part else stage).result().arrays
        task = self.delay_task()
        network = self.start_network().to(self.device)
        rho = np.repeat([point[2] for point in self.points()], self.n_seeds)
        stream = TRAINING_STREAM if self.first_task is None else SECOND_STAGE
        trainer = Trainer(
            network, task, self.schedule(), rho, self.seed, self.n_seeds, self.names(), stream
        )
        if first is not None:
            trainer.take_over(first)
        try:
            arrays = trainer.run(resume, report)
        except DivergedError:
            if not self.is_part:
                raise
            arrays = trainer.result()
        return arrays | run_test(
            network,
            task,
            member_generators(0, 1, TEST_STREAM)[0],
            readout=self.read_at,
            n_trials=self.test_trials,
            n_index=self.index_trials,
        )

    def trained(self) -> Trained:
        """The trained networks; see :meth:`result`, which this calls."""
        result = self.result()
        network = self.start_network()
        network.load_state_dict(result.weights())
        return Trained(network, self.delay_task(), self.points(), self.limit, self.read_at, result)

    def shipped_arrays(self, arrays: Arrays) -> Arrays:
        """Without Adam's moments, and weights with half the digits: large networks stay small files."""
        kept = {name: array for name, array in arrays.items() if not name.startswith("moments/")}
        return with_half_digits(kept, ("weights/", "loss")) if self.hidden_size >= LARGE else kept


def _is_shared(name: str) -> bool:
    """Whether an array of a result has no axis of members."""
    return name == "delay" or name.endswith("/step")


def _joined(name: str, arrays: list[np.ndarray]) -> np.ndarray:
    """An array of all networks; those that diverged made fewer steps than the others."""
    if name.endswith("/step"):
        return np.max(arrays, 0)
    return arrays[0] if _is_shared(name) else np.concatenate(arrays)


def quick_iterations(task: str | int, mode: str) -> int:
    """Updates that the quick recipe needs for a task; fewer in smoke mode."""
    name = task_name(task)
    n = QUICK_ITERATIONS["DE1" if name == "VDE1" else name]
    return max(4, round(n * SMOKE_SHARE)) if mode == "smoke" else n


def with_iterations(base: DelayLearning, task: str) -> dict[str, int]:
    """Iterations and reports for another task, in proportion to what the quick recipe needs."""
    ratio = QUICK_ITERATIONS[task] / QUICK_ITERATIONS[base.task]
    reports = max(1, base.iterations // base.report_every)
    n = max(1, round(base.iterations * ratio))
    return {"iterations": n, "report_every": max(1, n // reports)}


EXPERIMENTS: tuple[type[Experiment], ...] = (DelayLearning,)
