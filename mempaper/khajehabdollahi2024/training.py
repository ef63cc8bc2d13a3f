"""The training step: loss over the heads in training, clipping, Nesterov descent."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mempaper.ensemble import clip_grad_norm_per_member
from mempaper.khajehabdollahi2024.model import LeakyRNN

MAX_GRADIENT_NORM = 2.0


def heads_loss(logits: Tensor, labels: Tensor, live: Tensor | None = None) -> Tensor:
    """Cross-entropy, mean over trials, **summed** over heads, (member,).

    Parameters
    ----------
    logits : Tensor, shape (member, head, trial, 2)
    labels : int64 Tensor, shape (member, head, trial)
    live : bool Tensor, shape (member, head), optional
        Heads that a member trains; all by default.
    """
    entropy = F.cross_entropy(logits.flatten(0, 2), labels.flatten(), reduction="none")
    by_head = entropy.view(labels.shape).mean(-1)
    if live is not None:
        by_head = by_head * live
    return by_head.sum(-1)


def heads_accuracy(logits: Tensor, labels: Tensor, live: Tensor) -> Tensor:
    """Share of right answers, (member, head); not a number for heads that are not live.

    Parameters are those of :func:`heads_loss`.
    """
    accuracy = (logits.argmax(-1) == labels).double().mean(-1)
    return accuracy.masked_fill(~live, torch.nan)


def new_optimizer(
    network: LeakyRNN, learning_rate: float = 0.05, tau_factor: float = 1.0
) -> torch.optim.SGD:
    """Nesterov descent with momentum 0.1; ``tau_factor`` multiplies the rate of the time constants."""
    weights = [p for name, p in network.named_parameters() if name != "tau"]
    groups: list[dict[str, object]] = [{"params": weights}]
    if network.tau.requires_grad:
        groups.append({"params": [network.tau], "lr": tau_factor * learning_rate})
    return torch.optim.SGD(groups, lr=learning_rate, momentum=0.1, nesterov=True)


def update(
    network: LeakyRNN,
    optimizer: torch.optim.Optimizer,
    bits: Tensor,
    labels: Tensor,
    h: Tensor,
    start: Tensor | None = None,
    live: Tensor | None = None,
    *,
    heads: Tensor | None = None,
    k: int = 1,
) -> tuple[Tensor, Tensor]:
    """One update of every member.

    Parameters
    ----------
    bits, start, k :
        See :meth:`LeakyRNN.unroll`.
    labels, live :
        See :func:`heads_loss`; only the heads that ``labels`` has are evaluated.
    h : Tensor, shape (member, trial, unit)
    heads : int64 Tensor, shape (member, head), optional
        Heads that answer; the first ones by default.

    Returns
    -------
    loss, norm : Tensor, shape (member,)
        Loss before the update, and the gradient's norm before it is clipped.
    """
    final = network.unroll(bits, h, start, k=k)[-1]
    loss = heads_loss(network.logits(final, labels.shape[1], heads), labels, live)
    optimizer.zero_grad()
    loss.sum().backward()
    norm = clip_grad_norm_per_member(network.parameters(), MAX_GRADIENT_NORM)
    optimizer.step()
    return loss.detach(), norm
