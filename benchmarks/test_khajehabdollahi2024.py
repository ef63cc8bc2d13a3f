"""Updates a second of leaky networks at the paper's size: `make bench`.

Each case takes turns between this package's update, a plain implementation and a lean one, so that
all three meet the same machine. The plain one is straightforward: time constants are
clamped and divided by at every step, all hundred heads are evaluated one by one at the end, labels
are made sequence by sequence. The lean one differs from it in the heads and labels: only those that are
trained, all at once. `extra_info` holds the ratios.
"""

import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import task, training
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.learning import LearningSettings, draw_network, draw_states

N_UNITS, BATCH, N_HEADS = 500, 256, 100
CASES = {
    "N = 2": (2,),
    "one head, N = 10": (10,),
    "heads 2 to 11": tuple(range(2, 12)),
    "30 heads, 2 to 31": tuple(range(2, 32)),
}


class PlainNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.w_in, self.w_rec = nn.Linear(1, N_UNITS), nn.Linear(N_UNITS, N_UNITS)
        self.tau = nn.Parameter(1 + torch.rand(N_UNITS))
        self.heads = nn.ModuleList(nn.Linear(N_UNITS, 2) for _ in range(N_HEADS))

    def forward(self, x, h, n_heads):
        self.w_rec.weight.data.fill_diagonal_(0)
        for bit in x:
            tau = self.tau.clamp(min=1)
            h = F.leaky_relu((1 - 1 / tau) * h + (self.w_rec(h) + self.w_in(bit)) / tau)
        return [head(h) for head in self.heads[:n_heads]]


def plain_labels(bits, ns):
    """Labels of one sequence after another, shape (n, trial)."""
    return torch.tensor([[int(sequence[-n:].sum()) % 2 for sequence in bits] for n in ns])


def lean_labels(bits, ns):
    return task.labels("parity", torch.from_numpy(bits), ns).T


def plain_update(ns, lean):
    network = PlainNetwork()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.1, nesterov=True)
    label = lean_labels if lean else plain_labels
    (rng,) = member_generators(0, 1, 1)  # the same sequences as ours

    def update():
        bits = task.sample_bits("parity", BATCH, task.sample_length(ns[-1], rng), rng)
        labels = label(bits, ns)
        x = torch.from_numpy(bits).T.unsqueeze(-1)
        h = draw_states([rng], BATCH, N_UNITS)[0]
        outputs = network(x, h, len(ns) if lean else N_HEADS)
        entropies = [F.cross_entropy(o, y) for o, y in zip(outputs, labels, strict=False)]
        optimizer.zero_grad()
        sum(entropies).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()

    return update


def our_update(ns):
    settings = LearningSettings(curriculum=Curriculum(), n_units=N_UNITS, max_n=N_HEADS + 1)
    network = draw_network(settings, 0, 1)
    optimizer = training.new_optimizer(network)
    generators = member_generators(0, 1, 1)

    def update():
        trials = task.sample_trials("parity", [ns], BATCH, generators)
        h = draw_states(generators, BATCH, N_UNITS)
        training.update(network, optimizer, trials.bits, trials.labels, h, trials.start, trials.live)

    return update


@pytest.mark.parametrize("case", CASES)
def test_update(benchmark, case):
    torch.set_num_threads(1)
    ns = CASES[case]
    others = {"plain": plain_update(ns, lean=False), "lean": plain_update(ns, lean=True)}
    spent = dict.fromkeys(others, 0.0)
    rounds = 24 if ns[-1] < 20 else 8

    def turn():
        for name, update in others.items():
            start = time.perf_counter()
            update()
            spent[name] += time.perf_counter() - start

    benchmark.pedantic(our_update(ns), setup=turn, rounds=rounds, warmup_rounds=1)
    ours = benchmark.stats["mean"]
    benchmark.extra_info["updates_per_second"] = 1 / ours
    for name, seconds in spent.items():
        benchmark.extra_info[f"ratio_to_{name}"] = seconds / (rounds + 1) / ours
