"""What ``mempaper sweep`` refuses in words, before anything is trained."""

import pytest
from click.testing import CliRunner

from mempaper.parameters import ConfigError
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.sweep_cli import sweep_command

CHOICE = "ritter2018/contextual_choice"


def refused(*words):
    """The error that the command line shows for options of a sweep of one experiment."""
    error = CliRunner().invoke(sweep_command, (CHOICE, *words)).exception
    assert isinstance(error, ConfigError), error
    return str(error)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--grid", "kernel=l2", "--grid", "kernel=l1"), "--grid gives kernel 2 times"),
        (("-p", "kernel", "l2", "-p", "kernel", "l1"), "-p gives kernel 2 times"),
        (("-p", "kernel", "l2", "--grid", "kernel=l1,l2"), "kernel is fixed with -p and is an axis"),
        (("-p", "mode", "smoke"), "use --mode"),
        (("--grid", "mode=smoke,fast"), "use --mode"),
        (("--seed", "3", "--grid", "seed=0,100"), "seed is given by --seed and by -p or --grid"),
        (("--n-seeds", "3", "-p", "n_seeds", "4"), "n_seeds is given by --n-seeds and by -p or --grid"),
        (("--grid", "=l2"), "'=l2' is not like kernel=l2,l1"),
        (("-p", "kernel", "[l1"), "'[l1' is not a list like [0.5, 2]"),
    ],
)
def test_a_parameter_is_given_once_and_as_it_is_meant(words, message, runs):
    assert message in refused(*words)
    assert message in refused(*words, "--dry-run")


@pytest.mark.parametrize("option", ["partition", "hours", "memory", "gpus", "detach"])
def test_options_without_effect_are_refused(option, runs):
    given = (f"--{option}",) if option == "detach" else (f"--{option}", "1")
    where = "local or slurm" if option in ("hours", "detach") else "slurm"
    message = f"--{option} needs --cluster {where}: with none it has no effect"
    assert message in refused("--mode", "smoke", *given)
    if where == "slurm":
        message = message.replace("none", "local")
        assert message in refused("--mode", "smoke", "--cluster", "local", *given)
    assert not ContextualChoiceTraining.preset("smoke").is_done()


def test_an_axis_of_ranges():
    words = ("zhang2024/quick", "--mode", "smoke", "--dry-run")
    done = CliRunner().invoke(sweep_command, (*words, "--grid", "target_distance=[100, 300],[50,200.5]"))
    assert done.exit_code == 0, done.exception
    assert "target_distance=[100, 300]" in done.output
    assert "target_distance=[50, 200.5]" in done.output
    assert "2 jobs to do" in done.output
