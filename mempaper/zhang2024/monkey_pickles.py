"""Convert the released recordings, pickled data frames, to the files of :mod:`.monkeys`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from mempaper.parameters import ConfigError
from mempaper.zhang2024.monkeys import (
    CONDITIONS,
    DERIVED,
    PROFILES,
    SCALARS,
    TRACES,
    Condition,
    checked,
    write_recordings,
)

RELEASED = {"B": ("Bruno", "bruno"), "S": ("Schro", "schro")}  # folder, begin of the files' names


def import_pickles(folder: str | Path, out: str | Path) -> list[Path]:
    """Convert ``<folder>/[monkey_data/]Bruno/bruno_normal_trajectory_paper.pkl`` and its like.

    A pickle can run any code when it is opened: only open files from a source that you trust.

    Parameters
    ----------
    folder : path
        What was downloaded.
    out : path
        Where ``B/normal.npz`` and the others go; existing files there are replaced.

    Returns
    -------
    list of Path
        Files written; each has passed the checks of :func:`~mempaper.zhang2024.monkeys.checked`.

    Raises
    ------
    ConfigError
        pandas or all files are missing, or a file cannot be read.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        raise ConfigError(
            "The released files are pickled data frames, which only pandas reads: pip install pandas"
        ) from None
    folder = Path(folder)
    root = folder / "monkey_data" if (folder / "monkey_data").is_dir() else folder
    found = []
    for subject, (sub, begin) in RELEASED.items():
        for condition in CONDITIONS:
            path = root / sub / f"{begin}_{condition}_trajectory_paper.pkl"
            if path.exists():
                found.append((subject, condition, path))
    if not found:
        raise ConfigError(f"{root} has no Bruno/bruno_normal_trajectory_paper.pkl or its like")
    made = []
    for subject, condition, path in found:
        try:
            frame = pandas.read_pickle(path)
        except Exception as error:  # a pickle may raise anything
            raise ConfigError(
                f"{path} cannot be read by pandas {pandas.__version__} ({error}); a file of an old "
                "version may need an old pandas"
            ) from None
        recordings = checked(_columns(frame, condition, str(path)), condition, str(path))
        made.append((Path(out) / subject / f"{condition}.npz", recordings))
    return [write_recordings(path, recordings) for path, recordings in made]


def _columns(frame: Any, condition: Condition, where: str) -> dict[str, np.ndarray]:
    """Columns of a frame, trials of one column one after the other; missing ones are left out."""
    columns: dict[str, np.ndarray] = {}
    try:
        present = set(frame.columns)
        for name in (*SCALARS[condition], *DERIVED):
            if name in present:
                columns[name] = np.array([float(value) for value in frame[name]])
        groups = {"offsets": (*TRACES[condition], "time")}
        if condition == "perturbation":
            groups["offsets_gauss"] = PROFILES
        for offsets, names in groups.items():
            for name in names:
                if name in present:
                    parts = [np.ravel(np.asarray(value, float)) for value in frame[name]]
                    ends = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
                    if offsets in columns and not np.array_equal(columns[offsets], ends):
                        raise ConfigError(f"{where}: {name} has other lengths than {names[0]}")
                    columns[offsets], columns[name] = ends, np.concatenate(parts)
    except (AttributeError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{where} is not a frame with a row per trial: {error}") from None
    if "time" in columns and len(columns["time"]) > 1:
        columns["dt"] = np.array(np.median(np.diff(columns["time"])))
    return columns
