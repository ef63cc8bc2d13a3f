"""What was measured and is kept with the book: YAML files in ``data/``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mempaper.checkpoint import write_atomically
from mempaper.paths import data_folder


def read(name: str) -> dict[str, Any]:
    """Content of a file such as ``timings.yml``; empty where nothing was measured."""
    path = data_folder() / name
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def write(name: str, header: str, content: Mapping[str, Any]) -> Path:
    """Replace a file; ``header`` is its first lines, a comment."""
    path = data_folder() / name
    text = header + yaml.safe_dump(dict(content), allow_unicode=True, width=100)
    write_atomically(path, text.encode())
    return path
