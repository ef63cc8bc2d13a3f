import numpy as np
import pytest
import torch

from mempaper.memory import (
    CompetingAccumulators,
    EpisodicMemory,
    MemoryQueue,
    nearest,
    recall_weights,
    similarity,
)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def filled(rng, n=6, **options):
    memory = EpisodicMemory(100, 3, **options)
    memory.inject(list(torch.randn(n, 4, generator=rng)), list(torch.randn(n, 3, generator=rng)))
    return memory


@pytest.mark.parametrize("kernel", ["l2", "l1", "cosine"])
def test_a_key_is_most_similar_to_itself(rng, kernel):
    keys = torch.randn(20, 8, generator=rng)
    assert torch.equal(similarity(keys, keys, kernel).argmax(-1), torch.arange(20))


def test_exact_match_scores_nearly_zero(rng):
    key = 10 * torch.randn(1, 64, generator=rng)
    assert -2e-5 < similarity(key, key, "l2").item() < 0


def test_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match=r"'l3'.*'l2', 'l1', 'cosine'"):
        similarity(torch.zeros(1, 2), torch.zeros(1, 2), "l3")


def test_ties_go_to_the_oldest_or_the_newest():
    scores = torch.tensor([0.0, 1.0, 1.0, 0.5])
    assert nearest(scores, "oldest") == 1
    assert nearest(scores, "newest") == 2


@pytest.mark.parametrize("recall", ["softmax", "inverse"])
def test_average_over_one_neighbour_is_the_nearest_entry(rng, recall):
    query, keys = torch.randn(5, 4, generator=rng), torch.randn(9, 4, generator=rng)
    one = recall_weights(query, keys, recall=recall, n_neighbours=1)
    assert torch.allclose(one, recall_weights(query, keys))


def test_softmax_at_low_temperature_is_the_nearest_entry(rng):
    query, keys = torch.randn(5, 4, generator=rng), torch.randn(9, 4, generator=rng)
    cold = recall_weights(query, keys, recall="softmax", tau=1e-4)
    assert torch.allclose(cold, recall_weights(query, keys), atol=1e-6)


@pytest.mark.parametrize("recall", ["1nn", "softmax", "inverse"])
def test_weights_sum_to_one_over_what_is_stored_and_to_zero_over_nothing(rng, recall):
    query, keys = torch.randn(3, 4, generator=rng), torch.randn(5, 4, generator=rng)
    stored = torch.tensor([[True] * 5, [True, False, True, False, False], [False] * 5])
    weights = recall_weights(query, keys, recall=recall, stored=stored)
    assert torch.allclose(weights.sum(-1), torch.tensor([1.0, 1.0, 0.0]))
    assert (weights[~stored] == 0).all()


def test_one_write_beyond_capacity_drops_exactly_the_first(rng):
    memory = EpisodicMemory(4, 3)
    keys, values = torch.randn(5, 4, generator=rng), torch.randn(5, 3, generator=rng)
    memory.inject(list(keys), list(values))
    assert torch.equal(memory.keys, keys[1:])
    assert torch.equal(memory.values, values[1:])


def test_switches(rng):
    memory = filled(rng)
    memory.encoding = False
    memory.save(torch.zeros(4), torch.zeros(3))
    memory.inject([torch.zeros(4)], [torch.zeros(3)])
    assert len(memory) == 6
    memory.retrieval = False
    assert torch.equal(memory.get(memory.keys[0]), torch.zeros(3))
    memory.reset()
    assert len(memory) == 0


def test_nothing_stored_carries_a_gradient_and_later_changes_do_not_reach_it():
    memory = EpisodicMemory(4, 2)
    weight = torch.ones(2, requires_grad=True)
    memory.save(weight * 1.0, weight * 2.0)
    assert not memory.keys.requires_grad
    assert not memory.values.requires_grad
    with torch.no_grad():
        weight.add_(5.0)
    assert torch.equal(memory.values, torch.tensor([[2.0, 2.0]]))
    assert not memory.get(weight).requires_grad


@pytest.mark.parametrize(
    ("duplicates", "expected"),
    [("append", [1.0, 2.0, 3.0]), ("overwrite", [3.0, 2.0]), ("reject", [1.0, 2.0])],
)
def test_duplicate_keys(duplicates, expected):
    memory = EpisodicMemory(9, 1, duplicates=duplicates)
    for key, value in ((0.0, 1.0), (1.0, 2.0), (0.0, 3.0)):
        memory.save(torch.tensor([key]), torch.tensor([value]))
    assert memory.values.flatten().tolist() == expected


def test_exact_match_read_answers_zeros_for_an_unknown_key(rng):
    memory = filled(rng, miss="zeros")
    assert torch.equal(memory.get(torch.zeros(4)), torch.zeros(3))
    assert torch.equal(memory.get(memory.keys[2]), memory.values[2])


def test_an_empty_memory_has_no_entries_and_answers_zeros_where_the_query_is():
    memory = EpisodicMemory(4, 3)
    assert (memory.keys.shape, memory.values.shape) == ((0, 0), (0, 3))
    query = torch.zeros(5, dtype=torch.float64, device="meta")
    for found, size in ((memory.weights(query), 0), (memory.get(query), 3)):
        assert (found.shape, found.dtype, found.device.type) == ((size,), torch.float64, "meta")
    assert torch.equal(memory.get(torch.ones(5)), torch.zeros(3))


def test_unreliable_storage_and_retrieval():
    memory = EpisodicMemory(2000, 1, storage_probability=0.3, rng=np.random.default_rng(0))
    for k in range(1000):
        memory.save(torch.tensor([float(k)]), torch.ones(1))
    assert 250 < len(memory) < 350
    never = EpisodicMemory(5, 1, retrieval_probability=0.0, rng=np.random.default_rng(0))
    never.save(torch.zeros(1), torch.ones(1))
    assert never.get(torch.zeros(1)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity": 0}, "capacity is 0"),
        ({"recall": "2nn"}, "recall is '2nn'"),
        ({"tie": "any"}, "tie is 'any'"),
        ({"tau": 0.0}, "tau is 0.0"),
        ({"n_neighbours": 0}, "n_neighbours is 0"),
        ({"storage_probability": 1.5}, "between 0 and 1"),
        ({"storage_probability": 0.5}, "needs a generator"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EpisodicMemory(**{"capacity": 3, "value_size": 2, **options})


def test_wrong_sizes_are_refused(rng):
    memory = filled(rng)
    with pytest.raises(ValueError, match="expected 3"):
        memory.save(torch.zeros(4), torch.zeros(2))
    with pytest.raises(ValueError, match="the stored ones have 4"):
        memory.save(torch.zeros(5), torch.zeros(3))
    with pytest.raises(ValueError, match="2 keys but 1 values"):
        memory.inject([torch.zeros(4)] * 2, [torch.zeros(3)])


def drives(rng, *shape):
    """Some strong enough to saturate, some negative."""
    return 2 * torch.randn(*shape, generator=rng, dtype=torch.float64) + 0.3


@pytest.mark.parametrize(("competition", "leak"), [(0.8, 0.0), (0.4, 0.2), (0.0, 0.0)])
def test_accumulators_follow_their_equation(rng, competition, leak):
    drive = drives(rng, 7, 5, 3)
    state = torch.zeros_like(drive)
    states = []
    for _ in range(10):
        others = state.sum(-1, keepdim=True) - state
        state = (state + 0.6 * (drive - leak * state - competition * others)).clamp(0, 1)
        states.append(state)
    accumulators = CompetingAccumulators(competition, leak)
    assert torch.allclose(accumulators(drive), state)
    found = torch.stack(accumulators.trajectory(drive)).clamp(0, 1)
    assert torch.allclose(found, torch.stack(states))
    assert ((state == 0).any(), (state == 1).any()) == (True, True)


@pytest.mark.parametrize("leak", [0.0, 0.3])
def test_gradient_of_the_accumulators_is_that_of_automatic_differentiation(rng, leak):
    accumulators = CompetingAccumulators(leak=leak)
    drive = (drives(rng, 40, 4) / 5).requires_grad_()
    back = torch.randn(40, 4, generator=rng, dtype=torch.float64)
    unclipped = accumulators.trajectory(drive)
    (expected,) = torch.autograd.grad((accumulators(drive) * back).sum(), drive)
    found = accumulators.backward(back, [state.detach() for state in unclipped])
    assert torch.allclose(found, expected, atol=1e-12)
    assert (expected != 0).any()
    assert (expected == 0).any()  # some are clipped


def test_empty_places_do_not_compete(rng):
    drive = drives(rng, 6, 3)
    padded = torch.cat([torch.zeros(6, 2, dtype=torch.float64), drive], -1)
    accumulators = CompetingAccumulators()
    assert torch.equal(accumulators(padded)[:, :2], torch.zeros(6, 2, dtype=torch.float64))
    assert torch.allclose(accumulators(padded)[:, 2:], accumulators(drive))


def test_each_stream_has_a_queue_of_its_own(rng):
    queue = MemoryQueue((2, 3), 2, 4)
    expected = {(i, j): [torch.zeros(4)] * 2 for i in range(2) for j in range(3)}
    for _ in range(5):
        entry = torch.randn(2, 3, 4, generator=rng)
        where = torch.rand(2, 3, generator=rng) < 0.5
        queue.append(entry, where)
        for place, held in expected.items():
            if where[place]:
                expected[place] = [*held[1:], entry[place]]
    for place, held in expected.items():
        assert torch.equal(queue.entries[place], torch.stack(held))


def test_what_a_queue_stores_carries_no_gradient():
    queue = MemoryQueue((1,), 3, 2)
    entry = torch.ones(1, 2, requires_grad=True)
    queue.append(2 * entry, torch.tensor([True]))
    assert not queue.entries.requires_grad
    assert queue.entries[0, -1].tolist() == [2, 2]
    assert queue.entries[0, :2].eq(0).all()


def test_a_queue_without_places_is_refused():
    with pytest.raises(ValueError, match="capacity is 0; a memory holds at least 1 entry"):
        MemoryQueue((1,), 0, 4)
