"""Many runs of one experiment: a grid of parameters, side by side on this machine's cores."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import joblib
import torch

from mempaper.experiment import Experiment


def grid(
    experiment: type[Experiment],
    mode: str,
    axes: Mapping[str, Sequence[Any]],
    **fixed: Any,
) -> list[tuple[dict[str, Any], Experiment]]:
    """Every combination of the axes' values, checked before anything runs."""
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return [(point, experiment.preset(mode, **fixed, **point)) for point in points]


def _one(run: Experiment) -> tuple[str, float, str]:
    torch.set_num_threads(1)
    try:
        provenance = run.result().provenance
    except Exception as error:  # a failed run must not lose the others
        return "failed", 0.0, f"{type(error).__name__}: {error}"
    return provenance["origin"], provenance["seconds"], ""


def run(jobs: Sequence[Experiment], workers: int) -> list[tuple[str, float, str]]:
    """Run all; what is cached is only looked up.

    Returns
    -------
    list of (origin, seconds, error)
        ``origin`` is 'trained', 'cache', 'shipped' or 'failed'.
    """
    return list(joblib.Parallel(n_jobs=workers)(joblib.delayed(_one)(job) for job in jobs))
