"""The network: unrolled as step by step, and its gradients by hand as by automatic differentiation."""

import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.lu2022.model import POSTGATING_STRENGTH, RecallLSTM, _Recall, _Unroll
from mempaper.memory import CompetingAccumulators, similarity

MEMBERS, TRIALS, STEPS, INPUTS, HIDDEN, DECISION, ENTRIES = 3, 5, 6, 7, 11, 9, 4
SOME = [True, False, True, True, False, True]


def network(gating="pre", dtype=torch.float64, **options):
    """With weights and biases that matter everywhere."""
    net = RecallLSTM(
        member_generators(0, MEMBERS), INPUTS, HIDDEN, DECISION, gating=gating, **options
    ).to(dtype)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=rng, dtype=dtype))
    return net


def trials(dtype=torch.float64):
    """Inputs, h, c, and memories of which the first place is empty."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(MEMBERS, TRIALS, STEPS, INPUTS, generator=rng, dtype=dtype)
    h, c = torch.randn(2, MEMBERS, TRIALS, HIDDEN, generator=rng, dtype=dtype)
    memories = torch.randn(MEMBERS, TRIALS, ENTRIES, HIDDEN, generator=rng, dtype=dtype)
    memories[:, :, 0] = 0
    return x, h, c, memories


def step_by_step(net, x, h, c, memories, retrieve):
    parts = []
    for t, now in enumerate(x.unbind(2)):
        on = memories is not None and (retrieve is None or retrieve[t])
        h, c, *rest = net.step(now, h, c, memories if on else None)
        parts.append((h, c, *rest[:2]))
    return [torch.stack(part, 2) for part in zip(*parts, strict=True)]


@pytest.mark.parametrize("gating", ["pre", "post"])
@pytest.mark.parametrize("recall", ["off", "on", "at some steps"])
def test_unrolled_equals_step_by_step(gating, recall):
    net = network(gating)
    x, h0, c0, memories = trials()
    memories = None if recall == "off" else memories
    retrieve = SOME if recall == "at some steps" else None
    leaves = [h0.requires_grad_(), c0.requires_grad_(), x.requires_grad_(), *net.parameters()]
    rng = torch.Generator().manual_seed(2)
    of_h, of_c = torch.randn(2, *x.shape[:3], HIDDEN, generator=rng, dtype=torch.float64)

    def gradients(h, c):
        heads = net.heads(h)
        loss = (h * of_h).sum() + (c * of_c).sum() + (heads.value * heads.policy[..., 0]).sum()
        return torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)

    unrolled = net.unroll(x, h0, c0, memories, retrieve)
    h, c, gate, recalled = step_by_step(net, x, h0, c0, memories, retrieve)
    for ours, plain in ((unrolled.h, h), (unrolled.c, c), (unrolled.recalled, recalled)):
        assert torch.allclose(ours, plain, atol=1e-12)
    on = torch.tensor([memories is not None] * STEPS if retrieve is None else retrieve)
    assert torch.allclose(unrolled.gate, gate * on, atol=1e-12)
    for ours, plain in zip(gradients(unrolled.h, unrolled.c), gradients(h, c), strict=True):
        assert torch.allclose(ours, plain, atol=1e-11)
    scaled = unrolled.recalled * (unrolled.gate[..., None] if gating == "post" else 1)
    assert torch.allclose(unrolled.c, unrolled.before + scaled, atol=1e-12)


@pytest.mark.parametrize("gating", ["pre", "post"])
def test_gradients_by_hand_are_numerical_ones(gating):
    rng = torch.Generator().manual_seed(3)
    size, decision, seen = 3, 2, (3 if gating == "pre" else 6) + 2

    def draw(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    inputs = [draw(2, 1, 2, 4 * size), draw(1, size, 4 * size), draw(1, 2, size), draw(1, 2, size)]
    inputs += [draw(1, size, decision), draw(1, 1, decision), draw(1, seen, 1), draw(1, 1, 1)]
    memories, recall = draw(1, 2, 2, size), _Recall(CompetingAccumulators(), gating, (True, True), True)

    def unroll(*tensors):
        return _Unroll.apply(*tensors, memories, recall)[:2]

    assert torch.autograd.gradcheck(unroll, [tensor.requires_grad_() for tensor in inputs])


def test_no_gradient_reaches_memories():
    net = network()
    x, h, c, memories = trials()
    rollout = net.unroll(x, h, c, memories.requires_grad_())
    rollout.c.sum().backward()
    assert memories.grad is None
    assert not rollout.recalled.requires_grad


@pytest.mark.parametrize("gating", ["pre", "post"])
def test_recall_follows_the_equations(gating):
    net = network(gating)
    x, h, c, memories = trials()
    with torch.no_grad():
        rollout = net.unroll(x, h, c, memories)
        cosine = similarity(rollout.before, memories, "cosine")
        strength = rollout.gate[..., None] if gating == "pre" else POSTGATING_STRENGTH
        activation = net.accumulators(strength * cosine)
    assert torch.allclose(rollout.activation, activation, atol=1e-12)
    assert torch.allclose(rollout.recalled, activation @ memories, atol=1e-12)
    assert (rollout.activation[..., 0] == 0).all()  # the empty place


@pytest.mark.parametrize("gating", ["pre", "post"])
def test_the_gate_where_nothing_is_recalled(gating):
    net = network(gating)
    x, h, c, _ = trials()
    with torch.no_grad():
        rollout = net.unroll(x, h, c)
        gate = step_by_step(net, x, h, c, None, None)[2]
        assert (rollout.gate == 0).all()
        assert torch.allclose(net.gate(rollout, net.heads(rollout.h).decision), gate, atol=1e-12)


def test_a_member_is_the_network_alone():
    together = RecallLSTM(
        member_generators(4, 3), INPUTS, HIDDEN, DECISION, input_gain=10, forget_bias=3
    )
    x, h, c, memories = trials(torch.float32)
    with torch.no_grad():
        all_of_them = together.unroll(x, h, c, memories)
        for member in range(3):
            alone = RecallLSTM(
                member_generators(4 + member, 1), INPUTS, HIDDEN, DECISION, input_gain=10, forget_bias=3
            )
            one = slice(member, member + 1)
            found = alone.unroll(x[one], h[one], c[one], memories[one])
            for a, b in zip(found, all_of_them, strict=True):
                assert torch.allclose(a[0], b[member], atol=1e-6)


def test_start_of_training():
    plain = RecallLSTM(member_generators(0, 1), 37)
    assert sum(p.numel() for p in plain.parameters()) == 207_098 - 233  # a row that nothing reads
    for layer in (plain.i2h, plain.h2h, plain.ih, plain.actor, plain.critic, plain.hpc):
        w = layer.weight[0].detach()
        short = w if w.shape[0] < w.shape[1] else w.T
        assert torch.allclose(short @ short.T, torch.eye(len(short)), atol=1e-5)
        assert (layer.bias == 0).all()
    changed = RecallLSTM(member_generators(0, 1), 37, input_gain=10, forget_bias=3)
    assert torch.allclose(changed.i2h.weight, 10 * plain.i2h.weight)
    assert changed.i2h.bias[0, 0, :194].eq(3).all()
    assert changed.i2h.bias[0, 0, 194:].eq(0).all()


def test_heads():
    net = network(dtype=torch.float32)
    h = torch.randn(MEMBERS, TRIALS, STEPS, HIDDEN, generator=torch.Generator().manual_seed(0))
    heads = net.heads(h)
    assert [tuple(part.shape[3:]) for part in heads] == [(5,), (), (DECISION,)]
    assert torch.allclose(heads.policy.sum(-1), torch.ones(MEMBERS, TRIALS, STEPS))
    assert (heads.decision >= 0).all()
    assert np.isfinite(heads.value.detach().numpy()).all()
