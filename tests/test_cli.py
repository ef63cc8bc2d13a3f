import json
import subprocess
import sys

import pytest

from mempaper.cli_values import parse_parameters, parse_value
from mempaper.parameters import ConfigError


def mempaper(*words, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "mempaper", *map(str, words)], capture_output=True, text=True, **kwargs
    )


def test_values_are_read_as_papermill_reads_them():
    read = [parse_value(t) for t in ("3", "1e-3", "true", "None", "l1", "-0.5")]
    assert read == [3, 0.001, True, None, "l1", -0.5]


def test_parameters_as_pairs_and_as_yaml():
    assert parse_parameters((("seed", "3"),), ("kernel: l1",)) == {"kernel": "l1", "seed": 3}
    with pytest.raises(ConfigError, match="not a mapping"):
        parse_parameters((), ("- 3",))


def test_list_names_chapters_experiments_and_presets():
    done = mempaper("list")
    assert done.returncode == 0
    for word in ("ritter2018/fig4_correct_rate", "ritter2018/contextual_choice", "smoke", "n_epochs=1"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "ritter2018/fig9"), "Unknown chapter 'ritter2018/fig9'"),
        (("run", "ritter2018/fig4_correct_rate", "--mode", "quick"), "mode is 'quick'"),
        (("run", "ritter2018/fig4_correct_rate", "-p", "sede", "3"), "Did you mean 'seed'"),
        (("run", "ritter2018/fig4_correct_rate", "-o", "."), "is a folder; name a notebook"),
        (("sweep", "ritter2018/contextual"), "Did you mean 'ritter2018/contextual_choice'"),
        (("sweep", "ritter2018/contextual_choice", "--grid", "kernel"), "not like kernel=l2,l1"),
        (("sweep", "ritter2018/contextual_choice", "--grid", "tau=0,1"), "tau is 0"),
        (("verify", "ritter2018", "."), "holds no fixture files"),
        (("verify", "ritter", "tests"), "Unknown paper 'ritter'"),
        (("build", "--mode", "quick"), "mode is 'quick'"),
    ],
)
def test_errors_are_one_message_without_a_traceback(words, message, tmp_path):
    done = mempaper(*words, cwd=tmp_path if "." in words else None)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_claims_lists_every_claim():
    done = mempaper("claims", "--json")
    assert done.returncode == 0
    rows = json.loads(done.stdout)
    ids = [(row["paper"], row["id"]) for row in rows]
    assert len(ids) == len(set(ids))
    wanted = [("ritter2018", "C1a"), ("ritter2018", "S4-2"), ("khajehabdollahi2024", "C21c")]
    assert set(wanted) <= set(ids)
    assert all({"status", "value"} <= set(row["fast"]) for row in rows)


def test_a_sweep_runs_a_grid_once(runs):
    grid = ("sweep", "ritter2018/contextual_choice", "--mode", "smoke", "--grid", "kernel=l2,l1")
    planned = mempaper(*grid, "--dry-run").stdout
    assert "kernel=l2" in planned
    assert "2 jobs to do" in planned
    first = mempaper(*grid, "--workers", "1")
    assert first.returncode == 0
    assert first.stdout.count("trained") == 2
    assert mempaper(*grid, "--workers", "1").stdout.count("cache") == 2
