"""Drawings of this paper, on given axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from mempaper import plots, stats
from mempaper.orhan2019.analysis import peak_order
from mempaper.orhan2019.task import TASKS, Geometry
from mempaper.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, own_axes

TASK_COLOURS = dict(zip(TASKS, (BLUE, SKY, RED, ORANGE, GREEN, "#7F4F24", PURPLE), strict=True))
CONDITION_COLOURS = {
    "basic": "#303030",
    "vardelay": BLUE,
    "hebbian": RED,
    "dynamic": GREEN,
    "tethered": PURPLE,
    "history": ORANGE,
    "untrained": GREY,
}
ENOUGH = 4  # networks for an interval to be drawn around their mean
INDEX = "sequentiality index"
SIGMA = "initial coupling $\\sigma_0$"


def sigma_colours(sigmas: Sequence[float] | np.ndarray) -> list[Any]:
    """A colour for each value of sigma0, from light (weak coupling) to dark."""
    n = len(sigmas)
    return sns.color_palette("flare", n) if n > 1 else [sns.color_palette("flare", 3)[1]]


def draw_nothing(*, ax: Axes | None = None) -> Axes:
    """Say that these networks were not trained."""
    ax = own_axes(ax)
    ax.text(0.5, 0.5, "not trained", transform=ax.transAxes, ha="center", color=GREY)
    return ax


def draw_phases(geometry: Geometry, *, ax: Axes | None = None, color: str = "white") -> Axes:
    """Dashed lines where the delay begins and ends."""
    ax = own_axes(ax)
    for step in (geometry.stimulus, geometry.stimulus + geometry.delay):
        ax.axvline(step - 0.5, color=color, ls="--", lw=1.2)
    return ax


def draw_activity(h: np.ndarray, geometry: Geometry, *, ax: Axes | None = None) -> AxesImage:
    """Activity (time, unit) of active units in the order of their peaks, each over its maximum."""
    ax = own_axes(ax)
    shown = h[:, peak_order(h)]
    relative = shown / shown.max(0) if shown.size else np.zeros((len(h), 1))
    image = ax.imshow(relative.T, aspect="auto", cmap="magma", vmin=0, vmax=1)
    draw_phases(geometry, ax=ax)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="step", ylabel="unit, by time of peak")
    return image


def draw_raster(inputs: np.ndarray, geometry: Geometry, *, ax: Axes | None = None) -> AxesImage:
    """Spike counts (time, channel) of one trial."""
    ax = own_axes(ax)
    image = ax.imshow(inputs.T, aspect="auto", cmap="Greys", vmin=0, origin="lower")
    draw_phases(geometry, ax=ax, color=BLUE)
    ax.set(xlabel="step", ylabel="input neuron")
    return image


def draw_grid(
    points: Sequence[tuple[float, float, float]],
    values: np.ndarray,
    *,
    ax: Axes | None = None,
    **image: Any,
) -> AxesImage:
    """Mean over seeds at each lambda0 (x) and sigma0 (y); points without a value are hatched.

    Parameters
    ----------
    values : array, shape (point, seed)
    """
    ax = own_axes(ax)
    mean = stats.mean_interval(values, axis=1)[0]
    lambdas, sigmas = (np.unique([point[k] for point in points]) for k in (0, 1))
    cells = np.full((len(sigmas), len(lambdas)), np.nan)
    for (lambda0, sigma0, _), value in zip(points, mean, strict=True):
        cells[np.searchsorted(sigmas, sigma0), np.searchsorted(lambdas, lambda0)] = value
    ax.patch.set(hatch="////", edgecolor="#A0A0A0", facecolor="white", lw=0)
    drawn = ax.imshow(np.ma.masked_invalid(cells), aspect="auto", origin="lower", **image)
    ax.set_xticks(range(len(lambdas)), [f"{value:g}" for value in lambdas])
    ax.set_yticks(range(len(sigmas)), [f"{value:g}" for value in sigmas])
    ax.set(xlabel="initial self-weight $\\lambda_0$", ylabel=SIGMA)
    return drawn


def draw_over_sigma(
    sigmas: np.ndarray,
    values: np.ndarray,
    *,
    ax: Axes | None = None,
    colour: str,
    label: str | None = None,
    shift: float = 0.0,
    **line: Any,
) -> Axes:
    """Networks as points, their mean as a line, with its interval if they are four or more.

    Parameters
    ----------
    values : array, shape (sigma0, network)
        Not a number where a network fails.
    shift : float
        Moves all sideways by this share of the axis, so that groups do not hide each other.
    """
    ax = own_axes(ax)
    place = np.asarray(sigmas) + shift * np.ptp(sigmas)
    ax.plot(place, values, "o", ms=3, color=colour, alpha=0.45, mew=0)
    style = {"color": colour, "label": label, "lw": 2, **line}
    if values.shape[1] >= ENOUGH:
        plots.mean_band(place, values.T, ax=ax, **style)
    else:
        ax.plot(place, stats.mean_interval(values, axis=1)[0], **style)
    ax.set(xlabel=SIGMA, ylabel=INDEX)
    ax.set_xticks(sigmas, [f"{sigma:.2g}" for sigma in sigmas])
    return ax


def draw_pairs(
    columns: Sequence[tuple[str, np.ndarray]], sigmas: np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """Lines of networks through columns of (label, values (sigma0, network)), and black their mean."""
    ax = own_axes(ax)
    values, places = np.stack([column for _, column in columns]), np.arange(len(columns))
    for row, (sigma, colour) in enumerate(zip(sigmas, sigma_colours(sigmas), strict=True)):
        lines = ax.plot(places, values[:, row], "o-", color=colour, ms=4, lw=1, alpha=0.8)
        lines[0].set_label(f"$\\sigma_0$ = {sigma:.2g}")
    together = np.where(np.isfinite(values).all(0), values, np.nan).reshape(len(columns), -1)
    mean = stats.mean_interval(together, axis=1)[0]
    ax.plot(places, mean, "_-", color="black", ms=16, mew=2.5, lw=1.8, label="mean")
    ax.set_xticks(places, [label for label, _ in columns])
    ax.set(xlim=(-0.3, len(columns) - 0.7), ylabel=INDEX)
    return ax


def draw_differences(
    rows: Sequence[tuple[str, np.ndarray | None, str]],
    *,
    ax: Axes | None = None,
    within: tuple[float, float] | None = None,
) -> Axes:
    """Rows of paired differences: pairs as points, their mean with its 95 % interval.

    Parameters
    ----------
    rows : sequence of (label, samples, colour), from top to bottom
    within : (low, high), optional
        A range to be shaded, e.g. what counts as no change.
    """
    ax = own_axes(ax)
    if within is not None:
        ax.axvspan(*within, color=GREY, alpha=0.15, lw=0)
    for place, (_, samples, colour) in enumerate(rows):
        if samples is None or not np.isfinite(samples).any():
            continue
        found = stats.estimate(samples)
        below = np.full(np.size(samples), place + 0.2)
        ax.plot(np.ravel(samples), below, "o", ms=3, color=colour, alpha=0.5)
        ax.plot([found.low, found.high], [place, place], color=colour, lw=2.5)
        ax.plot(found.value, place, "o", color=colour, ms=7)
    ax.axvline(0, color=GREY, ls=":", lw=1, zorder=0)
    ax.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    if rows:
        ax.set_ylim(len(rows) - 0.5, -0.5)
        return ax
    return draw_nothing(ax=ax)


def draw_by_task(
    values: Sequence[tuple[str, np.ndarray]], sigmas: np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """Networks as points and means as bars, by sigma0, for several (label, values (sigma0, network))."""
    ax = own_axes(ax)
    shifts = np.linspace(-0.25, 0.25, len(sigmas)) if len(sigmas) > 1 else [0.0]
    half = 0.3 / len(sigmas)
    for row, (sigma, colour) in enumerate(zip(sigmas, sigma_colours(sigmas), strict=True)):
        for place, (_, found) in enumerate(values):
            x = place + shifts[row]
            mean = stats.estimate(found[row]).value
            ax.plot(np.full(found.shape[1], x), found[row], "o", ms=3.5, color=colour, alpha=0.6, mew=0)
            lines = ax.plot([x - half, x + half], [mean, mean], color=colour, lw=3)
        lines[0].set_label(f"$\\sigma_0$ = {sigma:.2g}")
    ax.set_xticks(range(len(values)), [label for label, _ in values])
    return ax
