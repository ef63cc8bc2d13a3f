from dataclasses import replace

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint
from mempaper.ensemble import member_generators
from mempaper.memory import EpisodicMemory
from mempaper.parameters import ConfigError
from mempaper.ritter2018.bandit import BarcodeBanditTask, NoisyContextTask
from mempaper.ritter2018.maze import WaterMazeTask
from mempaper.ritter2018.recurring import EXPERIMENTS, BarcodeBandit, NoisyContexts
from mempaper.ritter2018.recurring_memory import EpisodeMemory, TrialMemory, search
from mempaper.ritter2018.recurring_training import (
    RecurringSettings,
    Rollout,
    new_memory,
    new_recurring_agents,
    recurring_loss,
    roll_out,
    train_recurring,
)
from mempaper.ritter2018.two_step import TwoStepTask

BANDIT = BarcodeBanditTask(n_arms=2, n_contexts=3, context_length=4, n_repetitions=3, n_pulls=3)
NOISY = NoisyContextTask(
    n_arms=2, n_contexts=3, context_length=9, n_repetitions=3, n_pulls=3, p_flip=0.3
)
MAZE = WaterMazeTask(side=3, n_contexts=3, context_length=4, n_repetitions=2, n_moves=4)
TWO_STEP = TwoStepTask(4)
TASKS = {"bandit": BANDIT, "noisy": NOISY, "maze": MAZE, "two_step": TWO_STEP}
SETTINGS = RecurringSettings(n_epochs=3, n_envs=5, hidden_size=6)
tasks = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
variants = pytest.mark.parametrize("variant", ["gate", "nogate", "input", "none"])


def sample(task, n_members=2, n_envs=5):
    return task.sample(member_generators(0, n_members, 1), n_envs)


def general_memory(**options):
    return EpisodicMemory(capacity=100, value_size=6, tie="newest", **options)


@pytest.mark.parametrize(
    ("miss", "duplicates", "kernel"),
    [
        ("zeros", "append", "l2"),
        ("zeros", "append", "l1"),
        ("zeros", "append", "cosine"),
        ("zeros", "overwrite", "l2"),
        ("nearest", "append", "cosine"),  # the distances' shift of 1e-6 would break ties
    ],
)
def test_vectorised_memory_equals_the_general_one(miss, duplicates, kernel):
    task = replace(BANDIT, n_repetitions=6)
    epoch = sample(task)
    memory = EpisodeMemory(epoch.keys, 6, last_step=2, miss=miss)
    cells = torch.as_tensor(np.random.default_rng(0).normal(size=(task.n_episodes, 2, 5, 6))).float()
    general = [
        [general_memory(miss=miss, duplicates=duplicates, kernel=kernel) for _ in range(5)]
        for _ in range(2)
    ]
    for episode in range(task.n_episodes):
        recalled = memory.recall(episode, 0)
        assert memory.recall(episode, 1) is None
        for member in range(2):
            for env in range(5):
                key = epoch.keys[member, env, episode]
                expected = general[member][env].get(key)
                torch.testing.assert_close(recalled[member, env], expected, rtol=0, atol=0)
                general[member][env].save(key, cells[episode, member, env])
        memory.write(episode, 1, cells[episode] + 100)  # not the step to write at
        memory.write(episode, 2, cells[episode])


def test_exact_read_is_a_table_of_contexts():
    epoch = sample(BANDIT)
    memory = EpisodeMemory(epoch.keys, 6, last_step=0)
    table = torch.zeros(2, 5, BANDIT.n_contexts, 6)
    for episode in range(BANDIT.n_episodes):
        cell = torch.full((2, 5, 6), float(episode + 1))
        index = epoch.order[:, :, episode].view(2, 5, 1, 1).expand(-1, -1, 1, 6)
        assert torch.equal(memory.recall(episode, 0), table.gather(2, index).squeeze(2))
        memory.write(episode, 0, cell)
        table.scatter_(2, index, cell.unsqueeze(2))


def test_softmax_read_averages_earlier_entries():
    keys = sample(NOISY).keys
    weights = search(keys, "softmax", "nearest", 2.0)
    memory = EpisodeMemory(keys, 6, 0, recall="softmax", tau=2.0)
    rng = np.random.default_rng(0)
    cells = torch.as_tensor(rng.normal(size=(2, 5, NOISY.n_episodes, 6))).float()
    memory.entries[:, :, :-1] = cells
    assert (memory.recall(0, 0) == 0).all()
    for episode in range(1, NOISY.n_episodes):
        agreement = (keys[:, :, :episode] * keys[:, :, episode : episode + 1]).sum(-1)
        expected = torch.softmax(agreement / 2.0, -1)
        torch.testing.assert_close(weights[:, :, episode, :episode], expected)
        assert (weights[:, :, episode, episode:] == 0).all()
        average = (expected.unsqueeze(-1) * cells[:, :, :episode]).sum(2)
        torch.testing.assert_close(memory.recall(episode, 0), average)
    sharp = search(keys, "softmax", "nearest", 1e-3)
    untied = (sharp > 0.6).any(-1)
    nearest = search(keys, "1nn", "nearest", 1.0)
    assert untied.sum() > 30
    assert torch.equal(sharp.argmax(-1)[untied], nearest[untied])


def test_two_step_memory_equals_the_general_one():
    epoch = sample(TWO_STEP)
    memory = TrialMemory(epoch.cue_index, 4, 6)
    general = [[general_memory(miss="zeros") for _ in range(5)] for _ in range(2)]
    contexts = torch.eye(4)
    cells = torch.as_tensor(np.random.default_rng(0).normal(size=(8, 2, 5, 6))).float()
    for trial in range(8):
        recalled = memory.recall(0, trial)
        assert (recalled is None) == (trial < 4)
        for member in range(2):
            for env in range(5):
                one = general[member][env]
                if trial >= 4:
                    cue = contexts[epoch.cue_index[member, env, trial]]
                    torch.testing.assert_close(recalled[member, env], one.get(cue))
                if 1 <= trial <= 4:  # the state that has seen the outcome of the trial before
                    one.save(contexts[trial - 1], cells[trial, member, env])
        memory.write(0, trial, cells[trial])


@variants
@tasks
def test_rollout_equals_steps_with_the_whole_input(task, variant):
    """Hoisted projections give what the cell gives for [cue, observation] at each step."""
    settings = replace(SETTINGS, variant=variant, miss="nearest")
    agents = new_recurring_agents(task, settings, 0, 2)
    with torch.no_grad():
        agents.heads.actor.weight.mul_(100)
    uniform = torch.rand(2, task.n_episodes, task.n_steps, 5, generator=torch.manual_seed(0))
    epoch, again = sample(task), sample(task)
    memory, other = (new_memory(e, task, settings) for e in (epoch, again))
    assert (memory is None) == (variant == "none")
    for episode in range(task.n_episodes):
        rollout = roll_out(agents, epoch, task, memory, episode, uniform[:, episode])
        h = c = torch.zeros(2, 5, 6)
        recalled = torch.zeros(2, 5, 6)
        observation = again.start(episode)
        for step in range(task.n_steps + task.shows_outcome):
            entry = other.recall(episode, step) if other is not None else None
            recalled = recalled if entry is None else torch.tanh(entry)
            x = torch.cat([again.cue(episode), observation], -1)
            h, c, _ = agents.cell.step(agents.cell.project(x, recalled), h, c, recalled)
            if other is not None:
                other.write(episode, step, c.detach())
            if step < task.n_steps:
                torch.testing.assert_close(rollout.hidden[:, step], h, rtol=0, atol=1e-5)
                reward, observation = again.step(episode, step, rollout.actions[:, step])
                assert torch.equal(reward, rollout.rewards[:, step])
    if memory is not None:
        torch.testing.assert_close(memory.entries, other.entries, rtol=0, atol=1e-5)
        assert memory.entries.abs().sum() > 0


def test_no_gradient_reaches_what_is_stored():
    agents = new_recurring_agents(BANDIT, SETTINGS, 0, 2)
    epoch = sample(BANDIT)
    memory = new_memory(epoch, BANDIT, SETTINGS)
    uniform = torch.rand(2, BANDIT.n_steps, 5, generator=torch.manual_seed(0))
    roll_out(agents, epoch, BANDIT, memory, 0, uniform)
    assert not memory.entries.requires_grad
    before = memory.entries.clone()
    with torch.no_grad():
        agents.cell.i2h.weight.add_(1.0)
    assert torch.equal(memory.entries, before)
    assert torch.equal(memory.entries[:, :, 1:], torch.zeros(2, 5, BANDIT.n_episodes, 6))


def test_loss_is_the_one_described():
    settings = replace(SETTINGS, gamma=0.7)
    agents = new_recurring_agents(BANDIT, settings, 0, 2)
    rng = np.random.default_rng(0)
    hidden = torch.as_tensor(rng.normal(size=(2, 3, 5, 6))).float()
    actions = torch.as_tensor(rng.integers(2, size=(2, 3, 5)))
    rewards = torch.as_tensor(rng.integers(2, size=(2, 3, 5))).float()
    loss = recurring_loss(agents, Rollout(hidden, actions, rewards), settings, 0.03)
    policy, value = agents.heads(hidden)
    for m in range(2):
        total = 0.0
        for env in range(5):
            for t in range(3):
                ret = sum(0.7 ** (k - t) * rewards[m, k, env] for k in range(t, 3))
                p, v = policy[m, t, env], value[m, t, env]
                total -= torch.log(p[actions[m, t, env]]) * (ret - v)
                total += 0.5 * (ret - v) ** 2 + 0.03 * (p * torch.log(p)).sum()
        torch.testing.assert_close(loss[m], total / 15)


@tasks
def test_member_of_an_ensemble_equals_the_same_member_alone(task):
    together = train_recurring(task, SETTINGS, 3, 3)
    alone = train_recurring(task, SETTINGS, 4, 1)
    for name, array in alone.items():
        np.testing.assert_allclose(array[0], together[name][1], rtol=0, atol=1e-5, err_msg=name)


class KilledError(Exception):
    pass


@tasks
def test_resumed_run_equals_an_unbroken_one(task, tmp_path):
    def kill(done, total):
        if done == 2:
            raise KilledError

    class AfterEveryEpoch(ResumePoint):
        def due(self):
            return True

    unbroken = train_recurring(task, SETTINGS, 0, 2)
    file = tmp_path / "resume.safetensors"
    with pytest.raises(KilledError):
        train_recurring(task, SETTINGS, 0, 2, resume=AfterEveryEpoch(file), report=kill)
    left = []
    resumed = train_recurring(
        task,
        SETTINGS,
        0,
        2,
        resume=ResumePoint(file),
        report=lambda done, total: left.append((done, total)),
    )
    assert left == [(2, 3), (3, 3)]
    assert resumed.keys() == unbroken.keys()
    for name, array in unbroken.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)


def test_variants_start_with_the_same_weights_and_the_same_luck():
    uniform = torch.rand(2, BANDIT.n_steps, 5, generator=torch.manual_seed(0))
    firsts = []
    for variant in ("gate", "nogate", "none"):
        settings = replace(SETTINGS, variant=variant)
        agents, epoch = new_recurring_agents(BANDIT, settings, 0, 2), sample(BANDIT)
        memory = new_memory(epoch, BANDIT, settings)
        firsts.append(roll_out(agents, epoch, BANDIT, memory, 0, uniform))
    for other in firsts[1:]:
        assert torch.equal(other.hidden, firsts[0].hidden)
        assert torch.equal(other.rewards, firsts[0].rewards)


@pytest.mark.parametrize("field", ["variant", "recall", "miss"])
def test_unknown_settings_are_refused(field):
    with pytest.raises(ValueError, match=f"{field} is 'x'"):
        RecurringSettings(**{field: "x"})


def test_memory_brings_the_right_first_choice():
    task = BarcodeBanditTask(n_arms=3, n_contexts=3, context_length=5, n_repetitions=6, n_pulls=4)
    settings = RecurringSettings(n_epochs=30, n_envs=32, hidden_size=24, learning_rate=0.01)
    first_pull = {
        variant: train_recurring(task, replace(settings, variant=variant), 0, 3)["p_best"][
            :, -5:, :, 0
        ].mean(1)
        for variant in ("gate", "none")
    }
    assert abs(first_pull["none"] - 1 / 3).max() < 0.1
    assert abs(first_pull["gate"][:, 0] - 1 / 3).max() < 0.1  # nothing to recall yet
    assert first_pull["gate"][:, 1:].min() > 0.6


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_smoke_runs_give_finite_arrays_per_seed(experiment, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path))
    run = experiment.preset("smoke", variant="none").result()
    assert run.provenance["origin"] == "trained"
    for name, array in run.arrays.items():
        assert len(array) == 2, name
        if name not in ("stay", "mb_index", "mf_index"):
            assert np.isfinite(array).all(), name
    assert experiment.preset("smoke", variant="none").result().provenance["origin"] == "cache"


def test_regret_follows_from_the_choices(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path))
    run = BarcodeBandit.preset("smoke").result()
    np.testing.assert_allclose(run["regret"], 0.8 * (3 - run["p_best"].sum(-1)), rtol=1e-5)
    np.testing.assert_allclose(run["learning_curve"][:, -2:].mean(1), run["p_best"].mean(-1), rtol=1e-5)


def test_hit_rate(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path))
    exact = NoisyContexts.preset("smoke", p_flip=0.0).result()["hit_rate"]
    np.testing.assert_array_equal(exact, [[0, 1, 1], [0, 1, 1]])
    noise = NoisyContexts.preset("smoke", p_flip=0.5, n_envs=300).result()["hit_rate"]
    assert (noise[:, 0] == 0).all()
    # second encounter: one of the 1 to 7 earlier episodes is the right one, and any may be recalled
    assert ((noise[:, 1] > 0.15) & (noise[:, 1] < 0.45)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_arms": 4, "n_contexts": 3}, "at least as many contexts as arms"),
        ({"context_length": 1}, "there are no 3 strings of 1 bits"),
        ({"n_last": 4}, "n_last must be at most n_epochs"),
        ({"variant": "gated"}, "'gate', 'nogate', 'input' or 'none'"),
    ],
)
def test_impossible_experiments_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        BarcodeBandit.preset("smoke", **changes)
