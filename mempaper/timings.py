"""Measured seconds per chapter and mode, kept with the book in ``data/timings.yml``."""

from __future__ import annotations

from collections.abc import Mapping

from mempaper import measurements

HEADER = """\
# Seconds that each chapter took by itself, cold, with one torch thread on one of two cores, no GPU.
# Written by `mempaper build --record-times`; orders the build, and is what `mempaper list` shows.
"""


def load() -> dict[str, dict[str, float]]:
    """Seconds by chapter and mode; empty where nothing was measured."""
    return measurements.read("timings.yml")


def record(mode: str, seconds: Mapping[str, float]) -> None:
    """Keep new measurements of a mode."""
    known = load()
    for chapter, value in seconds.items():
        known.setdefault(chapter, {})[mode] = round(value, 1)
    measurements.write("timings.yml", HEADER, known)


def describe(seconds: float | None) -> str:
    """Such as ``12 s`` or ``4 min``; a dash where it was not measured."""
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
