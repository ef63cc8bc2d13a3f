"""Fixture files of other names and sizes, made by our own functions and then spoilt."""

import shutil

import numpy as np
import pytest
import torch
from reference_checks import FIXTURES, Checks

from mempaper.ensemble import orthogonal
from mempaper.lu2022 import evaluation, published_reference
from mempaper.lu2022.evaluation import Networks, Test, evaluate
from mempaper.lu2022.model import RecallLSTM
from mempaper.lu2022.trials import NM
from mempaper.paths import ROOT

PAPER = "lu2022"
checks = Checks(PAPER)
AUTHORS = ROOT.parent / "shared" / "reference" / PAPER
needs_authors_files = pytest.mark.skipif(
    not AUTHORS.is_dir(), reason=f"the authors' network and tables are not at {AUTHORS}"
)
HIDDEN = 8


@pytest.mark.parametrize(
    ("name", "key", "function"),
    [
        ("lca_a", "traj2", "CompetingAccumulators.trajectory"),
        ("em_queue_a", "buffer_after_write1", "MemoryQueue.append"),
        ("em_queue_b", "recalled0", "MemoryQueue, recall"),
        ("cell_a", "em0_f", "RecallLSTM.step, pregating"),
        ("cell_a", "stored_after_encode", "MemoryQueue.append"),
        ("cell_postgate_b", "onemem_pi", "RecallLSTM.step, postgating"),
        ("reward_loss_a", "returns_gamma09", "rl.discounted_returns"),
        ("reward_loss_b", "loss_total_eta01", "rl.actor_critic_loss"),
        ("task_arrays_a", "true_dk_em1", "knowledge.known_values"),
        ("task_arrays_a", "transition_85", "task.transition_table"),
        ("task_arrays_a", "X0_scrambled_first", "evaluation.scrambled"),
        ("task_statistics", "pad_hist", "RecallLearning.delays"),
        ("memory_benefit_a", "cumulative", "examples.recall_benefit"),
        ("analysis_a", "rm_both_mask", "knowledge.sources"),
        ("analysis_a", "isc_sliding_pairs", "isc.sliding_isc"),
        ("analysis_b", "yob", "decoding.observed_labels"),
        ("train_a2c_postgate_a", "w_after5.hpc.weight", "Adam step, a2c"),
        ("train_norl_a", "mean_loss_actor", "losses, norl"),
        ("train_supervised_a", "gate", "RecallLSTM.gate"),
        ("train_a2c_familiarity_b", "memory_after", "trials.run_trials, memory"),
    ],
)
def test_a_wrong_number_is_a_miss(tmp_path, name, key, function):
    arrays = checks.read(name)
    wrong = arrays[key].astype(float)
    wrong.ravel()[:1] += 0.5
    np.savez(tmp_path / f"{name}.npz", **arrays | {key: wrong})
    missed = checks.verdicts(tmp_path)["missed"]
    assert function in {row.function for row in missed}
    assert all(key in note for row in missed for note in row.notes)


def test_every_kind_of_training(tmp_path):
    for kind in ("fixedpenalty", "a2c_fixedpenalty", "familiarity", "mystery"):
        shutil.copy(FIXTURES / PAPER / "train_a2c_a.npz", tmp_path / f"train_{kind}_z.npz")
    row = checks.only_miss(tmp_path, "expected a file train_<kind>_")
    assert row.file == "train_mystery_z.npz"


def test_a_training_in_which_nothing_was_stored(tmp_path):
    arrays = checks.read("train_norl_a")
    keep = {name: a for name, a in arrays.items() if not name.startswith(("grad5", "w_after5"))}
    keep |= {
        name: arrays[name][:1]
        for name in ("X", "Y", "input_full", "cond", "actions", "penalty", "hc_start", "hc_boundary")
    }
    assert keep["cond"] == NM
    keep |= {"grad_norm": arrays["grad_norm"][:1], "gate": arrays["gate"][:1]}
    keep["memory_after"] = arrays["memory_after"][:0]
    np.savez(tmp_path / "train_norl_z.npz", **keep)
    missed = checks.verdicts(tmp_path)["missed"]
    assert {row.function for row in missed} == {"losses, norl"}  # means over six trials


# The example network, here a small one that was not trained


@pytest.fixture
def small():
    rng = torch.Generator().manual_seed(0)
    net = RecallLSTM([np.random.default_rng(0)], 37, HIDDEN, 6, input_gain=3)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=rng))
    return Networks(net)


def as_original(network):
    """Arrays of one network in the original's layout."""
    arrays = {}
    for name, tensor in network.state_dict().items():
        array = tensor[0].numpy().T if name.endswith("weight") else tensor[0, 0].numpy()
        if name.startswith(("i2h", "h2h")):
            array = np.insert(array, 3 * network.hidden_size, 0.25, axis=0)
        arrays[name] = array
    return arrays


def rollout(networks, test):
    """What the original stores of test trials."""
    batch, trials = evaluation.test_batch(networks, test)
    found = evaluate(networks, test)
    capacity = 2 * len(batch.encode)
    queue, memories = [], []
    for n, condition in enumerate(batch.condition[0]):
        if condition != NM:
            queue = [*queue, *(found.c[0, n, step] for step in batch.encode)][-capacity:]
        memories.append(queue + [np.full(HIDDEN, np.nan)] * (capacity - len(queue)))
    start, fresh = batch.start[:, 0].numpy(), batch.fresh[:, 0].numpy()
    return {
        "X": batch.x[0, :, :, :36].numpy(),
        "Y": batch.y[0].numpy(),
        "input_full": batch.x[0].numpy(),
        "cond": batch.condition[0].numpy(),
        "penalty_part2": test.penalty,
        "h_start": start[0],
        "c_start": start[1],
        "h_boundary": fresh[0],
        "c_boundary": fresh[1],
        "pi": found.policy[0][:, trials.queried],
        "value": found.value[0],
        "gate": found.gate[0],
        "memory_end": np.array(memories),
        "dec": found.decision[0],
        "m": found.c[0] - found.before[0],
        "cm": found.c[0],
    }


@pytest.mark.parametrize("test", [Test(n_trials=9, delay=2), Test(n_trials=9, segment=4, penalty=4)])
def test_rollouts_of_any_network_delay_and_encoding(tmp_path, small, test):
    np.savez(tmp_path / "demo_weights_ep0600.npz", **as_original(small.network))
    arrays = rollout(small, test)
    np.savez(tmp_path / "demo_rollout_ep600_z.npz", **arrays)
    parts = {row.function.partition(", ")[2] for row in checks.all_ok(tmp_path)}
    assert parts >= {"pi", "value", "memory", "m"}
    arrays["gate"][5, -1] += 1e-4
    np.savez(tmp_path / "demo_rollout_ep600_z.npz", **arrays)
    assert checks.only_miss(tmp_path, "gate: 0.0001 > 2e-05").function == "trials.run_trials, gate"
    (tmp_path / "demo_rollout_ep600_z.npz").rename(tmp_path / "demo_rollout_z.npz")
    (skipped,) = checks.verdicts(tmp_path)["skipped"]
    assert skipped.notes == ["needs demo_weights_ep1000.npz beside it"]


def test_weights_at_the_start_are_orthogonal_and_one_row_stays(tmp_path, small):
    rng, trained = np.random.default_rng(0), as_original(small.network)
    start = {
        name: np.zeros_like(x) if x.ndim == 1 else orthogonal(*x.shape, rng).numpy()
        for name, x in trained.items()
    }
    for name in ("i2h.weight", "i2h.bias", "h2h.weight", "h2h.bias"):
        trained[name][3 * HIDDEN] = start[name][3 * HIDDEN]
    np.savez(tmp_path / "demo_weights_ep0000.npz", **start)
    np.savez(tmp_path / "demo_weights_ep0200.npz", **trained)
    checks.all_ok(tmp_path)
    trained["h2h.weight"][3 * HIDDEN, 2] += 1e-3
    np.savez(tmp_path / "demo_weights_ep0200.npz", **trained)
    assert checks.only_miss(tmp_path, "h2h.weight").function == "row that nothing reads"
    np.savez(tmp_path / "demo_weights_ep0200.npz", **trained | {"hpc.bias": np.zeros(2)})
    checks.only_miss(tmp_path, "hpc.bias has shape (2,)")
    (tmp_path / "demo_weights_ep0200.npz").unlink()
    np.savez(
        tmp_path / "demo_weights_ep0000.npz", **start | {"actor.weight": 1.1 * start["actor.weight"]}
    )
    assert checks.only_miss(tmp_path, "actor.weight").function == "orthogonal start"


SETTINGS = ("pen0", "pen2_midway_rm_mid_target", "pen2_recall_silenced", "pen4_scrambled")


def test_tests_of_the_example_network(tmp_path, small, monkeypatch):
    monkeypatch.setattr(published_reference, "N_TRIALS", 128)
    np.savez(tmp_path / "demo_weights_ep1000.npz", **as_original(small.network))
    arrays = {
        f"{setting}.{name}": array
        for setting in SETTINGS
        for name, array in published_reference._summary(
            evaluate(small, published_reference._test(setting))
        ).items()
    }
    np.savez(tmp_path / "demo_eval_summary.npz", **arrays)
    assert {row.function.partition(", ")[0] for row in checks.all_ok(tmp_path)} >= set(SETTINGS)
    wrong = arrays["pen0.lca_lure"] + 0.3
    np.savez(tmp_path / "demo_eval_summary.npz", **arrays | {"pen0.lca_lure": wrong})
    missed = checks.verdicts(tmp_path)["missed"]
    assert {row.function for row in missed} == {"pen0, means", "pen0, steps"}
    (tmp_path / "demo_weights_ep1000.npz").unlink()
    (skipped,) = checks.verdicts(tmp_path)["skipped"]
    assert skipped.notes == ["needs demo_weights_ep1000.npz beside it"]


@needs_authors_files
def test_everything_that_the_authors_published():
    rows = checks.all_ok(AUTHORS)
    assert {row.file for row in rows} == {path.name for path in AUTHORS.glob("*.npz")}


@needs_authors_files
@pytest.mark.parametrize(
    ("key", "function"),
    [
        ("dk", "shares of answers"),
        ("em_gate", "analysis.trial_mean"),
        ("dm_action_pen2_midway", "analysis.trial_mean"),
        ("auc", "recall ROC"),
        ("def_tps", "EventTask.schematic"),
    ],
)
def test_a_wrong_table_is_a_miss(tmp_path, key, function):
    arrays = checks.read("group_results_15_models", AUTHORS)
    wrong = arrays[key].copy()
    if key == "dm_action_pen2_midway":
        wrong = (wrong + 1) % 5
    elif key == "def_tps":
        wrong = wrong[::-1, ::-1]
    else:
        wrong += 0.02
    np.savez(tmp_path / "group_results_15_models.npz", **arrays | {key: wrong})
    assert function in {row.function for row in checks.verdicts(tmp_path)["missed"]}
