"""The task: what is drawn, how the agent moves, when a trial ends, and inputs that are refused."""

import math

import numpy as np
import pytest
import torch

from mempaper.zhang2024.task import Firefly, step_noise
from mempaper.zhang2024.trials import (
    SMALL_PEAKS,
    Conditions,
    Trials,
    draw_each_in_order,
    draw_in_order,
    draw_trials,
    make_trials,
)
from mempaper.zhang2024.world import GAIN, LARGE_PEAKS, LINEAR_SCALE, NORMAL_PEAKS, World

WORLD = World()
STILL = {"process_noise": 0, "observation_noise": 0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drive(world, trials, actions, noise=None):
    """States (step, trial, 5) before each step and what the steps gave; nothing is stopped."""
    noise = torch.zeros(len(trials), world.n_steps, 4) if noise is None else noise
    firefly, x, steps = Firefly(world, trials, noise), [], []
    for t in range(world.n_steps):
        x.append(firefly.x)
        steps.append(firefly.step(actions[:, t]))
    return torch.stack(x), steps


# What is drawn


def test_targets_are_uniform_over_the_area():
    trials = draw_trials(40_000, WORLD, Conditions(), generator())
    r = LINEAR_SCALE * trials.target.norm(dim=1).double()
    assert (r.min(), r.max()) == (pytest.approx(100, abs=1), pytest.approx(400, abs=1))
    assert float(r.mean()) == pytest.approx(280, abs=3 * float(r.std()) / 200)
    assert float((r**2).mean()) == pytest.approx(85_000, abs=3 * float((r**2).std()) / 200)
    angle = torch.rad2deg(torch.atan2(trials.target[:, 0], trials.target[:, 1]))
    assert 34.9 < float(angle.max()) <= 35.001
    assert -35.001 <= float(angle.min()) < -34.9
    assert abs(float(angle.mean())) < 0.3


@pytest.mark.parametrize("seed", [0, 1])
def test_batched_and_single_draws_have_the_same_distribution(seed):
    conditions = Conditions(
        gain=(1, 2), process_noise=(0.1, 0.3), observation_noise=(0.0, 0.4), exclude_gain=(1.2, 1.9)
    )
    n = 1500
    one = draw_each_in_order(n, WORLD, conditions, generator(seed), sensor=True)
    many = draw_trials(n, WORLD, conditions, generator(seed))
    for name in ("target", "gain", "process_std", "observation_std"):
        a, b = getattr(one, name), getattr(many, name)
        error = 4 * a.std(0) * math.sqrt(2 / n)
        assert ((a.mean(0) - b.mean(0)).abs() < error).all(), name
    gain = torch.cat([one.gain, many.gain])[:, 0] / GAIN[0]
    assert not ((gain > 1.2) & (gain < 1.9)).any()


@pytest.mark.parametrize("draw", [draw_trials, draw_each_in_order])
def test_perturbations_are_redrawn_each_by_itself_and_begin_at_step_0_to_10(draw):
    conditions = Conditions(peaks=NORMAL_PEAKS, exclude_peaks=SMALL_PEAKS)
    trials = draw(800, WORLD, conditions, generator())
    size = trials.peak.abs() * torch.tensor([400, 180 / math.pi])
    assert size.min(0).values.tolist() == pytest.approx([100, 60], abs=2)
    assert size.max(0).values.tolist() == pytest.approx([200, 120], abs=2)
    assert sorted(set(trials.start.tolist())) == list(range(11))
    assert torch.equal(trials.gain, torch.tensor(GAIN).expand(800, 2))
    large = draw(800, WORLD, Conditions(peaks=LARGE_PEAKS), generator()).peak
    assert float(large[:, 0].max()) > 1.9
    assert float(large[:, 0].min()) > -0.501


def test_equal_ends_of_a_range_take_a_random_number_too():
    """The sensor's draw and the others are one number each, so the streams stay together."""
    g, plain = generator(), generator()
    draw_in_order(WORLD, Conditions(), g)
    torch.empty(6).uniform_(generator=plain)
    assert torch.equal(torch.rand(3, generator=g), torch.rand(3, generator=plain))


def test_the_same_seed_draws_the_same_trials():
    conditions = Conditions(peaks=NORMAL_PEAKS, exclude_peaks=SMALL_PEAKS)
    for draw in (draw_trials, draw_each_in_order):
        one, two = (draw(20, WORLD, conditions, generator(3)) for _ in range(2))
        other = draw(20, WORLD, conditions, generator(4))
        assert all(
            torch.equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True)
        )
        assert not torch.equal(one.target, other.target)


def test_another_gain_keeps_the_fractions_of_the_noises():
    trials = draw_trials(5, WORLD, Conditions(), generator())
    double = trials.with_gain(2.0)
    assert torch.equal(double.target, trials.target)
    torch.testing.assert_close(double.gain, 2 * trials.gain)
    torch.testing.assert_close(double.process_std, 0.2 * double.gain)
    torch.testing.assert_close(double.observation_std, 0.1 * double.gain)
    torch.testing.assert_close(double.with_gain(1.0).gain, trials.gain)
    each = trials.with_gain(torch.tensor([1.0, 2, 3, 4, 5]))
    torch.testing.assert_close(each.gain[:, 0] / GAIN[0], torch.tensor([1.0, 2, 3, 4, 5]))
    noisy = trials.with_noise(process=0.4)
    torch.testing.assert_close(noisy.process_std, 0.4 * trials.gain)
    assert torch.equal(noisy.observation_std, trials.observation_std)


# How the agent moves


def test_straight_ahead_the_earliest_rewarded_stop_is_at_step_18():
    """k full actions give 20 k cm at step k + 1."""
    trials = make_trials(torch.tensor([[0.0, 1.0]]), **STILL)
    for n_full, rewarded in ((16, False), (17, True)):
        actions = torch.zeros(1, 35, 2)
        actions[:, :n_full, 0] = 1
        x, steps = drive(WORLD, trials, actions)
        y = LINEAR_SCALE * x[:, 0, 1]
        assert y[n_full + 1 :].tolist() == pytest.approx([20 * n_full] * (34 - n_full), abs=1e-2)
        reached = [bool(step.reached & step.stopped) for step in steps]
        assert reached.index(True) == 18 if rewarded else not any(reached)


def test_the_last_two_actions_do_not_move_the_place_that_is_scored():
    trials = make_trials(torch.tensor([[0.1, 0.7]]), **STILL)
    actions = torch.rand(1, 35, 2, generator=generator()) * 2 - 1
    other = actions.clone()
    other[:, 33:] *= -1
    (one, _), (two, _) = (drive(WORLD, trials, a) for a in (actions, other))
    assert torch.equal(one[34, :, :3], two[34, :, :3])
    other[:, 32] *= -1
    assert not torch.equal(one[34, :, :2], drive(WORLD, trials, other)[0][34, :, :2])


def test_positive_angular_actions_turn_left_and_angles_are_never_wrapped():
    trials = make_trials(torch.tensor([[0.1, 0.7]]), **STILL)
    actions = torch.ones(1, 35, 2)
    x, _ = drive(WORLD, trials, actions)
    assert float(x[3, 0, 0]) < 0
    assert float(x[34, 0, 2]) == pytest.approx(math.pi / 2 * (1 + 3.3), abs=1e-4)


def test_a_bump_pushes_for_eleven_steps_and_does_not_prolong_the_trial():
    bump = WORLD.bump()
    assert bump.shape == (11,)
    assert float(bump[0]) == pytest.approx(0.0439, abs=5e-5)
    assert float(bump[5]) == 1
    peak, start = torch.tensor([[0.5, 2.0], [0.4, -1.0]]), torch.tensor([3, 30])
    trials = make_trials(torch.tensor([[0.1, 0.7]] * 2), peak=peak, start=start, **STILL)
    x, _ = drive(WORLD, trials, torch.zeros(2, 35, 2))
    velocity = x[1:, :, 3:].transpose(0, 1)  # after each step
    torch.testing.assert_close(velocity[0, 3:14], bump[:, None] * peak[0])
    torch.testing.assert_close(velocity[1, 30:], bump[:4, None] * peak[1])
    assert not velocity[0, 14:].any()
    assert not velocity[0, :3].any()


def test_velocity_has_the_noise_of_the_trial_and_observations_more():
    trials = make_trials(torch.tensor([[0.1, 0.7]]).repeat(4000, 1), gain=2.0)
    firefly = Firefly(WORLD, trials, generator())
    firefly.step(torch.full((4000, 2), 0.5))
    process = (firefly.x[:, 3:] / trials.gain).std(0)
    sensor = ((firefly.observation - firefly.x[:, 3:]) / trials.gain).std(0)
    assert process.tolist() == pytest.approx([0.2, 0.2], rel=0.05)
    assert sensor.tolist() == pytest.approx([0.1, 0.1], rel=0.05)


# What is seen


@pytest.mark.parametrize(("world", "n_visible"), [(WORLD, 4), (World(target_fullon=True), 35)])
def test_the_target_is_seen_in_four_inputs_or_always(world, n_visible):
    trials = make_trials(torch.tensor([[0.3, 0.6]]))
    firefly = Firefly(world, trials, step_noise(1, world, generator()))
    inputs = []
    action = torch.tensor([[0.3, -0.2]])
    for _ in range(35):
        inputs.append(firefly.inputs()[0])
        firefly.step(action)
    inputs = torch.stack(inputs)
    assert torch.equal(inputs[0, :4], torch.zeros(4))
    assert inputs[:n_visible, 4:].tolist() == [pytest.approx([0.3, 0.6])] * n_visible
    assert not inputs[n_visible:, 4:].any()
    torch.testing.assert_close(inputs[1:, 2:4], action.expand(34, 2))
    assert inputs[1:, :2].all()


# When a trial ends


@pytest.mark.parametrize(
    ("actions", "stops"),
    [
        ([0.0, 0.0, 0.0], []),
        ([0.5, 0.0, 0.5, 0.0], [1, 3]),
        ([0.1, 0.0], []),
        ([0.5, 0.1], []),
        ([0.0, 0.5, 0.5, -0.099], [3]),
    ],
)
def test_a_stop_needs_a_start_and_both_thresholds_are_strict(actions, stops):
    actions = torch.tensor(actions)[None, :, None].repeat(1, 1, 2)
    firefly = Firefly(WORLD, make_trials(torch.tensor([[0.0, 0.5]]), **STILL), torch.zeros(1, 35, 4))
    found = [bool(firefly.step(actions[:, t]).stopped) for t in range(actions.shape[1])]
    assert [t for t, stopped in enumerate(found) if stopped] == stops


def test_the_action_without_exploration_decides_whether_a_trial_has_started():
    """Exploration alone cannot start a trial; and it can stop one that has started."""
    small, large = torch.full((1, 2), 0.05), torch.full((1, 2), 0.6)
    for raw, stopped in ((small, False), (large, True)):
        firefly = Firefly(WORLD, make_trials(torch.tensor([[0.0, 0.5]])), torch.zeros(1, 35, 4))
        firefly.step(large, raw)
        assert bool(firefly.step(small, large).stopped) is stopped


def test_one_component_out_of_the_box_is_a_move():
    firefly = Firefly(WORLD, make_trials(torch.tensor([[0.0, 0.5]])), torch.zeros(1, 35, 4))
    assert not firefly.step(torch.tensor([[0.0, -0.3]])).stopped  # starts
    assert not firefly.step(torch.tensor([[0.05, -0.3]])).stopped
    assert firefly.step(torch.tensor([[0.05, -0.05]])).stopped


@pytest.mark.parametrize(
    ("mode", "inside", "outside"),
    [("mixed", 10, 3.2465), ("const", 10, 0), ("gauss", 10 * math.exp(-2), 10 * math.exp(-2))],
)
def test_reward_at_the_edge_of_the_zone(mode, inside, outside):
    world, radius = World(reward_mode=mode), 0.1625
    found = world.reward(torch.tensor([radius - 1e-6, radius + 1e-6]), radius)
    assert found.tolist() == pytest.approx([inside, outside], abs=1e-3)
    far = world.reward(torch.tensor([2.0]), radius)
    assert float(far) == pytest.approx(0.01 if mode == "mixed" else 0, abs=1e-6)


def test_trials_run_alone_as_they_run_together():
    trials = draw_trials(8, WORLD, Conditions(peaks=NORMAL_PEAKS), generator())
    noise = step_noise(8, WORLD, generator(1))
    actions = torch.rand(8, 35, 2, generator=generator(2)) * 2 - 1
    together, _ = drive(WORLD, trials, actions, noise)
    for k in range(8):
        which = slice(k, k + 1)
        alone, _ = drive(WORLD, trials[which], actions[which], noise[which])
        torch.testing.assert_close(alone, together[:, which], atol=1e-6, rtol=0)


# Inputs that are refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": 0}, "dt 0"),
        ({"dt": math.nan}, "dt nan"),
        ({"episode_time": 0.1}, "episode_time is below two steps"),
        ({"reward_mode": "mean"}, "reward_mode 'mean' is not one of"),
        ({"target_off": -1}, "target_off -1 is negative"),
        ({"bump_duration": 9}, "bump_duration 9"),
        ({"bump_duration": 0}, "bump_duration 0"),
        ({"bump_std": 0}, "bump_std 0"),
        ({"stop_action": 0}, "stop_action 0"),
        ({"reward_scale": -1}, "reward_scale -1"),
        ({"relative_angle": -0.1}, "relative_angle -0.1"),
        ({"goal_radius": (0, 0.1)}, "goal_radius"),
        ({"initial_radius": (0.5, 0.25)}, "initial_radius"),
    ],
)
def test_an_impossible_world_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        World(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gain": (0, 1)}, "gain"),
        ({"gain": (2, 1)}, "gain"),
        ({"gain": (1, math.inf)}, "gain"),
        ({"exclude_gain": (0.5, 2)}, "exclude_gain .* leaves nothing"),
        ({"gain": (1, 2), "exclude_gain": (1, 2)}, "exclude_gain .* leaves nothing"),
        ({"process_noise": (-0.1, 0.1)}, "process_noise"),
        ({"observation_noise": (0.3, 0.1)}, "observation_noise"),
        ({"exclude_peaks": SMALL_PEAKS}, "exclude_peaks is given without peaks"),
        ({"peaks": NORMAL_PEAKS, "exclude_peaks": (0.5, 0.1)}, "exclude_peaks .* leaves nothing"),
        ({"peaks": NORMAL_PEAKS, "exclude_peaks": (-0.5, 0.1)}, "exclude_peaks .* below zero"),
        ({"peaks": ((1, -1), (0, 1))}, "peaks"),
        ({"start": (-1, 3)}, "start"),
        ({"start": (5, 3)}, "start"),
    ],
)
def test_impossible_conditions_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Conditions(**change)


def test_an_exclusion_that_leaves_something_is_allowed():
    Conditions(gain=(1, 1), exclude_gain=(1, 2))
    trials = draw_trials(50, WORLD, Conditions(gain=(1, 2), exclude_gain=(0.5, 1.9)), generator())
    assert float((trials.gain[:, 0] / GAIN[0]).min()) >= 1.899


TARGET = torch.tensor([[0.1, 0.5]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": torch.zeros(1, 2)}, "distance 0"),
        ({"target": torch.tensor([0.1, 0.5])}, r"target has shape \(2,\)"),
        ({"target": torch.tensor([[math.nan, 0.5]])}, "not finite"),
        ({"gain": 0.0}, "gain 0.0 is not positive"),
        ({"gain": -1.0}, "gain -1.0 is not positive"),
        ({"gain": math.nan}, "gain nan"),
        ({"process_noise": -0.1}, "noise is negative"),
        ({"observation_noise": -0.1}, "noise is negative"),
        ({"peak": torch.zeros(1, 2)}, "peak and start"),
        ({"start": torch.zeros(1)}, "peak and start"),
        ({"peak": torch.zeros(1, 2), "start": torch.tensor([-1])}, "start .* negative"),
        ({"peak": torch.zeros(2), "start": torch.tensor([1])}, "peak and start have shapes"),
        ({"peak": torch.tensor([[0, math.inf]]), "start": torch.tensor([1])}, "peak .* not finite"),
        ({"radius": 0.0}, "radius 0.0"),
    ],
)
def test_impossible_trials_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        make_trials(**{"target": TARGET, **given})


def test_impossible_changes_of_trials_are_refused():
    trials = make_trials(TARGET)
    with pytest.raises(ValueError, match="gain 0 is not positive"):
        trials.with_gain(0)
    with pytest.raises(ValueError, match="noise is negative"):
        trials.with_noise(observation=-0.1)


def test_actions_and_noise_of_another_shape_are_refused():
    trials = make_trials(TARGET)
    with pytest.raises(ValueError, match=r"noise has shape \(35, 4\), expected \(1, step, 4\)"):
        Firefly(WORLD, trials, torch.zeros(35, 4))
    firefly = Firefly(WORLD, trials, torch.zeros(1, 35, 4))
    for action in (torch.zeros(2), torch.zeros(1, 3), torch.zeros(2, 2)):
        with pytest.raises(ValueError, match=r"action has shape .* two numbers for each trial"):
            firefly.step(action)


@pytest.mark.parametrize("wrong", [1.001, -2.0, math.nan, math.inf])
def test_actions_beyond_what_a_joystick_can_do_are_refused(wrong):
    firefly = Firefly(WORLD, draw_trials(3, WORLD, Conditions(), generator()), torch.zeros(3, 35, 4))
    firefly.step(torch.tensor([[1.0, -1.0]] * 3))
    x, action = firefly.x, torch.zeros(3, 2)
    action[1, 1] = wrong
    with pytest.raises(ValueError, match=r"action at step 1 holds a number outside \[-1, 1\], or NaN"):
        firefly.step(action)
    assert firefly.x is x
    assert firefly.t == 1


def test_trials_can_be_picked():
    trials = draw_trials(6, WORLD, Conditions(), generator())
    mask = torch.tensor([True, False, True, False, False, True])
    picked = trials[mask]
    assert isinstance(picked, Trials)
    assert len(picked) == 3
    assert np.array_equal(picked.target.numpy(), trials.target.numpy()[mask.numpy()])
