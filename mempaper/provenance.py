"""Where a number comes from: commit, versions, machine."""

from __future__ import annotations

import functools
import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import mempaper
from mempaper.paths import IN_CHECKOUT, ROOT


@functools.cache
def commit() -> str:
    """Commit of the checkout, with ``+`` where files differ from it, or that pip installed; else ''."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    if not IN_CHECKOUT:
        told = metadata.distribution("mempaper").read_text("direct_url.json") or "{}"  # PEP 610
        return json.loads(told).get("vcs_info", {}).get("commit_id", "")[:7]
    if not (ROOT / ".git").exists():
        return ""
    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except FileNotFoundError:  # no git on this machine
        return ""


def here() -> dict[str, Any]:
    """Commit, versions and time, as a result's sidecar keeps them."""
    versions = {name: metadata.version(name) for name in ("torch", "numpy")}
    return {
        "commit": commit(),
        "versions": {
            "mempaper": mempaper.__version__,
            "python": platform.python_version(),
            **versions,
        },
        "date": datetime.now(UTC).date().isoformat(),
    }
