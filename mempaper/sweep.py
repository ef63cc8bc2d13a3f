"""Sweeps: every group of networks that a paper trains, and free grids, run as one command.

A sweep is a list of runs. Each is cut into its parts (:meth:`Experiment.parts`), which are what is
sent to processes or to a cluster; what is done already is not done again.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from mempaper.experiment import Experiment
from mempaper.parameters import ConfigError, Mode, check_mode, check_names

State = Literal["done", "running", "failed", "waiting"]


@dataclass(frozen=True)
class Group:
    """Networks that a paper trains for one question.

    Attributes
    ----------
    title : str
        What they are for, in a few words.
    experiment : type of Experiment
    vary : callable (experiment, mode) -> mapping of runs
        Makes the runs from the experiment's preset for a mode, by what distinguishes them.
    """

    title: str
    experiment: type[Experiment]
    vary: Callable[[Any, Mode], Mapping[str, Experiment]]

    def runs(self, mode: Mode, **seeds: int) -> Mapping[str, Experiment]:
        """The runs of a mode, by what distinguishes them.

        Parameters
        ----------
        mode : Mode
        **seeds : int
            ``seed`` and ``n_seeds``, where they are not the mode's. They win over what the group has of
            its own; where each run is one network of a pool, they are the pool's.
        """
        made = self.vary(self.experiment.preset(mode, **seeds), mode)
        own = self.experiment
        return {k: run.replace(**seeds) if isinstance(run, own) else run for k, run in made.items()}


@dataclass(frozen=True)
class Planned:
    """A run of a sweep.

    Attributes
    ----------
    label : str
        What distinguishes it from the others of the sweep.
    run : Experiment
    """

    label: str
    run: Experiment

    @cached_property
    def parts(self) -> list[Experiment]:
        """What is trained; the run alone where it is one ensemble."""
        return self.run.parts()


def plan(
    made: Mapping[str, Callable[..., Experiment]],
    axes: Mapping[str, Sequence[Any]] | None = None,
    **fixed: Any,
) -> list[Planned]:
    """All runs of a sweep, checked before anything runs; one that appears twice is kept once.

    Parameters
    ----------
    made : mapping of callables (**parameters) -> Experiment
        By label; see :func:`named`.
    axes : mapping of sequences, optional
        Values of parameters, of which every combination is taken.
    **fixed
        Parameters of all runs.

    Raises
    ------
    ConfigError
        Unknown parameter or impossible value, or one that is fixed and an axis.
    """
    axes = axes or {}
    if twice := [name for name in axes if name in fixed]:
        raise ConfigError(f"{twice[0]} is fixed with -p and is an axis of --grid too: give it once")
    if "mode" in [*fixed, *axes]:
        raise ConfigError("mode is not a parameter of a run: use --mode")
    planned: dict[tuple[str, str], Planned] = {}
    for label, make in made.items():
        for values in itertools.product(*axes.values()):
            point = dict(zip(axes, values, strict=True))
            run = make(**fixed, **point)
            text = ", ".join([*([label] if label else []), *(f"{k}={v}" for k, v in point.items())])
            found = Planned(text or "defaults", run)
            planned.setdefault((f"{run.paper}/{run.name}", run.key()), found)
    return list(planned.values())


def named(
    name: str,
    mode: object,
    groups: Mapping[str, Group],
    experiments: Mapping[str, type[Experiment]],
    **seeds: int,
) -> dict[str, Callable[..., Experiment]]:
    """What makes the runs that a name stands for: a group, all groups of a paper, or an experiment.

    Parameters
    ----------
    name : str
        ``paper/group``, ``paper/experiment`` or ``paper``.
    mode : Mode
    groups, experiments : mapping
        By ``paper/name``.
    **seeds : int
        See :meth:`Group.runs`.

    Raises
    ------
    ConfigError
        Unknown name, with the nearest one.
    """
    chosen = check_mode(mode)
    papers = {key.split("/")[0] for key in groups}
    check_names([name], [*groups, *experiments, *papers], "sweep")
    if name in experiments:
        return {"": partial(experiments[name].preset, chosen, **seeds)}
    if name in groups:
        return {label: run.replace for label, run in groups[name].runs(chosen, **seeds).items()}
    return {
        f"{key.split('/')[1]}{f' ({label})' if label else ''}": run.replace
        for key, group in groups.items()
        if key.split("/")[0] == name
        for label, run in group.runs(chosen, **seeds).items()
    }


def distinct(runs: Iterable[Experiment]) -> list[Experiment]:
    """The different ones, each once."""
    return list({(run.paper, run.name, run.key()): run for run in runs}.values())


def with_needs(runs: Iterable[Experiment]) -> list[Experiment]:
    """Runs and all that they start from, each once."""
    found = distinct(runs)
    before = [needed for run in found for needed in run.needs()]
    return distinct([*found, *with_needs(before)]) if before else found


def state_of(run: Experiment) -> State:
    """Whether a run is done, being trained, failed, or waiting; looks at files only."""
    if run.is_done():
        return "done"
    if run.has_begun() and run.busy():
        return "running"
    return "failed" if failure_file(run).exists() else "waiting"


def unfinished(planned: Iterable[Planned]) -> list[Experiment]:
    """Parts that have no result yet, each once."""
    found: dict[tuple[str, str], Experiment] = {}
    for one in planned:
        if not one.run.is_done():
            for part in one.parts:
                if not part.is_done():
                    found.setdefault((part.name, part.key()), part)
    return list(found.values())


def plan_key(planned: Iterable[Planned]) -> str:
    """Twelve hexadecimal digits that name a plan, whatever of it is done already."""
    keys = sorted(f"{one.run.paper}/{one.run.name} {one.run.key()}" for one in planned)
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:12]


def log_file(run: Experiment) -> Path:
    """Where the messages of a run go while a sweep trains it."""
    assert run.infra.folder is not None
    runs = Path(run.infra.folder).parents[2]  # a worker that lives on may know another one
    return runs / "sweeps" / "logs" / f"{run.paper}-{run.name}-{run.key()}.log"


def failure_file(run: Experiment) -> Path:
    """Where these messages stay if the run fails."""
    return log_file(run).with_suffix(".failed.log")
