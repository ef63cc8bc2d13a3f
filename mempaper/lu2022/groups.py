"""The groups of networks that the paper trains, by the names of the original launchers."""

from __future__ import annotations

from typing import Any

from mempaper.lu2022.experiments import RecallLearning
from mempaper.parameters import Mode, check_names
from mempaper.sweep import Group

CERTAIN = (0.55, 0.95)  # strengths of which the chapters always show networks
SCHEMA_STRENGTHS = (0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)

CHANGES: dict[str, dict[str, Any]] = {
    "vary-test-penalty": {},  # the main simulation; tests decide everything else
    "vary-train-penalty-0": {"penalty": 0, "penalty_random": False},
    "vary-train-penalty-4": {"penalty": 4, "penalty_random": False},
    "vary-test-penalty-postgate": {"gating": "post"},
    "vary-test-penalty-postgate-midway": {"gating": "post", "segment": 8},
    "similarity-low": {"similarity_max": 0.4},
    "similarity-high": {"similarity_min": 0.35},
    "familiarity": {"familiarity": 1},
    "vary-test-penalty-fixobs": {"permute_observations": False},
    "no-reinforcement": {"reinforcement": False},
}
for _strength in SCHEMA_STRENGTHS[1:]:
    CHANGES[f"vary-schema-level-{_strength:g}"] = {"schema_strength": _strength}
    for _penalty in (0, 2, 4):
        CHANGES[f"vary-schema-level-postgate-{_strength:g}-penalty-{_penalty}"] = {
            "schema_strength": _strength,
            "gating": "post",
            "penalty": _penalty,
            "penalty_random": False,
        }


def variant(base: RecallLearning, **changes: Any) -> RecallLearning:
    """A training that differs from ``base``, with three networks for its four, an even number.

    An even number has as many networks with schematic points at even as at odd steps.
    """
    fewer = max(1, 3 * base.n_seeds // 8) * 2
    return base.replace(**changes, n_seeds=min(fewer, base.n_seeds))


def fixed_penalty(base: RecallLearning, penalty: float) -> RecallLearning:
    """A training at one penalty alone; made by :func:`variant`."""
    return variant(base, penalty=penalty, penalty_random=False)


def group(base: RecallLearning, name: str) -> RecallLearning:
    """A group's training; everything that its name does not say is as in ``base``.

    Groups other than the main one are made by :func:`variant`.

    Raises
    ------
    ConfigError
        Unknown name, with the nearest one.
    """
    check_names([name], CHANGES, "group")
    return variant(base, **CHANGES[name]) if CHANGES[name] else base


def schema_groups(base: RecallLearning, mode: Mode, all_levels: bool) -> dict[float, RecallLearning]:
    """Trainings by schema strength, from none (the main group) up.

    Parameters
    ----------
    base : RecallLearning
    mode : Mode
        In smoke mode only the strongest schema besides none.
    all_levels : bool
        Also those levels whose networks do not come with the book.
    """
    levels = {}
    for strength in SCHEMA_STRENGTHS[1:]:
        run = group(base, f"vary-schema-level-{strength:g}")
        certain = strength == SCHEMA_STRENGTHS[-1] or (strength in CERTAIN and mode != "smoke")
        if certain or all_levels or run.is_shipped():
            levels[strength] = run
    return {SCHEMA_STRENGTHS[0]: base, **levels}


def _group(title: str, *names: str) -> Group:
    return Group(title, RecallLearning, lambda base, mode: {name: group(base, name) for name in names})


def _fixed_penalties(base: RecallLearning, mode: Mode) -> dict[str, RecallLearning]:
    return {f"penalty {p}": fixed_penalty(base, p) for p in (0, 1, 2, 3, 4)}


def _levels(prefix: str) -> list[str]:
    return [name for name in CHANGES if name.startswith(prefix)]


GROUPS = {
    "main": _group("the main simulation, penalties that change in every trial", "vary-test-penalty"),
    "vary-test-penalty": _group("the same as main, by its original name", "vary-test-penalty"),
    "vary-train-penalty": Group("one penalty in all of the training", RecallLearning, _fixed_penalties),
    "postgate": _group(
        "a gate behind the memory",
        "vary-test-penalty-postgate",
        "vary-test-penalty-postgate-midway",
    ),
    "similarity-low": _group("events that are little alike", "similarity-low"),
    "similarity-high": _group("events that are much alike", "similarity-high"),
    "familiarity": _group("an input that tells whether the event was seen", "familiarity"),
    "fixed-order": _group("features in one order", "vary-test-penalty-fixobs"),
    "no-reinforcement": _group("prediction in place of rewards", "no-reinforcement"),
    "vary-schema-level": _group("schemata of all strengths", *_levels("vary-schema-level-0")),
    "vary-schema-level-postgate": _group(
        "the same with a gate behind the memory", *_levels("vary-schema-level-postgate")
    ),
}
