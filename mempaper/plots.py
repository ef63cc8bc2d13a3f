"""One style, and axes-level helpers that several chapters use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

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


# Diagrams


def draw_box(
    ax: Axes, x: float, y: float, text: str, colour: str, width: float = 0.9, height: float = 0.56
) -> None:
    """A rounded box with text in it, centred at (x, y)."""
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0.02,rounding_size=0.1",
        fc="white",
        ec=colour,
        lw=1.6,
    )
    ax.add_patch(patch)
    ax.text(x, y, text, ha="center", va="center", fontsize=10)


def draw_operation(ax: Axes, x: float, y: float, text: str) -> None:
    """A circle with the sign of an operation."""
    ax.plot(x, y, "o", ms=17, mfc="white", mec=GREY, mew=1.3, zorder=3)
    ax.text(x, y - 0.01, text, ha="center", va="center", fontsize=11, zorder=4)


def draw_arrow(ax: Axes, *points: tuple[float, float], colour: str = GREY, ls: str = "-") -> None:
    """An arrow from the first point through the others to the last."""
    if len(points) > 2:
        ax.plot(*zip(*points[:-1], strict=True), color=colour, lw=1.3, ls=ls, zorder=2)
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 11, "color": colour, "zorder": 2}
    ax.add_patch(FancyArrowPatch(*points[-2:], lw=1.3, ls=ls, **style))
