"""Losses and the training loop: as plain torch, member by member, interrupted and exploding."""

import warnings

import numpy as np
import pytest
import torch
from reference_checks import FIXTURES

from mempaper.checkpoint import ResumePoint
from mempaper.ensemble import member_generators
from mempaper.orhan2019 import learning, training
from mempaper.orhan2019.evaluation import ideal_for, respond
from mempaper.orhan2019.gated import GatedNetworks
from mempaper.orhan2019.learning import task_loss
from mempaper.orhan2019.model import RateNetworks, Start
from mempaper.orhan2019.observers import information_loss
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.task import DelayTask, Geometry
from mempaper.orhan2019.trained_reference import original_task, rate_network
from mempaper.orhan2019.training import (
    PROBE_STREAM,
    SECOND_STAGE,
    TRAINING_STREAM,
    DivergedError,
    Schedule,
    Trainer,
)
from mempaper.parameters import ConfigError
from mempaper.verify import Fixture

SHORT = Geometry(2, 4, 3)
SCHEDULE = Schedule(7, 3, 4, 1e-2, None, 2, 20)
POINTS = ((0.9, 0.1), (0.7, 0.4))  # lambda0, sigma0


def networks(task, seeds=2, seed=0, points=POINTS, gated=False, **options):
    starts = [Start(rng, *point) for point in points for rng in member_generators(seed, seeds, 0)]
    sizes = (task.n_inputs, 6, task.n_outputs)
    if gated:
        return GatedNetworks(starts, *sizes, choice=task.is_choice)
    return RateNetworks(starts, *sizes, choice=task.is_choice, **options)


def trainer(
    name="DE1",
    condition="basic",
    schedule=SCHEDULE,
    *,
    seeds=2,
    seed=0,
    points=POINTS,
    rho=0.0,
    stream=TRAINING_STREAM,
    **options,
):
    task = DelayTask(name, condition, SHORT)
    n = len(points) * seeds
    names = [f"lambda0 {a:g}, sigma0 {b:g}, seed {seed + k}" for a, b in points for k in range(seeds)]
    net = networks(task, seeds, seed, points, **options)
    return Trainer(net, task, schedule, np.zeros(n) + rho, seed, seeds, names, stream)


def same(found, expected, atol=0.0):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        assert np.allclose(found[name], array, rtol=0, atol=atol, equal_nan=True), name


# Losses


@pytest.mark.parametrize("name", ["DE1", "DE2", "GDE"])
def test_errors_of_angles_wrap_at_pi_but_are_no_distance(name):
    target = torch.tensor([0.2, 3.0, 1.0, 0.1]).view(1, 1, 4, 1)
    y = torch.tensor([3.0, 0.1, 1.25, 3.5]).view(1, 1, 4, 1).requires_grad_()
    loss = task_loss(name, y, target)
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx((2.8 + 2.9 + 0.25 + 3.4 - np.pi) / 4)
    loss.sum().backward()
    assert y.grad.flatten().tolist() == [0.25, -0.25, 0.25, 0.25]


def test_sine_has_the_plain_error():
    y = torch.tensor([[4.0, -1.0], [0.0, 0.5]]).view(2, 1, 2, 1)
    assert task_loss("SINE", y, torch.zeros(2, 1, 2, 1)).tolist() == [2.5, 0.25]


@pytest.mark.parametrize("name", ["CD", "CD2", "2AFC", "COMP"])
def test_choices_have_cross_entropy_in_nats_with_clipped_outputs(name):
    y = torch.tensor([0.9, 0.2, 1.0, 0.0]).view(1, 2, 2, 1)
    target = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 2, 2, 1)
    expected = -(np.log(0.9) + np.log(0.2) + np.log(1e-6) + np.log(1 - 1e-6)) / 4
    assert task_loss(name, y, target).item() == pytest.approx(expected, rel=1e-3)
    guess = torch.full((3, 2, 2, 1), 0.5)
    assert torch.allclose(task_loss(name, guess, target), torch.tensor(np.log(2), dtype=torch.float32))


@pytest.mark.parametrize("name", ["DE1", "2AFC", "SINE"])
def test_a_member_without_numbers_has_no_loss_and_the_others_have(name):
    y = torch.full((3, 2, 2, 1), 0.5)
    y[1, 0, 1] = torch.nan
    found = task_loss(name, y.requires_grad_(), torch.zeros(1, 2, 2, 1))
    assert torch.isfinite(found).tolist() == [True, False, True]
    found.sum().backward()
    assert torch.isfinite(y.grad[[0, 2]]).all()


def test_penalties():
    h = torch.arange(24.0).view(2, 3, 4, 1)
    expected = 0.1 * h.square().view(2, -1).mean(1)
    assert torch.allclose(learning.activity_penalty(h, 0.1), expected)
    parameters = [torch.ones(2, 3, 4), 2 * torch.ones(2, 1, 5)]
    rho = torch.tensor([0.5, 0.0])
    assert learning.weight_penalty(parameters, rho).tolist() == [0.5 * (12 + 20), 0]


# The loop


@pytest.mark.parametrize("variant", ["a", "b"])
@pytest.mark.parametrize("case", ["DE1", "DE2", "CD1", "SINE", "Harvey2012", "DE1clip"])
def test_updates_are_those_of_the_original_code(monkeypatch, case, variant):
    f = Fixture(FIXTURES / "orhan2019" / f"train_{variant}.npz")
    prefix = f"train_{case}_"
    x, y = (torch.as_tensor(f[prefix + key])[None] for key in "xy")
    n_response, weight = f[f"{prefix}resp_dur"], f[f"{prefix}act_coef"]
    if weight > 1:
        monkeypatch.setattr(training, "ACTIVITY_WEIGHT", weight)
    plain = original_task(case.removesuffix("clip"), "tethered" if weight == 0.1 else "basic")
    task = DelayTask(plain.name, plain.condition, Geometry(2, x.shape[2] - n_response - 2, n_response))
    net = rate_network(f, f"{prefix}p0_", choice=task.is_choice, gamma=f[f"{prefix}gamma"])
    own = Trainer(net, task, Schedule(3, 3), [f[f"{prefix}rho"]], 0, 1, ["it"])
    monkeypatch.setattr(own, "batch", lambda iteration: (x, y, None))
    for iteration, total in enumerate(f[f"{prefix}losses"]):
        assert own.losses(x, y, None)[1].item() == pytest.approx(total, rel=1e-4)
        loss = own.update(iteration)
        if iteration == 0:
            assert loss.item() == pytest.approx(f[f"{prefix}loss_terms"][0], rel=1e-5)
    apart = [
        np.abs(p.detach().numpy().ravel() - f[f"{prefix}p3_{name}"].ravel())
        for name, p in net.named_parameters()
    ]
    assert np.median(np.concatenate(apart)) < 1e-6


def plain_training(name, condition, point, seed, rho, schedule, clip, gamma):
    """One network, trained with autograd, torch's own optimiser and clipping; its loss and weights."""
    task = DelayTask(name, condition, SHORT)
    net = networks(task, 1, seed, [point], gamma=gamma)
    optimizer = torch.optim.Adam(net.parameters(), schedule.learning_rate)
    found = []
    for iteration in range(schedule.iterations):
        trials = task.sample(
            schedule.batch_size, np.random.default_rng([seed, TRAINING_STREAM, iteration])
        )
        x, target = torch.as_tensor(trials.inputs), torch.as_tensor(trials.targets)
        h = before = torch.zeros(1, len(x), 6)
        steps = []
        for t in range(x.shape[1]):
            new = net.step(x[None, :, t], h, before)
            if trials.mask is not None:
                new = torch.where(torch.as_tensor(trials.mask)[:, t, None], new, h)
            before, h = h, new
            steps.append(h[0])
        h_all = torch.stack(steps, 1)  # (trial, time, unit)
        y = h_all[:, -3:] @ net.W_out[0] + net.b_out[0]
        wanted = target[:, -3:]
        if task.is_choice:
            y = torch.sigmoid(y).clamp(1e-6, 1 - 1e-6)
            loss = -(wanted * y.log() + (1 - wanted) * (1 - y).log()).mean()
        elif name == "SINE":
            loss = (y - wanted).abs().mean()
        else:
            loss = torch.remainder((y - wanted).abs(), torch.pi).mean()
        weight = 0.1 if condition == "tethered" else 1e-4
        total = loss + weight * h_all[:, -5:].square().mean()
        total = total + rho * sum(p.square().sum() for p in net.parameters())
        optimizer.zero_grad()
        total.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        found.append(loss.item())
    return found, {f"weights/{name}": p.detach().numpy()[0] for name, p in net.named_parameters()}


@pytest.mark.parametrize(
    ("name", "condition", "rho", "clip", "gamma"),
    [
        ("DE1", "basic", 0.0, None, 0.0),
        ("DE2", "vardelay", 0.0, 0.5, 0.0),
        ("CD", "tethered", 0.0, None, 0.0),
        ("GDE", "dynamic", 1e-3, 0.5, 0.0),
        ("2AFC", "basic", 1e-2, None, 0.01),
        ("SINE", "tethered", 0.0, 1.0, 0.0),
        ("COMP", "vardelay", 0.0, None, 0.0),
    ],
)
def test_members_learn_what_plain_torch_teaches_each_of_them(name, condition, rho, clip, gamma):
    schedule = Schedule(5, 5, 4, 1e-3, clip, 2, 5)
    own = trainer(name, condition, schedule, rho=rho, gamma=gamma, seed=3)
    found = own.run()
    for member, point in enumerate(np.repeat(POINTS, 2, 0)):
        loss, weights = plain_training(
            name, condition, point, 3 + member % 2, rho, schedule, clip, gamma
        )
        assert np.allclose(found["loss"][member], loss, atol=1e-5)
        for key, array in weights.items():
            assert np.allclose(found[key][member], array, atol=1e-5), key


def test_members_may_have_penalties_of_their_own():
    rho = np.repeat([0.0, 0.1], 2)
    points = [POINTS[0]] * 2
    together = trainer(points=points, rho=rho).run()
    for k, value in enumerate((0.0, 0.1)):
        alone = trainer(points=points[:1], rho=value).run()
        for name, array in alone.items():
            if not name.endswith("/step"):
                assert np.allclose(together[name][2 * k : 2 * k + 2], array, atol=1e-5, equal_nan=True)
    assert not np.allclose(together["weights/W_hh"][:2], together["weights/W_hh"][2:], atol=1e-3)


@pytest.mark.parametrize("gated", [False, True])
def test_networks_of_one_seed_see_the_same_trials(gated):
    own = trainer(points=[POINTS[0]] * 3, gated=gated)
    x, targets, mask = own.batch(0)
    assert x.shape == (2, 4, 9, 50)
    assert targets.shape == (2, 4, 9, 1)
    assert mask is None
    assert not torch.equal(x[0], x[1])
    found = own.run()
    for name, array in found.items():
        if not name.endswith("/step"):
            assert np.allclose(array[:2], array[2:4], atol=1e-5, equal_nan=True), name
            assert np.allclose(array[:2], array[4:], atol=1e-5, equal_nan=True), name
    assert trainer("CD", "vardelay").batch(0)[2].shape == (2, 4, 9)


def test_every_update_has_fresh_trials():
    own = trainer()
    assert not torch.equal(own.batch(0)[0], own.batch(1)[0])
    assert torch.equal(own.batch(1)[0], own.batch(1)[0])
    assert not torch.equal(own.batch(0)[0], trainer(stream=SECOND_STAGE).batch(0)[0])


def test_reports_look_at_the_same_probe_trials():
    own = trainer()
    trials = own.task.sample(20, np.random.default_rng([0, PROBE_STREAM]))
    asked, best = ideal_for(own.task, trials, 2)

    def look():
        h, y = respond(own.network, trials)
        loss = [information_loss("DE1", asked, best, one[:, -2]) for one in y]
        return np.array(loss), np.array([sequentiality(one).mean for one in h])

    before = look()
    found = own.run()
    assert found["loss"].shape == (4, 7)
    assert np.isfinite(found["loss"]).all()
    assert found["infloss_over_time"].shape == found["index_over_time"].shape == (4, 3)  # 0, 3, 6
    assert np.allclose(found["infloss_over_time"][:, 0], before[0])
    assert np.allclose(found["index_over_time"][:, 0], before[1], equal_nan=True)
    assert (found["diverged"] == -1).all()
    last = trainer(schedule=Schedule(6, 3, 4, 1e-2, None, 2, 20)).run()
    assert last["infloss_over_time"].shape == (4, 3)  # after the last update too
    assert np.array_equal(last["infloss_over_time"], found["infloss_over_time"])


def test_2afc_is_learnt():
    schedule = Schedule(60, 30, 20, 2e-2, 1.0, 2, 200)
    found = trainer("2AFC", schedule=schedule).run()
    assert (found["infloss_over_time"][:, 0] > 0.8).all()
    assert (found["infloss_over_time"][:, -1] < 0.3).all()
    assert (found["loss"][:, -10:].mean(1) < 0.5 * found["loss"][:, :5].mean(1)).all()


def test_tethered_networks_end_near_rest():
    schedule = Schedule(60, 60, 20, 2e-2, 1.0, 2, 20)
    ends = []
    for condition in ("basic", "tethered"):
        own = trainer("2AFC", condition, schedule)
        own.run()
        h, _ = respond(own.network, own.task.sample(50, np.random.default_rng(0)))
        ends.append((h[:, :, -5:] ** 2).mean((1, 2, 3)))
    assert (ends[1] < ends[0]).all()


# Interruptions


class KilledError(Exception):
    """Stands for the end of a process."""


def kill_at(n):
    """A report that ends the training after the n-th update."""

    def report(done, total):
        if done == n:
            raise KilledError

    return report


@pytest.mark.parametrize("n", [1, 3, 4, 7])
@pytest.mark.parametrize("kind", ["plain", "hebbian", "gated", "vardelay"])
def test_an_interrupted_training_ends_as_an_unbroken_one(tmp_path, n, kind):
    options = {"hebbian": {"gamma": 0.01}, "gated": {"gated": True}}.get(kind, {})
    condition = "vardelay" if kind == "vardelay" else "basic"
    unbroken = trainer("2AFC", condition, **options).run()
    resume = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        trainer("2AFC", condition, **options).run(resume, kill_at(n))
    assert int(resume.load()["done"]) == n - 1
    told = []
    found = trainer("2AFC", condition, **options).run(resume, lambda *now: told.append(now))
    same(found, unbroken)
    assert told == [(done, 7) for done in range(n, 8)]


# A second task


def second(first, **options):
    own = trainer("COMP", stream=SECOND_STAGE, **options)
    own.take_over(first)
    return own


def test_a_second_task_begins_with_weights_and_moments_of_the_first():
    before = trainer("2AFC")
    first = {name: array.copy() for name, array in before.run().items()}
    own = second(first)
    for name, p in own.network.named_parameters():
        assert np.array_equal(p.detach().numpy(), first[f"weights/{name}"])
        state = own.optimizer.state[p]
        assert set(state) == {"step", "exp_avg", "exp_avg_sq"}
        assert float(state["step"]) == 7
        for slot, value in state.items():
            assert np.array_equal(value.numpy(), first[f"moments/{name}/{slot}"])
            assert (value != 0).any()
    # as if the first network went on with other trials
    batch = own.batch(0)
    before.batch, before.task = lambda iteration: batch, own.task
    before.update(7)
    own.update(0)
    for one, two in zip(before.network.parameters(), own.network.parameters(), strict=True):
        assert torch.equal(one, two)
    for name, p in own.network.named_parameters():
        assert not np.array_equal(p.detach().numpy(), first[f"weights/{name}"])
    fresh = trainer("COMP", stream=SECOND_STAGE)
    fresh.network.load_state_dict(
        {n.removeprefix("weights/"): torch.as_tensor(a) for n, a in first.items() if "weights" in n}
    )
    fresh.update(0)
    assert not torch.allclose(fresh.network.W_hh, own.network.W_hh, atol=1e-4)  # the moments count


def test_the_first_task_s_arrays_are_left_as_they_are():
    first = trainer("2AFC").run()
    kept = {name: array.copy() for name, array in first.items()}
    second(first).run()
    same(first, kept)


@pytest.mark.parametrize("n", [1, 4])
def test_an_interrupted_second_task(tmp_path, n):
    first = trainer("2AFC").run()
    unbroken = second(first).run()
    resume = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        second(first).run(resume, kill_at(n))
    same(second(first).run(resume), unbroken)


def test_without_moments_there_is_no_second_task():
    first = {n: a for n, a in trainer("2AFC").run().items() if not n.startswith("moments/")}
    with pytest.raises(ConfigError, match="come without Adam's moments"):
        second(first)


# Explosions

EXPLODING = ((0.9, 0.1), (0.9, 1e30))


def weights_of(found, members):
    return {n: a[members] for n, a in found.items() if n.startswith("weights/")}


@pytest.mark.parametrize("name", ["DE1", "SINE", "2AFC", "CD"])
@pytest.mark.parametrize("clips", [{"clip": 100.0}, {"clip": None, "norm": 1.0}])
def test_networks_that_explode_are_stopped_and_the_others_go_on(capsys, name, clips):
    schedule = Schedule(7, 3, 4, 1e-2, clips.get("norm"), 2, 20)
    options = {"schedule": schedule, "clip": clips["clip"]}
    calm = trainer(name, points=EXPLODING[:1], **options).run()
    own = trainer(name, points=EXPLODING, **options)
    start = {f"weights/{n}": p.detach().numpy()[2:].copy() for n, p in own.network.named_parameters()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = own.run()
    at = found["diverged"]
    assert list(at[:2]) == [-1, -1]
    assert ((at[2:] >= 0) & (at[2:] <= 1)).all()
    same(weights_of(found, slice(2)), weights_of(calm, slice(None)), 1e-6)
    assert np.allclose(found["loss"][:2], calm["loss"], atol=1e-6)
    assert np.allclose(found["infloss_over_time"][:2], calm["infloss_over_time"], atol=1e-6)
    for m in (0, 1):
        assert not np.isfinite(found["loss"][2 + m, at[2 + m]])
    same(weights_of(found, slice(2, 4)), start)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    expected = f"Stopped lambda0 0.9, sigma0 1e+30, seed 1: its loss is not finite at iteration {at[3]}."
    assert expected in told


@pytest.mark.parametrize("n", [1, 2, 5])
def test_an_interrupted_training_in_which_some_exploded(tmp_path, n):
    unbroken = trainer(points=EXPLODING).run()
    resume = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        trainer(points=EXPLODING).run(resume, kill_at(n))
    found = trainer(points=EXPLODING).run(resume)
    same(found, unbroken)
    assert list(found["diverged"]) == [-1, -1, 0, 0]


@pytest.mark.parametrize("name", ["DE1", "2AFC"])
@pytest.mark.parametrize("report_every", [1, 3])
def test_stopped_networks_go_back_to_weights_with_a_finite_loss(monkeypatch, name, report_every):
    """One network's weights jump after the third update."""
    schedule = Schedule(7, report_every, 4, 1e-2, None, 2, 20)
    calm = trainer(name, schedule=schedule).run()
    own = trainer(name, schedule=schedule)
    plain, good = own.update, []

    def update(iteration):
        good.append(own.network.W_hh.detach()[1].clone())
        loss = plain(iteration)
        if iteration == 2:
            with torch.no_grad():
                own.network.W_hh[1] = 1e30
        return loss

    monkeypatch.setattr(own, "update", update)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = own.run()
    at = int(found["diverged"][1])
    assert at in (3, 4)
    assert list(np.delete(found["diverged"], 1)) == [-1] * 3
    back = torch.as_tensor(found["weights/W_hh"][1])
    assert any(torch.equal(back, weights) for weights in good[:3])
    others = [0, 2, 3]
    same(weights_of(found, others), weights_of(calm, others), 1e-6)


def test_when_all_networks_explode_the_training_ends_and_its_state_is_kept(tmp_path, monkeypatch):
    """All weights jump after the fourth update."""
    resume = ResumePoint(tmp_path / "resume", every=0)
    own = trainer("2AFC")
    plain = own.update

    def update(iteration):
        loss = plain(iteration)
        if iteration == 3:
            with torch.no_grad():
                own.network.W_hh.fill_(torch.nan)
        return loss

    monkeypatch.setattr(own, "update", update)
    with pytest.raises(DivergedError) as caught:
        own.run(resume)
    message = str(caught.value)
    for part in (
        "not finite at iteration 4 for lambda0 0.9, sigma0 0.1, seed 0, lambda0 0.9, sigma0 0.1, seed 1",
        "lambda0 0.7, sigma0 0.4, seed 1",
        "set norm_clip",
        f"The last good state is in {resume.path}",
    ):
        assert part in message
    state = resume.load()
    assert int(state["done"]) == 3
    assert all(bool(torch.isfinite(t).all()) for n, t in state.items() if n.startswith("model/"))
    same(trainer("2AFC").run(resume), trainer("2AFC").run())  # from there it can be done again


@pytest.mark.parametrize("name", ["DE1", "2AFC"])
def test_a_learning_rate_that_is_far_too_large(name):
    with pytest.raises(DivergedError, match=r"not finite at iteration [12] for lambda0 0.9, sigma0 0.1"):
        trainer(name, schedule=Schedule(7, 3, 4, 1e30, None, 2, 20)).run()
