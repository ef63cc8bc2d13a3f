"""LSTM and GRU networks: cells, training through a curriculum, timescales."""

import numpy as np
import pytest
import torch
from reference_checks import FIXTURES
from torch import nn

from mempaper.checkpoint import ResumePoint
from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import gated_experiments
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.gated import GatedRNN
from mempaper.khajehabdollahi2024.gated_activity import measure_timescales, simulate
from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning, TrainedGatedNetworks
from mempaper.khajehabdollahi2024.gated_learning import (
    GatedLearner,
    GatedSettings,
    learn_gated,
    new_optimizer,
    signs,
    update,
)
from mempaper.khajehabdollahi2024.gated_reference import check_lstm
from mempaper.khajehabdollahi2024.learning import join_members
from mempaper.khajehabdollahi2024.task import labels, sample_trials
from mempaper.khajehabdollahi2024.timescales import autocovariance
from mempaper.parameters import ConfigError
from mempaper.verify import check_file

LSTM = FIXTURES / "khajehabdollahi2024" / "lstm_a.npz"
TORCH = {"lstm": nn.LSTM, "gru": nn.GRU}
BOTH = pytest.mark.parametrize("kind", ["lstm", "gru"])
SMALL = {
    "n_units": 10,
    "batch_size": 8,
    "learning_rate": 0.02,
    "updates_per_epoch": 6,
    "test_batches": 2,
    "max_epochs": 8,
    "max_n": 5,
    "pass_mark": 0.55,  # soon passed, by one network sooner than by another
}


def random_signs(*shape):
    return torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(0)).float() * 2 - 1


def torch_twin(network, member):
    """The same cell as one of torch's own modules."""
    arrays = network.to_reference(member)
    twin = TORCH[network.kind](1, network.n_units)
    with torch.no_grad():
        for theirs, ours in (("ih", "w_ih"), ("hh", "w_hh")):
            getattr(twin, f"weight_{theirs}_l0").copy_(torch.as_tensor(arrays[ours]))
            getattr(twin, f"bias_{theirs}_l0").copy_(torch.as_tensor(arrays[ours.replace("w", "b")]))
    return twin


def test_numbers_of_the_original_code():
    rows = check_file(LSTM, {"lstm": check_lstm})
    assert [row.notes for row in rows] == [[]] * 5


@BOTH
def test_cells_and_gradients_equal_those_of_torch(kind):
    network = GatedRNN(member_generators(0, 2), kind, 9, 1)
    x, read = random_signs(2, 5, 12), torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(1))
    final = network.unroll(x)
    (final * read).sum().backward()
    for member in range(2):
        twin = torch_twin(network, member)
        output, _ = twin(x[member].T.unsqueeze(-1))
        assert torch.allclose(final[member], output[-1], atol=1e-6)
        (output[-1] * read[member]).sum().backward()
        for ours, theirs in (("w_in", "weight_ih"), ("w_rec", "weight_hh")):
            gradient = getattr(twin, f"{theirs}_l0").grad.T
            assert torch.allclose(getattr(network, ours).grad[member], gradient, atol=1e-5)
        for ours, theirs in (("b_in", "bias_ih"), ("b_rec", "bias_hh")):
            gradient = getattr(twin, f"{theirs}_l0").grad
            assert torch.allclose(getattr(network, ours).grad[member, 0], gradient, atol=1e-5)


@BOTH
def test_steps_equal_a_run_and_sequences_end_together(kind):
    network = GatedRNN(member_generators(0, 3), kind, 7, 1)
    x, start = random_signs(3, 4, 9), torch.tensor([0, 5, 2])
    final = network.unroll(x, start)
    for member in range(3):
        alone = network.select([member])
        h, memory = alone.start(4)
        for inputs in x[[member]][:, :, start[member] :].unbind(2):
            h, memory, keep, gate = alone.step(inputs, h, memory)
        assert torch.allclose(final[member], h[0], atol=1e-6)
        assert ((keep > 0) & (keep < 1) & (gate > 0) & (gate < 1)).all()
    assert (memory is h) == (kind == "gru")


@BOTH
def test_initial_values(kind):
    few, many = (GatedRNN(member_generators(3, 2), kind, 100, n) for n in (1, 4))
    alone = GatedRNN(member_generators(4, 1), kind, 100, 4)
    for name, p in many.named_parameters():
        assert p.abs().max() <= 0.1
        if p.numel() > 1000:
            assert p.detach().std() == pytest.approx(0.1 / np.sqrt(3), rel=0.1)
        assert torch.equal(p[1], getattr(alone, name)[0])
        first = getattr(few, name)
        assert torch.equal(p[:, :1] if "head" in name else p, first)


def test_layouts():
    with np.load(LSTM) as file:
        arrays = {name: file[name] for name in file.files}
    back = GatedRNN.from_reference("lstm", arrays).to_reference()
    assert all(np.array_equal(back[name], arrays[name]) for name in back)
    with pytest.raises(ValueError, match="lacks b_hh, w_head"):
        GatedRNN.from_reference("lstm", {n: a for n, a in arrays.items() if n not in ("b_hh", "w_head")})
    with pytest.raises(ValueError, match=r"w_ih has shape \(40, 1\); expected \(30, 1\)"):
        GatedRNN.from_reference("gru", arrays)
    with pytest.raises(ValueError, match="kind is 'rnn'; it must be one of lstm, gru"):
        GatedRNN(member_generators(0, 1), "rnn", 4, 1)


@BOTH
def test_an_update_equals_one_of_torch_with_a_module_for_each_head(kind):
    """Heads that come later are new to Adam, and until then nothing moves them."""
    lists = [[(2,), (2, 3)], [(2,), (2, 3)], [(2, 3), (2, 3)], [(2, 3, 4), (2, 3)]]
    network = GatedRNN(member_generators(0, 2), kind, 8, 4)
    twins, optimizers = [], []
    for member in range(2):
        heads = nn.ModuleList(nn.Linear(8, 2) for _ in range(4))
        arrays = network.to_reference(member)
        with torch.no_grad():
            for head, w, b in zip(heads, arrays["w_head"], arrays["b_head"], strict=True):
                head.weight.copy_(torch.as_tensor(w))
                head.bias.copy_(torch.as_tensor(b))
        twins.append(nn.ModuleList([torch_twin(network, member), heads]))
        optimizers.append(torch.optim.Adam(twins[member].parameters(), lr=0.01))
    optimizer, generators = new_optimizer(network, 0.01), member_generators(0, 2, 7)
    for now in lists:
        trials = sample_trials("parity", now, 16, generators, fair=True)
        loss, norm = update(network, optimizer, trials)
        for member, (cell, heads) in enumerate(twins):
            x = signs(trials)[member, :, trials.start[member] :].T.unsqueeze(-1)
            final = cell(x)[0][-1]
            expected = sum(
                nn.functional.cross_entropy(heads[i](final), trials.labels[member, i])
                for i in range(len(now[member]))
            )
            optimizers[member].zero_grad()
            expected.backward()
            before = nn.utils.clip_grad_norm_(twins[member].parameters(), 2.0)
            optimizers[member].step()
            assert loss[member].item() == pytest.approx(expected.item(), abs=1e-5)
            assert norm[member].item() == pytest.approx(before.item(), abs=1e-5)
    for member, (cell, heads) in enumerate(twins):
        arrays = network.to_reference(member)
        assert np.allclose(arrays["w_hh"], cell.weight_hh_l0.detach(), atol=2e-5)
        assert np.allclose(arrays["b_ih"], cell.bias_ih_l0.detach(), atol=2e-5)
        for i, head in enumerate(heads):
            assert np.allclose(arrays["w_head"][i], head.weight.detach(), atol=2e-5)
            assert np.allclose(arrays["b_head"][i], head.bias.detach(), atol=2e-5)
    untouched = GatedRNN(member_generators(0, 2), kind, 8, 4)
    assert torch.equal(network.w_head[:, 3], untouched.w_head[:, 3])


def test_gated_networks_see_balanced_signs():
    trials = sample_trials("parity", [[2, 5]], 400, member_generators(0, 1), fair=True)
    x = signs(trials)
    assert set(x.unique().tolist()) == {-1.0, 1.0}
    assert x.mean(-1).std() < 3 / np.sqrt(x.shape[-1])  # no sequence has a chance of its own
    positive = (x[0, :, -5:] > 0).sum(-1) % 2
    assert torch.equal(trials.labels[0, 1], positive)
    assert torch.equal(labels("parity", trials.bits, [5])[..., 0], trials.labels[:, 1])


@BOTH
def test_members_learn_what_they_learn_alone(kind):
    settings = GatedSettings(kind=kind, **SMALL)
    together = learn_gated(settings, 0, 3)
    apart = join_members([learn_gated(settings, member, 1) for member in range(3)])
    assert together.keys() == apart.keys()
    assert np.array_equal(together["passed"], apart["passed"])
    assert len({tuple(row) for row in together["passed"]}) > 1  # they do not go side by side
    for name in together:
        assert np.allclose(together[name], apart[name], atol=1e-4, equal_nan=True), name


@pytest.mark.parametrize("curriculum", ["cumulative", "single"])
@BOTH
def test_an_interrupted_training_comes_to_the_same_end(kind, curriculum, tmp_path):
    settings = GatedSettings(kind=kind, curriculum=Curriculum(curriculum), **SMALL)
    whole = learn_gated(settings, 0, 3)
    assert whole["passed"].any()
    for epochs in (1, 4):
        learner, resume = GatedLearner(settings, 0, 3), ResumePoint(tmp_path / f"{epochs}")
        while learner.epoch < epochs and not learner.finished:
            learner.train_epoch()
        resume.save(learner.state())
        resumed = learn_gated(settings, 0, 3, resume=resume)
        for name in whole:
            assert np.array_equal(whole[name], resumed[name], equal_nan=True), name


@BOTH
def test_what_is_logged(kind):
    settings = GatedSettings(kind=kind, kept=(2, 4), half_precision=True, **SMALL | {"pass_mark": 0.0})
    learner = GatedLearner(settings, 0, 2)
    before = learner.network.bias_timescales()
    bias = learner.network.b_in + learner.network.b_rec
    keep = torch.sigmoid(bias[:, 0].chunk(4 if kind == "lstm" else 3, -1)[1])
    assert torch.allclose(before, 1 / (1 - keep))
    assert np.array_equal(learner.logs["initial_tau"], before.numpy())
    result = learner.run(ResumePoint(), lambda done, total: None)
    assert result["passed"].tolist() == [[1, 2, 3, 4]] * 2
    assert result["kept"].tolist() == [2, 4]
    assert result["weights/w_rec"].dtype == np.float16
    network = GatedRNN.from_members(
        kind,
        {
            name.removeprefix("weights/"): torch.as_tensor(array[:, 1])
            for name, array in result.items()
            if name.startswith("weights/")
        },
    )
    assert np.allclose(network.bias_timescales(), result["tau"][:, 2])
    assert not np.allclose(result["tau"][:, 0], result["tau"][:, 3], atol=1e-4)


@BOTH
def test_simulated_timescales(kind):
    network = GatedRNN(member_generators(0, 2), kind, 6, 1)
    found = simulate(network, 5000, seed=1, n_trials=3, burn_in=20)
    inputs = 2.0 * np.random.default_rng(1).integers(0, 2, (3, 5020)) - 1
    x = torch.as_tensor(inputs, dtype=torch.float32).expand(2, -1, -1)
    h, memory = network.start(3)
    memories, gates = [], []
    with torch.no_grad():
        for values in x.unbind(2):
            h, memory, keep, _ = network.step(values, h, memory)
            memories.append(memory)
            gates.append(keep)
    signal = torch.stack(memories[20:], -1).transpose(1, 2).numpy()
    expected = autocovariance(signal, 31)
    assert np.abs(found.autocovariance - expected).max() < 1e-6 * expected.max()
    assert np.allclose(found.gate, torch.stack(gates[20:]).mean((0, 2, 3)), atol=1e-6)
    alone = simulate(network.select([1]), 5000, seed=1, n_trials=3, burn_in=20)
    assert np.allclose(alone.autocovariance[0], found.autocovariance[1], atol=1e-7)
    with pytest.raises(ValueError, match="n_steps is 20; 31 lags need more"):
        simulate(network, 20, seed=1)


def test_networks_that_did_not_pass_have_no_timescales():
    settings = GatedSettings(**SMALL | {"pass_mark": 0.0})
    arrays = learn_gated(settings, 0, 2)
    for name in [name for name in arrays if name.startswith("weights/")]:
        arrays[name][1, 2:] = np.nan
    for robust in (True, False):
        found = measure_timescales("lstm", arrays, 200, 0, robust=robust)
        assert found["tau_net"].shape == (2, 4, 10)
        assert np.isnan(found["tau_gate"]).tolist() == [[False] * 4, [False, False, True, True]]
        assert np.isnan(found["tau_net"][1, 2:]).all()
        assert np.nanmin(found["tau_net"]) > 0
    for name in [name for name in arrays if name.startswith("weights/")]:
        arrays[name][:] = np.nan
    assert np.isnan(measure_timescales("lstm", arrays, 200, 0, robust=True)["tau_gate"]).all()


def test_change_of_the_timescale_by_the_biases():
    tau = np.full((3, 3, 2), np.nan)
    tau[0], tau[1, 0] = [[2.0, 2.0], [1.5, 1.7], [1.2, 1.0]], [2.0, 3.0]
    arrays = {
        "passed": np.array([[1, 2, 3], [4, 0, 0], [0, 0, 0]]),
        "tau": tau,
        "tau_gate": tau[..., 0],
        "tau_net": tau,
        "ends": np.array([2, 3, 4]),
        "kept": np.array([2, 3, 4]),
        "loss": np.zeros((3, 4)),
    }
    trained = TrainedGatedNetworks(GatedSettings(max_n=4), 0, arrays)
    change = trained.bias_timescale_change()
    assert np.allclose(change, [-0.9, 0, np.nan], equal_nan=True)
    assert trained.largest_passed()[:, -1].tolist() == [4, 2, 0]
    assert trained.gate_timescales().shape == (3, 3)
    assert trained.memory_timescales().shape == (3, 3, 2)


def test_large_networks_are_trained_apart_to_the_same_result(monkeypatch, runs):
    experiment = GatedLearning.preset("smoke")
    small = experiment.train(ResumePoint(), lambda done, total: None)
    monkeypatch.setattr(gated_experiments, "members_together", lambda units, batch_size: 1)
    large = experiment.joined([one.result().arrays for one in experiment.parts()])
    assert small.keys() == large.keys()
    for name in small:
        assert np.allclose(small[name], large[name], atol=1e-4, equal_nan=True), name


@BOTH
def test_the_experiment(kind, runs):
    experiment = GatedLearning.preset("smoke", kind=kind, curriculum="single")
    result = experiment.result()
    assert result["passed"].tolist() == [[1, 2, 3]] * 2
    assert result["weights/w_head"].shape == (2, 3, 1, 8, 2)
    assert experiment.result().provenance["origin"] == "cache"
    paper = GatedLearning()
    assert (paper.n_units, paper.batch_size, paper.learning_rate) == (500, 64, 1e-3)
    assert (paper.updates_per_epoch, paper.test_batches, paper.max_epochs) == (300, 50, 100)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "rnn"}, "kind is 'rnn'"),
        ({"curriculum": "sliding"}, "curriculum is 'sliding'"),
        ({"max_n": 1}, "max_n is 1"),
        ({"kept": (2, 3), "max_n": 1}, "max_n is 1"),
        ({"kept": (20,), "max_n": 9}, r"kept is \(20,\), but N goes from 2 to 9"),
        ({"n_steps": 10}, "n_steps is 10"),
        ({"kid": "gru"}, "Did you mean 'kind'"),
    ],
)
def test_impossible_experiments_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        GatedLearning.checked(**fields)


def test_a_head_for_each_n_does_not_slide():
    curriculum = Curriculum("sliding", init_heads=3, head_order="n")
    with pytest.raises(ValueError, match="no sliding curriculum with a head for each N"):
        GatedLearner(GatedSettings(curriculum=curriculum), 0, 1)
