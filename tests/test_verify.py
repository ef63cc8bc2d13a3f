import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from reference_checks import FIXTURES

from mempaper import verify as verify_module
from mempaper.catalogue import papers
from mempaper.cli import cli
from mempaper.parameters import ConfigError
from mempaper.verify import Comparison, Fixture, Skipped, reference_module, verify


@pytest.mark.parametrize("paper", papers())
def test_the_numbers_of_the_original_code(paper):
    rows = verify(paper, FIXTURES / paper)
    assert [(r.file, r.function, r.notes) for r in rows if not r.ok] == []
    patterns = getattr(reference_module(paper), "FILES", ("*.npz",))
    files = {p for pattern in patterns for p in (FIXTURES / paper).glob(pattern)}
    assert {r.file for r in rows} == {p.relative_to(FIXTURES / paper).as_posix() for p in files}


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


def test_tables_are_no_fixtures_of_a_paper_that_has_none(tmp_path):
    shutil.copy(FIXTURES / "ritter2018" / "task_a.npz", tmp_path)
    (tmp_path / "published.csv").write_text("a,b\n1,2\n")
    assert {row.file for row in verify("ritter2018", tmp_path)} == {"task_a.npz"}


def test_arrays_are_found_by_a_pattern(tmp_path):
    names = ("traj2", "traj10", "comp2", "trajectory", "my_traj3", "stat_dms_3_4")
    np.savez(tmp_path / "a.npz", **dict.fromkeys(names, np.zeros(2)))
    f = Fixture(tmp_path / "a.npz")
    assert list(f.matching(r"traj(\d+)")) == [("traj2", ("2",)), ("traj10", ("10",))]
    assert list(f.matching(r"stat_(\w+)_(\d)_(\d)")) == [("stat_dms_3_4", ("dms", "3", "4"))]
    assert list(f.matching("comp.")) == [("comp2", ())]
    with pytest.raises(ValueError, match=r"no array is named like comp"):
        f.matching("comp")  # at once, not when the first is asked for


def check_numbers(f):
    yield Comparison("twice", "b", 2 * f["a"], f["b"], 0)
    yield Comparison("labels", "kind", f["kind"] == "x", [True, False, True], 0)


def check_models(f):
    tables = f.beside("numbers*.csv")
    if not tables:
        yield Skipped("weights", "no table beside it")
    for table in tables:
        yield Comparison("weights", "w", f["w"], np.nansum(table["a"]), 0)


def check_odd(f):
    yield Comparison("odd", "w", f["w"][0], 1, 0)


@pytest.fixture
def tables(monkeypatch):
    """A paper with tables and a sub-folder."""
    families = {"numbers": check_numbers, "models": check_models, "odd": check_odd}
    paper = SimpleNamespace(FAMILIES=families, TRAINED={}, FILES=("**/*.npz", "**/*.csv"))
    monkeypatch.setattr(verify_module, "reference_module", lambda name: paper)


TABLE = "a,b,kind\n1,2,x\n,,y\n3,6,x\n"


@pytest.mark.usefixtures("tables")
def test_tables_and_sub_folders(tmp_path):
    (tmp_path / "numbers_z.csv").write_text(TABLE)
    (tmp_path / "README.md").write_text("ignored")
    (tmp_path / "models").mkdir()
    np.savez(tmp_path / "models" / "numbers_deep.npz", w=4)
    rows = verify("tables", tmp_path)
    assert [(r.file, r.function, r.verdict) for r in rows] == [
        ("models/numbers_deep.npz", "weights", "ok"),
        ("numbers_z.csv", "twice", "ok"),
        ("numbers_z.csv", "labels", "ok"),
    ]


@pytest.mark.usefixtures("tables")
def test_what_cannot_be_compared_is_skipped_and_counted(tmp_path):
    (tmp_path / "models").mkdir()
    np.savez(tmp_path / "models" / "a.npz", w=4)
    (row,) = verify("tables", tmp_path)
    assert (row.verdict, row.ok, row.notes) == ("skipped", False, ["no table beside it"])
    done = CliRunner().invoke(cli, ["verify", "tables", str(tmp_path)])
    assert done.exit_code == 0
    assert "SKIPPED no table beside it" in done.output
    assert done.output.endswith("0 ok, 0 missed, 1 skipped\n")
    np.savez(tmp_path / "models" / "b.npz", v=4)
    (tmp_path / "numbers.csv").write_text(TABLE)
    done = CliRunner().invoke(cli, ["verify", "tables", str(tmp_path)])
    assert done.exit_code == 1
    assert "MISS array 'w' is missing" in done.output
    assert done.output.endswith("3 ok, 1 missed\n")


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("numbers.csv", b"", "cannot be read"),
        ("numbers.csv", b"a,b,kind\n", "cannot be read: the table has no rows"),
        ("numbers.csv", b"a,b,kind\n1,2,x\n1,2", "cannot be read: line 3 has 2 cells; expected 3"),
        ("numbers.csv", b"\xff\xfe\x00a", "cannot be read"),
        ("numbers.csv", b"a,b,kind\n1,two,x\n", "cannot be computed"),
        ("numbers.npz", b"", "cannot be read"),
        ("numbers.npz", b"PK\x03\x04 and no more", "cannot be read"),
        ("mystery.csv", b"a\n1\n", "unknown family; known: models, numbers, odd"),
        ("deep/numbers.csv", b"a\n1\n", "unknown family"),
    ],
)
def test_damaged_and_foreign_files_are_misses(tmp_path, name, content, note):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    rows = verify("tables", tmp_path)
    assert rows[-1].verdict == "missed"
    assert rows[-1].notes[0].startswith(note)
    assert rows[-1].file == name


@pytest.mark.usefixtures("tables")
def test_arrays_of_a_foreign_kind_are_a_miss(tmp_path):
    np.savez(tmp_path / "odd.npz", w=4)
    (row,) = verify("tables", tmp_path)
    assert row.notes[0].startswith("cannot be computed: TypeError: ")
