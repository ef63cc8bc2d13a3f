"""``mempaper orhan2019 ...``: trainings with the options that the original's scripts have."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, get_args

import click
import numpy as np

from mempaper.experiment import Result
from mempaper.orhan2019 import gated
from mempaper.orhan2019.experiments import DEVIATIONS, LAMBDAS, DelayLearning
from mempaper.orhan2019.groups import PAIRS
from mempaper.orhan2019.model import ModelName
from mempaper.orhan2019.task import CODES, TASKS, Condition, task_name, title
from mempaper.orhan2019.training import DivergedError
from mempaper.parameters import MODES, ConfigError, check_names
from mempaper.stats import estimate

MODELS: dict[Condition, tuple[ModelName, ...]] = {  # each script counts its own models from 0
    "basic": ("leinit", "hebbian", "orthogonal", "gru"),
    "tethered": ("leinit", "orthogonal", "gru"),
    "dynamic": ("leinit", "orthogonal", "gru"),
    "vardelay": ("leinit", "gru"),
}
KINDS: dict[ModelName, str] = {
    "leinit": "rectified-linear units",
    "hebbian": "rectified-linear units with Hebbian short-term plasticity",
    "orthogonal": "rectified-linear units, at the start an orthogonal matrix times lambda_0",
    "gru": "gated units with a rectified-linear candidate",
}
ABOUT: dict[Condition, str] = {
    "basic": "Train one network on a task under the basic condition.",
    "tethered": "Train one network whose activity must return to rest at the end of a trial.",
    "dynamic": "Train one network that also sees a moving bump, which tells nothing of the task.",
    "vardelay": "Train one network with delays that vary from trial to trial.",
}
N_JOBS = len(LAMBDAS) * len(DEVIATIONS)
FURTHER = (
    "iterations",
    "report_every",
    "hidden_size",
    "stimulus_steps",
    "delay_steps",
    "response_steps",
    "readout",
    "tethered_readout",
    "batch_size",
    "learning_rate",
    "norm_clip",
    "test_trials",
)
EPILOG = """Options from --mode on are beyond the original; one that is not given has the mode's value.
A training that was broken off goes on when the same command is given again."""

Command = Callable[..., None]


def model_name(given: str, condition: Condition) -> ModelName:
    """A model's name, from the name or from the code that it has under the condition.

    Raises
    ------
    ConfigError
        Unknown name or code; the message lists the valid ones.
    """
    text, names = given.strip().lower(), MODELS[condition]
    if not text.isdigit():
        check_names([text], get_args(ModelName), "model")
        return text  # type: ignore[return-value]
    if int(text) >= len(names):
        listed = ", ".join(f"{code} = {name}" for code, name in enumerate(names))
        raise ConfigError(f"Unknown model code {text}. Allowed with {condition}: {listed}.")
    return names[int(text)]


def job_start(job: int) -> tuple[float, float]:
    """``lambda_0`` and ``sigma`` of a job, 1 to 100; ``lambda_0`` changes fastest."""
    row, column = divmod(job - 1, len(LAMBDAS))
    return LAMBDAS[column], DEVIATIONS[row]


def further_options(seed_help: str, seed: int | None) -> Callable[[Command], Command]:
    """What the original has no options for."""

    def decorate(command: Command) -> Command:
        for name in reversed(FURTHER):
            field = DelayLearning.model_fields[name]
            kind = int if field.annotation is int else float
            text = f"{str(field.description)[:1].upper()}{str(field.description)[1:]}."
            command = click.option(f"--{name}", type=kind, help=text)(command)
        command = click.option("--device", default="cpu", show_default=True, help="Torch device.")(
            command
        )
        command = click.option("--seed", type=int, default=seed, help=seed_help)(command)
        return click.option(
            "--mode",
            type=click.Choice(MODES),
            default="full",
            show_default=True,
            help="Whose values are used: smoke (seconds), fast (small networks) or full (the paper's).",
        )(command)

    return decorate


@click.group(
    "orhan2019",
    context_settings={"help_option_names": ["-h", "--help"]},
    short_help="Train networks with the options of the original's scripts.",
)
def cli() -> None:
    r"""Train networks of Orhan & Ma (2019), one per command.

    \b
    Tasks, by name or code: 0 DE-1, 1 DE-2, 2 CD, 3 CD with two locations, 4 GDE,
    5 DE-1 with variable delays, 6 2AFC, 7 Sine, 8 COMP.
    """


def _condition_command(condition: Condition) -> click.Command:
    codes = ", ".join(f"{code} {name}" for code, name in enumerate(MODELS[condition]))

    @click.option("--task", default="0", show_default=True, help="Name or code, see orhan2019 -h.")
    @click.option("--model", default="0", show_default=True, help=f"Name or code: {codes}.")
    @click.option("--lambda_val", default=0.98, show_default=True, help="Initial self-weight lambda_0.")
    @click.option(
        "--sigma_val",
        default=0.0,
        show_default=True,
        help="Initial standard deviation of the other recurrent weights: sigma_0 / sqrt(hidden_size).",
    )
    @click.option("--rho_val", default=0.0, show_default=True, help="Weight of the penalty on weights.")
    @further_options("Decides all random numbers; the original sets none.  [default: 0]", 0)
    def command(
        task: str,
        model: str,
        lambda_val: float,
        sigma_val: float,
        rho_val: float,
        mode: str,
        **given: Any,
    ) -> None:
        name, actual = _task_and_condition(task, condition)
        _train(
            mode,
            sigma_val,
            task=name,
            condition=actual,
            model=model_name(model, condition),
            lambda0=lambda_val,
            rho=rho_val,
            **given,
        )

    return click.command(condition, help=ABOUT[condition], epilog=EPILOG)(command)


for _condition in MODELS:
    cli.add_command(_condition_command(_condition))


@cli.command("multitask", epilog=EPILOG)
@click.option("--first", help="Task that is learnt first, name or code.  [default: 2AFC]")
@click.option("--second", help="Task that is learnt then, by the same network.  [default: CD]")
@click.option("--pair", type=click.Choice(list(PAIRS)), help="Both tasks, by the original's names.")
@click.option(
    "--job",
    type=click.IntRange(1, N_JOBS),
    default=1,
    show_default=True,
    help="Place in the grid of lambda_0 (.80 to .98, fastest) and sigma (.000 to .018).",
)
@further_options("Decides all random numbers.  [default: the job]", None)
def multitask_command(
    first: str | None,
    second: str | None,
    pair: str | None,
    job: int,
    mode: str,
    seed: int | None,
    **given: Any,
) -> None:
    """Train one network on two tasks, one after the other.

    The index that counts is that of the second task.
    """
    if pair is not None and (first or second):
        raise click.UsageError("give --pair, or --first and --second")
    tasks = PAIRS[pair] if pair else (first or "2AFC", second or "CD")
    lambda0, sigma = job_start(job)
    click.echo(f"job {job} of {N_JOBS}")
    _train(
        mode,
        sigma,
        task=tasks[1],
        first_task=tasks[0],
        lambda0=lambda0,
        seed=job if seed is None else seed,
        **given,
    )


def _task_and_condition(given: str, condition: Condition) -> tuple[str, Condition]:
    """Name of the task, and the condition that goes with it; tells what is not in the paper."""
    name = task_name(given)
    if name == "VDE1":
        click.echo(
            "Task 5 is DE-1 with variable delays, whatever the command; "
            "the paper does not report it as a task of its own."
        )
        return "DE1", "vardelay"
    if name not in TASKS:
        click.echo(f"The paper does not report the task {title(name)}.")
    return name, condition


def _train(mode: str, sigma: float, **fields: Any) -> None:
    """Train one network, or read it where it is trained, and tell how it fares."""
    size = fields["hidden_size"] or DelayLearning.preset(mode).hidden_size
    experiment = DelayLearning.preset(mode, n_seeds=1, sigma0=sigma * size**0.5, **fields)
    stages = [experiment] if experiment.first_task is None else [experiment.first_stage(), experiment]
    _describe(experiment, sigma)
    logging.getLogger("exca").setLevel(logging.ERROR)  # it would show the traceback of a divergence
    for stage in stages:
        _say_where(stage)
        try:
            result = stage.result()
        except DivergedError as error:
            raise click.ClickException(str(error)) from None
        _summarise(stage, result, judged=mode != "smoke")


def _describe(experiment: DelayLearning, sigma: float) -> None:
    (lambda0, sigma0, rho), e = experiment.points()[0], experiment
    code = {name: number for number, name in CODES.items()}[e.task]
    before = f", after {title(e.first_task)}" if e.first_task else ""
    click.echo(f"task       {title(e.task)} (code {code}){before}, {e.condition} condition")
    click.echo(f"network    {e.model}: {e.hidden_size} {KINDS[e.model]}")
    if e.model == "hebbian":
        click.echo(f"           gamma = {e.effective_gamma:g}")
    click.echo(
        f"start      lambda_0 = {lambda0:g}, sigma_0 = {sigma0:g} (sigma = {sigma:g}), rho = {rho:g}, "
        f"seed {e.seed}"
    )
    steps = f"{e.stimulus_steps} + {e.delay_steps} + {e.response_steps}"
    own_clip = gated.CLIP if e.model == "gru" else e.gradient_clip
    limits = (("each step's gradient", own_clip), ("the gradient's norm", e.norm_clip))
    clipped = ", ".join(f"{name} at most {limit:g}" for name, limit in limits if limit is not None)
    click.echo(
        f"training   trials of {steps} steps, {e.batch_size} per update, learning rate "
        f"{e.learning_rate:g}, {clipped or 'no limit on gradients'}"
    )


def _say_where(stage: DelayLearning) -> None:
    folder = stage.folder()
    state, kept = f"{stage.iterations} updates", str(stage.infra.folder)
    if stage.is_shipped():
        state, kept = "comes with the book", str(stage.shipped_file())
    elif (folder / "job.pkl").exists():
        state = "trained already"
    elif (folder / "resume").exists():
        state += ", going on where it was broken off"
    click.echo(f"{title(stage.task)}: {state}; kept in {kept}")


def _summarise(stage: DelayLearning, result: Result, judged: bool) -> None:
    loss = float(result["infloss"][0])
    verdict = "solves the task" if loss < stage.limit else "FAILS"
    compared = f": the network {verdict} (limit {stage.limit:g})" if judged else ""
    click.echo(f"  information loss {loss:.3g} on {stage.test_trials} test trials{compared}")
    stopped = int(result["diverged"][0])
    if stopped >= 0:
        click.echo(f"  training stopped at update {stopped}, when the loss was no longer finite")
    index, entropy, ridge = (estimate(result[name][0]).value for name in ("index", "entropy", "ridge"))
    if np.isnan(index):
        click.echo("  no sequentiality index: no unit is active")
        return
    click.echo(
        f"  sequentiality index {index:.3f} = entropy of peak times {entropy:.3f} + ridge to background "
        f"{ridge:.3f} ({stage.index_trials} trials)"
    )
