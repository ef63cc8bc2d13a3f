"""The sequentiality index: its definition written as loops, invariances, bounds, and silence."""

import warnings

import numpy as np
import pytest

from mempaper.experiment import Result
from mempaper.orhan2019.analysis import chain_activity
from mempaper.orhan2019.model import RateNetworks, Start
from mempaper.orhan2019.sequentiality import TRIALS_AT_ONCE, peak_entropy, sequentiality
from mempaper.orhan2019.task import DelayTask
from mempaper.orhan2019.trained import Trained


def by_loops(h, bins=20, window=5, threshold=0.1, finite_only=True):
    """Index, entropy and ridge of one trial (time, unit)."""
    steps = len(h)
    units = [n for n in range(h.shape[1]) if h[:, n].mean() > threshold]
    if not units:
        return np.nan, np.nan, np.nan
    peaks = [int(np.argmax(h[:, n])) for n in units]
    counts = np.histogram(peaks, bins)[0] + 0.1
    p = counts / counts.sum()
    entropy = -sum(x * np.log(x) for x in p)
    ratios = []
    for n, peak in zip(units, peaks, strict=True):
        first, last = (min(max(peak + k, 0), steps - 1) for k in (-(window // 2), window // 2))
        inside = [h[t, n] for t in range(steps) if first <= t < last]
        outside = [h[t, n] for t in range(steps) if not first <= t < last]
        with np.errstate(divide="ignore"):
            ratios.append(np.log(np.mean(inside)) - np.log(np.mean(outside)))
    if finite_only:
        ratios = [r for r in ratios if np.isfinite(r)]
    ridge = np.mean(ratios) if ratios else np.nan
    return entropy + ridge, entropy, ridge


def bumps(n_trials, steps, n_units, seed=0, silent=0.3):
    """Units that each rise at some step of each trial; a share of them stays below threshold."""
    rng = np.random.default_rng(seed)
    peaks = rng.uniform(0, steps, (n_trials, 1, n_units))
    width = rng.uniform(1, steps / 3, (n_trials, 1, n_units))
    size = rng.uniform(0.5, 5, (n_trials, 1, n_units)) * (rng.random((n_trials, 1, n_units)) > silent)
    t = np.arange(steps)[:, None]
    return size * np.exp(-((t - peaks) ** 2) / (2 * width**2)) + 1e-3 * rng.random(
        (n_trials, steps, n_units)
    )


@pytest.mark.parametrize(
    "options",
    [{}, {"bins": 7, "window": 8, "threshold": 0.4}, {"window": 3}, {"bins": 3, "finite_only": False}],
)
def test_the_definition_written_as_loops(options):
    h = bumps(12, 30, 25)
    found = sequentiality(h, **options)
    expected = np.array([by_loops(trial, **options) for trial in h])
    assert np.allclose(found.index, expected[:, 0], atol=1e-12)
    assert np.allclose(found.entropy, expected[:, 1], atol=1e-12)
    assert np.allclose(found.ridge, expected[:, 2], atol=1e-12)
    assert found.mean == pytest.approx(expected[:, 0].mean())
    threshold = options.get("threshold", 0.1)
    assert np.array_equal(found.n_active, (h.mean(1) > threshold).sum(1))


def test_bins_are_those_of_numpy():
    rng = np.random.default_rng(0)
    peaks = rng.integers(0, 150, (300, 12)) // rng.integers(1, 40, (300, 1))  # many ties and edges
    active = rng.random((300, 12)) < 0.7
    active[:, 0] = True
    peaks[0, :3], active[0, :3] = (0, 31, 62), True  # 31 / 62 * 30 is rounded to the edge of a bin
    peaks[0, 3:] = 31
    for bins in (1, 5, 20, 30):
        counts = (
            np.array([np.histogram(p[a], bins)[0] for p, a in zip(peaks, active, strict=True)]) + 0.1
        )
        shares = counts / counts.sum(1, keepdims=True)
        assert np.allclose(
            peak_entropy(peaks, active, bins), -(shares * np.log(shares)).sum(1), atol=1e-12
        )


def test_order_of_units_and_their_size_do_not_count():
    h = bumps(6, 40, 30, silent=0) + 0.11
    rng = np.random.default_rng(1)
    expected = sequentiality(h)
    assert (expected.n_active == 30).all()
    shuffled = sequentiality(h[:, :, rng.permutation(30)])
    assert np.allclose(shuffled.index, expected.index, atol=1e-12)
    larger = sequentiality(h * rng.uniform(1, 50, 30))  # still above threshold
    assert np.allclose(larger.index, expected.index, atol=1e-12)
    assert np.array_equal(larger.n_active, expected.n_active)
    assert np.allclose(sequentiality(h[::-1]).index, expected.index[::-1])


def test_the_entropy_is_at_most_that_of_equal_bins():
    for seed in range(5):
        found = sequentiality(bumps(20, 60, 40, seed))
        assert (found.index <= np.log(20) + found.ridge + 1e-12).all()
        assert (found.entropy >= 0).all()
    h = np.zeros((1, 40, 20))
    h[0, 2 * np.arange(20), np.arange(20)] = 10.0
    assert sequentiality(h).entropy[0] == pytest.approx(np.log(20))


def test_sequences_score_higher_than_lasting_activity():
    index = [
        sequentiality(chain_activity(alpha)[None]).mean for alpha in (0, 0.05, 0.1, 0.25, 0.5, 0.75)
    ]
    assert (np.diff(index) > 0).all()


def test_the_first_of_equal_maxima_is_the_peak():
    h = np.full((1, 20, 2), 0.5)
    h[0, [3, 15], 0] = 2.0
    h[0, 3, 1] = 2.0
    assert sequentiality(h).entropy[0] == pytest.approx(by_loops(h[0])[1])
    one_bin = np.array([2.1, *[0.1] * 19]) / 4
    assert sequentiality(h).entropy[0] == pytest.approx(-(one_bin * np.log(one_bin)).sum())


def test_a_silent_background_or_ridge_is_left_out_unless_as_in_the_original():
    h = np.full((1, 20, 3), 0.5)
    h[0, :, 0] = 0
    h[0, 8, 0] = 5.0  # nothing outside: the ratio is infinite
    h[0, 6, 1:] = 2.0
    kept = sequentiality(h)
    expected = by_loops(h[0])
    assert np.isfinite(kept.index[0])
    assert kept.index[0] == pytest.approx(expected[0])
    assert kept.n_active[0] == 3
    as_original = sequentiality(h, finite_only=False)
    assert as_original.index[0] == np.inf
    assert as_original.mean == np.inf
    h[0, :, 0] = 0
    h[0, -1, 0] = 5.0  # a peak in the last step, which no ridge includes
    assert sequentiality(h, finite_only=False).index[0] == -np.inf
    assert np.isfinite(sequentiality(h).index[0])


def test_a_trial_with_only_infinite_ratios_has_no_index():
    h = np.zeros((1, 20, 1))
    h[0, 5] = 3.0
    found = sequentiality(h)
    assert np.isnan(found.index[0])
    assert np.isnan(found.mean)
    assert np.isfinite(found.entropy[0])


def test_silence_has_no_index():
    h = bumps(3, 30, 10, silent=0)
    h[1] = 0.05  # below threshold
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sequentiality(h)
        nothing = sequentiality(np.zeros((4, 30, 10)))
    assert np.isnan(found.index).tolist() == [False, True, False]
    assert np.isnan(found.entropy[1])
    assert np.isnan(found.ridge[1])
    assert found.mean == pytest.approx(found.index[[0, 2]].mean())
    assert list(found.n_active > 0) == [True, False, True]
    assert np.isnan(nothing.index).all()
    assert np.isnan(nothing.mean)
    assert (nothing.n_active == 0).all()


def test_many_trials_are_done_in_parts():
    h = bumps(2 * TRIALS_AT_ONCE + 3, 10, 4)
    together = sequentiality(h)
    assert together.index.shape == (len(h),)
    apart = np.concatenate([sequentiality(trial[None]).index for trial in h])
    assert np.array_equal(together.index, apart, equal_nan=True)
    assert sequentiality(h.astype(np.float32)).index == pytest.approx(
        together.index, abs=1e-5, nan_ok=True
    )


# Means over trials of trained networks


def trained(infloss, index, limit=0.5, **arrays):
    """Two points of two networks each, of which only these results count."""
    rng = np.random.default_rng(0)
    net = RateNetworks([Start(rng, 0.9, 0.0)] * 4, 50, 3, 1, choice=True)
    points = [(0.9, 0.0, 0.0), (0.9, 0.2, 0.0)]
    stored = {"infloss": np.array(infloss), "index": np.array(index), **arrays}
    return Trained(net, DelayTask("2AFC"), points, limit, 5, Result(stored, {}))


def test_failed_and_silent_networks_have_no_mean():
    index = [[1.0, np.nan, 3.0], [5.0, 6.0, 7.0], [np.nan] * 3, [4.0, np.inf, 2.0]]
    own = trained([0.1, 0.9, 0.2, 0.3], index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = own.mean()
    assert own.passed.tolist() == [[True, False], [True, True]]
    assert np.array_equal(found, [[2.0, np.nan], [np.nan, 3.0]], equal_nan=True)
    some = own.mean(trials=np.array([False, False, True]))
    assert np.array_equal(some, [[3.0, np.nan], [np.nan, 2.0]], equal_nan=True)
    assert np.isnan(own.mean(trials=np.zeros(3, bool))).all()


def test_networks_without_a_finite_loss_fail():
    own = trained([np.nan, np.inf, 0.5, 0.49], np.ones((4, 2)))
    assert own.passed.tolist() == [[False, False], [False, True]]


def test_one_point_is_found_by_its_coordinates():
    own = trained([0.1, 0.2, 0.3, 0.4], np.ones((4, 2)))
    assert own.n_seeds == 2
    assert list(own.at(own.infloss, sigma0=0.2)) == [0.3, 0.4]
    with pytest.raises(ValueError, match="2 of the points have lambda0, sigma0, rho = "):
        own.at(own.infloss, lambda0=0.9)
    with pytest.raises(ValueError, match="0 of the points"):
        own.at(own.infloss, sigma0=0.3)


def test_trials_of_the_longest_delay():
    own = trained([0.1] * 4, np.ones((4, 3)), delay=np.array([10, 100, 40]))
    assert list(own.longest) == [False, True, False]


def test_examples_are_trials_with_the_networks_activity():
    own = trained([0.1] * 4, np.ones((4, 2)))
    trials, h, y = own.examples(6)
    assert trials.inputs.shape == (6, 150, 50)
    assert h.shape == (4, 6, 150, 3)
    assert y.shape == (4, 6, 150, 1)
    again, h2, _ = own.examples(6)
    assert np.array_equal(trials.inputs, again.inputs)
    assert np.array_equal(h, h2)
    assert not np.array_equal(trials.inputs, own.examples(6, seed=1)[0].inputs)
