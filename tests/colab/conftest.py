"""What the tests in fresh environments share: a clone of what is committed, and torch."""

import shutil
import subprocess

import pytest
import yaml
from environments import ROOT, Environment, pins


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """The repository as somebody else gets it: uncommitted changes are not in it."""
    folder = tmp_path_factory.mktemp("clone") / "mempaper"
    done = subprocess.run(
        ["git", "clone", "--quiet", str(ROOT), str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.fail(f"git could not clone {ROOT}; these tests need a git checkout: {done.stderr}")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def python_version(clone):
    """The Python that Binder's environment names; all environments here have it."""
    asked = yaml.safe_load((clone / ".binder" / "environment.yml").read_text())["dependencies"]
    return next(d.removeprefix("python=") for d in asked if str(d).startswith("python="))


@pytest.fixture(scope="session")
def with_torch(tmp_path_factory, python_version):
    """An environment of torch and numpy alone. It takes minutes, so the others lie on top of it."""
    made = Environment.make(tmp_path_factory.mktemp("torch"), python_version)
    made.pip("install", "--quiet", *pins("torch", "numpy"))
    yield made
    shutil.rmtree(made.folder)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, with_torch):
    """Make an environment that sees torch and numpy and what else it is given."""
    made = []

    def make(name, *packages):
        environment = Environment.make(tmp_path_factory.mktemp(name), with_torch.version, with_torch)
        made.append(environment)
        if packages:
            environment.pip("install", "--quiet", *packages)
        return environment

    yield make
    for environment in made:
        shutil.rmtree(environment.folder)
