"""One style, and axes-level helpers that several chapters use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from mempaper.stats import mean_interval

# Okabe and Ito's palette: told apart with any kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#707070",
)


def use_style() -> None:
    """Set the book's style: white ground, no top and right spines, a colour-blind palette."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY],
        rc={
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "legend.frameon": False,
            "axes.titlesize": "medium",
            "svg.hashsalt": "mempaper",
        },
    )


def own_axes(ax: Axes | None) -> Axes:
    """Return ``ax``, or the current axes where it is None."""
    return plt.gca() if ax is None else ax


def mean_band(
    x: Any, samples: Any, *, ax: Axes | None = None, label: str | None = None, **line: Any
) -> Axes:
    """Mean over the first axis as a line, its 95 % confidence interval as a band.

    Parameters
    ----------
    x : array_like, shape (n,)
    samples : array_like, shape (seed, n)
    """
    ax = own_axes(ax)
    mean, half = mean_interval(samples)
    (drawn,) = ax.plot(x, mean, label=label, **line)
    ax.fill_between(x, mean - half, mean + half, color=drawn.get_color(), alpha=0.2, lw=0)
    return ax


def published_points(
    x: Any, y: Any, *, ax: Axes | None = None, label: str | None = "published", **marker: Any
) -> Axes:
    """Published values as open markers."""
    ax = own_axes(ax)
    style = {"marker": "o", "ls": "none", "mfc": "none", "color": GREY, "ms": 6, **marker}
    ax.plot(x, y, label=label, **style)
    return ax


def chance_line(y: float, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Dotted horizontal reference line."""
    ax = own_axes(ax)
    ax.axhline(y, color=GREY, ls=":", lw=1, label=label, zorder=0)
    return ax


def panel_letters(axes: Sequence[Axes], letters: str = "ABCDEFGHIJKL") -> None:
    """Bold letters at the upper left of the panels."""
    for ax, letter in zip(np.ravel(np.asarray(axes, dtype=object)), letters, strict=False):
        ax.set_title(letter, loc="left", fontweight="bold")


def similarity_heatmap(
    matrix: Any, *, ax: Axes | None = None, vmin: float | None = None, label: str = "similarity"
) -> Axes:
    """Square heat map of similarities, 0 (identical) at the bright end."""
    ax = own_axes(ax)
    sns.heatmap(
        np.asarray(matrix),
        ax=ax,
        vmin=vmin,
        vmax=0,
        square=True,
        xticklabels=False,
        yticklabels=False,
        cmap="viridis",
        cbar_kws={"label": label, "shrink": 0.7},
    )
    return ax
