"""Small illustrations without any training: what recall is worth, and what the task is made of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mempaper.lu2022.analysis import Array
from mempaper.lu2022.isc import SharedResponse
from mempaper.lu2022.knowledge import known_values
from mempaper.lu2022.task import Trials, sample_events

# Probabilities of a feature's values under a schema that says much, and one that says little
SCHEMA_BARS = {"high": (0.1, 0.7, 0.1, 0.1), "low": (0.23, 0.31, 0.23, 0.23)}

# Similarity of successive events in the simulations, (low, high)
REGIMES = {"zero": (0.0, 0.125), "low": (0.0, 0.4), "normal": (0.0, 0.9), "high": (0.35, 0.9)}

# Memory for events that agree with a schema, have none, or contradict it: a sketch, in no unit
SLIMM = {"congruent": 4.0, "control": 2.0, "incongruent": 4.0}


class RecallBenefit(NamedTuple):
    """What one recall of the whole event is worth, at each step.

    Attributes
    ----------
    baseline : ndarray, shape (step + 1,)
        Accuracy without recall after 0, 1, ... steps: of what was not observed yet, one answer in
        ``1 / chance`` is right.
    benefit : ndarray, shape (step,)
        Right answers gained by recall at a step.
    normalised : ndarray, shape (step,)
        As a share of the benefit at step 0.
    cumulative : ndarray, shape (step,)
        Sum of the benefits from this step on.
    """

    baseline: np.ndarray
    benefit: np.ndarray
    normalised: np.ndarray
    cumulative: np.ndarray


def recall_benefit(n_steps: int, chance: float) -> RecallBenefit:
    """What recall is worth, by the step at which it happens.

    ``baseline(t) = chance (T - t) / T + t / T`` and ``benefit(t) = (1 - baseline(t)) (T - t) / 2``,
    the area of a triangle: with each step there is less to gain, for less time.

    Parameters
    ----------
    n_steps : int
        T, which is also the number of features.
    chance : float
        Share of guesses that are right.
    """
    t = np.arange(n_steps + 1)
    baseline = chance * (n_steps - t) / n_steps + t / n_steps
    benefit = ((1 - baseline) * (n_steps - t) / 2)[:-1]
    cumulative = benefit[::-1].cumsum()[::-1]
    return RecallBenefit(baseline, benefit, benefit / benefit[0], cumulative)


# Events and how alike they are


def uniform_events(
    rng: np.random.Generator,
    n_features: int,
    n_values: int,
    n_events: int,
    bounds: tuple[float, float] = (0.0, 1.0),
    lag: int = 2,
) -> np.ndarray:
    """Events without a schema, one after the other; int (event, feature).

    Parameters
    ----------
    rng : numpy.random.Generator
    n_features, n_values, n_events : int
    bounds : (low, high)
        On the similarity of an event to each of the ``lag`` before it.
    lag : int
    """
    table = np.full((n_features, n_values), 1 / n_values)
    return sample_events(rng, table, 1, n_events, bounds, lag=lag)[0]


def similarity_matrix(events: Array) -> np.ndarray:
    """Share of equal features of any two events (event, feature); (event, event)."""
    events = np.asarray(events)
    return (events[:, None] == events[None]).mean(-1)


def pair_similarities(matrix: Array, least_lag: int = 1, largest_lag: int | None = None) -> np.ndarray:
    """Similarities of pairs of different events, once each.

    Parameters
    ----------
    matrix : array, shape (event, event)
    least_lag, largest_lag : int
        Only pairs of events that are so many apart, both ends included.

    Returns
    -------
    ndarray, shape (pair,)
    """
    matrix = np.asarray(matrix)
    lags = np.arange(len(matrix)) - np.arange(len(matrix))[:, None]
    largest = len(matrix) if largest_lag is None else largest_lag
    return matrix[(lags >= least_lag) & (lags <= largest)]


def similarity_by_size(
    sizes: Sequence[tuple[int, int]], n_events: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of the similarity of any two events without bounds, by (features, values).

    In expectation ``p = 1 / n_values`` and ``sqrt(p (1 - p) / n_features)``.

    Returns
    -------
    mean, sd : ndarray, shape (size,)
    """
    found = [pair_similarities(similarity_matrix(uniform_events(rng, *s, n_events))) for s in sizes]
    return np.array([x.mean() for x in found]), np.array([x.std() for x in found])


def vary_bounds(
    bounds: Sequence[tuple[float, float]],
    rng: np.random.Generator,
    *,
    n_features: int = 15,
    n_values: int = 4,
    n_events: int = 256,
    lag: int = 4,
    n_repeats: int = 5,
) -> tuple[np.ndarray, np.ndarray]:
    """How long events take to draw under bounds on their similarity, and how alike they become.

    Returns
    -------
    seconds : ndarray, shape (bounds, repeat)
    similarity : ndarray, shape (bounds, repeat)
        Mean over the pairs that the bounds are about.
    """
    seconds, alike = np.empty((2, len(bounds), n_repeats))
    for i, j in np.ndindex(seconds.shape):
        start = time.perf_counter()
        events = uniform_events(rng, n_features, n_values, n_events, bounds[i], lag)
        seconds[i, j] = time.perf_counter() - start
        alike[i, j] = pair_similarities(similarity_matrix(events), 1, lag).mean()
    return seconds, alike


def value_frequencies(events: Array, n_values: int) -> np.ndarray:
    """How often each feature took each value in events (event, feature); (feature, value)."""
    return (np.asarray(events)[..., None] == np.arange(n_values)).mean(0)


class Stimulus(NamedTuple):
    """One trial as the network meets it, one-hot, both parts one after the other.

    Attributes
    ----------
    observed_feature : ndarray, shape (time, feature)
    observed_value : ndarray, shape (time, value)
        Zeros where the value is hidden.
    queried_feature : ndarray, shape (time, feature)
    queried_value : ndarray, shape (time, value)
        The answer.
    """

    observed_feature: np.ndarray
    observed_value: np.ndarray
    queried_feature: np.ndarray
    queried_value: np.ndarray


def stimulus(trials: Trials, index: int | tuple[int, ...]) -> Stimulus:
    """One of the trials; ``index`` goes into their leading axes."""
    one = trials.select(index)
    t, k = one.n_features, one.n_values
    feature, value, query = np.split(one.inputs(), [t, t + k], axis=-1)
    return Stimulus(feature, value, query, one.targets())


class Knowledge(NamedTuple):
    """Share of trials in which each query can be answered.

    Attributes
    ----------
    remembering, forgetting : ndarray, shape (2 feature,)
        In both parts, with all memories of the first part in the second, or none.
    episodic_only, both, neither : ndarray, shape (feature,)
        In the second part: from the first part alone; also from the second; from none of them.
    """

    remembering: np.ndarray
    forgetting: np.ndarray
    episodic_only: np.ndarray
    both: np.ndarray
    neither: np.ndarray


def knowledge_over_time(order: Array, removed: Array | None = None, delay: int = 0) -> Knowledge:
    """Share of trials in which each query can be answered: one minus that of due "don't know"s.

    Parameters
    ----------
    order : int array, shape (trial, part, observation)
        The feature observed at each step.
    removed : bool array, shape (trial, part, observation), optional
        Whether the observed value was hidden.
    delay : int
        Steps of each part before the first query.
    """
    known = known_values(order, removed, delay)
    first, second = np.split(known.episodic, 2, axis=-1)
    return Knowledge(
        known.episodic.mean(0),
        np.concatenate([first, known.working], -1).mean(0),
        (second & ~known.working).mean(0),
        (second & known.working).mean(0),
        (~second).mean(0),
    )


# Inter-subject correlation


class Walks(NamedTuple):
    """Time courses of two pairs of subjects.

    Attributes
    ----------
    cause : ndarray, shape (time,)
        What both of the first pair follow.
    together : ndarray, shape (2, time)
        Noisy copies of it.
    apart : ndarray, shape (2, time)
        Each has its own.
    """

    cause: np.ndarray
    together: np.ndarray
    apart: np.ndarray

    @property
    def correlations(self) -> tuple[float, float]:
        """Of the first and of the second pair."""
        together, apart = (float(np.corrcoef(pair)[0, 1]) for pair in (self.together, self.apart))
        return together, apart


def walks(rng: np.random.Generator, n_steps: int = 200, noise_sd: float = 3.0) -> Walks:
    """Random walks with steps of sd 1, shared or not, with noise added to each subject."""
    cause, *own = rng.standard_normal((3, n_steps)).cumsum(-1)
    noise = noise_sd * rng.standard_normal((2, 2, n_steps))
    return Walks(cause, cause + noise[0], np.stack(own) + noise[1])


class Alignment(NamedTuple):
    """Two subjects that hold the same signal in their own coordinates.

    Attributes
    ----------
    shared : ndarray, shape (sample, dimension)
        The signal.
    native : ndarray, shape (2, sample, dimension)
        What is measured: the signal, rotated for each subject, with noise.
    aligned : ndarray, shape (2, sample, dimension)
        After a shared response model.
    """

    shared: np.ndarray
    native: np.ndarray
    aligned: np.ndarray

    @property
    def distances(self) -> tuple[float, float]:
        """Root mean squared difference of the two subjects, native and aligned."""
        native, aligned = (
            float(np.sqrt(((x[0] - x[1]) ** 2).mean())) for x in (self.native, self.aligned)
        )
        return native, aligned


def function_alignment(
    rng: np.random.Generator, n_samples: int = 7, n_dimensions: int = 3, noise_sd: float = 0.25
) -> Alignment:
    """A signal in two subjects' own coordinates, brought together by what it does over time."""
    shared = rng.standard_normal((n_samples, n_dimensions))
    rotations = np.linalg.qr(rng.standard_normal((2, n_dimensions, n_dimensions)))[0]
    noise = noise_sd * rng.standard_normal((2, n_samples, n_dimensions))
    native = shared @ rotations + noise
    model = SharedResponse(n_dimensions, rng=rng).fit(list(native))
    return Alignment(shared, native, np.stack(model.transform(list(native))))
