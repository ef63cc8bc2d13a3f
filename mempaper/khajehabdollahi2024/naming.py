"""Names of folders and files of trained networks, as the original has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mempaper.khajehabdollahi2024.curriculum import KINDS
from mempaper.khajehabdollahi2024.curriculum_learning import CurriculumLearning
from mempaper.parameters import ConfigError, check_names

PAPER_SIZE = 500  # units of networks whose folder does not name their size
SLIDING = re.compile(r"sliding_(\d+)_(\d+)")


def curriculum_name(kind: str, n_heads: int = 1, n_forget: int = 1) -> str:
    """Name of a curriculum in folders, such as ``cumulative`` or ``sliding_10_5``.

    Parameters
    ----------
    kind : str
        A curriculum, or already a full name with both numbers.
    n_heads, n_forget : int
        Of the sliding curriculum: how many N at once, and how many a pass exchanges.
    """
    full = SLIDING.fullmatch(kind)
    if full:
        found = (int(full[1]), int(full[2]))
        if (n_heads, n_forget) not in ((1, 1), found):
            raise ConfigError(f"{kind} does not fit n_heads={n_heads}, n_forget={n_forget}")
        return kind
    check_names([kind], KINDS, "curriculum")
    return f"sliding_{max(n_heads, n_forget)}_{n_forget}" if kind == "sliding" else kind


def affixes_of(config: CurriculumLearning) -> list[str]:
    """What a folder's name says of placement, activation, size, time constants and repetitions."""
    parts = []
    if config.placement == "continuous":
        parts.append(f"duplicates{list(config.duplicates)}")
        if config.initial_tau is not None:
            parts.append(f"tau{float(config.initial_tau)}")
    if config.placement != "default":
        parts.append(f"mod_{config.activation}")
    elif config.n_units != PAPER_SIZE:
        parts.append(f"size_{config.n_units}")
    if config.fixed_tau is not None:
        parts.append(f"T_{float(config.fixed_tau)}")
    return parts


def folder_name(curriculum: str, task: str, network_number: int, parts: Sequence[str]) -> str:
    """``{curriculum}_{task}_{affixes_}network_{n}``."""
    return "_".join([curriculum, task, *parts, "network", str(network_number)])


def network_folder(config: CurriculumLearning, base_path: str | Path, network_number: int) -> Path:
    """Folder of one network that is trained with this configuration."""
    name = curriculum_name(config.curriculum, config.init_heads, config.forget_heads)
    return Path(base_path) / folder_name(name, config.task, network_number, affixes_of(config))


def file_stem(trained: Sequence[int]) -> str:
    """Name of a network's file, without its suffix: ``rnn_init`` or ``rnn_N{min}_N{max}``."""
    return f"rnn_N{trained[0]}_N{trained[-1]}" if trained else "rnn_init"
