"""Layers with a leading member axis: many seeds train in one tensor program.

Small recurrent networks are bound by the overhead of calling kernels, not by arithmetic, so networks
that differ only in their seed are stacked: data are ``(member, trial, feature)`` and weights
``(member, in, out)``. No operation mixes members, losses are summed over members and Adam works
element by element, so each member learns exactly what it would learn alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGE = 128  # units from which arithmetic takes longer than calling kernels
FEW_TRIALS, FEW_TRIALS_TOGETHER = 16, 8
ONE_DNN_FROM = 128  # units, or rows that are multiplied: smaller products are as fast without


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


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread_each() -> None:
    """Have the processes that this one starts use one thread each, whatever library makes threads."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """Within it a GPU computes the same numbers every time; where torch cannot, it warns and goes on."""
    if not device.startswith("cuda"):
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)


def members_together(units: int, batch_size: int = 1, *, fused: bool = False) -> int | None:
    """How many networks learn fastest as one ensemble on one core: the measured rule, in one place.

    Small networks are bound by the overhead of calling kernels, so any number shares it (11 to 15
    times faster at 34 to 64 units). From 128 units on the arithmetic counts: with one or a few trials
    per update eight networks still gain (1.7 times at 194 units, more networks no further), with
    large batches none (below 1 at 500 units). torch's fused LSTM takes one network at a time and is
    faster by itself than any ensemble of cells written by hand.

    Parameters
    ----------
    units : int
        Of the recurrent layer.
    batch_size : int
        Trials per update.
    fused : bool
        Whether the networks are ``nn.LSTM`` modules.

    Returns
    -------
    int, or None for as many as there are
    """
    if fused:
        return 1
    if units < LARGE:
        return None
    return FEW_TRIALS_TOGETHER if batch_size < FEW_TRIALS else 1


def _times_transposed(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b.T`` by oneDNN."""
    return F.linear(*(x.contiguous().to_mkldnn() for x in (a, b))).to_dense()


class _Product(torch.autograd.Function):
    """``h @ weight`` by oneDNN, given ``weight`` also in oneDNN's own format, plain and transposed."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, plain: Tensor, transposed: Tensor) -> Tensor:
        ctx.save_for_backward(h)
        ctx.plain = plain
        return F.linear(h.to_mkldnn(), transposed).to_dense()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (h,), (gradient,) = ctx.saved_tensors, gradients
        of_h = F.linear(gradient.contiguous().to_mkldnn(), ctx.plain).to_dense()
        if not ctx.needs_input_grad[1]:
            return of_h, None, None, None
        return of_h, _times_transposed(h.T, gradient.T), None, None


def _wide(weight: Tensor) -> bool:
    """Whether products with ``weight`` (..., in, out) are oneDNN's."""
    here = weight.device.type == "cpu" and torch.backends.mkldnn.is_available()
    return here and min(weight.shape[-2:]) >= ONE_DNN_FROM and weight.dtype == torch.float32


def repeated_product(weight: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """A function ``(bias, h) -> bias + h @ weight`` for many calls with the same weights.

    For one large network on the CPU the product is oneDNN's, which uses wide vector instructions on
    processors where torch's default library does not: on such a machine it is twice as fast.

    Parameters
    ----------
    weight : Tensor, shape (member, in, out)

    Returns
    -------
    callable
        Takes ``bias``, which may be broadcast to (member, trial, out), and ``h`` (member, trial, in).
    """
    if len(weight) > 1 or not _wide(weight):
        return lambda bias, h: torch.baddbmm(bias, h, weight)
    one = weight[0]
    plain, transposed = (x.detach().contiguous().to_mkldnn() for x in (one, one.T))

    def add_product(bias: Tensor, h: Tensor) -> Tensor:
        product = _Product.apply(h[0], one, plain, transposed)
        return bias + product

    return add_product


class _Linear(torch.autograd.Function):
    """``x @ weight.T + bias`` by oneDNN, x (row, in)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(x.to_mkldnn(), weight.to_mkldnn(), bias.to_mkldnn()).to_dense()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = _times_transposed(gradient, weight.T)
        if ctx.needs_input_grad[1]:
            of_weight, of_bias = _times_transposed(gradient.T, x.T), gradient.sum(0)
        return of_x, of_weight, of_bias


class WideLinear(nn.Linear):
    """``nn.Linear`` whose products are oneDNN's where that is worth it: see :func:`repeated_product`."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., in)`` to ``(..., out)``."""
        few_rows = x[..., 0].numel() < ONE_DNN_FROM
        if few_rows or self.bias is None or not _wide(self.weight):
            return super().forward(x)
        return _Linear.apply(x.flatten(0, -2), self.weight, self.bias).unflatten(0, x.shape[:-1])


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
