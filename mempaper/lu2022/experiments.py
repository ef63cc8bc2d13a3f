"""Experiments of this paper: validated configurations with cached results."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator

from mempaper.checkpoint import Arrays, ResumePoint
from mempaper.ensemble import member_generators, members_together
from mempaper.experiment import Experiment
from mempaper.lu2022.evaluation import EVENTS_REMEMBERED, Networks
from mempaper.lu2022.model import Gating, RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.training import WEIGHTS_STREAM, Phase, Trainer
from mempaper.lu2022.trials import TrialSettings, encoding_steps
from mempaper.parameters import Mode
from mempaper.progress import Report

SHARED = 8  # shared pretraining has a multiple of so many networks: the same for groups of 6 and 8

BATCHED: dict[str, Any] = {
    "n_seeds": 8,
    "hidden_size": 64,
    "decision_size": 64,
    "n_streams": 32,
    "updates_per_epoch": 20,
    "pretraining_epochs": 50,
    "pretraining_rate": 1e-2,
    "plateau": False,
    "decorrelation": 1.0,
    "input_gain": 10.0,
    "forget_bias": 3.0,
    "shared_pretraining": True,
}


class EventLearning(Experiment):
    """What both stages of training have in common; the defaults are the paper's.

    The fast mode's recipe differs from the paper's in everything that :data:`BATCHED` names.
    """

    paper: ClassVar[str] = "lu2022"

    n_features: int = Field(16, ge=2, strict=True, description="features of an event (n_param)")
    n_values: int = Field(4, ge=2, strict=True, description="values of a feature (n_branch)")
    delay: int | None = Field(
        None, ge=0, strict=True, description="steps before the first query (pad_len); None is random"
    )
    similarity_min: float = Field(0.0, ge=0, le=1, description="least similarity of successive events")
    similarity_max: float = Field(0.9, ge=0, le=1, description="largest similarity of successive events")
    schema_strength: float = Field(
        0.25, ge=0, le=1, description="probability of the prototype's values (def_prob)"
    )
    p_removed_first: float = Field(
        0.3, ge=0, le=1, description="largest share of hidden values in part 1 (p_rm_ob_enc)"
    )
    p_removed_second: float = Field(
        0.0, ge=0, le=1, description="largest share of hidden values in part 2 (p_rm_ob_rcl)"
    )
    permute_observations: bool = Field(True, description="observe features in random order")
    repeat_query: bool = Field(False, description="ask for the first half of the features twice")
    penalty: float = Field(
        4, ge=0, allow_inf_nan=False, description="of a wrong answer; the largest, if random"
    )
    penalty_random: bool = Field(True, description="draw the penalty of each trial")
    penalty_discrete: bool = Field(True, description="random penalties are whole numbers")
    penalty_onehot: bool = Field(False, description="tell the penalty as one-hot")
    familiarity: Literal[-1, 0, 1] = Field(
        0, description="1: part 2 tells whether the event was seen (attach_cond); 0: it does not"
    )
    hidden_size: int = Field(194, ge=1, strict=True, description="LSTM units (n_hidden)")
    decision_size: int = Field(128, ge=1, strict=True, description="decision units (n_hidden_dec)")
    n_streams: int = Field(1, ge=1, strict=True, description="trials per update, each its own memory")
    updates_per_epoch: int = Field(256, ge=1, strict=True, description="updates per epoch (n_examples)")
    pretraining_epochs: int = Field(
        600, ge=0, strict=True, description="epochs without memory (sup_epoch)"
    )
    pretraining_rate: float = Field(7e-4, gt=0, description="learning rate of Adam in pretraining (lr)")
    plateau: bool = Field(True, description="halve a network's learning rate when it makes no progress")
    decorrelation: float = Field(0.0, ge=0, description="weight of the decorrelation of cell states")
    input_gain: float = Field(1.0, gt=0, description="scale of the input weights at the start")
    forget_bias: float = Field(0.0, description="bias of the forget gates at the start")
    shared_pretraining: bool = Field(
        False, description="pretrain without familiarity and with random penalties, for all groups"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self.task().check_feasible()
        if self.penalty_onehot and not self.penalty_discrete:
            raise ValueError("penalty_onehot needs whole penalties: penalty_discrete must be True")
        if self.penalty != int(self.penalty) and self.penalty_discrete and self.penalty_random:
            raise ValueError(
                f"penalty is {self.penalty}; random whole penalties need a whole largest one"
            )
        if self.penalty_onehot and self.penalty % 2:
            raise ValueError(f"penalty is {self.penalty}; one-hot inputs need its half to be whole")
        return self

    def task(self) -> EventTask:
        """The task without delays."""
        return EventTask(
            self.n_features,
            self.n_values,
            (self.similarity_min, self.similarity_max),
            self.schema_strength,
            (self.p_removed_first, self.p_removed_second),
            self.permute_observations,
            self.repeat_query,
        )

    def delays(self) -> list[int]:
        """Delays of the training trials, all equally likely."""
        return list(range(max(self.n_features // 3, 1))) if self.delay is None else [self.delay]

    def trial_settings(self) -> TrialSettings:
        """What surrounds the events."""
        return TrialSettings(
            penalty=self.penalty,
            penalty_random=self.penalty_random,
            penalty_discrete=self.penalty_discrete,
            penalty_onehot=self.penalty_onehot,
            familiarity=self.familiarity,
            segment=self.n_features,
        )

    def new_network(self, gating: Gating = "pre", competition: float = 0.8) -> RecallLSTM:
        """Untrained networks."""
        return RecallLSTM(
            member_generators(self.seed, self.n_seeds, WEIGHTS_STREAM),
            self.trial_settings().input_size(self.task()),
            self.hidden_size,
            self.decision_size,
            self.n_values + 1,
            gating=gating,
            competition=competition,
            input_gain=self.input_gain,
            forget_bias=self.forget_bias,
        )

    @property
    def memory_capacity(self) -> int:
        """Entries of the memory, where there is one: those of two events."""
        return EVENTS_REMEMBERED

    def phases(self) -> list[Phase]:
        """What is trained, one after the other."""
        raise NotImplementedError

    def updates_planned(self) -> int:
        """Updates of all phases."""
        return sum(phase.n_epochs * phase.updates_per_epoch for phase in self.phases())

    def start_network(self) -> RecallLSTM:
        """The networks before their first phase."""
        raise NotImplementedError

    def ensemble_size(self) -> int | None:
        """Large networks are trained in groups."""
        return members_together(self.hidden_size, self.n_streams)

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Train all networks as one ensemble."""
        trainer = Trainer(
            self.start_network().to(self.device),
            self.task(),
            self.trial_settings(),
            self.phases(),
            self.seed,
            capacity=self.memory_capacity,
            delays=self.delays(),
            device=self.device,
        )
        return trainer.run(resume, report)


class Pretraining(EventLearning):
    """Working memory alone: predict values with recent memory, without penalties that count.

    The result's arrays are those of :meth:`mempaper.lu2022.training.Trainer.run`.
    """

    name: ClassVar[str] = "pretraining"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            **BATCHED,
            "n_seeds": 2,
            "hidden_size": 12,
            "decision_size": 10,
            "n_streams": 4,
            "updates_per_epoch": 2,
            "pretraining_epochs": 1,
        },
        "fast": BATCHED,
        "full": {"n_seeds": 6},
    }

    def phase(self) -> Phase:
        """The only phase."""
        return Phase(
            "working memory",
            "prediction",
            recall=False,
            n_epochs=self.pretraining_epochs,
            updates_per_epoch=self.updates_per_epoch,
            n_streams=self.n_streams,
            learning_rate=self.pretraining_rate,
            plateau=self.plateau,
            hold=0.6,
            final=0.1,
            probabilities=(1.0, 0.0, 0.0),
            decorrelation=self.decorrelation,
        )

    def phases(self) -> list[Phase]:
        """The only phase."""
        return [self.phase()]

    def start_network(self) -> RecallLSTM:
        """Untrained networks."""
        return self.new_network()


class RecallLearning(EventLearning):
    """The whole training: pretraining, then episodic memory and rewards.

    The result's arrays are those of :meth:`mempaper.lu2022.training.Trainer.run` for what follows
    pretraining.
    """

    name: ClassVar[str] = "recall"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {
        "smoke": {
            **Pretraining.presets["smoke"],
            "bridge_epochs": 1,
            "epochs": 1,
            "learning_rate": 3e-3,
            "first_part_graph": False,
        },
        "fast": {
            **BATCHED,
            "bridge_epochs": 15,
            "epochs": 75,
            "learning_rate": 3e-3,
            "entropy_weight": 0.4,
            "final_entropy_weight": 0.05,
            "ramp": 450,
            "first_part_graph": False,
        },
        "full": {"n_seeds": 6},
    }

    gating: Gating = Field("pre", description="the gate acts before recall (pre) or after it (post)")
    segment: int | None = Field(
        None, ge=1, strict=True, description="features between encodings (enc_size); None is all"
    )
    capacity: int | None = Field(
        None, ge=1, strict=True, description="entries of the memory (dict_len); None is two events"
    )
    competition: float = Field(0.8, ge=0, description="inhibition between memories (cmpt)")
    reinforcement: bool = Field(True, description="learn from rewards; False: go on predicting (noRL)")
    normalize_return: bool = Field(True, description="returns of a trial have mean 0 and deviation 1")
    bridge_epochs: int = Field(0, ge=0, strict=True, description="epochs of prediction with memory")
    epochs: int = Field(400, ge=0, strict=True, description="epochs with memory (n_epoch)")
    learning_rate: float = Field(7e-4, gt=0, description="learning rate of Adam with memory")
    entropy_weight: float = Field(0.1, ge=0, description="of the entropy bonus (eta)")
    final_entropy_weight: float | None = Field(None, ge=0, description="at the end; None: the same")
    ramp: int = Field(0, ge=0, strict=True, description="updates until penalties reach their size")
    first_part_graph: bool = Field(True, description="learn from rewards in part 1 too")

    @model_validator(mode="after")
    def _encodes(self) -> Self:
        encoding_steps(self.n_features, self.segment or self.n_features, 0)
        return self

    def trial_settings(self) -> TrialSettings:
        """What surrounds the events."""
        settings = super().trial_settings()
        return TrialSettings(**{**vars(settings), "segment": self.segment or self.n_features})

    @property
    def memory_capacity(self) -> int:
        """Entries of the memory: those of two events, unless it was given."""
        return self.capacity or EVENTS_REMEMBERED * (
            self.n_features // (self.segment or self.n_features)
        )

    def pretraining(self) -> Pretraining:
        """The training before this one, whose weights it starts from."""
        fields = {name: getattr(self, name) for name in Pretraining.parameters()}
        if self.shared_pretraining:
            fields |= {"familiarity": 0, "penalty_random": True, "penalty_discrete": True}
            fields["penalty"] = self.penalty if self.penalty_onehot else 4  # one-hot: as many inputs
            fields["n_seeds"] = -(-self.n_seeds // SHARED) * SHARED
        return Pretraining.checked(**fields)

    def needs(self) -> list[Experiment]:
        """Pretraining."""
        return [self.pretraining()]

    def phases(self) -> list[Phase]:
        """What follows pretraining."""
        shared = partial(
            Phase,
            recall=True,
            updates_per_epoch=self.updates_per_epoch,
            n_streams=self.n_streams,
            learning_rate=self.learning_rate,
            plateau=self.plateau,
            normalize_return=self.normalize_return,
            decorrelation=self.decorrelation,
        )
        last = self.entropy_weight if self.final_entropy_weight is None else self.final_entropy_weight
        main = shared(
            "rewards" if self.reinforcement else "prediction with memory",
            "reinforcement" if self.reinforcement else "prediction",
            n_epochs=self.epochs,
            hold=0.5,
            final=0.05,
            entropy_weight=(self.entropy_weight, last),
            ramp=self.ramp,
            first_part_graph=self.first_part_graph or not self.reinforcement,
        )
        if not self.bridge_epochs:
            return [main]
        equal = (1 / 3, 1 / 3, 1 / 3)
        bridge = shared("bridge", "prediction", n_epochs=self.bridge_epochs, probabilities=equal)
        return [bridge, main]

    def start_network(self) -> RecallLSTM:
        """Networks after pretraining; inputs and gates that it did not have are as they were drawn."""
        network = self.new_network(self.gating, self.competition)
        own = network.state_dict()
        for name, weights in self.pretraining().result().weights().items():
            weights = weights[: self.n_seeds]
            if name == "i2h.weight" and weights.shape[1] < own[name].shape[1]:
                place = self.task().input_size  # of familiarity, between the task's inputs and penalty
                new = own[name][:, place : place + 1]
                weights = torch.cat([weights[:, :place], new, weights[:, place:]], 1)
            if self.gating == "pre" or not name.startswith("hpc"):
                own[name] = weights
        network.load_state_dict(own)
        return network

    def trained(self) -> Networks:
        """The trained networks; see :meth:`result`, which this calls."""
        result = self.result()
        network = self.new_network(self.gating, self.competition)
        network.load_state_dict(result.weights())
        return Networks(network, self.task(), self.trial_settings(), self.seed, result.provenance)


EXPERIMENTS: tuple[type[Experiment], ...] = (RecallLearning, Pretraining)
