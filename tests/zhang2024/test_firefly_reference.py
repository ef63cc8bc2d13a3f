"""The original's numbers, files that are spoilt, and the published tables."""

import csv
import shutil

import numpy as np
import pytest
from reference_checks import FIXTURES, Checks

from mempaper.parameters import ConfigError
from mempaper.verify import check_file, family_of
from mempaper.zhang2024 import published, reference

PAPER = "zhang2024"
FOLDER = FIXTURES / PAPER
checks = Checks(PAPER)


def test_every_family_agrees():
    files = {row.file for row in checks.all_ok(FOLDER)}
    assert files == {path.name for path in FOLDER.iterdir()}
    assert {family_of(name, reference.FAMILIES) for name in files} == set(reference.FAMILIES)


@pytest.mark.parametrize(
    ("name", "key", "function", "by"),
    [
        ("ekf_1", "P", "Belief, covariance", 1e-4),
        ("ekf_2", "state13", "Belief.vector", 1e-4),
        ("ekf_0", "obs", "Belief, mean", 1e-2),
        ("env_gain_1", "eta", "Firefly.step, state", 1e-2),
        ("env_gain_3", "gain", "make_trials", 1e-3),
        ("env_gain_4", "reached", "Firefly.step, reached", 1),
        ("env_gain_0", "target_obs", "Firefly.visible_target", 1e-3),
        ("env_gain_2", "reward_gauss", "World.reward", 1e-3),
        ("env_perturbation_5", "gauss_w", "World.bump", 1e-3),
        ("env_perturbation_6", "perturb_start", "Firefly.push", 1),
        ("mirror", "ekf_next_mirror", "td3.mirror_beliefs", 1e-3),
        ("net_Actor2_s0", "h", "Actor2", 1e-3),
        ("net_Critic4_s0", "q2", "Critic4", 1e-3),
        ("net_EKF_s0", "critic_l6.bias", "CriticEKF", 1e-3),
        ("reward_curve", "reward_mixed", "World.reward", 1e-3),
        ("rollout_Actor1Critic1_gain_2.0", "length", "rollout.run, length", 1),
        ("rollout_Actor2Critic4_perturbation_1.0", "targets", "rollout.run, states", 1e-2),
        ("rollout_Actor3Critic5_gain_1.0", "TD_error_abs", "rollout.judge", 1e-3),
        ("simple_kf", "cov", "belief.toy_filter", 1e-3),
        ("target_smoothing", "smoothed_3", "td3.smooth", 1e-3),
        ("td3_ekf__s3", "batch_dones", "Learner.update, losses", 1),
        ("td3_rnn_Actor1Critic1_s1", "after3.critic.l2.bias", "Learner.update, critic", 1e-4),
        ("td3_rnn_Actor2Critic4_s2", "before.target_critic.l1.bias", "Learner.update, losses", 0.1),
        ("td3_rnnekf_ActorEKFCritic1_s4", "actor_losses", "Learner.update, losses", 1e-3),
        ("validation_Actor3Critic5", "reward_rate", "rollout.performance", 1e-3),
        ("metrics", "curvature_mean", "analysis.curvature", 1e-3),
    ],
)
def test_a_wrong_number_is_a_miss(tmp_path, name, key, function, by):
    arrays = checks.read(name)
    wrong = np.array(arrays[key]).astype(np.float64)
    wrong.reshape(-1)[:1] = np.abs(wrong.reshape(-1)[:1] - by)
    np.savez(tmp_path / f"{name}.npz", **arrays | {key: wrong.astype(arrays[key].dtype)})
    missed = checks.verdicts(tmp_path)["missed"]
    assert function in {row.function for row in missed}, missed


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ekf_0", "pro_noise_frac"),
        ("env_gain_0", "reward_const"),
        ("rollout_Actor1Critic1_gain_2.0", "rewarded"),
        ("td3_rnn_Actor3Critic5_s0", "after1.critic.l4.weight"),
        ("validation_Actor3Critic5", "value_est"),
    ],
)
def test_a_missing_array_is_named(tmp_path, name, key):
    np.savez(tmp_path / f"{name}.npz", **{k: a for k, a in checks.read(name).items() if k != key})
    checks.only_miss(tmp_path, f"array {key!r} is missing")


def test_weights_of_another_architecture_are_a_miss(tmp_path):
    shutil.copy(FOLDER / "net_Critic5_s0.npz", tmp_path / "net_Critic3_s0.npz")
    checks.only_miss(tmp_path, "size mismatch")


# The published tables


def test_published_tables_are_found_by_their_names():
    table = published.table("8c", "gain_auc", "architecture_sweep")
    assert table.values.shape == (5, 3)
    assert (table.row_variable, table.column_variable) == ("critic", "actor")
    assert sum(t.values.size for t in published.tables().values()) == 745
    noise = published.table("7b", "gain2x_auc", "holistic")
    assert (noise.rows, noise.columns) == ((0, 0.1, 0.2, 0.3), (0, 0.1, 0.2, 0.3))
    assert noise.at(0.1, 0.2) == noise.values[1, 2]
    with pytest.raises(KeyError, match=r"train_obs_noise 0\.15 is not one of"):
        noise.at(0.15, 0.2)
    with pytest.raises(ValueError, match="read-only"):
        noise.values[0, 0] = 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("9b", "auc", "modular"), "Unknown published figure '9b'"),
        (("2b", "auc", "EKF"), "Unknown published quantity 'auc'.*Allowed: auc_drop"),
        (("2c", "auc_drop", "modlar"), "Unknown published agent 'modlar'.*'modular'"),
    ],
)
def test_an_unknown_table_is_refused(names, message):
    with pytest.raises(ConfigError, match=message):
        published.table(*names)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows[0].reverse(), "does not begin with the columns figure, quantity"),
        (lambda rows: rows[5].__setitem__(7, "much"), "line 6: could not convert"),
        (lambda rows: rows[5].pop(), "line 6: not enough values"),
        (lambda rows: rows.append(rows[9]), "line 747: the cell is there twice"),
        (lambda rows: rows.pop(3), "2b auc_drop EKF: the cells do not fill one table"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, monkeypatch, spoil, message):
    with (FOLDER / "published_tables.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    spoil(rows)
    (tmp_path / "claims").mkdir()
    with (tmp_path / "claims" / "zhang2024_tables.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    monkeypatch.setattr(published, "data_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match=message):
        published.tables.__wrapped__()


def test_a_missing_table_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "data_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"zhang2024_tables\.csv: .*No such file"):
        published.tables.__wrapped__()


@pytest.mark.parametrize("column", ["value", "row", "agent", "row_variable"])
def test_a_wrong_cell_of_the_fixture_is_a_miss(tmp_path, column):
    with (FOLDER / "published_tables.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    rows[100][header.index(column)] = "0.77"
    path = tmp_path / "published_tables.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    assert "missed" in {row.verdict for row in check_file(path, reference.FAMILIES)}
