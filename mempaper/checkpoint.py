"""Weights and arrays on disk: safetensors with a JSON sidecar, written atomically, and resume points."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from mempaper.paths import runs_folder

FORMAT = "mempaper-1"
Arrays = Mapping[str, "np.ndarray | Tensor"]
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
DISK_ERRORS = (*NO_SPACE, errno.EACCES, errno.EPERM, errno.EROFS)


class CorruptFileError(RuntimeError):
    """A stored file is not what was written there; the message names it and says what is wrong."""


class DiskError(OSError):
    """A disk is full or a folder may not be written; the message says which one and what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


def disk_error(error: OSError, folder: Path | None = None) -> DiskError:
    """One of the :data:`DISK_ERRORS` with a message that says where it was and what to do.

    Parameters
    ----------
    error : OSError
    folder : Path, optional
        Where it was if the error itself does not say so.
    """
    if isinstance(error, DiskError):
        return error
    runs = runs_folder()
    if isinstance(error.filename, str):
        folder = Path(error.filename).absolute().parent
    where = folder or f"{runs}, or where else this writes,"
    full = error.errno in NO_SPACE
    if full:
        text = f"The disk of {where} is full: free some space"
    else:
        text = f"{where} must be writable ({os.strerror(error.errno or 0)}): change its permissions"
    if folder is None or folder.is_relative_to(runs) or runs.is_relative_to(folder):
        if full:
            text += f", or move {runs} elsewhere and set MEMPAPER_RUNS to its new place"
        else:
            text += ", or set MEMPAPER_RUNS to a folder of your own"
    return DiskError(error.errno, f"{text}; then do the same again. Nothing that was finished is lost.")


@contextlib.contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Within this a full disk, or a folder that may not be written, raises :class:`DiskError`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, DiskError) or error.errno not in DISK_ERRORS:
            raise
        raise disk_error(error, folder) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` so that a reader sees the old file or the new one, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not name the file
        raise
    finally:
        with contextlib.suppress(OSError):  # where nothing may be written nothing was
            temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what processes left that were killed while they wrote; only for who alone writes there.

    Parameters
    ----------
    folder : Path
    name : str
        Of the file that was written; any by default.
    """
    for part in folder.glob(f".{name}.*.part"):
        part.unlink(missing_ok=True)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray | Tensor], sidecar: dict[str, Any]) -> str:
    """Write named arrays to ``path`` (``.safetensors``) and ``sidecar`` beside it (``.json``).

    Returns
    -------
    str
        SHA-256 of the array file, which the sidecar also holds.
    """
    tensors = {name: torch.as_tensor(a).detach().cpu().contiguous() for name, a in arrays.items()}
    data = save(tensors, metadata={"format": FORMAT})
    digest = hashlib.sha256(data).hexdigest()
    write_atomically(path, data)
    text = json.dumps({"format": FORMAT, "sha256": digest, **sidecar}, indent=1, sort_keys=True)
    write_atomically(path.with_suffix(".json"), text.encode())
    return digest


def load_arrays(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """Read what :func:`save_arrays` wrote.

    Parameters
    ----------
    path : Path
    sha256 : str, optional
        What the file must be; by default what its sidecar says.

    Raises
    ------
    CorruptFileError
        The file or its sidecar is missing, truncated, foreign, or was changed.
    """
    if sha256 is None:
        sha256 = load_sidecar(path)["sha256"]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptFileError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CorruptFileError(f"{path} is not the file that was written there (its checksum differs)")
    try:
        return load(data)
    except SafetensorError as error:
        raise CorruptFileError(f"{path} is not a safetensors file: {error}") from error


def same_arrays(first: Arrays, second: Arrays) -> bool:
    """Whether both hold the same names with the same numbers in the same types."""
    if set(first) != set(second):
        return False
    pairs = [(np.asarray(first[name]), np.asarray(second[name])) for name in first]
    return all(
        a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs
    )


def with_half_digits(
    arrays: Arrays, beginnings: tuple[str, ...] = ("weights/",)
) -> dict[str, np.ndarray | Tensor]:
    """The same arrays; those whose names begin so are float16: smaller files."""
    return {
        name: np.asarray(array, np.float16) if name.startswith(beginnings) else array
        for name, array in arrays.items()
    }


def load_sidecar(path: Path) -> dict[str, Any]:
    """Read the JSON sidecar of an array file."""
    sidecar = path.with_suffix(".json")
    try:
        content = json.loads(sidecar.read_bytes())
    except (OSError, ValueError) as error:
        raise CorruptFileError(f"{sidecar} is missing or not JSON") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or "sha256" not in content:
        raise CorruptFileError(f"{sidecar} was not written by mempaper (format {FORMAT!r} expected)")
    return content


def training_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, logs: Mapping[str, np.ndarray], done: int
) -> dict[str, Tensor]:
    """Everything a training needs to go on later, as one flat dictionary of tensors.

    Parameters
    ----------
    logs : mapping of arrays
        Preallocated logs, filled up to step ``done``.
    done : int
        Number of finished epochs (or updates).
    """
    state = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for index, slots in optimizer.state_dict()["state"].items():
        state |= {f"optimizer/{index}/{slot}": torch.as_tensor(v) for slot, v in slots.items()}
    state |= {f"logs/{name}": torch.as_tensor(array) for name, array in logs.items()}
    state["done"] = torch.tensor(done)
    return state


def restore_training(
    state: Mapping[str, Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    logs: Mapping[str, np.ndarray],
) -> int:
    """Put a :func:`training_state` back in place; returns the number of finished steps."""
    part = {n.removeprefix("model/"): t for n, t in state.items() if n.startswith("model/")}
    model.load_state_dict(part)
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith("optimizer/"):
            _, index, slot = name.split("/")
            slots.setdefault(int(index), {})[slot] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": slots, "param_groups": groups})
    for name, array in logs.items():
        array[...] = state[f"logs/{name}"].numpy()
    return int(state["done"])


def flat(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Several dictionaries of tensors as one, each name after its part's and a slash."""
    return {f"{part}/{name}": t for part, tensors in parts.items() for name, t in tensors.items()}


def part_of(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """One of the dictionaries that :func:`flat` put together."""
    prefix = f"{name}/"
    return {k.removeprefix(prefix): t for k, t in state.items() if k.startswith(prefix)}


class ResumePoint:
    """The last state of an unfinished training, in a file of its own.

    Parameters
    ----------
    path : Path, optional
        None keeps nothing.
    every : float
        Seconds between two writes at least.
    """

    def __init__(self, path: Path | None = None, every: float = 20.0) -> None:
        self.path = path
        self.every = every
        self._written = time.monotonic()

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Write the state now: its checksum and the tensors, in one file that is replaced at once."""
        if self.path is not None:
            data = save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})
            write_atomically(self.path, hashlib.sha256(data).digest() + data)
            self._written = time.monotonic()

    def due(self) -> bool:
        """Whether the last write is long enough ago."""
        return self.path is not None and time.monotonic() - self._written >= self.every

    def load(self) -> dict[str, Tensor] | None:
        """The last state, or None where there is none."""
        if self.path is None:
            return None
        remove_unfinished(self.path.parent, self.path.name)
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        digest, data = content[:32], content[32:]
        if hashlib.sha256(data).digest() != digest:
            raise CorruptFileError(
                f"{self.path} is not a resume point that mempaper wrote. Delete it to start anew."
            )
        return load(data)

    def clear(self) -> None:
        """Remove the file: the training is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
