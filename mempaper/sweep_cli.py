"""The command ``mempaper sweep``."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Sequence
from typing import Any, get_args

import click
from tqdm import tqdm

from mempaper import catalogue, costs, sweep
from mempaper.cli_values import check_once, mode_option, parse_parameters, parse_value
from mempaper.cluster import (
    MARGIN,
    YEAR,
    Where,
    Work,
    check_slurm,
    hours_needed,
    jobs_of,
    send,
    wait,
)
from mempaper.ensemble import available_cores, one_thread_each
from mempaper.experiment import Experiment, devices_elsewhere
from mempaper.parameters import ConfigError
from mempaper.sweep import Planned, failure_file, state_of
from mempaper.workers import Told, train_here

LOOK_SECONDS = 2.0  # from one look at which runs are being trained to the next
NEEDS = {  # options that have an effect on some clusters only
    "partition": ("slurm",),
    "memory": ("slurm",),
    "gpus": ("slurm",),
    "hours": ("local", "slurm"),
    "detach": ("local", "slurm"),
}


@click.command("sweep")
@click.argument("name", required=False)
@click.option("--grid", "axes", multiple=True, help="An axis: --grid kernel=l2,l1.")
@click.option(
    "-p", "pairs", type=(str, str), multiple=True, help="A parameter: -p KEY VALUE or -p KEY '[1, 2]'."
)
@click.option("--seed", type=int, help="Seed of the first network.")
@click.option("--n-seeds", type=int, help="Networks of each run.")
@mode_option
@click.option(
    "--cluster",
    type=click.Choice(["none", *get_args(Where)]),
    default="none",
    show_default=True,
    help="none: here and now; local: on this machine, also when this terminal is closed; slurm: an "
    "array of jobs.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Runs at once; here one per core, on Slurm 256 by default."
)
@click.option("--partition", help="Slurm's.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    help=f"Time limit of a job; on Slurm {MARGIN} times the longest estimate by default.",
)
@click.option("--memory", type=click.FloatRange(min=0, min_open=True), help="GB of a Slurm job.")
@click.option(
    "--gpus", type=click.IntRange(1), help="GPUs of a Slurm job; 1 by default where device is not cpu."
)
@click.option("--detach", is_flag=True, help="Send the jobs and return.")
@click.option("--dry-run", is_flag=True, help="Only show the jobs, with estimated hours.")
@click.option("--status", is_flag=True, help="Only show what is done.")
@click.option("--ship", is_flag=True, help="Keep the results with the book, in data/pretrained.")
def sweep_command(
    name: str | None,
    axes: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    seed: int | None,
    n_seeds: int | None,
    mode: str | None,
    cluster: str,
    workers: int | None,
    detach: bool,
    dry_run: bool,
    status: bool,
    ship: bool,
    **resources: Any,
) -> None:
    """Run a group of networks of a paper, all groups of a paper, or an experiment over a grid.

    Without NAME the groups are listed. What is done already is not done again: run the same command
    once more after a failure, a kill or a time limit.
    """
    if name is None:
        for key, group in catalogue.groups().items():
            click.echo(f"{key:44} {group.title}")
        return
    _check_effect(cluster, detach=detach, **resources)
    if cluster == "slurm":
        click.get_current_context().with_resource(devices_elsewhere())
    seeds = {k: v for k, v in (("seed", seed), ("n_seeds", n_seeds)) if v is not None}
    grid, fixed = _axes(axes), parse_parameters(pairs, ())
    if twice := [k for k in seeds if k in grid or k in fixed]:
        option = f"--{twice[0].replace('_', '-')}"
        raise ConfigError(f"{twice[0]} is given by {option} and by -p or --grid: give it once")
    made = sweep.named(name, mode or "fast", catalogue.groups(), catalogue.experiments(), **seeds)
    planned = sweep.plan(made, grid, **fixed)
    if dry_run:
        _show_jobs(planned)
        return
    if status:
        _show_states(planned)
        return
    left = sweep.unfinished(planned)
    with tqdm(total=len(left), desc=name, unit="run", disable=not left) as bar:
        tell = _Teller(bar, left)
        if cluster == "none":
            one_thread_each()
            train_here(left, workers or available_cores(), tell)
        elif left:
            jobs = _send(left, cluster, workers, sweep.plan_key(planned), **resources)
            if detach:
                click.echo(f"{len(left)} runs are on their way; see them with --status.")
                return
            _wait(left, jobs, tell)
    _finish(planned, {run.key() for run in left}, ship)
    if tell.failed:
        sys.exit(1)


def _check_effect(cluster: str, **given: Any) -> None:
    """Raise ConfigError for the first option that would have no effect."""
    for name, value in given.items():
        if value and cluster not in NEEDS[name]:
            where = " or ".join(NEEDS[name])
            raise ConfigError(f"--{name} needs --cluster {where}: with {cluster} it has no effect.")


class _Teller:
    """Tells on the progress bar of a sweep which of its runs have ended and how many go on."""

    def __init__(self, bar: tqdm, runs: list[Experiment]) -> None:
        self.failed = 0
        self._bar, self._runs = bar, runs
        self._running, self._looked = 0, -LOOK_SECONDS

    def __call__(self, run: Experiment, error: str) -> None:
        if error:
            self.failed += 1
            self._bar.write(f"failed: {run.paper}/{run.name} {run.key()}: {error}")
        self._bar.update()
        now = time.monotonic()
        if self._bar.n == len(self._runs) or now - self._looked >= LOOK_SECONDS:
            self._running = sum(state_of(one) == "running" for one in self._runs)
            self._looked = now
        self._bar.set_postfix(running=self._running, failed=self.failed)


def _send(
    left: list[Experiment],
    cluster: Any,
    workers: int | None,
    name: str,
    *,
    partition: str | None,
    hours: float | None,
    memory: float | None,
    gpus: int | None,
) -> list[Work]:
    """Send runs away in jobs, those of a sweep that are under way excepted."""
    if cluster == "local":
        at_once = min(workers or available_cores(), available_cores(), len(left))
        jobs = jobs_of(left, cluster, at_once, name, timeout_min=_minutes(hours or YEAR))
        send(jobs, at_once)
        return jobs
    check_slurm()
    at_once, limit = workers or 256, hours or hours_needed(left)
    options = {"slurm_partition": partition, "mem_gb": memory, "gpus_per_node": _gpus(left, gpus)}
    given = {k: v for k, v in options.items() if v is not None}
    jobs = jobs_of(left, cluster, at_once, name, timeout_min=_minutes(limit), **given)
    if send(jobs, at_once) and hours is None:
        click.echo(
            f"Time limit of a job: {limit:.1f} hours, {MARGIN} times the longest estimate and at least "
            "one; --hours sets another one."
        )
    return jobs


def _minutes(hours: float) -> int:
    return max(1, math.ceil(60 * hours))


def _gpus(runs: Sequence[Experiment], asked: int | None) -> int | None:
    """How many GPUs a job needs; None if its runs are trained on CPUs."""
    if any(run.device != "cpu" for run in runs):
        return asked or 1
    if asked is not None:
        raise ConfigError("--gpus is for trainings on a GPU: give -p device cuda, too.")
    return None


def _wait(left: list[Experiment], jobs: list[Work], tell: Told) -> None:
    try:
        wait(left, jobs, tell)
    except KeyboardInterrupt:
        click.echo("\nThe jobs go on; see them with --status, or cancel them as your cluster does.")
        raise


def _axes(axes: tuple[str, ...]) -> dict[str, list[Any]]:
    """Values by name; a comma within brackets belongs to a list."""
    split = [axis.partition("=") for axis in axes]
    for axis, (name, _, values) in zip(axes, split, strict=True):
        if not name or not values:
            raise ConfigError(f"--grid {axis!r} is not like kernel=l2,l1")
    check_once([name for name, _, _ in split], "--grid")
    return {k: [parse_value(v) for v in re.split(r",(?![^[]*\])", values)] for k, _, values in split}


def _finish(planned: list[Planned], fresh: set[str], ship: bool) -> None:
    """Put parts together, and say what there is of each run, ``fresh`` ones being new."""
    for one in planned:
        failed = sweep.unfinished([one])
        for part in failed:
            log = failure_file(part)
            seen = f"; its log is {log}" if log.exists() else ""
            click.echo(f"{part.key()}  {one.label}  failed, seed {part.seed}{seen}", err=True)
        if failed:
            continue
        provenance = one.run.result().provenance
        new = bool(fresh) and any(part.key() in fresh for part in one.parts)
        origin = "trained" if new else provenance["origin"]
        click.echo(f"{one.run.key()}  {one.label}  {origin} {provenance['seconds']:.0f} s")
        if ship:
            click.echo(f"kept in {one.run.ship()}")


def _show_jobs(planned: list[Planned]) -> None:
    """The table of jobs with estimated hours of one core."""
    click.echo(f"{'run':12}  {'jobs':>5} {'networks':>8} {'CPU hours':>10}  what")
    total, unknown = 0.0, False
    for one in planned:
        state = state_of(one.run)
        estimate = None if state == "done" else costs.hours(one.run)
        unknown |= estimate is None and state != "done"
        total += estimate or 0.0
        hours = "done" if state == "done" else "unknown" if estimate is None else f"{estimate:.2g}"
        networks = sum(part.n_networks() for part in one.parts)
        click.echo(f"{one.run.key():12}  {len(one.parts):5} {networks:8} {hours:>10}  {one.label}")
    jobs, own = len(sweep.unfinished(planned)), {one.run.key() for one in planned}
    left = sweep.with_needs(one.run for one in planned if not one.run.is_done())
    first = sum(costs.hours(run) or 0.0 for run in left if run.key() not in own and not run.is_done())
    click.echo(
        f"{jobs} jobs to do, {total + first:.2g} hours"
        f"{f', {first:.2g} of them for what they start from' if first else ''}"
        f"{' and what is unknown' * unknown}; {costs.basis()}"
    )


def _show_states(planned: list[Planned]) -> None:
    counts: dict[str, int] = {}
    for one in planned:
        for part in one.parts if not one.run.is_done() else [one.run]:
            state = state_of(part)
            counts[state] = counts.get(state, 0) + 1
            log = failure_file(part)
            seen = f"  {log}" if state == "failed" else ""
            click.echo(f"{part.key()}  {state:8} {one.label}, seed {part.seed}{seen}")
    click.echo(", ".join(f"{n} {state}" for state, n in sorted(counts.items())))
