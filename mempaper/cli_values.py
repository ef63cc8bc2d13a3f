"""How values are given on the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
import yaml

from mempaper.parameters import ConfigError


def parse_value(text: str) -> Any:
    """Read a number, a truth value, None or a word, as papermill does for ``-p``, or a list.

    Raises
    ------
    ConfigError
        It begins like a list, ``[0.5, 2]``, and is none.
    """
    if text.startswith("["):
        return _parse_list(text)
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parse_list(text: str) -> list[Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        values = None
    if not isinstance(values, list):
        raise ConfigError(f"{text!r} is not a list like [0.5, 2]")
    return [parse_value(v) if isinstance(v, str) else v for v in values]  # YAML takes 1e-3 for a word


def parse_parameters(pairs: tuple[tuple[str, str], ...], texts: tuple[str, ...]) -> dict[str, Any]:
    """Parameters given as ``-p key value`` and as YAML mappings, ``-y``.

    Raises
    ------
    ConfigError
        A mapping is none or has a name that is not a word, or ``-p`` names a parameter twice.
    """
    given: dict[str, Any] = {}
    for text in texts:
        try:
            mapping = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"-y {text!r} is not YAML: {error}") from None
        if not isinstance(mapping, dict):
            raise ConfigError(f"-y {text!r} is not a mapping like 'kernel: l1'")
        odd = [name for name in mapping if not isinstance(name, str)]
        if odd:
            raise ConfigError(f"-y {text!r}: the name {odd[0]!r} is not a word")
        given |= mapping
    check_once([name for name, _ in pairs], "-p")
    return given | {name: parse_value(value) for name, value in pairs}


def check_once(names: Sequence[str], option: str) -> None:
    """Raise ConfigError for the first name that an option was given twice."""
    for name, times in Counter(names).items():
        if times > 1:
            raise ConfigError(f"{option} gives {name} {times} times: give it once")


mode_option = click.option(
    "--mode",
    default=None,
    help="smoke (seconds, plumbing only), fast (minutes, the default) or full (the paper's setting).",
)
