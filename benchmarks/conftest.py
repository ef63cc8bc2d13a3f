"""Fixtures of the benchmarks."""

import pytest
import rates
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def product_rate():
    """Floating-point operations a second of this machine's matrix products, with one thread."""
    return rates.matrix_product_rate()
