"""The original's training loop as one reads it: one agent, one trial, one step at a time.

Slow and plain. :mod:`mempaper.ritter2018.training` does the same for many agents at once; the tests hold
the two against each other and the benchmarks compare their speed.
"""

from __future__ import annotations

import numpy as np
import torch

from mempaper.memory import EpisodicMemory
from mempaper.ritter2018.model import DNDLSTM, Agent
from mempaper.ritter2018.training import EpochBatch, ReadRule
from mempaper.rl import actor_critic_loss, discounted_returns


def train_epoch(
    network: DNDLSTM,
    optimizer: torch.optim.Optimizer,
    batch: EpochBatch,
    n_unique: int,
    rule: ReadRule,
    gamma: float = 0.0,
) -> np.ndarray:
    """One epoch of one agent.

    Parameters
    ----------
    network : DNDLSTM
        With one member.
    batch : EpochBatch
        Of one member.

    Returns
    -------
    bool ndarray, shape (trial, time)
        Where the sampled action was right.
    """
    if rule.context_key:
        raise ValueError("the original's loop has the whole input as key")
    memory = EpisodicMemory(
        rule.capacity,
        network.cell.hidden_size,
        kernel=rule.kernel,
        recall=rule.recall,
        n_neighbours=rule.n_neighbours,
        tau=rule.tau,
    )
    memory.retrieval = rule.retrieval
    agent = Agent(network, memory, np.random.default_rng(0))
    n_trials, time = batch.x.shape[1:3]
    correct = np.zeros((n_trials, time), bool)
    for trial in range(n_trials):
        h, c = batch.initial[:, :, trial : trial + 1]
        log_probs, values = [], []
        for t in range(time):
            memory.encoding = trial < n_unique and t == time - 1
            step, (h, c) = agent.step(batch.x[0, trial, t], h, c, float(batch.uniform[0, trial, t]))
            correct[trial, t] = step.action == batch.y[0, trial, t]
            log_probs.append(step.log_prob)
            values.append(step.value)
        returns = discounted_returns(torch.as_tensor(correct[trial], dtype=torch.float32), gamma)
        loss = actor_critic_loss(torch.stack(log_probs), torch.stack(values), returns)
        optimizer.zero_grad()
        (loss.policy + loss.value).backward()
        optimizer.step()
    return correct
