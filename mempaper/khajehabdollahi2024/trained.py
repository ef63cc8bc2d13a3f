"""Networks of one training, as they were when they passed a memory length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from mempaper.khajehabdollahi2024.epochs import Schedule
from mempaper.khajehabdollahi2024.learning import LearningSettings, draw_network
from mempaper.khajehabdollahi2024.model import LeakyRNN

SomeSchedule = TypeVar("SomeSchedule", bound=Schedule)


class Training(Generic[SomeSchedule]):
    """What a training through a curriculum gave, with names instead of indices.

    Parameters
    ----------
    settings : Schedule
    seed : int
        Of the first member.
    arrays : mapping of numpy.ndarray
    provenance : mapping, optional

    Attributes
    ----------
    ends : list of int
        Largest N of each list of the curriculum, in order.
    provenance : dict
        Where the result is from; empty where that was not told.
    kept : list of int
        Those of them at which weights are kept.
    """

    def __init__(
        self,
        settings: SomeSchedule,
        seed: int,
        arrays: Mapping[str, np.ndarray],
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings, self.seed, self._arrays = settings, seed, arrays
        self.provenance = dict(provenance or {})
        self.ends: list[int] = arrays["ends"].tolist()
        self.kept: list[int] = arrays["kept"].tolist()

    @property
    def n_members(self) -> int:
        """How many networks were trained."""
        return len(self._arrays["passed"])

    def _stage(self, n: int) -> int:
        if n not in self.ends:
            raise ValueError(f"N is {n}; this curriculum has {', '.join(map(str, self.ends))}")
        return self.ends.index(n)

    def members(self, n: int) -> list[int]:
        """Members that passed ``n``."""
        return np.flatnonzero(self._arrays["passed"][:, self._stage(n)]).tolist()

    def passed_by_all(self) -> list[int]:
        """The N that every member passed and whose weights are kept."""
        return [n for n in self.kept if len(self.members(n)) == self.n_members]

    def questions(self, n: int) -> list[tuple[int, int]]:
        """Memory lengths in training when ``n`` was passed, each with the head that answers."""
        ns = self.settings.stages[self._stage(n)]
        heads = self.settings.curriculum.heads([ns])
        numbers = range(len(ns)) if heads is None else heads[0].tolist()
        return list(zip(ns, numbers, strict=True))

    def head(self, n: int) -> int:
        """The head that answers for ``n`` when it is passed."""
        return dict(self.questions(n))[n]

    def tau(self, n: int) -> np.ndarray:
        """``max(tau, 1)`` when ``n`` was passed, (member, unit); not a number where it was not."""
        return np.maximum(self._arrays["tau"][:, self._stage(n)].astype(float), 1.0)

    def tau_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over units of the time constants, each (member, stage)."""
        tau = np.maximum(self._arrays["tau"].astype(float), 1.0)
        return tau.mean(-1), tau.std(-1)

    def updates_to_pass(self) -> np.ndarray:
        """Updates until each stage was passed, (member, stage); not a number where it was not."""
        passed = self._arrays["passed"].astype(float)
        passed[passed == 0] = np.nan
        return passed * self.settings.updates_per_epoch

    def largest_passed(self, n_epochs: int | None = None) -> np.ndarray:
        """Largest N passed after each epoch, (member, epoch); 0 before the first."""
        passed = self._arrays["passed"]
        epochs = np.arange(1, (n_epochs or self._arrays["loss"].shape[1]) + 1)
        done = (passed[:, None] > 0) & (passed[:, None] <= epochs[:, None])
        return np.where(done, np.array(self.ends), 0).max(-1)

    def accuracy(self) -> np.ndarray:
        """Accuracy of the tests, (member, epoch, head)."""
        return self._arrays["accuracy"]


class TrainedNetworks(Training[LearningSettings]):
    """What :func:`mempaper.khajehabdollahi2024.learning.learn` gave: its course and its networks."""

    def network(self, n: int, members: Sequence[int] | None = None) -> LeakyRNN:
        """Networks at the pass of ``n``: of those that passed, or of ``members``."""
        members = self.members(n) if members is None else list(members)
        if n not in self.kept:
            raise ValueError(f"N is {n}; weights are kept at {', '.join(map(str, self.kept))}")
        late = sorted(set(members) - set(self.members(n)))
        if late or not members:
            raise ValueError(
                f"N is {n}, which {f'members {late}' if late else 'no member'} did not pass"
            )
        place = self.kept.index(n)
        return LeakyRNN.from_members(
            {
                name.removeprefix("weights/"): torch.as_tensor(array[members, place])
                for name, array in self._arrays.items()
                if name.startswith("weights/")
            },
            placement=self.settings.placement,
            activation=self.settings.activation,
            trainable_tau=self.settings.fixed_tau is None,
        )

    def untrained(self) -> LeakyRNN:
        """The networks before training."""
        return draw_network(self.settings, self.seed, self.n_members)
