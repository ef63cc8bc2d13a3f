"""Recomputes the original code's numbers for the LSTM."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from mempaper.khajehabdollahi2024.gated import GatedRNN, Step, gate_timescale
from mempaper.verify import Comparison, Fixture


def check_lstm(f: Fixture) -> Iterator[Comparison]:
    """States, gates and readouts step by step, the last state of the fused run, both timescales."""
    network = GatedRNN.from_reference("lstm", f)
    x = torch.as_tensor(f["x"])[None, ..., 0]  # (member, trial, time)
    h, memory = network.start(x.shape[1])
    steps: list[Step] = []
    with torch.no_grad():
        for inputs in x.unbind(2):
            steps.append(network.step(inputs, h, memory))
            h, memory = steps[-1].h, steps[-1].memory
        last = network.unroll(x)
        readout = network.logits(last)[0]
    names = {"hidden": "h", "cell": "memory", "forget": "keep", "output_gate": "gate"}
    for name, attribute in names.items():
        ours = torch.stack([getattr(step, attribute)[0] for step in steps], 1)
        yield Comparison("GatedRNN.step", name, ours, f[name], 1e-5)
    yield Comparison("GatedRNN.unroll", "hidden", last[0], f["hidden"][:, -1], 1e-5)
    yield Comparison("GatedRNN.logits", "readout", readout, f["readout"], 1e-5)
    mean_gate = torch.stack([step.keep for step in steps]).double().mean().item()
    name = "tau_forget_sim"
    yield Comparison("gated.gate_timescale", name, gate_timescale(mean_gate), f[name], 1e-4)
    name = "tau_forget_bias"
    yield Comparison("GatedRNN.bias_timescales", name, network.bias_timescales()[0], f[name], 1e-5)
