"""The analyses agree with the original code's numbers for given paths."""

import numpy as np
import pytest
from reference_checks import FIXTURES

from mempaper.verify import check_file, read_arrays
from mempaper.zhang2024.metrics_reference import check_metrics

FILE = FIXTURES / "zhang2024" / "metrics.npz"
FAMILIES = {"metrics": check_metrics}
INPUTS = {
    *("target", "pos_x", "pos_y", "head_dir", "action_v", "action_w", "length_steps"),
    *("perturb_vpeak", "perturb_wpeak", "perturb_start", "a", "b", "fliers_in", "ridge_X", "ridge_Y"),
    *("match_big", "match_ref"),
}


def test_every_array_is_recomputed():
    arrays = read_arrays(FILE)
    compared = {comparison.name for comparison in check_metrics(arrays)}
    assert compared == set(arrays) - INPUTS


def test_all_agree():
    rows = check_file(FILE, FAMILIES)
    assert rows
    assert [row for row in rows if row.verdict != "ok"] == []
    assert max(row.absolute for row in rows) < 1e-9


@pytest.mark.parametrize("name", ["auc", "curvature_mean", "nogen_pert_pos_x_end", "match_sorted"])
def test_a_changed_number_is_noticed(name, tmp_path):
    arrays = read_arrays(FILE)
    np.savez(tmp_path / "metrics.npz", **arrays | {name: arrays[name] + 1e-3})
    (row,) = (r for r in check_file(tmp_path / "metrics.npz", FAMILIES) if r.verdict != "ok")
    assert name in row.notes[0]
