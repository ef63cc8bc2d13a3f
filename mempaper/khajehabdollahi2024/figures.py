"""Colours and drawings that belong to this paper, on given axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from mempaper.plots import GREY, chance_line, mean_band, own_axes

SINGLE, MULTI = "#D48A6A", "#489174"  # one head, several heads: parity
SINGLE_DMS, MULTI_DMS = "#803515", "#0E573A"  # the same: delayed match to sample
SHORT, LONG = "#AA9C39", "#8C7AAE"  # units with short and with long time constants
COLOURS = {
    ("parity", "single"): SINGLE,
    ("parity", "cumulative"): MULTI,
    ("dms", "single"): SINGLE_DMS,
    ("dms", "cumulative"): MULTI_DMS,
}
NAMES = {"single": "one head", "cumulative": "several heads", "sliding": "sliding window"}


def draw_progress(
    largest: np.ndarray, updates_per_epoch: int, *, ax: Axes | None = None, label: str, colour: str
) -> Axes:
    """Largest N passed against updates: a line for each network and their mean.

    Parameters
    ----------
    largest : ndarray, shape (member, epoch)
    """
    ax = own_axes(ax)
    updates = np.arange(largest.shape[1] + 1) * updates_per_epoch
    from_start = np.concatenate([np.ones((len(largest), 1)), np.maximum(largest, 1)], 1)
    ax.plot(updates, from_start.T, color=colour, lw=0.7, alpha=0.4)
    ax.plot(updates, from_start.mean(0), color=colour, lw=2.2, label=label)
    ax.set(xlabel="updates", ylabel="largest N passed")
    return ax


def draw_over_n(
    n_values: Sequence[int],
    samples: np.ndarray,
    *,
    ax: Axes | None = None,
    at_least: int = 2,
    **line: Any,
) -> Axes:
    """Mean over networks with its interval against N, as far as enough networks came.

    Parameters
    ----------
    samples : ndarray, shape (member, N)
        Not a number where a network did not pass.
    at_least : int
        How many networks are enough.
    """
    ax = own_axes(ax)
    enough = (~np.isnan(samples)).sum(0) >= at_least
    n_values = np.asarray(n_values)[enough]
    mean_band(n_values, samples[:, enough], ax=ax, marker="o", ms=3.5, **line)
    ax.set(xlabel="N")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def draw_sequence(bits: Sequence[int], asked: Sequence[int], *, ax: Axes | None = None) -> Axes:
    """Bits as filled and empty squares, and for each N a bracket around what it asks about."""
    ax = own_axes(ax)
    length = len(bits)
    for place, bit in enumerate(bits):
        ax.add_patch(Rectangle((place, 0), 0.9, 0.9, fc="black" if bit else "white", ec="black"))
        ax.text(
            place + 0.45, 0.45, str(bit), ha="center", va="center", color="white" if bit else "black"
        )
    for row, n in enumerate(asked):
        y = -0.5 - 0.75 * row
        ax.plot(
            [length - n, length - n, length - 0.1, length - 0.1], [y + 0.2, y, y, y + 0.2], "k", lw=1
        )
        ax.text(length - n - 0.2, y + 0.1, f"N = {n}", ha="right", va="center")
    ax.set(xlim=(-0.5, length + 0.5), ylim=(-0.9 - 0.75 * len(asked), 1.4))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def draw_curriculum(stages: Sequence[Sequence[int]], *, ax: Axes | None = None, colour: str) -> Axes:
    """Which memory lengths are trained at each step of a curriculum; new ones are outlined."""
    ax = own_axes(ax)
    before: set[int] = set()
    for step, ns in enumerate(stages):
        for n in ns:
            new = n not in before
            ax.add_patch(
                Rectangle(
                    (step - 0.42, n - 0.42),
                    0.84,
                    0.84,
                    fc=colour,
                    alpha=1 if new else 0.45,
                    ec="black" if new else colour,
                )
            )
        before = set(ns)
    top = max(max(ns) for ns in stages)
    ax.set(
        xlim=(-0.7, len(stages) - 0.3),
        ylim=(1.3, top + 0.7),
        xlabel="step of the curriculum",
        ylabel="N in training",
        xticks=range(len(stages)),
    )
    ax.set_xticklabels([str(step + 1) for step in range(len(stages))])
    return ax


def draw_bars(
    groups: Sequence[tuple[str, np.ndarray, str]], *, ax: Axes | None = None, published: Any = None
) -> Axes:
    """Bars of means over networks, the standard deviation, and a dot for each network.

    Parameters
    ----------
    groups : sequence of (label, samples, colour)
    published : sequence of float, optional
        A published mean for each group, drawn as an open diamond.
    """
    ax = own_axes(ax)
    for place, (_, samples, colour) in enumerate(groups):
        samples = samples[~np.isnan(samples)]
        ax.bar(place, samples.mean(), 0.7, color=colour, alpha=0.75, yerr=samples.std(), capsize=3)
        spread = np.linspace(-0.2, 0.2, len(samples)) if len(samples) > 1 else np.zeros(1)
        ax.plot(place + spread, samples, "o", ms=3.5, color="black", alpha=0.6)
    if published is not None:
        ax.plot(range(len(groups)), published, "D", mfc="none", color=GREY, label="published")
    ax.set_xticks(range(len(groups)), [label for label, _, _ in groups])
    return ax


def draw_over_steps(
    steps_per_bit: Sequence[int],
    accuracy: np.ndarray,
    n_values: Sequence[int],
    trained: Sequence[int],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy of continuous networks against the length of a step, a line for each N.

    Parameters
    ----------
    steps_per_bit : sequence of int
        A step's length is the inverse.
    accuracy : ndarray, shape (member, N, k)
        Not a number where a network did not pass.
    trained : sequence of int
        Steps per bit of the training; their range is shaded.
    """
    ax = own_axes(ax)
    dt = 1 / np.asarray(steps_per_bit)
    ax.axvspan(1 / max(trained), 1 / min(trained), color=GREY, alpha=0.25, lw=4)
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(n_values)))
    for place, (n, shade) in enumerate(zip(n_values, shades, strict=True)):
        mean_band(dt, accuracy[:, place], ax=ax, color=shade, label=f"N = {n}", marker="o", ms=3)
    chance_line(0.5, ax=ax)
    ax.set(xscale="log", xlabel="length of a step, $dt = 1/k$", ylabel="accuracy", ylim=(0.4, 1.03))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    return ax
