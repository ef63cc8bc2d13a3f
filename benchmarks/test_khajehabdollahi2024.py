"""Updates a second of networks that learn by a curriculum: `make bench`.

The plain leaky network is straightforward: time constants are clamped and divided by at every step, all
hundred heads are evaluated one by one at the end, labels are made sequence by sequence. A lean one
differs from it in the heads and labels: only those that are trained, all at once; `ratio_to_lean`
compares with that. The plain gated network is torch's own cell, one step after the other, with the same
heads and labels. All take turns on the same sequences, whose lengths are those of a random draw.
"""

import pytest
import rates
import torch
import torch.nn.functional as F
from torch import nn

from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import gated_learning, task, training
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.gated import GatedRNN
from mempaper.khajehabdollahi2024.learning import LearningSettings, draw_network, draw_states

N_HEADS = 100
FULL, FAST = (500, 256, 1), (48, 64, 8)  # units, sequences, networks
CASES = {  # sizes, memory lengths, updates of a round
    "N = 2": (FULL, (2,), 8),
    "one head, N = 10": (FULL, (10,), 4),
    "heads 2 to 11": (FULL, tuple(range(2, 12)), 4),
    "heads 2 to 31": (FULL, tuple(range(2, 32)), 2),
    "one head, N = 6": (FAST, (6,), 8),
    "heads 2 to 7": (FAST, tuple(range(2, 8)), 8),
}
GATED_BATCH = 64
GATED = {  # kind, units, networks, memory lengths, updates of a round
    f"{kind}, {name}": (kind, *rest)
    for kind in ("lstm", "gru")
    for name, rest in {
        "full": (500, 1, tuple(range(2, 12)), 2),
        "fast": (64, 4, tuple(range(2, 8)), 4),
    }.items()
}


class PlainNetwork(nn.Module):
    """Leaky units."""

    def __init__(self, n_units):
        super().__init__()
        self.w_in, self.w_rec = nn.Linear(1, n_units), nn.Linear(n_units, n_units)
        self.tau = nn.Parameter(1 + torch.rand(n_units))
        self.heads = nn.ModuleList(nn.Linear(n_units, 2) for _ in range(N_HEADS))

    def forward(self, x, h, n_heads):
        self.w_rec.weight.data.fill_diagonal_(0)
        for bit in x:
            tau = self.tau.clamp(min=1)
            h = F.leaky_relu((1 - 1 / tau) * h + (self.w_rec(h) + self.w_in(bit)) / tau)
        return [head(h) for head in self.heads[:n_heads]]


class PlainGated(nn.Module):
    """LSTM or GRU units."""

    def __init__(self, kind, n_units):
        super().__init__()
        self.kind = kind
        self.cell = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}[kind](1, n_units)
        self.heads = nn.ModuleList(nn.Linear(n_units, 2) for _ in range(N_HEADS))

    def forward(self, x, h, n_heads):
        state = (
            (torch.zeros_like(h), torch.zeros_like(h)) if self.kind == "lstm" else torch.zeros_like(h)
        )
        for bit in x:
            state = self.cell(2 * bit - 1, state)
        h = state[0] if self.kind == "lstm" else state
        return [head(h) for head in self.heads[:n_heads]]


def plain_labels(bits, ns):
    """Labels of one sequence after another, shape (n, trial)."""
    return torch.tensor([[int(sequence[-n:].sum()) % 2 for sequence in bits] for n in ns])


def lean_labels(bits, ns):
    return task.labels("parity", torch.from_numpy(bits), ns).T


def plain_updates(network, n_units, batch_size, members, ns, number, lean=False):
    """Updates of one network, on the sequences of one of our networks after the other."""
    is_gated = isinstance(network, PlainGated)
    optimizer = (
        torch.optim.Adam(network.parameters(), lr=1e-3)
        if is_gated
        else torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.1, nesterov=True)
    )
    label = lean_labels if lean else plain_labels

    def updates():
        generators = member_generators(0, members, 1)
        for k in range(number):
            rng = generators[k % members]
            length = task.sample_length(ns[-1], rng)
            bits = task.sample_bits("parity", batch_size, length, rng, fair=is_gated)
            labels = label(bits, ns)
            x = torch.from_numpy(bits).T.unsqueeze(-1)
            h = draw_states([rng], batch_size, n_units)[0]
            outputs = network(x, h, len(ns) if lean else N_HEADS)
            entropies = [F.cross_entropy(o, y) for o, y in zip(outputs, labels, strict=False)]
            optimizer.zero_grad()
            sum(entropies).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimizer.step()

    return updates


def leaky_updates(n_units, batch_size, members, ns, number):
    settings = LearningSettings(curriculum=Curriculum(), n_units=n_units, max_n=N_HEADS + 1)
    network = draw_network(settings, 0, members)
    optimizer = training.new_optimizer(network)

    def updates():
        generators = member_generators(0, members, 1)
        for _ in range(number):
            trials = task.sample_trials("parity", [ns] * members, batch_size, generators)
            h = draw_states(generators, batch_size, n_units)
            training.update(network, optimizer, trials.bits, trials.labels, h, trials.start, trials.live)

    return updates


def gated_updates(kind, n_units, members, ns, number):
    network = GatedRNN(member_generators(0, members), kind, n_units, N_HEADS)
    optimizer = gated_learning.new_optimizer(network, 1e-3)

    def updates():
        generators = member_generators(0, members, 1)
        for _ in range(number):
            trials = task.sample_trials("parity", [ns] * members, GATED_BATCH, generators, fair=True)
            gated_learning.update(network, optimizer, trials)

    return updates


def many(members):
    return f"{members} network{'s' * (members > 1)}"


@pytest.mark.parametrize("case", CASES)
def test_leaky(benchmark, product_rate, case):
    (n_units, batch_size, members), ns, number = CASES[case]
    sizes = (n_units, batch_size, members, ns, number)
    ours = leaky_updates(*sizes)
    plain = plain_updates(PlainNetwork(n_units), *sizes)
    lean = plain_updates(PlainNetwork(n_units), *sizes, lean=True)
    mine, theirs, leans = rates.take_turns(benchmark, ours, plain, lean, rounds=3)
    rates.keep(
        benchmark,
        "khajehabdollahi2024/curriculum",
        f"{n_units} units, {many(members)}, {case}",
        "one step of all sequences, one head, one label",
        ours=members * number / mine,
        theirs=number / theirs,
        operations_per_update=rates.operations(ours) / members / number,
        rate=product_rate,
    )
    benchmark.extra_info["ratio_to_lean"] = members * leans / mine


@pytest.mark.parametrize("case", GATED)
def test_gated(benchmark, product_rate, case):
    kind, n_units, members, ns, number = GATED[case]
    ours = gated_updates(kind, n_units, members, ns, number)
    plain = plain_updates(PlainGated(kind, n_units), n_units, GATED_BATCH, members, ns, number)
    mine, theirs = rates.take_turns(benchmark, ours, plain)
    rates.keep(
        benchmark,
        "khajehabdollahi2024/gated",
        f"{n_units} {kind.upper()} units, {many(members)}, heads {ns[0]} to {ns[-1]}",
        "one step of all sequences, one head, one label",
        ours=members * number / mine,
        theirs=number / theirs,
        operations_per_update=rates.operations(ours) / members / number,
        rate=product_rate,
    )
