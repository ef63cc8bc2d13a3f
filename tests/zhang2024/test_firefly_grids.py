"""Sets of trials and grids over noises, met by an agent that steers by rule on its filter's belief."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from mempaper.zhang2024 import grids, trial_sets
from mempaper.zhang2024.analysis import auc
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.trials import Conditions, draw_each_in_order
from mempaper.zhang2024.world import World

WORLD = World()


class TowardsTheTarget(nn.Module):
    """Turns towards where the filter believes the target to be, goes there, and stops."""

    is_recurrent = False

    def forward(self, belief):
        place, heading = belief[..., :2], belief[..., 2]
        distance = place.norm(dim=-1)
        turn = torch.atan2(-place[..., 1], -place[..., 0]) - heading
        turn = torch.atan2(turn.sin(), turn.cos())
        near = distance < 0.1
        v = torch.where(near, 0.0, (2 * distance).clamp(0.2, 0.8))
        w = torch.where(near, 0.0, (2 * turn).clamp(-1, 1))
        return torch.stack([v, w], -1), None


@pytest.fixture(scope="module")
def agent():
    agent = Agent("EKF", Sizes(4, 4, 4, 4), torch.Generator().manual_seed(0))
    agent.actor = TowardsTheTarget()
    return agent


# Sets of trials


def test_targets_are_those_of_the_original_after_seed_0():
    first = draw_each_in_order(20, WORLD, Conditions(), torch.Generator().manual_seed(0)).target
    assert torch.equal(trial_sets.targets(20), first)
    assert torch.equal(trial_sets.targets(30)[:20], first)


def test_targets_cannot_be_changed_from_outside():
    trial_sets.targets(20).zero_()
    assert (trial_sets.targets(20) != 0).any()


def test_gains_share_targets_and_noise():
    one, two = trial_sets.gain_set(1, 50), trial_sets.gain_set(2, 50)
    assert torch.equal(one.trials.target, two.trials.target)
    assert torch.equal(one.noise, two.noise)
    assert torch.allclose(2 * one.trials.gain, two.trials.gain)
    assert torch.allclose(two.trials.process_std, 0.2 * two.trials.gain)
    assert torch.allclose(two.trials.observation_std, 0.1 * two.trials.gain)


def test_random_gains_fill_their_range():
    ratio = trial_sets.random_gain_set(3, 4, 500).trials.gain / trial_sets.gain_set(1, 500).trials.gain
    assert torch.allclose(ratio[:, 0], ratio[:, 1])
    assert 3 <= ratio.min() < 3.05
    assert 3.95 < ratio.max() <= 4.0001
    with pytest.raises(ValueError, match="not a range"):
        trial_sets.random_gain_set(4, 3)


LIMITS = {
    "full": ((-200, 200), 120, (0, 0)),
    "excluded": ((-200, 200), 120, (100, 60)),
    "large": ((-200, 800), 180, (0, 0)),
    "large excluded": ((-200, 800), 180, (100, 60)),
    "wide": ((-400, 800), 180, (0, 0)),
}


@pytest.mark.parametrize("kind", trial_sets.PERTURBATIONS)
def test_perturbations_stay_in_their_ranges_and_fill_them(kind):
    found = trial_sets.perturbation_set(kind, 1000)
    v, w = (found.trials.peak * torch.tensor([400, 180 / math.pi])).T.numpy()
    (low, high), turn, excluded = LIMITS[kind]
    assert low - 1e-3 <= v.min() < low + 0.03 * (high - low)
    assert high - 0.03 * (high - low) < v.max() <= high + 1e-3
    assert 0.95 * turn < np.abs(w).max() <= turn + 1e-3
    assert np.abs(v).min() >= excluded[0] - 1e-3
    assert np.abs(w).min() >= excluded[1] - 1e-3
    assert set(found.trials.start.tolist()) == set(range(11))


def test_kinds_share_targets_starts_and_noise():
    full, small = (trial_sets.perturbation_set(kind, 50) for kind in ("full", "excluded"))
    assert torch.equal(full.trials.target, small.trials.target)
    assert torch.equal(full.trials.start, small.trials.start)
    assert torch.equal(full.noise, small.noise)
    still = full.without_perturbation()
    assert not still.trials.peak.any()
    assert torch.equal(still.noise, full.noise)
    assert full.trials.peak.any()


def test_start_can_be_fixed_and_an_unknown_kind_is_refused():
    assert not trial_sets.perturbation_set("excluded", 20, start=0).trials.start.any()
    with pytest.raises(ValueError, match="full, excluded"):
        trial_sets.perturbation_set("small")


# Grids


def test_first_cell_is_the_plain_evaluation(agent):
    base = trial_sets.gain_set(1, 300)
    grid = grids.noise_grid(agent, added=(0.0, 0.8), trial_set=base)
    assert grid.shape == (2, 2)
    assert grid[0, 0] == pytest.approx(auc(base.run(agent)), abs=1e-3)
    with grids.assuming(agent, 0.2, 0.1):
        noisy = auc(base.with_noise(0.2, 0.9).run(agent))
        assert grid[1, 0] == pytest.approx(noisy, abs=1e-3)
    assert grid[0, 0] > 0.9


def test_first_cell_of_a_recurrent_agent_is_the_plain_evaluation():
    agent = Agent("Actor3Critic1", Sizes(8, 8, 8, 8), torch.Generator().manual_seed(1))
    with torch.no_grad():
        agent.actor.l3.weight.mul_(40)
        agent.actor.l3.bias.copy_(torch.tensor([0.5, 0.0]))
    base = trial_sets.gain_set(1, 100)
    rollouts = base.run(agent)
    assert rollouts.end.std() > 0.01
    grid = grids.noise_grid(agent, added=(0.0, 0.4), trial_set=base)
    assert grid[0, 0] == pytest.approx(auc(rollouts), abs=5e-3)


def test_filters_fear_the_noise_that_they_do_not_expect(agent):
    base = trial_sets.gain_set(1, 400)
    trusting = grids.noise_grid(agent, 0.2, 0.1, (0.0, 0.8), base)
    doubting = grids.noise_grid(agent, 0.1, 0.2, (0.0, 0.8), base)
    assert grids.drop_ratio(trusting) > 1 > grids.drop_ratio(doubting) > 0


def test_assumed_noise_is_put_back(agent):
    def fail():
        with grids.assuming(agent, 0.3, 0.1):
            assert agent.assumed_noise == (0.3, 0.1)
            raise KeyError

    assert agent.assumed_noise is None
    with pytest.raises(KeyError):
        fail()
    assert agent.assumed_noise is None


def test_drops_of_several_grids():
    grid = np.array([[0.9, 0.8], [0.7, 0.6]])
    several = np.stack([grid, grid + 0.05])
    assert grids.drop(several) == pytest.approx(np.stack([grid - 0.9] * 2))
    assert grids.drop_ratio(several) == pytest.approx([2, 2])
