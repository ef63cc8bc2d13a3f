"""Trained networks with their tests, for chapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mempaper.experiment import Result
from mempaper.orhan2019.evaluation import respond
from mempaper.orhan2019.gated import Networks
from mempaper.orhan2019.task import DelayTask, Trials
from mempaper.stats import mean_interval

EXAMPLE_STREAM = 5


@dataclass(frozen=True)
class Trained:
    """Networks of one task and condition, for some values of lambda0, sigma0 and rho.

    Attributes
    ----------
    network : Networks
        Members are points times seeds, seeds fastest.
    task : DelayTask
    points : list of (lambda0, sigma0, rho)
    limit : float
        Largest information loss of a network that counts as successful.
    readout : int
        Steps before the end at which outputs are read.
    result : Result
    """

    network: Networks
    task: DelayTask
    points: list[tuple[float, float, float]]
    limit: float
    readout: int
    result: Result

    @property
    def provenance(self) -> dict[str, Any]:
        """Configuration, seeds, commit, versions, device, seconds and origin."""
        return self.result.provenance

    @property
    def n_seeds(self) -> int:
        """Networks per point."""
        return self.network.n_members // len(self.points)

    @property
    def infloss(self) -> np.ndarray:
        """Information loss of each network, (point, seed)."""
        return self._by_point(self.result["infloss"])

    @property
    def passed(self) -> np.ndarray:
        """Whether each network succeeds, (point, seed)."""
        return self.infloss < self.limit

    def _by_point(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(len(self.points), -1, *values.shape[1:])

    def mean(self, name: str = "index", trials: np.ndarray | None = None) -> np.ndarray:
        """Mean over test trials of ``index``, ``entropy``, ``ridge`` or ``n_active``, (point, seed).

        Networks that fail have no value (not a number), and trials without an active unit do not
        count.

        Parameters
        ----------
        name : str
        trials : bool array, shape (trial,), optional
            Which trials count; all by default.
        """
        values = np.asarray(self.result[name], float)
        values = values if trials is None else values[:, trials]
        mean, _ = mean_interval(np.where(np.isfinite(values), values, np.nan), axis=1)
        return np.where(self.passed, self._by_point(mean), np.nan)

    def at(
        self,
        values: np.ndarray,
        *,
        lambda0: float | None = None,
        sigma0: float | None = None,
        rho: float | None = None,
    ) -> np.ndarray:
        """Values (point, seed) at the one point that has the given coordinates, (seed,)."""
        wanted = (lambda0, sigma0, rho)
        matching = [
            k
            for k, point in enumerate(self.points)
            if all(w is None or abs(w - p) < 1e-12 for w, p in zip(wanted, point, strict=True))
        ]
        if len(matching) != 1:
            raise ValueError(f"{len(matching)} of the points have lambda0, sigma0, rho = {wanted}")
        return values[matching[0]]

    @property
    def longest(self) -> np.ndarray:
        """Which test trials have the longest delay, (trial,)."""
        return np.asarray(self.result["delay"]) == self.task.geometry.delay

    def examples(self, n_trials: int, seed: int = 0) -> tuple[Trials, np.ndarray, np.ndarray]:
        """Fresh trials, with activity and outputs (member, trial, time, unit or output)."""
        trials = self.task.sample(n_trials, np.random.default_rng([seed, EXAMPLE_STREAM]))
        return trials, *respond(self.network, trials)
