"""The LSTM with an episodic memory whose recall it gates itself (Lu et al. 2022, Methods).

Trials of an ensemble lead with ``(member, trial)``. One step, with z = W_i x + b_i + W_h h + b_h::

    f, o, i = sigmoid(z[:3H]);  u = tanh(z[3H:])
    c' = f c + i u;  h' = o tanh(c');  d' = relu(W_d h' + b_d)
    g = sigmoid(w_g [c'; d'] + b_g)                          the gate, input strength of the LCA
    s_k = cosine(c', m_k);  V = LCA(g s);  r = sum_k V_k m_k   what is recalled
    c = c' + r;  h = o tanh(c);  d = relu(W_d h + b_d);  pi = softmax(W_a d + b_a);  v = w_v d + b_v

The postgating model recalls with a fixed input strength, V = LCA(.3 s), and its gate sees and scales
what came: g = sigmoid(w_g [r; c'; d'] + b_g), c = c' + g r. No gradient reaches the memories m_k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mempaper.ensemble import EnsembleLinear
from mempaper.memory import CompetingAccumulators

Gating = Literal["pre", "post"]
POSTGATING_STRENGTH = 0.3  # input strength of the LCA where the gate comes after recall


class Rollout(NamedTuple):
    """Some steps of all trials.

    Attributes
    ----------
    h, c : Tensor, shape (member, trial, time, unit)
        States after recall.
    before : Tensor, shape (member, trial, time, unit)
        Cell state c' before recall.
    gate : Tensor, shape (member, trial, time)
        0 where retrieval was off.
    recalled : Tensor, shape (member, trial, time, unit)
        r, before the gate of the postgating model scales it.
    activation : Tensor, shape (member, trial, time, entry)
        Recall strength V of each memory.
    """

    h: Tensor
    c: Tensor
    before: Tensor
    gate: Tensor
    recalled: Tensor
    activation: Tensor


class Heads(NamedTuple):
    """What is read from the hidden state.

    Attributes
    ----------
    policy : Tensor, shape (member, trial, time, action)
        Probabilities; the last action is "don't know".
    value : Tensor, shape (member, trial, time)
    decision : Tensor, shape (member, trial, time, decision unit)
        The decision layer d.
    """

    policy: Tensor
    value: Tensor
    decision: Tensor


@dataclass(frozen=True)
class _Recall:
    """What :class:`_Unroll` needs besides tensors."""

    accumulators: CompetingAccumulators
    gating: Gating
    retrieve: tuple[bool, ...]
    keep: bool  # what the backward pass needs


def recall_activation(
    cosine: Tensor, gate: Tensor, gating: Gating, accumulators: CompetingAccumulators
) -> Tensor:
    """How strongly each memory is recalled: ``V = LCA(g s)``, and behind recall ``g LCA(.3 s)``.

    Parameters
    ----------
    cosine : Tensor, shape (..., entry)
        Similarity s of the state to each memory.
    gate : Tensor, shape (...)
    gating : {'pre', 'post'}
    accumulators : CompetingAccumulators

    Returns
    -------
    Tensor, shape (..., entry)
    """
    g = gate.unsqueeze(-1)
    if gating == "pre":
        return accumulators(g * cosine)
    return g * accumulators(POSTGATING_STRENGTH * cosine)


def _gate_input(gating: Gating, recalled: Tensor, before: Tensor, decision: Tensor) -> Tensor:
    parts = [before, decision] if gating == "pre" else [recalled, before, decision]
    return torch.cat(parts, -1)


class _Unroll(torch.autograd.Function):
    """All steps of a part, with the gradient by hand: weight gradients are taken once, at the end.

    Arrays lead with time here: (time, member, trial, unit). A test compares values and gradients
    with :meth:`RecallLSTM.step` under automatic differentiation.
    """

    @staticmethod
    def forward(
        ctx: Any,
        z_input: Tensor,  # (time, member, trial, 4H): W_i x + b_i + b_h
        w_h: Tensor,  # (member, H, 4H)
        h: Tensor,  # (member, trial, H)
        c: Tensor,
        w_d: Tensor,  # (member, H, D)
        b_d: Tensor,
        w_g: Tensor,  # (member, H + D or 2H + D, 1)
        b_g: Tensor,
        memories: Tensor,  # (member, trial, entry, H), constant
        recall: _Recall,
    ) -> tuple[Tensor, ...]:
        size, steps = h.shape[-1], z_input.shape[0]
        units = F.normalize(memories, dim=-1, eps=1e-8)
        h_all, c_all = ([x, *[x] * steps] for x in (h, c))
        saved: list[dict[str, Any]] = []
        zero_r, zero_v = torch.zeros_like(h), torch.zeros_like(memories[..., 0])
        befores, gates, recalls, activations = [], [], [], []
        for t in range(steps):
            z = torch.baddbmm(z_input[t], h, w_h)
            foi, u = z[..., : 3 * size].sigmoid(), z[..., 3 * size :].tanh()
            f, o, i = foi.chunk(3, -1)
            before = torch.addcmul(f * c, i, u)  # c'
            step: dict[str, Any] = {"foi": foi, "u": u}
            if recall.retrieve[t]:
                tanh_before = before.tanh()
                decision = torch.baddbmm(b_d, o * tanh_before, w_d).relu()  # d'
                length = before.norm(dim=-1, keepdim=True).clamp_min(1e-8)
                similarity = (units @ before.unsqueeze(-1)).squeeze(-1) / length
                if recall.gating == "pre":
                    inputs = _gate_input("pre", before, before, decision)
                    gate = torch.baddbmm(b_g, inputs, w_g).sigmoid()
                    unclipped = recall.accumulators.trajectory(gate * similarity)
                else:
                    unclipped = recall.accumulators.trajectory(POSTGATING_STRENGTH * similarity)
                activation = unclipped[-1].clamp(0.0, 1.0)
                recalled = (activation.unsqueeze(-2) @ memories).squeeze(-2)
                if recall.gating == "post":
                    inputs = _gate_input("post", recalled, before, decision)
                    gate = torch.baddbmm(b_g, inputs, w_g).sigmoid()
                    c = torch.addcmul(before, gate, recalled)
                else:
                    c = before + recalled
                tanh_c = c.tanh()
                step |= {
                    "tanh_before": tanh_before,
                    "inputs": inputs,
                    "length": length,
                    "similarity": similarity,
                    "gate": gate,
                    "unclipped": unclipped,
                }
                gates.append(gate.squeeze(-1))
                recalls.append(recalled)
                activations.append(activation)
            else:
                c = before
                tanh_c = c.tanh()
                gates.append(zero_v[..., 0] if memories.shape[-2] else h[..., 0] * 0)
                recalls.append(zero_r)
                activations.append(zero_v)
            h = o * tanh_c
            step["tanh_c"] = tanh_c
            if recall.keep:
                saved.append(step)
            befores.append(before)
            h_all[t + 1], c_all[t + 1] = h, c
        ctx.save_for_backward(w_h, w_d, w_g)
        ctx.kept = (h_all, c_all, befores, recalls, saved, memories, units, recall)
        extras = tuple(torch.stack(x) for x in (befores, gates, recalls, activations))
        ctx.mark_non_differentiable(*extras)
        return torch.stack(h_all[1:]), torch.stack(c_all[1:]), *extras

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_h_all, of_c_all = gradients[:2]
        w_h, w_d, w_g = ctx.saved_tensors
        h_all, c_all, befores, recalls, saved, memories, units, recall = ctx.kept
        w_h_t, w_d_t, row_g = w_h.mT, w_d.mT, w_g.mT
        size, steps = h_all[0].shape[-1], len(saved)
        of_z = torch.empty_like(h_all[0].repeat(steps, 1, 1, 4).view(steps, *h_all[0].shape[:2], -1))
        of_d, of_a, hidden, inputs_all = [], [], [], []
        dh, dc = torch.zeros_like(h_all[0]), torch.zeros_like(h_all[0])
        for t in reversed(range(steps)):
            step, before = saved[t], befores[t]
            foi, u, tanh_c = step["foi"], step["u"], step["tanh_c"]
            f, o, i = foi.chunk(3, -1)
            dh = dh + of_h_all[t]
            do = dh * tanh_c
            dc = dc + of_c_all[t] + dh * o * (1 - tanh_c * tanh_c)
            if recall.retrieve[t]:
                gate, similarity, length = step["gate"], step["similarity"], step["length"]
                dr, dc_before = dc, dc
                strength: Tensor | float = gate
                if recall.gating == "post":
                    da = (dc * recalls[t]).sum(-1, keepdim=True) * gate * (1 - gate)
                    into = da * row_g
                    dr, into = dc * gate + into[..., :size], into[..., size:]
                    strength = POSTGATING_STRENGTH
                dv = (memories @ dr.unsqueeze(-1)).squeeze(-1)
                of_drive = recall.accumulators.backward(dv, step["unclipped"])
                if recall.gating == "pre":
                    da = (of_drive * similarity).sum(-1, keepdim=True) * gate * (1 - gate)
                    into = da * row_g
                ds = of_drive * strength
                along = (ds * similarity).sum(-1, keepdim=True) / length
                toward = (ds.unsqueeze(-2) @ units).squeeze(-2)
                dc_before = dc_before + (toward - before * along) / length + into[..., :size]
                dd = into[..., size:] * (step["inputs"][..., -into.shape[-1] + size :] > 0)
                tanh_before = step["tanh_before"]
                dh_before = torch.bmm(dd, w_d_t)
                do = do + dh_before * tanh_before
                dc = dc_before + dh_before * o * (1 - tanh_before * tanh_before)
                of_d.append(dd)
                of_a.append(da)
                hidden.append(o * tanh_before)
                inputs_all.append(step["inputs"])
            slope = foi * (1 - foi)
            dz = of_z[t]
            torch.mul(torch.cat([dc * c_all[t], do, dc * u], -1), slope, out=dz[..., : 3 * size])
            torch.mul(dc * i, 1 - u * u, out=dz[..., 3 * size :])
            dc = dc * f
            dh = torch.bmm(dz, w_h_t)

        def weight_gradient(x: list[Tensor], of_y: list[Tensor] | Tensor) -> Tensor:
            return torch.bmm(_by_member(torch.stack(x)).mT, _by_member(_stacked(of_y)))

        of_w_h = weight_gradient(h_all[:-1], of_z)
        if not of_d:
            return of_z, of_w_h, dh, dc, None, None, None, None, None, None
        of_w_d, of_w_g = weight_gradient(hidden, of_d), weight_gradient(inputs_all, of_a)
        of_b_d, of_b_g = (_by_member(torch.stack(x)).sum(1, keepdim=True) for x in (of_d, of_a))
        return of_z, of_w_h, dh, dc, of_w_d, of_b_d, of_w_g, of_b_g, None, None


def _stacked(x: list[Tensor] | Tensor) -> Tensor:
    return torch.stack(x) if isinstance(x, list) else x


def _by_member(x: Tensor) -> Tensor:
    """(time, member, trial, unit) to (member, time * trial, unit)."""
    return x.transpose(0, 1).flatten(1, 2)


class RecallLSTM(nn.Module):
    """An ensemble of LSTMs with a decision layer, policy and value heads, and a recall gate.

    Parameters
    ----------
    generators : list of numpy.random.Generator
        One per member; draws the weights.
    input_size, hidden_size, decision_size, n_actions : int
    gating : {'pre', 'post'}
    competition : float
        Inhibition between memories.
    input_gain : float
        Scale of the input weights; 1 in the paper.
    forget_bias : float
        Bias of the forget gates; 0 in the paper.
    """

    def __init__(
        self,
        generators: list[np.random.Generator],
        input_size: int,
        hidden_size: int = 194,
        decision_size: int = 128,
        n_actions: int = 5,
        *,
        gating: Gating = "pre",
        competition: float = 0.8,
        input_gain: float = 1.0,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.gating: Gating = gating
        self.accumulators = CompetingAccumulators(competition=competition)
        self.i2h = EnsembleLinear(generators, input_size, 4 * hidden_size, gain=input_gain)
        self.h2h = EnsembleLinear(generators, hidden_size, 4 * hidden_size)
        self.ih = EnsembleLinear(generators, hidden_size, decision_size)
        self.actor = EnsembleLinear(generators, decision_size, n_actions)
        self.critic = EnsembleLinear(generators, decision_size, 1)
        seen = (1 if gating == "pre" else 2) * hidden_size + decision_size
        self.hpc = EnsembleLinear(generators, seen, 1)
        with torch.no_grad():
            _bias(self.i2h)[..., :hidden_size] = forget_bias

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return self.h2h.weight.shape[0]

    def step(
        self, x: Tensor, h: Tensor, c: Tensor, memories: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One step as in the equations, plainly.

        Parameters
        ----------
        x : Tensor, shape (member, trial, input)
        h, c : Tensor, shape (member, trial, unit)
        memories : Tensor, shape (member, trial, entry, unit), optional
            Without them retrieval is off.

        Returns
        -------
        h, c : Tensor, shape (member, trial, unit)
        gate : Tensor, shape (member, trial)
            Also computed where retrieval is off.
        recalled : Tensor, shape (member, trial, unit)
        activation : Tensor, shape (member, trial, entry)
        """
        size = self.hidden_size
        z = self.i2h(x) + self.h2h(h)
        f, o, i = z[..., : 3 * size].sigmoid().chunk(3, -1)
        before = f * c + i * z[..., 3 * size :].tanh()
        decision = self.ih(o * before.tanh()).relu()
        if memories is None:
            memories = torch.zeros(*before.shape[:2], 1, size, dtype=x.dtype, device=x.device)
        similarity = F.cosine_similarity(before.unsqueeze(-2), memories, dim=-1, eps=1e-8)
        strength: Tensor | float = POSTGATING_STRENGTH
        if self.gating == "pre":
            strength = self.hpc(_gate_input("pre", before, before, decision)).sigmoid()
        activation = self.accumulators(strength * similarity)
        recalled = (activation.unsqueeze(-1) * memories).sum(-2)
        if self.gating == "pre":
            assert isinstance(strength, Tensor)
            gate, c = strength, before + recalled
        else:
            gate = self.hpc(_gate_input("post", recalled, before, decision)).sigmoid()
            c = before + gate * recalled
        return o * c.tanh(), c, gate.squeeze(-1), recalled, activation

    def unroll(
        self,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        memories: Tensor | None = None,
        retrieve: Sequence[bool] | None = None,
    ) -> Rollout:
        """Many steps at once; agrees with :meth:`step` in values and gradients, only faster.

        Parameters
        ----------
        x : Tensor, shape (member, trial, time, input)
        h, c : Tensor, shape (member, trial, unit)
        memories : Tensor, shape (member, trial, entry, unit), optional
            Constant over the steps; without them retrieval is off.
        retrieve : sequence of bool, optional
            Whether retrieval is on at each step; always, where there are memories.
        """
        steps = x.shape[2]
        if memories is None:
            memories, retrieve = h.new_zeros(*h.shape[:2], 1, h.shape[-1]), [False] * steps
        retrieve = tuple([True] * steps if retrieve is None else retrieve)
        z = torch.baddbmm(_bias(self.i2h) + _bias(self.h2h), x.flatten(1, 2), self.i2h.weight)
        z_input = z.unflatten(1, x.shape[1:3]).permute(2, 0, 1, 3).contiguous()
        parts = _Unroll.apply(
            z_input,
            self.h2h.weight,
            h,
            c,
            self.ih.weight,
            _bias(self.ih),
            self.hpc.weight,
            _bias(self.hpc),
            memories,
            _Recall(self.accumulators, self.gating, retrieve, torch.is_grad_enabled()),
        )
        return Rollout(*(part.movedim(0, 2) for part in parts))

    def heads(self, h: Tensor) -> Heads:
        """Decision layer, policy and value at hidden states (member, trial, time, unit)."""
        flat = h.flatten(1, 2)
        decision = self.ih(flat).relu()
        policy = self.actor(decision).softmax(-1)
        value = self.critic(decision).squeeze(-1)
        return Heads(*(part.unflatten(1, h.shape[1:3]) for part in (policy, value, decision)))

    def gate(self, rollout: Rollout, decision: Tensor) -> Tensor:
        """The gate where nothing is recalled, (member, trial, time): it then sees c, d and zeros."""
        c, d = rollout.c.flatten(1, 2), decision.flatten(1, 2)
        gate = self.hpc(_gate_input(self.gating, torch.zeros_like(c), c, d)).sigmoid()
        return gate.squeeze(-1).unflatten(1, rollout.c.shape[1:3])


def _bias(layer: EnsembleLinear) -> Tensor:
    assert layer.bias is not None
    return layer.bias
