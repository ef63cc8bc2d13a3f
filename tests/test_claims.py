import json

import nbformat
import pytest

from mempaper import claims, tables
from mempaper.catalogue import papers
from mempaper.notebooks import BOOK, chapters
from mempaper.parameters import ConfigError
from mempaper.stats import Estimate
from mempaper.tables import show_published, table_html

LEDGER = """
facts:
  curve: {source: a log, x: [1, 2]}
claims:
  - id: T1
    figure: fig1
    kind: ordering
    statement: a beats b
    statistic: a minus b
    expect: {above: 0.1}
    reason: a test
  - id: T2
    figure: fig1
    kind: value
    statement: c is about 1
    statistic: c
    published: {value: 1.0, error: 0.1, source: nowhere}
    expect: {between: [0.9, 1.1]}
    reason: a test
    expected: {fast: partly}
"""


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "claims"
    folder.mkdir(parents=True)
    (folder / "paper.yml").write_text(LEDGER)
    monkeypatch.setattr(claims, "data_folder", lambda: tmp_path / "data")
    return folder / "paper.yml"


@pytest.mark.parametrize(
    ("criterion", "e", "status"),
    [
        ({"above": 0.1}, Estimate(0.5, 0.2, 0.8, 8), "reproduced"),
        ({"above": 0.1}, Estimate(0.5, 0.05, 0.9, 8), "partly"),
        ({"above": 0.1}, Estimate(0.05, 0.0, 0.1, 8), "not reproduced"),
        ({"above": 0.1}, Estimate(0.5, float("nan"), float("nan"), 1), "partly"),
        ({"below": 0.1}, Estimate(0.0, -0.05, 0.05, 8), "reproduced"),
        ({"below": 0.1}, Estimate(0.0, -0.2, 0.2, 8), "partly"),
        ({"below": 0.1}, Estimate(0.2, 0.15, 0.25, 8), "not reproduced"),
        ({"between": (0.0, 1.0)}, Estimate(0.9, 0.7, 1.1, 8), "reproduced"),
        ({"between": (0.0, 1.0)}, Estimate(1.1, 0.9, 1.3, 8), "partly"),
        ({"between": (0.0, 1.0)}, Estimate(1.4, 1.2, 1.6, 8), "not reproduced"),
        ({"between": (0.0, 1.0)}, Estimate(float("nan"), 0, 0, 0), "not reproduced"),
    ],
)
def test_judging(criterion, e, status):
    assert claims.Criterion(**criterion).judge(e) == status


def test_a_criterion_is_exactly_one():
    with pytest.raises(ValueError, match="exactly one"):
        claims.Criterion(above=1, below=2)
    with pytest.raises(ValueError, match="exactly one"):
        claims.Criterion()


def test_every_claim_of_a_figure_must_be_measured_and_no_other(ledger):
    own = claims.load("paper")
    with pytest.raises(ConfigError, match="T2 were not measured"):
        claims.judge(own, {"T1": [1.0, 2.0]}, "fast")
    with pytest.raises(ConfigError, match="Unknown claim 'T3'"):
        claims.judge(own, {"T1": [1], "T2": [1], "T3": [1]}, "fast")


DECLARED = {
    "mode": "fast",
    "seed": 0,
    "n_seeds": None,
    "kernel": "l2",
    "n_trials": 256,
    "all_conditions": None,
}
GIVEN = {
    "parameters": {"n_seeds": None, "kernel": "l2", "n_trials": 256, "all_conditions": None},
    "preset": {"n_seeds": 8, "kernel": "l2"},
}


def notebook(path, measured, mode="fast"):
    judged = claims.judge(claims.load("paper"), measured, mode)
    output = nbformat.v4.new_output(
        "display_data", tables.bundle("paper/fig1", mode, judged, {"seed": 5, **GIVEN})
    )
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_the_verdict_travels_through_a_notebook(ledger, tmp_path):
    path = notebook(tmp_path / "x.ipynb", {"T1": [0.5, 0.6, 0.55], "T2": [1.2, 1.0, 1.4]})
    record = claims.read_notebook(path)
    assert record["seed"] == 5
    rows = claims.roll_up("paper", [record])
    assert [row["fast"].status for row in rows] == ["reproduced", "partly"]
    assert [row["full"].status for row in rows] == ["not run", "not run"]
    assert claims.count(rows, "fast") == {"reproduced": 1, "partly": 1}
    assert claims.worse_than_expected(rows) == []


def test_a_worse_status_than_expected_is_named(ledger, tmp_path):
    path = notebook(tmp_path / "x.ipynb", {"T1": [0.0, 0.05, 0.02], "T2": [3.0, 3.1, 3.2]})
    sentences = claims.worse_than_expected(claims.roll_up("paper", [claims.read_notebook(path)]))
    assert len(sentences) == 2
    assert "T1 (fig1, fast): not reproduced, expected reproduced" in sentences[0]


def test_todays_ledger_judges_yesterdays_notebook(ledger, tmp_path):
    path = notebook(tmp_path / "x.ipynb", {"T1": [0.5, 0.6, 0.55], "T2": [1.0, 1.0, 1.0]})
    ledger.write_text(LEDGER.replace("above: 0.1", "above: 0.9"))
    assert claims.read_notebook(path)["judgements"][0]["status"] == "not reproduced"


def test_smoke_judges_nothing(ledger, tmp_path):
    path = notebook(tmp_path / "x.ipynb", {"T1": [5, 5], "T2": [1, 1]}, mode="smoke")
    record = claims.read_notebook(path)
    assert {entry["status"] for entry in record["judgements"]} == {"not judged"}
    with pytest.raises(ConfigError, match="only full is kept"):
        claims.keep_record(record, DECLARED)


def test_full_records_fill_their_own_column(ledger, tmp_path):
    record = claims.read_notebook(
        notebook(tmp_path / "x.ipynb", {"T1": [5, 5], "T2": [1, 1]}, mode="full")
    )
    kept = claims.keep_record(record, DECLARED)
    assert list(json.loads(kept.read_text())) == ["paper/fig1"]
    row = claims.roll_up("paper", [])[0]
    assert (row["fast"].status, row["full"].status) == ("not run", "reproduced")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"n_seeds": 8}, None),  # what the mode has anyway
        ({"all_conditions": True}, None),  # more than the mode has
        ({"all_conditions": 1}, "all_conditions=1;"),
        ({"n_seeds": 1}, "n_seeds=1;"),
        ({"kernel": "cosine", "n_seeds": 1}, "kernel='cosine', n_seeds=1;"),
        ({"n_trials": 16}, "n_trials=16;"),
        ({"n_trials": None}, "n_trials=None;"),
        ({"gone": 3}, "gone=3;"),  # which the chapter no longer has
    ],
)
def test_records_of_other_parameters_are_not_kept(ledger, tmp_path, given, named):
    path = notebook(tmp_path / "x.ipynb", {"T1": [5, 5], "T2": [1, 1]}, mode="full")
    record = claims.read_notebook(path)
    record["parameters"] = dict(sorted({**record["parameters"], **given}.items()))
    if named is None:
        assert claims.keep_record(record, DECLARED).exists()
        return
    with pytest.raises(ConfigError, match=f"fig1 was run with {named} only runs with"):
        claims.keep_record(record, DECLARED)
    assert not claims.recorded("paper")


def test_declared_values_are_kept_even_where_the_mode_has_others(ledger, tmp_path):
    path = notebook(tmp_path / "x.ipynb", {"T1": [5, 5], "T2": [1, 1]}, mode="full")
    record = claims.read_notebook(path)
    record["preset"]["kernel"] = "l1"
    assert claims.keep_record(record, DECLARED).exists()
    record["parameters"]["kernel"] = "l1"
    with pytest.raises(ConfigError, match="kernel='l1'"):
        claims.keep_record(record, DECLARED)


def test_records_that_do_not_say_their_parameters_are_read_but_not_kept(ledger, tmp_path):
    path = notebook(tmp_path / "x.ipynb", {"T1": [5, 5], "T2": [1, 1]}, mode="full")
    record = claims.read_notebook(path)
    del record["parameters"], record["preset"]
    with pytest.raises(ConfigError, match="run it again"):
        claims.keep_record(record, DECLARED)
    old = ledger.parent / "recorded" / "paper.json"
    old.parent.mkdir()
    old.write_text(json.dumps({"paper/fig1": record}))
    assert claims.roll_up("paper", [])[0]["full"].status == "reproduced"


@pytest.mark.parametrize("paper", papers())
def test_the_books_records_are_of_its_chapters(paper):
    for chapter, record in claims.recorded(paper).items():
        assert (record["chapter"], record["mode"]) == (chapter, "full")
        assert chapter in chapters()


def test_malformed_ledgers_are_named(ledger):
    ledger.write_text(LEDGER.replace("kind: value", "kind: guess"))
    with pytest.raises(ConfigError, match=r"paper\.yml, claim T2"):
        claims.load("paper")
    ledger.write_text(LEDGER.replace("T2", "T1"))
    with pytest.raises(ConfigError, match="claim T1 twice"):
        claims.load("paper")
    ledger.write_text("- nothing")
    with pytest.raises(ConfigError, match="is no ledger"):
        claims.load("paper")


def test_facts_are_read_by_name(ledger):
    assert claims.facts("paper", "curve")["x"] == [1, 2]
    with pytest.raises(ConfigError, match="Did you mean 'curve'"):
        claims.facts("paper", "curv")


def test_what_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "x.ipynb").write_text("hello")
    with pytest.raises(ConfigError, match="is not a notebook"):
        claims.read_notebook(tmp_path / "x.ipynb")


@pytest.mark.parametrize("paper", papers())
def test_the_books_ledgers_belong_to_chapters(paper):
    ledger = claims.load(paper)
    assert ledger
    for claim in ledger.values():
        assert f"{paper}/{claim.figure}" in chapters(), claim.id
        assert claim.reason
        source = (BOOK / paper / f"{claim.figure}.py").read_text()
        stem = claim.id.split("-", 1)[0]
        assert claim.id in source or f"{stem}-" in source, f"{claim.id} is not measured"


UNPUBLISHED = """\
  - id: T3
    figure: fig2
    kind: sign
    statement: d is positive
    statistic: d
    reference: {value: 0.3, source: a run of the original code}
    expect: {above: 0}
    reason: a test
"""


def test_a_value_that_was_not_published_stands_in_brackets(ledger):
    ledger.write_text(LEDGER + UNPUBLISHED)
    known = claims.load("paper")
    assert [show_published(known[name]) for name in ("T1", "T2", "T3")] == ["–", "1 ± 0.1", "(0.3)"]
    (judged,) = claims.judge({"T3": known["T3"]}, {"T3": [1, 2]}, "fast")
    assert 'title="a run of the original code">(0.3)<' in table_html([(known["T3"], judged)])
    both = UNPUBLISHED.replace("    expect", "    published: {value: 1, source: x}\n    expect")
    ledger.write_text(LEDGER + both)
    with pytest.raises(ConfigError, match="published or reference, not both"):
        claims.load("paper")
