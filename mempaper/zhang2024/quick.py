"""Quick recipes: TD3 on trials collected side by side, for two processor cores and some minutes.

The loop is the original's: act, remember, update the twin critics, now and then the actor. What the
recipes add so that small networks learn in thousands instead of tens of thousands of updates:
lambda-returns that begin as plain returns, hindsight targets, random trials in the memory, a start in
which only the critic learns, and a penalty on saturated actions. They were found by trial and error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint, flat, part_of
from mempaper.progress import Report, silent
from mempaper.zhang2024.replay import Exploration, Hindsight, TrialMemory, random_policy, scripted
from mempaper.zhang2024.rollout import COLUMNS, Agent, Explore, labelled_trials, performance, run
from mempaper.zhang2024.task import step_noise
from mempaper.zhang2024.td3 import Batch, Learner, Rates
from mempaper.zhang2024.trials import Conditions, Trials, draw_trials
from mempaper.zhang2024.world import World

TABLE_ROWS = 20  # evaluations in the course of a training, as many as the original's checkpoints
TABLE_TRIALS = 300
CHECK_TRIALS, CHECK_FROM = 150, 0.35  # of the choice of the best weights
CHECKS = 40
STREAMS = {"weights": 0, "training": 1, "table": 2, "check": 3}


def generator_of(seed: int, stream: str) -> torch.Generator:
    """An independent stream of random numbers of a seed."""
    key = np.random.SeedSequence([seed, STREAMS[stream]]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(key >> 1))


@dataclass(frozen=True)
class Ramp:
    """A value that changes linearly, or exponentially, over a share of the training."""

    start: float
    end: float
    over: float = 1.0
    exponential: bool = False

    def at(self, f: float) -> float:
        """Value when the fraction ``f`` of the training is done."""
        g = min(1.0, f / self.over)
        if self.exponential:
            return self.start * (self.end / self.start) ** g
        return self.start + (self.end - self.start) * g


def constant(value: float) -> Ramp:
    """A value that does not change."""
    return Ramp(value, value)


@dataclass(frozen=True)
class Recipe:
    """How an agent learns.

    Attributes
    ----------
    rounds : int
        Each collects trials and then makes updates.
    trials_per_round, updates_per_round, batch_size : int
    transitions : bool
        Updates are made on single transitions, ``batch_size`` of them, instead of whole trials.
    capacity, protected : int
        Trials in the memory, and how many of the first ones stay for good.
    own_trials, random_trials : int
        Trials in the memory at the begin, of the actor and of a random policy.
    critic_updates : int
        Updates at the begin in which only the critic learns, with ``critic_tau``.
    std, always, forced_stop : Ramp
        See :class:`~mempaper.zhang2024.replay.Exploration`.
    quiet : float
        Share of the trials without noise on moves; the others' standard deviations are then uniform
        around ``std``.
    lam, hindsight, box : Ramp
        Of the returns, of new targets, of the stop box.
    actor_rate, critic_rate : Ramp
    warm_up : float
        Share of the training over which the actor's rate rises from zero.
    tau, critic_tau, saturation : float
    hindsight_limits : Hindsight
    keep_best : bool
        Keep the weights that steered best in trials at gain 1, looked at some forty times.
    """

    rounds: int
    trials_per_round: int = 64
    updates_per_round: int = 8
    batch_size: int = 64
    transitions: bool = False
    capacity: int = 16384
    protected: int = 0
    own_trials: int = 2048
    random_trials: int = 2048
    critic_updates: int = 1000
    std: Ramp = Ramp(0.5, 0.4)
    always: Ramp = Ramp(0.1, 0.0)
    forced_stop: Ramp = Ramp(0.03, 0.01)
    quiet: float = 0.3
    lam: Ramp = Ramp(1.0, 0.8)
    hindsight: Ramp = Ramp(0.5, 0.0)
    box: Ramp = Ramp(0.1, 0.1)
    actor_rate: Ramp = Ramp(2e-4, 1e-4, exponential=True)
    critic_rate: Ramp = Ramp(2e-3, 3e-4, exponential=True)
    warm_up: float = 0.2
    tau: float = 0.01
    critic_tau: float = 0.02
    saturation: float = 0.1
    hindsight_limits: Hindsight = field(default_factory=Hindsight)
    keep_best: bool = False

    @property
    def test_trials(self) -> int:
        """Trials per condition in a row of the table; fewer where training is very short."""
        return min(TABLE_TRIALS, 8 * self.rounds)


FROM_SCRATCH = Recipe(
    rounds=600,
    batch_size=32,
    capacity=20000,
    protected=4096,
    own_trials=0,
    random_trials=4096,
    critic_updates=600,
    std=Ramp(0.5, 0.2, over=0.6),
    always=constant(0.0),
    forced_stop=Ramp(0.08, 0.0),
    quiet=0.0,
    lam=Ramp(1.0, 0.8, over=0.7),
    hindsight=constant(0.5),
    box=Ramp(0.4, 0.1, over=0.4),
    actor_rate=Ramp(2e-3, 2e-4, exponential=True),
    critic_rate=Ramp(2e-3, 2e-4, exponential=True),
    warm_up=0.0,
    critic_tau=0.01,
    saturation=0.2,
    hindsight_limits=Hindsight(80 / 400, 600 / 400, math.radians(60)),
    keep_best=True,
)
EKF_FROM_SCRATCH = Recipe(
    rounds=900,
    batch_size=256,
    transitions=True,
    capacity=20000,
    protected=2048,
    own_trials=0,
    random_trials=2048,
    critic_updates=500,
    std=Ramp(0.8, 0.4),
    always=constant(1.0),
    forced_stop=Ramp(0.05, 0.0),
    quiet=0.0,
    lam=Ramp(1.0, 0.0),
    hindsight=constant(0.5),
    actor_rate=constant(3e-4),
    critic_rate=constant(1e-3),
    warm_up=0.0,
    critic_tau=0.01,
    saturation=0.2,
    keep_best=True,
)


class Tester:
    """Tests one agent on the same trials again and again, with noise and without exploration.

    Parameters
    ----------
    world : World
    conditions : Conditions
        The training's, of which the noises are used.
    n_trials : int
    extensive : bool
        Gains 1 to 4 and large perturbations, instead of gains 1, 1.5 and 2.
    """

    def __init__(
        self,
        world: World,
        conditions: Conditions,
        n_trials: int = TABLE_TRIALS,
        *,
        extensive: bool = False,
    ) -> None:
        self.world = world
        generator = generator_of(0, "table")
        noises = (conditions.process_noise, conditions.observation_noise)
        perturbed = Conditions((1.0, 1.0), None, *noises, peaks=world.peaks)
        base = draw_trials(n_trials, world, perturbed, generator)
        large = None
        if extensive:
            widened = Conditions((1.0, 1.0), None, *noises, peaks=world.large_peaks)
            large = draw_trials(n_trials, world, widened, generator).peak
        self.labels = labelled_trials(base, world, large)
        self.noise = {label: step_noise(n_trials, world, generator) for label in self.labels}

    def table(self, agent: Agent, labels: Iterable[str] | None = None) -> np.ndarray:
        """Performance (label, column) of an agent as it is now, by default for all labels."""
        device = agent.device
        rows = []
        for label in self.labels if labels is None else labels:
            trials = self.labels[label]
            rollouts = run(agent, self.world, trials.to(device), self.noise[label].to(device))
            row = performance(agent, rollouts, self.world)
            rows.append([row[column] for column in COLUMNS])
        return np.array(rows)


class QuickTrainer:
    """Trains one agent by a recipe; every schedule is a function of the round, so runs repeat.

    Parameters
    ----------
    agent : Agent
        Its actor may have had a warm start; critic and targets begin here.
    world : World
    conditions : Conditions
        Of the training trials.
    recipe : Recipe
    seed : int
    """

    def __init__(
        self, agent: Agent, world: World, conditions: Conditions, recipe: Recipe, seed: int
    ) -> None:
        self.agent, self.world, self.conditions, self.recipe = agent, world, conditions, recipe
        self.generator = generator_of(seed, "training")
        self.device = agent.device
        self.learner = Learner(agent.actor, agent.critic, self.generator)
        self.memory = TrialMemory(
            recipe.capacity,
            world,
            beliefs=agent.has_belief,
            critic_sees_belief=agent.critic_sees_belief,
            protected=recipe.protected,
            hindsight=recipe.hindsight_limits,
        )
        self.tester = Tester(world, conditions, recipe.test_trials)
        shape = (TABLE_ROWS + 1, len(self.tester.labels), len(COLUMNS))
        self.logs = {
            "table": np.full(shape, np.nan),
            "trials": np.zeros(TABLE_ROWS + 1, np.int64),
            "critic_loss": np.full(recipe.rounds, np.nan, np.float32),
            "actor_loss": np.full(recipe.rounds, np.nan, np.float32),
        }
        self.n_trials = 0
        self.best_score = -math.inf
        self.best: dict[str, Tensor] = {}

    def collect(self, n: int, f: float) -> None:
        """Let the agent make ``n`` trials, with exploration, and remember them."""
        r, g = self.recipe, self.generator
        sd = r.std.at(f)
        std = torch.full((n,), sd)
        if r.quiet:
            low = 0.2
            std = low + (2 * sd - 2 * low) * torch.rand(n, generator=g)
            std = std * (torch.rand(n, generator=g) >= r.quiet)
        box = r.box.at(f)
        explore = Exploration(std, r.always.at(f), r.forced_stop.at(f), box, g)
        self._remember(self._draw(n), explore, box)

    def _draw(self, n: int) -> Trials:
        return draw_trials(n, self.world, self.conditions, self.generator).to(self.device)

    def _remember(self, trials: Trials, explore: Explore, box: float) -> None:
        noise = step_noise(len(trials), self.world, self.generator).to(self.device)
        rollouts = run(self.agent, self.world, trials, noise, explore, box)
        self.memory.push(rollouts, box)
        self.n_trials += len(trials)

    def begin(self) -> None:
        """Fill the memory, then let the critic learn alone."""
        r = self.recipe
        for _ in range(r.own_trials // 512):
            self.collect(512, 0.0)
        for _ in range(r.random_trials // 512):
            actions = random_policy(512, self.world, self.generator)
            self._remember(self._draw(512), scripted(actions), self.world.stop_action)
        rates = Rates(0.0, r.critic_rate.at(0), r.critic_tau, r.lam.at(0))
        for _ in range(r.critic_updates):
            self.learner.update(self.batch(0.0), rates, learn_actor=False)

    def batch(self, f: float) -> Batch:
        """Trials, or transitions, of one update."""
        r = self.recipe
        drawing = self.memory.transitions if r.transitions else self.memory.sample
        return drawing(
            r.batch_size,
            self.generator,
            hindsight=r.hindsight.at(f),
            box=r.box.at(f),
            device=self.device,
        )

    def round(self, k: int) -> None:
        """Collect, then update."""
        r = self.recipe
        f = k / r.rounds
        rising = min(1.0, f / r.warm_up) if r.warm_up else 1.0
        rates = Rates(r.actor_rate.at(f) * rising, r.critic_rate.at(f), r.tau, r.lam.at(f), r.saturation)
        self.collect(r.trials_per_round, f)
        self.learner.stop_action = r.box.at(f)
        losses = [self.learner.update(self.batch(f), rates) for _ in range(r.updates_per_round)]
        self.logs["critic_loss"][k], self.logs["actor_loss"][k] = np.mean(losses, 0) * (1, 2)

    def _note(self, k: int) -> None:
        """Test the agent if a row of the table is due before round ``k``."""
        every = max(1, self.recipe.rounds // TABLE_ROWS)
        if k % every == 0 and k // every <= TABLE_ROWS:
            self.logs["table"][k // every] = self.tester.table(self.agent)
            self.logs["trials"][k // every] = self.n_trials

    def _check(self, k: int) -> None:
        """Keep these weights if they steer better than any before; only where the recipe says so."""
        r = self.recipe
        every = max(1, r.rounds // CHECKS)
        if not r.keep_best or k < CHECK_FROM * r.rounds or (k % every and k < r.rounds):
            return
        g = generator_of(0, "check")
        trials = draw_trials(CHECK_TRIALS, self.world, self.conditions, g).to(self.device)
        noise = step_noise(CHECK_TRIALS, self.world, g).to(self.device)
        rollouts = run(self.agent, self.world, trials, noise)
        error = 400 * float(rollouts.distance.mean())
        score = float(rollouts.rewarded.float().mean()) - error / 2000
        if score > self.best_score:
            self.best_score = score
            self.best = {name: t.clone() for name, t in self.agent.state_dict().items()}

    def run(self, resume: ResumePoint | None = None, report: Report = silent) -> dict[str, np.ndarray]:
        """Train to the end, from the resume point if there is one.

        Returns
        -------
        dict of arrays
            ``weights/...``; ``table`` (row, label, column), the performance before and in the course
            of the training; ``trials`` (row,), how many had been seen; ``critic_loss`` and
            ``actor_loss`` (round,).
        """
        resume, rounds = resume or ResumePoint(), self.recipe.rounds
        state = resume.load()
        if state is None:
            self.begin()
            first = 0
        else:
            first = self.restore(state)
        for k in range(first, rounds + 1):
            self._note(k)
            self._check(k)
            if k == rounds:
                break
            self.round(k)
            report(k + 1, rounds)
            if resume.due():
                resume.save(self.state(k + 1))
        weights = self.best or self.agent.state_dict()
        return {f"weights/{n}": t.detach().cpu().numpy() for n, t in weights.items()} | self.logs

    def state(self, done: int) -> dict[str, Tensor]:
        """Everything that :meth:`restore` needs to go on after ``done`` rounds."""
        parts: dict[str, Mapping[str, Tensor]] = {
            "learner": self.learner.state(),
            "memory": self.memory.state(),
            "best": self.best,
            "logs": {name: torch.as_tensor(array) for name, array in self.logs.items()},
            "own": {
                "done": torch.tensor(done),
                "n_trials": torch.tensor(self.n_trials),
                "best_score": torch.tensor(self.best_score, dtype=torch.float64),
                "generator": self.generator.get_state(),
            },
        }
        return flat(parts)

    def restore(self, state: Mapping[str, Tensor]) -> int:
        """Put a :meth:`state` back in place; returns the number of finished rounds."""
        self.learner.restore(part_of(state, "learner"))
        self.memory.restore(part_of(state, "memory"))
        self.best = part_of(state, "best")
        for name, array in self.logs.items():
            array[...] = state[f"logs/{name}"].numpy()
        self.n_trials = int(state["own/n_trials"])
        self.best_score = float(state["own/best_score"])
        self.generator.set_state(state["own/generator"])
        return int(state["own/done"])
