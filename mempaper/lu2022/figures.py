"""Colours and drawings that belong to this paper, on given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mempaper.lu2022.analysis import target_and_lure
from mempaper.lu2022.curves import Curves, by_condition, second_part
from mempaper.lu2022.evaluation import Evaluation
from mempaper.lu2022.trials import CONDITIONS
from mempaper.plots import GREY, mean_band, own_axes, published_points

COLOURS = {"RM": "#3B7A57", "DM": "#2F5D9B", "NM": "#B3552F"}
TARGET, LURE = "#2F5D9B", "#B3552F"
CORRECT, DONT_KNOW, MISTAKE = "#5B8FB9", "#D9D9D9", "#B3552F"
LONG_NAMES = {"RM": "recent memory", "DM": "distant memory", "NM": "no memory"}


def draw_behaviour(
    course: Curves,
    condition: int,
    *,
    ax: Axes | None = None,
    published: Mapping[str, Any] | None = None,
) -> Axes:
    """Stacked shares of right answers, don't know and errors over the second part.

    Parameters
    ----------
    course : Curves
    condition : int
    published : mapping, optional
        ``accuracy`` and ``mistake``, shares by condition: their open markers are the borders between
        right and don't know (circles), and between don't know and wrong (triangles).
    """
    ax = own_axes(ax)
    shares = [
        getattr(course, name)[:, condition].mean(0) for name in ("accuracy", "dont_know", "mistake")
    ]
    ax.stackplot(
        np.arange(len(shares[0])),
        shares,
        colors=(CORRECT, DONT_KNOW, MISTAKE),
        labels=("right", "don't know", "wrong"),
    )
    if published:
        name = CONDITIONS[condition]
        right, known = published["accuracy"][name], 1 - np.array(published["mistake"][name])
        style: dict[str, Any] = {"ax": ax, "label": None, "color": "black", "ms": 4, "clip_on": False}
        published_points(np.arange(len(right)), right, **style)
        published_points(np.arange(len(right)), known, marker="^", **style)
    ax.set(xlabel="step of part 2", xlim=(0, len(shares[0]) - 1), ylim=(0, 1))
    ax.set_title(f"{CONDITIONS[condition]}: {LONG_NAMES[CONDITIONS[condition]]}")
    return ax


def draw_by_condition(
    samples: np.ndarray,
    *,
    ax: Axes | None = None,
    published: Mapping[str, Sequence[float]] | None = None,
    suffix: str = "",
    marker: str = "o",
    **line: Any,
) -> Axes:
    """A line for each condition over time, its interval over networks, and published means.

    Parameters
    ----------
    samples : ndarray, shape (member, condition, step)
    published : mapping, optional
        Values by condition.
    suffix : str
        Follows the condition in the legend.
    marker : str
        Of published values.
    **line
        Style of the lines.
    """
    ax = own_axes(ax)
    steps = np.arange(samples.shape[-1])
    for condition, name in enumerate(CONDITIONS):
        if np.isnan(samples[:, condition]).all():
            continue
        colour = COLOURS[name]
        mean_band(steps, samples[:, condition], ax=ax, label=name + suffix, color=colour, **line)
        if published and name in published:
            points = published[name]
            published_points(steps, points, ax=ax, label=None, color=colour, ms=4, marker=marker)
    ax.set_xlabel("step of part 2")
    return ax


def draw_activation(
    course: Curves, *, ax: Axes | None = None, published: Mapping[str, Any] | None = None
) -> Axes:
    """Activation of the target (lines, circles) and of a lure (dashes, triangles) over time.

    Parameters
    ----------
    course : Curves
    published : mapping, optional
        ``target`` and ``lure``, values by condition.
    """
    ax = own_axes(ax)
    theirs = published or {}
    draw_by_condition(course.target, ax=ax, published=theirs.get("target"), suffix=" target")
    style = {"suffix": " lure", "marker": "^", "ls": "--"}
    draw_by_condition(course.lure, ax=ax, published=theirs.get("lure"), **style)
    ax.set_ylabel("activation")
    return ax


def draw_paired(
    samples: Sequence[np.ndarray],
    labels: Sequence[str],
    *,
    ax: Axes | None = None,
    published: Sequence[Any] | None = None,
    colour: str = TARGET,
) -> Axes:
    """A line for each network through its values under several settings, and their mean.

    Parameters
    ----------
    samples : sequence of ndarray, each (member,)
    published : sequence, optional
        For each setting a value, or values by network, or None.
    """
    ax = own_axes(ax)
    values, places = np.stack(samples), np.arange(len(samples))
    ax.plot(places, values, color=GREY, lw=0.8, alpha=0.6, marker="o", ms=3)
    ax.plot(places, values.mean(1), color=colour, lw=2.2, marker="o", ms=7)
    if published is not None:
        known = [(p, np.mean(v)) for p, v in zip(places, published, strict=True) if v is not None]
        published_points(*zip(*known, strict=True), ax=ax, ms=8)
    ax.set_xticks(places, labels)
    ax.set_xlim(-0.4, len(samples) - 0.6)
    return ax


def draw_bars(
    groups: Sequence[tuple[str, np.ndarray, str]],
    *,
    ax: Axes | None = None,
    published: Sequence[float | None] | None = None,
) -> Axes:
    """Mean of each group as a bar, networks as dots.

    Parameters
    ----------
    groups : sequence of (label, samples (member,), colour)
    published : sequence, optional
        A value for each group, or None.
    """
    ax = own_axes(ax)
    for place, (_, samples, colour) in enumerate(groups):
        ax.bar(place, np.nanmean(samples), color=colour, alpha=0.65, width=0.7)
        spread = np.linspace(-0.2, 0.2, len(samples)) if len(samples) > 1 else [0.0]
        ax.plot(place + np.asarray(spread), samples, "o", color="black", ms=2.5)
    if published is not None:
        known = [(place, value) for place, value in enumerate(published) if value is not None]
        published_points(*zip(*known, strict=True), ax=ax, marker="D")
    ax.set_xticks(range(len(groups)), [label for label, _, _ in groups])
    return ax


def draw_likeness(evaluation: Evaluation, *, ax: Axes | None = None) -> Axes:
    """Cosine of the state before recall with the target (lines) and with lures (dashes) over time."""
    ax, part = own_axes(ax), second_part(evaluation)
    cosine = evaluation.cosine[:, :, part]
    target, lure = target_and_lure(cosine, evaluation.condition, evaluation.n_targets)
    draw_by_condition(by_condition(evaluation, target), ax=ax, suffix=" target")
    draw_by_condition(by_condition(evaluation, lure), ax=ax, suffix=" lure", ls="--")
    ax.set_ylabel("cosine")
    return ax
