"""The Python examples of the README run as they stand, each by itself."""

import re
from pathlib import Path

import pytest

from mempaper.catalogue import papers

README = Path(__file__).parents[1] / "README.md"


def examples(text):
    """Python blocks of a Markdown text, by the paper whose modules they import."""
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = {}
    for block in blocks:
        (paper,) = set(re.findall(r"^from mempaper\.(\w+)", block, re.MULTILINE))
        found[paper] = found.get(paper, "") + block
    return found


def test_there_is_one_of_each_paper():
    assert set(examples(README.read_text())) == set(papers())


@pytest.mark.parametrize("paper", papers())
def test_an_example(paper, runs, capsys):
    code = examples(README.read_text())[paper]
    exec(compile(code, f"README.md ({paper})", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert re.search(r"\d", printed)
    assert "nan" not in printed
    assert [path.name for path in runs.iterdir()] == [paper]
