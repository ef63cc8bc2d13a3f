"""The contextual choice task of the original code: evidence accumulation with a context.

In the reading of the moving-dots experiment, dots drift left or right, but the first frames are
pure noise; the context is the background that the same trial will have when it comes again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator | np.random.RandomState


@dataclass(frozen=True)
class Epoch:
    """Trials of one epoch: each unique trial once, then all of them again in random order.

    Attributes
    ----------
    x : ndarray, shape (2 n_unique, time, 2 obs_dim)
        Inputs: observation, then context.
    y : int ndarray, shape (2 n_unique, time)
        Correct action, 0 or 1, the same at every step of a trial.
    source : int ndarray, shape (n_unique,)
        Second-encounter trial ``i`` repeats first-encounter trial ``source[i]``.
    """

    x: np.ndarray
    y: np.ndarray
    source: np.ndarray


@dataclass(frozen=True)
class ContextualChoice:
    """Decide between two actions from noisy evidence that starts after ``t_noise_off`` steps.

    Parameters
    ----------
    n_unique : int
        Unique trials per epoch; an epoch has twice as many.
    obs_dim : int
        Length of the observation, and of the context.
    trial_length : int
        Steps per trial.
    t_noise_off : int
        First step with evidence; before it the observation is noise of unit variance and mean zero.
    """

    n_unique: int = 50
    obs_dim: int = 32
    trial_length: int = 10
    t_noise_off: int = 5

    def __post_init__(self) -> None:
        for name in ("n_unique", "obs_dim", "trial_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.t_noise_off < self.trial_length:
            raise ValueError(
                f"t_noise_off is {self.t_noise_off}; it must lie in [0, {self.trial_length})"
            )

    @property
    def input_size(self) -> int:
        """Length of one input: observation and context."""
        return 2 * self.obs_dim

    def sample_unique(self, n_trials: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        """Draw trials, in the original's order of draws.

        A RandomState reproduces the original bit by bit: per trial one number whose sign is the
        drift, the evidence, the noise that replaces its first steps, and the context.

        Returns
        -------
        x : ndarray, shape (n_trials, time, 2 obs_dim)
        y : int ndarray, shape (n_trials, time)
        """
        time, width, noisy = self.trial_length, self.obs_dim, self.t_noise_off
        per_trial = 1 + time * width + noisy * width + width
        draws = rng.standard_normal((n_trials, per_trial))
        drift, evidence, noise, context = np.split(
            draws, np.cumsum([1, time * width, noisy * width]), axis=1
        )
        observation = (np.sign(drift) + evidence).reshape(n_trials, time, width)
        y = (observation.sum((1, 2)) > 0).astype(np.int64)  # before the first steps are replaced
        observation[:, :noisy] = noise.reshape(n_trials, noisy, width)
        context = np.repeat(context[:, None], time, axis=1)
        return np.concatenate([observation, context], axis=2), np.repeat(y[:, None], time, axis=1)

    def sample_epoch(self, rng: Rng) -> Epoch:
        """Draw an epoch; the second encounters are the very same arrays, noise included."""
        x, y = self.sample_unique(self.n_unique, rng)
        source = rng.permutation(self.n_unique)
        return Epoch(np.concatenate([x, x[source]]), np.concatenate([y, y[source]]), source)
