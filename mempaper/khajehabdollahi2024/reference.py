"""Recomputes the numbers of the original code, one function per family of fixture files.

Sizes, memory lengths and options come from the arrays and from the names of keys and files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mempaper.khajehabdollahi2024 import activity, perturbation, task, timescales, training
from mempaper.khajehabdollahi2024.gated_reference import check_lstm
from mempaper.khajehabdollahi2024.published_reference import PUBLISHED_FAMILIES
from mempaper.khajehabdollahi2024.shipped_reference import SHIPPED_FAMILIES, WEIGHTS, network_from
from mempaper.verify import Comparison, Family, Fixture

REFERENCE_BATCHES = 300  # that the stored statistics of the tasks were taken from
BATCH_SIZE = 32
STREAM_WARM_UP = 20


def _bits(x: np.ndarray) -> Tensor:
    """Bits (time, trial, 1) of the original as (member, trial, time) of one member."""
    return torch.as_tensor(x[..., 0].T.astype(np.float32))[None]


def _options(placement: str, words: list[str]) -> tuple[dict[str, Any], float]:
    """Options of a network and its k, from words such as ``fixed2``, ``k10`` and ``tanh``."""
    options: dict[str, Any] = {"placement": {"cont": "continuous"}.get(placement, placement)}
    k = 1.0
    for word in words:
        if word.startswith("fixed"):
            options["fixed_tau"] = float(word.removeprefix("fixed"))
        elif re.fullmatch(r"k[\d.]+", word):
            k = float(word[1:])
        else:
            options["activation"] = {"leaky": "leakyrelu"}.get(word, word)
    return options, k


def check_cell(f: Fixture) -> Iterator[Comparison]:
    """Forward passes of every kind of network; the stored weights have self-connections."""
    bits, h0 = _bits(f["x"]), torch.as_tensor(f["h0"])[None]
    for _, (tag,) in f.matching("(.+)_h"):
        placement, *words = tag.split("_")
        options, k = _options(placement, words)
        network = network_from(f, **options)
        with torch.no_grad():
            states = network.unroll(bits, h0, k=k)
            logits = torch.stack([network.logits(h)[0] for h in states])
        states = torch.cat([h0, states[:, 0]])
        yield Comparison(f"LeakyRNN.unroll, {placement}", f"{tag}_h", states, f[f"{tag}_h"], 1e-5)
        name = f"{tag}_logits"
        yield Comparison(f"LeakyRNN.logits, {placement}", name, logits, f[name], 1e-5)


def _as_theirs(arrays: Mapping[str, Tensor], name: str) -> np.ndarray:
    """A parameter of one member, or its gradient, in the layout of the original."""
    array = arrays[name][0].numpy()
    if name in ("w_in", "w_rec"):
        return array.T
    return array.transpose(0, 2, 1) if name == "w_head" else array[:, 0] if "head" in name else array[0]


def check_train(f: Fixture) -> Iterator[Comparison]:
    """Loss, gradient, clipping, and successive Nesterov steps."""
    words = f.variant.split("_")[1:]
    kind: Any = next((word for word in words if word in ("parity", "dms")), None)
    if kind is None or words[0] not in ("default", "mod"):
        raise ValueError("expected a file train_default_<task> or train_mod_<activation>_<task>")
    options, _ = _options(words[0], words[1 : words.index(kind)])
    network = network_from(f, "init_", **options)
    optimizer = training.new_optimizer(network)
    n_values = np.ravel(f["Ns"]).tolist()
    steps = {int(number) for _, (number, _) in f.matching(r"step(\d+)_(.+)")}
    off_diagonal = 1 - np.eye(network.n_units)  # the next forward pass clears what is there
    losses, norms = [], []
    for number, (x, y, h) in enumerate(zip(f["x"], f["y"], f["h0"], strict=True), start=1):
        bits, h0 = _bits(x), torch.as_tensor(h)[None]
        answers = task.labels(kind, bits, n_values).mT
        yield Comparison("task.labels", "y", answers[0], y, 0)
        if number == 1:
            logits = network.logits(network.unroll(bits, h0)[-1], len(n_values))
            training.heads_loss(logits, answers).sum().backward()
            gradients = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
            for name in WEIGHTS:
                ours, theirs = _as_theirs(gradients, name), f[f"grad_{name}"]
                ours = ours[: len(n_values)] if "head" in name else ours
                yield Comparison("gradient of heads_loss", f"grad_{name}", ours, theirs, 2e-5)
        loss, norm = training.update(network, optimizer, bits, answers, h0)
        losses.append(loss.item())
        norms.append(norm.item())
        if number in steps:
            values = {n: p.detach() for n, p in network.named_parameters()}
            for name in WEIGHTS:
                key = f"step{number}_{name}"
                mask: Any = off_diagonal if name == "w_rec" else 1
                ours, theirs = _as_theirs(values, name) * mask, f[key] * mask
                yield Comparison("training.update, parameters", key, ours, theirs, 2e-5)
    yield Comparison("training.update, loss", "loss", losses, np.ravel(f["loss"]), 2e-5)
    name = "grad_norm"
    yield Comparison("training.update, norm", name, norms, np.ravel(f[name]), 2e-5)


def check_task(f: Fixture) -> Iterator[Comparison]:
    """Labels of given sequences, and what the sampled batches are like."""
    bits = torch.as_tensor(f["seq"])
    n_values = np.ravel(f["Ns"]).tolist()
    for kind in ("parity", "dms"):
        yield Comparison("task.labels", kind, task.labels(kind, bits, n_values), f[kind], 0)
    name = "parity_pm1"  # from bits -1 and +1, of which the +1 count
    yield Comparison("task.labels", name, task.labels("parity", bits, n_values), f[name], 0)
    for key, (kind, n) in f.matching(r"(parity|dms)_in_time_N(\d+)"):
        ours = task.labels_in_time(kind, bits, int(n))[:, :-1]
        yield Comparison("task.labels_in_time", key, ours, f[key], 0)  # theirs stops one short
    for key, (repeats,) in f.matching(r"dup(\d+)_seq"):
        single = torch.as_tensor(f[key][:: int(repeats)])
        repeated = single.repeat_interleave(int(repeats), 0)
        yield Comparison("task.labels, repeated bits", key, repeated, f[key], 0)
        name = f"dup{repeats}_labels"
        ours = task.labels("parity", single.T, range(2, 2 + len(f[name]))).T
        yield Comparison("task.labels, repeated bits", name, ours, f[name], 0)
    for key, (kind, first, last) in f.matching(r"stat_(parity|dms)_(\d+)_(\d+)"):
        yield from _statistics(key, kind, range(int(first), int(last) + 1), f[key])


def _statistics(key: str, kind: Any, n_values: range, theirs: np.ndarray) -> Iterator[Comparison]:
    """Lengths, bits and last answers of many batches; standard errors with the batch as unit."""
    n_batches = max(2000, 60 * n_values[-1])  # every length appears, but for one case in e^20
    rng = np.random.default_rng([0, n_values[0], n_values[-1]])
    lengths, bit_means, answers = np.zeros(n_batches), np.zeros((n_batches, BATCH_SIZE)), []
    for i in range(n_batches):
        trials = task.sample_trials(kind, [n_values], BATCH_SIZE, [rng])
        lengths[i] = trials.bits.shape[-1]
        bit_means[i] = trials.bits[0].mean(-1)
        answers.append(trials.labels[0, -1].double().mean().item())
    extremes = [lengths.min(), lengths.max()]
    yield Comparison("task.sample_trials, lengths", key, extremes, theirs[:2], 0)
    answer = np.array(answers)
    squares = (bit_means - bit_means.mean()) ** 2, (answer - answer.mean()) ** 2
    for place, name, by_batch, is_variance in (
        (2, "mean length", lengths, False),
        (3, "mean of bit means", bit_means.mean(1), False),
        (4, "SD of bit means", squares[0].mean(1), True),
        (5, "mean answer", answer, False),
        (6, "SD of mean answers", squares[1], True),
    ):
        ours, deviation = float(by_batch.mean()), float(by_batch.std())
        if is_variance:  # an SD is the root of a mean of squares
            ours = float(np.sqrt(ours))
            deviation /= 2 * ours
        error = deviation * np.sqrt(1 / REFERENCE_BATCHES + 1 / n_batches)
        function = "task.sample_trials, standard errors"
        yield Comparison(function, f"{key} {name}", ours / error, theirs[place] / error, 4)


def check_analysis(f: Fixture) -> Iterator[Comparison]:
    """Autocovariance, fits of exponentials, principal components, relative accuracy."""
    theirs = f["ac"]
    ours = timescales.autocovariance(f["signals"], theirs.shape[1])
    variance = theirs[:, :1]
    name = "timescales.autocovariance"
    yield Comparison(name, "ac", ours / variance, theirs / variance, 1e-6)
    streaming = activity.StreamingAutocovariance(theirs.shape[1])
    for piece in np.array_split(f["signals"], 2, axis=-1):
        streaming.add(torch.as_tensor(piece).transpose(0, 1))
    name = "activity.StreamingAutocovariance"
    yield Comparison(name, "ac", streaming.result() / variance, theirs / variance, 1e-6)
    tau, selected = timescales.fit_timescales(timescales.normalised(f["fit_ac"]))
    name = "timescales.fit_timescales"
    yield Comparison(name, "fit_selected", selected, f["fit_selected"], 0)
    ratio = tau / f["fit_tau"]
    yield Comparison(name, "fit_tau", ratio, np.ones_like(ratio), 1e-3)
    shares = activity.explained_variance(f["pca_activity"])
    yield Comparison("activity.explained_variance", "pca_evr", shares, f["pca_evr"], 1e-9)
    name = "pca_index_ref"
    needed = [activity.components_needed(shares, t) - 1 for t in np.ravel(f["pca_thresholds"])]
    yield Comparison("activity.components_needed", name, needed, np.ravel(f[name]), 0)
    relative = perturbation.relative_accuracy(torch.as_tensor(f["rel_acc_in"]), float(f["rel_base"]))
    yield Comparison("perturbation.relative_accuracy", "rel_acc", relative, f["rel_acc"], 1e-9)


def check_perturb(f: Fixture) -> Iterator[Comparison]:
    """Perturbed parameters, ablated units, accuracy on a stream."""
    for _, (name, kind, target) in f.matching("((normalized|multiplicative|additive)_(rnn|tau).*)_draw"):
        x, draw = (
            torch.as_tensor(f[n]) for n in ("w_rec" if target == "rnn" else "tau", f"{name}_draw")
        )
        ours = perturbation.perturbed(x, draw, float(f[f"{name}_eps"]), kind)
        key = f"{name}_result"
        yield Comparison(f"perturbation.perturbed, {kind}", key, ours, f[key], 1e-5)
    for _, (prefix, what, units) in f.matching(r"((ablread|abl)(\d+)_)w_rec"):
        network = network_from(f)
        if what == "abl":
            perturbation.ablate(network, int(units), head=0)
        else:
            perturbation.silence_readout(network, [int(unit) for unit in units], head=0)
        function = "perturbation." + ("ablate" if what == "abl" else "silence_readout")
        for name, array in network.to_reference().items():
            yield Comparison(function, prefix + name, array, f[prefix + name], 0)
    network = network_from(f)
    bits, h0 = _bits(f["stream_x"][:, None]), torch.as_tensor(f["stream_h0"])[None]
    with torch.no_grad():
        logits = torch.stack([network.logits(h)[0, :, 0] for h in network.unroll(bits, h0)])
    yield Comparison("LeakyRNN.logits, stream", "stream_logits", logits, f["stream_logits"], 1e-5)
    for key, (kind, n) in f.matching(r"stream_(parity|dms)_acc_N(\d+)"):
        accuracy = perturbation.streaming_accuracy(
            network,
            kind,
            bits,
            h0,
            int(n),
            int(n) - 2,
            warm_up=STREAM_WARM_UP,
        )
        yield Comparison("perturbation.streaming_accuracy", key, accuracy.item(), f[key], 1e-6)


FILES = ("**/*.npz", "**/*.csv")
FAMILIES: dict[str, Family] = {
    "cell": check_cell,
    "train": check_train,
    "task": check_task,
    "analysis": check_analysis,
    "perturb": check_perturb,
    "lstm": check_lstm,
    **SHIPPED_FAMILIES,
    **PUBLISHED_FAMILIES,
}
TRAINED: dict[str, Family] = {}
