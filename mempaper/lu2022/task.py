"""The event-prediction task (Lu et al. 2022, Methods): events, how alike they are, and their trials.

An event is a vector of ``n_features`` values, each one of ``n_values``. A trial shows it twice. In
each part every feature is observed once, in any order, and queried once, in order of the features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MAX_DRAWS = 100_000  # of one event, before a similarity window counts as impossible
SIMILARITY_LAG = 2  # an event is compared with this many before it


def transition_table(
    prototype: np.ndarray, schematic: np.ndarray, strength: float, n_values: int
) -> np.ndarray:
    """Probability of each value of each feature.

    Parameters
    ----------
    prototype : int ndarray, shape (..., feature)
        The value that a schema makes likely.
    schematic : bool ndarray, shape (..., feature)
        Whether the schema says anything about a feature; the others are uniform.
    strength : float
        Probability of the prototype's value, between ``1 / n_values`` and 1.
    n_values : int

    Returns
    -------
    ndarray, shape (..., feature, value)
    """
    others = (1 - strength) / (n_values - 1)
    table = np.where(np.equal(prototype[..., None], np.arange(n_values)), strength, others)
    return np.where(schematic[..., None], table, 1 / n_values)


def similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Share of features with equal values, over the last axis."""
    return (one == other).mean(-1)


def sample_events(
    rng: np.random.Generator,
    table: np.ndarray,
    n_streams: int,
    n_events: int,
    bounds: tuple[float, float] = (0.0, 0.9),
    *,
    lag: int = SIMILARITY_LAG,
    max_draws: int = MAX_DRAWS,
) -> np.ndarray:
    """Draw events one after the other, each neither too like nor too unlike the ones before it.

    An event is drawn again until its similarity to each of the ``lag`` accepted events before it in
    its stream lies within ``bounds``, both included. The history starts empty.

    Parameters
    ----------
    rng : numpy.random.Generator
    table : ndarray, shape (feature, value)
        From :func:`transition_table`.
    n_streams, n_events : int
        Streams are independent.
    bounds : (low, high)
    lag : int
    max_draws : int
        How often one event is drawn before giving up.

    Returns
    -------
    int64 ndarray, shape (stream, event, feature)

    Raises
    ------
    ValueError
        No event within the window was found.
    """
    n_features, n_values = table.shape
    edges = table.cumsum(-1)[:, :-1]
    low, high = bounds
    events = np.empty((n_streams, n_events, n_features), np.int64)
    likely = low > 0 or high < 1 - 1 / n_values
    for event in range(n_events):
        waiting, draws, largest = np.arange(n_streams), 0, 0.0
        candidates = 1 if not likely else 16
        while waiting.size:
            if draws >= max_draws:
                raise ValueError(
                    f"no event with a similarity between {low:g} and {high:g} to each of the {lag} "
                    f"before it was found in {draws} draws; similarities are multiples of "
                    f"1/{n_features}, and the largest seen was {largest:g}. Take a wider window."
                )
            uniform = rng.random((waiting.size, candidates, n_features))
            drawn = (uniform[..., None] >= edges).sum(-1)
            before = events[waiting, max(event - lag, 0) : event]
            alike = similarity(drawn[:, :, None], before[:, None])  # (stream, candidate, earlier)
            fits = np.all((alike >= low - 1e-9) & (alike <= high + 1e-9), -1)
            found = fits.any(1)
            first = fits[found].argmax(1)
            events[waiting[found], event] = drawn[found, first]
            largest = max(largest, float(alike.min(-1).max(initial=0.0)) if event else 0.0)
            waiting, draws = waiting[~found], draws + candidates
    return events


@dataclass(frozen=True)
class Trials:
    """Trials with one delay.

    Attributes
    ----------
    values : int64 ndarray, shape (..., feature)
        The events.
    order : int64 ndarray, shape (..., part, observation)
        Which feature is observed, part by part.
    removed : bool ndarray, shape (..., part, observation)
        Whether the observed value is hidden (its feature is still named).
    delay : int
        Steps of each part before the first query.
    n_values : int
    repeat_query : bool
        Queries name the features of the first half twice, instead of all of them.
    """

    values: np.ndarray
    order: np.ndarray
    removed: np.ndarray
    delay: int
    n_values: int
    repeat_query: bool = False

    @property
    def n_features(self) -> int:
        """Number of features of an event."""
        return self.values.shape[-1]

    @property
    def part_length(self) -> int:
        """Steps of one part."""
        return self.n_features + self.delay

    @property
    def queried(self) -> np.ndarray:
        """Steps of a trial that have a query, bool, (time,)."""
        return np.tile(np.arange(self.part_length) >= self.delay, 2)

    def inputs(self) -> np.ndarray:
        """What the network sees: observed feature, its value, and the queried feature, all one-hot.

        Returns
        -------
        float32 ndarray, shape (..., time, 2 feature + value)
        """
        t, k, d = self.n_features, self.n_values, self.delay
        x = np.zeros((*self.values.shape[:-1], 2, self.part_length, 2 * t + k), np.float32)
        seen = np.take_along_axis(self.values[..., None, :], self.order, -1)
        x[..., :t, :t] = self.order[..., None] == np.arange(t)
        x[..., :t, t : t + k] = (seen[..., None] == np.arange(k)) & ~self.removed[..., None]
        asked = np.arange(t) % (t // 2) if self.repeat_query else np.arange(t)
        x[..., d:, t + k :] = np.eye(t, dtype=np.float32)[asked]
        return x.reshape(*x.shape[:-3], 2 * self.part_length, x.shape[-1])

    def targets(self) -> np.ndarray:
        """Right values, one-hot, and zeros where nothing is queried; (..., time, value), float32."""
        y = np.zeros((*self.values.shape[:-1], 2, self.part_length, self.n_values), np.float32)
        y[..., self.delay :, :] = (self.values[..., None] == np.arange(self.n_values))[..., None, :, :]
        return y.reshape(*y.shape[:-3], 2 * self.part_length, self.n_values)

    def select(self, index: int | slice | tuple[int | slice, ...]) -> Trials:
        """Some of the trials, by an index into the leading axes."""
        return Trials(
            self.values[index],
            self.order[index],
            self.removed[index],
            self.delay,
            self.n_values,
            self.repeat_query,
        )


def stack_trials(members: list[Trials]) -> Trials:
    """Put the trials of several members together along a new first axis."""
    first = members[0]
    values, order, removed = (
        np.stack([getattr(m, name) for m in members]) for name in ("values", "order", "removed")
    )
    return Trials(values, order, removed, first.delay, first.n_values, first.repeat_query)


@dataclass(frozen=True)
class EventTask:
    """How events and trials are drawn.

    Parameters
    ----------
    n_features : int
        T, features of an event, and observations in each part.
    n_values : int
        K, values of each feature.
    similarity : (low, high)
        Bounds on the share of equal features of events that follow each other.
    schema_strength : float
        Probability of the prototype's value at schematic time points, from 1/K (no schema) on.
    p_removed : (first part, second part)
        Up to this share of the observed values of a part is hidden, a uniform number of them.
    permute_observations : bool
        Observe features in random order, otherwise in the order of the queries.
    repeat_query : bool
        See :class:`Trials`.
    """

    n_features: int = 16
    n_values: int = 4
    similarity: tuple[float, float] = (0.0, 0.9)
    schema_strength: float = 0.25
    p_removed: tuple[float, float] = (0.3, 0.0)
    permute_observations: bool = True
    repeat_query: bool = False

    def __post_init__(self) -> None:
        if self.n_features < 2 or self.n_values < 2:
            raise ValueError(
                f"events have {self.n_features} features of {self.n_values} values; "
                "both must be at least 2"
            )
        low, high = self.similarity
        if not 0 <= low <= high <= 1:
            raise ValueError(f"similarity is [{low}, {high}]; expected 0 <= low <= high <= 1")
        if not 1 / self.n_values - 1e-9 <= self.schema_strength <= 1:
            raise ValueError(
                f"schema_strength is {self.schema_strength}; the prototype's value cannot be less "
                f"likely than chance, 1/{self.n_values}, nor more than certain"
            )
        if not all(0 <= p <= 1 for p in self.p_removed):
            raise ValueError(f"p_removed is {self.p_removed}; shares lie between 0 and 1")

    @property
    def input_size(self) -> int:
        """Numbers in an input without familiarity and penalty."""
        return 2 * self.n_features + self.n_values

    def schematic(self, parity: int) -> np.ndarray:
        """Schematic features: the even ones (parity 0) or the odd ones (parity 1), bool (feature,)."""
        return np.arange(self.n_features) % 2 == parity

    def schema(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Prototype and schematic features of the network with this seed.

        Networks with an even seed have schematic points 0, 2, ..., the others 1, 3, ...
        """
        prototype = np.random.default_rng([seed, SCHEMA_STREAM]).integers(
            self.n_values, size=self.n_features
        )
        return prototype, self.schematic(seed % 2)

    def table(self, seed: int) -> np.ndarray:
        """Probabilities of the values in the world of one network, (feature, value)."""
        return transition_table(*self.schema(seed), self.schema_strength, self.n_values)

    def sample(
        self,
        rng: np.random.Generator,
        n_streams: int,
        n_trials: int,
        *,
        delay: int = 0,
        table: np.ndarray | None = None,
    ) -> Trials:
        """Draw trials.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_streams, n_trials : int
            Streams do not know of each other.
        delay : int
        table : ndarray, shape (feature, value), optional
            Probabilities of the values; uniform by default.

        Returns
        -------
        Trials
            With leading axes (stream, trial).
        """
        if table is None:
            table = np.full((self.n_features, self.n_values), 1 / self.n_values)
        values = sample_events(rng, table, n_streams, n_trials, self.similarity)
        shape = (n_streams, n_trials, 2, self.n_features)
        order = np.broadcast_to(np.arange(self.n_features), shape)
        if self.permute_observations:
            order = rng.permuted(order, axis=-1)
        most = np.array(self.p_removed) * self.n_features
        n_removed = np.round(rng.random((*shape[:-1],)) * most).astype(np.int64)
        removed = rng.random(shape).argsort(-1) < n_removed[..., None]
        return Trials(values, order, removed, delay, self.n_values, self.repeat_query)

    def check_feasible(self) -> None:
        """Raise ValueError if the similarity window cannot be satisfied."""
        low, high = self.similarity
        steps = np.arange(self.n_features + 1) / self.n_features
        if not ((steps >= low - 1e-9) & (steps <= high + 1e-9)).any():
            raise ValueError(
                f"no similarity lies between {low:g} and {high:g}: similarities are multiples of "
                f"1/{self.n_features}. Take a wider window."
            )
        sample_events(np.random.default_rng(0), self.table(0), 4, 8, self.similarity, max_draws=20_000)


SCHEMA_STREAM = 7  # of each network's seed


def as_tensor(array: np.ndarray, device: str = "cpu") -> Tensor:
    """The array as float32 tensor."""
    return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=device)
