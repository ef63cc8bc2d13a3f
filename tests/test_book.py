"""The whole book in smoke mode: notebooks run, the HTML has no warning, links lead somewhere."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlparse

import nbformat
import pytest

from mempaper import build, claims, execution, measurements, needs, notebooks, records
from mempaper.catalogue import papers


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Build the book in smoke mode into a folder of its own."""
    folder = tmp_path_factory.mktemp("book")
    patch = pytest.MonkeyPatch()
    patch.setenv("MEMPAPER_RUNS", str(folder / "runs"))
    patch.setattr(execution, "BUILD", folder / "_build")
    report = build.build("smoke", output=folder)
    yield folder / "_build" / "html", report
    patch.undo()


def test_every_notebook_runs(book):
    _, report = book
    outcomes = report.executed.outcomes
    assert [o.error for o in outcomes if o.status == "failed"] == []
    assert {o.chapter for o in outcomes} == set(notebooks.chapters())


def test_every_chapter_says_what_it_used_and_held_in_memory(book):
    _, report = book
    for outcome in report.executed.outcomes:
        record = records.read(execution.executed_path(outcome.chapter, "smoke"))
        assert record["chapter"] == outcome.chapter
        assert 50 < record["memory"] == outcome.memory < build.MEMORY
    used = {o.chapter: {u["experiment"] for u in o.used} for o in report.executed.outcomes}
    assert used["ritter2018/fig4_correct_rate"] == {"ritter2018/contextual_choice"}
    assert used["ritter2018/fig1_cell"] == set()


def test_trainings_that_are_known_are_done_ahead_of_their_chapter(tmp_path, monkeypatch):
    chapter = "ritter2018/fig4_correct_rate"
    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(execution, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(measurements, "data_folder", lambda: tmp_path)
    (first,) = execution.execute("smoke", jobs=2, only=[chapter], tell=print).outcomes
    assert {u["origin"] for u in first.used} == {"trained"}
    needs.record("smoke", {chapter: first.seconds}, {chapter: first.used})

    monkeypatch.setenv("MEMPAPER_RUNS", str(tmp_path / "other"))
    execution.executed_path(chapter, "smoke").unlink()
    lines = []
    again = execution.execute("smoke", jobs=2, only=[chapter], tell=lines.append)
    (outcome,) = again.outcomes
    assert outcome.status == "ran"
    assert {u["origin"] for u in outcome.used} == {"cache"}
    assert len(again.trainings) == len(first.used)
    assert again.critical[-1][0] == chapter
    assert again.critical[0][0] in again.trainings
    assert "training" in lines[0]
    assert 0 < again.busy <= 1
    text = build.summary(build.Report(again), [])
    assert f"Trained ahead: {len(first.used)} runs" in text
    assert f"-> {chapter}" in text


def test_the_html_builds_without_a_warning(book):
    _, report = book
    assert report.html_error == ""


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.names, self.images_without_text = [], set(), []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.targets += [given[k] for k in ("href", "src") if given.get(k)]
        self.names |= {given[k] for k in ("id", "name") if given.get(k)}
        if tag == "img" and not (given.get("alt") or "").strip():
            self.images_without_text.append(given.get("src"))


def test_every_internal_link_leads_somewhere_and_every_image_has_a_text(book):
    html, _ = book
    pages = {}
    for page in [*html.glob("*.html"), *(html / "book").rglob("*.html")]:
        pages[page] = Links()
        pages[page].feed(page.read_text())
    assert len(pages) > len(notebooks.chapters())
    broken = []
    for page, links in pages.items():
        for target in links.targets:
            url = urlparse(target)
            if url.scheme or url.netloc or target.startswith(("#", "data:")):
                continue
            file = (page.parent / unquote(url.path)).resolve() if url.path else page
            named = not url.fragment or file not in pages or unquote(url.fragment) in pages[file].names
            if not file.exists() or not named:
                broken.append(f"{page.relative_to(html)} -> {target}")
    assert broken == []
    bare = {str(p.relative_to(html)): q.images_without_text for p, q in pages.items()}
    assert {p: q for p, q in bare.items() if q and p.startswith("book/")} == {}


def test_the_scoreboard_lists_every_claim_and_judges_none_in_smoke_mode(book):
    html, _ = book
    text = (html / "book" / "scoreboard.html").read_text()
    names = [name for paper in papers() for name in claims.load(paper)]
    for name in names:
        assert f">{name}</a>" in text
    assert text.count('<td class="status not-judged">') == len(names)  # of the fast column


def test_formulas_do_not_need_the_network(book):
    html, _ = book
    page = (html / "book" / "ritter2018" / "fig4_correct_rate.html").read_text()
    scripts = [line for line in page.split("<script") if "mathjax" in line.lower() and "src=" in line]
    assert scripts
    assert not any('src="http' in line for line in scripts)


def test_no_inline_script_is_on_a_page_twice(book):
    html, _ = book
    for page in (html / "book").rglob("*.html"):
        inline = [part.split("</script>")[0] for part in page.read_text().split("<script>")[1:]]
        assert len(inline) == len(set(inline)), page


def test_nothing_is_executed_again_while_nothing_changes(book):
    again = execution.execute("smoke", jobs=2, tell=lambda line: None)
    assert {o.status for o in again.outcomes} == {"unchanged"}


def test_the_original_code_is_compared_with_again_only_when_something_changed(book, monkeypatch):
    made = []
    monkeypatch.setattr(build.pages, "checked", lambda: made.append("made") or "# New")
    assert "Checked against" in build.checked_page()
    assert made == []
    monkeypatch.setattr(build, "checksum", lambda files: "another")
    assert build.checked_page() == "# New"
    assert build.checked_page() == "# New"
    assert made == ["made"]


def test_chapters_beyond_the_time_budget_run_in_smoke_mode(book):
    late = execution.execute(
        "full", jobs=1, budget=0, only=["ritter2018/fig2_stimuli"], tell=lambda line: None
    )
    assert [(o.mode, o.status) for o in late.outcomes] == [("smoke", "unchanged")]


def test_a_failing_notebook_is_reported_and_shown_as_far_as_it_came(book, tmp_path, monkeypatch):
    chapter = "ritter2018/fig2_stimuli"
    broken = nbformat.read(notebooks.notebook_path(chapter), 4)
    [cell for cell in broken.cells if cell.cell_type == "code"][-1].source = "1 / 0"
    path = tmp_path / "broken.ipynb"
    nbformat.write(broken, path)
    real = notebooks.notebook_path
    monkeypatch.setattr(notebooks, "notebook_path", lambda name: path if name == chapter else real(name))
    monkeypatch.setattr(execution, "BUILD", tmp_path / "_build")
    lines = []
    executed = execution.execute(
        "smoke", jobs=2, only=[chapter, "ritter2018/fig1_cell"], tell=lines.append
    )
    status = {o.chapter: o.status for o in executed.outcomes}
    assert status == {chapter: "failed", "ritter2018/fig1_cell": "ran"}
    report = build.Report(executed)
    assert report.failed
    text = build.summary(report, build.stage(executed.outcomes, tmp_path / "stage"))
    assert f"FAILED: {chapter}: cell" in text
    assert "ZeroDivisionError" in text
    assert any("FAILED" in line for line in lines)
    staged = (tmp_path / "stage" / "book" / f"{chapter}.ipynb").read_text()
    assert "ZeroDivisionError" in staged
