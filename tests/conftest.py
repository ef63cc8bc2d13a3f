import matplotlib
import pytest
import torch

matplotlib.use("Agg")
torch.set_num_threads(1)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """An empty folder for cached runs."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("MEMPAPER_RUNS", str(folder))
    return folder
