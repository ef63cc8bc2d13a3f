"""Chapters as files: pairing of source and notebook, their parameters, running one of them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
import yaml
from jupyter_client.localinterfaces import localhost
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from mempaper.checkpoint import DiskError, disk_errors_explained
from mempaper.parameters import ConfigError, check_mode, check_names
from mempaper.paths import IN_CHECKOUT, NO_CHAPTERS, ROOT

BOOK = ROOT / "book"


def chapters() -> list[str]:
    """Names ``paper/figure`` of all chapters, in the order of the table of contents."""

    def files(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["file"]] if "file" in node else []
            return own + [f for key in ("parts", "chapters", "sections") for f in files(node.get(key))]
        return [f for item in node or [] for f in files(item)]

    if not IN_CHECKOUT:
        raise ConfigError(NO_CHAPTERS)
    listed = files(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    return [f.removeprefix("book/") for f in listed if (ROOT / f"{f}.py").exists()]


def notebook_path(chapter: str) -> Path:
    """The notebook of a chapter; ConfigError names the nearest chapter where there is none.

    Parameters
    ----------
    chapter : str
        ``paper/figure``, or the path of its notebook or source.
    """
    name = chapter.removeprefix("./").removesuffix(".ipynb").removesuffix(".py")
    name = name.removeprefix("book/")
    check_names([name], chapters(), "chapter")
    return BOOK / f"{name}.ipynb"


def repository_url() -> str:
    """Address of the repository, from its one place in ``_config.yml``."""
    return yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]


def placeholders(chapter: str) -> dict[str, str]:
    """What the pairing writes into a notebook for each ``@name@`` of its source."""
    url = repository_url()
    slug = url.split("/", 3)[3]
    file = f"book/{chapter}.ipynb"
    return {
        "@colab@": f"https://colab.research.google.com/github/{slug}/blob/main/{file}",
        "@binder@": f"https://mybinder.org/v2/gh/{slug}/main?labpath={file}",
        "@install@": f"mempaper @ git+{url}",
    }


def paired(source: Path) -> str:
    """Text of the notebook that belongs to a source file: no outputs, the same bytes every time."""
    notebook = jupytext.read(source)
    chapter = source.relative_to(BOOK).with_suffix("").as_posix()
    filled_in = placeholders(chapter)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        for placeholder, text in filled_in.items():
            cell["source"] = cell["source"].replace(placeholder, text)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,py:percent", "cell_metadata_filter": "tags,mystnb"},
        "kernelspec": dict(notebook.metadata["kernelspec"]),
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def unpaired() -> dict[Path, str]:
    """Notebooks that differ from what their source makes, or are missing, and what it makes."""
    made = {BOOK / f"{c}.ipynb": paired(BOOK / f"{c}.py") for c in chapters()}
    return {
        notebook: text
        for notebook, text in made.items()
        if not notebook.exists() or notebook.read_text() != text
    }


def pair() -> list[Path]:
    """Write every notebook anew from its source; returns those that changed."""
    changed = unpaired()
    for notebook, text in changed.items():
        notebook.write_text(text)
    return list(changed)


def parameters(notebook: Path) -> dict[str, dict[str, Any]]:
    """Declared parameters of a notebook, with default and help, by name."""
    return papermill.inspect_notebook(str(notebook))


class LocalKernelManager(AsyncKernelManager):
    """Reaches its kernel through sockets that are files, where the system has them, not through TCP."""

    async def _async_interrupt_kernel(self) -> None:
        """Not before a shutdown: an idle kernel would print the interrupt as an error."""
        if not self.shutting_down:
            await super()._async_interrupt_kernel()

    @default("transport")
    def _local(self) -> str:
        return "tcp" if os.name == "nt" else "ipc"

    @default("ip")
    def _own_sockets(self) -> str:
        if self.transport == "tcp":
            return localhost()
        folder = Path(jupyter_runtime_dir())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder / f"kernel-{uuid.uuid4().hex}")


class ChapterError(RuntimeError):
    """A notebook failed; the message names chapter, cell and error."""


def run(
    chapter: str,
    output: Path,
    given: Mapping[str, Any],
    *,
    progress: bool = False,
) -> float:
    """Execute a chapter with papermill.

    Parameters
    ----------
    chapter : str
    output : Path
        Where the executed notebook goes, once it has run to its end. A failed one is kept beside
        it as ``<name>.failed.ipynb``.
    given : mapping
        Parameters.

    Returns
    -------
    float
        Seconds it took.

    Raises
    ------
    ConfigError
        A parameter is unknown or impossible.
    ChapterError
        A cell failed.
    """
    notebook = notebook_path(chapter)
    check_names(given, parameters(notebook))
    if "mode" in given:
        check_mode(given["mode"])
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".{output.stem}.{os.getpid()}.running.ipynb")
    failed = output.with_suffix(".failed.ipynb")
    failed.unlink(missing_ok=True)
    start = time.monotonic()
    try:
        with disk_errors_explained(output.parent):
            papermill.execute_notebook(
                str(notebook),
                str(unfinished),
                parameters=dict(given),
                progress_bar=progress,
                kernel_name="python3",
                kernel_manager_class=LocalKernelManager,
            )
    except DiskError:
        unfinished.unlink(missing_ok=True)
        raise
    except PapermillExecutionError as error:
        unfinished.replace(failed)
        if error.ename == "ConfigError":
            raise ConfigError(error.evalue) from None
        raise ChapterError(
            f"{chapter}: cell {error.exec_count} failed with {error.ename}: {error.evalue}\n"
            f"The notebook as far as it came: {failed}"
        ) from None
    unfinished.replace(output)
    return time.monotonic() - start
