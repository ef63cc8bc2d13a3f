"""The groups of networks that the paper trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from mempaper.experiment import Experiment, Mode
from mempaper.khajehabdollahi2024.curriculum_learning import (
    CURRICULA,
    CurriculumLearning,
    main_trainings,
)
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity, Retraining
from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning
from mempaper.khajehabdollahi2024.model import Activation
from mempaper.sweep import Group

FIXED_TAUS = (1.0, 2.0, 3.0)
DIRECT = {"smoke": (2, 3), "fast": (3, 5, 8), "full": (3, 12)}  # N without a curriculum
STEPS = {"smoke": (2, 3), "fast": (3, 4, 5), "full": (7, 8, 9, 10)}  # per bit, of continuous networks


def _group(title: str, runs: Callable[[Any, Mode], dict[str, Experiment]], kind: Any) -> Group:
    return Group(title, lambda mode: runs(kind.preset(mode), mode))


def _main(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    return {f"{task}, {kind}": run for (task, kind), run in main_trainings(base, mode).items()}


def _directly(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    own = {"curriculum": "single_nocurr", "kept": ()}
    return {f"N = {n}": base.replace(**own, first_n=n, max_n=n) for n in DIRECT[mode]}


def _fixed(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    return {
        f"{task}, {kind}, tau {tau:g}": base.replace(task=task, curriculum=kind, fixed_tau=tau, kept=())
        for task in ("parity", "dms")
        for kind in CURRICULA
        for tau in FIXED_TAUS
    }


def _sliding(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    first, moved = (2, 1) if mode == "smoke" else (10, 5)
    window = base.replace(
        curriculum="sliding",
        init_heads=first,
        forget_heads=moved,
        max_n=first + 1 + moved,
        kept=(),
    )
    return {f"heads by {order}": window.replace(head_order=order) for order in ("position", "n")}


def _inside(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    return {
        f"{name}, {kind}": base.replace(placement="mod", activation=name, curriculum=kind)
        for name in get_args(Activation)
        for kind in CURRICULA
    }


def _continuous(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    several = base.replace(placement="continuous", kept=None, duplicates=STEPS[mode])
    return {
        "several steps, several heads": several,
        "several steps, one head": several.replace(curriculum="single"),
        "one number of steps": several.replace(duplicates=STEPS[mode][-1:]),
    }


def _by_curriculum(base: CurriculumLearning, mode: Mode) -> dict[str, Experiment]:
    return {kind: base.replace(curriculum=kind) for kind in CURRICULA}


def _gated(base: GatedLearning, mode: Mode) -> dict[str, Experiment]:
    return {
        f"{kind}, {curriculum}": base.replace(kind=kind, curriculum=curriculum)
        for kind in ("lstm", "gru")
        for curriculum in ("single", "cumulative")
    }


GROUPS = {
    "main": _group("both tasks with one head and with several", _main, CurriculumLearning),
    "no-curriculum": _group("one N from the start", _directly, CurriculumLearning),
    "fixed-tau": _group("time constants that are not trained", _fixed, CurriculumLearning),
    "sliding": _group("a window of memory lengths", _sliding, CurriculumLearning),
    "inside": _group("non-linearities inside the leak", _inside, CurriculumLearning),
    "continuous": _group("networks in continuous time", _continuous, CurriculumLearning),
    "lstm-and-gru": _group("LSTM and GRU networks", _gated, GatedLearning),
    "network-activity": _group("activity of trained networks", _by_curriculum, NetworkActivity),
    "longer-memories": _group("further training on larger N", _by_curriculum, Retraining),
}
