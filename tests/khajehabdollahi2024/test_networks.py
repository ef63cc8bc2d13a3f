"""Tasks, networks and the training step against the numbers of the original code."""

import numpy as np
import pytest
import torch
from reference_checks import Checks

from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import task, training
from mempaper.khajehabdollahi2024.model import LeakyRNN

load = Checks("khajehabdollahi2024").read
WEIGHTS = ("w_in", "b_in", "w_rec", "b_rec", "tau", "w_head", "b_head")


@pytest.mark.parametrize("name", ["task_a", "task_b"])
def test_labels(name):
    f = load(name)
    bits = torch.as_tensor(f["seq"])
    for kind in ("parity", "dms"):
        assert np.array_equal(task.labels(kind, bits, f["Ns"].tolist()), f[kind])
    in_time = task.labels_in_time("parity", bits, 5)
    assert np.array_equal(in_time[:, :-1], f["parity_in_time_N5"])  # the original stops one short
    single = torch.as_tensor(f["dup3_seq"][::3].T)
    assert np.array_equal(task.labels("parity", single, [2, 3, 4]).T, f["dup3_labels"])


@pytest.mark.parametrize("name", ["task_a", "task_b"])
def test_sequence_statistics(name):
    f = load(name)
    for key in (k for k in f if k.startswith("stat_")):
        _, kind, low, high = key.split("_")
        (rng,) = member_generators(0, 1)
        asked = [range(int(low), int(high) + 1)]
        batches = [task.sample_trials(kind, asked, 32, [rng]) for _ in range(300)]
        lengths = np.array([b.bits.shape[-1] for b in batches])
        assert (lengths.min(), lengths.max()) == (f[key][0], f[key][1])
        means = np.array([b.bits[0].mean(-1).mean() for b in batches])
        spread = np.array([b.bits[0].mean(-1).std() for b in batches])
        answers = np.array([b.labels[0, -1].float().mean() for b in batches])
        for ours, theirs, deviation in (
            (lengths, f[key][2], lengths.std()),
            (means, f[key][3], means.std()),
            (answers, f[key][5], f[key][6]),
        ):
            assert abs(ours.mean() - theirs) < 4 * np.sqrt(2) * deviation / np.sqrt(300), key
        assert spread.mean() == pytest.approx(f[key][4], abs=0.03)


@pytest.mark.parametrize("name", ["cell_a", "cell_b"])
def test_forward_passes(name):
    f = load(name)
    bits = torch.as_tensor(f["x"])[None, ..., 0].permute(0, 2, 1)
    h0 = torch.as_tensor(f["h0"])[None]
    tags = sorted(key.removesuffix("_h") for key in f if key.endswith("_h"))
    assert len(tags) == 14
    for tag in tags:
        placement, _, rest = tag.partition("_")
        fixed = float(rest.removeprefix("fixed")) if rest.startswith("fixed") else None
        network = LeakyRNN.from_reference(
            {key: f[key] for key in WEIGHTS},
            placement="continuous" if placement == "cont" else placement,
            activation=rest if placement == "mod" and fixed is None else "leakyrelu",
            fixed_tau=fixed,
        )
        k = float(rest[1:]) if placement == "cont" else 1.0
        with torch.no_grad():
            states = network.unroll(bits, h0, k=k)
            logits = torch.stack([network.logits(h)[0] for h in states])
        assert np.allclose(states[:, 0], f[f"{tag}_h"][1:], atol=1e-5), tag
        assert np.allclose(logits, f[f"{tag}_logits"], atol=1e-5), tag


def ours(network, name):
    """A parameter, or its gradient, in the original's layout."""
    array = network[name]
    if name in ("w_in", "w_rec"):
        return array[0].T
    if name == "w_head":
        return array[0].mT
    return array[0, :, 0] if name == "b_head" else array[0, 0]


@pytest.mark.parametrize(
    ("name", "placement", "activation"),
    [("train_default_parity", "default", "leakyrelu"), ("train_mod_tanh_dms", "mod", "tanh")],
)
def test_four_updates(name, placement, activation):
    f = load(name)
    init = {key: f[f"init_{key}"] for key in WEIGHTS}
    network = LeakyRNN.from_reference(init, placement=placement, activation=activation)
    optimizer = training.new_optimizer(network)
    for number in range(4):
        bits = torch.as_tensor(f["x"][number])[None, ..., 0].permute(0, 2, 1)
        labels = torch.as_tensor(f["y"][number].astype(np.int64))[None]
        h0 = torch.as_tensor(f["h0"][number])[None]
        if number == 0:
            final = network.unroll(bits, h0)[-1]
            training.heads_loss(network.logits(final, labels.shape[1]), labels).sum().backward()
            gradients = {n: p.grad.clone() for n, p in network.named_parameters()}
            m = labels.shape[1]
            for key in WEIGHTS:
                found = ours(gradients, key)
                found = found[:m] if "head" in key else found
                assert np.allclose(found, f[f"grad_{key}"], atol=2e-5), key
        loss, norm = training.update(network, optimizer, bits, labels, h0)
        assert loss.item() == pytest.approx(f["loss"][number], abs=2e-5)
        assert norm.item() == pytest.approx(f["grad_norm"][number], abs=2e-5)
        if number in (0, 3):
            values = {n: p.detach() for n, p in network.named_parameters()}
            for key in WEIGHTS:
                found, expected = ours(values, key).numpy(), f[f"step{number + 1}_{key}"]
                if key == "w_rec":  # the next forward pass clears the diagonal
                    different = ~np.eye(len(expected), dtype=bool)
                    found, expected = found[different], expected[different]
                assert np.allclose(found, expected, atol=2e-5), key


def test_members_with_other_lengths_equal_networks_alone():
    generators = [member_generators(0, 2, 1), member_generators(1, 1, 1)]
    both = task.sample_trials("parity", [[2], [2, 3, 6]], 8, generators[0])
    alone = task.sample_trials("parity", [[2, 3, 6]], 8, generators[1])
    ensemble = LeakyRNN(member_generators(0, 2), 12, 3)
    single = LeakyRNN(member_generators(1, 1), 12, 3)
    h0 = torch.rand(2, 8, 12, generator=torch.Generator().manual_seed(0)) * 0.1
    assert torch.equal(both.labels[1], alone.labels[0])
    assert both.start.min() == 0
    together = ensemble.unroll(both.bits, h0, both.start)[-1]
    apart = single.unroll(alone.bits, h0[1:], alone.start)[-1]
    assert torch.allclose(together[1], apart[0], atol=1e-6)
    assert both.live.tolist() == [[True, False, False], [True, True, True]]
    loss = training.heads_loss(ensemble.logits(together), both.labels, both.live)
    assert loss[1].item() == pytest.approx(
        training.heads_loss(single.logits(apart), alone.labels)[0].item(), abs=1e-5
    )


def test_a_time_constant_below_one_is_frozen():
    network = LeakyRNN(member_generators(0, 1), 4, 1)
    with torch.no_grad():
        network.tau[0, 0, :2] = 0.99
    bits = torch.ones(1, 3, 5)
    network.unroll(bits, torch.zeros(1, 3, 4))[-1].sum().backward()
    assert (network.tau.grad[0, 0, :2] == 0).all()
    assert (network.tau.grad[0, 0, 2:] != 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"placement": "inside"}, "placement is 'inside'"),
        ({"placement": "mod", "activation": "selu"}, "activation is 'selu'"),
        ({"activation": "tanh"}, "'default' networks have 'leakyrelu'"),
        ({"fixed_tau": 0.5}, "fixed_tau is 0.5"),
    ],
)
def test_impossible_networks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LeakyRNN(member_generators(0, 1), 4, 1, **options)


def test_impossible_questions_and_foreign_weights_are_refused():
    with pytest.raises(ValueError, match="between 1 and the 5 bits"):
        task.labels("parity", torch.zeros(5), [6])
    with pytest.raises(ValueError, match="'parity', 'dms'"):
        task.labels("sum", torch.zeros(5), [2])
    arrays = {key: load("cell_a")[key] for key in WEIGHTS}
    with pytest.raises(ValueError, match="lacks tau"):
        LeakyRNN.from_reference({k: v for k, v in arrays.items() if k != "tau"})
    with pytest.raises(ValueError, match=r"b_in has shape \(3,\); expected \(12,\)"):
        LeakyRNN.from_reference({**arrays, "b_in": arrays["b_in"][:3]})
