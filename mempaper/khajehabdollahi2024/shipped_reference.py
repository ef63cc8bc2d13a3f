"""Recomputes what the original code gave for the authors' trained networks, where these are there.

Networks are files ``models/<run>_N<first>_N<last>.npz`` of the checked folder. What asks for others is
skipped, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mempaper.checkpoint import CorruptFileError
from mempaper.khajehabdollahi2024 import activity, evaluation, timescales
from mempaper.khajehabdollahi2024.analysis import Streams
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.khajehabdollahi2024.perturbation import streaming_accuracy
from mempaper.khajehabdollahi2024.storage import StoredNetwork, load_network
from mempaper.verify import Comparison, Family, Fixture, Skipped

WEIGHTS = ("w_in", "b_in", "w_rec", "b_rec", "tau", "w_head", "b_head")
ACCURACY_TOLERANCE = 0.01
PRINTED = 1e-4  # four decimals
ROLLOUT_WARM_UP = 20  # steps after the first N
SIMULATED_STEPS, SIMULATION_SEED = 20_500, 0
FIT_TOLERANCE, FIT_SHARE = 0.05, 0.85  # most neurons: rounding decides some of the fits
MEDIAN_TOLERANCE = 0.35  # relative; of fits elsewhere, and of other draws of the chances of a 1

Found = Iterator[Comparison | Skipped]


def network_from(f: Fixture, prefix: str = "", **options: Any) -> LeakyRNN:
    """The network whose arrays have names that start with ``prefix``."""
    return LeakyRNN.from_reference({name: f[prefix + name] for name in WEIGHTS}, **options)


def network_name(run: str, first: float | str, last: float | str) -> str:
    """File name of the network of a run that was trained on memory lengths ``first`` to ``last``."""
    return f"{run}_N{int(first)}_N{int(last)}"


@dataclass
class Networks:
    """Networks beside a file; those that it names and that are not there are remembered."""

    file: Fixture
    missing: list[str] = field(default_factory=list)

    def get(self, name: str) -> StoredNetwork | None:
        """A network, or None."""
        try:
            return load_network(self.file.folder / "models" / f"{name}.npz")
        except (FileNotFoundError, CorruptFileError):
            self.missing.append(name)
            return None

    def skipped(self, function: str) -> Iterator[Skipped]:
        """What to report for those that are missing."""
        if self.missing:
            yield Skipped(function, f"not in models/ (or not readable): {', '.join(self.missing)}")


def _asked(stored: StoredNetwork) -> list[tuple[int, int]]:
    """Every head, with its memory length."""
    return [(n, head) for head, n in enumerate(stored.n_values)]


def _table(f: Fixture) -> dict[str, dict[str, float]]:
    """Rows of a table of metrics by the network's name."""
    names = map(network_name, f["run"], f["N_min"], f["N_max"])
    columns = [key for key in f if key != "run"]
    return {name: {key: f[key][i] for key in columns} for i, name in enumerate(names)}


def _tables_beside(f: Fixture) -> dict[str, dict[str, float]]:
    return {name: row for t in f.beside("shipped_metrics*.csv") for name, row in _table(t).items()}


def check_models(f: Fixture) -> Found:
    """A network can be loaded, is what its name says, and does its task."""
    stored = load_network(f.path)
    back = stored.network.to_reference()
    for name in WEIGHTS:
        yield Comparison("storage.load_network", name, back[name], f[name], 0)
    diagonal = np.diag(f["w_rec"])
    yield Comparison("storage.load_network", "diagonal", diagonal, np.zeros_like(diagonal), 0)
    named = re.fullmatch(r".+_N(\d+)_N(\d+)", f.variant)
    if named:
        expected = np.arange(int(named[1]), int(named[2]) + 1)
        yield Comparison("storage.load_network", "Ns", stored.n_values, expected, 0)
    accuracy = Streams().accuracy(stored.network, "parity", _asked(stored))[0].mean(0)
    finite = bool(np.isfinite(accuracy).all())
    yield Comparison("analysis.Streams", "finite accuracy", finite, True, 0)
    row = _tables_beside(f).get(f.variant)
    if row is not None:
        yield from _compare_accuracy("analysis.Streams", f.variant, "stream_acc", "Nmax", accuracy, row)


def _against(
    function: str, name: str, ours: dict[str, float], row: dict[str, float], tolerance: float
) -> Iterator[Comparison]:
    """Our numbers against those cells of a table's row that are not empty."""
    for column, value in ours.items():
        if not np.isnan(row[column]):
            yield Comparison(function, f"{name} {column}", value, row[column], tolerance)


def _compare_accuracy(
    function: str, name: str, kind: str, last: str, accuracy: np.ndarray, row: dict[str, float]
) -> Iterator[Comparison]:
    """Mean over heads, and the last head."""
    ours = {f"{kind}_mean": accuracy.mean(), f"{kind}_{last}": accuracy[-1]}
    yield from _against(function, name, ours, row, ACCURACY_TOLERANCE)


def check_rollouts(f: Fixture) -> Found:
    """Final states, outputs after every step, and accuracies for given bits and initial states."""
    networks = Networks(f)
    bits = torch.as_tensor(f["x"][..., 0].T)[None]
    h0 = torch.as_tensor(f["h0"])[None]
    for name in (key.removesuffix("_h_final") for key in f if key.endswith("_h_final")):
        stored = networks.get(name)
        if stored is None:
            continue
        with torch.no_grad():
            states = stored.network.unroll(bits, h0)
            logits = torch.stack([stored.network.logits(h)[0] for h in states])
        key = f"{name}_h_final"
        yield Comparison("LeakyRNN.unroll", key, states[-1, 0], f[key], 2e-3)
        key = f"{name}_logits"
        yield Comparison("LeakyRNN.logits", key, logits, f[key], 2e-3)
        key = f"{name}_acc_after_warmup"
        accuracy = [
            streaming_accuracy(stored.network, "parity", bits, h0, n, head, n + ROLLOUT_WARM_UP)
            for n, head in _asked(stored)
        ]
        theirs = np.ravel(f[key])
        yield Comparison("perturbation.streaming_accuracy", key, torch.cat(accuracy), theirs, 2e-3)
    yield from networks.skipped("LeakyRNN.unroll")


def check_metrics(f: Fixture) -> Found:
    """Time constants and accuracies of the networks of a table, and summaries of their timescales."""
    networks = Networks(f)
    for name, row in _table(f).items():
        stored = networks.get(name)
        if stored is None:
            continue
        tau = stored.network.tau.detach().double().numpy()
        numbers = {
            "tau_mean": tau.mean(),
            "tau_std": tau.std(),
            "tau_max": tau.max(),
            "frac_tau_below_1": (tau < 1).mean(),
        }
        yield from _against("time constants", name, numbers, row, PRINTED)
        batches, streams = evaluation.accuracies(stored.network, "parity", _asked(stored))
        for kind, last, ours in (("batch_acc", "last", batches), ("stream_acc", "Nmax", streams)):
            function = f"evaluation.accuracies, {kind}"
            yield from _compare_accuracy(function, name, kind, last, ours[0], row)
    yield from networks.skipped("time constants, accuracies")
    yield from _compare_summaries(f)


def _compare_summaries(f: Fixture) -> Found:
    """Columns of the table against the neurons' timescales and the trials' dimensions beside it."""
    beside = {name: (t, key) for t in f.beside("taunet_shipped*.npz") for name, key in _simulated(t)}
    function, missing = "summaries of timescales", []
    for name, row in _table(f).items():
        if np.isnan(row["taunet_count_gt1"]):
            continue
        if name not in beside:
            missing.append(name)
            continue
        file, key = beside[name]
        tau = file[f"{key}_taus_net"]
        above = tau[tau > 1]
        numbers = {
            "taunet_mean_gt1": above.mean(),
            "taunet_std_gt1": above.std(),
            "taunet_median_all": np.nanmedian(tau),
            "taunet_count_gt1": len(above),
            "frac_double_exp": (file[f"{key}_selected"] == 2).mean(),
        }
        yield from _against(function, name, numbers, row, 1e-3)
        for column in ("pca_index90", "pca_index95"):
            index = {column: file[f"{key}_{column}_per_trial"].mean()}
            yield from _against(f"{function}, dimensions", name, index, row, 1e-2)
    if missing:
        yield Skipped(function, f"not in taunet_shipped: {', '.join(missing)}")


def check_taus(f: Fixture) -> Found:
    """Time constants at every pass against the networks and against the table of metrics."""
    table = _tables_beside(f)
    missing = []
    for key in f:
        tau = f[key]
        if key.endswith("_init"):
            drawn = LeakyRNN([np.random.default_rng(0)], len(tau), 1).tau.detach().numpy()[0, 0]
            error = 4 * np.sqrt(2 / 12 / len(tau))  # of the difference of two means of uniform draws
            yield Comparison("LeakyRNN, initial tau", key, drawn.mean(), tau.mean(), error)
            inside = bool(((tau >= 1) & (tau <= 2)).all())
            yield Comparison("LeakyRNN, initial tau", f"{key} from 1 to 2", inside, True, 0)
            continue
        match = re.fullmatch(r"(.+?)(?:_N\d+)?_N(\d+)", key)
        if match is None:
            raise ValueError(f"array {key!r} is not named like <run>_N<n>")
        run, last = match.groups()
        named = re.compile(rf"{re.escape(run)}_N\d+_N{last}")
        models = [m for m in f.beside(f"models/{run}_N*_N{last}.npz") if named.fullmatch(m.variant)]
        rows = [row for name, row in table.items() if named.fullmatch(name)]
        for model in models:
            yield Comparison("time constants of the network", key, model["tau"], tau, 0)
        for row in rows:
            numbers = {"tau_mean": tau.mean(), "tau_std": tau.std()}
            yield from _against("time constants, mean and SD", key, numbers, row, PRINTED)
        if not models and not rows:
            missing.append(key)
    if missing:
        note = f"neither in models/ nor in shipped_metrics: {', '.join(missing)}"
        yield Skipped("time constants of the network", note)


def _simulated(f: Fixture) -> list[tuple[str, str]]:
    """Networks of a file of timescales: the name of the network's file, and the prefix of its keys."""
    matches = [re.fullmatch(r"((.+)_(\d+)_(\d+))_taus_net", key) for key in f]
    return [(network_name(m[2], m[3], m[4]), m[1]) for m in matches if m]


def check_taunet(f: Fixture) -> Found:
    """Fits of given autocovariances, and a new simulation of the networks that are there."""
    networks = Networks(f)
    yield from _refit(f)
    for name, key in _simulated(f):
        stored = networks.get(name)
        if stored is not None:
            yield from _simulate_again(f, key, stored.network)
    yield from networks.skipped("activity.simulate")


def _refit(f: Fixture) -> Iterator[Comparison]:
    """The fits of the original, neuron by neuron.

    The last bit decides some of them, so that they differ between processors and versions of scipy.
    """
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"tau": [], "selected": []}
    function = "timescales.fit_timescales"
    for _, key in _simulated(f):
        every = [re.fullmatch(rf"{re.escape(key)}_ac_every(\d+)th", other) for other in f]
        for match in filter(None, every):
            tau, selected = timescales.fit_timescales(timescales.normalised(f[match[0]]))
            step = int(match[1])
            theirs = f[f"{key}_taus_net"][::step]
            pairs["tau"].append((tau, theirs))
            pairs["selected"].append((selected, f[f"{key}_selected"][::step]))
            medians = np.nanmedian(tau), np.nanmedian(theirs)
            yield Comparison(f"{function}, median", key, *medians, MEDIAN_TOLERANCE, relative=True)
    if pairs["tau"]:
        ours, theirs = map(np.concatenate, zip(*pairs["tau"], strict=True))
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(ours), np.log(theirs)  # equal tolerance for short and long ones
        yield Comparison(function, "log tau", *logs, np.log1p(FIT_TOLERANCE), share=FIT_SHARE)
        ours, theirs = map(np.concatenate, zip(*pairs["selected"], strict=True))
        yield Comparison(function, "selected", ours, theirs, 0, share=FIT_SHARE)


def _simulate_again(f: Fixture, key: str, network: LeakyRNN) -> Iterator[Comparison]:
    """Timescales and dimensions of fresh activity; they follow the chances of a 1 that are drawn."""
    n_trials = len(f[f"{key}_pca_index90_per_trial"])
    found = activity.simulate(
        network,
        SIMULATED_STEPS,
        SIMULATION_SEED,
        n_trials=n_trials,
        n_lags=timescales.FITTED_LAGS,
    )
    tau, _ = timescales.fit_timescales(timescales.normalised(found.autocovariance[0]))
    theirs = f[f"{key}_taus_net"]
    index = found.dimensions(0.9)[0] - 1
    for name, ours, expected, tolerance in (
        ("neurons above 1", (tau > 1).sum(), (theirs > 1).sum(), 0.20),
        ("median", np.nanmedian(tau), np.nanmedian(theirs), MEDIAN_TOLERANCE),
        ("dimensions", index, f[f"{key}_pca_index90_per_trial"].mean(), 0.25),
    ):
        function = f"activity.simulate, {name}"
        yield Comparison(function, key, ours, expected, tolerance, relative=True)


SHIPPED_FAMILIES: dict[str, Family] = {
    "models": check_models,
    "shipped_rollouts": check_rollouts,
    "shipped_metrics": check_metrics,
    "taus_all": check_taus,
    "taunet_shipped": check_taunet,
}
