"""What the chapters on behaviour share: known agents give known numbers."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mempaper.parameters import ConfigError
from mempaper.zhang2024 import analysis, evaluation, figures
from mempaper.zhang2024.monkey_trials import reintegrated
from mempaper.zhang2024.monkeys import checked
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import scripted
from mempaper.zhang2024.rollout import Agent, run
from mempaper.zhang2024.task_drawings import circle_plan
from mempaper.zhang2024.trial_sets import gain_set
from mempaper.zhang2024.world import LINEAR_SCALE, World

WORLD, SIZES = World(), Sizes(rnn=6, fc=5, holistic=7, stacked=6)


def seed(agent):
    """An agent in the place of a trained one."""
    return SimpleNamespace(agent=agent)


@pytest.fixture(scope="module")
def trials():
    return gain_set(1, 60, process=0.0, observation=0.0)


@pytest.fixture(scope="module")
def skilled(trials):
    """Two seeds that steer along circles: one to the target, one to two thirds of the way."""
    rollouts, agents = [], []
    for k, share in enumerate((1.0, 2 / 3)):
        agent = Agent("Actor3Critic5", SIZES, torch.Generator().manual_seed(k))
        plan = scripted(circle_plan(trials.trials.target * share, WORLD))
        rollouts.append(run(agent, WORLD, trials.trials, trials.noise, plan))
        agents.append(seed(agent))
    return evaluation.Behaviour(tuple(agents), tuple(rollouts), WORLD)


# Behaviour


def test_one_seed_steers_well_and_the_other_stops_short(skilled):
    assert skilled.rewarded[0].all()
    assert skilled.rewarded.shape == (2, 60)
    assert skilled.rewarded[1].mean() < 0.5
    assert skilled.reward_rate[0] > skilled.reward_rate[1]
    assert skilled.auc[0] > 0.99
    assert 0.5 < skilled.auc[1] < skilled.auc[0]
    assert (skilled.signed_error[1] < 0).all()
    fits = skilled.stop_fits()
    assert fits[0]["radial"].slope == pytest.approx(1, abs=0.02)
    assert fits[1]["radial"].slope == pytest.approx(2 / 3, abs=0.02)
    for fit in fits:
        assert fit["angular"].slope == pytest.approx(1, abs=0.1)  # circles in steps
        assert fit["radial"].correlation > 0.99


def test_paths_along_circles_have_their_length_and_curvature(skilled):
    target = skilled.paths[0].target
    distance, angle = analysis.polar(target)
    wanted = 2 * np.abs(np.sin(np.radians(angle))) / distance
    bent = wanted > 5e-4
    assert np.allclose(skilled.curvature[0][bent], wanted[bent], rtol=0.2)
    assert np.allclose(skilled.path_length[0], analysis.arc_length(target), rtol=0.05)
    assert (skilled.path_length[1] < skilled.path_length[0]).all()


def test_rocs_share_their_boundaries_and_complete_ones_give_the_area(skilled):
    cut = skilled.rocs(400)
    assert [len(roc.true) for roc in cut] == [401, 401]
    assert cut[0].true[65] == 1
    assert cut[1].true[65] < 0.5
    assert skilled.auc[1] >= cut[1].area


def test_behave_runs_every_seed_in_the_same_trials(trials):
    agents = [Agent("Actor1Critic1", SIZES, torch.Generator().manual_seed(k)) for k in (0, 0, 1)]
    did = evaluation.behave([seed(agent) for agent in agents], trials)
    assert torch.equal(did.rollouts[0].x, did.rollouts[1].x)
    assert not torch.equal(did.rollouts[0].x, did.rollouts[2].x)


def test_layers_are_read_by_seed_and_variable(skilled):
    for layer, (_, names) in evaluation.LAYERS.items():
        found = evaluation.read_out(skilled, layer)
        assert tuple(found) == names
        for values in found.values():
            assert values.shape == (2,)
            assert (np.abs(values) <= 1).all()
    with pytest.raises(ConfigError, match="actor MLP"):
        evaluation.read_out(skilled, "actor LMP")


def test_an_architecture_without_a_layer_is_refused(trials):
    agent = Agent("Actor1Critic1", SIZES, torch.Generator().manual_seed(0))
    did = evaluation.behave([seed(agent)], trials)
    with pytest.raises(ValueError, match="only Actor3"):
        evaluation.read_out(did, "actor MLP")


def test_pooled_trials_are_of_all_seeds_that_count_and_no_outliers():
    values = np.array([[1.0, 2.0, 3.0, np.nan], [2.0, 3.0, 500.0, 1.0]])
    assert sorted(evaluation.pooled(values, [True, True, True, True])) == [1, 1, 2, 2, 3, 3]
    assert sorted(evaluation.pooled(values, values < 3)) == [1, 1, 2, 2]
    assert evaluation.pooled(values, np.zeros(4, bool)).size == 0


def test_an_example_is_far_and_aside_and_solved():
    ahead, aside, left = (0.0, 380.0), (120.0, 320.0), (-130.0, 310.0)
    target = np.array([ahead, aside, left, aside])
    no, yes = np.zeros(4, bool), np.ones(4, bool)
    assert evaluation.example_trial(target, yes, yes) == 1
    assert evaluation.example_trial(target, yes, np.array([1, 0, 1, 1], bool)) == 2
    assert evaluation.example_trial(target, no) == 1
    assert evaluation.example_trial(target[:1], yes[:1]) == 0


# Monkeys


def recordings(trials, share):
    """A monkey that holds the actions of a circle, sampled ten times a step."""
    agent = Agent("Actor1Critic1", SIZES, torch.Generator().manual_seed(0))
    plan = scripted(circle_plan(trials.trials.target * share, WORLD))
    rollouts = run(agent, WORLD, trials.trials, trials.noise, plan)
    paths = analysis.paths(rollouts)
    n = 10 * paths.length
    held = {
        name: np.concatenate([np.repeat(r[:k], 10) for r, k in zip(of, paths.length, strict=True)])
        for name, of in (
            ("pos_x", paths.place[..., 0]),
            ("pos_y", paths.place[..., 1]),
            ("action_v", paths.action[..., 0]),
            ("action_w", paths.action[..., 1]),
        )
    }
    columns = {
        **held,
        "target_x": paths.target[:, 0],
        "target_y": paths.target[:, 1],
        "gain_v": np.full(len(n), 200.0),
        "gain_w": np.full(len(n), 90.0),
        "rewarded": rollouts.rewarded.numpy(),
        "offsets": np.concatenate([[0], np.cumsum(n)]),
        "dt": 0.01,
    }
    return checked(columns, "normal", "here"), rollouts


@pytest.fixture(scope="module")
def monkeys(trials):
    return {"B": recordings(trials, 1.0)[0], "S": recordings(trials, 0.9)[0]}


def test_agents_do_the_trials_of_the_first_monkey(monkeys, trials):
    own = evaluation.normal_trials(30, WORLD, {})
    assert len(own) == 30
    assert torch.equal(own.trials.target, trials.trials.target[:30])
    given = evaluation.normal_trials(30, WORLD, monkeys)
    assert len(given) == 60
    assert given.noise.shape == (60, WORLD.n_steps, 4)
    assert np.allclose(given.trials.target * LINEAR_SCALE, monkeys["B"].target, atol=1e-3)


def test_only_trials_that_all_monkeys_solved_are_compared(monkeys):
    both = evaluation.rewarded_to_all(monkeys)
    each = [one.scalars["rewarded"] for one in monkeys.values()]
    assert np.array_equal(both, each[0] & each[1])
    assert both.any()


def test_an_agent_that_goes_the_monkey_s_way_does_not_differ_from_it(monkeys, skilled):
    found = evaluation.differences({"mod": skilled}, monkeys)
    assert set(found) == {"curvature", "length"}
    assert set(found["length"]) == {"mod", "monkey"}
    same = evaluation.Behaviour(skilled.agents[:1], skilled.rollouts[:1], WORLD)
    alone = evaluation.differences({"mod": same}, {"B": monkeys["B"]})
    assert set(alone["length"]) == {"mod"}
    assert alone["length"]["mod"].mean() < 1 < found["length"]["monkey"].mean()
    assert alone["curvature"]["mod"].mean() < 1e-4
    long = [analysis.path_length(reintegrated(one).place) for one in monkeys.values()]
    kept = evaluation.rewarded_to_all(monkeys)
    expected = evaluation.pooled(np.abs(long[1] - long[0])[None], kept)
    assert np.allclose(np.sort(found["length"]["monkey"]), np.sort(expected))


# Drawing


def test_published_courses_stand_at_their_trials_or_beyond_the_end():
    trials, published = [500, 10_000], {"hol": [0.1, 0.9], "mod": [0.2, 0.95]}
    _, (ax, other) = plt.subplots(1, 2)
    figures.draw_published_course(trials, published, ax=ax)
    assert [list(line.get_xdata()) for line in ax.get_lines()] == [trials, trials]
    figures.draw_published_course(trials, published, last=1000.0, ax=other)
    assert [line.get_xdata()[0] for line in other.get_lines()] == [1040, 1040]
    assert [line.get_ydata()[0] for line in other.get_lines()] == [0.9, 0.95]
    plt.close("all")
