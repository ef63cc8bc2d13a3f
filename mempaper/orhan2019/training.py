"""Training: fresh random trials at every update, several networks in one program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint, part_of, restore_training, training_state
from mempaper.ensemble import clip_grad_norm_per_member, member_generators
from mempaper.orhan2019.evaluation import ideal_for, respond
from mempaper.orhan2019.gated import Networks
from mempaper.orhan2019.learning import (
    ACTIVITY_WEIGHT,
    PENALISED_STEPS,
    TETHERED_WEIGHT,
    activity_penalty,
    task_loss,
    weight_penalty,
)
from mempaper.orhan2019.observers import information_loss
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.task import DelayTask, Trials
from mempaper.parameters import ConfigError
from mempaper.progress import Report, silent

WEIGHTS_STREAM, TRAINING_STREAM, PROBE_STREAM, TEST_STREAM = 0, 1, 2, 3  # of a network's seed
SECOND_STAGE = 4  # training trials of a task that follows another


class DivergedError(RuntimeError):
    """The loss of every network is no longer a finite number; the message names the networks."""


def diverged(names: list[str], at: int, resume: ResumePoint) -> DivergedError:
    """The error that says which networks diverged, what to do, and where their last state is."""
    files = sorted(resume.path.parent.glob(f"{resume.path.name}*")) if resume.path else []
    kept = f" The last good state is in {', '.join(map(str, files))}." if files else ""
    return DivergedError(
        f"Training diverged: the loss is not finite at iteration {at} for {', '.join(names)}. lambda0 + "
        f"sigma0 above 1 makes activity explode; set norm_clip, or take smaller values.{kept}"
    )


@dataclass(frozen=True)
class Schedule:
    """How long and how fast networks learn.

    Attributes
    ----------
    iterations : int
        Updates, each on fresh trials.
    report_every : int
        Updates between two looks at the probe trials, the first before any update.
    batch_size : int
    learning_rate : float
        Of Adam.
    norm_clip : float, optional
        Largest norm of a network's gradient.
    readout : int
        Steps before the end of a trial at which the output is read.
    probe_trials : int
        Trials, the same at every report, for the information loss and the index.
    """

    iterations: int
    report_every: int
    batch_size: int = 50
    learning_rate: float = 5e-4
    norm_clip: float | None = None
    readout: int = 5
    probe_trials: int = 100

    @property
    def n_reports(self) -> int:
        """Reports, the one before the first update included."""
        return self.iterations // self.report_every + 1


class Trainer:
    """Trains networks that differ in their start, or in their seed, or both.

    Parameters
    ----------
    network : Networks
        Member ``m`` has seed ``seed + m % n_seeds``: networks of one seed see the same trials.
    task : DelayTask
    schedule : Schedule
    rho : array_like, shape (member,)
        Weight of the penalty on weights.
    seed, n_seeds : int
    names : list of str
        Of the members, for messages.
    stream : int
        Of the seed, for training trials.
    """

    def __init__(
        self,
        network: Networks,
        task: DelayTask,
        schedule: Schedule,
        rho: np.ndarray,
        seed: int,
        n_seeds: int,
        names: list[str],
        stream: int = TRAINING_STREAM,
    ) -> None:
        self.network, self.task, self.schedule = network, task, schedule
        self.seed, self.n_seeds, self.names, self.stream = seed, n_seeds, names, stream
        device = network.W_in.device
        self.rho = torch.as_tensor(rho, dtype=torch.float32, device=device)
        self.optimizer = torch.optim.Adam(network.parameters(), schedule.learning_rate, fused=True)
        n, reports = network.n_members, schedule.n_reports
        self.logs: dict[str, np.ndarray] = {
            "loss": np.full((n, schedule.iterations), np.nan, np.float32),
            "infloss_over_time": np.full((n, reports), np.nan),
            "index_over_time": np.full((n, reports), np.nan),
            "diverged": np.full(n, -1),
        }
        self._good: dict[str, Tensor] = {}

    def batch(self, iteration: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Trials of an update: inputs, targets and mask, each (seed, trial, ...)."""
        rngs = member_generators(self.seed, self.n_seeds, self.stream, iteration)
        sampled = [self.task.sample(self.schedule.batch_size, rng) for rng in rngs]
        device = self.network.W_in.device

        def stack(arrays: list[np.ndarray]) -> Tensor:
            return torch.as_tensor(np.stack(arrays), device=device)

        masks = [trials.mask for trials in sampled if trials.mask is not None]
        x, targets = stack([s.inputs for s in sampled]), stack([s.targets for s in sampled])
        return x, targets, stack(masks) if masks else None

    def losses(self, x: Tensor, targets: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Task loss, and what is minimised, of each member."""
        n_response = self.task.geometry.response
        weight = TETHERED_WEIGHT if self.task.condition == "tethered" else ACTIVITY_WEIGHT
        answering, ending = self.network.tails(x, mask, n_response, PENALISED_STEPS)
        wanted = targets[:, :, -n_response:].transpose(1, 2)
        wanted = wanted.repeat(len(answering) // len(wanted), 1, 1, 1)
        loss = task_loss(self.task.name, self.network.readout(answering), wanted)
        total = loss + activity_penalty(ending, weight)
        if self.rho.any():
            total = total + weight_penalty(list(self.network.parameters()), self.rho)
        return loss.detach(), total

    def update(self, iteration: int) -> Tensor:
        """One update; returns the task loss of each member before it."""
        loss, total = self.losses(*self.batch(iteration))
        self.optimizer.zero_grad()
        total.sum().backward()
        if self.schedule.norm_clip is not None:
            clip_grad_norm_per_member(self.network.parameters(), self.schedule.norm_clip)
        self.optimizer.step()
        return loss

    @cached_property
    def _probe(self) -> tuple[Trials, np.ndarray, np.ndarray]:
        """Trials of all reports, what is asked in them and what the ideal observer answers."""
        rng = member_generators(0, 1, PROBE_STREAM)[0]
        trials = self.task.sample(self.schedule.probe_trials, rng)
        return trials, *ideal_for(self.task, trials, self.schedule.readout)

    def _report(self, place: int) -> None:
        """Information loss and index on the probe trials."""
        trials, asked, best = self._probe
        h, y = respond(self.network, trials)
        for m in range(self.network.n_members):
            answer = y[m, :, -self.schedule.readout]
            loss = information_loss(self.task.name, asked, best, answer)
            self.logs["infloss_over_time"][m, place] = loss
            self.logs["index_over_time"][m, place] = sequentiality(h[m]).mean

    def _weights(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.network.named_parameters()}

    def _keep_good(self, weights: dict[str, Tensor], loss: Tensor) -> None:
        """Remember the weights of those networks that had a finite loss with them."""
        good = torch.isfinite(loss)
        for name, kept in self._good.items():
            kept[good] = weights[name][good]

    def _hold_diverged(self) -> None:
        """Put networks that diverged back to their last good weights, where they stay."""
        gone = torch.as_tensor(self.logs["diverged"] >= 0)
        with torch.no_grad():
            for name, p in self.network.named_parameters():
                p[gone] = self._good[name][gone]

    def _note_diverged(self, iteration: int, loss: Tensor) -> None:
        gone = (~torch.isfinite(loss)).cpu().numpy() & (self.logs["diverged"] < 0)
        self.logs["diverged"][gone] = iteration
        for m in np.flatnonzero(gone):
            print(f"Stopped {self.names[m]}: its loss is not finite at iteration {iteration}.")

    def run(self, resume: ResumePoint | None = None, report: Report = silent) -> dict[str, np.ndarray]:
        """Train to the end, from the resume point if there is one.

        Returns
        -------
        dict of arrays
            ``weights/...`` and ``moments/<parameter>/<slot>`` of Adam; ``loss`` (member, iteration);
            ``infloss_over_time`` and ``index_over_time`` (member, report); ``diverged`` (member,),
            the iteration at which a network was stopped, or -1.

        Raises
        ------
        DivergedError
            No network is left; the resume point is kept.
        """
        resume, s = resume or ResumePoint(), self.schedule
        state = resume.load()
        done = 0
        if state is not None:
            done = restore_training(state, self.network, self.optimizer, self.logs)
            device = next(self.network.parameters()).device
            self._good = {name: t.to(device) for name, t in part_of(state, "good").items()}
        self._good = self._good or self._weights()
        for iteration in range(done, s.iterations + 1):
            due = iteration % s.report_every == 0
            if due:
                self._report(iteration // s.report_every)
            if iteration == s.iterations:
                break
            if resume.due() and self._is_finite():
                resume.save(self._state(iteration))
            before = self._weights() if due else {}
            loss = self.update(iteration)
            if due:
                self._keep_good(before, loss)
            self.logs["loss"][:, iteration] = loss.cpu()
            if not torch.isfinite(loss).all():
                self._note_diverged(iteration, loss)
            if (self.logs["diverged"] >= 0).any():
                self._hold_diverged()
                if (self.logs["diverged"] >= 0).all():
                    raise diverged(self.names, iteration, resume)
            report(iteration + 1, s.iterations)
        return self.result()

    def _is_finite(self) -> bool:
        return all(bool(torch.isfinite(p).all()) for p in self.network.parameters())

    def _state(self, iteration: int) -> dict[str, Tensor]:
        good = {f"good/{name}": tensor for name, tensor in self._good.items()}
        return training_state(self.network, self.optimizer, self.logs, iteration) | good

    def result(self) -> dict[str, np.ndarray]:
        """What :meth:`run` returns, as far as training went."""
        weights = {f"weights/{n}": p.detach().cpu().numpy() for n, p in self.network.named_parameters()}
        moments = {}
        for name, p in self.network.named_parameters():
            for slot, value in self.optimizer.state[p].items():
                moments[f"moments/{name}/{slot}"] = value.detach().cpu().numpy()
        return {**weights, **moments, **self.logs}

    def take_over(self, first: Mapping[str, np.ndarray]) -> None:
        """Go on with the weights and Adam's moments of networks trained on another task.

        Raises
        ------
        ConfigError
            The networks come without moments, as those that are shipped with the book.
        """
        if not any(name.startswith("moments/") for name in first):
            raise ConfigError(
                "The networks of the first task come without Adam's moments, with which the second task "
                "has to begin. Train them here: change their seed or their iterations."
            )
        with torch.no_grad():
            for name, p in self.network.named_parameters():
                p.copy_(torch.as_tensor(first[f"weights/{name}"]))
                prefix = f"moments/{name}/"
                self.optimizer.state[p] = {
                    key.removeprefix(prefix): torch.as_tensor(value).clone().to(p.device)
                    for key, value in first.items()
                    if key.startswith(prefix)
                }
