"""Recomputes the original code's analyses of given paths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mempaper.verify import Comparison, Fixture
from mempaper.zhang2024 import analysis, comparisons, decoding

TOLERANCE = 1e-5


def check_metrics(f: Fixture) -> Iterator[Comparison]:
    """Behaviour, replayed actions, statistics, ridge regression and matching."""
    place = np.stack([f["pos_x"], f["pos_y"]], -1)
    action = np.stack([f["action_v"], f["action_w"]], -1)
    length = f["length_steps"]
    trials = analysis.Paths(place, f["head_dir"], np.zeros_like(place), action, f["target"], length)
    last = (np.arange(len(trials)), length - 1)
    kappa = analysis.curvature(place, length)
    doubled = analysis.replay(trials, 2.0)
    peak = np.stack([f["perturb_vpeak"], f["perturb_wpeak"]], -1)
    pushed = analysis.replay(trials, 1.0, peak, f["perturb_start"])
    found = {
        "Paths.relative_radius": {"relative_radius_end": trials.relative_radius[last]},
        "Paths.relative_angle": {"relative_angle_end": trials.relative_angle[last]},
        "analysis.signed_error": {"radial_error": trials.signed_error},
        "analysis.curvature": {"curvature_mean": kappa.of_trials},
        "analysis.path_length": {"path_length": analysis.path_length(place)},
        "analysis.roc": {"auc": analysis.roc(trials.end, trials.target).area},
        "analysis.replay": {
            "nogen_gain2_pos_x_end": doubled.end[:, 0],
            "nogen_gain2_pos_y_end": doubled.end[:, 1],
            "nogen_gain2_radial_error": doubled.signed_error,
            "nogen_pert_pos_x_end": pushed.end[:, 0],
            "nogen_pert_pos_y_end": pushed.end[:, 1],
        },
    }
    for function, arrays in found.items():
        for name, ours in arrays.items():
            yield Comparison(function, name, ours, f[name], TOLERANCE)
    name = "curvature_count"
    yield Comparison("analysis.curvature, steps kept", name, kappa.count, f[name], 0)
    name = "nogen_pert_steps"
    yield Comparison("analysis.replay, steps", name, pushed.length, f[name], 0)
    yield from _statistics(f)
    yield from _ridge(f)
    yield from _matching(f)


def _statistics(f: Fixture) -> Iterator[Comparison]:
    slope = comparisons.slope_without_intercept(f["a"], f["b"])
    yield Comparison("comparisons.slope_without_intercept", "slope_noint", slope, f["slope_noint"], 1e-5)
    kept = np.flatnonzero(comparisons.inliers(f["fliers_in"]))
    yield Comparison("comparisons.inliers", "fliers_kept_idx", kept, f["fliers_kept_idx"], 0)
    function = "comparisons.bootstrap_correlation"
    ours = comparisons.bootstrap_correlation(f["a"], f["b"])
    pairs = {"pearson": ours.r, "bootstrap_lo": ours.low, "bootstrap_hi": ours.high}
    for name, value in pairs.items():
        yield Comparison(function, name, value, f[name], TOLERANCE)


def _ridge(f: Fixture) -> Iterator[Comparison]:
    x, y = f["ridge_X"], f["ridge_Y"]
    n_train = len(x) - len(f["ridge_err"])
    fitted = decoding.fit_ridge(x[:n_train], y[:n_train])
    name, function = "ridge_alpha", "decoding.fit_ridge"
    yield Comparison(f"{function}, penalty", name, fitted.penalty, f[name], 0)
    error = np.linalg.norm(fitted.predict(x[n_train:]) - y[n_train:], axis=1)
    yield Comparison(function, "ridge_err", error, f["ridge_err"], 1e-8)


def _matching(f: Fixture) -> Iterator[Comparison]:
    function, reference, others = "comparisons.match", f["match_ref"], f["match_big"]
    best = comparisons.match(reference, others, n_best=len(f["match_sorted"]))
    again = comparisons.match(reference, others, replace=True)
    for name, ours in (
        ("match_sorted", others[best.other]),
        ("match_sorted_ref", reference[best.reference]),
        ("match_replace", others[again.other]),
    ):
        yield Comparison(function, name, ours, f[name], 0)
