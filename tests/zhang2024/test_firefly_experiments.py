"""Configurations of quick agents: presets, what is refused, and a run from end to end."""

import math

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint
from mempaper.parameters import ConfigError
from mempaper.progress import silent
from mempaper.zhang2024 import quick
from mempaper.zhang2024.experiments import QuickAgent, WarmStart
from mempaper.zhang2024.quick import EKF_FROM_SCRATCH, FROM_SCRATCH, TABLE_ROWS
from mempaper.zhang2024.rollout import COLUMNS
from mempaper.zhang2024.trial_sets import perturbation_set
from mempaper.zhang2024.trials import Conditions, draw_trials
from mempaper.zhang2024.world import World


@pytest.fixture
def few_trials(monkeypatch):
    """Tables on a few trials."""
    monkeypatch.setattr(quick.Tester.__init__, "__defaults__", (20,))


def test_defaults_are_the_paper_s_world():
    run = QuickAgent.preset("full")
    world, conditions = run.world(), run.conditions()
    assert (world.n_steps, world.dt, world.stop_action, world.target_off) == (35, 0.1, 0.1, 3)
    assert world.goal_radius == (0.1625, 0.1625)
    assert world.initial_radius == (0.25, 1.0)
    assert np.degrees(world.relative_angle) == pytest.approx(35)
    assert (conditions.process_noise, conditions.observation_noise) == ((0.2, 0.2), (0.1, 0.1))
    assert (world, conditions) == (World(), Conditions())
    paper = WarmStart.preset("full").sizes()
    assert (paper.rnn, paper.fc, paper.holistic, paper.stacked) == (128, 300, 220, 128)


@pytest.mark.parametrize("actor", ["Actor1", "Actor2", "Actor3"])
def test_quick_agents_are_matched_in_size(actor):
    agent = QuickAgent.preset("fast", architecture=f"{actor}Critic1").new_agent()
    assert sum(p.numel() for p in agent.actor.parameters()) == pytest.approx(27_000, rel=0.06)


def test_recipes():
    warm = QuickAgent.preset("fast", rounds=800).recipe_in_use()
    assert (warm.rounds, warm.own_trials, warm.random_trials) == (800, 2048, 2048)
    assert warm.protected == 0
    scratch = QuickAgent.preset("fast", recipe="scratch", critic_updates=600, rounds=600)
    assert scratch.recipe_in_use() == FROM_SCRATCH
    ekf = scratch.replace(
        architecture="EKF", rounds=900, initial_trials=2048, critic_updates=500
    ).recipe_in_use()
    assert ekf == EKF_FROM_SCRATCH
    smoke = QuickAgent.preset("smoke").recipe_in_use()
    assert (smoke.own_trials, smoke.random_trials) == (0, 512)


def test_agents_with_one_actor_share_their_warm_start():
    modular, mixed, holistic = (
        QuickAgent.preset("fast", architecture=a).warm_run()
        for a in ("Actor3Critic5", "Actor3Critic1", "Actor1Critic1")
    )
    assert modular == mixed != holistic
    other = QuickAgent.preset("fast", architecture="Actor3Critic5", process_noise=0.1).warm_run()
    assert other != modular


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "Actor4Critic1"}, "architecture.*Unknown architecture 'Actor4Critic1'"),
        ({"architecture": "modular"}, "Unknown architecture 'modular'"),
        ({"architecture": "EKF", "process_noise": 0}, "process_noise 0 .* singular"),
        ({"architecture": "ActorEKFCritic1", "process_noise": 0}, "process_noise 0 .* singular"),
        ({"recipe": "hot"}, "recipe"),
        ({"rounds": 0}, "rounds"),
        ({"initial_trials": 1000}, "initial_trials"),
        ({"process_noise": -0.1}, "process_noise"),
        ({"observation_noise": -0.1}, "observation_noise"),
        ({"gain_range": (2, 1)}, r"^gain_range is \(2, 1\): not a range \(lower, upper\)"),
        ({"gain_range": (0, 1)}, r"^gain_range is \(0, 1\): .* 0 < lower <= upper"),
        ({"gain_range": (1, 2), "exclude_gain": (1, 2)}, "exclude_gain"),
        ({"peaks": ((-200, 200), (120, -120))}, r"^peaks is .*: not two ranges \(lower, upper\)"),
        ({"large_peaks": ((-200, 800),)}, "large_peaks"),
        ({"bump_start": (10, 0)}, r"bump_start \(10, 0\) is not a range of steps"),
        ({"exclude_peaks": (100, 60)}, "exclude_peaks is for trainings with perturbations"),
        ({"perturbed": True, "exclude_peaks": (300, 60)}, "exclude_peaks .* leaves nothing"),
        ({"full_speed": (200, 0)}, "full_speed .* is not two positive numbers"),
        ({"reward_mode": "mean"}, "reward_mode"),
        ({"dt": 0}, "dt"),
        ({"target_off": -1}, "target_off"),
        ({"bump_duration": 9}, "bump_duration"),
        ({"rnn_size": 0}, "rnn_size"),
        ({"fc_size": 0}, "fc_size"),
        ({"target_distance": (400, 100)}, r"^target_distance is \(400, 100\): not a range"),
        ({"episode_time": 2.2}, r"episode_time 2.2 gives trials of 22 steps at dt 0.1; .* at least 23"),
        ({"recipe": "scratch", "episode_time": 0.3}, "trials of 3 steps at dt 0.1; .* at least 4"),
        ({"initial_trials": 16896}, "memory of 16384 trials: recipe warm has room for 16384"),
        (
            {"recipe": "scratch", "initial_trials": 20480},
            "initial_trials 20480 is too many for the memory of 20000 trials: recipe scratch .* 19456",
        ),
        ({"recipe": "scratch", "initial_trials": 19968}, "initial_trials 19968 is too many"),
        ({"stop_action": 1.5}, "stop_action"),
        ({"n_seeds": 0}, "n_seeds"),
        ({"learning_rate": 1e-3}, "learning_rate"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, message):
    with pytest.raises(ConfigError, match=message):
        QuickAgent.preset("fast", **change)


def test_training_and_tests_may_have_other_perturbations_and_speeds():
    run = QuickAgent.preset(
        "fast",
        perturbed=True,
        peaks=((40, 80), (-30, 30)),
        exclude_peaks=(50, 20),
        large_peaks=((400, 440), (0, 0)),
        bump_start=(4, 5),
        full_speed=(100, 180),
    )
    trials = draw_trials(200, run.world(), run.conditions(), quick.generator_of(0, "training"))
    linear, angular = (trials.peak * torch.tensor([400, 180 / math.pi])).T
    assert (float(linear.min()), float(linear.max())) == pytest.approx((50, 80), abs=1)
    assert (float(angular.abs().min()), float(angular.max())) == pytest.approx((20, 30), abs=1)
    assert set(trials.start.tolist()) == {4, 5}
    tests = quick.Tester(run.world(), run.conditions(), 50, extensive=True).labels
    normal, large = (400 * tests[f"perturbation{k}"].peak[:, 0] for k in (1, 2))
    assert 39.9 < float(normal.min()) < 50 < float(normal.max()) < 80.1
    assert 399 < float(large.min()) < float(large.max()) < 441
    assert set(tests["perturbation1"].start.tolist()) == {4, 5}
    expected = torch.tensor([0.25, math.pi])
    torch.testing.assert_close(trials.gain, expected.expand(200, 2))
    torch.testing.assert_close(tests["gain4x"].gain, 4 * expected.expand(50, 2))
    own = perturbation_set("large", 20, world=run.world())
    assert float(400 * own.trials.peak[:, 0].min()) >= 399
    torch.testing.assert_close(own.trials.gain, expected.expand(20, 2))


@pytest.mark.parametrize(
    ("recipe", "initial_trials", "episode_time"), [("scratch", 19456, 0.4), ("warm", 16384, 2.3)]
)
def test_what_is_just_possible_can_be_begun(recipe, initial_trials, episode_time):
    run = QuickAgent.preset(
        "smoke",
        recipe=recipe,
        initial_trials=initial_trials,
        episode_time=episode_time,
        rnn_size=2,
        fc_size=2,
        critic_updates=1,
    )
    trainer = quick.QuickTrainer(run.new_agent(), run.world(), run.conditions(), run.recipe_in_use(), 0)
    trainer.begin()
    assert trainer.memory.size == initial_trials
    trainer.round(0)
    assert np.isfinite(trainer.logs["critic_loss"][0])


def test_a_warm_start_needs_trials_with_a_late_part():
    small = {"steps": 2, "batch_size": 4, "rnn_size": 2, "fc_size": 2}
    with pytest.raises(ConfigError, match=r"episode_time 2\.2 gives trials of 22 steps"):
        WarmStart.preset("smoke", **small, episode_time=2.2)
    shortest = WarmStart.preset("smoke", **small, episode_time=2.3)
    assert np.isfinite(shortest.train_one(ResumePoint(), silent)["cost"]).all()


def test_a_recurrent_agent_may_be_without_process_noise():
    QuickAgent.preset("fast", architecture="Actor1Critic1", process_noise=0, observation_noise=0)


@pytest.mark.usefixtures("few_trials")
def test_a_smoke_run_from_end_to_end(runs):
    small = {
        "rnn_size": 6,
        "fc_size": 6,
        "holistic_size": 6,
        "rounds": 2,
        "warm_steps": 2,
        "episode_time": 2.5,
    }
    run = QuickAgent.preset("smoke", seed=3, **small)
    arrays = run.result().arrays
    assert arrays["table"].shape == (1, TABLE_ROWS + 1, 5, len(COLUMNS))
    assert np.isfinite(arrays["table"][0, :3]).all()
    assert run.folder().is_relative_to(runs)
    names = {name for name in arrays if name.startswith("weights/")}
    assert names == {f"weights/{name}" for name in run.new_agent().state_dict()}
    other = QuickAgent.preset("smoke", seed=4, **small).result().arrays
    assert not np.array_equal(other["critic_loss"], arrays["critic_loss"])
