"""``mempaper zhang2024 ...``: training, evaluation, the original's folders, recordings of monkeys."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from mempaper.experiment import Result
from mempaper.parameters import ConfigError
from mempaper.progress import Progress
from mempaper.zhang2024 import monkey_pickles, monkeys
from mempaper.zhang2024.checkpoints import best, evaluate
from mempaper.zhang2024.cli_options import (
    architecture_name,
    asked_for,
    is_trained,
    seed_numbers,
    training_options,
)
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.groups import DEFAULT_NOISE
from mempaper.zhang2024.layout import (
    Run,
    Seed,
    find_seeds,
    folder_of,
    noise_of,
    read_seed,
)
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.table_files import (
    CURVES,
    TASKS,
    TESTING,
    Row,
    labels_of,
    pair_name,
    read_rows,
    task_of,
)
from mempaper.zhang2024.transfer import adopt, export, table_rows

SHOWN = ("reward_fraction", "error_distance", "reward_rate")
EPILOG = """An architecture is EKF, ActorEKFCritic1, Actor1Critic1 to Actor3Critic5, or one of the words
holistic, modular, hol, moho, homo, mod, holEKF. An option that is not given has the mode's value. A
training that was broken off goes on when the same command is given again."""


@click.group(
    "zhang2024",
    context_settings={"help_option_names": ["-h", "--help"]},
    short_help="Train and evaluate agents, in the original's folders if you like.",
)
def cli() -> None:
    """Agents of Zhang, Pitkow & Angelaki (2024): train, evaluate, export, import."""
    logging.getLogger("exca").setLevel(logging.ERROR)


# Train


@cli.command("train", epilog=EPILOG)
@training_options
@click.option("--out", type=click.Path(path_type=Path), help="Export to this folder in the end.")
def train_command(out: Path | None, **options: Any) -> None:
    """Train agents, or read them where they are trained, and tell how they fare."""
    runs = asked_for(**options)
    for run in runs:
        _describe(run)
        _summarise(run, run.result())
    if out is not None:
        for run in runs:
            click.echo(f"exported to {export(run, out)}")


def _describe(run: Run) -> None:
    agent = run.new_agent()
    counts = [sum(p.numel() for p in part.parameters()) for part in (agent.actor, agent.critic)]
    low, high = run.gain_range
    gain = f"gain {low:g}" if low == high else f"gain {low:g} to {high:g}"
    click.echo(
        f"{run.architecture}, seed {run.seed}: {counts[0]:,} weights in the actor, {counts[1]:,} in the "
        "critic"
    )
    click.echo(
        f"  task {task_of(noise_of(run))}: {gain}, process noise {run.process_noise:g}, observation "
        f"noise {run.observation_noise:g}"
    )
    if isinstance(run, ReferenceAgent):
        click.echo(
            f"  the original's training: phase I of {run.give_up:,} trials at most (exploration "
            f"{run.exploration:g}), then {run.total_trials:,} trials, a checkpoint every "
            f"{run.validate_every}{', extensive tests' * run.extensive}"
        )
    else:
        r = run.recipe_in_use()
        start = f"warm start of {run.warm_steps} updates" if run.is_warm else "random trials"
        click.echo(f"  the quick recipe: {start}, then {r.rounds} rounds of {r.trials_per_round} trials")
    state, kept = "trained now", str(run.folder())
    if run.is_shipped():
        state, kept = "comes with the book", str(run.shipped_file())
    elif is_trained(run):
        state = "trained already"
    elif (run.folder() / "resume").exists():
        state = "going on where it was broken off"
    click.echo(f"  {state}; kept in {kept}")


def _summarise(run: Run, result: Result) -> None:
    if isinstance(run, ReferenceAgent):
        first, ended = run.first_phase(result)
        if not ended:
            click.echo(f"  FAILS: phase I did not end in {first:,} trials")
            return
        phase = {2: "II", 3: "III"}[int(result["phase"][0])]
        click.echo(f"  phase I took {first:,} trials; the training ended in phase {phase}")
    rows = table_rows(run, result.arrays)
    if rows:
        kept = isinstance(run, QuickAgent) and run.recipe_in_use().keep_best
        note = " (the weights that are kept are the best of several checks)" * kept
        click.echo(f"  after trial {rows[-1]['episode']:,}{note}:")
        _show([row for row in rows if row["episode"] == rows[-1]["episode"]])


def _show(rows: Sequence[Row]) -> None:
    click.echo(f"  {'condition':14}{'rewarded':>10}{'error (cm)':>12}{'rewards/s':>11}")
    for row in rows:
        rewarded, error, rate = (row[name] for name in SHOWN)
        click.echo(f"  {row['task']:14}{rewarded:>10.3f}{error:>12.1f}{rate:>11.3f}")


# Evaluate


@cli.command("evaluate")
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--training_task", default="gain", show_default=True, help=f"{' or '.join(TASKS)}.")
@click.option("--testing_task", default="gain", show_default=True, help=f"{', '.join(TESTING)}.")
@click.option("--process_noise", type=float, help="Of the training, with gain_control.")
@click.option("--observation_noise", type=float, help="Of the training, with gain_control.")
@click.option("--extensive", is_flag=True, default=None, help="Gains 1 to 4, large perturbations.")
@click.option("--agents", help="Architectures, such as Actor1Critic1,Actor3Critic5; all by default.")
@click.option("--seeds", help="Such as 0-2 or 0,3; all by default.")
@click.option(
    "--n_trials",
    type=int,
    help="Per condition.  [default: as in the table there, else 500, extensive 300]",
)
@click.option("--original_noise", is_flag=True, help="perturb_control with process noise 0.2.")
@click.option("--again", is_flag=True, help="Begin new tables.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
def evaluate_command(
    root: Path,
    training_task: str,
    testing_task: str,
    process_noise: float | None,
    observation_noise: float | None,
    agents: str | None,
    seeds: str | None,
    device: str,
    **given: Any,
) -> None:
    """Test all checkpoints of the agents exported to ROOT.

    Tables go to ROOT/training_curve_temp. An evaluation that was broken off goes on when the same
    command is given again.
    """
    begin = labels_of(testing_task, training_task)
    noise = _noise(training_task, process_noise, observation_noise)
    names = None if agents is None else [architecture_name(a.strip()) for a in agents.split(",")]
    numbers = None if seeds is None else seed_numbers(seeds)
    found = [read_seed(folder, device) for folder in _folders(root, noise, names, numbers)]
    for seed in found:
        if not seed.episodes:
            click.echo(f"{seed.name}: phase I did not end, nothing to test")
            continue
        with Progress(seed.name) as report:
            table = evaluate(seed, testing_task, report=report, **given)
        _tell_table(seed, table, begin)


def _tell_table(seed: Seed, table: Path, begin: str) -> None:
    rows = [row for row in read_rows(table) if row["episode"] in seed.episodes]
    episode, rate = best(rows)
    n = len(seed.episodes)
    click.echo(f"{seed.name}: {n} checkpoint{'s' * (n > 1)}, table in {table}")
    click.echo(
        f"  at {episode} the reward rates of all {begin} conditions have the largest sum, {rate:.3f}"
    )
    _show([row for row in rows if row["episode"] == episode])


def _noise(task: str, process: float | None, observation: float | None) -> tuple[float, float]:
    """Noises of the training that an evaluation asks for; ConfigError if they do not fit the task."""
    if task == "gain":
        given = (
            DEFAULT_NOISE[0] if process is None else process,
            DEFAULT_NOISE[1] if observation is None else observation,
        )
        if given != DEFAULT_NOISE:
            raise ConfigError(f"noises {pair_name(given)} are of --training_task gain_control")
        return given
    if process is None or observation is None:
        raise ConfigError("--training_task gain_control needs --process_noise and --observation_noise")
    if (process, observation) == DEFAULT_NOISE:
        raise ConfigError(f"noises {pair_name(DEFAULT_NOISE)} are of --training_task gain")
    return process, observation


def _folders(
    root: Path, noise: tuple[float, float], names: list[str] | None, numbers: list[int] | None
) -> list[Path]:
    """Folders of seeds, all that there are where names or numbers are not given."""
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder")
    if names is None:
        there = (path for path in root.iterdir() if path.name != CURVES)
        names = sorted(p.name for p in there if folder_of(root, p.name, noise, 0).parent.is_dir())
    found = []
    for name in names:
        base = folder_of(root, name, noise, 0).parent
        own = numbers
        if own is None:
            matches = (re.fullmatch(r"seed(\d+)", path.name) for path in base.glob("seed*"))
            own = sorted(int(match[1]) for match in matches if match)
        found += [base / f"seed{k}" for k in own]
    if not found:
        where = folder_of(root, "<architecture>", noise, 0).parent
        raise ConfigError(f"no agents in {where}: export them with `mempaper zhang2024 export`")
    return found


# Export and import


@cli.command("export", epilog=EPILOG)
@click.argument("root", type=click.Path(path_type=Path))
@training_options
def export_command(root: Path, **options: Any) -> None:
    """Write trained agents to ROOT, in the original's folders and file names."""
    runs = asked_for(**options)
    for run in runs:
        if not is_trained(run):
            raise ConfigError(
                f"{run.architecture}, seed {run.seed}, is not trained in this way yet: "
                "`mempaper zhang2024 train` with the same options trains it"
            )
    for run in runs:
        click.echo(f"exported to {export(run, root)}")


@cli.command("import")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
def import_command(folders: tuple[Path, ...]) -> None:
    """Put exported agents back into the store of runs; FOLDERS are those of seeds, or above them."""
    found = [seed for folder in folders for seed in find_seeds(folder) or [folder]]
    seeds = [read_seed(folder) for folder in found]
    for seed in seeds:
        shipped = adopt(seed.folder).provenance["origin"] == "shipped"
        where = "comes with the book" if shipped else f"kept in {seed.run.folder()}"
        click.echo(f"{seed.name}: {where}")


# Recordings of monkeys


@cli.group("monkeys")
def monkeys_group() -> None:
    """Recordings of monkeys for the chapters' parameter monkey_data."""


@monkeys_group.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def monkeys_import(folder: Path, out: Path) -> None:
    """Convert the released pickles in FOLDER to files in OUT.

    A pickle can run any code when it is opened: only give files from a source that you trust.
    """
    for path in monkey_pickles.import_pickles(folder, out):
        click.echo(f"written: {path}")


@monkeys_group.command("check")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--conditions",
    default=",".join(monkeys.CONDITIONS),
    show_default=True,
    help="Which files each subject must have.",
)
def monkeys_check(folder: Path, conditions: str) -> None:
    """Check the recordings in FOLDER and tell what is there."""
    wanted = [name.strip() for name in conditions.split(",")]
    for subject in monkeys.read_subjects(folder, wanted):  # type: ignore[arg-type]
        for condition, recordings in subject.recordings.items():
            gains = ", ".join(f"{gain:g}" for gain in np.unique(recordings.gain.round(2)))
            seconds = np.median(np.diff(recordings.offsets)) * recordings.dt
            click.echo(
                f"{subject.name} {condition}: {len(recordings)} trials, gain {gains}, {seconds:.1f} s "
                "(median)"
            )
