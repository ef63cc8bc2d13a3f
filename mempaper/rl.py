"""Actor-critic pieces: returns, sampling, losses, entropies."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


def discounted_returns(rewards: Tensor, gamma: float, *, normalize: bool = False) -> Tensor:
    """Discounted sum of the rewards from each step on: ``R_t = r_t + gamma R_{t+1}``.

    Parameters
    ----------
    rewards : Tensor, shape (..., time)
    gamma : float
        Discount factor in [0, 1]; 0 leaves the immediate rewards.
    normalize : bool
        Subtract the mean over time and divide by the standard deviation (ddof 1) plus 1.19e-7.

    Returns
    -------
    Tensor, shape (..., time)
    """
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma is {gamma}; it must lie between 0 and 1")
    returns = rewards.clone()
    if gamma > 0:
        for t in range(rewards.shape[-1] - 2, -1, -1):
            returns[..., t] += gamma * returns[..., t + 1]
    if normalize:
        eps = torch.finfo(torch.float32).eps
        mean = returns.mean(-1, keepdim=True)
        returns = (returns - mean) / (returns.std(-1, keepdim=True) + eps)
    return returns


def sample_actions(policy: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions by inverting the cumulative policy at uniform random numbers drawn ahead.

    Parameters
    ----------
    policy : Tensor, shape (..., n_actions)
        Probabilities.
    uniform : Tensor, shape (...)
        Numbers in [0, 1).

    Returns
    -------
    int64 Tensor, shape (...)
    """
    cumulative = policy.detach().cumsum(-1)
    return (uniform.unsqueeze(-1) >= cumulative[..., :-1]).sum(-1)


def chosen_log_prob(policy: Tensor, actions: Tensor) -> Tensor:
    """Log-probability of the actions taken; (..., n_actions) and (...) give (...)."""
    return policy.gather(-1, actions.unsqueeze(-1)).squeeze(-1).log()


class ActorCriticLoss(NamedTuple):
    """The two parts of the advantage actor-critic loss, summed over time."""

    policy: Tensor
    value: Tensor


def actor_critic_loss(log_prob: Tensor, values: Tensor, returns: Tensor) -> ActorCriticLoss:
    """Advantage actor-critic loss, summed over the time axis.

    ``policy = -sum_t log pi(a_t) (R_t - v_t)`` with the value detached, and
    ``value = sum_t smoothL1(v_t, R_t)`` with its quadratic part below 1.

    Parameters
    ----------
    log_prob, values, returns : Tensor, shape (..., time)

    Returns
    -------
    ActorCriticLoss
        Two tensors of shape (...).
    """
    advantage = returns - values.detach()
    return ActorCriticLoss(
        policy=-(log_prob * advantage).sum(-1),
        value=F.smooth_l1_loss(values, returns, reduction="none").sum(-1),
    )


def entropy(policy: Tensor) -> Tensor:
    """Entropy in nats over the last axis."""
    return torch.special.entr(policy).sum(-1)


def entropy_bits(policy: Tensor) -> Tensor:
    """Entropy in bits over the last axis: ``-sum p log2 p``."""
    return entropy(policy) / torch.log(torch.tensor(2.0, dtype=policy.dtype))
