"""Networks of the original code, from a file that a reader supplies.

The original saves ``{'network_state_dict': ..., 'optimizer_state_dict': ...}`` with ``torch.save``. Its
layers are ``(out, in)``, and i2h and h2h have ``4H + 1`` rows: forget, output and input gate, one row
that nothing reads, and the candidate.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import mode
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mempaper.checkpoint import CorruptFileError
from mempaper.lu2022.evaluation import Networks
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.task import EventTask
from mempaper.lu2022.trials import TrialSettings

LAYERS = ("i2h", "h2h", "ih", "actor", "critic", "hpc")
TENSORS = tuple(f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias"))
WRAPPER = "network_state_dict"
SUFFIXES = (".pt", ".pth", ".npz")


def load_networks(
    path: str | Path, task: EventTask | None = None, *, penalty: float = 4, seed: int = 0
) -> Networks:
    """Read one network of the original code.

    Whether its gate acts before or after recall follows from how much the gate sees, and whether it
    is told what is familiar from the number of its inputs.

    Parameters
    ----------
    path : path
        A checkpoint (``.pt``, ``.pth``), of the original or a plain state dictionary; or an ``.npz``
        file of arrays with the names of a state dictionary.
    task : EventTask, optional
        What it was trained on; the paper's by default.
    penalty : float
        The largest one in its training.
    seed : int
        Decides its test trials, and its schema.

    Returns
    -------
    Networks
        With one member.

    Raises
    ------
    FileNotFoundError
    CorruptFileError
        The file holds no network of this kind; the message names it and says what is wrong.
    """
    path, task = Path(path).expanduser(), task or EventTask()
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {reason}; a checkpoint or an .npz file is expected")
    if path.suffix not in SUFFIXES:
        raise CorruptFileError(f"{path} is no network: one of {', '.join(SUFFIXES)} is expected")
    data = path.read_bytes()
    try:
        tensors = _arrays(data) if path.suffix == ".npz" else _state_dictionary(data)
        network = from_original(tensors)
        familiarity = _familiarity(network, task)
    except ValueError as error:
        raise CorruptFileError(f"{path} is no network of this kind: {error}") from error
    about = {
        "origin": "file",
        "file": str(path),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    settings = TrialSettings(penalty=penalty, familiarity=familiarity, segment=task.n_features)
    return Networks(network, task, settings, seed, about)


def from_original(tensors: Mapping[str, Any]) -> RecallLSTM:
    """An ensemble of one network from arrays or tensors in the original's layout.

    Raises
    ------
    ValueError
        A tensor is missing, unknown, of a wrong shape or not finite; the message names it.
    """
    shapes = {name: tuple(np.shape(tensor)) for name, tensor in tensors.items()}
    hidden, decision = _sizes(shapes)
    gate = shapes["hpc.weight"][1]
    network = RecallLSTM(
        [np.random.default_rng(0)],
        shapes["i2h.weight"][1],
        hidden,
        decision,
        shapes["actor.weight"][0],
        gating="pre" if gate == hidden + decision else "post",
    )
    network.load_state_dict(in_our_layout(tensors, hidden))
    return network


def in_our_layout(tensors: Mapping[str, Any], hidden_size: int) -> dict[str, Tensor]:
    """The original's tensors as those of one member, without the row that nothing reads."""
    ours = {}
    for name in TENSORS:
        tensor = torch.as_tensor(tensors[name]).detach().to(torch.float32)
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")
        if name.startswith(("i2h", "h2h")):
            tensor = torch.cat([tensor[: 3 * hidden_size], tensor[3 * hidden_size + 1 :]])
        ours[name] = tensor.T[None].contiguous() if tensor.dim() == 2 else tensor[None, None]
    return ours


def _sizes(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Hidden and decision units; ValueError unless all tensors are there and fit together."""
    lacking = [name for name in TENSORS if name not in shapes]
    unknown = [name for name in shapes if name not in TENSORS]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}; it holds {_listed(list(shapes))}")
    if unknown:
        raise ValueError(f"it holds {_listed(unknown)}; expected only {', '.join(TENSORS)}")
    for name in TENSORS:
        axes = 2 if name.endswith("weight") else 1
        if len(shapes[name]) != axes:
            raise ValueError(f"{name} has shape {shapes[name]}; the number of its axes must be {axes}")
    by_bias = [(shapes[f"{layer}.bias"][0] - 1) // 4 for layer in ("i2h", "h2h")]
    h = mode([shapes["h2h.weight"][1], shapes["ih.weight"][1], *by_bias])  # one may be wrong
    d = mode([shapes["ih.weight"][0], shapes["ih.bias"][0], shapes["actor.weight"][1]])
    rows, n_inputs, n_actions = 4 * h + 1, shapes["i2h.weight"][1], shapes["actor.weight"][0]
    expected = {
        "h2h": [(rows, h)],
        "i2h": [(rows, n_inputs)],
        "ih": [(d, h)],
        "actor": [(n_actions, d)],
        "critic": [(1, d)],
        "hpc": [(1, h + d), (1, 2 * h + d)],
    }
    for layer, weights in expected.items():
        for name, allowed in ((f"{layer}.weight", weights), (f"{layer}.bias", [weights[0][:1]])):
            if shapes[name] not in allowed:
                raise ValueError(
                    f"{name} has shape {shapes[name]}; with {h} hidden and {d} decision units "
                    f"{' or '.join(map(str, allowed))} is expected"
                )
    return h, d


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(str, names[:12])) + (", ..." if len(names) > 12 else "")
    return shown or "nothing"


def _familiarity(network: RecallLSTM, task: EventTask) -> int:
    """Whether there is an input that tells what is familiar; ValueError if it is another task's."""
    n_actions, n_inputs = network.actor.weight.shape[2], network.i2h.weight.shape[1]
    if n_actions != task.n_values + 1:
        raise ValueError(
            f"actor.weight has {n_actions} rows; events of {task.n_values} values need "
            f"{task.n_values + 1}, one per value and one for don't know"
        )
    plain = task.input_size + 1
    if n_inputs not in (plain, plain + 1):
        raise ValueError(
            f"i2h.weight has {n_inputs} columns; {task.n_features} features of {task.n_values} values "
            f"need {plain}, or {plain + 1} with familiarity"
        )
    return n_inputs - plain


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # damaged archives raise anything
        raise ValueError(f"it is damaged, or no .npz file of numbers ({_kind(error)})") from error
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise ValueError(f"{name} holds {array.dtype} values; expected numbers")
    return arrays


def _state_dictionary(data: bytes) -> dict[str, Tensor]:
    """The state dictionary of a checkpoint; nothing in the file is executed."""
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged and foreign files raise anything
        foreign = re.search(r"(?:GLOBAL|class) ([\w.]+)", str(error))
        if isinstance(error, pickle.UnpicklingError) and foreign:
            raise ValueError(
                f"it holds {foreign.group(1)}, and only tensors and plain values are read. If you trust "
                "its source, save network.state_dict() alone and take that file"
            ) from error
        raise ValueError(f"it is damaged, or no checkpoint ({_kind(error)})") from error
    if isinstance(content, Mapping) and WRAPPER in content:
        content = content[WRAPPER]
    if not isinstance(content, Mapping):
        raise ValueError(f"expected a state dictionary, found {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{name!r} is {type(value).__name__}; a state dictionary holds only tensors"
            )
    return dict(content)


def _kind(error: Exception) -> str:
    return type(error).__name__
