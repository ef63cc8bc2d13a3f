"""Illustrations: against the original code's curves, and against what must hold."""

import numpy as np
import pytest
from reference_checks import FIXTURES

from mempaper.lu2022 import examples, knowledge
from mempaper.lu2022.task import EventTask, sample_events, transition_table

FOLDER = FIXTURES / "lu2022"


def test_recall_benefit_as_in_the_original():
    with np.load(FOLDER / "memory_benefit_a.npz") as f:
        found = examples.recall_benefit(int(f["T"]), float(f["chance"]))
        for ours, name in zip(
            found, ("baseline", "benefit", "benefit_normalised", "cumulative"), strict=True
        ):
            assert np.allclose(ours, f[name], rtol=0, atol=1e-5), name


@pytest.mark.parametrize("name", ["analysis_a", "analysis_b"])
def test_baseline_as_in_the_original(name):
    with np.load(FOLDER / f"{name}.npz") as f:
        assert np.allclose(examples.recall_benefit(16, 0.25).baseline, f["baseline_T16_c25"], atol=1e-5)


def test_late_recall_is_worth_less_than_in_proportion():
    found = examples.recall_benefit(30, 1 / 3).normalised
    assert found[0] == 1
    assert (found[1:] < 1 - np.arange(1, 30) / 30).all()


def test_similarity_follows_the_number_of_values_and_features():
    rng = np.random.default_rng(0)
    mean, _ = examples.similarity_by_size([(15, k) for k in (2, 4, 8, 16)], 101, rng)
    assert np.allclose(mean, [1 / 2, 1 / 4, 1 / 8, 1 / 16], atol=0.02)
    mean, sd = examples.similarity_by_size([(t, 3) for t in (4, 8, 16, 32)], 101, rng)
    assert np.allclose(mean, 1 / 3, atol=0.02)
    assert np.allclose(sd, np.sqrt(2 / 9 / np.array([4, 8, 16, 32])), atol=0.02)


def test_pairs_of_events_by_how_far_they_are_apart():
    matrix = examples.similarity_matrix([[0, 1], [0, 2], [3, 2]])
    assert matrix.tolist() == [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
    assert examples.pair_similarities(matrix).tolist() == [0.5, 0, 0.5]
    assert examples.pair_similarities(matrix, 1, 1).tolist() == [0.5, 0.5]
    assert examples.pair_similarities(matrix, 2).tolist() == [0]


def test_a_cap_keeps_recent_events_apart():
    events = examples.uniform_events(np.random.default_rng(0), 15, 4, 101, (0, 0.35), lag=4)
    matrix = examples.similarity_matrix(events)
    recent, distant = examples.pair_similarities(matrix, 1, 4), examples.pair_similarities(matrix, 5)
    assert recent.max() <= 0.35
    assert distant.max() > 0.35
    assert recent.mean() < distant.mean()


def test_bounds_shift_the_similarity():
    bounds = [(0, 0.35), (0, 0.75), (0.2, 0.75)]
    seconds, alike = examples.vary_bounds(bounds, np.random.default_rng(0), n_repeats=2, n_events=64)
    assert seconds.shape == alike.shape == (3, 2)
    assert (seconds > 0).all()
    assert (np.diff(alike.mean(1)) > 0).all()


def test_regimes_of_the_simulations():
    rng = np.random.default_rng(0)
    means = {}
    for name, bounds in examples.REGIMES.items():
        events = examples.uniform_events(rng, 16, 4, 600, bounds)
        means[name] = examples.pair_similarities(examples.similarity_matrix(events), 1, 1).mean()
    expected = {"zero": 0.104, "low": 0.231, "normal": 0.248, "high": 0.422}
    assert means == pytest.approx(expected, abs=0.02)


def test_frequencies_show_the_schema():
    prototype, schematic = np.arange(10) % 4, np.arange(10) % 2 == 0
    table = transition_table(prototype, schematic, 0.95, 4)
    events = sample_events(np.random.default_rng(0), table, 500, 1, (0, 1))[:, 0]
    found = examples.value_frequencies(events, 4)
    assert np.allclose(found.sum(1), 1)
    assert np.allclose(found, table, atol=0.08)


def test_schema_bars_are_probabilities():
    assert all(np.isclose(sum(bars), 1) for bars in examples.SCHEMA_BARS.values())


def test_stimulus_of_one_trial():
    trials = EventTask(p_removed=(0.3, 0)).sample(np.random.default_rng(0), 2, 3, delay=2)
    found = examples.stimulus(trials, (1, 2))
    assert [x.shape for x in found] == [(36, 16), (36, 4), (36, 16), (36, 4)]
    assert np.array_equal(found.queried_feature[2:18], np.eye(16))
    assert not found.queried_value[:2].any()
    order, removed, values = (x[1, 2] for x in (trials.order, trials.removed, trials.values))
    assert np.array_equal(found.observed_feature[18:34].argmax(1), order[1])
    assert np.array_equal(found.observed_value[:16].any(1), ~removed[0])
    assert np.array_equal(found.queried_value[20:].argmax(1), values)


@pytest.mark.parametrize("removal", [0.5, 0.0])
def test_knowledge_grows_and_memory_helps(removal):
    task = EventTask(n_features=15, p_removed=(removal, removal))
    trials = task.sample(np.random.default_rng(0), 1, 2000)
    order, removed = trials.order[0], trials.removed[0]
    for delay in (0, 3):
        found = examples.knowledge_over_time(order, removed, delay)
        assert np.allclose(found.episodic_only + found.both + found.neither, 1)
        assert np.allclose(found.remembering[15:], found.episodic_only + found.both)
        assert np.allclose(found.forgetting[15:], found.both)
        assert np.array_equal(found.forgetting[:15], found.remembering[:15])
        assert (np.diff(found.both) > -0.05).all()
    if removal == 0:
        assert (found.remembering[15:] == 1).all()
        expected = np.minimum(knowledge.seen_shares(15) + 3 / 15, 1)
        assert np.allclose(found.both, expected, atol=0.04)


def test_a_shared_cause_correlates_subjects():
    rng = np.random.default_rng(0)
    found = np.array([examples.walks(rng).correlations for _ in range(200)])
    assert found[:, 0].mean() > 0.6
    assert abs(found[:, 1].mean()) < 0.1
    one = examples.walks(rng, 50)
    assert one.cause.shape == (50,)
    assert one.together.shape == one.apart.shape == (2, 50)


def test_alignment_brings_subjects_together():
    rng = np.random.default_rng(0)
    native, aligned = np.mean([examples.function_alignment(rng).distances for _ in range(50)], 0)
    assert aligned < native / 2
    exact = examples.function_alignment(rng, 50, noise_sd=0.0)
    assert exact.native.shape == exact.aligned.shape == (2, 50, 3)
    assert exact.distances[1] < 0.05


def test_memory_is_best_for_what_a_schema_is_clear_about():
    bars = examples.SLIMM
    assert bars["congruent"] == bars["incongruent"] > bars["control"]
