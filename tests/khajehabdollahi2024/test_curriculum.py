import itertools

import numpy as np
import pytest

from mempaper.khajehabdollahi2024.curriculum import Curriculum, passed


@pytest.mark.parametrize(
    ("options", "lists"),
    [
        ({}, [(2,), (2, 3), (2, 3, 4)]),
        ({"init_heads": 3, "add_heads": 2}, [(2, 3, 4), (2, 3, 4, 5, 6)]),
        ({"kind": "sliding", "init_heads": 3, "forget_heads": 2}, [(2, 3, 4), (4, 5, 6), (6, 7, 8)]),
        ({"kind": "sliding", "forget_heads": 2}, [(2, 3), (4, 5)]),
        ({"kind": "single", "init_heads": 4}, [(2,), (3,), (4,)]),
        ({"kind": "single_nocurr", "first_n": 12}, [(12,), None]),
        ({"kind": "cumulative", "first_n": 5}, [(5,), (5, 6)]),
    ],
)
def test_lists_of_memory_lengths(options, lists):
    curriculum = Curriculum(**options)
    assert curriculum.start == lists[0]
    for now, following in itertools.pairwise(lists):
        assert curriculum.after(now) == following


def test_the_last_head_must_pass_too():
    assert passed(np.array([0.99, 0.985]))
    assert not passed(np.array([1.0, 1.0, 1.0, 0.97]))
    assert not passed(np.array([0.9, 1.0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "random"}, "curriculum is 'random'; it must be one of cumulative"),
        ({"add_heads": 0}, "add_heads is 0"),
        ({"first_n": 1}, "first_n is 1"),
    ],
)
def test_impossible_curricula_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Curriculum(**options)
