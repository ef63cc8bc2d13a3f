"""Timescales of LSTM and GRU networks under endless random input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mempaper.khajehabdollahi2024.activity import StreamingAutocovariance
from mempaper.khajehabdollahi2024.gated import GatedRNN, Kind, gate_timescale
from mempaper.khajehabdollahi2024.timescales import (
    FITTED_LAGS,
    fit_timescales,
    normalised,
    robust_timescales,
)

AT_ONCE = 2**24  # numbers of a piece of the simulation


@dataclass(frozen=True)
class MemoryActivity:
    """What is known of networks' memory after a simulation.

    Attributes
    ----------
    autocovariance : ndarray, shape (member, unit, lag)
        Of the cell states (LSTM) or hidden states (GRU), mean over trials, lags 0 to 30.
    gate : ndarray, shape (member,)
        Forget gate (LSTM) or update gate (GRU), mean over steps, trials and units.
    """

    autocovariance: np.ndarray
    gate: np.ndarray


@torch.no_grad()
def simulate(
    network: GatedRNN, n_steps: int, seed: int, *, n_trials: int = 10, burn_in: int = 500
) -> MemoryActivity:
    """Let networks run on inputs of -1 and +1, equally likely; all members see the same ones.

    Parameters
    ----------
    network : GatedRNN
    n_steps : int
        Steps that count.
    seed : int
        Of the inputs.
    n_trials : int
    burn_in : int
        Steps before, which do not count.
    """
    if n_steps <= FITTED_LAGS:
        raise ValueError(f"n_steps is {n_steps}; {FITTED_LAGS} lags need more")
    device, n_members = network.w_rec.device, network.n_members
    drawn = np.random.default_rng(seed).integers(0, 2, (n_trials, burn_in + n_steps))
    x = torch.as_tensor(2 * drawn - 1, dtype=torch.float32, device=device)
    h, memory = network.start(n_trials)
    found, gate = StreamingAutocovariance(FITTED_LAGS), torch.zeros(n_members, dtype=torch.float64)

    def run(part: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal h, memory
        memories, gates = [], torch.zeros(n_members, dtype=torch.float64, device=device)
        for inputs in part.unbind(1):
            step = network.step(inputs.expand(n_members, -1), h, memory)
            h, memory = step.h, step.memory
            memories.append(memory)
            gates += step.keep.mean((1, 2))
        return torch.stack(memories, -1), gates  # (member, trial, unit, time)

    if burn_in:
        run(x[:, :burn_in])
    longest = min(found.longest, max(FITTED_LAGS, AT_ONCE // (n_members * n_trials * network.n_units)))
    for part in x[:, burn_in:].tensor_split(-(-n_steps // longest), 1):
        memories, gates = run(part)
        found.add(memories.cpu().transpose(0, 1))
        gate += gates.cpu()
    return MemoryActivity(found.result(), (gate / n_steps).numpy())


def measure_timescales(
    kind: Kind, arrays: Mapping[str, np.ndarray], n_steps: int, seed: int, *, robust: bool
) -> dict[str, np.ndarray]:
    """Timescales of all networks whose weights a training kept.

    Parameters
    ----------
    kind : {'lstm', 'gru'}
    arrays : mapping
        Result of the training, see :meth:`Learner.result`.
    n_steps, seed :
        See :func:`simulate`.
    robust : bool
        Fit by :func:`robust_timescales`; otherwise as in the original code.

    Returns
    -------
    dict of numpy.ndarray
        ``tau_net`` (member, kept, unit), timescale of each unit's memory; ``tau_gate``
        (member, kept), timescale by the mean gate. Not a number where an N was not passed.
    """
    weights = {
        name.removeprefix("weights/"): torch.as_tensor(array)
        for name, array in arrays.items()
        if name.startswith("weights/")
    }
    there = ~torch.isnan(weights["b_rec"]).any(-1).any(-1)  # (member, kept)
    tau_net = np.full((*there.shape, arrays["tau"].shape[-1]), np.nan)
    tau_gate = np.full(there.shape, np.nan)
    if there.any():
        network = GatedRNN.from_members(kind, {name: w[there] for name, w in weights.items()})
        activity = simulate(network, n_steps, seed)
        curves = normalised(activity.autocovariance)
        fitted, _ = robust_timescales(curves) if robust else fit_timescales(curves)
        tau_net[there.numpy()] = fitted
        tau_gate[there.numpy()] = gate_timescale(activity.gate)
    return {"tau_net": tau_net, "tau_gate": tau_gate}
