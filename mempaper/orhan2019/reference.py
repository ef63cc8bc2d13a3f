"""Recomputes the numbers of the original code, one function per family of fixture files.

Sizes and cases come from the arrays and from the names of keys and files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from mempaper.orhan2019 import analysis
from mempaper.orhan2019.evaluation import ideal_for, respond
from mempaper.orhan2019.gated import GatedNetworks, Networks
from mempaper.orhan2019.learning import (
    PENALISED_STEPS,
    activity_penalty,
    task_loss,
    weight_penalty,
)
from mempaper.orhan2019.model import RateNetworks, Start
from mempaper.orhan2019.observers import ideal_answer, information_loss
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.task import CHOICE, N_NEURONS, NOISE, DelayTask, Stimuli, Trials
from mempaper.orhan2019.trained_reference import NAMES, TRAINED_FAMILIES, original_task, rate_network
from mempaper.verify import Comparison, Family, Fixture

LEARNING_RATE = 5e-4
READOUT = 5


def _close(
    function: str, name: str, ours: Any, theirs: Any, absolute: float, relative: float
) -> Comparison:
    """Compares entries that may be ``absolute + relative * |theirs|`` apart."""
    scale = 1 + relative / absolute * np.abs(theirs)
    return Comparison(function, name, np.asarray(ours) / scale, theirs / scale, absolute)


def _gated_network(f: Fixture, prefix: str) -> GatedNetworks:
    """Gated units from the original's arrays, which are there gate by gate."""
    gates = ("resetgate", "updategate", "hidden_update")
    w_in, w_hh, b_in = (
        np.concatenate([f[f"{prefix}{kind}_{gate}"] for gate in gates], -1)
        for kind in ("W_in_to", "W_hid_to", "b")
    )
    w_out, b_out = f[f"{prefix}W_out"], f[f"{prefix}b_out"]
    sizes = (len(w_in), *w_out.shape)
    network = GatedNetworks([Start(np.random.default_rng(0), 0, 0)], *sizes, choice=True)
    arrays = {"W_in": w_in, "W_hh": w_hh, "W_out": w_out, "b_in": b_in[None], "b_out": b_out[None]}
    network.load_state_dict({name: torch.as_tensor(a)[None] for name, a in arrays.items()})
    return network


def check_models(f: Fixture) -> Iterator[Comparison]:
    """Activity and outputs of plain, masked, Hebbian and gated networks."""
    for _, (case,) in f.matching(r"(.+)_x"):
        x, masks = f[f"{case}_x"], {case: None}
        network: Networks
        if case == "gru":
            network = _gated_network(f, "gru_")
        else:
            gamma = f[f"{case}_gamma"] if case.startswith("fast") else 0.0
            network = rate_network(f, f"{case}_", choice="_lin" not in case, gamma=gamma)
        if case == "lerec_sig1":
            masks["lerec_masked"] = f["lerec_masked_mask"].astype(bool)
        nothing = np.zeros((len(x), 0))
        for name, mask in masks.items():
            h, y = respond(network, Trials(x, nothing, mask, Stimuli(*[nothing] * 5)))
            kind = f"{type(network).__name__}, {name}"
            yield _close(f"{kind}, activity", f"{name}_h", h[0], f[f"{name}_h"], 1e-4, 1e-5)
            yield _close(f"{kind}, outputs", f"{name}_out", y[0], f[f"{name}_out"], 1e-4, 1e-5)


def check_train(f: Fixture) -> Iterator[Comparison]:
    """Terms of the loss, the gradient clipped step by step, and three updates with Adam."""
    for _, (case,) in f.matching(r"train_(.+)_x"):
        prefix, name = f"train_{case}_", case.removesuffix("clip")
        name, tolerance = NAMES.get(name, name), 1e-5 if name == case else 1e-4
        network = rate_network(f, f"{prefix}p0_", choice=name in CHOICE, gamma=f[f"{prefix}gamma"])
        optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
        x, y = (torch.as_tensor(f[prefix + key])[None] for key in "xy")
        n_response, rho = f[f"{prefix}resp_dur"], torch.tensor([f[f"{prefix}rho"]])
        for update, before in enumerate(f[f"{prefix}losses"], start=1):
            answering, ending = network.tails(x, None, n_response, PENALISED_STEPS)
            loss = task_loss(name, network.readout(answering), y[:, :, -n_response:].transpose(1, 2))
            activity = activity_penalty(ending, f[f"{prefix}act_coef"])
            weights = weight_penalty(list(network.parameters()), rho)
            total = loss + activity + weights
            optimizer.zero_grad()
            total.sum().backward()
            pairs = [("losses", total, before)]
            if update == 1:
                key = "loss_terms"
                terms = (loss, activity, weights, total)
                pairs += [(key, *pair) for pair in zip(terms, f[prefix + key], strict=True)]
                yield from _gradient(network, f, prefix)
            for key, ours, theirs in pairs:
                yield Comparison("losses", prefix + key, ours.item(), theirs, tolerance, relative=True)
            optimizer.step()
            if f"{prefix}p{update}_W_in" in f:
                yield from _updated(network, f, prefix, update)


def _gradient(network: RateNetworks, f: Fixture, prefix: str) -> Iterator[Comparison]:
    for name, p in network.named_parameters():
        key = f"{prefix}grad_{name}"
        theirs, function = f[key], "RateNetworks.tails, gradient"
        assert p.grad is not None
        tolerance = 1e-5 * np.abs(theirs).max() + 1e-6
        yield Comparison(function, key, p.grad.view(theirs.shape), theirs, tolerance)


def _updated(network: RateNetworks, f: Fixture, prefix: str, update: int) -> Iterator[Comparison]:
    """Parameters after some updates: half of them agree to rounding, all within the steps' size.

    Adam divides a gradient by its size: where it is nothing but rounding, so is the step's direction.
    """
    ours = np.concatenate([p.detach().numpy().ravel() for p in network.parameters()])
    key = f"{prefix}p{update}"
    names = [name for name, _ in network.named_parameters()]
    theirs = np.concatenate([f[f"{key}_{name}"].ravel() for name in names])
    yield Comparison("Adam, median", key, ours, theirs, 1e-6, share=0.5)
    yield Comparison("Adam, all", key, ours, theirs, 6e-4 * update)


def check_rates(f: Fixture) -> Iterator[Comparison]:
    """Expected spikes, targets, masks, and the ideal observer's answers to given spikes."""
    for _, (condition, case) in f.matching(r"rates_(basic|dynamic|var)_(.+)_x"):
        prefix = f"rates_{condition}_{case}_"
        task = original_task(case, condition)
        x, n = f[f"{prefix}x"], len(f[f"{prefix}x"])
        delay = f[f"{prefix}delays"] if condition == "var" else np.full(n, task.geometry.delay)
        answer, first = f[f"{prefix}s"].reshape(-1, task.n_outputs), np.zeros((n, 0))
        if task.name == "SINE":
            yield from _noise(task, x)
            answer = np.zeros((n, 1))
        else:
            first = f[f"{prefix}S1"]
        second, cue = f.get(f"{prefix}S2"), f.get(f"{prefix}cue")
        stimuli = Stimuli(first, second, answer, cue, delay)
        mask = task.mask(delay)
        if mask is not None:
            yield Comparison("DelayTask.mask", f"{prefix}mask", mask, f[f"{prefix}mask"], 0)
        targets = task.targets(stimuli, mask)
        yield Comparison("DelayTask.targets", f"{prefix}y", targets, f[f"{prefix}y"], 0)
        opt = f[f"{prefix}opt"]
        _, best = ideal_for(task, Trials(x, targets, mask, stimuli), READOUT)
        if task.name == "SINE":
            opt = np.broadcast_to(opt[0, -READOUT], best.shape)
        elif opt.ndim == 3:
            best = np.broadcast_to(best[:, None], opt.shape)
        best = best.reshape(opt.shape)
        yield Comparison("evaluation.ideal_for", f"{prefix}opt", best, opt, 1e-5)
        if task.name != "SINE":
            yield from _expected_spikes(f, prefix, task, stimuli)


def _noise(task: DelayTask, theirs: np.ndarray) -> Iterator[Comparison]:
    """At which steps there is noise, and how much, to four standard errors of the difference."""
    ours = task.sample(len(theirs), np.random.default_rng(0)).inputs
    noisy, there = (x.any((0, 2)) for x in (ours, theirs))
    yield Comparison("SINE, steps with noise", "x", noisy, there, 0)
    drawn, expected = ours[:, noisy], theirs[:, there]
    error = 4 * NOISE * np.sqrt(2 / expected.size)
    yield Comparison("SINE, noise", "x, mean", drawn.mean(), expected.mean(), error)
    yield Comparison("SINE, noise", "x, sd", drawn.std(), expected.std(), error / np.sqrt(2))


def _expected_spikes(f: Fixture, prefix: str, task: DelayTask, stimuli: Stimuli) -> Iterator[Comparison]:
    """Rates by phase; the original has the response before the delay where it shows a stimulus."""
    number, phases = 0, task.geometry
    if task.condition == "dynamic":
        yield Comparison("DelayTask.bump", f"{prefix}L0_all", task.bump(), f[f"{prefix}L0_all"], 1e-5)
        number = 1
    steps = (phases.stimulus, phases.delay, phases.response)
    order = (0, 1, 2) if stimuli.second is None else (0, 2, 1)
    rates = task.rates(stimuli)
    for place in order:
        key = f"{prefix}L{number}"
        yield Comparison("DelayTask.rates", key, rates[place], f[key], 1e-5)
        yield Comparison("DelayTask.rates, steps", key, steps[place], f[f"{key}_nsteps"], 0)
        number += 1


def check_opt(f: Fixture) -> Iterator[Comparison]:
    """The ideal observer's answers to given counts of spikes."""
    for _, (case,) in f.matching(r"opt_(.+)_counts1"):
        task, prefix = original_task(case), f"opt_{case}_"
        counts = [f[f"{prefix}counts{phase}"] for phase in (1, 3)]
        first, second = (c.reshape(len(c), task.n_locations, N_NEURONS).astype(float) for c in counts)
        theirs = f[f"{prefix}opt"]
        ours = ideal_answer(task, first, second, f.get(f"{prefix}cue")).reshape(theirs.shape)
        yield Comparison("observers.ideal_answer", f"{prefix}opt", ours, theirs, 1e-8)


def check_perf(f: Fixture) -> Iterator[Comparison]:
    """Information loss of given answers."""
    for _, (case,) in f.matching(r"perf_(.+)_infloss"):
        prefix = f"perf_{case}_"
        ours = information_loss(NAMES.get(case, case), *(f[prefix + key] for key in ("s", "opt", "net")))
        name = f"{prefix}infloss"
        yield Comparison("observers.information_loss", name, ours, f[name], 1e-10)


def check_si(f: Fixture) -> Iterator[Comparison]:
    """The sequentiality index of each trial and of all, as the original has it with infinite ratios."""
    for _, (tag,) in f.matching(r"si_(.+)_h"):
        h, (bins, window, threshold) = f[f"si_{tag}_h"], f[f"si_{tag}_args"]
        options = {"bins": int(bins), "window": int(window), "threshold": threshold}
        together = sequentiality(h, **options, finite_only=False)
        alone = [sequentiality(trial[None], **options, finite_only=False).mean for trial in h]
        name = f"si_{tag}_per_trial"
        yield Comparison("sequentiality.sequentiality", name, together.index, f[name], 1e-6)
        yield Comparison("sequentiality.sequentiality", name, alone, f[name], 1e-6)
        name = f"si_{tag}_mean"
        yield Comparison("Sequentiality.mean", name, together.mean, f[name], 1e-6)


def check_analysis(f: Fixture) -> Iterator[Comparison]:
    """Recurrent weights in the order of peaks, non-normality, and the chain model."""
    profile = analysis.weight_profile(f["prof_h"], f["prof_W"])
    for name, ours in (
        ("order", profile.order),
        ("lag", profile.lag),
        ("mean", profile.mean),
        ("std", profile.std),
        ("asym", profile.asymmetry),
    ):
        tolerance = 0 if name in ("order", "lag") else 1e-8
        key = f"prof_{name}"
        yield Comparison("analysis.weight_profile", key, ours, f[key], tolerance)
    yield Comparison("analysis.henrici", "henrici", analysis.henrici(f["prof_W"]), f["henrici"], 1e-8)
    yield from _chain(f)


def _chain(f: Fixture) -> Iterator[Comparison]:
    stored = {float(f"{d[0]}.{d[1:]}"): key for key, (d,) in f.matching(r"chain_h_alpha(\d+)")}
    n_steps, n_units = next(f[key].shape for key in stored.values())
    self_weight, n_driven = f["chain_lambda"], f["chain_n0"]
    for place, alpha in enumerate(f["chain_alpha"]):
        h = analysis.chain_activity(alpha, self_weight, n_units, n_steps, n_driven)
        index = sequentiality(h[None], finite_only=False).mean
        departure = analysis.henrici(analysis.chain_weights(alpha, self_weight, n_units))
        for function, key, ours in (
            ("analysis.chain_activity, index", "chain_SI", index),
            ("analysis.chain_activity, sum", "chain_sum_at_t124", h[124].sum()),
            ("analysis.henrici", "chain_henrici", departure),
        ):
            rounding = key == "chain_henrici" and alpha == 0  # 0 in theory
            tolerance = 1e-7 if rounding else 1e-8
            yield Comparison(function, f"{key}, alpha {alpha:g}", ours, f[key][place], tolerance)
        if alpha in stored:
            key = stored[alpha]
            yield Comparison("analysis.chain_activity", key, h, f[key], 1e-6)  # kept in single precision


FAMILIES: dict[str, Family] = {
    "models": check_models,
    "train": check_train,
    "rates": check_rates,
    "opt": check_opt,
    "perf": check_perf,
    "si": check_si,
    "analysis": check_analysis,
    **TRAINED_FAMILIES,
}
TRAINED: dict[str, Family] = {}
FILES = ("*.npz", "*.csv")
