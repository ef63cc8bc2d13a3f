"""A sweep of a paper's groups prepares its chapters: what these train is among the groups' runs.

Chapters run here with a stand-in for every result: which trainings they ask for does not depend on what
comes out of them. Figures are left out, and what fails for want of numbers is passed over.
"""

import ast
import contextlib
from functools import cache
from unittest.mock import MagicMock

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pytest

from mempaper import catalogue, needs, notebooks, sweep
from mempaper.experiment import Experiment
from mempaper.khajehabdollahi2024 import groups
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.parameters import ConfigError
from mempaper.zhang2024 import groups as pool

CHAPTERS = notebooks.chapters()
SHORTENED = [  # with fewer networks than the mode's preset
    f"khajehabdollahi2024/{name}"
    for name in (
        "a1_nonlinearity",
        "a2_activations",
        "a3_sliding",
        "a4_continuous",
        "fig4a_fixed_tau",
    )
]


def with_sources(runs):
    """Runs and all that they start from, by experiment and key."""
    return {(run.name, run.key()): run for run in sweep.with_needs(runs)}


@cache
def of_groups(paper, mode):
    """What a sweep of all groups of a paper trains."""
    found = (group for name, group in catalogue.groups().items() if name.split("/")[0] == paper)
    return with_sources(run for group in found for run in group.runs(mode).values())


def planned(paper, mode, **given):
    made = sweep.named(paper, mode, catalogue.groups(), catalogue.experiments(), **given)
    return with_sources(one.run for one in sweep.plan(made))


@cache
def shown_if_at_hand():
    """Trainings that a chapter of zhang2024 shows where they are, and never asks for."""
    return with_sources(
        run for runs in pool.originals(pool.Pool.preset("full")).values() for run in runs
    )


def strange(found, chapter, mode):
    """Configurations of trainings that no group of the chapter's paper needs."""
    paper = chapter.split("/")[0]
    own, full = of_groups(paper, mode), {**of_groups(paper, "full"), **shown_if_at_hand()}
    unknown = {key: run for key, run in found.items() if key not in own}
    return {
        key: run.config()
        for key, run in unknown.items()
        if not (key in full and run.is_shipped())  # which every mode may show
    }


@pytest.fixture
def trainings_of(monkeypatch):
    """Tells what a chapter trains under given parameters, without training it."""
    asked = []

    def stand_in(run, *_):
        asked.append(run)
        return MagicMock()

    for kind in (Experiment, *catalogue.experiments().values()):
        for name in ("result", "trained"):
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, stand_in)
    monkeypatch.setattr(pool, "load", stand_in)

    def trainings(chapter, **given):
        asked.clear()
        names = {"__name__": chapter}
        for cell in nbformat.read(notebooks.notebook_path(chapter), 4).cells:
            tags, is_figure = cell.metadata.get("tags", ()), "mystnb" in cell.metadata
            if cell.cell_type != "code" or "remove-cell" in tags or is_figure:
                continue
            for statement in ast.parse(cell.source).body:
                passed_over = Exception if "chapter" in names else ()
                with contextlib.suppress(passed_over):
                    exec(compile(ast.Module([statement], []), chapter, "exec"), names)
            if "parameters" in tags:
                names.update(given)
        plt.close("all")
        return with_sources(asked)

    with mpl.rc_context():
        yield trainings


@pytest.mark.parametrize("chapter", needs.load("fast"))
def test_recorded_trainings_are_among_the_groups(chapter):
    found = with_sources(training.run for training in needs.load("fast")[chapter].values())
    assert not strange(found, chapter, "fast")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_trainings_of_chapters_are_among_the_groups(trainings_of, chapter):
    recorded = set(needs.load("fast").get(chapter, ()))
    for mode in ("smoke", "fast"):
        found = trainings_of(chapter, mode=mode)
        assert not strange(found, chapter, mode), mode
        if not (found or recorded):
            return  # it trains nothing
    assert recorded <= {key for _, key in found}  # nothing was passed over


@pytest.mark.parametrize("chapter", [*SHORTENED, "zhang2024/training"])
def test_groups_prepare_the_full_mode_too(trainings_of, chapter):
    found = trainings_of(chapter, mode="full")
    assert found
    assert not strange(found, chapter, "full")


@pytest.mark.parametrize("chapter", SHORTENED)
def test_given_values_mean_the_same_to_chapters_and_sweeps(trainings_of, chapter):
    usual = trainings_of(chapter, mode="fast")
    found = trainings_of(chapter, mode="fast", n_seeds=8)
    assert min(run.n_seeds for run in usual.values()) < 8  # by the mode's own
    assert {run.n_seeds for run in found.values()} == {8}
    assert set(found) <= set(planned(chapter.split("/")[0], "fast", n_seeds=8))


def test_given_values_win_over_those_of_a_mode():
    base = CurriculumLearning.preset("fast")
    tanh = groups.inside(base, "fast", ("tanh",), n_seeds=8, max_epochs=None)["tanh", "single"]
    assert (tanh.n_seeds, tanh.max_epochs, tanh.placement) == (8, 20, "mod")
    fixed = groups.fixed_tau(base, "fast")
    assert [fixed[task, "single", 2.0].n_seeds for task in ("parity", "dms")] == [4, 8]
    assert [fixed[task, "single", 2.0].max_epochs for task in ("parity", "dms")] == [30, 40]
    wider = groups.sliding(base, "fast", init_heads=15)["n"]
    assert (wider.init_heads, wider.forget_heads, wider.max_n) == (15, 5, 21)
    several, _, one = groups.continuous(base, "fast", several_steps=[2, 6], max_n=8).values()
    assert [(run.duplicates, run.max_n) for run in (several, one)] == [((2, 6), 8), ((4,), 8)]
    assert (several.max_epochs, one.max_epochs) == (30, 50)
    assert {run.max_epochs for run in groups.directly(base, "fast", max_epochs=3).values()} == {3}
    with pytest.raises(ConfigError, match="Did you mean 'n_seeds'"):
        groups.inside(base, "fast", n_seed=3)
