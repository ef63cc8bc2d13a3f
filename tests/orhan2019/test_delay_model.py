"""The networks against their equations written step by step, and gradients against autograd."""

import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.orhan2019 import model
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.gated import GatedNetworks
from mempaper.orhan2019.model import RateNetworks, Start

N_IN, N_UNITS, N_TRIALS, N_STEPS = 5, 8, 4, 9
RATE_NAMES = ("W_in", "W_hh", "b_in", "b_hh")


def starts(n, seed=0, lambda0=0.9, sigma0=0.4):
    return [Start(rng, lambda0, sigma0) for rng in member_generators(seed, n, 0)]


def disturbed(network, seed=0):
    """The same network with biases too."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in network.named_parameters():
            if name.startswith("b"):
                p += torch.as_tensor(0.3 * rng.standard_normal(p.shape), dtype=p.dtype)
    return network


def rate_networks(n=4, n_units=N_UNITS, seed=0, **options):
    options = {"choice": True, "clip": None, **options}
    return disturbed(RateNetworks(starts(n, seed), N_IN, n_units, 2, **options), seed)


def batch(n_groups=1, size=2.0, n_trials=N_TRIALS, seed=0):
    x = np.random.default_rng(seed).standard_normal((n_groups, n_trials, N_STEPS, N_IN))
    return torch.as_tensor(size * x, dtype=torch.float32)


def some_mask(n_groups=1, n_trials=N_TRIALS):
    """Steps that are left out differ from trial to trial; the first one takes place."""
    mask = np.random.default_rng(3).random((n_groups, n_trials, N_STEPS)) < 0.6
    mask[:, :, 0] = True
    return torch.as_tensor(mask)


def by_steps(network, x, mask=None, clip=None):
    """Activity (member, trial, time, unit), with its gradient clipped at each step."""
    n_members = network.n_members
    x = x.repeat(n_members // len(x), 1, 1, 1)
    h = before = x.new_zeros(n_members, x.shape[1], network.W_hh.shape[1])
    steps = []
    for t in range(x.shape[2]):
        a = x[:, :, t] @ network.W_in + network.b_in + h @ network.W_hh + network.b_hh
        if clip is not None:
            a.register_hook(lambda gradient: gradient.clamp(-clip, clip))
        product = (before * h).sum(-1, keepdim=True).clamp(0, 100)
        new = torch.relu(a + network.gamma * before * product)
        if mask is not None:
            goes_on = mask.repeat(n_members // len(mask), 1, 1)[:, :, t, None]
            new = torch.where(goes_on, new, h)
        before, h = h, new
        steps.append(h)
    return torch.stack(steps, 2)


def two_losses(answering, ending):
    """Any two losses of activities (member, step, trial, unit)."""
    rng = torch.Generator().manual_seed(1)
    weights = torch.randn(answering.shape, generator=rng, dtype=answering.dtype)
    return (answering * weights).sum(), 0.3 * ending.square().sum()


def gradients_of(network, backward):
    for p in network.parameters():
        p.grad = None
    backward()
    return {name: getattr(network, name).grad.clone() for name in RATE_NAMES}


def of_tails(network, x, mask, n_task, n_penalty):
    return gradients_of(
        network, lambda: sum(two_losses(*network.tails(x, mask, n_task, n_penalty))).backward()
    )


def of_steps(network, x, mask, n_task, n_penalty):
    """By autograd, in two passes: each loss's gradient is clipped by itself."""

    def backward():
        h = by_steps(network, x, mask, network.clip).transpose(1, 2)
        one, two = two_losses(h[:, -n_task:], h[:, -n_penalty:])
        one.backward(retain_graph=True)
        two.backward()

    return gradients_of(network, backward)


@pytest.mark.parametrize("n_groups", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.02])
def test_activity_is_that_of_single_steps(n_groups, masked, gamma):
    network = rate_networks(gamma=gamma)
    x, mask = batch(n_groups), some_mask(n_groups) if masked else None
    expected = by_steps(network, x, mask)
    assert torch.allclose(network.unroll(x, mask), expected, rtol=1e-5, atol=1e-5)
    answering, ending = network.tails(x, mask, 3, 5)
    assert torch.allclose(answering, expected[:, :, -3:].transpose(1, 2), rtol=1e-5, atol=1e-5)
    assert torch.allclose(ending, expected[:, :, -5:].transpose(1, 2), rtol=1e-5, atol=1e-5)
    outputs = torch.sigmoid(expected @ network.W_out[:, None] + network.b_out[:, None])
    assert torch.allclose(network.readout(expected), outputs, atol=1e-6)
    by_time = network.readout(expected.transpose(1, 2)).transpose(1, 2)
    assert torch.allclose(by_time, outputs, atol=1e-6)


@torch.no_grad()
def test_a_step_is_what_the_activity_is_made_of():
    network = rate_networks(gamma=0.02)
    x = batch(4)
    h = before = torch.zeros(4, N_TRIALS, N_UNITS)
    for t in range(N_STEPS):
        before, h = h, network.step(x[:, :, t], h, before)
    assert torch.allclose(h, network.unroll(x)[:, :, -1], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_masked_steps_keep_the_activity():
    network = rate_networks()
    mask = some_mask()
    h = network.unroll(batch(), mask)
    kept = (h[:, :, 1:] == h[:, :, :-1]).all(-1)
    for member in kept:
        assert member[~mask[0, :, 1:]].all()
        assert not member[mask[0, :, 1:]].all()


@pytest.mark.parametrize("steps", [(3, 5), (6, 2), (N_STEPS, 5)])
@pytest.mark.parametrize("clip", [None, 0.2])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.02])
def test_gradients_are_those_of_autograd(gamma, masked, clip, steps):
    n_groups = 2
    network = rate_networks(gamma=gamma, clip=clip).double()
    x, mask = batch(n_groups).double(), some_mask(n_groups) if masked else None
    products = (by_steps(network, x, mask)[:, :, 1:] * by_steps(network, x, mask)[:, :, :-1]).sum(-1)
    assert (products > 100).any()
    assert ((products > 0) & (products < 100)).any()
    found = of_tails(network, x, mask, *steps)
    for name, expected in of_steps(network, x, mask, *steps).items():
        assert torch.allclose(found[name], expected, rtol=1e-10, atol=1e-10), name
    if clip is not None:  # which must matter here
        network.clip = None
        free = of_tails(network, x, mask, *steps)
        assert not torch.allclose(free["W_hh"], found["W_hh"], rtol=0.1)


def test_losses_are_clipped_apart():
    network = rate_networks(clip=0.2).double()
    x = batch().double()
    apart = of_tails(network, x, None, 5, 5)

    def jointly():
        h = by_steps(network, x, None, 0.2).transpose(1, 2)[:, -5:]
        sum(two_losses(h, h)).backward()

    assert not torch.allclose(gradients_of(network, jointly)["W_hh"], apart["W_hh"], rtol=0.01)


@pytest.mark.parametrize("gamma", [0.0, 0.02])
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_are_slopes(gamma, masked):
    network = rate_networks(2, n_units=4, gamma=gamma).double()
    x, mask = batch(2, n_trials=2).double(), some_mask(2, 2) if masked else None

    def tails(w_in, b_in, w_hh, b_hh):
        return model._Tails.apply(x, mask, w_in, b_in, w_hh, b_hh, gamma, None, 3, 5)

    given = [getattr(network, name) for name in ("W_in", "b_in", "W_hh", "b_hh")]
    assert torch.autograd.gradcheck(tails, given, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.02])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_members_are_separate_networks(gamma, clip):
    together = rate_networks(3, gamma=gamma, clip=clip)
    x, mask = batch(3), some_mask(3)
    h, gradients = together.unroll(x, mask), of_tails(together, x, mask, 3, 5)
    weights = torch.randn((3, 3, N_TRIALS, N_UNITS), generator=torch.Generator().manual_seed(1))
    for m in range(3):
        alone = RateNetworks(starts(1, seed=m), N_IN, N_UNITS, 2, choice=True, gamma=gamma, clip=clip)
        for name, p in together.named_parameters():
            if not name.startswith("b"):
                assert torch.equal(getattr(alone, name)[0], p[m])
            with torch.no_grad():
                getattr(alone, name)[0] = p[m]
        own, own_mask = x[m : m + 1], mask[m : m + 1]
        assert torch.allclose(alone.unroll(own, own_mask)[0], h[m], atol=1e-5)
        answering, ending = alone.tails(own, own_mask, 3, 5)
        ((answering * weights[m]).sum() + 0.3 * ending.square().sum()).backward()
        for name, expected in gradients.items():
            assert torch.allclose(getattr(alone, name).grad[0], expected[m], rtol=1e-4, atol=1e-5), name


def test_a_group_s_members_see_its_trials():
    network = rate_networks(6)
    x = batch(3)
    for m, h in enumerate(network.unroll(x)):
        alone = network.unroll(x[m % 3][None])
        assert torch.allclose(h, alone[m], atol=1e-5)


def test_without_strength_hebbian_networks_are_plain_ones():
    x = batch(2)
    options = {"task": "2AFC", "gamma": 0.0, "hidden_size": 6, "n_seeds": 2}
    plain, hebbian = (
        DelayLearning.preset("fast", model=name, **options).start_network()
        for name in ("leinit", "hebbian")
    )
    trials = torch.rand(2, 3, 30, 50)
    assert torch.equal(plain.unroll(trials), hebbian.unroll(trials))
    plain, hebbian = rate_networks(), rate_networks(model="hebbian", gamma=0.0)
    assert torch.equal(plain.unroll(x), hebbian.unroll(x))
    for name, gradient in of_tails(plain, x, None, 3, 5).items():
        assert torch.equal(of_tails(hebbian, x, None, 3, 5)[name], gradient)
    assert not torch.equal(rate_networks(gamma=0.02).unroll(x), plain.unroll(x))


@pytest.mark.parametrize("kind", [RateNetworks, GatedNetworks])
def test_a_mask_of_ones_is_no_mask(kind):
    network = disturbed(kind(starts(4), N_IN, N_UNITS, 2, choice=True))
    x, ones = batch(2), torch.ones(2, N_TRIALS, N_STEPS, dtype=torch.bool)
    assert torch.equal(network.unroll(x, ones), network.unroll(x))
    for masked, free in zip(network.tails(x, ones, 3, 5), network.tails(x, None, 3, 5), strict=True):
        assert torch.equal(masked, free)
    gradients = []
    for mask in (ones, None):
        network.zero_grad()
        sum(two_losses(*network.tails(x, mask, 3, 5))).backward()
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


@pytest.mark.parametrize("gamma", [0.0, 7e-4])
def test_one_large_network_is_as_one_of_several(gamma):
    """Large single networks multiply by another library."""
    alone = rate_networks(1, n_units=160, gamma=gamma, clip=5.0)
    pair = rate_networks(2, n_units=160, gamma=gamma, clip=5.0)
    with torch.no_grad():
        for name, p in alone.named_parameters():
            p.copy_(getattr(pair, name)[:1])
    x = batch(1, size=0.5)
    assert torch.allclose(alone.unroll(x)[0], pair.unroll(x)[0], rtol=1e-4, atol=1e-4)

    def gradient(network):
        network.zero_grad()
        answering, ending = network.tails(x, None, 3, 5)
        (answering[:1].sum() + ending[:1].square().sum()).backward()
        return {name: getattr(network, name).grad[0] for name in RATE_NAMES}

    for (name, one), other in zip(gradient(alone).items(), gradient(pair).values(), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max())), name


# How networks begin


def test_weights_at_the_start():
    n = 200
    network = RateNetworks(starts(2, lambda0=0.93, sigma0=0.4), 50, n, 2, choice=False)
    assert network.n_members == 2
    for name in ("b_in", "b_hh", "b_out"):
        assert not getattr(network, name).any()
    for name, sizes in (("W_in", (50, n)), ("W_out", (n, 2))):
        weights = getattr(network, name).detach()
        expected = 0.95 * np.sqrt(2 / sum(sizes))
        assert tuple(weights.shape) == (2, *sizes)
        assert float(weights.std()) == pytest.approx(expected, rel=4 / np.sqrt(2 * weights.numel()))
    for w in network.W_hh.detach().numpy():
        assert np.allclose(np.diag(w), 0.93)
        others = w[~np.eye(n, dtype=bool)]
        assert others.std() == pytest.approx(0.4 / np.sqrt(n), rel=4 / np.sqrt(2 * others.size))
        assert abs(np.linalg.eigvals(w)).max() == pytest.approx(0.93 + 0.4, abs=0.06)
    assert not torch.equal(*network.W_in)


def test_networks_of_a_seed_draw_the_same_numbers():
    one, two = (RateNetworks(starts(1, sigma0=s), N_IN, 20, 1, choice=True) for s in (0.1, 0.4))
    assert torch.equal(one.W_in, two.W_in)
    assert torch.equal(one.W_out, two.W_out)
    off = ~torch.eye(20, dtype=torch.bool)
    assert torch.allclose(4 * one.W_hh[0][off], two.W_hh[0][off])


def test_orthogonal_starts():
    network = RateNetworks(
        starts(2, lambda0=0.9, sigma0=0), N_IN, 30, 1, choice=True, model="orthogonal"
    )
    for w in network.W_hh.detach():
        assert torch.allclose(w @ w.T, 0.81 * torch.eye(30), atol=1e-5)
        assert float(w.diagonal().abs().max()) < 0.8


@pytest.mark.parametrize(
    ("task", "condition", "kind", "expected"),
    [
        ("DE1", "basic", "leinit", 276_501),
        ("2AFC", "basic", "hebbian", 276_501),
        ("DE2", "basic", "leinit", 302_002),
        ("GDE", "basic", "leinit", 301_501),
        ("CD", "dynamic", "leinit", 301_501),
        ("DE1", "basic", "gru", 827_001),
    ],
)
def test_numbers_of_parameters(task, condition, kind, expected):
    config = DelayLearning.preset(
        "full", task=task, condition=condition, model=kind, lambda0=0.9, sigma0=0.0
    )
    assert sum(p.numel() for p in config.start_network().parameters()) == expected


# Gated networks


def gated_by_steps(network, x, mask=None, clip=None):
    """Gated units as their equations say."""
    members = x.repeat(network.n_members // len(x), 1, 1, 1)
    u_r, u_z, u_c = network.W_hh.chunk(3, -1)
    w_r, w_z, w_c = network.W_in.chunk(3, -1)
    b_r, b_z, b_c = network.b_in.chunk(3, -1)
    h = x.new_zeros(network.n_members, x.shape[1], network.n_units)
    steps = []
    for t in range(x.shape[2]):
        now = members[:, :, t]
        r = torch.sigmoid(now @ w_r + h @ u_r + b_r)
        z = torch.sigmoid(now @ w_z + h @ u_z + b_z)
        c = torch.relu(now @ w_c + b_c + r * (h @ u_c))
        new = (1 - z) * h + z * c
        if mask is not None:
            new = torch.where(mask.repeat(network.n_members // len(mask), 1, 1)[:, :, t, None], new, h)
        h = new
        steps.append(h)
    return torch.stack(steps, 2)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("n_groups", [1, 2])
def test_gated_networks_follow_their_equations(masked, n_groups):
    network = disturbed(GatedNetworks(starts(4), N_IN, N_UNITS, 2, choice=True)).double()
    x, mask = batch(n_groups).double(), some_mask(n_groups) if masked else None
    expected = gated_by_steps(network, x, mask)
    assert torch.allclose(network.unroll(x, mask), expected, atol=1e-12)
    one, two = two_losses(expected.transpose(1, 2)[:, -3:], expected.transpose(1, 2)[:, -5:])
    (0.01 * (one + two)).backward()  # too small for the clip
    by_hand = [p.grad.clone() for p in (network.W_in, network.W_hh, network.b_in)]
    network.zero_grad()
    (0.01 * sum(two_losses(*network.tails(x, mask, 3, 5)))).backward()
    for p, gradient in zip((network.W_in, network.W_hh, network.b_in), by_hand, strict=True):
        assert torch.allclose(p.grad, gradient, atol=1e-12)


def test_gradients_of_gated_networks_are_clipped():
    network = disturbed(GatedNetworks(starts(1), N_IN, N_UNITS, 1, choice=True))
    x = batch()[:, :, :1]
    (1e6 * network.tails(x, None, 1, 1)[0]).sum().backward()
    largest = network.b_in.grad.abs().max()
    assert 10 <= float(largest) <= 10 * N_TRIALS


def test_gated_networks_at_the_start():
    network = GatedNetworks(starts(1, lambda0=0.9, sigma0=0.2), 50, 100, 1, choice=True)
    reset, update, candidate = network.W_hh[0].detach().chunk(3, -1)
    assert torch.allclose(candidate.diagonal(), torch.tensor(0.9))
    for gate in (reset, update):
        assert float(gate.std()) == pytest.approx(0.05 * np.sqrt(2 / 200), rel=0.05)
    assert float(network.W_in.detach().std()) == pytest.approx(0.05 * np.sqrt(2 / 150), rel=0.05)
    assert not network.b_in.any()
    assert network.n_members == 1
