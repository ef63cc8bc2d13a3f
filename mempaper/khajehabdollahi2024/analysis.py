"""What trained networks do when they are asked, damaged, or looked into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mempaper.khajehabdollahi2024.learning import draw_states
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.perturbation import (
    ablate,
    perturbed,
    relative_accuracy,
    stream_accuracy,
)
from mempaper.khajehabdollahi2024.task import TaskName
from mempaper.khajehabdollahi2024.trained import TrainedNetworks

WARM_UP, STREAM_STEPS, N_STREAMS = 100, 1000, 10
COPIES_AT_ONCE = 40_000  # units of damaged copies that are simulated together


@dataclass(frozen=True)
class Streams:
    """Random bits, as likely 0 as 1, on which networks are questioned.

    Parameters
    ----------
    seed : int
        All networks see the same streams of the same seed.
    n_streams, n_steps, warm_up : int
    """

    seed: int = 0
    n_streams: int = N_STREAMS
    n_steps: int = STREAM_STEPS
    warm_up: int = WARM_UP

    def accuracy(
        self,
        network: LeakyRNN,
        task: TaskName,
        asked: Sequence[tuple[int, int]],
        each_its_own: bool = False,
    ) -> np.ndarray:
        """Share of right answers, (member, stream, question).

        Parameters
        ----------
        asked : sequence of (n, head)
        each_its_own : bool
            Member ``i`` sees stream ``i`` modulo ``n_streams`` alone: (member, 1, question).
        """
        rng = np.random.default_rng(self.seed)
        steps = self.warm_up + self.n_steps
        bits = torch.from_numpy(rng.integers(0, 2, (self.n_streams, steps)).astype(np.float32))
        h = draw_states([rng], self.n_streams, network.n_units)[0]
        if each_its_own:
            stream = torch.arange(network.n_members) % self.n_streams
            bits, h = bits[stream][:, None], h[stream][:, None]
        else:
            bits, h = (x.expand(network.n_members, -1, -1) for x in (bits, h))
        return stream_accuracy(network, task, bits, h, asked, self.warm_up).numpy()


def remembered(trained: TrainedNetworks, n: int, streams: Streams) -> np.ndarray:
    """Accuracy on every N' from 2 to ``n`` of networks that passed ``n``, (member, N').

    A network with one head answers with it, whatever it is asked; others with the head of N'.
    """
    heads = dict(trained.questions(n))
    asked = [(m, heads.get(m, 0)) for m in range(2, n + 1)]
    return streams.accuracy(trained.network(n), trained.settings.task, asked).mean(1)


def off_diagonal_mean(network: LeakyRNN) -> np.ndarray:
    """Mean recurrent weight without self-connections, (member,)."""
    n = network.n_units
    w = network.w_rec.detach()
    return ((w.sum((1, 2)) - w.diagonal(dim1=1, dim2=2).sum(1)) / (n * (n - 1))).numpy()


def spectral_radius(network: LeakyRNN) -> np.ndarray:
    """Largest absolute eigenvalue of ``diag(1 - 1/tau_c) + W/tau_c``, (member,)."""
    network.clear_self_connections()
    rate = 1 / network.time_constants().detach()
    matrix = network.w_rec.detach() * rate + torch.diag_embed((1 - rate).squeeze(1))
    return torch.linalg.eigvals(matrix).abs().amax(-1).numpy()


@dataclass(frozen=True)
class Ablation:
    """What the loss of one unit at a time does.

    Attributes
    ----------
    accuracy : ndarray, shape (member, 2, unit, stream)
        Without one of the units with the shortest, and with the longest time constants.
    baseline : ndarray, shape (member, stream)
    tau : ndarray, shape (member, 2, unit)
        Time constants, as they are, of the units that were removed.
    """

    accuracy: np.ndarray
    baseline: np.ndarray
    tau: np.ndarray

    def relative(self) -> np.ndarray:
        """Mean over units and streams of the relative accuracy, (member, 2).

        The unit of accuracy above chance is the best of the streams without damage.
        """
        best = self.baseline.max(-1)[:, None, None, None]
        return relative_accuracy(self.accuracy, best).mean((2, 3))


def ablation(
    network: LeakyRNN, task: TaskName, n: int, head: int, group: int, streams: Streams
) -> Ablation:
    """Remove units one at a time: the ``group`` fastest and the ``group`` slowest of each network.

    A removed unit has no input, no recurrent weights and no weight to the head that is asked.
    """
    if not 1 <= group <= network.n_units // 2:
        raise ValueError(f"group is {group}; {network.n_units} units have 1 to {network.n_units // 2}")
    order = network.tau.detach()[:, 0].argsort(-1)
    units = torch.cat([order[:, :group], order[:, -group:]], 1)  # (member, 2 group)
    accuracy = []
    for member, removed in enumerate(units):
        parts = removed.split(max(1, COPIES_AT_ONCE // (network.n_units * streams.n_streams)))
        found = [
            streams.accuracy(without(network, member, part, head), task, [(n, head)])[..., 0]
            for part in parts
        ]
        accuracy.append(np.concatenate(found))
    shape = (network.n_members, 2, group, streams.n_streams)
    tau = torch.gather(network.tau.detach()[:, 0], 1, units).numpy()
    return Ablation(
        np.stack(accuracy).reshape(shape),
        streams.accuracy(network, task, [(n, head)])[..., 0],
        tau.reshape(network.n_members, 2, group),
    )


def without(network: LeakyRNN, member: int, units: Tensor, head: int) -> LeakyRNN:
    """Copies of one member, each of which lacks one of ``units``."""
    copies = network.select([member] * len(units))
    ablate(copies, units, head)
    return copies


def perturbation(
    network: LeakyRNN,
    task: TaskName,
    n: int,
    head: int,
    what: str,
    sizes: Sequence[float],
    streams: Streams,
) -> np.ndarray:
    """Accuracy with noise on the recurrent weights or on the time constants.

    ``W + size |W| D/|D|`` with normal D, and ``tau + size |tau| |d|/|d|``, which only grows.

    Parameters
    ----------
    what : {'w_rec', 'tau'}
    sizes : sequence of float
    streams : Streams
        Each draw of the noise is tested on a stream of its own; there are as many draws as streams.

    Returns
    -------
    ndarray, shape (member, size, draw)
    """
    if what not in ("w_rec", "tau"):
        raise ValueError(f"what is {what!r}; it must be 'w_rec' or 'tau'")
    rng = np.random.default_rng([streams.seed, 1])
    found = np.empty((network.n_members, len(sizes), streams.n_streams))
    for member in range(network.n_members):
        original = getattr(network, what).detach()[member]
        draws = torch.from_numpy(
            rng.standard_normal((streams.n_streams, *original.shape)).astype(np.float32)
        )
        draws = draws.abs() if what == "tau" else draws
        for place, size in enumerate(sizes):
            copies = network.select([member] * streams.n_streams)
            noisy = torch.stack([perturbed(original, draw, size) for draw in draws])
            with torch.no_grad():
                getattr(copies, what).copy_(noisy)
            accuracy = streams.accuracy(copies, task, [(n, head)], each_its_own=True)
            found[member, place] = accuracy[:, 0, 0]
    return found
