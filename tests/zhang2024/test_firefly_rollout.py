"""Agents at work: time-outs, trials that are dropped on the way, and what the numbers mean."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mempaper.zhang2024 import rollout
from mempaper.zhang2024.belief import Belief
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import Exploration, random_policy, scripted
from mempaper.zhang2024.rollout import (
    Agent,
    arc_length,
    judge,
    labelled_trials,
    performance,
    reward_rate,
    run,
    signed_error,
)
from mempaper.zhang2024.task import Firefly, step_noise
from mempaper.zhang2024.trials import Conditions, draw_trials, make_trials
from mempaper.zhang2024.world import NORMAL_PEAKS, World

WORLD, SMALL = World(), Sizes(6, 5, 7, 6)
ROUNDING = 1e-4  # which an agent with large weights amplifies from step to step
ARCHITECTURES = ["Actor1Critic1", "Actor2Critic4", "Actor3Critic5", "ActorEKFCritic1", "EKF"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_agent(architecture, scale=6.0, **options):
    """An agent whose weights are large enough for actions of every size."""
    agent = Agent(architecture, SMALL, generator(), **options)
    with torch.no_grad():
        for parameter in agent.actor.parameters():
            parameter *= scale
    return agent


def constant_agent(action):
    """An agent that always wants the same."""
    agent = Agent("Actor1Critic1", SMALL, generator())
    with torch.no_grad():
        agent.actor.l1.weight.zero_()
        agent.actor.l1.bias.copy_(torch.atanh(torch.tensor(action)))
    return agent


def trials_of(n, seed=0, **conditions):
    return draw_trials(n, WORLD, Conditions(peaks=NORMAL_PEAKS, **conditions), generator(seed))


def explored(n, forced_stop=0.08, seed=5):
    return Exploration(torch.full((n,), 0.5), 0.1, forced_stop, 0.1, generator(seed))


def equal(one, two, atol=0.0):
    for name, part in vars(one).items():
        if isinstance(part, torch.Tensor):
            other = getattr(two, name)
            torch.testing.assert_close(other, part, atol=atol, rtol=0, msg=name)
    for name, part in vars(one.trials).items():
        assert torch.equal(getattr(two.trials, name), part)


# Ends of trials


def test_an_agent_that_never_stops_runs_into_the_time_out():
    agent = constant_agent([0.9, 0.3])
    found = run(agent, WORLD, trials_of(5), step_noise(5, WORLD, generator()))
    assert found.length.tolist() == [35] * 5
    assert not (found.stopped | found.still | found.rewarded).any()
    assert not found.reward.any()


def test_an_agent_that_never_moves_is_not_rewarded_even_on_the_target():
    agent = constant_agent([0.02, 0.0])
    trials = make_trials(torch.tensor([[0.0, 0.05]]))
    found = run(agent, WORLD, trials, torch.zeros(1, 35, 4))
    assert found.length.tolist() == [35]
    assert found.still.all()
    assert not found.stopped.any()
    assert not found.reward.any()
    assert float(found.distance) < WORLD.goal_radius[0]


def test_a_stop_ends_the_trial_where_it_was_decided():
    trials = make_trials(torch.tensor([[0.0, 0.25]]), process_noise=0, observation_noise=0)
    actions = torch.zeros(1, 35, 2)
    actions[0, :5, 0] = 1
    found = run(make_agent("Actor3Critic5"), WORLD, trials, torch.zeros(1, 35, 4), scripted(actions))
    assert found.length.tolist() == [6]  # at rest since the fifth action, sees it, stops
    torch.testing.assert_close(found.end, torch.tensor([[0.0, 0.2]]))
    assert found.rewarded.all()
    assert float(found.reward) == 10
    assert found.valid.sum() == 6
    for name in ("x", "states", "actions"):
        assert not getattr(found, name)[:, 6:].any()


def test_a_larger_stop_box_stops_earlier():
    agent, trials = make_agent("Actor3Critic5"), trials_of(200)
    noise = step_noise(200, WORLD, generator())
    small, large = (run(agent, WORLD, trials, noise, explored(200, 0.0), box) for box in (0.1, 0.4))
    assert large.length.sum() < small.length.sum()
    assert (large.still >= large.stopped).all()


# Dropping and batches


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_dropping_trials_that_have_ended_changes_nothing(monkeypatch, architecture):
    agent, trials = make_agent(architecture), trials_of(64)
    noise = step_noise(64, WORLD, generator(1))
    found = []
    for share in (0.0, 0.8, 1.01):  # never, as usual, at every end
        monkeypatch.setattr(rollout, "COMPACT_AT", share)
        found.append(run(agent, WORLD, trials, noise, explored(64)))
    assert len(set(found[0].length.tolist())) > 10
    assert 0 < int(found[0].stopped.sum()) <= 64
    for other in found[1:]:
        equal(found[0], other, atol=ROUNDING)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_trial_alone_is_as_it_is_among_others(architecture):
    agent, trials = make_agent(architecture), trials_of(12)
    noise, actions = step_noise(12, WORLD, generator(1)), random_policy(12, WORLD, generator(2))
    together = run(agent, WORLD, trials, noise, scripted(actions))
    calm = make_agent(architecture, 3.0)
    free = run(calm, WORLD, trials, noise)
    for k in range(12):
        which = slice(k, k + 1)
        alone = run(agent, WORLD, trials[which], noise[which], scripted(actions[which]))
        equal(together[which], alone, atol=2e-6)
        equal(free[which], run(calm, WORLD, trials[which], noise[which]), atol=ROUNDING)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_roll_outs_are_the_task_step_by_step(architecture):
    """The executed actions, handed to the task again, give the same states, stops and rewards."""
    agent, trials = make_agent(architecture), trials_of(30)
    noise = step_noise(30, WORLD, generator(1))
    found = run(agent, WORLD, trials, noise, explored(30))
    for k in range(30):
        which, n = slice(k, k + 1), int(found.length[k])
        firefly, belief = Firefly(WORLD, trials[which], noise[which]), Belief(trials[which], WORLD.dt)
        for t in range(n):
            assert torch.equal(firefly.x[0], found.x[k, t])
            assert torch.equal(firefly.inputs()[0], found.states[k, t])
            if found.beliefs is not None:
                torch.testing.assert_close(belief.vector()[0], found.beliefs[k, t], atol=1e-6, rtol=0)
            action, push = found.actions[k, t][None], firefly.push()
            step = firefly.step(action)
            belief.update(action, firefly.observation, push)
        assert float(step.distance) == pytest.approx(float(found.distance[k]), abs=1e-6)
        if found.stopped[k]:
            assert float(step.reward) == pytest.approx(float(found.reward[k]), abs=1e-4)
        else:
            assert n == 35
            assert float(found.reward[k]) == 0


def test_the_same_noise_gives_the_same_roll_outs():
    agent, trials, noise = make_agent("Actor3Critic5"), trials_of(20), step_noise(20, WORLD, generator())
    runs = [run(agent, WORLD, trials, noise, explored(20, seed=s)) for s in (1, 1, 2)]
    equal(runs[0], runs[1])
    assert not torch.equal(runs[0].actions, runs[2].actions)


# What EKF agents are told


def test_a_filter_can_be_left_in_the_dark():
    """Not told of perturbations, or with other noises than the trial's, it believes something else."""
    trials, noise = trials_of(40), step_noise(40, WORLD, generator(1))
    actions = random_policy(40, WORLD, generator(2))

    def beliefs(**options):
        found = run(make_agent("EKF", **options), WORLD, trials, noise, scripted(actions))
        assert found.beliefs is not None
        return found.beliefs

    told = beliefs()
    assert not torch.allclose(beliefs(knows_perturbation=False), told)
    assert not torch.allclose(beliefs(assumed_noise=(0.1, 0.2)), told)
    torch.testing.assert_close(beliefs(assumed_noise=(0.2, 0.1)), told)


def test_an_agent_without_process_noise_in_its_trials_still_has_a_filter():
    trials = trials_of(5).with_noise(process=0.0)
    found = run(make_agent("EKF"), WORLD, trials, step_noise(5, WORLD, generator()))
    assert found.beliefs is not None
    assert found.beliefs.isfinite().all()


# The numbers


@pytest.mark.parametrize("architecture", ["Actor1Critic1", "Actor3Critic5", "EKF"])
def test_values_of_trials_do_not_depend_on_their_company(architecture):
    agent, trials = make_agent(architecture), trials_of(9)
    found = run(agent, WORLD, trials, step_noise(9, WORLD, generator()), explored(9))
    together = judge(agent, found)
    for k in range(9):
        alone = judge(agent, found[k : k + 1])
        for name, values in vars(together).items():
            torch.testing.assert_close(getattr(alone, name), values[k : k + 1], atol=1e-5, rtol=0)


def test_errors_of_a_critic_that_is_always_zero_are_the_reward():
    agent = make_agent("Actor3Critic5")
    with torch.no_grad():
        for parameter in agent.critic.parameters():
            parameter.zero_()
    found = run(agent, WORLD, trials_of(30), step_noise(30, WORLD, generator()), explored(30))
    values = judge(agent, found)
    torch.testing.assert_close(values.td_error, found.reward / found.length)
    torch.testing.assert_close(values.td_error_abs, values.td_error)
    assert not values.value.any()
    with torch.no_grad():
        agent.critic.l3.bias += 2  # the first critic says 2 at every step
    values, n = judge(agent, found), found.length
    torch.testing.assert_close(values.value, torch.full((30,), 2.0))
    expected = (found.reward - 2 + (n - 1) * (0.97 * 2 - 2)) / n
    torch.testing.assert_close(values.td_error, expected, atol=1e-5, rtol=1e-5)


def test_arc_lengths():
    quarter = arc_length(np.array([[1.0, 1.0], [-1.0, 1.0]]))  # a quarter of a unit circle
    assert quarter == pytest.approx([math.pi / 2] * 2)
    assert arc_length(np.array([[0.0, 2.0], [0.0, 0.0]])) == pytest.approx([2, 0])
    near, straight = arc_length(np.array([[1e-6, 2.0], [0.0, 2.0]]))
    assert near == pytest.approx(straight)
    assert np.isfinite(arc_length(np.random.default_rng(0).normal(size=(99, 2)))).all()


def test_undershooting_is_negative_and_the_rate_leaves_out_the_last_step():
    targets = torch.tensor([[0.0, 0.55], [0.0, 0.2]])
    trials = make_trials(targets, process_noise=0, observation_noise=0)
    actions = torch.zeros(2, 35, 2)
    actions[:, :8, 0] = 1  # the place of step 8 is 140 cm ahead
    agent = make_agent("Actor3Critic5")
    found = run(agent, WORLD, trials, torch.zeros(2, 35, 4), scripted(actions))
    assert signed_error(found) == pytest.approx([-80, 60], abs=1e-3)
    assert found.length.tolist() == [9, 9]
    assert found.rewarded.tolist() == [False, True]
    assert reward_rate(found, 0.1) == pytest.approx(1 / 1.6)
    table = performance(agent, found, WORLD)
    assert tuple(table) == rollout.COLUMNS
    assert table["reward_fraction"] == 0.5
    assert table["error_distance"] == pytest.approx(70, abs=1e-3)
    assert table["error_distance_shoot"] == pytest.approx(-10, abs=1e-3)


def test_conditions_share_their_targets():
    base = trials_of(10)
    labels = labelled_trials(base, WORLD)
    assert list(labels) == ["gain1x", "gain1.5x", "gain2x", "perturbation0", "perturbation1"]
    for trials in labels.values():
        assert torch.equal(trials.target, base.target)
    assert not labels["gain2x"].peak.any()
    assert not labels["perturbation0"].peak.any()
    torch.testing.assert_close(labels["gain1.5x"].gain, 1.5 * base.gain)
    assert torch.equal(labels["perturbation1"].peak, base.peak)
    extensive = labelled_trials(base, WORLD, 4 * base.peak)
    assert list(extensive)[:4] == ["gain1x", "gain2x", "gain3x", "gain4x"]
    assert torch.equal(extensive["perturbation2"].peak, 4 * base.peak)


def test_roll_outs_can_be_picked():
    agent, trials = make_agent("EKF"), trials_of(8)
    found = run(agent, WORLD, trials, step_noise(8, WORLD, generator()), explored(8))
    mask = found.length > found.length.float().median()
    picked = found[mask]
    assert torch.equal(picked.end, found.end[mask])
    assert torch.equal(picked.rewarded, found.rewarded[mask])
    assert replace(picked).valid.sum() == picked.length.sum()
