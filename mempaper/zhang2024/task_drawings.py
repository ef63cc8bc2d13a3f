"""Drawings of the task: the arena, a trial's course, reward, perturbation, gains, the toy filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Arc, Circle, Ellipse, Wedge
from scipy import stats
from torch import Tensor

from mempaper.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, own_axes
from mempaper.zhang2024.belief import toy_filter
from mempaper.zhang2024.comparisons import gaussian_ellipse
from mempaper.zhang2024.task import Firefly
from mempaper.zhang2024.trials import Trials
from mempaper.zhang2024.world import GAIN, LINEAR_SCALE, REWARD_MODES, World

TARGET = "rosybrown"
PATH = "black"
TOY_NOISES = {"prediction": (1.5, 1e5), "observation": (1e5, 1.0), "both": (1.5, 1.0)}


@dataclass(frozen=True)
class Course:
    """Trials under given actions; entries at and beyond a trial's length are those of its last step.

    Attributes
    ----------
    x : Tensor, shape (trial, step, 5)
        State before each step.
    observation : Tensor, shape (trial, step, 2)
        What is observed then, units/s and rad/s.
    actions : Tensor, shape (trial, step, 2)
    push : Tensor, shape (trial, step, 2)
        Velocity that the perturbation adds, units/s and rad/s.
    visible : Tensor of bool, shape (step,)
        Whether the target is seen.
    length : Tensor of int, shape (trial,)
        Steps.
    reward : Tensor, shape (trial,)
    trials : Trials
    """

    x: Tensor
    observation: Tensor
    actions: Tensor
    push: Tensor
    visible: Tensor
    length: Tensor
    reward: Tensor
    trials: Trials

    def path(self, trial: int) -> np.ndarray:
        """Positions (step, 2) of one trial, cm."""
        return self.x[trial, : self.length[trial], :2].numpy() * LINEAR_SCALE


def circle_plan(target: Tensor, world: World, effort: float = 0.7) -> Tensor:
    """Actions (trial, step, 2) that lead along circles to targets (trial, 2), units, at gain 1.

    The same action in every step, ``effort`` being the larger of its components or a little more than
    it, and then a stop. The velocity that the last of them sets is never travelled.

    Raises
    ------
    ValueError
        There are not enough steps.
    """
    bearing = math.pi / 2 - torch.atan2(target[:, 1], target[:, 0])
    arc = target.norm(dim=1) / torch.sinc(bearing / math.pi)
    total = torch.stack([arc / world.full_speed[0], -2 * bearing / world.full_speed[1]], 1)  # s
    steps = (total.abs().amax(1) / (effort * world.dt)).round().clamp(min=1) + 1
    if steps.max() >= world.n_steps:
        raise ValueError(f"effort {effort} is too little to be there within {world.n_steps - 1} steps")
    action = (total / ((steps - 1) * world.dt)[:, None]).clamp(-1, 1)
    moving = torch.arange(world.n_steps) < steps[:, None]
    return action[:, None] * moving[:, :, None]


def follow(plan: Tensor, trials: Trials, world: World, noise: Tensor | torch.Generator) -> Course:
    """Run trials with given actions (trial, step, 2), each until it stops or they end."""
    firefly = Firefly(world, trials, noise)
    n, steps = plan.shape[:2]
    length, reward = torch.full((n,), steps), torch.zeros(n)
    rows, visible = [], []
    for t in range(steps):
        visible.append(world.target_fullon or t <= world.target_off)
        rows.append((firefly.x, firefly.observation, plan[:, t], firefly.push()))
        step = firefly.step(plan[:, t])
        new = step.stopped & (length == steps)
        length[new], reward[new] = t + 1, step.reward[new]
    last = torch.minimum(torch.arange(steps), length[:, None] - 1)
    x, observation, actions, push = (
        torch.stack(part, 1)[torch.arange(n)[:, None], last] for part in zip(*rows, strict=True)
    )
    return Course(x, observation, actions, push, torch.tensor(visible), length, reward, trials)


def draw_arena(world: World | None = None, *, ax: Axes | None = None, labels: bool = True) -> Axes:
    """Where targets can be, seen from above: a sector ahead of the agent (panel 1a), in cm."""
    ax, world = own_axes(ax), World() if world is None else world
    near, far = (d * LINEAR_SCALE for d in world.initial_radius)
    half = math.degrees(world.relative_angle)
    sector = Wedge((0, 0), far, 90 - half, 90 + half, width=far - near, fc="#ececec", ec=GREY, ls=":")
    ax.add_patch(sector)
    ax.plot(0, 0, marker="^", color=PATH, ms=9, zorder=4)
    if labels:
        edge = math.radians(90 + half)
        for distance in (near, far):
            x, y = distance * math.cos(edge), distance * math.sin(edge)
            ax.text(x - 12, y, f"{distance:.0f} cm", ha="right", va="center", fontsize=10)
        ax.text(0, far + 8, f"{2 * half:.0f}°", ha="center", va="bottom", fontsize=10)
        ax.text(14, -4, "start", va="top", fontsize=10)
    widest = far * max(math.sin(world.relative_angle), 0.3) + 90
    ax.set(xlim=(-widest - 60 * labels, widest), ylim=(-40, far + 75), xlabel="x (cm)", ylabel="y (cm)")
    ax.set_aspect("equal")
    return ax


def draw_target(
    place: Sequence[float] | np.ndarray,
    radius: float = 65.0,
    *,
    ax: Axes | None = None,
    colour: str = TARGET,
) -> Axes:
    """A target with its reward zone, in cm."""
    ax = own_axes(ax)
    x, y = place
    ax.add_patch(Circle((x, y), radius, fc=colour, alpha=0.3, lw=0))
    ax.plot(x, y, "o", color=colour, ms=5)
    return ax


def draw_variables(course: Course, trial: int = 0, *, ax: Axes | None = None) -> Axes:
    """A path with what is measured of it: radial and angular place of target and stop (panel 1b)."""
    ax = own_axes(ax)
    target = course.trials.target[trial].numpy() * LINEAR_SCALE
    path = course.path(trial)
    stop = path[-1]
    draw_target(target, float(course.trials.radius[trial]) * LINEAR_SCALE, ax=ax)
    ax.plot(*path.T, color=PATH, lw=2)
    ax.plot(*stop, "s", color=PATH, ms=6)
    ax.plot(0, 0, marker="^", color=PATH, ms=9)
    for place, colour in ((target, TARGET), (stop, PATH)):
        ax.plot(*zip((0, 0), place, strict=True), color=colour, ls="--", lw=1)
    ax.plot((0, 110), (0, 0), color=GREY, lw=1)
    for place, size, colour in ((target, 150, TARGET), (stop, 110, PATH)):
        angle = math.degrees(math.atan2(place[1], place[0]))
        ax.add_patch(Arc((0, 0), size, size, theta1=0, theta2=angle, color=colour))
    outside = 1 if target[0] >= stop[0] else -1  # labels on the sides that face away
    labels = (
        (target, "target\n$r$, $\\theta$", outside),
        (stop, "stop\n$\\tilde r$, $\\tilde \\theta$", -outside),
    )
    for place, text, side in labels:
        ax.annotate(
            text,
            (place[0], place[1]),
            (9 * side, 2),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="bottom",
        )
    ax.set(xlabel="x (cm)", ylabel="y (cm)")
    ax.set_aspect("equal")
    return ax


def draw_course(course: Course, world: World, axes: Sequence[Axes], trial: int = 0) -> Sequence[Axes]:
    """A trial over time (panels 1c-d): target, joystick, linear and angular velocity; four axes.

    Lines are what happens, open circles what is observed; the band is the stop box.
    """
    n = int(course.length[trial])
    time = np.arange(n) * world.dt
    target, joystick, linear, angular = axes
    target.fill_between(time, 0, course.visible[:n].float(), step="pre", color=TARGET, lw=0)
    target.set(ylabel="target", yticks=[0, 1], ylim=(0, 1.15))
    target.set_yticklabels(["hidden", "shown"])
    joystick.axhspan(-world.stop_action, world.stop_action, color=GREY, alpha=0.25, lw=0)
    for column, (label, colour) in enumerate((("forwards $a_v$", BLUE), ("turn $a_w$", ORANGE))):
        joystick.step(time, course.actions[trial, :n, column], where="post", color=colour, label=label)
    joystick.set(ylabel="joystick", ylim=(-1.1, 1.1))
    joystick.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    rows = ((linear, 3, LINEAR_SCALE, BLUE, "cm/s"), (angular, 4, math.degrees(1), ORANGE, "°/s"))
    for ax, column, scale, colour, unit in rows:
        ax.plot(time, scale * course.x[trial, :n, column], color=colour)
        seen = scale * course.observation[trial, :n, column - 3]
        ax.plot(time, seen, "o", color=colour, mfc="none", ms=5, label="observed")
        ax.set(ylabel=unit)
    linear.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    for ax in (target, joystick, linear):
        ax.tick_params(labelbottom=False)
    for ax in axes:
        ax.set_xlim(0, time[-1] + world.dt)
    angular.set_xlabel("time (s)")
    return axes


def draw_rewards(world: World | None = None, *, ax: Axes | None = None) -> Axes:
    """Reward of a stop against its distance from the target, in each mode."""
    ax, world = own_axes(ax), World() if world is None else world
    radius = world.goal_radius[0]
    distance = torch.linspace(0, 3.2 * radius, 641)
    styles = {"mixed": (BLUE, "-", 2.5), "gauss": (ORANGE, "--", 1.5), "const": (GREEN, ":", 2.0)}
    for mode in REWARD_MODES:
        reward = World(reward_mode=mode, reward_scale=world.reward_scale).reward(distance, radius)
        colour, ls, lw = styles[mode]
        ax.plot(distance * LINEAR_SCALE, reward, color=colour, ls=ls, lw=lw, label=mode)
    ax.axvline(radius * LINEAR_SCALE, color=GREY, lw=1, ls=":", zorder=0)
    ax.set(xlabel="distance of the stop (cm)", ylabel="reward")
    ax.legend()
    return ax


def displacement(world: World | None = None) -> float:
    """Seconds of its peak velocity that a perturbation amounts to."""
    world = World() if world is None else world
    return float(world.bump().sum()) * world.dt


def draw_perturbation(
    peak: tuple[float, float] = (200.0, 120.0), world: World | None = None, *, ax: Axes | None = None
) -> Axes:
    """Velocity that a perturbation adds, with its peaks in cm/s and deg/s, and where it leads."""
    ax, world = own_axes(ax), World() if world is None else world
    bump = world.bump().numpy()
    time = np.arange(len(bump)) * world.dt
    units = (("cm/s", "moves by", " cm", BLUE), ("°/s", "turns by", "°", ORANGE))
    for height, (unit, verb, short, colour) in zip(peak, units, strict=True):
        label = f"{height:.0f} {unit}: {verb} {height * displacement(world):.1f}{short}"
        ax.plot(time, height * bump, "o-", ms=4, color=colour, label=label)
    ax.set(xlabel="time since its start (s)", ylabel="added velocity", ylim=(0, 1.45 * max(peak)))
    ax.legend(loc="upper center", fontsize="small")
    return ax


def draw_gains(
    tested: Sequence[float] = (1.5, 2.0), trained: float = 1.0, *, ax: Axes | None = None
) -> Axes:
    """Joystick gains: the trained one, and those that are tested (panel 4a)."""
    ax = own_axes(ax)
    full = np.array([GAIN[0] * LINEAR_SCALE, math.degrees(GAIN[1])])
    line = np.outer([trained, max(tested)], full)
    ax.plot(*line.T, color="black", lw=1.5, zorder=1)
    for gain, colour in ((trained, RED), *((one, GREY) for one in tested)):
        x, y = gain * full
        ax.plot(x, y, "o", color=colour, ms=9)
        label = f"{gain:g}×" + (", trained" if gain == trained else "")
        ax.annotate(label, (x, y), (9, -4), textcoords="offset points", va="top", color=colour)
    ends = np.outer([trained, *sorted(tested)], full)
    ax.set(xlabel="linear gain (cm/s)", ylabel="angular gain (°/s)")
    ax.set(xticks=ends[:, 0], yticks=ends[:, 1])
    ax.margins(0.25, 0.2)
    return ax


def draw_toy_filter(action: float = -3.0, observation: float = 3.0, *, ax: Axes | None = None) -> Axes:
    """Beliefs about the position after two steps of a toy Kalman filter (panel 2a).

    The action says one thing, the observation another; which is believed depends on the noises.
    """
    ax = own_axes(ax)
    place = np.linspace(min(action, observation) - 5, max(action, observation) + 5, 400)
    sides = {"prediction": (-1.1, "right"), "observation": (1.1, "left"), "both": (0, "center")}
    for (label, noises), colour in zip(TOY_NOISES.items(), (PURPLE, GREEN, BLUE), strict=True):
        belief = toy_filter(*noises, action, observation)
        mean, std = belief.mean[0], math.sqrt(belief.covariance[0, 0])
        normal = stats.norm(mean, std)
        ax.plot(place, normal.pdf(place), color=colour, lw=2.5 if label == "both" else 1.5)
        ax.fill_between(place, normal.pdf(place), color=colour, alpha=0.12, lw=0)
        shift, side = sides[label] if action < observation else (0, "center")
        x = mean + shift * std
        text = f"{label}\n{mean:.2f} ± {std:.2f}".replace("-", "−")
        ax.text(x, normal.pdf(x) + 0.01, text, ha=side, va="bottom", color=colour)
    ax.set(xlabel="position", ylabel="density", ylim=(0, 0.62))
    return ax


def draw_ellipse(
    mean: Sequence[float] | np.ndarray,
    covariance: np.ndarray,
    n_std: float = 2.0,
    *,
    ax: Axes | None = None,
    colour: str = GREEN,
) -> Axes:
    """Outline of a two-dimensional Gaussian at some standard deviations."""
    ax = own_axes(ax)
    (x, y), width, height, angle = gaussian_ellipse(mean, covariance, n_std)
    patch = Ellipse((x, y), width, height, angle=angle, fc=colour, ec=colour, alpha=0.25)
    ax.add_patch(patch)
    return ax
