"""Drawings of the network and of a trial, on given axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from mempaper.lu2022.examples import Stimulus
from mempaper.lu2022.figures import COLOURS, LONG_NAMES
from mempaper.lu2022.model import Gating
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


def draw_network(gating: Gating = "pre", *, ax: Axes | None = None) -> Axes:
    """The network: LSTM, gate, accumulators, store, decision layer and its readouts."""
    ax = own_axes(ax)
    inputs = ("observed\nfeature", "its value", "queried\nfeature", "penalty")
    for x, text in zip((0.6, 1.9, 3.2, 4.5), inputs, strict=True):
        draw_box(ax, x, 0.35, text, GREY, width=1.15)
        draw_arrow(ax, (x, 0.65), (2.6 + (x - 2.6) / 3, 1.3))
    draw_box(ax, 2.6, 1.6, "LSTM  $c'_t$", BLUE, width=1.6)
    draw_arrow(ax, (2.6, 1.9), (2.6, 2.8), colour=BLUE)
    draw_operation(ax, 2.6, 3.0, "+")
    ax.text(2.7, 3.72, "$c_t$,  $h_t = o_t \\tanh(c_t)$", fontsize=10, va="center")
    draw_arrow(ax, (2.4, 3.0), (1.1, 3.0), (1.1, 1.6), (1.78, 1.6))
    ax.text(1.0, 2.3, "next step", fontsize=9, color=GREY, ha="center", va="center", rotation=90)
    draw_arrow(ax, (2.6, 3.2), (2.6, 4.8), colour=BLUE)
    draw_box(ax, 2.6, 5.1, "decision layer  $d_t$", ORANGE, width=2.1)
    draw_arrow(ax, (3.68, 5.1), (4.55, 5.1))
    draw_box(ax, 5.9, 5.1, "policy: a value, or\n“don't know”", ORANGE, width=2.6)
    draw_arrow(ax, (3.3, 5.4), (3.3, 5.75), (8.6, 5.75), (8.6, 5.4))
    draw_box(ax, 8.6, 5.1, "expected reward", ORANGE, width=1.9)

    draw_box(ax, 7.8, 1.6, "similarity\n$\\cos(c'_t, m_k)$", GREEN, width=1.7)
    draw_arrow(ax, (3.42, 1.6), (6.93, 1.6), colour=GREEN)
    draw_box(ax, 7.8, 3.0, "competition\n$V_k$", GREEN, width=1.7)
    draw_box(ax, 5.4, 3.0, "recall\n$r_t = \\sum_k V_k m_k$", PURPLE, width=1.5, height=0.68)
    draw_arrow(ax, (6.93, 3.0), (6.18, 3.0), colour=GREEN)
    draw_box(ax, 10.2, 3.0, "store\n$m_1$\n$m_2$", PURPLE, width=1.2, height=1.1)
    draw_arrow(ax, (10.2, 2.43), (10.2, 1.6), (8.68, 1.6), colour=PURPLE)
    draw_arrow(ax, (9.58, 3.4), (9.2, 3.85), (5.4, 3.85), (5.4, 3.37), colour=PURPLE)
    draw_arrow(ax, (2.6, 4.25), (10.2, 4.25), (10.2, 3.58), colour=PURPLE, ls="--")
    ax.text(7.3, 4.36, "stored at the end of an event", fontsize=9, ha="center", color=PURPLE)
    if gating == "pre":
        draw_box(ax, 5.4, 2.3, "gate  $g_t$", RED, width=1.3, height=0.45)
        draw_arrow(ax, (3.42, 1.75), (4.7, 2.2), colour=RED)
        ax.text(4.25, 2.2, "$c'_t, d'_t$", fontsize=9, ha="right", color=RED)
        draw_arrow(ax, (6.08, 2.3), (7.6, 2.3), colour=RED)
        draw_operation(ax, 7.8, 2.3, "×")
        draw_arrow(ax, (7.8, 1.9), (7.8, 2.1), colour=GREEN)
        draw_arrow(ax, (7.8, 2.5), (7.8, 2.7), colour=GREEN)
        draw_arrow(ax, (4.62, 3.0), (2.82, 3.0), colour=PURPLE)
    else:
        draw_arrow(ax, (7.8, 1.9), (7.8, 2.7), colour=GREEN)
        ax.text(7.9, 2.3, "× 0.3", fontsize=9, va="center", color=GREEN)
        draw_box(ax, 5.4, 2.3, "gate  $g_t$", RED, width=1.3, height=0.45)
        draw_arrow(ax, (5.4, 2.66), (5.4, 2.53), colour=PURPLE)
        draw_arrow(ax, (3.42, 1.75), (4.7, 2.2), colour=RED)
        draw_operation(ax, 3.8, 3.0, "×")
        draw_arrow(ax, (4.72, 2.4), (3.93, 2.85), colour=RED)
        draw_arrow(ax, (4.62, 3.0), (4.02, 3.0), colour=PURPLE)
        draw_arrow(ax, (3.58, 3.0), (2.82, 3.0), colour=PURPLE)
    ax.set(xlim=(-0.1, 11.0), ylim=(-0.1, 6.0))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def draw_conditions(encode: Sequence[int], n_steps: int, *, ax: Axes | None = None) -> Axes:
    """A trial in the three conditions: both parts, what is stored, forgotten and can be recalled.

    Parameters
    ----------
    encode : sequence of int
        Steps of the first part at whose end the cell state is stored.
    n_steps : int
        Steps of one part.
    """
    ax = own_axes(ax)
    for row, (name, colour) in enumerate(COLOURS.items()):
        y = -1.6 * row
        for start, text in ((0, "part 1"), (n_steps + 1, "part 2")):
            ax.add_patch(Rectangle((start, y), n_steps, 0.7, fc=colour, alpha=0.25, ec=colour, lw=1.5))
            ax.text(start + n_steps / 2, y + 0.35, text, ha="center", va="center")
        ax.text(-0.5, y + 0.35, f"{name}\n{LONG_NAMES[name]}", ha="right", va="center", color=colour)
        if name != "NM":
            for step in encode:
                draw_arrow(ax, (step + 0.9, y), (step + 0.9, y - 0.55), colour=PURPLE)
            ax.text(encode[0] + 0.6, y - 0.35, "store", ha="right", va="center", color=PURPLE)
        if name == "RM":
            draw_arrow(ax, (n_steps, y + 0.35), (n_steps + 1, y + 0.35), colour="black")
        else:
            ax.plot(n_steps + 0.5, y + 0.35, "x", color="black", ms=9, mew=2)
        middle, kind = 1.5 * n_steps + 1, "a lure" if name != "NM" else "lures only"
        text = f"recall: the event, and {kind}" if name != "NM" else f"recall: {kind}"
        ax.text(middle, y - 0.35, text, ha="center", va="center", color=PURPLE)
    x, y = n_steps + 0.5, 1.05
    ax.text(x, y, "working memory\nkept (→) or emptied (×)", ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-0.3 * n_steps, 2 * n_steps + 1.5), ylim=(-4.0, 1.9))
    ax.axis("off")
    return ax


def draw_stimulus(shown: Stimulus, axes: Sequence[Axes]) -> None:
    """What one trial shows and asks, one-hot, step by step: four panels.

    Parameters
    ----------
    shown : Stimulus
    axes : sequence of Axes
        For observed feature, observed value, queried feature and its value.
    """
    names = ("observed feature", "observed value", "queried feature", "right answer")
    for ax, name, matrix in zip(axes, names, shown, strict=True):
        ax.imshow(matrix.T, cmap="Greys", vmin=0, vmax=1.2, aspect="auto", interpolation="nearest")
        ax.axvline(len(matrix) / 2 - 0.5, color=BLUE, lw=1.5)
        ax.set(title=name, yticks=np.arange(0, matrix.shape[1], 5 if matrix.shape[1] > 8 else 1))
        ax.spines[["top", "right"]].set_visible(True)
    axes[-1].set_xlabel("time")
