"""Quick recipes: schedules, warm start, runs that repeat and runs that go on after a kill."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint
from mempaper.zhang2024 import quick
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.quick import (
    EKF_FROM_SCRATCH,
    FROM_SCRATCH,
    TABLE_ROWS,
    QuickTrainer,
    Ramp,
    Recipe,
    constant,
    generator_of,
)
from mempaper.zhang2024.rollout import COLUMNS, Agent
from mempaper.zhang2024.trials import Conditions
from mempaper.zhang2024.warm import soft_cost, steer, warm_start
from mempaper.zhang2024.world import World

WORLD, SHORT, SMALL = World(), World(episode_time=1.2), Sizes(6, 5, 7, 6)
TINY = {
    "rounds": 4,
    "trials_per_round": 40,
    "updates_per_round": 3,
    "batch_size": 8,
    "critic_updates": 4,
    "own_trials": 0,
    "random_trials": 512,
    "capacity": 600,
}
RECIPES = {
    "Actor3Critic5": replace(Recipe(1), **TINY),
    "Actor1Critic1": replace(FROM_SCRATCH, **TINY, protected=300),
    "ActorEKFCritic1": replace(Recipe(1), **{**TINY, "own_trials": 512, "random_trials": 0}),
    "EKF": replace(EKF_FROM_SCRATCH, **TINY, protected=512),
}


@pytest.fixture(autouse=True)
def few_trials(monkeypatch):
    """Tables and checks on a few trials."""
    monkeypatch.setattr(quick, "CHECK_TRIALS", 20)
    monkeypatch.setattr(quick.Tester.__init__, "__defaults__", (20,))


def trainer(architecture, seed=0):
    agent = Agent(architecture, SMALL, generator_of(seed, "weights"), stop_feature=True)
    return QuickTrainer(agent, SHORT, Conditions(), RECIPES[architecture], seed)


class KilledError(Exception):
    pass


def kill_after(n):
    def report(done, total):
        if done == n:
            raise KilledError

    return report


@pytest.mark.parametrize("architecture", RECIPES)
def test_a_run_goes_on_from_its_resume_point(tmp_path, architecture):
    """Killed after the third round, of which the state was not yet written, it ends as unbroken."""
    unbroken = trainer(architecture).run()
    point = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        trainer(architecture).run(point, kill_after(3))
    assert int(point.load()["own/done"]) == 2
    resumed = trainer(architecture).run(ResumePoint(tmp_path / "resume"))
    assert resumed.keys() == unbroken.keys()
    for name, array in unbroken.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)


def test_the_same_seed_repeats_exactly_and_another_does_not():
    one, two, other = (trainer("Actor3Critic5", seed).run() for seed in (0, 0, 1))
    for name, array in one.items():
        np.testing.assert_array_equal(two[name], array, err_msg=name)
    assert not np.array_equal(one["critic_loss"], other["critic_loss"])


def test_what_a_run_returns():
    result = trainer("EKF").run()
    rounds = TINY["rounds"]
    assert result["table"].shape == (TABLE_ROWS + 1, 5, len(COLUMNS))
    assert np.isfinite(result["table"][: rounds + 1]).all()
    assert np.isnan(result["table"][rounds + 1 :]).all()
    assert result["trials"][: rounds + 1].tolist() == [512 + 40 * k for k in range(rounds + 1)]
    assert np.isfinite(result["critic_loss"]).all()
    names = {name.removeprefix("weights/") for name in result if name.startswith("weights/")}
    assert names == set(Agent("EKF", SMALL, stop_feature=True).state_dict())


def test_only_the_critic_learns_at_the_begin():
    one = trainer("Actor3Critic5")
    before = {k: t.clone() for k, t in one.agent.state_dict().items()}
    one.begin()
    moved = {k.split(".")[0] for k, t in one.agent.state_dict().items() if not torch.equal(t, before[k])}
    assert moved == {"critic"}


def test_the_weights_that_steer_best_are_kept(monkeypatch):
    """Scores come from trials of their own, always the same; the best one's weights are returned."""
    scores, kept, whole = iter([0.1, 0.9, 0.2]), {}, quick.run

    def scored(agent, world, trials, *rest):
        if len(trials) != 21:
            return whole(agent, world, trials, *rest)
        score = next(scores)
        kept[score] = agent.state_dict()["actor.l3.bias"].clone()
        return SimpleNamespace(distance=torch.zeros(1), rewarded=torch.tensor([score]))

    monkeypatch.setattr(quick, "CHECK_TRIALS", 21)
    monkeypatch.setattr(quick, "run", scored)
    weights = trainer("EKF").run()["weights/actor.l3.bias"]
    assert len(kept) == 3
    np.testing.assert_array_equal(weights, kept[0.9].numpy())
    assert not torch.equal(kept[0.2], kept[0.9])


def test_schedules_depend_on_the_share_that_is_done():
    line, curve = Ramp(1.0, 0.2, over=0.5), Ramp(1.0, 0.01, exponential=True)
    assert [line.at(f) for f in (0, 0.25, 0.5, 1)] == pytest.approx([1, 0.6, 0.2, 0.2])
    assert [curve.at(f) for f in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])
    assert constant(3).at(0.4) == 3


def test_streams_of_random_numbers_are_their_own():
    first = {
        (seed, stream): float(torch.rand(1, generator=generator_of(seed, stream)))
        for seed in range(3)
        for stream in ("weights", "training", "table", "check")
    }
    assert len(set(first.values())) == 12
    again = float(torch.rand(1, generator=generator_of(2, "check")))
    assert again == first[2, "check"]


def test_a_tester_asks_every_agent_the_same():
    one, two = quick.Tester(WORLD, Conditions()), quick.Tester(WORLD, Conditions())
    agent = Agent("Actor3Critic5", SMALL, generator_of(0, "weights"))
    np.testing.assert_array_equal(one.table(agent), two.table(agent))
    quiet = Conditions(process_noise=(0.0, 0.0), observation_noise=(0.3, 0.3))
    trials = quick.Tester(WORLD, quiet).labels["gain2x"]
    assert not trials.process_std.any()
    torch.testing.assert_close(trials.observation_std, 0.3 * trials.gain)


# Warm start


def test_a_warm_start_lowers_the_cost_and_repeats():
    costs, actors = [], []
    for _ in range(2):
        g = generator_of(0, "weights")
        agent = Agent("Actor3Critic1", Sizes(24, 24, 24, 24), g)
        critic = {k: t.clone() for k, t in agent.critic.state_dict().items()}
        costs.append(warm_start(agent, WORLD, Conditions(), g, steps=12, batch_size=64))
        actors.append(agent.actor.state_dict())
        assert all(torch.equal(t, agent.critic.state_dict()[k]) for k, t in critic.items())
    assert costs[0] == costs[1]
    assert all(torch.equal(t, actors[1][k]) for k, t in actors[0].items())
    assert np.mean(costs[0][-3:]) < np.mean(costs[0][:3]) - 0.05


def test_gradients_reach_the_actor_through_the_world():
    g = generator_of(0, "weights")
    agent = Agent("Actor3Critic1", SMALL, g)
    trials = quick.Tester(WORLD, Conditions()).labels["gain1x"]
    positions, actions = steer(agent, WORLD, trials, torch.zeros(len(trials), 35, 4))
    assert positions.shape == actions.shape == (35, len(trials), 2)
    _, late = soft_cost(WORLD, trials, positions, actions)
    late.backward()
    assert all(p.grad is not None and p.grad.any() for p in agent.actor.parameters())


def test_a_stop_in_the_zone_costs_least():
    """Of straight paths that stop after some steps, the one that stops at the target."""
    trials = quick.Tester(WORLD, Conditions()).labels["gain1x"][:1]
    trials = replace(trials, target=torch.tensor([[0.0, 0.6]]))
    costs = []
    for n in range(1, 30):
        actions = torch.zeros(35, 1, 2)
        actions[:n, :, 0] = 0.8
        y = torch.cat([torch.zeros(2, 1), 0.05 * actions[:, :, 0].cumsum(0)[:33]])
        positions = torch.stack([torch.zeros_like(y), y], 2)
        costs.append(float(soft_cost(WORLD, trials, positions, actions)[0]))
    assert 1 + int(np.argmin(costs)) == 16  # the place of step n is (n - 1) 16 cm ahead
