"""Labels of features over time, and classifiers that read them from states."""

import numpy as np
import pytest
from reference_checks import FIXTURES
from sklearn.linear_model import LogisticRegression

from mempaper.lu2022 import decoding
from mempaper.lu2022.decoding import UNKNOWN


@pytest.fixture(params=["analysis_a", "analysis_b"])
def reference(request):
    with np.load(FIXTURES / "lu2022" / f"{request.param}.npz") as file:
        return {key: file[key] for key in file.files}


def states_and_labels(n_members=1, n_trials=15, n_features=4, n_units=24, noise=0.2, seed=0):
    """States that hold every value since its observation, or since recall at step 1 of part 2."""
    rng = np.random.default_rng(seed)
    shape = (n_members, n_trials, 2, n_features)
    order = rng.permuted(np.broadcast_to(np.arange(n_features), shape), axis=-1)
    values = rng.integers(3, size=(n_members, n_trials, n_features))
    gate = np.broadcast_to(np.eye(n_features)[1], (n_members, n_trials, n_features))
    labels = decoding.labels(order, values, gate)
    codes = rng.normal(size=(n_features, 3, n_units))
    known = labels != UNKNOWN
    held = (codes[np.arange(n_features), labels] * known[..., None]).sum(-2)
    return held + noise * rng.normal(size=held.shape), labels


def test_labels_and_folds_as_in_the_original(reference):
    order = reference["o_keys"].astype(int)
    removed = np.isnan(reference["o_vals"])
    shown = np.where(removed, 3, reference["o_vals"]).astype(int)
    values = np.take_along_axis(shown, order.argsort(-1), -1)
    found = decoding.observed_labels(order, values, removed)
    assert np.array_equal(found, reference["yob"])
    fold = decoding.contiguous_folds(len(reference["cvids"]), 5)
    assert np.array_equal(fold, reference["cvids"])


def test_after_recall_everything_is_known():
    order = np.array([[[2, 0, 1], [1, 2, 0]]])
    gate = np.array([[0.1, 0.7, 0.3]])
    values = np.array([[5, 6, 7]])
    found = decoding.labels(order, values, gate)
    assert found[0].tolist() == [[-1, -1, 7], [5, -1, 7], [5, 6, 7], [-1, 6, -1], [5, 6, 7], [5, 6, 7]]
    hidden = np.array([[[False] * 3, [False, True, False]]])
    second = decoding.labels(order, values, gate, hidden)[0, 3:]
    assert second.tolist() == [[-1, 6, -1], [5, 6, -1], [5, 6, -1]]
    members = decoding.labels(order[None], values[None], np.stack([gate, gate[:, ::-1]]))
    assert np.array_equal(members[0], found)


@pytest.mark.parametrize("grid", [decoding.FAST_GRID, decoding.PAPER_GRID])
def test_what_is_held_can_be_decoded(grid):
    states, labels = states_and_labels()
    predictions = decoding.decode(states, labels, grid=grid)
    assert predictions.shape == labels.shape
    found = decoding.decoded(predictions, labels)
    assert found.agreement.shape == found.known.shape == (1, 8)
    assert found.agreement.mean() > 0.85
    assert (np.diff(found.known[0, :4]) > 0).all()  # more and more in the first part
    assert found.known[0, 5] - found.known[0, 4] > 0.4  # recall
    shuffled = labels[:, np.random.default_rng(0).permutation(labels.shape[1])]
    chance = decoding.decoded(decoding.decode(states, shuffled), shuffled)
    assert chance.known[:, 3].mean() < 0.6


def test_one_classifier_as_by_hand():
    states, labels = states_and_labels(n_members=2)
    found = decoding.decode(states, labels, grid=[0.5], tolerance=1e-6)
    held_out = np.arange(15) // 3 == 2
    train, test = (states[1, which].reshape(-1, 24).astype("f") for which in (~held_out, held_out))
    mean, sd = train.mean(0), train.std(0)
    model = LogisticRegression(C=0.5, tol=1e-6, max_iter=200)
    model.fit((train - mean) / sd, labels[1, ~held_out, :, 2].ravel())
    expected = model.predict((test - mean) / sd).reshape(3, 8)
    assert np.array_equal(found[1, held_out, :, 2], expected)


def test_held_out_trials_teach_nothing():
    states, labels = states_and_labels()
    changed = labels.copy()
    changed[:, :3] = 0  # the first fold
    found, other = decoding.decode(states, labels), decoding.decode(states, changed)
    assert np.array_equal(found[:, :3], other[:, :3])


def test_penalty_is_chosen_among_those_offered():
    states, labels = states_and_labels(n_trials=20)
    # a penalty so strong that only the prior is left, against one that is fine
    chosen = decoding.decode(states, labels, grid=[1.0, 1e-8])
    assert np.array_equal(chosen, decoding.decode(states, labels, grid=[1.0]))


def test_members_do_not_know_of_each_other():
    states, labels = states_and_labels(n_members=2, n_trials=10)
    both = decoding.decode(states, labels, n_folds=2)
    assert np.array_equal(decoding.decode(states[1:], labels[1:], n_folds=2), both[1:])


def test_a_silent_unit_and_a_label_that_never_changes():
    states, labels = states_and_labels()
    states[..., 3] = 0.5
    labels[..., 1] = 2
    found = decoding.decode(states, labels, grid=[0.1, 1.0])
    assert (found[..., 1] == 2).all()


def test_decoding_that_cannot_be():
    states, labels = states_and_labels(n_trials=4)
    with pytest.raises(ValueError, match="4 trials are too few for 5 folds"):
        decoding.decode(states, labels)
    with pytest.raises(ValueError, match="3 trials are too few for 4 folds"):
        decoding.decode(states, labels, n_folds=4)
    with pytest.raises(ValueError, match="must agree in members, trials and times"):
        decoding.decode(states[:, :3], labels)


def test_around_recall_splits_by_what_was_seen_and_takes_each_trial_from_its_own_moment():
    order = np.array([[[0, 1, 2], [2, 1, 0]]])  # one member, two trials
    values = np.array([[[0, 1, 2], [0, 1, 2]]])
    gate = np.array([[[0.1, 0.9, 0.0], [0.9, 0.1, 0.0]]])  # at steps 1 and 0
    right = np.tile(values[:, :, None], (1, 1, 3, 1))
    predictions = right.copy()
    predictions[0, 0, 0] = UNKNOWN  # nothing decoded before recall in the first trial
    found = decoding.around_recall(predictions, values, order, gate, (-1, 0, 2))
    # -1: trial 0 at step 0 alone; 0: step 1 and step 0; 2: trial 1 alone, at its last step
    np.testing.assert_allclose(found.unseen[0], [0.0, 1.0, np.nan])
    np.testing.assert_allclose(found.seen[0], [0.0, 1.0, 1.0])
