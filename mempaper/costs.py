"""What a training costs, estimated from measured throughput."""

from __future__ import annotations

from functools import cache
from typing import Any

from mempaper import measurements
from mempaper.experiment import Experiment
from mempaper.parameters import MODES, Mode


@cache
def _measured() -> dict[str, Any]:
    return measurements.read("throughput.yml")


@cache
def _preset(experiment: type[Experiment], mode: Mode) -> dict[str, Any]:
    return experiment.preset(mode).config()


def nearest_mode(run: Experiment) -> Mode:
    """The mode whose preset has most parameters in common with a run's."""
    config = run.config()

    def in_common(mode: Mode) -> int:
        preset = _preset(type(run), mode)
        return sum(preset[name] == value for name, value in config.items())

    return max(MODES, key=in_common)


def hours(run: Experiment) -> float | None:
    """Hours of one core that a run takes at most, or None where nothing was measured.

    The seconds per update of one network are those measured at the sizes of the nearest mode.
    """
    seconds = _measured().get("seconds_per_update", {}).get(f"{run.paper}/{run.name}", {})
    known = seconds.get(nearest_mode(run))
    return None if known is None else run.n_networks() * run.updates_planned() * known / 3600


def basis() -> str:
    """Where the estimates come from, in words."""
    machine = _measured().get("machine")
    return f"measured on {machine}" if machine else "no throughput was measured yet"
