"""The groups of networks that the chapters share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from mempaper.orhan2019.experiments import DelayLearning, with_iterations
from mempaper.orhan2019.task import TASKS
from mempaper.orhan2019.trained import Trained
from mempaper.parameters import Mode
from mempaper.runs import train_all
from mempaper.sweep import Group

Name = TypeVar("Name", bound=Hashable)

PAIRS = {  # tasks that are learnt first and second, by the original's names
    "har12_cd1": ("2AFC", "CD"),
    "cd1_har12": ("CD", "2AFC"),
    "har12_comp": ("2AFC", "COMP"),
    "comp_har12": ("COMP", "2AFC"),
}
TRANSFERS = tuple(PAIRS.values())
RHOS = (0.0, 1e-6, 1e-5, 1e-4, 1e-3)  # ours: no grid of the paper is known
QUICK_LAMBDAS, QUICK_SIGMAS = (0.8, 0.86, 0.92, 0.98), (0.0, 0.134, 0.268, 0.4025)
RHO_SIGMAS = (0.0, 0.3)
OWN_LAMBDA, OWN_SIGMAS = 0.98, (0.0, 0.4)  # with which the chapter on own networks begins


def on(base: DelayLearning, task: str, **changes: Any) -> DelayLearning:
    """The networks of another task or condition; all else is as in ``base``.

    By the quick recipe the number of iterations depends on the task, and so does the number of
    networks, which is what the comparisons of the chapters need: in the basic condition as many per
    value of ``sigma0`` as in ``base``, in Sine five thirds of that; after another task as many, and
    in other conditions as many in 2AFC, where the effect depends on ``sigma0``, and half as many
    elsewhere.
    """
    own: dict[str, Any] = {"task": task}
    if base.is_quick:
        own |= with_iterations(base, task)
        special = {"condition", "model", "first_task"} & set(changes)
        if special and task != "2AFC" and "first_task" not in changes:
            own["n_seeds"] = max(1, base.n_seeds // 2)
        elif task == "SINE":
            own["n_seeds"] = max(1, 5 * base.n_seeds // 3)
    return base.replace(**{**own, **changes})


def basic(base: DelayLearning) -> dict[str, DelayLearning]:
    """The seven tasks in the basic condition, by name."""
    return {task: on(base, task) for task in TASKS}


def transfers(base: DelayLearning) -> dict[tuple[str, str], DelayLearning]:
    """Networks that learnt another task before, by (first, second)."""
    return {pair: on(base, pair[1], first_task=pair[0]) for pair in TRANSFERS}


def grid(base: DelayLearning, task: str) -> DelayLearning:
    """One network for every combination of lambda0 and sigma0; by the paper's recipe its own grid."""
    if not base.is_quick:
        return on(base, task)
    return on(base, task, lambda0=QUICK_LAMBDAS, sigma0=QUICK_SIGMAS, n_seeds=1)


def decayed(base: DelayLearning, task: str) -> DelayLearning:
    """Networks for every rho, at two values of sigma0, with the largest lambda0 of ``base``.

    By the quick recipe half as many per point as in ``base`` in 2AFC, where rho matters; else one.
    """
    n = max(1, base.n_seeds // 2) if base.is_quick and task == "2AFC" else 1
    return on(base, task, rho=RHOS, sigma0=RHO_SIGMAS, lambda0=max(base.lambda0), n_seeds=n)


def trained(runs: Mapping[Name, DelayLearning]) -> dict[Name, Trained]:
    """The trained networks of several groups, by the same names; see :func:`train_all`."""
    train_all(runs.values())
    return {name: run.trained() for name, run in runs.items()}


def _group(title: str, runs: Callable[[DelayLearning], Mapping[Any, DelayLearning]]) -> Group:
    def named(base: DelayLearning, mode: Mode) -> dict[str, DelayLearning]:
        found = runs(base)
        return {" then ".join(k) if isinstance(k, tuple) else k: run for k, run in found.items()}

    return Group(title, DelayLearning, named)


def _in_condition(*tasks: str, **changes: Any) -> Callable[[DelayLearning], dict[str, DelayLearning]]:
    return lambda base: {task: on(base, task, **changes) for task in tasks}


MOVING = tuple(task for task in TASKS if task != "SINE")  # tasks that can have a moving bump
GROUPS = {
    "main": _group("the seven tasks in the basic condition", basic),
    "hebbian": _group("Hebbian short-term plasticity", _in_condition(*TASKS, model="hebbian")),
    "tethered": _group("activity that has to end", _in_condition(*TASKS, condition="tethered")),
    "dynamic": _group("a bump that moves", _in_condition(*MOVING, condition="dynamic")),
    "vardelay": _group("delays that vary", _in_condition(*MOVING, condition="vardelay")),
    "multitask": _group("one task after another", transfers),
    "grid": _group(
        "initial recurrent weights", lambda base: {t: grid(base, t) for t in ("2AFC", "DE1")}
    ),
    "decay": _group(
        "the penalty on weights", lambda base: {t: decayed(base, t) for t in ("2AFC", "DE1")}
    ),
    "own-network": _group(
        "the start of the chapter on own networks",
        lambda base: {base.task: base.replace(lambda0=OWN_LAMBDA, sigma0=OWN_SIGMAS)},
    ),
}
