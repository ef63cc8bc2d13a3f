"""What several figures draw in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from mempaper import plots
from mempaper.plots import GREY, own_axes

COLOURS = {  # the paper's, but for a darker one where its own is hard to see on white
    "hol": "salmon",
    "moho": "#a84499",
    "homo": "#183319",
    "mod": "lightseagreen",
    "EKF": "black",
    "EKF alternative": GREY,
    "holEKF": "#c0504d",
}
LABELS = {
    "hol": "holistic",
    "moho": "mod. actor, hol. critic",
    "homo": "hol. actor, mod. critic",
    "mod": "modular",
    "EKF": "EKF",
    "EKF alternative": "EKF alternative",
    "holEKF": "holistic-EKF",
}
SHORT = {
    "hol": "holistic",
    "moho": "mo. actor\nho. critic",
    "homo": "ho. actor\nmo. critic",
    "mod": "modular",
    "EKF": "EKF",
    "EKF alternative": "EKF alt.",
    "holEKF": "holistic-\nEKF",
}


def draw_curves(
    trials: np.ndarray, curves: Mapping[str, np.ndarray], *, ax: Axes | None = None, **line: Any
) -> Axes:
    """Mean over seeds in the course of training, one line with a band for each kind of agent.

    Parameters
    ----------
    trials : array, shape (row,)
        Training trials.
    curves : mapping of arrays, shape (seed, row)
        By short name.
    """
    ax = own_axes(ax)
    for name, values in curves.items():
        style = {"color": COLOURS[name], "label": LABELS[name], **line}
        if len(values) == 1:
            ax.plot(trials, values[0], **style)
        else:
            plots.mean_band(trials, values, ax=ax, **style)
    ax.set_xlabel("training trials")
    ax.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:g}k" if x else "0")
    return ax


def draw_published_course(
    trials: Sequence[float],
    published: Mapping[str, Sequence[float]],
    *,
    last: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A published course of training as open markers.

    Parameters
    ----------
    trials : sequence of float, shape (point,)
        Of the original's training.
    published : mapping of sequences, shape (point,)
        By short name; not a number where nothing is known.
    last : float, optional
        Where an axis ends that counts trials of another recipe: then only the last values are drawn,
        a little beyond it.
    """
    ax = own_axes(ax)
    for name, values in published.items():
        x, y = (trials, values) if last is None else ([1.04 * last], values[-1:])
        plots.published_points(x, y, ax=ax, label=None, color=COLOURS[name])
    return ax


def draw_seeds(
    values: Mapping[str, np.ndarray],
    *,
    ax: Axes | None = None,
    published: Mapping[str, float] | None = None,
) -> Axes:
    """One number per seed as points, their mean as a bar, published means as open markers.

    Parameters
    ----------
    values : mapping of arrays, shape (seed,)
        By short name.
    published : mapping of float, optional
    """
    ax = own_axes(ax)
    for k, (name, per_seed) in enumerate(values.items()):
        per_seed = np.atleast_1d(per_seed)
        ax.bar(k, np.nanmean(per_seed), 0.62, color=COLOURS[name], alpha=0.55, lw=0)
        across = np.linspace(-0.16, 0.16, len(per_seed)) if len(per_seed) > 1 else [0]
        ax.plot(k + np.asarray(across), per_seed, "o", ms=3.5, color="black", alpha=0.7)
    return _name_groups(values, published, ax)


def draw_violins(
    values: Mapping[str, np.ndarray],
    *,
    ax: Axes | None = None,
    published: Mapping[str, float] | None = None,
) -> Axes:
    """Distributions over trials of all seeds, with a white bar at their mean.

    Parameters
    ----------
    values : mapping of arrays, shape (trial,)
        By short name, outliers already removed.
    """
    ax = own_axes(ax)
    for k, (name, samples) in enumerate(values.items()):
        parts = ax.violinplot(samples, [k], widths=0.8, showextrema=False)
        for body in parts["bodies"]:  # type: ignore[attr-defined]
            body.set(facecolor=COLOURS[name], alpha=0.75, edgecolor="none")
        ax.plot([k - 0.2, k + 0.2], [samples.mean()] * 2, color="white", lw=2.5)
        ax.plot([k - 0.2, k + 0.2], [samples.mean()] * 2, color="black", lw=1)
    return _name_groups(values, published, ax)


def _name_groups(names: Iterable[str], published: Mapping[str, float] | None, ax: Axes) -> Axes:
    """Names below groups that stand side by side, and beside each its published mean."""
    names = list(names)
    if published:
        known = {k: published[name] for k, name in enumerate(names) if name in published}
        plots.published_points(np.array(list(known)) + 0.36, list(known.values()), ax=ax)
    ax.set_xticks(range(len(names)), [SHORT[name] for name in names], fontsize="small")
    return ax


def draw_grid(
    values: np.ndarray,
    rows: Sequence[Any],
    columns: Sequence[Any],
    *,
    ax: Axes | None = None,
    label: str = "",
    digits: int = 2,
    limits: tuple[float, float] | None = None,
    cmap: str = "viridis",
) -> Axes:
    """Heat map with its numbers; the first row is at the bottom.

    Parameters
    ----------
    values : array, shape (row, column)
    rows, columns : sequence
        Tick labels.
    """
    ax = own_axes(ax)
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    image = ax.imshow(values, origin="lower", cmap=cmap, vmin=low, vmax=high, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = value < low + 0.55 * (high - low)
            ink = "white" if dark else "black"
            ax.text(j, i, f"{value:.{digits}f}", ha="center", va="center", color=ink, fontsize=7)
    ax.set_xticks(range(len(columns)), [str(c) for c in columns])
    ax.set_yticks(range(len(rows)), [str(r) for r in rows])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if label:
        plt.colorbar(image, ax=ax, label=label, shrink=0.8)
    return ax


def draw_missing_monkeys(*, ax: Axes | None = None) -> Axes:
    """Say that a panel needs recordings that are not there; nothing is drawn in their place."""
    ax = own_axes(ax)
    text = "not attempted:\nneeds recordings of macaques,\nsee “Bring your own monkey”"
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=GREY)
    ax.set_axis_off()
    return ax
