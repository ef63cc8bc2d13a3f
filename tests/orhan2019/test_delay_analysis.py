"""Weight profiles, non-normality, the chain and decoding over time: as defined, and by hand."""

import numpy as np
import pytest
from reference_checks import FIXTURES

from mempaper.orhan2019 import analysis
from mempaper.orhan2019.sequentiality import sequentiality


@pytest.fixture(scope="module")
def reference():
    with np.load(FIXTURES / "orhan2019" / "analysis_a.npz") as file:
        return {key: file[key] for key in file.files}


def bumps(n_units, n_steps=40, n_trials=3, seed=0):
    """Activity (trial, time, unit) of units that peak one after the other, in a random order."""
    rng = np.random.default_rng(seed)
    peaks = rng.permutation(np.linspace(2, n_steps - 3, n_units))
    t = np.arange(n_steps)
    h = np.exp(-((t[:, None] - peaks) ** 2) / 20) + 0.2
    return h * rng.uniform(0.5, 2, (n_trials, 1, 1)), rng


def orthogonal(n, rng):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


# As the definitions were computed elsewhere


def test_profile_as_defined(reference):
    found = analysis.weight_profile(reference["prof_h"], reference["prof_W"])
    assert np.array_equal(found.order, reference["prof_order"])
    assert np.array_equal(found.lag, reference["prof_lag"])
    assert np.allclose(found.mean, reference["prof_mean"], rtol=0, atol=1e-8)
    assert np.allclose(found.std, reference["prof_std"], rtol=0, atol=1e-8)
    assert found.asymmetry == pytest.approx(float(reference["prof_asym"]), abs=1e-8)
    assert analysis.henrici(reference["prof_W"]) == pytest.approx(float(reference["henrici"]), abs=1e-8)


def test_chain_as_defined(reference):
    given = {"self_weight": float(reference["chain_lambda"]), "n_driven": int(reference["chain_n0"])}
    for place, alpha in enumerate(reference["chain_alpha"]):
        h = analysis.chain_activity(alpha, **given)
        assert sequentiality(h[None]).mean == pytest.approx(reference["chain_SI"][place], abs=1e-8)
        assert h[124].sum() == pytest.approx(reference["chain_sum_at_t124"][place], abs=1e-8)
        departure = analysis.henrici(analysis.chain_weights(alpha, given["self_weight"], 100))
        tolerance = 1e-7 if alpha == 0 else 1e-8  # stored with its rounding noise
        assert departure == pytest.approx(reference["chain_henrici"][place], abs=tolerance)
    h = analysis.chain_activity(0.25, **given)
    assert np.allclose(h, reference["chain_h_alpha025"], rtol=1e-6, atol=1e-7)


# Weight profile


def test_order_is_that_of_the_peaks_then_of_the_centres():
    h = np.full((6, 4), 0.2)
    h[4, 0] = h[1, 1] = h[1, 2] = 1.0
    h[5, 1] = 0.9  # peaks when unit 2 does, but has its centre later
    h[:, 3] = 0.05  # not active
    assert analysis.peak_order(h).tolist() == [2, 1, 0]


def test_profile_does_not_depend_on_how_units_are_numbered():
    h, rng = bumps(12)
    w = rng.standard_normal((12, 12))
    shuffled = rng.permutation(12)
    one = analysis.weight_profile(h, w)
    two = analysis.weight_profile(h[:, :, shuffled], w[np.ix_(shuffled, shuffled)])
    assert np.array_equal(shuffled[two.order], one.order)
    assert np.allclose(two.mean, one.mean)
    assert two.asymmetry == pytest.approx(one.asymmetry)


def test_symmetric_weights_have_no_asymmetry_and_self_weights_are_lag_0():
    h, rng = bumps(12)
    w = rng.standard_normal((12, 12))
    found = analysis.weight_profile(h, w + w.T)
    assert found.asymmetry == pytest.approx(0, abs=1e-12)
    assert np.allclose(found.mean, found.mean[::-1])
    assert np.allclose(found.std, found.std[::-1])
    assert found.mean[found.lag == 0] == pytest.approx(np.trace(w + w.T) / 12)


def test_time_reversed_the_asymmetry_changes_its_sign():
    h, rng = bumps(12)
    w = rng.standard_normal((12, 12))
    there, back = analysis.weight_profile(h, w), analysis.weight_profile(h[:, ::-1], w)
    assert back.asymmetry == pytest.approx(-there.asymmetry)


def test_a_chain_has_its_weights_at_lag_1():
    h = analysis.chain_activity(0.3)
    found = analysis.weight_profile(h[None], analysis.chain_weights(0.3, 0.98, 100).T)
    assert len(found.order) > 30
    assert found.mean[found.lag == 1] == pytest.approx(0.98 * 0.3)
    assert np.all(found.mean[(found.lag != 1) & (found.lag != 0)] == 0)
    assert found.asymmetry > 0


def test_silent_units_do_not_count_and_two_units_have_no_asymmetry():
    h, rng = bumps(5)
    w = rng.standard_normal((5, 5))
    h[:, :, 2:] = 0.01
    found = analysis.weight_profile(h, w)
    assert sorted(found.order) == [0, 1]
    assert found.lag.tolist() == [-1, 0, 1]
    assert np.isnan(found.asymmetry)
    first, second = found.order
    assert found.mean[2] == w[first, second]  # forward: from the earlier to the later unit
    none = analysis.weight_profile(h * 0, w)
    assert none.order.size == none.lag.size == none.mean.size == 0
    assert np.isnan(none.asymmetry)


# Non-normality


def test_henrici_is_0_for_normal_and_1_for_nilpotent_matrices():
    rng = np.random.default_rng(0)
    w = rng.standard_normal((20, 20))
    for normal in (w + w.T, w - w.T, orthogonal(20, rng), np.eye(20), np.zeros((20, 20))):
        assert analysis.henrici(normal) == pytest.approx(0, abs=1e-12)
    assert analysis.henrici(np.triu(w, 1)) == pytest.approx(1)


def test_henrici_is_that_of_the_eigenvalues_and_ignores_scale_and_rotation():
    rng = np.random.default_rng(1)
    w = rng.standard_normal((15, 15))
    squares = (np.abs(np.linalg.eigvals(w)) ** 2).sum()
    expected = np.sqrt(1 - squares / (w**2).sum())
    q = orthogonal(15, rng)
    for same in (w, -3 * w, w.T, q @ w @ q.T):
        assert analysis.henrici(same) == pytest.approx(expected)


def test_schur_form_has_the_eigenvalues_on_its_diagonal_and_nothing_below():
    w = np.random.default_rng(2).standard_normal((10, 10))
    t = analysis.schur_magnitude(w)
    assert np.allclose(np.tril(t, -1), 0)
    assert np.allclose(np.sort(np.diag(t)), np.sort(np.abs(np.linalg.eigvals(w))))


# The chain


def test_chain_of_share_1_is_a_delay_line():
    h = analysis.chain_activity(1.0, 0.9, n_units=30, n_steps=40, n_driven=1, stimulus_steps=3)
    t, i = np.arange(40)[:, None], np.arange(30)
    assert np.allclose(h, np.where((t >= i) & (t < i + 3), 0.9**i, 0.0))


def test_chain_of_share_0_holds_on_in_place():
    h = analysis.chain_activity(0.0, 0.9, n_driven=4, stimulus_steps=5)
    assert not h[:, 4:].any()
    assert np.allclose(h[5:, :4], h[4, :4] * 0.9 ** np.arange(1, 146)[:, None])


def test_chains_hold_the_same_total_until_it_reaches_their_end():
    totals = [analysis.chain_activity(a, n_steps=80).sum(1) for a in (0, 0.1, 0.5, 1)]
    assert np.allclose(totals, totals[0])


def test_share_of_a_chain_is_checked():
    with pytest.raises(ValueError, match="alpha is a share in"):
        analysis.chain_weights(1.2, 0.98, 10)


# Decoding


def coded(n_trials, rng, drift=0.0, n_steps=8, n_units=20, noise=0.1):
    """Activity that holds an angle in a plane which turns by ``drift`` per step."""
    s = rng.uniform(0, np.pi, n_trials)
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((n_units, 4)))[0].T
    code = np.stack([np.cos(2 * s), np.sin(2 * s)], 1)  # (trial, 2)
    turn = drift * np.arange(n_steps)
    held = np.cos(turn)[:, None, None] * axes[:2] + np.sin(turn)[:, None, None] * axes[2:]
    h = 3 * np.einsum("rk,tkn->rtn", code, held) + 2
    return h + noise * rng.standard_normal(h.shape), s


def test_a_code_that_stays_is_read_at_every_step():
    rng = np.random.default_rng(0)
    error = analysis.cross_temporal_error(*coded(200, rng), *coded(100, rng))
    assert error.shape == (8, 8)
    assert error.max() < 0.05


def test_a_code_that_turns_is_read_only_near_its_step():
    rng = np.random.default_rng(0)
    error = analysis.cross_temporal_error(*coded(200, rng, 0.25), *coded(100, rng, 0.25))
    means = [analysis.mean_over_lags(error, k, k) for k in range(8)]
    assert means[0] < 0.05
    assert means[7] > 0.5


def test_what_tells_nothing_is_read_by_chance():
    rng = np.random.default_rng(0)
    (h, s), (h_test, s_test) = coded(100, rng), coded(1000, rng)
    for shuffled in (
        analysis.cross_temporal_error(h, s, h_test, rng.permutation(s_test)),
        analysis.cross_temporal_error(rng.standard_normal(h.shape), s, h_test, s_test),
    ):
        assert shuffled.mean() == pytest.approx(analysis.CHANCE, abs=0.05)


@pytest.mark.parametrize("n_units", [5, 60])  # fewer and more units than trials
def test_decoder_is_the_ridge_regression_with_a_free_intercept(n_units):
    rng = np.random.default_rng(0)
    h, h_test = rng.standard_normal((30, 4, n_units)) + 1, rng.standard_normal((20, 4, n_units)) + 1
    s, s_test = rng.uniform(0, np.pi, 30), rng.uniform(0, np.pi, 20)
    found = analysis.cross_temporal_error(h, s, h_test, s_test, ridge=2.5)
    penalty = 2.5 * np.eye(n_units + 1)
    penalty[-1, -1] = 0
    for t, u in ((0, 0), (1, 3), (3, 1)):
        x = np.c_[h[:, t], np.ones(30)]
        w = np.linalg.solve(x.T @ x + penalty, x.T @ np.c_[np.cos(2 * s), np.sin(2 * s)])
        read = np.c_[h_test[:, u], np.ones(20)] @ w
        angle = np.arctan2(read[:, 1], read[:, 0]) / 2
        assert found[t, u] == pytest.approx(analysis.circular_error(angle, s_test).mean())


def test_decoder_checks_the_shapes():
    rng = np.random.default_rng(0)
    h, s = coded(20, rng)
    with pytest.raises(ValueError, match="with"):
        analysis.cross_temporal_error(h, s[:10], h, s)
    with pytest.raises(ValueError, match="differ in steps or units"):
        analysis.cross_temporal_error(h, s, h[:, 1:], s)
    with pytest.raises(ValueError, match="ridge is above 0"):
        analysis.cross_temporal_error(h, s, h, s, ridge=0)


def test_distance_of_angles_goes_the_short_way():
    assert analysis.circular_error(0.1, np.pi - 0.1) == pytest.approx(0.2)
    assert analysis.circular_error(0.3, 0.3 + 3 * np.pi) == pytest.approx(0, abs=1e-12)
    a, b = np.random.default_rng(0).uniform(-9, 9, (2, 20_000))
    found = analysis.circular_error(a, b)
    assert np.allclose(found, analysis.circular_error(b, a))
    assert found.min() >= 0
    assert found.max() <= np.pi / 2
    assert found.mean() == pytest.approx(analysis.CHANCE, abs=0.02)


def test_mean_over_lags_takes_both_sides():
    t = np.arange(5)
    error = np.stack([np.abs(t[:, None] - t), np.sign(t - t[:, None])]).astype(float)
    assert analysis.mean_over_lags(error, 0, 0).tolist() == [0, 0]
    assert analysis.mean_over_lags(error, 2, 2).tolist() == [2, 0]
    assert analysis.mean_over_lags(error, 3)[0] == pytest.approx(10 / 3)  # of 3, 3 and 4, twice
    with pytest.raises(ValueError, match="5 steps have no pair"):
        analysis.mean_over_lags(error, 5)


def test_rank_correlation_leaves_out_what_is_missing():
    x = np.array([[1.0, 2.0, np.nan], [4.0, 5.0, 6.0]])
    assert analysis.rank_correlation(x, x**3) == pytest.approx(1)
    assert analysis.rank_correlation(x, -np.exp(x)) == pytest.approx(-1)
    assert analysis.rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert np.isnan(analysis.rank_correlation([1, 2, 3], [1, 2, np.nan]))
    assert np.isnan(analysis.rank_correlation([1, 2, 3], [5, 5, 5]))
