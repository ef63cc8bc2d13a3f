"""Seven short-term memory tasks: what the input neurons fire, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from mempaper.parameters import ConfigError, check_names

TaskName = Literal["DE1", "DE2", "CD", "CD2", "GDE", "2AFC", "SINE", "COMP"]
Condition = Literal["basic", "tethered", "dynamic", "vardelay"]

TASKS: tuple[TaskName, ...] = ("DE1", "DE2", "CD", "GDE", "2AFC", "SINE", "COMP")  # of the paper
TITLES: dict[str, str] = {"DE1": "DE-1", "DE2": "DE-2", "CD2": "CD, 2 locations", "SINE": "Sine"}
CODES: dict[int, str] = dict(
    enumerate(["DE1", "DE2", "CD", "CD2", "GDE", "VDE1", "2AFC", "SINE", "COMP"])
)

ESTIMATION, CHOICE = ("DE1", "DE2", "GDE"), ("CD", "CD2", "2AFC", "COMP")
N_NEURONS = 50  # input neurons per location
CONCENTRATION = 2.0  # kappa of the circular tuning curves
SPONTANEOUS = 0.1  # expected spikes of a neuron per phase
CUED = 0.5  # of a neuron of the cued location in the response phase of GDE
NOISE = 0.1  # standard deviation of the input of SINE
SHARES_OF_DELAY = (0.1, 0.4, 0.7, 1.0)  # variable delays
BUMP_SHARPNESS = 10.0  # of the moving bump, in units of the neurons' preferred values


def title(task: str) -> str:
    """How the paper writes a task's name."""
    return TITLES.get(task, task)


def task_name(given: str | int) -> str:
    """A task's name, from the name in any spelling (``DE-1``, ``sine``) or from the original's code.

    Code 5 gives 'VDE1', which stands for DE-1 with variable delays.

    Raises
    ------
    ConfigError
        Unknown name or code; the message lists the valid ones.
    """
    listed = ", ".join(f"{code} = {title(name)}" for code, name in CODES.items())
    text = str(given).strip()
    if text.isdigit() and int(text) not in CODES:
        raise ConfigError(f"Unknown task code {text}. Allowed: {listed}.")
    if text.isdigit():
        return CODES[int(text)]
    name = text.upper().replace("-", "")
    check_names([name], (*get_args(TaskName), "VDE1"), "task")
    return name


@dataclass(frozen=True)
class Geometry:
    """Steps of the three phases of a trial."""

    stimulus: int = 25
    delay: int = 100
    response: int = 25

    @property
    def steps(self) -> int:
        """Steps of a trial."""
        return self.stimulus + self.delay + self.response

    @property
    def delays(self) -> tuple[int, ...]:
        """Variable delays, all equally likely; the longest is ``delay``."""
        return tuple(max(1, round(share * self.delay)) for share in SHARES_OF_DELAY)


@dataclass(frozen=True)
class Stimuli:
    """What a batch of trials is about, before any spike.

    Attributes
    ----------
    first : array, shape (trial, location)
        Stimuli of the first phase: angles in (0, pi); -15 or 15 in 2AFC; (-40, 40) in COMP. SINE has
        none: (trial, 0).
    second : array, shape (trial, location), or None
        Stimuli of the response phase in CD, CD2 and COMP.
    answer : array, shape (trial, output)
        What is asked: angles, or 0 and 1. SINE: 0.
    cue : int array, shape (trial,), or None
        The location that GDE asks for.
    delay : int array, shape (trial,)
        Steps of the delay.
    """

    first: np.ndarray
    second: np.ndarray | None
    answer: np.ndarray
    cue: np.ndarray | None
    delay: np.ndarray


@dataclass(frozen=True)
class Trials:
    """A batch of trials.

    Attributes
    ----------
    inputs : float32 array, shape (trial, time, channel)
        Spike counts per step; in SINE Gaussian noise.
    targets : float32 array, shape (trial, time, output)
    mask : bool array, shape (trial, time), or None
        False where the trial does not go on and activity is frozen.
    stimuli : Stimuli
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None
    stimuli: Stimuli


@dataclass(frozen=True)
class DelayTask:
    """One of the tasks under one condition.

    Parameters
    ----------
    name : TaskName
    condition : {'basic', 'tethered', 'dynamic', 'vardelay'}
    geometry : Geometry

    Raises
    ------
    ConfigError
        The condition is not defined for the task.
    """

    name: TaskName
    condition: Condition = "basic"
    geometry: Geometry = Geometry()

    def __post_init__(self) -> None:
        check_names([self.name], get_args(TaskName), "task")
        check_names([self.condition], get_args(Condition), "condition")
        if self.name == "SINE" and self.condition in ("dynamic", "vardelay"):
            raise ConfigError(f"The {self.condition} condition is not defined for the task Sine.")
        if self.name == "CD2" and self.condition == "vardelay":
            raise ConfigError("The vardelay condition is not defined for the task CD2.")

    @property
    def n_locations(self) -> int:
        """Groups of 50 input neurons."""
        return 2 if self.name in ("DE2", "CD2", "GDE") else 1

    @property
    def n_outputs(self) -> int:
        """Output units."""
        return 2 if self.name == "DE2" else 1

    @property
    def n_inputs(self) -> int:
        """Input channels: those of the moving bump, if any, come first."""
        return N_NEURONS * (self.n_locations + (self.condition == "dynamic"))

    @property
    def is_choice(self) -> bool:
        """Whether the answer is 0 or 1, given by a sigmoid output."""
        return self.name in CHOICE

    @property
    def preferred(self) -> np.ndarray:
        """Preferred values of the neurons of a location, shape (50,)."""
        low, high = {"2AFC": (-40.0, 40.0), "COMP": (-50.0, 50.0)}.get(self.name, (0.0, np.pi))
        return np.linspace(low, high, N_NEURONS)

    def tuning(self, s: np.ndarray) -> np.ndarray:
        """Expected spikes per phase: stimuli (trial, location) give (trial, location * 50)."""
        distance = s[..., None] - self.preferred
        if self.name in ("2AFC", "COMP"):
            width = 15.0 if self.name == "2AFC" else 10.0
            curves = np.exp(-(distance**2) / (2 * width**2))
        else:
            curves = np.exp(CONCENTRATION * (np.cos(2 * distance) - 1))
        return curves.reshape(len(s), -1)

    def draw_stimuli(self, n_trials: int, rng: np.random.Generator) -> Stimuli:
        """Draw what the trials are about."""
        delay = np.full(n_trials, self.geometry.delay)
        if self.condition == "vardelay":
            delay = rng.choice(self.geometry.delays, n_trials)
        shape = (n_trials, self.n_locations)
        if self.name == "SINE":
            nothing = np.zeros((n_trials, 0))
            return Stimuli(nothing, None, np.zeros((n_trials, 1)), None, delay)
        if self.name == "COMP":
            first, second = rng.uniform(-40, 40, (2, *shape))
            return Stimuli(first, second, 1.0 * (first > second), None, delay)
        coin = rng.integers(0, 2, n_trials)
        if self.name == "2AFC":
            return Stimuli(30.0 * coin[:, None] - 15, None, 1.0 * coin[:, None], None, delay)
        first = rng.uniform(0, np.pi, shape)
        if self.name in ("CD", "CD2"):
            changed = (
                np.arange(self.n_locations) == rng.integers(0, self.n_locations, (n_trials, 1))
            ) & (coin[:, None] == 1)
            second = np.where(changed, rng.uniform(0, np.pi, shape), first)
            return Stimuli(first, second, 1.0 * coin[:, None], None, delay)
        if self.name == "GDE":
            return Stimuli(first, None, np.take_along_axis(first, coin[:, None], 1), coin, delay)
        return Stimuli(first, None, first, None, delay)

    def rates(self, stimuli: Stimuli) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expected spikes per step in stimulus, delay and response, each (trial, location * 50)."""
        n, phases = len(stimuli.delay), self.geometry
        silent = np.full((n, N_NEURONS * self.n_locations), SPONTANEOUS)
        response, steps = silent, phases.response
        if stimuli.second is not None:
            response = self.tuning(stimuli.second)
        elif stimuli.cue is not None:
            cued = stimuli.cue[:, None] == np.arange(self.n_locations)
            response = np.repeat(np.where(cued, CUED, SPONTANEOUS), N_NEURONS, 1)
        elif self.condition == "vardelay" and self.name in ("DE1", "DE2"):
            steps = phases.delay  # as in the original: the response phase has the delay's rate
        first = self.tuning(stimuli.first) / phases.stimulus
        return first, silent / phases.delay, response / steps

    def bump(self) -> np.ndarray:
        """Expected spikes of the moving bump, shape (time, 50)."""
        centre = np.linspace(self.preferred[0], self.preferred[-1], self.geometry.steps)
        gain = 0.1 if self.name in ("CD", "CD2", "COMP") else 1.0
        return gain * np.exp(-BUMP_SHARPNESS * (centre[:, None] - self.preferred) ** 2)

    def mask(self, delay: np.ndarray) -> np.ndarray | None:
        """Which steps take place, (trial, time): a shorter delay leaves out the last of its steps."""
        if self.condition != "vardelay":
            return None
        g, t = self.geometry, np.arange(self.geometry.steps)
        return (t < g.stimulus + delay[:, None]) | (t >= g.stimulus + g.delay)

    def targets(self, stimuli: Stimuli, mask: np.ndarray | None) -> np.ndarray:
        """What the outputs should be, (trial, time, output), 0 where the mask is False."""
        g = self.geometry
        if self.name == "SINE":
            ramp = np.sin(0.25 * np.linspace(0, np.pi, g.response))
            wave = np.concatenate([np.zeros(g.steps - g.response), ramp])
            constant = np.broadcast_to(wave[None, :, None], (len(stimuli.delay), g.steps, 1))
        else:
            constant = np.repeat(stimuli.answer[:, None], g.steps, 1)
        shown = constant if mask is None else constant * mask[..., None]
        return shown.astype(np.float32)

    def draw_inputs(
        self, stimuli: Stimuli, mask: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray:
        """Spike counts, or the noise of SINE, (trial, time, channel)."""
        g, n = self.geometry, len(stimuli.delay)
        inputs = np.zeros((n, g.steps, self.n_inputs), np.float32)
        if self.name == "SINE":
            shape = (n, g.delay, self.n_inputs)
            inputs[:, g.stimulus : -g.response] = NOISE * rng.standard_normal(shape, np.float32)
            return inputs
        starts = np.cumsum([0, g.stimulus, g.delay, g.response])
        neurons = inputs[:, :, -N_NEURONS * self.n_locations :]
        for rates, start, stop in zip(self.rates(stimuli), starts[:-1], starts[1:], strict=True):
            neurons[:, start:stop] = poisson_counts(rates, stop - start, rng)
        if self.condition == "dynamic":
            bump = np.broadcast_to(self.bump().reshape(1, -1), (n, g.steps * N_NEURONS))
            counts = poisson_counts(bump, 1, rng)
            inputs[:, :, :N_NEURONS] = counts.reshape(n, g.steps, N_NEURONS)
        if mask is not None:
            inputs *= mask[..., None]
        return inputs

    def sample(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials."""
        stimuli = self.draw_stimuli(n_trials, rng)
        mask = self.mask(stimuli.delay)
        inputs = self.draw_inputs(stimuli, mask, rng)
        return Trials(inputs, self.targets(stimuli, mask), mask, stimuli)

    def counts(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spikes per neuron in stimulus and response phase, each (trial, location, 50)."""
        neurons = inputs[:, :, -N_NEURONS * self.n_locations :]
        first = neurons[:, : self.geometry.stimulus].sum(1, dtype=float)
        last = neurons[:, -self.geometry.response :].sum(1, dtype=float)
        shape = (len(inputs), self.n_locations, N_NEURONS)
        return first.reshape(shape), last.reshape(shape)

    def with_condition(self, condition: Condition) -> DelayTask:
        """The same task under another condition."""
        return replace(self, condition=condition)


def poisson_counts(rates: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts at constant rates, drawn spike by spike.

    A trial's number of spikes is Poisson; each of them falls on a channel with probability
    proportional to its rate and on any step equally likely. That gives independent Poisson counts
    per step and channel, at the cost of a few draws per spike instead of one per cell.

    Parameters
    ----------
    rates : array, shape (trial, channel)
        Expected spikes per step.
    steps : int

    Returns
    -------
    float32 array, shape (trial, steps, channel)
    """
    n_trials, n_channels = rates.shape
    cumulative = np.cumsum(rates, 1)
    n_spikes = rng.poisson(cumulative[:, -1] * steps)
    trial = np.repeat(np.arange(n_trials), n_spikes)
    edges = cumulative / cumulative[:, -1:] + np.arange(n_trials)[:, None]
    place = np.searchsorted(edges.ravel(), trial + rng.random(len(trial)), side="right")
    channel = np.clip(place - trial * n_channels, 0, n_channels - 1)
    step = rng.integers(0, steps, len(trial)) if steps > 1 else 0
    cell = (trial * steps + step) * n_channels + channel
    counts = np.bincount(cell, minlength=n_trials * steps * n_channels)
    return counts.reshape(n_trials, steps, n_channels).astype(np.float32)
