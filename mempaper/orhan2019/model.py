"""Rectified-linear recurrent networks, plain or with fast Hebbian weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mempaper.ensemble import orthogonal, repeated_product

ModelName = Literal["leinit", "hebbian", "orthogonal", "gru"]
MOST_PRODUCT = 100.0  # of the activities of two successive steps, in the Hebbian term


def glorot_normal(rng: np.random.Generator, n_in: int, n_out: int, gain: float) -> Tensor:
    """Normal weights (in, out) of standard deviation ``gain * sqrt(2 / (in + out))``."""
    drawn = rng.standard_normal((n_in, n_out)) * gain * np.sqrt(2 / (n_in + n_out))
    return torch.as_tensor(drawn, dtype=torch.float32)


def coupled(rng: np.random.Generator, n_units: int, lambda0: float, sigma0: float) -> Tensor:
    """``lambda0`` on the diagonal, off it normal weights of standard deviation ``sigma0 / sqrt(N)``."""
    drawn = rng.standard_normal((n_units, n_units)) * sigma0 / np.sqrt(n_units)
    np.fill_diagonal(drawn, lambda0)
    return torch.as_tensor(drawn, dtype=torch.float32)


@dataclass(frozen=True)
class Start:
    """How one network begins.

    Attributes
    ----------
    rng : numpy.random.Generator
        Draws the weights; networks of one seed draw the same numbers whatever their scales are.
    lambda0, sigma0 : float
        Self-weight, and standard deviation of the other recurrent weights times sqrt(N).
    """

    rng: np.random.Generator
    lambda0: float
    sigma0: float


class RateNetworks(nn.Module):
    """Networks of rectified-linear units, several members in one tensor program.

    ``h_t = relu(x_t W_in + b_in + h_{t-1} W_hh + b_hh + gamma h_{t-2} clip(h_{t-2} . h_{t-1}))`` with
    ``h_0 = 0``, and ``y_t = g(h_t W_out + b_out)``. The last term is a rank-one symmetric matrix of
    fast weights, made anew at every step; its scalar product is clipped to [0, 100].

    Parameters
    ----------
    starts : list of Start
        One per member.
    n_inputs, n_units, n_outputs : int
    choice : bool
        Whether g is a sigmoid, not the identity.
    gamma : float
        Of the Hebbian term; 0 leaves it out.
    model : {'leinit', 'hebbian', 'orthogonal'}
        'orthogonal' begins with an orthogonal ``W_hh`` times ``lambda0`` and has no ``sigma0``.
    clip : float, optional
        Limit of each element of the gradient with respect to a pre-activation (the Hebbian term
        not included), at every step, separately for the two losses of :meth:`tails`.

    Attributes
    ----------
    W_in, W_hh, W_out : Parameter, shape (member, in, unit), (member, pre, post), (member, unit, out)
    b_in, b_hh, b_out : Parameter, shape (member, 1, unit or out)
        The two biases of a unit act on the same sum.
    """

    def __init__(
        self,
        starts: list[Start],
        n_inputs: int,
        n_units: int,
        n_outputs: int,
        *,
        choice: bool,
        gamma: float = 0.0,
        model: ModelName = "leinit",
        clip: float | None = 100.0,
    ) -> None:
        super().__init__()
        self.choice, self.gamma, self.clip = choice, gamma, clip
        w_in, w_hh, w_out = [], [], []
        for start in starts:
            w_in.append(glorot_normal(start.rng, n_inputs, n_units, 0.95))
            w_out.append(glorot_normal(start.rng, n_units, n_outputs, 0.95))
            if model == "orthogonal":
                w_hh.append(orthogonal(n_units, n_units, start.rng, start.lambda0))
            else:
                w_hh.append(coupled(start.rng, n_units, start.lambda0, start.sigma0))
        self.W_in, self.W_hh, self.W_out = (nn.Parameter(torch.stack(w)) for w in (w_in, w_hh, w_out))
        self.b_in, self.b_hh, self.b_out = (
            nn.Parameter(torch.zeros(len(starts), 1, n)) for n in (n_units, n_units, n_outputs)
        )

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return len(self.W_in)

    def step(self, x: Tensor, h: Tensor, before: Tensor) -> Tensor:
        """One step; :meth:`unroll` takes many of them.

        Parameters
        ----------
        x : Tensor, shape (member, trial, in)
        h, before : Tensor, shape (member, trial, unit)
            Activity one and two steps ago.
        """
        a = x @ self.W_in + self.b_in + h @ self.W_hh + self.b_hh
        product = (before * h).sum(-1, keepdim=True).clamp(0, MOST_PRODUCT)
        return torch.relu(a + self.gamma * before * product)

    def unroll(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Activity (member, trial, time, unit) without gradient.

        Parameters
        ----------
        x : Tensor, shape (group, trial, time, in)
            Members are in equal groups; a group's members see the same trials. Members count
            through the groups fastest: member ``m`` is in group ``m % n_groups``.
        mask : bool Tensor, shape (group, trial, time), optional
            False keeps the activity as it is.
        """
        with torch.no_grad():
            h = _activity(x, mask, self.W_in, self.b_in + self.b_hh, self.W_hh, self.gamma)
        return h.transpose(1, 2)

    def tails(
        self, x: Tensor, mask: Tensor | None, n_task: int, n_penalty: int
    ) -> tuple[Tensor, Tensor]:
        """The activity of the last steps, twice, with gradients that are clipped apart.

        Parameters
        ----------
        x, mask : Tensor
            As in :meth:`unroll`.
        n_task, n_penalty : int
            How many steps the task loss and the activity penalty look at.

        Returns
        -------
        two Tensors, shapes (member, n_task, trial, unit) and (member, n_penalty, trial, unit)
        """
        return _Tails.apply(
            x, mask, self.W_in, self.b_in, self.W_hh, self.b_hh, self.gamma, self.clip, n_task, n_penalty
        )

    def readout(self, h: Tensor) -> Tensor:
        """Outputs of activities (member, a, b, unit) that may have any two axes in the middle."""
        return outputs(h, self.W_out, self.b_out, self.choice)


def outputs(h: Tensor, weight: Tensor, bias: Tensor, choice: bool) -> Tensor:
    """Linear or sigmoid outputs of activities (member, a, b, unit)."""
    y = torch.baddbmm(bias, h.flatten(1, 2), weight).unflatten(1, h.shape[1:3])
    return torch.sigmoid(y) if choice else y


def _project(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Inputs (group, trial, time, in) to (member, time, trial, unit)."""
    n_groups, _, n_steps, n_in = x.shape
    flat = x.transpose(1, 2).reshape(n_groups, -1, n_in)  # (group, time * trial, in)
    by_group = weight.view(-1, n_groups, *weight.shape[1:])  # (point, group, in, unit)
    projected = (flat @ by_group).flatten(0, 1)
    return projected.add_(bias).unflatten(1, (n_steps, -1))


def spread(mask: Tensor, n_members: int) -> Tensor:
    """A mask (group, trial, time) as (time, member, trial, 1)."""
    return mask.repeat(n_members // len(mask), 1, 1).permute(2, 0, 1)[..., None]


def _activity(
    x: Tensor, mask: Tensor | None, w_in: Tensor, bias: Tensor, w_hh: Tensor, gamma: float
) -> Tensor:
    """Activity (member, time, trial, unit)."""
    h = _project(x, w_in, bias)  # from the first to the last step it turns into the activity
    add_product = repeated_product(w_hh)
    goes_on = None if mask is None else spread(mask, len(h))
    for t in range(h.shape[1]):
        a = h[:, t]
        if t > 0:
            a = add_product(a, h[:, t - 1])
        if t > 1 and gamma:
            before = h[:, t - 2]
            product = (before * h[:, t - 1]).sum(-1, keepdim=True).clamp_(0, MOST_PRODUCT)
            a = a + gamma * before * product
        torch.clamp_min(a, 0, out=h[:, t])
        if goes_on is not None and t > 0:
            h[:, t] = torch.where(goes_on[t], h[:, t], h[:, t - 1])
    return h


class _Tails(torch.autograd.Function):
    """:meth:`RateNetworks.tails`, with its backward pass by hand."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mask: Tensor | None,
        w_in: Tensor,
        b_in: Tensor,
        w_hh: Tensor,
        b_hh: Tensor,
        gamma: float,
        clip: float | None,
        n_task: int,
        n_penalty: int,
    ) -> tuple[Tensor, Tensor]:
        h = _activity(x, mask, w_in, b_in + b_hh, w_hh, gamma)
        ctx.save_for_backward(x, mask, w_hh, h)
        ctx.gamma, ctx.clip = gamma, clip
        return h[:, -n_task:].clone(), h[:, -n_penalty:].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, mask, w_hh, h = ctx.saved_tensors
        of_a = _back_through_time(gradients, mask, w_hh, h, ctx.gamma, ctx.clip)
        flat = x.transpose(1, 2).flatten(1, 2).repeat(len(h) // len(x), 1, 1)
        of_w_in = flat.mT @ of_a.flatten(1, 2)
        of_w_hh = h[:, :-1].flatten(1, 2).mT @ of_a[:, 1:].flatten(1, 2)
        of_b = of_a.sum((1, 2)).unsqueeze(1)
        return None, None, of_w_in, of_b, of_w_hh, of_b.clone(), None, None, None, None


def _back_through_time(
    gradients: tuple[Tensor, ...],
    mask: Tensor | None,
    w_hh: Tensor,
    h: Tensor,
    gamma: float,
    clip: float | None,
) -> Tensor:
    """Clipped gradient of the sum of two losses with respect to every pre-activation.

    Parameters
    ----------
    gradients : two Tensors, each (member, its last steps, trial, unit)
        Of each loss with respect to the activity. Where there is no clip one pass takes their sum.
    h : Tensor, shape (member, time, trial, unit)

    Returns
    -------
    Tensor, shape (member, time, trial, unit)
    """
    n_members, n_steps, n_trials, _ = h.shape
    streams = 1 if clip is None else len(gradients)
    add_product = repeated_product(w_hh.mT.contiguous())
    goes_on = None if mask is None else spread(mask, n_members).repeat(1, 1, streams, 1)
    of_a = torch.empty_like(h)
    blank = h.new_zeros(n_members, streams * n_trials, h.shape[-1])
    of_h, of_before = blank, blank  # of the activity at t, and what is known of that at t - 1
    for t in range(n_steps - 1, -1, -1):
        for number, given in enumerate(gradients):
            place = t - n_steps + given.shape[1]
            if place >= 0:
                rows = slice(number % streams * n_trials, (number % streams + 1) * n_trials)
                of_h = of_h.clone() if of_h is blank else of_h
                of_h[:, rows] += given[:, place]
        back = of_before
        moved = of_h * _for_each(h[:, t], streams).sign()  # activities are positive or 0
        if goes_on is not None:
            back = back + torch.where(goes_on[t], 0.0, of_h)
            moved = torch.where(goes_on[t], moved, 0.0)
        clipped = moved if clip is None else moved.clamp(-clip, clip)
        of_a[:, t] = clipped.unflatten(1, (streams, -1)).sum(1) if streams > 1 else clipped
        if t == 0:
            break
        of_before = blank
        if gamma and t > 1:
            one, two = (_for_each(h[:, t - k], streams) for k in (1, 2))
            product = (two * one).sum(-1, keepdim=True)
            within = (product >= 0) & (product <= MOST_PRODUCT)
            of_product = gamma * (moved * two).sum(-1, keepdim=True) * within
            back = back + of_product * two
            of_before = of_product * one + gamma * moved * product.clamp(0, MOST_PRODUCT)
        of_h = add_product(back, clipped)
    return of_a


def _for_each(h: Tensor, streams: int) -> Tensor:
    """Activity (member, trial, unit) once per loss, (member, streams * trial, unit)."""
    return h if streams == 1 else h.repeat(1, streams, 1)
