"""Writes ``data/speed.yml``, the table of throughputs, from what pytest-benchmark kept: `make bench`.

Rows that this run did not measure stay as they are, unless they are of another machine: those are left
out, since rates of two machines cannot stand in one table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import rates

from mempaper import measurements

HEADER = """\
# Training throughput: updates a second, summed over networks, of this project's training loops and of
# plain implementations, with one thread. Written by `make bench`; the page "Speed and cost" shows it.
"""
NUMBERS = (
    "updates_per_second",
    "plain_updates_per_second",
    "ratio_to_plain",
    "matrix_product_share",
)
MACHINE = ("processor", "cores", "torch")


def rows_of(report: dict[str, Any]) -> tuple[list[dict[str, Any]], float]:
    """Rows of training loops in a report of pytest-benchmark, and GFLOP/s of matrix products."""
    found, products = [], []
    for benchmark in report["benchmarks"]:
        extra = benchmark["extra_info"]
        if "loop" in extra:
            words = {name: extra[name] for name in ("loop", "sizes", "plain")}
            numbers = {name: float(f"{extra[name]:.3g}") for name in NUMBERS}
            found.append({**words, **numbers, "date": report["datetime"][:10]})
            products.append(extra["matrix_product_gflops"])
    if not found:
        raise SystemExit("no training loop was measured: nothing is written")
    return found, round(max(products), 1)


def merged(known: dict[str, Any], report: dict[str, Any], machine: dict[str, Any]) -> dict[str, Any]:
    """What is known with a report's rows in it."""
    fresh, product_rate = rows_of(report)
    same = all(known.get("machine", {}).get(name) == machine[name] for name in MACHINE)
    rows = {(row["loop"], row["sizes"]): row for row in known.get("rows", []) if same}
    rows |= {(row["loop"], row["sizes"]): row for row in fresh}
    return {
        "date": report["datetime"][:10],
        "machine": {**machine, "matrix_product_gflops": product_rate},
        "rows": sorted(rows.values(), key=lambda row: row["loop"]),
    }


def main() -> None:
    """Read the report that is named, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="what --benchmark-json has written")
    report = json.loads(parser.parse_args().report.read_text())
    known = measurements.read("speed.yml")
    table = merged(known, report, rates.machine())
    file = measurements.write("speed.yml", HEADER, table)
    old = len(known.get("rows", []))
    print(f"{len(table['rows'])} rows in {file}, {len(rows_of(report)[0])} of them new ({old} before)")


if __name__ == "__main__":
    main()
