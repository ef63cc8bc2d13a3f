"""Training and frozen evaluation on the contextual choice task, all members in one tensor program.

Protocol of the original code: one Adam update per trial, memory emptied at the start of an epoch,
retrieval on at every step, one write per first-encounter trial, at its last step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint, restore_training, training_state
from mempaper.ensemble import member_generators
from mempaper.memory import Kernel, Recall, recall_weights
from mempaper.progress import Report, silent
from mempaper.ritter2018.model import DNDLSTM
from mempaper.ritter2018.task import ContextualChoice
from mempaper.rl import (
    actor_critic_loss,
    chosen_log_prob,
    discounted_returns,
    sample_actions,
)

INITIAL_STATE_SD = 0.1
WEIGHTS_STREAM, TRAINING_STREAM, EVALUATION_STREAM = 0, 1, 2  # of each member's seed


@dataclass(frozen=True)
class ReadRule:
    """How the memory is read: kernel, rule, and what serves as key.

    Parameters
    ----------
    kernel : {'l2', 'l1', 'cosine'}
    recall : {'1nn', 'softmax', 'inverse'}
    n_neighbours : int, optional
    tau : float
    context_key : bool
        Key and query are the context alone instead of the whole input.
    retrieval : bool
        False reads zeros always: a plain LSTM.
    capacity : int
        Entries the memory holds; one more drops the oldest.
    """

    kernel: Kernel = "l2"
    recall: Recall = "1nn"
    n_neighbours: int | None = None
    tau: float = 1.0
    context_key: bool = False
    retrieval: bool = True
    capacity: int = 100


@dataclass(frozen=True)
class EpochBatch:
    """One epoch of every member, with all random numbers drawn ahead.

    Attributes
    ----------
    x : Tensor, shape (member, trial, time, input)
    y : int64 Tensor, shape (member, trial, time)
    source : int64 Tensor, shape (member, n_unique)
    initial : Tensor, shape (2, member, trial, unit)
        ``h_0`` and ``c_0`` of every trial.
    uniform : Tensor, shape (member, trial, time)
        Decides the sampled actions.
    """

    x: Tensor
    y: Tensor
    source: Tensor
    initial: Tensor
    uniform: Tensor

    @classmethod
    def sample(
        cls,
        task: ContextualChoice,
        generators: list[np.random.Generator],
        hidden_size: int,
        device: str = "cpu",
    ) -> EpochBatch:
        """Draw one epoch per generator."""
        n_trials, time = 2 * task.n_unique, task.trial_length
        epochs, initial, uniform = [], [], []
        for rng in generators:
            epochs.append(task.sample_epoch(rng))
            initial.append(rng.normal(0.0, INITIAL_STATE_SD, (2, n_trials, hidden_size)))
            uniform.append(rng.random((n_trials, time)))

        def stacked(arrays: list[np.ndarray], dtype: torch.dtype, axis: int = 0) -> Tensor:
            return torch.as_tensor(np.stack(arrays, axis), dtype=dtype, device=device)

        return cls(
            x=stacked([e.x for e in epochs], torch.float32),
            y=stacked([e.y for e in epochs], torch.int64),
            source=stacked([e.source for e in epochs], torch.int64),
            initial=stacked(initial, torch.float32, axis=1),
            uniform=stacked(uniform, torch.float32),
        )


def epoch_recall_weights(x: Tensor, n_unique: int, rule: ReadRule) -> Tensor:
    """How each step of an epoch weighs the epoch's memories, for all trials at once.

    Within an epoch all keys and queries are inputs, so every search can be made before the first
    step: entry ``i`` is what first-encounter trial ``i`` writes at its last step, and trial ``j``
    sees the entries written before it, the last ``capacity`` of them.

    Parameters
    ----------
    x : Tensor, shape (member, trial, time, input)
    n_unique : int
    rule : ReadRule

    Returns
    -------
    Tensor, shape (member, trial, time, n_unique)
        Rows sum to one, or to zero where the memory is still empty.
    """
    n_members, n_trials, time, width = x.shape
    if rule.context_key:
        x = x[..., width // 2 :]
    written = torch.arange(n_trials, device=x.device).clamp(max=n_unique)
    entry = torch.arange(n_unique, device=x.device)
    stored = (entry < written[:, None]) & (entry >= written[:, None] - rule.capacity)
    weights = recall_weights(
        x.reshape(n_members, n_trials * time, -1),
        x[:, :n_unique, -1],
        kernel=rule.kernel,
        recall=rule.recall,
        n_neighbours=rule.n_neighbours,
        tau=rule.tau,
        stored=stored.repeat_interleave(time, dim=0),
    )
    return weights.view(n_members, n_trials, time, n_unique)


@dataclass(frozen=True)
class TrainingSettings:
    """Hyper-parameters of the original code.

    Parameters
    ----------
    n_epochs : int
    hidden_size : int
    learning_rate : float
        Of Adam.
    gamma : float
        Discount; 0 leaves the immediate reward, the original's default.
    n_evaluation : int
        Fresh epochs for the frozen evaluation after training.
    """

    n_epochs: int = 20
    hidden_size: int = 32
    learning_rate: float = 5e-4
    gamma: float = 0.0
    n_evaluation: int = 6


def new_agents(task: ContextualChoice, settings: TrainingSettings, seed: int, n_seeds: int) -> DNDLSTM:
    """An ensemble of untrained agents with orthogonal weights and zero biases."""
    generators = member_generators(seed, n_seeds, WEIGHTS_STREAM)
    return DNDLSTM(generators, task.input_size, settings.hidden_size, n_actions=2)


def train(
    task: ContextualChoice,
    rule: ReadRule,
    settings: TrainingSettings,
    seed: int,
    n_seeds: int,
    *,
    device: str = "cpu",
    resume: ResumePoint | None = None,
    report: Report = silent,
) -> dict[str, np.ndarray]:
    """Train ``n_seeds`` agents and evaluate them with frozen weights.

    Returns
    -------
    dict of ndarray
        ``correct`` (seed, epoch, trial, time) int8, the sampled action was right; ``value_loss``
        and ``policy_loss`` (seed, epoch), per trial; ``keys`` (seed, n_unique, input), ``values``
        (seed, n_unique, unit) and ``labels`` (seed, n_unique), the memory at the end of training;
        ``p_correct`` and ``p_correct_off`` (seed, evaluation epoch, trial, time), probability of
        the right action with frozen weights, memory on and off; ``weights/...``.
    """
    resume = resume or ResumePoint()
    agents = new_agents(task, settings, seed, n_seeds).to(device)
    optimizer = torch.optim.Adam(agents.parameters(), lr=settings.learning_rate, foreach=True)
    n, n_trials, hidden = task.n_unique, 2 * task.n_unique, settings.hidden_size
    per_epoch = (n_seeds, settings.n_epochs)
    logs: dict[str, np.ndarray] = {
        "correct": np.zeros((*per_epoch, n_trials, task.trial_length), np.int8),
        "value_loss": np.zeros(per_epoch, np.float32),
        "policy_loss": np.zeros(per_epoch, np.float32),
        "keys": np.zeros((n_seeds, n, task.input_size), np.float32),
        "values": np.zeros((n_seeds, n, hidden), np.float32),
        "labels": np.zeros((n_seeds, n), np.int64),
    }
    state = resume.load()
    first = 0 if state is None else restore_training(state, agents, optimizer, logs)
    for epoch in range(first, settings.n_epochs):
        generators = member_generators(seed, n_seeds, TRAINING_STREAM, epoch)
        batch = EpochBatch.sample(task, generators, hidden, device)
        outcome = train_epoch(agents, optimizer, batch, n, rule, settings.gamma)
        logs["correct"][:, epoch] = outcome.correct.cpu().numpy()
        logs["value_loss"][:, epoch] = outcome.value_loss.mean(1).cpu().numpy()
        logs["policy_loss"][:, epoch] = outcome.policy_loss.mean(1).cpu().numpy()
        logs["keys"][...] = batch.x[:, :n, -1].cpu().numpy()
        logs["values"][...] = outcome.values.cpu().numpy()
        logs["labels"][...] = batch.y[:, :n, 0].cpu().numpy()
        if not np.isfinite(logs["value_loss"][:, epoch]).all():
            raise FloatingPointError(f"training diverged in epoch {epoch}; lower learning_rate")
        report(epoch + 1, settings.n_epochs)
        if resume.due():
            resume.save(training_state(agents, optimizer, logs, epoch + 1))
    weights = {f"weights/{k}": v.cpu().numpy() for k, v in agents.state_dict().items()}
    frozen = evaluate(agents, task, rule, seed, n_epochs=settings.n_evaluation, device=device)
    return logs | frozen | weights


@dataclass(frozen=True)
class EpochOutcome:
    """What one training epoch gave.

    Attributes
    ----------
    correct : bool Tensor, shape (member, trial, time)
    value_loss, policy_loss : Tensor, shape (member, trial)
    values : Tensor, shape (member, n_unique, unit)
        The memory's values at the end.
    """

    correct: Tensor
    value_loss: Tensor
    policy_loss: Tensor
    values: Tensor


def train_epoch(
    agents: DNDLSTM,
    optimizer: torch.optim.Optimizer,
    batch: EpochBatch,
    n_unique: int,
    rule: ReadRule,
    gamma: float = 0.0,
) -> EpochOutcome:
    """One epoch: for each trial recall, run, act, update the weights, and maybe write."""
    n_members, n_trials = batch.x.shape[:2]
    values = batch.x.new_zeros(n_members, n_unique, agents.cell.hidden_size)
    weights = epoch_recall_weights(batch.x, n_unique, rule) if rule.retrieval else None
    correct = torch.empty_like(batch.y, dtype=torch.bool)
    value_loss = batch.x.new_empty(n_members, n_trials)
    policy_loss = torch.empty_like(value_loss)
    for trial in range(n_trials):
        now = slice(trial, trial + 1)
        recalled = None if weights is None else torch.tanh(weights[:, trial] @ values)[:, None]
        h0, c0 = batch.initial[:, :, now]
        hidden, cell = agents.cell.unroll(batch.x[:, now], h0, c0, recalled)
        policy, value = agents.heads(hidden[:, 0])  # (member, time, action), (member, time)
        actions = sample_actions(policy, batch.uniform[:, trial])
        right = actions == batch.y[:, trial]
        returns = discounted_returns(right.to(value.dtype), gamma)
        loss = actor_critic_loss(chosen_log_prob(policy, actions), value, returns)
        optimizer.zero_grad()
        (loss.policy.sum() + loss.value.sum()).backward()
        optimizer.step()
        if trial < n_unique:
            values[:, trial] = cell[:, 0, -1].detach()
        correct[:, trial] = right
        policy_loss[:, trial], value_loss[:, trial] = loss.policy.detach(), loss.value.detach()
    return EpochOutcome(correct, value_loss, policy_loss, values)


@torch.no_grad()
def frozen_epoch(
    agents: DNDLSTM, batch: EpochBatch, n_unique: int, rule: ReadRule
) -> tuple[Tensor, Tensor]:
    """One epoch with fixed weights.

    First encounters run in order, because each may recall what the ones before it stored; second
    encounters only read, so they run all at once.

    Returns
    -------
    p_correct : Tensor, shape (member, trial, time)
        Probability of the correct action.
    values : Tensor, shape (member, n_unique, unit)
        What the memory holds at the end.
    """
    n_members, n_trials, time, _ = batch.x.shape
    values = batch.x.new_zeros(n_members, n_unique, agents.cell.hidden_size)
    weights = epoch_recall_weights(batch.x, n_unique, rule) if rule.retrieval else None
    p_correct = batch.x.new_empty(n_members, n_trials, time)
    blocks = [slice(j, j + 1) for j in range(n_unique)] + [slice(n_unique, n_trials)]
    for block in blocks:
        recalled = None
        if weights is not None:
            seen = weights[:, block].flatten(1, 2) @ values
            recalled = torch.tanh(seen).unflatten(1, (-1, time))
        h0, c0 = batch.initial[:, :, block]
        hidden, cell = agents.cell.unroll(batch.x[:, block], h0, c0, recalled)
        if block.stop <= n_unique:
            values[:, block] = cell[:, :, -1]
        policy, _ = agents.heads(hidden)
        p_correct[:, block] = policy.gather(-1, batch.y[:, block, :, None]).squeeze(-1)
    return p_correct, values


def evaluate(
    agents: DNDLSTM,
    task: ContextualChoice,
    rule: ReadRule,
    seed: int,
    *,
    n_epochs: int,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Frozen evaluation on fresh epochs with the memory as trained, and with retrieval off."""
    off = ReadRule(retrieval=False)
    found: dict[str, list[Tensor]] = {"p_correct": [], "p_correct_off": []}
    n_members = agents.cell.i2h.weight.shape[0]
    for epoch in range(n_epochs):
        generators = member_generators(seed, n_members, EVALUATION_STREAM, epoch)
        batch = EpochBatch.sample(task, generators, agents.cell.hidden_size, device)
        for name, how in (("p_correct", rule), ("p_correct_off", off)):
            found[name].append(frozen_epoch(agents, batch, task.n_unique, how)[0])
    return {name: torch.stack(parts, 1).cpu().numpy() for name, parts in found.items()}
