"""The groups of networks that the chapters train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mempaper.experiment import Experiment
from mempaper.ritter2018 import recurring
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.sweep import Group

RULES: dict[str, dict[str, Any]] = {  # how the memory is read
    "l1": {"kernel": "l1"},
    "cosine": {"kernel": "cosine"},
    "l2": {"kernel": "l2"},
    "softmax, τ = .25": {"recall": "softmax", "tau": 0.25},
    "softmax, τ = 1": {"recall": "softmax", "tau": 1.0},
    "inverse, 5 nearest": {"recall": "inverse", "n_neighbours": 5},
    "inverse, all": {"recall": "inverse"},
    "no memory": {"retrieval": False},
}
VARIANTS = ("gate", "nogate", "input", "none")  # how recall enters


def _group(title: str, experiment: type[Experiment], changes: Mapping[str, Mapping[str, Any]]) -> Group:
    return Group(
        title, experiment, lambda base, mode: {n: base.replace(**own) for n, own in changes.items()}
    )


GROUPS = {
    "main": _group(
        "the contextual choice task, with memory and without",
        ContextualChoiceTraining,
        {"memory": {}, "no memory": {"retrieval": False}},
    ),
    "kernels": _group("ways to read the memory", ContextualChoiceTraining, RULES),
    "barcode-bandit": _group(
        "bandits with recurring contexts, by the way recall enters",
        recurring.BarcodeBandit,
        {**{v: {"variant": v} for v in VARIANTS}, "nearest entry": {"miss": "nearest"}},
    ),
    "noisy-contexts": _group(
        "bandits with contexts that are seen badly",
        recurring.NoisyContexts,
        {
            "a quarter flipped": {"p_flip": 0.25},
            "a tenth flipped": {"p_flip": 0.1},
            "average of entries": {"p_flip": 0.25, "recall": "softmax"},
            "no memory": {"p_flip": 0.25, "variant": "none"},
        },
    ),
    "water-maze": _group(
        "a hidden goal, with memory and without",
        recurring.WaterMaze,
        {"memory": {}, "no memory": {"variant": "none"}},
    ),
    "two-step": _group(
        "the two-step task with cues, with memory and without",
        recurring.TwoStep,
        {"memory": {}, "no memory": {"variant": "none"}},
    ),
}
