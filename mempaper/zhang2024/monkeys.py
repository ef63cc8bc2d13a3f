"""Recordings of macaques at this task, from a folder of one's own: they are not part of the book.

``<folder>/<subject>/{normal,gain,perturbation}.npz``. Each file holds one-dimensional arrays: columns
with a number per trial, and columns with a number per sample, all trials one after the other, with
``offsets`` (trial + 1) of where each begins. ``offsets_gauss`` are those of the whole profiles of the
perturbations. ``dt`` is the time between samples, 1/833 s if it is missing. Lengths are in cm, angles
in degrees (90 is straight ahead), times in s.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mempaper.parameters import ConfigError, check_names
from mempaper.zhang2024.analysis import GAIN_1X

Condition = Literal["normal", "gain", "perturbation"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
SAMPLE_TIME = 1 / 833
SCALARS: dict[Condition, tuple[str, ...]] = {
    "normal": ("target_x", "target_y", "gain_v", "gain_w", "rewarded"),
    "gain": ("target_x", "target_y", "gain_v", "gain_w"),
    "perturbation": (
        *("target_x", "target_y", "gain_v", "gain_w", "perturb_vpeak", "perturb_wpeak"),
        *("perturb_start_time_ori", "perturb_start_time"),
    ),
}
TRACES: dict[Condition, tuple[str, ...]] = {
    "normal": ("pos_x", "pos_y", "action_v", "action_w"),
    "gain": ("pos_x", "pos_y", "action_v", "action_w"),
    "perturbation": ("pos_x", "pos_y", "action_v", "action_w", "perturb_v", "perturb_w"),
}
PROFILES = ("perturb_v_gauss", "perturb_w_gauss")  # of condition perturbation
DERIVED = ("target_r", "target_theta", "pos_r_end", "pos_theta_end", "relative_radius_end")
GAINS: dict[Condition, tuple[float, ...]] = {
    "normal": (1.0,),
    "gain": (1.5, 2.0),
    "perturbation": (1.0,),
}
LIMITS = {  # with a little room for rounding; what is beyond has most likely other units
    "target_r": (99.0, 401.0, "cm"),
    "target_theta": (54.0, 126.0, "degrees, 90 being straight ahead"),
    "action_v": (-1 - 1e-6, 1 + 1e-6, "shares of the largest joystick position"),
    "action_w": (-1 - 1e-6, 1 + 1e-6, "shares of the largest joystick position"),
    "perturb_vpeak": (-201.0, 201.0, "cm/s"),
    "perturb_wpeak": (-121.0, 121.0, "degrees/s"),
    "perturb_start_time_ori": (-1e-6, 1 + 1e-6, "s"),
    "perturb_start_time": (0.0, 60.0, "s"),
    "time": (-0.05, 60.0, "s"),
}
NO_DATA = "macaque data not available"


@dataclass(frozen=True)
class Recordings:
    """Trials of a subject in one condition.

    Attributes
    ----------
    condition : {'normal', 'gain', 'perturbation'}
    scalars : mapping of str to ndarray, shape (trial,)
        Columns of :data:`SCALARS` and :data:`DERIVED`.
    traces : mapping of str to ndarray, shape (sample,)
        Columns of :data:`TRACES` and ``time``, all trials one after the other.
    offsets : int ndarray, shape (trial + 1,)
        Where each trial begins in them.
    profiles : mapping of str to ndarray
        Columns of :data:`PROFILES`; empty in other conditions.
    offsets_gauss : int ndarray, shape (trial + 1,)
        Where each trial begins in the profiles.
    dt : float
    """

    condition: Condition
    scalars: Mapping[str, np.ndarray]
    traces: Mapping[str, np.ndarray]
    offsets: np.ndarray
    profiles: Mapping[str, np.ndarray]
    offsets_gauss: np.ndarray
    dt: float = SAMPLE_TIME

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, which: Any) -> Recordings:
        trials = np.atleast_1d(np.arange(len(self))[which])
        traces, offsets = _gather(self.traces, self.offsets, trials)
        profiles, offsets_gauss = self.profiles, self.offsets_gauss
        if profiles:
            profiles, offsets_gauss = _gather(profiles, offsets_gauss, trials)
        scalars = {name: column[trials] for name, column in self.scalars.items()}
        return Recordings(self.condition, scalars, traces, offsets, profiles, offsets_gauss, self.dt)

    def trace(self, name: str, trial: int) -> np.ndarray:
        """One trial of a column with a number per sample, (sample,)."""
        if name in self.profiles:
            return self.profiles[name][self.offsets_gauss[trial] : self.offsets_gauss[trial + 1]]
        return self.traces[name][self.offsets[trial] : self.offsets[trial + 1]]

    def path(self, trial: int) -> np.ndarray:
        """Positions (sample, 2) of one trial, cm."""
        return np.stack([self.trace("pos_x", trial), self.trace("pos_y", trial)], 1)

    @property
    def target(self) -> np.ndarray:
        """Targets (trial, 2), cm."""
        return np.stack([self.scalars["target_x"], self.scalars["target_y"]], 1)

    @property
    def end(self) -> np.ndarray:
        """Where each trial ends (trial, 2), cm."""
        last = self.offsets[1:] - 1
        return np.stack([self.traces["pos_x"][last], self.traces["pos_y"][last]], 1)

    @property
    def gain(self) -> np.ndarray:
        """Multiplier (trial,) of the joystick gain."""
        return self.scalars["gain_v"] / GAIN_1X[0]

    @property
    def peak(self) -> np.ndarray:
        """Peak velocities (trial, 2) of the perturbations, cm/s and deg/s."""
        return np.stack([self.scalars["perturb_vpeak"], self.scalars["perturb_wpeak"]], 1)


@dataclass(frozen=True)
class Subject:
    """One monkey: its name, and its recordings by condition."""

    name: str
    recordings: Mapping[Condition, Recordings]

    def __getitem__(self, condition: Condition) -> Recordings:
        return self.recordings[condition]


def _gather(
    columns: Mapping[str, np.ndarray], offsets: np.ndarray, trials: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Samples of some trials, one after the other, and where each begins."""
    parts = [slice(offsets[t], offsets[t + 1]) for t in trials]
    lengths = (offsets[1:] - offsets[:-1])[trials]
    new = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
    kept = {k: np.concatenate([v[p] for p in parts] or [v[:0]]) for k, v in columns.items()}
    return kept, new


# Reading


def not_attempted(folder: str | Path | None) -> str:
    """What a panel of the monkeys says in place of itself; empty if there is a folder."""
    if folder:
        return ""
    return (
        f"{NO_DATA}: the recordings are not ours to ship. Not attempted. "
        "Give the folder monkey_data to see this panel."
    )


def read_subjects(
    folder: str | Path,
    conditions: Sequence[Condition] = CONDITIONS,
    names: Sequence[str] | None = None,
    n_least: int = 1,
) -> list[Subject]:
    """Read and check the recordings that a figure needs.

    Parameters
    ----------
    folder : path
    conditions : sequence of str
        Which files of each subject are read.
    names : sequence of str, optional
        Subjects in order; by default all, in alphabetic order. Where two are compared, trials of the
        first (B) are chosen such that they match those of the second (S).
    n_least : int
        How many subjects the figure needs.

    Raises
    ------
    ConfigError
        The folder, a subject or a file is missing, or something in a file is wrong.
    """
    folder = Path(folder)
    check_names(conditions, CONDITIONS, "condition")
    if not folder.is_dir():
        raise ConfigError(f"monkey_data {folder} is not a folder")
    found = sorted(p.name for p in folder.iterdir() if any(p.glob("*.npz")))
    if names is not None:
        check_names(names, found, "subject")
        found = list(names)
    if len(found) < n_least:
        raise ConfigError(
            f"{folder} has recordings of {len(found)} subject(s) ({', '.join(found) or 'none'}); this "
            f"needs {n_least}: a folder each, with {', '.join(f'{c}.npz' for c in conditions)} in it"
        )
    subjects = [
        Subject(name, {c: read_recordings(folder / name / f"{c}.npz", c) for c in conditions})
        for name in found
    ]
    if len(subjects) == 2:
        _check_counts(*subjects)
    return subjects


def _check_counts(first: Subject, second: Subject) -> None:
    """Trials of the first are matched to those of the second: it must have as many."""
    for condition in first.recordings:
        n, needed = len(first[condition]), len(second[condition])
        if condition != "gain" and n < needed:
            raise ConfigError(
                f"{first.name} has {n} trials in {condition}.npz, fewer than the {needed} of "
                f"{second.name} that they are matched to: give the subjects in the other order"
            )


def read_recordings(path: str | Path, condition: Condition) -> Recordings:
    """Read and check one file.

    Raises
    ------
    ConfigError
        The file is missing or corrupt, columns are missing (all are named), lengths do not fit, or
        values are not in the units of this module.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path} is missing")
    try:
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            columns = {name: np.asarray(file[name]) for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f"{path} is not a readable npz file of plain arrays: {error}") from None
    return checked(columns, condition, str(path))


def checked(columns: Mapping[str, np.ndarray], condition: Condition, where: str) -> Recordings:
    """Recordings from the columns of a file, with what is derived; see :func:`read_recordings`."""
    needed = [*SCALARS[condition], *TRACES[condition], "offsets"]
    if condition == "perturbation":
        needed += [*PROFILES, "offsets_gauss"]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise ConfigError(f"{where} lacks the column(s) {', '.join(missing)}")
    dt = float(np.asarray(columns.get("dt", SAMPLE_TIME)))
    if not 0 < dt <= 0.1:
        raise ConfigError(f"{where}: dt is {dt:g} s, not the time between two samples")
    offsets = _checked_offsets(columns["offsets"], "offsets", where)
    n = len(offsets) - 1
    with_time = ("time",) if "time" in columns else ()
    traces = _checked_columns(columns, (*TRACES[condition], *with_time), int(offsets[-1]), where)
    profiles, offsets_gauss = {}, np.zeros(n + 1, int)
    if condition == "perturbation":
        offsets_gauss = _checked_offsets(columns["offsets_gauss"], "offsets_gauss", where)
        if len(offsets_gauss) != n + 1:
            raise ConfigError(
                f"{where}: offsets_gauss is of {len(offsets_gauss) - 1} trials, offsets of {n}"
            )
        profiles = _checked_columns(columns, PROFILES, int(offsets_gauss[-1]), where)
    given = [name for name in DERIVED if name in columns]
    scalars = _checked_columns(columns, (*SCALARS[condition], *given), n, where)
    if "rewarded" in scalars:
        if not np.isin(scalars["rewarded"], (0, 1)).all():
            raise ConfigError(f"{where}: rewarded has values other than true and false")
        scalars["rewarded"] = scalars["rewarded"].astype(bool)
    if not with_time:
        starts = np.repeat(offsets[:-1], np.diff(offsets))
        traces["time"] = (np.arange(offsets[-1]) - starts) * dt
    made = Recordings(condition, scalars, traces, offsets, profiles, offsets_gauss, dt)
    for name, values in _derived(made).items():
        given_too = name in given and name.startswith("target")
        if given_too and not np.allclose(scalars[name], values, atol=1.0):
            raise ConfigError(f"{where}: {name} does not fit target_x and target_y")
        scalars.setdefault(name, values)
    _check_values(made, where)
    return made


def _checked_offsets(values: np.ndarray, name: str, where: str) -> np.ndarray:
    values = np.asarray(values)
    whole = values.ndim == 1 and values.dtype.kind in "iuf" and np.all(values == np.floor(values))
    if not whole or len(values) < 2 or values[0] != 0 or (np.diff(values.astype(float)) <= 0).any():
        raise ConfigError(f"{where}: {name} must be whole numbers that increase from 0, one per trial")
    return values.astype(int)


def _checked_columns(
    columns: Mapping[str, np.ndarray], names: Sequence[str], n: int, where: str
) -> dict[str, np.ndarray]:
    kept = {}
    for name in names:
        values = np.asarray(columns[name])
        if values.dtype.kind not in "biuf" or values.shape != (n,):
            raise ConfigError(
                f"{where}: {name} has shape {values.shape} and type {values.dtype}; expected {n} numbers"
            )
        kept[name] = values.astype(float)
        if not np.isfinite(kept[name]).all():
            raise ConfigError(f"{where}: {name} has values that are not finite")
    return kept


def _derived(made: Recordings) -> dict[str, np.ndarray]:
    target, end = made.target, made.end
    return {
        "target_r": np.hypot(*target.T),
        "target_theta": np.degrees(np.arctan2(target[:, 1], target[:, 0])),
        "pos_r_end": np.hypot(*end.T),
        "pos_theta_end": np.degrees(np.arctan2(end[:, 1], end[:, 0])),
        "relative_radius_end": np.hypot(*(end - target).T),
    }


def _check_values(made: Recordings, where: str) -> None:
    """Raise ConfigError where values are out of range, which they are in other units."""
    columns = {**made.scalars, **made.traces}
    for name, (low, high, unit) in LIMITS.items():
        if name in columns and len(columns[name]):
            least, most = columns[name].min(), columns[name].max()
            if least < low or most > high:
                raise ConfigError(
                    f"{where}: {name} lies between {least:.4g} and {most:.4g}, expected "
                    f"{round(low)} to {round(high)} {unit}"
                )
    gains = np.stack([made.scalars["gain_v"], made.scalars["gain_w"]], 1) / GAIN_1X
    allowed = np.array(GAINS[made.condition])
    near = np.abs(gains[:, :, None] - allowed).max(1) < 0.01  # (trial, allowed)
    expected = " and ".join(f"({a * GAIN_1X[0]:g}, {a * GAIN_1X[1]:g})" for a in allowed)
    if not near.any(1).all():
        wrong = int(np.argmin(near.any(1)))
        v, w = made.scalars["gain_v"][wrong], made.scalars["gain_w"][wrong]
        raise ConfigError(
            f"{where}: gain_v, gain_w of trial {wrong} are ({v:g}, {w:g}); expected {expected} cm/s, "
            "degrees/s"
        )
    if not near.any(0).all():
        raise ConfigError(f"{where} has not all gains; expected {expected}")
    steps = np.diff(made.traces["time"])
    steps = np.delete(steps, made.offsets[1:-1] - 1)
    if len(steps) and ((steps <= 0).any() or not np.isclose(np.median(steps), made.dt, rtol=0.02)):
        raise ConfigError(
            f"{where}: time advances by {np.median(steps):.4g} s (median) from sample to sample, and "
            f"dt is {made.dt:.4g} s"
        )


def write_recordings(path: str | Path, made: Recordings) -> Path:
    """Write a file that :func:`read_recordings` reads; its folder is made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {**made.scalars, **made.traces, **made.profiles}
    columns |= {"offsets": made.offsets, "dt": made.dt}
    if made.profiles:
        columns["offsets_gauss"] = made.offsets_gauss
    np.savez_compressed(path, **columns)
    return path
