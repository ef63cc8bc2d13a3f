"""Recomputes the original code's analyses of given arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mempaper.lu2022 import analysis, decoding, examples, geometry, isc, knowledge
from mempaper.lu2022.trials import DM, NM, RM
from mempaper.verify import Comparison, Fixture

TOLERANCE = 1e-5


def check_memory_benefit(f: Fixture) -> Iterator[Comparison]:
    """What recall is worth, by the step at which it happens."""
    found = examples.recall_benefit(int(f["T"]), float(f["chance"]))
    names = ("baseline", "benefit", "benefit_normalised", "cumulative")
    for name, ours in zip(names, found, strict=True):
        yield Comparison("examples.recall_benefit", name, ours, f[name], TOLERANCE)


def check_analysis(f: Fixture) -> Iterator[Comparison]:
    """Behaviour, knowledge, recall, geometry, decoding labels and inter-subject correlation."""
    yield from _behaviour(f)
    yield from _sources(f)
    yield from _recall(f)
    yield from _isc(f)
    act = f["act"]
    trsm = geometry.time_by_time_correlation(act[None], np.ones((1, len(act)), bool))[0]
    yield Comparison("geometry.time_by_time_correlation", "trsm", trsm, f["trsm"], TOLERANCE)
    order, shown = f["o_keys"].astype(int), f["o_vals"]
    values = np.zeros_like(order)
    np.put_along_axis(values, order, np.nan_to_num(shown).astype(int), -1)
    ours = decoding.observed_labels(order, values, np.isnan(shown))
    yield Comparison("decoding.observed_labels", "yob", ours, f["yob"], 0)
    theirs = f["cvids"]
    folds = decoding.contiguous_folds(len(theirs), len(np.unique(theirs)))
    yield Comparison("decoding.contiguous_folds", "cvids", folds, theirs, 0)
    n_steps = len(f["baseline_T16_c25"]) - 1
    ours = examples.recall_benefit(n_steps, 1 / f["Y"].shape[2]).baseline
    name = "baseline_T16_c25"
    yield Comparison("examples.recall_benefit", name, ours, f[name], TOLERANCE)


def _behaviour(f: Fixture) -> Iterator[Comparison]:
    found = analysis.behaviour(f["dist"][None], f["Y"].argmax(-1)[None])
    every = np.ones((1, len(f["Y"])), bool)
    for name, answers in (("acc", found.correct), ("mis", found.mistake), ("dk", found.dont_know)):
        mean, error = analysis.trial_mean(answers, every)[0], 2 * analysis.trial_error(answers, every)[0]
        yield Comparison("analysis.behaviour", f"{name}_mu", mean, f[f"{name}_mu"], TOLERANCE)
        if name != "dk":
            yield Comparison("analysis.trial_error", name, error, f[f"{name}_er2se"], TOLERANCE)
    by_part = [analysis.pooled_mean(part, every)[0] for part in np.split(found.correct, 2, axis=-1)]
    yield Comparison("analysis.pooled_mean", "acc_by_part", by_part, f["acc_by_part"], TOLERANCE)


def _sources(f: Fixture) -> Iterator[Comparison]:
    condition = f["cond"][None]
    skipped = analysis.trials_to_skip(condition)[0]
    yield Comparison("analysis.trials_to_skip", "n_trials_to_skip", skipped, f["n_trials_to_skip"], 0)
    known = knowledge.Known(~f["true_dk_wm"][None].astype(bool), ~f["true_dk_em"][None].astype(bool))
    found = knowledge.sources(known, condition)
    for name, of, mask in (
        ("dm_em_only_mask", DM, found.episodic_only),
        ("dm_both_mask", DM, found.both),
        ("dm_neither_mask", DM, found.neither),
        ("rm_both_mask", RM, found.both),
        ("nm_neither_mask", NM, found.neither),
    ):
        yield Comparison("knowledge.sources", name, mask[condition == of], f[name], 0)
    distant = (condition == DM)[..., None]
    for name, mask in (("dm_em_only", found.episodic_only), ("dm_both", found.both)):
        for key, statistic in (("mu", analysis.trial_mean), ("er", analysis.trial_error)):
            ours = statistic(f["matrix"][None], mask & distant)[0]
            function = f"analysis.{statistic.__name__}"
            yield Comparison(function, f"{name}_{key}", ours, f[f"{name}_{key}"], TOLERANCE)


def _recall(f: Fixture) -> Iterator[Comparison]:
    roc = analysis.recall_roc(f["noise_scores"], f["signal_scores"])
    yield Comparison("analysis.recall_roc", "hist_noise", roc.noise, f["hist_noise"], 0)
    yield Comparison("analysis.recall_roc", "hist_signal", roc.signal, f["hist_signal"], 0)
    cosine = analysis.memory_cosine(f["cell"], f["mem"])
    activation = analysis.memory_activation(f["cell"], f["mem"], f["cell_gate"])
    reward = analysis.cumulative_reward(f["cr_acc"], f["cr_mis"], 2)
    pairs: tuple[tuple[str, str, Any], ...] = (
        ("recall_roc", "tpr", roc.true_positive),
        ("recall_roc", "fpr", roc.false_positive),
        ("recall_roc", "auc", roc.area),
        ("recall_time", "recall_time", analysis.recall_time(f["gates"])),
        ("memory_cosine", "sim_cos", cosine),
        ("memory_activation", "sim_lca", activation),
        ("cumulative_reward", "cum_reward_pen2", reward),
    )
    for function, name, ours in pairs:
        yield Comparison(f"analysis.{function}", name, ours, f[name], TOLERANCE)


def _isc(f: Fixture) -> Iterator[Comparison]:
    one, other = (f[name].swapaxes(1, 2) for name in ("isc_RM", "isc_DM"))  # (member, time, feature)
    start = one.shape[1] // 2
    sliding = isc.sliding_isc(one[:, start:], other[:, start:])
    n_windows = f["isc_sliding_pairs"].shape[1]  # theirs stops one short
    for function, name, ours in (
        ("spatial_isc", "isc_pattern_pairs_diag", isc.spatial_isc(one, other)),
        ("spatial_isc_matrix", "isc_trsm_mean", isc.spatial_isc_matrix(one, other).mean(0)),
        ("temporal_isc", "isc_temporal_pairs_diag", isc.temporal_isc(one, other)),
        ("sliding_isc", "isc_sliding_pairs", sliding[:, :n_windows]),
    ):
        yield Comparison(f"isc.{function}", name, ours, f[name], TOLERANCE)
