"""Groups of agents under perturbations: measures, peaks, choices; reactions that are built in."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mempaper.zhang2024 import analysis, disturbed, monkeys, perturbation
from mempaper.zhang2024.decoding import BeliefErrors, Decoded, Ridge
from mempaper.zhang2024.disturbed import Disturbed, Memory
from mempaper.zhang2024.groups import Pool, main, trained
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import scripted
from mempaper.zhang2024.rollout import Agent, run
from mempaper.zhang2024.trial_sets import perturbation_set
from mempaper.zhang2024.world import World

WORLD = World()
N, STEPS = 300, 20


def calm(n=N):
    """Perturbed trials without any noise."""
    return disturbed.behaviour_trials(n, WORLD).with_noise(0.0, 0.0)


def steered(trials, react=0.0, seed=0):
    """Random actions for 20 steps, minus a share of what the push adds one step before."""
    rng, n = np.random.default_rng(seed), len(trials)
    actions = np.stack([rng.uniform(0.3, 0.6, (n, 35)), rng.uniform(-0.3, 0.3, (n, 35))], -1)
    bell = analysis.bumps(trials.trials.start.numpy() + 1, 35)[..., None]
    actions -= react * bell * perturbation.peaks(trials.trials)[:, None] / np.array(analysis.GAIN_1X)
    actions[:, STEPS:] = 0
    agent = Agent("Actor1Critic1", Sizes(4, 4, 4, 4), torch.Generator().manual_seed(0))
    given = scripted(torch.tensor(actions.clip(-1, 1), dtype=torch.float32))
    return run(agent, WORLD, trials.trials, trials.noise, given)


def one(react=0.0, seed=0):
    trials = calm()
    after = steered(trials, react, seed)
    return Disturbed(after, steered(trials.without_perturbation(), 0.0, seed), WORLD)


@pytest.fixture(scope="module")
def groups():
    """Two seeds that do not react, and two that do."""
    return {
        "hol": [one(seed=s) for s in (0, 1)],
        "mod": [one(react=0.4, seed=s) for s in (0, 1)],
    }


# Behaviour


def test_without_monkeys_the_trials_are_drawn():
    trials = disturbed.behaviour_trials(50, WORLD)
    assert torch.equal(trials.trials.peak, perturbation_set("full", 50, world=WORLD).trials.peak)


def test_an_agent_that_does_not_react_ends_where_its_normal_actions_lead(groups):
    for agent in groups["hol"]:
        expected, found = agent.without_reaction, analysis.paths(agent.perturbed)
        done = (agent.perturbed.trials.start.numpy() + WORLD.bump_duration + 1) < STEPS
        assert done.any()
        assert found.end[done] == pytest.approx(expected.end[done], abs=0.05)


def test_who_reacts_is_carried_off_less(groups):
    moved = {}
    for name, group in groups.items():
        ends = [
            np.hypot(*(analysis.paths(a.perturbed).end - analysis.paths(a.normal).end).T) for a in group
        ]
        strong = group[0].magnitude > disturbed.STRONG
        moved[name] = np.concatenate([e[strong] for e in ends]).mean()
    assert 40 < moved["mod"] < 0.75 * moved["hol"]


def test_rise_is_the_difference_of_two_means(groups):
    agent = groups["mod"][0]
    distance = np.hypot(
        *(analysis.paths(agent.perturbed).end - analysis.paths(agent.perturbed).target).T
    )
    size = agent.magnitude
    assert agent.error_strong == pytest.approx(distance[size > 200].mean(), abs=1e-3)
    assert agent.error_weak == pytest.approx(distance[size < 40].mean(), abs=1e-3)
    assert agent.rise == pytest.approx(agent.error_strong - agent.error_weak)


def test_a_set_without_weak_pushes_has_no_rise(groups):
    agent = groups["mod"][0]
    strong = torch.as_tensor(agent.magnitude > 200)
    few = Disturbed(agent.perturbed[strong], agent.normal[strong], WORLD)
    assert np.isnan(few.rise)
    assert few.error_strong == pytest.approx(agent.error_strong)


def test_auc_is_that_of_large_pushes_alone(groups):
    agent = groups["hol"][0]
    kept = agent.perturbed[torch.as_tensor(agent.magnitude > 115)]
    assert agent.auc_large == analysis.auc(kept)
    assert agent.auc_large != analysis.auc(agent.perturbed)


def test_running_means_take_a_tenth_of_the_trials_of_all_seeds(groups):
    line = disturbed.errors_by_magnitude(groups["hol"])
    assert len(line.x) == 2 * N
    assert (np.diff(line.x) >= 0).all()
    pooled = np.concatenate([a.distance for a in groups["hol"]])
    size = np.concatenate([a.magnitude for a in groups["hol"]])
    n = disturbed.window(2 * N)
    assert n == 60
    middle = pooled[np.argsort(size, kind="stable")][N - n // 2 : N + n // 2].mean()
    assert line.mean[N] == pytest.approx(middle)
    assert disturbed.window(5) == 2


def test_without_a_reaction_there_is_nothing_to_compensate(groups):
    assert np.isnan(disturbed.peaks(groups["hol"])["forward"].value)


def test_built_in_reactions_are_found_with_their_sign_and_time(groups):
    found = disturbed.peaks(groups["mod"])
    assert list(found) == list(disturbed.OPPOSING)
    for direction, peak in found.items():
        assert peak.value > 0, direction
        assert peak.time == pytest.approx(0.6)
    assert disturbed.strength(found, "linear") == pytest.approx(0.4 * 100, rel=0.2)
    assert disturbed.strength(found, "angular") == pytest.approx(0.4 * 60, rel=0.2)
    joined = {name: one(react=-0.3) for name in ("a",)}
    assert disturbed.peaks([joined["a"]])["forward"].value < 0


def test_peak_is_of_the_mean_over_seeds():
    courses = np.array([[0, 3.0, 0, 0], [0, -1.0, -4.0, 0]])
    assert disturbed.peak(courses) == (-2.0, 0.2)
    courses[0, 2] = np.nan  # missing in one seed
    assert disturbed.peak(courses).value == -4
    courses[1, 2] = np.nan
    assert np.isnan(disturbed.peak(courses).time)


def test_the_gap_between_critics_is_between_the_nearest_two():
    values = {
        "hol": np.array([1.0, 3.0]),
        "moho": np.array([0.0]),
        "homo": np.array([5.0, 4.0]),
        "mod": np.array([7.0]),
    }
    assert disturbed.critic_gap(values) == 4.5 - 2
    assert disturbed.critic_gap(values, 0.5) == 4.5 - 1
    assert disturbed.critic_gap({name: -v for name, v in values.items()}) == -7 - 0


def test_a_typical_trial_is_the_median_of_those_that_may_be_chosen():
    values = np.array([9.0, 1.0, 5.0, 3.0, 7.0])
    assert disturbed.typical(values, values > 0) == 2
    assert disturbed.typical(values, values > 2) == 2  # the lower of the two in the middle
    with pytest.raises(ValueError, match="no trial"):
        disturbed.typical(values, values > 10)


# Monkeys


@pytest.fixture
def subjects():
    """Two monkeys that move straight ahead for a second, whatever is done to them."""

    def columns(n, seed, perturbed):
        rng = np.random.default_rng(seed)
        samples, dt = 100, 0.01
        side, far = np.radians(rng.uniform(60, 120, n)), rng.uniform(110, 390, n)
        flat = {"pos_x": 0.0, "pos_y": 150.0, "action_v": 0.5, "action_w": 0.0}
        made = {name: np.full(n * samples, value) for name, value in flat.items()}
        made |= {
            "target_x": far * np.cos(side),
            "target_y": far * np.sin(side),
            "gain_v": np.full(n, 200.0),
            "gain_w": np.full(n, 90.0),
            "offsets": np.arange(n + 1) * samples,
            "dt": np.array(dt),
        }
        if not perturbed:
            return made | {"rewarded": np.zeros(n)}
        peak = rng.uniform(-1, 1, (n, 2)) * [200, 120]
        profile = np.exp(-(((np.arange(samples) * dt - 0.5) / 0.2) ** 2) / 2)
        made |= {"perturb_vpeak": peak[:, 0], "perturb_wpeak": peak[:, 1]}
        made |= {"perturb_start_time_ori": rng.uniform(0, 1, n), "perturb_start_time": np.zeros(n)}
        for axis, size in zip("vw", peak.T, strict=True):
            made[f"perturb_{axis}"] = made[f"perturb_{axis}_gauss"] = np.outer(size, profile).ravel()
        return made | {"offsets_gauss": made["offsets"]}

    def subject(name, seed):
        return monkeys.Subject(
            name,
            {
                kind: monkeys.checked(columns(60, seed, kind == "perturbation"), kind, name)
                for kind in ("normal", "perturbation")
            },
        )

    return [subject("B", 0), subject("S", 1)]


def test_agents_get_the_first_monkeys_trials(subjects):
    trials = disturbed.behaviour_trials(40, WORLD, subjects)
    assert len(trials) == 40
    given = np.sort(subjects[0]["perturbation"].peak[:, 0])
    assert np.isin(perturbation.peaks(trials.trials)[:, 0].round(2), given.round(2)).all()
    assert torch.equal(trials.noise, disturbed.behaviour_trials(40, WORLD, subjects).noise)


def test_errors_of_monkeys_lie_beside_those_without_a_reaction(subjects):
    found = disturbed.monkey_errors(subjects, 40)
    assert list(found) == ["B", "S"]
    for lines in found.values():
        assert len(lines.errors.x) == 40
        assert (lines.errors.x == lines.without_reaction.x).all()
        assert not np.allclose(lines.errors.mean, lines.without_reaction.mean)


# Memory


def remembered(share, n=200, seed=0):
    """A memory that misses a share of every displacement, and a belief error that costs distance."""
    agent = one(react=0.2)
    rollouts = agent.perturbed[torch.arange(n)]
    rng = np.random.default_rng(seed)
    pushed = rng.uniform(-100, 100, n)
    noise = rng.normal(0, 5, n)
    true = np.zeros((n, 3, 2))
    predicted = true.copy()
    predicted[:, -1, 0] = agent.distance[:n] / 2
    decoded = Decoded(("pos_x", "pos_y"), predicted, true, slice(0, n), Ridge(None, None, 1.0))
    errors = BeliefErrors(pushed, pushed / 2, -share * pushed + noise, 0 * pushed + noise)
    return Memory(rollouts, decoded, errors, WORLD)


def test_slopes_are_the_share_of_a_push_that_is_missed():
    for share in (0.2, 0.6):
        found = disturbed.fit(*remembered(share).points("linear"))
        assert found.slope == pytest.approx(-share, abs=0.02)
        assert found.r < -0.9
    assert abs(disturbed.fit(*remembered(0.2).points("angular")).slope) < 0.03


def test_belief_and_behaviour_are_compared_at_the_end():
    found = disturbed.fit(*remembered(0.2).points("behaviour"))
    assert found == pytest.approx((1, 2), abs=1e-6)
    groups = {"mod": [remembered(0.1), remembered(0.4, seed=1)]}
    slopes = disturbed.fits(groups, "linear", "slope")["mod"]
    assert slopes == pytest.approx([-0.1, -0.4], abs=0.02)
    x, y = (np.hstack(part) for part in zip(*(m.points("linear") for m in groups["mod"]), strict=True))
    assert disturbed.pooled_r(groups["mod"], "linear") == pytest.approx(np.corrcoef(x, y)[0, 1])


# Agents of the pool


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMPAPER_RUNS", str(tmp_path_factory.mktemp("runs")))
        runs = main(Pool.preset("smoke", n_seeds=1))
        yield trained({name: runs[name] for name in ("hol", "mod")}, "perturbation")


def test_agents_are_tested_on_the_same_trials_and_their_memories_read(pool):
    trials = disturbed.behaviour_trials(80, WORLD)
    found = disturbed.behaviour(pool, trials)
    assert [len(group) for group in found.values()] == [1, 1]
    a, b = (group[0] for group in found.values())
    assert (a.magnitude == b.magnitude).all()
    assert not torch.equal(a.perturbed.actions, b.perturbed.actions)
    assert (a.normal.trials.peak == 0).all()
    assert set(found) == {"hol", "mod"}
    assert disturbed.best([a, a]) == 0
    memories = disturbed.memory(pool, trials)
    for group in memories.values():
        assert len(group[0].tested) == len(group[0].pushed.angle_error) == 24
        assert group[0].distance.shape == (24,)
        assert group[0].error > 0
        assert 0 <= group[0].auc <= 1


# Drawings


def test_drawings_show_every_agent_and_direction(groups):
    fig, axes = plt.subplots(1, 2)
    disturbed.draw_kernels({"mod": groups["mod"]}, "linear", ax=axes[0])
    styles = [line.get_linestyle() for line in axes[0].lines]
    assert styles[:2] == ["-", "--"]
    x = np.linspace(-10, 10, 200)
    disturbed.draw_scatter(x, -0.5 * x, colour="black", ax=axes[1])
    line = axes[1].lines[-1]
    assert line.get_ydata() / line.get_xdata() == pytest.approx([-0.5, -0.5])
    assert len(axes[1].patches) == 1
    plt.close(fig)
