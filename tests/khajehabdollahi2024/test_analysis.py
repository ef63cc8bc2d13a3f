"""Streams, damage, connectivity, activity: against direct computations."""

import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import activity, analysis, perturbation, timescales
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.perturbation import relative_accuracy

STREAMS = analysis.Streams(seed=1, n_streams=4, n_steps=60, warm_up=20)


@pytest.fixture
def networks():
    return LeakyRNN(member_generators(0, 3), 10, 3)


def test_streams_are_the_same_for_all_members(networks):
    twice = networks.select([1, 1])
    accuracy = STREAMS.accuracy(twice, "parity", [(2, 0), (4, 2)])
    assert accuracy.shape == (2, 4, 2)
    assert np.array_equal(accuracy[0], accuracy[1])
    alone = STREAMS.accuracy(networks.select([1] * 4), "parity", [(2, 0), (4, 2)], each_its_own=True)
    assert np.array_equal(alone[:, 0], accuracy[0])


def test_questions_that_cannot_be_asked(networks):
    with pytest.raises(ValueError, match="asked of head 3; the network has 3 heads"):
        STREAMS.accuracy(networks, "parity", [(2, 3)])
    with pytest.raises(ValueError, match="warm_up is 20; a question about 30 bits needs 29"):
        STREAMS.accuracy(networks, "parity", [(30, 0)])


def test_ablation_equals_one_network_at_a_time(networks):
    found = analysis.ablation(networks, "dms", 3, 1, 2, STREAMS)
    assert found.accuracy.shape == (3, 2, 2, 4)
    order = networks.tau[2, 0].argsort()
    assert found.tau[2, 1].tolist() == networks.tau[2, 0][order[-2:]].tolist()
    damaged = networks.select([2])
    perturbation.ablate(damaged, int(order[-1]), head=1)
    expected = STREAMS.accuracy(damaged, "dms", [(3, 1)])[0, :, 0]
    assert np.array_equal(found.accuracy[2, 1, 1], expected)
    best = found.baseline.max(-1)
    by_hand = [(a - 0.5) / (b - 0.5) for a, b in zip(found.accuracy.mean((2, 3)), best, strict=True)]
    assert np.allclose(found.relative(), by_hand)
    with pytest.raises(ValueError, match="group is 6; 10 units have 1 to 5"):
        analysis.ablation(networks, "dms", 3, 1, 6, STREAMS)


@pytest.mark.parametrize("what", ["w_rec", "tau"])
def test_noise_of_no_size_does_nothing(networks, what):
    found = analysis.perturbation(networks, "parity", 3, 1, what, [0.0, 5.0], STREAMS)
    assert found.shape == (3, 2, 4)
    undamaged = STREAMS.accuracy(networks, "parity", [(3, 1)])[..., 0]
    assert np.allclose(found[:, 0], undamaged)
    stronger = analysis.perturbation(networks, "parity", 3, 1, "w_rec", [5.0], STREAMS)
    assert not np.allclose(stronger[:, 0], undamaged)
    assert np.allclose(relative_accuracy(found[:, 0].mean(1), undamaged.mean(1)), 1)


def test_unknown_noise_is_refused(networks):
    with pytest.raises(ValueError, match="what is 'w_in'"):
        analysis.perturbation(networks, "parity", 3, 1, "w_in", [0.1], STREAMS)


def test_connectivity(networks):
    w = networks.w_rec.detach().numpy().copy()
    off = ~np.eye(10, dtype=bool)
    assert np.allclose(analysis.off_diagonal_mean(networks), w[:, off].mean(1))
    with torch.no_grad():
        networks.w_rec.zero_()
        networks.w_rec[:, 0, 1] = networks.w_rec[:, 1, 0] = 6.0
        networks.tau.fill_(2.0)
    assert np.allclose(analysis.spectral_radius(networks), 3.5)  # 1 - 1/2 + 6/2


def test_streaming_autocovariance_is_the_direct_one():
    rng = np.random.default_rng(0)
    x = 5 + np.cumsum(rng.standard_normal((3, 2, 5000)), -1) * 0.01  # (trial, unit, time)
    sums = activity.StreamingAutocovariance(50)
    for part in np.array_split(np.arange(5000), 3):
        sums.add(torch.as_tensor(x[..., part]))
    direct = timescales.autocovariance(x.transpose(1, 0, 2), 50)
    assert np.abs(sums.result() - direct).max() < 1e-9 * direct[:, 0].min()


def test_pieces_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="n_lags is 1"):
        activity.StreamingAutocovariance(1)
    sums = activity.StreamingAutocovariance(31)
    with pytest.raises(ValueError, match="a piece has 5 samples; 30 to"):
        sums.add(torch.zeros(1, 1, 5))
    with pytest.raises(ValueError, match="no samples"):
        sums.result()


def test_simulation_equals_a_recorded_one(networks):
    chances = np.array([0.3, 0.6])
    found = activity.simulate(networks, 400, 7, probabilities=chances, burn_in=50, n_lags=31)
    rng = np.random.default_rng(7)
    h = activity.draw_states([rng], 2, 10).expand(3, -1, -1)
    states = []
    for steps in (50, 400):
        bits = torch.from_numpy((rng.random((2, steps)) < chances[:, None]).astype(np.float32))
        with torch.no_grad():
            states.append(networks.unroll(bits.expand(3, -1, -1), h))
        h = states[-1][-1]
    x = states[1].numpy()  # (time, member, trial, unit)
    direct = timescales.autocovariance(x.transpose(1, 3, 2, 0), 31)
    assert np.allclose(found.autocovariance, direct, atol=1e-9)
    summed = timescales.autocovariance(x.sum(-1).transpose(1, 2, 0), 31)
    assert np.allclose(found.population, summed, atol=1e-6)
    shares = activity.explained_variance(x[:, 1, 0].astype(float))
    assert np.allclose(found.shares[1, 0], shares, atol=1e-5)
    needed = [activity.components_needed(x_shares, 0.9) for x_shares in found.shares[1]]
    assert found.dimensions(0.9)[1] == np.mean(needed)


def test_probabilities_are_spread():
    p = activity.spread_probabilities(10, np.random.default_rng(0))
    assert np.array_equal(np.floor(p * 10), np.arange(10))


def test_robust_fits():
    lag = np.arange(31)
    slow = 0.7 * np.exp(-lag / 2) + 0.3 * np.exp(-lag / 15)
    faint = 0.98 * np.exp(-lag / 2) + 0.02 * np.exp(-lag / 60)
    curves = np.stack([np.exp(-lag / 4), slow, faint, np.full(31, np.nan)])
    curves[0] += np.random.default_rng(0).normal(0, 2e-3, 31)
    tau, kind = timescales.robust_timescales(curves)
    assert tau[:2] == pytest.approx([4, 15], rel=0.02)
    assert tau[2] == pytest.approx(2, rel=0.1)  # a slow part that weighs 2 % does not count
    assert kind.tolist() == [1, 2, 2, 0]
    assert np.isnan(tau[3])
    single, double = timescales.fitted_curves(slow)
    assert np.abs(double - slow).max() < 1e-3 < np.abs(single - slow).max()
    with pytest.raises(ValueError, match="needs 31 lags; got 5"):
        timescales.robust_timescales(np.ones((2, 5)))


def test_a_constant_signal_has_no_timescale():
    correlation = timescales.normalised(np.zeros((2, 31)))
    assert timescales.fit_timescales(correlation)[1].tolist() == [0, 0]
    assert np.isnan(timescales.robust_timescales(correlation)[0]).all()
