"""Memory lengths trained at once: the order in which they are learned, and what a slide does."""

from __future__ import annotations

import numpy as np
from scipy import stats as sps

from mempaper.khajehabdollahi2024.curriculum import PASS_MARK
from mempaper.khajehabdollahi2024.trained import TrainedNetworks


def epochs_to_learn(trained: TrainedNetworks, mark: float = PASS_MARK) -> np.ndarray:
    """Epoch in which each N of the first list exceeds an accuracy for the first time, (member, N).

    Not a number where that does not happen while the first list is in training.
    """
    accuracy = trained.accuracy()[:, :, : len(trained.settings.stages[0])]
    epoch = np.arange(1, accuracy.shape[1] + 1)
    above = (accuracy > mark) & ~(epoch > _epochs_to_pass(trained)[:, :1])[..., None]
    return np.where(above.any(1), above.argmax(1) + 1.0, np.nan)


def rank_correlation(x: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Spearman's correlation of ``x`` (n,) with each row of ``samples`` (member, n), (member,).

    Missing values are left out. Not a number where less than two different ones remain.
    """
    found = np.full(len(samples), np.nan)
    for member, y in enumerate(samples):
        there = ~np.isnan(y)
        if len(np.unique(y[there])) > 1:
            found[member] = sps.spearmanr(np.asarray(x)[there], y[there]).statistic
    return found


def around_slide(
    trained: TrainedNetworks, before: int, after: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy in the tests around the first slide of a window.

    Parameters
    ----------
    trained : TrainedNetworks
        Of a sliding curriculum.
    before, after : int
        Epochs.

    Returns
    -------
    epochs : ndarray, shape (before + after,)
        Epochs since the slide; the last one before it, which was passed, is 0.
    staying, new : ndarray, shape (member, before + after)
        Mean accuracy on the N that are in the window before and after, and on those that enter. Not
        a number where there is no test, and for networks that never slide.

    Raises
    ------
    ValueError
        The curriculum ends before its first slide.
    """
    stages = trained.settings.stages
    if len(stages) < 2:
        raise ValueError(f"training ends with N = {stages[0][-1]}, before the first slide")
    groups = ([n for n in stages[1] if n in stages[0]], [n for n in stages[1] if n not in stages[0]])
    accuracy, passed = trained.accuracy(), _epochs_to_pass(trained)
    epochs = np.arange(1 - before, after + 1)
    found = np.full((2, trained.n_members, len(epochs)), np.nan)
    for member in trained.members(stages[0][-1]):
        slide, end = passed[member, :2]
        last = accuracy.shape[1] if np.isnan(end) else int(end)
        for place, epoch in enumerate(epochs):
            tested, ns = int(slide) + epoch, stages[0] if epoch <= 0 else stages[1]
            for row, group in enumerate(groups):
                heads = [ns.index(n) for n in group if n in ns]
                if heads and 1 <= tested <= last:
                    found[row, member, place] = accuracy[member, tested - 1, heads].mean()
    return epochs, found[0], found[1]


def _epochs_to_pass(trained: TrainedNetworks) -> np.ndarray:
    return trained.updates_to_pass() / trained.settings.updates_per_epoch
