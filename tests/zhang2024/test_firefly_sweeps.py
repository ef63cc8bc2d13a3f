"""Many agents beside each other: which ones, what is measured, tables, correlations, drawings."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mempaper.parameters import ConfigError
from mempaper.zhang2024 import groups, published, sweep_figures, sweeps, trial_sets
from mempaper.zhang2024.analysis import auc, paths
from mempaper.zhang2024.grids import drop_ratio, noise_grid
from mempaper.zhang2024.groups import Pool
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.world import World

WORLD = World()


def trained(agent, noise=(0.2, 0.1)):
    return SimpleNamespace(agent=agent, world=WORLD, noise=noise)


@pytest.fixture(scope="module")
def rule():
    return trained(sweeps.rule_agent())


@pytest.fixture(scope="module")
def network():
    agent = Agent("Actor3Critic5", Sizes(8, 8, 8, 8), torch.Generator().manual_seed(1))
    with torch.no_grad():
        agent.actor.l3.weight.mul_(40)
        agent.actor.l3.bias.copy_(torch.tensor([0.5, 0.0]))
    return trained(agent)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# Which agents, and which gains


def test_new_gains_depend_on_the_mode_and_the_reader():
    assert sweeps.gain_ranges(None, "fast") == ((2, 2), (3, 4))
    assert sweeps.gain_ranges(None, "full") == ((3, 4), (2, 2))
    assert sweeps.gain_ranges([1.5, 1.5], "fast") == ((1.5, 1.5), (3, 4))
    assert sweeps.describe_gains((2.0, 2.0)) == "gain 2"
    assert sweeps.describe_gains((3.0, 4.0)) == "gains 3 to 4"


@pytest.mark.parametrize("given", [2, [2], [4, 3], [0, 1], ["2", "3"], [True, 2], [2, float("inf")]])
def test_impossible_gains_are_refused(given):
    with pytest.raises(ConfigError, match=r"new_gains is .*allowed are two positive"):
        sweeps.gain_ranges(given, "fast")


def test_sweeps_are_whole_in_fast_mode_and_smaller_elsewhere():
    fast, smoke, full = (Pool.preset(mode) for mode in ("fast", "smoke", "full"))
    assert len(sweeps.noises(fast, True)) == 32
    assert {key[1:] for key in sweeps.noises(full, False)} == {groups.DEFAULT_NOISE}
    assert len(sweeps.noises(smoke, True)) == 10
    assert set(sweeps.architectures(fast, True)) == set(groups.ARCHITECTURES)
    assert {len(group) for group in sweeps.architectures(fast, True).values()} == {2}
    assert {k: len(v) for k, v in sweeps.architectures(full, False).items()} == dict.fromkeys(
        groups.MAIN.values(), 3
    )
    assert set(sweeps.architectures(smoke, True)) == set(sweeps.SOME_ARCHITECTURES)


# The rule


def test_the_rule_turns_to_the_target_and_stops_there():
    belief = torch.zeros(3, 13)
    belief[:, 2] = np.pi / 2  # straight ahead
    belief[0, :2] = torch.tensor([0.0, -0.5])  # the target lies ahead
    belief[1, :2] = torch.tensor([0.5, -0.5])  # ahead and to the left
    belief[2, :2] = torch.tensor([0.05, 0.05])  # it is here
    action, _ = sweeps.Rule()(belief)
    assert action[0, 0] > 0.5
    assert action[0, 1] == pytest.approx(0, abs=1e-6)
    assert action[1, 1] > 0.5
    assert not action[2].any()


def test_with_the_rule_filters_have_the_published_ratios(rule):
    base = trial_sets.gain_set(1, 600)
    observes = drop_ratio(noise_grid(rule.agent, 0.2, 0.1, (0, 0.8), base))
    predicts = drop_ratio(noise_grid(rule.agent, 0.1, 0.2, (0, 0.8), base))
    assert observes > 2
    assert predicts < 0.5


# What they do


def test_grids_begin_at_the_noise_of_the_training(rule):
    base = trial_sets.gain_set(1, 60)
    other = trained(rule.agent, (0.3, 0.2))
    both = sweeps.noise_grids([rule, other], base)
    assert both.shape == (2, 5, 5)
    assert both[1] == pytest.approx(noise_grid(rule.agent, 0.3, 0.2, trial_set=base))
    assert sweeps.noise_grids([other], base, (0.2, 0.1))[0] == pytest.approx(both[0])


def test_measures_of_a_group(network, rule):
    base = trial_sets.gain_set(1, 80)
    names = ("auc", "reward_rate", "td_error", "length", "curvature", "decoding_error")
    found = sweeps.measure({"net": [network, network]}, base, *names)
    assert list(found) == list(names)
    assert found["auc"]["net"] == pytest.approx([auc(base.run(network.agent))] * 2)
    assert all(np.isfinite(found[name]["net"]).all() for name in names)
    steered = sweeps.measure({"rule": [rule]}, base, "reward_rate", "length", "auc")
    assert steered["reward_rate"]["rule"][0] > 0.3
    assert 150 < steered["length"]["rule"][0] < 400
    with pytest.raises(ConfigError, match="Did you mean 'auc'"):
        sweeps.measure({"rule": [rule]}, base, "auk")


def test_agents_can_be_measured_in_their_own_noise(rule):
    base = trial_sets.gain_set(1, 80)
    noisy = trained(rule.agent, (0.6, 0.6))
    own = sweeps.measure({"a": [noisy]}, base, "auc", own_noise=True)["auc"]["a"]
    assert own[0] == pytest.approx(auc(base.with_noise(0.6, 0.6).run(rule.agent)))
    assert own[0] < sweeps.measure({"a": [noisy]}, base, "auc")["auc"]["a"][0]


def test_yardsticks_come_with_the_book_and_two_more_are_trained_anew():
    base = groups.Pool.preset("fast")
    yardsticks = groups.filters(base)
    assert {name: [run.seed for run in runs] for name, runs in yardsticks.items()} == {
        "EKF": [0, 1, 2],
        "EKF alternative": [0, 1, 2],
    }
    assert all(run.is_shipped() for runs in yardsticks.values() for run in runs)
    for name, (run,) in groups.fresh_filters(base).items():
        assert not run.is_shipped()
        assert run.replace(seed=0).key() == yardsticks[name][0].key()


def test_the_longer_training_is_ten_times_as_long():
    (quick,) = groups.longer(groups.Pool.preset("fast"))["hol longer"]
    assert quick.rounds == 12_000
    assert quick.is_shipped()
    (full,) = groups.longer(groups.Pool.preset("full"))["hol longer"]
    assert (full.total_trials, full.extensive) == (100_000, True)


# Tables


def test_noise_tables_have_observation_noise_in_rows():
    tables = sweeps.noise_tables({("hol", 0.3, 0.0): 1.0, ("hol", 0.0, 0.1): 2.0, ("mod", 0.1, 0.1): 3})
    assert tables["hol"][0, 3] == 1
    assert tables["hol"][1, 0] == 2
    assert np.isnan(tables["hol"]).sum() == 14
    assert sweeps.by_larger_noise(tables["hol"]) == (1, 2)
    assert np.isnan(sweeps.by_larger_noise(tables["mod"])).all()


def test_training_noise_decides_in_the_published_tables():
    printed = sweeps.printed_noise_tables("7a", {"obs": "corr_with_EKF"})["obs"]
    more, less = sweeps.by_larger_noise(printed["mod"])
    assert more == pytest.approx(0.921, abs=1e-3)  # as part F of the analyses says
    assert less == pytest.approx(0.497, abs=1e-3)
    extensive = sweeps.printed_noise_tables("S7c", {"gains": "gain3to4x_auc"}, "_extensive")
    assert (extensive["gains"]["mod"] > extensive["gains"]["hol"]).all()


def test_architecture_tables_have_critics_in_rows():
    values = {name: float(k) for k, name in enumerate(groups.ARCHITECTURES)}
    table = sweeps.architecture_table(values)
    assert table.shape == (5, 3)
    assert table[4, 2] == values["Actor3Critic5"]
    assert table[0, 1] == values["Actor2Critic1"]
    assert sweeps.critic_means(table) == pytest.approx(np.arange(5) * 3 + 1)
    del values["Actor2Critic2"]
    missing = sweeps.architecture_table(values)
    assert np.isnan(missing).sum() == 1
    assert np.isnan(sweeps.critic_means(missing)[1])
    printed = sweeps.printed_architecture_tables()
    assert printed["gain", "auc"][4, 2] == printed["gain", "auc"].max() == 0.906
    r = sweeps.correlation(printed["gain", "auc"], printed["gain", "decoding_error"])
    assert r == pytest.approx(-0.894, abs=1e-3)


def test_means_and_standard_errors_over_seeds():
    values = {"a": np.array([1.0, 3.0]), "b": np.array([2.0])}
    assert sweeps.means(values) == {"a": 2, "b": 2}
    assert sweeps.standard_errors(values)["a"] == pytest.approx(1)
    assert np.isnan(sweeps.standard_errors(values)["b"])


# Correlations


def test_correlations_leave_out_what_is_missing():
    a = np.array([[1.0, 2, 3], [4, 5, np.nan]])
    assert sweeps.correlation(a, 2 * a + 1) == pytest.approx(1)
    assert np.isnan(sweeps.correlation(a, np.ones((2, 3))))
    assert np.isnan(sweeps.correlation(a[0, :2], a[0, :2]))
    nothing = sweeps.boxed_correlation(a, np.full((2, 3), np.nan))
    assert np.isnan(nothing.r)
    assert nothing.n == 0


def test_published_correlations_follow_from_the_published_grids():
    tables = {
        name: published.table("2c", "auc_drop", sweeps.PUBLISHED[name]).values for name in groups.MAIN
    }
    ekf = published.table("2b", "auc_drop", "EKF").values
    found = sweeps.likenesses(tables, ekf)
    expected = {"hol": 0.524, "moho": 0.511, "homo": 0.758, "mod": 0.941}
    assert {name: one.r for name, one in found.items()} == pytest.approx(expected, abs=1e-3)
    assert found["hol"].low == pytest.approx(0.19, abs=0.01)
    shuffled = sweeps.likenesses(tables, ekf, shuffle=True)
    assert all(abs(one.r) < 0.4 for one in shuffled.values())


# Drawings


def test_maps_say_what_is_missing():
    _, axes = plt.subplots(1, 4)
    sweep_figures.draw_map(np.eye(5), "added noise", ax=axes[0], title="here")
    assert axes[0].get_xlabel() == r"added $\sigma_a$"
    assert len(axes[0].texts) == 25
    sweep_figures.draw_map(np.eye(4), "training noise", ax=axes[1])
    assert len(axes[1].lines) == 1
    sweep_figures.draw_map(np.ones((5, 3)), "architecture", ax=axes[2])
    assert len(axes[2].patches) == 4
    sweep_figures.draw_map(None, "architecture", ax=axes[3], missing="not attempted")
    assert [t.get_text() for t in axes[3].texts] == ["not attempted"]
    with pytest.raises(ValueError, match="added noise, training noise, architecture"):
        sweep_figures.draw_map(None, "else", ax=axes[3])


def test_the_frame_of_the_modular_agent_is_at_the_upper_right():
    _, ax = plt.subplots()
    sweep_figures.draw_map(np.zeros((5, 3)), "architecture", ax=ax)
    assert [patch.get_xy() for patch in ax.patches][-1] == (1.5, 3.5)


def test_limits_reach_over_all_numbers():
    assert sweep_figures.limits(np.array([1, np.nan]), None, np.array([3.0])) == (1, 3)
    assert sweep_figures.limits(None, np.array([np.nan])) == (0, 1)


def test_boxes_of_correlations():
    x = np.arange(25.0)
    noisy = x + 5 * np.sin(x)
    measured = {"hol": sweeps.boxed_correlation(x, noisy), "mod": sweeps.boxed_correlation(x, 0 * x)}
    _, ax = plt.subplots()
    sweep_figures.draw_correlations(
        measured, ax=ax, published={"hol": measured["hol"]}, seeds={"hol": np.array([0.5])}
    )
    (box,) = ax.patches
    assert box.get_y() == pytest.approx(measured["hol"].low)
    assert [t.get_text() for t in ax.texts] == ["not run"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["hol", "mod"]


def test_pairs_of_maps_have_an_agent_per_row():
    measured = {"a": {"hol": np.eye(4)}, "b": {"hol": np.eye(4)}}
    printed = {name: {"hol": np.eye(4), "mod": np.eye(4)} for name in measured}
    _, axes = plt.subplots(2, 4)
    sweep_figures.draw_noise_pairs(axes, measured, printed)
    assert axes[0, 0].get_title() == "holistic, a"
    assert axes[1, 3].get_title() == "modular, b, published"
    assert [t.get_text() for t in axes[1, 0].texts] == ["not run"]


def test_points_and_paths(rule):
    _, axes = plt.subplots(1, 3)
    sweep_figures.draw_against(np.eye(4), np.eye(4), (np.eye(4), np.eye(4)), ax=axes[0])
    assert len(axes[0].lines) == 2
    values = {groups.MOD: np.array([1.0, 2.0]), "Actor2Critic2": np.array([1.0])}
    sweep_figures.draw_architectures(values, values, ax=axes[1])
    assert axes[1].get_legend_handles_labels()[1] == ["modular"]
    shown = paths(trial_sets.gain_set(1, 5).run(rule.agent)[:3])
    sweep_figures.draw_paths(shown, ax=axes[2])
    assert len(axes[2].patches) == 3
