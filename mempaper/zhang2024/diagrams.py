"""Drawings of the agents: the loop, the networks with their weights, the filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from mempaper.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, draw_arrow, draw_box, own_axes
from mempaper.zhang2024.networks import ACTORS, CRITICS, Actor, ActorName, Critic, CriticName, Sizes

MEMORY, LAYER, FILTER = BLUE, ORANGE, GREEN  # colours of LSTMs, memoryless layers and filters
CRITIC_COLOURS = ("#db7093", "#a57791", "#6f7e8f", "#34858d", "#008b8b")
ACTOR_COLOURS = CRITIC_COLOURS[::2]
LEVELS = (0.0, 1.25, 2.5, 3.75, 5.0, 6.1)  # heights of inputs, three layers, readout and output


def count_weights(name: ActorName | CriticName, sizes: Sizes | None = None) -> int:
    """Trainable numbers of an actor, or of one of a critic's two copies."""
    sizes = Sizes() if sizes is None else sizes
    for actor in ACTORS:
        if name == actor:
            return sum(p.numel() for p in Actor(actor, sizes).parameters())
    for critic in CRITICS:
        if name == critic:
            return sum(p.numel() for p in Critic(critic, sizes).parameters()) // 2
    raise ValueError(f"Unknown network {name!r}; allowed are {', '.join([*ACTORS, *CRITICS])}")


def _finish(ax: Axes, xlim: tuple[float, float], ylim: tuple[float, float]) -> Axes:
    ax.set(xlim=xlim, ylim=ylim)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _loop(ax: Axes, x: float, y: float, along: tuple[float, float] = (0, 0.16)) -> None:
    """An arrow out of the side of a box and back into it: what is kept for the next step."""
    arrow = FancyArrowPatch(
        (x + along[0], y + along[1]),
        (x - along[0], y - along[1]),
        connectionstyle="arc3,rad=-1.6",
        arrowstyle="-|>",
        mutation_scale=10,
        color=MEMORY,
        lw=1.3,
    )
    ax.add_patch(arrow)


def _layers(name: str, sizes: Sizes) -> list[tuple[str, str]]:
    """Text and colour of up to three layers, from the inputs on."""
    lstm = (f"LSTM {sizes.memory(name)}", MEMORY)
    dense = (f"ReLU {sizes.fc}", LAYER)
    if name in ("ActorEKF", "CriticEKF"):
        return [("", ""), dense, dense]
    if name in ("Actor1", "Critic1"):
        return [lstm]
    if name in ("Actor2", "Critic2", "Critic4"):
        return [lstm, lstm]
    return [lstm, dense, dense]


def draw_network(
    name: ActorName | CriticName, *, sizes: Sizes | None = None, ax: Axes | None = None
) -> Axes:
    """One actor, or one copy of a critic, from its inputs at the bottom to its output at the top."""
    ax, sizes = own_axes(ax), Sizes() if sizes is None else sizes
    is_actor = name in ACTORS
    is_filter = name in ("ActorEKF", "CriticEKF")
    layers = _layers(name, sizes)
    late = {"Critic4": 2, "Critic5": 2, "CriticEKF": 2}.get(name, 1)  # layer that the action enters
    x = 0.0 if is_actor else -0.55
    text = "belief of\nthe filter" if is_filter else "$o_t$, $a_{t-1}$,\ntarget"
    draw_box(ax, x, LEVELS[0], text, GREEN if is_filter else GREY, width=1.7, height=0.72)
    below = (x, LEVELS[0] + 0.4)
    for level, (label, colour) in enumerate(layers, start=1):
        if not label:
            continue
        y = LEVELS[level]
        draw_arrow(ax, below, (x, y - 0.32))
        draw_box(ax, x, y, label, colour, width=1.7)
        if colour == MEMORY:
            _loop(ax, x + 0.89, y)
        below = (x, y + 0.3)
    draw_arrow(ax, below, (x, LEVELS[4] - 0.32))
    readout = "linear, tanh" if is_actor else "linear"
    draw_box(ax, x, LEVELS[4], readout, LAYER, width=1.7)
    draw_arrow(ax, (x, LEVELS[4] + 0.3), (x, LEVELS[5] - 0.2))
    output = "action $a_t$" if is_actor else "value $Q_t$"
    ax.text(x, LEVELS[5], output, ha="center", va="center", fontsize=11)
    if not is_actor:
        draw_box(ax, 1.45, LEVELS[0], "$a_t$", RED, width=0.8, height=0.72)
        bend = LEVELS[late] - 0.62
        draw_arrow(
            ax, (1.45, LEVELS[0] + 0.4), (1.45, bend), (x + 0.3, bend), (x + 0.3, bend + 0.3), colour=RED
        )
    title = f"{name}\n{count_weights(name, sizes):,} weights"
    middle = 0.2 if is_actor else 0.17
    ax.text(middle, LEVELS[5] + 0.85, title, ha="center", va="center", fontsize=10, fontweight="bold")
    return _finish(ax, (x - 1.05, x + (1.45 if is_actor else 2.5)), (-0.5, 7.5))


def draw_actors(axes: Sequence[Axes], *, sizes: Sizes | None = None) -> Sequence[Axes]:
    """Actor1 to Actor3, each on axes of its own (panel 8b)."""
    for ax, name in zip(axes, ACTORS[:3], strict=True):
        draw_network(name, sizes=sizes, ax=ax)
    return axes


def draw_critics(axes: Sequence[Axes], *, sizes: Sizes | None = None) -> Sequence[Axes]:
    """Critic1 to Critic5, one copy of each on axes of its own (panel 8a)."""
    for ax, name in zip(axes, CRITICS[:5], strict=True):
        draw_network(name, sizes=sizes, ax=ax)
    return axes


def draw_counts(*, sizes: Sizes | None = None, ax: Axes | None = None) -> Axes:
    """Weights of each recurrent actor and of one copy of each critic as bars (panel S9a)."""
    ax = own_axes(ax)
    names: list[ActorName | CriticName] = [*ACTORS[:3], *CRITICS[:5]]
    colours = [*ACTOR_COLOURS, *CRITIC_COLOURS]
    counts = [count_weights(name, sizes) for name in names]
    place = np.arange(len(names)) + np.r_[np.zeros(3), np.full(5, 0.6)]
    ax.barh(place, counts, color=colours, height=0.72)
    for y, count in zip(place, counts, strict=True):
        ax.text(count, y, f" {count:,}", va="center", fontsize=10)
    ax.set_yticks(place, names)
    ax.set(xlabel="weights", xlim=(0, 1.22 * max(counts)))
    ax.invert_yaxis()
    return ax


def draw_loop(*, ax: Axes | None = None) -> Axes:
    """The agent in its world: belief, action and value (panel 1e)."""
    ax = own_axes(ax)
    draw_box(ax, 1.3, 2.6, "world\nposition, heading,\nvelocity, target", GREY, width=2.3, height=1.25)
    for y, name in ((4.1, "actor"), (1.1, "critic")):
        ax.add_patch(Rectangle((4.75, y - 0.57), 5.0, 1.34, fc="#f4f4f4", ec=GREY, lw=0.8, zorder=0))
        ax.text(9.62, y + 0.45, name, fontsize=10, ha="right", va="center", color=GREY, style="italic")
        draw_box(ax, 5.8, y, "belief $b_t$", MEMORY, width=1.6, height=0.7)
        draw_arrow(ax, (6.65, y), (7.42, y), colour=MEMORY)
        _loop(ax, 5.8, y + 0.37, (-0.16, 0))
    draw_box(ax, 8.2, 4.1, "action $a_t$", LAYER, width=1.5, height=0.7)
    draw_box(ax, 8.2, 1.1, "value $Q_t$", LAYER, width=1.5, height=0.7)
    for y in (4.1, 1.1):
        draw_arrow(ax, (2.5, 2.6), (3.3, 2.6), (3.3, y), (4.95, y))
    ax.text(3.45, 2.6, "noisy velocity $o_t$,\nlast action $a_{t-1}$,\ntarget for 0.3 s", va="center")
    draw_arrow(ax, (8.2, 4.47), (8.2, 5.15), (1.3, 5.15), (1.3, 3.27), colour=RED)
    ax.text(4.75, 5.24, "joystick: velocity = gain × $a_t$ + noise", ha="center", va="bottom", color=RED)
    draw_arrow(ax, (8.0, 3.72), (8.0, 1.5), colour=RED)
    ax.text(7.9, 2.6, "$a_t$", ha="right", va="center", color=RED)
    draw_arrow(ax, (8.4, 1.48), (8.4, 3.72), colour=PURPLE, ls="--")
    ax.text(8.52, 2.6, "what would be\nbetter", va="center", color=PURPLE)
    draw_arrow(ax, (1.3, 1.95), (1.3, 0.05), (8.2, 0.05), (8.2, 0.72), colour=PURPLE)
    ax.text(4.75, -0.05, "reward, when it stops", ha="center", va="top", color=PURPLE)
    return _finish(ax, (0.0, 10.3), (-0.5, 5.7))


def _draw_filter(ax: Axes, y: float) -> None:
    """Inputs, the filter and the thirteen numbers it gives, on the left of a drawing."""
    inputs = (
        (y + 0.85, "noisy velocity $o_t$", GREY),
        (y + 0.05, "last action $a_{t-1}$", GREY),
        (y - 0.9, "told: target, gain,\nnoises, perturbation", PURPLE),
    )
    for height, text, colour in inputs:
        tall = 0.75 if "\n" in text else 0.55
        draw_box(ax, 1.0, height, text, colour, width=2.05, height=tall)
        draw_arrow(ax, (2.07, height), (2.52, y + 0.3 * (height - y)), colour=colour)
    draw_box(ax, 3.4, y, "extended\nKalman filter", FILTER, width=1.65, height=0.95)
    draw_arrow(ax, (4.27, y), (4.67, y), colour=FILTER)
    numbers = "13 numbers:\n5 means,\n8 variances and\ncovariances"
    draw_box(ax, 5.6, y, numbers, FILTER, width=1.75, height=1.4)


def _draw_part(ax: Axes, y: float, text: str, output: str, colour: str) -> None:
    """An actor or critic with its output, on the right of a drawing."""
    draw_box(ax, 8.1, y, text, colour, width=1.7, height=0.95)
    start = 9.0
    if colour == MEMORY:
        _loop(ax, 8.98, y)
        start = 9.2
    draw_arrow(ax, (start, y), (9.55, y), colour=colour)
    ax.text(9.62, y, output, va="center", fontsize=11)


def draw_ekf_agent(*, sizes: Sizes | None = None, ax: Axes | None = None) -> Axes:
    """The EKF agent: a filter for both, and no recurrent network at all (panel S2a)."""
    ax, sizes = own_axes(ax), Sizes() if sizes is None else sizes
    _draw_filter(ax, 2.0)
    for y, shift in ((3.0, 0.3), (1.0, -0.3)):
        draw_arrow(ax, (6.52, 2 + shift), (6.8, 2 + shift), (6.8, y), (7.22, y), colour=FILTER)
    _draw_part(ax, 3.0, f"actor\nReLU {sizes.fc}, {sizes.fc}", "action $a_t$", LAYER)
    _draw_part(ax, 1.0, f"critic, twice\nReLU {sizes.fc}, {sizes.fc}", "value $Q_t$", LAYER)
    draw_arrow(ax, (10.1, 2.75), (10.1, 2.0), (8.1, 2.0), (8.1, 1.52), colour=RED)
    return _finish(ax, (-0.1, 10.8), (0.4, 3.6))


def draw_holistic_ekf_agent(*, sizes: Sizes | None = None, ax: Axes | None = None) -> Axes:
    """The holistic-EKF agent: a filter for the actor, one recurrent network as critic (panel S3c)."""
    ax, sizes = own_axes(ax), Sizes() if sizes is None else sizes
    _draw_filter(ax, 3.0)
    draw_arrow(ax, (6.52, 3.0), (7.22, 3.0), colour=FILTER)
    _draw_part(ax, 3.0, f"actor\nReLU {sizes.fc}, {sizes.fc}", "action $a_t$", LAYER)
    draw_box(ax, 5.6, 0.9, "$o_t$, $a_{t-1}$,\ntarget for 0.3 s", GREY, width=1.75, height=0.8)
    draw_arrow(ax, (6.52, 0.9), (7.22, 0.9))
    _draw_part(ax, 0.9, f"critic, twice\nLSTM {sizes.holistic}", "value $Q_t$", MEMORY)
    draw_arrow(ax, (10.1, 2.75), (10.1, 1.95), (8.1, 1.95), (8.1, 1.42), colour=RED)
    return _finish(ax, (-0.1, 10.8), (0.3, 4.2))
