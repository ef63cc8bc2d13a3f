"""Memories of trials and of transitions, from which batches are drawn (section 6.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mempaper.zhang2024.belief import BELIEF_SIZE
from mempaper.zhang2024.networks import ACTIONS, INPUTS
from mempaper.zhang2024.rollout import Explore, Rollouts
from mempaper.zhang2024.td3 import Batch, mirror_actions, mirror_beliefs, mirror_states
from mempaper.zhang2024.world import World

QUARTERS = 4  # of a length-sorted draw, of which one is used


@dataclass(frozen=True)
class Hindsight:
    """Which new targets a stopped trial may be given: near its end, and such as might be drawn.

    Attributes
    ----------
    nearest, farthest : float
        Distance of the new target from the start, units.
    widest : float
        Angle from straight ahead, rad.
    """

    nearest: float = 80 / 400
    farthest: float = 420 / 400
    widest: float = math.radians(40)

    def allows(self, target: Tensor) -> Tensor:
        """Mask of targets (trial, 2) that are within the limits."""
        distance = target.norm(dim=1)
        angle = torch.atan2(target[:, 0], target[:, 1]).abs()
        return (self.nearest < distance) & (distance < self.farthest) & (angle < self.widest)


class TrialMemory:
    """Ring buffer of whole trials, padded to the longest trial; batches come sorted by length.

    Parameters
    ----------
    capacity : int
    world : World
    beliefs : bool
        Whether the actor is given beliefs, which are then kept too.
    critic_sees_belief : bool
    protected : int
        The first so many trials are never overwritten.
    hindsight : Hindsight
    """

    def __init__(
        self,
        capacity: int,
        world: World,
        *,
        beliefs: bool = False,
        critic_sees_belief: bool = False,
        protected: int = 0,
        hindsight: Hindsight | None = None,
    ) -> None:
        if not 0 <= protected < capacity:
            raise ValueError(f"protected {protected} is not within 0 and capacity {capacity}")
        self.world, self.capacity, self.protected = world, capacity, protected
        self.critic_sees_belief = critic_sees_belief
        self.hindsight = hindsight or Hindsight()
        steps = world.n_steps
        self.arrays = {
            "states": torch.zeros(capacity, steps, INPUTS),
            "actions": torch.zeros(capacity, steps, ACTIONS),
            "length": torch.zeros(capacity, dtype=torch.long),
            "stopped": torch.zeros(capacity, dtype=torch.bool),
            "reward": torch.zeros(capacity),
            "end": torch.zeros(capacity, 2),
            "target": torch.zeros(capacity, 2),
            "radius": torch.zeros(capacity),
            "box": torch.zeros(capacity),
        }
        if beliefs:
            self.arrays["beliefs"] = torch.zeros(capacity, steps, BELIEF_SIZE)
        self.size, self.place = 0, 0

    def push(self, rollouts: Rollouts, box: float) -> None:
        """Keep trials, which ended in a stop box of half-width ``box``.

        Raises
        ------
        ValueError
            The trials do not fit in at once.
        """
        n = len(rollouts)
        room = self.capacity - (self.protected if self.place else 0)
        if n > room:
            raise ValueError(f"{n} trials do not fit at once into a memory with room for {room}")
        ring = torch.arange(self.place, self.place + n)
        over = ring >= self.capacity
        ring[over] = self.protected + (ring[over] - self.capacity) % (self.capacity - self.protected)
        self.place = int(ring[-1]) + 1
        self.size = min(self.capacity, max(self.size, int(ring.max()) + 1))
        new = {
            "states": rollouts.states,
            "actions": rollouts.actions,
            "length": rollouts.length,
            "stopped": rollouts.stopped,
            "reward": rollouts.reward,
            "end": rollouts.end,
            "target": rollouts.trials.target,
            "radius": rollouts.trials.radius,
            "box": torch.full((n,), box),
        }
        if rollouts.beliefs is not None:
            new["beliefs"] = rollouts.beliefs
        for name, array in self.arrays.items():
            array[ring] = new[name].to(array)

    def sample(
        self,
        batch_size: int,
        generator: torch.Generator,
        *,
        hindsight: float,
        box: float | None = None,
        device: str | torch.device = "cpu",
    ) -> Batch:
        """A batch of trials of similar length, each mirrored with probability one half.

        Parameters
        ----------
        hindsight : float
            Probability with which a trial that ended by a stop is given a target near its end.
        box : float, optional
            Stop box of now, into which the stops of trials with a larger one are shrunk.

        Raises
        ------
        ValueError
            The memory is empty.
        """
        drawn = self._draw(QUARTERS * batch_size, generator)
        order = drawn[torch.argsort(self.arrays["length"][drawn])]
        quarter = int(torch.randint(QUARTERS, (1,), generator=generator))
        index = order[quarter * batch_size : (quarter + 1) * batch_size]
        part = self._taken(index, hindsight, box, generator)
        most = part["states"].shape[1]
        steps = torch.arange(most)[:, None]
        done = (steps == part["length"] - 1).float()[:, :, None]
        valid = (steps < part["length"]).float()[:, :, None]
        beliefs = part["beliefs"].transpose(0, 1).contiguous() if "beliefs" in part else None
        states = part["states"].transpose(0, 1).contiguous()
        if self.critic_sees_belief:
            assert beliefs is not None
            states, beliefs = beliefs, None
        return Batch(
            states.to(device),
            part["actions"].transpose(0, 1).contiguous().to(device),
            (part["reward"][:, None] * done).to(device),
            done.to(device),
            valid.to(device),
            None if beliefs is None else beliefs.to(device),
        )

    def transitions(
        self,
        batch_size: int,
        generator: torch.Generator,
        *,
        hindsight: float,
        box: float | None = None,
        device: str | torch.device = "cpu",
    ) -> Batch:
        """Single transitions of the EKF agent, each of a trial drawn by itself; see :meth:`sample`.

        Raises
        ------
        ValueError
            The memory holds fewer trials than are asked for, or no beliefs.
        """
        if "beliefs" not in self.arrays:
            raise ValueError("the memory keeps no beliefs: transitions are the EKF agent's")
        if 0 < self.size < batch_size:
            raise ValueError(
                f"the memory holds {self.size} trials, fewer than the {batch_size} asked for"
            )
        index = self._draw(batch_size, generator)
        part = self._taken(index, hindsight, box, generator)
        u = torch.rand(batch_size, generator=generator)
        t = (u * part["length"]).long()
        last = part["length"] - 1
        each = torch.arange(batch_size)
        beliefs, done = part["beliefs"], (t == last).float()[:, None]
        reward = part["reward"][:, None]
        return Batch(
            beliefs[each, t].to(device),
            part["actions"][each, t].to(device),
            (reward * done).to(device),
            done.to(device),
            next_states=beliefs[each, (t + 1).clamp(max=beliefs.shape[1] - 1)].to(device),
            final_reward=reward.to(device),
            steps_left=(last - t)[:, None].to(device),
        )

    def _draw(self, n: int, generator: torch.Generator) -> Tensor:
        if self.size == 0:
            raise ValueError("the memory is empty: nothing can be drawn from it")
        return torch.randint(self.size, (n,), generator=generator)

    def _taken(
        self, index: Tensor, hindsight: float, box: float | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Arrays of some trials, cut to the longest, with new targets, shrunk stops and mirrored."""
        part = {name: array[index] for name, array in self.arrays.items()}
        most, n = int(part["length"].max()), len(index)
        for name in ("states", "actions", "beliefs"):
            if name in part:
                part[name] = part[name][:, :most]
        self._retarget(part, hindsight, generator)
        if box is not None:
            last = torch.arange(n), part["length"] - 1
            shrunk = (box / part["box"]).clamp(max=1) * part["stopped"] + ~part["stopped"]
            part["actions"][last] = part["actions"][last] * shrunk[:, None]
        flip = torch.rand(n, generator=generator) < 0.5
        mirrors = {"states": mirror_states, "actions": mirror_actions, "beliefs": mirror_beliefs}
        for name, mirror in mirrors.items():
            if name in part:
                part[name] = torch.where(flip[:, None, None], mirror(part[name]), part[name])
        return part

    def _retarget(self, part: dict[str, Tensor], p: float, generator: torch.Generator) -> None:
        """Hindsight targets in place; exact, because the motion does not depend on the target."""
        n = len(part["length"])
        u = torch.rand(n, 3, generator=generator)
        angle = 2 * math.pi * u[:, 0]
        offset = torch.stack([angle.cos(), angle.sin()], 1) * u[:, 1:2].sqrt()
        target = part["end"] + part["radius"][:, None] * offset
        new = (u[:, 2] < p) & part["stopped"] & self.hindsight.allows(target)
        if not new.any():
            return
        target = torch.where(new[:, None], target, part["target"])
        shown = part["states"].shape[1] if self.world.target_fullon else self.world.target_off + 1
        visible = torch.arange(part["states"].shape[1]) < torch.clamp(part["length"], max=shown)[:, None]
        part["states"][:, :, 4:] = torch.where(
            (new[:, None] & visible)[:, :, None], target[:, None], part["states"][:, :, 4:]
        )
        if "beliefs" in part:
            shift = (part["target"] - target)[:, None]
            part["beliefs"][:, :, :2] += shift
        distance = (part["end"] - target).norm(dim=1)
        reward = self.world.reward(distance, part["radius"])
        part["reward"] = torch.where(new, reward, part["reward"])

    def state(self) -> dict[str, Tensor]:
        """What :meth:`restore` needs, flat."""
        kept = {name: array[: self.size] for name, array in self.arrays.items()}
        return {**kept, "place": torch.tensor(self.place)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put what :meth:`state` gave back in place."""
        self.place, self.size = int(state["place"]), len(state["length"])
        for name, array in self.arrays.items():
            array[: self.size] = state[name]


def random_policy(n: int, world: World, generator: torch.Generator) -> Tensor:
    """Actions (trial, step, 2) that persist: a random walk, then from a random step on a stop.

    The linear action starts uniform in [0, 1], the angular one in [-.6, .6]; each step adds a normal
    number with standard deviation .15; the stop is uniform in the stop box.

    Raises
    ------
    ValueError
        Trials of three steps or fewer leave no step for a stop.
    """
    steps = world.n_steps
    if steps <= 3:
        raise ValueError(f"trials of {steps} steps are too short: a random stop comes after the third")
    walk = 0.15 * torch.randn(steps, n, 2, generator=generator)
    u = torch.rand(n, 2, generator=generator)
    action = torch.stack([u[:, 0], 1.2 * u[:, 1] - 0.6], 1)
    actions = []
    for t in range(steps):
        action = (action + walk[t]).clamp(-1, 1) if t else action
        actions.append(action)
    stop = (2 * torch.rand(n, steps, 2, generator=generator) - 1) * world.stop_action
    first = torch.randint(3, steps, (n,), generator=generator)
    stopping = torch.arange(steps) >= first[:, None]
    return torch.where(stopping[:, :, None], stop, torch.stack(actions, 1))


@dataclass(frozen=True)
class Exploration:
    """How actions are disturbed while trials are collected, each trial by itself.

    Attributes
    ----------
    std : Tensor, shape (trial,)
        Of the noise on actions.
    always : float
        Probability per step that noise is added to an intended stop too.
    forced_stop : float
        Probability per step, after the third, of a stop whatever the actor wants.
    box : float
        Half-width of the stop box.
    generator : torch.Generator
    """

    std: Tensor
    always: float
    forced_stop: float
    box: float
    generator: torch.Generator

    def __call__(self, raw: Tensor, t: int, index: Tensor) -> tuple[Tensor, Tensor]:
        """Executed action, and what the actor wanted."""
        n = len(self.std)
        normal = torch.randn(n, 2, generator=self.generator)
        u = torch.rand(n, 4, generator=self.generator)
        normal, u, std = (a.to(raw.device)[index] for a in (normal, u, self.std))
        moving = (raw.abs() > self.box).any(1) | (u[:, 0] < self.always)
        action = (raw + normal * (std * moving)[:, None]).clamp(-1, 1)
        stop = self.box * (2 * u[:, 2:] - 1)
        forced = (u[:, 1] < self.forced_stop) & (t > 2)
        return torch.where(forced[:, None], stop, action), raw


def scripted(actions: Tensor) -> Explore:
    """An ``explore`` that executes given actions (trial, step, 2), whatever the actor wants."""

    def explore(raw: Tensor, t: int, index: Tensor) -> tuple[Tensor, Tensor]:
        action = actions[index.to(actions.device), t].to(raw)
        return action, action

    return explore
