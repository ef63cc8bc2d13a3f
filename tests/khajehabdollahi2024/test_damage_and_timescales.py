"""Analyses against the numbers of the original code."""

import numpy as np
import pytest
import torch
from reference_checks import Checks

from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import activity, perturbation, timescales
from mempaper.khajehabdollahi2024.model import LeakyRNN

load = Checks("khajehabdollahi2024").read
WEIGHTS = ("w_in", "b_in", "w_rec", "b_rec", "tau", "w_head", "b_head")
BOTH = pytest.mark.parametrize("letter", ["a", "b"])


@BOTH
def test_autocovariance(letter):
    f = load(f"analysis_{letter}")
    found = timescales.autocovariance(f["signals"], f["ac"].shape[1])
    assert np.abs(found - f["ac"]).max() < 1e-6 * np.abs(f["ac"][:, 0]).min()


@BOTH
def test_fits(letter):
    f = load(f"analysis_{letter}")
    fits = [timescales.fit_timescale(ac / ac[0]) for ac in f["fit_ac"]]
    assert [fit.n_exponentials for fit in fits] == f["fit_selected"].tolist()
    assert np.allclose([fit.tau for fit in fits], f["fit_tau"], rtol=1e-3)


@BOTH
def test_dimensionality(letter):
    f = load(f"analysis_{letter}")
    shares = activity.explained_variance(f["pca_activity"])
    assert np.allclose(shares, f["pca_evr"], atol=1e-9)
    needed = [activity.components_needed(shares, t) for t in f["pca_thresholds"]]
    assert needed == (f["pca_index_ref"] + 1).tolist()


@BOTH
def test_relative_accuracy(letter):
    f = load(f"analysis_{letter}")
    found = perturbation.relative_accuracy(f["rel_acc_in"], float(f["rel_base"]))
    assert np.allclose(found, f["rel_acc"])


@BOTH
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("normalized_rnn", "normalized"),
        ("normalized_tau_abs", "normalized"),
        ("normalized_tau", "normalized"),
        ("multiplicative_rnn", "multiplicative"),
        ("additive_tau", "additive"),
    ],
)
def test_perturbations(letter, name, kind):
    f = load(f"perturb_{letter}")
    x = torch.as_tensor(f["w_rec" if name.endswith("rnn") else "tau"])
    draw = torch.as_tensor(f[f"{name}_draw"])
    found = perturbation.perturbed(x, draw, float(f[f"{name}_eps"]), kind)
    assert np.allclose(found, f[f"{name}_result"], atol=1e-5)


@BOTH
def test_ablation(letter):
    f = load(f"perturb_{letter}")
    for prefix, change in (
        ("abl3", lambda n: perturbation.ablate(n, 3, head=0)),
        ("ablread25", lambda n: perturbation.silence_readout(n, [2, 5], head=0)),
    ):
        network = LeakyRNN.from_reference({key: f[key] for key in WEIGHTS})
        change(network)
        expected = LeakyRNN.from_reference({key: f[f"{prefix}_{key}"] for key in WEIGHTS})
        for (name, a), b in zip(network.named_parameters(), expected.parameters(), strict=True):
            assert torch.equal(a, b), f"{prefix} {name}"


@BOTH
def test_streams(letter):
    f = load(f"perturb_{letter}")
    network = LeakyRNN.from_reference({key: f[key] for key in WEIGHTS})
    bits = torch.as_tensor(f["stream_x"])[None, :, 0][None]
    h0 = torch.as_tensor(f["stream_h0"])[None]
    with torch.no_grad():
        logits = torch.stack([network.logits(h)[0, :, 0] for h in network.unroll(bits, h0)])
    assert np.allclose(logits, f["stream_logits"], atol=1e-5)
    for key in (k for k in f if "_acc_N" in k):
        task, n = key.removeprefix("stream_").split("_acc_N")
        found = perturbation.streaming_accuracy(network, task, bits, h0, int(n), int(n) - 2, warm_up=20)
        assert found.item() == pytest.approx(float(f[key]), abs=1e-6), key


def test_what_cannot_be_fitted_is_missing():
    assert timescales.fit_timescale(np.full(31, np.nan)).n_exponentials == 0
    with pytest.raises(ValueError, match="needs 31 lags; got 5"):
        timescales.fit_timescale(np.ones(5))
    with pytest.raises(ValueError, match="1 to 9"):
        timescales.autocovariance(np.zeros((1, 10)), 10)


def test_impossible_damage_is_refused():
    with pytest.raises(ValueError, match="kind is 'rotated'"):
        perturbation.perturbed(torch.ones(2), torch.ones(2), 0.1, "rotated")
    network = LeakyRNN(member_generators(0, 1), 4, 1)
    with pytest.raises(ValueError, match="needs 4 at least"):
        perturbation.streaming_accuracy(
            network, "parity", torch.zeros(1, 1, 9), torch.zeros(1, 1, 4), 5, 0, warm_up=3
        )
