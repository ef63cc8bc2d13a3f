"""What the book has: its papers and their experiments."""

from __future__ import annotations

import functools
import importlib

import click

from mempaper.experiment import Experiment
from mempaper.parameters import check_names
from mempaper.paths import PACKAGE
from mempaper.sweep import Group


@functools.cache
def papers() -> tuple[str, ...]:
    """Slugs of the papers that live in this package."""
    return tuple(sorted(file.parent.name for file in PACKAGE.glob("*/experiments.py")))


@functools.cache
def experiments() -> dict[str, type[Experiment]]:
    """Every experiment by ``paper/name``."""
    found = {}
    for paper in papers():
        for experiment in importlib.import_module(f"mempaper.{paper}.experiments").EXPERIMENTS:
            found[f"{paper}/{experiment.name}"] = experiment
    return found


def experiment(name: str) -> type[Experiment]:
    """Experiment class by ``paper/name``; ConfigError names the nearest one otherwise."""
    check_names([name], experiments(), "experiment")
    return experiments()[name]


@functools.cache
def groups() -> dict[str, Group]:
    """Every group of networks that the papers train, by ``paper/name``."""
    found = {}
    for paper in papers():
        for name, group in importlib.import_module(f"mempaper.{paper}.groups").GROUPS.items():
            found[f"{paper}/{name}"] = group
    return found


@functools.cache
def command_papers() -> tuple[str, ...]:
    """Slugs of the papers that have commands of their own."""
    return tuple(sorted(file.parent.name for file in PACKAGE.glob("*/cli.py")))


def commands(paper: str) -> click.Group:
    """Commands of one of :func:`command_papers`."""
    group = importlib.import_module(f"mempaper.{paper}.cli").cli
    assert isinstance(group, click.Group)
    return group
