"""Fixture files with other sizes and values, and files that are spoilt."""

import csv
import shutil

import numpy as np
import pytest
import torch
from reference_checks import FIXTURES, Checks

from mempaper.orhan2019 import reference, trained_reference
from mempaper.orhan2019.analysis import chain_activity
from mempaper.orhan2019.model import RateNetworks, Start
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.task import DelayTask
from mempaper.paths import ROOT
from mempaper.verify import Fixture

PAPER = "orhan2019"
checks = Checks(PAPER)
FOLDER = FIXTURES / PAPER
ORIGINAL = ROOT.parent / "shared" / "reference" / PAPER


@pytest.fixture
def few_trials(monkeypatch):
    """Tests of networks and statistics of trials with fewer trials than usual."""
    for name, n in (("N_CHOICES", 500), ("N_ESTIMATES", 500), ("N_INDEX", 50), ("N_STATISTICS", 400)):
        monkeypatch.setattr(trained_reference, name, n)


@pytest.mark.parametrize(
    ("name", "key", "function", "by"),
    [
        ("models_a", "lerec_lin2_out", "RateNetworks, lerec_lin2, outputs", 1e-3),
        ("models_a", "lerec_masked_h", "RateNetworks, lerec_masked, activity", 1e-3),
        ("models_b", "fast_g7e-4_gamma", "RateNetworks, fast_g7e-4, activity", 1e-2),
        ("models_b", "gru_h", "GatedNetworks, gru, activity", 1e-3),
        ("train_a", "train_DE2_loss_terms", "losses", 1e-3),
        ("train_a", "train_SINE_losses", "losses", 1e-3),
        ("train_b", "train_Harvey2012_grad_W_hh", "RateNetworks.tails, gradient", 1e-3),
        ("train_b", "train_DE1clip_grad_b_in", "RateNetworks.tails, gradient", 10),
        ("train_b", "train_CD1_p3_W_in", "Adam, all", 1e-2),
        ("rates_a", "rates_basic_CD2_L1", "DelayTask.rates", 1e-3),
        ("rates_a", "rates_dynamic_COMP_L0_all", "DelayTask.bump", 1e-3),
        ("rates_a", "rates_var_GDE2_mask", "DelayTask.mask", 1),
        ("rates_a", "rates_var_DE1_y", "DelayTask.targets", 1e-6),
        ("rates_a", "rates_var_DE2_opt", "evaluation.ideal_for", 1e-3),
        ("rates_a", "rates_basic_SINE_y", "DelayTask.targets", 1e-6),
        ("rates_a", "rates_basic_SINE_x", "SINE, steps with noise", 1e-3),
        ("rates_a", "rates_basic_DE1_L2_nsteps", "DelayTask.rates, steps", 1),
        ("opt_a", "opt_CD1_opt", "observers.ideal_answer", 1e-6),
        ("perf_a", "perf_COMP_infloss", "observers.information_loss", 1e-8),
        ("si_a", "si_edge_peaks_per_trial", "sequentiality.sequentiality", 1e-3),
        ("si_a", "si_some_trials_empty_mean", "Sequentiality.mean", 1e-3),
        ("analysis_a", "prof_order", "analysis.weight_profile", 1),
        ("analysis_a", "prof_asym", "analysis.weight_profile", 1e-6),
        ("analysis_a", "henrici", "analysis.henrici", 1e-6),
        ("analysis_a", "chain_henrici", "analysis.henrici", 1e-6),
        ("analysis_a", "chain_SI", "analysis.chain_activity, index", 1e-6),
        ("analysis_a", "chain_sum_at_t124", "analysis.chain_activity, sum", 1e-6),
        ("analysis_a", "chain_h_alpha025", "analysis.chain_activity", 1e-4),
    ],
)
def test_a_wrong_number_is_a_miss(tmp_path, name, key, function, by):
    arrays = checks.read(name)
    wrong = arrays[key].astype(float)
    wrong.ravel()[:1] += by
    if key.endswith("gamma"):
        wrong = wrong.astype(np.float32)
    np.savez(tmp_path / f"{name}.npz", **arrays | {key: wrong})
    missed = checks.verdicts(tmp_path)["missed"]
    assert function in {row.function for row in missed}, missed


def test_losses_whose_gradients_are_clipped_together_are_a_miss(tmp_path, monkeypatch):
    """The fixture tells the original's two backward passes from one."""
    shutil.copy(FOLDER / "train_a.npz", tmp_path)
    checks.all_ok(tmp_path)
    plain = RateNetworks.tails

    def joint(self, x, mask, n_task, n_penalty):
        h = plain(self, x, mask, max(n_task, n_penalty), 1)[0]  # one stream for both
        return h[:, -n_task:], h[:, -n_penalty:]

    monkeypatch.setattr(RateNetworks, "tails", joint)
    row = checks.only_miss(tmp_path, "train_DE1clip_grad")
    assert row.function == "RateNetworks.tails, gradient"


@pytest.mark.parametrize(
    "name", ["models_a", "train_b", "rates_a", "opt_a", "perf_a", "si_a", "analysis_a"]
)
def test_a_file_without_its_arrays_is_a_miss(tmp_path, name):
    np.savez(tmp_path / f"{name}.npz", other=np.zeros(3))
    (row,) = checks.verdicts(tmp_path)["missed"]
    assert "no array is named like" in row.notes[0] or "is missing" in row.notes[0]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("models_b", "gru_b_resetgate"),
        ("train_a", "train_CD1_p0_b_out"),
        ("rates_a", "rates_var_CD1_delays"),
        ("opt_a", "opt_DE2_opt"),
        ("trained_N100_2afc_s0", "hid"),
    ],
)
@pytest.mark.usefixtures("few_trials")
def test_a_missing_array_is_named(tmp_path, name, key):
    np.savez(tmp_path / f"{name}.npz", **{k: a for k, a in checks.read(name).items() if k != key})
    assert f"array {key!r} is missing" in [
        n for r in checks.verdicts(tmp_path)["missed"] for n in r.notes
    ]


def test_sizes_are_taken_from_the_arrays(tmp_path):
    """The chain and networks of other sizes than the fixtures have."""
    alphas = np.array([0.0, 0.4])
    h = [chain_activity(alpha, 0.9, 30, 140, 4) for alpha in alphas]
    arrays = checks.read("analysis_a") | {
        "chain_alpha": alphas,
        "chain_lambda": np.array(0.9),
        "chain_n0": np.array(4),
        "chain_SI": np.array([sequentiality(x[None], finite_only=False).mean for x in h]),
        "chain_henrici": np.array(
            [0.0, reference.analysis.henrici(reference.analysis.chain_weights(0.4, 0.9, 30))]
        ),
        "chain_sum_at_t124": np.array([x[124].sum() for x in h]),
        "chain_h_alpha04": h[1].astype(np.float32),
    }
    del arrays["chain_h_alpha025"]
    np.savez(tmp_path / "analysis_z.npz", **arrays)
    checks.all_ok(tmp_path)


# Trained networks


def test_weights_of_one_network_in_the_original_s_layout():
    arrays = checks.read("trained_N100_2afc_s01")
    net = trained_reference.rate_network(arrays, "", choice=True, gamma=0.1)
    assert net.n_members == 1
    assert net.gamma == 0.1
    assert net.choice
    assert np.array_equal(net.W_hh[0].detach().numpy(), arrays["W_hh"])
    x = torch.rand(1, 2, 3, 50)
    first = torch.relu(x[:, :, 0] @ net.W_in + torch.as_tensor(arrays["b_in"] + arrays["b_hh"]))
    assert torch.allclose(net.unroll(x)[:, :, 0], first, atol=1e-5)


@pytest.mark.usefixtures("few_trials")
@pytest.mark.parametrize(
    ("name", "changes", "function"),
    [
        ("2afc_heb0", {}, None),
        ("2afc_teth", {}, None),
        ("2afc_s0", {"SI_mean": np.array(2.9)}, "evaluation.run_test, index"),
        ("2afc_s0", {"infloss_test": np.array(0.04)}, "evaluation.run_test, loss"),
        ("2afc_s0", {"W_out": np.zeros((100, 1), np.float32)}, "evaluation.run_test, loss"),
        ("2afc_s0", {"b_in": np.full(100, 0.02, np.float32)}, "evaluation.respond"),
        ("de1_s0", {"infloss_test": np.array(0.9)}, "evaluation.run_test, loss"),
    ],
)
def test_trained_networks_with_few_trials(tmp_path, name, changes, function):
    np.savez(tmp_path / f"trained_N100_{name}.npz", **checks.read(f"trained_N100_{name}") | changes)
    missed = {row.function for row in checks.verdicts(tmp_path)["missed"]}
    assert (function in missed) if function else not missed


@pytest.mark.usefixtures("few_trials")
def test_a_hebbian_network_without_its_term_is_a_miss(tmp_path):
    shutil.copy(FOLDER / "trained_N100_2afc_heb0.npz", tmp_path / "trained_N100_2afc_s0.npz")
    assert "evaluation.respond" in {row.function for row in checks.verdicts(tmp_path)["missed"]}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("trained_N100_2afc.npz", "expected a file trained_N100_<task>_<s|heb|teth|dyn>[<number>].npz"),
        ("trained_N100_2afc_mystery.npz", "expected a file trained_N100_<task>"),
        ("trained_N100_xyz_s0.npz", "Unknown task 'XYZ'"),
    ],
)
def test_names_tell_task_and_condition(tmp_path, name, part):
    shutil.copy(FOLDER / "trained_N100_2afc_s0.npz", tmp_path / name)
    checks.only_miss(tmp_path, part)


def test_a_name_s_task_and_condition(tmp_path, monkeypatch):
    seen = []

    def run_test(network, task, rng, **options):
        seen.append((task, network.gamma, options["readout"]))
        return {"index": np.ones((1, 2)), "infloss": np.zeros(1)}

    monkeypatch.setattr(trained_reference, "run_test", run_test)
    for kind in ("2afc_s0", "2afc_heb3", "2afc_teth", "de1_dyn"):
        list(trained_reference.check_trained(Fixture(copied(tmp_path, kind))))
    basic, hebbian, tethered, moving = seen
    assert basic == (DelayTask("2AFC"), 0, 5)
    assert hebbian == (DelayTask("2AFC"), 7e-4, 5)
    assert tethered == (DelayTask("2AFC", "tethered"), 0, 10)
    assert moving == (DelayTask("DE1", "dynamic"), 0, 5)


def copied(folder, kind):
    """A trained network's file, under another name."""
    plain = {"2afc_heb3": "2afc_heb0"}.get(kind, kind)
    return shutil.copy(FOLDER / f"trained_N100_{plain}.npz", folder / f"trained_N100_{kind}.npz")


# Statistics of trials


def table(folder, **changes):
    """Two rows of the table, with some cells of the first changed."""
    with (FOLDER / "task_stats.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    kept = [row for row in rows if row[1:3] in (["Harvey2012", "var"], ["DE1", "dynamic"])]
    assert len(kept) == 2
    for name, value in changes.items():
        kept[0][header.index(name)] = value
    with (folder / "task_stats.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *kept])


@pytest.mark.usefixtures("few_trials")
def test_statistics_of_trials(tmp_path):
    table(tmp_path)
    assert {row.function for row in checks.all_ok(tmp_path)} == {
        "task.CODES",
        "DelayTask.n_inputs",
        "statistics, trials",
        "statistics, ideal observers",
    }


@pytest.mark.usefixtures("few_trials")
@pytest.mark.parametrize(
    ("changes", "function"),
    [
        ({"spikes_stim": "16.8"}, "statistics, trials"),
        ({"spikes_bump": "1210"}, "statistics, trials"),
        ({"spikes_resp": ""}, "statistics, trials"),
        ({"opt_err_circular": "0.13"}, "statistics, ideal observers"),
        ({"opt_err_mod_pi": "0.4"}, "statistics, ideal observers"),
        ({"input_channels": "50"}, "DelayTask.n_inputs"),
        ({"code": "2"}, "task.CODES"),
        ({"task": "DE7"}, "task_stats"),
        ({"condition": "varied"}, "task_stats"),
    ],
)
def test_wrong_statistics_are_a_miss(tmp_path, changes, function):
    table(tmp_path, **changes)
    assert {row.function for row in checks.verdicts(tmp_path)["missed"]} == {function}


def test_the_rounding_of_a_number():
    assert trained_reference._rounding(12.345) == pytest.approx(5e-4)
    assert trained_reference._rounding(0.16675) == pytest.approx(5e-6)
    assert trained_reference._rounding(1245.9) == pytest.approx(0.05)
    assert trained_reference._rounding(0.0) == 0


# Everything


def test_every_family_has_a_file():
    names = [p.name for pattern in reference.FILES for p in FOLDER.glob(pattern)]
    for family in reference.FAMILIES:
        assert any(name.startswith(family) for name in names), family


@pytest.mark.skipif(not ORIGINAL.is_dir(), reason=f"the original's numbers are not at {ORIGINAL}")
def test_all_numbers_that_are_no_fixtures_here(tmp_path):
    here = {p.name for p in FOLDER.iterdir()}
    others = [p for p in ORIGINAL.iterdir() if p.suffix in (".npz", ".csv") and p.name not in here]
    for path in others:
        shutil.copy(path, tmp_path)
    rows = checks.all_ok(tmp_path)
    assert {row.file for row in rows} == {p.name for p in others}
    for path in FOLDER.iterdir():  # and what is here is what is there
        assert path.read_bytes() == (ORIGINAL / path.name).read_bytes()


def test_starts_do_not_matter_to_a_network_with_given_weights():
    arrays = checks.read("trained_N100_2afc_s0")
    one = trained_reference.rate_network(arrays, "", choice=True)
    other = RateNetworks([Start(np.random.default_rng(9), 0.5, 0.5)], 50, 100, 1, choice=True)
    other.load_state_dict(one.state_dict())
    x = torch.rand(1, 2, 4, 50)
    assert torch.equal(one.unroll(x), other.unroll(x))
