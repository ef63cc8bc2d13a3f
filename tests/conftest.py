import matplotlib
import pytest
import torch

matplotlib.use("Agg")
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def checkout_stays_clean(tmp_path_factory):
    """What is trained in tests never lies among the checkout's own runs, nor is read from there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMPAPER_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """An empty folder for cached runs."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("MEMPAPER_RUNS", str(folder))
    return folder
