"""The episodic two-step task: incremental and episodic learning, model-free and model-based.

Ritter et al. 2018, after Daw et al. 2011 and Vikbladh et al. 2017; switch and transition
probabilities are those of a replication.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from mempaper.memory import one_of
from mempaper.ritter2018.contexts import Draws, Generators, stack_members

ANALYSES = ("uncued", "incremental_cued", "episodic")
SignatureAgent = Literal["incremental_mf", "incremental_mb", "episodic_mf", "episodic_mb"]


@dataclass(frozen=True)
class TwoStepEpoch:
    """One episode of every environment: uncued trials, then as many that each cue one of them.

    Attributes
    ----------
    good_state : int64 Tensor, shape (member, env, trial)
        Second-stage state that pays more.
    common : bool Tensor, shape (member, env, trial)
        Whether the trial's transition is the common one, to the state of the action's own number.
    reward_draws : Tensor, shape (member, env, trial)
        Uniform numbers; a trial pays where its number lies below the state's probability.
    cue_index : int64 Tensor, shape (member, env, trial)
        Uncued trial whose context a cued trial shows; -1 in uncued trials.
    p_good, p_bad : float
        Probability of reward in the good state and in the other.
    states : int64 Tensor, shape (member, env, trial)
    rewards : Tensor, shape (member, env, trial)
        What has happened so far; :meth:`step` fills them in.
    """

    good_state: Tensor
    common: Tensor
    reward_draws: Tensor
    cue_index: Tensor
    p_good: float
    p_bad: float
    states: Tensor = field(init=False)
    rewards: Tensor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", torch.zeros_like(self.good_state))
        object.__setattr__(self, "rewards", torch.zeros_like(self.reward_draws))

    @property
    def n_uncued(self) -> int:
        """Uncued trials: the first half."""
        return self.good_state.shape[-1] // 2

    def cue(self, episode: int) -> Tensor:
        """No input stays the same during an episode: (member, env, 0)."""
        return self.reward_draws[..., :0]

    def start(self, episode: int) -> Tensor:
        """First observation, all zeros: (member, env, 6)."""
        return self.reward_draws.new_zeros(*self.good_state.shape[:2], 6)

    def step(self, episode: int, trial: int, action: Tensor) -> tuple[Tensor, Tensor]:
        """Choose in every environment.

        A cued trial that leads to the second-stage state of the trial it cues pays what that trial
        paid; all other trials pay by the current probabilities.

        Parameters
        ----------
        episode : int
            Always 0.
        trial : int
        action : int64 Tensor of 0 and 1, shape (member, env)

        Returns
        -------
        reward : Tensor, shape (member, env)
        observation : Tensor, shape (member, env, 6)
            One-hot action, one-hot state, reward, and whether the next trial is cued.
        """
        state = torch.where(self.common[..., trial], action, 1 - action)
        p = torch.where(state == self.good_state[..., trial], self.p_good, self.p_bad)
        reward = (self.reward_draws[..., trial] < p).float()
        if trial >= self.n_uncued:
            past = self.cue_index[..., trial].unsqueeze(-1)
            again = state == self.states.gather(-1, past).squeeze(-1)
            reward = torch.where(again, self.rewards.gather(-1, past).squeeze(-1), reward)
        self.states[..., trial] = state
        self.rewards[..., trial] = reward
        one_hot = torch.eye(2, device=action.device)
        cued = torch.full_like(reward, float(trial + 1 >= self.n_uncued))
        last = torch.stack([reward, cued], -1)
        return reward, torch.cat([one_hot[action], one_hot[state], last], -1)


@dataclass(frozen=True)
class TwoStepTask:
    """The episodic two-step task.

    In each trial the action leads to the second-stage state of its own number (common transition)
    or, rarely, to the other; one of the two states pays more, and which one changes now and then.
    In the first half of an episode a fresh context appears with each outcome. In the second half
    each trial shows one of those contexts before the choice: whoever reaches the state of then gets
    the reward of then. Every uncued trial is cued exactly once, in random order (OURS), and the
    good state goes on changing.

    Parameters
    ----------
    n_uncued : int
        Uncued trials, and as many cued ones.
    p_common : float
        Probability of the common transition.
    p_good, p_bad : float
        Probability of reward in the good state and in the other.
    p_switch : float
        Probability that the good state changes before a trial.
    """

    n_uncued: int = 50
    p_common: float = 0.9
    p_good: float = 0.9
    p_bad: float = 0.1
    p_switch: float = 0.1

    n_actions = 2
    n_episodes = 1
    cue_size = 0
    observation_size = 6
    shows_outcome = False

    @property
    def n_steps(self) -> int:
        """Choices per episode, one per trial."""
        return 2 * self.n_uncued

    def _draw(self, rng: np.random.Generator, n_envs: int) -> Draws:
        shape = (n_envs, self.n_steps)
        first = rng.integers(2, size=(n_envs, 1))
        switches = rng.random(shape) < self.p_switch
        uncued = np.tile(np.arange(self.n_uncued), (n_envs, 1))
        return {
            "good_state": (first + switches.cumsum(1)) % 2,
            "common": rng.random(shape) < self.p_common,
            "reward_draws": rng.random(shape, dtype=np.float32),
            "cue_index": np.concatenate([np.full_like(uncued, -1), rng.permuted(uncued, axis=1)], 1),
        }

    def sample(self, generators: Generators, n_envs: int, device: str = "cpu") -> TwoStepEpoch:
        """Draw an episode of ``n_envs`` environments for each member."""
        draws = stack_members([self._draw(rng, n_envs) for rng in generators], device)
        return TwoStepEpoch(**draws, p_good=self.p_good, p_bad=self.p_bad)

    def log_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of what :meth:`measure` gives per member."""
        return {"reward_by_half": (2,), "stay_counts": (len(ANALYSES), 2, 2, 2)}

    def measure(self, epoch: TwoStepEpoch, actions: Tensor, rewards: Tensor) -> dict[str, Tensor]:
        """Mean reward in the uncued and the cued half, and :func:`stay_counts`.

        Parameters
        ----------
        actions, rewards : Tensor, shape (member, env, 1, trial)

        Returns
        -------
        dict
            ``reward_by_half`` (member, half) and ``stay_counts`` (member, analysis, rewarded or
            not, common or not, stays and trials).
        """
        counts = stay_counts(
            actions[:, :, 0].cpu().numpy(),
            epoch.states.cpu().numpy(),
            rewards[:, :, 0].cpu().numpy(),
            epoch.cue_index.cpu().numpy(),
            self.n_uncued,
        )
        halves = rewards.unflatten(-1, (2, self.n_uncued)).mean((1, 2, 4))
        return {"reward_by_half": halves, "stay_counts": torch.as_tensor(counts)}


def stay_counts(
    actions: np.ndarray,
    states: np.ndarray,
    rewards: np.ndarray,
    cue_index: np.ndarray,
    n_uncued: int,
) -> np.ndarray:
    """Count repeated choices by what the earlier trial brought, in three analyses.

    ``uncued``: the choice repeats the previous trial's, both in the uncued half;
    ``incremental_cued``: the same with the choice in the cued half (the previous trial may be the
    last uncued one); ``episodic``: the choice in a cued trial repeats that of the trial it cues.
    The earlier trial is sorted by whether it was rewarded and whether its transition was common.

    Parameters
    ----------
    actions, states, rewards, cue_index : ndarray, shape (..., env, trial)
        A common transition is one where state and action are equal; ``cue_index`` is -1 in uncued
        trials. Environments and trials are pooled.
    n_uncued : int
        Trials before the first cued one.

    Returns
    -------
    ndarray, shape (..., 3, 2, 2, 2)
        Analysis (in the order above), rewarded and unrewarded, common and uncommon, then how often
        the choice was repeated and how often the case occurred.
    """
    before, cued = slice(0, n_uncued - 1), slice(n_uncued, None)
    past = cue_index[..., cued]
    pairs = (
        (actions[..., 1:n_uncued], [x[..., before] for x in (actions, states, rewards)]),
        (actions[..., cued], [x[..., n_uncued - 1 : -1] for x in (actions, states, rewards)]),
        (
            actions[..., cued],
            [np.take_along_axis(x, past, -1) for x in (actions, states, rewards)],
        ),
    )
    counts = np.empty((*actions.shape[:-2], 3, 2, 2, 2))
    for analysis, (choice, (action, state, reward)) in enumerate(pairs):
        stay, rewarded, common = choice == action, reward > 0.5, state == action
        for row, wanted_reward in enumerate((rewarded, ~rewarded)):
            for column, wanted_transition in enumerate((common, ~common)):
                case = wanted_reward & wanted_transition
                counts[..., analysis, row, column, 0] = (case & stay).sum((-2, -1))
                counts[..., analysis, row, column, 1] = case.sum((-2, -1))
    return counts


def stay_probabilities(counts: np.ndarray) -> np.ndarray:
    """Stays over trials of :func:`stay_counts`; not a number where a case never occurred."""
    with np.errstate(invalid="ignore"):
        return counts[..., 0] / counts[..., 1]


def stay_tables(
    actions: np.ndarray,
    states: np.ndarray,
    rewards: np.ndarray,
    cue_index: np.ndarray,
    n_uncued: int,
) -> dict[str, np.ndarray]:
    """Stay probabilities by analysis, each (..., rewarded or not, common or not).

    Parameters are those of :func:`stay_counts`.
    """
    counts = stay_counts(actions, states, rewards, cue_index, n_uncued)
    tables = stay_probabilities(counts)
    return {name: tables[..., n, :, :] for n, name in enumerate(ANALYSES)}


def mb_index(table: np.ndarray) -> np.ndarray:
    """Model-based index ``(RC - RU) - (UC - UU)`` of stay tables (..., rewarded, common)."""
    return (table[..., 0, 0] - table[..., 0, 1]) - (table[..., 1, 0] - table[..., 1, 1])


def mf_index(table: np.ndarray) -> np.ndarray:
    """Model-free index ``mean(RC, RU) - mean(UC, UU)`` of stay tables (..., rewarded, common)."""
    return table[..., 0, :].mean(-1) - table[..., 1, :].mean(-1)


def simulate_signature_agent(
    agent: SignatureAgent,
    task: TwoStepTask,
    rng: np.random.Generator,
    n_envs: int = 2000,
    *,
    learning_rate: float = 0.5,
    inverse_temperature: float = 5.0,
) -> np.ndarray:
    """Simulate a hand-written agent whose stay probabilities show what its strategy looks like.

    OUR definitions. All choose with ``softmax(inverse_temperature Q)``; estimates start at 0.5.
    ``incremental_mf`` moves Q(action) towards the reward. ``incremental_mb`` moves V(state) towards
    it and knows the transitions: ``Q(a) = p_common V(a) + (1 - p_common) V(1 - a)``. The episodic
    agents know nothing but the cued past trial and choose at random without a cue:
    ``episodic_mf`` sets Q(past action) to the past reward, ``episodic_mb`` V(past state).

    Returns
    -------
    ndarray, shape (3, 2, 2, 2)
        See :func:`stay_counts`.
    """
    one_of("agent", agent, SignatureAgent)
    episodic, model_based = agent.startswith("episodic"), agent.endswith("mb")
    epoch = task.sample([rng], n_envs)
    uniform = torch.as_tensor(rng.random((task.n_steps, 1, n_envs), dtype=np.float32))
    estimate = torch.full((1, n_envs, 2), 0.5)  # Q by action, or V by state
    actions = torch.zeros_like(epoch.states)
    for trial in range(task.n_steps):
        if episodic:
            estimate = torch.full_like(estimate, 0.5)
        if episodic and trial >= task.n_uncued:
            past = epoch.cue_index[..., trial].unsqueeze(-1)
            entry = (epoch.states if model_based else actions).gather(-1, past)
            estimate.scatter_(-1, entry, epoch.rewards.gather(-1, past))
        q = estimate
        if model_based:
            q = task.p_common * estimate + (1 - task.p_common) * estimate.flip(-1)
        p_one = torch.sigmoid(inverse_temperature * (q[..., 1] - q[..., 0]))
        action = (uniform[trial] < p_one).long()
        reward, _ = epoch.step(0, trial, action)
        actions[..., trial] = action
        if not episodic:
            entry = (epoch.states[..., trial] if model_based else action).unsqueeze(-1)
            old = estimate.gather(-1, entry)
            estimate.scatter_(-1, entry, old + learning_rate * (reward.unsqueeze(-1) - old))
    a, s, r, cue = (x[0].numpy() for x in (actions, epoch.states, epoch.rewards, epoch.cue_index))
    return stay_counts(a, s, r, cue, task.n_uncued)
