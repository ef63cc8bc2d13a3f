"""The extended filter in roll-outs: what it believes and how sure it is."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mempaper.zhang2024.belief import SMALL, Belief, toy_filter
from mempaper.zhang2024.task import Firefly, step_noise
from mempaper.zhang2024.td3 import mirror_beliefs
from mempaper.zhang2024.trials import Conditions, draw_trials, make_trials
from mempaper.zhang2024.world import LARGE_PEAKS, World

WORLD = World()
N_STEPS = 25


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth_actions(n, seed=1):
    """Actions (trial, step, 2) of forward runs with slow turns, as trained agents make."""
    u = torch.rand(n, 2, generator=generator(seed))
    return torch.stack([0.5 + 0.5 * u[:, 0], 0.6 * u[:, 1] - 0.3], 1)[:, None].repeat(1, N_STEPS, 1)


def follow(trials, actions, *, told=True, assumed=None, noise=None):
    """Errors (trial, step, 5) of the belief's mean, and its covariances (trial, step, 5, 5)."""
    n = len(trials)
    noise = step_noise(n, WORLD, generator(2)) if noise is None else noise
    firefly, belief = Firefly(WORLD, trials, noise), Belief(trials, WORLD.dt, *(assumed or ()))
    errors, covariances = [], []
    for t in range(N_STEPS):
        push = firefly.push()
        firefly.step(actions[:, t])
        belief.update(actions[:, t], firefly.observation, push if told else torch.zeros_like(push))
        x = firefly.x.clone()
        x[:, :2] -= trials.target
        errors.append(belief.mean - x)
        covariances.append(belief.covariance)
    return torch.stack(errors, 1), torch.stack(covariances, 1)


@pytest.mark.parametrize(("gain", "process", "sensor"), [(1, 0.2, 0.1), (2, 0.2, 0.1), (1, 0.1, 0.3)])
def test_the_true_state_lies_within_the_covariance(gain, process, sensor):
    """Squared errors, weighed by the covariance, have a chi-square distribution with 3 degrees."""
    targets = draw_trials(1500, WORLD, Conditions(), generator()).target
    trials = make_trials(targets, gain=gain, process_noise=process, observation_noise=sensor)
    errors, covariances = follow(trials, smooth_actions(1500))
    for t in (5, 12, 24):
        e, p = errors[:, t, :3].double(), covariances[:, t, :3, :3].double()
        d2 = (e * torch.linalg.solve(p, e)).sum(1)
        assert float(d2.mean()) == pytest.approx(3, abs=0.5), t
        assert float((d2 < 7.815).double().mean()) == pytest.approx(0.95, abs=0.03), t
        error = e.mean(0) / (e.std(0) / math.sqrt(len(e)))
        assert (error.abs() < 5).all(), "the mean of the belief is biased"


def test_uncertainty_of_the_place_grows_and_that_of_the_velocity_does_not():
    trials = make_trials(torch.tensor([[0.1, 0.8]]))
    _, covariances = follow(trials, smooth_actions(1))
    place = covariances[0, :, [0, 1], [0, 1]].sum(1)
    assert (place[1:] > place[:-1]).all()
    variances = covariances[0, :, [3, 4], [3, 4]] / trials.gain**2
    expected = 1 / (1 / 0.2**2 + 1 / 0.1**2)  # prediction and observation, weighed by reliability
    torch.testing.assert_close(variances, torch.full_like(variances, expected), rtol=1e-4, atol=0)


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_without_process_noise_the_filter_equals_the_state(gain):
    """Then prediction is exact, also with a perturbation it is told of; observations do not matter."""
    drawn = draw_trials(40, WORLD, Conditions(peaks=LARGE_PEAKS), generator())
    trials = drawn.with_gain(gain).with_noise(process=0.0)
    small = torch.full_like(trials.gain, SMALL)
    errors, _ = follow(trials, smooth_actions(40), assumed=(small, trials.observation_std))
    assert float(errors.abs().max()) < 1e-5


def test_without_observation_noise_the_filter_equals_the_state_too():
    """Velocities are then known exactly, and so is the path."""
    trials = make_trials(draw_trials(40, WORLD, Conditions(), generator()).target, observation_noise=0)
    errors, covariances = follow(trials, smooth_actions(40))
    assert float(errors.abs().max()) < 1e-4
    assert float(covariances[:, :, [3, 4], [3, 4]].abs().max()) < 1e-6


def test_a_filter_that_is_not_told_of_a_perturbation_believes_the_observation_by_its_weight():
    """Its error in velocity is what prediction's share leaves of the push."""
    trials = replace(
        make_trials(torch.tensor([[0.0, 0.8]]), peak=torch.tensor([[0.5, 0]]), start=torch.tensor([5])),
        process_std=torch.tensor([[0.1, 0.3]]),
        observation_std=torch.tensor([[0.05, 0.15]]),
    )
    silent = torch.zeros(1, WORLD.n_steps, 4)
    actions = smooth_actions(1)
    told, _ = follow(trials, actions, noise=silent)
    errors, _ = follow(trials, actions, told=False, noise=silent)
    assert float(told.abs().max()) < 1e-5
    weight = 0.1**2 / (0.1**2 + 0.05**2)
    expected = -(1 - weight) * 0.5 * WORLD.bump()
    torch.testing.assert_close(errors[0, 5:16, 3], expected, atol=1e-5, rtol=0)


def test_a_belief_does_not_depend_on_the_other_trials():
    trials = draw_trials(6, WORLD, Conditions(), generator())
    actions, noise = smooth_actions(6), step_noise(6, WORLD, generator(2))
    together, _ = follow(trials, actions, noise=noise)
    for k in range(6):
        which = slice(k, k + 1)
        alone, _ = follow(trials[which], actions[which], noise=noise[which])
        torch.testing.assert_close(alone, together[which], atol=1e-6, rtol=0)


def test_dropping_trials_leaves_the_others_as_they_were():
    trials = draw_trials(6, WORLD, Conditions(), generator())
    belief, whole = (Belief(trials, WORLD.dt) for _ in range(2))
    kept = torch.tensor([True, False, True, True, False, False])
    push, observation, action = torch.zeros(6, 2), torch.rand(6, 2), torch.rand(6, 2)
    belief.keep(kept)
    belief.update(action[kept], observation[kept], push[kept])
    whole.update(action, observation, push)
    torch.testing.assert_close(belief.vector(), whole.vector()[kept])


def test_the_first_vector():
    belief = Belief(make_trials(torch.tensor([[0.25, 0.5]])), WORLD.dt)
    expected = [-0.25, -0.5, math.pi / 2, 0, 0, SMALL, 0, 0, SMALL, 0, SMALL, SMALL, SMALL]
    assert belief.vector()[0].tolist() == pytest.approx(expected)


def test_the_reflection_of_a_belief_is_the_belief_of_the_reflected_trial():
    actions = smooth_actions(1)
    flip = torch.tensor([-1.0, 1.0])
    noise = step_noise(1, WORLD, generator(2))
    sides = []
    for mirrored in (False, True):
        target = torch.tensor([[0.3, 0.7]])
        trials = make_trials(target * flip if mirrored else target)
        a = actions * flip.flip(0) if mirrored else actions
        z = noise * torch.tensor([1.0, -1, 1, -1]) if mirrored else noise
        firefly, belief = Firefly(WORLD, trials, z), Belief(trials, WORLD.dt)
        for t in range(N_STEPS):
            firefly.step(a[:, t])
            belief.update(a[:, t], firefly.observation, torch.zeros(1, 2))
        sides.append(belief.vector())
    torch.testing.assert_close(mirror_beliefs(sides[0]), sides[1], atol=1e-6, rtol=0)


def test_a_filter_without_any_noise_is_refused():
    trials = make_trials(torch.tensor([[0.1, 0.5]]), process_noise=0, observation_noise=0)
    with pytest.raises(ValueError, match="process noise, observation noise, or both"):
        Belief(trials, WORLD.dt)


@pytest.mark.parametrize(("process", "sensor"), [(0.2, 0.1), (0.1, 0.2), (1.0, 1.0)])
def test_the_toy_filter_weighs_by_reliability(process, sensor):
    belief = toy_filter(process, sensor, -3, 3)
    weight = process**2 / (process**2 + sensor**2)
    assert belief.gain[1] == pytest.approx(weight)
    assert belief.mean[1] == pytest.approx(-3 + weight * 6)
    assert np.linalg.eigvalsh(belief.covariance).min() > -1e-12
