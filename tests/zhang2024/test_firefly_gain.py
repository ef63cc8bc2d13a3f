"""What the chapters on gain share: replays, errors, decoders and curves by seed."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mempaper.zhang2024 import analysis, comparisons, decoding, gain
from mempaper.zhang2024.gain import AgentBehaviour
from mempaper.zhang2024.monkeys import Subject, checked
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import scripted
from mempaper.zhang2024.rollout import Agent, run
from mempaper.zhang2024.trial_sets import gain_set
from mempaper.zhang2024.world import World

WORLD = World()
MAPS = np.random.default_rng(3).normal(size=(2, 3, 6, 8))


def an_agent(architecture="Actor3Critic5", seed=0):
    return Agent(architecture, Sizes(6, 5, 6, 6), torch.Generator().manual_seed(seed))


def a_trained(seed=0):
    """An untrained agent in the place of a trained one."""
    return SimpleNamespace(agent=an_agent(seed=seed), world=WORLD)


@pytest.fixture(scope="module")
def blind():
    """Someone who takes no notice of the gain: the same actions at each, without noise."""
    n = 40
    rng = np.random.default_rng(0)
    actions = np.stack([rng.uniform(0.3, 1, (n, 35)), rng.uniform(-0.3, 0.3, (n, 35))], -1)
    actions[np.arange(35) >= rng.integers(6, 20, n)[:, None]] = 0
    actions = torch.tensor(actions, dtype=torch.float32)
    made = {}
    for g in gain.GAINS:
        trials = gain_set(g, n, process=0.0)
        made[g] = run(an_agent(), WORLD, trials.trials, trials.noise, scripted(actions))
    return AgentBehaviour(made, WORLD)


def test_who_does_the_same_at_each_gain_ends_where_the_replay_does(blind):
    for g in (1.5, 2.0):
        assert np.allclose(blind.ends(g).end, blind.ends(g, False).end, atol=0.05)
        assert gain.reduction([blind], g) == pytest.approx(0, abs=0.05)
        assert blind.roc(g).area == pytest.approx(blind.roc(g, False).area, abs=0.01)
    assert not np.allclose(blind.ends(2.0).end, blind.ends(1.0).end, atol=10)


def test_at_the_trained_gain_the_replay_is_what_was_done():
    noisy = gain.behave({"mod": [a_trained()]}, 30)["mod"][0]
    assert np.array_equal(noisy.ends(1.0, False).end, noisy.ends(1.0).end)


def test_paths_are_measured_at_their_own_gain(blind):
    assert np.allclose(blind.length(2.0), 2 * blind.length(1.0), rtol=1e-3)
    pooled = gain.compared([blind, blind], "length", 2.0)
    assert pooled.mean() == pytest.approx(comparisons.without_outliers(blind.length(2.0)).mean())
    assert np.all(gain.compared([blind], "curvature", 1.5, reference=blind) == 0)
    mask = np.arange(40) < 4
    few = gain.compared([blind], "length", 1.0, mask=mask)
    assert set(few) <= set(blind.length(1.0)[:4])


def test_spread_and_filtered_mean_pool_seeds(blind):
    errors = blind.signed_error(1.5)
    assert gain.spread([blind, blind], 1.5) == pytest.approx((errors.mean(), errors.std()))
    assert gain.filtered_mean([blind], 1.5) == pytest.approx(comparisons.without_outliers(errors).mean())


def test_a_typical_trial_is_near_the_mean_of_all(blind):
    typical = gain.typical_trial([blind, blind], 2.0)
    errors = blind.signed_error(2.0)
    assert typical == np.argmin(np.abs(errors - errors.mean()))


def test_all_agents_meet_the_same_targets_and_noises_at_each_gain():
    behaviours = gain.behave({"hol": [a_trained()], "mod": [a_trained(seed=1)]}, 25)
    first, second = behaviours["hol"][0], behaviours["mod"][0]
    target = first.ends(1.0).target
    for one in (first, second):
        for g in gain.GAINS:
            assert np.array_equal(one.ends(g).target, target)
            assert np.allclose(one.rollouts[g].trials.gain, g * one.rollouts[1.0].trials.gain)
    again = gain.behave({"mod": [a_trained(seed=1)]}, 25)["mod"][0]
    assert torch.equal(again.rollouts[2.0].x, second.rollouts[2.0].x)


# Monkeys


def recorded(n, condition, gains):
    """Recordings of somebody who walks straight ahead for a while, whatever the gain and the target."""
    samples, dt = 60, 0.01
    place = np.arange(samples) * dt * 200
    columns = {
        "target_x": np.zeros(n),
        "target_y": np.linspace(110, 390, n),
        "gain_v": 200 * gains,
        "gain_w": 90 * gains,
        "rewarded": np.arange(n) % 2 == 0,
        "pos_x": np.zeros(n * samples),
        "pos_y": np.concatenate([place * g for g in gains]),
        "action_v": np.ones(n * samples),
        "action_w": np.zeros(n * samples),
        "offsets": samples * np.arange(n + 1),
        "dt": np.array(dt),
    }
    return checked(columns, condition, "test")


@pytest.fixture(scope="module")
def monkey():
    normal = recorded(12, "normal", np.ones(12))
    changed = recorded(24, "gain", np.repeat([2.0, 1.5], 12))
    subject = Subject("B", {"normal": normal, "gain": changed})
    return gain.monkeys([subject], 10)["B"]


def test_a_monkey_that_does_not_adapt_ends_where_its_replay_does(monkey):
    for g in (1.5, 2.0):
        assert np.all(monkey.sets[g].gain == g)
        assert np.allclose(monkey.ends(g).end, monkey.ends(g, False).end, atol=2 * 200 * 0.01 * g)
    assert np.array_equal(monkey.ends(1.0, False).end, monkey.ends(1.0).end)
    assert monkey.rewarded.dtype == bool
    assert len(monkey.rewarded) == 10


def test_agents_are_given_the_monkeys_targets(monkey):
    behaviours = gain.behave({"mod": [a_trained()]}, 8, recordings=monkey.sets[1.0])
    one = behaviours["mod"][0]
    for g in gain.GAINS:
        assert np.allclose(one.ends(g).target, monkey.sets[1.0].target[:8], atol=1e-3)
        assert np.allclose(one.rollouts[g].trials.gain[:, 0] * 400, 200 * g)
    both = gain.behave({"mod": [a_trained()]}, 10, recordings=monkey.sets[1.0])
    difference = gain.compared(both["mod"], "length", 2.0, monkey, monkey.rewarded)
    assert np.all(difference >= 0)
    assert len(difference) <= monkey.rewarded.sum()


# Position in memory


def test_a_belief_is_of_trials_that_the_decoder_has_not_seen():
    trained = a_trained()
    found = gain.believe({"mod": [trained]}, 2.0, 40)["mod"][0]
    made = gain_set(2.0, 40).run(trained.agent)
    decoded = decoding.decode(decoding.actor_memory(trained.agent, made), made)
    assert found.error == decoded.error
    assert len(found.rollouts) == 12 == len(found.distance) == len(found.decoded.end_errors)
    assert torch.equal(found.rollouts.x, made[decoded.test].x)
    assert np.allclose(
        found.distance,
        np.hypot(*(analysis.paths(made).end - analysis.paths(made).target)[28:].T),
        atol=1e-3,
    )
    assert found.auc == analysis.auc(made[28:])
    assert 0 <= gain.typical_belief([found, found]) < 12


def test_maps_of_chosen_units_are_those_of_all():
    trained = a_trained()
    every = gain.maps(trained, 60)
    assert every.shape == (3, 6, 60, 80)
    assert np.array_equal(
        gain.maps(trained, 60, (2.0,), np.array([4, 1]))[0], every[2][[4, 1]], equal_nan=True
    )


def test_stability_is_that_of_the_maps_or_none(monkeypatch):
    trained = a_trained()
    monkeypatch.setattr(gain, "maps", lambda agent, n, gains: MAPS)
    assert gain.stability(trained, 1) == decoding.map_stability(MAPS[0], MAPS[1])
    monkeypatch.setattr(gain, "maps", lambda agent, n, gains: np.full((2, 3, 6, 8), np.nan))
    assert np.isnan(gain.stability(trained, 1))
    assert gain.different_units(np.full((4, 6, 8), np.nan)).tolist() == [0, 1, 2]


def test_units_that_are_shown_differ():
    y, x = np.mgrid[:6, :8] - np.array([2.5, 3.5])[:, None, None]
    values = np.stack([0.1 * y, 5.0 * x, 4.9 * x + 0.1, 2.0 * y - x, np.ones_like(x)])
    values[:, 0, 0] = np.nan
    assert gain.different_units(values, 2).tolist() == [1, 3]


def test_maps_are_drawn_in_one_scale_about_zero():
    values = np.linspace(-1, 3, 3 * 60 * 80).reshape(3, 60, 80)
    fig, axes = plt.subplots(1, 3)
    gain.draw_maps(values, axes)
    assert [ax.images[0].get_clim() for ax in axes] == [(-3, 3)] * 3
    plt.close(fig)


def test_numbers_of_all_agents_together():
    assert gain.pooled({"hol": [[1, 2], [3]]}, np.array)["hol"].tolist() == [1, 2, 3]
