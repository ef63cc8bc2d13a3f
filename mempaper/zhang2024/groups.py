"""The agents that the chapters share: one pool, by architecture, noise and seed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field

from mempaper.experiment import Experiment, Result
from mempaper.parameters import ConfigError, Mode
from mempaper.runs import train_all
from mempaper.sweep import Group
from mempaper.zhang2024.experiments import EKF_SCRATCH, QuickAgent
from mempaper.zhang2024.networks import ACTORS, CRITICS
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.quick import Tester
from mempaper.zhang2024.rollout import COLUMNS, Agent
from mempaper.zhang2024.selection import SHIPPED, best_row
from mempaper.zhang2024.training import LOG_COLUMNS
from mempaper.zhang2024.world import World

Name = TypeVar("Name", bound=Hashable)
HOL, MOHO, HOMO, MOD = "Actor1Critic1", "Actor3Critic1", "Actor1Critic5", "Actor3Critic5"
MAIN = {"hol": HOL, "moho": MOHO, "homo": HOMO, "mod": MOD}
EKF, HOL_EKF = "EKF", "ActorEKFCritic1"
ARCHITECTURES = tuple(actor + critic for critic in CRITICS[:5] for actor in ACTORS[:3])
NOISES = (0.0, 0.1, 0.2, 0.3)
DEFAULT_NOISE, ALTERNATIVE_NOISE, LARGER_DIFFERENCE = (0.2, 0.1), (0.1, 0.2), (0.4, 0.1)
FILTERS = {"EKF": DEFAULT_NOISE, "EKF alternative": ALTERNATIVE_NOISE}  # what they are told
SWEEP_SEEDS = 2  # of an architecture outside the four main ones
SCRATCH_SEEDS = 3  # without a warm start
FILTER_SEEDS = 3  # of EKF agents, the yardsticks
SPARE_SEEDS = 10  # tried at most in place of seeds whose first phase does not end
FRESH_ROUNDS = 800  # of the quick recipe, for agents that the chapter on training trains anew


class Pool(Experiment):
    """Which agents a chapter asks for; it trains nothing by itself.

    In fast mode they are those of the quick recipe, in full mode the original's.
    """

    paper: ClassVar[str] = "zhang2024"
    name: ClassVar[str] = "pool"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {"n_seeds": 2, "recipe": "tiny", "n_trials": 60},
        "fast": {},
        "full": {"n_seeds": 3, "recipe": "original", "n_trials": 2000},
    }

    n_seeds: int = Field(5, ge=1, le=512, strict=True, description="agents of each main architecture")
    recipe: Literal["tiny", "quick", "original"] = Field("quick", description="how agents are trained")
    rounds: int | None = Field(
        None, ge=1, strict=True, description="of the quick recipe; None takes its own number"
    )
    total_trials: int | None = Field(
        None, ge=1, strict=True, description="of the original's training; None takes its own number"
    )
    n_trials: int = Field(1000, ge=20, strict=True, description="test trials per agent and condition")

    def member(
        self,
        architecture: str,
        seed: int = 0,
        noise: tuple[float, float] = DEFAULT_NOISE,
        **changes: Any,
    ) -> QuickAgent | ReferenceAgent:
        """The training of one agent; ``seed`` counts from the pool's first."""
        shared: dict[str, Any] = {
            "architecture": architecture,
            "seed": self.seed + seed,
            "process_noise": noise[0],
            "observation_noise": noise[1],
            "device": self.device,
        }
        if self.recipe == "original":
            return ReferenceAgent.preset(
                "full", **{**shared, "total_trials": self.total_trials, **changes}
            )
        if architecture == EKF and self.recipe == "quick":
            shared |= EKF_SCRATCH
        mode = "smoke" if self.recipe == "tiny" else "fast"
        if self.rounds is not None:
            shared["rounds"] = self.rounds
        return QuickAgent.preset(mode, **{**shared, **changes})

    def seeds(self, architecture: str, n: int | None = None, **options: Any) -> list[Any]:
        """The trainings of several seeds of an architecture, ``n`` at most; all by default."""
        n = self.n_seeds if n is None else min(n, self.n_seeds)
        return [self.member(architecture, k, **options) for k in range(n)]


def is_extensive(run: QuickAgent | ReferenceAgent) -> bool:
    """Whether a training was tested with gains 1 to 4 and large perturbations."""
    return isinstance(run, ReferenceAgent) and run.extensive


def table_labels(run: QuickAgent | ReferenceAgent) -> list[str]:
    """Conditions of the performance table in a training's result."""
    return list(Tester(run.world(), run.conditions(), 1, extensive=is_extensive(run)).labels)


@dataclass(frozen=True)
class Training:
    """What is known of an agent's training.

    Attributes
    ----------
    run : QuickAgent or ReferenceAgent
    result : Result
    """

    run: QuickAgent | ReferenceAgent
    result: Result

    @property
    def provenance(self) -> dict[str, Any]:
        """Configuration, seeds, commit, versions, device, seconds and origin."""
        return self.result.provenance

    @property
    def world(self) -> World:
        """The world that the agent was trained in."""
        return self.run.world()

    @property
    def noise(self) -> tuple[float, float]:
        """Process and observation noise in training, as fractions of the gain."""
        return self.run.process_noise, self.run.observation_noise

    @property
    def labels(self) -> list[str]:
        """Conditions of :meth:`curve`."""
        return table_labels(self.run)

    @property
    def trials(self) -> np.ndarray:
        """Training trials seen at each row of the table, (row,)."""
        if isinstance(self.run, ReferenceAgent):
            every = self.run.validate_every
            return every * np.arange(1, len(self.result["table"][0]) + 1)
        return self.result["trials"][0]

    @property
    def losses(self) -> np.ndarray:
        """Loss of the critics in the course of training, per round or per hundred trials."""
        if isinstance(self.run, ReferenceAgent):
            n = self.result["n_blocks"].item()
            return self.result["blocks"][0][:n, LOG_COLUMNS.index("critic_loss")]
        return self.result["critic_loss"][0]

    @property
    def first_phase(self) -> tuple[int, bool]:
        """Trials of the original's first phase, and whether it ended before it was given up."""
        assert isinstance(self.run, ReferenceAgent)
        return self.run.first_phase(self.result)

    def curve(self, label: str, column: str = "reward_fraction") -> np.ndarray:
        """A column of the performance table in the course of training, (row,).

        Parameters
        ----------
        label : str
            gain1x, gain1.5x, gain2x, perturbation0 or perturbation1.
        column : str
            Of :data:`~mempaper.zhang2024.rollout.COLUMNS`.
        """
        return self.result["table"][0][:, self.labels.index(label), COLUMNS.index(column)]

    def best(self, criterion: str = "gain1x") -> int:
        """Row of the table that is the best one by a criterion.

        Raises
        ------
        ConfigError
            The training never left its first phase: the table is empty.
        """
        row = best_row(self.result["table"][0], self.labels, criterion)
        if row is None:
            raise ConfigError(
                f"{self.run.architecture}, seed {self.run.seed}, never left its first phase: no "
                "checkpoint was tested"
            )
        return row


@dataclass(frozen=True)
class Trained(Training):
    """A training with the agent that came out of it.

    Attributes
    ----------
    agent : Agent
    """

    agent: Agent


def load(run: QuickAgent | ReferenceAgent, criterion: str = "gain1x") -> Trained:
    """The agent of a training, which is done now if need be.

    Parameters
    ----------
    criterion : str
        Of the original's trainings the checkpoint that was the best by this criterion is taken (see
        :data:`~mempaper.zhang2024.selection.CRITERIA`), or where they come with the book the only
        one there is, :data:`~mempaper.zhang2024.selection.SHIPPED`; of the quick recipe's always
        the end.

    Raises
    ------
    ConfigError
        The training comes with the book and never left its first phase: there are no weights.
    """
    result = run.result()
    agent = run.new_agent()
    found: list[dict[str, np.ndarray]] = [
        {n.removeprefix(prefix): a for n, a in result.arrays.items() if n.startswith(prefix)}
        for prefix in (f"selected/{criterion}/", f"selected/{SHIPPED}/", "weights/")
    ]
    weights = next((weights for weights in found if weights), None)
    if weights is None:
        raise ConfigError(
            f"{run.architecture}, seed {run.seed}, comes with the book without weights: it never left "
            "its first phase"
        )
    agent.take(weights)
    return Trained(run, result, agent.eval())


def hung(run: QuickAgent | ReferenceAgent) -> bool:
    """Whether the original's training of an agent, which is done now if need be, never left phase I."""
    return isinstance(run, ReferenceAgent) and not run.first_phase(run.result())[1]


def known_to_hang(run: QuickAgent | ReferenceAgent) -> bool:
    """The same, without training."""
    return isinstance(run, ReferenceAgent) and run.is_done() and hung(run)


def replaced(group: Sequence[Any], fails: Callable[[Any], bool]) -> list[Any]:
    """The runs of a group without those that fail, whose places the next seeds take.

    It is shorter than the group if :data:`SPARE_SEEDS` of them were not enough.
    """
    kept = [run for run in group if not fails(run)]
    spare = max((run.seed for run in group), default=0)
    for seed in range(spare + 1, spare + 1 + SPARE_SEEDS):
        if len(kept) == len(group):
            break
        one = group[0].replace(seed=seed)
        if not fails(one):
            kept.append(one)
    return kept


def trained(runs: Mapping[Name, Sequence[Any]], criterion: str = "gain1x") -> dict[Name, list[Trained]]:
    """The agents of several groups, by the same names; see :func:`load` and :func:`replaced`.

    Raises
    ------
    ConfigError
        The original's training never leaves its first phase, with whatever seed.
    """
    train_all(run for group in runs.values() for run in group)
    ready = {name: replaced(group, hung) for name, group in runs.items()}
    for name, group in runs.items():
        if len(ready[name]) < len(group):
            raise ConfigError(
                f"{group[0].architecture}: of {len(group) + SPARE_SEEDS} seeds {len(ready[name])} left "
                f"the first phase within {group[0].give_up:,} trials, and {len(group)} are asked for"
            )
    return {name: [load(run, criterion) for run in group] for name, group in ready.items()}


def main(base: Pool) -> dict[str, list[Any]]:
    """Trainings of the four main agents by short name, all seeds."""
    return {name: base.seeds(architecture) for name, architecture in MAIN.items()}


def filters(base: Pool) -> dict[str, list[Any]]:
    """Trainings of the EKF agents for both noise pairs, three seeds of each at most."""
    return {name: base.seeds(EKF, FILTER_SEEDS, noise=noise) for name, noise in FILTERS.items()}


def fresh_filters(base: Pool) -> dict[str, list[Any]]:
    """Trainings of one EKF agent for each noise pair, by the quick recipe of a seed after the pool's."""
    seed = 0 if base.recipe == "original" else FILTER_SEEDS
    return {name: [base.member(EKF, seed, noise)] for name, noise in FILTERS.items()}


def sweep(base: Pool) -> dict[str, list[Any]]:
    """Trainings of all fifteen architectures, two seeds of each, by name."""
    return {name: base.seeds(name, SWEEP_SEEDS) for name in ARCHITECTURES}


def from_scratch(base: Pool) -> dict[str, list[Any]]:
    """Trainings of the holistic and the modular agent without a warm start, three seeds of each."""
    return {name: base.seeds(MAIN[name], SCRATCH_SEEDS, recipe="scratch") for name in ("hol", "mod")}


def originals(base: Pool) -> dict[str, list[Any]]:
    """Trainings of the EKF agent and the four main ones as the original does them, by short name.

    Those of a full pool and its spare seeds, see :func:`replaced`, and those that come with the book,
    by either optimiser and with a first phase that was given up sooner or later.
    """
    full = base if base.recipe == "original" else Pool.preset("full", seed=base.seed)
    n, shipped = full.n_seeds + SPARE_SEEDS, ReferenceAgent.shipped()
    found = {}
    for name, architecture in {"EKF": EKF, **MAIN}.items():
        own: list[Any] = [full.member(architecture, k) for k in range(n)]
        keys = {run.key() for run in own}
        others = [run for run in shipped if run.architecture == architecture and run.key() not in keys]
        found[name] = own + sorted(others, key=lambda run: (run.optimizer, run.seed))
    return found


def _original_filters(base: Pool) -> dict[str, list[Any]]:
    return {"EKF": base.seeds(EKF)} if base.recipe == "original" else {}


def at_hand(runs: Mapping[Name, Sequence[Any]]) -> dict[Name, list[Training]]:
    """The trainings of several groups that have been done already, by the same names."""
    found = {
        name: [Training(run, run.result()) for run in group if run.is_done()]
        for name, group in runs.items()
    }
    return {name: trainings for name, trainings in found.items() if trainings}


def fresh(
    base: Pool, architectures: Sequence[str] = (HOL, MOD), rounds: int = FRESH_ROUNDS
) -> dict[str, list[Any]]:
    """Trainings of one agent of each architecture, by the quick recipe shorter than the pool's."""
    changes: dict[str, Any] = {"rounds": rounds} if base.recipe == "quick" else {}
    return {name: [base.member(name, **changes)] for name in architectures}


def _of_training(base: Pool) -> dict[str, list[Any]]:
    anew = fresh(base) | fresh_filters(base)
    if base.recipe == "original":
        return anew
    return {**anew, **{f"{k} from scratch": runs for k, runs in from_scratch(base).items()}}


def _group(title: str, runs: Callable[[Pool], Mapping[Any, Sequence[Any]]]) -> Group:
    def named(base: Pool, mode: Mode) -> dict[str, Experiment]:
        return {
            f"{_text(name)}, seed {run.seed}": run
            for name, members in runs(base).items()
            for run in replaced(members, known_to_hang)
        }

    return Group(title, Pool, named)


def _text(name: Hashable) -> str:
    return " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def longer(base: Pool) -> dict[str, list[Any]]:
    """Training of one holistic agent ten times as long as the pool's."""
    usual = base.member(HOL)
    changes: dict[str, Any] = {"total_trials": 100_000, "extensive": True}
    if isinstance(usual, QuickAgent):
        changes = {"rounds": 10 * usual.rounds}
    return {"hol longer": base.seeds(HOL, 1, **changes)}


def reached(agents: Sequence[Trained], share: float = 0.9) -> np.ndarray:
    """Training trials until ``share`` of the test trials at gain 1 is rewarded, (agent,).

    An agent that never gets there counts its whole training.
    """
    found = []
    for agent in agents:
        good = np.flatnonzero(agent.curve("gain1x") >= share)
        found.append(agent.trials[good[0] if len(good) else -1])
    return np.array(found, float)


def noises(base: Pool) -> dict[tuple[str, float, float], list[Any]]:
    """Trainings of the holistic and the modular agent in 16 noises, by (name, process, observation)."""
    return {
        (name, process, observation): [base.member(MAIN[name], 0, (process, observation))]
        for name in ("hol", "mod")
        for process in NOISES
        for observation in NOISES
    }


GROUPS = {
    "main": _group("the four main agents", main),
    "filters": _group("EKF agents for both pairs of noises", filters),
    "original-ekf": _group("further EKF agents by the original's recipe (full mode)", _original_filters),
    "holistic-ekf": _group("an actor on a filter's belief", lambda base: {"": base.seeds(HOL_EKF)}),
    "larger-difference": _group(
        "the holistic agent at noises of .4 and .1",
        lambda base: {"hol": base.seeds(HOL, 1, noise=LARGER_DIFFERENCE)},
    ),
    "alternative": _group(
        "the modular agent at noises of .1 and .2",
        lambda base: {"mod": base.seeds(MOD, 1, noise=ALTERNATIVE_NOISE)},
    ),
    "architectures": _group("three actors times five critics", sweep),
    "training": _group("agents trained anew, and without a warm start", _of_training),
    "noises": _group("two agents in sixteen pairs of noises", noises),
    "longer": _group("the holistic agent after ten times the training", longer),
}
