"""Recomputes the original code's numbers of networks, updates and roll-outs of whole agents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from mempaper.verify import Comparison, Family, Fixture
from mempaper.zhang2024.networks import (
    ACTORS,
    Actor,
    Critic,
    Sizes,
    split_architecture,
)
from mempaper.zhang2024.rollout import Agent, Rollouts, judge, performance, run
from mempaper.zhang2024.task import step_noise
from mempaper.zhang2024.td3 import (
    Batch,
    Learner,
    Rates,
    mirror_actions,
    mirror_beliefs,
    mirror_states,
    smooth,
)
from mempaper.zhang2024.training import Schedule
from mempaper.zhang2024.trials import Trials, make_trials
from mempaper.zhang2024.world import World

CLOSE, LOSS, CENTIMETRES = 1e-5, 1e-4, 1e-3
Network = TypeVar("Network", Actor, Critic)
NETWORKS = ("actor", "critic", "target_actor", "target_critic")


def network(kind: type[Network], name: Any, arrays: dict[str, np.ndarray]) -> Network:
    """An actor or critic with the original's weights, of the sizes that these have.

    Raises
    ------
    RuntimeError
        The weights are not those of this architecture.
    """
    memories = [array.shape[1] for key, array in arrays.items() if "weight_hh" in key]
    units = memories[0] if memories else 1
    fc = arrays["l2.weight"].shape[0] if "l3.weight" in arrays else 1
    made = kind(name, Sizes(units, fc, units, units))
    _load(made, arrays)
    return made


def _load(module: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    module.load_state_dict({key: torch.as_tensor(array) for key, array in arrays.items()})


def agent_of(f: Fixture, architecture: str) -> Agent:
    """An agent with the weights of a file."""
    actor, critic = split_architecture(architecture)
    agent = Agent(architecture, Sizes(1, 1, 1, 1))
    agent.actor = network(Actor, actor, f.prefixed("actor_"))
    agent.critic = network(Critic, critic, f.prefixed("critic_"))
    return agent


@torch.no_grad()
def check_net(f: Fixture) -> Iterator[Comparison]:
    """Outputs of actors and critics, and an actor's LSTM state at the end."""
    name = f.variant.split("_")[1]
    if name == "EKF":
        agent, s = agent_of(f, "EKF"), torch.as_tensor(f["s"])
        yield Comparison("ActorEKF", "action", agent.actor(s)[0], f["action"], CLOSE)
        yield from _values(f, agent.critic, s)
        return
    weights, x = f.prefixed("w_"), torch.as_tensor(f["x"])
    if name not in ACTORS:
        yield from _values(f, network(Critic, name, weights), x)
        return
    action, hidden = network(Actor, name, weights)(x)
    assert hidden is not None
    for key, ours in (("action", action), ("h", hidden[0]), ("c", hidden[1])):
        yield Comparison(name, key, ours, f[key], CLOSE)


def _values(f: Fixture, critic: Critic, x: Tensor) -> Iterator[Comparison]:
    for key, ours in zip(("q1", "q2"), critic(x, torch.as_tensor(f["u"])), strict=True):
        yield Comparison(critic.name, key, ours, f[key], CLOSE)


def check_mirror(f: Fixture) -> Iterator[Comparison]:
    """Reflection of inputs, beliefs and actions at the y axis."""
    for mirror, key in (
        (mirror_states, "states"),
        (mirror_actions, "actions"),
        (mirror_beliefs, "ekf_state"),
        (mirror_beliefs, "ekf_next"),
        (mirror_actions, "ekf_action"),
    ):
        ours, name = mirror(torch.as_tensor(f[key])), f"{key}_mirror"
        yield Comparison(f"td3.{mirror.__name__}", name, ours, f[name], CLOSE)


def check_target_smoothing(f: Fixture) -> Iterator[Comparison]:
    """Smoothed target actions where each normal number is the same."""
    actions = torch.as_tensor(f["actions"])
    for index, value in enumerate(f["noise"]):
        ours, name = smooth(actions, torch.full_like(actions, float(value))), f"smoothed_{index}"
        yield Comparison("td3.smooth", name, ours, f[name], CLOSE)


def check_td3(f: Fixture) -> Iterator[Comparison]:
    """Three updates on one batch, without smoothing noise: losses, and all weights after 1 and 3."""
    architecture = f.variant.split("_")[2] or "EKF"
    actor, critic = split_architecture(architecture)
    learner = Learner(
        network(Actor, actor, f.prefixed("before.actor.")),
        network(Critic, critic, f.prefixed("before.critic.")),
        torch.Generator(),
        smoothing_std=0.0,
    )
    for name in NETWORKS[2:]:
        _load(getattr(learner, name), f.prefixed(f"before.{name}."))
    batch, losses = _batch(f, architecture), []
    n_updates = len(f["critic_losses"])
    for update in range(1, n_updates + 1):
        losses.append(learner.update(batch, Rates()))
        for name in NETWORKS if update in (1, n_updates) else ():
            for key, parameter in getattr(learner, name).state_dict().items():
                key = f"after{update}.{name}.{key}"
                yield Comparison(f"Learner.update, {name}", key, parameter, f[key], CLOSE)
    for key, ours in zip(("critic_losses", "actor_losses"), zip(*losses, strict=True), strict=True):
        yield Comparison("Learner.update, losses", key, ours, f[key], LOSS)


def _batch(f: Fixture, architecture: str) -> Batch:
    states, actions, rewards = (
        torch.as_tensor(f[f"batch_{name}"]) for name in ("states", "actions", "rewards")
    )
    if architecture == "EKF":
        done = torch.as_tensor(f["batch_dones"]).float()
        next_states = torch.as_tensor(f["batch_next_states"])
        return Batch(states, actions, rewards, done, next_states=next_states)
    done = torch.zeros_like(rewards)
    done[-1] = 1
    beliefs = torch.as_tensor(f["batch_EKFstates"]) if "EKF" in architecture else None
    return Batch(states, actions, rewards, done, beliefs=beliefs)


def _without_noise(f: Fixture, gain: float) -> Trials:
    peak = start = None
    if "perturb_peak" in f:
        peak, start = torch.as_tensor(f["perturb_peak"]), torch.as_tensor(f["perturb_start"])
    targets = torch.as_tensor(f["targets"])
    return make_trials(targets, gain=gain, process_noise=0, observation_noise=0, peak=peak, start=start)


def _steered(agent: Agent, trials: Trials) -> Rollouts:
    world = World()
    return run(agent, world, trials, 0 * step_noise(len(trials), world, torch.Generator()))


def check_rollout(f: Fixture) -> Iterator[Comparison]:
    """Noise-free trials of an agent, from the first step to the values that its critic gives."""
    agent = agent_of(f, f.variant.split("_")[1])
    rollouts = _steered(agent, _without_noise(f, f["gain"]))
    values = judge(agent, rollouts)
    beyond = ~rollouts.valid[:, :, None]  # not a number there in the file
    for name in ("x", "states", "actions"):
        ours = getattr(rollouts, name).masked_fill(beyond, np.nan)
        yield Comparison(f"rollout.run, {name}", name, ours, f[name], CLOSE)
    for name in ("length", "rewarded"):
        yield Comparison(f"rollout.run, {name}", name, getattr(rollouts, name), f[name], 0)
    yield Comparison("rollout.run, reward", "reward", rollouts.reward, f["reward"], CLOSE)
    for name, ours in (
        ("TD_error_abs", values.td_error_abs),
        ("TD_error", values.td_error),
        ("value_est", values.value),
    ):
        yield Comparison("rollout.judge", name, ours, f[name], CLOSE)


def check_validation(f: Fixture) -> Iterator[Comparison]:
    """The rows of a performance table, one for each gain."""
    agent = agent_of(f, f.variant.split("_")[1])
    first = Schedule().validate_every - 1
    yield Comparison("Schedule.validate_every", "ordered_episode", first, f["ordered_episode"], 0)
    for row, gain in enumerate(f["tasks"]):
        found = performance(agent, _steered(agent, _without_noise(f, float(gain))), World())
        for name, ours in found.items():
            tolerance = CENTIMETRES if name.startswith("error_distance") else CLOSE
            label = f"{name}, gain {gain:g}"
            yield Comparison("rollout.performance", label, ours, f[name][row], tolerance)


AGENT_FAMILIES: dict[str, Family] = {
    "net": check_net,
    "mirror": check_mirror,
    "target_smoothing": check_target_smoothing,
    "td3": check_td3,
    "rollout": check_rollout,
    "validation": check_validation,
}
