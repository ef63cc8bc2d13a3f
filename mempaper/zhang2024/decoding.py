"""What can be read from an agent's memory, and where its units are active (B.8, figures 1l, 5, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import uniform_filter
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from mempaper.zhang2024.analysis import paths
from mempaper.zhang2024.networks import INPUTS
from mempaper.zhang2024.perturbation import delivered
from mempaper.zhang2024.rollout import Agent, Rollouts

Array = Any  # anything numpy.asarray takes
PENALTIES = (0.1, 1.0, 10.0)
TRAIN_SHARE = 0.7
POSITION = ("pos_x", "pos_y")
ACTOR_VARIABLES = ("pos_v", "pos_w", "relative_radius", "relative_angle", "action_v", "action_w")
CRITIC_VARIABLES = ACTOR_VARIABLES[:4]
MAP_X, MAP_Y = (-400.0, 400.0, 80), (0.0, 600.0, 60)  # cm, cm, bins
MAP_WINDOW = 5


# Activity


def _by_time(part: Tensor, rollouts: Rollouts) -> Tensor:
    return part[:, : int(rollouts.length.max())].transpose(0, 1).contiguous()


def _by_trial(activity: Tensor) -> np.ndarray:
    return activity.transpose(0, 1).cpu().numpy()


@torch.no_grad()
def actor_memory(agent: Agent, rollouts: Rollouts) -> np.ndarray:
    """Activity (trial, step, unit) of the actor's LSTM; of the first one in Actor2.

    Steps reach to the end of the longest trial; those beyond a trial's own length mean nothing.

    Raises
    ------
    ValueError
        The actor has no memory of its own, since a filter feeds it.
    """
    if not agent.actor.is_recurrent:
        raise ValueError(f"{agent.architecture}: the actor has no memory of its own to read from")
    x = _by_time(rollouts.states, rollouts)
    if agent.actor.name != "Actor2":
        return _by_trial(agent.actor.memory(x)[0])
    first = nn.LSTM(INPUTS, agent.actor.rnn.hidden_size).to(x.device)
    weights = agent.actor.rnn.state_dict()
    first.load_state_dict({name: weights[name] for name in first.state_dict()})
    return _by_trial(first(x)[0])


@torch.no_grad()
def actor_layers(agent: Agent, rollouts: Rollouts) -> np.ndarray:
    """Activity (trial, step, unit) of the second memoryless layer of Actor3."""
    if agent.actor.name != "Actor3":
        raise ValueError(f"{agent.architecture}: only Actor3 has memoryless layers after a memory")
    m, _ = agent.actor.memory(_by_time(rollouts.states, rollouts))
    return _by_trial(agent.actor.layers(m))


@torch.no_grad()
def critic_memory(agent: Agent, rollouts: Rollouts, copy: int = 1) -> np.ndarray:
    """Activity (trial, step, unit) of the last LSTM of one copy of the critic."""
    if agent.critic_sees_belief:
        raise ValueError(f"{agent.architecture}: the critic has no memory of its own to read from")
    x, a = (_by_time(part, rollouts) for part in (rollouts.states, rollouts.actions))
    return _by_trial(agent.critic.memory(x, a, copy))


@torch.no_grad()
def critic_layers(agent: Agent, rollouts: Rollouts, copy: int = 1) -> np.ndarray:
    """Activity (trial, step, unit) of the second memoryless layer of Critic3 or Critic5."""
    if agent.critic_sees_belief or not agent.critic.has_layers:
        raise ValueError(f"{agent.architecture}: the critic has no memoryless layers after a memory")
    x, a = (_by_time(part, rollouts) for part in (rollouts.states, rollouts.actions))
    return _by_trial(agent.critic.layers(agent.critic.memory(x, a, copy), a, copy))


def variables(rollouts: Rollouts) -> dict[str, np.ndarray]:
    """What a decoder may be asked for, each (trial, step), not a number beyond a trial.

    Position in cm, speed in cm/s and deg/s, distance from the target in cm, angle in degrees (see
    :attr:`~mempaper.zhang2024.analysis.Paths.relative_angle`), action.
    """
    p = paths(rollouts)
    named = {"pos_x": p.place[..., 0], "pos_y": p.place[..., 1]}
    named |= {"pos_v": p.speed[..., 0], "pos_w": p.speed[..., 1]}
    named |= {"relative_radius": p.relative_radius, "relative_angle": p.relative_angle}
    return named | {"action_v": p.action[..., 0], "action_w": p.action[..., 1]}


# Decoding


class Ridge(NamedTuple):
    """A fitted ridge regression: weights (feature, target), intercept (target,), penalty."""

    weights: np.ndarray
    intercept: np.ndarray
    penalty: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Targets (..., target) of features (..., feature)."""
        return features @ self.weights + self.intercept


def fit_ridge(features: Array, targets: Array, penalties: tuple[float, ...] = PENALTIES) -> Ridge:
    """Ridge regression with intercept; leave-one-out chooses one penalty for all targets.

    Parameters
    ----------
    features : array, shape (sample, feature)
        Not standardised.
    targets : array, shape (sample, target)
    penalties : tuple of float
    """
    features, targets = np.asarray(features, float), np.asarray(targets, float)
    fitted = RidgeCV(alphas=list(penalties)).fit(features, targets)
    weights = np.reshape(fitted.coef_, (targets.shape[1], -1)).T
    return Ridge(weights, np.atleast_1d(fitted.intercept_), float(fitted.alpha_))


@dataclass(frozen=True)
class Decoded:
    """Trials that a decoder was not fitted to.

    Attributes
    ----------
    names : tuple of str
        Variables.
    predicted, true : ndarray, shape (trial, step, variable)
        Not a number beyond a trial.
    test : slice
        Which trials of the set these are.
    decoder : Ridge
    """

    names: tuple[str, ...]
    predicted: np.ndarray
    true: np.ndarray
    test: slice
    decoder: Ridge

    @cached_property
    def errors(self) -> np.ndarray:
        """Euclidean distance (trial, step) between predicted and true."""
        return np.sqrt(((self.predicted - self.true) ** 2).sum(-1))

    @property
    def samples(self) -> np.ndarray:
        """Errors of all steps of all trials together, (sample,)."""
        return self.errors[~np.isnan(self.errors)]

    @property
    def error(self) -> float:
        """Mean error over steps of all trials together (figure 5d)."""
        return float(self.samples.mean())

    @cached_property
    def _last(self) -> np.ndarray:
        return np.sum(~np.isnan(self.errors), 1) - 1

    @property
    def end_errors(self) -> np.ndarray:
        """Error (trial,) at each trial's last step (figure S5b)."""
        return self.errors[np.arange(len(self.errors)), self._last]

    @property
    def end(self) -> tuple[np.ndarray, np.ndarray]:
        """Predicted and true values at each trial's last step, each (trial, variable)."""
        rows = np.arange(len(self.errors))
        return self.predicted[rows, self._last], self.true[rows, self._last]

    def correlations(self) -> dict[str, float]:
        """Pearson's r between predicted and true by variable (figure 1l)."""
        made = ~np.isnan(self.errors)
        pairs = zip(self.predicted[made].T, self.true[made].T, strict=True)
        return {n: float(np.corrcoef(*pair)[0, 1]) for n, pair in zip(self.names, pairs, strict=True)}


def decode(
    activity: Array,
    rollouts: Rollouts,
    names: tuple[str, ...] = POSITION,
    *,
    decoder: Ridge | None = None,
    train_share: float = TRAIN_SHARE,
) -> Decoded:
    """Read variables from activity, linearly; the last trials are held out.

    Parameters
    ----------
    activity : array, shape (trial, step, unit)
        Such as :func:`actor_memory` gives.
    rollouts : Rollouts
        The same trials.
    names : tuple of str
        Keys of :func:`variables`.
    decoder : Ridge, optional
        Fitted before, to be used as it is; by default one is fitted to the first trials.
    train_share : float
        Share of the trials to fit to; all steps of these count alike.

    Raises
    ------
    ValueError
        A name is unknown, trials do not agree, or no trials remain for the test.
    """
    known = variables(rollouts)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"Unknown variables {', '.join(unknown)}; known are {', '.join(known)}")
    activity = np.asarray(activity)
    if len(activity) != len(rollouts):
        raise ValueError(f"activity of {len(activity)} trials, but {len(rollouts)} trials were made")
    steps = activity.shape[1]
    true = np.stack([known[name][:, :steps] for name in names], -1)
    n_train = round(train_share * len(true))
    if not 0 < n_train < len(true):
        raise ValueError(f"{len(true)} trials leave none to fit to, or none to test")
    if decoder is None:
        made = rollouts.valid.cpu().numpy()[:n_train, :steps]
        decoder = fit_ridge(activity[:n_train][made], true[:n_train][made])
    test = slice(n_train, len(true))
    beyond = np.where(np.isnan(true[test]), np.nan, 0)
    return Decoded(tuple(names), decoder.predict(activity[test]) + beyond, true[test], test, decoder)


# Errors of the belief after a perturbation


class BeliefErrors(NamedTuple):
    """What a perturbation did to the body and to what the memory says of it, each (trial,).

    Attributes
    ----------
    pushed_distance, pushed_angle : ndarray
        Delivered displacement, cm, and turn, degrees.
    distance_error, angle_error : ndarray
        Decoded minus true at the end of the trial: of the distance from the origin, cm, and of the
        position's direction, degrees (not wrapped).
    """

    pushed_distance: np.ndarray
    pushed_angle: np.ndarray
    distance_error: np.ndarray
    angle_error: np.ndarray


def belief_errors(decoded: Decoded, rollouts: Rollouts) -> BeliefErrors:
    """Errors of the decoded end position beside the delivered perturbation (figure 6g).

    Parameters
    ----------
    decoded : Decoded
        Position, of the test trials of ``rollouts``.
    rollouts : Rollouts
        All trials that were given to :func:`decode`.
    """
    if decoded.names != POSITION:
        raise ValueError(f"belief errors need {POSITION} decoded; got {decoded.names}")
    pushed = delivered(rollouts[decoded.test])
    believed, true = decoded.end
    distance = np.hypot(*believed.T) - np.hypot(*true.T)
    angle = np.degrees(np.arctan2(*believed.T[::-1]) - np.arctan2(*true.T[::-1]))
    return BeliefErrors(pushed[:, 0], pushed[:, 1], distance, angle)


# Maps


def unit_maps(activity: Array, rollouts: Rollouts, units: Array | None = None) -> np.ndarray:
    """Activity over the arena, (unit, y, x) in bins of 10 cm (figures 5a, 5b).

    Interpolated linearly between the visited places, then averaged over 5 x 5 bins, where bins that lie
    outside of what was visited do not count; a bin without any around it is not a number.

    Parameters
    ----------
    activity : array, shape (trial, step, unit)
    rollouts : Rollouts
    units : int array, optional
        Which units; all by default.
    """
    activity = np.asarray(activity, float)
    if units is not None:
        activity = activity[..., np.asarray(units)]
    made = rollouts.valid.cpu().numpy()[:, : activity.shape[1]]
    place = paths(rollouts).place[:, : activity.shape[1]][made]
    place, first = np.unique(place, axis=0, return_index=True)  # trials share the origin
    at = np.meshgrid(bin_centres(MAP_X), bin_centres(MAP_Y))
    values = LinearNDInterpolator(place, activity[made][first])(*at)
    return np.stack([_smooth(one) for one in np.moveaxis(values, -1, 0)])


def bin_centres(axis: tuple[float, float, int]) -> np.ndarray:
    """Centres of equal bins from ``axis[0]`` to ``axis[1]``."""
    edges = np.linspace(*axis[:2], axis[2] + 1)
    return (edges[1:] + edges[:-1]) / 2


def _smooth(values: np.ndarray) -> np.ndarray:
    """Mean over a square window of the numbers in it; the borders are continued."""
    known = ~np.isnan(values)
    total = uniform_filter(np.where(known, values, 0), MAP_WINDOW, mode="nearest")
    count = uniform_filter(known.astype(float), MAP_WINDOW, mode="nearest")
    some = count > 0.5 / MAP_WINDOW**2
    return np.divide(total, count, out=np.full(values.shape, np.nan), where=some)


def map_correlations(a: Array, b: Array) -> np.ndarray:
    """Pearson's r (unit,) between two maps (unit, y, x) of each unit, over the bins that both have.

    Not a number where a map does not vary.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        raise ValueError(f"maps of shapes {a.shape} and {b.shape} cannot be compared")
    both = ~(np.isnan(a) | np.isnan(b)).any(0)
    a, b = (part[:, both] - part[:, both].mean(1, keepdims=True) for part in (a, b))
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), size, out=np.full(len(a), np.nan), where=size > 0)


def map_stability(a: Array, b: Array) -> float:
    """Mean over units of :func:`map_correlations`: how alike the tuning is under two gains."""
    return float(np.nanmean(map_correlations(a, b)))
