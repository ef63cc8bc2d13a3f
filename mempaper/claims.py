"""The claims ledger: what a paper says, what was measured, and whether it was reproduced.

``data/claims/<paper>.yml`` holds the claims; a chapter measures them; ``data/claims/recorded/``
keeps what was measured in runs that are too long for every build.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mempaper import records
from mempaper.checkpoint import write_atomically
from mempaper.parameters import ConfigError, Mode, check_names
from mempaper.paths import data_folder
from mempaper.stats import Estimate, estimate

Status = Literal["reproduced", "partly", "not reproduced", "not judged", "not run", "not attempted"]
RANK: dict[Status, int] = {
    "reproduced": 3,
    "partly": 2,
    "not reproduced": 1,
    "not attempted": 0,
    "not judged": 0,
    "not run": 0,
}
JUDGED: tuple[Status, ...] = ("reproduced", "partly", "not reproduced")
MIME = "application/vnd.mempaper.claims+json"


class Strict(BaseModel):
    """Base of the ledger's records: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Published(Strict):
    """A value as published, and where it was read."""

    value: float | str
    error: float | None = None
    source: str


class Criterion(Strict):
    """What must hold: exactly one of ``between``, ``above`` and ``below``."""

    between: tuple[float, float] | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Criterion:
        if sum(x is not None for x in (self.between, self.above, self.below)) != 1:
            raise ValueError("give exactly one of between, above, below")
        return self

    def judge(self, e: Estimate) -> Status:
        """Judge an estimate.

        ``between`` asks for the mean: inside is reproduced, an interval that reaches inside is
        partly. ``above`` and ``below`` ask for the whole confidence interval: a mean alone on the
        right side is partly.
        """
        if math.isnan(e.value):
            return "not reproduced"
        if self.between is not None:
            low, high = self.between
            if low <= e.value <= high:
                return "reproduced"
            return "partly" if e.low <= high and e.high >= low else "not reproduced"
        bound = self.above if self.above is not None else self.below
        assert bound is not None
        sign = 1 if self.above is not None else -1
        worst = e.low if sign > 0 else e.high
        if sign * (worst - bound) > 0:
            return "reproduced"
        return "partly" if sign * (e.value - bound) > 0 else "not reproduced"

    def __str__(self) -> str:
        if self.between is not None:
            return f"in [{self.between[0]:g},\u00a0{self.between[1]:g}]"
        return f"> {self.above:g}" if self.above is not None else f"< {self.below:g}"


class Claim(Strict):
    """One claim of the ledger."""

    id: str
    figure: str = Field(description="chapter that measures it, without the paper's name")
    statement: str = Field(description="in our words")
    kind: Literal["value", "ordering", "sign", "slope", "location"]
    published: Published | None = None
    reference: Published | None = Field(
        None, description="in place of it, a value that was not published: of the original code, say"
    )
    statistic: str = Field(description="what is measured")
    expect: Criterion
    reason: str = Field(description="why this tolerance; decided before looking")
    expected: dict[Mode, Status] = Field(default={"fast": "reproduced", "full": "reproduced"})
    cause: str | None = Field(None, description="suspected cause where it does not reproduce")
    note: dict[Mode, str] = Field(default={}, description="on the networks of a mode, e.g. shipped")

    @model_validator(mode="after")
    def _one_value(self) -> Claim:
        if self.published is not None and self.reference is not None:
            raise ValueError("give published or reference, not both")
        return self


class Judgement(Strict):
    """A measured claim, as an executed notebook holds it."""

    id: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    status: Status


def _ledger(paper: str) -> tuple[Path, dict[str, Any]]:
    path = data_folder() / "claims" / f"{paper}.yml"
    try:
        content = yaml.safe_load(path.read_text())
        check_names(content, ("claims", "facts"), "key")
        return path, {"claims": [], "facts": {}, **content}
    except (OSError, yaml.YAMLError, TypeError, ConfigError) as error:
        raise ConfigError(f"{path} is missing or is no ledger: {error}") from error


def facts(paper: str, name: str) -> dict[str, Any]:
    """A published series of the ledger: named lists and their ``source``."""
    path, ledger = _ledger(paper)
    check_names([name], ledger["facts"], f"fact of {path.name}")
    return ledger["facts"][name]


def load(paper: str) -> dict[str, Claim]:
    """The claims of a paper's ledger, by id.

    Raises
    ------
    ConfigError
        The file is missing or malformed; the message names the claim and the key.
    """
    path, ledger = _ledger(paper)
    claims: dict[str, Claim] = {}
    for entry in ledger["claims"]:
        try:
            claim = Claim(**entry)
        except ValidationError as error:
            raise ConfigError(f"{path}, claim {entry.get('id')}: {error}") from None
        if claim.id in claims:
            raise ConfigError(f"{path} has claim {claim.id} twice")
        claims[claim.id] = claim
    return claims


def judge(claims: Mapping[str, Claim], measured: Mapping[str, Any], mode: Mode) -> list[Judgement]:
    """Judge measurements of one figure.

    Parameters
    ----------
    claims : mapping
        All claims of the figure.
    measured : mapping
        By claim id: an Estimate, one number per seed, or None for what was not run, or not attempted
        where the ledger expects that.
    mode : Mode
        In smoke mode nothing is judged.

    Raises
    ------
    ConfigError
        A measurement without a claim, or a claim without a measurement.
    """
    check_names(measured, claims, "claim")
    missing = sorted(set(claims) - set(measured))
    if missing:
        raise ConfigError(f"The figure's claims {', '.join(missing)} were not measured")
    judged = []
    for name, claim in claims.items():
        given = measured[name]
        e = given if isinstance(given, Estimate) else estimate([] if given is None else given)
        status: Status = "not judged" if mode == "smoke" else claim.expect.judge(e)
        if given is None and mode != "smoke":
            left_out = claim.expected.get(mode) == "not attempted"
            status = "not attempted" if left_out else "not run"
        value, low, high = (None if np.isnan(x) else float(x) for x in (e.value, e.low, e.high))
        judged.append(Judgement(id=name, value=value, low=low, high=high, n=e.n, status=status))
    return judged


def show_measured(j: Judgement) -> str:
    """Value with its interval, or with the number of seeds where there is no interval."""
    if j.value is None:
        return "no value"
    if j.low is None or j.high is None:
        return f"{j.value:.3g} (n = {j.n})"
    return f"{j.value:.3g}" if j.low == j.high else f"{j.value:.3g} [{j.low:.3g},\u00a0{j.high:.3g}]"


def read_notebook(path: Path) -> dict[str, Any] | None:
    """What an executed notebook measured, judged anew by today's ledger.

    Returns
    -------
    dict or None
        ``chapter``, ``mode``, ``judgements`` and what else the chapter recorded; None where the
        notebook shows no claims table.

    Raises
    ------
    ConfigError
        The file is no notebook.
    """
    try:
        record = records.read(path, MIME)
    except Exception as error:  # nbformat raises several unrelated kinds
        raise ConfigError(f"{path} is not a notebook: {error}") from None
    return None if record is None else _judge_again(record)


def _judge_again(record: dict[str, Any]) -> dict[str, Any]:
    """Apply today's criteria to recorded measurements; claims that are gone are dropped."""
    claims = load(record["chapter"].split("/")[0])
    judgements = []
    for entry in record["judgements"]:
        j = Judgement(**entry)
        if j.id not in claims:
            continue
        if j.status in JUDGED:
            value, low, high = (math.nan if x is None else x for x in (j.value, j.low, j.high))
            e = Estimate(value, low, high, j.n)
            j = j.model_copy(update={"status": claims[j.id].expect.judge(e)})
        judgements.append(j.model_dump())
    return {**record, "judgements": judgements}


def recorded(paper: str) -> dict[str, dict[str, Any]]:
    """Records of full-mode runs kept with the book, by chapter."""
    path = data_folder() / "claims" / "recorded" / f"{paper}.json"
    if not path.exists():
        return {}
    return {chapter: _judge_again(r) for chapter, r in json.loads(path.read_text()).items()}


def _turned(record: dict[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a recorded run that are neither as declared nor, if that is None, as in its mode.

    One that is no field of the experiment may be True in place of None: that adds what full mode leaves
    out, see :func:`mempaper.parameters.unless_full`, and changes nothing else.
    """
    given, preset = record["parameters"], record["preset"]
    usual = {k: preset.get(k) if v is None else v for k, v in declared.items()}
    adds = {k for k, v in declared.items() if v is None and k not in preset and given.get(k) is True}
    return {k: v for k, v in given.items() if k not in adds and v not in (declared.get(k), usual.get(k))}


def keep_record(record: dict[str, Any], declared: Mapping[str, Any]) -> Path:
    """Keep a full-mode record with the book; returns the file.

    Parameters
    ----------
    record : dict
    declared : mapping
        The values that the chapter declares for its parameters.

    Raises
    ------
    ConfigError
        The run is not the chapter's own in full mode: other seeds are all that it may have.
    """
    if record["mode"] != "full":
        raise ConfigError(f"{record['chapter']} was run in {record['mode']} mode; only full is kept")
    if "parameters" not in record:
        raise ConfigError(f"{record['chapter']} does not say its parameters: run it again")
    if other := _turned(record, declared):
        names = ", ".join(f"{name}={value!r}" for name, value in other.items())
        raise ConfigError(
            f"{record['chapter']} was run with {names}; only runs with the chapter's own parameters "
            "are kept, the seed excepted."
        )
    paper = record["chapter"].split("/")[0]
    path = data_folder() / "claims" / "recorded" / f"{paper}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[record["chapter"]] = record
    write_atomically(path, (json.dumps(kept, indent=1, sort_keys=True) + "\n").encode())
    return path


def roll_up(paper: str, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every claim of a paper with what is known of it in fast and in full mode.

    Parameters
    ----------
    paper : str
    records : iterable of dict
        From :func:`read_notebook`.

    Returns
    -------
    list of dict
        Per claim: ``claim`` (Claim), ``fast`` and ``full`` (Judgement; status 'not run' where
        there is none).
    """
    claims = load(paper)
    found: dict[tuple[str, str], Judgement] = {}
    for record in [*recorded(paper).values(), *records]:
        if not record["chapter"].startswith(f"{paper}/"):
            continue
        column = "full" if record["mode"] == "full" else "fast"
        for entry in record["judgements"]:
            found[entry["id"], column] = Judgement(**entry)
    blank = {"value": None, "low": None, "high": None, "n": 0, "status": "not run"}
    return [
        {
            "claim": claim,
            **{
                column: found.get((claim.id, column), Judgement(id=claim.id, **blank))  # type: ignore[arg-type]
                for column in ("fast", "full")
            },
        }
        for claim in claims.values()
    ]


def worse_than_expected(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Sentences on the claims whose judged status is worse than the ledger expects."""
    sentences = []
    for row in rows:
        for column in ("fast", "full"):
            expected = row["claim"].expected.get(column)
            j = row[column]
            if j.status in JUDGED and expected and RANK[j.status] < RANK[expected]:
                sentences.append(
                    f"{row['claim'].id} ({row['claim'].figure}, {column}): {j.status}, expected "
                    f"{expected}; measured {show_measured(j)}, required {row['claim'].expect}"
                )
    return sentences


def count(rows: Iterable[dict[str, Any]], column: str) -> Counter[str]:
    """How many claims have which status."""
    return Counter(row[column].status for row in rows)
