import numpy as np
import pytest
import torch

from mempaper import checkpoint


def test_arrays_come_back_with_their_types(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.int8).reshape(2, 3), "b": torch.tensor([0.1, 0.2])}
    checkpoint.save_arrays(tmp_path / "x.safetensors", arrays, {"seed": 3})
    back = checkpoint.load_arrays(tmp_path / "x.safetensors")
    assert back["a"].dtype == torch.int8
    assert np.array_equal(back["a"], arrays["a"])
    assert torch.equal(back["b"], arrays["b"])
    assert checkpoint.load_sidecar(tmp_path / "x.safetensors")["seed"] == 3


def test_some_arrays_are_kept_with_half_the_digits():
    arrays = {"weights/a": np.ones(2, np.float32), "loss": torch.ones(2), "n": np.arange(2)}
    halved = checkpoint.with_half_digits(arrays)
    assert [str(halved[name].dtype) for name in arrays] == ["float16", "torch.float32", "int64"]
    assert checkpoint.with_half_digits(arrays, ("loss",))["loss"].dtype == np.float16


def test_truncated_changed_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "x.safetensors"
    checkpoint.save_arrays(path, {"a": np.zeros(100)}, {})
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(checkpoint.CorruptFileError, match=r"checksum differs\)$"):
        checkpoint.load_arrays(path)
    path.unlink()
    with pytest.raises(checkpoint.CorruptFileError, match="cannot be read"):
        checkpoint.load_arrays(path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(checkpoint.CorruptFileError, match="was not written by mempaper"):
        checkpoint.load_arrays(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(checkpoint.CorruptFileError, match="missing or not JSON"):
        checkpoint.load_arrays(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    checkpoint.write_atomically(path, b"old")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_training_goes_on_exactly_where_it_stood(tmp_path):
    def fresh():
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.Adam(model.parameters(), lr=0.1)

    def step(model, optimizer, k):
        optimizer.zero_grad()
        model(torch.full((1, 3), float(k))).sum().backward()
        optimizer.step()

    unbroken = fresh()
    for k in range(6):
        step(*unbroken, k)
    broken, logs = fresh(), {"loss": np.arange(6.0)}
    for k in range(3):
        step(*broken, k)
    point = checkpoint.ResumePoint(tmp_path / "resume", every=0)
    assert point.load() is None
    assert point.due()
    point.save(checkpoint.training_state(*broken, logs, 3))

    again, found = fresh(), {"loss": np.zeros(6)}
    done = checkpoint.restore_training(point.load(), *again, found)
    for k in range(done, 6):
        step(*again, k)
    assert torch.equal(again[0].weight, unbroken[0].weight)
    assert np.array_equal(found["loss"], logs["loss"])

    data = (tmp_path / "resume").read_bytes()
    (tmp_path / "resume").write_bytes(data[:-1])
    with pytest.raises(checkpoint.CorruptFileError, match="Delete it to start anew"):
        point.load()
    point.clear()
    assert point.load() is None
