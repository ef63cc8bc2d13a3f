"""The page "Speed and cost": measured throughput, and what the paper's own scale costs."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mempaper import costs, measurements
from mempaper.catalogue import groups, papers
from mempaper.experiment import Experiment
from mempaper.pages import WIDE, title
from mempaper.parameters import Mode
from mempaper.sweep import Group, distinct, with_needs
from mempaper.tables import table_start

UNKNOWN = "n.a."
THROUGHPUT = ("Training loop", "Networks", "Updates/s", "Plain, updates/s", "Ratio", "Matrix products")
COSTS = ("Group", "For", "Networks", "Updates of each", "CPU-hours")
COLUMNS = """\
- **Updates/s**: updates a second by this package, in one process with one thread, summed over the
  networks that learn together.
- **Plain**: the same of one network in an implementation that follows the paper's equations in the most
  direct way. What it does one after the other stands below the number.
- **Ratio**: the first over the second. They took turns; the quickest round of each counts, in processor
  time.
- **Matrix products**: operations of the loop's matrix products a second, over those of large float32
  matrix products alone ({rate}, by torch's default library or by oneDNN, whichever is quicker). What is
  no matrix product counts as nothing, so small networks, which are bound by the overhead of calls, stay
  far below 100 %."""
EXPLAINED = """\
What one core takes for every group of networks when `mempaper sweep PAPER/GROUP --mode full` trains it,
with the paper's sizes and numbers of updates; {basis}. The hours are networks times updates times the
time of an update. They are an estimate:

- The networks are as many as mode *full* trains; with `--n-seeds` hours grow in proportion.
- All updates are counted that a training may make. Many networks stop sooner, at a curriculum's end.
- All updates of an experiment are taken to cost the same, whatever its condition is. Longer sequences,
  Hebbian networks and other architectures cost more or less.
- What a training starts from, such as a pretraining, is counted in; analyses are not. The updates in
  the table are those of the training itself.

A network that two groups share is counted in each of them, but once in the total. *{unknown}* means that
there is no measured time, as for simulations with trained networks."""


@dataclass(frozen=True)
class Cost:
    """What a group of networks takes.

    Attributes
    ----------
    networks : int
    updates : tuple of int
        Smallest and largest number of updates of a network.
    hours : float, optional
        Of one core; None where it is not known for one of the runs.
    """

    networks: int
    updates: tuple[int, int]
    hours: float | None


def cost(runs: Iterable[Experiment]) -> Cost:
    """What several runs take together, with what they start from, each different one counted once."""
    own = distinct(runs)
    hours = [costs.hours(run) for run in with_needs(own)]
    updates = [run.updates_planned() for run in own]
    known = [h for h in hours if h is not None]
    return Cost(
        sum(run.n_networks() for run in own),
        (min(updates, default=0), max(updates, default=0)),
        sum(known) if known and len(known) == len(hours) else None,
    )


def total_cost(found: Iterable[Group], mode: Mode = "full") -> Cost:
    """What all groups take together; runs of unknown cost are left out."""
    runs = [run for group in found for run in group.runs(mode).values()]
    return cost(run for run in runs if costs.hours(run) is not None)


def speed() -> str:
    """Markdown of the page."""
    text = [
        *WIDE,
        "# Speed and cost",
        "",
        "What training costs, measured. {doc}`guide/speed_notes` tells where the time goes and what was "
        "tried; {doc}`guide/scale` how to train on more than one machine.",
        "",
        "## Throughput",
        "",
        *_throughput(measurements.read("speed.yml")),
        "",
        "## Cost at the paper's scale",
        "",
        EXPLAINED.format(basis=html.escape(costs.basis()), unknown=UNKNOWN),
        "",
    ]
    for paper in papers():
        text += [f"### {title(paper)}", "", _costs(paper), ""]
    return "\n".join(text)


def _throughput(table: dict[str, Any]) -> list[str]:
    if not table:
        return ["No throughput was measured yet: `make bench` does it."]
    machine = table["machine"]
    dates = sorted({str(row["date"]) for row in table["rows"]})
    when = dates[0] if len(dates) == 1 else f"between {dates[0]} and {dates[-1]}"
    rate = f"{machine['matrix_product_gflops']:g} GFLOP/s"
    where = f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}"
    lines = [table_start("Numbers of throughput", THROUGHPUT)]
    for row in table["rows"]:
        plain = html.escape(row["plain"])
        cells = [
            html.escape(row["sizes"]),
            _number(row["updates_per_second"]),
            f"{_number(row['plain_updates_per_second'])} <small>{plain}</small>",
            _number(row["ratio_to_plain"]),
            f"{_number(100 * row['matrix_product_share'])} %",
        ]
        lines.append(_row(html.escape(row["loop"]).replace("/", "/<wbr>"), cells))
    return [
        f"Measured on {when} with one thread of {html.escape(where)}; `make bench` measures it anew.",
        "",
        COLUMNS.format(rate=rate),
        "",
        "".join([*lines, "</tbody></table></div>"]),
    ]


def _costs(paper: str) -> str:
    own = {name: group for name, group in groups().items() if name.split("/")[0] == paper}
    lines = [table_start(f"Numbers of cost, {paper}", COSTS)]
    for name, group in own.items():
        found = cost(group.runs("full").values())
        lines.append(_cost_row(name.split("/")[1], group.title, found))
    lines.append(_cost_row("Total", "all that is known, each network once", total_cost(own.values())))
    return "".join([*lines, "</tbody></table></div>"])


def _cost_row(name: str, purpose: str, found: Cost) -> str:
    low, high = found.updates
    updates = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    unknown = found.hours is None
    cells = [
        html.escape(purpose),
        f"{found.networks:,}",
        UNKNOWN if unknown else updates,
        UNKNOWN if found.hours is None else _number(found.hours),
    ]
    return _row(html.escape(name), cells)


def _row(head: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{head}</th>' + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"


def _number(value: float) -> str:
    """With two digits, and with all that are before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
