"""The training loop: members are independent, interruptions leave no trace, passes are kept."""

import dataclasses

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.learning import (
    Learning,
    LearningSettings,
    draw_network,
    join_members,
    learn,
)
from mempaper.khajehabdollahi2024.trained import TrainedNetworks

TINY = LearningSettings(
    n_units=8,
    batch_size=16,
    learning_rate=0.2,
    updates_per_epoch=3,
    test_batches=2,
    max_epochs=4,
    max_n=4,
    pass_mark=0.4,
)


def same(a, b, exact=False):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].shape == b[name].shape, name
        assert np.allclose(a[name], b[name], atol=0 if exact else 1e-6, equal_nan=True), name


@pytest.mark.parametrize("kind", ["cumulative", "single", "sliding"])
def test_members_learn_what_they_would_learn_alone(kind):
    settings = dataclasses.replace(TINY, curriculum=Curriculum(kind), pass_mark=0.55)
    together = learn(settings, 3, 3)
    apart = join_members([learn(settings, 3 + m, 1) for m in range(3)])
    epochs = together["loss"].shape[1]
    assert len(set(map(tuple, together["passed"]))) > 1  # they pass at different times
    for name in ("loss", "accuracy", "trained_n"):
        assert apart[name].shape[1] == epochs
    same(together, apart)


def test_an_interrupted_training_ends_as_an_unbroken_one(tmp_path):
    class KilledError(Exception):
        pass

    def kill(done, total):
        if done == 2:
            raise KilledError

    resume = ResumePoint(tmp_path / "resume", every=0)
    with pytest.raises(KilledError):
        learn(TINY, 0, 2, resume=resume, report=kill)
    learning = Learning(TINY, 0, 2)
    state = resume.load()
    assert state is not None
    learning.restore(state)
    assert learning.epoch == 1  # the resume point before the kill
    same(learn(TINY, 0, 2, resume=resume), learn(TINY, 0, 2), exact=True)
    again = learn(TINY, 0, 2, resume=resume)  # finished: nothing is trained any more
    same(again, learn(TINY, 0, 2), exact=True)


def test_what_is_kept_at_a_pass():
    settings = dataclasses.replace(TINY, pass_mark=0.0, kept=(2, 4))
    arrays = learn(settings, 0, 2)
    assert arrays["ends"].tolist() == [2, 3, 4]
    assert arrays["kept"].tolist() == [2, 4]
    assert arrays["passed"].tolist() == [[1, 2, 3]] * 2
    assert arrays["trained_n"].tolist() == [[2, 3, 4]] * 2
    assert arrays["loss"].shape == (2, 3)  # all have finished
    assert np.array_equal(arrays["weights/tau"][:, :, 0], arrays["tau"][:, [0, 2]])
    assert np.isfinite(arrays["accuracy"]).sum((0, 1)).tolist() == [6, 4, 2]
    trained = TrainedNetworks(settings, 0, arrays)
    assert trained.questions(4) == [(2, 0), (3, 1), (4, 2)]
    assert trained.passed_by_all() == [2, 4]
    assert trained.largest_passed().tolist() == [[2, 3, 4]] * 2
    assert torch.equal(trained.network(4, [1]).w_rec[0], torch.tensor(arrays["weights/w_rec"][1, 1]))
    assert torch.equal(trained.untrained().tau, draw_network(settings, 0, 2).tau)
    with pytest.raises(ValueError, match="weights are kept at 2, 4"):
        trained.network(3)
    with pytest.raises(ValueError, match="N is 9; this curriculum has 2, 3, 4"):
        trained.members(9)


def test_a_network_that_has_not_passed_is_not_given():
    settings = dataclasses.replace(TINY, pass_mark=0.999)
    trained = TrainedNetworks(settings, 0, learn(settings, 0, 2))
    assert trained.members(3) == []
    assert np.isnan(trained.updates_to_pass()[:, 1]).all()
    assert np.isnan(trained.tau(3)).all()
    with pytest.raises(ValueError, match="which no member did not pass"):
        trained.network(3)


def test_half_precision_is_for_large_matrices_only():
    arrays = learn(dataclasses.replace(TINY, half_precision=True), 0, 1)
    kinds = {name: array.dtype for name, array in arrays.items() if name.startswith("weights/")}
    assert {name for name, kind in kinds.items() if kind == np.float16} == {
        "weights/w_rec",
        "weights/w_head",
    }
    full = learn(TINY, 0, 1)
    assert np.allclose(arrays["weights/w_rec"], full["weights/w_rec"], atol=1e-3, equal_nan=True)


def test_a_fixed_time_constant_stays():
    arrays = learn(dataclasses.replace(TINY, fixed_tau=2.0), 0, 2)
    passed = arrays["passed"] > 0
    assert passed.any()
    assert (arrays["tau"][passed] == 2).all()


def test_networks_start_alike_whatever_the_curriculum():
    single = dataclasses.replace(TINY, curriculum=Curriculum("single"))
    a, b = draw_network(TINY, 5, 2), draw_network(single, 5, 2)
    for name in ("w_in", "b_in", "w_rec", "b_rec", "tau"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert torch.equal(a.w_head[:, :1], b.w_head)
    assert torch.equal(a.b_head[:, :1], b.b_head)
    rescaled = draw_network(dataclasses.replace(TINY, initial_tau=4.0), 5, 2)
    assert torch.allclose(rescaled.tau.mean(-1), torch.tensor(4.0))


def test_it_learns():
    settings = dataclasses.replace(
        TINY, n_units=24, batch_size=64, updates_per_epoch=100, max_n=2, pass_mark=0.98, max_epochs=6
    )
    assert (learn(settings, 0, 2)["passed"] > 0).all()


def test_a_goal_before_the_start_is_refused():
    with pytest.raises(ValueError, match=r"max_n is 3, but training starts with \(4,\)"):
        learn(dataclasses.replace(TINY, curriculum=Curriculum(first_n=4), max_n=3), 0, 1)
