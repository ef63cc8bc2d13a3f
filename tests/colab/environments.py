"""Fresh virtual environments outside the checkout, and what happens in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("execute_notebook.py")
OWN_SETTINGS = (
    "CONDA",
    "IPYTHON",
    "JUPYTER",
    "MEMPAPER",
    "MPL",
    "PYTEST",
    "PYTHON",
    "VIRTUAL_ENV",
    "XDG",
)
# What is there already is not fetched again.
PIP_CACHE = os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
LIST_PACKAGES = """
import json
from importlib import metadata
every = metadata.distributions()
print(json.dumps({d.metadata["Name"].lower(): [d.version, str(d.locate_file(""))] for d in every}))
"""


def pins(*names: str) -> list[str]:
    """The lines of ``requirements.txt`` for these packages."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower(): line for line in lines if "==" in line}
    return [pinned[name] for name in names]


def interpreter(version: str) -> str:
    """A Python of a version such as 3.11; the test fails where there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        pytest.fail(
            f"python{version}, which .binder/environment.yml names, is not on the PATH: install it"
        )
    return found


@dataclass(frozen=True)
class Environment:
    """A virtual environment with a home folder and a folder for temporary files of its own.

    Attributes
    ----------
    folder : Path
        Holds ``venv``, ``home`` and ``tmp``.
    version : str
        Of its Python, such as 3.11.
    """

    folder: Path
    version: str

    @property
    def programs(self) -> Path:
        """Folder of its Python and commands."""
        return self.folder / "venv" / "bin"

    @property
    def packages(self) -> Path:
        """Folder that pip installs into."""
        return self.folder / "venv" / "lib" / f"python{self.version}" / "site-packages"

    @classmethod
    def make(cls, folder: Path, version: str, below: Environment | None = None) -> Environment:
        """Make one; it sees the packages of ``below``, which pip can neither change nor remove."""
        made = cls(folder, version)
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True)
        words = [interpreter(version), "-m", "venv", *(["--without-pip"] if below else [])]
        subprocess.run([*words, str(folder / "venv")], check=True)
        if below:
            (made.packages / "below.pth").write_text(f"{below.packages}\n")
        return made

    def run(
        self, *words: object, cwd: Path, fails: bool = False, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, first of all its own; asserts how it ends.

        Parameters
        ----------
        *words : str or Path
        cwd : Path
        fails : bool
            Whether an exit status other than 0 is what is expected.
        **more : str
            Environment variables.
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN_SETTINGS)}
        kept |= {
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "PIP_CACHE_DIR": PIP_CACHE,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        first = self.programs / str(words[0])
        command = [str(first if first.exists() else words[0]), *map(str, words[1:])]
        done = subprocess.run(command, cwd=cwd, env=kept | more, capture_output=True, text=True)
        assert (done.returncode != 0) == fails, (
            f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        )
        return done

    def pip(self, *words: object, cwd: Path | None = None) -> None:
        """Run pip."""
        self.run("python", "-m", "pip", *words, cwd=cwd or self.folder)

    def installed(self) -> dict[str, tuple[str, str]]:
        """Version and folder of each package that its Python sees, by lower-case name."""
        found = json.loads(self.run("python", "-c", LIST_PACKAGES, cwd=self.folder).stdout)
        return {name: (version, folder) for name, (version, folder) in found.items()}

    def execute(self, notebook: Path, cwd: Path, limit: int | None = None) -> dict[str, float]:
        """Execute a notebook in place; tells ``seconds`` and ``peak``, the resident bytes at most.

        Parameters
        ----------
        notebook : Path
        cwd : Path
        limit : int, optional
            Bytes of data that each process may have.
        """
        words = ["--limit", limit] if limit else []
        return json.loads(self.run("python", DRIVER, notebook, *words, cwd=cwd).stdout)


def in_mode(notebook: NotebookNode, mode: str) -> NotebookNode:
    """The notebook with the mode in its parameters cell changed, as a reader does it."""
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    assert cell.source.startswith('mode: str = "fast"')
    cell.source = cell.source.replace('"fast"', f'"{mode}"', 1)
    return notebook


def files(folder: Path) -> set[str]:
    """Relative paths of all files in a folder."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def tracked(clone: Path, *folders: str) -> set[str]:
    """Relative paths of the files that git knows."""
    command = ["git", "-C", str(clone), "ls-files", "-z", *folders]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return set(text.split("\0")) - {""}


def head(clone: Path) -> str:
    """Commit of a clone."""
    command = ["git", "-C", str(clone), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def left_in(clone: Path) -> list[str]:
    """What was changed in or added to a clone, ignored files included."""
    command = ["git", "-C", str(clone), "status", "--porcelain", "--ignored"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def footer(notebook: Path) -> list[tuple[str, str, str, str]]:
    """Experiment, key, origin and commit of each run in the footer of an executed notebook."""
    outputs = [
        output
        for cell in json.loads(notebook.read_text())["cells"]
        for output in cell.get("outputs", [])
    ]
    pages = ["".join(output.get("data", {}).get("text/html", [])) for output in outputs]
    (page,) = [page for page in pages if "mempaper-provenance" in page]
    run = r"<li><code>(\w+/\w+)</code> ([0-9a-f]{12}) \(version \w+\), (\w+), .*?, commit (\w+)"
    found = re.findall(run, page)
    assert len(found) == page.count("<li>"), page
    return found
