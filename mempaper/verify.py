"""Check an implementation against numbers of a paper's original code.

A folder holds fixture files ``<family>_<anything>.npz``, or tables ``.csv``. A paper's ``reference``
module has one function per family that recomputes a file's outputs from its inputs with our code.
"""

from __future__ import annotations

import csv
import importlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mempaper.catalogue import papers
from mempaper.parameters import ConfigError


class MissingArrayError(KeyError):
    """A fixture file lacks an array that its family has."""


class UnreadableError(ValueError):
    """A fixture file is truncated, corrupt or no such file; the message says why."""


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a ``.npz`` file, or columns of a ``.csv`` table, by name.

    Raises
    ------
    UnreadableError
        Whatever is wrong with the file.
    """
    try:
        if path.suffix == ".csv":
            return _read_table(path)
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # damaged archives raise anything, from zlib.error to AttributeError
        raise UnreadableError(f"cannot be read: {error or type(error).__name__}") from error


def _read_table(path: Path) -> dict[str, np.ndarray]:
    """Columns of numbers as float64, where an empty cell is not a number; the others as text."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file, strict=True)
    if not rows:
        raise ValueError("the table has no rows")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"line {number} has {len(row)} cells; expected {len(header)}")
    return {name: _column(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def _column(cells: tuple[str, ...]) -> np.ndarray:
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        return np.array(cells)


class Fixture(Mapping[str, Any]):
    """The arrays of one fixture file; a missing one is named.

    Parameters
    ----------
    path : Path
    folder : Path, optional
        The folder that is checked; by default the one that the file is in.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self.path = path
        self.folder = folder or path.parent
        self.variant = path.stem
        self._arrays = read_arrays(path)

    def beside(self, pattern: str) -> list[Fixture]:
        """Other files of the checked folder, e.g. ``models/*.npz``; unreadable ones are left out.

        These have rows of their own, which say so.
        """
        found = []
        for path in sorted(self.folder.glob(pattern)):
            try:
                found.append(Fixture(path, self.folder))
            except UnreadableError:
                continue
        return found

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

    def matching(self, pattern: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Names of arrays that match a pattern as a whole, each with its groups.

        Parameters
        ----------
        pattern : str
            A regular expression.

        Raises
        ------
        ValueError
            No name matches.
        """
        matches = [match for name in self if (match := re.fullmatch(pattern, name))]
        if not matches:
            raise ValueError(f"no array is named like {pattern}")
        return ((match.group(), match.groups()) for match in matches)


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


@dataclass(frozen=True)
class Skipped:
    """What could not be compared, since it needs something that the folder does not have.

    Attributes
    ----------
    function : str
        What of ours would have been compared.
    note : str
        What is not there.
    """

    function: str
    note: str


Verdict = Literal["ok", "missed", "skipped"]


@dataclass
class Row:
    """One line of the report: all comparisons of one function on one file."""

    file: str
    function: str
    absolute: float = 0.0
    relative: float = 0.0
    tolerance: float = 0.0
    verdict: Verdict = "ok"
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there was something to compare and all of it agreed."""
        return self.verdict == "ok"

    def _miss(self, note: str) -> None:
        self.verdict = "missed"
        self.notes.append(note)

    def add(self, comparison: Comparison) -> None:
        """Count one comparison in."""
        self.tolerance = max(self.tolerance, comparison.tolerance)
        ours, theirs = np.asarray(comparison.ours), np.asarray(comparison.theirs)
        if ours.shape != theirs.shape:
            self._miss(f"{comparison.name}: shape {ours.shape}, expected {theirs.shape}")
            return
        if theirs.size == 0:
            return
        ours, theirs = np.atleast_1d(ours.astype(float)), np.atleast_1d(theirs.astype(float))
        agree = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        with np.errstate(invalid="ignore"):
            error = np.where(agree, 0.0, np.abs(ours - theirs))
        error[np.isnan(error)] = np.inf
        scale = float(np.abs(theirs[~np.isnan(theirs)]).max(initial=1e-30))
        judged = error / scale if comparison.relative else error
        worst = float(np.quantile(judged, comparison.share, method="inverted_cdf"))
        self.absolute = max(self.absolute, float(error.max()))
        self.relative = max(self.relative, float(error.max()) / scale)
        if not worst <= comparison.tolerance:
            self._miss(f"{comparison.name}: {worst:.3g} > {comparison.tolerance:g}")


Family = Callable[[Fixture], Iterator[Comparison | Skipped]]
FILES = ("*.npz",)  # what is looked for, unless a paper's reference module has FILES of its own


def reference_module(paper: str) -> Any:
    """The ``reference`` module of a paper; ConfigError where there is no such paper."""
    if paper not in papers():
        raise ConfigError(f"Unknown paper {paper!r}. Allowed: {', '.join(papers())}.")
    return importlib.import_module(f"mempaper.{paper}.reference")


def family_of(name: str, families: Mapping[str, Family]) -> str | None:
    """Longest family name that a file's name starts with, or the sub-folder that the file is in."""
    stem = name.rpartition(".")[0]
    matching = [f for f in families if stem == f or stem.startswith((f"{f}_", f"{f}/"))]
    return max(matching, key=len, default=None)


def check_file(file: Path, families: Mapping[str, Family], folder: Path | None = None) -> list[Row]:
    """Recompute one file; problems become rows that are missed.

    Parameters
    ----------
    file : Path
    families : mapping
        Functions by the name of their family.
    folder : Path, optional
        The folder that is checked; by default the one that the file is in.
    """
    folder = folder or file.parent
    name = file.relative_to(folder).as_posix()
    family = family_of(name, families)
    if family is None:
        note = f"unknown family; known: {', '.join(sorted(families))}"
        return [Row(name, "-", verdict="missed", notes=[note])]
    rows: dict[tuple[str, bool], Row] = {}

    def missed(note: str) -> None:
        rows["-", False] = Row(name, family, verdict="missed", notes=[note])

    try:
        for found in families[family](Fixture(file, folder)):
            skipped = isinstance(found, Skipped)
            row = rows.setdefault((found.function, skipped), Row(name, found.function))
            if isinstance(found, Skipped):
                row.verdict = "skipped"
                row.notes.append(found.note)
            else:
                row.add(found)
    except MissingArrayError as error:
        missed(str(error.args[0]))
    except UnreadableError as error:
        missed(str(error))
    except Exception as error:  # arrays of foreign shapes and kinds raise anything
        missed(f"cannot be computed: {type(error).__name__}: {error}")
    if not rows:
        missed("nothing was compared")
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
    patterns: tuple[str, ...] = getattr(module, "FILES", FILES)
    files = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    if not files:
        raise ConfigError(f"{folder} holds no fixture files ({', '.join(patterns)})")
    rows = []
    for file in files:
        found = check_file(file, families, folder)
        if train and family_of(file.relative_to(folder).as_posix(), families) in module.TRAINED:
            found += check_file(file, module.TRAINED, folder)
        for row in found:
            tell(row)
        rows += found
    return rows
