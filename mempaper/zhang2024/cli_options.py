"""Which trainings the commands of this paper are about: names, seeds, options."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from mempaper.cli_values import parse_parameters
from mempaper.parameters import MODES, ConfigError
from mempaper.zhang2024 import groups
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.groups import DEFAULT_NOISE, Pool
from mempaper.zhang2024.layout import Run
from mempaper.zhang2024.networks import split_architecture
from mempaper.zhang2024.original import ReferenceAgent

Command = Callable[..., None]
WORDS = {
    **groups.MAIN,
    "holistic": groups.HOL,
    "modular": groups.MOD,
    "holEKF": groups.HOL_EKF,
}
ORIGINAL_ONLY, QUICK_ONLY = ("exploration", "total_trials", "extensive"), ("rounds",)
OPTIONS = ("architecture", "seed", "n_seeds", "process_noise", "observation_noise", "training")


def architecture_name(given: str) -> str:
    """An architecture, from the original's name or the paper's word for it; ConfigError if unknown."""
    name = WORDS.get(given, given)
    try:
        split_architecture(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return name


def seed_numbers(given: str) -> list[int]:
    """Seeds from a text such as '0-2,5'.

    Raises
    ------
    ConfigError
        It is none of this kind.
    """
    found: list[int] = []
    for part in given.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise ConfigError(f"--seeds {given} is not like 0, 0-2 or 0,3,5")
        found += range(first, last + 1)
    return sorted(set(found))


def one_training(
    architecture: str,
    seed: int,
    *,
    mode: str,
    training: str | None,
    noise: tuple[float, float],
    device: str,
    **fields: Any,
) -> Run:
    """The training that a command asks for; the same that the chapters of that mode ask for.

    Parameters
    ----------
    training : {'original', 'quick'}, optional
        By default the original's in full mode, else the quick recipe.
    **fields
        Of the experiment; None stands for the mode's own value.

    Raises
    ------
    ConfigError
        A field belongs to the other kind of training, is unknown, or has an impossible value.
    """
    kind = training or ("original" if mode == "full" else "quick")
    other = "quick" if kind == "original" else "original"
    fields = {name: value for name, value in fields.items() if value is not None}
    for name in QUICK_ONLY if kind == "original" else ORIGINAL_ONLY:
        if name in fields:
            raise ConfigError(f"{name} is for the {other} training: add --training {other}")
    if kind == "original":
        return ReferenceAgent.preset(
            mode,
            architecture=architecture,
            seed=seed,
            process_noise=noise[0],
            observation_noise=noise[1],
            device=device,
            **fields,
        )
    pool = Pool.preset("smoke" if mode == "smoke" else "fast", device=device)
    return pool.member(architecture, seed, noise, **fields)


def training_options(command: Command) -> Command:
    """Options that name trainings."""
    about = {**QuickAgent.model_fields, **ReferenceAgent.model_fields}

    def option(name: str, **kinds: Any) -> Callable[[Command], Command]:
        text = f"{str(about[name].description)[:1].upper()}{str(about[name].description)[1:]}."
        return click.option(f"--{name}", help=text, **kinds)

    options = (
        click.argument("architectures", nargs=-1, required=True),
        click.option("--seeds", default="0", show_default=True, help="Such as 0-2 or 0,3."),
        option("process_noise", default=DEFAULT_NOISE[0], show_default=True),
        option("observation_noise", default=DEFAULT_NOISE[1], show_default=True),
        option("gain_range", type=(float, float)),
        option("exploration", type=float),
        option("total_trials", type=int),
        option("extensive", is_flag=True, default=None),
        option("rounds", type=int),
        click.option(
            "--mode",
            type=click.Choice(MODES),
            default="full",
            show_default=True,
            help="Whose values are used: smoke (seconds), fast (small networks) or full (the paper's).",
        ),
        click.option(
            "--training",
            type=click.Choice(["original", "quick"]),
            help="The original's loop or the quick recipe.  [default: original in full mode]",
        ),
        click.option("-p", "pairs", type=(str, str), multiple=True, help="Another field: -p KEY VALUE."),
        click.option("--device", default="cpu", show_default=True, help="Torch device."),
    )
    for decorate in reversed(options):
        command = decorate(command)
    return command


def asked_for(
    architectures: Sequence[str],
    seeds: str,
    process_noise: float,
    observation_noise: float,
    pairs: Sequence[tuple[str, str]],
    **given: Any,
) -> list[Run]:
    """All trainings of a command, checked before anything runs."""
    further = parse_parameters(tuple(pairs), ())
    twice = [name for name in further if given.get(name) is not None or name in OPTIONS]
    if twice:
        raise ConfigError(f"-p {twice[0]}: there is an option for it")
    return [
        one_training(
            architecture_name(name),
            seed,
            noise=(process_noise, observation_noise),
            **{**given, **further},
        )
        for name in architectures
        for seed in seed_numbers(seeds)
    ]


def is_trained(run: Run) -> bool:
    """Whether there is a result, in the store or with the book."""
    if run.is_shipped():
        return True
    folder = run.folder()
    there = all((folder / name).exists() for name in ("job.pkl", "result.safetensors"))
    return there and not run.busy()
