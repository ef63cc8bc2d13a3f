"""The training loop: as plain torch trains one network, member by member, and through interruptions."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mempaper.checkpoint import ResumePoint
from mempaper.ensemble import member_generators
from mempaper.lu2022 import training
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.training import (
    TRAINING_STREAM,
    MemberRates,
    Phase,
    Trainer,
    falling,
    step_members,
)
from mempaper.lu2022.trials import Draws, TrialSettings
from mempaper.memory import MemoryQueue

TASK = EventTask(n_features=4, n_values=3, schema_strength=0.5)
SETTINGS = TrialSettings(segment=4)
SMALL = {"updates_per_epoch": 3, "n_streams": 2, "learning_rate": 1e-2}
WORKING = Phase("working", "prediction", False, 2, probabilities=(1.0, 0.0, 0.0), **SMALL)
BRIDGE = Phase("bridge", "prediction", True, 2, plateau=False, decorrelation=1.0, hold=0.5, **SMALL)
REWARDS = Phase(
    "rewards",
    "reinforcement",
    True,
    3,
    plateau=False,
    hold=0.3,
    final=0.1,
    entropy_weight=(0.4, 0.1),
    ramp=4,
    decorrelation=0.5,
    first_part_graph=False,
    **SMALL,
)


def trainer(phases, seed=0, members=2, gating="pre", task=TASK, settings=SETTINGS, **options):
    net = RecallLSTM(
        member_generators(seed, members, 0),
        settings.input_size(task),
        7,
        6,
        task.n_values + 1,
        gating=gating,
    )
    return Trainer(net, task, settings, phases, seed, delays=[0, 1], **options)


def same(found, expected, atol=0.0):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        assert np.allclose(found[name], array, rtol=0, atol=atol, equal_nan=True), name


class KilledError(Exception):
    """Stands for the end of a process."""


def kill_at(n):
    """A report that ends the training the n-th time."""
    told = []

    def report(done, total):
        told.append((done, total))
        if len(told) == n:
            raise KilledError

    return report


@pytest.mark.parametrize(("n", "gating"), [*((n, "pre") for n in range(1, 8)), (6, "post")])
def test_an_interrupted_training_ends_as_an_unbroken_one(tmp_path, n, gating):
    phases = [WORKING, BRIDGE, REWARDS]
    unbroken = trainer(phases, gating=gating).run()
    resume = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        trainer(phases, gating=gating).run(resume, kill_at(n))
    state = resume.load()
    assert (n == 1) if state is None else (int(state["done"]) == n - 1)
    told = []
    found = trainer(phases, gating=gating).run(resume, lambda done, total: told.append((done, total)))
    same(found, unbroken)
    assert told == [(3 * (n + k), 21) for k in range(8 - n)]


def test_learning_rates_that_fell_are_found_again(tmp_path):
    phase = dataclasses.replace(WORKING, n_epochs=80, updates_per_epoch=1, learning_rate=1e-7)
    unbroken = trainer([phase])
    expected = unbroken.run()
    assert min(unbroken.rates.factors) < 1
    resume = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        trainer([phase]).run(resume, kill_at(60))
    again = trainer([phase])
    same(again.run(resume), expected)
    assert again.rates.factors == unbroken.rates.factors


def plain_training(phase, seed, gating):
    """One network, trained with torch's optimiser, clipping and schedule; weights by name."""
    own = trainer([phase], seed, 1, gating)
    net = own.network
    optimizer = torch.optim.Adam(net.parameters(), lr=phase.learning_rate)
    schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=30, threshold=1e-3, min_lr=1e-8)
    memory = MemoryQueue((1, phase.n_streams), 2, 7) if phase.recall else None
    settings = dataclasses.replace(SETTINGS, probabilities=phase.probabilities)
    rates = []
    for epoch in range(phase.n_epochs):
        (rng,) = member_generators(seed, 1, TRAINING_STREAM, 0, epoch)
        table = TASK.table(seed)
        draws = Draws.sample(
            TASK, settings, [rng], [table], phase.n_streams, phase.updates_per_epoch, 7, 1
        )
        common = np.random.default_rng([training.DELAY_STREAM, 0, epoch])
        delays = common.choice([0, 1], size=phase.updates_per_epoch)
        scores = []
        for update, delay in enumerate(delays):
            batch = draws.batch(settings, update, int(delay))
            done = epoch * phase.updates_per_epoch + update
            _, loss, actions = training.losses(net, batch, memory, phase, done / phase.n_updates)
            optimizer.zero_grad()
            loss.sum().backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            right, wrong = training.answer_rates(actions, batch)
            scores.append(loss.item() if memory is None else (wrong - right).mean().item())
        schedule.step(np.mean(scores))
        rates.append(optimizer.param_groups[0]["lr"])
    return {f"weights/{k}": v.numpy() for k, v in net.state_dict().items()}, rates


@pytest.mark.parametrize("gating", ["pre", "post"])
@pytest.mark.parametrize("objective", ["prediction", "reinforcement"])
def test_members_learn_what_plain_torch_teaches_each_of_them(objective, gating):
    recall = objective == "reinforcement"
    phase = Phase("one", objective, recall, 50, 1, learning_rate=3e-4, probabilities=(0.3, 0.3, 0.4))
    together = trainer([phase], seed=5, members=3, gating=gating)
    found = together.run()
    factors = []
    for member in range(3):
        weights, rates = plain_training(phase, 5 + member, gating)
        factors.append(rates[-1] / phase.learning_rate)
        for name, array in weights.items():
            assert np.allclose(found[name][member], array[0], atol=2e-6), name
    assert np.allclose(together.rates.factors, factors)
    assert len(set(factors)) > 1 or objective == "prediction"  # they stop to improve by themselves


def test_rates_of_each_member_are_those_of_torch_s_schedule():
    rng = np.random.default_rng(0)
    scores = (
        1 + 0.1 * rng.random((150, 4)) + np.array([1, 0.5, 0, -0.5]) * 0.9 ** np.arange(150)[:, None]
    )
    rates = MemberRates(4, 0.1)
    optimizers = [torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1) for _ in range(4)]
    plain = [
        ReduceLROnPlateau(o, factor=0.5, patience=30, threshold=1e-3, min_lr=1e-8) for o in optimizers
    ]
    for row in scores:
        rates.step(row)
        for schedule, score in zip(plain, row, strict=True):
            schedule.step(score)
        assert rates.factors == [o.param_groups[0]["lr"] / 0.1 for o in optimizers]
    assert len(set(rates.factors)) > 1


def test_one_optimiser_steps_members_at_their_own_rates():
    rng = torch.Generator().manual_seed(0)
    start, gradients = torch.randn(3, 4, 5, generator=rng), torch.randn(6, 3, 4, 5, generator=rng)
    factors = [1.0, 0.5, 0.25]
    together = torch.nn.Parameter(start.clone())
    unused = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.Adam([together, unused], lr=1.0)
    alone = [torch.nn.Parameter(start[m].clone()) for m in range(3)]
    optimizers = [torch.optim.Adam([p], lr=0.01 * f) for p, f in zip(alone, factors, strict=True)]
    for gradient in gradients:
        together.grad = gradient
        step_members(optimizer, factors, 0.01)
        for m in range(3):
            alone[m].grad = gradient[m]
            optimizers[m].step()
    for m in range(3):
        assert torch.allclose(together[m], alone[m], atol=1e-6)
    assert unused.eq(1).all()


def test_a_rate_that_is_held_and_then_falls():
    assert [falling(x, 0.5, 0.1) for x in (0.0, 0.5)] == [1, 1]
    assert falling(0.75, 0.5, 0.1) == pytest.approx(0.55)
    assert falling(1.0, 0.5, 0.1) == pytest.approx(0.1)
    assert falling(1.0, 1.0, 1.0) == 1


def test_penalties_grow_over_the_ramp_and_entropy_weight_changes(monkeypatch):
    seen = []
    plain = training.losses

    def losses(network, batch, memory, phase, progress):
        seen.append((batch.penalty[0, 0, 0].item(), progress))
        return plain(network, batch, memory, phase, progress)

    monkeypatch.setattr(training, "losses", losses)
    trainer([REWARDS]).run()
    assert [penalty for penalty, _ in seen] == [0, 0.5, 1, 1.5, *[2] * 5]
    assert [progress for _, progress in seen] == [n / 9 for n in range(9)]


def test_working_memory_is_learned():
    phase = dataclasses.replace(
        WORKING, n_epochs=10, updates_per_epoch=30, n_streams=16, learning_rate=1e-2
    )
    own = trainer([phase], members=2)
    found = own.run()
    assert found["loss"].shape == (2, 10)
    assert (found["loss"][:, -1] < 0.6 * found["loss"][:, 0]).all()
    assert np.isnan(found["right"][:, :, 1:]).all()  # no other condition than RM
    assert (found["right"][:, -1, 0] > found["right"][:, 0, 0] + 0.2).all()
    assert np.array_equal(found["score"], found["loss"])


def test_networks_train_in_worlds_of_their_own():
    task = dataclasses.replace(TASK, schema_strength=0.9)
    assert not np.array_equal(*trainer([WORKING], task=task).tables)


def test_a_training_that_diverges_says_so():
    phase = dataclasses.replace(REWARDS, n_epochs=1)
    own = trainer([phase])
    with torch.no_grad():
        own.network.critic.weight.fill_(float("inf"))
    with pytest.raises(
        FloatingPointError, match="epoch 0 of the phase 'rewards'; lower its learning rate"
    ):
        own.run()


def test_a_memory_needs_room():
    with pytest.raises(ValueError, match="capacity is 0; a memory holds at least 1 entry"):
        trainer([BRIDGE], capacity=0).run()
