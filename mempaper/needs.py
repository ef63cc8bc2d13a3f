"""What each chapter trains, kept with the book in ``data/needs.yml``, so that a build can start early.

It only orders the work: a chapter trains by itself what is missing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mempaper import catalogue, measurements, timings
from mempaper.experiment import Experiment
from mempaper.parameters import Mode
from mempaper.sweep import with_needs

HEADER = """\
# The trainings that each chapter needs: of what experiment, where they differ from a mode's preset, and
# the seconds that they took on one core. Written by `mempaper build --record-times`; orders the build.
"""


@dataclass(frozen=True)
class Training:
    """A run that chapters need.

    Attributes
    ----------
    run : Experiment
    seconds : float
        It took when it was recorded.
    """

    run: Experiment
    seconds: float


def load(mode: Mode) -> dict[str, dict[str, Training]]:
    """Trainings by chapter and key; empty where nothing was recorded for a mode."""
    known = measurements.read("needs.yml").get(mode, {})
    made = {
        key: Training(
            catalogue.experiment(entry["experiment"]).preset(mode).replace(**entry["differs"]),
            entry["seconds"],
        )
        for key, entry in known.get("trainings", {}).items()
    }
    return {
        chapter: {made[key].run.key(): made[key] for key in keys}
        for chapter, keys in known.get("chapters", {}).items()
    }


def run_of(used: Mapping[str, Any]) -> Experiment:
    """The run that a chapter's record speaks of; see :class:`mempaper.records.Journal`."""
    return catalogue.experiment(used["experiment"]).checked(**used["config"])


def record(mode: Mode, seconds: Mapping[str, float], used: Mapping[str, Iterable[Mapping]]) -> None:
    """Keep what chapters needed, and their times with those of all their trainings.

    Parameters
    ----------
    mode : Mode
    seconds : mapping
        That each chapter took.
    used : mapping
        What each chapter used, from its record.
    """
    book = measurements.read("needs.yml")
    own = book.setdefault(mode, {"chapters": {}, "trainings": {}})
    cold = {}
    for chapter, took in seconds.items():
        entries = list(used[chapter])
        needed = with_needs(run_of(entry) for entry in entries)
        runs = {run.key(): run for run in needed if not run.is_shipped()}
        for key, run in runs.items():
            usual = type(run).preset(mode).config()
            own["trainings"][key] = {
                "experiment": f"{run.paper}/{run.name}",
                "differs": {k: v for k, v in run.config().items() if v != usual[k]},
                "seconds": run.result().provenance["seconds"],
            }
        own["chapters"][chapter] = list(runs)
        trained = sum(own["trainings"][key]["seconds"] for key in runs)
        cold[chapter] = took - sum(entry["seconds"] for entry in entries) + trained
    named = {key for keys in own["chapters"].values() for key in keys}
    own["trainings"] = {key: own["trainings"][key] for key in sorted(named)}
    measurements.write("needs.yml", HEADER, book)
    timings.record(mode, cold)
