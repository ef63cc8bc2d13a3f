"""Leaky recurrent networks whose time constants are trained with the weights.

One tensor program runs many members: states are ``(member, trial, unit)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mempaper.ensemble import repeated_product

Placement = Literal["default", "mod", "continuous"]
Activation = Literal["leakyrelu", "relu", "tanh", "sigmoid"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "leakyrelu": lambda x: F.leaky_relu(x, 0.01),
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
PLACEMENTS = ("default", "mod", "continuous")


class LeakyRNN(nn.Module):
    """Ensemble of leaky networks with one hidden layer and a readout head per memory length.

    With ``tau_c = max(tau, 1)`` and the drive ``u = W h + b_rec + w_in s + b_in``::

        default      h' = phi((1 - 1/tau_c) h + u/tau_c)
        mod          h' = (1 - 1/tau_c) h + phi(u)/tau_c
        continuous   as mod, with max(k tau, 1) in the place of tau_c

    There are no self-connections: the diagonal of W is set to zero, outside autograd, whenever a
    sequence begins. A tau that falls below 1 gets no gradient any more and stays where it is.

    Parameters
    ----------
    generators : list of numpy.random.Generator
        One per member; draws the initial values.
    n_units, n_heads : int
    placement : {'default', 'mod', 'continuous'}
        Where the leak stands, see above.
    activation : {'leakyrelu', 'relu', 'tanh', 'sigmoid'}
        The non-linearity phi; 'default' has leaky ReLU.
    fixed_tau : float, optional
        One time constant for all units that is not trained; by default each unit's starts between
        1 and 2 and is trained.

    Attributes
    ----------
    w_in, b_in, b_rec, tau : Parameter, shape (member, 1, unit)
    w_rec : Parameter, shape (member, from, to)
    w_head : Parameter, shape (member, head, unit, 2)
    b_head : Parameter, shape (member, head, 1, 2)
    """

    def __init__(
        self,
        generators: list[np.random.Generator],
        n_units: int,
        n_heads: int,
        *,
        placement: Placement = "default",
        activation: Activation = "leakyrelu",
        fixed_tau: float | None = None,
    ) -> None:
        super().__init__()
        if placement not in PLACEMENTS:
            raise ValueError(f"placement is {placement!r}; it must be one of {PLACEMENTS}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {activation!r}; it must be one of {tuple(ACTIVATIONS)}")
        if placement == "default" and activation != "leakyrelu":
            raise ValueError(f"activation is {activation!r}; 'default' networks have 'leakyrelu'")
        if fixed_tau is not None and fixed_tau < 1:
            raise ValueError(f"fixed_tau is {fixed_tau}; a time constant is at least 1 step")
        self.placement: Placement = placement
        self.activation: Activation = activation
        self.phi = ACTIVATIONS[activation]

        def uniform(bound: float, *shape: int) -> nn.Parameter:
            draws = np.stack([rng.uniform(-bound, bound, shape) for rng in generators])
            return nn.Parameter(torch.as_tensor(draws, dtype=torch.float32))

        bound = n_units**-0.5
        self.w_in = uniform(1.0, 1, n_units)
        self.b_in = uniform(1.0, 1, n_units)
        self.w_rec = uniform(bound, n_units, n_units)
        self.b_rec = uniform(bound, 1, n_units)
        start = np.stack([1 + rng.random((1, n_units)) for rng in generators])
        if fixed_tau is not None:
            start[...] = fixed_tau
        tau = torch.as_tensor(start, dtype=torch.float32)
        self.tau = nn.Parameter(tau, requires_grad=fixed_tau is None)
        heads = uniform(bound, n_heads, n_units + 1, 2).detach()  # head by head: the rest is the same
        self.w_head = nn.Parameter(heads[:, :, :-1].clone())  # whatever their number
        self.b_head = nn.Parameter(heads[:, :, -1:].clone())

    @classmethod
    def from_reference(
        cls,
        arrays: Mapping[str, np.ndarray],
        *,
        placement: Placement = "default",
        activation: Activation = "leakyrelu",
        fixed_tau: float | None = None,
    ) -> LeakyRNN:
        """One member from arrays in the original code's layout.

        Parameters
        ----------
        arrays : mapping
            ``w_in`` (unit, 1), ``b_in`` (unit,), ``w_rec`` (to, from), ``b_rec`` (unit,), ``tau``
            (unit,), ``w_head`` (head, 2, unit), ``b_head`` (head, 2).

        Raises
        ------
        ValueError
            An array is missing or has another shape than the others ask for.
        """
        names = ("w_in", "b_in", "w_rec", "b_rec", "tau", "w_head", "b_head")
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ValueError(f"the network lacks {', '.join(missing)}")
        n_units, n_heads = arrays["w_rec"].shape[0], arrays["w_head"].shape[0]
        expected = {
            "w_in": (n_units, 1),
            "w_rec": (n_units, n_units),
            "w_head": (n_heads, 2, n_units),
            "b_head": (n_heads, 2),
            **dict.fromkeys(("b_in", "b_rec", "tau"), (n_units,)),
        }
        for name, shape in expected.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has shape {arrays[name].shape}; expected {shape}")
        network = cls(
            [np.random.default_rng(0)],
            n_units,
            n_heads,
            placement=placement,
            activation=activation,
            fixed_tau=fixed_tau,
        )
        with torch.no_grad():
            for name in ("b_in", "b_rec", *(("tau",) if fixed_tau is None else ())):
                getattr(network, name)[0, 0] = torch.as_tensor(arrays[name])
            for name in ("w_in", "w_rec"):
                getattr(network, name)[0] = torch.as_tensor(arrays[name]).T
            network.w_head[0] = torch.as_tensor(arrays["w_head"]).mT
            network.b_head[0, :, 0] = torch.as_tensor(arrays["b_head"])
        return network

    @classmethod
    def from_members(
        cls,
        parameters: Mapping[str, Tensor],
        *,
        placement: Placement = "default",
        activation: Activation = "leakyrelu",
        trainable_tau: bool = True,
    ) -> LeakyRNN:
        """Networks with given parameters, each (member, ...) as among the attributes above."""
        network = object.__new__(cls)
        nn.Module.__init__(network)
        network.placement, network.activation = placement, activation
        network.phi = ACTIVATIONS[activation]
        for name in ("w_in", "b_in", "w_rec", "b_rec", "tau", "w_head", "b_head"):
            values = parameters[name].detach().float().clone()
            trained = trainable_tau or name != "tau"
            setattr(network, name, nn.Parameter(values, requires_grad=trained))
        return network

    def to_reference(self, member: int = 0) -> dict[str, np.ndarray]:
        """One member's arrays in the original code's layout, see :meth:`from_reference`."""
        one = {name: p.detach()[member].cpu().numpy() for name, p in self.named_parameters()}
        return {
            "w_in": one["w_in"].T,
            "w_rec": one["w_rec"].T,
            **{name: one[name][0] for name in ("b_in", "b_rec", "tau")},
            "w_head": one["w_head"].transpose(0, 2, 1),
            "b_head": one["b_head"][:, 0],
        }

    def select(self, members: Sequence[int]) -> LeakyRNN:
        """A copy with some of the members, in the order given; a member may be given twice."""
        index = torch.as_tensor(members, dtype=torch.int64, device=self.tau.device)
        return LeakyRNN.from_members(
            {name: p.detach()[index] for name, p in self.named_parameters()},
            placement=self.placement,
            activation=self.activation,
            trainable_tau=self.tau.requires_grad,
        )

    @property
    def n_members(self) -> int:
        """How many networks there are."""
        return self.tau.shape[0]

    @property
    def n_units(self) -> int:
        """How many units each has."""
        return self.tau.shape[2]

    @torch.no_grad()
    def clear_self_connections(self) -> None:
        """Set the diagonal of the recurrent weights to zero."""
        self.w_rec.diagonal(dim1=1, dim2=2).zero_()

    def time_constants(self, k: float = 1.0) -> Tensor:
        """``max(k tau, 1)``, (member, 1, unit); ``k`` steps make one input step in 'continuous'."""
        return (k * self.tau).clamp(min=1.0)

    def unroll(self, bits: Tensor, h: Tensor, start: Tensor | None = None, *, k: float = 1.0) -> Tensor:
        """Run sequences; returns the states after every step.

        Leak and recurrence of 'default' networks are folded into one matrix product per step.

        Parameters
        ----------
        bits : Tensor, shape (member, trial, time)
        h : Tensor, shape (member, trial, unit)
            Initial states.
        start : int64 Tensor, shape (member,), optional
            First step of each member's sequences; until then it stays in its initial state.
        k : float
            Steps per input step, of 'continuous' networks.

        Returns
        -------
        Tensor, shape (time, member, trial, unit)
        """
        self.clear_self_connections()
        rate = 1 / self.time_constants(k)
        keep, first = 1 - rate, h
        folded = self.placement == "default"
        scale = rate if folded else torch.ones_like(rate)
        weight, w_in = self.w_rec * scale, self.w_in * scale
        bias = (self.b_in + self.b_rec) * scale
        if folded:
            weight = weight + torch.diag_embed(keep.squeeze(1))
        add_product = repeated_product(weight)
        restarts = set() if start is None else set(start.tolist()) - {0}
        states = []
        for t, bit in enumerate(bits.unsqueeze(-1).unbind(2)):
            if t in restarts:
                assert start is not None
                h = torch.where((start == t).view(-1, 1, 1).to(h.device), first, h)
            drive = add_product(torch.addcmul(bias, bit, w_in), h)
            h = self.phi(drive) if folded else keep * h + rate * self.phi(drive)
            states.append(h)
        return torch.stack(states)

    def logits(self, h: Tensor, n_heads: int | None = None, heads: Tensor | None = None) -> Tensor:
        """Outputs of the first ``n_heads`` heads, or of ``heads``, (member, head, trial, 2).

        Parameters
        ----------
        h : Tensor, shape (member, trial, unit)
        n_heads : int, optional
            All by default.
        heads : int64 Tensor, shape (member, head), optional
            Which heads to evaluate, where members differ in that.
        """
        if heads is None:
            w, b = self.w_head[:, :n_heads], self.b_head[:, :n_heads]
        else:
            member = torch.arange(len(heads), device=heads.device)[:, None]
            w, b = self.w_head[member, heads], self.b_head[member, heads]
        return h.unsqueeze(1) @ w + b
