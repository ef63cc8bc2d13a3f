import json

import pytest

from mempaper import claims
from mempaper.chapter import Chapter, given_parameters
from mempaper.parameters import ConfigError
from mempaper.ritter2018.experiments import ContextualChoiceTraining

NAME = "ritter2018/fig3_learning"


def chapter(**namespace):
    return Chapter(NAME, {"mode": "smoke", **namespace}, ContextualChoiceTraining, "kernel")


def test_only_plain_values_count_as_parameters():
    namespace = {"json": json, "f": len, "_x": 1, "In": [], "seed": 3, "name": None, "flag": True}
    assert given_parameters(namespace) == {"seed": 3, "name": None, "flag": True}


def test_parameters_reach_the_experiment(capsys):
    found = chapter(seed=4, n_seeds=None, kernel="l1")
    assert (found.mode, found.experiment.seed, found.experiment.kernel) == ("smoke", 4, "l1")
    assert found.experiment.n_seeds == 2
    assert "not judged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        ({"sede": 3}, "Unknown parameter 'sede'. Did you mean 'seed'"),
        ({"n_epochs": 3}, "Unknown parameter 'n_epochs'"),
        ({"mode": "quick"}, "mode is 'quick'"),
        ({"seed": -1}, "seed is -1"),
        ({"kernel": "l7"}, "kernel is 'l7'"),
    ],
)
def test_bad_parameters_are_refused(namespace, message):
    with pytest.raises(ConfigError, match=message):
        chapter(**namespace)


def test_cells_can_be_run_again_with_other_values():
    names = {"mode": "smoke", "kernel": "l2"}
    made = Chapter(NAME, names, ContextualChoiceTraining, "kernel")
    assert made.experiment.kernel == "l2"
    names.update(panels=[1, 2], colour="red", kernel="l1", seed=4)  # two of them by cells below
    again = Chapter(NAME, names, ContextualChoiceTraining, "kernel").experiment
    assert (again.kernel, again.seed) == ("l1", 4)
    names["kernel"] = "l7"
    with pytest.raises(ConfigError, match="kernel is 'l7'"):
        Chapter(NAME, names, ContextualChoiceTraining, "kernel")


def test_names_are_checked_until_they_are_right_and_in_every_notebook_anew():
    chapter()
    names = {"mode": "smoke", "sede": 3}
    for _ in range(2):
        with pytest.raises(ConfigError, match="Unknown parameter 'sede'"):
            Chapter(NAME, names, ContextualChoiceTraining)
    del names["sede"]
    Chapter(NAME, names, ContextualChoiceTraining)
    with pytest.raises(ConfigError, match="Unknown parameter 'sede'"):
        chapter(sede=3)


def test_unknown_papers_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'ritter2018'"):
        Chapter("ritter2081/fig1", {"mode": "fast"}, ContextualChoiceTraining)


@pytest.fixture
def shown(monkeypatch):
    """What chapters display."""
    shown = []
    monkeypatch.setattr("mempaper.chapter.display", lambda data, raw=False: shown.append(data))
    return shown


def test_judging_says_what_was_given_and_what_the_mode_has(shown):
    names = {"mode": "smoke", "seed": 4, "n_seeds": None, "kernel": "l1", "shown": 2}
    found = Chapter(NAME, names, ContextualChoiceTraining, "kernel", own=("shown",))
    found.judge({name: [1.0, 2.0] for name in found._own})
    record = json.loads(json.dumps(shown[0][claims.MIME]))
    assert record["parameters"] == {"n_seeds": None, "kernel": "l1", "shown": 2}
    assert record["preset"] == {"seed": 0, "n_seeds": 2, "kernel": "l2"}


def test_judging_shows_a_table_with_its_numbers(shown):
    found = chapter()
    found.judge({name: [1.0, 2.0] for name in found._own})
    (bundle,) = shown
    assert bundle[claims.MIME]["chapter"] == NAME
    assert {j["id"] for j in bundle[claims.MIME]["judgements"]} == set(found._own)
    assert 'scope="row">C1a' in bundle["text/html"]
