"""The files in .binder: what they install, and one chapter per paper with Binder's memory.

Conda itself is not run. Its part, Python and torch, comes from pip here; the versions that
environment.yml asks for are compared with the package's.
"""

import shutil
import subprocess
import tomllib

import nbformat
import pytest
import yaml
from environments import in_mode, left_in, pins
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mempaper import claims
from mempaper.catalogue import papers

pytestmark = pytest.mark.colab
MEMORY = 2 * 1024**3
SERVER = 300 * 1024**2  # of it, for JupyterLab
# Modes: as it is opened (fast) where a chapter's networks are shipped or trained within seconds.
CHAPTERS = {
    "khajehabdollahi2024/fig4b_trained_tau": "smoke",
    "lu2022/fig3_retrieval": "smoke",
    "orhan2019/fig9_decoding": "smoke",
    "ritter2018/fig6_similarity": "fast",
    "zhang2024/fig3_behaviour": "fast",
}


@pytest.fixture(scope="module")
def binder(fresh, clone, tmp_path_factory):
    """Jupyter and torch, then postBuild in a checkout of its own; the environment and the checkout."""
    environment = fresh("binder", *pins("ipykernel", "nbclient"))
    checkout = tmp_path_factory.mktemp("checkout") / "mempaper"
    subprocess.run(["git", "clone", "--quiet", str(clone), str(checkout)], check=True)
    before = environment.installed()
    environment.run("./.binder/postBuild", cwd=checkout)
    after = environment.installed()
    assert {name: after[name] for name in ("torch", "numpy")} == {
        name: before[name] for name in ("torch", "numpy")
    }
    yield environment, checkout
    shutil.rmtree(checkout)


def test_conda_is_asked_for_what_the_package_needs(clone, python_version):
    asked = yaml.safe_load((clone / ".binder" / "environment.yml").read_text())
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    torch = next(r for r in map(Requirement, project["dependencies"]) if r.name == "torch")
    assert asked["channels"] == ["conda-forge"]
    assert python_version in SpecifierSet(project["requires-python"])
    # pytorch-cpu is the build without CUDA
    assert asked["dependencies"] == [f"python={python_version}", f"pytorch-cpu{torch.specifier}", "pip"]


def test_what_post_build_installs_runs_the_chapters(clone):
    """It asks for parts of the extra `book` alone: those that `mempaper run` needs, in its versions."""
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    text = (clone / ".binder" / "postBuild").read_text()
    extra = {r.name: str(r) for r in map(Requirement, project["optional-dependencies"]["book"])}
    for name in ("jupytext", "papermill"):
        assert f'"{extra[name]}"' in text


def test_every_chapter_is_listed(binder):
    environment, checkout = binder
    told = environment.run("mempaper", "list", cwd=checkout).stdout.split("\n\n")[0]
    sources = {f"{p.parent.name}/{p.stem}" for p in (checkout / "book").glob("*/*.py")}
    assert {line.split()[0] for line in told.splitlines()[1:]} == sources
    assert {chapter.split("/")[0] for chapter in CHAPTERS} == set(papers())


@pytest.mark.parametrize(("chapter", "mode"), CHAPTERS.items())
def test_a_chapter_fits_into_memory(chapter, mode, binder, tmp_path, capsys):
    environment, checkout = binder
    executed = tmp_path / "executed.ipynb"
    opened = nbformat.read(checkout / "book" / f"{chapter}.ipynb", 4)
    nbformat.write(in_mode(opened, mode), executed)
    cost = environment.execute(executed, (checkout / "book" / chapter).parent, limit=MEMORY - SERVER)
    told = f"{chapter} in {mode} mode: {cost['peak'] / 2**20:.0f} MiB, {cost['seconds']:.0f} s"
    with capsys.disabled():
        print(f"\n{told}")
    assert cost["peak"] < MEMORY - SERVER
    assert claims.read_notebook(executed)["mode"] == mode
    left = {line.split()[1] for line in left_in(checkout) if not line.endswith("__pycache__/")}
    assert left <= {"runs/"}
