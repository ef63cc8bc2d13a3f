"""Shared response model and inter-subject correlation."""

import numpy as np
import pytest
from reference_checks import FIXTURES

from mempaper.lu2022 import isc


@pytest.fixture(params=["analysis_a", "analysis_b"])
def reference(request):
    with np.load(FIXTURES / "lu2022" / f"{request.param}.npz") as file:
        return {key: file[key] for key in file.files}


def rotated_copies(n_units=(20, 24, 31), n_samples=400, n_features=5, noise=0.1, seed=0):
    """The same features in differently many units, with noise."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n_samples, n_features))
    bases = [np.linalg.qr(rng.normal(size=(n, n_features)))[0] for n in n_units]
    return [shared @ w.T + noise * rng.normal(size=(n_samples, len(w))) for w in bases]


def test_isc_as_in_the_original(reference):
    one, other = (reference[k].swapaxes(1, 2) for k in ("isc_RM", "isc_DM"))  # (member, time, feature)
    near = {"rtol": 0, "atol": 1e-5}
    assert np.allclose(isc.spatial_isc(one, other), reference["isc_pattern_pairs_diag"], **near)
    matrix = isc.spatial_isc_matrix(one, other)
    assert np.allclose(matrix.mean(0), reference["isc_trsm_mean"], **near)
    assert np.allclose(isc.temporal_isc(one, other), reference["isc_temporal_pairs_diag"], **near)
    sliding = isc.sliding_isc(one[:, 16:], other[:, 16:])
    assert sliding.shape == (6, 12)
    assert np.allclose(sliding[:, :11], reference["isc_sliding_pairs"], **near)


def test_isc_of_many_trials_is_that_of_each():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 3, 4, 8, 5))
    for measure in (isc.spatial_isc, isc.spatial_isc_matrix, isc.temporal_isc, isc.sliding_isc):
        each = [measure(one[:, k], other[:, k]) for k in range(4)]
        assert np.allclose(measure(one, other), np.stack(each, 1))


def test_pairs_in_order():
    first, second = isc.pairs(4)
    assert list(zip(first, second, strict=True)) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_what_does_not_vary_has_no_correlation():
    assert np.isnan(isc.correlation(np.ones(5), np.arange(5)))
    assert np.isclose(isc.correlation(np.arange(5), -2 * np.arange(5)), -1)
    with pytest.raises(ValueError, match="window of 5 steps does not fit in 4"):
        isc.sliding_isc(np.ones((2, 4, 3)), np.ones((2, 4, 3)))


def test_shared_features_are_found_in_differently_many_units():
    data = rotated_copies()
    model = isc.SharedResponse(5).fit([x[:200] for x in data])
    assert all(np.allclose(w.T @ w, np.eye(5)) for w in model.bases)
    projected = np.stack(model.transform([x[200:] for x in data]))
    assert projected.shape == (3, 200, 5)
    aligned = isc.temporal_isc(projected, projected)
    assert aligned.min() > 0.9
    own = isc.spatial_isc(np.stack([x[200:, :5] for x in data]), np.stack([x[200:, :5] for x in data]))
    assert own.mean() < isc.spatial_isc(projected, projected).mean() - 0.5


def test_every_iteration_fits_better():
    data = rotated_copies(noise=0.5)
    model = isc.SharedResponse(5).fit(data)
    assert len(model.errors) == 11
    assert (np.diff(model.errors) <= 1e-12).all()
    shared = np.mean(model.transform(data), 0)
    squares = [((x - shared @ w.T) ** 2).sum() for x, w in zip(data, model.bases, strict=True)]
    assert np.isclose(model.errors[-1], sum(squares) / sum(x.size for x in data))


def test_the_fit_depends_on_nothing_but_its_generator():
    data = rotated_copies()
    one, two = (isc.SharedResponse(5).fit(data).bases for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_shared_spaces_that_cannot_be():
    with pytest.raises(ValueError, match="n_features is 21; the smallest network has 20 units"):
        isc.SharedResponse(21).fit(rotated_copies())
    with pytest.raises(ValueError, match=r"\[400, 399, 400\] samples"):
        isc.SharedResponse(3).fit([x[i == 1 :] for i, x in enumerate(rotated_copies())])
    with pytest.raises(ValueError, match="call fit first"):
        isc.SharedResponse(3).transform(rotated_copies())
    with pytest.raises(ValueError, match="3 trials are too few; take 4"):
        isc.shared_activity(np.zeros((2, 2, 3, 4, 20)))


def test_held_out_trials_do_not_shape_the_space():
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(3, 4, 22, 8, 20)).astype(np.float32)
    found = isc.shared_activity(activity, 6)
    assert found.shape == (3, 4, 10, 8, 6)
    other = activity.copy()
    other[:, :, :2] += 9  # dropped
    other[:, :, -1] *= 3
    changed = isc.shared_activity(other, 6)
    assert np.allclose(changed[:, :, :-1], found[:, :, :-1])
    assert not np.allclose(changed[:, :, -1], found[:, :, -1])
    shifted = activity + rng.normal(size=(3, 4, 1, 1, 20)).astype(np.float32)
    assert np.allclose(isc.shared_activity(shifted, 6), found, atol=1e-4)


def test_recall_that_brings_correlation_is_linked_to_it():
    rng = np.random.default_rng(0)
    activation = rng.random((3, 50, 16))
    first, second = isc.pairs(3)
    window = np.stack([activation[..., w : w + 5].mean(-1) for w in range(5)], -1)
    change = (window[first] + window[second]) / 2
    sliding = np.concatenate([np.zeros((3, 50, 1)), change.cumsum(-1)], -1)
    assert np.allclose(isc.recall_isc_link(activation, sliding), 1)
    noise = isc.recall_isc_link(activation, rng.random((3, 50, 11)))
    assert noise.shape == (3, 4)
    assert np.abs(noise).max() < 0.5
    with pytest.raises(ValueError, match="4 windows and one more are needed; got 4"):
        isc.recall_isc_link(activation, sliding[..., :4])
