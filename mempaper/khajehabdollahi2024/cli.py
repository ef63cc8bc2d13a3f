"""``mempaper khajehabdollahi2024 ...``: trainings with the options that the original's scripts have."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, get_args

import click

from mempaper.khajehabdollahi2024 import gated, gated_storage, naming, trainer
from mempaper.khajehabdollahi2024.curriculum import KINDS
from mempaper.khajehabdollahi2024.curriculum_learning import CurriculumLearning
from mempaper.khajehabdollahi2024.gated_learning import GatedSettings
from mempaper.khajehabdollahi2024.model import ACTIVATIONS
from mempaper.khajehabdollahi2024.task import TaskName

ONE_HEAD = ("single", "single_nocurr")
FURTHER = (
    "n_units",
    "batch_size",
    "updates_per_epoch",
    "test_batches",
    "max_epochs",
    "max_n",
    "pass_mark",
    "learning_rate",
    "tau_factor",
    "device",
)
Decorator = Callable[[Callable[..., None]], Callable[..., None]]


class FurtherOption(click.Option):
    """An option that the original does not have."""


class TrainCommand(click.Command):
    """Shows the original's options first and ours below."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write two lists of options."""
        for title, further in (("Options", False), ("Beyond the original", True)):
            shown = [p for p in self.get_params(ctx) if isinstance(p, FurtherOption) is further]
            records = [record for p in shown if (record := p.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)


class Duplicates(click.ParamType):
    """Whole numbers as ``7,8,9,10`` or ``[7, 8, 9, 10]``."""

    name = "7,8,9,10"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Read the numbers."""
        try:
            return tuple(int(part) for part in str(value).strip().strip("[]").split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers like 7,8,9,10", param, ctx)


def field_option(
    field: str, *flags: str, cls: type[click.Option] = click.Option, **given: Any
) -> Decorator:
    """An option that sets a field of the experiment, with the field's default and description."""
    described = CurriculumLearning.model_fields[field]
    text = str(described.description)
    given = {"show_default": True, "help": f"{text[:1].upper()}{text[1:]}.", **given}
    if not given.get("required"):
        given.setdefault("default", described.default)
    return click.option(*flags, field, cls=cls, **given)


def options(*decorators: Decorator) -> Decorator:
    """Several options as one decorator."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


base_option = click.option(
    "-b",
    "--base_path",
    default="trained_models",
    show_default=True,
    help="Folder for the networks' folders.",
)
number_option = click.option(
    "-n",
    "--network_number",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Ends the name of the network's folder.",
)
task_option = field_option("task", "-t", "--task", type=click.Choice(get_args(TaskName)))
activation_option = field_option(
    "activation",
    "-a",
    "--afunc",
    type=click.Choice(list(ACTIVATIONS)),
    help="Activation function; -m default networks have leakyrelu.",
)
head_options = options(
    field_option("init_heads", "-ih", "--init_heads"),
    field_option("add_heads", "-dh", "--add_heads"),
    field_option("forget_heads", "-fh", "--forget_heads"),
)


def seed_option(cls: type[click.Option] = click.Option) -> Decorator:
    """The seed, which need not be given."""
    return click.option(
        "-s",
        "--seed",
        cls=cls,
        type=int,
        help="Decides all random numbers; by default that of the training in the folder, else a random "
        "32-bit integer.",
    )


def further_option(field: str, **given: Any) -> Decorator:
    """One of :data:`FURTHER`."""
    flag = "--num_neurons" if field == "n_units" else f"--{field}"
    return field_option(field, flag, cls=FurtherOption, **given)


def gated_option(field: str) -> Decorator:
    """The same for LSTM and GRU networks, which have other defaults."""
    given = {"help": "Of Adam."} if field == "learning_rate" else {}
    default = "cpu" if field == "device" else getattr(GatedSettings, field)
    return further_option(field, default=default, **given)


def curriculum_option(*kinds: str) -> Decorator:
    """Which of the curricula a command trains."""
    described = {
        "cumulative": "heads for ever more N",
        "sliding": "heads for a window of N",
        "single": "one head for N after N",
        "single_nocurr": "one head for one N",
    }
    text = "; ".join(f"{kind}: {described[kind]}" for kind in kinds)
    return field_option(
        "curriculum", "-c", "--curriculum_type", type=click.Choice(kinds), help=f"{text}."
    )


@click.group(
    "khajehabdollahi2024",
    context_settings={"help_option_names": ["-h", "--help"]},
    short_help="Train networks with the options of the original's scripts.",
)
def cli() -> None:
    """Train networks of Khajehabdollahi, Zeraati et al. (2024), each into a folder of its own.

    A training that was broken off goes on when the same command is given again.
    """


@cli.command("train", cls=TrainCommand)
@base_option
@field_option(
    "placement",
    "-m",
    "--model_type",
    type=click.Choice(["default", "mod"]),
    help="Non-linearity around the leak (default) or inside it (mod).",
)
@activation_option
@field_option("n_units", "-nn", "--num_neurons")
@field_option("first_n", "-ni", "--ns_init")
@curriculum_option(*KINDS)
@number_option
@task_option
@field_option(
    "fixed_tau",
    "-T",
    "--tau",
    type=float,
    help="One time constant of at least 1 for all units, which is not trained; by default each unit has "
    "its own, between 1 and 2 at first, which is.",
)
@head_options
@seed_option()
@options(*(further_option(name) for name in FURTHER if name != "n_units"))
def train_command(**given: Any) -> None:
    """Train one network through a curriculum and keep it at every pass.

    The defaults are the paper's setting. The networks lie in
    BASE_PATH/{curriculum}_{task}_network_{n}/rnn_N{min}_N{max}.
    """
    _train(**given)


@cli.command("train_continuous", cls=TrainCommand)
@base_option
@activation_option
@curriculum_option(*KINDS[:3])
@task_option
@number_option
@head_options
@seed_option()
@field_option(
    "duplicates",
    "-dup",
    "--duplicates",
    required=True,
    type=Duplicates(),
    help="How often each bit is repeated; one update for each of these numbers in turn.",
)
@field_option("initial_tau", "-it", "--init_tau", type=float)
@options(*(further_option(name) for name in FURTHER))
def train_continuous_command(**given: Any) -> None:
    """Train one network of the continuous model, whose steps are fractions of an input step."""
    _train(placement="continuous", **given)


@cli.command("train_lstm", cls=TrainCommand)
@base_option
@number_option
@curriculum_option("cumulative", "single")
@click.option(
    "-k",
    "--cell",
    "kind",
    cls=FurtherOption,
    default="lstm",
    show_default=True,
    type=click.Choice(gated.KINDS),
    help="Kind of units.",
)
@seed_option(FurtherOption)
@options(*(gated_option(name) for name in FURTHER if name != "tau_factor"))
def train_lstm_command(base_path: str, network_number: int, seed: int | None, **fields: Any) -> None:
    """Train one LSTM or GRU network on parities, through a curriculum.

    The networks lie in BASE_PATH/lstm_{curriculum}_network_{n}/lstm_N2_N{max}.
    """
    from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning  # reads much of scipy

    config = GatedLearning.checked(n_seeds=1, **fields)
    folder = gated_storage.gated_folder(config, base_path, network_number)
    seed = _seed(seed, trainer.Place(folder, config.kind))
    trainer.train_gated(config.replace(seed=seed), base_path, network_number, tell=click.echo)


def _seed(given: int | None, place: trainer.Place) -> int:
    """The seed that is given, or that of the training in the folder, or a random one."""
    seed = place.seed() if given is None else given
    return secrets.randbits(31) if seed is None else seed


def _train(base_path: str, network_number: int, seed: int | None, **fields: Any) -> None:
    if fields["curriculum"] in ONE_HEAD:
        for name in ("init_heads", "add_heads", "forget_heads"):
            if fields.pop(name) != 1:
                click.echo(f"{fields['curriculum']} has one head: {name} is 1", err=True)
    config = CurriculumLearning.checked(n_seeds=1, **fields)
    place = trainer.Place(naming.network_folder(config, base_path, network_number), "rnn")
    config = config.replace(seed=_seed(seed, place))
    trainer.train_timescale(config, base_path, network_number, tell=click.echo)
