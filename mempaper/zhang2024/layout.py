"""The original's folders, one per seed: what lies where, and how a training is read from there.

``<root>/<architecture>/gain/seed<k>`` holds one training: ``<stamp>_arg.json`` with its configuration,
``<stamp>-<episode>[_pre].safetensors`` with the weights, ``<stamp>.csv`` with the validations of its
second phase and ``<stamp>-result.safetensors`` with everything else. Trainings in other noises lie in
``<root>/<architecture>/gain_control/<process>_<observation>/seed<k>``, evaluations of all checkpoints
in ``<root>/training_curve_temp``; see :mod:`.table_files`. Folders are written and taken into the store
of runs by :mod:`.transfer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mempaper.checkpoint import CorruptFileError, load_arrays, load_sidecar
from mempaper.experiment import Result
from mempaper.parameters import ConfigError, check_names
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.groups import DEFAULT_NOISE
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.rollout import Agent
from mempaper.zhang2024.table_files import (
    Row,
    pair_name,
    read_json,
    read_rows,
    task_of,
)

Run = QuickAgent | ReferenceAgent
RUNS: dict[str, type[QuickAgent] | type[ReferenceAgent]] = {
    f"{kind.paper}/{kind.name}": kind for kind in (QuickAgent, ReferenceAgent)
}
STAMPED = re.compile(r"(\d{8}-\d{6})(?:_arg\.\w+|\.csv|-.+\.safetensors|-.+\.json)")
CHECKPOINT = re.compile(r"(?:\d{8}-\d{6}-)?(\d+)(_pre)?\.safetensors")
OWN = ("format", "sha256", "kind", "experiment", "version", "config", "origin", "key")  # of a sidecar
Key = tuple[int, bool]  # episode of a checkpoint, and whether it is of the first phase


def noise_of(run: Run) -> tuple[float, float]:
    """Process and observation noise of a training."""
    return run.process_noise, run.observation_noise


def seed_folder(root: Path | str, run: Run) -> Path:
    """Folder of a training's (first) seed; the noises are part of it for every agent (pitfall P9)."""
    return folder_of(root, run.architecture, noise_of(run), run.seed)


def folder_of(root: Path | str, architecture: str, noise: tuple[float, float], seed: int) -> Path:
    """Folder of a seed by what is known of its training."""
    folder = Path(root) / architecture / task_of(noise)
    if noise != DEFAULT_NOISE:
        folder /= pair_name(noise)
    return folder / f"seed{seed}"


def arguments(run: Run) -> dict[str, Any]:
    """What ``<stamp>_arg.json`` holds."""
    return {
        "experiment": f"{run.paper}/{run.name}",
        "version": run.version,
        "config": run.config(),
    }


def settings_of(run: Run, stamp: str, n_trials: int, process_noise: float) -> dict[str, Any]:
    """What lies beside a table: which training was evaluated, and how."""
    return {
        "stamp": stamp,
        "config": run.config(),
        "n_trials": n_trials,
        "process_noise": process_noise,
        "observation_noise": run.observation_noise,
    }


def checkpoint_files(folder: Path) -> dict[Key, Path]:
    """Checkpoints in a folder, in order: first those of the first phase."""
    found = {}
    for path in folder.glob("*.safetensors"):
        match = CHECKPOINT.fullmatch(path.name)
        if match:
            found[int(match[1]), match[2] is not None] = path
    return dict(sorted(found.items(), key=lambda item: (not item[0][1], item[0][0])))


def stamps_in(folder: Path) -> dict[str, list[str]]:
    """Names of the files in a folder by the stamp of their run."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*")):
        match = STAMPED.fullmatch(path.name)
        if match:
            found.setdefault(match[1], []).append(path.name)
    return found


@dataclass(frozen=True)
class Seed:
    """A training in the original's folder.

    Attributes
    ----------
    folder : Path
    stamp : str
    version : str
        Of the experiment that made it.
    run : QuickAgent or ReferenceAgent
        Its configuration, of one seed.
    checkpoints : mapping
        Files by (episode, whether it is of the first phase).
    """

    folder: Path
    stamp: str
    version: str
    run: Run
    checkpoints: Mapping[Key, Path]

    @property
    def name(self) -> str:
        """How messages name it."""
        noise = noise_of(self.run)
        pair = "" if noise == DEFAULT_NOISE else f", noises {pair_name(noise)}"
        return f"{self.run.architecture}{pair}, seed {self.run.seed}"

    @property
    def episodes(self) -> tuple[int, ...]:
        """Checkpoints that are evaluated: those after the first phase."""
        return tuple(episode for episode, first_phase in self.checkpoints if not first_phase)

    @property
    def root(self) -> Path | None:
        """Folder of all agents; None where this one does not lie as the layout says."""
        folder = self.folder.resolve()
        wanted = seed_folder("", self.run).parts
        return Path(*folder.parts[: -len(wanted)]) if folder.parts[-len(wanted) :] == wanted else None

    @property
    def validations(self) -> list[Row]:
        """Rows of ``<stamp>.csv``; none where there is no such file."""
        path = self.folder / f"{self.stamp}.csv"
        return read_rows(path) if path.exists() else []

    def agent(self, episode: int, *, first_phase: bool = False) -> Agent:
        """The agent as it was at a checkpoint.

        Raises
        ------
        ConfigError
            There is no such checkpoint, or its weights are not of the named architecture.
        CorruptFileError
            The file was changed, or is of another run.
        """
        path = self.checkpoints.get((episode, first_phase))
        if path is None:
            what = "of the first phase " * first_phase
            there = [str(e) for e, first in self.checkpoints if first == first_phase]
            raise ConfigError(
                f"{self.folder} has no checkpoint {what}at {episode}; there are "
                f"{', '.join(there) or 'none'}"
            )
        agent = self.run.new_agent()
        try:
            agent.take({name: tensor.numpy() for name, tensor in load_arrays(path).items()})
        except ValueError as error:
            raise ConfigError(f"{path} does not fit {self.run.architecture}: {error}") from None
        if load_sidecar(path).get("config") != self.run.config():
            raise CorruptFileError(f"{path} is a checkpoint of another run. Remove it.")
        return agent.eval()

    def result(self) -> Result:
        """Everything that the training gave, and how it was made.

        Raises
        ------
        CorruptFileError
            It is missing, was changed, or is of another run.
        """
        path = self.folder / f"{self.stamp}-result.safetensors"
        sidecar = load_sidecar(path)
        arrays = {name: tensor.numpy() for name, tensor in load_arrays(path).items()}
        found = {name: sidecar.get(name) for name in ("experiment", "version", "config")}
        if found != {**arguments(self.run), "version": self.version}:
            raise CorruptFileError(f"{path} is the result of another run. Remove it.")
        return Result(arrays, {k: v for k, v in sidecar.items() if k not in OWN})


def read_seed(folder: Path | str, device: str = "cpu") -> Seed:
    """Read and check the folder of one training.

    Raises
    ------
    ConfigError
        There is no run, or more than one (they are named), or its configuration is impossible.
    CorruptFileError
        The configuration is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder")
    stamps, tables = stamps_in(folder), sorted(path.name for path in folder.glob("*.csv"))
    if len(stamps) > 1 or len(tables) > 1:
        names = tables if len(stamps) < 2 else [group[0] for group in stamps.values()]
        raise ConfigError(f"{folder} holds more than one run ({', '.join(names)}): keep one of them")
    arguments_file = next(folder.glob("*_arg.json"), None)
    if not stamps or arguments_file is None:
        theirs = " The original's pickles are not opened." * any(folder.glob("*_arg.pkl"))
        raise ConfigError(
            f"{folder} holds no run: <stamp>_arg.json is missing, which `mempaper zhang2024 export` "
            f"writes.{theirs}"
        )
    content = read_json(arguments_file, "experiment", "version", "config")
    check_names([content["experiment"]], RUNS, f"experiment in {arguments_file},")
    try:
        run = RUNS[content["experiment"]].checked(**{**content["config"], "device": device})
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{arguments_file}: {error}") from None
    if run.n_seeds != 1:
        raise ConfigError(f"{arguments_file} is of {run.n_seeds} seeds; a folder is for one")
    (stamp,) = stamps
    return Seed(folder, stamp, content["version"], run, checkpoint_files(folder))


def find_seeds(folder: Path | str) -> list[Path]:
    """Folders of trainings at or below a folder, in alphabetic order."""
    return sorted({path.parent for path in Path(folder).rglob("*_arg.json")})
