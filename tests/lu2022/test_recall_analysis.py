"""Analyses of answers, recall, knowledge and geometry: against the original code and by hand."""

import numpy as np
import pytest
from reference_checks import FIXTURES

from mempaper.lu2022 import analysis, geometry, knowledge
from mempaper.lu2022.trials import DM, NM, RM

FOLDER = FIXTURES / "lu2022"


@pytest.fixture(params=["analysis_a", "analysis_b"])
def reference(request):
    with np.load(FOLDER / f"{request.param}.npz") as file:
        return {key: file[key] for key in file.files}


def close(ours, theirs):
    assert np.shape(ours) == np.shape(theirs)
    assert np.allclose(ours, theirs, rtol=0, atol=1e-5, equal_nan=True)


def some_trials(n_members=3, n_trials=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.integers(3, size=(n_members, n_trials))


# Against the original code


def test_behaviour_as_in_the_original(reference):
    f = reference
    found = analysis.behaviour(f["dist"][None], f["Y"].argmax(-1)[None])
    every = np.ones((1, len(f["Y"])), bool)
    close(analysis.trial_mean(found.correct, every)[0], f["acc_mu"])
    close(analysis.trial_mean(found.mistake, every)[0], f["mis_mu"])
    close(analysis.trial_mean(found.dont_know, every)[0], f["dk_mu"])
    close(2 * analysis.trial_error(found.correct, every)[0], f["acc_er2se"])
    close(2 * analysis.trial_error(found.mistake, every)[0], f["mis_er2se"])
    by_part = np.split(found.correct, 2, axis=-1)
    close([analysis.pooled_mean(part, every)[0] for part in by_part], f["acc_by_part"])


def test_sources_and_split_means_as_in_the_original(reference):
    f = reference
    condition = f["cond"][None]
    known = knowledge.Known(~f["true_dk_wm"][None], ~f["true_dk_em"][None])
    found = knowledge.sources(known, condition)
    for name, c, mask in (
        ("dm_em_only", DM, found.episodic_only),
        ("dm_both", DM, found.both),
        ("dm_neither", DM, found.neither),
        ("rm_both", RM, found.both),
        ("nm_neither", NM, found.neither),
    ):
        assert np.array_equal(mask[condition == c], f[f"{name}_mask"]), name
    distant = (condition == DM)[..., None]
    for name, mask in (("dm_em_only", found.episodic_only), ("dm_both", found.both)):
        close(analysis.trial_mean(f["matrix"][None], mask & distant)[0], f[f"{name}_mu"])
        close(analysis.trial_error(f["matrix"][None], mask & distant)[0], f[f"{name}_er"])


def test_full_memory_as_in_the_original(reference):
    skip = analysis.trials_to_skip(reference["cond"][None], 2)
    assert skip == reference["n_trials_to_skip"]
    kept = analysis.full_memory(reference["cond"][None], 2)
    assert kept.sum() == len(reference["cond"]) - skip
    assert not kept[0, : skip[0]].any()


def test_recall_measures_as_in_the_original(reference):
    f = reference
    close(analysis.recall_time(f["gates"]), f["recall_time"])
    close(analysis.cumulative_reward(f["cr_acc"], f["cr_mis"], 2), f["cum_reward_pen2"])
    close(analysis.memory_cosine(f["cell"], f["mem"]), f["sim_cos"])
    close(analysis.memory_activation(f["cell"], f["mem"], f["cell_gate"]), f["sim_lca"])
    roc = analysis.recall_roc(f["noise_scores"], f["signal_scores"])
    assert np.array_equal(roc.noise, f["hist_noise"])
    assert np.array_equal(roc.signal, f["hist_signal"])
    close(roc.true_positive, f["tpr"])
    close(roc.false_positive, f["fpr"])
    close(roc.area, float(f["auc"]))


def test_correlation_of_times_as_in_the_original(reference):
    act = reference["act"]
    found = geometry.time_by_time_correlation(act[None], np.ones((1, len(act)), bool))
    close(found[0], reference["trsm"])


# By hand


def test_means_over_trials_equal_one_member_at_a_time():
    rng, condition = some_trials()
    values = rng.random((3, 40, 5, 2))
    values[condition == NM] = np.nan  # must not matter
    times = rng.random((3, 40, 5)) < 0.5
    where = condition == DM
    mean, error = analysis.trial_mean(values, where), analysis.trial_error(values, where)
    finer = analysis.trial_mean(values, where[..., None] & times)
    for m in range(3):
        chosen = values[m, where[m]]
        assert np.allclose(mean[m], chosen.mean(0))
        assert np.allclose(error[m], chosen.std(0, ddof=1) / np.sqrt(len(chosen)))
        t = times[m, where[m], 2]
        assert np.allclose(finer[m, 2], chosen[t, 2].mean(0))
        pooled = analysis.pooled_mean(values[..., 0], where[..., None] & times)[m]
        assert np.isclose(pooled, chosen[..., 0][times[m, where[m]]].mean())


def test_means_without_trials_are_missing():
    values = np.ones((2, 3, 4))
    where = np.array([[True, False, False], [False, False, False]])
    mean, error = analysis.trial_mean(values, where), analysis.trial_error(values, where)
    assert (mean[0] == 1).all()
    assert np.isnan(mean[1]).all()
    assert np.isnan(error).all()
    assert np.isnan(analysis.pooled_mean(values, where)).tolist() == [False, True]
    with pytest.raises(ValueError, match=r"where has shape \(2, 4\), which must be the leading axes"):
        analysis.trial_mean(values, np.ones((2, 4), bool))


def test_trials_are_skipped_until_the_memory_is_full():
    condition = np.array([[RM, NM, DM, RM, NM, NM, DM, RM], [DM] * 8])
    assert analysis.trials_to_skip(condition).tolist() == [6, 3]
    assert analysis.trials_to_skip(condition, 1).tolist() == [3, 2]
    assert analysis.full_memory(condition).sum(1).tolist() == [2, 5]
    with pytest.raises(ValueError, match="has only 0 trials that are not NM; 4 are needed"):
        analysis.trials_to_skip(np.full((2, 8), NM))


def test_behaviour_is_one_of_three():
    rng, _ = some_trials()
    policy, right = rng.random((2, 10, 6, 5)), rng.integers(4, size=(2, 10, 6))
    found = analysis.behaviour(policy, right)
    assert (np.sum(found, axis=0) == 1).all()
    sure = analysis.behaviour(np.eye(5)[right], right)
    assert sure.correct.all()
    silent = analysis.behaviour(np.eye(5)[np.full((2, 3), 4)], np.full((2, 3), 4))
    assert silent.dont_know.all()
    assert not silent.correct.any()


def test_recall_time_and_reward_of_simple_curves():
    gate = np.zeros((2, 16))
    gate[0, 2] = gate[1, [0, 4]] = 0.4
    assert np.allclose(analysis.recall_time(gate), [3, 3])
    assert analysis.cumulative_reward([[1, 1, 0]], [[0, 0, 0.5]], 4).tolist() == [0]


def test_activation_of_each_trial_alone():
    rng, _ = some_trials()
    before, memories = rng.normal(size=(2, 5, 7, 9)), rng.normal(size=(2, 5, 3, 9))
    gate = rng.random((2, 5, 7))
    pre = analysis.memory_activation(before, memories, gate)
    post = analysis.memory_activation(before, memories, gate, postgating=True)
    assert pre.shape == post.shape == (2, 5, 7, 3)
    by_hand = np.zeros((2, 3))  # before and after the gate
    norms = np.linalg.norm(memories[1, 2], axis=-1) * np.linalg.norm(before[1, 2, 3])
    cosine = memories[1, 2] @ before[1, 2, 3] / norms
    drive = np.stack([gate[1, 2, 3] * cosine, 0.3 * cosine])
    for _ in range(10):
        others = by_hand.sum(-1, keepdims=True) - by_hand
        by_hand = np.clip(by_hand + 0.6 * (drive - 0.8 * others), 0, 1)
    assert np.allclose(pre[1, 2, 3], by_hand[0])
    assert np.allclose(post[1, 2, 3], gate[1, 2, 3] * by_hand[1])
    empty = np.concatenate([np.zeros((2, 5, 1, 9)), memories], -2)
    assert np.allclose(analysis.memory_activation(before, empty, gate)[..., 1:], pre)


def test_targets_are_the_last_memories_except_without_memory():
    condition = np.array([[RM, DM, NM]])
    activation = np.broadcast_to(np.arange(4.0), (1, 3, 5, 4))
    target, lure = analysis.target_and_lure(activation, condition, 2)
    assert target[0, :2, 0].tolist() == [2.5, 2.5]
    assert np.isnan(target[0, 2]).all()
    assert lure[0, :, 0].tolist() == [0.5, 0.5, 1.5]
    with pytest.raises(ValueError, match="n_targets is 4; of 4 memories"):
        analysis.target_and_lure(activation, condition, 4)


def test_roc_of_each_member():
    rng, condition = some_trials()
    activation = rng.random((3, 40, 6, 4)) * 0.5
    activation[condition == DM, 2, -1] += 0.5
    where = rng.random((3, 40)) < 0.8
    rocs = analysis.recall_rocs(activation, condition, where)
    assert [int(r.signal.sum()) for r in rocs] == (where & (condition == DM)).sum(1).tolist()
    assert [int(r.noise.sum()) for r in rocs] == (where & (condition == NM)).sum(1).tolist()
    assert all(r.area > 0.9 for r in rocs)
    same = rng.random(5000)
    assert np.isclose(analysis.recall_roc(same, same).area, 0.5, atol=0.01)


def test_schematic_points_apart_from_others():
    curve = np.arange(8.0).reshape(2, 4)
    schematic, other = analysis.by_schema(curve, [[True, False] * 2, [False, True] * 2])
    assert schematic.tolist() == [1, 6]
    assert other.tolist() == [2, 5]
    schematic, other = analysis.by_schema(curve, [True] * 4)
    assert schematic.tolist() == [1.5, 5.5]
    assert np.isnan(other).all()


def test_bootstrap_of_paired_networks():
    rng = np.random.default_rng(0)
    b = rng.normal(size=15)
    a = b + 1 + 0.1 * rng.normal(size=15)
    found = analysis.bootstrap_difference(a, b, np.random.default_rng(1))
    assert found.low < found.value < found.high
    assert found.n == 15
    assert np.isclose(found.value, (a - b).mean())
    assert found.high - found.low < 0.2
    again = analysis.bootstrap_difference(a, b, np.random.default_rng(1))
    assert found == again
    assert np.isnan(analysis.bootstrap_difference([1], [0], rng).low)
    with pytest.raises(ValueError, match="one number per network"):
        analysis.bootstrap_difference([1, 2], [0], rng)


@pytest.mark.parametrize("delay", [0, 3])
def test_what_can_be_known_step_by_step(delay):
    rng = np.random.default_rng(0)
    n = 6
    order = rng.permuted(np.broadcast_to(np.arange(n), (2, 9, 2, n)), axis=-1)
    removed = rng.random(order.shape) < 0.3
    found = knowledge.known_values(order, removed, delay)
    for m, i in np.ndindex(2, 9):
        both: set[int] = set()
        for part in range(2):
            own: set[int] = set()
            for step in range(n + delay):
                if step < n and not removed[m, i, part, step]:
                    own.add(int(order[m, i, part, step]))
                query = step - delay
                if query >= 0:
                    assert found.episodic[m, i, part * n + query] == (query in both | own)
                    if part == 1:
                        assert found.working[m, i, query] == (query in own)
            both |= own


def test_every_query_has_one_source():
    rng, condition = some_trials()
    order = rng.permuted(np.broadcast_to(np.arange(16), (3, 40, 2, 16)), axis=-1)
    found = knowledge.sources(knowledge.known_values(order), condition)
    assert (np.sum(found, axis=0) == 1).all()
    assert not found.neither[condition == DM].any()
    assert not found.working_only[condition == DM].any()
    assert found.both[condition == RM].all()
    assert not found.episodic_only[condition == NM].any()


def test_expected_accuracy_is_the_share_of_seen_features():
    rng = np.random.default_rng(0)
    order = rng.permuted(np.broadcast_to(np.arange(16), (20_000, 2, 16)), axis=-1)
    seen = knowledge.known_values(order).working.mean(0)
    assert np.allclose(seen, knowledge.seen_shares(16), atol=0.02)


def test_similarity_of_states_is_a_mean_cosine():
    rng, condition = some_trials()
    first, second = rng.normal(size=(2, 3, 40, 4, 7))
    where = condition == NM
    found = geometry.state_similarity(first, second, where)
    a, b = first[1, where[1], 2], second[1, where[1], 3]
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    assert np.isclose(found[1, 2, 3], cosine.mean())
    nowhere = geometry.state_similarity(first, second, np.zeros_like(where))
    assert np.isnan(nowhere).all()


def test_components_are_those_of_the_trials_that_count():
    rng, condition = some_trials()
    states = rng.normal(size=(3, 40, 4, 7)) * np.arange(1, 8)
    where = condition != NM
    found = geometry.principal_components(states, where, 5)
    pooled = states[1, where[1]].reshape(-1, 7)
    centred = pooled - pooled.mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(found.cumulative[1], (s**2).cumsum()[:5] / (s**2).sum())
    assert np.allclose(np.abs((found.axes[1] * vt[:5]).sum(-1)), 1)
    assert found.scores.shape == (3, 40, 4, 5)
    assert np.allclose(found.scores[1, where[1]].reshape(-1, 5), centred @ found.axes[1].T)
    assert np.allclose(found.transform(states[:, :, 1:2]), found.scores[:, :, 1:2])
    assert (np.take_along_axis(found.axes, np.abs(found.axes).argmax(-1)[..., None], -1) > 0).all()


def test_activity_norm():
    assert geometry.activity_norm([[3.0, 4.0], [0.0, 0.0]]).tolist() == [5, 0]
