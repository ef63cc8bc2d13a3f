"""Decoders, belief errors and maps: known codes are recovered."""

import numpy as np
import pytest
import torch

from mempaper.zhang2024 import decoding, perturbation
from mempaper.zhang2024.analysis import paths
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import scripted
from mempaper.zhang2024.rollout import Agent, run
from mempaper.zhang2024.trial_sets import gain_set, perturbation_set
from mempaper.zhang2024.world import World

WORLD, SIZES = World(), Sizes(rnn=6, fc=5, holistic=7, stacked=6)


def new_agent(architecture):
    return Agent(architecture, SIZES, torch.Generator().manual_seed(0))


def wander(trial_set, agent=None, seed=0):
    """Trials with random actions that end at different times."""
    rng, n = np.random.default_rng(seed), len(trial_set)
    actions = np.stack([rng.uniform(0.2, 1, (n, 35)), rng.uniform(-0.6, 0.6, (n, 35))], -1)
    actions[np.arange(35) >= rng.integers(8, 22, n)[:, None]] = 0
    given = scripted(torch.tensor(actions, dtype=torch.float32))
    return run(agent or new_agent("Actor1Critic1"), WORLD, trial_set.trials, trial_set.noise, given)


@pytest.fixture(scope="module")
def rollouts():
    return wander(gain_set(1, 200))


@pytest.fixture(scope="module")
def code(rollouts):
    """Activity of 12 units that holds position, speed and distances, mixed."""
    known = decoding.variables(rollouts)
    latent = np.nan_to_num(np.stack([*known.values()], -1))
    rng = np.random.default_rng(0)
    return latent @ rng.standard_normal((latent.shape[-1], 12))


# Activity


@pytest.mark.parametrize("architecture", ["Actor1Critic1", "Actor2Critic4", "Actor3Critic5"])
def test_memory_is_what_the_agent_had_while_it_steered(architecture, rollouts):
    agent = new_agent(architecture)
    activity = decoding.actor_memory(agent, rollouts)
    assert activity.shape == (200, int(rollouts.length.max()), agent.actor.rnn.hidden_size)
    trial = 3
    n = int(rollouts.length[trial])
    with torch.no_grad():
        _, (h, _) = agent.actor.rnn(rollouts.states[trial, :n, None])
    assert np.allclose(activity[trial, n - 1], h[0, 0], atol=1e-6)  # h[0]: of the first layer


def test_layers_and_critics_have_their_own_sizes(rollouts):
    modular, holistic = new_agent("Actor3Critic5"), new_agent("Actor1Critic1")
    assert decoding.actor_layers(modular, rollouts).shape[-1] == SIZES.fc
    assert decoding.critic_layers(modular, rollouts).shape[-1] == SIZES.fc
    assert decoding.critic_memory(modular, rollouts).shape[-1] == SIZES.rnn
    assert decoding.critic_memory(holistic, rollouts).shape[-1] == SIZES.holistic
    copies = [decoding.critic_memory(holistic, rollouts, copy) for copy in (1, 2)]
    assert not np.allclose(*copies)


@pytest.mark.parametrize(
    ("architecture", "function"),
    [
        ("EKF", decoding.actor_memory),
        ("ActorEKFCritic1", decoding.actor_memory),
        ("EKF", decoding.critic_memory),
        ("Actor1Critic1", decoding.actor_layers),
        ("Actor1Critic1", decoding.critic_layers),
    ],
)
def test_agents_without_such_a_part_are_named(architecture, function, rollouts):
    with pytest.raises(ValueError, match=architecture):
        function(new_agent(architecture), rollouts)


# Decoding


def test_a_linear_code_is_recovered(code, rollouts):
    names = (*decoding.POSITION, *decoding.ACTOR_VARIABLES)
    found = decoding.decode(code, rollouts, names)
    assert found.predicted.shape == (60, code.shape[1], len(names))
    assert all(r > 0.999 for r in found.correlations().values())
    position = decoding.decode(code, rollouts)
    assert position.error < 2
    assert position.error == pytest.approx(np.nanmean(position.errors))
    assert position.samples.size == int(rollouts.length[140:].sum())


def test_noise_holds_nothing(rollouts):
    noise = np.random.default_rng(1).standard_normal((200, 35, 12))
    found = decoding.decode(noise, rollouts)
    assert max(abs(r) for r in found.correlations().values()) < 0.2
    assert found.error > 50


def test_errors_at_the_end_are_those_of_the_last_step(code, rollouts):
    found = decoding.decode(code[:, :, :4], rollouts)
    last = rollouts.length[140:].numpy() - 1
    assert np.array_equal(found.end_errors, found.errors[np.arange(60), last])
    assert not np.isnan(found.end_errors).any()
    predicted, true = found.end
    assert np.allclose(np.linalg.norm(predicted - true, axis=1), found.end_errors)
    assert np.allclose(true, paths(rollouts).end[140:])


def test_a_decoder_can_be_moved_to_other_trials(code, rollouts):
    fitted = decoding.decode(code, rollouts).decoder
    moved = decoding.decode(code + 1, rollouts, decoder=fitted)
    assert moved.error > decoding.decode(code + 1, rollouts).error + 0.1


def test_penalty_is_chosen_by_leave_one_out():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 8))
    targets = features @ rng.standard_normal((8, 2)) + 2 * rng.standard_normal((60, 2))
    errors = {}
    for penalty in decoding.PENALTIES:
        left_out = []
        for i in range(60):
            rest = np.arange(60) != i
            one = decoding.fit_ridge(features[rest], targets[rest], (penalty,))
            left_out.append(((one.predict(features[i]) - targets[i]) ** 2).mean())
        errors[penalty] = np.mean(left_out)
    assert decoding.fit_ridge(features, targets).penalty == min(errors, key=errors.get)


def test_impossible_requests_are_refused(code, rollouts):
    with pytest.raises(ValueError, match="pos_z"):
        decoding.decode(code, rollouts, ("pos_z",))
    with pytest.raises(ValueError, match="200 trials"):
        decoding.decode(code[:10], rollouts)
    with pytest.raises(ValueError, match="none to test"):
        decoding.decode(code, rollouts, train_share=1.0)


# Belief errors


def test_a_belief_that_ignores_the_push_errs_by_it():
    rollouts = wander(perturbation_set("full", 100))
    place = np.nan_to_num(paths(rollouts).place)
    pushed = perturbation.delivered(rollouts)
    distance = np.linalg.norm(place, axis=-1, keepdims=True)
    shorter = place * (1 - pushed[:, None, :1] / np.maximum(distance, 1e-9))
    knows = decoding.Ridge(np.eye(2), np.zeros(2), 0.0)
    found = decoding.belief_errors(decoding.decode(shorter, rollouts, decoder=knows), rollouts)
    far = np.linalg.norm(paths(rollouts).end[70:], axis=1) > np.abs(found.pushed_distance)
    assert far.sum() > 20
    assert found.distance_error[far] == pytest.approx(-found.pushed_distance[far], abs=1e-3)
    assert found.angle_error[far] == pytest.approx(0, abs=1e-3)
    assert np.array_equal(found.pushed_angle, pushed[70:, 1])


def test_belief_errors_need_the_position(code, rollouts):
    with pytest.raises(ValueError, match="pos_x"):
        decoding.belief_errors(decoding.decode(code, rollouts, ("pos_v",)), rollouts)


# Maps


def test_maps_of_units_that_follow_the_position(rollouts):
    place = np.nan_to_num(paths(rollouts).place)
    activity = np.stack([place[..., 0], place[..., 1] ** 2, np.ones(place.shape[:2])], -1)
    maps = decoding.unit_maps(activity, rollouts)
    assert maps.shape == (3, 60, 80)
    known = ~np.isnan(maps[0])
    assert 0.02 < known.mean() < 0.9
    inside = known.copy()
    for shift in (1, 2):
        for axis in (0, 1):
            inside &= np.roll(known, shift, axis) & np.roll(known, -shift, axis)
    columns = np.broadcast_to(decoding.bin_centres(decoding.MAP_X), known.shape)
    middle = np.abs(maps[0] - columns)[inside]
    assert np.median(middle) < 5
    assert np.allclose(maps[2][known], 1)
    assert np.array_equal(decoding.unit_maps(activity, rollouts, [1])[0], maps[1], equal_nan=True)


def test_bins_are_centred():
    assert decoding.bin_centres((-400, 400, 80))[[0, -1]] == pytest.approx([-395, 395])


def test_smoothing_ignores_what_was_not_visited():
    values = np.full((9, 9), np.nan)
    values[4, 4] = 3.0
    smooth = decoding._smooth(values)
    assert np.array_equal(~np.isnan(smooth), np.pad(np.ones((5, 5), bool), 2))
    assert np.allclose(smooth[2:7, 2:7], 3)


def test_maps_are_compared_where_both_are_known():
    a = np.random.default_rng(0).standard_normal((3, 8, 8))
    b = np.stack([2 * a[0] + 1, -a[1], np.ones((8, 8))])
    b[:, 0, :3] = np.nan
    found = decoding.map_correlations(a, b)
    assert found[:2] == pytest.approx([1, -1])
    assert np.isnan(found[2])
    assert decoding.map_stability(a, b) == pytest.approx(0)
    with pytest.raises(ValueError, match="cannot be compared"):
        decoding.map_correlations(a, b[:2])
