"""N-parity and N-delayed match to sample: one bit a step, one question at the end.

Bits are 0 and 1. A question asks about the last N bits and is answered after the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

TaskName = Literal["parity", "dms"]


def labels(task: TaskName, bits: Tensor, n_values: Sequence[int]) -> Tensor:
    """Right answers at the end of a sequence, for several memory lengths at once.

    Parity: the sum of the last N bits, modulo 2. Match to sample: 1 where the N-th bit from the end
    equals the last bit; N counts both ends.

    Parameters
    ----------
    task : {'parity', 'dms'}
    bits : Tensor of 0 and 1, shape (..., time)
    n_values : sequence of int
        Memory lengths N, each at most ``time``.

    Returns
    -------
    int64 Tensor, shape (..., len(n_values))
    """
    longest, time = max(n_values), bits.shape[-1]
    if min(n_values) < 1 or longest > time:
        raise ValueError(f"N is {list(n_values)}; it must lie between 1 and the {time} bits there are")
    from_the_end = bits[..., time - longest :].flip(-1).long()
    index = torch.as_tensor(n_values, device=bits.device) - 1
    if task == "parity":
        return (from_the_end.cumsum(-1) % 2).index_select(-1, index)
    if task == "dms":
        return (from_the_end == from_the_end[..., :1]).long().index_select(-1, index)
    raise ValueError(f"task is {task!r}; it must be one of 'parity', 'dms'")


def labels_in_time(task: TaskName, bits: Tensor, n: int) -> Tensor:
    """Right answers after each bit from the N-th on, shape (..., time - n + 1)."""
    return labels(task, bits.unfold(-1, n, 1), [n])[..., 0]


def sample_length(n_max: int, rng: np.random.Generator) -> int:
    """Length of a batch's sequences: uniform from ``n_max + 2`` to ``4 n_max + 1``, ends included."""
    return int(rng.integers(n_max + 2, 4 * n_max + 2))


def sample_bits(
    task: TaskName, n_trials: int, length: int, rng: np.random.Generator, fair: bool = False
) -> np.ndarray:
    """Independent bits, shape (n_trials, length), float32.

    In the parity task each sequence has its own chance of a 1, uniform between 0 and 1, unless the
    bits are to be ``fair``; in the matching task it is one half, since a varying one would make one
    answer dominate.
    """
    p = rng.random((n_trials, 1)) if task == "parity" and not fair else 0.5
    return (rng.random((n_trials, length)) < p).astype(np.float32)


@dataclass(frozen=True)
class Trials:
    """A batch for each member; all sequences end together.

    Attributes
    ----------
    bits : Tensor, shape (member, trial, time)
        Zero before a member's sequences begin.
    start : int64 Tensor, shape (member,)
        First step of a member's sequences.
    labels : int64 Tensor, shape (member, head, trial)
        Right answers of the heads.
    live : bool Tensor, shape (member, head)
        Which heads a member has; the labels of the others mean nothing.
    """

    bits: Tensor
    start: Tensor
    labels: Tensor
    live: Tensor

    def to(self, device: str) -> Trials:
        """The same on another device; ``start`` stays where it is."""
        return Trials(self.bits.to(device), self.start, self.labels.to(device), self.live.to(device))


def sample_trials(
    task: TaskName,
    n_values: Sequence[Sequence[int]],
    n_trials: int,
    generators: list[np.random.Generator],
    k: int = 1,
    fair: bool = False,
) -> Trials:
    """Draw one batch per member, each with a length that fits its largest N.

    Parameters
    ----------
    n_values : sequence of sequences of int
        For each member the memory lengths that its heads answer for, in the order of the heads.
    generators : list of numpy.random.Generator
        One per member.
    k : int
        How often each bit is repeated; questions are about the bits without repetition.
    fair : bool
        Bits are as often 1 as 0 in the parity task too.
    """
    lengths = [sample_length(max(ns), rng) for ns, rng in zip(n_values, generators, strict=True)]
    longest, n_heads = max(lengths), max(len(ns) for ns in n_values)
    bits = torch.zeros(len(lengths), n_trials, longest)
    for member, (length, rng) in enumerate(zip(lengths, generators, strict=True)):
        drawn = sample_bits(task, n_trials, length, rng, fair)
        bits[member, :, longest - length :] = torch.from_numpy(drawn)
    live = torch.tensor([[head < len(ns) for head in range(n_heads)] for ns in n_values])
    padded = torch.tensor([[*ns, *[1] * (n_heads - len(ns))] for ns in n_values])
    every = labels(task, bits, range(1, int(padded.max()) + 1)).mT  # (member, N, trial)
    answers = every[torch.arange(len(lengths))[:, None], padded - 1]
    start = longest - torch.tensor(lengths)
    return Trials(bits.repeat_interleave(k, 2), start * k, answers, live)
