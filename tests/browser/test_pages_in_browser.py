"""Every page of the built book as its readers meet it: in Chromium, wide and narrow, light and dark.

There is no network but a server of the book. ``make test-browser`` runs them on what ``make book``
has left in ``_build/html``; the variable ``MEMPAPER_HTML`` names another folder.
"""

import headless
import pytest
from headless import ACCESS_VIEWS, THEMES, WIDTHS, MissingError, book_pages
from sphinx_external_toc.parsing import parse_toc_yaml

from mempaper.paths import ROOT

pytestmark = pytest.mark.browser

PAGES = book_pages() or ["no book"]
VIEWS = [(page, width, theme) for page in PAGES for width in WIDTHS for theme in THEMES]

every_page = pytest.mark.parametrize("page", PAGES)
every_view = pytest.mark.parametrize(("page", "width", "theme"), VIEWS)
every_access_view = pytest.mark.parametrize(
    ("page", "width", "theme"), [view for view in VIEWS if view[1:] in ACCESS_VIEWS]
)


@pytest.fixture(scope="module")
def reader():
    try:
        with headless.reader() as reader:
            yield reader
    except MissingError as missing:
        pytest.exit(str(missing), returncode=1)


def none_of(*found):
    """Fail with all of what was found, a line each."""
    lines = "\n".join(line for some in found for line in some)
    if lines:
        pytest.fail(lines, pytrace=False)


@every_view
def test_nothing_fails_in_the_console(reader, page, width, theme):
    none_of(reader.visit(page, width, theme).console_errors)


@every_view
def test_the_theme_is_the_readers(reader, page, width, theme):
    assert reader.visit(page, width, theme).seen["theme"] == theme


@every_view
def test_every_image_is_shown(reader, page, width, theme):
    none_of(reader.visit(page, width, theme).seen["broken_images"])


@every_view
def test_the_page_does_not_scroll_sideways(reader, page, width, theme):
    seen = reader.visit(page, width, theme).seen
    none_of(seen["folded"], seen["beyond_the_edge"])  # what is folded away could not be measured
    assert seen["too_wide"] <= 0, "pixels"


@every_view
def test_formulas_are_drawn(reader, page, width, theme):
    seen = reader.visit(page, width, theme).seen
    none_of(seen["raw_formulas"])
    assert bool(seen["formulas"]) == bool(seen["formula_fonts"]), "MathJax has not loaded its fonts"


@every_page
def test_every_internal_link_leads_somewhere(reader, page):
    visit = reader.visit(page, "wide", "light")
    assert visit.links
    none_of(visit.broken_links)


@every_page
def test_every_figure_has_a_text(reader, page):
    none_of(reader.visit(page, "wide", "light").seen["images_without_text"])


@every_access_view
def test_axe_finds_no_serious_barrier(reader, page, width, theme):
    none_of(reader.visit(page, width, theme).barriers)


def test_the_book_has_every_page_of_its_contents(reader):
    contents = set(parse_toc_yaml(ROOT / "_toc.yml"))
    assert "book/intro" in contents
    assert sorted(contents - set(PAGES)) == [], "run `make book` again"


def test_the_front_door_opens_the_book(reader):
    reader.open("index", "wide", "light")
    reader.wait_for(".bd-article")
    assert reader.driver.current_url == f"{reader.address}/book/intro.html"


def test_the_search_shows_what_it_finds(reader):
    reader.open("search", "wide", "light", query="?q=memory")
    extracts = reader.wait_for("#search-results p.context")
    assert any("memor" in extract.text.lower() for extract in extracts)


def test_the_button_changes_the_colours(reader):
    reader.open("book/intro", "wide", "light")
    colours = []
    for _ in range(3):  # the system's, which are light, then the others
        colours.append(reader.background())
        reader.wait_for(".theme-switch-button")[0].click()
    assert len(set(colours)) == 2
