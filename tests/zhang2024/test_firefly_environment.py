"""The task as a Gymnasium environment, for anybody's learning algorithm."""

import math
from functools import partial

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from mempaper.zhang2024.environment import FireflyEnv
from mempaper.zhang2024.task import Firefly
from mempaper.zhang2024.trials import Conditions, make_trials
from mempaper.zhang2024.world import NORMAL_PEAKS, World

FORWARD, STOP = np.array([1.0, 0.0], np.float32), np.zeros(2, np.float32)
STILL = Conditions(process_noise=(0.0, 0.0), observation_noise=(0.0, 0.0))
PUSHED = Conditions(gain=(1.0, 2.0), peaks=NORMAL_PEAKS)


def play(env, actions, **reset):
    """Observations, and what each step gave, until the trial ends."""
    observation, info = env.reset(**reset)
    observations, steps = [observation], [(0.0, False, False, info)]
    for action in actions:
        observation, *step = env.step(action)
        observations.append(observation)
        steps.append(tuple(step))
        if step[1] or step[2]:
            break
    return np.array(observations), steps


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"conditions": PUSHED},
        {"world": World(target_fullon=True, reward_mode="gauss")},
        {"conditions": Conditions(gain=(3.0, 4.0), process_noise=(1.0, 1.0))},
    ],
)
def test_checker_is_content(options):
    env = gymnasium.make("mempaper/Firefly-v0", **options)
    check_env(env.unwrapped)
    space = env.observation_space
    assert np.isfinite([space.low, space.high]).all()
    env.reset(seed=1)
    for _ in range(300):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        assert space.contains(observation)
        assert (np.abs(observation) < 0.5 * space.high)[[0, 1, 4, 5]].all(), "bounds are generous"
        if terminated or truncated:
            env.reset()


def test_a_seed_gives_the_same_trials_and_a_reset_without_one_goes_on():
    actions = np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32)
    episodes = []
    for seed in (5, 5, 6):
        env = FireflyEnv(PUSHED)
        episodes.append([play(env, actions, seed=seed)[0], play(env, actions)[0]])
    for one, two in zip(episodes[0], episodes[1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(episodes[0][0][0], episodes[0][1][0])
    assert not np.array_equal(episodes[0][0][0], episodes[2][0][0])


def test_without_a_seed_trials_differ():
    first = {tuple(FireflyEnv().reset()[0][4:]) for _ in range(3)}
    assert len(first) == 3


def test_it_is_the_core():
    """Observations, rewards and ends of the environment are those of the task."""
    target, peak, start = [0.1, 0.6], [0.3, -1.0], 4
    env = FireflyEnv(STILL)
    rng = np.random.default_rng(1)
    actions = rng.uniform(-1, 1, (35, 2)).astype(np.float32)
    options = {"target": target, "gain": 1.5, "peak": peak, "start": start}
    observations, steps = play(env, actions, seed=0, options=options)
    trials = make_trials(
        torch.tensor([target]),
        gain=1.5,
        process_noise=0,
        observation_noise=0,
        peak=torch.tensor([peak]),
        start=torch.tensor([start]),
    )
    core = Firefly(env.world, trials, torch.zeros(1, 35, 4))
    for t, (reward, terminated, truncated, info) in enumerate(steps[1:]):
        np.testing.assert_allclose(observations[t], core.inputs()[0], atol=1e-6)
        step = core.step(torch.from_numpy(actions[t])[None])
        assert reward == pytest.approx(float(step.reward))
        assert terminated == bool(step.stopped)
        assert truncated == (t == 34)
        assert info["distance"] == pytest.approx(400 * float(step.distance), rel=1e-5)
        assert info["gain"] == pytest.approx(1.5)
        np.testing.assert_allclose(info["target"], target)
    assert len(steps) == 36


def test_a_stop_in_the_zone_terminates_and_is_rewarded():
    env = FireflyEnv(STILL)
    options = {"target": np.array([[0.0], [1.0]])}
    observations, steps = play(env, [FORWARD] * 17 + [STOP] * 9, options=options)
    reward, terminated, truncated, info = steps[-1]
    assert len(steps) == 19  # seen, and stopped, one step after the stop of the motion: too early
    assert (terminated, truncated) == (True, False)
    assert info["distance"] == pytest.approx(80, abs=1e-3)
    assert reward == pytest.approx(10 * math.exp(-(80**2) / 2 / (65 / 1.5) ** 2), abs=1e-3)
    assert not info["rewarded"]
    creep = [FORWARD] * 17 + [FORWARD * 0.11] + [STOP]
    reward, terminated, _, info = play(env, creep, options=options)[1][-1]
    assert (reward, terminated, info["reached"], info["rewarded"]) == (10, True, True, True)
    assert info["distance"] == pytest.approx(60, abs=1e-3)
    assert observations[0, 5] == 1


def test_a_trial_without_a_stop_is_truncated_at_step_35_and_gives_nothing():
    for action in (FORWARD, STOP):
        _, steps = play(FireflyEnv(), [action] * 40, seed=0)
        assert len(steps) == 36
        assert [step[2] for step in steps] == [False] * 35 + [True]
        assert not any(step[1] or step[0] for step in steps)


def test_visibility_and_the_last_action():
    observations, _ = play(FireflyEnv(), [FORWARD * 0.5] * 40, seed=0)
    assert observations[:4, 4:].any(1).all()
    assert not observations[4:, 4:].any()
    assert (observations[1:, 2] == 0.5).all()
    shown, _ = play(FireflyEnv(world=World(target_fullon=True)), [FORWARD] * 40, seed=0)
    assert shown[:, 4:].any(1).all()


def test_noises_keep_their_fractions_of_a_given_gain():
    env = FireflyEnv(Conditions(process_noise=(0.2, 0.2), observation_noise=(0.0, 0.0)))
    speeds = []
    env.reset(seed=0)
    for _ in range(300):
        env.reset(options={"gain": 2})
        speeds.append(env.step(FORWARD)[0][0])
    assert np.mean(speeds) == pytest.approx(1, abs=0.05)
    assert np.std(speeds) == pytest.approx(0.2, rel=0.15)


@pytest.mark.parametrize(
    "action", [[0.0], [0.0, 0.0, 0.0], 0.5, [1.01, 0.0], [0.0, -2.0], [math.nan, 0.0], [[0.0, 0.0]]]
)
def test_impossible_actions_are_refused(action):
    env = FireflyEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"it must be two numbers within \[-1, 1\]"):
        env.step(np.array(action))
    env.step(STOP)  # and the trial goes on


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": [0, 1]}, "Unknown option 'targets'. Did you mean 'target'"),
        ({"target": [0, 0]}, "distance 0"),
        ({"target": [0.1, 0.2, 0.3]}, r"target has shape \(3,\)"),
        ({"target": "left"}, "target 'left' is not two numbers"),
        ({"target": [0, math.inf]}, "target .* is beyond 10 units"),
        ({"target": [0, math.nan]}, "not finite"),
        ({"gain": 0}, "gain 0.0 is not positive"),
        ({"gain": -1}, "gain -1.0 is not positive"),
        ({"gain": "high"}, "gain 'high'"),
        ({"gain": math.nan}, "gain nan"),
        ({"peak": [0.1, 0.1]}, "peak and start"),
        ({"start": 3}, "peak and start"),
        ({"peak": [0.1, 0.1], "start": -1}, "start .* negative"),
        ({"peak": [0.1, 0.1], "start": 1.5}, "start 1.5 is not a step"),
        ({"peak": [0.1, math.inf], "start": 1}, "peak .* not finite"),
    ],
)
def test_impossible_options_are_refused(options, message):
    env = FireflyEnv()
    with pytest.raises(ValueError, match=message):
        env.reset(seed=0, options=options)


def test_misuse_is_refused():
    env = FireflyEnv()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(STOP)
    play(env, [FORWARD] * 40, seed=0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(STOP)
    with pytest.raises(ValueError, match=r"initial_radius \(0.25, 12\) reaches beyond 10 units"):
        FireflyEnv(world=World(initial_radius=(0.25, 12)))


def test_another_library_learns():
    """PPO of stable-baselines3 (pip install mempaper[rl]) soon earns more in an easy world."""
    sb3 = pytest.importorskip("stable_baselines3", reason="the extra rl is not installed")
    easy = World(target_fullon=True, stop_action=0.3, goal_radius=(0.5, 0.5), initial_radius=(0.8, 1))
    policy = sb3.PPO(
        "MlpPolicy",
        sb3.common.vec_env.DummyVecEnv([partial(FireflyEnv, world=easy)] * 8),
        gamma=0.97,
        n_steps=64,
        batch_size=128,
        learning_rate=1e-3,
        seed=0,
        device="cpu",
    )
    before = mean_reward(policy, easy)
    policy.learn(3500)
    assert mean_reward(policy, easy) > 2 * before


def mean_reward(policy, world, n_trials=100):
    """Reward per trial of the stochastic policy."""
    env, total = FireflyEnv(world=world), 0.0
    env.reset(seed=1)
    for _ in range(n_trials):
        observation, _ = env.reset()
        over = False
        while not over:
            action, _ = policy.predict(observation, deterministic=False)
            observation, reward, terminated, truncated, _ = env.step(action)
            total += reward
            over = terminated or truncated
    return total / n_trials
