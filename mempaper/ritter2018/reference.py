"""Recomputes the numbers of the original code, one function per family of fixture files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from mempaper.memory import EpisodicMemory, Kernel, recall_weights, similarity
from mempaper.ritter2018 import analysis, two_step
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.ritter2018.model import DNDLSTM, Agent, MLPActorCritic
from mempaper.ritter2018.task import ContextualChoice
from mempaper.ritter2018.training import EpochBatch, ReadRule, frozen_epoch
from mempaper.rl import (
    actor_critic_loss,
    chosen_log_prob,
    discounted_returns,
    entropy_bits,
)
from mempaper.stats import standard_error
from mempaper.verify import Comparison, Family, Fixture

KERNELS: tuple[Kernel, ...] = get_args(Kernel)
LAYERS = ("i2h", "h2h", "a2c_actor", "a2c_critic")


def _tensor(array: np.ndarray) -> Tensor:
    return torch.as_tensor(array, dtype=torch.float32)


def check_similarity(f: Fixture) -> Iterator[Comparison]:
    """The three similarities and their best match."""
    query, keys = _tensor(f["query"]), _tensor(f["keys"])
    for kernel in KERNELS:
        ours = similarity(query, keys, kernel)
        name = f"sim_{kernel}"
        yield Comparison("memory.similarity", name, ours, f[name], 1e-4 if kernel == "l1" else 1e-5)
        best = f"argmax_{kernel}"
        yield Comparison("memory.similarity argmax", best, ours.argmax(-1), f[best], 0)


def check_dnd_buffer(f: Fixture) -> Iterator[Comparison]:
    """Writes, first-in-first-out eviction, the two switches, 1-NN reads."""
    keys, values = _tensor(f["save_keys"]), _tensor(f["save_vals"])
    queries = _tensor(f["queries"])
    for kernel in KERNELS:
        memory = EpisodicMemory(int(f["dict_len"]), values.shape[1], kernel=kernel)
        empty = memory.get(queries[0])[None]  # the original answers with a leading axis here
        shape = np.array(empty.shape)
        yield Comparison("EpisodicMemory.get", "empty_result_shape", shape, f["empty_result_shape"], 0)
        for key, value, off in zip(keys, values, f["encoding_off"], strict=True):
            memory.encoding = not off
            memory.save(key, value)
        yield Comparison("EpisodicMemory.save", "final_keys", memory.keys, f["final_keys"], 1e-7)
        yield Comparison("EpisodicMemory.save", "final_vals", memory.values, f["final_vals"], 1e-7)
        ours = torch.stack([memory.get(q) for q in queries])
        name = f"retrieved_{kernel}"
        yield Comparison("EpisodicMemory.get", name, ours, f[name], 1e-7)
        memory.retrieval = False
        off_result = memory.get(queries[0])[None]
        name = "retrieved_when_off"
        yield Comparison("EpisodicMemory.get", name, off_result, f[name], 1e-7)


def check_kernel_average(f: Fixture) -> Iterator[Comparison]:
    """Averages over the p nearest entries, in double precision."""
    query, keys, values = (torch.as_tensor(f[n]) for n in ("query", "keys", "vals"))
    for name in f:
        if not name.startswith(("softmax_", "inverse_")):
            continue
        parts = name.split("_")
        p = next(part[1:] for part in parts if part.startswith("p"))
        tau = next((float(part[3:]) for part in parts if part.startswith("tau")), 1.0)
        kernel: Kernel = next((k for k in KERNELS if k in parts), "l2")
        weights = recall_weights(
            query,
            keys,
            kernel=kernel,
            recall="softmax" if parts[0] == "softmax" else "inverse",
            n_neighbours=None if p == "all" else int(p),
            tau=tau,
        )
        yield Comparison("memory.recall_weights", name, weights @ values, f[name], 1e-10)


def _filled_memory(f: Fixture, kernel: Kernel) -> EpisodicMemory:
    values = _tensor(f["mem_vals"])
    memory = EpisodicMemory(len(values) + 1, values.shape[1], kernel=kernel)
    memory.inject(list(_tensor(f["mem_keys"])), list(values))
    return memory


def check_cell_step(f: Fixture) -> Iterator[Comparison]:
    """Independent single steps: gates, recalled state, cell, hidden, policy, value; one write."""
    network = DNDLSTM.from_reference(f.prefixed("W_"))
    memory = _filled_memory(f, f["kernel"])
    agent = Agent(network, memory, np.random.default_rng(0))
    x, h, c = (_tensor(f[name]) for name in ("in_x", "in_h", "in_c"))
    with torch.no_grad():
        memory.encoding = False
        steps = [agent.step(x[k], h[k].view(1, 1, -1), c[k].view(1, 1, -1))[0] for k in range(len(x))]
        memory.retrieval = False
        blind, _ = agent.step(x[0], h[0].view(1, 1, -1), c[0].view(1, 1, -1))
        memory.encoding = memory.retrieval = True
        agent.step(x[1], h[1].view(1, 1, -1), c[1].view(1, 1, -1))
    ours = {
        "out_f": [s.gates.forget for s in steps],
        "out_i": [s.gates.input for s in steps],
        "out_o": [s.gates.output for s in steps],
        "out_r": [s.gates.reinstatement for s in steps],
        "out_m": [s.recalled for s in steps],
        "out_c": [s.c for s in steps],
        "out_h": [s.h for s in steps],
        "out_pi": [s.policy for s in steps],
        "out_v": [s.value.view(1) for s in steps],
    }
    for name, parts in ours.items():
        yield Comparison("DNDLSTMCell.step", name, torch.stack(parts), f[name], 1e-5)
    yield Comparison("DNDLSTMCell.step, memory off", "noretrieval_c", blind.c, f["noretrieval_c"], 1e-5)
    yield Comparison("DNDLSTMCell.step, memory off", "noretrieval_h", blind.h, f["noretrieval_h"], 1e-5)
    yield Comparison("Agent.step, write", "saved_key", memory.keys[-1], f["saved_key"], 1e-5)
    yield Comparison("Agent.step, write", "saved_val", memory.values[-1], f["saved_val"], 1e-5)


def check_rollout(f: Fixture) -> Iterator[Comparison]:
    """A whole epoch with fixed weights: step by step, and with all searches made ahead."""
    network = DNDLSTM.from_reference(f.prefixed("W_"))
    x, h0, c0 = (_tensor(f[name]) for name in ("X", "h0", "c0"))
    n_trials, time = x.shape[:2]
    n, capacity = int(f["n_unique"]), int(f["dict_len"])
    memory = EpisodicMemory(capacity, h0.shape[1], kernel=f["kernel"])
    agent = Agent(network, memory, np.random.default_rng(0))
    names = {"pi": "policy", "v": "value", "out_h": "h", "out_c": "c", "out_m": "recalled"}
    ours: dict[str, list[Tensor]] = {name: [] for name in (*names, "out_r")}
    index = np.full((n_trials, time), -1)
    with torch.no_grad():
        for trial in range(n_trials):
            h, c = h0[trial].view(1, 1, -1), c0[trial].view(1, 1, -1)
            for t in range(time):
                if len(memory):
                    index[trial, t] = int(memory.weights(x[trial, t]).argmax())
                memory.encoding = trial < n and t == time - 1
                step, (h, c) = agent.step(x[trial, t], h, c)
                for name, attribute in names.items():
                    ours[name].append(getattr(step, attribute))
                ours["out_r"].append(step.gates.reinstatement)
    for name, parts in ours.items():
        stacked = torch.stack(parts).unflatten(0, (n_trials, time))
        yield Comparison("Agent.step over an epoch", name, stacked, f[name], 1e-5)
    yield Comparison("Agent.step, recalled entry", "retrieved_index", index, f["retrieved_index"], 0)
    yield Comparison("Agent.step, memory", "final_keys", memory.keys, f["final_keys"], 1e-5)
    yield Comparison("Agent.step, memory", "final_vals", memory.values, f["final_vals"], 1e-5)

    rule = ReadRule(kernel=f["kernel"], capacity=capacity)
    p_correct, values = frozen_epoch(network, _one_epoch(x, f["Y"][..., 0], h0, c0), n, rule)
    theirs = np.take_along_axis(f["pi"], f["Y"].astype(int), axis=2)[..., 0]
    yield Comparison("training.frozen_epoch", "pi", p_correct[0], theirs, 1e-5)
    kept = values[0, -len(f["final_vals"]) :]
    yield Comparison("training.frozen_epoch", "final_vals", kept, f["final_vals"], 1e-5)


def _one_epoch(x: Tensor, y: np.ndarray, h0: Tensor, c0: Tensor) -> EpochBatch:
    """Given arrays of one epoch as a batch of one member."""
    unused = torch.zeros(0)
    answers = torch.as_tensor(y.astype(np.int64))[None]
    return EpochBatch(x[None], answers, unused, torch.stack([h0, c0])[:, None], unused)


def check_loss_grad(f: Fixture) -> Iterator[Comparison]:
    """Reward, returns, both losses, all gradients and one step of Adam for given actions."""
    network = DNDLSTM.from_reference(f.prefixed("W_"))
    memory = _filled_memory(f, "l2")
    x, h0, c0 = (_tensor(f[name]) for name in ("in_x", "h0", "c0"))
    recalled = torch.tanh(torch.stack([memory.get(x_t) for x_t in x]))
    state = (h0.view(1, 1, -1), c0.view(1, 1, -1))
    hidden, _ = network.cell.unroll(x[None, None], *state, recalled[None, None])
    policy, value = network.heads(hidden[:, 0])
    actions = torch.as_tensor(f["actions"].astype(np.int64))[None]
    log_prob = chosen_log_prob(policy, actions)
    rewards = (actions[0] == torch.as_tensor(f["target"])).float()
    yield Comparison("rl.chosen_log_prob", "log_prob", log_prob[0].detach(), f["log_prob"], 1e-5)
    yield Comparison("LinearActorCritic", "values", value[0].detach(), f["values"], 1e-5)
    yield Comparison("rl reward", "rewards", rewards, f["rewards"], 0)
    for gamma in (0.0, 0.5, 0.9):
        name = f"returns_gamma{gamma}"
        yield Comparison(
            "rl.discounted_returns", name, discounted_returns(rewards, gamma), f[name], 1e-5
        )
    name = "returns_gamma0.9_normalized"
    normalized = discounted_returns(rewards, 0.9, normalize=True)
    yield Comparison("rl.discounted_returns", name, normalized, f[name], 1e-5)
    for gamma, suffix, tolerance in ((0.9, "_gamma0.9", 1e-4), (0.0, "", 1e-5)):
        loss = actor_critic_loss(log_prob[0], value[0], discounted_returns(rewards, gamma))
        for part in ("policy", "value"):
            name = f"loss_{part}{suffix}"
            ours = getattr(loss, part).detach()
            yield Comparison("rl.actor_critic_loss", name, ours, f[name], tolerance)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4, foreach=True)
    (loss.policy + loss.value).backward()
    cell, heads = network.cell, network.heads
    layers = dict(zip(LAYERS, (cell.i2h, cell.h2h, heads.actor, heads.critic), strict=True))

    def compare(prefix: str, function: str, gradient: bool) -> Iterator[Comparison]:
        for layer_name, layer in layers.items():
            for kind, parameter in (("weight", layer.weight), ("bias", layer.bias)):
                assert parameter is not None
                assert parameter.grad is not None
                ours = (parameter.grad if gradient else parameter.detach())[0]
                name = f"{prefix}_{layer_name}_{kind}"
                yield Comparison(function, name, ours.T if kind == "weight" else ours[0], f[name], 1e-5)

    yield from compare("grad", "gradient", gradient=True)
    optimizer.step()
    yield from compare("after", "Adam step", gradient=False)


def check_heads(f: Fixture) -> Iterator[Comparison]:
    """Both actor-critic heads at three temperatures, and the entropy helper."""
    x = _tensor(f["x"])
    mlp = MLPActorCritic(x.shape[1], f["mlp_ih_bias"].shape[0], f["mlp_actor_bias"].shape[0])
    parts = ("ih", "actor", "critic")
    names = [f"{part}_{kind}" for part in parts for kind in ("weight", "bias")]
    mlp.load_state_dict({n.replace("_", "."): _tensor(f[f"mlp_{n}"]) for n in names})
    # Only the heads are compared; the recurrent layers of the carrier network stay as drawn.
    heads = DNDLSTM([np.random.default_rng(0)], 1, x.shape[1], f["lin_actor_bias"].shape[0]).heads
    with torch.no_grad():
        for layer, name in ((heads.actor, "lin_actor"), (heads.critic, "lin_critic")):
            assert layer.bias is not None
            layer.weight[0] = _tensor(f[f"{name}_weight"]).T
            layer.bias[0, 0] = _tensor(f[f"{name}_bias"])
        for name in f:
            if "_pi_beta" not in name:
                continue
            beta = float(name.split("beta")[1])
            if name.startswith("mlp"):
                yield Comparison("MLPActorCritic", name, mlp(x, beta)[0], f[name], 1e-5)
            else:
                yield Comparison("LinearActorCritic", name, heads(x[None], beta)[0][0], f[name], 1e-5)
        yield Comparison("MLPActorCritic", "mlp_v", mlp(x)[1], np.ravel(f["mlp_v"]), 1e-5)
        yield Comparison("LinearActorCritic", "lin_v", heads(x[None])[1][0], np.ravel(f["lin_v"]), 1e-5)
    bits = entropy_bits(torch.as_tensor(f["entropy_p"]))
    yield Comparison("rl.entropy_bits", "entropy_bits", bits, f["entropy_bits"], 1e-5)


def check_task(f: Fixture) -> Iterator[Comparison]:
    """The generator, bit by bit, from numpy's legacy random state."""
    task = ContextualChoice(*(int(f[n]) for n in ("n_unique", "obs_dim", "trial_length", "t_noise_off")))
    epoch = task.sample_epoch(np.random.RandomState(int(f["seed"])))
    function = "ContextualChoice.sample_epoch"
    yield Comparison(function, "X", epoch.x, f["X"], 0)
    yield Comparison(function, "Y", epoch.y[..., None], f["Y"], 0)
    yield Comparison(function, "phase2_source_index", epoch.source, f["phase2_source_index"], 0)


def check_task_statistics(f: Fixture) -> Iterator[Comparison]:
    """Moments over 2000 fresh trials of the default sizes."""
    task = ContextualChoice()
    x, y = task.sample_unique(2000, np.random.default_rng(0))
    answer, off = y[:, 0], task.t_noise_off
    noise = x[:, :off, : task.obs_dim]
    signal, context = x[:, off:, : task.obs_dim], x[:, 0, task.obs_dim :]
    ours = {
        "p_target1": answer.mean(),
        "obs_mean_noise": noise.mean(),
        "obs_sd_noise": noise.std(),
        "obs_mean_signal_y1": signal[answer == 1].mean(),
        "obs_mean_signal_y0": signal[answer == 0].mean(),
        "obs_sd_signal_y1": signal[answer == 1].std(),
        "ctx_mean": context.mean(),
        "ctx_sd": context.std(),
        "sign_of_step5_sum_accuracy": ((signal[:, 0].sum(1) > 0) == answer).mean(),
        "sign_of_noise_sum_accuracy": ((noise.sum((1, 2)) > 0) == answer).mean(),
    }
    for name, value in ours.items():
        wide = name in ("p_target1", "sign_of_noise_sum_accuracy")
        yield Comparison("ContextualChoice moments", name, value, f[name], 0.04 if wide else 0.02)


def check_metrics(f: Fixture) -> Iterator[Comparison]:
    """Mean and standard error, principal components, separation, similarity matrices."""
    corrects, values, labels = f["corrects"].astype(float), f["values"], f["labels"]
    yield Comparison("stats.standard_error", "mean", corrects.mean(0), f["mean"], 1e-5)
    yield Comparison("stats.standard_error", "se", standard_error(corrects), f["se"], 1e-5)
    scores, explained = analysis.principal_components(values)
    function = "analysis.principal_components"
    yield Comparison(function, "pc_scores_abs", np.abs(scores), f["pc_scores_abs"], 1e-5)
    name = "explained_variance_ratio"
    yield Comparison(function, name, explained, f[name], 1e-5)
    _, d_prime = analysis.separation(scores[:, 0], labels)
    name = "pc0_dprime"
    yield Comparison("analysis.separation", name, d_prime, f[name], 1e-4, relative=True)
    for kernel in KERNELS:
        matrix = analysis.similarity_matrix(values, kernel)
        name = f"simmat_{kernel}"
        yield Comparison("analysis.similarity_matrix", name, matrix, f[name], 1e-4)


def check_trained(f: Fixture) -> Iterator[Comparison]:
    """Behaviour of networks that the original code trained, with frozen weights."""
    network = DNDLSTM.from_reference(f.prefixed("W_"))
    n = int(f["n_unique"])
    rules = {
        "p_correct": ReadRule(kernel=f["kernel"]),
        "p_correct_retrieval_off": ReadRule(retrieval=False),
    }
    x, h0, c0 = (_tensor(f[name]) for name in ("X", "h0", "c0"))
    for name, rule in rules.items():
        found = [
            frozen_epoch(network, _one_epoch(x[e], f["Y"][e], h0[e], c0[e]), n, rule)
            for e in range(len(x))
        ]
        ours = torch.cat([p for p, _ in found])
        yield Comparison("training.frozen_epoch", name, ours, f[name], 1e-4, share=0.995)
        if rule.retrieval:
            values = torch.cat([v for _, v in found])
            name = "memory_values"
            yield Comparison("training.frozen_epoch", name, values, f[name], 1e-4, share=0.995)


def check_stay(f: Fixture) -> Iterator[Comparison]:
    """Stay probabilities and model-based and model-free indices of the two-step task."""
    tables = two_step.stay_tables(
        f["actions"], f["states"], f["rewards"], f["cue_index"], int(f["n_uncued"])
    )
    for name, table in tables.items():
        yield Comparison("two_step.stay_tables", f"stay_{name}", table, f[f"stay_{name}"], 1e-9)
        for index in ("mb_index", "mf_index"):
            ours = getattr(two_step, index)(table)
            yield Comparison(f"two_step.{index}", f"{index}_{name}", ours, f[f"{index}_{name}"], 1e-9)


def check_training(f: Fixture) -> Iterator[Comparison]:
    """Internal consistency of a training log: return is the mean over trials of summed reward."""
    ours = f["correct"].sum(-1).mean(-1)
    yield Comparison("return from correct", "return", ours, f["return"], 1e-6)


CONDITIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "l1": {"kernel": "l1"},
    "cosine": {"kernel": "cosine"},
    "no_retrieval": {"retrieval": False},
}


def check_training_envelope(f: Fixture) -> Iterator[Comparison]:
    """Train eight networks of the same condition and compare means over networks."""
    condition = f.variant.removeprefix("training_")
    if condition not in CONDITIONS:
        raise ValueError(f"no such condition; known: {', '.join(CONDITIONS)}")
    n_epochs, n_trials, time = f["correct"].shape[1:]
    run = ContextualChoiceTraining(
        n_epochs=n_epochs, n_unique=n_trials // 2, trial_length=time, **CONDITIONS[condition]
    ).result()
    function = f"training.train ({condition})"
    returns = run["correct"].sum(-1).mean(-1)
    first, second = (part.mean((0, 1, 2)) for part in analysis.by_encounter(run["p_correct"]))
    theirs_first, theirs_second = f["frozen_eval_first"].mean(0), f["frozen_eval_second"].mean(0)
    ours = (
        ("return", returns[:, -5:].mean(), f["return"][:, -5:].mean(), 0.3),
        ("value_loss", run["value_loss"][:, -5:].mean(), f["value_loss"][:, -5:].mean(), 0.12),
        ("frozen_eval_first t<5", first[:5].mean(), theirs_first[:5].mean(), 0.08),
        ("frozen_eval_second t=0", second[0], theirs_second[0], 0.10),
        ("frozen_eval_second t=1..4", second[1:5].mean(), theirs_second[1:5].mean(), 0.08),
        ("frozen_eval_first t>=5", first[5:], theirs_first[5:], 0.06),
        ("frozen_eval_second t>=5", second[5:], theirs_second[5:], 0.06),
    )
    for name, mine, theirs, tolerance in ours:
        yield Comparison(f"{function} {name}", name, mine, theirs, tolerance)


FAMILIES: dict[str, Family] = {
    "similarity": check_similarity,
    "dnd_buffer": check_dnd_buffer,
    "kernel_average": check_kernel_average,
    "cell_step": check_cell_step,
    "rollout": check_rollout,
    "loss_grad": check_loss_grad,
    "heads": check_heads,
    "task": check_task,
    "task_statistics": check_task_statistics,
    "metrics": check_metrics,
    "trained": check_trained,
    "stay": check_stay,
    "training": check_training,
}
TRAINED: dict[str, Family] = {"training": check_training_envelope}
