"""Names and values of parameters: what is misspelt or impossible is refused in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import BaseModel, ValidationError

Mode = Literal["smoke", "fast", "full"]
MODES: tuple[Mode, ...] = get_args(Mode)


class ConfigError(ValueError):
    """A parameter is unknown or impossible; the message says what is allowed."""


def check_names(names: Iterable[str], allowed: Iterable[str], what: str = "parameter") -> None:
    """Raise ConfigError for the first name that is not allowed, with the nearest valid one."""
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"Unknown {what} {name!r}.{hint} Allowed: {', '.join(sorted(allowed))}.")


def check_mode(mode: object) -> Mode:
    """Return ``mode``; raise ConfigError unless it is smoke, fast or full."""
    for allowed in MODES:
        if mode == allowed:
            return allowed
    near = difflib.get_close_matches(str(mode), MODES, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"mode is {mode!r}; allowed are {', '.join(MODES)}.{hint}")


def unless_full(given: object, mode: Mode, name: str) -> bool:
    """A chapter's parameter that costs much at full scale: None means not in full mode.

    Raises
    ------
    ConfigError
        It is neither None nor a truth value.
    """
    if given is None:
        return mode != "full"
    if not isinstance(given, bool):
        raise ConfigError(f"{name} is {given!r}; allowed are True, False and None.")
    return given


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """What a model's fields refused, a line each, with what they are."""
    lines = []
    for item in error.errors():
        field = str(item["loc"][0]) if item["loc"] else "these parameters"
        described = model.model_fields[field].description if field in model.model_fields else None
        about = f" ({field}: {described})" if described else ""
        reason = item["msg"].removeprefix("Value error, ").removesuffix(".")
        given = f" is {item['input']!r}" if item["loc"] else ""
        lines.append(f"{field}{given}: {reason}.{about}")
    return "\n".join(lines)
