"""What happens around a trial: condition, penalty, extra inputs, memory flush, encoding, recall."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from mempaper.lu2022.model import Heads, RecallLSTM, Rollout
from mempaper.lu2022.task import EventTask, Trials, as_tensor, stack_trials
from mempaper.memory import MemoryQueue

Condition = Literal["RM", "DM", "NM"]  # recent, distant, no memory
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
RM, DM, NM = range(3)
STATE_SD = 0.1  # of the random states at the start and after a flush


def encoding_steps(n_features: int, segment: int, delay: int) -> list[int]:
    """Steps of the first part at whose end the cell state is stored: after each ``segment`` features.

    Raises
    ------
    ValueError
        ``segment`` does not divide the number of features.
    """
    if segment < 1 or n_features % segment:
        raise ValueError(f"segment (enc_size) is {segment}; it must divide {n_features} features")
    return [delay + end - 1 for end in range(segment, n_features + 1, segment)]


@dataclass(frozen=True)
class TrialSettings:
    """What surrounds the events of a trial.

    Parameters
    ----------
    penalty : float
        Of a wrong answer; the largest one where it is random.
    penalty_random : bool
        Draw the penalty of each trial: integers from 0 to ``penalty``.
    penalty_discrete : bool
        False draws from the interval instead.
    penalty_onehot : bool
        Tell the network the penalty as one-hot of ``penalty + 1`` levels instead of as a number.
    familiarity : int
        1 adds an input that in the second part says whether the event was seen (+1) or is new (-1);
        -1 reverses its sign; 0: no such input.
    segment : int
        Features between two encodings: all of them (boundary policy) or half (with midway).
    probabilities : (RM, DM, NM)
    """

    penalty: float = 4
    penalty_random: bool = True
    penalty_discrete: bool = True
    penalty_onehot: bool = False
    familiarity: int = 0
    segment: int = 16
    probabilities: tuple[float, float, float] = (0.25, 0.25, 0.5)

    @property
    def penalty_inputs(self) -> int:
        """How many inputs tell the penalty."""
        return int(self.penalty) + 1 if self.penalty_onehot else 1

    def input_size(self, task: EventTask) -> int:
        """Numbers that the network sees at each step."""
        return task.input_size + (self.familiarity != 0) + self.penalty_inputs

    def draw_penalty(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Penalty in the second part of each trial."""
        if not self.penalty_random:
            return np.full(shape, float(self.penalty))
        if self.penalty_discrete:
            return rng.integers(int(self.penalty) + 1, size=shape).astype(float)
        return rng.uniform(0, self.penalty, shape)

    def extra_inputs(self, penalty: Tensor, condition: Tensor, part_length: int) -> Tensor:
        """Familiarity and penalty at each step.

        Parameters
        ----------
        penalty : Tensor, shape (..., part)
        condition : int64 Tensor, shape (...)
        part_length : int

        Returns
        -------
        Tensor, shape (..., time, familiarity and penalty inputs)
        """
        told = penalty[..., None]  # (..., part, input)
        if self.penalty_onehot:
            level = penalty.round().long()
            told = torch.nn.functional.one_hot(level, self.penalty_inputs).to(penalty.dtype)
        if self.familiarity:
            seen = self.familiarity * torch.where(condition == NM, -1.0, 1.0)
            signal = torch.stack([torch.zeros_like(seen), seen], -1)
            told = torch.cat([signal[..., None], told], -1)
        return told.repeat_interleave(part_length, dim=-2)


@dataclass(frozen=True)
class Batch:
    """Some trials of every member, with all random numbers drawn ahead.

    Attributes
    ----------
    x : Tensor, shape (member, trial, time, input)
    y : Tensor, shape (member, trial, time, value)
        One-hot, zeros where nothing is queried.
    condition : int64 Tensor, shape (member, trial)
    penalty : Tensor, shape (member, trial, part)
    start, fresh : Tensor, shape (2, member, trial, unit)
        h and c at the start, and what a flush puts in their place.
    uniform : Tensor, shape (member, trial, time)
        Decides sampled actions.
    encode : list of int
        Steps of the first part at which the cell state is stored, except in condition NM.
    """

    x: Tensor
    y: Tensor
    condition: Tensor
    penalty: Tensor
    start: Tensor
    fresh: Tensor
    uniform: Tensor
    encode: list[int]

    @property
    def part_length(self) -> int:
        """Steps of one part."""
        return self.x.shape[2] // 2

    @property
    def penalty_now(self) -> Tensor:
        """Penalty at each step, (member, trial, time)."""
        return self.penalty.repeat_interleave(self.part_length, dim=-1)


@dataclass(frozen=True)
class Draws:
    """Everything random about many trials of every member; axes (member, stream, trial, ...)."""

    trials: Trials
    condition: np.ndarray
    penalty: np.ndarray
    states: np.ndarray  # (..., start or flush, h or c, unit)
    uniform: np.ndarray  # (..., time), long enough for the longest delay

    @classmethod
    def sample(
        cls,
        task: EventTask,
        settings: TrialSettings,
        generators: list[np.random.Generator],
        tables: list[np.ndarray],
        n_streams: int,
        n_trials: int,
        hidden_size: int,
        max_delay: int = 0,
    ) -> Draws:
        """Draw for each member from its own generator, with its own table of event values."""
        shape, members, parts = (n_streams, n_trials), [], []
        time = 2 * (task.n_features + max_delay)
        for rng, table in zip(generators, tables, strict=True):
            members.append(task.sample(rng, n_streams, n_trials, table=table))
            condition = rng.choice(3, size=shape, p=settings.probabilities)
            second = settings.draw_penalty(rng, shape)
            first = np.full(shape, settings.penalty / 2)
            states = rng.normal(0.0, STATE_SD, (*shape, 2, 2, hidden_size)).astype(np.float32)
            uniform = rng.random((*shape, time), np.float32)
            parts.append((condition, np.stack([first, second], -1), states, uniform))
        condition, penalty, states, uniform = (np.stack(arrays) for arrays in zip(*parts, strict=True))
        return cls(stack_trials(members), condition, penalty, states, uniform)

    def in_one_batch(self) -> Draws:
        """The same trials as streams of one trial each; for one stream only."""
        parts = {
            name: np.swapaxes(array, 1, 2) for name, array in vars(self).items() if name != "trials"
        }
        t = self.trials
        values, order, removed = (np.swapaxes(x, 1, 2) for x in (t.values, t.order, t.removed))
        return Draws(Trials(values, order, removed, t.delay, t.n_values, t.repeat_query), **parts)

    def batch(
        self, settings: TrialSettings, trial: int, delay: int, device: str = "cpu", scale: float = 1.0
    ) -> Batch:
        """The given trial of every stream, with its delay; ``scale`` multiplies the penalties."""
        here = (slice(None), slice(None), trial)
        trials = dataclasses.replace(self.trials.select(here), delay=delay)
        penalty = as_tensor(scale * self.penalty[here], device)
        condition = torch.as_tensor(self.condition[here], device=device)
        extra = settings.extra_inputs(penalty, condition, trials.part_length)
        states = as_tensor(np.moveaxis(self.states[here], (-3, -2), (0, 1)), device)
        return Batch(
            x=torch.cat([as_tensor(trials.inputs(), device), extra], -1),
            y=as_tensor(trials.targets(), device),
            condition=condition,
            penalty=penalty,
            start=states[0],
            fresh=states[1],
            uniform=as_tensor(self.uniform[here][..., : 2 * trials.part_length], device),
            encode=encoding_steps(trials.n_features, settings.segment, delay),
        )


class TwoParts(NamedTuple):
    """A trial: both rollouts, and what is read from them at all steps."""

    first: Rollout
    second: Rollout
    heads: Heads


def after_gap(first: Rollout, batch: Batch) -> tuple[Tensor, Tensor]:
    """States h and c in which the second part begins: kept in RM, flushed in DM and NM."""
    keep = (batch.condition == RM)[..., None]
    h, c = (
        torch.where(keep, end[:, :, -1], fresh)
        for end, fresh in zip((first.h, first.c), batch.fresh, strict=True)
    )
    return h, c


def run_trials(
    network: RecallLSTM, batch: Batch, memory: MemoryQueue | None, *, first_part_graph: bool = True
) -> TwoParts:
    """Run one trial per stream: watch, store, perhaps flush, then watch again and recall.

    Parameters
    ----------
    network : RecallLSTM
    batch : Batch
    memory : MemoryQueue, optional
        Stores to write to and recall from. None: nothing is stored or recalled.
    first_part_graph : bool
        False: gradients stop at the start of the second part.
    """
    length = batch.part_length
    with torch.set_grad_enabled(first_part_graph and torch.is_grad_enabled()):
        first = network.unroll(batch.x[:, :, :length], batch.start[0], batch.start[1])
    if memory is not None:
        for step in batch.encode:
            memory.append(first.c[:, :, step], batch.condition != NM)
    h, c = after_gap(first, batch)
    entries = None if memory is None else memory.entries
    second = network.unroll(batch.x[:, :, length:], h, c, entries)
    return TwoParts(first, second, network.heads(torch.cat([first.h, second.h], 2)))
