"""Losses of the two ways of learning: predicting values, and earning rewards for answers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mempaper.lu2022.model import Heads
from mempaper.lu2022.trials import Batch
from mempaper.rl import actor_critic_loss, chosen_log_prob, discounted_returns, entropy_bits

LEAST = 1e-12  # probability in logarithms: what underflowed to zero would have no gradient


def rewards(actions: Tensor, y: Tensor, penalty: Tensor) -> Tensor:
    """0 for "don't know", +1 for the right value, minus the penalty for anything else.

    Where nothing is queried every answer but "don't know" costs the penalty.

    Parameters
    ----------
    actions : int64 Tensor, shape (..., time)
        The last action, number ``value``, is "don't know".
    y : Tensor, shape (..., time, value)
    penalty : Tensor, shape (..., time)
    """
    answers = F.one_hot(actions, y.shape[-1] + 1)[..., :-1]
    right = (answers * y).sum(-1)
    answered = answers.sum(-1)
    return right - penalty * (answered - right)


def prediction_loss(policy: Tensor, y: Tensor) -> Tensor:
    """Squared error of the probabilities of the values, averaged over values, summed over steps.

    Parameters
    ----------
    policy : Tensor, shape (..., time, value + 1)
    y : Tensor, shape (..., time, value)

    Returns
    -------
    Tensor, shape (...)
    """
    return (policy[..., :-1] - y).square().mean(-1).sum(-1)


def reinforcement_loss(
    heads: Heads,
    batch: Batch,
    actions: Tensor,
    *,
    entropy_weight: float,
    normalize: bool = True,
    steps: slice = slice(None),
) -> Tensor:
    """Advantage actor-critic loss with immediate rewards (gamma 0) and an entropy bonus in bits.

    Parameters
    ----------
    heads : Heads
    batch : Batch
    actions : int64 Tensor, shape (member, trial, time)
    entropy_weight : float
    normalize : bool
        Returns of a trial have mean 0 and standard deviation 1 over its steps.
    steps : slice
        Steps whose losses are summed.

    Returns
    -------
    Tensor, shape (member, trial)
    """
    reward = rewards(actions, batch.y, batch.penalty_now)
    returns = discounted_returns(reward, 0.0, normalize=normalize)
    policy, value = heads.policy[:, :, steps].clamp_min(LEAST), heads.value[:, :, steps]
    log_prob = chosen_log_prob(policy, actions[:, :, steps])
    loss = actor_critic_loss(log_prob, value, returns[:, :, steps])
    return loss.policy + loss.value - entropy_weight * entropy_bits(policy).sum(-1)


def decorrelation(c: Tensor) -> Tensor:
    """Mean squared cosine between cell states of different trials at the same step.

    Parameters
    ----------
    c : Tensor, shape (member, trial, time, unit)

    Returns
    -------
    Tensor, shape (member,)
    """
    unit = F.normalize(c, dim=-1, eps=1e-8).transpose(1, 2)  # (member, time, trial, unit)
    cosines = (unit @ unit.mT).square()
    n = c.shape[1]
    off_diagonal = cosines.sum((-1, -2)) - cosines.diagonal(dim1=-2, dim2=-1).sum(-1)
    return off_diagonal.mean(-1) / (n * (n - 1))


def answer_rates(actions: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Share of right and of wrong answers among queries, by part: two of (member, trial, part)."""
    queried = batch.y.sum(-1).unflatten(-1, (2, -1))
    values = F.one_hot(actions, batch.y.shape[-1] + 1)[..., :-1]
    right = (values * batch.y).sum(-1).unflatten(-1, (2, -1))
    answered = values.sum(-1).unflatten(-1, (2, -1)) * queried
    n = queried.sum(-1)
    return right.sum(-1) / n, (answered - right).sum(-1) / n
