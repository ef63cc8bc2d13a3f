import os

import numpy as np
import pytest
import torch

from mempaper.ensemble import (
    EnsembleLinear,
    WideLinear,
    clip_grad_norm_per_member,
    member_generators,
    orthogonal,
    repeatable,
    repeated_product,
)


def test_a_member_draws_the_same_numbers_alone_and_in_company():
    together = member_generators(3, 4, 7)
    alone = member_generators(5, 1, 7)
    assert np.array_equal(together[2].random(5), alone[0].random(5))
    assert not np.array_equal(member_generators(3, 1, 8)[0].random(5), alone[0].random(5))


def test_orthogonal_matrices_are_orthogonal():
    for rows, columns in ((6, 3), (3, 6)):
        matrix = orthogonal(rows, columns, np.random.default_rng(0), gain=2.0)
        product = matrix.T @ matrix if rows > columns else matrix @ matrix.T
        assert torch.allclose(product, 4 * torch.eye(3), atol=1e-5)


def test_an_ensemble_layer_equals_separate_layers():
    layer = EnsembleLinear(member_generators(0, 3), 4, 5)
    x = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    for member in range(3):
        alone = EnsembleLinear(member_generators(member, 1), 4, 5)
        assert torch.equal(alone.weight[0], layer.weight[member])
        assert torch.allclose(alone(x[member : member + 1])[0], layer(x)[member])


def test_gradients_are_clipped_member_by_member():
    a = torch.nn.Parameter(torch.zeros(2, 3))
    b = torch.nn.Parameter(torch.zeros(2, 1, 2))
    a.grad = torch.tensor([[3.0, 0, 0], [0.1, 0, 0]])
    b.grad = torch.tensor([[[4.0, 0]], [[0, 0.1]]])
    norm = clip_grad_norm_per_member([a, b], 1.0)
    assert torch.allclose(norm, torch.tensor([5.0, 0.02**0.5]))
    assert torch.allclose(a.grad[0], torch.tensor([0.6, 0, 0]), atol=1e-5)
    assert torch.equal(a.grad[1], torch.tensor([0.1, 0, 0]))


def test_a_large_product_is_the_plain_one():
    rng = torch.Generator().manual_seed(0)
    weight, h, bias, back = (
        torch.randn(1, *shape, generator=rng) for shape in ((150, 140), (9, 150), (1, 140), (9, 140))
    )
    found = []

    def plain_product(w):
        return lambda b, x: torch.baddbmm(b, x, w)

    for product in (repeated_product, plain_product):
        leaves = [leaf.clone().requires_grad_() for leaf in (weight, bias, h)]
        multiply = product(leaves[0] * 0.5)
        out = multiply(leaves[1], leaves[2])
        out = out + multiply(leaves[1], leaves[2] * 2)  # used twice, as in a recurrent network
        (out * back).sum().backward()
        found.append([out, *(leaf.grad for leaf in leaves)])
    for ours, plain in zip(*found, strict=True):
        assert torch.allclose(ours, plain, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("shape", [(16, 35, 150), (200, 150), (7, 150), (150,)])
def test_a_wide_layer_is_the_plain_one(shape):
    wide = WideLinear(150, 140)
    plain = torch.nn.Linear(150, 140)
    plain.load_state_dict(wide.state_dict())
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = []
    for layer in (wide, plain):
        leaf = x.clone().requires_grad_()
        out = layer(leaf)
        out.square().sum().backward()
        found.append([out, leaf.grad, layer.weight.grad, layer.bias.grad])
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3, rtol=1e-4)

    wide.requires_grad_(False)  # the gradient goes through
    leaf = x.clone().requires_grad_()
    wide(leaf).square().sum().backward()
    assert torch.equal(leaf.grad, found[0][1])


def test_a_gpu_is_asked_for_the_same_numbers_every_time(monkeypatch):
    name = "CUBLAS_WORKSPACE_CONFIG"
    monkeypatch.setenv(name, "")  # and so is what it was, at the end
    monkeypatch.delenv(name)
    with repeatable("cpu"):
        assert not torch.are_deterministic_algorithms_enabled()
    with repeatable("cuda:1"):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert os.environ[name] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()
