"""Where the papers' fixtures lie, and what the tests of their reference modules share."""

from pathlib import Path

from mempaper.verify import read_arrays, verify

FIXTURES = Path(__file__).parent / "fixtures"


class Checks:
    """Checks of files in a folder against a paper's functions, and the paper's own fixtures."""

    def __init__(self, paper):
        self.paper = paper

    def read(self, name, folder=None):
        """Arrays of one ``.npz`` file, by default of the fixtures."""
        return read_arrays((folder or FIXTURES / self.paper) / f"{name}.npz")

    def verdicts(self, folder):
        """Rows of the report, by verdict."""
        rows = verify(self.paper, folder)
        return {v: [r for r in rows if r.verdict == v] for v in ("ok", "missed", "skipped")}

    def all_ok(self, folder):
        """All rows, none of which may be missed or skipped."""
        found = self.verdicts(folder)
        assert (found["missed"], found["skipped"]) == ([], [])
        return found["ok"]

    def only_miss(self, folder, part):
        """The one row that is missed, which must speak of ``part``."""
        (row,) = self.verdicts(folder)["missed"]
        assert part in row.notes[0], row.notes
        return row
