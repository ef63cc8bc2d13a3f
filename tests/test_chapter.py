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


def test_unknown_papers_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'ritter2018'"):
        Chapter("ritter2081/fig1", {"mode": "fast"}, ContextualChoiceTraining)


def test_judging_shows_a_table_with_its_numbers(monkeypatch):
    shown = []
    monkeypatch.setattr("mempaper.chapter.display", lambda data, raw=False: shown.append(data))
    found = chapter()
    found.judge({name: [1.0, 2.0] for name in found._own})
    (bundle,) = shown
    assert bundle[claims.MIME]["chapter"] == NAME
    assert {j["id"] for j in bundle[claims.MIME]["judgements"]} == set(found._own)
    assert 'scope="row">C1a' in bundle["text/html"]
