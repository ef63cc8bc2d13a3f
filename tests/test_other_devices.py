"""Every training runs on a device that is not the CPU, resumes there, and learns the same.

There is no GPU where these tests run: a stand-in refuses what a GPU would, see ``stand_in_device.py``.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mempaper import catalogue

SCRIPT = Path(__file__).with_name("stand_in_device.py")
SHORT = {
    "total_trials": 8,
    "give_up": 8,
    "log_every": 2,
    "validate_every": 4,
    "validation_trials": 4,
}
TRAININGS = {
    "khajehabdollahi2024/curriculum": (
        {},
        {"task": "dms", "curriculum": "single", "fixed_tau": 2.0},
        {"curriculum": "sliding", "init_heads": 2},
        {"placement": "mod", "activation": "tanh"},
        {"placement": "continuous", "duplicates": [2, 3]},
    ),
    "khajehabdollahi2024/gated": ({}, {"kind": "gru"}),
    "khajehabdollahi2024/retraining": ({},),
    "lu2022/pretraining": ({"pretraining_epochs": 3},),
    "lu2022/recall": (
        {"epochs": 3},
        {"epochs": 3, "gating": "post", "segment": 8},
        {"epochs": 3, "familiarity": 1},
        {"epochs": 3, "schema_strength": 0.55, "reinforcement": False},
    ),
    "orhan2019/delay": (
        {},
        {"model": "hebbian"},
        {"task": "SINE"},
        {"task": "GDE", "condition": "vardelay"},
        {"task": "COMP", "condition": "dynamic"},
        {"task": "CD", "condition": "tethered"},
        {"first_task": "CD"},
    ),
    "ritter2018/contextual_choice": (
        {"n_epochs": 3},
        {"n_epochs": 3, "kernel": "cosine"},
        {"n_epochs": 3, "recall": "softmax"},
        {"n_epochs": 3, "recall": "inverse", "n_neighbours": 5},
    ),
    "ritter2018/barcode_bandit": ({}, {"variant": "input"}, {"miss": "nearest"}),
    "ritter2018/noisy_contexts": ({},),
    "ritter2018/water_maze": ({"n_epochs": 3},),
    "ritter2018/two_step": ({},),
    "zhang2024/warm_start": ({"actor": "Actor1"},),
    "zhang2024/quick": ({"rounds": 4, "warm_steps": 2, "critic_updates": 2},),
    "zhang2024/reference": (
        {**SHORT, "learn_after": 2},
        {**SHORT, "architecture": "EKF", "ekf_learn_after": 40},
    ),
}
SIMULATIONS = {"khajehabdollahi2024/activity"}
WITHOUT_RESUME = {"khajehabdollahi2024/retraining", "zhang2024/warm_start"}  # a matter of seconds


REFUSED = """
import torch
from stand_in_device import NAME

x, here = torch.ones(3, 4).to(NAME), torch.ones(3, 4)
place = torch.tensor([1])
assert (x[place] + torch.tensor(2.0)).cpu().sum() == 12  # indices and single numbers may be here
x[place] = torch.zeros(4, device=NAME)
assert x.sum().item() == 8
for wrong in (
    lambda: x + here,
    lambda: torch.cat([x, here]),
    lambda: torch.where(here > 0, x, x),
    lambda: here[place.to(NAME)],
    lambda: x.numpy(),
    lambda: torch.randn(3, device=NAME, generator=torch.Generator()),
):
    try:
        wrong()
    except RuntimeError:
        print("refused")
"""


def test_what_a_gpu_would_refuse_is_refused():
    command = [sys.executable, "-c", REFUSED]
    made = subprocess.run(command, cwd=SCRIPT.parent, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    assert made.stdout.split() == ["refused"] * 6


def test_every_training_is_among_them():
    assert set(TRAININGS) == set(catalogue.experiments()) - SIMULATIONS


@pytest.mark.parametrize("paper", catalogue.papers())
def test_trainings_run_elsewhere_and_learn_the_same(paper):
    own = [
        (name, differs)
        for name, variants in TRAININGS.items()
        for differs in variants
        if name.split("/")[0] == paper
    ]
    command = [sys.executable, str(SCRIPT), json.dumps(own)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    found = [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]
    for (name, differs), one in zip(own, found, strict=True):
        assert one["largest"] < 1e-4, (name, differs, one)
        assert one["resumed"] == (name not in WITHOUT_RESUME), (name, differs, one)
        assert one["operations"] > 30, (name, differs, one)
