"""One trained network in one file, and what lies beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from mempaper import provenance
from mempaper.checkpoint import load_arrays, load_sidecar, save_arrays
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.gated import GatedRNN
from mempaper.khajehabdollahi2024.model import LeakyRNN

NAMED = re.compile(r"[a-z]+_(init|N\d+_N\d+)")
EVERY = ("curriculum", "Ns", "trained", "n_units", "seed", "config")  # what a sidecar must say
N = TypeVar("N", LeakyRNN, GatedRNN)


@dataclass(frozen=True)
class StoredNetwork(Generic[N]):
    """One network from a file.

    Attributes
    ----------
    network : LeakyRNN or GatedRNN
        With one member.
    n_values : tuple of int
        Memory length that each head answers for.
    trained : tuple of int
        Those of them that were in training when the file was written; none in ``rnn_init``.
    about : mapping
        What lies beside the weights: task, curriculum, placement, seed, the whole configuration and
        more; empty for arrays of the original.
    source : Path
    """

    network: N
    n_values: tuple[int, ...]
    trained: tuple[int, ...]
    about: Mapping[str, Any]
    source: Path

    @property
    def name(self) -> str:
        """Folder and stem of the file."""
        return f"{self.source.absolute().parent.name}/{self.source.stem}"

    @property
    def span(self) -> str:
        """What it was trained on, such as ``N = 2 to 7``."""
        return _numbers(self.trained) if self.trained else "nothing"

    def head_of(self, n: int) -> int:
        """Index of the head that answers for ``n``; ValueError where there is none."""
        if n not in self.n_values:
            heads = len(self.n_values)
            there = f"{heads} head{'s' * (heads > 1)}, for {_numbers(self.n_values)}"
            raise ValueError(f"{self.source} has no head for N = {n}; it has {there}")
        return self.n_values.index(n)


def _numbers(values: Sequence[int]) -> str:
    low, high = values[0], values[-1]
    if len(values) > 2 and list(values) == list(range(low, high + 1)):
        return f"N = {low} to {high}"
    return f"N = {', '.join(map(str, values))}"


def write_network(
    stem: Path,
    network: LeakyRNN | GatedRNN,
    config: Experiment,
    about: Mapping[str, Any],
    n_values: Sequence[int],
    trained: Sequence[int],
) -> Path:
    """Write one network of either kind, with what is to be said about it; returns the file."""
    file = stem.with_suffix(".safetensors")
    sidecar = {
        **about,
        "Ns": list(n_values),
        "trained": list(trained),
        "n_units": network.n_units,
        "seed": config.seed,
        "version": config.version,
        "config": config.config(),
        **provenance.here(),
    }
    save_arrays(file, network.to_reference(), sidecar)
    return file


def head_lengths(curriculum: Curriculum, trained: Sequence[int], n_heads: int) -> list[int]:
    """Memory length of each head: of its own, or that of its place in the list in training."""
    if trained and curriculum.kind != "cumulative" and curriculum.head_order == "position":
        return list(trained)
    first = curriculum.start[0]
    return list(range(first, first + n_heads))


def read_network(
    path: Path, kind: str, also: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is said about a network, and its arrays; ValueError where that is not enough."""
    about = load_sidecar(path)
    if about.get("kind") != kind:
        raise ValueError(f"expected kind {kind!r} in {path.stem}.json, found {about.get('kind')!r}")
    lacking = [name for name in (*EVERY, *also) if name not in about]
    if lacking:
        raise ValueError(f"{path.stem}.json lacks {', '.join(lacking)}")
    arrays = {name: tensor.numpy() for name, tensor in load_arrays(path, about["sha256"]).items()}
    check_finite(arrays)
    return about, arrays


def checked(network: N, about: Mapping[str, Any], path: Path, stem: str) -> StoredNetwork[N]:
    """A network whose size, heads and file name are what is said about it; else ValueError.

    Parameters
    ----------
    stem : str
        What the file must be called where it has a name of this kind.
    """
    if network.n_units != about["n_units"]:
        raise ValueError(f"expected {about['n_units']} units, found {network.n_units}")
    n_values, trained = tuple(about["Ns"]), tuple(about["trained"])
    check_heads(network, n_values)
    if NAMED.fullmatch(path.stem) and path.stem != stem:
        raise ValueError(f"by its name {path.stem} is expected, found {stem}")
    return StoredNetwork(network, n_values, trained, about, path)


def check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError where a number is missing or infinite."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite")


def check_heads(network: LeakyRNN | GatedRNN, n_values: Sequence[int]) -> None:
    """Raise ValueError unless there is one memory length for each head."""
    n_heads = network.w_head.shape[1]
    if len(n_values) != n_heads:
        raise ValueError(f"expected {len(n_values)} heads, for {list(n_values)}, found {n_heads}")
