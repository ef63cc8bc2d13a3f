"""What the benchmarks share: the rate and the count of matrix products, turns, the row that is kept."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

aten = torch.ops.aten
Work = Callable[[], object]


def machine() -> dict[str, Any]:
    """Processor in words, number of cores, version of torch."""
    file = Path("/proc/cpuinfo")
    rows = file.read_text().splitlines() if file.exists() else []
    names = [row.split(": ", 1)[1] for row in rows if row.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return {"processor": processor, "cores": len(names) or 1, "torch": str(torch.__version__)}


def matrix_product_rate(size: int = 1024, times: int = 12) -> float:
    """Floating-point operations a second of float32 products with one thread, the best of several.

    By torch's default library or by oneDNN, whichever is quicker on this processor.
    """
    torch.set_num_threads(1)
    a, b = torch.randn(size, size), torch.randn(size, size)
    products: list[Work] = [lambda: a @ b]
    if torch.backends.mkldnn.is_available():
        x, weight = a.to_mkldnn(), b.to_mkldnn()
        products.append(lambda: torch.nn.functional.linear(x, weight))
    return 2 * size**3 / min(seconds_of(product) for product in products for _ in range(times))


def _product(x: Any, weight: Any, *rest: Any, **named: Any) -> int:
    """``x @ weight.T`` of oneDNN, x (..., in) and weight (out, in)."""
    rows = 1
    for n in x[:-1]:
        rows *= n
    return 2 * rows * weight[0] * weight[1]


def _lstm(x: Any, w_in: Any, w_rec: Any, *rest: Any, **named: Any) -> int:
    """Forward pass of oneDNN's fused LSTM: x (time, trial, in), weights (4 unit, in), (4 unit, unit)."""
    steps, trials, _ = x
    return 2 * steps * trials * (w_in[0] * w_in[1] + w_rec[0] * w_rec[1])


def _lstm_backward(x: Any, w_in: Any, w_rec: Any, *rest: Any, **named: Any) -> int:
    """Gradients of inputs and states, and of weights: as many products again, twice."""
    return 2 * _lstm(x, w_in, w_rec)


# What torch's counter leaves out: oneDNN's products and its fused LSTM.
FURTHER = {
    aten.mkldnn_linear: _product,
    aten.mkldnn_rnn_layer: _lstm,
    aten.mkldnn_rnn_layer_backward: _lstm_backward,
}


def operations(run: Work) -> int:
    """Floating-point operations of the matrix products of ``run()``, which is not timed here."""
    with FlopCounterMode(display=False, custom_mapping=FURTHER) as counter:
        run()
    return counter.get_total_flops()


def seconds_of(work: Work) -> float:
    """Processor time, which other programs on the machine hardly change."""
    start = time.process_time()
    work()
    return time.process_time() - start


def take_turns(benchmark: Any, *works: Work, rounds: int = 4) -> list[float]:
    """Time ours and others in turns, so that all meet the same machine; returns the least of each."""
    ours, *others = works
    seconds: list[list[float]] = [[] for _ in works]

    def turn() -> None:
        for work, spent in zip(others, seconds[1:], strict=True):
            spent.append(seconds_of(work))

    ours()
    benchmark.pedantic(lambda: seconds[0].append(seconds_of(ours)), setup=turn, rounds=rounds)
    return [min(spent) for spent in seconds]


def keep(
    benchmark: Any,
    loop: str,
    sizes: str,
    plain: str,
    *,
    ours: float,
    theirs: float,
    operations_per_update: float,
    rate: float,
) -> None:
    """Note the row of a training loop in ``extra_info``; see ``benchmarks/speed.py``.

    Parameters
    ----------
    loop : str
        ``paper/experiment``.
    sizes : str
        What was trained, in a few words.
    plain : str
        What the plain implementation does one after the other.
    ours, theirs : float
        Updates a second, summed over networks.
    operations_per_update : float
        Of the matrix products in an update of one network of ours.
    rate : float
        Of matrix products alone, operations a second.
    """
    benchmark.extra_info |= {
        "loop": loop,
        "sizes": sizes,
        "plain": plain,
        "updates_per_second": ours,
        "plain_updates_per_second": theirs,
        "ratio_to_plain": ours / theirs,
        "matrix_product_share": operations_per_update * ours / rate,
        "matrix_product_gflops": rate / 1e9,
    }
