import matplotlib.pyplot as plt
import numpy as np
import pytest

from mempaper.experiment import Result
from mempaper.orhan2019 import analysis, comparisons, figures
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.task import TASKS, Geometry
from mempaper.orhan2019.trained import Trained


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def trained(index, *, n_seeds, infloss=None, lambda0=(0.98,), sigma0=(0.0, 0.4), delay=(20, 20)):
    """Networks without training whose test gave ``index`` (member, trial)."""
    config = DelayLearning.preset("smoke", n_seeds=n_seeds, lambda0=lambda0, sigma0=sigma0)
    index = np.asarray(index, float)
    infloss = np.zeros(len(index)) if infloss is None else np.asarray(infloss)
    arrays = {"index": index, "infloss": infloss, "delay": np.asarray(delay)}
    network = config.start_network()
    return Trained(network, config.delay_task(), config.points(), 0.8, 2, Result(arrays, {}))


# What is computed


def test_units_come_in_the_order_of_their_peaks_and_silent_ones_are_left_out():
    h = np.zeros((8, 5))
    h[6, 0], h[2, 1], h[4, 3] = 2.0, 3.0, 1.0
    h[:, 4] = 0.05  # never active enough
    assert analysis.peak_order(h).tolist() == [1, 3, 0]


def test_units_with_one_peak_are_ordered_by_their_centre_of_mass():
    t = np.arange(10.0)
    late, early = np.exp(-abs(t - 5) / 3), np.exp(-abs(t - 5) / 3)
    late[:5], early[6:] = 0, 0
    h = np.stack([late, early], 1)
    assert h.argmax(0).tolist() == [5, 5]
    assert analysis.peak_order(h).tolist() == [1, 0]


def test_the_order_does_not_depend_on_how_units_are_numbered():
    h = np.random.default_rng(0).random((12, 9))
    shuffled = np.random.default_rng(1).permutation(9)
    assert shuffled[analysis.peak_order(h[:, shuffled])].tolist() == analysis.peak_order(h).tolist()


def test_values_are_put_in_rows_of_rising_sigma0():
    points = [(0.8, 0.4, 0.0), (0.98, 0.4, 0.0), (0.8, 0.0, 0.0), (0.98, 0.0, 0.0)]
    values = np.arange(8.0).reshape(4, 2)  # (point, seed)
    sigmas, rows = comparisons.by_sigma(points, values)
    assert sigmas.tolist() == [0.0, 0.4]
    assert rows.tolist() == [[4, 5, 6, 7], [0, 1, 2, 3]]


def test_every_point_of_an_experiment_has_its_place():
    config = DelayLearning.preset("smoke", lambda0=[0.9, 0.8], sigma0=[0.3, 0.0, 0.1])
    points = config.points()
    place = np.array([[lambda0 + 10 * sigma0] for lambda0, sigma0, _ in points])
    sigmas, rows = comparisons.by_sigma(points, place)
    np.testing.assert_allclose(rows, 10 * sigmas[:, None] + [0.9, 0.8])


def test_too_few_values_stand_for_not_run():
    assert comparisons.known(None) is None
    assert comparisons.known(np.array([1.0, np.nan])) is None
    assert comparisons.known(np.array([1.0, np.nan]), at_least=1) is not None
    assert comparisons.known(np.array([[1.0, 2.0], [np.nan, 4.0]])).shape == (4,)


def test_a_rise_needs_two_values_of_sigma0():
    values = np.array([[1.0, 2.0], [5.0, 5.0], [4.0, 3.0]])
    assert comparisons.rise(np.array([0, 0.1, 0.2]), values).tolist() == [3, 1]
    assert comparisons.rise(np.array([0.0]), values[:1]) is None


def test_slopes_leave_out_networks_with_a_missing_value():
    sigmas = np.array([0.0, 0.2, 0.4])
    values = np.array([[1.0, 3.0, 2.0], [2.0, np.nan, 2.0], [3.0, 3.0, 2.0]])
    found = comparisons.slopes(sigmas, values)
    np.testing.assert_allclose(found[[0, 2]], [5, 0], atol=1e-12)
    assert np.isnan(found[1])
    assert np.isnan(comparisons.slopes(sigmas[:1], values[:1])).all()


def test_correlation_is_pearsons_over_pairs_that_are_there():
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 3.0, np.nan, 2.0])
    known = [0, 1, 3]
    assert comparisons.correlation(x, y) == pytest.approx(np.corrcoef(x[known], y[known])[0, 1])
    assert comparisons.correlation(x, 5 - 2 * x) == pytest.approx(-1)


@pytest.mark.parametrize("y", [[1.0, np.nan, np.nan, 2.0], [3.0, 3.0, 3.0, 3.0]])
def test_there_is_no_correlation_of_two_pairs_or_of_a_constant(y):
    assert np.isnan(comparisons.correlation(np.arange(4.0), np.array(y)))


def test_correlation_takes_one_x_per_point_and_many_seeds():
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x = np.array([0.0, 1.0, 2.0])
    assert comparisons.correlation(x[:, None], values) == pytest.approx(
        np.corrcoef(np.repeat(x, 2), values.ravel())[0, 1]
    )


def test_networks_are_paired_with_the_first_seeds_of_the_basic_ones():
    basic = trained([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6]], n_seeds=3)
    changed = trained([[2, 4], [1, 3], [10, 12], [7, 9]], n_seeds=2)
    pairs = comparisons.pairs(changed, basic)
    assert pairs.sigmas.tolist() == [0, 0.4]
    assert pairs.basic.tolist() == [[1, 2], [4, 5]]
    assert pairs.changed.tolist() == [[3, 2], [11, 8]]
    assert pairs.difference.tolist() == [[2, 0], [7, 3]]
    assert pairs.at(0).tolist() == [2, 0]
    assert pairs.at_largest().tolist() == [7, 3]
    assert pairs.at(0.2) is None
    np.testing.assert_allclose(pairs.steeper, [5 / 0.4, 3 / 0.4])


def test_pairs_may_count_only_some_of_the_trials():
    basic = trained([[1, 1], [1, 1]], n_seeds=1)
    changed = trained([[2, 4], [6, 8]], n_seeds=1, delay=(2, 20))
    assert comparisons.pairs(changed, basic, changed.longest).changed.tolist() == [[4], [8]]


def test_a_pair_with_a_failing_network_has_no_difference():
    basic = trained([[1, 1], [1, 1], [1, 1], [1, 1]], n_seeds=2, infloss=[0, 2, 0, 0])
    changed = trained([[2, 2], [2, 2], [2, 2], [2, 2]], n_seeds=2, infloss=[0, 0, 2, 0])
    difference = comparisons.pairs(changed, basic).difference
    assert np.isnan(difference).tolist() == [[False, True], [True, False]]


def test_pairs_at_one_sigma0_have_no_largest_one():
    one = trained([[1, 1], [2, 2]], n_seeds=2, sigma0=(0.2,))
    assert comparisons.pairs(one, one).at_largest() is None
    assert np.isnan(comparisons.pairs(one, one).steeper).all()


def test_networks_of_other_starts_are_no_pairs():
    one = trained([[1, 1], [2, 2]], n_seeds=1)
    other = trained([[1, 1], [2, 2]], n_seeds=1, sigma0=(0.0, 0.3))
    with pytest.raises(ValueError, match="different lambda0"):
        comparisons.pairs(one, other)


# What is drawn


def test_every_task_has_a_colour_of_its_own():
    assert set(figures.TASK_COLOURS) == set(TASKS)
    assert len(set(figures.TASK_COLOURS.values())) == len(TASKS)


def test_activity_is_drawn_relative_to_each_units_maximum(ax):
    h = np.zeros((30, 4))
    h[20, 0], h[3, 2], h[10, 3] = 9.0, 30.0, 4.0
    h += 0.2 * (np.arange(4) != 1)
    image = figures.draw_activity(h, Geometry(5, 20, 5), ax=ax)
    shown = image.get_array()
    assert shown.shape == (3, 30)
    assert shown.max(1).tolist() == [1, 1, 1]
    assert shown.argmax(1).tolist() == [3, 10, 20]
    assert [line.get_xdata()[0] for line in ax.lines] == [4.5, 24.5]


def test_a_silent_network_is_drawn_black(ax):
    image = figures.draw_activity(np.zeros((30, 4)), Geometry(5, 20, 5), ax=ax)
    assert not image.get_array().any()


def test_a_grid_shows_means_where_they_belong_and_leaves_failures_out(ax):
    points = [(0.98, 0.0, 0.0), (0.8, 0.0, 0.0), (0.98, 0.4, 0.0), (0.8, 0.4, 0.0)]
    values = np.array([[1.0, 3.0], [5.0, np.nan], [np.nan, np.nan], [7.0, 7.0]])
    shown = figures.draw_grid(points, values, ax=ax).get_array()
    assert np.ma.filled(shown, -1).tolist() == [[5, 2], [7, -1]]  # rows sigma0, columns lambda0
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.8", "0.98"]


def test_means_of_columns_are_over_networks_that_are_in_all_of_them(ax):
    first = np.array([[1.0, 2.0], [3.0, np.nan]])
    second = np.array([[2.0, np.nan], [4.0, 9.0]])
    figures.draw_pairs([("a", first), ("b", second)], np.array([0, 0.4]), ax=ax)
    assert ax.lines[-1].get_ydata().tolist() == [2, 3]
    assert {line.get_label() for line in ax.lines} >= {"$\\sigma_0$ = 0", "$\\sigma_0$ = 0.4", "mean"}


@pytest.mark.parametrize(("n", "bands"), [(3, 0), (4, 1)])
def test_a_band_is_drawn_around_enough_networks(ax, n, bands):
    values = np.random.default_rng(0).random((2, n))
    figures.draw_over_sigma(np.array([0, 0.4]), values, ax=ax, colour="black", shift=0.1)
    assert len(ax.collections) == bands
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), values.mean(1))
    np.testing.assert_allclose(ax.lines[-1].get_xdata(), [0.04, 0.44])


def test_differences_are_drawn_from_top_to_bottom(ax):
    rows = [
        ("one", np.array([1.0, 3.0]), "black"),
        ("none", None, "black"),
        ("gone", np.array([np.nan]), "k"),
    ]
    figures.draw_differences(rows, ax=ax, within=(-0.3, 0.3))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["one", "none", "gone"]
    assert ax.get_ylim() == (2.5, -0.5)
    assert ax.lines[2].get_xdata().tolist() == [2]  # the mean, after points and interval
    assert len(ax.lines) == 4  # and the line at zero


def test_no_differences_are_said_to_be_not_trained(ax):
    figures.draw_differences([], ax=ax)
    assert [text.get_text() for text in ax.texts] == ["not trained"]


def test_tasks_stand_side_by_side_with_a_bar_per_sigma0(ax):
    values = [("one", np.array([[1.0, 3.0], [5.0, np.nan]])), ("two", np.array([[2.0], [4.0]]))]
    figures.draw_by_task(values, np.array([0, 0.4]), ax=ax)
    bars = [line.get_ydata()[0] for line in ax.lines[1::2]]
    assert bars == [2, 2, 5, 4]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["one", "two"]
