"""What surrounds an event: conditions, penalties, extra inputs, flush, storing, recall."""

import dataclasses

import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.trials import (
    DM,
    NM,
    RM,
    Draws,
    TrialSettings,
    encoding_steps,
    run_trials,
)
from mempaper.memory import MemoryQueue

TASK = EventTask(n_features=4, n_values=3, schema_strength=0.5)
MEMBERS, STREAMS, TRIALS, HIDDEN = 2, 3, 40, 7


def drawn(settings, task=TASK, first=0, members=MEMBERS, max_delay=2):
    return Draws.sample(
        task,
        settings,
        member_generators(first, members, 1),
        [task.table(first + m) for m in range(members)],
        STREAMS,
        TRIALS,
        HIDDEN,
        max_delay,
    )


def network(settings, task=TASK, **options):
    return RecallLSTM(
        member_generators(0, MEMBERS), settings.input_size(task), HIDDEN, 6, task.n_values + 1, **options
    )


def test_when_events_are_stored():
    assert encoding_steps(16, 16, 0) == [15]
    assert encoding_steps(16, 8, 0) == [7, 15]
    assert encoding_steps(16, 8, 3) == [10, 18]


@pytest.mark.parametrize("segment", [0, 3, 5, 32])
def test_segments_divide_the_event(segment):
    with pytest.raises(ValueError, match=rf"segment \(enc_size\) is {segment}; it must divide 16"):
        encoding_steps(16, segment, 0)


def test_conditions_and_penalties_as_often_as_asked():
    settings = TrialSettings()
    draws = Draws.sample(
        EventTask(), settings, member_generators(0, 1), [EventTask().table(0)], 4, 800, 3
    )
    shares = np.bincount(draws.condition.ravel()) / draws.condition.size
    assert np.allclose(shares, [0.25, 0.25, 0.5], atol=0.03)
    first, second = draws.penalty[..., 0], draws.penalty[..., 1]
    assert (first == 2).all()
    assert np.allclose(np.bincount(second.astype(int).ravel()) / second.size, 0.2, atol=0.03)
    assert abs(draws.states.std() - 0.1) < 0.005


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ({"penalty_random": False, "penalty": 3}, lambda p: (p == 3).all()),
        ({"penalty_discrete": False}, lambda p: p.max() < 4 and len(np.unique(p)) > 900),
        ({"penalty": 0}, lambda p: (p == 0).all()),
    ],
)
def test_kinds_of_penalties(options, check):
    assert check(TrialSettings(**options).draw_penalty(np.random.default_rng(0), (1000,)))


def test_extra_inputs():
    penalty, condition = torch.tensor([[2.0, 3.0], [2.0, 0.0]]), torch.tensor([NM, DM])
    plain = TrialSettings().extra_inputs(penalty, condition, 3)
    assert plain[..., 0].tolist() == [[2, 2, 2, 3, 3, 3], [2, 2, 2, 0, 0, 0]]
    for sign in (1, -1):
        both = TrialSettings(familiarity=sign).extra_inputs(penalty, condition, 2)
        seen = [[0, 0, -sign, -sign], [0, 0, sign, sign]]
        assert both[..., 0].tolist() == seen
        assert torch.equal(both[..., 1], TrialSettings().extra_inputs(penalty, condition, 2)[..., 0])
    onehot = TrialSettings(penalty_onehot=True)
    assert onehot.extra_inputs(penalty, condition, 1)[0].tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    sizes = [s.input_size(EventTask()) for s in (TrialSettings(), TrialSettings(familiarity=-1), onehot)]
    assert sizes == [37, 38, 41]


def test_a_batch_has_the_delay_it_is_asked_for():
    settings = TrialSettings(segment=2)
    draws = drawn(settings)
    for delay in (0, 2):
        batch = draws.batch(settings, 5, delay, scale=0.5)
        assert batch.x.shape == (MEMBERS, STREAMS, 2 * (4 + delay), 12)
        assert batch.part_length == 4 + delay
        assert batch.encode == [delay + 1, delay + 3]
        trials = dataclasses.replace(draws.trials.select((slice(None), slice(None), 5)), delay=delay)
        assert np.array_equal(batch.x[..., :11].numpy(), trials.inputs())
        assert np.array_equal(batch.y.numpy(), trials.targets())
        assert np.array_equal(batch.penalty.numpy(), 0.5 * draws.penalty[:, :, 5])
        assert torch.equal(batch.penalty_now, batch.x[..., -1])


def test_a_member_draws_the_same_alone_and_in_company():
    settings = TrialSettings(segment=4, familiarity=1)
    together, alone = drawn(settings, first=3), drawn(settings, first=4, members=1)
    for name in ("condition", "penalty", "states", "uniform"):
        assert np.array_equal(getattr(together, name)[1], getattr(alone, name)[0]), name
    for name in ("values", "order", "removed"):
        assert np.array_equal(getattr(together.trials, name)[1], getattr(alone.trials, name)[0]), name


def test_a_flush_replaces_the_state_unless_memory_is_recent():
    settings = TrialSettings(segment=4)
    net, batch = network(settings), drawn(settings).batch(settings, 0, 0)
    condition = torch.tensor([[RM, DM, NM], [NM, RM, DM]])
    batch = dataclasses.replace(batch, condition=condition)
    with torch.no_grad():
        first, second, heads = run_trials(net, batch, None)
        for keep in (True, False):
            starts = [
                end[:, :, -1] if keep else fresh
                for end, fresh in zip((first.h, first.c), batch.fresh, strict=True)
            ]
            h, c, *_ = net.step(batch.x[:, :, 4], *starts)
            same = torch.isclose(second.h[:, :, 0], h, atol=1e-6).all(-1)
            assert torch.equal(same, (condition == RM) == keep)
            assert torch.equal(torch.isclose(second.c[:, :, 0], c, atol=1e-6).all(-1), same)
    assert heads.policy.shape == (2, 3, 8, 4)
    assert not second.gate.any()


@pytest.mark.parametrize("segment", [4, 2])
def test_what_is_stored_and_recalled(segment):
    settings = TrialSettings(segment=segment)
    net, draws = network(settings), drawn(settings)
    memory = MemoryQueue((MEMBERS, STREAMS), 2 * (4 // segment), HIDDEN)
    expected = memory.entries.clone()
    with torch.no_grad():
        for trial in range(6):
            batch = draws.batch(settings, trial, trial % 3)
            first, second, _ = run_trials(net, batch, memory)
            for step in batch.encode:
                entry = first.c[:, :, step, None]
                longer = torch.cat([expected[:, :, 1:], entry], 2)
                expected = torch.where((batch.condition == NM)[..., None, None], expected, longer)
            assert torch.equal(memory.entries, expected)
            assert not first.gate.any()  # the first part never recalls
            assert second.gate.all()
            assert torch.allclose(second.recalled, second.activation @ expected, atol=1e-6)


def test_gradients_can_stop_at_the_start_of_the_second_part():
    settings = TrialSettings(segment=4)
    net, batch = network(settings), drawn(settings).batch(settings, 0, 0)
    batch = dataclasses.replace(batch, condition=torch.zeros(2, 3, dtype=torch.int64))
    for graph in (True, False):
        first, second, _ = run_trials(net, batch, None, first_part_graph=graph)
        assert first.c.requires_grad == graph
        assert second.c.requires_grad
    with torch.no_grad():
        assert not run_trials(net, batch, None).second.c.requires_grad


def test_many_trials_of_one_stream_at_once():
    settings = TrialSettings(segment=4)
    draws = Draws.sample(TASK, settings, member_generators(0, 2, 1), [TASK.table(0)] * 2, 1, 9, HIDDEN)
    turned = draws.in_one_batch().batch(settings, 0, 0)
    for trial in range(9):
        one = draws.batch(settings, trial, 0)
        for name in ("x", "y", "condition", "penalty", "uniform"):
            assert torch.equal(getattr(turned, name)[:, trial], getattr(one, name)[:, 0]), name
        for name in ("start", "fresh"):
            assert torch.equal(getattr(turned, name)[:, :, trial], getattr(one, name)[:, :, 0]), name
