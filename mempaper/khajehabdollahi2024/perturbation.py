"""What damage does: perturbed weights and time constants, ablated units, accuracy on a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.task import TaskName, labels_in_time

Kind = Literal["normalized", "multiplicative", "additive"]
STEPS_AT_ONCE = 100


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
def ablate(network: LeakyRNN, unit: int | Tensor, head: int) -> None:
    """Remove a unit, in place: its recurrent weights both ways, its input, its weight to one head.

    ``unit`` is the same for all members, or one for each, (member,). The original
    cuts the readout of head 0 only, whichever head is evaluated.
    """
    member = torch.arange(network.n_members)
    network.w_rec[member, unit] = 0.0
    network.w_rec[member, :, unit] = 0.0
    network.w_in[member, 0, unit] = 0.0
    network.w_head[member, head, unit] = 0.0


def relative_accuracy(accuracy: Any, unperturbed: Any) -> Any:
    """Accuracy above chance as a share of what it was: 1 is undamaged, 0 is chance."""
    return (accuracy - 0.5) / (unperturbed - 0.5)


@torch.no_grad()
def stream_accuracy(
    network: LeakyRNN,
    task: TaskName,
    bits: Tensor,
    h: Tensor,
    asked: Sequence[tuple[int, int]],
    warm_up: int = 100,
) -> Tensor:
    """Share of right answers on endless streams, to several questions after every bit.

    Parameters
    ----------
    bits : Tensor, shape (member, trial, time)
    h : Tensor, shape (member, trial, unit)
    asked : sequence of (n, head)
        Memory lengths, and the heads that answer for them.
    warm_up : int
        First steps that do not count; at least the largest ``n - 1``.

    Returns
    -------
    Tensor, shape (member, trial, question)
    """
    longest = max(n for n, _ in asked)
    if warm_up < longest - 1:
        raise ValueError(
            f"warm_up is {warm_up}; a question about {longest} bits needs {longest - 1} at least"
        )
    n_heads = network.w_head.shape[1]
    for n, head in asked:
        if not 0 <= head < n_heads:
            raise ValueError(f"N = {n} is asked of head {head}; the network has {n_heads} heads")
    heads = [head for _, head in asked]
    answers = []
    for piece in bits.split(STEPS_AT_ONCE, 2):  # states of long streams would fill the memory
        states = network.unroll(piece, h)
        h = states[-1]
        logits = torch.einsum("tmbu,mqua->tmbqa", states, network.w_head[:, heads])
        answers.append((logits + network.b_head[:, heads, 0][:, None]).argmax(-1))
    counted = torch.cat(answers)[warm_up:].permute(1, 2, 3, 0)  # (member, trial, question, time)
    right = [labels_in_time(task, bits, n)[..., warm_up - (n - 1) :] for n, _ in asked]
    return (counted == torch.stack(right, 2)).float().mean(-1)


def streaming_accuracy(
    network: LeakyRNN, task: TaskName, bits: Tensor, h: Tensor, n: int, head: int, warm_up: int = 100
) -> Tensor:
    """Accuracy on one question, mean over trials, (member,); see :func:`stream_accuracy`."""
    return stream_accuracy(network, task, bits, h, [(n, head)], warm_up).mean((1, 2))
