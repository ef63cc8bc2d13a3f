"""Recomputes the original code's numbers for whole trials, in training and with given weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mempaper.ensemble import clip_grad_norm_per_member
from mempaper.lu2022.learning import (
    prediction_loss,
    reinforcement_loss,
    rewards,
)
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.network_file import from_original, in_our_layout
from mempaper.lu2022.training import MAX_GRADIENT_NORM, step_members
from mempaper.lu2022.trials import Batch, TwoParts, encoding_steps, run_trials
from mempaper.memory import MemoryQueue
from mempaper.rl import (
    actor_critic_loss,
    chosen_log_prob,
    discounted_returns,
    entropy_bits,
)
from mempaper.verify import Comparison, Fixture, Skipped

LEARNING_RATE, ENTROPY_WEIGHT = 7e-4, 0.1
CAPACITY = 2  # of the memory in training
PREDICTION, REINFORCEMENT = ("supervised", "norl"), ("a2c", "familiarity", "postgate", "fixedpenalty")
LAST_EPOCH = 1000  # of the weights that a roll-out has, unless its name says otherwise


def _tensor(array: Any) -> Tensor:
    """One trial of one member."""
    return torch.as_tensor(np.nan_to_num(array), dtype=torch.float32)[None, None]


def _batch(
    f: Fixture,
    trial: int,
    start: Any,
    fresh: Any,
    encode: list[int],
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """One trial; ``start`` and ``fresh`` are h and c at the start, and what a flush puts there."""
    x = _tensor(f["input_full"][trial]).to(dtype)
    return Batch(
        x=x,
        y=_tensor(f["Y"][trial]),
        condition=torch.tensor([[int(f["cond"][trial])]]),
        penalty=_tensor(f["penalty"][trial]) if "penalty" in f else torch.zeros(1, 1, 2),
        start=torch.stack([_tensor(state).to(dtype) for state in start]),
        fresh=torch.stack([_tensor(state).to(dtype) for state in fresh]),
        uniform=torch.zeros(x.shape[:3]),
        encode=encode,
    )


def _gate(network: RecallLSTM, trials: TwoParts, recalling: bool) -> Tensor:
    """Gate at all steps, (time,), also where retrieval is off."""
    first, second, heads = trials
    length = first.h.shape[2]
    silent = network.gate(first, heads.decision[:, :, :length])
    if not recalling:
        return torch.cat([silent, network.gate(second, heads.decision[:, :, length:])], 2)[0, 0]
    return torch.cat([silent, second.gate], 2)[0, 0]


def check_train(f: Fixture) -> Iterator[Comparison]:
    """Complete training episodes: losses, gradients, clipping, updates and memories, in order."""
    kinds = (*PREDICTION, *REINFORCEMENT)
    kind = next((word for word in f.variant.split("_") if word in kinds), None)
    if kind is None:
        raise ValueError(f"expected a file train_<kind>_..., with a kind of {', '.join(kinds)}")
    network = from_original(f.prefixed("w0."))
    hidden, n_trials = network.hidden_size, len(f["cond"])
    delay, n_features = int(f["pad"]), f["Y"].shape[1] // 2 - int(f["pad"])
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    memory = None if kind == "supervised" else MemoryQueue((1, 1), CAPACITY, hidden)
    named = dict(network.named_parameters())
    ours: dict[str, list[float]] = {}
    gates, norms = [], []
    for trial in range(n_trials):
        encode = encoding_steps(n_features, n_features, delay)
        batch = _batch(f, trial, f["hc_start"][trial], f["hc_boundary"][trial], encode)
        trials = run_trials(network, batch, memory)
        actions = torch.as_tensor(f["actions"][trial].astype(np.int64))[None, None]
        for name, value in _totals(trials, batch, actions).items():
            ours.setdefault(name, []).append(value.item())
        if kind in PREDICTION:
            loss = prediction_loss(trials.heads.policy, batch.y)
        else:
            loss = reinforcement_loss(trials.heads, batch, actions, entropy_weight=ENTROPY_WEIGHT)
        network.zero_grad()
        loss.sum().backward()
        if network.gating == "pre" and memory is not None and not memory.entries.any():
            network.hpc.zero_grad()  # theirs has no gate then, and Adam no step of it
        gates.append(_gate(network, trials, memory is not None).detach())
        gradients = f.prefixed(f"grad{trial}.")
        if gradients:
            for name, theirs in in_our_layout(gradients, hidden).items():
                gradient = named[name].grad
                mine = torch.zeros_like(theirs) if gradient is None else gradient.clone()
                yield Comparison(f"gradient, {kind}", f"grad{trial}.{name}", mine, theirs, 1e-5)
        norms.append(clip_grad_norm_per_member(network.parameters(), MAX_GRADIENT_NORM).item())
        step_members(optimizer, [1.0], LEARNING_RATE)
        weights = f.prefixed(f"w_after{trial}.")
        if weights:
            for name, theirs in in_our_layout(weights, hidden).items():
                mine = named[name].detach().clone()
                yield Comparison(f"Adam step, {kind}", f"w_after{trial}.{name}", mine, theirs, 1e-5)
    yield Comparison("clip_grad_norm_per_member", "grad_norm", norms, f["grad_norm"], 1e-5)
    yield Comparison("RecallLSTM.gate", "gate", torch.stack(gates), f["gate"], 1e-5)
    for name, values in ours.items():
        yield Comparison(f"losses, {kind}", name, np.mean(values), f[name], 1e-5)
    if memory is not None:
        name = "memory_after"  # without the places that are still empty
        stored = memory.entries[0, 0, CAPACITY - len(f[name]) :]
        yield Comparison("trials.run_trials, memory", name, stored, f[name], 1e-5)


def _totals(trials: TwoParts, batch: Batch, actions: Tensor) -> dict[str, Tensor]:
    """Every loss of one trial, whichever the network learns from."""
    policy = trials.heads.policy
    reward = rewards(actions, batch.y, batch.penalty_now)
    returns = discounted_returns(reward, 0.0, normalize=True)
    loss = actor_critic_loss(chosen_log_prob(policy, actions), trials.heads.value, returns)
    return {
        "mean_loss_sup": prediction_loss(policy, batch.y),
        "mean_loss_actor": loss.policy,
        "mean_loss_critic": loss.value,
        "mean_return": reward.sum(-1),
        "mean_entropy": entropy_bits(policy).sum(-1),
    }


@torch.no_grad()
def check_demo_rollout(f: Fixture) -> Iterator[Comparison | Skipped]:
    """Test trials of the example network, one after the other.

    In double precision: recall amplifies rounding errors, up to 2e-5 of a value in one of the files.
    """
    found = re.search(r"_ep(\d+)", f.variant)
    weights = f"demo_weights_ep{int(found.group(1)) if found else LAST_EPOCH:04d}.npz"
    beside = f.beside(weights)
    if not beside:
        yield Skipped("trials.run_trials", f"needs {weights} beside it")
        return
    network = from_original(beside[0]).double()
    n_trials, capacity = f["memory_end"].shape[:2]
    length = f["Y"].shape[1] // 2
    n_features = f["pi"].shape[1] // 2  # a policy only where something is asked
    delay = length - n_features
    encode = encoding_steps(n_features, 2 * n_features // capacity, delay)
    memory = MemoryQueue((1, 1), capacity, network.hidden_size)
    memory.entries = memory.entries.double()
    asked = np.tile(np.arange(length) >= delay, 2)
    ours: dict[str, list[Tensor]] = {}
    stored = 0
    for trial in range(n_trials):
        start = [f[name][trial] for name in ("h_start", "c_start")]
        fresh = [f[name][trial] for name in ("h_boundary", "c_boundary")]
        batch = _batch(f, trial, start, fresh, encode, torch.float64)
        stored += len(encode) * int(f["cond"][trial] != 2)
        trials = run_trials(network, batch, memory)
        first, second, heads = trials
        entries = memory.entries[0, 0]
        empty = max(capacity - stored, 0)
        entries = torch.cat([entries[empty:], torch.full_like(entries[:empty], np.nan)])
        for name, part in {
            "pi": heads.policy[0, 0, asked],
            "value": heads.value[0, 0],
            "gate": _gate(network, trials, recalling=True),
            "memory_end": entries,
            "h": torch.cat([first.h, second.h], 2)[0, 0],
            "cm": torch.cat([first.c, second.c], 2)[0, 0],
            "m": torch.cat([first.recalled, second.recalled], 2)[0, 0],
            "dec": heads.decision[0, 0],
        }.items():
            ours.setdefault(name, []).append(part)
    for name, parts in ours.items():
        if name in f or name in ("pi", "value", "gate", "memory_end"):
            function = f"trials.run_trials, {'memory' if name == 'memory_end' else name}"
            yield Comparison(function, name, torch.stack(parts), f[name], 2e-5)
