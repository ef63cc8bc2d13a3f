"""Trained networks on disk: folders and names as the original has them, one network per file.

A folder ``{curriculum}_{task}_{affixes_}network_{n}`` holds ``rnn_init``, one ``rnn_N{min}_N{max}`` for
each list of memory lengths passed, and ``stats``; each is a ``.safetensors`` file with a ``.json``
beside it. What the ``.json`` says counts, not the name; where they disagree the file is refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args
from zipfile import BadZipFile

import numpy as np

from mempaper.checkpoint import CorruptFileError, load_arrays, load_sidecar, save_arrays
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024.curriculum_learning import CurriculumLearning
from mempaper.khajehabdollahi2024.model import ACTIVATIONS, LeakyRNN
from mempaper.khajehabdollahi2024.naming import (
    affixes_of,
    curriculum_name,
    file_stem,
    folder_name,
)
from mempaper.khajehabdollahi2024.network_file import (
    StoredNetwork,
    check_finite,
    check_heads,
    checked,
    head_lengths,
    read_network,
    write_network,
)
from mempaper.khajehabdollahi2024.task import TaskName
from mempaper.parameters import ConfigError, check_names

LEAKY = ("task", "affixes", "placement", "activation", "fixed_tau")  # of these networks' sidecars


def save_network(
    folder: Path, network: LeakyRNN, config: CurriculumLearning, trained: Sequence[int], epoch: int
) -> Path:
    """Write one network.

    Parameters
    ----------
    folder : Path
    network : LeakyRNN
        Its first member is written, in the layout of :meth:`LeakyRNN.to_reference`.
    config : CurriculumLearning
        How it was trained; it is kept beside the weights.
    trained : sequence of int
        Memory lengths that it passed; none for an untrained network.
    epoch : int
        Epochs of training so far.

    Returns
    -------
    Path
        The ``.safetensors`` file.
    """
    about = {
        "kind": "network",
        "task": config.task,
        "affixes": affixes_of(config),
        "placement": config.placement,
        "activation": config.activation,
        "fixed_tau": config.fixed_tau,
        "curriculum": curriculum_name(config.curriculum, config.init_heads, config.forget_heads),
        "epoch": epoch,
    }
    heads = head_lengths(config.settings().curriculum, trained, network.w_head.shape[1])
    return write_network(folder / file_stem(trained), network, config, about, heads, trained)


def load_network(path: str | Path) -> StoredNetwork[LeakyRNN]:
    """Read one network.

    Parameters
    ----------
    path : path
        A ``.safetensors`` file that :func:`save_network` wrote, or an ``.npz`` file with arrays in the
        original's layout (:meth:`LeakyRNN.from_reference`) and ``Ns``, the memory length of each
        head. Networks of ``.npz`` files are taken to be of the default placement, with trained taus.

    Raises
    ------
    FileNotFoundError
    CorruptFileError
        The file is foreign, damaged, or does not fit what is said of it; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. {_there(path.parent)}")
    if path.suffix not in (".safetensors", ".npz"):
        raise CorruptFileError(f"{path} is no network: a .safetensors or .npz file is expected")
    try:
        return _load_npz(path) if path.suffix == ".npz" else _load_own(path)
    except (ValueError, IndexError, TypeError) as error:
        raise CorruptFileError(f"{path} is no network of this kind: {error}") from error


def find_networks(path: str | Path) -> list[StoredNetwork[LeakyRNN]]:
    """Trained networks of a file, or of a folder and the folders below it, untrained ones left out.

    Raises
    ------
    FileNotFoundError
        There is none.
    CorruptFileError
        An ``.npz`` file there, or a file called ``rnn_N...``, is no network.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        only = load_network(path)
        if not only.trained:
            raise CorruptFileError(f"{path} is a network before its training; a trained one is expected")
        return [only]
    files = [*path.rglob("*.npz"), *path.rglob("rnn_N*.safetensors")]
    if not files:
        expected = "rnn_N*.safetensors or *.npz"
        raise FileNotFoundError(f"no network found: {expected} expected. {_there(path)}")
    return [load_network(file) for file in sorted(files, key=_by_number)]


def _by_number(path: Path) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (0, p) for p in re.split(r"(\d+)", str(path))]


def _load_npz(path: Path) -> StoredNetwork[LeakyRNN]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, BadZipFile, zlib.error) as error:
        raise CorruptFileError(f"{path} is not an .npz file: {error}") from error
    check_finite(arrays)
    network = LeakyRNN.from_reference(arrays)
    if "Ns" not in arrays:
        raise ValueError("it lacks Ns, the memory length of each head: whole numbers, as many as heads")
    n_values = tuple(int(n) for n in arrays["Ns"])
    check_heads(network, n_values)
    return StoredNetwork(network, n_values, n_values, {}, path)


def _load_own(path: Path) -> StoredNetwork[LeakyRNN]:
    about, arrays = read_network(path, "network", LEAKY)
    network = LeakyRNN.from_reference(
        arrays,
        placement=about["placement"],
        activation=about["activation"],
        fixed_tau=about["fixed_tau"],
    )
    if about["fixed_tau"] is not None and not np.allclose(arrays["tau"], about["fixed_tau"]):
        raise ValueError(f"expected tau {about['fixed_tau']} in all units, found {arrays['tau']}")
    return checked(network, about, path, file_stem(about["trained"]))


def _there(folder: Path) -> str:
    """What lies in a folder, or in the nearest one above it that exists."""
    missing = ""
    while not folder.is_dir():
        missing, folder = f"Nor does the folder {folder.name}. ", folder.absolute().parent
    kinds = (".safetensors", ".npz")
    names = sorted(
        f.stem if f.suffix in kinds else f.name
        for f in folder.iterdir()
        if f.is_dir() or f.suffix in kinds
    )
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"{missing}{folder} holds {shown or 'no networks'}."


def load_model(
    curriculum_type: str,
    task: TaskName,
    network_number: int,
    N_max: int,  # noqa: N803 the original's name
    N_min: int = 2,  # noqa: N803
    device: str = "cpu",
    base_path: str | Path = "./trained_models",
    mod_model: bool = False,
    n_heads: int = 1,
    n_forget: int = 1,
    continuous_model: bool = False,
    mod_afunc: str = "leakyrelu",
    affixes: Sequence[str] = (),
) -> LeakyRNN:
    """Find a trained network by what it is called in the original, and read it.

    Parameters
    ----------
    curriculum_type : str
        ``cumulative``, ``single``, ``single_nocurr``, ``sliding_{heads}_{forget}``, or ``sliding``
        with ``n_heads`` and ``n_forget``.
    task : {'parity', 'dms'}
    network_number : int
    N_max, N_min : int
        Largest and smallest N passed; for ``single`` both are the same number.
    device : str
    base_path : path
        The folder with the networks' folders.
    mod_model, continuous_model : bool
        Which kind of network; by default the leak is inside the non-linearity. Not both.
    n_heads, n_forget : int
        See ``curriculum_type``.
    mod_afunc : {'leakyrelu', 'relu', 'tanh', 'sigmoid'}
        Non-linearity of the other kinds.
    affixes : sequence of str
        Further parts of the folder's name, such as ``size_64``, ``T_2.0``, ``duplicates[7, 8, 9, 10]``.

    Returns
    -------
    LeakyRNN
        With one member; all its heads are there. :func:`load_network` says which N each is for.

    Raises
    ------
    ConfigError
        A name is unknown, or two options exclude each other.
    FileNotFoundError
        There is no such network; the message lists what there is.
    CorruptFileError
        The file is another network than its name says; both are named.
    """
    if mod_model and continuous_model:
        raise ConfigError("mod_model and continuous_model exclude each other")
    check_names([task], get_args(TaskName), "task")
    check_names([mod_afunc], ACTIVATIONS, "activation")
    if mod_afunc != "leakyrelu" and not (mod_model or continuous_model):
        raise ConfigError(f"mod_afunc is {mod_afunc!r}, which only mod and continuous networks take")
    curriculum = curriculum_name(curriculum_type, n_heads, n_forget)
    named = f"mod_{mod_afunc}"
    parts = list(affixes)
    if (mod_model or continuous_model) and named not in parts:
        parts.insert(0 if mod_model else len(parts), named)
    folder = Path(base_path) / folder_name(curriculum, task, network_number, parts)
    stored = load_network(folder / f"{file_stem((N_min, N_max))}.safetensors")
    expected = {"curriculum": curriculum, "task": task, "affixes": parts}
    found = {name: stored.about[name] for name in expected}
    if found != expected:
        units = stored.about["n_units"]
        raise CorruptFileError(
            f"{stored.source} is another network: expected {expected}, found {found} ({units} units)"
        )
    return stored.network.to(device)


def save_stats(
    folder: Path, arrays: Mapping[str, np.ndarray], config: Experiment, finished: bool
) -> None:
    """Write what a training has come to: loss and accuracy of each epoch, and what was passed when.

    Parameters
    ----------
    arrays : mapping
        ``loss`` (epoch,), ``accuracy`` (epoch, head), ``trained_n`` (epoch,), ``ends`` (stage,) and
        ``passed`` (stage,), as :meth:`Learner.result` has them.
    """
    sidecar = {"kind": "stats", "finished": finished, "version": config.version}
    save_arrays(folder / "stats.safetensors", arrays, {**sidecar, "config": config.config()})


def is_finished(folder: Path) -> bool:
    """Whether the training in a folder has come to its end."""
    stats = folder / "stats.safetensors"
    return stats.with_suffix(".json").exists() and bool(load_sidecar(stats).get("finished"))


def load_stats(folder: str | Path) -> dict[str, np.ndarray]:
    """The arrays of :func:`save_stats`, of a network's folder."""
    arrays = load_arrays(Path(folder) / "stats.safetensors")
    return {name: tensor.numpy() for name, tensor in arrays.items()}
