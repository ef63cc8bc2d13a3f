"""A drawing of the network with its inputs, on given axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from mempaper.orhan2019.task import DelayTask
from mempaper.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, draw_arrow, draw_box, own_axes

RING = 1.25  # radius on which the drawn recurrent units lie


def draw_network(*, ax: Axes | None = None) -> Axes:
    """The network: populations of input neurons, recurrent rectified-linear units, output."""
    ax = own_axes(ax)
    inputs = (
        (4.2, "location 1\n50 neurons", BLUE, "-"),
        (2.5, "location 2\nDE-2, GDE", BLUE, "--"),
        (0.8, "moving bump\ndynamic input", GREEN, "--"),
    )
    for y, text, colour, style in inputs:
        _draw_tuning(0.55, y, colour, ax)
        draw_box(ax, 2.0, y, text, colour, width=1.7, height=0.8)
        draw_arrow(ax, (2.95, y), (4.55, 2.5 + (y - 2.5) * 0.45), colour=colour, ls=style)
    ax.text(3.6, 4.35, "$W_{\\mathrm{in}}$", ha="center", fontsize=11)
    centre = np.array([6.1, 2.5])
    angles = np.linspace(0, 2 * np.pi, 9)[:-1] + np.pi / 8
    places = centre + RING * np.stack([np.cos(angles), np.sin(angles)], 1)
    for sender, receiver in ((0, 3), (3, 6), (6, 1), (1, 4), (5, 2), (2, 7), (7, 4)):
        arrow = FancyArrowPatch(
            places[sender],
            places[receiver],
            arrowstyle="-|>",
            mutation_scale=10,
            color="#A0A0A0",
            shrinkA=13,
            shrinkB=13,
        )
        ax.add_patch(arrow)
    for x, y in places:
        ax.add_patch(Circle((x, y), 0.2, fc="white", ec=ORANGE, lw=1.6, zorder=3))
    x, y = places[1]
    loop = FancyArrowPatch(
        (x - 0.17, y + 0.1),
        (x + 0.17, y + 0.1),
        connectionstyle="arc3,rad=-1.9",
        arrowstyle="-|>",
        mutation_scale=8,
        color=ORANGE,
        zorder=2,
    )
    ax.add_patch(loop)
    ax.text(x + 0.45, y + 0.42, "self-weight $\\lambda_0$", fontsize=10, va="center", color=ORANGE)
    ax.text(
        centre[0], centre[1], "coupling\n$\\sigma_0$", fontsize=10, ha="center", va="center", color=GREY
    )
    ax.text(centre[0], 0.62, "recurrent units  $h_t$", fontsize=10, ha="center", color=ORANGE)
    draw_arrow(ax, (7.6, 2.5), (8.75, 2.5))
    ax.text(8.15, 2.7, "$W_{\\mathrm{out}}$", ha="center", fontsize=11)
    draw_box(
        ax, 9.75, 2.5, "output  $y_t$\nan estimate, or\na probability", PURPLE, width=1.8, height=1.0
    )
    ax.set(xlim=(-0.1, 10.8), ylim=(0.2, 4.9))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _draw_tuning(x: float, y: float, colour: str, ax: Axes) -> None:
    """Some of the tuning curves of a location, about (x, y)."""
    task = DelayTask("DE1")
    stimuli = np.linspace(0, np.pi, 60)[:, None]
    curves = task.tuning(stimuli)
    for neuron in (8, 20, 32):
        ax.plot(x + stimuli[:, 0] / np.pi - 0.55, y + 0.5 * curves[:, neuron] - 0.25, color=colour, lw=1)
