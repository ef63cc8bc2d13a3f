"""The original's training, trial by trial in three phases (section 6.6)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint, flat, part_of
from mempaper.progress import Report, silent
from mempaper.zhang2024.belief import BELIEF_SIZE
from mempaper.zhang2024.buffers import EqualLengthMemory, TransitionMemory
from mempaper.zhang2024.quick import Tester, generator_of
from mempaper.zhang2024.rollout import COLUMNS, Agent, Steering, performance, run
from mempaper.zhang2024.task import Firefly, step_noise
from mempaper.zhang2024.td3 import Learner, OptimizerName, Rates
from mempaper.zhang2024.trials import Conditions, draw_in_order, draw_trials
from mempaper.zhang2024.world import World

Phase = Literal[1, 2, 3]
LOG_COLUMNS = ("rewarded", "reward", "steps", "distance", "critic_loss", "actor_loss")
Keep = Callable[[Agent, int, bool], None]


@dataclass(frozen=True)
class Schedule:
    """How long an agent is trained by the original's loop, and when its phases change.

    Attributes
    ----------
    total_trials : int
        Of the second and third phase together.
    exploration, phase_two_exploration, phase_three_exploration : float
        Standard deviation of the exploration noise in the first, second and third phase.
    batch_size, capacity, learn_after : int
        Trials per update, in the memory, and before the first update; for EKF agents transitions.
    steps_per_update : int
    log_every, validate_every, validation_trials, test_trials : int
        In trials, the last two per condition. As often as the agent is validated, checkpoints are kept
        and tested with all noise.
    phase_two_at, phase_three_at : float
        Share of rewarded trials that ends the first phase, and in a validation the second.
    learning_rate, final_learning_rate : float
    tau : float
    mirror : bool
        Whether trials are stored with their reflection, after the first phase.
    extensive : bool
        Gains 1 to 4 in validations instead of 1, 1.5 and 2; also large perturbations in evaluations.
    validate_noise_free : bool
        Turn off the observation noise in validations too; the original leaves it on.
    give_up : int
        Trials after which a first phase that does not end is given up. The original ends it at
        ``total_trials`` too: by its own setting of 10,000 few of its recurrent agents would ever have
        left the first phase.
    gamma, policy_every, optimizer, adam_eps, smoothing_std, smoothing_clip
        See :class:`~mempaper.zhang2024.td3.Learner`.
    """

    total_trials: int = 10_000
    exploration: float = 0.8
    phase_two_exploration: float = 0.5
    phase_three_exploration: float = 0.4
    batch_size: int = 16
    capacity: int = 100_000
    learn_after: int = 800
    steps_per_update: int = 4
    log_every: int = 100
    validate_every: int = 500
    validation_trials: int = 300
    test_trials: int = 500
    phase_two_at: float = 0.2
    phase_three_at: float = 0.8
    learning_rate: float = 3e-4
    final_learning_rate: float = 5e-5
    tau: float = 0.005
    mirror: bool = True
    extensive: bool = False
    validate_noise_free: bool = False
    give_up: int = 50_000
    gamma: float = 0.97
    policy_every: int = 2
    optimizer: OptimizerName = "adam"
    adam_eps: float = 1.5e-4
    smoothing_std: float = 0.05
    smoothing_clip: float = 0.1

    @property
    def validation_gains(self) -> tuple[float, ...]:
        """Gains at which the agent is validated."""
        return (1.0, 2.0, 3.0, 4.0) if self.extensive else (1.0, 1.5, 2.0)

    @property
    def n_checkpoints(self) -> int:
        """Checkpoints of the second and third phase."""
        return self.total_trials // self.validate_every


class Trainer:
    """Trains one agent as the original does: a trial at a time, an update every four steps.

    Parameters
    ----------
    agent : Agent
    world : World
    conditions : Conditions
        Of the training trials; the first phase leaves out the observation noise.
    schedule : Schedule
    seed : int
    keep : callable (agent, trial, is first phase), optional
        Called at every checkpoint.

    Attributes
    ----------
    phase : int
        1: large exploration, no observation noise; 2: less exploration, noise, mirrored trials; 3: small
        steps.
    trial : int
        Begins anew with the second phase.
    """

    def __init__(
        self,
        agent: Agent,
        world: World,
        conditions: Conditions,
        schedule: Schedule,
        seed: int,
        keep: Keep | None = None,
    ) -> None:
        self.agent, self.world, self.conditions, self.schedule = agent, world, conditions, schedule
        self.keep, self.device = keep, agent.device
        self.generator = generator_of(seed, "training")
        self.rng = np.random.default_rng([seed, 1])
        self.learner = Learner(
            agent.actor,
            agent.critic,
            self.generator,
            gamma=schedule.gamma,
            policy_every=schedule.policy_every,
            optimizer=schedule.optimizer,
            eps=schedule.adam_eps,
            smoothing_std=schedule.smoothing_std,
            smoothing_clip=schedule.smoothing_clip,
            stop_action=world.stop_action,
        )
        self.memory: EqualLengthMemory | TransitionMemory
        if agent.critic_sees_belief:
            self.memory = TransitionMemory(schedule.capacity, BELIEF_SIZE)
        else:
            beliefs = BELIEF_SIZE if agent.has_belief else 0
            self.memory = EqualLengthMemory(schedule.capacity, world.n_steps, beliefs)
        self.phase: Phase = 1
        self.trial = self.steps = self.first_phase_trials = 0
        self.rates = Rates(schedule.learning_rate, schedule.learning_rate, schedule.tau)
        self._recent: list[list[float]] = []
        self.tester = Tester(world, conditions, schedule.test_trials, extensive=schedule.extensive)
        n, gains = schedule.n_checkpoints, schedule.validation_gains
        blocks = (schedule.total_trials + schedule.give_up) // schedule.log_every
        self.logs = {
            "table": np.full((n, len(self.tester.labels), len(COLUMNS)), np.nan),
            "validation": np.full((n, len(gains), len(COLUMNS)), np.nan),
            "blocks": np.full((blocks, len(LOG_COLUMNS)), np.nan, np.float32),
            "n_blocks": np.zeros(1, np.int64),
        }

    @property
    def std(self) -> float:
        """Of the exploration noise now."""
        s = self.schedule
        return (s.exploration, s.phase_two_exploration, s.phase_three_exploration)[self.phase - 1]

    def _explored(self, raw: Tensor) -> Tensor:
        """The action that is executed: an intended stop as it is, others with noise (section 6.4)."""
        if not (raw.abs() > self.world.stop_action).any():
            return raw
        noise = torch.randn(raw.shape, generator=self.generator).to(raw.device)
        return (raw + self.std * noise).clamp(-1, 1)

    def one_trial(self) -> None:
        """Act through one trial, learn on the way, and remember it."""
        noise = self.conditions
        if self.phase == 1:
            noise = replace(noise, observation_noise=(0.0, 0.0))
        trials = draw_in_order(self.world, noise, self.generator).to(self.device)
        firefly = Firefly(self.world, trials, self.generator)
        steering = Steering(self.agent, firefly)
        states, actions, beliefs, losses = [], [], [], []
        for t in range(self.world.n_steps):
            states.append(firefly.inputs()[0])
            if steering.belief is not None:
                beliefs.append(steering.belief.vector()[0])
            with torch.no_grad():
                raw = steering.act(firefly)
            action = self._explored(raw)
            actions.append(action[0])
            push = firefly.push()
            step = firefly.step(action, raw)
            steering.observe(action, push, firefly)
            stopped, reward = bool(step.stopped), float(step.reward)
            self.steps += 1
            if isinstance(self.memory, TransitionMemory) and steering.belief is not None:
                last = stopped or t == self.world.n_steps - 1
                transition = (beliefs[-1], action[0], steering.belief.vector()[0], reward, last)
                self.memory.push(*transition)
                if self._mirrors:
                    self.memory.push_mirrored(*transition)
            ready = len(self.memory) > self.schedule.learn_after
            if ready and self.steps % self.schedule.steps_per_update == 0:
                batch = self.memory.sample(self.schedule.batch_size, self.rng).to(self.device)
                losses.append(self.learner.update(batch, self.rates))
            if stopped:
                break
        if isinstance(self.memory, EqualLengthMemory):
            told = torch.stack(beliefs) if beliefs else None
            trial = (torch.stack(states), torch.stack(actions), reward, told)
            self.memory.push(*trial)
            if self._mirrors:
                self.memory.push_mirrored(*trial)
        rewarded = float(step.reached & (action.abs() < self.world.stop_action).all())
        critic, actor = np.mean(losses, 0) if losses else (np.nan, np.nan)
        self._recent.append([rewarded, reward, t + 1, float(step.distance), critic, actor])

    @property
    def _mirrors(self) -> bool:
        return self.schedule.mirror and self.phase > 1

    def validate(self) -> np.ndarray:
        """Performance (gain, column) on new trials without process noise (section 7.2)."""
        s, rows = self.schedule, []
        observation = (0.0, 0.0) if s.validate_noise_free else self.conditions.observation_noise
        still = Conditions(process_noise=(0.0, 0.0), observation_noise=observation)
        for gain in s.validation_gains:
            trials = draw_trials(s.validation_trials, self.world, still, self.generator)
            trials = trials.with_gain(gain, self.world.full_speed)
            noise = step_noise(len(trials), self.world, self.generator).to(self.device)
            rollouts = run(self.agent, self.world, trials.to(self.device), noise)
            row = performance(self.agent, rollouts, self.world)
            rows.append([row[column] for column in COLUMNS])
        return np.array(rows)

    def _block_ends(self) -> None:
        """Every hundred trials: write the log, and go on to the next phase where it is time."""
        s, recent = self.schedule, np.array(self._recent)
        self._recent = []
        place = int(self.logs["n_blocks"][0])
        counts = np.isfinite(recent).sum(0)
        unknown = np.full(len(LOG_COLUMNS), np.nan)
        self.logs["blocks"][place] = np.divide(np.nansum(recent, 0), counts, unknown, where=counts > 0)
        self.logs["n_blocks"][0] = place + 1
        best = self.logs["validation"][:, :, COLUMNS.index("reward_fraction")]
        if self.phase == 2 and (best > s.phase_three_at).any():
            self.phase = 3
            self.rates = replace(self.rates, actor=s.final_learning_rate, critic=s.final_learning_rate)
        if self.phase == 1 and recent[:, 0].mean() > s.phase_two_at:
            self.phase = 2
            self.first_phase_trials = self.trial + 1
            self.memory.clear()
            self.steps = self.trial = 0

    def _checkpoint(self) -> None:
        row = self.trial // self.schedule.validate_every
        if self.phase > 1 and row < self.schedule.n_checkpoints:
            if self.phase == 2:
                self.logs["validation"][row] = self.validate()
            self.logs["table"][row] = self.tester.table(self.agent)
        if self.keep is not None:
            self.keep(self.agent, self.trial, self.phase == 1)

    @property
    def _limit(self) -> int:
        return self.schedule.give_up if self.phase == 1 else self.schedule.total_trials

    @property
    def is_over(self) -> bool:
        """Whether training has reached its end, or its first phase is given up."""
        return self.trial >= self._limit

    def run(self, resume: ResumePoint | None = None, report: Report = silent) -> dict[str, np.ndarray]:
        """Train to the end, from the resume point if there is one.

        Returns
        -------
        dict of arrays
            ``weights/...`` at the end; ``table`` (checkpoint, label, column) of evaluations with all
            noise; ``validation`` (checkpoint, gain, column) of the loop's own; ``blocks`` (block,
            column), means of every hundred trials; ``n_blocks``; ``first_phase_trials``, 0 where the
            first phase did not end; ``phase`` at the end.
        """
        resume = resume or ResumePoint()
        state = resume.load()
        if state is not None:
            self.restore(state)
        s = self.schedule
        while not self.is_over:
            self.one_trial()
            if self.trial % s.log_every == s.log_every - 1:
                self._block_ends()
            if self.trial % s.validate_every == s.validate_every - 1:
                self._checkpoint()
            self.trial += 1
            report(self.trial, self._limit)
            if resume.due():
                resume.save(self.state())
        weights = {f"weights/{k}": v.cpu().numpy() for k, v in self.agent.state_dict().items()}
        ends = {
            "first_phase_trials": np.array(self.first_phase_trials),
            "phase": np.array(self.phase),
        }
        return weights | self.logs | ends

    def state(self) -> dict[str, Tensor]:
        """Everything that :meth:`restore` needs to go on after the last trial."""
        counts = [self.phase, self.trial, self.steps, self.first_phase_trials]
        rng = np.frombuffer(repr(self.rng.bit_generator.state).encode(), np.uint8).copy()
        parts: dict[str, Mapping[str, Tensor]] = {
            "learner": self.learner.state(),
            "memory": self.memory.state(),
            "logs": {name: torch.as_tensor(array) for name, array in self.logs.items()},
            "own": {
                "counts": torch.tensor(counts),
                "recent": torch.tensor(self._recent, dtype=torch.float64).reshape(-1, len(LOG_COLUMNS)),
                "generator": self.generator.get_state(),
                "rng": torch.as_tensor(rng),
            },
        }
        return flat(parts)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put a :meth:`state` back in place."""
        self.learner.restore(part_of(state, "learner"))
        self.memory.restore(part_of(state, "memory"))
        for name, array in self.logs.items():
            array[...] = state[f"logs/{name}"].numpy()
        phase, self.trial, self.steps, self.first_phase_trials = state["own/counts"].tolist()
        self.phase = phase
        if phase == 3:
            final = self.schedule.final_learning_rate
            self.rates = replace(self.rates, actor=final, critic=final)
        self._recent = state["own/recent"].tolist()
        self.generator.set_state(state["own/generator"])
        self.rng.bit_generator.state = _literal(state["own/rng"])


def _literal(text: Tensor) -> dict[str, object]:
    """The state of numpy's generator, which is made of words and numbers, from its text."""
    value = ast.literal_eval(bytes(text.tolist()).decode())
    assert isinstance(value, dict)
    return value
