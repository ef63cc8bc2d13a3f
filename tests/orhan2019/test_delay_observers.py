"""Ideal observers against Bayes' rule done by summing, and what networks lose against them."""

import numpy as np
import pytest
from scipy.special import expit, i0

from mempaper.orhan2019 import observers
from mempaper.orhan2019.evaluation import ideal_for
from mempaper.orhan2019.observers import information_loss
from mempaper.orhan2019.task import N_NEURONS, TASKS, DelayTask

CHOICES = ("CD", "CD2", "2AFC", "COMP")


def answers(name, n, condition="basic"):
    """What is asked, and the ideal answers."""
    task = DelayTask(name, condition)
    asked, best = zip(
        *(ideal_for(task, task.sample(500, np.random.default_rng([0, k])), 5) for k in range(n // 500)),
        strict=True,
    )
    return np.concatenate(asked), np.concatenate(best)


def spikes(name, n, seed=0):
    """Counts in stimulus and response phase (trial, location, neuron), and the stimuli."""
    task = DelayTask(name)
    trials = task.sample(n, np.random.default_rng(seed))
    return task, *task.counts(trials.inputs), trials.stimuli


def log_likelihood(task, counts, grid):
    """Of counts (trial, neuron) for every stimulus of a grid, (trial, stimulus).

    Without the expected number of all spikes, as if it were the same for all stimuli: neurons tile the
    circle but for its two ends, which are one angle.
    """
    return counts @ np.log(task.tuning(grid[:, None])).T


def posterior(logs):
    weights = np.exp(logs - logs.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


ANGLES = (np.arange(720) + 0.5) * np.pi / 720


def test_the_angle_is_the_most_likely_one():
    task, first, _, _ = spikes("DE1", 300)
    found = observers.preferred_angle(first, task.preferred)[:, 0]
    likeliest = ANGLES[log_likelihood(task, first[:, 0], ANGLES).argmax(1)]
    apart = abs(found - likeliest) % np.pi
    assert np.minimum(apart, np.pi - apart).max() <= np.pi / 1440 + 1e-9
    assert found.min() >= 0
    assert found.max() < np.pi


def test_without_spikes_the_angle_is_0():
    assert (
        observers.preferred_angle(np.zeros((2, 3, 50)), DelayTask("DE1").preferred).tolist()
        == [[0, 0, 0]] * 2
    )


def test_turning_all_spikes_turns_the_angle():
    phi = DelayTask("DE1").preferred
    counts = np.zeros(50)
    counts[[10, 11, 14]] = 2, 1, 3
    turned = np.roll(counts, 20)
    difference = observers.preferred_angle(turned, phi) - observers.preferred_angle(counts, phi)
    assert difference == pytest.approx(20 * np.pi / 49)


def test_gde_answers_for_the_cued_location():
    task, first, second, stimuli = spikes("GDE", 200)
    both = observers.preferred_angle(first, task.preferred)
    found = observers.ideal_answer(task, first, second, stimuli.cue)
    assert np.array_equal(found[:, 0], np.where(stimuli.cue == 1, both[:, 1], both[:, 0]))


def test_2afc_is_bayes_rule():
    task, first, second, _ = spikes("2AFC", 400)
    left, right = log_likelihood(task, first[:, 0], np.array([-15.0, 15.0])).T
    expected = expit(right - left)
    assert np.allclose(observers.ideal_answer(task, first, second)[:, 0], expected, atol=1e-10)


def test_comp_is_bayes_rule_for_flat_priors():
    task, first, second, _ = spikes("COMP", 200)
    grid = np.linspace(-90, 90, 1801)  # wider than the stimuli: the observer does not know their range
    one, two = (posterior(log_likelihood(task, counts[:, 0], grid)) for counts in (first, second))
    below = two.cumsum(1) - two / 2
    expected = (one * below).sum(1)
    assert np.allclose(observers.ideal_answer(task, first, second)[:, 0], expected, atol=1e-4)


def test_comp_without_a_spike_has_no_answer():
    task, first, second, _ = spikes("COMP", 3)
    first[0], second[1] = 0, 0
    found = observers.ideal_answer(task, first, second)[:, 0]
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2])


def test_change_evidence_is_that_of_the_original_s_double_sums():
    task, first, second, _ = spikes("CD", 100)
    phi = task.preferred
    cosines = np.cos(phi[:, None] - phi)

    def angle_and_length(counts):
        doubled = np.arctan2(counts @ np.sin(2 * phi), counts @ np.cos(2 * phi))
        return doubled, np.sqrt(np.einsum("ni,ij,nj->n", counts, cosines, counts))

    (m1, k1), (m2, k2) = angle_and_length(first[:, 0]), angle_and_length(second[:, 0])
    d = i0(k1) * i0(k2) / i0(np.sqrt(k1**2 + k2**2 + 2 * k1 * k2 * np.cos(m2 - m1)))
    assert np.allclose(observers.ideal_answer(task, first, second)[:, 0], d / (1 + d), atol=1e-9)


def test_two_locations_average_their_evidence():
    task, first, second, _ = spikes("CD2", 50)
    d = [observers.change_evidence(first[:, j], second[:, j], task.preferred) for j in range(2)]
    mean = np.mean(d, 0)
    assert np.allclose(observers.ideal_answer(task, first, second)[:, 0], mean / (1 + mean))


def test_the_true_probability_of_a_change_is_bayes_rule():
    task, first, second, stimuli = spikes("CD", 3000)
    found = observers.true_change_probability(first[:, 0], second[:, 0], task.preferred)
    one, two = (posterior(log_likelihood(task, c[:, 0], ANGLES)) for c in (first, second))
    same = (one * two).sum(1) * len(ANGLES)  # likelihood of one angle over that of two
    assert np.allclose(found, 1 / (1 + same), atol=1e-6)
    answer = stimuli.answer[:, 0]
    original = observers.ideal_answer(task, first, second)[:, 0]
    right = [((p > 0.5) == (answer == 1)).mean() for p in (found, original)]
    assert right == pytest.approx([0.88, 0.863], abs=0.02)
    for low in (0.1, 0.3, 0.5, 0.7):  # where it says p, a share p of the trials has a change
        among = (found >= low) & (found < low + 0.2)
        error = 0.5 / np.sqrt(among.sum())
        assert abs(answer[among].mean() - found[among].mean()) < 3 * error


@pytest.mark.parametrize("name", [t for t in TASKS if t != "SINE"])
def test_how_well_ideal_observers_do(name):
    asked, best = answers(name, 5000)
    if name in ("DE1", "DE2", "GDE"):
        error = observers.wrapped_error(best, asked)
        assert error.mean() == pytest.approx(0.17, abs=0.02)
        assert np.minimum(error, np.pi - error).mean() == pytest.approx(0.089, abs=0.01)
    else:
        expected = {"CD": 0.863, "2AFC": 1.0, "COMP": 0.96}[name]
        assert ((best > 0.5) == (asked == 1)).mean() == pytest.approx(expected, abs=0.02)


def test_sine_asks_for_its_target_at_the_readout():
    task = DelayTask("SINE")
    trials = task.sample(3, np.random.default_rng(0))
    for readout in (1, 5):
        asked, best = ideal_for(task, trials, readout)
        assert np.array_equal(asked, trials.targets[:, -readout])
        assert np.array_equal(asked, best)
    counts = np.zeros((3, 1, N_NEURONS))
    with pytest.raises(ValueError, match="SINE has no stimulus"):
        observers.ideal_answer(task, counts, counts)


# Information loss


@pytest.mark.parametrize("name", CHOICES)
def test_guessing_loses_all_information(name):
    asked, best = answers(name, 1000)
    assert information_loss(name, asked, best, np.full(best.shape, 0.5)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", [*TASKS, "CD2"])
@pytest.mark.parametrize("condition", ["basic", "vardelay"])
def test_the_ideal_observer_loses_nothing(name, condition):
    if condition == "vardelay" and name in ("SINE", "CD2"):
        condition = "tethered"
    asked, best = answers(name, 1000, condition)
    within = np.clip(best, 1e-6, 1 - 1e-6) if name in CHOICES else best
    assert information_loss(name, asked, within, within) == 0
    assert information_loss(name, asked, best, best) == pytest.approx(0, abs=1e-5)  # outputs are clipped


def test_answering_the_middle_in_de1():
    asked, best = answers("DE1", 20_000)
    middle = np.full(asked.shape, np.pi / 2)
    assert information_loss("DE1", asked, best, middle) == pytest.approx(3.6, abs=0.2)
    assert observers.wrapped_error(middle, asked).mean() == pytest.approx(np.pi / 4, abs=0.02)


def test_a_silent_network_in_sine():
    asked, best = answers("SINE", 500)
    assert information_loss("SINE", asked, best, np.zeros(asked.shape)) == pytest.approx(0.608, abs=1e-3)
    assert information_loss("SINE", asked, best, asked - 0.25) == pytest.approx(0.25)


def test_the_mod_pi_error_is_not_circular():
    assert observers.wrapped_error(
        np.array([0.1, 3.0, -0.1]), np.array([3.0, 0.1, 3.1])
    ) == pytest.approx([2.9, 2.9, 3.2 - np.pi])


def test_an_estimate_can_be_better_than_the_observer_s():
    asked, best = answers("DE1", 1000)
    assert information_loss("DE1", asked, best, asked) == pytest.approx(-1)


def test_trials_without_a_probability_drop_out():
    p = np.array([0.2, 0.7, 1.0, 0.0, np.nan, 0.9])
    q = np.array([0.3, 0.6, 0.1, 0.9, 0.5, 0.8])
    kept = [0, 1, 5]
    a, b = p[kept], q[kept]
    lost = (a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b))).mean()
    gained = (a * np.log(2 * a) + (1 - a) * np.log(2 * (1 - a))).mean()
    assert information_loss("COMP", p > 0.5, p, q) == pytest.approx(lost / gained)


def test_a_wrong_certain_answer_costs_much_but_not_infinitely():
    p = np.full(100, 0.999)
    found = information_loss("2AFC", np.ones(100), p, np.zeros(100))
    assert found == information_loss("2AFC", np.ones(100), p, np.full(100, 1e-6))
    assert 10 < found < 30


def test_losses_of_unknown_tasks_are_refused():
    with pytest.raises(ValueError, match="unknown task 'DE-1'"):
        information_loss("DE-1", np.zeros(2), np.zeros(2), np.zeros(2))


def test_answers_are_compared_whatever_their_shape():
    asked, best = answers("DE2", 500)
    flat = information_loss("DE2", asked.ravel(), best.ravel(), best.ravel() + 0.1)
    assert information_loss("DE2", asked, best, best + 0.1) == flat
