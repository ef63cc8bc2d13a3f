"""The generated page of throughputs and costs."""

import importlib
import json
import re
import sys
from html.parser import HTMLParser

import pytest
import yaml

from mempaper import costs, measurements, speed_page
from mempaper.catalogue import experiments, groups, papers
from mempaper.paths import ROOT

MEASURED = {
    "date": "2026-01-02",
    "machine": {
        "processor": "A <quick> core",
        "cores": 2,
        "torch": "2.13",
        "matrix_product_gflops": 90.5,
    },
    "rows": [
        {
            "loop": "lu2022/recall",
            "sizes": "<i>194 units & 8 networks",
            "plain": "one step <of one> trial",
            "updates_per_second": 4321.9,
            "plain_updates_per_second": 43.2,
            "ratio_to_plain": 99.8,
            "matrix_product_share": 0.123,
            "date": "2026-01-01",
        }
    ],
}


class Tables(HTMLParser):
    """Cells of every table, and what each table lies in."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.around, self.open, self.strange = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "wbr":  # has no end
            return
        if tag == "table":
            self.around.append(self.open[-1] if self.open else None)
            self.rows.append([])
        elif tag == "tr":
            self.rows[-1].append([])
        elif tag in ("td", "th"):
            self.rows[-1][-1].append("")
        elif tag not in ("div", "thead", "tbody", "small"):
            self.strange.append(tag)
        self.open.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if any(tag in ("td", "th") for tag, _ in self.open):
            self.rows[-1][-1][-1] += data


def number(text):
    return float(text.replace(",", ""))


def all_needed(runs):
    """Runs with what they start from, each once."""
    found, waiting = {}, list(runs)
    while waiting:
        run = waiting.pop()
        found[run.name, run.key()] = run
        waiting += run.needs()
    return list(found.values())


@pytest.fixture
def written(monkeypatch):
    """The page, with throughputs that are known."""
    read = measurements.read
    monkeypatch.setattr(
        measurements, "read", lambda name: MEASURED if name == "speed.yml" else read(name)
    )
    return speed_page.speed()


@pytest.fixture
def cost_tables(written):
    """Rows of the cost table of each paper, without the head."""
    tables = Tables(written).rows[1:]
    return {paper: table[1:] for paper, table in zip(papers(), tables, strict=True)}


def test_each_group_has_one_row_and_each_paper_a_total(cost_tables):
    for paper, rows in cost_tables.items():
        own = [name.split("/")[1] for name in groups() if name.split("/")[0] == paper]
        assert [row[0] for row in rows] == [*own, "Total"]


def test_hours_are_those_of_the_estimates(cost_tables):
    known = 0
    for paper, rows in cost_tables.items():
        for row in rows[:-1]:
            runs = groups()[f"{paper}/{row[0]}"].runs("full").values()
            hours = [costs.hours(run) for run in all_needed(runs)]
            assert number(row[2]) == sum(run.n_networks() for run in runs)
            if None in hours:
                assert row[3:] == ["n.a.", "n.a."]
                continue
            known += 1
            assert number(row[4]) == pytest.approx(sum(hours), rel=0.051)
            assert number(row[3].split(" to ")[0]) == min(run.updates_planned() for run in runs)
    assert known > 30


def test_totals_count_each_network_once(cost_tables):
    for paper, rows in cost_tables.items():
        distinct = {}
        for name, group in groups().items():
            for run in group.runs("full").values() if name.split("/")[0] == paper else ():
                if costs.hours(run) is not None:
                    distinct[run.name, run.key()] = run
        total = rows[-1]
        assert number(total[2]) == sum(run.n_networks() for run in distinct.values())
        expected = sum(costs.hours(run) for run in all_needed(distinct.values()))
        assert number(total[4]) == pytest.approx(expected, rel=0.051)


def test_a_network_of_two_groups_is_not_counted_twice():
    names = ("main", "vary-test-penalty", "familiarity")
    main, same, another = (groups()[f"lu2022/{name}"] for name in names)
    once, twice = (speed_page.total_cost(g, "fast") for g in ([main], [main, same]))
    assert once == twice
    once, both, other = map(speed_page.total_cost, ([main], [main, another], [another]))
    assert both.networks == once.networks + other.networks
    assert both.hours == pytest.approx(once.hours + other.hours)


def test_a_pretraining_is_part_of_the_cost():
    (run,) = groups()["lu2022/main"].runs("full").values()
    (pretraining,) = run.needs()
    found = speed_page.cost([run])
    assert found.hours == pytest.approx(costs.hours(run) + costs.hours(pretraining))
    assert found.hours > 1.5 * costs.hours(run)
    assert (found.networks, found.updates) == (run.n_seeds, (run.updates_planned(),) * 2)


def test_the_throughput_is_what_was_measured_with_the_machine(written):
    head, row = Tables(written).rows[0]
    assert len(head) == len(row)
    assert row == [
        "lu2022/recall",
        "<i>194 units & 8 networks",
        "4,322",
        "43 one step <of one> trial",
        "100",
        "12 %",
    ]
    assert (
        "Measured on 2026-01-01 with one thread of A &lt;quick&gt; core, 2 cores, torch 2.13" in written
    )
    assert "90.5 GFLOP/s" in written


def test_words_are_escaped_and_tables_scroll_by_themselves(written):
    found = Tables(written)
    assert not found.strange
    assert len(found.around) == 1 + len(papers())
    for tag, attributes in found.around:
        assert (tag, attributes["class"], attributes["tabindex"]) == ("div", "mempaper-claims", "0")
    labels = [attributes["aria-label"] for _, attributes in found.around]
    assert len(set(labels)) == len(labels)
    for line in written.splitlines():
        assert not (line.startswith("<") and "</table></div>" not in line)  # one block of HTML each


def test_without_measurements_the_page_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(measurements, "data_folder", lambda: tmp_path)
    page = speed_page.speed()
    assert "No throughput was measured yet" in page
    assert len(Tables(page).rows) == len(papers())


def test_what_was_measured_are_training_loops():
    file = ROOT / "data" / "speed.yml"
    if not file.exists():
        pytest.skip("data/speed.yml is not there: nothing was measured yet")
    table = yaml.safe_load(file.read_text())
    keys = [(row["loop"], row["sizes"]) for row in table["rows"]]
    assert len(set(keys)) == len(keys)
    assert {loop for loop, _ in keys} <= set(experiments())
    for row in table["rows"]:
        ratio = row["updates_per_second"] / row["plain_updates_per_second"]
        assert row["ratio_to_plain"] == pytest.approx(ratio, rel=0.02)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(row["date"]))
        assert 0 < row["matrix_product_share"] < 4


@pytest.fixture
def speed(monkeypatch):
    """The script that keeps the table."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("speed")


def report_of(*loops, updates=10.0):
    """What pytest-benchmark writes of some loops, and of a benchmark that is none."""
    row = {**MEASURED["rows"][0], "updates_per_second": updates, "matrix_product_gflops": 88.04}
    extras = [{"cells_per_second": 1.0}, *({**row, "loop": loop} for loop in loops)]
    return {
        "datetime": "2026-03-04T05:06:07+00:00",
        "benchmarks": [{"extra_info": extra} for extra in extras],
    }


def test_a_partial_run_keeps_the_other_rows(speed):
    here = {name: MEASURED["machine"][name] for name in ("processor", "cores", "torch")}
    both = speed.merged(MEASURED, report_of("lu2022/recall", "orhan2019/delay"), here)
    assert [row["loop"] for row in both["rows"]] == ["lu2022/recall", "orhan2019/delay"]
    assert both["machine"] == {**here, "matrix_product_gflops": 88.0}
    assert both["date"] == "2026-03-04"
    later = speed.merged(both, report_of("orhan2019/delay", updates=12.3456), here)
    assert later["rows"][0] == both["rows"][0]
    assert later["rows"][1]["updates_per_second"] == 12.3
    elsewhere = speed.merged(both, report_of("orhan2019/delay"), {**here, "processor": "another"})
    assert [row["loop"] for row in elsewhere["rows"]] == ["orhan2019/delay"]


def test_a_report_without_training_loops_is_refused(speed):
    with pytest.raises(SystemExit, match="no training loop"):
        speed.merged(MEASURED, report_of(), {})


def test_the_table_is_written_and_read_back(speed, monkeypatch, tmp_path, capsys):
    report = tmp_path / "report.json"
    report.write_text(json.dumps(report_of("lu2022/recall")))
    monkeypatch.setattr(measurements, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(sys, "argv", ["speed.py", str(report)])
    speed.main()
    assert capsys.readouterr().out.startswith("1 rows in")
    table = measurements.read("speed.yml")
    assert table["rows"][0]["updates_per_second"] == 10.0
    assert table["machine"]["cores"] >= 1
    assert "88 GFLOP/s" in speed_page.speed()
