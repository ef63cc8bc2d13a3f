"""A stranger's use: the wheel in a fresh environment, outside the checkout."""

import json
import shutil
import zipfile

import pytest
from environments import left_in, tracked
from test_readme import examples

from mempaper.catalogue import experiments, papers
from mempaper.claims import load

pytestmark = pytest.mark.colab
NO_CHAPTERS = "The chapters lie in the book's repository: clone it"


@pytest.fixture(scope="module")
def wheel(clone, with_torch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    with_torch.pip("wheel", "--quiet", "--no-deps", "--wheel-dir", folder, clone.resolve())
    (file,) = folder.iterdir()
    yield file
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stranger(fresh, wheel):
    """An environment with the wheel and what it depends on."""
    return fresh("stranger", wheel)


def test_the_wheel_holds_package_and_data_and_nothing_else(wheel, clone):
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    package = tracked(clone, "mempaper")
    data = {f"mempaper/_data/{name.removeprefix('data/')}" for name in tracked(clone, "data")}
    assert names == package | data
    assert left_in(clone) == []  # building leaves nothing in the checkout


def test_nothing_is_missing_that_it_needs(stranger, with_torch):
    stranger.pip("check")
    own, below = stranger.installed(), with_torch.installed()
    assert {name: own[name] for name in ("torch", "numpy")} == {
        name: below[name] for name in ("torch", "numpy")
    }


@pytest.mark.parametrize("paper", papers())
def test_the_readme_example(paper, stranger, clone, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(examples((clone / "README.md").read_text())[paper])
    assert stranger.run("python", script, cwd=tmp_path).stdout
    assert {path.name for path in tmp_path.iterdir()} == {script.name, "runs"}
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [paper]


@pytest.mark.parametrize("paper", papers())
def test_numbers_of_the_original_code(paper, stranger, clone, tmp_path):
    told = stranger.run("mempaper", "verify", paper, clone / "tests" / "fixtures" / paper, cwd=tmp_path)
    assert " 0 missed" in told.stdout.splitlines()[-1]


def test_experiments_can_be_swept(stranger, tmp_path):
    words = ("sweep", "ritter2018/contextual_choice", "--mode", "smoke", "--grid", "kernel=l2,l1")
    told = stranger.run("mempaper", *words, cwd=tmp_path).stdout.splitlines()
    assert [" trained " in line for line in told] == [True, True]
    assert (tmp_path / "runs" / "ritter2018").is_dir()


@pytest.mark.parametrize("words", [("run", "ritter2018/fig1_cell"), ("build",), ("pair",)])
def test_what_needs_the_chapters_says_where_they_are(words, stranger, tmp_path):
    told = stranger.run("mempaper", *words, cwd=tmp_path, fails=True)
    assert told.returncode == 2
    assert NO_CHAPTERS in told.stderr
    assert "Traceback" not in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_list_has_the_experiments_without_the_chapters(stranger, tmp_path):
    told = stranger.run("mempaper", "list", cwd=tmp_path).stdout
    assert NO_CHAPTERS in told
    assert set(experiments()) <= set(told.splitlines())


def test_the_ledger_is_shown(stranger, tmp_path):
    rows = json.loads(stranger.run("mempaper", "claims", "--json", cwd=tmp_path).stdout)
    assert {(row["paper"], row["id"]) for row in rows} == {(p, c) for p in papers() for c in load(p)}
    assert {row["fast"]["status"] for row in rows} <= {"not run", "not attempted"}
