"""Tests of trained networks: all trials at once equal one after the other, step by step."""

import dataclasses

import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.lu2022 import evaluation
from mempaper.lu2022.evaluation import Networks, Test, as_presented, evaluate, scrambled, trial_memories
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.trials import DM, NM, RM, TrialSettings, encoding_steps, run_trials
from mempaper.memory import MemoryQueue

TASK = EventTask(n_features=4, n_values=3, schema_strength=0.6)
N, HIDDEN = 24, 7


def networks(gating="pre", members=2, task=TASK, seed=2, **settings):
    """Untrained, but with states and gates that vary."""
    options = TrialSettings(segment=task.n_features, **settings)
    net = RecallLSTM(
        member_generators(seed, members),
        options.input_size(task),
        HIDDEN,
        6,
        task.n_values + 1,
        gating=gating,
        input_gain=2,
    )
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=rng))
    return Networks(net, task, options, seed)


def step_by_step(those, test):
    """What each trial gives, one after the other, with plain steps."""
    batch, trials = evaluation.test_batch(those, test)
    net, length = those.network, batch.part_length
    x = scrambled(batch.x, trials.n_features + trials.n_values) if test.scramble else batch.x
    capacity = test.capacity or 2 * len(batch.encode)
    memory = x.new_zeros(net.n_members, 1, capacity, HIDDEN)
    found = {name: [] for name in ("policy", "value", "decision", "c", "gate", "memories", "activation")}
    for n in range(test.n_trials):
        one = slice(n, n + 1)
        condition = batch.condition[:, one]
        h, c = batch.start[:, :, one]
        steps = {name: [] for name in ("h", "c", "gate", "activation")}
        for t in range(2 * length):
            if t == length:
                keep = (condition == RM)[..., None]
                h, c = (
                    torch.where(keep, now, new[:, one])
                    for now, new in zip((h, c), batch.fresh, strict=True)
                )
            entries = None
            if t >= length and t - length not in test.silence:
                entries = memory
                if test.remove_midway:
                    entries = torch.cat([memory[:, :, :-2], memory[:, :, -1:]], 2)
            h, c, gate, _, activation = net.step(x[:, one, t], h, c, entries)
            if t in batch.encode:
                longer = torch.cat([memory[:, :, 1:], c[:, :, None]], 2)
                memory = torch.where((condition != NM)[..., None, None], longer, memory)
            if entries is None:
                size = capacity - test.remove_midway
                activation = torch.full((*activation.shape[:-1], size), torch.nan)
            for name, part in zip(steps, (h, c, gate, activation), strict=True):
                steps[name].append(part)
        stacked = {name: torch.stack(parts, 2)[:, 0] for name, parts in steps.items()}
        heads = net.heads(stacked.pop("h")[:, None])
        for name, part in {**heads._asdict(), **stacked}.items():
            found[name].append(part.squeeze(1) if part.dim() > 3 or name == "value" else part)
        found["memories"].append(memory[:, 0])
    return {name: torch.stack(parts, 1).numpy() for name, parts in found.items()}


CASES = {
    "boundary": Test(n_trials=N),
    "midway": Test(n_trials=N, segment=2, penalty=4),
    "one memory": Test(n_trials=N, segment=2, capacity=1),
    "without midway target": Test(n_trials=N, segment=2, remove_midway=True),
    "silenced": Test(n_trials=N, silence=(1, 2)),
    "scrambled": Test(n_trials=N, scramble=True),
    "delay and hidden values": Test(n_trials=N, delay=2, p_removed=(0.5, 0.5)),
    "distant": Test(n_trials=N, condition="DM", schema=False, same_trials=True),
}


@pytest.fixture
def double(monkeypatch):
    """Trials in double precision: competition amplifies rounding errors."""
    plain = evaluation.test_batch

    def test_batch(those, test):
        batch, trials = plain(those, test)
        tensors = {name: getattr(batch, name).double() for name in ("x", "start", "fresh")}
        return dataclasses.replace(batch, **tensors), trials

    monkeypatch.setattr(evaluation, "test_batch", test_batch)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("gating", ["pre", "post"])
@pytest.mark.parametrize("case", CASES)
def test_all_trials_at_once_equal_one_after_the_other(case, gating):
    those, test = networks(gating), CASES[case]
    those.network.double()
    with torch.no_grad():
        expected = step_by_step(those, test)
    found = evaluate(those, test)
    for name in ("policy", "value", "decision", "c", "gate"):
        assert getattr(found, name).shape == expected[name].shape, name
        assert np.allclose(getattr(found, name), expected[name], atol=1e-10), name
    recalling = ~np.isnan(expected["activation"])
    scale = expected["gate"][..., None] if gating == "post" else 1
    ours = np.where(recalling, found.activation, 0)
    theirs = np.where(recalling, expected["activation"] * scale, 0)
    assert np.allclose(ours, theirs, atol=1e-10)
    assert (found.activation[:, :, : found.trials.part_length] >= 0).all()  # what would be recalled


@pytest.mark.parametrize("gating", ["pre", "post"])
def test_all_trials_at_once_equal_those_of_training(gating):
    those, test = networks(gating), Test(n_trials=N)
    found = evaluate(those, test)
    batch, _ = evaluation.test_batch(those, test)
    memory = MemoryQueue((2, 1), 2, HIDDEN)
    for n in range(N):
        one = dataclasses.replace(
            batch,
            **{name: getattr(batch, name)[:, n : n + 1] for name in ("x", "y", "condition", "penalty")},
            start=batch.start[:, :, n : n + 1],
            fresh=batch.fresh[:, :, n : n + 1],
        )
        with torch.no_grad():
            first, second, heads = run_trials(those.network, one, memory)
        assert np.allclose(heads.policy[:, 0], found.policy[:, n], atol=1e-6)
        assert np.allclose(torch.cat([first.c, second.c], 2)[:, 0], found.c[:, n], atol=1e-6)
        assert np.allclose(second.gate[:, 0], found.gate[:, n, 4:], atol=1e-6)


def test_memories_of_trials_in_order():
    stored = torch.arange(1.0, 11).view(1, 5, 2, 1)
    storing = np.array([[False, True, False, True, True]])
    found = trial_memories(stored, storing, 3)[0, :, :, 0].tolist()
    assert found == [[0, 0, 0], [0, 3, 4], [0, 3, 4], [4, 7, 8], [8, 9, 10]]


def test_the_first_trials_do_not_count():
    found = evaluate(networks(), Test(n_trials=40))
    batch, _ = evaluation.test_batch(networks(), Test(n_trials=40))
    for condition, drawn in zip(found.condition, batch.condition.numpy(), strict=True):
        fourth = np.flatnonzero(drawn != NM)[3]
        assert (condition[:fourth] == -1).all()
        assert np.array_equal(condition[fourth:], drawn[fourth:])
    fixed = evaluate(networks(), Test(n_trials=6, condition="NM"))
    assert fixed.condition.tolist() == [[-1, -1, NM, NM, NM, NM]] * 2
    with pytest.raises(ValueError, match="4 are needed before the memory counts as full"):
        evaluate(networks(), Test(n_trials=3))


def test_tests_that_differ_in_one_thing_have_the_same_trials():
    plain = evaluate(networks(), Test(n_trials=N))
    assert not np.array_equal(plain.trials.values[0], plain.trials.values[1])
    assert np.array_equal(plain.schematic, [[True, False] * 2, [False, True] * 2])
    for change in ({"penalty": 4}, {"condition": "DM"}, {"segment": 2}, {"silence": (0,)}):
        other = evaluate(networks(), Test(n_trials=N, **change))
        assert np.array_equal(plain.trials.values, other.trials.values)
        assert np.array_equal(plain.trials.order, other.trials.order)
    shared = evaluate(networks(), Test(n_trials=N, same_trials=True, schema=False))
    assert np.array_equal(shared.trials.values[0], shared.trials.values[1])
    assert np.array_equal(shared.targets[:, :, :4].argmax(-1), shared.trials.values)


def test_the_penalty_of_a_test_is_told_in_the_second_part():
    for penalty in (0, 3.5):
        batch, _ = evaluation.test_batch(networks(), Test(n_trials=5, penalty=penalty))
        assert (batch.x[:, :, :4, -1] == 2).all()
        assert (batch.x[:, :, 4:, -1] == penalty).all()
    fixed = networks(penalty=0, penalty_random=False)
    batch, _ = evaluation.test_batch(fixed, Test(n_trials=5, penalty=4))
    assert (batch.x[:, :, :4, -1] == 0).all()


def test_scrambled_trials_are_told_as_presented():
    found = evaluate(networks(), Test(n_trials=N, scramble=True, p_removed=(0.5, 0.5)))
    batch, plain = evaluation.test_batch(
        networks(), Test(n_trials=N, scramble=True, p_removed=(0.5, 0.5))
    )
    shown = scrambled(batch.x, 7)[..., :11].numpy()
    assert np.array_equal(found.trials.inputs(), shown)
    assert np.array_equal(found.trials.order[:, :, 0], np.roll(plain.order[:, :, 1], 2, -1))
    assert np.array_equal(as_presented(as_presented(plain)).order, plain.order)


def test_familiarity_and_its_reverse():
    those = networks(familiarity=1)
    plain, _ = evaluation.test_batch(those, Test(n_trials=N))
    turned, _ = evaluation.test_batch(those, Test(n_trials=N, reverse_familiarity=True))
    told = plain.x[..., -2]
    assert (told[:, :, :4] == 0).all()
    assert torch.equal(told[:, :, 4:] == 1, (plain.condition != NM)[..., None].expand(-1, -1, 4))
    assert torch.equal(turned.x[..., -2], -told)
    assert torch.equal(turned.x[..., :-2], plain.x[..., :-2])


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"reverse_familiarity": True}, "reverse_familiarity needs networks with a familiarity input"),
        ({"condition": "XM"}, "condition is 'XM'; it must be RM, DM or NM"),
        ({"capacity": 0}, "capacity is 0; a memory holds at least 1 entry"),
        ({"segment": 3}, r"segment \(enc_size\) is 3; it must divide 4 features"),
        ({"segment": 0}, r"segment \(enc_size\) is 0; it must divide 4 features"),
        ({"silence": (4,)}, r"silence is \(4,\); the second part has steps 0 to 3"),
        ({"remove_midway": True}, "remove_midway needs memories from midway"),
        ({"scramble": True, "delay": 2}, "scramble needs trials without delay; the delay is 2"),
        ({"p_removed": (0.0, 2.0)}, r"p_removed is \(0.0, 2.0\); shares lie between 0 and 1"),
    ],
)
def test_impossible_tests_are_refused(test, message):
    with pytest.raises(ValueError, match=message):
        evaluate(networks(), Test(**{"n_trials": N, **test}))


def test_penalties_that_cannot_be_told_are_refused():
    those = networks(penalty_onehot=True)
    evaluate(those, Test(n_trials=N, penalty=4))
    for penalty in (5, 1.5):
        with pytest.raises(ValueError, match="as one-hot, of whole penalties from 0 to 4"):
            evaluate(those, Test(n_trials=N, penalty=penalty))


def test_conditions_and_targets():
    assert (RM, DM, NM) == (0, 1, 2)
    found = evaluate(networks(), Test(n_trials=N, segment=2))
    assert found.n_targets == len(encoding_steps(4, 2, 0)) == 2
    assert found.activation.shape == found.cosine.shape == (2, N, 8, 4)
