"""LSTM and GRU networks with readout heads.

One tensor program holds many members: states are ``(member, trial, unit)``. Inputs are -1 and +1, and
every sequence begins with states of zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor, nn

from mempaper.ensemble import repeated_product

Product = Callable[[Tensor, Tensor], Tensor]
Kind = Literal["lstm", "gru"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GATES: dict[str, int] = {"lstm": 4, "gru": 3}  # blocks of a weight matrix: i, f, g, o and r, z, n
KEEP_GATE = 1  # block of the gate that weights the old state: f of the LSTM, z of the GRU


class Step(NamedTuple):
    """State and gates after one step.

    Attributes
    ----------
    h : Tensor, shape (member, trial, unit)
        Hidden state, which the heads read.
    memory : Tensor, shape (member, trial, unit)
        What is kept from step to step: the cell state of an LSTM; of a GRU, ``h`` again.
    keep : Tensor, shape (member, trial, unit)
        Share of the old memory that stays: the forget gate of an LSTM, the update gate of a GRU.
    gate : Tensor, shape (member, trial, unit)
        Output gate of an LSTM, reset gate of a GRU.
    """

    h: Tensor
    memory: Tensor
    keep: Tensor
    gate: Tensor


class GatedRNN(nn.Module):
    """Ensemble of networks with one layer of LSTM or GRU units and a readout head per memory length.

    With the input s and two bias vectors, as torch has them (* is element by element)::

        LSTM   i, f, o = sigmoid(w_in s + b_in + W h + b_rec), g = tanh(the same with its own weights)
               c' = f * c + i * g,  h' = o * tanh(c')
        GRU    r, z = sigmoid(w_in s + b_in + W h + b_rec),  n = tanh(w_in s + b_in + r * (W h + b_rec))
               h' = (1 - z) * n + z * h

    All initial values are uniform between ``+-1/sqrt(n_units)``.

    Parameters
    ----------
    generators : list of numpy.random.Generator
        One per member; draws the initial values.
    kind : {'lstm', 'gru'}
    n_units, n_heads : int

    Attributes
    ----------
    w_in : Parameter, shape (member, 1, gate * unit)
        Gates in the order i, f, g, o or r, z, n.
    w_rec : Parameter, shape (member, from, gate * unit)
    b_in, b_rec : Parameter, shape (member, 1, gate * unit)
    w_head : Parameter, shape (member, head, unit, 2)
    b_head : Parameter, shape (member, head, 1, 2)
    """

    def __init__(
        self, generators: list[np.random.Generator], kind: Kind, n_units: int, n_heads: int
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}")
        self.kind: Kind = kind

        def uniform(*shape: int) -> nn.Parameter:
            draws = np.stack([rng.uniform(-(n_units**-0.5), n_units**-0.5, shape) for rng in generators])
            return nn.Parameter(torch.as_tensor(draws, dtype=torch.float32))

        width = GATES[kind] * n_units
        self.w_in = uniform(1, width)
        self.w_rec = uniform(n_units, width)
        self.b_in = uniform(1, width)
        self.b_rec = uniform(1, width)
        heads = uniform(n_heads, n_units + 1, 2).detach()  # head by head: the rest is the same
        self.w_head = nn.Parameter(heads[:, :, :-1].clone())  # whatever their number
        self.b_head = nn.Parameter(heads[:, :, -1:].clone())

    @classmethod
    def from_members(cls, kind: Kind, arrays: Mapping[str, Tensor]) -> GatedRNN:
        """Networks from their parameters, which are copied; names and shapes as in Attributes."""
        network = object.__new__(cls)
        nn.Module.__init__(network)
        network.kind = kind
        for name in ("w_in", "w_rec", "b_in", "b_rec", "w_head", "b_head"):
            setattr(network, name, nn.Parameter(arrays[name].detach().clone().float()))
        return network

    @classmethod
    def from_reference(cls, kind: Kind, arrays: Mapping[str, np.ndarray]) -> GatedRNN:
        """One member from arrays in torch's layout.

        Parameters
        ----------
        kind : {'lstm', 'gru'}
        arrays : mapping
            ``w_ih`` (gate * unit, 1), ``w_hh`` (gate * unit, from), ``b_ih``, ``b_hh``
            (gate * unit,), ``w_head`` (head, 2, unit), ``b_head`` (head, 2).

        Raises
        ------
        ValueError
            An array is missing or has another shape than the others ask for.
        """
        missing = [n for n in ("w_ih", "w_hh", "b_ih", "b_hh", "w_head", "b_head") if n not in arrays]
        if missing:
            raise ValueError(f"the network lacks {', '.join(missing)}")
        n_units, n_heads = arrays["w_hh"].shape[-1], arrays["w_head"].shape[0]
        width = GATES[kind] * n_units
        expected = {
            "w_ih": (width, 1),
            "w_hh": (width, n_units),
            "b_ih": (width,),
            "b_hh": (width,),
            "w_head": (n_heads, 2, n_units),
            "b_head": (n_heads, 2),
        }
        for name, shape in expected.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has shape {arrays[name].shape}; expected {shape}")
        one = {name: torch.as_tensor(arrays[name]) for name in expected}
        return cls.from_members(
            kind,
            {
                "w_in": one["w_ih"].T[None],
                "w_rec": one["w_hh"].T[None],
                "b_in": one["b_ih"][None, None],
                "b_rec": one["b_hh"][None, None],
                "w_head": one["w_head"].mT[None],
                "b_head": one["b_head"][None, :, None],
            },
        )

    def to_reference(self, member: int = 0) -> dict[str, np.ndarray]:
        """One member's arrays in torch's layout, see :meth:`from_reference`."""
        one = {name: p.detach()[member].cpu().numpy() for name, p in self.named_parameters()}
        return {
            "w_ih": one["w_in"].T,
            "w_hh": one["w_rec"].T,
            "b_ih": one["b_in"][0],
            "b_hh": one["b_rec"][0],
            "w_head": one["w_head"].transpose(0, 2, 1),
            "b_head": one["b_head"][:, 0],
        }

    def select(self, members: Sequence[int]) -> GatedRNN:
        """A copy with some of the members, in the order given; a member may be given twice."""
        index = torch.as_tensor(members, dtype=torch.int64, device=self.w_rec.device)
        return self.from_members(self.kind, {n: p[index] for n, p in self.named_parameters()})

    @property
    def n_members(self) -> int:
        """How many networks there are."""
        return self.w_rec.shape[0]

    @property
    def n_units(self) -> int:
        """How many units each has."""
        return self.w_rec.shape[1]

    def start(self, n_trials: int) -> tuple[Tensor, Tensor]:
        """States of zero, ``h`` and ``memory`` of :class:`Step`."""
        zero = self.w_rec.new_zeros(self.n_members, n_trials, self.n_units)
        return zero, zero

    def step(
        self,
        x: Tensor,
        h: Tensor,
        memory: Tensor,
        members: slice = slice(None),
        product: Product | None = None,
    ) -> Step:
        """One step.

        Parameters
        ----------
        x : Tensor, shape (member, trial)
            Inputs, -1 or +1.
        h, memory : Tensor, shape (member, trial, unit)
            The state, see :class:`Step`.
        members : slice
            Who makes it; ``x``, ``h`` and ``memory`` are of these alone.
        product : callable, optional
            What :func:`~mempaper.ensemble.repeated_product` makes of their recurrent weights, for many
            steps.
        """
        drive = torch.addcmul(self.b_in[members], x.unsqueeze(-1), self.w_in[members])
        if product is None:
            recurrent = torch.baddbmm(self.b_rec[members], h, self.w_rec[members])
        else:
            recurrent = product(self.b_rec[members], h)
        if self.kind == "lstm":
            i, f, g, o = (drive + recurrent).chunk(4, -1)
            f, o = torch.sigmoid(f), torch.sigmoid(o)
            memory = torch.addcmul(f * memory, torch.sigmoid(i), torch.tanh(g))
            return Step(o * torch.tanh(memory), memory, f, o)
        (in_r, in_z, in_n), (rec_r, rec_z, rec_n) = drive.chunk(3, -1), recurrent.chunk(3, -1)
        r, z = torch.sigmoid(in_r + rec_r), torch.sigmoid(in_z + rec_z)
        h = torch.lerp(torch.tanh(torch.addcmul(in_n, r, rec_n)), h, z)
        return Step(h, h, z, r)

    def runs(self) -> list[slice]:
        """Members to :meth:`unroll` at once in training, with a backward pass after each.

        Measured with 64 units, 64 trials, four members and sequences as for N = 8 and N = 14, on one
        core: an LSTM of torch's own, one member after the other, takes half the time of four members
        step by step, if each is differentiated before the next one runs (otherwise its buffers leave
        the cache and all is lost). A GRU of torch's own takes 1.6 times as long as the four together.
        With 500 units and one member the LSTM's factor is the same and the GRU's is 1.
        """
        if self.kind == "gru":
            return [slice(0, self.n_members)]
        return [slice(member, member + 1) for member in range(self.n_members)]

    def unroll(self, x: Tensor, start: Tensor | None = None, members: slice = slice(None)) -> Tensor:
        """Run sequences from states of zero; returns the hidden states at the end.

        Parameters
        ----------
        x : Tensor, shape (member, trial, time)
            Inputs, -1 or +1.
        start : int64 Tensor, shape (member,), optional
            First step of each member's sequences.
        members : slice
            Who runs; ``x`` and ``start`` are of these alone.

        Returns
        -------
        Tensor, shape (member, trial, unit)
        """
        starts = [0] * len(x) if start is None else start.tolist()
        return (self._fused if self.kind == "lstm" else self._stepwise)(x, starts, members)

    def _fused(self, x: Tensor, starts: list[int], members: slice) -> Tensor:
        """One LSTM of torch's own per member, each over its own steps."""
        parameters = (self.w_in.mT, self.w_rec.mT, self.b_in.squeeze(1), self.b_rec.squeeze(1))
        weights = zip(*(p[members] for p in parameters), strict=True)
        zero = x.new_zeros(1, x.shape[1], self.n_units)
        final = []
        for own, first, member_weights in zip(x, starts, weights, strict=True):
            steps = own[:, first:].T.unsqueeze(-1)  # (time, trial, 1)
            flags = (True, 1, 0.0, torch.is_grad_enabled(), False, False)  # biases, one layer, ...
            _, h, _ = torch.lstm(steps, (zero, zero), member_weights, *flags)
            final.append(h)
        return torch.cat(final)

    def _stepwise(self, x: Tensor, starts: list[int], members: slice) -> Tensor:
        """All members together; each one's state is zero until its sequences begin."""
        h = memory = x.new_zeros(*x.shape[:2], self.n_units)
        begin = torch.tensor(starts, device=x.device).view(-1, 1, 1)
        restarts = set(starts) - {0}
        product = repeated_product(self.w_rec[members])
        for t, inputs in enumerate(x.unbind(2)):
            if t in restarts:
                h = h.masked_fill(begin == t, 0.0)
                memory = memory.masked_fill(begin == t, 0.0)
            h, memory, *_ = self.step(inputs, h, memory, members, product)
        return h

    def logits(self, h: Tensor, n_heads: int | None = None, members: slice = slice(None)) -> Tensor:
        """Outputs of the first ``n_heads`` heads, (member, head, trial, 2).

        Parameters
        ----------
        h : Tensor, shape (member, trial, unit)
        n_heads : int, optional
            All by default.
        members : slice
            Whose states these are.
        """
        return h.unsqueeze(1) @ self.w_head[members, :n_heads] + self.b_head[members, :n_heads]

    def bias_timescales(self) -> Tensor:
        """``1/(1 - sigmoid(b_in + b_rec))`` of the gate that keeps the memory, (member, unit).

        How long a unit would remember, in steps, if its forget gate (GRU: update gate) were driven
        by its biases alone.
        """
        n = self.n_units
        bias = (self.b_in + self.b_rec).detach()[:, 0, KEEP_GATE * n : (KEEP_GATE + 1) * n]
        return 1 / (1 - torch.sigmoid(bias))


def gate_timescale(keep: Tensor | np.ndarray | float) -> Tensor | np.ndarray | float:
    """``1/(1 - g)`` with g the mean of a forget or update gate: steps until a memory has faded."""
    return 1 / (1 - keep)
