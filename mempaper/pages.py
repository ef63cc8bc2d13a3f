"""Pages that the build writes from what was executed: the scoreboard, the check against the original."""

from __future__ import annotations

import html
from typing import Any

from mempaper import claims
from mempaper.catalogue import papers
from mempaper.claims import JUDGED, show_measured
from mempaper.paths import ROOT
from mempaper.tables import MARK, show_published, table_start
from mempaper.verify import Verdict, verify

VERDICTS: dict[Verdict, tuple[str, str]] = {  # mark and style
    "ok": ("✓ ok", "reproduced"),
    "missed": ("✗", "not-reproduced"),
    "skipped": ("– skipped:", "skipped"),
}
WIDE = ("---", "html_theme.sidebar_secondary.remove: true", "---", "")  # room for the tables


def scoreboard(records: list[dict[str, Any]]) -> str:
    """Markdown of the scoreboard page, from the executed notebooks' records alone."""
    text = [
        *WIDE,
        "# Scoreboard",
        "",
        "Every claim of every paper, as the executed chapters of this build measured and judged it.",
        "*Fast* is the mode in which this book was built, from scratch on two cores; *full* is the "
        "paper's own setting, as recorded when it was last run. A fast result never speaks for a "
        "full one.",
        "",
    ]
    for paper in papers():
        rows = claims.roll_up(paper, records)
        text += [f"## {title(paper)}", ""]
        for column in ("fast", "full"):
            counts = claims.count(rows, column)
            parts = [f"{n} {status}" for status, n in counts.most_common()]
            text.append(f"- {column}: {', '.join(parts)}")
        text.append("")
        for figure in dict.fromkeys(row["claim"].figure for row in rows):
            own = [row for row in rows if row["claim"].figure == figure]
            text += [f"### {{doc}}`{paper}/{figure}`", "", _table(paper, own), ""]
    return "\n".join(text)


def _table(paper: str, rows: list[dict[str, Any]]) -> str:
    head = ("Claim", "Statement", "Required", "Published", "Fast", "Full")
    lines = [table_start(f"Claims of {paper}, {rows[0]['claim'].figure}", head)]
    for row in rows:
        claim = row["claim"]
        link = f'<a href="{paper}/{claim.figure}.html">{claim.id}</a>'
        cells = [html.escape(claim.statement), str(claim.expect), html.escape(show_published(claim))]
        if claim.cause:
            cells[0] += f" <em>Suspected cause: {html.escape(claim.cause)}</em>"
        lines.append(f'<tr class="{row["fast"].status.replace(" ", "-")}"><th scope="row">{link}</th>')
        lines += [f"<td>{cell}</td>" for cell in cells]
        for column in ("fast", "full"):
            j = row[column]
            shown = f" <small>{show_measured(j)}</small>" if j.status in JUDGED else ""
            if shown and claim.note.get(column):
                shown += f" <small>({html.escape(claim.note[column])})</small>"
            kind = j.status.replace(" ", "-")
            lines.append(f'<td class="status {kind}">{MARK[j.status]} {j.status}{shown}</td>')
        lines.append("</tr>")
    return "".join([*lines, "</tbody></table></div>"])


def checked() -> str:
    """Markdown of the page that compares our numbers with the original code's."""
    text = [
        *WIDE,
        "# Checked against the original code",
        "",
        "Each line recomputes arrays that the original code of a paper gave, from the same inputs and "
        "weights, with the function named. Run it yourself with `mempaper verify PAPER FOLDER`.",
        "",
    ]
    head = ("File", "Function", "Largest error", "relative", "Tolerance", "Verdict")
    for paper in papers():
        folder = ROOT / "tests" / "fixtures" / paper
        if not folder.is_dir():
            continue
        text += [f"## {title(paper)}", ""]
        lines = [table_start(f"Numbers of {paper}", head)]
        for row in verify(paper, folder):
            mark, kind = VERDICTS[row.verdict]
            verdict = f"{mark} {html.escape('; '.join(row.notes))}".rstrip()
            lines.append(
                f'<tr class="{kind}"><th scope="row">{row.file}</th><td>{html.escape(row.function)}</td>'
                f"<td>{row.absolute:.1e}</td><td>{row.relative:.1e}</td><td>{row.tolerance:g}</td>"
                f'<td class="status {kind}">{verdict}</td></tr>'
            )
        text += ["".join([*lines, "</tbody></table></div>"]), ""]
    return "\n".join(text)


def title(paper: str) -> str:
    """Title of a paper's first page."""
    text = (ROOT / "book" / paper / "index.md").read_text()
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")
