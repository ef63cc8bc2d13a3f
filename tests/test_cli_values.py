"""Values of the command line, and that experiments take them."""

import pytest

from mempaper.cli_values import parse_parameters, parse_value
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.parameters import ConfigError
from mempaper.zhang2024.cli_options import asked_for
from mempaper.zhang2024.experiments import QuickAgent, ReferenceAgent


def test_lists_are_read_like_single_values():
    assert parse_value("[0.5, 2]") == [0.5, 2]
    assert parse_value("[1e-3,none, l1, true]") == [0.001, None, "l1", True]
    assert parse_value("[]") == []
    assert parse_value("100,400") == "100,400"
    for odd in ("[", "[0.5, 2", "[1] 2"):
        with pytest.raises(ConfigError, match=r"is not a list like \[0.5, 2\]"):
            parse_value(odd)


@pytest.mark.parametrize("kind", [QuickAgent, ReferenceAgent])
def test_ranges_of_an_agent_are_given_as_lists(kind):
    pairs = (("exclude_gain", "[0.5, 2]"), ("gain_range", "[0.1,4]"), ("target_distance", "[100, 300]"))
    agent = kind.preset("smoke", **parse_parameters(pairs, ()))
    assert agent.exclude_gain == (0.5, 2.0)
    assert agent.gain_range == (0.1, 4.0)
    assert agent.target_distance == (100.0, 300.0)
    assert agent == kind.preset(
        "smoke", **parse_parameters(pairs[:1], ("target_distance: [100, 300]", "gain_range: [0.1, 4]"))
    )
    with pytest.raises(ConfigError, match="exclude_gain"):
        kind.preset("smoke", **parse_parameters((("exclude_gain", "[0.5, 2, 3]"),), ()))
    with pytest.raises(ConfigError, match="target_distance"):
        kind.preset("smoke", **parse_parameters((("target_distance", "[near, far]"),), ()))


@pytest.mark.parametrize("mode", ["smoke", "full"])
def test_the_training_command_takes_ranges(mode):
    (agent,) = asked_for(
        ["modular"],
        "0",
        0.2,
        0.1,
        [("exclude_gain", "[0.5, 2]"), ("target_distance", "[100, 300]")],
        mode=mode,
        training=None,
        device="cpu",
        gain_range=(0.1, 4.0),
    )
    assert agent.exclude_gain == (0.5, 2.0)
    assert agent.target_distance == (100.0, 300.0)


def test_fields_that_take_one_or_several_numbers_take_lists():
    for text in ("0.1,0.2", "[0.1, 0.2]"):
        assert DelayLearning.preset("smoke", rho=parse_value(text)).rho == (0.1, 0.2)


def test_names_in_yaml_are_words():
    with pytest.raises(ConfigError, match=r"-y '\{1: 2\}': the name 1 is not a word"):
        parse_parameters((), ("{1: 2}",))
