"""Learning of LSTM and GRU networks by a curriculum of parities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import ResumePoint
from mempaper.ensemble import clip_grad_norm_per_member, member_generators
from mempaper.khajehabdollahi2024.epochs import WEIGHTS_STREAM, Learner, Schedule
from mempaper.khajehabdollahi2024.gated import GatedRNN, Kind
from mempaper.khajehabdollahi2024.task import Trials, sample_trials
from mempaper.khajehabdollahi2024.training import MAX_GRADIENT_NORM, heads_accuracy, heads_loss
from mempaper.progress import Report, silent

HEADS = ("w_head", "b_head")


@dataclass(frozen=True)
class GatedSettings(Schedule):
    """Everything but the seeds that decides a training; the defaults are the paper's.

    Parameters
    ----------
    kind : {'lstm', 'gru'}
    """

    kind: Kind = "lstm"
    batch_size: int = 64
    learning_rate: float = 1e-3
    updates_per_epoch: int = 300
    max_epochs: int = 100


class HeadwiseAdam(torch.optim.Optimizer):
    """Adam that counts the steps of every slice of a parameter from its first gradient on.

    The correction for the averages' start at zero belongs to the age of a weight. A readout head
    that a curriculum adds late is new, and torch's Adam, which has one count for a whole
    parameter, would move it several times too far at first. Separate parameters for the heads,
    without a gradient until they are used, give the same steps.

    Parameters
    ----------
    groups : list of dict
        ``params``, and ``n_axes``: by how many leading axes their slices differ in age.
    learning_rate : float
    betas : (float, float)
    epsilon : float
    """

    def __init__(
        self,
        groups: list[dict[str, object]],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(groups, {"lr": learning_rate, "betas": betas, "eps": epsilon})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every weight whose slice has had a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                self._move(p, group)

    def _move(self, p: Tensor, group: dict[str, Any]) -> None:
        n_axes, rate, (beta1, beta2) = group["n_axes"], group["lr"], group["betas"]
        gradient, state = p.grad, self.state[p]
        assert gradient is not None
        if not state:
            age = p.new_zeros(*p.shape[:n_axes], *[1] * (p.dim() - n_axes))
            state.update(mean=torch.zeros_like(p), square=torch.zeros_like(p), age=age)
        mean, square, age = state["mean"], state["square"], state["age"]
        used = gradient.flatten(n_axes).any(-1).view(age.shape)
        age += used | (age > 0)
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        exact = age.double().clamp(min=1)
        size = (rate / (1 - beta1**exact)).float()
        scale = (1 - beta2**exact).sqrt().float()
        p -= size * mean / (square.sqrt() / scale + group["eps"])


def new_optimizer(network: GatedRNN, learning_rate: float) -> HeadwiseAdam:
    """Adam; every head of every member has its own age."""
    heads = [p for name, p in network.named_parameters() if name in HEADS]
    cells = [p for name, p in network.named_parameters() if name not in HEADS]
    groups: list[dict[str, object]] = [
        {"params": cells, "n_axes": 1},
        {"params": heads, "n_axes": 2},
    ]
    return HeadwiseAdam(groups, learning_rate)


def signs(trials: Trials) -> Tensor:
    """Bits as gated networks see them: -1 and +1."""
    return 2 * trials.bits - 1


def update(network: GatedRNN, optimizer: torch.optim.Optimizer, trials: Trials) -> tuple[Tensor, Tensor]:
    """One update of every member: summed loss of its heads, clipping to norm 2, Adam.

    Returns
    -------
    loss, norm : Tensor, shape (member,)
        Loss before the update, and the gradient's norm before it is clipped.
    """
    optimizer.zero_grad()
    x, losses = signs(trials), []
    for part in network.runs():
        final = network.unroll(x[part], trials.start[part], part)
        logits = network.logits(final, trials.labels.shape[1], part)
        loss = heads_loss(logits, trials.labels[part], trials.live[part])
        loss.sum().backward()
        losses.append(loss.detach())
    norm = clip_grad_norm_per_member(network.parameters(), MAX_GRADIENT_NORM)
    optimizer.step()
    return torch.cat(losses), norm


@torch.no_grad()
def batch_accuracy(network: GatedRNN, trials: Trials) -> Tensor:
    """Share of right answers at the end of the sequences, (member, head); NaN for heads not live."""
    final = network.unroll(signs(trials), trials.start)
    logits = network.logits(final, trials.labels.shape[1])
    return heads_accuracy(logits, trials.labels, trials.live)


class GatedLearner(Learner[GatedSettings, GatedRNN]):
    """LSTM or GRU networks on their way through a curriculum, see :class:`Learner`.

    What is logged as ``tau`` are the timescales of forgetting by the biases,
    :meth:`GatedRNN.bias_timescales`.
    """

    def _new_network(self, n_members: int) -> GatedRNN:
        s = self.settings
        if s.curriculum.heads([s.curriculum.start]) is not None:
            raise ValueError("gated networks have no sliding curriculum with a head for each N")
        generators = member_generators(self.seed, n_members, WEIGHTS_STREAM)
        return GatedRNN(generators, s.kind, s.n_units, s.curriculum.n_heads(s.max_n))

    def _new_optimizer(self, network: GatedRNN) -> torch.optim.Optimizer:
        return new_optimizer(network, self.settings.learning_rate)

    def _time_constants(self, network: GatedRNN) -> Tensor:
        return network.bias_timescales()

    def _batch(self, generators: list[np.random.Generator]) -> Trials:
        batch_size = self.settings.batch_size
        trials = sample_trials("parity", self.lists(), batch_size, generators, fair=True)
        return trials.to(self.device)

    def _updates(self, generators: list[np.random.Generator]) -> Iterator[Tensor]:
        loss, _ = update(self.network, self.optimizer, self._batch(generators))
        yield loss

    def _tests(self, generators: list[np.random.Generator]) -> Iterator[Tensor]:
        yield batch_accuracy(self.network, self._batch(generators))


def learn_gated(
    settings: GatedSettings,
    seed: int,
    n_members: int,
    *,
    device: str = "cpu",
    resume: ResumePoint | None = None,
    report: Report = silent,
) -> dict[str, np.ndarray]:
    """Train gated networks through a curriculum; :meth:`Learner.result` says what is returned."""
    return GatedLearner(settings, seed, n_members, device).run(resume or ResumePoint(), report)
