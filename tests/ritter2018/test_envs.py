import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import mempaper.ritter2018.envs  # noqa: F401  (registers the environments)

SMALL = {
    "mempaper/ContextualChoice-v0": {"n_unique": 3, "obs_dim": 4, "trial_length": 4, "t_noise_off": 2},
    "mempaper/BarcodeBandit-v0": {
        "n_arms": 2,
        "n_contexts": 3,
        "context_length": 4,
        "n_repetitions": 2,
        "n_pulls": 3,
    },
    "mempaper/WaterMaze-v0": {"side": 3, "n_contexts": 2, "n_repetitions": 3, "n_moves": 5},
    "mempaper/TwoStep-v0": {"n_uncued": 5, "context_length": 4},
}
environments = pytest.mark.parametrize("name", SMALL)


def play(env, n_episodes, rng, seed=None):
    """Random episodes; a list of (observations, rewards, infos) of each."""
    episodes = []
    for episode in range(n_episodes):
        observation, info = env.reset(seed=seed if episode == 0 else None)
        observations, rewards, infos, over = [observation], [], [info], False
        while not over:
            action = env.action_space.dtype.type(rng.integers(env.action_space.n))
            observation, reward, over, truncated, info = env.step(action)
            assert not truncated
            observations.append(observation)
            rewards.append(reward)
            infos.append(info)
        episodes.append((np.array(observations), rewards, infos))
    return episodes


@environments
@pytest.mark.parametrize("sizes", ["default", "small"])
def test_checker_is_content(name, sizes):
    env = gymnasium.make(name, **(SMALL[name] if sizes == "small" else {}))
    check_env(env.unwrapped)
    assert np.isfinite(env.observation_space.low).all()
    assert np.isfinite(env.observation_space.high).all()


@environments
def test_same_seed_gives_the_same_epochs(name):
    runs = []
    for _ in range(2):
        env = gymnasium.make(name, **SMALL[name])
        runs.append(play(env, 2 * env.unwrapped.n_episodes, np.random.default_rng(0), seed=5))
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:] == other[1:]


@environments
def test_reset_before_the_first_step_shows_the_same_episode(name):
    env = gymnasium.make(name, **SMALL[name])
    first, info = env.reset(seed=1)
    again, same = env.reset()
    np.testing.assert_array_equal(first, again)
    assert info == same


@environments
def test_misuse_is_refused(name):
    env = gymnasium.make(name, **SMALL[name]).unwrapped
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.int64(0))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action is 9"):
        env.step(np.int64(9))
    for _ in range(env.n_steps):
        env.step(np.int64(0))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.int64(0))


def test_contextual_choice_repeats_its_trials():
    env = gymnasium.make("mempaper/ContextualChoice-v0", **SMALL["mempaper/ContextualChoice-v0"])
    episodes = play(env, 6, np.random.default_rng(0), seed=0)
    first = {infos[0]["trial"]: x for x, _, infos in episodes[:3]}
    assert set(first) == {0, 1, 2}
    for observations, _, infos in episodes[3:]:
        assert infos[0]["encounter"] == 1
        np.testing.assert_array_equal(observations, first[infos[0]["trial"]])


def test_contextual_choice_rewards_the_right_action():
    env = gymnasium.make("mempaper/ContextualChoice-v0", **SMALL["mempaper/ContextualChoice-v0"])
    env.reset(seed=0)
    targets = env.unwrapped._epoch.y[0]
    for target in targets:
        assert env.step(np.int64(target))[1] == 1.0
    env.reset()
    assert env.step(np.int64(1 - env.unwrapped._epoch.y[1, 0]))[1] == 0.0


def test_bandit_epoch_lives_on_across_resets():
    env = gymnasium.make("mempaper/BarcodeBandit-v0", **SMALL["mempaper/BarcodeBandit-v0"])
    episodes = play(env, 12, np.random.default_rng(0), seed=0)
    for epoch in (episodes[:6], episodes[6:]):
        met = {}
        for observations, _, infos in epoch:
            context = tuple(observations[0, :4])
            assert (observations[:, :4] == observations[0, :4]).all()
            assert (observations[0, 4:] == 0).all()
            count, arm = met.get(context, (0, infos[0]["best_arm"]))
            assert infos[0] == {"encounter": count, "best_arm": arm}
            met[context] = (count + 1, arm)
        assert [count for count, _ in met.values()] == [2, 2, 2]


def test_an_abandoned_episode_counts():
    env = gymnasium.make("mempaper/BarcodeBandit-v0", **SMALL["mempaper/BarcodeBandit-v0"])
    env.reset(seed=0)
    epoch = env.unwrapped._epoch
    for episode in range(5):
        env.step(np.int64(0))
        observation, _ = env.reset()
        np.testing.assert_array_equal(observation[:4], epoch.cues[0, 0, episode + 1])


def test_maze_pays_at_the_goal():
    env = gymnasium.make("mempaper/WaterMaze-v0", **SMALL["mempaper/WaterMaze-v0"])
    for observations, rewards, infos in play(env, 12, np.random.default_rng(0), seed=0):
        position = observations[:, 8:17].argmax(1)
        assert (position != infos[0]["goal"]).all()
        np.testing.assert_array_equal(observations[1:, -1], rewards)


def test_two_step_shows_contexts_again_and_repeats_rewards():
    env = gymnasium.make("mempaper/TwoStep-v0", **SMALL["mempaper/TwoStep-v0"])
    for start in range(0, 30, 10):
        trials = play(env, 10, np.random.default_rng(start), seed=0 if start == 0 else None)
        contexts = [observations[1, 6:] for observations, _, _ in trials[:5]]
        assert len({tuple(c) for c in contexts}) == 5
        cued = [infos[0]["cued_trial"] for _, _, infos in trials]
        assert cued[:5] == [-1] * 5
        assert sorted(cued[5:]) == list(range(5))
        for number, (observations, rewards, infos) in enumerate(trials):
            assert infos[0]["trial"] == number
            assert observations[0, 5] == (number >= 5)
            assert observations[1, 4] == rewards[0]
            if number >= 5:
                past = trials[cued[number]]
                np.testing.assert_array_equal(observations[0, 6:], contexts[cued[number]])
                assert (observations[1, 6:] == 0).all()
                if (observations[1, 2:4] == past[0][1, 2:4]).all():
                    assert rewards == past[1]
            else:
                assert (observations[0, 6:] == 0).all()
