"""Trained LSTM and GRU networks on disk, in folders ``{kind}_{curriculum}_network_{n}``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mempaper.checkpoint import CorruptFileError
from mempaper.khajehabdollahi2024.gated import KINDS, GatedRNN
from mempaper.khajehabdollahi2024.network_file import (
    StoredNetwork,
    checked,
    head_lengths,
    read_network,
    write_network,
)

if TYPE_CHECKING:
    from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning


def gated_folder(config: GatedLearning, base_path: str | Path, network_number: int) -> Path:
    """Folder of one network that is trained with this configuration."""
    return Path(base_path) / f"{config.kind}_{config.curriculum}_network_{network_number}"


def gated_stem(kind: str, trained: Sequence[int]) -> str:
    """``lstm_init`` or ``lstm_N2_N{max}``; in the original the first number is always 2."""
    return f"{kind}_N2_N{trained[-1]}" if trained else f"{kind}_init"


def save_gated(
    folder: Path, network: GatedRNN, config: GatedLearning, trained: Sequence[int], epoch: int
) -> Path:
    """Write one network; see :func:`mempaper.khajehabdollahi2024.storage.save_network`.

    The arrays have the layout of :meth:`GatedRNN.to_reference`.
    """
    about = {
        "kind": "gated network",
        "cell": config.kind,
        "task": "parity",
        "curriculum": config.curriculum,
        "epoch": epoch,
    }
    heads = head_lengths(config.settings().curriculum, trained, network.w_head.shape[1])
    return write_network(
        folder / gated_stem(config.kind, trained), network, config, about, heads, trained
    )


def load_gated(path: str | Path) -> StoredNetwork[GatedRNN]:
    """Read a network that :func:`save_gated` wrote.

    Raises
    ------
    FileNotFoundError
    CorruptFileError
        The file is foreign, damaged, or does not fit what is said of it; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        about, arrays = read_network(path, "gated network", ["cell"])
        if about["cell"] not in KINDS:
            raise ValueError(f"cell is {about['cell']!r}; it must be one of {', '.join(KINDS)}")
        network = GatedRNN.from_reference(about["cell"], arrays)
        return checked(network, about, path, gated_stem(about["cell"], about["trained"]))
    except (ValueError, IndexError, TypeError) as error:
        raise CorruptFileError(f"{path} is no network of this kind: {error}") from error
