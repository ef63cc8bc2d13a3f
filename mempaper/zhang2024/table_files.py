"""Performance tables as files: the original's columns and folders (sections 2.4 and 7.1)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mempaper.checkpoint import CorruptFileError, write_atomically
from mempaper.parameters import ConfigError, check_names
from mempaper.zhang2024.groups import DEFAULT_NOISE
from mempaper.zhang2024.rollout import COLUMNS

Row = dict[str, Any]
CSV_COLUMNS = ("episode", "task", *COLUMNS, "ordered_episode")
CURVES = "training_curve_temp"
TASKS = ("gain", "gain_control")
TESTING: dict[str, tuple[str, str]] = {  # testing task: the training that it goes with, its labels
    "gain": ("gain", "gain"),
    "gain_control": ("gain_control", "gain"),
    "perturb": ("gain", "perturbation"),
    "perturb_control": ("gain_control", "perturbation"),
}


def task_of(noise: tuple[float, float]) -> str:
    """Training task by its process and observation noise."""
    return "gain" if noise == DEFAULT_NOISE else "gain_control"


def pair_name(noise: tuple[float, float]) -> str:
    """Folder of a noise pair, such as '0.3_0' (pitfall P28)."""
    return f"{noise[0]:g}_{noise[1]:g}"


def labels_of(testing_task: str, training_task: str) -> str:
    """With what the labels of a testing task begin: 'gain' or 'perturbation'.

    Raises
    ------
    ConfigError
        The testing task is unknown, or for agents of the other training task.
    """
    check_names([testing_task], TESTING, "testing task")
    check_names([training_task], TASKS, "training task")
    fits, labels = TESTING[testing_task]
    if fits != training_task:
        right = " or ".join(name for name, (task, _) in TESTING.items() if task == training_task)
        raise ConfigError(
            f"testing task {testing_task} is for agents of the training task {fits}; those of "
            f"{training_task} are tested with {right}"
        )
    return labels


def table_file(
    root: Path, architecture: str, noise: tuple[float, float], seed: int, labels: str, extensive: bool
) -> Path:
    """Where the evaluation of all checkpoints of a seed lies.

    Parameters
    ----------
    labels : {'gain', 'perturbation'}
    extensive : bool
        Such tables lie in a folder of their own, ``..._full`` (pitfall P29).
    """
    full = "_full" if extensive else ""
    folder = root / CURVES
    if task_of(noise) == "gain":
        folder /= f"{labels}{full}"
    else:
        folder = folder / f"{labels}_control{full}" / pair_name(noise)
    return folder / f"{architecture}_seed{seed}.csv"


def rows_of(
    values: np.ndarray,
    episodes: Sequence[int],
    labels: Sequence[str],
    ordered: Sequence[int] | None = None,
) -> list[Row]:
    """Rows of a table, checkpoint by checkpoint; those that were not evaluated are left out.

    Parameters
    ----------
    values : array, shape (checkpoint, label, column)
        Columns are :data:`~mempaper.zhang2024.rollout.COLUMNS`.
    ordered : sequence of int, optional
        The column ``ordered_episode``; by default the episodes themselves.
    """
    rows = []
    for episode, count, table in zip(episodes, ordered or episodes, values, strict=True):
        for label, numbers in zip(labels, table, strict=True):
            if not np.isnan(numbers).all():
                own = dict(zip(COLUMNS, map(float, numbers), strict=True))
                rows.append(
                    {"episode": int(episode), "task": label, **own, "ordered_episode": int(count)}
                )
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a table; numbers keep all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_rows(path: Path) -> list[Row]:
    """Read a table.

    Raises
    ------
    CorruptFileError
        The file is missing, lacks columns (they are named), or holds something that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            found = list(reader)
            names = reader.fieldnames or []
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise CorruptFileError(f"{path} cannot be read as a table: {error}") from None
    missing = [name for name in CSV_COLUMNS if name not in names]
    if missing:
        raise CorruptFileError(f"{path} lacks the column(s) {', '.join(missing)}")
    rows = []
    for number, line in enumerate(found, 2):
        try:
            row: Row = {name: float(line[name]) for name in COLUMNS}
            row |= {name: int(line[name]) for name in ("episode", "ordered_episode")}
        except (TypeError, ValueError) as error:
            raise CorruptFileError(f"{path}, line {number}: {error}") from None
        rows.append({name: row[name] if name != "task" else line["task"] for name in CSV_COLUMNS})
    return rows


def write_text(path: Path, text: str) -> None:
    """Write a file if its content changes."""
    if not path.exists() or path.read_bytes() != text.encode():
        write_atomically(path, text.encode())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write plain values, in an order that never changes."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True))


def read_json(path: Path, *needed: str) -> dict[str, Any]:
    """Read what :func:`write_json` wrote; CorruptFileError if it is damaged or lacks an entry."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CorruptFileError(f"{path} cannot be read as JSON: {error}") from None
    lacking = [name for name in needed if not isinstance(content, dict) or name not in content]
    if lacking or not isinstance(content, dict):
        raise CorruptFileError(f"{path} lacks {', '.join(lacking) or 'all entries'}")
    return content
