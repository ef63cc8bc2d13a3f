import numpy as np
import pytest

from mempaper.ritter2018.task import ContextualChoice


@pytest.fixture
def epoch():
    return ContextualChoice().sample_epoch(np.random.default_rng(3))


def test_second_encounters_are_a_permutation_of_the_first(epoch):
    assert sorted(epoch.source) == list(range(50))
    assert np.array_equal(epoch.x[50:], epoch.x[:50][epoch.source])
    assert np.array_equal(epoch.y[50:], epoch.y[:50][epoch.source])


def test_the_context_stands_still(epoch):
    context = epoch.x[:, :, 32:]
    assert np.array_equal(context, np.repeat(context[:, :1], 10, axis=1))


def test_one_informative_step_settles_the_answer(epoch):
    step = epoch.x[:, 5, :32].sum(1)
    assert np.array_equal(step > 0, epoch.y[:, 0] == 1)
    assert np.array_equal(epoch.y, np.repeat(epoch.y[:, :1], 10, axis=1))


@pytest.mark.parametrize("t_noise_off", [-1, 10, 11])
def test_evidence_must_come_within_the_trial(t_noise_off):
    with pytest.raises(ValueError, match=r"must lie in \[0, 10\)"):
        ContextualChoice(t_noise_off=t_noise_off)


def test_empty_tasks_are_refused():
    with pytest.raises(ValueError, match="n_unique is 0"):
        ContextualChoice(n_unique=0)
