"""Measures what an update of one network costs at the sizes of each mode: `make throughput`.

Each training is run twice, for a few updates and for some more, with one thread; the difference of
the two, per update and network, is kept in ``data/throughput.yml``. From that the hours of a sweep are
estimated. Run it on a quiet machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import rates
import torch

from mempaper import catalogue, measurements
from mempaper.checkpoint import ResumePoint
from mempaper.experiment import Experiment
from mempaper.parameters import Mode
from mempaper.progress import silent

HEADER = """\
# Seconds of one core that an update of one network takes, at the sizes of each mode, in an ensemble as
# large as a job of a sweep has. Written by `make throughput`; `mempaper sweep --dry-run` uses it.
"""
EPOCHS = {"n_epochs": (1, 3)}
# Every test is passed, so that what is measured are the epochs of N = 6 to 9: in the middle of what the
# shipped trainings went through. Sequences get longer with N.
CURRICULUM = {"max_epochs": (4, 8), "updates_per_epoch": 8, "test_batches": 1, "pass_mark": 0.0}
SIZES: dict[str, dict[str, Any]] = {  # what makes a training short; pairs are varied
    "ritter2018/contextual_choice": {**EPOCHS, "n_evaluation": 1},
    "ritter2018/barcode_bandit": {**EPOCHS, "n_last": 1},
    "ritter2018/noisy_contexts": {**EPOCHS, "n_last": 1},
    "ritter2018/water_maze": {**EPOCHS, "n_last": 1},
    "ritter2018/two_step": {"n_epochs": (4, 12), "n_last": 1},
    "orhan2019/delay": {"iterations": (4, 12), "report_every": 4, "test_trials": 50, "index_trials": 50},
    "khajehabdollahi2024/curriculum": {**CURRICULUM, "kept": ()},
    "khajehabdollahi2024/gated": {**CURRICULUM, "kept": (2,), "n_steps": 100},
    "lu2022/pretraining": {"pretraining_epochs": (1, 3), "updates_per_epoch": 8},
    "lu2022/recall": {"epochs": (1, 3), "updates_per_epoch": 8, "pretraining_epochs": 0},
    "zhang2024/warm_start": {"steps": (2, 8)},
    "zhang2024/quick": {
        "rounds": (4, 24),
        "initial_trials": 1024,
        "critic_updates": 0,
        "warm_steps": 60,
    },
    "zhang2024/reference": {
        "total_trials": 20,
        "give_up": (20, 60),
        "validate_every": 20,
        "log_every": 20,
        "learn_after": 16,
        "ekf_learn_after": 512,
        "validation_trials": 10,
    },
}


def seconds_of(run: Experiment) -> float:
    """CPU seconds of a training, without what it stores."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMPAPER_RUNS"] = folder
        start = time.process_time()
        run.train(ResumePoint(), silent)
        return time.process_time() - start


def seconds_per_update(experiment: type[Experiment], mode: Mode, sizes: dict[str, Any]) -> float:
    """Of one network in an ensemble of the size that a job has."""
    varied = next(name for name, value in sizes.items() if isinstance(value, tuple) and len(value) == 2)
    own = {**experiment.presets[mode], **sizes}
    whole = experiment.checked(**{**own, varied: sizes[varied][1]})
    short, long = (whole.parts()[0].replace(**{varied: value}) for value in sizes[varied])
    seconds_of(short)  # warms up
    cost = seconds_of(long) - seconds_of(short)
    return cost / (long.updates_planned() - short.updates_planned()) / long.n_networks()


def machine() -> str:
    """The processor in words."""
    here = rates.machine()
    return f"{here['processor']}, one of {here['cores']} cores, torch {here['torch']}"


def main() -> None:
    """Measure everything, fast and full."""
    torch.set_num_threads(1)
    found: dict[str, dict[str, float]] = {}
    for name, sizes in SIZES.items():
        for mode in ("fast", "full"):
            value = seconds_per_update(catalogue.experiment(name), mode, sizes)
            found.setdefault(name, {})[mode] = float(f"{value:.3g}")
            print(f"{name:34} {mode:5} {1e3 * value:9.3f} ms per update and network", flush=True)
    table = {"machine": machine(), "seconds_per_update": found}
    measurements.write("throughput.yml", HEADER, table)


if __name__ == "__main__":
    main()
