"""Training of one network into a folder of its own: every pass in a file, and going on after a kill."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from mempaper.checkpoint import CorruptFileError, ResumePoint, load_sidecar
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024 import gated_storage, naming, storage
from mempaper.khajehabdollahi2024.curriculum_learning import CurriculumLearning
from mempaper.khajehabdollahi2024.epochs import Learner, Schedule
from mempaper.khajehabdollahi2024.gated import GatedRNN
from mempaper.khajehabdollahi2024.gated_learning import GatedLearner
from mempaper.khajehabdollahi2024.learning import Learning
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.parameters import ConfigError

if TYPE_CHECKING:
    from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning

Tell = Callable[[str], None]
S = TypeVar("S", bound=Schedule)
N = TypeVar("N", LeakyRNN, GatedRNN)
E = TypeVar("E", bound=Experiment)


@dataclass(frozen=True)
class Place:
    """Folder of one training, and how its files begin.

    Parameters
    ----------
    folder : Path
    prefix : str
        ``rnn``, ``lstm`` or ``gru``.
    """

    folder: Path
    prefix: str

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes out of the folder."""
        lock = FileLock(self.folder / "lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(f"Another process trains in {self.folder}") from None
        except OSError as error:
            raise ConfigError(f"{self.folder} cannot be written: {error.strerror}") from None
        try:
            yield
        finally:
            lock.release()

    def first_sidecar(self) -> dict[str, Any] | None:
        """What lies beside the untrained network; None where there is no network yet."""
        first = self.folder / f"{self.prefix}_init.safetensors"
        if first.with_suffix(".json").exists():
            return load_sidecar(first)
        strangers = sorted(file.stem for file in self.folder.glob(f"{self.prefix}_N*.safetensors"))
        if strangers:
            raise CorruptFileError(
                f"{self.folder} holds {', '.join(strangers)} but no {first.stem}, "
                "which would say how they were trained. Give another base path or network number."
            )
        return None

    def begun(self, config: Experiment) -> bool:
        """Whether this training was begun here; ConfigError where another one was."""
        first = self.first_sidecar()
        if first is None:
            return False
        there = {"version": first.get("version"), **first.get("config", {})}
        here = {"version": config.version, **config.config()}
        different = [
            f"{name} is {there.get(name)!r} there, {here.get(name)!r} here"
            for name in sorted(there.keys() | here.keys())
            if there.get(name) != here.get(name)
        ]
        if different:
            raise ConfigError(
                f"{self.folder} holds another training: {'; '.join(different)}. "
                "Give another base path or network number."
            )
        return True

    def seed(self) -> int | None:
        """Seed of the training that was begun here; None where there is none."""
        first = self.first_sidecar()
        return None if first is None else int(first["config"]["seed"])


def train_timescale(
    config: CurriculumLearning,
    base_path: str | Path = "trained_models",
    network_number: int = 1,
    *,
    tell: Tell = print,
) -> Path:
    """Train one network and keep it, as it is at every pass, in a folder below ``base_path``.

    A training that was broken off goes on with its last finished epoch and comes to the same end.

    Parameters
    ----------
    config : CurriculumLearning
        With ``n_seeds`` 1. The defaults of the other fields are the paper's.
    base_path : path
    network_number : int
        Ends the folder's name; see :func:`mempaper.khajehabdollahi2024.naming.network_folder`.
    tell : callable
        Takes one line per epoch.

    Returns
    -------
    Path
        The folder: ``rnn_init``, ``rnn_N{min}_N{max}`` for each pass, ``stats``.

    Raises
    ------
    ConfigError
        The folder holds a network that was trained otherwise, or another process trains there.
    """
    folder = naming.network_folder(config, base_path, network_number)
    learner = Learning(_unkept(config.settings()), config.seed, 1, config.device)
    learner.network.clear_self_connections()
    _train(Place(folder, "rnn"), config, learner, storage.save_network, tell)
    return folder


def train_gated(
    config: GatedLearning,
    base_path: str | Path = "trained_models",
    network_number: int = 1,
    *,
    tell: Tell = print,
) -> Path:
    """As :func:`train_timescale`, for an LSTM or GRU network; files begin with ``lstm`` or ``gru``."""
    folder = gated_storage.gated_folder(config, base_path, network_number)
    learner = GatedLearner(_unkept(config.settings()), config.seed, 1, config.device)
    _train(Place(folder, config.kind), config, learner, gated_storage.save_gated, tell)
    return folder


def _unkept(settings: S) -> S:
    return dataclasses.replace(settings, kept=())  # each pass gets a file instead


def _train(
    place: Place,
    config: E,
    learner: Learner[Any, N],
    save: Callable[[Path, N, E, Sequence[int], int], Path],
    tell: Tell,
) -> None:
    if config.n_seeds != 1:
        raise ConfigError(f"n_seeds is {config.n_seeds}; a folder holds one network, so it must be 1")
    folder, resume = place.folder, ResumePoint(place.folder / "resume")
    with place.claimed():
        begun = place.begun(config)
        tell(f"{folder}, seed {config.seed}")
        if not begun:
            save(folder, learner.network, config, (), 0)
        if storage.is_finished(folder):
            resume.clear()
            tell("finished already")
            return
        state = resume.load()
        if state is not None:
            learner.restore(state)
            tell(f"going on after epoch {learner.epoch}")
        while not learner.finished:
            network, (asked,) = learner.network, learner.lists()
            passed = learner.train_epoch()
            news = _line(learner, asked)
            if passed:
                file = save(folder, network, config, asked, learner.epoch)
                news += f", passed: {file.stem}"
            storage.save_stats(folder, _stats(learner), config, learner.finished)
            tell(news)
            if not learner.finished:
                resume.save(learner.state())
        resume.clear()


def _stats(learner: Learner[Any, Any]) -> dict[str, np.ndarray]:
    logs = learner.result()
    by_member = ("loss", "accuracy", "trained_n", "passed")
    return {"ends": logs["ends"], **{name: logs[name][0] for name in by_member}}


def _line(learner: Learner[Any, Any], asked: tuple[int, ...]) -> str:
    epoch = learner.epoch - 1
    accuracy = learner.logs["accuracy"][0, epoch, : len(asked)]
    span = f"N = {asked[0]}" + (f" to {asked[-1]}" if len(asked) > 1 else "")
    last = f" (N = {asked[-1]}: {accuracy[-1]:.1%})" if len(asked) > 1 else ""
    loss = learner.logs["loss"][0, epoch]
    return f"epoch {learner.epoch}: {span}, loss {loss:.4f}, accuracy {accuracy.mean():.1%}{last}"
