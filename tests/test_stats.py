import numpy as np
import pytest
from scipy import stats as sps

from mempaper import stats


def test_interval_is_students():
    x = np.random.default_rng(0).normal(size=9)
    e = stats.estimate(x)
    low, high = sps.t.interval(0.95, 8, x.mean(), sps.sem(x))
    assert (e.low, e.high) == pytest.approx((low, high))


def test_one_network_has_no_interval_and_missing_values_are_left_out():
    assert np.isnan(stats.estimate([0.4]).low)
    assert stats.estimate([1.0, np.nan, 3.0]).n == 2
    assert np.isnan(stats.estimate([np.nan]).value)
    mean, half = stats.mean_interval([[1.0, np.nan], [3.0, np.nan]])
    assert mean[0] == 2
    assert np.isnan([mean[1], half[1]]).all()


def test_standard_error_of_the_original():
    x = np.array([0.0, 1.0, 1.0, 0.0])
    assert stats.standard_error(x) == pytest.approx(0.5 / np.sqrt(3))


def test_slopes_and_numbers_without_variation():
    x = np.arange(4.0)
    assert stats.slopes(x, [2 * x + 1, -x]) == pytest.approx([2, -1])
    assert stats.exact(0.3, 8) == stats.Estimate(0.3, 0.3, 0.3, 8)


def test_the_smallest_gap_is_negative_where_the_order_is_not_as_it_should_be():
    assert stats.smallest_gap(1, 3, 4) == 1
    assert stats.smallest_gap(1, 3, 2) == -1


def test_a_number_of_groups_has_the_bootstraps_interval():
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 1, 40), rng.normal(0, 1, 30)

    def difference(groups):
        return groups["a"].mean() - groups["b"].mean()

    e = stats.resampled(difference, {"a": a, "b": b}, n_resamples=4000)
    theirs = sps.bootstrap(
        (a, b), lambda x, y: x.mean() - y.mean(), vectorized=False, method="percentile", rng=rng
    ).confidence_interval
    assert e.value == pytest.approx(a.mean() - b.mean())
    assert (e.low, e.high) == pytest.approx(theirs, abs=0.03)
    assert e.n == 30
    assert stats.resampled(difference, {"a": a, "b": b}, n_resamples=4000) == e


def test_groups_of_objects_are_drawn_and_one_seed_has_no_interval():
    groups = {"a": [(1.0, "x"), (2.0, "y"), (4.0, "z")], "b": np.zeros((2, 3))}
    e = stats.resampled(lambda g: np.mean([x for x, _ in g["a"]]) - g["b"].mean(), groups)
    assert (e.value, e.n) == (pytest.approx(7 / 3), 2)
    assert 1 <= e.low < e.value < e.high <= 4
    alone = stats.resampled(lambda g: g["a"].sum(), {"a": np.array([3.0])})
    assert (alone.value, alone.n) == (3, 1)
    assert np.isnan(alone.low)
