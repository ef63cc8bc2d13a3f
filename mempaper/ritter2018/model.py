"""The LSTM with a differentiable neural dictionary (Ritter et al. 2018, section 2) and its heads.

One tensor program runs many members: states are ``(member, trial, unit)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mempaper.ensemble import EnsembleLinear
from mempaper.memory import EpisodicMemory, one_of
from mempaper.rl import sample_actions

Variant = Literal["gate", "nogate", "input", "none"]


class Gates(NamedTuple):
    """Gate activations of one step, each (member, trial, unit)."""

    forget: Tensor
    input: Tensor
    output: Tensor
    reinstatement: Tensor


class DNDLSTMCell(nn.Module):
    """LSTM cell with a fifth gate through which a recalled cell state re-enters.

    With ``p = W_i x + W_h h + b`` cut into blocks f, i, o, r and n::

        f, i, o, r = sigmoid(...);  n = tanh(...)
        c' = f c + i n + r tanh(memory)         (the last term is the reinstatement)
        h' = o tanh(c')

    Parameters
    ----------
    generators : list of numpy.random.Generator
        One per member; draws the initial weights.
    input_size, hidden_size : int
    variant : {'gate', 'nogate', 'input', 'none'}
        ``gate`` is the paper's cell. ``nogate`` fixes r = 1, ``input`` shows the recalled state to
        the network as further inputs instead, ``none`` is a plain LSTM.
    hidden_bias : bool
        Whether the recurrent projection has a bias of its own, as the original code has.
    forget_bias : float
        Initial bias of the forget gate.
    """

    def __init__(
        self,
        generators: list[np.random.Generator],
        input_size: int,
        hidden_size: int,
        *,
        variant: Variant = "gate",
        hidden_bias: bool = True,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__()
        one_of("variant", variant, Variant)
        self.hidden_size = hidden_size
        self.variant: Variant = variant
        width = input_size + (hidden_size if variant == "input" else 0)
        self.i2h = EnsembleLinear(generators, width, 5 * hidden_size)
        self.h2h = EnsembleLinear(generators, hidden_size, 5 * hidden_size, bias=hidden_bias)
        assert self.i2h.bias is not None
        with torch.no_grad():
            self.i2h.bias[..., :hidden_size] = forget_bias

    def project(self, x: Tensor, recalled: Tensor | None = None) -> Tensor:
        """Input part of the gates for any number of steps at once.

        Parameters
        ----------
        x : Tensor, shape (member, step or trial, input)
        recalled : Tensor, shape (member, step or trial, unit), optional
            ``tanh`` of what memory returned; only the variant 'input' uses it here.

        Returns
        -------
        Tensor, shape (member, step or trial, 5 unit)
        """
        if self.variant == "input":
            assert recalled is not None
            x = torch.cat([x, recalled], dim=-1)
        projected = self.i2h(x)
        return projected if self.h2h.bias is None else projected + self.h2h.bias

    def step(
        self, projected: Tensor, h: Tensor, c: Tensor, recalled: Tensor | None
    ) -> tuple[Tensor, Tensor, Gates]:
        """One step.

        Parameters
        ----------
        projected : Tensor, shape (member, trial, 5 unit)
            From :meth:`project`.
        h, c : Tensor, shape (member, trial, unit)
        recalled : Tensor, shape (member, trial, unit), or None
            ``tanh`` of what memory returned; None recalls nothing.

        Returns
        -------
        h, c : Tensor, shape (member, trial, unit)
        gates : Gates
        """
        size = self.hidden_size
        pre = torch.baddbmm(projected, h, self.h2h.weight)
        gate_part, candidate_part = pre.split([4 * size, size], dim=-1)
        gates = Gates(*torch.sigmoid(gate_part).split(size, dim=-1))
        candidate = torch.tanh(candidate_part)
        c = gates.forget * c + gates.input * candidate
        if recalled is not None:
            if self.variant == "gate":
                c = c + gates.reinstatement * recalled
            elif self.variant == "nogate":
                c = c + recalled
        h = gates.output * torch.tanh(c)
        return h, c, gates

    def unroll(self, x: Tensor, h: Tensor, c: Tensor, recalled: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run trials whose inputs and recalls are known ahead.

        Parameters
        ----------
        x : Tensor, shape (member, trial, time, input)
        h, c : Tensor, shape (member, trial, unit)
        recalled : Tensor, shape (member, trial, time, unit), or None

        Returns
        -------
        hidden, cell : Tensor, shape (member, trial, time, unit)
        """
        n_members, n_trials, time = x.shape[:3]
        flat = None if recalled is None else recalled.flatten(1, 2)
        projected = self.project(x.flatten(1, 2), flat).view(n_members, n_trials, time, -1)
        memory = [None] * time if recalled is None else recalled.unbind(2)
        hidden, cell = [], []
        for projected_t, recalled_t in zip(projected.unbind(2), memory, strict=True):
            h, c, _ = self.step(projected_t, h, c, recalled_t)
            hidden.append(h)
            cell.append(c)
        return torch.stack(hidden, 2), torch.stack(cell, 2)


class LinearActorCritic(nn.Module):
    """Linear policy and value read-out: ``policy = softmax((A h + a) / beta)``, ``value = B h + b``.

    ``beta`` is a temperature: larger is more random.
    """

    def __init__(
        self,
        generators: list[np.random.Generator],
        hidden_size: int,
        n_actions: int,
        *,
        actor_gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.actor = EnsembleLinear(generators, hidden_size, n_actions, gain=actor_gain)
        self.critic = EnsembleLinear(generators, hidden_size, 1)

    def forward(self, h: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor]:
        """Policy (member, ..., action) and value (member, ...) of hidden states (member, ..., unit)."""
        flat = h.flatten(1, -2)
        policy = torch.softmax(self.actor(flat) / positive_temperature(beta), dim=-1)
        return policy.unflatten(1, h.shape[1:-1]), self.critic(flat).view(h.shape[:-1])


class MLPActorCritic(nn.Module):
    """Policy and value read-out behind one layer of rectified units, for a single network.

    Parameters
    ----------
    input_size, hidden_size, n_actions : int
    """

    def __init__(self, input_size: int, hidden_size: int, n_actions: int) -> None:
        super().__init__()
        self.ih = nn.Linear(input_size, hidden_size)
        self.actor = nn.Linear(hidden_size, n_actions)
        self.critic = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor]:
        """Policy (trial, action) and value (trial,) of inputs (trial, input)."""
        h = torch.relu(self.ih(x))
        policy = torch.softmax(self.actor(h) / positive_temperature(beta), dim=-1)
        return policy, self.critic(h).squeeze(-1)


def positive_temperature(beta: float) -> float:
    """Return ``beta``; raise ValueError unless it is positive."""
    if beta <= 0:
        raise ValueError(f"beta is {beta}; a softmax temperature must be positive")
    return beta


class DNDLSTM(nn.Module):
    """Cell and heads of an ensemble of agents; memories live outside, one per member.

    Parameters are those of :class:`DNDLSTMCell`, and ``n_actions``.
    """

    def __init__(
        self,
        generators: list[np.random.Generator],
        input_size: int,
        hidden_size: int,
        n_actions: int,
        *,
        variant: Variant = "gate",
        hidden_bias: bool = True,
        forget_bias: float = 0.0,
        actor_gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.cell = DNDLSTMCell(
            generators,
            input_size,
            hidden_size,
            variant=variant,
            hidden_bias=hidden_bias,
            forget_bias=forget_bias,
        )
        self.heads = LinearActorCritic(generators, hidden_size, n_actions, actor_gain=actor_gain)

    @classmethod
    def from_reference(cls, weights: Mapping[str, np.ndarray]) -> DNDLSTM:
        """One member from weights in the original code's layout.

        Parameters
        ----------
        weights : mapping
            ``i2h_weight`` (5 unit, input), ``i2h_bias`` (5 unit,), ``h2h_weight`` (5 unit, unit),
            ``h2h_bias``, ``a2c_actor_weight`` (action, unit), ``a2c_actor_bias``,
            ``a2c_critic_weight`` (1, unit), ``a2c_critic_bias``. Row blocks are f, i, o, r, n.

        Raises
        ------
        ValueError
            A matrix is missing or its shape does not fit the others.
        """
        names = ("i2h", "h2h", "a2c_actor", "a2c_critic")
        missing = [f"{n}_{k}" for n in names for k in ("weight", "bias") if f"{n}_{k}" not in weights]
        if missing:
            raise ValueError(f"weights lack {', '.join(missing)}")
        hidden, inputs = weights["h2h_weight"].shape[1], weights["i2h_weight"].shape[1]
        actions = weights["a2c_actor_weight"].shape[0]
        agent = cls([np.random.default_rng(0)], inputs, hidden, actions)
        layers = (agent.cell.i2h, agent.cell.h2h, agent.heads.actor, agent.heads.critic)
        with torch.no_grad():
            for name, layer in zip(names, layers, strict=True):
                assert layer.bias is not None
                weight, bias = weights[f"{name}_weight"], weights[f"{name}_bias"]
                expected = (layer.weight.shape[2], layer.weight.shape[1])
                if weight.shape != expected or bias.shape != expected[:1]:
                    raise ValueError(
                        f"{name}_weight {weight.shape} and {name}_bias {bias.shape}: "
                        f"expected {expected} and {expected[:1]}"
                    )
                layer.weight[0] = torch.as_tensor(weight).T
                layer.bias[0, 0] = torch.as_tensor(bias)
        return agent


class AgentStep(NamedTuple):
    """What one step of an :class:`Agent` produced; vectors of one agent, without member axis."""

    policy: Tensor
    value: Tensor
    action: int
    log_prob: Tensor
    h: Tensor
    c: Tensor
    recalled: Tensor
    gates: Gates


class Agent:
    """One agent that lives step by step, as the original's loop does: retrieve, update, write, act.

    Parameters
    ----------
    network : DNDLSTM
        With a single member.
    memory : EpisodicMemory
        Its ``encoding`` and ``retrieval`` switches decide what happens at a step.
    rng : numpy.random.Generator
        Draws actions and initial states.
    """

    def __init__(self, network: DNDLSTM, memory: EpisodicMemory, rng: np.random.Generator) -> None:
        self.network = network
        self.memory = memory
        self.rng = rng

    def initial_state(self, sd: float = 0.1) -> tuple[Tensor, Tensor]:
        """Fresh ``h`` and ``c`` from N(0, sd^2), each (1, 1, unit)."""
        size = self.network.cell.hidden_size
        draws = torch.as_tensor(self.rng.normal(0.0, sd, (2, 1, 1, size)), dtype=torch.float32)
        return draws[0], draws[1]

    def step(
        self, x: Tensor, h: Tensor, c: Tensor, uniform: float | None = None
    ) -> tuple[AgentStep, tuple[Tensor, Tensor]]:
        """Take one observation.

        Parameters
        ----------
        x : Tensor, shape (input,)
        h, c : Tensor, shape (1, 1, unit)
        uniform : float, optional
            Number in [0, 1) that decides the action; drawn where it is not given.
        """
        cell = self.network.cell
        recalled = torch.tanh(self.memory.get(x)).view(1, 1, -1)
        h, c, gates = cell.step(cell.project(x.view(1, 1, -1), recalled), h, c, recalled)
        self.memory.save(x, c)
        policy, value = self.network.heads(h)
        draw = self.rng.random() if uniform is None else uniform
        action = int(sample_actions(policy, torch.tensor([[draw]], dtype=torch.float32)))
        flat = Gates(*(g.flatten() for g in gates))
        taken = AgentStep(
            policy=policy.flatten(),
            value=value.flatten()[0],
            action=action,
            log_prob=policy[0, 0, action].log(),
            h=h.flatten(),
            c=c.flatten(),
            recalled=recalled.flatten(),
            gates=flat,
        )
        return taken, (h, c)
