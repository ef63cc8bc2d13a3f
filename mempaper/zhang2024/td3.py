"""TD3 on whole trials (section 6): targets, smoothing, mirroring and the update of both networks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mempaper.checkpoint import flat, part_of
from mempaper.zhang2024.networks import Actor, Critic

SMOOTHING_STD, SMOOTHING_CLIP = 0.05, 0.1
SATURATION = 1.5  # pre-activations beyond this are penalised, where a penalty is asked for
OptimizerName = Literal["adam", "radam"]
OPTIMIZERS: dict[OptimizerName, Callable[..., torch.optim.Optimizer]] = {
    "adam": partial(torch.optim.Adam, fused=True),
    "radam": torch.optim.RAdam,
}
MIRRORED_INPUTS = (1, 3, 4)  # angular velocity, angular action, target x
MIRRORED_BELIEF = (0, 4, 6, 9)  # x, angular velocity, covariances of y with x and with heading


@dataclass(frozen=True)
class Batch:
    """Trials, or single transitions, for one update; time first.

    Attributes
    ----------
    states : Tensor, shape (time, trial, 6)
        What the critic sees; for the EKF agent beliefs (time, trial, 13).
    actions : Tensor, shape (time, trial, 2)
        Executed.
    rewards : Tensor, shape (time, trial, 1)
    done : Tensor, shape (time, trial, 1)
        1 at a trial's last step.
    valid : Tensor, shape (time, trial, 1), optional
        1 up to a trial's last step; None where all trials are of one length.
    beliefs : Tensor, shape (time, trial, 13), optional
        What the actor sees where it is not ``states``.
    next_states : Tensor, shape (time, trial, 13), optional
        Of transitions; by default each state is followed by the next in time.
    final_reward, steps_left : Tensor, shape (trial, 1), optional
        Of transitions: the reward at the end of their trial, and in how many steps it comes.
    """

    states: Tensor
    actions: Tensor
    rewards: Tensor
    done: Tensor
    valid: Tensor | None = None
    beliefs: Tensor | None = None
    next_states: Tensor | None = None
    final_reward: Tensor | None = None
    steps_left: Tensor | None = None

    def __post_init__(self) -> None:
        expected = self.states.shape[:-1]
        for name, part in vars(self).items():
            if part is not None and part.shape[:-1] != expected:
                raise ValueError(
                    f"{name} has shape {tuple(part.shape)}, but states have {tuple(self.states.shape)}: "
                    "the trials of a batch have one length"
                )

    def to(self, device: str | torch.device) -> Batch:
        """The same batch on another device."""
        given = {name: part for name, part in vars(self).items() if part is not None}
        return replace(self, **{name: part.to(device) for name, part in given.items()})

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the valid steps of ``values`` (time, trial, ...)."""
        if self.valid is None:
            return values.mean()
        return (values * self.valid).sum() / (self.valid.sum() * values[0, 0].numel())


def smooth(
    action: Tensor,
    noise: Tensor,
    threshold: float = 0.1,
    clip: float = SMOOTHING_CLIP,
) -> Tensor:
    """Target actions with smoothing noise that makes no stop a move, nor a move a stop (section 6.3).

    Parameters
    ----------
    action, noise : Tensor, shape (..., 2)
    threshold : float
        Of a stop; entries that are exactly at it stay unchanged.
    clip : float
        Limit of the noise, in moves.
    """
    theta = torch.tensor(threshold, dtype=action.dtype, device=action.device)
    limited = action + noise.clamp(-clip, clip)
    forward = torch.clamp(limited, theta, torch.ones_like(theta))
    backward = torch.clamp(limited, -torch.ones_like(theta), -theta)
    small = limited.clamp(-1, 1)
    moved = torch.where(action > theta, forward, torch.where(action < -theta, backward, small))
    moved = torch.where(action.abs() == theta, action, moved)
    stop = action.abs().amax(-1, keepdim=True) < theta
    return torch.where(stop, torch.clamp(action + noise, -theta, theta), moved)


def _reflect(values: Tensor, entries: tuple[int, ...]) -> Tensor:
    sign = torch.ones(values.shape[-1], device=values.device)
    sign[list(entries)] = -1
    return values * sign


def mirror_states(states: Tensor) -> Tensor:
    """Network inputs (..., 6) reflected at the y axis."""
    return _reflect(states, MIRRORED_INPUTS)


def mirror_actions(actions: Tensor) -> Tensor:
    """Actions (..., 2) reflected at the y axis."""
    return _reflect(actions, (1,))


def mirror_beliefs(beliefs: Tensor) -> Tensor:
    """Belief vectors (..., 13) reflected at the y axis; the heading becomes pi minus it."""
    reflected = _reflect(beliefs, MIRRORED_BELIEF)
    heading = torch.pi - beliefs[..., 2:3]
    return torch.cat([reflected[..., :2], heading, reflected[..., 3:]], -1)


def lambda_returns(rewards: Tensor, done: Tensor, q_next: Tensor, gamma: float, lam: float) -> Tensor:
    """y_t = r_t + gamma (1 - done_t) [(1 - lambda) Q'_{t+1} + lambda y_{t+1}], backwards in time.

    Parameters
    ----------
    rewards, done : Tensor, shape (time, trial, 1)
    q_next : Tensor, shape (time, trial, 1)
        Value of the state that follows each step; not used where done.
    """
    going_on = gamma * (1 - done)
    if lam == 0:
        return rewards + going_on * q_next
    following = rewards + going_on * (1 - lam) * q_next
    y = torch.empty_like(rewards)
    y_next = torch.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, -1, -1):
        y_next = following[t] + going_on[t] * lam * y_next
        y[t] = y_next
    return y


@dataclass
class Rates:
    """What may change while an agent learns.

    Attributes
    ----------
    actor, critic : float
        Learning rates of Adam.
    tau : float
        How fast target networks follow.
    lam : float
        Of the lambda-returns; 0 gives one-step targets.
    saturation : float
        Weight of the penalty on pre-activations beyond 1.5.
    """

    actor: float = 3e-4
    critic: float = 3e-4
    tau: float = 0.005
    lam: float = 0.0
    saturation: float = 0.0


class Learner:
    """Actor, critic, their targets and optimisers.

    Parameters
    ----------
    actor, critic : Actor, Critic
    gamma : float
    policy_every : int
        Updates of the critic per update of the actor and of the targets.
    optimizer : {'adam', 'radam'}
    eps : float
        Of the optimiser.
    smoothing_std : float
    stop_action : float
    generator : torch.Generator
        Of the smoothing noise.
    """

    def __init__(
        self,
        actor: Actor,
        critic: Critic,
        generator: torch.Generator,
        *,
        gamma: float = 0.97,
        policy_every: int = 2,
        optimizer: OptimizerName = "adam",
        eps: float = 1.5e-4,
        smoothing_std: float = SMOOTHING_STD,
        smoothing_clip: float = SMOOTHING_CLIP,
        stop_action: float = 0.1,
    ) -> None:
        self.actor, self.critic, self.generator = actor, critic, generator
        self.target_actor, self.target_critic = copy.deepcopy(actor), copy.deepcopy(critic)
        _freeze(self._targets(), True)
        self.gamma, self.policy_every, self.stop_action = gamma, policy_every, stop_action
        self.smoothing_std, self.smoothing_clip = smoothing_std, smoothing_clip
        self.actor_optimizer, self.critic_optimizer = (
            OPTIMIZERS[optimizer](network.parameters(), eps=eps) for network in (actor, critic)
        )
        self.updates = 0

    def _targets(self) -> list[Tensor]:
        return [*self.target_actor.parameters(), *self.target_critic.parameters()]

    @torch.no_grad()
    def targets(self, batch: Batch, lam: float) -> Tensor:
        """What the critics learn, (time, trial, 1)."""
        seen = batch.states if batch.beliefs is None else batch.beliefs
        if batch.next_states is not None:
            action = self._smoothed(self.target_actor(batch.next_states)[0])
            q1, q2 = self.target_critic(batch.next_states, action)
            one_step = lambda_returns(batch.rewards, batch.done, torch.minimum(q1, q2), self.gamma, 0.0)
            if batch.final_reward is None or batch.steps_left is None:
                return one_step
            return lam * self.gamma**batch.steps_left * batch.final_reward + (1 - lam) * one_step
        # one pass: the stored first action, then the target actor's own, as in the original's two
        action = self._smoothed(self.target_actor(seen)[0])
        action = torch.cat([batch.actions[:1], action[1:]])
        q1, q2 = self.target_critic(batch.states, action)
        q = torch.minimum(q1, q2)
        following = torch.cat([q[1:], torch.zeros_like(q[:1])])
        return lambda_returns(batch.rewards, batch.done, following, self.gamma, lam)

    def _smoothed(self, action: Tensor) -> Tensor:
        noise = torch.randn(action.shape, generator=self.generator).to(action.device)
        return smooth(action, self.smoothing_std * noise, self.stop_action, self.smoothing_clip)

    def update(self, batch: Batch, rates: Rates, *, learn_actor: bool = True) -> tuple[float, float]:
        """One update; returns the losses of critic and actor (0 where the actor did not learn)."""
        y = self.targets(batch, rates.lam)
        q1, q2 = self.critic(batch.states, batch.actions)
        loss = batch.mean((q1 - y).square()) + batch.mean((q2 - y).square())
        self.critic_optimizer.zero_grad()
        loss.backward()
        _set_rate(self.critic_optimizer, rates.critic)
        self.critic_optimizer.step()
        actor_loss = 0.0
        if self.updates % self.policy_every == 0:
            if learn_actor:
                actor_loss = self._update_actor(batch, rates)
            online: list[Tensor] = [*self.actor.parameters(), *self.critic.parameters()]
            with torch.no_grad():
                torch._foreach_lerp_(self._targets(), online, rates.tau)
        self.updates += 1
        return float(loss.detach()), actor_loss

    def _update_actor(self, batch: Batch, rates: Rates) -> float:
        seen = batch.states if batch.beliefs is None else batch.beliefs
        u, _ = self.actor.preactivation(seen)
        _freeze(self.critic.parameters(), True)
        loss = -batch.mean(self.critic.value(batch.states, torch.tanh(u)))
        if rates.saturation:
            beyond = F.relu(u.abs() - SATURATION).square()
            loss = loss + rates.saturation * batch.mean(beyond)
        self.actor_optimizer.zero_grad()
        loss.backward()
        _freeze(self.critic.parameters(), False)
        _set_rate(self.actor_optimizer, rates.actor)
        self.actor_optimizer.step()
        return float(loss.detach())

    def state(self) -> dict[str, Tensor]:
        """Networks, targets, moments and the number of updates, flat."""
        networks = ("actor", "critic", "target_actor", "target_critic")
        state = flat({name: getattr(self, name).state_dict() for name in networks})
        state["updates"] = torch.tensor(self.updates)
        for name in ("actor", "critic"):
            optimizer: torch.optim.Optimizer = getattr(self, f"{name}_optimizer")
            for index, slots in optimizer.state_dict()["state"].items():
                state |= {f"{name}_optimizer/{index}/{slot}": v for slot, v in slots.items()}
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put what :meth:`state` gave back in place."""
        self.updates = int(state["updates"])
        for name in ("actor", "critic", "target_actor", "target_critic"):
            getattr(self, name).load_state_dict(part_of(state, name))
        for name in ("actor", "critic"):
            optimizer: torch.optim.Optimizer = getattr(self, f"{name}_optimizer")
            slots: dict[int, dict[str, Tensor]] = {}
            for key, tensor in part_of(state, f"{name}_optimizer").items():
                index, slot = key.split("/")
                slots.setdefault(int(index), {})[slot] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": slots, "param_groups": groups})


def _freeze(parameters: Iterable[Tensor], frozen: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(not frozen)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
