"""Tables of judged claims: HTML for the book, text for the terminal, JSON for programs."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

from mempaper.claims import (
    JUDGED,
    MIME,
    RANK,
    Claim,
    Judgement,
    Status,
    load,
    roll_up,
    show_measured,
)
from mempaper.parameters import Mode

MARK: dict[Status, str] = {
    "reproduced": "✓",
    "partly": "~",
    "not reproduced": "✗",
    "not judged": "–",
    "not run": "–",
    "not attempted": "–",
}


def show_published(claim: Claim) -> str:
    """Published value with its error, or in brackets one that was not published, or a dash."""
    known = claim.published or claim.reference
    if known is None:
        return "–"
    text = known.value if isinstance(known.value, str) else f"{known.value:g}"
    text = text if known.error is None else f"{text} ± {known.error:g}"
    return text if claim.published else f"({text})"


def table_html(rows: Iterable[tuple[Claim, Judgement]]) -> str:
    """HTML table of judged claims."""
    head = ("Claim", "Statement", "Measured", "Required", "Published", "Status")
    lines = [table_start("Claims", head)]
    for claim, j in rows:
        slug = j.status.replace(" ", "-")
        known = claim.published or claim.reference
        source = "" if known is None else html.escape(known.source, quote=True)
        about = f"{html.escape(claim.statement)} <small>{html.escape(claim.statistic)}</small>"
        if j.status in JUDGED and RANK[j.status] < RANK["reproduced"] and claim.cause:
            about += f" <em>Suspected cause: {html.escape(claim.cause)}</em>"
        lines.append(
            f'<tr class="{slug}"><th scope="row">{claim.id}</th><td>{about}</td>'
            f"<td>{show_measured(j)}</td>"
            f'<td title="{html.escape(claim.reason, quote=True)}">{claim.expect}</td>'
            f'<td title="{source}">{html.escape(show_published(claim))}</td>'
            f'<td class="status {slug}">{MARK[j.status]} {j.status}</td></tr>'
        )
    lines.append("</tbody></table></div>")
    return "".join(lines)


def table_start(label: str, head: Iterable[str]) -> str:
    """Opening of a table that scrolls by itself on narrow screens, also from the keyboard."""
    cells = "".join(f'<th scope="col">{name}</th>' for name in head)
    return (
        f'<div class="mempaper-claims" role="region" tabindex="0" aria-label="{label}">'
        f"<table><thead><tr>{cells}</tr></thead><tbody>"
    )


def table_text(rows: Iterable[tuple[Claim, Judgement]]) -> str:
    """Plain-text version of the table."""
    rows = list(rows)
    width = max((len(claim.id) for claim, _ in rows), default=0)
    return "\n".join(
        f"{MARK[j.status]} {c.id:{width}} {j.status:15} {show_measured(j):24} required {c.expect!s:16} "
        f"{'published' if c.reference is None else 'reference'} {show_published(c):12} {c.statement}"
        for c, j in rows
    )


def bundle(chapter: str, mode: Mode, judged: list[Judgement], about: dict[str, Any]) -> dict[str, Any]:
    """Mime bundle that shows the table and carries its numbers for :func:`read_notebook`."""
    claims = load(chapter.split("/")[0])
    rows = [(claims[j.id], j) for j in judged]
    record = {"chapter": chapter, "mode": mode, "judgements": [j.model_dump() for j in judged]}
    return {
        MIME: {**record, **about},
        "text/html": table_html(rows),
        "text/plain": table_text(rows),
    }


def table_json(records: list[dict[str, Any]], papers: tuple[str, ...]) -> str:
    """Every claim of every paper with its status, as JSON."""
    rows = [
        {
            "paper": paper,
            **row["claim"].model_dump(mode="json"),
            "fast": row["fast"].model_dump(exclude={"id"}),
            "full": row["full"].model_dump(exclude={"id"}),
        }
        for paper in papers
        for row in roll_up(paper, records)
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False)
