"""The original's loop and its memories."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint
from mempaper.parameters import ConfigError
from mempaper.zhang2024 import groups
from mempaper.zhang2024.buffers import EqualLengthMemory, TransitionMemory
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.rollout import COLUMNS
from mempaper.zhang2024.selection import CRITERIA, best_row
from mempaper.zhang2024.training import LOG_COLUMNS, Trainer
from mempaper.zhang2024.trials import draw_each_in_order

FORCED = {"phase_two_at": -1.0}  # leave the first phase at the end of the first block


def trial(length: int, mark: float) -> tuple[torch.Tensor, torch.Tensor, float]:
    return torch.full((length, 6), mark), torch.full((length, 2), mark), mark


def trainer(architecture: str, **changes: object) -> Trainer:
    run = ReferenceAgent.preset("smoke", architecture=architecture)
    schedule = replace(run.schedule(), **changes)
    return Trainer(run.new_agent(), run.world(), run.conditions(), schedule, run.seed)


def test_batches_have_one_length_and_no_trial_twice() -> None:
    memory = EqualLengthMemory(1000, 9)
    for k in range(60):
        memory.push(*trial(3 + k % 5, float(k)))
    rng = np.random.default_rng(0)
    for _ in range(50):
        batch = memory.sample(8, rng)
        steps, n, _ = batch.states.shape
        marks = batch.states[0, :, 0].tolist()
        assert n == 8
        assert len(set(marks)) == n
        assert {3 + int(mark) % 5 for mark in marks} == {steps}
        assert batch.done[:, :, 0].sum(0).tolist() == [1.0] * n
        assert torch.equal(batch.rewards[-1, :, 0], batch.states[0, :, 0])
        assert not batch.rewards[:-1].any()


def test_lengths_are_drawn_as_often_as_they_are_stored() -> None:
    memory = EqualLengthMemory(1000, 9)
    for k in range(90):
        memory.push(*trial(4 if k % 3 else 7, 1.0))
    rng = np.random.default_rng(1)
    drawn = Counter(len(memory.sample(1, rng).states) for _ in range(3000))
    assert drawn[4] / 3000 == pytest.approx(2 / 3, abs=0.03)


def test_a_rare_length_gives_a_smaller_batch_once_a_tenth_is_looked_at() -> None:
    """With 40 of 400 looked at, a length that half the trials have is found about 20 times."""
    memory = EqualLengthMemory(400, 9)
    for k in range(400):
        memory.push(*trial(4 + k % 2, 1.0))
    rng = np.random.default_rng(2)
    sizes = [memory.sample(400, rng).states.shape[1] for _ in range(300)]
    assert np.mean(sizes) == pytest.approx(1 + 39 * 199 / 399, abs=0.5)


def test_the_ring_forgets_the_oldest() -> None:
    memory = EqualLengthMemory(10, 9)
    for k in range(37):
        memory.push(*trial(3 + k % 4, float(k)))
    assert len(memory) == 10
    rng = np.random.default_rng(3)
    seen = {m for _ in range(200) for m in memory.sample(10, rng).states[0, :, 0].tolist()}
    assert seen == set(map(float, range(27, 37)))


def test_a_mirrored_trial_is_reflected_at_the_y_axis() -> None:
    memory = EqualLengthMemory(4, 9)
    memory.push_mirrored(torch.arange(12.0).reshape(2, 6), torch.ones(2, 2), 1.0)
    batch = memory.sample(1, np.random.default_rng(0))
    assert batch.states[0, 0].tolist() == [0, -1, 2, -3, -4, 5]
    assert batch.actions[0, 0].tolist() == [1, -1]


def test_transitions_are_drawn_without_repetition() -> None:
    memory = TransitionMemory(50, 13)
    for k in range(70):
        memory.push(torch.full((13,), float(k)), torch.zeros(2), torch.zeros(13), 0.0, k % 2 == 0)
    batch = memory.sample(50, np.random.default_rng(0))
    assert sorted(batch.states[:, 0].tolist()) == list(range(20, 70))
    assert torch.equal(batch.done[:, 0], (batch.states[:, 0] % 2 == 0).float())


def test_nothing_can_be_drawn_from_an_empty_memory() -> None:
    with pytest.raises(ValueError, match="empty"):
        EqualLengthMemory(10, 9).sample(4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="fewer than 4"):
        TransitionMemory(10, 13).sample(4, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("architecture", "optimizer"),
    [("Actor3Critic5", "adam"), ("ActorEKFCritic1", "adam"), ("EKF", "adam"), ("EKF", "radam")],
)
def test_an_interrupted_training_ends_like_an_unbroken_one(
    architecture: str, optimizer: str, tmp_path: Path
) -> None:
    changes = {**FORCED, "optimizer": optimizer}
    whole = trainer(architecture, **changes).run()
    assert whole["phase"] == 2
    first = trainer(architecture, **changes)
    while first.trial < 13 or first.phase == 1:
        first.one_trial()
        if first.trial % 5 == 4:
            first._block_ends()
        if first.trial % 10 == 9:
            first._checkpoint()
        first.trial += 1
    point = ResumePoint(tmp_path / "resume")
    point.save(first.state())
    again = trainer(architecture, **changes).run(point)
    for name, array in whole.items():
        assert np.array_equal(array, again[name], equal_nan=True), name


def test_the_first_phase_ends_with_an_empty_memory_and_trials_from_one() -> None:
    one = trainer("Actor1Critic1", **FORCED)
    for _ in range(4):
        one.one_trial()
        one.trial += 1
    assert len(one.memory) == 4
    assert one.std == 0.8
    one.one_trial()
    one._block_ends()
    one.trial += 1
    assert (one.phase, one.trial, len(one.memory)) == (2, 1, 0)
    assert one.first_phase_trials == 5
    assert one.std == 0.5
    one.one_trial()
    assert len(one.memory) == 2  # with its mirror image


def test_small_steps_begin_after_a_validation_with_four_fifths_rewarded() -> None:
    one = trainer("Actor3Critic5", **FORCED)
    one.phase = 2
    one.logs["validation"][0, 1, COLUMNS.index("reward_fraction")] = 0.81
    one._recent = [[0.0] * len(LOG_COLUMNS)] * 5
    one._block_ends()
    assert one.phase == 3
    assert (one.rates.actor, one.rates.critic, one.std) == (5e-5, 5e-5, 0.4)


def test_each_phase_has_its_own_exploration_and_tests_their_own_number_of_trials() -> None:
    run = ReferenceAgent.preset("full", phase_two_exploration=0.3, phase_three_exploration=0.1)
    one = Trainer(run.new_agent(), run.world(), run.conditions(), run.schedule(), 0)
    seen = []
    for one.phase in (1, 2, 3):
        seen.append(one.std)
    assert seen == [0.8, 0.3, 0.1]
    assert len(one.tester.labels["gain1x"]) == 500
    assert run.replace(extensive=True).schedule().test_trials == 300
    assert run.replace(extensive=True, test_trials=40).schedule().test_trials == 40


def test_a_training_with_excluded_gains_and_perturbations_is_validated_without_them() -> None:
    run = ReferenceAgent.preset(
        "smoke", gain_range=(0.5, 4.0), exclude_gain=(0.8, 3.0), perturbed=True, exclude_peaks=(100, 60)
    )
    one = Trainer(run.new_agent(), run.world(), run.conditions(), run.schedule(), 0)
    assert np.isfinite(one.validate()[:, COLUMNS.index("reward_rate")]).all()
    trials = draw_each_in_order(50, run.world(), run.conditions(), one.generator)
    multiplier = trials.gain[:, 0] / 0.5
    assert ((multiplier <= 0.8) | (multiplier >= 3)).all()
    assert (trials.peak.abs() >= torch.tensor([0.25, np.radians(60)])).all()


def test_without_observation_noise_the_first_phase_sees_velocity_as_it_is() -> None:
    one = trainer("Actor3Critic5")
    one.one_trial()
    assert isinstance(one.memory, EqualLengthMemory)
    length = int(one.memory.arrays["length"][0])
    seen = one.memory.arrays["states"][0, :length]
    # an untrained actor stays in the stop box, so what it sees is process noise on its own action
    intended = seen[1:, 2] * 0.5
    assert (seen[1:, 0] - intended).std() == pytest.approx(0.2 * 0.5, rel=0.5)
    assert length == 35


def test_radam_begins_with_the_gradient_itself() -> None:
    """Its first step is the rate times the gradient, however small that is; Adam's is the rate."""
    moved = {}
    for optimizer in ("adam", "radam"):
        learner = trainer("EKF", optimizer=optimizer).learner
        weight = learner.actor.l3.weight
        before = weight.detach().clone()
        weight.grad = torch.full_like(weight, 0.01)
        learner.actor_optimizer.param_groups[0]["lr"] = 0.1
        learner.actor_optimizer.step()
        moved[optimizer] = float((before - weight).detach().mean())
    assert moved["radam"] == pytest.approx(0.1 * 0.01, rel=1e-3)
    assert moved["adam"] == pytest.approx(0.1, rel=0.02)


def test_a_stop_is_executed_as_intended() -> None:
    one = trainer("Actor3Critic5")
    stop, move = torch.tensor([[0.05, -0.09]]), torch.tensor([[0.05, 0.2]])
    assert torch.equal(one._explored(stop), stop)
    assert not torch.equal(one._explored(move), move)
    assert one._explored(torch.ones(1, 2)).abs().max() <= 1


@pytest.mark.usefixtures("runs")
def test_every_checkpoint_is_kept_and_the_best_ones_are_selected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def forced(self: ReferenceAgent, schedule=ReferenceAgent.schedule):
        return replace(schedule(self), **FORCED)

    monkeypatch.setattr(ReferenceAgent, "schedule", forced)
    run = ReferenceAgent.preset("smoke", architecture="Actor3Critic5", seed=5)
    result = run.result()
    kept = {file.stem for file in run.checkpoints(5).glob("*.safetensors")}
    assert kept == {"9", "19"}
    labels = ["gain1x", "gain1.5x", "gain2x", "perturbation0", "perturbation1"]
    for criterion in CRITERIA:
        row = best_row(result["table"][0], labels, criterion)
        assert row is not None
        assert f"selected/{criterion}/actor.l1.weight" in result.arrays
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: tmp_path)
    before = groups.load(run, "gain").agent.state_dict()
    run.ship()
    shipped = groups.load(run, "perturbation")  # there is one checkpoint now
    assert shipped.first_phase == (int(result["first_phase_trials"][0]), True)
    assert shipped.provenance["origin"] == "shipped"
    assert {name.split("/")[1] for name in shipped.result.arrays if "/" in name} == {"gain"}
    assert shipped.curve("gain1x").shape == (2,)
    assert shipped.best() == best_row(result["table"][0], labels, "gain1x")
    for name, weight in shipped.agent.actor.state_dict().items():
        torch.testing.assert_close(weight, before[f"actor.{name}"], atol=1e-3, rtol=1e-3)


@pytest.mark.usefixtures("runs")
def test_a_training_whose_first_phase_hangs_is_shipped_without_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = ReferenceAgent.preset("smoke", architecture="EKF")
    assert run.result()["phase"] == 1
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: tmp_path)
    run.ship()
    (hung,) = groups.at_hand({"EKF": [run]})["EKF"]
    assert hung.provenance["origin"] == "shipped"
    assert hung.first_phase == (20, False)
    assert hung.losses.shape == (4,)
    with pytest.raises(ConfigError, match="EKF, seed 0, never left its first phase: no checkpoint"):
        hung.best()
    with pytest.raises(ConfigError, match="EKF, seed 0, comes with the book without weights"):
        groups.load(run)


@pytest.mark.usefixtures("runs")
def test_the_next_seeds_take_the_places_of_those_whose_first_phase_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seeds 0, 2 and 3 never leave their first phase."""

    def schedule(self: ReferenceAgent, plain=ReferenceAgent.schedule):
        return replace(plain(self), phase_two_at=1.0 if self.seed in (0, 2, 3) else -1.0)

    monkeypatch.setattr(ReferenceAgent, "schedule", schedule)
    first = ReferenceAgent.preset("smoke", architecture="EKF", fc_size=6)
    group = [first.replace(seed=k) for k in range(3)]
    assert groups.replaced(group, groups.known_to_hang) == group  # nothing is known, and nothing trained
    assert not any(run.is_done() for run in group)
    found = groups.trained({"EKF": group})["EKF"]
    assert [agent.run.seed for agent in found] == [1, 4, 5]
    listed = groups.replaced(group, groups.known_to_hang)
    assert [run.seed for run in listed] == [1, 4, 5]


@pytest.mark.usefixtures("runs")
def test_a_training_that_hangs_with_every_seed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "SPARE_SEEDS", 1)
    group = [ReferenceAgent.preset("smoke", architecture="EKF", fc_size=6, phase_two_at=1.0)]
    with pytest.raises(ConfigError, match="EKF: of 2 seeds 0 left the first phase within 20 trials"):
        groups.trained({"EKF": group})


def test_ties_go_to_the_earliest_checkpoint() -> None:
    table = np.zeros((3, 2, len(COLUMNS)))
    table[1:, 0, COLUMNS.index("reward_rate")] = 0.5
    assert best_row(table, ["gain1x", "perturbation0"], "gain1x") == 1
    assert best_row(np.full_like(table, np.nan), ["gain1x", "perturbation0"], "gain1x") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exploration": 0.5}, "exploration"),
        ({"phase_three_exploration": -0.1}, "phase_three_exploration"),
        ({"test_trials": 0}, "test_trials"),
        ({"total_trials": 400}, "no checkpoint"),
        ({"architecture": "Actor4Critic1"}, "Unknown architecture"),
        ({"architecture": "EKF", "process_noise": 0.0}, "process_noise 0"),
        ({"architecture": "EKF", "ekf_learn_after": 100}, "ekf_batch_size"),
        ({"bump_duration": 9}, "bump_duration"),
        ({"gain_range": (2.0, 1.0)}, "gain"),
        ({"process_noise": -0.1}, "process_noise"),
        ({"reward_mode": "linear"}, "reward_mode"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"dt": 0.0}, "dt"),
        ({"target_off": -1}, "target_off"),
        ({"fc_size": 0}, "fc_size"),
    ],
)
def test_impossible_settings_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ReferenceAgent.preset("full", **changes)
