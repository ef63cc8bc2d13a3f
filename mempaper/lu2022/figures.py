"""Colours and drawings that belong to this paper, on given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mempaper.lu2022.analysis import target_and_lure
from mempaper.lu2022.curves import (
    Curves,
    by_condition,
    recall_rocs,
    second_part,
    split_by_source,
)
from mempaper.lu2022.evaluation import Evaluation
from mempaper.lu2022.trials import CONDITIONS
from mempaper.plots import GREY, mean_band, own_axes, published_points
from mempaper.stats import Estimate

COLOURS = {"RM": "#3B7A57", "DM": "#2F5D9B", "NM": "#B3552F"}
TARGET, LURE = "#2F5D9B", "#B3552F"
SCHEMATIC = "#7A4E8C"
MIDWAY, END = "#C77D2E", "#4B3B8F"
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
        lw=0,
    )
    if published:
        name = CONDITIONS[condition]
        right, known = published["accuracy"][name], 1 - np.array(published["mistake"][name])
        style: dict[str, Any] = {"ax": ax, "label": None, "color": "black", "ms": 4, "clip_on": False}
        published_points(np.arange(len(right)), right, **style)
        published_points(np.arange(len(right)), known, marker="^", **style)
    last = len(shares[0]) - 1
    ax.set(xlabel="step of part 2", xlim=(0, last), ylim=(0, 1), xticks=range(0, last + 1, 5))
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


def draw_split(
    evaluation: Evaluation,
    *,
    ax: Axes | None = None,
    published: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Axes:
    """Gate in DM over time where the queried feature was not, and where it was, seen recently.

    Parameters
    ----------
    evaluation : Evaluation
    published : (not seen, seen), optional
        Values of the first steps.
    """
    ax = own_axes(ax)
    split = split_by_source(evaluation, evaluation.gate[:, :, second_part(evaluation)])
    names = ("not seen recently", "seen recently")
    for i, (gate, name, colour) in enumerate(zip(split, names, (TARGET, GREY), strict=True)):
        mean_band(np.arange(gate.shape[-1]), gate, ax=ax, color=colour, label=name)
        if published is not None:
            steps = np.arange(len(published[i]))
            published_points(steps, published[i], ax=ax, color=colour, label=None)
    ax.set(xlabel="step of part 2", ylabel="gate in DM")
    return ax


def draw_rocs(evaluation: Evaluation, *, ax: Axes | None = None, **line: Any) -> Axes:
    """Recall ROC, targets in DM against lures in NM, mean over networks."""
    ax, rocs = own_axes(ax), recall_rocs(evaluation)
    false = np.mean([roc.false_positive for roc in rocs], 0)
    true = np.mean([roc.true_positive for roc in rocs], 0)
    ax.plot(false, true, **line)
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", lw=1, zorder=0)
    ax.set(xlabel="share of lures", ylabel="share of targets")
    return ax


def draw_by_schema(
    strengths: Sequence[float], schematic: np.ndarray, other: np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """Means at schematic and at other steps against the schema's strength.

    Parameters
    ----------
    strengths : sequence of float
    schematic, other : ndarray, shape (member, strength)
    """
    ax = own_axes(ax)
    style: dict[str, Any] = {"ax": ax, "marker": "o"}
    mean_band(strengths, schematic, label="schematic", color=SCHEMATIC, **style)
    mean_band(strengths, other, label="other", color=GREY, ls="--", **style)
    ax.set_xlabel("schema strength")
    return ax


def draw_states(scores: np.ndarray, *, ax: Axes | None = None) -> Axes:
    """States on their first two principal components, coloured by step; a line joins the means.

    Parameters
    ----------
    scores : ndarray, shape (trial, step, component)
    """
    ax = own_axes(ax)
    n_trials, n_steps = scores.shape[:2]
    step = np.tile(np.arange(n_steps), n_trials)
    x, y = scores[..., :2].reshape(-1, 2).T
    points = ax.scatter(x, y, c=step, s=5, lw=0, cmap="viridis", alpha=0.7)
    ax.plot(*scores[..., :2].mean(0).T, color="black", marker="o", ms=3, lw=1)
    ax.set(xlabel="first component", ylabel="second component")
    ax.figure.colorbar(points, ax=ax, label="step", ticks=range(0, n_steps, 5))
    return ax


def draw_difference(samples: np.ndarray, interval: Estimate, *, ax: Axes | None = None) -> Axes:
    """Paired difference of each network as a dot, their mean with its interval beside them.

    Parameters
    ----------
    samples : ndarray, shape (member,)
    interval : Estimate
    """
    ax = own_axes(ax)
    ax.plot(np.zeros(len(samples)), samples, "o", color=GREY, ms=4, alpha=0.7)
    ax.plot([0.3, 0.3], [interval.low, interval.high], color="black", lw=2)
    ax.plot(0.3, interval.value, "o", color="black", ms=8)
    ax.axhline(0, color=GREY, ls=":", lw=1, zorder=0)
    ax.set_xticks([0, 0.3], ["networks", "mean"])
    ax.set_xlim(-0.2, 0.5)
    return ax


def draw_snapshots(
    activation: np.ndarray,
    name: str,
    *,
    ax: Axes | None = None,
    published: Sequence[float] | None = None,
) -> Axes:
    """Mean activation of midway and end memories of both events in one condition.

    Parameters
    ----------
    activation : ndarray, shape (member, condition, event, snapshot)
        From :func:`mempaper.lu2022.curves.by_snapshot`.
    name : {'RM', 'DM', 'NM'}
    published : sequence, optional
        Values of the four bars.
    """
    ax, bars = own_axes(ax), []
    for event, kind in ((0, "lure"), (-1, "lure" if name == "NM" else "target")):
        own = activation[:, CONDITIONS.index(name), event]
        bars.append((f"{kind}\nmid", own[:, :-1].mean(-1), MIDWAY))
        bars.append((f"{kind}\nend", own[:, -1], END))
    draw_bars(bars, ax=ax, published=published)
    ax.tick_params(axis="x", labelsize="small")
    ax.set(title=name, ylabel="activation")
    return ax


def draw_decoded(predicted: np.ndarray, values: np.ndarray, *, ax: Axes | None = None) -> Axes:
    """Decoded values of one trial: white is unknown, a colour is a value, a cross marks a wrong one.

    Parameters
    ----------
    predicted : int ndarray, shape (time, feature)
        -1 where unknown.
    values : int ndarray, shape (feature,)
    """
    ax = own_axes(ax)
    ax.imshow(np.where(predicted < 0, np.nan, predicted).T, cmap="Set2", vmin=0, vmax=7, aspect="auto")
    wrong = (predicted >= 0) & (predicted != values)
    ax.plot(*np.nonzero(wrong), "x", color="black", ms=4)
    ax.axvline(len(predicted) / 2 - 0.5, color="black", lw=1)
    ax.set(xlabel="time", ylabel="feature")
    return ax
