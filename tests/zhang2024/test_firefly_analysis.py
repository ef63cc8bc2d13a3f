"""Measures of behaviour and statistics of the firefly agents: by hand, and against plain loops."""

import math

import numpy as np
import pytest
import torch

from mempaper.zhang2024 import analysis, comparisons
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import scripted
from mempaper.zhang2024.rollout import Agent, run, signed_error
from mempaper.zhang2024.trials import make_trials
from mempaper.zhang2024.world import LINEAR_SCALE, World

WORLD = World()
SIZES = Sizes(rnn=4, fc=4, holistic=4, stacked=4)


def steered(n=30, gain=1.0, peak=None, start=None, process=0.0, seed=0):
    """Trials with given actions: forward with turns, and a stop between the steps 8 and 25."""
    rng = np.random.default_rng(seed)
    actions = np.stack([rng.uniform(0.3, 1, (n, 35)), rng.uniform(-0.5, 0.5, (n, 35))], -1)
    stop = rng.integers(8, 26, n)
    actions[np.arange(35) >= stop[:, None]] = 0.0
    target = rng.uniform([-0.5, 0.3], [0.5, 1.0], (n, 2))
    trials = make_trials(target, gain=gain, process_noise=process, peak=peak, start=start)
    noise = torch.randn(n, 35, 4, generator=torch.Generator().manual_seed(seed))
    agent = Agent("Actor1Critic1", SIZES, torch.Generator().manual_seed(0))
    return run(agent, WORLD, trials, noise, scripted(torch.tensor(actions, dtype=torch.float32)))


def perturbations(n=30):
    rng = np.random.default_rng(5)
    peak = torch.tensor(rng.uniform(-1, 1, (n, 2)) * [0.5, 2.0], dtype=torch.float32)
    return peak, torch.tensor(rng.integers(0, 11, n))


def in_cm(peak):
    return peak.numpy() * [LINEAR_SCALE, 180 / math.pi]


# Paths


def test_paths_are_in_cm_and_degrees_and_end_with_the_trial():
    rollouts = steered(process=0.2)
    p = analysis.paths(rollouts)
    assert np.allclose(p.end, rollouts.end.numpy() * 400)
    assert np.all(p.heading[:, 0] == pytest.approx(90))
    made = np.arange(35) < rollouts.length.numpy()[:, None]
    for part in (p.place[..., 0], p.heading, p.speed[..., 1], p.action[..., 0], p.relative_angle):
        assert np.array_equal(np.isnan(part), ~made)
    assert np.allclose(p[3:5].end, p.end[3:5])


def test_speed_follows_the_action_by_a_step():
    p = analysis.paths(steered())
    assert np.allclose(p.speed[:, 1:8], p.action[:, :7] * [200, 90], atol=1e-2)


def test_signed_error_is_that_of_the_performance_table():
    rollouts = steered(process=0.2)
    ours = analysis.paths(rollouts).signed_error
    assert np.allclose(ours, signed_error(rollouts), atol=1e-3)
    assert (ours > 0).any()
    assert (ours < 0).any()
    assert np.allclose(np.abs(ours), rollouts.distance * 400, atol=1e-3)


def test_signed_error_straight_ahead():
    error = analysis.signed_error([[0, 150], [0, 260]], [[0, 200], [0, 200]])
    assert error == pytest.approx([-50, 60])


def test_relative_angle_is_zero_at_the_target_and_counts_from_the_targets_side_at_the_origin():
    target = np.array([[100.0, 100.0]])
    place = np.array([[[0.0, 0.0], [100.0, 100.0]]])
    nothing = np.zeros_like(place)
    p = analysis.Paths(place, np.array([[90.0, 45.0]]), nothing, nothing, target, np.array([2]))
    assert p.relative_angle == pytest.approx(np.array([[90 + 45, 45]]))
    assert p.relative_radius == pytest.approx(np.array([[100 * math.sqrt(2), 0]]))


def test_polar_angles_are_from_straight_ahead():
    distance, angle = analysis.polar([[0, 2], [-1, 0], [3, 3]])
    assert distance == pytest.approx([2, 1, 3 * math.sqrt(2)])
    assert angle == pytest.approx([0, 90, -45])


# ROC


def places(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform([-200, 100], [200, 400], (n, 2))


def test_area_of_perfect_and_of_random_ends():
    target = places()
    assert analysis.roc(target, target).area > 0.99
    assert analysis.roc(places(seed=1), target).area == pytest.approx(0.5, abs=0.05)


def test_complete_curve_ends_in_the_corner_and_a_cut_one_loses_area():
    target = places()
    end = 1.5 * target
    full, cut = analysis.roc(end, target), analysis.roc(end, target, 100)
    assert (full.true[0], full.false[0]) == (0, 0)
    assert (full.true[-1], full.false[-1]) == (1, 1)
    assert cut.boundary[-1] == 100
    assert cut.area < full.area - 0.1
    assert np.array_equal(cut.true, full.true[:101])


def test_area_is_the_probability_of_being_closer_to_the_own_target():
    target = places()
    end = target + np.random.default_rng(3).normal(0, 80, target.shape)
    own = np.linalg.norm(end - target, axis=1)
    other = np.linalg.norm(end - analysis.shuffled(target), axis=1)
    probability = np.mean(own[:, None] < other)
    assert analysis.roc(end, target).area == pytest.approx(probability, abs=2e-3)


def test_shuffle_is_always_the_same_and_keeps_the_rows():
    target = places(20)
    once, again = analysis.shuffled(target), analysis.shuffled(target)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, target)
    assert {tuple(row) for row in once} == {tuple(row) for row in target}


def test_area_of_rollouts_is_that_of_their_ends():
    rollouts = steered()
    p = analysis.paths(rollouts)
    assert analysis.auc(rollouts) == pytest.approx(analysis.roc(p.end, p.target).area)


def test_stop_fit_gives_slope_and_correlation():
    target = np.linspace(100, 400, 50)
    assert analysis.stop_fit(target, 0.8 * target) == pytest.approx((0.8, 1.0))


# Curvature and length


def test_curvature_of_a_circle_and_of_a_rest():
    angle = np.linspace(0, 1, 20)
    circle = 50 * np.stack([np.cos(angle), np.sin(angle)], -1)
    rest = np.zeros_like(circle)
    found = analysis.curvature(np.stack([circle, rest]), [20, 20])
    assert np.nanmedian(found.values[0]) == pytest.approx(1 / 50, rel=1e-3)
    assert np.isnan(found.of_trials[1])
    assert found.count[1] == 0
    assert found.pooled == pytest.approx(found.of_trials[0])
    assert np.isnan(analysis.curvature(rest[None], [20]).pooled)


def test_curvature_equals_a_plain_loop():
    rollouts = steered(process=0.2)
    p = analysis.paths(rollouts)
    found = analysis.curvature(p.place, p.length)
    every = []
    for trial, n in enumerate(p.length):
        x, y = p.place[trial, :n].T
        dx, dy = np.gradient(x), np.gradient(y)
        with np.errstate(invalid="ignore"):
            kappa = np.abs(dx * np.gradient(dy) - dy * np.gradient(dx)) / (dx**2 + dy**2) ** 1.5
        kappa = kappa[~np.isnan(kappa)]
        kept = kappa[kappa < np.percentile(kappa, 95)]
        every.append(kept)
        assert found.count[trial] == len(kept)
        assert found.of_trials[trial] == pytest.approx(kept.mean())
    assert found.pooled == pytest.approx(np.concatenate(every).mean())


def test_path_length_of_a_straight_line_ends_with_the_trial():
    place = np.zeros((1, 6, 2))
    place[0, :, 1] = [0, 0, 10, 30, 60, np.nan]
    assert analysis.path_length(place) == pytest.approx([60])


# Replay of actions in a changed world


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_replay_is_what_the_world_would_do_without_noise(gain):
    normal, changed = (analysis.paths(steered(gain=g)) for g in (1.0, gain))
    found = analysis.replay(normal, gain)
    assert np.array_equal(found.length, changed.length)
    for name in ("place", "heading", "speed"):
        ours, theirs = getattr(found, name), getattr(changed, name)
        assert np.allclose(ours, theirs, atol=1e-2, equal_nan=True), name


def test_replay_delivers_the_whole_perturbation():
    peak, start = perturbations()
    normal = analysis.paths(steered())
    changed = analysis.paths(steered(peak=peak, start=start))
    found = analysis.replay(normal, 1.0, in_cm(peak), start.numpy())
    assert np.array_equal(found.length, np.maximum(normal.length, start.numpy() + 11))
    assert (found.length > normal.length).any()
    shared = changed.valid
    assert np.allclose(found.place[:, :35][shared], changed.place[shared], atol=1e-2)


def test_replay_needs_peak_and_start_together():
    with pytest.raises(ValueError, match="need each other"):
        analysis.replay(analysis.paths(steered(3)), 1.0, np.ones((3, 2)))


# Statistics


def test_outliers_are_left_out_and_so_is_what_is_not_a_number():
    values = np.array([1, 2, 3, 4, 5, 100, np.nan])
    assert comparisons.without_outliers(values) == pytest.approx([1, 2, 3, 4, 5])
    assert comparisons.without_outliers([np.nan]).size == 0


def test_ellipse_has_the_axes_of_the_covariance():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((2, 20000)) * [[3], [1]]
    turn = math.radians(30)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    x, y = rotation @ points + [[5], [-2]]
    found = comparisons.ellipse(x, y)
    assert found.centre == pytest.approx([5, -2], abs=0.1)
    assert (found.width, found.height, found.angle) == pytest.approx((6, 2, 30), rel=0.03)


def test_bootstrap_of_related_and_of_shuffled_points():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((5, 5))
    b = a + 0.3 * rng.standard_normal((5, 5))
    found = comparisons.bootstrap_correlation(a, b)
    assert found.low < found.mean < found.high
    assert found.r == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    assert found.low > 0.7
    assert found.n == 25
    mixed = comparisons.bootstrap_correlation(a, b, shuffle=True)
    assert abs(mixed.r) < 0.5
    assert mixed.low < 0 < mixed.high
    assert comparisons.bootstrap_correlation(a, b) == found


def test_bootstrap_of_few_points_and_of_points_on_a_line():
    few = comparisons.bootstrap_correlation([1, 2, 4], [1, 3, 3])
    assert np.isnan([few.mean, few.low, few.high]).all()
    assert few.r == pytest.approx(np.corrcoef([1, 2, 4], [1, 3, 3])[0, 1])
    line = comparisons.bootstrap_correlation(np.arange(12), 2.0 * np.arange(12))
    assert line.r == pytest.approx(1)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([1, 2, 3], [4, 4, 4])])
def test_impossible_correlations_are_refused(a, b):
    with pytest.raises(ValueError, match="correlation"):
        comparisons.bootstrap_correlation(a, b)


def test_ranks_of_separate_samples():
    found = comparisons.mann_whitney(np.arange(10, 18), np.arange(8))
    assert found.u == 64
    assert found.p == pytest.approx(2 / math.comb(16, 8))


# Matching and rolling means


def test_matching_takes_the_nearest_that_is_left():
    reference, others = [[0.0], [0.1], [5.0]], [[0.2], [4.0], [-1.0]]
    found = comparisons.match(reference, others)
    assert found.other.tolist() == [0, 2, 1]
    again = comparisons.match(reference, others, replace=True)
    assert again.other.tolist() == [0, 0, 1]
    best = comparisons.match(reference, others, n_best=2)
    assert best.reference.tolist() == [0, 2]
    assert best.distance == pytest.approx([0.2, 1.0])
    with pytest.raises(ValueError, match="without replacement"):
        comparisons.match(reference, others[:2])


def test_features_of_perturbed_trials_reach_from_0_to_1():
    half = 400 * math.cos(math.radians(55))
    low = [[-half, 100 * math.sin(math.radians(55))], [-200, -120], 0.0]
    high = [[half, 400], [200, 120], 1.0]
    targets, peaks, starts = zip(low, high, strict=True)
    features = comparisons.matching_features(targets, peaks, starts)
    assert features == pytest.approx(np.array([[0.0] * 5, [1.0] * 5]))


@pytest.mark.parametrize("window", [4, 5])
def test_rolling_equals_a_plain_loop(window):
    rng = np.random.default_rng(0)
    x, values = rng.uniform(0, 9, 40), rng.standard_normal(40) + 50
    found = comparisons.rolling(x, values, window)
    ordered = values[np.argsort(x)]
    assert np.array_equal(found.x, np.sort(x))
    for i in range(40):
        part = ordered[max(0, i - window // 2) : i + (window - 1) // 2 + 1]
        assert found.mean[i] == pytest.approx(part.mean())
        assert found.sd[i] == pytest.approx(part.std(ddof=1))
