"""Warm start: an actor alone learns to steer by the gradient through the world.

It takes the place of the original's first phase in the quick recipe. There, as here, its only purpose is
an agent that is rewarded now and then; no critic is involved, so both critics can begin with one actor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mempaper.progress import Report, silent
from mempaper.zhang2024.rollout import Agent, Steering
from mempaper.zhang2024.task import Firefly, step_noise
from mempaper.zhang2024.trials import Conditions, Trials, draw_trials
from mempaper.zhang2024.world import World

RATE, DECAY, LARGEST_NORM = 3e-3, 1 / 6, 1.0
STOP_AT, STOP_WIDTH = 0.07, 0.03  # a largest action of .07 stops with probability one half
BONUS, PER_STEP, TIME_OUT = 0.5, 0.01, 0.3
HOLD_FROM, HOLD_UNTIL = 22, 200  # steps of a trial, and of the training, of the term that holds on


def soft_cost(world: World, trials: Trials, positions: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Cost of trials that stop with a probability, and the mean distance late in a trial.

    Parameters
    ----------
    positions, actions : Tensor, shape (step, trial, 2)

    Returns
    -------
    (Tensor, Tensor)
        Expected cost: distance at the stop in units, less a bonus within the zone, plus time.
    """
    offset = positions - trials.target
    d = (offset.square().sum(2) + 1e-6).sqrt()
    zone = torch.exp(-d.square() / (2 * (trials.radius / 1.5) ** 2))
    time = torch.arange(len(d), device=d.device)[:, None]
    cost = d - BONUS * zone + PER_STEP * time
    largest = actions.abs().amax(2)
    moved = (largest.detach() > world.stop_action).cumsum(0) > 0
    started = torch.cat([torch.zeros_like(moved[:1]), moved[:-1]])
    stop = started * torch.sigmoid((STOP_AT - largest) / STOP_WIDTH)
    survived = torch.cumprod(1 - stop, 0)
    before = torch.cat([torch.ones_like(survived[:1]), survived[:-1]])
    expected = (before * stop * cost).sum(0) + survived[-1] * (cost[-1] + TIME_OUT)
    return expected.mean(), d[HOLD_FROM:].mean()


def steer(agent: Agent, world: World, trials: Trials, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Positions and actions (step, trial, 2) of trials that run to their end, with gradients."""
    firefly = Firefly(world, trials, noise)
    steering = Steering(agent, firefly)
    positions, actions = [], []
    for _ in range(world.n_steps):
        action = steering.act(firefly)
        positions.append(firefly.x[:, :2])
        actions.append(action)
        push = firefly.push()
        firefly.step(action)
        steering.observe(action, push, firefly)
    return torch.stack(positions), torch.stack(actions)


def warm_start(
    agent: Agent,
    world: World,
    conditions: Conditions,
    generator: torch.Generator,
    *,
    steps: int,
    batch_size: int = 128,
    report: Report = silent,
) -> list[float]:
    """Train the actor in place; returns the cost at each step.

    The learning rate falls from 3e-3 to a sixth over ``steps``; gradients are cut at norm 1.
    """
    parameters = list(agent.actor.parameters())
    optimizer = torch.optim.Adam(parameters, RATE, fused=True)
    costs: list[float] = []
    device = parameters[0].device
    for k in range(steps):
        trials = draw_trials(batch_size, world, conditions, generator).to(device)
        noise = step_noise(batch_size, world, generator).to(device)
        cost, late = soft_cost(world, trials, *steer(agent, world, trials, noise))
        loss = cost + max(0.0, 1 - k / HOLD_UNTIL) * late
        for group in optimizer.param_groups:
            group["lr"] = RATE * DECAY ** (k / steps)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, LARGEST_NORM)
        optimizer.step()
        costs.append(float(cost.detach()))
        report(k + 1, steps)
    return costs
