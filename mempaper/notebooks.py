"""Chapters as files: pairing of source and notebook, their parameters, running one of them."""

from __future__ import annotations

import ast
import contextlib
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
import zmq
from jupyter_client.localinterfaces import localhost
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from mempaper.checkpoint import disk_errors_explained
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


def defaults(chapter: str) -> dict[str, Any]:
    """Values that a chapter declares for its parameters, by name."""
    declared = parameters(notebook_path(chapter))
    return {name: ast.literal_eval(entry["default"]) for name, entry in declared.items()}


def _sockets() -> Path:
    """A new name in Jupyter's folder for what runs; a kernel's sockets are called ``<name>-<digit>``."""
    return Path(jupyter_runtime_dir()) / f"kernel-{uuid.uuid4().hex}"


class LocalKernelManager(AsyncKernelManager):
    """Reaches its kernel through sockets that are files, not through TCP.

    Where the system has no such sockets, or their path would be longer than it allows, TCP it is.
    """

    async def _async_interrupt_kernel(self) -> None:
        """Not before a shutdown: an idle kernel would print the interrupt as an error."""
        if not self.shutting_down:
            await super()._async_interrupt_kernel()

    @default("transport")
    def _local(self) -> str:
        too_long = len(os.fsencode(f"{_sockets()}-1")) > zmq.IPC_PATH_MAX_LEN
        return "tcp" if os.name == "nt" or too_long else "ipc"

    @default("ip")
    def _own_sockets(self) -> str:
        if self.transport == "tcp":
            return localhost()
        sockets = _sockets()
        sockets.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(sockets)


class ChapterError(RuntimeError):
    """A notebook failed; the message names chapter, cell and error."""


def _check_output(output: Path) -> None:
    """Raise ConfigError where no notebook can be written."""
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name a notebook, such as {output / 'out.ipynb'}")
    if output.suffix != ".ipynb":
        raise ConfigError(f"{output} is no name for a notebook; it must end in .ipynb")
    there = next(parent for parent in output.absolute().parents if parent.exists())
    if not there.is_dir():
        raise ConfigError(
            f"{there} is a file, so {output.name} cannot be put into a folder of that name"
        )


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
        A parameter is unknown or impossible, or ``output`` is no place for a notebook.
    ChapterError
        A cell failed, or the process that runs the cells ended.
    """
    notebook = notebook_path(chapter)
    check_names(given, parameters(notebook))
    if "mode" in given:
        check_mode(given["mode"])
    _check_output(output)
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
        unfinished.replace(output)
    except PapermillExecutionError as error:
        unfinished.replace(failed)
        if error.ename == "ConfigError":
            raise ConfigError(error.evalue) from None
        what = f"cell {error.exec_count} failed with {error.ename}: {error.evalue}"
        raise ChapterError(_as_far_as_it_came(chapter, what, failed)) from None
    except RuntimeError as error:  # its process died, or did not start
        unfinished.replace(failed)
        killed = isinstance(error, DeadKernelError)
        what = "its process was killed; is there too little memory?" if killed else str(error)
        raise ChapterError(_as_far_as_it_came(chapter, what, failed)) from None
    finally:
        with contextlib.suppress(OSError):  # where nothing may be written nothing was
            unfinished.unlink(missing_ok=True)
    return time.monotonic() - start


def _as_far_as_it_came(chapter: str, what: str, failed: Path) -> str:
    return f"{chapter}: {what}\nThe notebook as far as it came: {failed}"
