"""Trials of monkeys for the figures: matched sets, replays, paths as agents have them (part E.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mempaper.parameters import ConfigError
from mempaper.zhang2024.analysis import GAIN_1X, Paths, replay, signed_error
from mempaper.zhang2024.comparisons import match, matching_features
from mempaper.zhang2024.monkeys import GAINS, Recordings, Subject
from mempaper.zhang2024.trials import Trials, make_trials
from mempaper.zhang2024.world import LINEAR_SCALE, World

BIN = 0.1  # s
STOP = 0.1


def _check_number(subjects: Sequence[Subject]) -> None:
    if len(subjects) not in (1, 2):
        raise ConfigError(f"trials of one or two subjects can be matched, not of {len(subjects)}")


def normal_sets(subjects: Sequence[Subject], keep: int = 2000) -> dict[str, Recordings]:
    """Normal trials by subject, those of the first matched to those of the second by target.

    Parameters
    ----------
    subjects : sequence of one or two Subject
        With one, its first trials.
    keep : int
        The best pairs, best first; all if there are fewer.
    """
    _check_number(subjects)
    first = subjects[0]["normal"]
    if len(subjects) == 1:
        return {subjects[0].name: first[:keep]}
    second = subjects[1]["normal"]
    found = match(second.target, first.target, n_best=keep)
    return {subjects[0].name: first[found.other], subjects[1].name: second[found.reference]}


def gain_sets(subjects: Sequence[Subject], keep: int = 1000) -> dict[str, dict[float, Recordings]]:
    """Trials by subject and gain: the normal ones as in :func:`normal_sets`, others by their targets.

    Each gain has the same number of trials: at most ``keep``, and no more than any gain of any of the
    subjects has.
    """
    _check_number(subjects)
    own = {
        s.name: {g: s["gain"][np.isclose(s["gain"].gain, g, rtol=0.01)] for g in GAINS["gain"]}
        for s in subjects
    }
    n = min([keep, *(len(trials) for sets in own.values() for trials in sets.values())])
    sets: dict[str, dict[float, Recordings]] = {}
    for name, normal in normal_sets(subjects, n).items():
        sets[name] = {1.0: normal}
        for gain, trials in own[name].items():
            sets[name][gain] = trials[match(normal.target, trials.target).other]
    return sets


def perturbed_sets(subjects: Sequence[Subject], keep: int = 1000) -> dict[str, Recordings]:
    """Perturbed trials by subject, matched by target, peaks and (designed) start."""
    _check_number(subjects)
    first = subjects[0]["perturbation"]
    if len(subjects) == 1:
        return {subjects[0].name: first[:keep]}
    second = subjects[1]["perturbation"]
    features = [
        matching_features(r.target, r.peak, r.scalars["perturb_start_time_ori"]) for r in (second, first)
    ]
    found = match(*features, n_best=keep)
    return {subjects[0].name: first[found.other], subjects[1].name: second[found.reference]}


@dataclass(frozen=True)
class Replayed:
    """Normal actions in a changed world.

    Attributes
    ----------
    paths : tuple of ndarray, shape (sample, 2)
        cm.
    target : ndarray, shape (trial, 2)
        Of the trials that are compared, cm.
    """

    paths: tuple[np.ndarray, ...]
    target: np.ndarray

    @property
    def end(self) -> np.ndarray:
        """Where each ends, (trial, 2)."""
        return np.stack([path[-1] for path in self.paths])

    @property
    def signed_error(self) -> np.ndarray:
        """Distance of the end from the target, cm; negative if too short."""
        return signed_error(self.end, self.target)


def without_generalisation(changed: Recordings, normal: Recordings) -> Replayed:
    """What would happen in changed trials if the monkey steered as in a normal world (section B.4).

    For each trial the actions of the normal trial with the nearest target, which may be taken twice,
    under the trial's gain and, as a whole, its perturbation; without noise.

    Parameters
    ----------
    changed : Recordings
        Of condition gain or perturbation.
    normal : Recordings
        All normal trials of the same monkey.
    """
    nearest = match(changed.target, normal.target, replace=True).other
    dt = normal.dt
    if not math.isclose(dt, changed.dt, rel_tol=1e-3):
        raise ConfigError(f"dt of normal trials is {dt:g} s, that of the others {changed.dt:g} s")
    paths = []
    for trial, other in enumerate(nearest):
        actions = np.stack([normal.trace(f"action_{axis}", other) for axis in "vw"], 1)
        speed = actions * changed.gain[trial] * GAIN_1X
        if changed.profiles:
            push = np.stack([changed.trace(f"perturb_{axis}_gauss", trial) for axis in "vw"], 1)
            start = round(float(changed.scalars["perturb_start_time"][trial]) / dt)
            lacking = max(0, start + len(push) - len(speed))
            speed = np.concatenate([speed, np.zeros((lacking, 2))])
            speed[start : start + len(push)] += push
        heading = np.radians(90 + dt * np.cumsum(speed[:, 1]))
        ahead = np.stack([np.cos(heading), np.sin(heading)], 1)
        paths.append(np.cumsum(dt * speed[:, :1] * ahead, 0))
    return Replayed(tuple(paths), changed.target)


def reintegrated(recordings: Recordings) -> Paths:
    """Paths as an agent would have them: mean actions of 0.1 s, integrated like the agents' world.

    A trial is kept until one bin after the last one with an action outside the stop box. Curvature and
    length of monkeys are those of these paths.
    """
    means = [_binned(recordings, trial) for trial in range(len(recordings))]
    length = np.array([len(mean) for mean in means])
    action = np.full((len(means), length.max(initial=0), 2), np.nan)
    for trial, mean in enumerate(means):
        action[trial, : len(mean)] = mean
    nothing = np.full_like(action, np.nan)
    actions = Paths(nothing, nothing[..., 0], nothing, action, recordings.target, length)
    return replay(actions, recordings.gain, world=World(dt=BIN))


def _binned(recordings: Recordings, trial: int) -> np.ndarray:
    """Mean actions (bin, 2) of a trial up to its stop."""
    time = recordings.trace("time", trial)
    n = max(1, round(round(float(time.max()) + BIN / 2, 1) / BIN))
    place = np.clip(np.floor(time / BIN + 1e-9).astype(int), 0, n - 1)
    count = np.maximum(np.bincount(place, minlength=n), 1)
    actions = (recordings.trace(f"action_{axis}", trial) for axis in "vw")
    mean = np.stack([np.bincount(place, action, n) / count for action in actions], 1)
    moving = np.flatnonzero((np.abs(mean) >= STOP).any(1))
    return mean[: moving[-1] + 2] if moving.size else mean[:1]


def agent_trials(
    recordings: Recordings, process_noise: float = 0.2, observation_noise: float = 0.1
) -> Trials:
    """The monkeys' targets, gains and perturbations, for agents.

    Noises are fractions of the gain. A perturbation starts at its designed time, to the nearest step.
    """
    peak = start = None
    if recordings.condition == "perturbation":
        units = np.array([LINEAR_SCALE, math.degrees(1)])
        peak = torch.as_tensor(recordings.peak / units, dtype=torch.float32)
        steps = np.round(recordings.scalars["perturb_start_time_ori"] / World().dt)
        start = torch.as_tensor(steps).long()
    return make_trials(
        torch.as_tensor(recordings.target / LINEAR_SCALE, dtype=torch.float32),
        gain=torch.as_tensor(recordings.gain, dtype=torch.float32),
        process_noise=process_noise,
        observation_noise=observation_noise,
        peak=peak,
        start=start,
    )
