"""The command ``mempaper sweep``."""

from __future__ import annotations

import sys
import time
from typing import Any, get_args

import click
from tqdm import tqdm

from mempaper import catalogue, costs, sweep
from mempaper.cli_values import mode_option, parse_parameters, parse_value
from mempaper.cluster import Where, check_slurm, jobs_of, send, wait
from mempaper.ensemble import available_cores, one_thread_each
from mempaper.experiment import Experiment
from mempaper.parameters import ConfigError
from mempaper.sweep import Planned, failure_file, state_of
from mempaper.workers import Told, train_here

LOOK_SECONDS = 2.0  # from one look at which runs are being trained to the next


@click.command("sweep")
@click.argument("name", required=False)
@click.option("--grid", "axes", multiple=True, help="An axis: --grid kernel=l2,l1.")
@click.option("-p", "pairs", type=(str, str), multiple=True, help="A parameter: -p KEY VALUE.")
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
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="Time limit of a job.")
@click.option("--memory", type=click.FloatRange(min=0, min_open=True), help="GB of a job.")
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
    partition: str | None,
    hours: float | None,
    memory: float | None,
    detach: bool,
    dry_run: bool,
    status: bool,
    ship: bool,
) -> None:
    """Run a group of networks of a paper, all groups of a paper, or an experiment over a grid.

    Without NAME the groups are listed. What is done already is not done again: run the same command
    once more after a failure, a kill or a time limit.
    """
    if name is None:
        for key, group in catalogue.groups().items():
            click.echo(f"{key:44} {group.title}")
        return
    seeds = {k: v for k, v in (("seed", seed), ("n_seeds", n_seeds)) if v is not None}
    made = sweep.named(name, mode or "fast", catalogue.groups(), catalogue.experiments(), **seeds)
    planned = sweep.plan(made, _axes(axes), **parse_parameters(pairs, ()))
    if dry_run:
        _show_jobs(planned)
        return
    if status:
        _show_states(planned)
        return
    if detach and cluster == "none":
        raise ConfigError("--detach needs --cluster local or slurm: here and now means to wait.")
    left = sweep.unfinished(planned)
    with tqdm(total=len(left), desc=name, unit="run", disable=not left) as bar:
        tell = _Teller(bar, left)
        if cluster == "none":
            one_thread_each()
            train_here(left, workers or available_cores(), tell)
        elif left and not _send_and_wait(left, cluster, workers, partition, hours, memory, detach, tell):
            click.echo(f"{len(left)} runs are on their way; see them with --status.")
            return
    _finish(planned, {run.key() for run in left}, ship)
    if tell.failed:
        sys.exit(1)


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


def _send_and_wait(
    left: list[Experiment],
    cluster: Any,
    workers: int | None,
    partition: str | None,
    hours: float | None,
    memory: float | None,
    detach: bool,
    tell: Told,
) -> bool:
    """Send runs away; whether they were waited for."""
    options: dict[str, Any] = {"slurm_partition": partition, "mem_gb": memory}
    options["timeout_min"] = None if hours is None else max(1, round(60 * hours))
    if cluster == "slurm":
        check_slurm()
        at_once = workers or 256
    else:
        at_once = min(workers or available_cores(), available_cores(), len(left))
        options.pop("slurm_partition")
    jobs = jobs_of(left, cluster, at_once, **{k: v for k, v in options.items() if v is not None})
    send(jobs, at_once)
    if detach:
        return False
    try:
        wait(left, jobs, tell)
    except KeyboardInterrupt:
        click.echo("\nThe jobs go on; see them with --status, or cancel them as your cluster does.")
        raise
    return True


def _axes(axes: tuple[str, ...]) -> dict[str, list[Any]]:
    parsed: dict[str, list[Any]] = {}
    for axis in axes:
        name, equals, values = axis.partition("=")
        if not equals or not values:
            raise ConfigError(f"--grid {axis!r} is not like kernel=l2,l1")
        parsed[name] = [parse_value(v) for v in values.split(",")]
    return parsed


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
