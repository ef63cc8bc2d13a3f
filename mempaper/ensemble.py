"""Layers with a leading member axis: many seeds train in one tensor program.

Small recurrent networks are bound by the overhead of calling kernels, not by arithmetic, so networks
that differ only in their seed are stacked: data are ``(member, trial, feature)`` and weights
``(member, in, out)``. No operation mixes members, losses are summed over members and Adam works
element by element, so each member learns exactly what it would learn alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn


def member_generators(seed: int, n_members: int, *stream: int) -> list[np.random.Generator]:
    """One independent random generator per member.

    Member ``m`` draws the same numbers whether it is trained alone (``seed + m``) or in an ensemble.

    Parameters
    ----------
    seed : int
        Seed of the first member; member ``m`` has ``seed + m``.
    n_members : int
    *stream : int
        Names an independent stream of the same seed, e.g. one per epoch, so that a run resumed at
        epoch ``k`` draws what an unbroken run draws.
    """
    return [np.random.default_rng([seed + member, *stream]) for member in range(n_members)]


def orthogonal(rows: int, columns: int, rng: np.random.Generator, gain: float = 1.0) -> Tensor:
    """Random matrix ``(rows, columns)`` with orthonormal rows or columns, whichever are fewer."""
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))  # makes the draw uniform over orthogonal matrices
    matrix = q if rows >= columns else q.T
    return torch.as_tensor(gain * matrix, dtype=torch.float32)


class EnsembleLinear(nn.Module):
    """``n_members`` independent linear layers, orthogonally initialised, with zero biases.

    Parameters
    ----------
    generators : list of numpy.random.Generator
        One per member; draws the weights.
    in_features, out_features : int
    bias : bool
    gain : float
        Scale of the orthogonal weights.

    Attributes
    ----------
    weight : Parameter, shape (member, in, out)
    bias : Parameter, shape (member, 1, out), or None
    """

    def __init__(
        self,
        generators: list[np.random.Generator],
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        weights = [orthogonal(out_features, in_features, rng, gain).T for rng in generators]
        self.weight = nn.Parameter(torch.stack(weights).contiguous())
        self.bias = nn.Parameter(torch.zeros(len(generators), 1, out_features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(member, trial, in)`` to ``(member, trial, out)``."""
        if self.bias is None:
            return torch.bmm(x, self.weight)
        return torch.baddbmm(self.bias, x, self.weight)


@torch.no_grad()
def clip_grad_norm_per_member(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale each member's gradient so that its norm is at most ``max_norm``.

    Parameters
    ----------
    parameters : iterable of Tensor, each (member, ...)
    max_norm : float

    Returns
    -------
    Tensor, shape (member,)
        The norms before clipping.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients])
    norm = squares.sum(0).sqrt()
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for g in gradients:
        g.mul_(scale.view(-1, *[1] * (g.dim() - 1)))
    return norm
