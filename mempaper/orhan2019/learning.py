"""What is minimised: the task's loss, a penalty on activity and one on weights."""

from __future__ import annotations

import torch
from torch import Tensor

from mempaper.orhan2019.observers import LEAST_PROBABILITY
from mempaper.orhan2019.task import CHOICE, ESTIMATION

PENALISED_STEPS = 5  # the last of a trial
ACTIVITY_WEIGHT, TETHERED_WEIGHT = 1e-4, 1e-1


def task_loss(name: str, y: Tensor, target: Tensor) -> Tensor:
    """Loss of each member over the response phase.

    Estimation: ``|y - target| mod pi``, which is no circular distance. SINE: absolute error.
    Choices: cross-entropy in nats, with outputs clipped to [1e-6, 1 - 1e-6].

    Parameters
    ----------
    name : str
    y, target : Tensor, shape (member, step, trial, output)

    Returns
    -------
    Tensor, shape (member,)
    """
    if name in CHOICE:
        y = y.clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        return -(target * y.log() + (1 - target) * (1 - y).log()).mean((1, 2, 3))
    error = (y - target).abs()
    if name in ESTIMATION:
        error = error - torch.pi * torch.floor(error.detach() / torch.pi)
    return error.mean((1, 2, 3))


def activity_penalty(h: Tensor, weight: float) -> Tensor:
    """``weight`` times the mean squared activity; (member, step, trial, unit) gives (member,)."""
    return weight * h.square().mean((1, 2, 3))


def weight_penalty(parameters: list[Tensor], rho: Tensor) -> Tensor:
    """``rho`` (member,) times the sum of squares of all parameters, biases too; (member,)."""
    return rho * sum(p.square().flatten(1).sum(1) for p in parameters)
