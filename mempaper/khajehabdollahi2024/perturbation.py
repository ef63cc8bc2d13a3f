"""What damage does: perturbed weights and time constants, ablated units, accuracy on a stream."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.task import TaskName, labels_in_time

Kind = Literal["normalized", "multiplicative", "additive"]


def perturbed(x: Tensor, draw: Tensor, size: float, kind: Kind = "normalized") -> Tensor:
    """Parameters after a random change.

    ``normalized``: ``x + size |x| d/|d|`` with Euclidean norms, so that ``size`` is relative.
    ``multiplicative``: ``x (1 + size d)``. ``additive``: ``x + size d``.

    Parameters
    ----------
    x, draw : Tensor of equal shape
        Parameters and random numbers: standard normal for recurrent weights, their absolute values
        for time constants that only grow, uniform for the multiplicative kind.
    size : float
    """
    if kind == "normalized":
        return x + size * x.norm() * draw / draw.norm()
    if kind == "multiplicative":
        return x * (1 + size * draw)
    if kind == "additive":
        return x + size * draw
    raise ValueError(f"kind is {kind!r}; it must be 'normalized', 'multiplicative' or 'additive'")


@torch.no_grad()
def silence_readout(network: LeakyRNN, units: list[int], head: int) -> None:
    """Cut units off from one head, in place."""
    network.w_head[:, head, units] = 0.0


@torch.no_grad()
def ablate(network: LeakyRNN, unit: int, head: int) -> None:
    """Remove a unit, in place: its recurrent weights both ways, its input, its weight to one head.

    The original cuts the readout of head 0 only, whichever head is evaluated.
    """
    network.w_rec[:, unit] = 0.0
    network.w_rec[:, :, unit] = 0.0
    network.w_in[:, :, unit] = 0.0
    silence_readout(network, [unit], head)


def relative_accuracy(accuracy: Tensor | float, unperturbed: float) -> Tensor | float:
    """Accuracy above chance as a share of what it was: 1 is undamaged, 0 is chance."""
    return (accuracy - 0.5) / (unperturbed - 0.5)


@torch.no_grad()
def streaming_accuracy(
    network: LeakyRNN, task: TaskName, bits: Tensor, h: Tensor, n: int, head: int, warm_up: int = 100
) -> Tensor:
    """Share of right answers on an endless stream, asked after every bit.

    Parameters
    ----------
    bits : Tensor, shape (member, trial, time)
    h : Tensor, shape (member, trial, unit)
    n : int
        Memory length that is asked for.
    head : int
        Head that answers.
    warm_up : int
        First steps that do not count; at least ``n - 1``.

    Returns
    -------
    Tensor, shape (member,)
    """
    if warm_up < n - 1:
        raise ValueError(f"warm_up is {warm_up}; a question about {n} bits needs {n - 1} at least")
    states = network.unroll(bits, h)[warm_up:]
    logits = states @ network.w_head[:, head] + network.b_head[:, head]
    answers = logits.argmax(-1)  # (time, member, trial)
    right = labels_in_time(task, bits, n)[..., warm_up - (n - 1) :]
    return (answers.permute(1, 2, 0) == right).float().mean((1, 2))
