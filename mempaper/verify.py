"""Check an implementation against numbers of a paper's original code.

A folder holds fixture files ``<family>_<anything>.npz``. A paper's ``reference`` module has one
function per family that recomputes a file's outputs from its inputs with our code.
"""

from __future__ import annotations

import importlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mempaper.catalogue import papers
from mempaper.experiment import ConfigError


class MissingArrayError(KeyError):
    """A fixture file lacks an array that its family has."""


class Fixture(Mapping[str, Any]):
    """The arrays of one fixture file; a missing one is named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.variant = path.stem
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            self._arrays = {name: file[name] for name in file.files}

    def __getitem__(self, name: str) -> Any:
        if name not in self._arrays:
            raise MissingArrayError(f"array {name!r} is missing")
        array = self._arrays[name]
        return array.item() if array.ndim == 0 else array

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def prefixed(self, prefix: str) -> dict[str, Any]:
        """Arrays whose name starts with ``prefix``, under the rest of their name."""
        return {n.removeprefix(prefix): self[n] for n in self._arrays if n.startswith(prefix)}


@dataclass(frozen=True)
class Comparison:
    """Our numbers beside theirs.

    Attributes
    ----------
    function : str
        What of ours computed them.
    name : str
        The array.
    ours, theirs : array_like of equal shape
    tolerance : float
        Largest absolute error; 0 demands equality.
    relative : bool
        Whether ``tolerance`` is relative to the largest magnitude of ``theirs``.
    share : float
        Share of the entries that must be within the tolerance.
    """

    function: str
    name: str
    ours: Any
    theirs: Any
    tolerance: float
    relative: bool = False
    share: float = 1.0


@dataclass
class Row:
    """One line of the report: all comparisons of one function on one file."""

    file: str
    function: str
    absolute: float = 0.0
    relative: float = 0.0
    tolerance: float = 0.0
    ok: bool = True
    notes: list[str] = field(default_factory=list)

    def add(self, comparison: Comparison) -> None:
        """Count one comparison in."""
        self.tolerance = max(self.tolerance, comparison.tolerance)
        ours, theirs = np.asarray(comparison.ours), np.asarray(comparison.theirs)
        if ours.shape != theirs.shape:
            self.ok = False
            self.notes.append(f"{comparison.name}: shape {ours.shape}, expected {theirs.shape}")
            return
        if theirs.size == 0:
            return
        ours, theirs = np.atleast_1d(ours.astype(float)), np.atleast_1d(theirs.astype(float))
        agree = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        with np.errstate(invalid="ignore"):
            error = np.where(agree, 0.0, np.abs(ours - theirs))
        error[np.isnan(error)] = np.inf
        scale = max(float(np.nanmax(np.abs(theirs))), 1e-30)
        judged = error / scale if comparison.relative else error
        worst = float(np.quantile(judged, comparison.share, method="inverted_cdf"))
        self.absolute = max(self.absolute, float(error.max()))
        self.relative = max(self.relative, float(error.max()) / scale)
        if not worst <= comparison.tolerance:
            self.ok = False
            self.notes.append(f"{comparison.name}: {worst:.3g} > {comparison.tolerance:g}")


Family = Callable[[Fixture], Iterator[Comparison]]


def reference_module(paper: str) -> Any:
    """The ``reference`` module of a paper; ConfigError where there is no such paper."""
    if paper not in papers():
        raise ConfigError(f"Unknown paper {paper!r}. Allowed: {', '.join(papers())}.")
    return importlib.import_module(f"mempaper.{paper}.reference")


def family_of(file: Path, families: Mapping[str, Family]) -> str | None:
    """Longest family name that the file's name starts with."""
    matching = [f for f in families if file.stem == f or file.stem.startswith(f"{f}_")]
    return max(matching, key=len, default=None)


def check_file(file: Path, families: Mapping[str, Family]) -> list[Row]:
    """Recompute one file; problems become rows that are not ok."""
    family = family_of(file, families)
    if family is None:
        note = f"unknown family; known: {', '.join(sorted(families))}"
        return [Row(file.name, "-", ok=False, notes=[note])]
    rows: dict[str, Row] = {}
    try:
        for comparison in families[family](Fixture(file)):
            row = rows.setdefault(comparison.function, Row(file.name, comparison.function))
            row.add(comparison)
    except MissingArrayError as error:
        rows["-"] = Row(file.name, family, ok=False, notes=[str(error.args[0])])
    except (ValueError, RuntimeError, OSError, EOFError, zipfile.BadZipFile) as error:
        rows["-"] = Row(file.name, family, ok=False, notes=[f"cannot be read or computed: {error}"])
    if not rows:
        rows["-"] = Row(file.name, family, ok=False, notes=["nothing was compared"])
    return list(rows.values())


def verify(
    paper: str,
    folder: Path,
    *,
    train: bool = False,
    tell: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Check every fixture file of a folder.

    Parameters
    ----------
    paper : str
    folder : Path
    train : bool
        Also retrain where a family is a statistical envelope of training (minutes).
    tell : callable
        Called with each row as soon as it is known.

    Returns
    -------
    list of Row
    """
    module = reference_module(paper)
    families: dict[str, Family] = dict(module.FAMILIES)
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise ConfigError(f"{folder} holds no fixture files (*.npz)")
    rows = []
    for file in files:
        found = check_file(file, families)
        if train and family_of(file, families) in module.TRAINED:
            found += check_file(file, module.TRAINED)
        for row in found:
            tell(row)
        rows += found
    return rows
