"""Trained networks on test trials: any penalty, condition, encoding policy or disturbance.

Within a test the first parts never read the memory and the second parts never write it. So all first
parts run at once, the memory of each trial is put together from what they stored, in order, and all
second parts run at once.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mempaper.ensemble import member_generators
from mempaper.lu2022 import analysis
from mempaper.lu2022.model import RecallLSTM, recall_activation
from mempaper.lu2022.task import EventTask, Trials
from mempaper.lu2022.training import TEST_STREAM
from mempaper.lu2022.trials import (
    CONDITIONS,
    DM,
    NM,
    RM,
    Batch,
    Condition,
    Draws,
    TrialSettings,
    after_gap,
)
from mempaper.memory import similarity

N_CHUNKS = 4  # of a scrambled sequence
EVENTS_REMEMBERED = 2


@dataclass(frozen=True)
class Networks:
    """Networks with the world that they were trained in.

    Attributes
    ----------
    network : RecallLSTM
    task : EventTask
    settings : TrialSettings
    seed : int
        Of the first network; decides its schema and its own test trials.
    provenance : dict
    """

    network: RecallLSTM
    task: EventTask = field(default_factory=EventTask)
    settings: TrialSettings = field(default_factory=TrialSettings)
    seed: int = 0
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def first(self, n: int) -> Networks:
        """The first ``n`` of these networks."""
        network = copy.deepcopy(self.network)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.set_(parameter[:n].clone())  # type: ignore[call-overload]
        return dataclasses.replace(self, network=network)


@dataclass(frozen=True)
class Test:
    """How networks are tested.

    Parameters
    ----------
    penalty : float
        In the second part; the first part has half the training's largest one.
    condition : {'RM', 'DM', 'NM'}, optional
        Of all trials (fix_cond); mixed as in training by default.
    segment : int, optional
        Features between encodings (enc_size): 8 stores midway too; by default all features.
    capacity : int, optional
        Entries of the memory (dict_len); by default those of two events.
    silence : sequence of int
        Steps of the second part at which nothing is recalled (silence_recall).
    scramble : bool
        The observations of the whole trial come in four blocks in reverse order.
    remove_midway : bool
        Take the second-newest memory out of each second part (rm_mid_targ).
    reverse_familiarity : bool
        Tell the opposite (attach_cond of the other sign).
    schema : bool
        Draw events with the network's own schema.
    same_trials : bool
        All networks get the trials of the first seed, and so do tests that differ in their
        condition, disturbance or penalty.
    n_trials : int
    delay : int
    p_removed : (float, float)
        Largest shares of hidden observations.
    """

    __test__ = False  # not a test of pytest's

    penalty: float = 2
    condition: Condition | None = None
    segment: int | None = None
    capacity: int | None = None
    silence: tuple[int, ...] = ()
    scramble: bool = False
    remove_midway: bool = False
    reverse_familiarity: bool = False
    schema: bool = True
    same_trials: bool = False
    n_trials: int = 256
    delay: int = 0
    p_removed: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        for name, least in (("penalty", 0), ("n_trials", 1), ("delay", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
                raise ValueError(f"{name} of the test is {value!r}; expected a number from {least} on")

    def check_silence(self, n_features: int) -> None:
        """Raise ValueError if a silenced step is not one of the second part."""
        length = n_features + self.delay
        if not all(0 <= step < length for step in self.silence):
            raise ValueError(f"silence is {self.silence}; the second part has steps 0 to {length - 1}")


@dataclass(frozen=True)
class Evaluation:
    """What networks did in a test; T steps per part, numpy arrays.

    Attributes
    ----------
    trials : Trials
        With leading axes (member, trial).
    condition : int64 ndarray, shape (member, trial)
        0 RM, 1 DM, 2 NM, and -1 for the first trials, before the memory is full.
    penalty : float
    n_targets : int
        How many of the newest memories are of the current event in RM and DM.
    policy : ndarray, shape (member, trial, time, action)
    value : ndarray, shape (member, trial, time)
    decision : ndarray, shape (member, trial, time, decision unit)
    c, before : ndarray, shape (member, trial, time, unit)
        Cell state after and before recall.
    gate : ndarray, shape (member, trial, time)
        Also where retrieval is off.
    cosine, activation : ndarray, shape (member, trial, time, entry)
        Similarity of the state before recall to each memory, oldest first, and its activation: the
        recall strength V, times the gate in the postgating model. In the first part it is what
        would be recalled.
    schematic : bool ndarray, shape (member, feature)
        Which features the network's schema speaks about.
    """

    trials: Trials
    condition: np.ndarray
    penalty: float
    n_targets: int
    policy: np.ndarray
    value: np.ndarray
    decision: np.ndarray
    c: np.ndarray
    before: np.ndarray
    gate: np.ndarray
    cosine: np.ndarray
    activation: np.ndarray
    schematic: np.ndarray

    @property
    def targets(self) -> np.ndarray:
        """Right values, one-hot, (member, trial, time, value)."""
        return self.trials.targets()


def trial_memories(stored: Tensor, storing: np.ndarray, capacity: int) -> Tensor:
    """The memory during the second part of each trial, if it was empty before the first.

    Parameters
    ----------
    stored : Tensor, shape (member, trial, encoding, unit)
        What each trial would store, in order.
    storing : bool ndarray, shape (member, trial)
        Which trials do store.
    capacity : int

    Returns
    -------
    Tensor, shape (member, trial, capacity, unit)
        Oldest first; empty places come first and hold zeros.
    """
    members, trials, per_trial, size = stored.shape
    memories = stored.new_zeros(members, trials, capacity, size)
    for member in range(members):
        written = stored[member, torch.as_tensor(storing[member])].flatten(0, 1)
        written = torch.cat([written.new_zeros(capacity, size), written])
        count = per_trial * storing[member].cumsum()
        memories[member] = written[torch.as_tensor(count[:, None] + np.arange(capacity))]
    return memories


def scrambled(x: Tensor, n_observed: int) -> Tensor:
    """Observations of the whole trial in four equal blocks in reverse order; queries stay.

    Parameters
    ----------
    x : Tensor, shape (..., time, input)
    n_observed : int
        How many of the inputs, the first ones, tell the observation.
    """
    time = x.shape[-2]
    if time % N_CHUNKS:
        raise ValueError(f"a trial has {time} steps; scrambling needs a multiple of {N_CHUNKS}")
    order = torch.arange(time).view(N_CHUNKS, -1).flip(0).flatten()
    return torch.cat([x[..., order, :n_observed], x[..., n_observed:]], -1)


def as_presented(trials: Trials) -> Trials:
    """Trials whose observations are scrambled, with these in the order in which they are shown.

    Raises
    ------
    ValueError
        With a delay the blocks are not of observations alone.
    """
    if trials.delay:
        raise ValueError(f"scramble needs trials without delay; the delay is {trials.delay}")
    order, removed = (
        x.reshape(*x.shape[:-2], N_CHUNKS, -1)[..., ::-1, :].reshape(x.shape)
        for x in (trials.order, trials.removed)
    )
    return dataclasses.replace(trials, order=order, removed=removed)


def checked_settings(networks: Networks, test: Test) -> TrialSettings:
    """What surrounds the test's trials.

    Raises
    ------
    ValueError
        The test asks for what these networks or this task do not have.
    """
    trained, sign = networks.settings, networks.settings.familiarity
    if test.reverse_familiarity:
        if not sign:
            raise ValueError(
                "reverse_familiarity needs networks with a familiarity input; these have none. "
                "Train with familiarity=1."
            )
        sign = -sign
    if test.condition is not None and test.condition not in CONDITIONS:
        raise ValueError(f"condition is {test.condition!r}; it must be RM, DM or NM")
    if test.capacity is not None and test.capacity < 1:
        raise ValueError(f"capacity is {test.capacity}; a memory holds at least 1 entry")
    test.check_silence(networks.task.n_features)
    if trained.penalty_onehot and test.penalty not in range(trained.penalty_inputs):
        raise ValueError(
            f"penalty is {test.penalty:g}; these networks are told it as one-hot, of whole penalties "
            f"from 0 to {trained.penalty_inputs - 1}"
        )
    probabilities = trained.probabilities
    if test.condition is not None:
        fixed = CONDITIONS.index(test.condition)
        probabilities = (float(fixed == RM), float(fixed == DM), float(fixed == NM))
    return dataclasses.replace(
        trained,
        familiarity=sign,
        segment=networks.task.n_features if test.segment is None else test.segment,
        probabilities=probabilities,
    )


def test_batch(networks: Networks, test: Test) -> tuple[Batch, Trials]:
    """The trials of a test; each member's memory sees them in this order."""
    settings = checked_settings(networks, test)
    task = dataclasses.replace(networks.task, p_removed=test.p_removed)
    n, seed = networks.network.n_members, networks.seed
    own = [seed if test.same_trials else seed + member for member in range(n)]
    generators = [member_generators(one, 1, TEST_STREAM)[0] for one in own]
    uniform = np.full((task.n_features, task.n_values), 1 / task.n_values)
    tables = [task.table(seed + member) if test.schema else uniform for member in range(n)]
    hidden = networks.network.hidden_size
    draws = Draws.sample(
        task, settings, generators, tables, 1, test.n_trials, hidden, max_delay=test.delay
    )
    draws = dataclasses.replace(
        draws,
        penalty=np.stack([draws.penalty[..., 0], np.full_like(draws.penalty[..., 1], test.penalty)], -1),
    )
    turned = draws.in_one_batch()
    return turned.batch(settings, 0, test.delay), dataclasses.replace(
        turned.trials.select((slice(None), slice(None), 0)), delay=test.delay
    )


@torch.no_grad()
def evaluate(networks: Networks, test: Test) -> Evaluation:
    """Test networks, with frozen weights and an empty memory at the start.

    Raises
    ------
    ValueError
        The test asks for what these networks or this task do not have.
    """
    batch, trials = test_batch(networks, test)
    network, length = networks.network, batch.part_length
    x = batch.x
    if test.scramble:
        x, trials = scrambled(x, trials.n_features + trials.n_values), as_presented(trials)
    condition = batch.condition.numpy()
    per_event = len(batch.encode)
    capacity = test.capacity or EVENTS_REMEMBERED * per_event
    if test.remove_midway and (per_event < 2 or capacity < 2):
        raise ValueError("remove_midway needs memories from midway: give segment=8 or another half")

    first = network.unroll(x[:, :, :length], batch.start[0], batch.start[1])
    memories = trial_memories(first.c[:, :, batch.encode], condition != NM, capacity)
    if test.remove_midway:
        memories = torch.cat([memories[:, :, :-2], memories[:, :, -1:]], 2)
    h, c = after_gap(first, batch)
    retrieve = [step not in test.silence for step in range(length)]
    second = network.unroll(x[:, :, length:], h, c, memories, retrieve)

    heads = network.heads(torch.cat([first.h, second.h], 2))
    on = torch.tensor([False] * length + retrieve)
    gates, silent_gates = (
        torch.cat(parts, 2)
        for parts in (
            (first.gate, second.gate),
            (
                network.gate(first, heads.decision[:, :, :length]),
                network.gate(second, heads.decision[:, :, length:]),
            ),
        )
    )
    gate = torch.where(on, gates, silent_gates)
    before = torch.cat([first.before, second.before], 2)
    cosine = similarity(before, memories, "cosine")
    activation = recall_activation(cosine, gate, network.gating, network.accumulators)
    members = range(network.n_members)
    late = np.arange(condition.shape[1]) >= EVENTS_REMEMBERED
    if test.condition is None:
        late = analysis.full_memory(condition, EVENTS_REMEMBERED)
    return Evaluation(
        trials=trials,
        condition=np.where(late, condition, -1),
        penalty=test.penalty,
        n_targets=per_event,
        policy=heads.policy.numpy(),
        value=heads.value.numpy(),
        decision=heads.decision.numpy(),
        c=torch.cat([first.c, second.c], 2).numpy(),
        before=before.numpy(),
        gate=gate.numpy(),
        cosine=cosine.numpy(),
        activation=activation.numpy(),
        schematic=np.stack([networks.task.schema(networks.seed + m)[1] for m in members]),
    )
