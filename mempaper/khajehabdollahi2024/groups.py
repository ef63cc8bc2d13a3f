"""The groups of networks that the paper trains; the chapters ask for their runs here, too.

What a group has of its own in a mode, on top of the experiment's preset, is written here alone. Values
that a chapter was given win over it: functions take them as ``**given``, with None for those that were
not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024.curriculum import HeadOrder, Kind
from mempaper.khajehabdollahi2024.curriculum_learning import (
    CURRICULA,
    FAST_DMS_EPOCHS,
    CurriculumExperiment,
    CurriculumLearning,
    main_trainings,
)
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity, Retraining
from mempaper.khajehabdollahi2024.gated import Kind as GatedKind
from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning
from mempaper.khajehabdollahi2024.model import Activation
from mempaper.khajehabdollahi2024.task import TaskName
from mempaper.parameters import Mode
from mempaper.sweep import Group

C = TypeVar("C", bound=CurriculumExperiment)
E = TypeVar("E", bound=Experiment)
Own = Mapping[Mode, Mapping[str, Any]]

FIXED_TAUS = (1.0, 2.0, 3.0)
FIXED: dict[TaskName, Own] = {
    "parity": {"fast": {"n_seeds": 4, "max_epochs": 30}},
    "dms": {"fast": {"max_epochs": FAST_DMS_EPOCHS}},
}
LENGTHS: Mapping[Mode, tuple[int, ...]] = {"smoke": (2, 3), "fast": (3, 5, 8), "full": (3, 12)}
DIRECT: Own = {"smoke": {"max_epochs": 2}, "fast": {"max_epochs": 25}, "full": {"max_epochs": 50}}
INSIDE: Own = {"fast": {"n_seeds": 4, "max_epochs": 20}}
WINDOW: Own = {  # memory lengths, and how many of them a slide exchanges
    "smoke": {"init_heads": 2, "forget_heads": 1},
    "fast": {"init_heads": 10, "forget_heads": 5, "n_seeds": 4, "max_epochs": 30},
    "full": {"init_heads": 10, "forget_heads": 5},
}
SEVERAL_STEPS: Mapping[Mode, tuple[int, ...]] = {
    "smoke": (2, 3),
    "fast": (3, 4, 5),
    "full": (7, 8, 9, 10),
}
ONE_STEP: Mapping[Mode, int] = {"smoke": 2, "fast": 4, "full": 10}
CONTINUOUS: Own = {
    "fast": {"n_seeds": 6, "max_n": 6, "updates_per_epoch": 60, "tau_factor": 5.0, "max_epochs": 30}
}
ONE_STEP_ALONE: Own = {"fast": {"max_epochs": 50}}  # which makes fewer updates per epoch


def _chosen(own: Own, mode: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a group has of its own in a mode, but the values that were given."""
    known = {name: value for name, value in given.items() if value is not None}
    return {**own.get(mode, {}), **known}


def by_curriculum(base: C) -> dict[Kind, C]:
    """With one head and with several, by kind of curriculum."""
    return {kind: base.replace(curriculum=kind) for kind in CURRICULA}


def directly(base: CurriculumLearning, mode: Mode, **given: Any) -> dict[int, CurriculumLearning]:
    """Trainings on one N from the start, by N."""
    chosen = _chosen(DIRECT, mode, given) | {"curriculum": "single_nocurr", "kept": ()}
    return {n: base.replace(**chosen | {"first_n": n, "max_n": n}) for n in LENGTHS[mode]}


def fixed_tau(
    base: CurriculumLearning, mode: Mode, **given: Any
) -> dict[tuple[TaskName, Kind, float], CurriculumLearning]:
    """Trainings with time constants that stay as they are, by task, curriculum and time constant."""
    found: dict[tuple[TaskName, Kind, float], CurriculumLearning] = {}
    for task, own in FIXED.items():
        chosen = _chosen(own, mode, given) | {"task": task, "kept": ()}
        for kind in CURRICULA:
            for tau in FIXED_TAUS:
                found[task, kind, tau] = base.replace(**chosen, curriculum=kind, fixed_tau=tau)
    return found


def sliding(base: CurriculumLearning, mode: Mode, **given: Any) -> dict[HeadOrder, CurriculumLearning]:
    """Trainings on a window of memory lengths, until the second one is passed, by order of heads."""
    chosen = _chosen(WINDOW, mode, given)
    first, moved = chosen["init_heads"], chosen["forget_heads"]
    last = max(first, moved) + 1 + moved
    window = base.replace(**chosen | {"curriculum": "sliding", "max_n": last, "kept": ()})
    return {order: window.replace(head_order=order) for order in get_args(HeadOrder)}


def inside(
    base: C,
    mode: Mode,
    activations: Sequence[Activation] = get_args(Activation),
    **given: Any,
) -> dict[tuple[Activation, Kind], C]:
    """Networks with the non-linearity inside the leak, by non-linearity and curriculum."""
    shorter = base.replace(**_chosen(INSIDE, mode, given), placement="mod")
    return {
        (name, kind): shorter.replace(activation=name, curriculum=kind)
        for name in activations
        for kind in CURRICULA
    }


def continuous(
    base: CurriculumLearning,
    mode: Mode,
    several_steps: Sequence[int] | None = None,
    one_step: int | None = None,
    **given: Any,
) -> dict[str, CurriculumLearning]:
    """Trainings in continuous time, with k steps per bit: several k together, and one k alone."""
    several = SEVERAL_STEPS[mode] if several_steps is None else tuple(several_steps)
    one = ONE_STEP[mode] if one_step is None else one_step
    chosen = _chosen(CONTINUOUS, mode, given) | {"placement": "continuous", "kept": None}
    together = base.replace(**chosen, duplicates=several)
    alone = together.replace(**_chosen(ONE_STEP_ALONE, mode, given), duplicates=(one,))
    return {
        "several k, several heads": together,
        "several k, one head": together.replace(curriculum="single"),
        "one k, several heads": alone,
    }


def gated(base: GatedLearning) -> dict[tuple[GatedKind, Kind], GatedLearning]:
    """Trainings of LSTM and GRU networks, by kind of unit and curriculum."""
    return {
        (kind, curriculum): base.replace(kind=kind, curriculum=curriculum)
        for kind in get_args(GatedKind)
        for curriculum in CURRICULA
    }


def _group(
    title: str,
    experiment: type[E],
    runs: Callable[[E, Mode], Mapping[Any, Experiment]],
    label: str = "{}, {}",
) -> Group:
    def named(base: E, mode: Mode) -> dict[str, Experiment]:
        found = runs(base, mode)
        return {label.format(*(k if isinstance(k, tuple) else (k,))): run for k, run in found.items()}

    return Group(title, experiment, named)


GROUPS = {
    "main": _group("both tasks with one head and with several", CurriculumLearning, main_trainings),
    "no-curriculum": _group("one N from the start", CurriculumLearning, directly, "N = {}"),
    "fixed-tau": _group(
        "time constants that are not trained", CurriculumLearning, fixed_tau, "{}, {}, tau {:g}"
    ),
    "sliding": _group("a window of memory lengths", CurriculumLearning, sliding, "heads by {}"),
    "inside": _group("non-linearities inside the leak", CurriculumLearning, inside),
    "continuous": _group(
        "networks in continuous time, by steps per bit, k", CurriculumLearning, continuous, "{}"
    ),
    "lstm-and-gru": _group("LSTM and GRU networks", GatedLearning, lambda base, mode: gated(base)),
    "network-activity": _group(
        "activity of trained networks",
        NetworkActivity,
        lambda base, mode: by_curriculum(base),
        "{}",
    ),
    "activity-inside": _group(
        "activity of networks with the non-linearity inside the leak",
        NetworkActivity,
        lambda base, mode: inside(base, mode, ("leakyrelu",)),
    ),
    "longer-memories": _group(
        "further training on larger N", Retraining, lambda base, mode: by_curriculum(base), "{}"
    ),
}
