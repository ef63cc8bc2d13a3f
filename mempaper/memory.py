"""Episodic memories: what is stored, how alike two keys are, and how a memory is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Kernel = Literal["l2", "l1", "cosine"]
Recall = Literal["1nn", "softmax", "inverse"]
Duplicates = Literal["append", "overwrite", "reject"]
Tie = Literal["oldest", "newest"]
Miss = Literal["nearest", "zeros"]

SHIFT = 1e-6  # added to every coordinate difference, as in torch's pairwise distance


def one_of(name: str, value: str, kind: object) -> None:
    """Raise ValueError unless ``value`` is among the alternatives of the Literal type ``kind``."""
    allowed = get_args(kind)
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}")


def similarity(query: Tensor, keys: Tensor, kernel: Kernel = "l2") -> Tensor:
    """Similarity of each query to each key; larger is more alike.

    ``l2`` and ``l1`` are negative distances, ``-||q - k + 1e-6||``; ``cosine`` is the cosine of the
    angle. Distances are taken from the differences themselves: the expanded form
    ``|q|^2 + |k|^2 - 2 q.k`` would give an exact match a distance of about 4e-3.

    Parameters
    ----------
    query : Tensor, shape (..., n_queries, d)
    keys : Tensor, shape (..., n_keys, d)
    kernel : {'l2', 'l1', 'cosine'}

    Returns
    -------
    Tensor, shape (..., n_queries, n_keys)
    """
    one_of("kernel", kernel, Kernel)
    if kernel == "cosine":
        return F.normalize(query, dim=-1, eps=1e-8) @ F.normalize(keys, dim=-1, eps=1e-8).mT
    order = 2.0 if kernel == "l2" else 1.0
    return -torch.cdist(query + SHIFT, keys, p=order, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(scores: Tensor, tie: Tie = "oldest") -> Tensor:
    """Index of the best score along the last axis; equal scores go to the oldest or newest entry."""
    if tie == "oldest":
        return scores.argmax(-1)
    return scores.shape[-1] - 1 - scores.flip(-1).argmax(-1)


def recall_weights(
    query: Tensor,
    keys: Tensor,
    *,
    kernel: Kernel = "l2",
    recall: Recall = "1nn",
    n_neighbours: int | None = None,
    tau: float = 1.0,
    delta: float = 1e-3,
    tie: Tie = "oldest",
    stored: Tensor | None = None,
) -> Tensor:
    """Weight with which each stored entry enters what is recalled.

    Parameters
    ----------
    query : Tensor, shape (..., n_queries, d)
    keys : Tensor, shape (..., n_keys, d)
    kernel : {'l2', 'l1', 'cosine'}
        Similarity for ``1nn`` and ``softmax``.
    recall : {'1nn', 'softmax', 'inverse'}
        ``1nn``: all weight on the most similar entry. ``softmax``: ``softmax(s / tau)`` over the
        ``n_neighbours`` most similar entries. ``inverse``: proportional to
        ``1 / (||q - k||^2 + delta)`` over the ``n_neighbours`` nearest in Euclidean distance.
    n_neighbours : int, optional
        All entries by default.
    stored : bool Tensor, broadcastable to (..., n_queries, n_keys), optional
        False marks entries that the query must not see. A query that sees none gets zero weights.

    Returns
    -------
    Tensor, shape (..., n_queries, n_keys)
        Rows sum to one, or to zero where nothing is stored.
    """
    one_of("recall", recall, Recall)
    if recall == "inverse":
        squared = torch.cdist(query, keys, compute_mode="donot_use_mm_for_euclid_dist").square()
        scores = -squared
    else:
        scores = similarity(query, keys, kernel)
    if stored is not None:
        scores = scores.masked_fill(~stored, -torch.inf)
    if recall == "1nn":
        weights = F.one_hot(nearest(scores, tie), scores.shape[-1]).to(scores.dtype)
    else:
        p = scores.shape[-1] if n_neighbours is None else min(n_neighbours, scores.shape[-1])
        if p < scores.shape[-1]:
            kept = torch.zeros_like(scores, dtype=torch.bool)
            kept.scatter_(-1, scores.topk(p, dim=-1).indices, True)
            scores = scores.masked_fill(~kept, -torch.inf)
        if recall == "softmax":
            weights = torch.softmax(scores / tau, dim=-1).nan_to_num(0.0)
        else:
            unnormalised = 1.0 / (delta - scores)
            tiny = torch.finfo(scores.dtype).tiny  # where nothing is stored all weights are zero
            weights = unnormalised / unnormalised.sum(-1, keepdim=True).clamp_min(tiny)
    if stored is not None:
        weights = weights * stored
    return weights


@dataclass(frozen=True)
class CompetingAccumulators:
    """Leaky competing accumulators (LCA): memories that race and inhibit each other.

    From ``V = 0``, ``n_steps`` times
    ``V <- clip(V + dt (drive - leak V - competition (sum(V) - V)), 0, 1)``. The last V says how
    strongly each memory is recalled; the strengths need not sum to one. An entry without drive stays
    at zero and inhibits nobody, so an empty place in a memory is a vector of zeros.

    Parameters
    ----------
    competition : float
        Inhibition from each other accumulator.
    leak : float
    n_steps : int
    dt : float
    """

    competition: float = 0.8
    leak: float = 0.0
    n_steps: int = 10
    dt: float = 0.6

    def mixing(self, n_entries: int, like: Tensor) -> Tensor:
        """Matrix A with which V enters the next V: ``V A = V - dt (leak V + competition others)``."""
        eye = torch.eye(n_entries, dtype=like.dtype, device=like.device)
        return eye * (1 - self.dt * (self.leak - self.competition)) - self.dt * self.competition

    def trajectory(self, drive: Tensor) -> list[Tensor]:
        """What each step would give without clipping; clipped to [0, 1] they are the states.

        Parameters
        ----------
        drive : Tensor, shape (..., entry)
            Input strength times similarity.

        Returns
        -------
        list of Tensor, each (..., entry)
        """
        flat = self.dt * drive.reshape(-1, drive.shape[-1])
        mixing = self.mixing(drive.shape[-1], drive)
        unclipped = [flat]  # the first step starts from zero
        for _ in range(self.n_steps - 1):
            unclipped.append(torch.addmm(flat, unclipped[-1].clamp(0.0, 1.0), mixing))
        return [state.view(drive.shape) for state in unclipped]

    def __call__(self, drive: Tensor) -> Tensor:
        """Recall strength of each entry, in [0, 1], same shape as ``drive``."""
        return self.trajectory(drive)[-1].clamp(0.0, 1.0)

    def backward(self, gradient: Tensor, unclipped: list[Tensor]) -> Tensor:
        """Gradient with respect to the drive, from the gradient with respect to the recall strength.

        Parameters
        ----------
        gradient : Tensor, shape (..., entry)
        unclipped : list of Tensor
            What :meth:`trajectory` gave.
        """
        mixing = self.mixing(gradient.shape[-1], gradient)
        of_drive = torch.zeros_like(gradient)
        for state in reversed(unclipped):
            gradient = gradient * ((state >= 0) & (state <= 1))
            of_drive += gradient
            gradient = gradient @ mixing
        return self.dt * of_drive


class MemoryQueue:
    """First-in first-out stores of a fixed capacity, one for each of many streams of trials.

    Parameters
    ----------
    streams : tuple of int
        Shape of the leading axes, e.g. (member, stream).
    capacity, size : int
        Entries per store, and numbers per entry.

    Attributes
    ----------
    entries : Tensor, shape (*streams, capacity, size)
        Oldest first; places that are still empty hold zeros and come first.
    """

    def __init__(self, streams: tuple[int, ...], capacity: int, size: int, device: str = "cpu") -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; a memory holds at least 1 entry")
        self.entries = torch.zeros(*streams, capacity, size, device=device)

    def append(self, entry: Tensor, where: Tensor) -> None:
        """Append ``entry`` (*streams, size), without gradient, to the stores where ``where`` is True."""
        longer = torch.cat([self.entries[..., 1:, :], entry.detach().unsqueeze(-2)], -2)
        self.entries = torch.where(where[..., None, None], longer, self.entries)


class EpisodicMemory:
    """A dictionary from keys to values, read by similarity (a differentiable neural dictionary).

    Keys and values are stored detached: no gradient reaches what was written or the search for it.

    Parameters
    ----------
    capacity : int
        Largest number of entries; one more drops the oldest.
    value_size : int
        Length of a value; what an empty or switched-off memory answers is that many zeros.
    kernel, recall, n_neighbours, tau, delta :
        How it is read, see :func:`recall_weights`.
    duplicates : {'append', 'overwrite', 'reject'}
        What a write does whose key equals a stored key exactly: become another entry, replace the
        value at the old position, or nothing.
    tie : {'oldest', 'newest'}
        Which of several equally similar entries 1-NN returns.
    miss : {'nearest', 'zeros'}
        What 1-NN answers when no stored key equals the query: the nearest entry, or zeros.
    retrieval_probability, storage_probability : float
        Chance that a read or write happens at all; below 1 they need ``rng``.
    rng : numpy.random.Generator, optional

    Attributes
    ----------
    encoding, retrieval : bool
        Switches. With encoding off writes are ignored, with retrieval off reads give zeros.
    """

    def __init__(
        self,
        capacity: int,
        value_size: int,
        *,
        kernel: Kernel = "l2",
        recall: Recall = "1nn",
        n_neighbours: int | None = None,
        tau: float = 1.0,
        delta: float = 1e-3,
        duplicates: Duplicates = "append",
        tie: Tie = "oldest",
        miss: Miss = "nearest",
        retrieval_probability: float = 1.0,
        storage_probability: float = 1.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; a memory holds at least 1 entry")
        one_of("kernel", kernel, Kernel)
        one_of("recall", recall, Recall)
        one_of("duplicates", duplicates, Duplicates)
        one_of("tie", tie, Tie)
        one_of("miss", miss, Miss)
        if n_neighbours is not None and n_neighbours < 1:
            raise ValueError(f"n_neighbours is {n_neighbours}; it must be at least 1")
        if tau <= 0:
            raise ValueError(f"tau is {tau}; it must be positive")
        for name, p in (
            ("retrieval_probability", retrieval_probability),
            ("storage_probability", storage_probability),
        ):
            if not 0 <= p <= 1:
                raise ValueError(f"{name} is {p}; it must lie between 0 and 1")
            if p < 1 and rng is None:
                raise ValueError(f"{name} is {p}: a chance below 1 needs a generator, rng=...")
        self.capacity = capacity
        self.value_size = value_size
        self.kernel: Kernel = kernel
        self.recall: Recall = recall
        self.n_neighbours = n_neighbours
        self.tau = tau
        self.delta = delta
        self.duplicates: Duplicates = duplicates
        self.tie: Tie = tie
        self.miss: Miss = miss
        self.retrieval_probability = retrieval_probability
        self.storage_probability = storage_probability
        self.rng = rng
        self.encoding = True
        self.retrieval = True
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> Tensor:
        """Stored keys, oldest first, shape (entry, key_size); (0, 0) while there is none."""
        return torch.stack(self._keys) if self._keys else torch.zeros(0, 0)

    @property
    def values(self) -> Tensor:
        """Stored values, oldest first, shape (entry, value_size)."""
        return torch.stack(self._values) if self._values else torch.zeros(0, self.value_size)

    def reset(self) -> None:
        """Forget everything."""
        self._keys.clear()
        self._values.clear()

    def _happens(self, probability: float) -> bool:
        return self.rng is None or probability >= 1 or bool(self.rng.random() < probability)

    def save(self, key: Tensor, value: Tensor) -> None:
        """Write one entry, unless encoding is off; beyond capacity the oldest entry is dropped."""
        if not self.encoding or not self._happens(self.storage_probability):
            return
        key, value = key.detach().flatten().clone(), value.detach().flatten().clone()
        if value.numel() != self.value_size:
            raise ValueError(f"the value has {value.numel()} numbers; expected {self.value_size}")
        if self._keys and key.numel() != self._keys[0].numel():
            raise ValueError(
                f"the key has {key.numel()} numbers; the stored ones have {self._keys[0].numel()}"
            )
        if self.duplicates != "append":
            for position, old in enumerate(self._keys):
                if torch.equal(old, key):
                    if self.duplicates == "overwrite":
                        self._values[position] = value
                    return
        self._keys.append(key)
        self._values.append(value)
        if len(self._keys) > self.capacity:
            del self._keys[0], self._values[0]

    def inject(self, keys: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        """Write several entries in order; a no-op while encoding is off."""
        if len(keys) != len(values):
            raise ValueError(f"{len(keys)} keys but {len(values)} values; expected as many of each")
        for key, value in zip(keys, values, strict=True):
            self.save(key, value)

    def weights(self, query: Tensor) -> Tensor:
        """Weight of each entry in the answer to ``query`` (key_size,), shape (entry,)."""
        query = query.detach().flatten()
        if not self._keys:
            return query.new_zeros(0)
        keys = self.keys
        weights = recall_weights(
            query[None],
            keys,
            kernel=self.kernel,
            recall=self.recall,
            n_neighbours=self.n_neighbours,
            tau=self.tau,
            delta=self.delta,
            tie=self.tie,
        )[0]
        if self.miss == "zeros" and not (keys == query).all(-1).any():
            return torch.zeros_like(weights)
        return weights

    def get(self, query: Tensor) -> Tensor:
        """Read with one query of shape (key_size,); returns (value_size,) on the query's device."""
        off = not self.retrieval or not self._keys or not self._happens(self.retrieval_probability)
        if off:
            return query.new_zeros(self.value_size)
        return self.weights(query) @ self.values
