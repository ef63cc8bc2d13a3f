"""A run: a validated configuration and a seed set that give a cached, resumable result.

An experiment is a pydantic model. Its fields are the parameters, its presets are the modes of the
book, and :meth:`Experiment.result` trains at most once: exca caches under ``runs/``, a lock keeps a
second process from training the same configuration, and resume points survive a kill.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import shlex
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from exca import TaskInfra
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator
from torch import Tensor

from mempaper import provenance
from mempaper.checkpoint import (
    Arrays,
    CorruptFileError,
    ResumePoint,
    disk_errors_explained,
    load_arrays,
    load_sidecar,
    remove_unfinished,
    same_arrays,
    save_arrays,
)
from mempaper.ensemble import repeatable
from mempaper.parameters import ConfigError, Mode, check_mode, check_names, explain
from mempaper.paths import IN_CHECKOUT, data_folder, runs_folder
from mempaper.progress import Progress, Report
from mempaper.records import JOURNAL
from mempaper.runs import side_by_side

_TRIED: ContextVar[bool] = ContextVar("_TRIED", default=True)  # whether devices are tried here


@contextlib.contextmanager
def devices_elsewhere() -> Iterator[None]:
    """Within it a device needs a name that torch knows, but not to be here: others do the training."""
    before = _TRIED.set(False)
    try:
        yield
    finally:
        _TRIED.reset(before)


@dataclass(frozen=True)
class Result:
    """What a run gave.

    Attributes
    ----------
    arrays : dict of numpy.ndarray
        By name; shapes are documented at the experiment that made them.
    provenance : dict
        Configuration, seeds, commit, versions, device, seconds, and ``origin``: 'trained', 'cache'
        or 'shipped'.
    """

    arrays: dict[str, np.ndarray]
    provenance: dict[str, Any]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def weights(self) -> dict[str, Tensor]:
        """State dictionary of the trained ensemble."""
        return {
            name.removeprefix("weights/"): torch.as_tensor(array)
            for name, array in self.arrays.items()
            if name.startswith("weights/")
        }


class Experiment(BaseModel):
    """Base class of all experiments; a subclass adds fields, presets and :meth:`train`.

    Class attributes a subclass sets: ``paper`` (slug), ``name`` (within the paper), ``version``
    (raised when a change of the code changes results) and ``presets`` (fields by mode, on top of the
    defaults).
    """

    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False)
    paper: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[str] = "1"
    presets: ClassVar[dict[Mode, dict[str, Any]]] = {"smoke": {}, "fast": {}, "full": {}}
    resume_every: ClassVar[float] = 20.0  # seconds between resume points
    _exclude_from_cls_uid: ClassVar[tuple[str, ...]] = ("device",)

    seed: int = Field(0, ge=0, le=2**31, strict=True, description="seed of the first network")
    n_seeds: int = Field(8, ge=1, le=512, strict=True, description="how many networks")
    device: str = Field("cpu", description="torch device, e.g. cpu or cuda")
    infra: TaskInfra = TaskInfra(version="1")
    _adopted: tuple[Arrays, dict[str, Any]] | None = PrivateAttr(None)
    _is_part: bool = PrivateAttr(False)

    @field_validator("device")
    @classmethod
    def _device_exists(cls, device: str) -> str:
        try:
            torch.device(device)
            if _TRIED.get():
                torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"torch cannot use it here ({str(error).splitlines()[0]})") from None
        return device

    def model_post_init(self, context: Any) -> None:
        """Point exca's cache at a folder that depends on every field, defaults included."""
        super().model_post_init(context)
        self.infra.folder = runs_folder() / self.paper / self.name / self.key()
        self.infra.mode = "retry"

    @classmethod
    def preset(cls, mode: object, **overrides: Any) -> Self:
        """The configuration of a mode with some fields changed.

        Parameters
        ----------
        mode : {'smoke', 'fast', 'full'}
        **overrides
            Fields; None stands for the mode's own value.

        Raises
        ------
        ConfigError
            Unknown field or impossible value, with what is allowed.
        """
        own = cls.presets[check_mode(mode)]
        given = {name: value for name, value in overrides.items() if value is not None}
        return cls.checked(**{**own, **given})

    @classmethod
    def checked(cls, **fields: Any) -> Self:
        """Build from fields; raises ConfigError where the constructor raises ValidationError."""
        check_names(fields, cls.parameters())
        try:
            return cls(**fields)
        except ValidationError as error:
            raise ConfigError(explain(error, cls)) from None

    def replace(self, **changes: Any) -> Self:
        """The same configuration with some fields changed."""
        return self.checked(**{**self.config(), "device": self.device, **changes})

    @classmethod
    def parameters(cls) -> list[str]:
        """Names of the fields that a caller may set."""
        return [name for name in cls.model_fields if name != "infra"]

    def config(self) -> dict[str, Any]:
        """Every field that decides the result, as plain values."""
        return self.model_dump(mode="json", exclude={"infra", "device"})

    def key(self) -> str:
        """Twelve hexadecimal digits that name this configuration and version."""
        text = json.dumps([self.version, self.config()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def train(self, resume: ResumePoint, report: Report) -> Arrays:
        """Compute the result: named arrays; weights are named ``weights/...``.

        Parameters
        ----------
        resume : ResumePoint
            Where to look for an unfinished training and to keep this one's state.
        report : callable (done, total)
        """
        raise NotImplementedError

    def needs(self) -> list[Experiment]:
        """Runs whose results this training starts from; it does them itself where they are missing."""
        return []

    def parts(self) -> list[Self]:
        """Runs of fewer networks whose results together are this one's; itself alone if one holds all.

        On a CPU networks that do not learn faster as one ensemble (see :meth:`ensemble_size`) are cut
        into parts, which are trained side by side on this machine's cores or a cluster's. Each of them
        is a run like any other, with a cached result and a resume point of its own.
        """
        return self.by_seed(self.ensemble_size()) if self.device == "cpu" else [self]

    def ensemble_size(self) -> int | None:
        """How many networks learn fastest as one ensemble on one core; None, the default, is any number.

        See :func:`mempaper.ensemble.members_together`.
        """
        return None

    def n_networks(self) -> int:
        """How many networks are trained."""
        return self.n_seeds

    def updates_planned(self) -> int:
        """Updates of each network, at most."""
        raise NotImplementedError

    @property
    def is_part(self) -> bool:
        """Whether this is one of another run's :meth:`parts`."""
        return self._is_part

    def by_seed(self, at_most: int | None) -> list[Self]:
        """Parts of ``at_most`` networks each, by seed; itself alone if all fit into one."""
        if at_most is None or self.n_seeds <= at_most:
            return [self]
        first = range(0, self.n_seeds, at_most)
        return [self.part(seed=self.seed + k, n_seeds=min(at_most, self.n_seeds - k)) for k in first]

    def part(self, **changes: Any) -> Self:
        """A part of this run, which differs by ``changes``."""
        part = self.replace(**changes)
        part._is_part = True
        return part

    def joined(self, parts: list[dict[str, np.ndarray]]) -> Arrays:
        """One result from those of :meth:`parts`; by default every array has the networks first."""
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def folder(self) -> Path:
        """Folder of this run below ``runs/``."""
        folder = self.infra.uid_folder(create=True)
        assert folder is not None
        return folder

    @infra.apply
    def stored(self) -> dict[str, str]:
        """Train and write the arrays; what exca caches is only the file's name and checksum."""
        file = self.folder() / "result.safetensors"
        resume = ResumePoint(file.with_name("resume"), every=self.resume_every)
        remove_unfinished(file.parent)
        if file.exists():  # of a process that ended before exca could note it, or a part of it
            with contextlib.suppress(CorruptFileError):
                sha256 = self._load(file, "cache").provenance["sha256"]
                resume.clear()
                return {"file": file.name, "sha256": sha256}
        arrays, made = self._adopted or self._trained(resume)
        sidecar = {
            "kind": "result",
            "experiment": f"{self.paper}/{self.name}",
            "version": self.version,
            "config": self.config(),
            **made,
        }
        sha256 = save_arrays(file, arrays, sidecar)
        resume.clear()
        return {"file": file.name, "sha256": sha256}

    def _trained(self, resume: ResumePoint) -> tuple[Arrays, dict[str, Any]]:
        """Train, in parts if there are several; the arrays, and how they were made."""
        start = time.monotonic()
        label = f"{self.paper}/{self.name}, {self.n_seeds} network{'s' * (self.n_seeds > 1)}"
        parts = self.parts()
        with repeatable(self.device), Progress(label) as report:
            if len(parts) == 1:
                arrays = self.train(resume, report)
            else:
                arrays = self.joined([result.arrays for result in side_by_side(parts, report)])
        seconds = round(time.monotonic() - start, 2)
        return arrays, {**provenance.here(), "device": self.device, "seconds": seconds}

    def adopt(self, arrays: Arrays, made: Mapping[str, Any]) -> Result:
        """Make arrays that this configuration gave elsewhere its stored result; nothing is trained.

        Parameters
        ----------
        arrays : mapping of arrays
            What :meth:`train` returned there.
        made : mapping
            How they were made: commit, versions, date, device, seconds.

        Raises
        ------
        ConfigError
            There is a result already, and it is another one.
        """
        folder = self.folder()
        file = folder / "result.safetensors"
        with self._acquired_lock():
            if not (self.is_shipped() or (file.exists() and (folder / "job.pkl").exists())):
                self._adopted = (arrays, dict(made))
                try:
                    self.stored()
                finally:
                    self._adopted = None
        result = self.result()
        if not same_arrays(result.arrays, arrays):
            there = f"comes with the book ({self.shipped_file()})"
            if result.provenance["origin"] != "shipped":
                there = f"is in {folder}; remove that folder if it is not needed"
            raise ConfigError(
                f"{self.paper}/{self.name} {self.key()} has another result already, which {there}."
            )
        return result

    def shipped_file(self) -> Path:
        """Where a result of this very configuration would be shipped with the book."""
        folder = data_folder() / "pretrained" / self.paper / self.name
        return folder / f"{self.key()}.safetensors"

    def is_shipped(self) -> bool:
        """Whether its result comes with the book, or at least one of its two files; only looks."""
        file = self.shipped_file()
        return file.exists() or file.with_suffix(".json").exists()

    @classmethod
    def shipped(cls) -> list[Self]:
        """All runs whose results come with the book."""
        folder = data_folder() / "pretrained" / cls.paper / cls.name
        files = sorted(folder.glob("*.json"))
        return [
            cls.checked(**load_sidecar(file.with_suffix(".safetensors"))["config"]) for file in files
        ]

    def shipped_arrays(self, arrays: Arrays) -> Arrays:
        """What of a result is shipped with the book: all of it."""
        return arrays

    def ship(self) -> Path:
        """Copy this run's result to where it is shipped with the book; returns the file."""
        result = self.result()
        keep = {k: v for k, v in result.provenance.items() if k not in ("origin", "key", "format")}
        keep.pop("sha256")
        save_arrays(self.shipped_file(), self.shipped_arrays(result.arrays), keep)
        return self.shipped_file()

    @JOURNAL.noted
    def result(self) -> Result:
        """The result: shipped, cached, or trained now (resuming where a kill left it).

        Raises
        ------
        CorruptFileError
            A stored file is missing, truncated, foreign or was changed; the message names it and says
            what to do.
        DiskError
            The disk is full, or the folder may not be written; the message says what to do.
        """
        if self.is_shipped():
            return self._load(self.shipped_file(), "shipped")
        with disk_errors_explained(runs_folder()):
            folder = self.folder()
            try:
                lock = self._acquired_lock()
            except OSError:  # where only reading is allowed
                if self.is_done():
                    return self._load(folder / "result.safetensors", "cache")
                raise
            try:
                cached = self.is_done()
                reference = self.stored()
            except (pickle.UnpicklingError, EOFError) as error:
                raise CorruptFileError(
                    f"{folder / 'job.pkl'} is truncated or foreign ({error}). {self._train_again()}"
                ) from error
            finally:
                lock.release()
        file = folder / reference["file"]
        return self._load(file, "cache" if cached else "trained", reference["sha256"])

    def is_done(self) -> bool:
        """Whether the result is there, shipped or cached; only looks."""
        folder = self.infra.uid_folder()
        assert folder is not None
        files = ("job.pkl", "result.safetensors", "result.json")  # the last one is written last
        return all((folder / name).exists() for name in files) or self.is_shipped()

    def has_begun(self) -> bool:
        """Whether somebody trained this very configuration before, to the end or not; only looks."""
        folder = self.infra.uid_folder()
        return folder is not None and folder.exists()

    def busy(self) -> bool:
        """Whether another process trains this very configuration now."""
        if self.is_done():
            return False
        with disk_errors_explained(runs_folder()):
            try:
                with self._lock().acquire(timeout=0):
                    return False
            except Timeout:
                return True

    def _lock(self) -> FileLock:
        """What a process holds while it trains this configuration; not acquired yet."""
        return FileLock(self.folder() / "lock")

    def _acquired_lock(self) -> FileLock:
        lock = self._lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"Another process trains {self.paper}/{self.name} {self.key()}; waiting for it.")
            lock.acquire()
        return lock

    def _train_again(self) -> str:
        """What to do where a cached file is damaged."""
        return f"Delete the folder {self.folder()} to train this run again."

    def _restore_shipped(self) -> str:
        """What to do where a file that comes with the book is damaged."""
        if not IN_CHECKOUT:
            return "It comes with the book: install mempaper anew."
        file = self.shipped_file()
        names = (file.name, file.with_suffix(".json").name)
        command = shlex.join(["git", "-C", str(file.parent), "checkout", "--", *names])
        return f"It comes with the book; restore it: {command}"

    def _load(self, file: Path, origin: str, sha256: str | None = None) -> Result:
        """Read a result; a damaged one is refused with what to do about it."""
        try:
            return self._read(file, origin, sha256)
        except CorruptFileError as error:
            advice = self._restore_shipped() if origin == "shipped" else self._train_again()
            raise CorruptFileError(f"{error}. {advice}") from error

    def _read(self, file: Path, origin: str, sha256: str | None) -> Result:
        sidecar = load_sidecar(file)
        expected = (f"{self.paper}/{self.name}", self.version, self.config())
        found = (sidecar.get("experiment"), sidecar.get("version"), sidecar.get("config"))
        if found != expected:
            raise CorruptFileError(f"{file} belongs to another run: expected {expected}, found {found}")
        tensors = load_arrays(file, sha256 or sidecar["sha256"])
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        return Result(arrays, {**sidecar, "origin": origin, "key": self.key()})
