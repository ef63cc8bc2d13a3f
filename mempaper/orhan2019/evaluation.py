"""Test of trained networks: information loss on many trials, sequentiality on some."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from mempaper.orhan2019.gated import Networks
from mempaper.orhan2019.observers import ideal_answers, information_loss
from mempaper.orhan2019.sequentiality import Sequentiality, sequentiality
from mempaper.orhan2019.task import DelayTask, Trials

TRIALS_AT_ONCE = int(2e7 // (150 * 500))  # twenty million activities of one of the paper's networks


def respond(network: Networks, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Run trials that all members see.

    Returns
    -------
    activity : float32 array, shape (member, trial, time, unit)
    outputs : float32 array, shape (member, trial, time, output)
    """
    device = network.W_in.device
    x = torch.as_tensor(trials.inputs, device=device)[None]
    mask = None if trials.mask is None else torch.as_tensor(trials.mask, device=device)[None]
    h = network.unroll(x, mask)
    with torch.no_grad():
        return h.cpu().numpy(), network.readout(h).cpu().numpy()


def ideal_for(task: DelayTask, trials: Trials, readout: int) -> tuple[np.ndarray, np.ndarray]:
    """What is asked and what the ideal observer answers, each (trial, output).

    In SINE both are the target at the readout step.
    """
    if task.name == "SINE":
        target = trials.targets[:, -readout].astype(float)
        return target, target
    return trials.stimuli.answer, ideal_answers(task, trials.inputs, trials.stimuli)


def run_test(
    network: Networks,
    task: DelayTask,
    rng: np.random.Generator,
    *,
    readout: int,
    n_trials: int = 10_000,
    n_index: int = 300,
) -> dict[str, np.ndarray]:
    """Information loss and sequentiality of every member, all on the same fresh trials.

    Parameters
    ----------
    network : Networks
    task : DelayTask
    rng : numpy.random.Generator
        Draws the trials.
    readout : int
        Steps before the end of a trial at which the output is read.
    n_trials, n_index : int
        Trials for the information loss, and how many of them, the first, for the index.

    Returns
    -------
    dict of arrays
        ``infloss`` (member,); ``index``, ``entropy``, ``ridge`` and ``n_active`` (member, trial), see
        :class:`Sequentiality`; ``delay`` (trial,), of the trials with an index.
    """
    true, ideal, answers = [], [], []
    activity: list[np.ndarray] = []
    delays: list[np.ndarray] = []
    for start in range(0, n_trials, TRIALS_AT_ONCE):
        trials = task.sample(min(TRIALS_AT_ONCE, n_trials - start), rng)
        h, y = respond(network, trials)
        answers.append(y[:, :, -readout])
        asked, best = ideal_for(task, trials, readout)
        true.append(asked)
        ideal.append(best)
        missing = n_index - sum(part.shape[1] for part in activity)
        if missing > 0:
            activity.append(h[:, :missing])
            delays.append(trials.stimuli.delay[:missing])
    asked, best = np.concatenate(true), np.concatenate(ideal)
    pooled = np.concatenate(answers, 1)
    indices = [sequentiality(member) for member in np.concatenate(activity, 1)]
    return {
        "infloss": np.array([information_loss(task.name, asked, best, one) for one in pooled]),
        **{f.name: np.stack([getattr(i, f.name) for i in indices]) for f in fields(Sequentiality)},
        "delay": np.concatenate(delays),
    }
