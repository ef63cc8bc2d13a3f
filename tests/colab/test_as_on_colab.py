"""One chapter per paper as Colab runs it: the notebook alone in an empty folder, and no mempaper.

All five share an environment. What the first one's set-up cell installs beside the package stays there
for the others, as Colab has most of it anyway; the package itself is taken away after each.
"""

import csv

import nbformat
import pytest
from environments import files, footer, head, in_mode, left_in, pins, tracked

from mempaper import claims
from mempaper.catalogue import papers
from mempaper.notebooks import repository_url

pytestmark = pytest.mark.colab
CHAPTERS = (
    "khajehabdollahi2024/fig4b_trained_tau",
    "lu2022/fig3_retrieval",
    "orhan2019/fig9_decoding",
    "ritter2018/fig6_similarity",
    "zhang2024/fig3_behaviour",
)
# What git, Jupyter, matplotlib, and rustc, which pip asks for its version, keep in a home folder.
HOME_FOLDERS = {".cache", ".config", ".gitconfig", ".ipython", ".local", ".rustup"}
# What comes with the installed package must be found there: prints file and origin of each result.
SHIPPED = """
import json, sys
from mempaper import catalogue
from mempaper.paths import data_folder
for sidecar in sorted((data_folder() / "pretrained" / sys.argv[1]).rglob("*.json")):
    told = json.loads(sidecar.read_text())
    run = catalogue.experiment(told["experiment"]).checked(**told["config"])
    assert run.shipped_file() == sidecar.with_suffix(".safetensors"), (run.shipped_file(), sidecar)
    print(run.result().provenance["origin"], sidecar)
"""


@pytest.fixture(scope="module")
def jupyter(fresh, clone):
    """Jupyter, torch and numpy; what git is told to fetch from the repository comes from the clone."""
    made = fresh("colab", *pins("ipykernel", "nbclient"))
    replaced = f'[url "{clone.as_uri()}"]\n\tinsteadOf = {repository_url()}\n'
    (made.folder / "home" / ".gitconfig").write_text(replaced)
    return made


@pytest.fixture
def colab(jupyter):
    """An environment with Jupyter, torch and numpy, and without mempaper."""
    assert "mempaper" not in jupyter.installed()
    yield jupyter
    if "mempaper" in jupyter.installed():
        jupyter.pip("uninstall", "--quiet", "--yes", "mempaper")


def unpacked(environment):
    """Files of the installed package, and of them those that pip put there."""
    (info,) = environment.packages.glob("mempaper-*.dist-info")
    with (info / "RECORD").open(newline="") as file:
        recorded = {row[0] for row in csv.reader(file) if row[0].startswith("mempaper/")}
    found = {f"mempaper/{name}" for name in files(environment.packages / "mempaper")}
    return {name for name in found if "__pycache__" not in name}, {
        name for name in recorded if "__pycache__" not in name
    }


def test_every_paper_has_a_chapter_here():
    assert tuple(chapter.split("/")[0] for chapter in CHAPTERS) == papers()


def test_the_set_up_cell_is_the_same_everywhere(clone):
    cells = {
        cell.source
        for path in (clone / "book").glob("*/*.ipynb")
        for cell in nbformat.read(path, 4).cells
        if "remove-cell" in cell.metadata.get("tags", ())
    }
    (cell,) = cells
    assert f'"mempaper @ git+{repository_url()}"' in cell


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_by_itself(chapter, colab, clone, tmp_path):
    paper, figure = chapter.split("/")
    folder = tmp_path / "content"
    folder.mkdir()
    alone = folder / f"{figure}.ipynb"
    before = colab.installed()
    nbformat.write(in_mode(nbformat.read(clone / "book" / f"{chapter}.ipynb", 4), "smoke"), alone)

    colab.execute(alone, folder)

    record = claims.read_notebook(alone)
    assert (record["chapter"], record["mode"]) == (chapter, "smoke")
    assert {j["id"] for j in record["judgements"]} == {
        c.id for c in claims.load(paper).values() if c.figure == figure
    }
    assert {j["status"] for j in record["judgements"]} <= {"not judged", "not run", "not attempted"}
    runs = footer(alone)
    assert runs
    for experiment, key, origin, commit in runs:
        assert origin in ("trained", "cache")  # smoke is not shipped; the cache is this notebook's own
        assert head(clone).startswith(commit)
        assert list((folder / "runs" / experiment).rglob(f"{key}*"))

    after = colab.installed()
    assert {name: after[name] for name in before} == before
    assert after["torch"][1] != str(colab.packages)  # those that were there, not copies of pip's
    assert after["mempaper"][1] == str(colab.packages)

    assert {path.name for path in folder.iterdir()} == {alone.name, "runs"}
    lines = colab.run("python", "-c", SHIPPED, paper, cwd=tmp_path).stdout.splitlines()
    told = dict(reversed(line.split(" ", 1)) for line in lines)
    data = colab.packages / "mempaper" / "_data"
    names = tracked(clone, f"data/pretrained/{paper}")
    assert set(told) == {str(data / n.removeprefix("data/")) for n in names if n.endswith(".json")}
    assert set(told.values()) == {"shipped"}

    assert list(tmp_path.iterdir()) == [folder]
    found, recorded = unpacked(colab)
    assert found == recorded
    assert files(colab.folder / "tmp") == set()
    assert {name.split("/")[0] for name in files(colab.folder / "home")} <= HOME_FOLDERS
    assert [name for name in files(colab.folder / "home") if "mempaper" in name] == []
    assert left_in(clone) == []
