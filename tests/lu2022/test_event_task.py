"""Events, how alike they are, and the arrays of a trial."""

import numpy as np
import pytest

from mempaper.lu2022.task import (
    EventTask,
    Trials,
    as_tensor,
    sample_events,
    similarity,
    stack_trials,
    transition_table,
)

UNIFORM = np.full((16, 4), 0.25)


def sampled(n_streams=4, n_trials=30, seed=0, **options):
    return EventTask(**options).sample(np.random.default_rng(seed), n_streams, n_trials)


def test_inputs_of_one_trial_by_hand():
    trials = Trials(
        values=np.array([2, 0]),
        order=np.array([[1, 0], [0, 1]]),
        removed=np.array([[False, True], [False, False]]),
        delay=1,
        n_values=3,
    )
    x = trials.inputs()
    assert x.shape == (6, 7)
    observed, shown, asked = x[:, :2], x[:, 2:5], x[:, 5:]
    assert observed.tolist() == [[0, 1], [1, 0], [0, 0], [1, 0], [0, 1], [0, 0]]
    assert shown.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert asked.tolist() == [[0, 0], [1, 0], [0, 1]] * 2
    assert trials.targets().tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]] * 2
    assert trials.queried.tolist() == [False, True, True] * 2


def test_half_of_the_features_asked_twice():
    x = sampled(repeat_query=True).select((0, 0)).inputs()
    assert x[:16, 20:].argmax(-1).tolist() == [*range(8), *range(8)]
    assert sampled().select((0, 0)).inputs()[16:, 20:].argmax(-1).tolist() == [*range(16)]


def test_every_feature_is_observed_once_in_each_part_in_orders_of_its_own():
    trials = sampled()
    assert (np.sort(trials.order, -1) == np.arange(16)).all()
    assert not (trials.order[:, :, 0] == trials.order[:, :, 1]).all((-1, -2)).any()
    fixed = sampled(permute_observations=False)
    assert (fixed.order == np.arange(16)).all()


@pytest.mark.parametrize("bounds", [(0.0, 0.125), (0.0, 0.4), (0.0, 0.9), (0.35, 0.9), (0.25, 0.25)])
def test_events_are_neither_too_like_nor_too_unlike_the_two_before(bounds):
    events = sample_events(np.random.default_rng(0), UNIFORM, 6, 25, bounds)
    for lag in (1, 2):
        alike = similarity(events[:, lag:], events[:, :-lag])
        assert bounds[0] <= alike.min()
        assert alike.max() <= bounds[1]


def test_all_events_that_a_window_allows_are_equally_likely():
    events = sample_events(np.random.default_rng(0), np.full((4, 2), 0.5), 5000, 2, (0.25, 0.75))
    different = (events[:, 0] != events[:, 1]) @ [8, 4, 2, 1]
    shares = np.bincount(different, minlength=16) / 5000
    assert shares[0] == shares[15] == 0
    assert np.allclose(shares[1:15], 1 / 14, atol=0.015)


def test_streams_and_members_do_not_know_of_each_other():
    one = sample_events(np.random.default_rng(3), UNIFORM, 5, 10)
    between = similarity(one[1:, :, None], one[:1, None]).mean()
    assert abs(between - 0.25) < 0.05
    assert np.array_equal(one, sample_events(np.random.default_rng(3), UNIFORM, 5, 10))


@pytest.mark.parametrize(
    ("bounds", "parts"),
    [
        (
            (0.99, 1.0),
            ["between 0.99 and 1 ", "2000 draws", "multiples of 1/16", "the largest seen was"],
        ),
        ((0.45, 0.48), ["between 0.45 and 0.48", "multiples of 1/16", "Take a wider window"]),
    ],
)
def test_impossible_windows_say_so(bounds, parts):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 every part is compared below
        sample_events(np.random.default_rng(0), UNIFORM, 2, 3, bounds, max_draws=2000)
    for part in parts:
        assert part in str(raised.value)


def test_the_largest_similarity_seen_is_that_of_what_was_drawn():
    with pytest.raises(ValueError, match=r"the largest seen was 0\.\d+"):
        sample_events(np.random.default_rng(0), UNIFORM, 1, 2, (1.0, 1.0), max_draws=50)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((0.45, 0.48), "no similarity lies between 0.45 and 0.48: similarities are multiples of 1/16"),
        ((0.9, 1.0), "no event with a similarity between 0.9 and 1 .* in 20000 draws"),
    ],
)
def test_infeasible_windows_are_found_before_training(window, message):
    with pytest.raises(ValueError, match=message):
        EventTask(similarity=window).check_feasible()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schema_strength": 0.2}, "schema_strength is 0.2; .* less likely than chance, 1/4"),
        ({"schema_strength": 1.2}, "nor more than certain"),
        ({"similarity": (0.5, 0.4)}, r"similarity is \[0.5, 0.4\]; expected 0 <= low <= high <= 1"),
        ({"similarity": (0.0, 1.4)}, "expected 0 <= low <= high <= 1"),
        ({"n_values": 1}, "events have 16 features of 1 values; both must be at least 2"),
        ({"p_removed": (0.3, -0.1)}, r"p_removed is \(0.3, -0.1\); shares lie between 0 and 1"),
    ],
)
def test_impossible_tasks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EventTask(**options)


def test_schema_makes_the_prototype_likely_at_schematic_points():
    task = EventTask(schema_strength=0.85, similarity=(0.0, 1.0))
    for seed in (4, 5):
        prototype, schematic = task.schema(seed)
        assert schematic.tolist() == [t % 2 == seed % 2 for t in range(16)]
        trials = task.sample(np.random.default_rng(0), 1, 4000, table=task.table(seed))
        share = (trials.values[0] == prototype).mean(0)
        assert np.allclose(share[schematic], 0.85, atol=0.03)
        assert np.allclose(share[~schematic], 0.25, atol=0.03)
    assert not np.array_equal(task.schema(4)[0], task.schema(6)[0])


def test_tables_are_probabilities():
    table = transition_table(np.array([[1, 3]]), np.array([[True, False]]), 0.7, 4)
    assert np.allclose(table, [[[0.1, 0.7, 0.1, 0.1], [0.25] * 4]])


def test_a_uniform_number_of_values_is_hidden_up_to_the_share():
    removed = sampled(1, 20_000, similarity=(0.0, 1.0)).removed[0]
    counts = np.bincount(removed[:, 0].sum(-1), minlength=6) / 20_000
    assert np.allclose(counts, [0.104, 0.208, 0.208, 0.208, 0.208, 0.0625], atol=0.015)
    assert np.allclose(removed[:, 0].mean(0), removed[:, 0].mean(), atol=0.02)  # any place
    assert not removed[:, 1].any()


def test_members_stack_and_trials_are_chosen():
    members = [sampled(2, 3, seed) for seed in range(2)]
    stacked = stack_trials(members)
    assert stacked.values.shape == (2, 2, 3, 16)
    assert np.array_equal(stacked.select((1, 0, 2)).inputs(), members[1].select((0, 2)).inputs())
    assert as_tensor(stacked.values).dtype.is_floating_point
