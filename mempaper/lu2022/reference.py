"""Recomputes the numbers of the original code, one function per family of fixture files.

Sizes, delays and options come from the arrays and from the names of keys and files.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from mempaper.lu2022 import task
from mempaper.lu2022.analysis_reference import check_analysis, check_memory_benefit
from mempaper.lu2022.evaluation import scrambled
from mempaper.lu2022.examples import REGIMES
from mempaper.lu2022.experiments import RecallLearning
from mempaper.lu2022.knowledge import known_values
from mempaper.lu2022.learning import prediction_loss, rewards
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.network_file import from_original
from mempaper.lu2022.published_reference import PUBLISHED_FAMILIES
from mempaper.lu2022.trials import encoding_steps
from mempaper.lu2022.trials_reference import check_demo_rollout, check_train
from mempaper.memory import CompetingAccumulators, MemoryQueue, similarity
from mempaper.rl import (
    actor_critic_loss,
    chosen_log_prob,
    discounted_returns,
    entropy_bits,
)
from mempaper.verify import Comparison, Family, Fixture, Skipped


def _tensor(array: Any) -> Tensor:
    return torch.as_tensor(array, dtype=torch.float32)


def check_lca(f: Fixture) -> Iterator[Comparison]:
    """States of the competing accumulators, step by step, and the last of them."""
    for _, (j,) in f.matching(r"sim(\d+)"):
        theirs = f[f"traj{j}"]
        accumulators = CompetingAccumulators(f[f"comp{j}"], f[f"leak{j}"], n_steps=theirs.shape[1])
        drive = _tensor(f[f"gate{j}"])[:, None] * _tensor(f[f"sim{j}"])
        states = torch.stack(accumulators.trajectory(drive), 1).clamp(0, 1)
        yield Comparison("CompetingAccumulators.trajectory", f"traj{j}", states, theirs, 1e-5)
        yield Comparison("CompetingAccumulators", f"traj{j}", accumulators(drive), theirs[:, -1], 1e-5)


def _empty_last(x: np.ndarray, n_filled: int) -> np.ndarray:
    """Entries, oldest first, with the empty places behind them and not a number."""
    n_empty = max(len(x) - n_filled, 0)
    return np.concatenate([x[n_empty:], np.full_like(x[:n_empty], np.nan)])


def check_em_queue(f: Fixture) -> Iterator[Comparison]:
    """First-in first-out stores, their cosines with queries, and what is recalled."""
    accumulators = CompetingAccumulators()
    for _, (j,) in f.matching(r"writes(\d+)"):
        writes, queries = _tensor(f[f"writes{j}"]), _tensor(f[f"queries{j}"])
        memory = MemoryQueue((1,), int(f[f"capacity{j}"]), writes.shape[1])
        ours: dict[str, list[np.ndarray]] = {}
        for n, (entry, query, gate) in enumerate(zip(writes, queries, f[f"gates{j}"], strict=True)):
            memory.append(entry[None], torch.tensor([True]))
            cosine = similarity(query[None], memory.entries[0], "cosine")[0]
            strength = accumulators(float(gate) * cosine)
            for name, x in (
                ("buffer_after_write", memory.entries[0]),
                ("cosine", cosine),
                ("lca_weight", strength),
            ):
                ours.setdefault(name, []).append(_empty_last(x.numpy(), n + 1))
            ours.setdefault("recalled", []).append((strength @ memory.entries[0]).numpy())
        for name, parts in ours.items():
            function = "MemoryQueue.append" if name == "buffer_after_write" else "MemoryQueue, recall"
            key = f"{name}{j}"
            yield Comparison(function, key, np.stack(parts), f[key], 1e-5)


def _gates(network: RecallLSTM, x: Tensor, h: Tensor) -> Tensor:
    """Forget, output and input gate, (3, unit)."""
    z = network.i2h(x) + network.h2h(h)
    return z[0, 0, : 3 * network.hidden_size].sigmoid().view(3, -1)


@torch.no_grad()
def check_cell(f: Fixture) -> Iterator[Comparison]:
    """Single steps with recall off and on, either gating; the same steps unrolled; one write."""
    network = from_original(f.prefixed("w."))
    x, memory = _tensor(f["x"])[None, None], _tensor(f["memory"])[None, None]
    h0, c0 = (_tensor(f[name])[None, None] for name in ("h0", "c0"))
    kind = f"{network.gating}gating"
    for tag, entries in (("em0_", None), ("em1_", memory)):
        h, c = h0, c0
        ours: dict[str, list[Tensor]] = {}
        for now in x.unbind(2):
            gates = dict(zip("foi", _gates(network, now, h), strict=True))
            h, c, gate, recalled, _ = network.step(now, h, c, entries)
            heads = network.heads(h[:, :, None])
            parts = {"pi": heads.policy, "v": heads.value, "dec": heads.decision, "h": h, "cm": c}
            for name, part in {**parts, **gates, "gate": gate, "m": recalled}.items():
                ours.setdefault(name, []).append(part.flatten())
        rollout = network.unroll(x, h0, c0, entries)
        heads = network.heads(rollout.h)
        unrolled = {"h": rollout.h, "cm": rollout.c, "m": rollout.recalled, "pi": heads.policy}
        unrolled |= {"v": heads.value, "dec": heads.decision}
        unrolled["gate"] = rollout.gate if entries is not None else network.gate(rollout, heads.decision)
        for name, steps in ours.items():
            key = tag + name
            stacked = torch.stack(steps).view(f[key].shape)
            yield Comparison(f"RecallLSTM.step, {kind}", key, stacked, f[key], 1e-5)
        for name, part in unrolled.items():
            key = tag + name
            yield Comparison(f"RecallLSTM.unroll, {kind}", key, part[0, 0], f[key], 1e-5)
    queue = MemoryQueue((1, 1), 2, network.hidden_size)
    everywhere = torch.tensor([[True]])
    for entry in memory.unbind(2):
        queue.append(entry, everywhere)
    _, c, *_ = network.step(x[:, :, 0], h0, c0, memory)
    queue.append(c, everywhere)
    name = "stored_after_encode"
    yield Comparison("MemoryQueue.append", name, queue.entries[0, 0], f[name], 1e-5)
    for tag, entries in (("onemem_", memory[:, :, :1]), ("nomem_", None)):
        h, _, _, recalled, _ = network.step(x[:, :, 0], h0, c0, entries)
        policy = network.heads(h[:, :, None]).policy
        for name, part in ((f"{tag}pi", policy), (f"{tag}m", recalled)):
            yield Comparison(f"RecallLSTM.step, {kind}", name, part.flatten(), f[name], 1e-5)


def check_reward_loss(f: Fixture) -> Iterator[Comparison]:
    """Rewards, returns and all losses of given answers."""
    y, probs, value = (_tensor(f[name]) for name in ("target", "probs", "value"))
    actions = torch.as_tensor(f["action"].astype(np.int64))
    reward = rewards(actions, y, _tensor(f["penalty"]))
    yield Comparison("learning.rewards", "reward", reward, f["reward"], 0)
    for name, gamma, normalize in (
        ("returns_normalised", 0.0, True),
        ("returns_gamma0", 0.0, False),
        ("returns_gamma09", 0.9, False),
    ):
        ours = discounted_returns(_tensor(f["reward"]), gamma, normalize=normalize)
        yield Comparison("rl.discounted_returns", name, ours, f[name], 1e-5)
    log_prob = chosen_log_prob(probs, actions)
    loss = actor_critic_loss(log_prob, value, _tensor(f["returns_normalised"]))
    bits = entropy_bits(probs)
    yield Comparison("rl.entropy_bits", "entropy_bits", bits, f["entropy_bits"], 1e-5)
    for name, part in (
        ("loss_actor", loss.policy),
        ("loss_critic", loss.value),
        ("loss_total_eta01", loss.policy + loss.value - 0.1 * bits.sum()),
    ):
        yield Comparison("rl.actor_critic_loss", name, part, f[name], 1e-5)
    name = "loss_supervised"
    yield Comparison("learning.prediction_loss", name, prediction_loss(probs, y), f[name], 1e-5)


def _trials(f: Fixture, j: str, **options: Any) -> task.Trials:
    values, order = f[f"values{j}"].astype(np.int64), f[f"obs_order{j}"].astype(np.int64)
    removed = f[f"removed{j}"].astype(bool)
    n_values = f[f"Y{j}"].shape[-1]
    return task.Trials(values, order, removed, int(f[f"pad{j}"]), n_values, **options)


def check_task_arrays(f: Fixture) -> Iterator[Comparison]:
    """Inputs, targets, what can be known, when to encode, and tables of values."""
    for _, (j,) in f.matching(r"values(\d+)"):
        trials = _trials(f, j)
        known = known_values(trials.order, trials.removed, trials.delay)
        ends = np.arange(1, 3) * trials.part_length - 1
        for function, name, ours in (
            ("task.Trials.inputs", "X", trials.inputs()),
            ("task.Trials.targets", "Y", trials.targets()),
            ("task.Trials.queried", "mask_predict", trials.queried),
            ("task.Trials.part_length", "event_ends", ends),
            ("knowledge.known_values", "true_dk_wm", ~known.working),
            ("knowledge.known_values", "true_dk_em", ~known.episodic),
        ):
            yield Comparison(function, f"{name}{j}", ours, f[f"{name}{j}"], 0)
        alike = task.similarity(trials.values[:, None], trials.values[None])
        name = f"similarity_matrix{j}"
        yield Comparison("task.similarity", name, alike, f[name], 1e-6)
    first = _trials(f, "0")
    x, n_observed = _tensor(first.inputs()[0]), first.n_features + first.n_values
    name = "X0_scrambled_first"
    yield Comparison("evaluation.scrambled", name, scrambled(x, n_observed), f[name], 0)
    for name, (size, delay) in f.matching(r"enc_times_(\d+)_pad(\d+)"):
        steps = encoding_steps(first.n_features, int(size), int(delay))
        yield Comparison("trials.encoding_steps", name, steps, f[name], 0)
    prototype = f["def_path_onehot"].argmax(-1)
    for name, (percent,) in f.matching(r"transition_(\d+)"):
        n_values = f["def_path_onehot"].shape[1]
        table = task.transition_table(prototype, f["def_tps"] > 0, int(percent) / 100, n_values)
        yield Comparison("task.transition_table", name, table, f[name], 1e-6)
    for name, (n_asked,) in f.matching(r"repeat_query_(\d+)"):
        n = int(n_asked)
        blank = np.zeros((2, n), np.int64)
        trials = task.Trials(blank[0], blank + np.arange(n), blank > 0, 0, 2, repeat_query=True)
        asked = trials.inputs()[:n, -n:]
        yield Comparison("task.Trials.inputs", name, asked, f[name], 0)


def check_task_statistics(f: Fixture) -> Iterator[Comparison]:
    """How alike sampled events are, delays, and how many values are hidden."""
    for name, window in REGIMES.items():
        sampled = task.EventTask(similarity=window).sample(np.random.default_rng(0), 64, 94)
        lags = {
            lag: task.similarity(sampled.values[:, lag:], sampled.values[:, :-lag]) for lag in (1, 2, 5)
        }
        ours = [lags[1].mean(), lags[2].mean(), lags[5].mean()]
        function = "task.sample_events"
        yield Comparison(f"{function}, means", name, ours, f[name][[0, 4, 5]], 0.02)
        yield Comparison(f"{function}, deviation", name, lags[1].std(), f[name][1], 0.01)
        extremes = np.array([lags[1].min(), lags[1].max(), f[name][2], f[name][3]])
        outside = np.maximum(window[0] - extremes, extremes - window[1]).clip(0)
        yield Comparison(f"{function}, window", name, outside, np.zeros(4), 1e-6)
    delays = RecallLearning.checked().delays()
    theirs = f["pad_hist"]
    shares = np.bincount(delays, minlength=len(theirs)) / len(delays)
    yield Comparison("RecallLearning.delays", "pad_hist", shares, theirs, 0.02)
    name = "n_removed_hist"
    hidden = task.EventTask(similarity=(0.0, 1.0)).sample(np.random.default_rng(0), 1, 20_000).removed
    counts = np.bincount(hidden[0, :, 0].sum(-1), minlength=len(f[name]))
    yield Comparison("task.EventTask.sample", name, counts / counts.sum(), f[name], 0.02)


def one_thread(check: Family) -> Family:
    """The same check on one thread: its arrays are small, and more threads only wait for each other."""

    @wraps(check)
    def checked(f: Fixture) -> Iterator[Comparison | Skipped]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with threadpool_limits(1):
                yield from check(f)
        finally:
            torch.set_num_threads(threads)

    return checked


CHECKS: dict[str, Family] = {
    "lca": check_lca,
    "em_queue": check_em_queue,
    "cell": check_cell,
    "reward_loss": check_reward_loss,
    "train": check_train,
    "task_arrays": check_task_arrays,
    "task_statistics": check_task_statistics,
    "memory_benefit": check_memory_benefit,
    "analysis": check_analysis,
    "demo_rollout": check_demo_rollout,
    **PUBLISHED_FAMILIES,
}
FAMILIES = {name: one_thread(check) for name, check in CHECKS.items()}
TRAINED: dict[str, Family] = {}
