"""Drawings that belong to this paper, on given axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from mempaper.plots import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    draw_arrow,
    draw_box,
    draw_operation,
    own_axes,
)


def draw_cell(ax: Axes | None = None) -> Axes:
    """Schematic of the LSTM cell with a dictionary and its reinstatement gate."""
    ax = own_axes(ax)
    line, top, gates = 3.0, 4.6, 1.3
    draw_arrow(ax, (0.2, line), (9.6, line), colour=BLUE)
    ax.text(0.1, line, "$c_{t-1}$", ha="right", va="center", fontsize=12)
    ax.text(9.7, line, "$c_t$", ha="left", va="center", fontsize=12)
    columns = {
        "f": (1.3, ORANGE),
        "i": (3.0, ORANGE),
        "n": (4.1, GREEN),
        "r": (5.5, RED),
        "o": (8.4, ORANGE),
    }
    names = {"f": "forget\n$f_t$", "i": "input\n$i_t$", "n": "candidate\n$n_t$", "r": "reinst.\n$r_t$"}
    names["o"] = "output\n$o_t$"
    for key, (x, colour) in columns.items():
        draw_box(ax, x, gates, names[key], colour, width=1.0)
        draw_arrow(ax, (x, 0.5), (x, gates - 0.32))
    ax.plot([1.3, 8.4], [0.5, 0.5], color=GREY, lw=1.3)
    ax.text(4.85, 0.12, "$x_t$, $h_{t-1}$", ha="center", va="center", fontsize=12)
    draw_arrow(ax, (1.3, gates + 0.3), (1.3, line - 0.2))
    draw_operation(ax, 1.3, line, "×")
    draw_operation(ax, 3.55, 2.25, "×")
    draw_arrow(ax, (3.0, gates + 0.3), (3.4, 2.1))
    draw_arrow(ax, (4.1, gates + 0.3), (3.7, 2.1))
    draw_arrow(ax, (3.55, 2.45), (3.55, line - 0.2))
    draw_operation(ax, 3.55, line, "+")
    draw_box(ax, 5.5, top, "dictionary$(t)$", PURPLE, width=1.7)
    draw_box(ax, 8.0, top, "dictionary$(t+1)$", PURPLE, width=1.9)
    draw_box(ax, 6.6, 3.75, "tanh", GREY, width=0.7)
    draw_arrow(ax, (6.0, top - 0.3), (6.5, 4.05), colour=PURPLE)
    draw_operation(ax, 6.6, 2.25, "×")
    ax.plot([6.6, 6.6], [3.45, line + 0.06], color=PURPLE, lw=1.3)
    ax.plot([6.6, 6.6], [line - 0.06, 2.45], color=PURPLE, lw=1.3)
    draw_arrow(ax, (6.6, 2.55), (6.6, 2.44), colour=PURPLE)
    draw_arrow(ax, (5.5, gates + 0.3), (6.45, 2.12))
    draw_arrow(ax, (6.8, 2.3), (7.15, line - 0.18), colour=RED)
    draw_operation(ax, 7.2, line, "+")
    ax.text(6.72, 2.72, "$m_t$", fontsize=11, va="center")
    draw_arrow(ax, (8.0, line), (8.0, top - 0.3), colour=BLUE)
    ax.text(8.06, 3.75, "write", fontsize=9, va="center", color=GREY)
    draw_arrow(ax, (4.2, top), (4.6, top), colour=PURPLE)
    ax.text(4.15, top, "query $x_t$", ha="right", va="center", fontsize=11)
    draw_operation(ax, 9.2, 2.25, "×")
    draw_arrow(ax, (9.2, line), (9.2, 2.45), colour=BLUE)
    ax.text(9.28, 2.7, "tanh", fontsize=9, va="center", color=GREY)
    draw_arrow(ax, (8.55, gates + 0.3), (9.05, 2.1))
    draw_arrow(ax, (9.4, 2.25), (9.95, 2.25))
    ax.text(10.0, 2.25, "$h_t$", ha="left", va="center", fontsize=12)
    ax.set(xlim=(-0.5, 10.5), ylim=(-0.1, 5.1))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def draw_stimulus(
    x: np.ndarray, answer: int, t_noise_off: int, *, ax: Axes | None = None, limit: float = 3.0
) -> Axes:
    """Input of one trial as a heat map: observation above, context below.

    Parameters
    ----------
    x : ndarray, shape (time, 2 obs_dim)
    answer : int
    t_noise_off : int
        Marked by a dotted line.
    limit : float
        End of the colour scale.
    """
    ax = own_axes(ax)
    time, width = x.shape
    image = ax.imshow(
        x.T, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
    )
    ax.axvline(t_noise_off - 0.5, color="black", ls=":", lw=1.5)
    ax.axhline(width / 2 - 0.5, color="black", ls="--", lw=1)
    ax.set(xlabel="time step", xticks=range(0, time, 2), title=f"y = {answer}")
    ax.set_yticks([width / 4, 3 * width / 4], ["observation", "context"], rotation=90, va="center")
    ax.tick_params(axis="y", length=0)
    ax.figure.colorbar(image, ax=ax, shrink=0.8, label="input")
    return ax


def draw_memories(scores: np.ndarray, labels: np.ndarray, *, ax: Axes | None = None) -> Axes:
    """Stored values on their first two principal components, coloured by the right choice.

    Parameters
    ----------
    scores : ndarray, shape (n, >= 2)
    labels : ndarray of 0 and 1, shape (n,)
    """
    ax = own_axes(ax)
    for answer, name, colour in ((0, "left (y = 0)", BLUE), (1, "right (y = 1)", RED)):
        chosen = scores[labels == answer]
        ax.scatter(chosen[:, 0], chosen[:, 1], s=22, color=colour, alpha=0.8, label=name, lw=0)
    ax.axvline(0, color=GREY, lw=0.8, ls=":")
    ax.set(xlabel="first component", ylabel="second component")
    return ax
