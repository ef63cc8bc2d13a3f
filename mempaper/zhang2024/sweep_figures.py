"""Drawings of many agents: heat maps beside the published ones, and boxes of correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from mempaper import plots
from mempaper.plots import GREY, own_axes
from mempaper.zhang2024 import groups
from mempaper.zhang2024.analysis import Paths
from mempaper.zhang2024.comparisons import Correlation
from mempaper.zhang2024.figures import COLOURS, LABELS, draw_grid
from mempaper.zhang2024.grids import ADDED
from mempaper.zhang2024.networks import ACTORS, CRITICS
from mempaper.zhang2024.sweeps import standard_errors
from mempaper.zhang2024.task_drawings import draw_target

SEEDS: dict[str, Any] = {"marker": "o", "ls": "none", "ms": 3, "color": "black", "alpha": 0.6}
PATH_COLOURS = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.PURPLE, plots.SKY, plots.RED)
KINDS = ("added noise", "training noise", "architecture")


def limits(*tables: np.ndarray | None) -> tuple[float, float]:
    """Smallest and largest number of several tables, for one scale of colours."""
    numbers = [table[np.isfinite(table)] for table in tables if table is not None]
    together = np.concatenate([*numbers, np.zeros(0)])
    return (float(together.min()), float(together.max())) if together.size else (0.0, 1.0)


def draw_not_run(text: str = "not run", *, ax: Axes | None = None) -> Axes:
    """Say that there are no such agents in this run; nothing is drawn in their place."""
    ax = own_axes(ax)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


def draw_map(
    table: np.ndarray | None,
    kind: str,
    *,
    ax: Axes | None = None,
    title: str = "",
    missing: str = "not run",
    **options: Any,
) -> Axes:
    """A heat map with its numbers.

    Parameters
    ----------
    table : array, shape (observation, process) or (critic, actor), or None
    kind : {'added noise', 'training noise', 'architecture'}
        What rows and columns stand for. Training noises have a dashed line where both are equal,
        architectures a frame in the colour of each main agent.
    title : str
    missing : str
        What to say where there is no number.
    **options
        Of :func:`~mempaper.zhang2024.figures.draw_grid`.
    """
    ax = own_axes(ax)
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    ax.set_title(title, fontsize="small")
    if table is None or not np.isfinite(table).any():
        return draw_not_run(missing, ax=ax)
    if kind == "architecture":
        draw_grid(table, [c[6:] for c in CRITICS[:5]], [a[5:] for a in ACTORS[:3]], ax=ax, **options)
        ax.set(xlabel="actor", ylabel="critic")
        for short, name in groups.MAIN.items():
            corner = int(name[5]) - 1.5, int(name[12]) - 1.5
            ax.add_patch(Rectangle(corner, 1, 1, fc="none", ec=COLOURS[short], lw=2.5, clip_on=False))
        return ax
    ticks = ADDED if kind == "added noise" else groups.NOISES
    draw_grid(table, ticks, ticks, ax=ax, **options)
    which = "added" if kind == "added noise" else "training"
    ax.set(xlabel=rf"{which} $\sigma_a$", ylabel=rf"{which} $\sigma_o$")
    if kind == "training noise":
        edge = len(ticks) - 0.5
        ax.plot([-0.5, edge], [-0.5, edge], ls="--", lw=0.8, color="white", alpha=0.7, zorder=1)
    return ax


def draw_correlations(
    measured: Mapping[str, Correlation],
    *,
    ax: Axes | None = None,
    published: Mapping[str, Correlation] | None = None,
    shuffled: Mapping[str, Correlation] | None = None,
    seeds: Mapping[str, np.ndarray] | None = None,
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Pearson's r with boxes from end to end of their bootstrap intervals.

    Parameters
    ----------
    measured : mapping of Correlation
        By label.
    published : mapping of Correlation, optional
        Open markers with the same intervals, to the right of each box.
    shuffled : mapping of Correlation, optional
        Grey boxes behind.
    seeds : mapping of arrays, optional
        Correlations of single agents: points.
    colours : mapping of str, optional
        By label; by default the agents'.
    """
    ax = own_axes(ax)
    colours = COLOURS if colours is None else colours
    for k, (name, found) in enumerate(measured.items()):
        colour = colours.get(name, GREY)
        layers = [(found, colour, 0.3)]
        if shuffled and name in shuffled:
            layers.insert(0, (shuffled[name], GREY, 0.15))
        for one, ink, alpha in layers:
            if np.isfinite(one.low):
                box = Rectangle(
                    (k - 0.28, one.low), 0.56, one.high - one.low, color=ink, alpha=alpha, lw=0
                )
                ax.add_patch(box)
        ax.plot([k - 0.28, k + 0.28], [found.r] * 2, color=colour, lw=2.5)
        if np.isnan(found.r):
            white = {"fc": "white", "ec": "none", "pad": 1}
            style: dict[str, Any] = {"color": GREY, "fontsize": 8, "rotation": 90, "bbox": white}
            ax.text(k, 0, "not run", ha="center", va="center", **style)
        for r in seeds[name] if seeds and name in seeds else ():
            ax.plot(k, r, **SEEDS)
        if published and name in published:
            there = published[name]
            ax.vlines(k + 0.4, there.low, there.high, color=GREY, lw=1)
            plots.published_points([k + 0.4], [there.r], ax=ax, label=None)
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.set(xlim=(-0.6, len(measured) - 0.2), ylim=(-1.08, 1.08), ylabel="correlation")
    ax.set_xticks(range(len(measured)), list(measured), fontsize="small")
    return ax


def draw_against(
    x: np.ndarray,
    y: np.ndarray,
    published: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    ax: Axes | None = None,
    colour: str = "black",
    label: str | None = None,
) -> Axes:
    """Cells of two tables against each other as points, the published ones as open markers.

    Parameters
    ----------
    x, y : array of equal shape
    published : (array, array), optional
    """
    ax = own_axes(ax)
    ax.plot(np.ravel(x), np.ravel(y), "o", ms=5.5, color=colour, label=label)
    if published is not None:
        style = {"color": colour, "alpha": 0.6, "ms": 5}
        plots.published_points(*(np.ravel(part) for part in published), ax=ax, label=None, **style)
    return ax


def draw_noise_pairs(
    axes: np.ndarray,
    measured: Mapping[str, Mapping[str, np.ndarray]],
    printed: Mapping[str, Mapping[str, np.ndarray]],
    scale: tuple[float, float] | None = None,
) -> np.ndarray:
    """Heat maps over training noises, each beside the published one: a row for each kind of agent.

    Parameters
    ----------
    axes : array of Axes, shape (2, two for each quantity)
    measured, printed : mapping of mappings of arrays
        By what is measured, then by agent: 'hol' and 'mod'. Agents that are not there were not run.
    scale : (float, float), optional
        Of the colours; by default it reaches over all tables.
    """
    if scale is None:
        parts = [*measured.values(), *printed.values()]
        scale = limits(*(table for part in parts for table in part.values()))
    for row, agent in zip(axes, ("hol", "mod"), strict=True):
        for k, name in enumerate(measured):
            title = f"{LABELS[agent]}, {name}"
            draw_map(measured[name].get(agent), KINDS[1], ax=row[2 * k], title=title, limits=scale)
            title = f"{title}, published"
            draw_map(printed[name][agent], KINDS[1], ax=row[2 * k + 1], title=title, limits=scale)
            for ax in row[2 * k : 2 * k + 2]:
                ax.label_outer()
    return axes


def draw_architectures(
    x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray], *, ax: Axes | None = None
) -> Axes:
    """Means of architectures against each other, with standard errors over seeds.

    Parameters
    ----------
    x, y : mapping of arrays, shape (seed,)
        By architecture; the four main ones have their colours and names.
    """
    ax = own_axes(ax)
    main = {architecture: short for short, architecture in groups.MAIN.items()}
    spread_x, spread_y = standard_errors(x), standard_errors(y)
    for name in x:
        short = main.get(name)
        style: dict[str, Any] = {"color": "#d9a066", "ms": 5}
        if short is not None:
            style = {"color": COLOURS[short], "ms": 7, "label": LABELS[short]}
        at = float(np.mean(x[name])), float(np.mean(y[name]))
        bars = [None if np.isnan(e) else e for e in (spread_x[name], spread_y[name])]
        ax.errorbar(*at, xerr=bars[0], yerr=bars[1], fmt="o", elinewidth=1, **style)
    return ax


def draw_paths(paths: Paths, *, ax: Axes | None = None, radius: float = 65.0) -> Axes:
    """Some trials from above, each in a colour of its own: target's zone, path and stop, in cm."""
    ax = own_axes(ax)
    for k in range(len(paths)):
        colour = PATH_COLOURS[k % len(PATH_COLOURS)]
        draw_target(paths.target[k], radius, ax=ax, colour=colour)
        ax.plot(*paths.place[k].T, color=colour, lw=1.5)
        ax.plot(*paths.end[k], "s", color=colour, ms=5, mec="black")
    ax.plot(0, 0, "^", color="black", ms=8)
    ax.set(xlabel="x (cm)", ylabel="y (cm)", aspect="equal")
    return ax
