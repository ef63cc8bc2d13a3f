"""Recomputes what the authors published: their example network, its tests, and tables of 15 networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mempaper.lu2022 import analysis, geometry
from mempaper.lu2022.curves import by_condition, split_by_source
from mempaper.lu2022.evaluation import Evaluation, Networks, Test, evaluate
from mempaper.lu2022.network_file import from_original
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.trials import DM
from mempaper.verify import Comparison, Family, Fixture, Skipped

EXAMPLE = "demo_weights_ep1000.npz"
N_FEATURES = 16
N_TRIALS = 512  # twice the original's, so that most of the difference is the chance of theirs
EVALUATIONS = {"pen0": 0.0, "pen2": 2.0, "pen4": 4.0, "pen2_midway": 2.0}  # of the tables, in order


def check_demo_weights(f: Fixture) -> Iterator[Comparison]:
    """The example network loads; its first weights are as drawn, and one row is never read."""
    network = from_original(f)
    hidden = network.hidden_size
    for name, ours in network.state_dict().items():
        theirs = f[name]
        if name.startswith(("i2h", "h2h")):
            theirs = np.delete(theirs, 3 * hidden, axis=0)
        ours = ours[0].T if name.endswith("weight") else ours[0, 0]
        yield Comparison("network_file.from_original", name, ours, theirs, 0)
    if f.variant.endswith("ep0000"):
        for name in (name for name in f if name.endswith("weight")):
            w = f[name] if f[name].shape[0] <= f[name].shape[1] else f[name].T
            yield Comparison("orthogonal start", name, w @ w.T, np.eye(len(w)), 1e-5)
            name = name.replace("weight", "bias")
            yield Comparison("orthogonal start", name, f[name], np.zeros_like(f[name]), 0)
    for start in f.beside("demo_weights_ep0000.npz"):
        for name in ("i2h.weight", "i2h.bias", "h2h.weight", "h2h.bias"):
            row, first = f[name][3 * hidden], start[name][3 * hidden]
            yield Comparison("row that nothing reads", name, row, first, 0)


def _test(setting: str) -> Test:
    """Test of a setting such as ``pen2_midway``."""
    return Test(
        penalty=float(setting[3]),
        segment=8 if "midway" in setting else None,
        remove_midway="rm_mid_target" in setting,
        silence=tuple(range(16)) if "silenced" in setting else (),
        scramble="scrambled" in setting,
        schema=False,
        n_trials=N_TRIALS,
    )


def _summary(e: Evaluation) -> dict[str, np.ndarray]:
    """Everything that the original's summary has of one network."""
    counted = e.condition >= 0
    answers = analysis.behaviour(e.policy, np.tile(e.trials.values, 2))
    ours = {"acc": answers.correct, "dk": answers.dont_know, "mis": answers.mistake, "gate": e.gate}
    for name, values in (("cos", e.cosine), ("lca", e.activation)):
        target, lure = analysis.target_and_lure(values, e.condition, e.n_targets)
        ours |= {f"{name}_per_memory": values, f"{name}_targ": target, f"{name}_lure": lure}
    found = {name: by_condition(e, values)[0] for name, values in ours.items()}
    found |= {name: found[name][:2] for name in ("cos_targ", "lca_targ")}  # RM and DM
    length = e.trials.part_length
    norm = geometry.activity_norm(e.decision)[:, :, length:]
    target = analysis.target_and_lure(e.activation, e.condition, e.n_targets)[0]
    for name, part in (("gate", e.gate[:, :, length:]), ("targ", target[:, :, length:]), ("norm", norm)):
        unseen, seen = split_by_source(e, part)
        found |= {f"{name}_dm_notseen": unseen[0], f"{name}_dm_seen": seen[0]}
    silent = answers.dont_know[:, :, length:]
    found["norm_dk"] = analysis.pooled_mean(norm, silent & counted[..., None])[0]
    found["norm_notdk"] = analysis.pooled_mean(norm, ~silent & counted[..., None])[0]
    first, second = e.c[:, :, :length], e.c[:, :, length:]
    alike = [geometry.state_similarity(first, second, e.condition == c)[0] for c in range(3)]
    found["state_cos"] = np.stack(alike)
    found["pca_cumvar"] = geometry.principal_components(first, counted).cumulative[0]
    part2 = e.activation[:, :, length:]
    found["auc"] = np.array(analysis.recall_rocs(part2, e.condition, counted, e.n_targets)[0].area)
    found["recall_time"] = analysis.recall_time(found["gate"][DM, length:])
    acc, mis = found["acc"][DM, length:], found["mis"][DM, length:]
    found["cum_reward_dm"] = analysis.cumulative_reward(acc, mis, e.penalty)
    return found


TOLERANCES = {"state_cos": 0.1, "recall_time": 0.1, "cum_reward_dm": 1.5, "pca_cumvar": 0.05}


def _judged(
    name: str, setting: str, ours: np.ndarray, theirs: np.ndarray
) -> Iterator[tuple[str, Any, Any, float]]:
    """What of a metric is compared with how much tolerance: their trials are random too."""
    if name.endswith("seen"):  # few trials at a step
        tolerance = 0.3 if name.startswith("norm") else 0.05
        yield "means", np.nanmean(ours), np.nanmean(theirs), tolerance
    elif theirs.ndim > 1 and theirs.shape[1] == 2 * N_FEATURES:
        for part in (slice(0, N_FEATURES), slice(N_FEATURES, None)):
            yield "means", ours[:, part].mean(1), theirs[:, part].mean(1), 0.05
        yield "steps", ours, theirs, 0.2
    elif name == "auc":
        yield "numbers", ours, theirs, 0.15 if "midway" in setting else 0.1
    else:
        yield "numbers", ours, theirs, TOLERANCES.get(name, 0.2)


def check_demo_eval_summary(f: Fixture) -> Iterator[Comparison | Skipped]:
    """The example network in tests of our own, with other random trials than the original's."""
    weights = f.beside(EXAMPLE)
    if not weights:
        yield Skipped("evaluation.evaluate", f"needs {EXAMPLE} beside it")
        return
    networks = Networks(from_original(weights[0]))
    for setting in dict.fromkeys(key.partition(".")[0] for key in f):
        theirs = {name: np.asarray(x) for name, x in f.prefixed(f"{setting}.").items()}
        for name, ours in _summary(evaluate(networks, _test(setting))).items():
            for part, mine, their, tolerance in _judged(name, setting, ours, theirs[name]):
                yield Comparison(f"{setting}, {part}", name, mine, their, tolerance)


def check_group_results(f: Fixture) -> Iterator[Comparison]:
    """Tables of the paper's networks: against each other, and against what the paper says of them."""
    total = f["acc"] + f["dk"] + f["mis"]
    yield Comparison("shares of answers", "acc + dk + mis", total, np.ones_like(total), 1e-5)
    members = np.arange(f["acc"].shape[2])
    schematic = np.stack([EventTask(n_features=f["def_tps"].shape[1]).schematic(m % 2) for m in members])
    yield Comparison("EventTask.schematic", "def_tps", schematic, f["def_tps"], 0)
    tables = {name: f[name][:, DM, :, N_FEATURES:] for name in ("acc", "dk", "mis", "em_gate")}
    for e, tag in enumerate(EVALUATIONS):
        of = f[f"dm_subject_{tag}"] == members[:, None]  # (member, single trial)
        policy = np.eye(5)[f[f"dm_action_{tag}"]]
        answers = analysis.behaviour(policy, f[f"dm_target_{tag}"])
        single = dict(zip(("acc", "dk", "mis"), answers, strict=True))
        for name, values in {**single, "em_gate": f[f"dm_gate_{tag}"]}.items():
            ours = analysis.trial_mean(np.broadcast_to(values, (*members.shape, *values.shape)), of)
            key = f"{name}, DM, {tag}"
            yield Comparison("analysis.trial_mean", key, ours, tables[name][e], 1e-5)
    yield from _claims(f, tables)


def _claims(f: Fixture, tables: Mapping[str, np.ndarray]) -> Iterator[Comparison]:
    """What the paper says of its networks and their tables show."""
    times = analysis.recall_time(tables["em_gate"])
    change = times[2] - times[0]
    t = change.mean() / (change.std(ddof=1) / np.sqrt(len(change)))
    later = [(change > 0).sum(), (times[1] > times[0]).sum(), t]
    yield Comparison("analysis.recall_time", "by penalty", times[:3].mean(1), [2.15, 2.53, 2.84], 0.006)
    yield Comparison("analysis.recall_time", "15 and 12 networks, t", later, [15, 12, 4.7], 0.06)
    penalties = list(EVALUATIONS.values())
    reward = np.stack(
        [
            analysis.cumulative_reward(a, m, penalty)
            for a, m, penalty in zip(tables["acc"], tables["mis"], penalties, strict=True)
        ]
    )
    name = "boundary and midway"
    function = "analysis.cumulative_reward"
    yield Comparison(function, name, reward[[1, 3]].mean(1), [12.90, 9.12], 0.006)
    worse = int((reward[3] < reward[1]).sum())
    yield Comparison(function, "networks that lose by midway memories", worse, 15, 0)
    second = f["acc"][..., N_FEATURES:].mean((2, 3))
    said = [[0.918, 0.645], [0.831, 0.560], [0.821, 0.550]]
    yield Comparison("accuracy of part 2", "DM and NM", second[:3, 1:], said, 6e-4)
    yield Comparison("recall ROC", "auc", f["auc"][:3].mean(1), [0.811, 0.836, 0.863], 6e-4)


PUBLISHED_FAMILIES: dict[str, Family] = {
    "demo_weights": check_demo_weights,
    "demo_eval_summary": check_demo_eval_summary,
    "group_results": check_group_results,
}
