import tempfile

import nbformat
import papermill
import pytest
import zmq
from papermill.exceptions import PapermillExecutionError

from mempaper import notebooks
from mempaper.chapter import ALWAYS
from mempaper.parameters import ConfigError

CHAPTERS = notebooks.chapters()


def test_there_are_chapters():
    assert "ritter2018/fig4_correct_rate" in CHAPTERS


def test_every_source_is_a_chapter_of_the_table_of_contents():
    sources = {
        p.relative_to(notebooks.BOOK).with_suffix("").as_posix() for p in notebooks.BOOK.rglob("*.py")
    }
    assert sources == set(CHAPTERS)


def test_pairs_agree():
    assert list(notebooks.unpaired()) == [], "run `make pair`"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_anatomy(chapter):
    notebook = nbformat.read(notebooks.notebook_path(chapter), 4)
    tags = [tuple(cell.metadata.get("tags", ())) for cell in notebook.cells]
    assert tags.count(("parameters",)) == 1
    assert tags.index(("remove-cell",)) < tags.index(("parameters",))
    declared = notebooks.parameters(notebooks.notebook_path(chapter))
    assert set(ALWAYS) <= set(declared)
    code = next(c.source for c in notebook.cells if "Chapter(" in c.source)
    assert f'"{chapter}"' in code
    for name in set(declared) - set(ALWAYS):
        assert f'"{name}"' in code, f"{name} is declared but the chapter does not take it"
    assert all(entry["help"] for entry in declared.values())
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
        if "plt.subplots" in cell.source:
            look = cell.metadata.get("mystnb", {})
            assert look["image"]["alt"], "a figure needs a text for those who cannot see it"
            assert look["figure"]["caption"]
            assert look["figure"]["name"]
    text = "".join(c.source for c in notebook.cells)
    for part in (
        "What you will see",
        "{exercise}",
        "{solution}",
        "Where this differs",
        "footbibliography",
    ):
        assert part in text, part


def test_misspelt_chapters_and_parameters_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'ritter2018/fig4_correct_rate'"):
        notebooks.notebook_path("ritter2018/fig4_correct")
    with pytest.raises(ConfigError, match="Did you mean 'seed'"):
        notebooks.run("ritter2018/fig2_stimuli", tmp_path / "o.ipynb", {"sede": 3})
    with pytest.raises(ConfigError, match="mode is 'quick'"):
        notebooks.run("ritter2018/fig2_stimuli", tmp_path / "o.ipynb", {"mode": "quick"})
    assert list(tmp_path.iterdir()) == []


def test_impossible_values_are_refused_by_the_notebook(tmp_path, runs):
    output = tmp_path / "o.ipynb"
    with pytest.raises(ConfigError, match="n_seeds is 0: Input should be greater than or equal to 1"):
        notebooks.run("ritter2018/fig2_stimuli", output, {"n_seeds": 0})
    assert not output.exists()
    assert output.with_suffix(".failed.ipynb").exists()
    assert not runs.exists()


def test_bare_papermill_is_refused_before_anything_trains(tmp_path, runs):
    """Papermill itself only warns about a name that the notebook does not declare."""
    with pytest.raises(PapermillExecutionError, match="Unknown parameter 'sede'"):
        papermill.execute_notebook(
            str(notebooks.notebook_path("ritter2018/fig4_correct_rate")),
            str(tmp_path / "o.ipynb"),
            parameters={"mode": "smoke", "sede": 3},
            progress_bar=False,
        )
    assert not runs.exists()


def test_a_failing_cell_is_named_and_the_notebook_kept(tmp_path, runs, monkeypatch):
    source = notebooks.notebook_path("ritter2018/fig2_stimuli")
    broken = nbformat.read(source, 4)
    broken.cells[-3].source = (
        "1 / 0" if broken.cells[-3].cell_type == "code" else broken.cells[-3].source
    )
    code = [c for c in broken.cells if c.cell_type == "code"]
    code[-1].source = "1 / 0"
    path = tmp_path / "broken.ipynb"
    nbformat.write(broken, path)
    monkeypatch.setattr(notebooks, "notebook_path", lambda chapter: path)
    with pytest.raises(notebooks.ChapterError, match="ZeroDivisionError: division by zero"):
        notebooks.run("ritter2018/fig2_stimuli", tmp_path / "o.ipynb", {"mode": "smoke"})
    assert (tmp_path / "o.failed.ipynb").exists()
    assert not (tmp_path / "o.ipynb").exists()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Makes all chapters a notebook of two cells, of which the second one is given."""

    def made(code):
        cells = [nbformat.v4.new_code_cell('mode: str = "smoke"', metadata={"tags": ["parameters"]})]
        notebook = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(code)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
        path = tmp_path / "small.ipynb"
        nbformat.write(notebook, path)
        monkeypatch.setattr(notebooks, "notebook_path", lambda chapter: path)
        return tmp_path / "out" / "o.ipynb"

    return made


def left_of(output):
    return sorted(path.name for path in output.parent.iterdir())


def test_a_kernel_that_is_killed_is_a_failure_like_others(small):
    output = small("import os, signal\nprint('hello', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(notebooks.ChapterError, match="its process was killed; is there too little mem"):
        notebooks.run("any", output, {"mode": "smoke"})
    assert left_of(output) == ["o.failed.ipynb"]


@pytest.mark.parametrize(
    ("error", "raised", "left"),
    [
        (RuntimeError("Kernel didn't respond"), notebooks.ChapterError, ["o.failed.ipynb"]),
        (KeyboardInterrupt("Kernel didn't respond"), KeyboardInterrupt, []),
    ],
)
def test_nothing_half_done_stays(small, monkeypatch, error, raised, left):
    def stopped(source, output, **_):
        nbformat.write(nbformat.read(source, 4), output)
        raise error

    output = small("")
    monkeypatch.setattr(papermill, "execute_notebook", stopped)
    with pytest.raises(raised, match="Kernel didn't respond"):
        notebooks.run("any", output, {})
    assert left_of(output) == left


def test_outputs_that_are_no_notebooks_are_refused_before_anything_runs(small, monkeypatch, tmp_path):
    monkeypatch.setattr(papermill, "execute_notebook", None)
    small("")
    with pytest.raises(ConfigError, match=f"{tmp_path} is a folder; name a notebook, such as .*ipynb"):
        notebooks.run("any", tmp_path, {})
    with pytest.raises(ConfigError, match=r"o\.html is no name for a notebook; it must end in \.ipynb"):
        notebooks.run("any", tmp_path / "o.html", {})
    with pytest.raises(ConfigError, match=r"small\.ipynb is a file, so o\.ipynb cannot be put into"):
        notebooks.run("any", tmp_path / "small.ipynb" / "deeper" / "o.ipynb", {})
    assert [path.name for path in tmp_path.iterdir()] == ["small.ipynb"]


@pytest.mark.parametrize(("room", "transport"), [(0, "ipc"), (-1, "tcp"), (-40, "tcp")])
def test_chapters_run_however_long_the_path_of_the_home_folder_is(small, monkeypatch, room, transport):
    output = small("print('hello')")
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        name = f"/kernel-{32 * 'x'}-1"
        long = f"{short}/{(zmq.IPC_PATH_MAX_LEN - room - len(short) - 1 - len(name)) * 'r'}"
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", long)
        assert notebooks.LocalKernelManager().transport == transport
        notebooks.run("any", output, {})
    assert left_of(output) == ["o.ipynb"]


def test_declared_values_are_python_values():
    declared = notebooks.defaults("lu2022/a8_decoding")
    assert declared["penalty"] == 2
    assert declared["silenced"] is False
    assert declared["n_seeds"] is None


def test_without_the_repository_chapters_are_refused_with_a_hint(monkeypatch):
    monkeypatch.setattr(notebooks, "IN_CHECKOUT", False)
    with pytest.raises(ConfigError, match="clone it"):
        notebooks.chapters()
