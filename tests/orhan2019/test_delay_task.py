"""The tasks: what input neurons fire, in which steps, and what is asked."""

import numpy as np
import pytest

from mempaper.orhan2019 import task as tasks
from mempaper.orhan2019.task import DelayTask, Geometry, poisson_counts, task_name
from mempaper.parameters import ConfigError

CONDITIONS = ("basic", "tethered", "dynamic", "vardelay")
ANGLES = ("DE1", "DE2", "CD", "CD2", "GDE")
SHORT = Geometry(5, 20, 5)


def defined(name, condition):
    try:
        return DelayTask(name, condition, SHORT)
    except ConfigError:
        return None


NAMES = (*tasks.TASKS, "CD2")
ALL = [task for name in NAMES for c in CONDITIONS if (task := defined(name, c)) is not None]


def name_of(task):
    return f"{task.name}-{task.condition}"


def evoked(name):
    """Expected spikes that a stimulus evokes at one location, from the tuning curves."""
    i = np.arange(50)
    if name == "2AFC":
        return np.exp(-((15 + 40 - i * 80 / 49) ** 2) / (2 * 15**2)).sum()
    if name == "COMP":
        s = np.linspace(-40, 40, 8001)[:, None]
        return np.exp(-((s + 50 - i * 100 / 49) ** 2) / (2 * 10**2)).sum(1).mean()
    s = (np.arange(1000)[:, None] + 0.5) * np.pi / 1000
    return np.exp(2 * (np.cos(2 * (s - i * np.pi / 49)) - 1)).sum(1).mean()


def bump_spikes(task):
    """Expected spikes of the moving bump in a trial."""
    low, high = {"2AFC": (-40, 40), "COMP": (-50, 50)}.get(task.name, (0, np.pi))
    centre = np.linspace(low, high, task.geometry.steps)[:, None]
    gain = 0.1 if task.name in ("CD", "CD2", "COMP") else 1
    return gain * np.exp(-10 * (centre - np.linspace(low, high, 50)) ** 2).sum()


def test_expected_spikes_of_a_stimulus():
    assert evoked("DE1") == pytest.approx(15.4, abs=0.1)
    assert evoked("2AFC") == pytest.approx(22.1, abs=0.1)
    assert evoked("COMP") == pytest.approx(12.1, abs=0.1)
    assert bump_spikes(DelayTask("DE1", "dynamic")) == pytest.approx(1246, abs=1)
    assert bump_spikes(DelayTask("CD", "dynamic")) == pytest.approx(125, abs=1)
    assert bump_spikes(DelayTask("2AFC", "dynamic")) == pytest.approx(52, abs=1)
    assert bump_spikes(DelayTask("COMP", "dynamic")) == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("task", [t for t in ALL if t.name != "SINE"], ids=name_of)
def test_spikes_per_phase_do_not_depend_on_its_length(task):
    g, n = task.geometry, 4000
    trials = task.sample(n, np.random.default_rng(1))
    neurons = trials.inputs[:, :, -50 * task.n_locations :].sum(2, dtype=float)
    counts = [part.sum(1) for part in np.split(neurons, [g.stimulus, g.stimulus + g.delay], 1)]
    silent, stimulus = 5.0 * task.n_locations, evoked(task.name) * task.n_locations
    share, response = 1.0, silent
    if task.condition == "vardelay":
        share = np.mean([0.1, 0.4, 0.7, 1])
        response = silent * g.response / g.delay if task.name in ("DE1", "DE2") else silent
    if task.name in ("CD", "CD2", "COMP"):
        response = stimulus
    if task.name == "GDE":
        response = 25.0 + 5.0
    for found, expected in zip(counts, (stimulus, share * silent, response), strict=True):
        assert abs(found.mean() - expected) < 3 * found.std() / np.sqrt(n)
    if task.condition == "dynamic":
        bump = trials.inputs[:, :, :50].sum((1, 2), dtype=float)
        assert abs(bump.mean() - bump_spikes(task)) < 3 * np.sqrt(bump_spikes(task) / n)


def test_the_cued_location_fires_in_the_response_phase_of_gde():
    task = DelayTask("GDE", geometry=SHORT)
    trials = task.sample(3000, np.random.default_rng(0))
    _, last = task.counts(trials.inputs)
    counts = last.sum(2)  # (trial, location)
    cued = trials.stimuli.cue[:, None] == np.arange(2)
    for values, expected in ((counts[cued], 25), (counts[~cued], 5)):
        assert abs(values.mean() - expected) < 3 * np.sqrt(expected / 3000)
    assert abs(trials.stimuli.cue.mean() - 0.5) < 3 * 0.5 / np.sqrt(3000)


@pytest.mark.parametrize("name", ["CD", "CD2", "2AFC", "COMP"])
def test_both_answers_are_equally_likely(name):
    answer = DelayTask(name).draw_stimuli(10_000, np.random.default_rng(0)).answer
    assert set(np.unique(answer)) == {0, 1}
    assert abs(answer.mean() - 0.5) < 3 * 0.5 / np.sqrt(10_000)


@pytest.mark.parametrize("task", ALL, ids=name_of)
def test_answers_follow_from_the_stimuli(task):
    n = 300
    trials = task.sample(n, np.random.default_rng(2))
    first, second, answer = trials.stimuli.first, trials.stimuli.second, trials.stimuli.answer
    if task.name in ANGLES:
        assert first.min() > 0
        assert first.max() < np.pi
    if task.name in ("DE1", "DE2"):
        assert np.array_equal(answer, first)
    elif task.name == "GDE":
        assert np.array_equal(answer[:, 0], first[np.arange(n), trials.stimuli.cue])
    elif task.name == "2AFC":
        assert np.array_equal(first, np.where(answer == 1, 15, -15))
    elif task.name == "COMP":
        assert np.array_equal(answer[:, 0] == 1, first[:, 0] > second[:, 0])
        assert max(abs(first).max(), abs(second).max()) < 40
    elif task.name in ("CD", "CD2"):
        changed = first != second
        assert np.array_equal(changed.sum(1), answer[:, 0])  # one location, if any
        assert changed.any(0).all()
    assert trials.inputs.shape == (n, 30, task.n_inputs)
    assert trials.inputs.dtype == np.float32
    assert trials.targets.shape == (n, 30, task.n_outputs)
    if task.name != "SINE":
        shown = np.ones((n, 30)) if trials.mask is None else trials.mask
        expected = (answer[:, None] * shown[..., None]).astype(np.float32)
        assert np.array_equal(trials.targets, expected)


@pytest.mark.parametrize("condition", ["basic", "tethered"])
def test_sine_shows_noise_in_the_delay_and_asks_for_a_ramp(condition):
    task = DelayTask("SINE", condition)
    trials = task.sample(40, np.random.default_rng(0))
    during = np.arange(25, 125)
    noise = trials.inputs[:, during]
    assert not np.delete(trials.inputs, during, 1).any()
    assert abs(noise.mean()) < 3 * 0.1 / np.sqrt(noise.size)
    assert abs(noise.std() - 0.1) < 3 * 0.1 / np.sqrt(2 * noise.size)
    ramp = np.sin(np.linspace(0, np.pi / 4, 25)).astype(np.float32)
    assert np.array_equal(trials.targets[:, 125:, 0], np.tile(ramp, (40, 1)))
    assert not trials.targets[:, :125].any()
    assert trials.stimuli.first.shape == (40, 0)


# Variable delays


@pytest.mark.parametrize(
    ("geometry", "delays"),
    [
        (Geometry(), (10, 40, 70, 100)),
        (SHORT, (2, 8, 14, 20)),
        (Geometry(5, 16, 5), (2, 6, 11, 16)),
        (Geometry(2, 1, 2), (1, 1, 1, 1)),
    ],
)
def test_delays_are_four_shares_of_the_longest(geometry, delays):
    assert geometry.delays == delays
    assert geometry.steps == geometry.stimulus + geometry.delay + geometry.response


def test_delays_are_equally_likely():
    n = 8000
    drawn = DelayTask("CD", "vardelay").draw_stimuli(n, np.random.default_rng(0)).delay
    values, counts = np.unique(drawn, return_counts=True)
    assert list(values) == [10, 40, 70, 100]
    assert (abs(counts - n / 4) < 3 * np.sqrt(n * 3 / 16)).all()
    assert (DelayTask("CD").draw_stimuli(9, np.random.default_rng(0)).delay == 100).all()


@pytest.mark.parametrize("name", ["DE1", "DE2", "CD", "GDE", "2AFC", "COMP"])
def test_a_shorter_delay_leaves_out_its_last_steps_and_nothing_else(name):
    trials = DelayTask(name, "vardelay").sample(60, np.random.default_rng(0))
    assert set(trials.stimuli.delay) == {10, 40, 70, 100}
    for delay, mask, inputs, targets in zip(
        trials.stimuli.delay, trials.mask, trials.inputs, trials.targets, strict=True
    ):
        assert np.array_equal(np.flatnonzero(~mask), np.arange(25 + delay, 125))
        assert not inputs[~mask].any()
        assert not targets[~mask].any()
        assert inputs[:25].any()


def test_other_conditions_leave_out_nothing():
    others = [task for task in ALL if task.condition != "vardelay"]
    assert all(task.sample(2, np.random.default_rng(0)).mask is None for task in others)


# The moving bump


def test_the_bump_s_channels_come_first_and_tell_nothing_of_the_task():
    rng = np.random.default_rng
    moving, still = DelayTask("DE2", "dynamic"), DelayTask("DE2")
    with_bump, without = moving.sample(5, rng(0)), still.sample(5, rng(0))
    assert with_bump.inputs.shape[2] == without.inputs.shape[2] + 50
    assert np.array_equal(with_bump.inputs[:, :, 50:], without.inputs)
    assert np.array_equal(moving.counts(with_bump.inputs)[0], still.counts(without.inputs)[0])
    peaks = moving.bump().argmax(1)
    assert peaks[0] == 0
    assert peaks[-1] == 49
    assert (np.diff(peaks) >= 0).all()


def test_counts_are_those_of_each_location_and_phase():
    task = DelayTask("GDE", "dynamic", SHORT)
    inputs = task.sample(4, np.random.default_rng(0)).inputs
    first, last = task.counts(inputs)
    assert first.shape == last.shape == (4, 2, 50)
    assert np.array_equal(first[:, 1], inputs[:, :5, 100:].sum(1))
    assert np.array_equal(last[:, 0], inputs[:, -5:, 50:100].sum(1))


# Spikes


def test_counts_are_independent_poisson_numbers():
    rates = np.array([[0.0, 0.3, 2.0, 0.0, 0.05, 0.0], [1.0, 0.0, 0.2, 0.7, 0.0, 0.4]])
    n, steps = 4000, 3
    counts = poisson_counts(np.repeat(rates, n, 0), steps, np.random.default_rng(0))
    assert counts.shape == (2 * n, steps, 6)
    assert counts.dtype == np.float32
    for rate, drawn in zip(rates, counts.reshape(2, n, steps, 6), strict=True):
        assert not drawn[..., rate == 0].any()
        fires = rate > 0
        error = np.sqrt(rate[fires] / n)  # of a mean; of a variance sqrt((r + 2 r^2) / n)
        assert (abs(drawn.mean(0)[:, fires] - rate[fires]) < 4 * error).all()
        spread = np.sqrt((rate + 2 * rate**2)[fires] / n)
        assert (abs(drawn.var(0)[:, fires] - rate[fires]) < 4 * spread).all()
        cells = drawn[..., fires].reshape(n, -1)
        correlation = np.corrcoef(cells.T)[np.triu_indices(cells.shape[1], 1)]
        assert abs(correlation).max() < 4 / np.sqrt(n)
        share = (drawn[..., fires] == 0).mean((0, 1))
        assert np.allclose(share, np.exp(-rate[fires]), atol=4 * 0.5 / np.sqrt(n * steps))


class OnTheEdge:
    """Draws the smallest of its numbers each time."""

    def poisson(self, expected):
        return np.full(expected.shape, 2)

    def random(self, n):
        return np.zeros(n)

    def integers(self, low, high, n):
        return np.full(n, low)


def test_silent_channels_do_not_fire_whatever_is_drawn():
    rates = np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 1.0]])
    counts = poisson_counts(rates, 3, OnTheEdge())
    assert counts[:, 0].tolist() == [[0, 0, 2, 0], [0, 2, 0, 0]]
    assert counts.sum() == 4


def test_a_trial_s_spikes_do_not_fall_into_another():
    rates = np.zeros((500, 4))
    rates[::2, 3] = rates[1::2, 0] = 3.0
    counts = poisson_counts(rates, 2, np.random.default_rng(0))
    assert counts[::2, :, 3].any()
    assert counts[1::2, :, 0].any()
    assert not counts[::2, :, :3].any()
    assert not counts[1::2, :, 1:].any()


@pytest.mark.parametrize("task", ALL, ids=name_of)
def test_one_generator_draws_the_same_trials(task):
    one, two = (task.sample(3, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.inputs, two.inputs)
    assert np.array_equal(one.targets, two.targets)
    assert not np.array_equal(one.inputs, task.sample(3, np.random.default_rng(6)).inputs)


# Names and sizes


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("DE-1", "DE1"),
        ("de1", "DE1"),
        (" DE-2 ", "DE2"),
        ("Sine", "SINE"),
        ("sine", "SINE"),
        ("2afc", "2AFC"),
        ("cd2", "CD2"),
        ("gde", "GDE"),
        (0, "DE1"),
        ("2", "CD"),
        (3, "CD2"),
        (5, "VDE1"),
        ("6", "2AFC"),
        (7, "SINE"),
        (8, "COMP"),
    ],
)
def test_a_task_can_be_named_in_several_ways(given, name):
    assert task_name(given) == name


def test_unknown_tasks_are_refused_with_the_valid_ones():
    with pytest.raises(
        ConfigError, match=r"Unknown task code 9. Allowed: 0 = DE-1, .*7 = Sine, 8 = COMP"
    ):
        task_name(9)
    with pytest.raises(ConfigError, match=r"Unknown task 'COMPARE'. Did you mean 'COMP'"):
        task_name("compare")
    with pytest.raises(ConfigError, match="Unknown task 'DE3'"):
        DelayTask("DE3")
    with pytest.raises(ConfigError, match=r"Unknown condition 'varied'. .*Allowed: basic"):
        DelayTask("CD", "varied")


@pytest.mark.parametrize(
    ("name", "condition"), [("SINE", "dynamic"), ("SINE", "vardelay"), ("CD2", "vardelay")]
)
def test_conditions_that_a_task_does_not_have(name, condition):
    with pytest.raises(ConfigError, match=f"The {condition} condition is not defined for the task"):
        DelayTask(name, condition)


def test_how_tasks_are_written():
    assert [tasks.title(name) for name in tasks.TASKS] == [
        "DE-1", "DE-2", "CD", "GDE", "2AFC", "Sine", "COMP"
    ]  # fmt: skip
    assert list(tasks.CODES.values()) == [
        "DE1", "DE2", "CD", "CD2", "GDE", "VDE1", "2AFC", "SINE", "COMP"
    ]  # fmt: skip


def test_inputs_and_outputs():
    sizes = {
        t: (DelayTask(t).n_inputs, DelayTask(t).n_outputs, DelayTask(t).is_choice) for t in tasks.TASKS
    }
    assert sizes == {
        "DE1": (50, 1, False),
        "DE2": (100, 2, False),
        "CD": (50, 1, True),
        "GDE": (100, 1, False),
        "2AFC": (50, 1, True),
        "SINE": (50, 1, False),
        "COMP": (50, 1, True),
    }
    moved = DelayTask("DE2").with_condition("dynamic")
    assert moved.n_inputs == 150
    assert moved.geometry == Geometry()
