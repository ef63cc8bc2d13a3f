"""Experiments of this paper: validated configurations with cached results."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from mempaper.checkpoint import Arrays, ResumePoint, load_arrays, save_arrays
from mempaper.ensemble import members_together
from mempaper.experiment import Experiment, Result
from mempaper.parameters import Mode
from mempaper.progress import Report
from mempaper.zhang2024.networks import ActorName, Sizes, split_architecture
from mempaper.zhang2024.quick import (
    EKF_FROM_SCRATCH,
    FROM_SCRATCH,
    QuickTrainer,
    Recipe,
    generator_of,
)
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.selection import CRITERIA, SHIPPED, best_row, light
from mempaper.zhang2024.td3 import OptimizerName
from mempaper.zhang2024.training import Schedule, Trainer
from mempaper.zhang2024.trials import Conditions
from mempaper.zhang2024.warm import warm_start
from mempaper.zhang2024.world import LINEAR_SCALE, RewardMode, World

QUICK_SIZES: dict[str, Any] = {  # about 27,000 weights in each recurrent actor
    "rnn_size": 64,
    "fc_size": 64,
    "holistic_size": 80,
    "stacked_size": 46,
}
EKF_SCRATCH: dict[str, Any] = {
    "recipe": "scratch",
    "fc_size": 128,
    "rounds": 900,
    "initial_trials": 2048,
    "critic_updates": 500,
}
WARM_STEPS = 150
USUAL_FIRST_PHASE = 15_000  # trials: about the median of the paper's agents, see the chapter on training


class Steering(Experiment):
    """World, noises and sizes: what all trainings of this paper share. Defaults are the paper's."""

    paper: ClassVar[str] = "zhang2024"

    n_seeds: int = Field(1, ge=1, le=512, strict=True, description="how many agents")
    process_noise: float = Field(0.2, ge=0, le=10, description="sigma_a, a fraction of the gain")
    observation_noise: float = Field(0.1, ge=0, le=10, description="sigma_o, a fraction of the gain")
    gain_range: tuple[float, float] = Field((1.0, 1.0), description="multipliers of the joystick gain")
    exclude_gain: tuple[float, float] | None = Field(None, description="multipliers that are redrawn")
    reward_mode: RewardMode = Field("mixed", description="mixed, gauss or const")
    reward_scale: float = Field(10.0, gt=0, description="largest reward")
    dt: float = Field(0.1, gt=0, le=1, description="seconds per step")
    episode_time: float = Field(3.5, gt=0, le=60, description="longest trial in seconds")
    goal_radius: float = Field(65.0, gt=0, description="of the reward zone, cm")
    target_distance: tuple[float, float] = Field((100.0, 400.0), description="of the target, cm")
    target_angle: float = Field(35.0, ge=0, le=180, description="largest angle of the target, degrees")
    target_fullon: bool = Field(False, description="the target never disappears")
    target_off: int = Field(3, ge=0, strict=True, description="last step with the target visible")
    stop_action: float = Field(0.1, gt=0, lt=1, description="threshold of starting and stopping")
    bump_duration: int = Field(10, ge=2, strict=True, description="steps of a perturbation, even")
    bump_std: float = Field(2.0, gt=0, description="width of a perturbation in steps")
    rnn_size: int = Field(128, ge=1, le=4096, strict=True, description="units of an LSTM")
    fc_size: int = Field(300, ge=1, le=4096, strict=True, description="units of a memoryless layer")
    holistic_size: int = Field(
        220, ge=1, le=4096, strict=True, description="units of the LSTM of Actor1 and Critic1"
    )
    stacked_size: int = Field(
        128, ge=1, le=4096, strict=True, description="units of each of two LSTMs in a row"
    )
    ekf_knows_perturbation: bool = Field(True, description="the filter is told the perturbation")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        self.world()
        self.conditions()
        return self

    def world(self) -> World:
        """What never changes between trials."""
        near, far = self.target_distance
        return World(
            dt=self.dt,
            episode_time=self.episode_time,
            goal_radius=(self.goal_radius / LINEAR_SCALE, self.goal_radius / LINEAR_SCALE),
            initial_radius=(near / LINEAR_SCALE, far / LINEAR_SCALE),
            relative_angle=math.radians(self.target_angle),
            stop_action=self.stop_action,
            reward_scale=self.reward_scale,
            reward_mode=self.reward_mode,
            target_fullon=self.target_fullon,
            target_off=self.target_off,
            bump_duration=self.bump_duration,
            bump_std=self.bump_std,
        )

    def conditions(self) -> Conditions:
        """What training trials are drawn from."""
        return Conditions(
            gain=self.gain_range,
            exclude_gain=self.exclude_gain,
            process_noise=(self.process_noise, self.process_noise),
            observation_noise=(self.observation_noise, self.observation_noise),
        )

    def sizes(self) -> Sizes:
        """Widths of the layers."""
        return Sizes(self.rnn_size, self.fc_size, self.holistic_size, self.stacked_size)

    def train_one(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train the agent of the first seed; arrays without an axis of seeds."""
        raise NotImplementedError

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train one agent; arrays have an axis of seeds first."""
        return {name: np.asarray(a)[None] for name, a in self.train_one(resume, report).items()}

    def parts(self) -> list[Self]:
        """Agents are trained each by itself: their LSTMs are torch's."""
        return self.by_seed(members_together(self.rnn_size, fused=True))


def check_architecture(name: str) -> str:
    """Return ``name``; ValueError unless it is an architecture."""
    split_architecture(name)
    return name


def filter_needs_noise(architecture: str, process_noise: float) -> None:
    """Raise ValueError for an EKF agent without process noise."""
    if "EKF" in architecture and process_noise == 0:
        raise ValueError("process_noise 0 makes the filter of an EKF agent singular: give more")


class WarmStart(Steering):
    """An actor that learnt alone, through the world's gradient; see :mod:`mempaper.zhang2024.warm`.

    The result holds ``weights/...`` of the actor and ``cost`` (seed, step).
    """

    name: ClassVar[str] = "warm_start"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {**QUICK_SIZES, "steps": 4},
        "fast": QUICK_SIZES,
        "full": {},
    }

    actor: ActorName = Field("Actor3", description="kind of actor")
    steps: int = Field(WARM_STEPS, ge=1, strict=True, description="updates")
    batch_size: int = Field(128, ge=1, strict=True, description="trials per update")

    def updates_planned(self) -> int:
        """As many as there are steps."""
        return self.steps

    def train_one(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train the actor; it is too short for a resume point."""
        critic = "Critic1"
        generator = generator_of(self.seed, "weights")
        agent = Agent(self.actor + critic, self.sizes(), generator).to(self.device)
        costs = warm_start(
            agent,
            self.world(),
            self.conditions(),
            generator,
            steps=self.steps,
            batch_size=self.batch_size,
            report=report,
        )
        weights = {f"weights/{k}": v.cpu() for k, v in agent.actor.state_dict().items()}
        return {**weights, "cost": np.array(costs, np.float32)}


class QuickAgent(Steering):
    """An agent trained by a quick recipe; see :mod:`mempaper.zhang2024.quick`.

    The result holds what :meth:`QuickTrainer.run` returns, with the seeds first.
    """

    name: ClassVar[str] = "quick"
    resume_every: ClassVar[float] = 60.0
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            **QUICK_SIZES,
            "rounds": 4,
            "warm_steps": 4,
            "initial_trials": 512,
            "critic_updates": 4,
        },
        "fast": QUICK_SIZES,
        "full": QUICK_SIZES,
    }

    architecture: str = Field("Actor3Critic5", description="actor and critic in one word, or EKF")
    recipe: Literal["warm", "scratch"] = Field(
        "warm", description="begin with a warm start of the actor, or with random trials alone"
    )
    rounds: int = Field(1200, ge=1, strict=True, description="each 64 trials and 8 updates")
    warm_steps: int = Field(WARM_STEPS, ge=1, strict=True, description="updates of the warm start")
    initial_trials: int = Field(
        4096, ge=512, strict=True, multiple_of=512, description="in the memory at the begin"
    )
    critic_updates: int = Field(1000, ge=0, strict=True, description="before the actor learns")

    _known = field_validator("architecture")(check_architecture)

    @model_validator(mode="after")
    def _filter_needs_noise(self) -> Self:
        filter_needs_noise(self.architecture, self.process_noise)
        return self

    @property
    def is_warm(self) -> bool:
        """Whether the actor has a warm start."""
        return self.recipe == "warm"

    def recipe_in_use(self) -> Recipe:
        """The recipe with this run's numbers in it."""
        base = Recipe(self.rounds)
        if not self.is_warm:
            base = EKF_FROM_SCRATCH if self.architecture == "EKF" else FROM_SCRATCH
        half = self.initial_trials // 2
        own = half - half % 512 if self.is_warm else 0
        return replace(
            base,
            rounds=self.rounds,
            critic_updates=self.critic_updates,
            own_trials=own,
            random_trials=self.initial_trials - own,
            protected=0 if self.is_warm else self.initial_trials,
        )

    def warm_run(self) -> WarmStart:
        """The warm start that this agent begins with; agents with the same actor share it."""
        shared = {name: getattr(self, name) for name in Steering.parameters() if name != "n_seeds"}
        actor, _ = split_architecture(self.architecture)
        return WarmStart.checked(**shared, actor=actor, steps=self.warm_steps)

    def new_agent(self) -> Agent:
        """The agent with random weights."""
        return Agent(
            self.architecture,
            self.sizes(),
            generator_of(self.seed, "weights"),
            stop_feature=self.is_warm,
            knows_perturbation=self.ekf_knows_perturbation,
        ).to(self.device)

    def updates_planned(self) -> int:
        """Those in which only the critic learns, and eight per round."""
        recipe = self.recipe_in_use()
        return recipe.critic_updates + recipe.rounds * recipe.updates_per_round

    def needs(self) -> list[Experiment]:
        """The warm start, where the recipe has one."""
        return [self.warm_run()] if self.is_warm else []

    def train_one(self, resume: ResumePoint, report: Report) -> Arrays:
        """Warm start, then the recipe; resumes where a kill left it."""
        agent = self.new_agent()
        if self.is_warm:
            warm = self.warm_run().result().weights()
            agent.actor.load_state_dict({name: tensor[0] for name, tensor in warm.items()})
        trainer = QuickTrainer(agent, self.world(), self.conditions(), self.recipe_in_use(), self.seed)
        return trainer.run(resume, report)

    def shipped_arrays(self, arrays: Arrays) -> Arrays:
        """Weights with half the digits, and without the second critic, which only learning needs."""
        return light(arrays, self.new_agent())


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
    give_up: int = Field(50_000, ge=1, strict=True, description="trials of a first phase that hangs")
    phase_two_at: float = Field(0.2, ge=0, le=1, description="rewarded share that ends phase I")
    phase_three_at: float = Field(0.8, ge=0, le=1, description="rewarded share that ends phase II")
    log_every: int = Field(100, ge=1, strict=True, description="trials per line of the log")
    validate_every: int = Field(500, ge=1, strict=True, description="trials between checkpoints")
    validation_trials: int = Field(300, ge=1, strict=True, description="per gain in a validation")
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

        A training whose first phase did not end has none to select, and keeps those of its end.
        """
        chosen = f"selected/{SHIPPED}/"
        dropped = ("selected/", "weights/") if any(n.startswith(chosen) for n in arrays) else ()
        kept = {
            name: array
            for name, array in arrays.items()
            if name.startswith(chosen) or not name.startswith(dropped)
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


EXPERIMENTS: tuple[type[Experiment], ...] = (WarmStart, QuickAgent, ReferenceAgent)
