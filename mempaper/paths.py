"""Where things lie: the repository, the data shipped with the package, and the cached runs."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
IN_CHECKOUT = (ROOT / "pyproject.toml").exists()
NO_CHAPTERS = "The chapters lie in the book's repository: clone it and run this there"


def data_folder() -> Path:
    """The folder ``data/`` of the checkout, or its copy inside an installed package."""
    return ROOT / "data" if IN_CHECKOUT else PACKAGE / "_data"


def runs_folder() -> Path:
    """Where results are cached: ``MEMPAPER_RUNS``, else ``runs/`` of the checkout, else of here."""
    override = os.environ.get("MEMPAPER_RUNS")
    if override:
        return Path(override).expanduser().resolve()
    return (ROOT if IN_CHECKOUT else Path.cwd()) / "runs"
