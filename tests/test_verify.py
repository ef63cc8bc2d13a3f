import shutil

import numpy as np
import pytest
from conftest import FIXTURES

from mempaper.catalogue import papers
from mempaper.experiment import ConfigError
from mempaper.verify import verify


@pytest.mark.parametrize("paper", papers())
def test_the_numbers_of_the_original_code(paper):
    rows = verify(paper, FIXTURES / paper)
    assert [(r.file, r.function, r.notes) for r in rows if not r.ok] == []
    assert {r.file for r in rows} == {p.name for p in (FIXTURES / paper).glob("*.npz")}


def damaged(tmp_path, name, **changes):
    """A folder with one fixture, some of its arrays replaced or (None) left out."""
    with np.load(FIXTURES / "ritter2018" / name) as file:
        arrays = {n: file[n] for n in file.files} | changes
    np.savez(tmp_path / name, **{n: a for n, a in arrays.items() if a is not None})
    return tmp_path


def test_a_wrong_number_is_a_miss(tmp_path):
    with np.load(FIXTURES / "ritter2018" / "similarity_a.npz") as file:
        wrong = file["sim_l2"] + 1e-3
    rows = verify("ritter2018", damaged(tmp_path, "similarity_a.npz", sim_l2=wrong))
    (bad,) = [r for r in rows if not r.ok]
    assert bad.notes[0].startswith("sim_l2: 0.001 > 1e-05")


def test_a_missing_array_a_wrong_shape_and_an_unknown_family_are_misses(tmp_path):
    folder = damaged(tmp_path, "similarity_a.npz", sim_cosine=None)
    assert "array 'sim_cosine' is missing" in verify("ritter2018", folder)[-1].notes
    folder = damaged(tmp_path, "similarity_a.npz", sim_l2=np.zeros((2, 2)))
    assert any("expected (2, 2)" in note for row in verify("ritter2018", folder) for note in row.notes)
    (tmp_path / "similarity_a.npz").unlink()
    shutil.copy(FIXTURES / "ritter2018" / "task_a.npz", tmp_path / "mystery_a.npz")
    (row,) = verify("ritter2018", tmp_path)
    assert not row.ok
    assert "unknown family" in row.notes[0]


def test_a_truncated_file_is_a_miss(tmp_path):
    data = (FIXTURES / "ritter2018" / "task_a.npz").read_bytes()
    (tmp_path / "task_a.npz").write_bytes(data[:200])
    (row,) = verify("ritter2018", tmp_path)
    assert not row.ok
    assert "cannot be read" in row.notes[0]


def test_a_folder_without_fixtures_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no fixture files"):
        verify("ritter2018", tmp_path)
