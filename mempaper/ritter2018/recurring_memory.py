"""Episodic memory of many environments at once, for tasks whose contexts recur.

Entries are cell states, stored detached; which entry is read never depends on the weights.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from mempaper.memory import Miss, nearest

EpisodeRecall = Literal["1nn", "softmax"]


def search(keys: Tensor, recall: EpisodeRecall, miss: Miss, tau: float) -> Tensor:
    """What each episode of an epoch reads; every earlier episode has stored one entry.

    Keys are inputs, so all searches of an epoch can be made before its first step. Keys are strings
    of -1 and 1: their dot product orders entries as l2, l1 and cosine similarity do, and is exact.

    Parameters
    ----------
    keys : Tensor of -1 and 1, shape (member, env, episode, length)
    recall : {'1nn', 'softmax'}
        The entry with the most similar key (ties to the newest), or the average over entries
        weighted by ``softmax(agreement / tau)``, where the agreement is the dot product.
    miss : {'nearest', 'zeros'}
        What 1-NN answers when no stored key equals the query.
    tau : float

    Returns
    -------
    Tensor
        ``1nn``: int64 (member, env, episode), the episode whose entry is read; the number of
        episodes where nothing is. ``softmax``: weights (member, env, episode, episode); rows sum to
        one, or to zero at the first episode.
    """
    n_episodes = keys.shape[2]
    earlier = torch.ones(n_episodes, n_episodes, dtype=torch.bool, device=keys.device).tril(-1)
    agreement = (keys @ keys.mT).masked_fill(~earlier, -torch.inf)
    if recall == "softmax":
        return torch.softmax(agreement / tau, -1).nan_to_num(0.0)
    least = keys.shape[3] if miss == "zeros" else -keys.shape[3]
    found = agreement.amax(-1) >= least
    return torch.where(found, nearest(agreement, tie="newest"), n_episodes)


class EpisodeMemory:
    """One entry per episode, written at its last step; read at the start of the later ones.

    Where contexts are exact, reading the newest entry with the same key is a table
    ``memory[member, env, context]`` that is overwritten at each encounter.

    Parameters
    ----------
    keys : Tensor, shape (member, env, episode, length)
    hidden_size : int
    last_step : int
        Step of an episode whose cell state is stored.
    recall, miss, tau :
        How it is read, see :func:`search`.

    Attributes
    ----------
    entries : Tensor, shape (member, env, episode + 1, unit)
        Stored cell states; zeros where nothing is stored, and in the last place always.
    reads : Tensor
        From :func:`search`.
    """

    def __init__(
        self,
        keys: Tensor,
        hidden_size: int,
        last_step: int,
        *,
        recall: EpisodeRecall = "1nn",
        miss: Miss = "zeros",
        tau: float = 1.0,
    ) -> None:
        n_episodes = keys.shape[2]
        self.entries = keys.new_zeros(*keys.shape[:2], n_episodes + 1, hidden_size)
        self.reads = search(keys, recall, miss, tau)
        self.last_step = last_step

    def recall(self, episode: int, step: int) -> Tensor | None:
        """What is recalled anew at this step, (member, env, unit); None keeps the last recall."""
        if step > 0:
            return None
        read = self.reads[:, :, episode]
        if self.reads.dim() == 3:
            return gather_entries(self.entries, read)
        return (read.unsqueeze(2) @ self.entries[:, :, :-1]).squeeze(2)

    def write(self, episode: int, step: int, cell: Tensor) -> None:
        """Store the cell state (member, env, unit) if this is the step to do so."""
        if step == self.last_step:
            self.entries[:, :, episode] = cell


class TrialMemory:
    """Memory of the two-step task: one entry per uncued trial, read in the trials that cue it.

    The entry of a trial is the cell state after the next step, the first that has seen its outcome.
    Contexts are distinct, so a trial's number stands for its context; a cue for the trial just
    over, whose entry is not written yet, recalls zeros.

    Parameters
    ----------
    cue_index : int64 Tensor, shape (member, env, trial)
        Uncued trial that each trial cues.
    n_uncued, hidden_size : int
    """

    def __init__(self, cue_index: Tensor, n_uncued: int, hidden_size: int) -> None:
        shape = (*cue_index.shape[:2], n_uncued, hidden_size)
        self.entries = torch.zeros(shape, device=cue_index.device)
        self.cue_index = cue_index
        self.n_uncued = n_uncued

    def recall(self, episode: int, step: int) -> Tensor | None:
        """What is recalled anew at this step, (member, env, unit); None keeps the last recall."""
        if step < self.n_uncued:
            return None
        return gather_entries(self.entries, self.cue_index[:, :, step])

    def write(self, episode: int, step: int, cell: Tensor) -> None:
        """Store the cell state (member, env, unit) if this is the step to do so."""
        if 1 <= step <= self.n_uncued:
            self.entries[:, :, step - 1] = cell


Memory = EpisodeMemory | TrialMemory


def gather_entries(entries: Tensor, index: Tensor) -> Tensor:
    """Entry ``index`` (member, env) of each environment, (member, env, unit)."""
    index = index[..., None, None].expand(-1, -1, 1, entries.shape[-1])
    return entries.gather(2, index).squeeze(2)
