"""Recurring contexts (Ritter et al. 2018): their codes, and the order in which they come again.

An epoch of one environment is a bag in which every context lies equally often; episodes are drawn
from it without replacement. Tensors lead with ``(member, env)``, and environments are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Draws = dict[str, np.ndarray]
Generators = list[np.random.Generator]


def distinct_contexts(
    rng: np.random.Generator, n_envs: int, n_contexts: int, length: int, min_distance: int = 1
) -> np.ndarray:
    """Draw binary strings that differ pairwise in at least ``min_distance`` bits.

    A string too close to an earlier one of its environment is drawn again. For ``min_distance`` 1
    every set of distinct strings is equally likely.

    Returns
    -------
    ndarray of 0 and 1, shape (env, context, bit), float32

    Raises
    ------
    ValueError
        No such strings exist, or a thousand draws did not find them.
    """
    if n_contexts > 2**length or min_distance > length:
        raise ValueError(
            f"there are no {n_contexts} strings of {length} bits that differ in {min_distance}; "
            "take longer contexts, fewer of them, or a smaller min_distance"
        )
    bits = rng.integers(2, size=(n_envs, n_contexts, length)).astype(np.float32)
    unsettled = np.arange(n_envs)
    earlier = np.tri(n_contexts, k=-1, dtype=bool)
    for _ in range(1000):
        signs = 2 * bits[unsettled] - 1
        distance = (length - signs @ signs.swapaxes(1, 2)) / 2
        close = ((distance < min_distance) & earlier).any(2)  # (env, context)
        unsettled, close = unsettled[close.any(1)], close[close.any(1)]
        if unsettled.size == 0:
            return bits
        env, context = np.nonzero(close)
        bits[unsettled[env], context] = rng.integers(2, size=(env.size, length))
    raise ValueError(
        f"found no {n_contexts} strings of {length} bits that differ in {min_distance} or more; "
        "take longer contexts, fewer of them, or a smaller min_distance"
    )


def shuffled_bag(
    rng: np.random.Generator, n_envs: int, n_contexts: int, n_repetitions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Order in which the contexts of an epoch come, drawn from the bag without replacement.

    Returns
    -------
    order : int64 ndarray, shape (env, episode)
        Context of each episode.
    encounter : int64 ndarray, shape (env, episode)
        How often that context came before: 0 at the first encounter.
    """
    bag = np.tile(np.repeat(np.arange(n_contexts), n_repetitions), (n_envs, 1))
    order = rng.permuted(bag, axis=1)
    came = order[..., None] == np.arange(n_contexts)
    encounter = np.take_along_axis(came.cumsum(1), order[..., None], 2)[..., 0] - 1
    return order, encounter


def stack_members(draws: list[Draws], device: str) -> dict[str, Tensor]:
    """Put the arrays of several members, each (env, ...), into tensors (member, env, ...)."""
    return {
        name: torch.as_tensor(np.stack([one[name] for one in draws]), device=device) for name in draws[0]
    }


def mean_by_encounter(x: Tensor, encounter: Tensor, n_encounters: int) -> Tensor:
    """Mean over environments and contexts, separately for each encounter.

    Parameters
    ----------
    x : Tensor, shape (member, env, episode, ...)
    encounter : int64 Tensor, shape (member, env, episode)

    Returns
    -------
    Tensor, shape (member, encounter, ...)
    """
    flat = x.flatten(1, 2).float()
    index = encounter.flatten(1, 2).view(*flat.shape[:2], *[1] * (flat.dim() - 2))
    total = flat.new_zeros(flat.shape[0], n_encounters, *flat.shape[2:])
    total.scatter_add_(1, index.expand_as(flat), flat)
    return total / (flat.shape[1] / n_encounters)


@dataclass(frozen=True)
class RecurringEpoch:
    """Contexts of an epoch.

    Attributes
    ----------
    keys : Tensor of -1 and 1, shape (member, env, episode, length)
        What memory is searched with.
    cues : Tensor, shape (member, env, episode, cue_size)
        What the network sees of the context, the same at every step of an episode.
    order, encounter : int64 Tensor, shape (member, env, episode)
        See :func:`shuffled_bag`.
    """

    keys: Tensor
    cues: Tensor
    order: Tensor
    encounter: Tensor

    def cue(self, episode: int) -> Tensor:
        """What the network sees of an episode's context, (member, env, cue_size)."""
        return self.cues[:, :, episode]
