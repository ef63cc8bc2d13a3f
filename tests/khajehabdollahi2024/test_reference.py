"""Fixture files of other names, sizes and keys, made by our own functions and then spoilt."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from reference_checks import FIXTURES, Checks

from mempaper import claims
from mempaper.khajehabdollahi2024 import activity, evaluation, perturbation, task, timescales
from mempaper.khajehabdollahi2024 import shipped_reference as shipped_numbers
from mempaper.khajehabdollahi2024.curriculum import Curriculum, passed
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.paths import ROOT

PAPER = "khajehabdollahi2024"
checks = Checks(PAPER)
AUTHORS = ROOT.parent / "shared" / "reference" / PAPER
needs_authors_files = pytest.mark.skipif(
    not AUTHORS.is_dir(), reason=f"the authors' networks and tables are not at {AUTHORS}"
)


def network(n_units, n_heads, seed=0, **options):
    return LeakyRNN([np.random.default_rng(seed)], n_units, n_heads, **options)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("cell_a", "cell_night"),
        ("train_default_parity", "train_default_parity_7"),
        ("train_mod_tanh_dms", "train_mod_tanh_dms_b"),
        ("analysis_b", "analysis_9"),
        ("perturb_a", "perturb_other_seed"),
    ],
)
def test_other_suffixes(tmp_path, name, other):
    shutil.copy(FIXTURES / PAPER / f"{name}.npz", tmp_path / f"{other}.npz")
    assert len(checks.all_ok(tmp_path)) >= 5


def cell(
    n_units=5, n_heads=4, time=7, n_trials=2, tags=("default", "mod_tanh", "cont_k7", "mod_fixed4")
):
    """Arrays of a forward pass of other sizes, with some of the kinds of network."""
    rng = np.random.default_rng(1)
    weights = network(n_units, n_heads).to_reference()
    x = rng.integers(0, 2, (time, n_trials, 1)).astype(np.float32)
    h0 = rng.random((n_trials, n_units), dtype=np.float32)
    arrays = {**weights, "x": x, "h0": h0}
    kinds = {
        "default": {},
        "mod_tanh": {"placement": "mod", "activation": "tanh"},
        "cont_k7": {"placement": "continuous"},
        "mod_fixed4": {"placement": "mod", "fixed_tau": 4.0},
    }
    for tag in tags:
        own = LeakyRNN.from_reference(weights, **kinds[tag])
        bits, start = torch.from_numpy(x[..., 0].T.copy())[None], torch.from_numpy(h0)[None]
        with torch.no_grad():
            states = own.unroll(bits, start, k=7 if tag == "cont_k7" else 1)
            arrays[f"{tag}_h"] = np.concatenate([h0[None], states[:, 0]])
            arrays[f"{tag}_logits"] = np.stack([own.logits(h)[0] for h in states])
    return arrays


def test_sizes_and_kinds_of_networks_come_from_the_arrays(tmp_path):
    arrays = cell()
    np.savez(tmp_path / "cell_z.npz", **arrays)
    functions = {row.function for row in checks.all_ok(tmp_path)}
    assert functions == {
        f"LeakyRNN.{f}, {p}" for f in ("unroll", "logits") for p in ("default", "mod", "cont")
    }
    renamed = {key.replace("mod_tanh", "mod_sigmoid"): a for key, a in arrays.items()}
    np.savez(tmp_path / "cell_z.npz", **renamed)
    missed = checks.verdicts(tmp_path)["missed"]
    assert {row.function for row in missed} == {"LeakyRNN.unroll, mod", "LeakyRNN.logits, mod"}
    arrays["cont_k7_h"][3, 1, 2] += 1e-4
    np.savez(tmp_path / "cell_z.npz", **arrays)
    assert checks.only_miss(tmp_path, "cont_k7_h: 0.0001 > 1e-05").function == "LeakyRNN.unroll, cont"


def test_any_number_of_updates(tmp_path):
    arrays = checks.read("train_default_parity")
    for name in ("x", "y", "h0", "loss", "grad_norm"):
        arrays[name] = arrays[name][:2]
    arrays = {key: a for key, a in arrays.items() if not key.startswith("step4")}
    np.savez(tmp_path / "train_default_parity.npz", **arrays)
    checks.all_ok(tmp_path)
    np.savez(tmp_path / "train_default_parity.npz", **arrays | {"step1_tau": arrays["step1_tau"] + 1e-3})
    checks.only_miss(tmp_path, "step1_tau")
    (tmp_path / "train_default_parity.npz").rename(tmp_path / "train_tanh.npz")
    checks.only_miss(tmp_path, "expected a file train_default_<task>")


def sampled(kind, first, last):
    """What the original stores of 300 batches."""
    rng = np.random.default_rng(5)
    batches = [task.sample_trials(kind, [range(first, last + 1)], 32, [rng]) for _ in range(300)]
    lengths = [batch.bits.shape[-1] for batch in batches]
    means = np.stack([batch.bits[0].mean(-1) for batch in batches])
    answers = np.array([batch.labels[0, -1].double().mean() for batch in batches])
    of_lengths = [min(lengths), max(lengths), np.mean(lengths)]
    return np.array([*of_lengths, means.mean(), means.std(), answers.mean(), answers.std()])


def test_labels_of_other_memory_lengths_and_repetitions(tmp_path):
    bits = torch.from_numpy(np.random.default_rng(2).integers(0, 2, (6, 20)))
    ns = [3, 5, 11]
    arrays = {
        "seq": bits,
        "Ns": ns,
        "parity": task.labels("parity", bits, ns),
        "parity_pm1": task.labels("parity", bits, ns),
        "dms": task.labels("dms", bits, ns),
        "dms_in_time_N4": task.labels_in_time("dms", bits, 4)[:, :-1],
        "dup2_seq": bits.T.repeat_interleave(2, 0),
        "dup2_labels": task.labels("parity", bits, [2, 3]).T,
        "stat_parity_3_4": sampled("parity", 3, 4),
        "stat_dms_5_5": sampled("dms", 5, 5),
    }
    np.savez(tmp_path / "task_z.npz", **arrays)
    checks.all_ok(tmp_path)
    spoilt = {"stat_dms_5_5": arrays["stat_dms_5_5"] + [0, 1, 0, 0, 0, 0, 0]}
    np.savez(tmp_path / "task_z.npz", **arrays | spoilt)
    assert checks.only_miss(tmp_path, "stat_dms_5_5: 1 > 0").function == "task.sample_trials, lengths"
    spoilt = {"stat_parity_3_4": arrays["stat_parity_3_4"] + [0, 0, 0, 0, 0, 0.1, 0]}
    np.savez(tmp_path / "task_z.npz", **arrays | spoilt)
    checks.only_miss(tmp_path, "stat_parity_3_4 mean answer")


def test_units_and_sizes_of_damage_come_from_the_keys(tmp_path):
    arrays = {
        k: a for k, a in checks.read("perturb_a").items() if not k.startswith(("abl", "stream_dms"))
    }
    for prefix, change in (
        ("abl11_", lambda n: perturbation.ablate(n, 11, head=0)),
        ("ablread07_", lambda n: perturbation.silence_readout(n, [0, 7], head=0)),
    ):
        damaged = shipped_numbers.network_from(arrays)
        change(damaged)
        arrays |= {prefix + name: a for name, a in damaged.to_reference().items()}
    np.savez(tmp_path / "perturb_z.npz", **arrays)
    checks.all_ok(tmp_path)
    np.savez(tmp_path / "perturb_z.npz", **arrays | {"normalized_tau_eps": 0.21})
    checks.only_miss(tmp_path, "normalized_tau_result")


ASKED = [(2, 0), (3, 1), (4, 2)]  # memory lengths and heads of the small network


def rollouts(own, names):
    rng = np.random.default_rng(0)
    x, h0 = rng.integers(0, 2, (40, 3, 1)), rng.random((3, own.n_units), dtype=np.float32)
    bits, start = torch.from_numpy(x[..., 0].T.astype(np.float32))[None], torch.from_numpy(h0)[None]
    with torch.no_grad():
        states = own.unroll(bits, start)
        logits = np.stack([own.logits(h)[0] for h in states])
    accuracy = [
        perturbation.streaming_accuracy(own, "parity", bits, start, n, head, n + 20).item()
        for n, head in ASKED
    ]
    found = {"h_final": states[-1, 0], "logits": logits, "acc_after_warmup": accuracy}
    return {"x": x, "h0": h0} | {f"{name}_{k}": a for name in names for k, a in found.items()}


def taunet(own, names):
    found = activity.simulate(own, 2000, shipped_numbers.SIMULATION_SEED, n_trials=4, n_lags=31)
    tau, selected = timescales.fit_timescales(timescales.normalised(found.autocovariance[0]))
    index = [activity.components_needed(shares, 0.9) - 1 for shares in found.shares[0]]
    arrays = {
        "taus_net": tau,
        "selected": selected,
        "ac_every3th": found.autocovariance[0, ::3] / 10,
        "pca_index90_per_trial": index,
        "pca_index95_per_trial": index,
    }
    return {f"{name}_{key}": a for name in names for key, a in arrays.items()}


def metrics(own, simulated):
    tau, raw = simulated["cumulative_2_4_taus_net"], own.tau.detach().double().numpy()
    index = np.mean(simulated["cumulative_2_4_pca_index90_per_trial"])
    batches, streams = evaluation.accuracies(own, "parity", ASKED)
    row = {
        "batch_acc_mean": batches.mean(),
        "batch_acc_last": batches[0, -1],
        "stream_acc_mean": streams.mean(),
        "stream_acc_Nmax": streams[0, -1],
        "tau_mean": raw.mean(),
        "tau_std": raw.std(),
        "tau_max": raw.max(),
        "frac_tau_below_1": 0,
        "taunet_mean_gt1": tau[tau > 1].mean(),
        "taunet_std_gt1": tau[tau > 1].std(),
        "taunet_median_all": np.median(tau),
        "taunet_count_gt1": (tau > 1).sum(),
        "frac_double_exp": (simulated["cumulative_2_4_selected"] == 2).mean(),
        "pca_index90": index,
        "pca_index95": index,
    }
    here = {"run": "cumulative", "N_min": 2, "N_max": 4} | row
    absent = {"run": "single", "N_min": 6, "N_max": 6, "tau_mean": 1.5}
    return pd.DataFrame([here, absent]).round(4)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder with one small network, and files that name it and others."""
    monkeypatch.setattr(shipped_numbers, "SIMULATED_STEPS", 2000)
    own = network(9, 3)
    own.clear_self_connections()
    (tmp_path / "models").mkdir()
    np.savez(tmp_path / "models" / "cumulative_N2_N4.npz", **own.to_reference(), Ns=[2, 3, 4])
    names = ("cumulative_N2_N4", "single_N7_N7")
    np.savez(tmp_path / "shipped_rollouts_z.npz", **rollouts(own, names))
    simulated = taunet(own, ("cumulative_2_4", "single_7_7"))
    np.savez(tmp_path / "taunet_shipped.npz", **simulated)
    metrics(own, simulated).to_csv(tmp_path / "shipped_metrics_z.csv", index=False)
    initial = network(9, 1, seed=4).tau[0, 0].detach().numpy()
    tau = own.to_reference()["tau"]
    taus = {"cumulative_init": initial, "cumulative_N4": tau, "single_N7": initial}
    np.savez(tmp_path / "taus_all.npz", **taus)
    return tmp_path


def change(path, **changes):
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files} | changes
    np.savez(path, **arrays)


def test_networks_that_are_not_there_are_skipped(shipped):
    found = checks.verdicts(shipped)
    assert found["missed"] == []
    named = {row.file: row.notes[0] for row in found["skipped"]}
    assert named == {
        "shipped_rollouts_z.npz": "not in models/ (or not readable): single_N7_N7",
        "shipped_metrics_z.csv": "not in models/ (or not readable): single_N6_N6",
        "taunet_shipped.npz": "not in models/ (or not readable): single_N7_N7",
        "taus_all.npz": "neither in models/ nor in shipped_metrics: single_N7",
    }


def test_without_any_network_only_what_needs_none_is_compared(shipped):
    shutil.rmtree(shipped / "models")
    found = checks.verdicts(shipped)
    rows = [row for group in found.values() for row in group]
    assert found["missed"] == []
    assert {r.file for r in found["skipped"]} == {r.file for r in rows}
    compared = {(r.file, r.function) for r in rows if r.ok}
    assert ("taunet_shipped.npz", "timescales.fit_timescales") in compared
    assert ("shipped_metrics_z.csv", "summaries of timescales") in compared
    assert not any(file == "shipped_rollouts_z.npz" for file, _ in compared)


def test_a_damaged_network_is_a_miss_of_its_own(shipped):
    path = shipped / "models" / "cumulative_N2_N4.npz"
    path.write_bytes(path.read_bytes()[:500])
    assert checks.only_miss(shipped, "cannot be read").file == "models/cumulative_N2_N4.npz"


@pytest.mark.parametrize(
    ("name", "key", "by", "part"),
    [
        ("models/cumulative_N2_N4", "Ns", 1, "Ns: 1 > 0"),
        ("models/cumulative_N2_N4", "w_rec", np.eye(9, dtype="f4"), "diagonal: 1 > 0"),
        ("shipped_rollouts_z", "cumulative_N2_N4_logits", 0.01, "cumulative_N2_N4_logits: 0.01 > 0.002"),
        ("shipped_rollouts_z", "cumulative_N2_N4_h_final", 0.01, "cumulative_N2_N4_h_final"),
        ("shipped_rollouts_z", "cumulative_N2_N4_acc_after_warmup", 0.1, "acc_after_warmup"),
        ("taunet_shipped", "cumulative_2_4_selected", 1, "selected"),
        ("taunet_shipped", "cumulative_2_4_pca_index90_per_trial", 5, "cumulative_2_4"),
        ("taus_all", "cumulative_N4", np.float32(1e-3), "cumulative_N4"),
        ("taus_all", "cumulative_init", 0.5, "cumulative_init"),
    ],
)
def test_wrong_numbers_of_networks_are_misses(shipped, name, key, by, part):
    with np.load(shipped / f"{name}.npz") as file:
        change(shipped / f"{name}.npz", **{key: file[key] + by})
    missed = checks.verdicts(shipped)["missed"]
    assert f"{name}.npz" in {row.file for row in missed}
    assert any(part in note for row in missed for note in row.notes)


@pytest.mark.parametrize(
    "column", ["tau_mean", "stream_acc_Nmax", "batch_acc_mean", "taunet_median_all"]
)
def test_wrong_numbers_of_the_table_are_misses(shipped, column):
    table = pd.read_csv(shipped / "shipped_metrics_z.csv")
    table.loc[0, column] += 0.02
    table.to_csv(shipped / "shipped_metrics_z.csv", index=False)
    missed = checks.verdicts(shipped)["missed"]
    assert any(f"cumulative_N2_N4 {column}" in note for row in missed for note in row.notes)


def history(run, curriculum, n_epochs):
    """A training log in which every second epoch passes."""
    ns, rows = curriculum.start, []
    for epoch in range(1, n_epochs + 1):
        accuracy = np.full(len(ns), 0.99 if epoch % 2 == 0 else 0.97)
        rows += [
            {"run": run, "epoch": epoch, "N": n, "accuracy_percent": 100 * a, "loss": 0.1}
            for n, a in zip(ns, accuracy, strict=True)
        ]
        ns = curriculum.after(ns) if passed(accuracy) else ns
    return rows


def test_training_logs_are_replayed(tmp_path):
    runs = {
        "cumulative": Curriculum(init_heads=2),
        "sliding_4_2": Curriculum("sliding", 4, forget_heads=2, first_n=3),
        "single": Curriculum("single", first_n=5),
    }
    table = pd.DataFrame([row for run, c in runs.items() for row in history(run, c, 6)])
    table.to_csv(tmp_path / "training_history_z.csv", index=False)
    checks.all_ok(tmp_path)
    third = (table.run == "sliding_4_2") & (table.epoch == 3)
    table.loc[third, "N"] += 1
    table.to_csv(tmp_path / "training_history_z.csv", index=False)
    checks.only_miss(tmp_path, "sliding_4_2: 1 > 0")


def perturbed_table(name):
    """A table whose relative accuracies are those of the ledger."""
    fact, rows = claims.facts(PAPER, name), []
    for kind in ("single-head", "cumulative"):
        for member, series in zip(fact["network"], fact[kind], strict=True):
            for size, relative in zip(fact["eps"], series, strict=True):
                start = {
                    "network_type": kind,
                    "network": f"network_{member}",
                    "N": fact["n"],
                    "epsilon": size,
                }
                trials = {f"accuracy_trial{i}": 0.5 + 0.4 * relative + 0.001 * i for i in (-1, 1)}
                rows.append(start | trials)
    rows.append(rows[-1] | {"network": "network_9"})  # not in the ledger
    return pd.DataFrame(rows)


@pytest.mark.parametrize("name", ["perturb_rnn", "perturb_tau"])
def test_published_perturbations_against_the_ledger(tmp_path, name):
    table = perturbed_table(name)
    path = tmp_path / f"published_{name}.csv"
    table[:-15].sample(frac=1, random_state=0).to_csv(path, index=False)  # any order, some missing
    checks.all_ok(tmp_path)
    table.loc[3, "accuracy_trial1"] += 0.01
    table.to_csv(path, index=False)
    checks.only_miss(tmp_path, "single-head network 1")


def test_published_ablation_against_the_ledger(tmp_path):
    fact = claims.facts(PAPER, "ablation")
    cases = [
        (kind, member, n)
        for kind in ("single-head", "cumulative", "sliding")
        for n in fact[kind]
        for member in fact["network"]
        if fact[kind][n]["short"][member - 1] is not None
    ]
    groups = [
        {group: fact[kind][n][group][member - 1] for group in fact[kind][n]} for kind, member, n in cases
    ]
    relative = np.array([[g["short"]] * 3 + [g["long"]] * 3 for g in groups])
    arrays = {
        "network_type": [kind for kind, _, _ in cases],
        "network": [f"network_{member}" for _, member, _ in cases],
        "N": [n for _, _, n in cases],
        "baseline_accuracy": [[0.9, 0.8]] * len(cases),  # the largest counts
        "tau_ablated": [[g["short_tau"]] * 3 + [g["long_tau"]] * 3 for g in groups],
        "accuracies": 0.5 + 0.4 * np.repeat(relative[..., None], 2, -1),
    }
    np.savez(tmp_path / "published_ablation.npz", **arrays)
    checks.all_ok(tmp_path)
    arrays["accuracies"][2, 4] += 0.01
    np.savez(tmp_path / "published_ablation.npz", **arrays)
    checks.only_miss(tmp_path, "single-head network 3 N=5 long")


def test_published_lengths_against_the_ledger(tmp_path):
    rows = [
        {"curriculum": c, "tau_condition": tau.removeprefix("tau"), "network": i + 1, "max_N": n}
        for key, values in claims.facts(PAPER, "max_n").items()
        if key != "source"
        for c, tau in [key.split("_")]
        for i, n in enumerate(values)
    ]
    table = pd.DataFrame(rows)[::-2]  # some of them, in another order
    path = tmp_path / "published_max_N.csv"
    table.to_csv(path, index=False)
    checks.all_ok(tmp_path)
    table.iloc[0, 3] += 1
    table.to_csv(path, index=False)
    checks.only_miss(tmp_path, "1 > 0")


@needs_authors_files
@pytest.mark.parametrize(
    "pattern", ["models/*", "published_*", "shipped_rollouts*", "taus_all*", "training_history*"]
)
def test_the_authors_networks_and_tables(tmp_path, pattern):
    (tmp_path / "models").mkdir()
    for path in {*AUTHORS.glob("models/*.npz"), *AUTHORS.glob(pattern)}:
        (tmp_path / path.relative_to(AUTHORS)).symlink_to(path)
    found = checks.verdicts(tmp_path)
    assert found["missed"] == []


@needs_authors_files
def test_facts_about_the_authors_networks_come_from_their_tables():
    table = pd.read_csv(AUTHORS / "shipped_metrics.csv")
    columns = {"tau_mean": "tau_mean", "tau_std": "tau_sd", "taunet_mean_gt1": "taunet_mean"}
    columns |= {"taunet_std_gt1": "taunet_sd", "taunet_median_all": "taunet_median"}
    columns |= {"taunet_count_gt1": "taunet_count", "pca_index90": "pca_index90", "N_max": "n"}
    ledger = claims.facts(PAPER, "shipped_networks")
    for run, rows in table.groupby("run"):
        for column, name in columns.items():
            ours = np.array(ledger[run][name], float)
            assert np.allclose(ours, rows[column], equal_nan=True), (run, name)
    log = pd.read_csv(AUTHORS / "training_history.csv")
    ledger = claims.facts(PAPER, "training_history")
    for run, rows in log.groupby("run"):
        passes = [
            (epoch.N.max(), number)
            for number, epoch in rows.sort_values("N").groupby("epoch")
            if passed(epoch.accuracy_percent.to_numpy() / 100)
        ]
        assert passes == list(zip(ledger[run]["n"], ledger[run]["epoch"], strict=True))
