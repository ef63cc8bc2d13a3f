"""Perturbations: what is delivered, and kernels of agents that compensate by construction."""

import math

import numpy as np
import pytest
import torch

from mempaper.zhang2024 import perturbation
from mempaper.zhang2024.analysis import bumps
from mempaper.zhang2024.rollout import Rollouts
from mempaper.zhang2024.trials import make_trials

STEPS = 35


def rollouts(actions, length, peak, start, target=None):
    """Trials with given actions; only what the analyses of perturbations look at is filled in."""
    n = len(actions)
    target = torch.tensor([[0.3, 0.6]]).repeat(n, 1) if target is None else target
    trials = make_trials(target, peak=peak, start=start)
    valid = torch.arange(STEPS) < length[:, None]
    nothing = torch.zeros(n, STEPS, 6)
    actions = actions * valid[..., None]
    over = torch.ones(n, dtype=torch.bool)
    return Rollouts(nothing[..., :5], nothing, actions, None, length, over, over, torch.zeros(n), trials)


def pushed(n=40, strength=0.0, length=30, seed=0):
    """Perturbed and normal trials of an agent that counters a push, three steps late."""
    rng = np.random.default_rng(seed)
    peak = torch.tensor(rng.uniform(-1, 1, (n, 2)) * [0.5, 2.0], dtype=torch.float32)
    start = torch.tensor(rng.integers(0, 11, n))
    side = torch.tensor(np.where(rng.random((n, 1)) < 0.5, -0.3, 0.3), dtype=torch.float32)
    target = torch.cat([side, torch.full((n, 1), 0.6)], 1)
    normal = torch.tensor(rng.uniform(0.2, 0.4, (n, STEPS, 2)), dtype=torch.float32)
    push = peak.numpy()[:, None] * bumps(start.numpy() + 3, STEPS)[..., None]
    counter = torch.tensor(push / [0.5, math.pi / 2], dtype=torch.float32)
    lengths = torch.full((n,), length)
    after = rollouts(normal - strength * counter, lengths, peak, start, target)
    return after, rollouts(normal, lengths, peak * 0, start, target)


def test_whole_perturbation_displaces_by_its_sum():
    peak, start = torch.tensor([[0.5, math.radians(120)]]), torch.tensor([4])
    found = perturbation.delivered(rollouts(torch.zeros(1, STEPS, 2), torch.tensor([35]), peak, start))
    assert found == pytest.approx(np.array([[99.7, 59.8]]), abs=0.05)


def test_nothing_is_delivered_after_the_end():
    peak, start = torch.tensor([[0.5, 1.0]]).repeat(3, 1), torch.tensor([4, 4, 10])
    length = torch.tensor([10, 35, 10])
    found = perturbation.delivered(rollouts(torch.zeros(3, STEPS, 2), length, peak, start))[:, 0]
    assert found[0] == pytest.approx(200 * 0.1 * bumps([4], 10).sum(), rel=1e-5)
    assert 0 == found[2] < found[0] < found[1]


def test_magnitude_mixes_both_peaks():
    trials = make_trials(
        torch.tensor([[0.0, 0.5]]),
        peak=torch.tensor([[-0.1, math.radians(30)]]),
        start=torch.tensor([0]),
    )
    assert perturbation.magnitude(trials) == pytest.approx([50])


def test_kernels_oppose_the_push_as_built():
    for strength in (0.3, 0.6):
        kernels = perturbation.compensation(*pushed(strength=strength)).kernels()
        assert kernels["forward"].min() < 0 < kernels["backward"].max()
        assert kernels["congruent"].min() < 0 < kernels["incongruent"].max()
        for kernel in kernels.values():
            assert np.abs(kernel).argmax() == 5 + 3
    shape = bumps([3], perturbation.KERNEL_STEPS)[0]
    found = perturbation.compensation(*pushed(strength=0.6))
    mean_peak = found.peak[found.peak[:, 0] > 0, 0].mean()
    assert found.forward == pytest.approx(-0.6 * mean_peak * shape, abs=1e-3)


def test_agents_that_do_not_react_are_not_counted():
    found = perturbation.compensation(*pushed(strength=0.0))
    assert not found.counted.any()
    assert np.isnan(found.forward).all()


def test_trials_that_end_before_their_perturbation_are_not_counted():
    after, normal = pushed(strength=0.5, length=5)
    after.actions[:, :5] += 0.1
    found = perturbation.compensation(after, normal)
    late = after.trials.start.numpy() >= 5
    assert late.any()
    assert not found.counted[late].any()


def test_sides_are_told_apart_by_the_target():
    peak, start = torch.tensor([[0.0, 1.0]]).repeat(2, 1), torch.tensor([0, 0])
    target = torch.tensor([[-0.3, 0.5], [0.3, 0.5]])
    actions = torch.zeros(2, STEPS, 2)
    actions[0, 4, 1], actions[1, 4, 1] = -0.2, -0.4
    length = torch.tensor([20, 20])
    normal = rollouts(torch.zeros(2, STEPS, 2), length, peak * 0, start, target)
    found = perturbation.compensation(rollouts(actions, length, peak, start, target), normal)
    assert found.congruent[4] == pytest.approx(-0.2 * 90)
    assert found.incongruent[4] == pytest.approx(0.4 * 90)


def test_other_targets_are_refused():
    after, _ = pushed()
    _, other = pushed(seed=1)
    with pytest.raises(ValueError, match="different targets"):
        perturbation.compensation(after, other)
