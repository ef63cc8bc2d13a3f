"""Recomputes the numbers of the original code, one function per family of fixture files.

Sizes come from the arrays, architectures and tasks from the names of the files. Here are the task, the
belief and the published tables; :mod:`~mempaper.zhang2024.agents_reference` has the networks,
:mod:`~mempaper.zhang2024.metrics_reference` the analyses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mempaper.verify import Comparison, Family, Fixture
from mempaper.zhang2024 import published
from mempaper.zhang2024.agents_reference import AGENT_FAMILIES
from mempaper.zhang2024.belief import SMALL, Belief, toy_filter
from mempaper.zhang2024.metrics_reference import check_metrics
from mempaper.zhang2024.task import Firefly
from mempaper.zhang2024.trials import (
    SMALL_PEAKS,
    Conditions,
    Trials,
    draw_each_in_order,
    make_trials,
)
from mempaper.zhang2024.world import LINEAR_SCALE, NORMAL_PEAKS, REWARD_MODES, World

CLOSE = 1e-5
SUMMED = 1e-6  # relative; of means that the original summed in single precision
LEVELS = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)  # of the quantiles


def _one_trial(f: Fixture, multiplier: float, process: Any, sensor: Any) -> Trials:
    """The file's trial, with the given standard deviations of its noises."""
    peak = start = None
    if "perturb_peak" in f:
        peak, start = torch.as_tensor(f["perturb_peak"])[None], torch.tensor([f["perturb_start"]])
    trials = make_trials(f["target"][None], gain=multiplier, peak=peak, start=start)
    stds = (torch.as_tensor(std, dtype=torch.float32)[None] for std in (process, sensor))
    process_std, observation_std = stds
    return replace(trials, process_std=process_std, observation_std=observation_std)


def check_env(f: Fixture) -> Iterator[Comparison]:
    """States, visible target, stops, rewards and perturbation under given actions and noise."""
    trials = _one_trial(f, f["gain"], f["pro_noise_std"], np.zeros(2))
    world, actions = World(), torch.as_tensor(f["actions"])
    eta = torch.as_tensor(f["eta"])[None]
    firefly = Firefly(world, trials, torch.cat([eta, torch.zeros_like(eta)], 2))
    x, targets, pushes, steps = [firefly.x], [firefly.visible_target], [], []
    for action in actions:
        firefly.started[:] = True  # the file has every stop, valid or not
        pushes.append(firefly.push())
        steps.append(firefly.step(action[None]))
        x.append(firefly.x)
        targets.append(firefly.visible_target)
    distance = torch.cat([step.distance for step in steps])
    pushed = torch.cat(pushes)
    yield Comparison("make_trials", "pro_gains", trials.gain[0], f["pro_gains"], CLOSE)
    for function, name, ours in (
        ("Firefly.step, state", "x", torch.cat(x)),
        ("Firefly.visible_target", "target_obs", torch.cat(targets)),
        ("Firefly.step, distance", "dist", distance),
        ("Firefly.push", "perturb_v", pushed[:, 0]),
        ("Firefly.push", "perturb_w", pushed[:, 1]),
    ):
        yield Comparison(function, name, ours, f[name], CLOSE)
    reached, stopped = (torch.cat([getattr(s, name) for s in steps]) for name in ("reached", "stopped"))
    yield Comparison("Firefly.step, reached", "reached", reached, f["reached"], 0)
    yield Comparison("Firefly.step, stopped", "is_stop", stopped, f["is_stop"], 0)
    for mode in REWARD_MODES:
        ours = World(reward_mode=mode).reward(distance, trials.radius)
        yield Comparison("World.reward", f"reward_{mode}", ours, f[f"reward_{mode}"], CLOSE)
    earned = torch.cat([step.reward for step in steps])
    theirs = f["reward_mixed"] * f["is_stop"]
    yield Comparison("Firefly.step, reward", "reward_mixed where is_stop", earned, theirs, CLOSE)
    if "perturb_peak" in f:
        for axis, name in enumerate(("gauss_v", "gauss_w")):
            ours = trials.peak[0, axis] * world.bump()
            yield Comparison("World.bump", name, ours, f[name], CLOSE)


def check_reward_curve(f: Fixture) -> Iterator[Comparison]:
    """Reward against distance."""
    for mode in REWARD_MODES:
        world = World(reward_mode=mode)
        ours = world.reward(torch.as_tensor(f["distance"]), torch.tensor(f["goal_radius"]))
        yield Comparison("World.reward", f"reward_{mode}", ours, f[f"reward_{mode}"], CLOSE)


def _statistics(gain: Trials, excluded: Trials, perturbed: Trials) -> dict[str, Any]:
    """Statistics of drawn trials under the original's names, in cm, degrees and steps."""
    target = gain.target.double().numpy()
    distance = LINEAR_SCALE * np.hypot(*target.T)
    angle = np.degrees(np.arctan2(target[:, 1], target[:, 0])) - 90
    found: dict[str, Any] = {
        "r_mean": distance.mean(),
        "r2_mean": np.square(distance).mean(),
        "r_quantiles": np.quantile(distance, LEVELS),
        "theta_mean": angle.mean(),
        "theta_quantiles": np.quantile(angle, LEVELS),
    }
    for trials, suffix in ((excluded, "_excl"), (perturbed, "")):
        size = trials.peak.abs().double().numpy() * (LINEAR_SCALE, 180 / np.pi)
        for axis, name in enumerate("vw"):
            found[f"pert_abs_{name}_mean{suffix}"] = size[:, axis].mean()
            if suffix:
                found[f"pert_abs_{name}_min{suffix}"] = size[:, axis].min()
    start = perturbed.start.double().numpy()
    return found | {
        "pert_start_min": start.min(),
        "pert_start_max": start.max(),
        "pert_start_mean": start.mean(),
    }


def check_task_statistics(f: Fixture) -> Iterator[Comparison]:
    """Statistics of trials that are drawn from the original's stream of random numbers."""
    generator, world = torch.Generator().manual_seed(0), World()
    drawn = (
        draw_each_in_order(f["n"], world, conditions, generator)
        for conditions in (
            Conditions(),
            Conditions(peaks=NORMAL_PEAKS, exclude_peaks=SMALL_PEAKS),
            Conditions(peaks=NORMAL_PEAKS),
        )
    )
    for name, ours in _statistics(*drawn).items():
        theirs = np.asarray(f[name])
        scale = np.maximum(1, np.abs(theirs) * SUMMED / CLOSE)
        function = "draw_each_in_order"
        yield Comparison(function, name, np.asarray(ours) / scale, theirs / scale, CLOSE)


def check_ekf(f: Fixture) -> Iterator[Comparison]:
    """The extended filter's belief under given actions, observations and perturbations."""
    gain = torch.as_tensor(f["pro_gains"])
    fraction = f["pro_noise_frac"]
    process = gain * fraction if fraction >= 0 else torch.full((2,), SMALL)
    trials = _one_trial(f, 1.0, process, gain * f["obs_noise_frac"])
    trials = replace(trials, gain=gain[None])
    belief = Belief(trials, World().dt)
    rows = [(belief.mean, belief.covariance, belief.vector())]
    for step in zip(f["actions"], f["obs"], f["perturb"], strict=True):
        belief.update(*(torch.as_tensor(part, dtype=torch.float32)[None] for part in step))
        rows.append((belief.mean, belief.covariance, belief.vector()))
    functions = ("Belief, mean", "Belief, covariance", "Belief.vector")
    for function, name, ours in zip(
        functions, ("x", "P", "state13"), zip(*rows, strict=True), strict=True
    ):
        yield Comparison(function, name, torch.cat(ours), f[name], CLOSE)


def check_simple_kf(f: Fixture) -> Iterator[Comparison]:
    """The toy filter after two steps."""
    noises = zip(f["pro_std"], f["obs_std"], strict=True)
    found = [toy_filter(*noise, f["a"], f["o"]) for noise in noises]
    for name, ours in (
        ("mean", [belief.mean for belief in found]),
        ("cov", [belief.covariance for belief in found]),
        ("K", [belief.gain for belief in found]),
    ):
        yield Comparison("belief.toy_filter", name, ours, f[name], CLOSE)


def check_published_tables(f: Fixture) -> Iterator[Comparison]:
    """The numbers of the paper's heat maps: every cell, and none besides."""
    columns = zip(*(f[name] for name in published.FIELDS), strict=True)
    theirs: dict[published.Key, list[tuple[Any, ...]]] = {}
    for figure, quantity, agent, *cell in columns:
        theirs.setdefault((figure, quantity, agent), []).append(tuple(cell))
    ours = published.tables()
    same = sorted(ours) == sorted(theirs)
    yield Comparison("published.tables", "figure, quantity, agent", same, True, 0)
    for key, cells in theirs.items():
        if key not in ours:
            continue
        table, name = ours[key], " ".join(key)
        size = table.values.size
        yield Comparison("published.table, cells", name, size, len(cells), 0)
        variables = {(by_row, by_column) for by_row, _, by_column, *_ in cells}
        same = variables == {(table.row_variable, table.column_variable)}
        yield Comparison("published.table, variables", name, same, True, 0)
        places = [(published.as_label(row), published.as_label(at)) for _, row, _, at, _ in cells]
        known = [row in table.rows and column in table.columns for row, column in places]
        yield Comparison("published.table, labels", name, known, [True] * len(cells), 0)
        if all(known):
            values = [table.at(*place) for place in places]
            yield Comparison("published.table, values", name, values, [cell[-1] for cell in cells], 0)


FAMILIES: dict[str, Family] = {
    "env": check_env,
    "reward_curve": check_reward_curve,
    "task_statistics": check_task_statistics,
    "ekf": check_ekf,
    "simple_kf": check_simple_kf,
    "metrics": check_metrics,
    "published_tables": check_published_tables,
    **AGENT_FAMILIES,
}
TRAINED: dict[str, Family] = {}
FILES = ("*.npz", "*.csv")
