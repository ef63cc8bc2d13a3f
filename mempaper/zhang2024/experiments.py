"""Experiments of this paper: validated configurations with cached results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.experiment import Experiment
from mempaper.parameters import Mode
from mempaper.progress import Report
from mempaper.zhang2024.networks import ActorName, split_architecture
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.quick import (
    EKF_FROM_SCRATCH,
    FROM_SCRATCH,
    QuickTrainer,
    Recipe,
    generator_of,
)
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.selection import light
from mempaper.zhang2024.steering import (
    QUICK_SIZES,
    Steering,
    check_architecture,
    filter_needs_noise,
    needs_steps,
)
from mempaper.zhang2024.warm import HOLD_FROM, warm_start

EKF_SCRATCH: dict[str, Any] = {
    "recipe": "scratch",
    "fc_size": 128,
    "rounds": 900,
    "initial_trials": 2048,
    "critic_updates": 500,
}
WARM_STEPS = 150
CHUNK = 512  # initial trials that are collected at once
SHORTEST = {"warm": HOLD_FROM + 1, "scratch": 4}  # steps of a trial: of the warm start, random trials


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

    @model_validator(mode="after")
    def _is_long_enough(self) -> Self:
        needs_steps(self, SHORTEST["warm"])
        return self

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
        4096, ge=CHUNK, strict=True, multiple_of=CHUNK, description="in the memory at the begin"
    )
    critic_updates: int = Field(1000, ge=0, strict=True, description="before the actor learns")

    _known = field_validator("architecture")(check_architecture)

    @model_validator(mode="after")
    def _can_be_trained(self) -> Self:
        filter_needs_noise(self.architecture, self.process_noise)
        needs_steps(self, SHORTEST[self.recipe])
        capacity = self.recipe_in_use().capacity
        most = capacity if self.is_warm else capacity - CHUNK  # from scratch they stay, beside others
        if self.initial_trials > most:
            raise ValueError(
                f"initial_trials {self.initial_trials} is too many for the memory of {capacity} trials: "
                f"recipe {self.recipe} has room for {most // CHUNK * CHUNK} at most"
            )
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
        own = half - half % CHUNK if self.is_warm else 0
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


EXPERIMENTS: tuple[type[Experiment], ...] = (WarmStart, QuickAgent, ReferenceAgent)
