"""A device that is not the CPU, for machines without one: what a GPU refuses is refused here too.

Its tensors hold others on the CPU and compute with them. Mixing them with tensors on the CPU, drawing
from the CPU's generators into them, or indexing with them what lies on the CPU raises an error. Run as
a script, with experiments and what differs from their smoke preset as JSON, it trains each of them on
the CPU and on the device, there with an interruption, and prints by how much the results differ,
relative to numbers above 1.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "elsewhere"
_setup_privateuseone_for_python_backend(NAME)
aten = torch.ops.aten
COPIES = {aten._to_copy.default, aten.copy_.default}
used: set[str] = set()
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten._index_put_impl_.default}


class Elsewhere(Tensor):
    """A tensor on the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held):
        tensor = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return compute(operation, *args, **(kwargs or {}))


def _held(x):
    return x.held if isinstance(x, Elsewhere) else x


def _refuse(operation, args, parts):
    """Raise where a GPU would: single numbers on the CPU may be mixed in, and so may indices."""
    if any(isinstance(part, torch.Generator) for part in parts):
        raise RuntimeError(f"{operation}: a generator of the CPU for a tensor elsewhere")
    indices = set()
    if operation in INDEXED:
        if not isinstance(args[0], Elsewhere):
            raise RuntimeError(f"{operation}: a tensor on the CPU is indexed by one elsewhere")
        indices = {id(index) for index in args[1]}
    here = (part for part in parts if isinstance(part, Tensor) and not isinstance(part, Elsewhere))
    for part in here:
        if part.dim() and id(part) not in indices:
            raise RuntimeError(f"{operation}: a tensor {tuple(part.shape)} is on the CPU")


def compute(operation, *args, **kwargs):
    """An operation with tensors elsewhere, or one that makes such a tensor."""
    used.add(str(operation))
    parts, _ = tree_flatten((args, kwargs))
    if operation not in COPIES:
        _refuse(operation, args, parts)
    target = kwargs.get("device")
    plain, named = tree_map(_held, args), tree_map(_held, kwargs)
    if target is not None:
        named["device"] = torch.device("cpu")
    out = operation(*plain, **named)
    if operation is aten.copy_.default:
        return args[0]
    if operation is aten._to_copy.default and target is not None and target.type == "cpu":
        return out
    same = {id(part.held): part for part in parts if isinstance(part, Elsewhere)}  # written in place

    def back(x):
        if not isinstance(x, Tensor):
            return x
        return same[id(x)] if id(x) in same else Elsewhere(x)

    return tree_map(back, out)


def copy_from(source, target, non_blocking=False):
    """What copies between devices come down to."""
    _held(target).copy_(_held(source))
    return target


def lstm(x, states, weights, has_biases, layers, dropout, train, bidirectional, batch_first):
    """``nn.LSTM``, whose fused kernels other devices bring with them."""
    if not has_biases or dropout or bidirectional or batch_first:
        raise NotImplementedError("an LSTM of this kind")
    ends = []
    for k in range(layers):
        w_in, w_rec, b_in, b_rec = weights[4 * k : 4 * k + 4]
        h, c = states[0][k], states[1][k]
        outputs = []
        for given in (x @ w_in.T + b_in).unbind(0):
            i, f, g, o = (given + h @ w_rec.T + b_rec).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        x = torch.stack(outputs)
        ends.append((h, c))
    return x, *(torch.stack(state) for state in zip(*ends, strict=True))


LIBRARIES = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
LIBRARIES[0].fallback(compute, "PrivateUse1")
LIBRARIES[1].impl("_copy_from", copy_from, "PrivateUse1")
LIBRARIES[1].impl("lstm.input", lstm, "AutogradPrivateUse1")


class HalfWayError(Exception):
    """The training is to go on from its resume point."""


def interrupt(done, total):
    """A report that ends the training half-way."""
    if done >= total / 2:
        raise HalfWayError


def difference(run):
    """By how much results elsewhere differ, whether it was resumed, and how many operations it took."""
    from mempaper.checkpoint import ResumePoint
    from mempaper.progress import silent

    here = run.train(ResumePoint(), silent)
    there = run.replace(device=NAME)
    used.clear()
    resume = ResumePoint(Path(tempfile.mkdtemp()) / "resume", every=0)
    try:
        there.train(resume, interrupt)
        interrupted = False
    except HalfWayError:
        interrupted = resume.path.exists()
    found = there.train(resume, silent)
    assert set(found) == set(here)
    largest = 0.0
    for name in here:
        a, b = (np.asarray(arrays[name], float) for arrays in (here, found))
        assert a.shape == b.shape, name
        assert np.array_equal(np.isnan(a), np.isnan(b)), name
        if a.size:
            largest = max(largest, float(np.nanmax(np.abs(a - b) / (1 + np.abs(a)), initial=0)))
    return {"largest": largest, "resumed": interrupted, "operations": len(used)}


def main():
    """Train what the arguments name."""
    from mempaper import catalogue

    os.environ["MEMPAPER_RUNS"] = tempfile.mkdtemp()
    torch.set_num_threads(1)
    for name, differs in json.loads(sys.argv[1]):
        print(json.dumps(difference(catalogue.experiment(name).preset("smoke", **differs))), flush=True)


if __name__ == "__main__":
    main()
