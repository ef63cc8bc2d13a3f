from pathlib import Path

import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.ritter2018.two_step import (
    ANALYSES,
    TwoStepTask,
    mb_index,
    mf_index,
    simulate_signature_agent,
    stay_probabilities,
    stay_tables,
)

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "ritter2018").glob("stay_*.npz"))


def play(task, n_envs, seed=0):
    """Random choices; returns the epoch and actions (member, env, trial)."""
    epoch = task.sample(member_generators(seed, 2, 1), n_envs)
    actions = torch.as_tensor(np.random.default_rng(seed).integers(2, size=epoch.states.shape))
    observations = [epoch.start(0)]
    for trial in range(task.n_steps):
        observations.append(epoch.step(0, trial, actions[..., trial])[1])
    return epoch, actions, torch.stack(observations, 2)


def test_transitions_and_switches_have_their_probabilities():
    epoch, actions, _ = play(TwoStepTask(50), 100)  # 20000 trials
    assert (epoch.states == actions).double().mean().item() == pytest.approx(0.9, abs=0.01)
    switched = epoch.good_state.diff(dim=-1) != 0
    assert switched.double().mean().item() == pytest.approx(0.1, abs=0.01)
    uncued = slice(0, 50)
    good = epoch.states[..., uncued] == epoch.good_state[..., uncued]
    rewards = epoch.rewards[..., uncued]
    assert rewards[good].mean().item() == pytest.approx(0.9, abs=0.015)
    assert rewards[~good].mean().item() == pytest.approx(0.1, abs=0.015)


def test_each_uncued_trial_is_cued_once():
    epoch, _, _ = play(TwoStepTask(12), 20)
    assert (epoch.cue_index[..., :12] == -1).all()
    assert torch.equal(epoch.cue_index[..., 12:].sort(-1).values, torch.arange(12).expand(2, 20, 12))


def test_reaching_the_old_state_again_brings_the_old_reward():
    task = TwoStepTask(20)
    epoch, _, _ = play(task, 200)
    past = epoch.cue_index[..., 20:]
    states, rewards = epoch.states[..., 20:], epoch.rewards[..., 20:]
    again = states == epoch.states.gather(-1, past)
    assert torch.equal(rewards[again], epoch.rewards.gather(-1, past)[again])
    good = states == epoch.good_state[..., 20:]
    assert rewards[~again & good].mean().item() == pytest.approx(0.9, abs=0.02)
    assert rewards[~again & ~good].mean().item() == pytest.approx(0.1, abs=0.02)


def test_observation_is_the_last_trial_and_whether_this_one_is_cued():
    epoch, actions, observations = play(TwoStepTask(5), 4)
    assert (observations[:, :, 0] == 0).all()
    later = observations[:, :, 1:]
    assert torch.equal(later[..., :2].argmax(-1), actions)
    assert torch.equal(later[..., 2:4].argmax(-1), epoch.states)
    assert torch.equal(later[..., 4], epoch.rewards)
    cued = torch.arange(1, 11) >= 5
    assert torch.equal(later[..., 5], cued.float().expand(2, 4, 10))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_stay_tables_equal_the_reference(path):
    f = np.load(path)
    record = (f[name] for name in ("actions", "states", "rewards", "cue_index"))
    tables = stay_tables(*record, n_uncued=int(f["n_uncued"]))
    assert tuple(tables) == ANALYSES
    for name, table in tables.items():
        np.testing.assert_allclose(table, f[f"stay_{name}"], atol=1e-9)
        np.testing.assert_allclose(mb_index(table), f[f"mb_index_{name}"], atol=1e-9)
        np.testing.assert_allclose(mf_index(table), f[f"mf_index_{name}"], atol=1e-9)


def test_stay_fixtures_are_there():
    assert FIXTURES


def test_counts_of_members_are_their_own():
    task = TwoStepTask(8)
    epoch, actions, _ = play(task, 10)
    measured = task.measure(epoch, actions.unsqueeze(2), epoch.rewards.unsqueeze(2))
    tables = stay_probabilities(measured["stay_counts"].numpy())
    for member in range(2):
        record = (actions, epoch.states, epoch.rewards, epoch.cue_index)
        alone = stay_tables(*(x[member].numpy() for x in record), n_uncued=8)
        for n, name in enumerate(ANALYSES):
            np.testing.assert_array_equal(tables[member, n], alone[name])
    halves = epoch.rewards.view(2, 10, 2, 8).mean((1, 3))
    torch.testing.assert_close(measured["reward_by_half"], halves)


def test_a_case_that_never_occurred_has_no_probability():
    nothing = np.zeros((1, 4), int)
    tables = stay_tables(nothing, nothing, nothing, np.array([[-1, -1, 0, 1]]), n_uncued=2)
    assert tables["uncued"][1, 0] == 1
    assert np.isnan(tables["uncued"][0]).all()


# order RC RU UC UU; this project's notes list these from an independent simulation
SIGNATURES = {
    "incremental_mf": {"uncued": (0.92, 0.84, 0.48, 0.61), "episodic": (0.59, 0.51, 0.50, 0.58)},
    "incremental_mb": {"uncued": (0.90, 0.43, 0.46, 0.88), "episodic": (0.59, 0.49, 0.50, 0.59)},
    "episodic_mf": {"episodic": (0.92, 0.92, 0.08, 0.07)},
    "episodic_mb": {"episodic": (0.88, 0.12, 0.12, 0.88)},
}


@pytest.mark.parametrize("agent", SIGNATURES)
def test_signature_agents(agent):
    counts = simulate_signature_agent(agent, TwoStepTask(30), np.random.default_rng(0))
    for name, listed in SIGNATURES[agent].items():
        table = stay_probabilities(counts)[ANALYSES.index(name)]
        np.testing.assert_allclose(table.ravel(), listed, atol=0.025)


def test_unknown_signature_agent_is_refused():
    with pytest.raises(ValueError, match="agent is 'mb'"):
        simulate_signature_agent("mb", TwoStepTask(3), np.random.default_rng(0))
