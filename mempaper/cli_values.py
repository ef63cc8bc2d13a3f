"""How values are given on the command line."""

from __future__ import annotations

from typing import Any

import click
import yaml

from mempaper.parameters import ConfigError


def parse_value(text: str) -> Any:
    """Read a number, a truth value, None or a word, as papermill does for ``-p``."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parse_parameters(pairs: tuple[tuple[str, str], ...], texts: tuple[str, ...]) -> dict[str, Any]:
    """Parameters given as ``-p key value`` and as YAML mappings, ``-y``."""
    given: dict[str, Any] = {}
    for text in texts:
        try:
            mapping = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"-y {text!r} is not YAML: {error}") from None
        if not isinstance(mapping, dict):
            raise ConfigError(f"-y {text!r} is not a mapping like 'kernel: l1'")
        given |= mapping
    return given | {name: parse_value(value) for name, value in pairs}


mode_option = click.option(
    "--mode",
    default=None,
    help="smoke (seconds, plumbing only), fast (minutes, the default) or full (the paper's setting).",
)
