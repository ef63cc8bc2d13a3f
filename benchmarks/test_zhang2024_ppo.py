"""Somebody else's learning algorithm on the firefly environment: `make bench`, with the extra `rl`.

PPO of stable-baselines3 learns for 250,000 steps, in about a minute and a half of one core. Its
stochastic policy must then earn at least five times what it did before. Rewards are rare and large, so
both are means over many trials, which run side by side on the environment's core. `extra_info` holds
the reward per trial, the share of rewarded trials and the mean distance from the target in cm, before
and after.
"""

import pytest
import torch

from mempaper.zhang2024.environment import FireflyEnv
from mempaper.zhang2024.task import Firefly
from mempaper.zhang2024.trials import Conditions, draw_trials
from mempaper.zhang2024.world import LINEAR_SCALE, World

N_STEPS, N_TRIALS = 250_000, 20_000


def steered(policy):
    """Means over trials of a stochastic policy."""
    world, generator = World(), torch.Generator().manual_seed(1)
    firefly = Firefly(world, draw_trials(N_TRIALS, world, Conditions(), generator), generator)
    running = torch.ones(N_TRIALS, dtype=torch.bool)
    reward, rewarded, distance = torch.zeros(3, N_TRIALS)
    for _ in range(world.n_steps):
        action, _ = policy.predict(firefly.inputs().numpy(), deterministic=False)
        step = firefly.step(torch.from_numpy(action))
        ends = running & step.stopped
        reward[ends], rewarded[ends] = step.reward[ends], step.reached[ends].float()
        distance[running] = step.distance[running]
        running &= ~step.stopped
    return {
        "reward": float(reward.mean()),
        "rewarded share": float(rewarded.mean()),
        "distance, cm": LINEAR_SCALE * float(distance.mean()),
    }


@pytest.mark.filterwarnings("default")
def test_ppo_learns_the_task(benchmark):
    torch.set_num_threads(1)
    sb3 = pytest.importorskip("stable_baselines3", reason="the extra rl is not installed")
    worlds = sb3.common.vec_env.DummyVecEnv([FireflyEnv] * 8)
    policy = sb3.PPO("MlpPolicy", worlds, gamma=0.97, n_steps=256, batch_size=256, seed=0, device="cpu")
    before = steered(policy)
    benchmark.pedantic(policy.learn, (N_STEPS,), rounds=1)
    after = steered(policy)
    benchmark.extra_info |= {f"{name} before": value for name, value in before.items()} | after
    assert after["reward"] > 5 * before["reward"]
