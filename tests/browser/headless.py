"""A headless Chromium without a network, and what it sees on a page of the built book."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from mempaper.paths import ROOT

HTML = Path(os.environ.get("MEMPAPER_HTML", ROOT / "_build" / "html"))
AXE = ROOT / "_build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
LOOK = Path(__file__).with_name("look.js")
WIDTHS = {"wide": 1280, "narrow": 390}  # CSS pixels
THEMES = ("light", "dark")
# axe-core is slow. What it finds depends on the layout or on the colours: two looks see each of them.
ACCESS_VIEWS = (("wide", "light"), ("narrow", "dark"))
FLAGS = (
    "--headless",
    "--no-sandbox",  # containers have none
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no network but our own server
)
AXE_RUN = """
const done = arguments[0];
document.getAnimations().filter((a) => a instanceof CSSTransition).forEach((fading) => fading.finish());
axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => done(violations.flatMap(
  ({id, nodes}) => nodes.map((n) => [n.impact, id, n.target.join(" "), n.failureSummary])
)));
"""


class MissingError(Exception):
    """Something these tests need is not there; the message says how to get it."""


def book_pages(folder: Path = HTML) -> list[str]:
    """Names of all pages of the built book, such as ``book/intro``; the first one only leads there."""
    files = [*folder.glob("*.html"), *(folder / "book").rglob("*.html")]
    return sorted({str(f.relative_to(folder).with_suffix("")) for f in files} - {"index"})


class _Names(HTMLParser):
    """Everything on a page that a link can point at."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {value for key, value in attrs if key in ("id", "name") and value}


@cache
def _names(file: Path) -> set[str]:
    parser = _Names()
    parser.feed(file.read_text())
    return parser.names


def leads_somewhere(address: str) -> bool:
    """Whether an address on our server is a file of the book and names a place that is there."""
    url = urlparse(address)
    file = HTML / unquote(url.path).lstrip("/")
    if file.is_dir():
        file = file / "index.html"
    if not file.is_file():
        return False
    return file.suffix != ".html" or not url.fragment or unquote(url.fragment) in _names(file)


@dataclass(frozen=True)
class Visit:
    """What a reader meets on one page, on one screen, with one theme."""

    seen: dict[str, Any]  # see look.js
    links: list[str]  # internal ones
    broken_links: list[str]
    console_errors: list[str]
    barriers: list[str]  # serious and critical ones, of axe-core; looked for in ACCESS_VIEWS


class Reader:
    """One browser for all pages. Every visit is a first one: nothing is stored from the one before."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver, self.address = driver, address
        self.axe, self.look = AXE.read_text(), LOOK.read_text()
        self.visits: dict[tuple[str, str, str], Visit] = {}
        driver.set_page_load_timeout(120)
        driver.set_script_timeout(120)
        forget = {"source": "localStorage.clear()"}
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", forget)

    def open(self, page: str, width: str, theme: str, query: str = "") -> None:
        """Load a page as a reader with this screen and this system theme does."""
        pixels = WIDTHS[width]
        screen = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": width == "narrow"}
        colours = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", colours)
        self.driver.get(f"{self.address}/{page}.html{query}")

    def visit(self, page: str, width: str, theme: str) -> Visit:
        """Open a page and look at all of it; once, every later call remembers."""
        key = (page, width, theme)
        if key not in self.visits:
            self.console_errors()  # those of the page before
            self.open(page, width, theme)
            seen = self.driver.execute_async_script(self.look, WIDTHS[width])
            barriers = self._barriers() if (width, theme) in ACCESS_VIEWS else []
            links = [link for link in seen["links"] if link.startswith(self.address)]
            broken = [link.removeprefix(self.address) for link in links if not leads_somewhere(link)]
            self.visits[key] = Visit(seen, links, broken, self.console_errors(), barriers)
        return self.visits[key]

    def _barriers(self) -> list[str]:
        self.driver.execute_script(self.axe)
        found = self.driver.execute_async_script(AXE_RUN)
        return [" | ".join(parts) for parts in found if parts[0] in ("serious", "critical")]

    def console_errors(self) -> list[str]:
        """Errors in the console since this was last asked."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def wait_for(self, selector: str) -> list[WebElement]:
        """Elements of the open page, as soon as there are any."""
        found = WebDriverWait(self.driver, 30)
        return found.until(lambda driver: driver.find_elements(By.CSS_SELECTOR, selector))

    def background(self) -> str:
        """Colour of the open page's ground."""
        return self.driver.execute_script("return getComputedStyle(document.body).backgroundColor")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _need() -> tuple[str, str]:
    """Chromium and its driver, or a message about what is not there."""
    if not (HTML / "book").is_dir():
        raise MissingError(f"no built book in {HTML}: run `make book` first")
    if not AXE.exists():
        raise MissingError(
            f"no axe-core in {AXE.parent}: run `make test-browser`, which gets it with npm"
        )
    programs = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not all(programs):
        raise MissingError("no Chromium or no chromedriver: apt-get install chromium chromium-driver")
    return programs


@contextmanager
def reader() -> Iterator[Reader]:
    """Start a browser without a network and a server of the built book."""
    chromium, chromedriver = _need()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with serve(HTML) as address:
        driver = webdriver.Chrome(options=options, service=Service(chromedriver))
        try:
            yield Reader(driver, address)
        finally:
            driver.quit()
