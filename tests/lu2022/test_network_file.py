"""Networks of the original code, from checkpoints and arrays that a reader supplies."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from mempaper.checkpoint import CorruptFileError
from mempaper.lu2022.evaluation import Test, evaluate
from mempaper.lu2022.network_file import TENSORS, from_original, load_networks
from mempaper.lu2022.task import EventTask

HIDDEN, DECISION = 6, 5


def original(gating="pre", n_inputs=37, n_actions=5, seed=0):
    """Random tensors with the names and shapes of the original."""
    rng = torch.Generator().manual_seed(seed)
    rows, h, d = 4 * HIDDEN + 1, HIDDEN, DECISION
    gate = (1 if gating == "pre" else 2) * h + d
    weights = {
        "i2h": (rows, n_inputs),
        "h2h": (rows, h),
        "ih": (d, h),
        "actor": (n_actions, d),
        "critic": (1, d),
        "hpc": (1, gate),
    }
    tensors = {}
    for layer, shape in weights.items():
        tensors[f"{layer}.weight"] = torch.randn(*shape, generator=rng)
        tensors[f"{layer}.bias"] = torch.randn(shape[0], generator=rng)
    return tensors


def plain_step(w, x, h, c):
    """One step of the original's equations without recall, in its own layout."""
    z = w["i2h.weight"] @ x + w["i2h.bias"] + w["h2h.weight"] @ h + w["h2h.bias"]
    f, o, i = (z[k * HIDDEN : (k + 1) * HIDDEN].sigmoid() for k in range(3))
    c = f * c + i * z[3 * HIDDEN + 1 :].tanh()
    return o * c.tanh(), c


def write(path, tensors, kind):
    if kind == "arrays":
        np.savez(path.with_suffix(".npz"), **{name: t.numpy() for name, t in tensors.items()})
        return path.with_suffix(".npz")
    wrapped = {"network_state_dict": OrderedDict(tensors), "optimizer_state_dict": {"state": {}}}
    file = path.with_suffix(".pth" if kind == "plain" else ".pt")
    old = {"_use_new_zipfile_serialization": False} if kind == "old" else {}
    torch.save(OrderedDict(tensors) if kind == "plain" else wrapped, file, **old)
    return file


@pytest.mark.parametrize("kind", ["arrays", "plain", "checkpoint", "old"])
def test_a_network_that_was_written_is_read_back(tmp_path, kind):
    tensors = original()
    file = write(tmp_path / "network", tensors, kind)
    networks = load_networks(file)
    expected = from_original(tensors)
    for name, tensor in networks.network.state_dict().items():
        assert torch.equal(tensor, expected.state_dict()[name]), name
    assert networks.provenance["file"] == str(file)
    assert networks.network.n_members == 1
    assert evaluate(networks, Test(n_trials=24)).policy.shape == (1, 24, 32, 5)


def test_a_step_is_that_of_the_original_s_equations():
    tensors = original()
    network = from_original(tensors)
    rng = torch.Generator().manual_seed(1)
    x, h, c = (torch.randn(n, generator=rng) for n in (37, HIDDEN, HIDDEN))
    ours = network.step(*(v[None, None] for v in (x, h, c)))
    for mine, theirs in zip(ours, plain_step(tensors, x, h, c), strict=False):
        assert torch.allclose(mine[0, 0], theirs, atol=1e-6)
    spoilt = {name: tensor.clone() for name, tensor in tensors.items()}
    for name in ("i2h.weight", "i2h.bias", "h2h.weight", "h2h.bias"):
        spoilt[name][3 * HIDDEN] = 99.0  # the row that nothing reads
    assert torch.equal(from_original(spoilt).step(*(v[None, None] for v in (x, h, c)))[0], ours[0])


@pytest.mark.parametrize("gating", ["pre", "post"])
@pytest.mark.parametrize("familiarity", [0, 1])
def test_gating_and_familiarity_follow_from_the_sizes(tmp_path, gating, familiarity):
    file = write(tmp_path / "a", original(gating, 37 + familiarity), "checkpoint")
    networks = load_networks(file, penalty=2, seed=7)
    assert networks.network.gating == gating
    assert networks.settings.familiarity == familiarity
    assert (networks.settings.penalty, networks.seed) == (2, 7)
    reverse = Test(n_trials=24, reverse_familiarity=True)
    if familiarity:
        evaluate(networks, reverse)
    else:
        with pytest.raises(
            ValueError, match="reverse_familiarity needs networks with a familiarity input"
        ):
            evaluate(networks, reverse)


def test_networks_of_another_task(tmp_path):
    task = EventTask(n_features=6, n_values=3, schema_strength=0.5)
    file = write(tmp_path / "a", original(n_inputs=16, n_actions=4), "plain")
    networks = load_networks(file, task)
    assert networks.settings.segment == 6
    assert evaluate(networks, Test(n_trials=24)).policy.shape == (1, 24, 12, 4)
    with pytest.raises(CorruptFileError, match=r"actor.weight has 4 rows; events of 4 values need 5"):
        load_networks(file)


def changed(**changes):
    """The tensors with some of them replaced, or left out (None)."""
    tensors = original() | {name.replace("__", "."): t for name, t in changes.items()}
    return {name: t for name, t in tensors.items() if t is not None}


@pytest.mark.parametrize("kind", ["arrays", "checkpoint"])
@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (changed(hpc__weight=None), "it lacks hpc.weight; it holds i2h.weight"),
        ({}, "it lacks i2h.weight.*; it holds nothing"),
        (changed(encoder=torch.zeros(2)), "it holds encoder; expected only i2h.weight"),
        (changed(hpc__weight=torch.zeros(1, 12)), r"\(1, 12\); .* \(1, 11\) or \(1, 17\) is expected"),
        (changed(h2h__bias=torch.zeros(24)), r"h2h.bias has shape \(24,\); .* \(25,\) is expected"),
        (changed(ih__weight=torch.zeros(4, 6)), r"ih.weight has shape \(4, 6\); .*\(5, 6\)"),
        (changed(h2h__weight=torch.zeros(25, 7)), r"h2h.weight has shape \(25, 7\); .*\(25, 6\)"),
        (changed(actor__bias=torch.zeros(5, 1)), r"actor.bias has shape \(5, 1\); .* must be 1"),
        (changed(i2h__weight=torch.zeros(25, 36)), "i2h.weight has 36 columns; .* 37, or 38"),
        (changed(critic__bias=torch.tensor([np.nan])), "critic.bias holds values that are not finite"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, tensors, message, kind):
    file = write(tmp_path / "network", tensors, kind)
    with pytest.raises(CorruptFileError, match=message) as raised:
        load_networks(file)
    assert str(raised.value).startswith(f"{file} is no network of this kind")


class Foreign:
    """What must not be unpickled."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "expected a state dictionary, found list"),
        (torch.zeros(3), "expected a state dictionary, found Tensor"),
        ({"i2h.weight": 3}, "'i2h.weight' is int; a state dictionary holds only tensors"),
        ({"network_state_dict": 3}, "expected a state dictionary, found int"),
        ({"agent": Foreign()}, "it holds .*Foreign, and only tensors and plain values are read"),
    ],
)
def test_other_pickles_are_refused(tmp_path, content, message):
    file = tmp_path / "a.pt"
    torch.save(content, file)
    with pytest.raises(CorruptFileError, match=message):
        load_networks(file)


@pytest.mark.parametrize("name", ["a.pt", "a.npz"])
@pytest.mark.parametrize("content", [b"", b"hello world", b"PK\x03\x04 and no more"])
def test_damaged_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"{name} is no network of this kind: it is damaged"):
        load_networks(tmp_path / name)


def test_truncated_files_are_refused(tmp_path):
    for kind in ("arrays", "checkpoint", "old"):
        file = write(tmp_path / "network", original(), kind)
        file.write_bytes(file.read_bytes()[:-1500])
        with pytest.raises(CorruptFileError, match="it is damaged"):
            load_networks(file)


def test_texts_and_objects_are_no_weights(tmp_path):
    arrays = {name: tensor.numpy() for name, tensor in original().items()}
    np.savez(tmp_path / "a.npz", **arrays | {"ih.bias": np.array("x")})
    with pytest.raises(CorruptFileError, match=r"ih.bias holds <U1 values; expected numbers"):
        load_networks(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", **arrays | {"ih.bias": np.array([{}])})
    with pytest.raises(CorruptFileError, match=r"it is damaged, or no .npz file of numbers"):
        load_networks(tmp_path / "a.npz")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.pt does not exist; a checkpoint or an .npz"):
        load_networks(tmp_path / "nothing.pt")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        load_networks(tmp_path)
    Path(tmp_path / "a.txt").write_text("hello")
    with pytest.raises(
        CorruptFileError, match=r"a.txt is no network: one of .pt, .pth, .npz is expected"
    ):
        load_networks(tmp_path / "a.txt")


def test_every_tensor_is_needed():
    for name in TENSORS:
        lacking = {n: t for n, t in original().items() if n != name}
        with pytest.raises(ValueError, match=f"it lacks {name}"):
            from_original(lacking)
