# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A push on the way
#
# Zhang, Pitkow & Angelaki (2024), figure 6 a–e · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Somewhere on its way the agent is pushed: for a second its velocity is not what the joystick asks for. No agent was ever pushed in training. All of them steer
# against it, the modular agent most, and its errors grow least with the size of the push.

# %% tags=["remove-cell"]
# On Colab, or wherever the package is missing: install it (torch and numpy stay as they are).
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("mempaper") is None:
    subprocess.check_call(
        [sys.executable, "-m", "pip", "install", "--quiet", "@install@"]
    )
# %% tags=["parameters"]
mode: str = "fast"  # smoke (not judged) | fast | full (the paper's training)
seed: int = 0  # of the first agent; the others follow it
n_seeds: int = None  # agents of each architecture; None takes the mode's number
n_trials: int = None  # perturbed trials per agent; None takes the mode's number
monkey_data: str = None  # folder with recordings; None: monkeys are left out

# %%
import inspect
from operator import attrgetter

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.zhang2024 import (
    courses,
    disturbed,
    figures,
    groups,
    monkeys,
    task_drawings,
)
from mempaper.zhang2024 import perturbation as perturbations
from mempaper.zhang2024.analysis import bumps, paths
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig6_perturbation_behaviour",
    globals(),
    Pool,
    "n_trials",
    own=("monkey_data",),
)
subjects = []
if monkey_data:
    subjects = monkeys.read_subjects(monkey_data, ("normal", "perturbation"))

# %% [markdown]
# ## The idea
#
# A perturbation adds a velocity to that of the joystick, during eleven steps from step $t_0$ on. With $k = t - t_0$,
#
# $$
# \text{push}_t = \hat p\; e^{-\frac{1}{2} \left(\frac{k - 5}{2}\right)^2}, \qquad 0 \le k \le 10,
# $$
#
# with linear and angular peaks $\hat p_v \in [-200, 200]$ cm/s and $\hat p_\omega \in [-120, 120]$ °/s, and $t_0$ between 0 and 10
# {footcite:p}`zhang2024inductive`. Altogether it moves the agent by half a second of its peak velocity. Its **magnitude** is $\sqrt{\hat p_v^2 + \hat p_\omega^2}$, which takes a
# degree for as much as a centimetre.
#
# Nothing announces a push. But the agent sees its velocity, with noise, and remembers what it did itself: a velocity that it did not ask for must come from elsewhere. It can act
# upon that in two ways. It can steer against the push while it lasts; or it can let itself be carried off, know where it is, and go to the target from there. What would happen
# if it did neither, we know: the actions of the same trial *without* the push, replayed with it.
#
# How it does act is the difference between its actions with and without the push, aligned to the onset:
#
# $$
# c_\tau = G \big\langle a^{\text{pushed}}_{t_0 + \tau} - a^{\text{normal}}_{t_0 + \tau} \big\rangle_{\text{trials}} .
# $$
#
# Linear pushes are forward or backward; angular ones are congruent if they turn the agent to the side where the target is, else incongruent.

# %%
print(inspect.getsource(perturbations.compensation).split('"""')[2])

# %% [markdown]
# ## The experiment
#
# Targets, pushes and noises are the same for all agents. Each trial is done twice, with and without the push.

# %%
base = chapter.experiment
pool = groups.trained(groups.main(base), "perturbation")
world = pool["mod"][0].world
trials = disturbed.behaviour_trials(base.n_trials, world, subjects)
agents = disturbed.behaviour(pool, trials)
recorded = disturbed.monkey_errors(subjects, base.n_trials) if subjects else {}

# %% [markdown]
# For an example we take the seed with the highest reward rate under perturbations of the holistic and of the modular agent, and, of the tenth of the trials with the
# largest pushes, the one where the difference between their errors is the median. So it is a typical trial.

# %%
shown = {
    name: agents[name][disturbed.best(agents[name])] for name in ("mod", "hol")
}
magnitude = perturbations.magnitude(trials.trials)
example = disturbed.typical(
    shown["hol"].distance - shown["mod"].distance,
    magnitude > np.quantile(magnitude, 0.9),
)
errors = {
    name: disturbed.errors_by_magnitude(group) for name, group in agents.items()
}
without = disturbed.errors_by_magnitude(
    [one for group in agents.values() for one in group], reacting=False
)
rates, deviations = (
    {n: courses.table_mean(g, ["perturbation1"], column) for n, g in pool.items()}
    for column in ("reward_rate", "TD_error_abs")
)

# %% [markdown]
# ## The figures
#
# Where does the push lead, and where do the agents go? A dashed path is that of an agent that does not notice.

# %% mystnb={"image": {"alt": "A: linear and angular velocity of one push over time, two bells of about a second. B: paths seen from above to a target with its reward zone, by the modular and by the holistic agent, each with a dashed path of the same actions without a reaction to the push. C: errors of monkeys against the magnitude, or a note that recordings are needed."}, "figure": {"caption": "One trial. A: the push; vertical lines are its start and its end. B: the paths of the modular and of the holistic agent, dashed: the actions of the same trial without a push, replayed with it; the disc is the reward zone. C: errors of monkeys by the magnitude of the push; dashed: without reaction.", "name": "fig-zhang-push"}}
fig, axes = plt.subplots(1, 3, figsize=(14, 4.2))
peak = perturbations.peaks(trials.trials)[example]
start = int(trials.trials.start[example])
time = world.dt * np.arange(world.n_steps)
bell = bumps([start], world.n_steps, world)[0]
labels = ("linear (cm/s)", "angular (°/s)")
for size, label, colour in zip(
    peak, labels, (plots.BLUE, plots.ORANGE), strict=True
):
    axes[0].plot(time, size * bell, color=colour, label=label)
for edge in (start, start + world.bump_duration):
    axes[0].axvline(world.dt * edge, color=plots.GREY, ls=":", lw=1)
axes[0].set(xlabel="time (s)", ylabel="added velocity", xlim=(0, 2.5))
axes[0].legend(fontsize="small")
for name, one in shown.items():
    own, replayed = paths(one.perturbed), one.without_reaction
    line = {"color": figures.COLOURS[name], "lw": 2.2}
    axes[1].plot(*own.place[example].T, label=figures.LABELS[name], **line)
    axes[1].plot(*replayed.place[example].T, "--", label="no reaction", **line)
task_drawings.draw_target(own.target[example], ax=axes[1])
axes[1].plot(0, 0, "^", color="black", ms=8)
axes[1].set(xlabel="x (cm)", ylabel="y (cm)")
axes[1].set_aspect("equal", adjustable="datalim")
axes[1].legend(fontsize="small")
if recorded:
    monkey_colours = (plots.BLUE, plots.GREEN)
    for (name, found), colour in zip(
        recorded.items(), monkey_colours, strict=False
    ):
        for line, style in zip(found, ("-", "--"), strict=True):
            label = f"monkey {name}" if style == "-" else None
            axes[2].plot(line.x, line.mean, style, color=colour, label=label)
    axes[2].axhline(65, color=plots.GREY, ls=":", lw=1)
    axes[2].set(xlabel="magnitude", ylabel="distance from target (cm)")
    axes[2].legend(fontsize="small")
else:
    figures.draw_missing_monkeys(ax=axes[2])
plots.panel_letters(axes)

# %% [markdown]
# A says how errors grow. Without a reaction (grey) they would grow much more: none of the agents ignores the push.

# %% mystnb={"image": {"alt": "A: distance from the target against the magnitude of the push. Four coloured lines rise, the holistic one steepest and the modular one least; a dashed grey line of no reaction lies far above them at large magnitudes; a dotted line marks the reward zone. B: bars of the area under the curve for the four agents with a point per seed and published values as open circles."}, "figure": {"caption": "A: distance from the target by the magnitude of the push, running mean over a tenth of the trials of all seeds; grey: actions of unperturbed trials replayed with the push, all agents; dotted: radius of the reward zone; open markers: published. B: area under the ROC of large pushes (magnitude above 115); points are seeds, bars means, open markers published.", "name": "fig-zhang-push-errors"}}
published = {  # read off panels 6d (at these magnitudes), 6e
    "magnitude": (10, 60, 115, 170, 200, 222),
    "error": {
        "hol": (33, 39, 56, 78, 89, 91),
        "moho": (36, 41, 56, 77, 87, 91),
        "homo": (36, 40, 44, 59, 62, 65),
        "mod": (38, 42, 44, 52, 52, 54),
    },
    "auc": {"hol": 0.832, "moho": 0.831, "homo": 0.892, "mod": 0.909},
}
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.4), width_ratios=(1.4, 1))
for name, line in errors.items():
    style = {"color": figures.COLOURS[name]}
    axes[0].plot(line.x, line.mean, lw=2, label=figures.LABELS[name], **style)
    values = published["error"][name]
    plots.published_points(
        published["magnitude"], values, ax=axes[0], label=None, **style
    )
axes[0].plot(without.x, without.mean, "--", color=plots.GREY, label="no reaction")
axes[0].axhline(65, color=plots.GREY, ls=":", lw=1)
axes[0].set(xlabel="magnitude of the push", ylabel="distance from target (cm)")
axes[0].legend(fontsize="x-small")
figures.draw_seeds(
    courses.by_seed(agents, attrgetter("auc_large")),
    ax=axes[1],
    published=published["auc"],
)
axes[1].set(ylabel="AUC, large pushes", ylim=(0.75, None))
plots.panel_letters(axes)

# %% [markdown]
# What agents do about it. Pushed forward, they take the speed back, and pushed back they add some; turned to one side, they turn to the other. Lines that oppose a push
# are solid below zero and dashed above it.

# %% mystnb={"image": {"alt": "A: linear compensation in cm/s over two seconds after the onset; solid lines for forward pushes dip below zero and dashed lines for backward ones rise above it, those of agents with a modular critic farther. B: angular compensation in degrees per second, congruent below and incongruent above zero, with an earlier peak."}, "figure": {"caption": "Compensation: action with minus action without the push, from its onset on, mean over seeds with the 95 % confidence interval. A: linear, forward (solid) and backward pushes (dashed). B: angular, pushes towards the target's side (solid, as if all were counter-clockwise) and away from it (dashed, as if all were clockwise). After the end of a trial its action counts as zero. Open markers: published peaks.", "name": "fig-zhang-push-kernels"}}
published_peaks = {  # read off panels S6a at 1 s and S6b at .55 s
    "linear": {
        "hol": (-4.6, 6.0),
        "moho": (-7.1, 9.1),
        "homo": (-12.8, 15.6),
        "mod": (-17.0, 22.6),
    },
    "angular": {
        "hol": (-17.0, 15.7),
        "moho": (-17.8, 16.1),
        "homo": (-25.4, 24.2),
        "mod": (-27.9, 24.8),
    },
}
panels = (
    ("linear", 1.0, "linear compensation (cm/s)"),
    ("angular", 0.55, "angular compensation (°/s)"),
)
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.4))
for ax, (kind, when, label) in zip(axes, panels, strict=True):
    disturbed.draw_kernels(agents, kind, ax=ax)
    for name, values in published_peaks[kind].items():
        colour = figures.COLOURS[name]
        plots.published_points([when] * 2, values, ax=ax, label=None, color=colour)
    ax.set_ylabel(label)
for name in agents:
    axes[0].plot([], [], color=figures.COLOURS[name], label=figures.LABELS[name])
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# The course of training. No push is ever part of it; still, reactions to pushes improve.

# %% mystnb={"image": {"alt": "Two panels against training trials, one line with a band per kind of agent. A: reward rate under perturbations, rising; the modular agent ends highest. B: absolute TD error under perturbations, falling. Open circles at the right edge are published ends."}, "figure": {"caption": "Tests with pushes in the course of training, mean over seeds with the 95 % confidence interval. A: reward rate. B: absolute TD error, from where most unperturbed trials are rewarded. Open markers: published, at the end of the paper's training.", "name": "fig-zhang-push-training"}}
published_ends = {  # read off panels S6c, S6d after 10 000 trials
    "rate": {"hol": 0.36, "moho": 0.29, "homo": 0.57, "mod": 0.614},
    "deviation": {"hol": 0.30, "moho": 0.35, "homo": 0.18, "mod": 0.157},
}
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.2))
course = pool["mod"][0].trials
panels = (
    (rates, "rate", "reward rate (1/s)"),
    (deviations, "deviation", "absolute TD error"),
)
for ax, (curves, kind, label) in zip(axes, panels, strict=True):
    for name, values in curves.items():
        k = 0
        if kind == "deviation":
            k = courses.learned_row(pool[name], label="perturbation0")
        figures.draw_curves(course[k:], {name: values[:, k:]}, ax=ax, lw=2)
    for name, end in published_ends[kind].items():
        colour = figures.COLOURS[name]
        plots.published_points([course[-1]], [end], ax=ax, label=None, color=colour)
    ax.set(ylabel=label, ylim=(0, None))
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# Backward pushes lengthen a trial, and where the unperturbed one has already stopped any movement counts in full. So their peak says little about *when* an agent
# reacts, and the time of linear compensation is taken from forward pushes alone.

# %%
rise, strong, large = (
    courses.by_seed(agents, attrgetter(what))
    for what in ("rise", "error_strong", "auc_large")
)
mean_auc = disturbed.means(large)
peaks = {name: disturbed.peaks(group) for name, group in agents.items()}
opposing = [peak.value > 0 for found in peaks.values() for peak in found.values()]
linear = {n: disturbed.strength(found, "linear") for n, found in peaks.items()}
two_kinds = {name: agents[name] for name in ("hol", "mod")}
times = {direction: peak.time for direction, peak in peaks["mod"].items()}
turning = np.mean([times["congruent"], times["incongruent"]])
rate, deviation = (
    {name: curve[:, -1] for name, curve in curves.items()}
    for curves in (rates, deviations)
)


# %%
def between(groups: dict) -> float:
    """Smaller gap of mod < homo < hol, of means over seeds."""
    mean = disturbed.means(groups)
    return stats.smallest_gap(mean["mod"], mean["homo"], mean["hol"])


def stronger(groups: dict) -> float:
    """Angular compensation, modular minus holistic agent."""
    found = {name: disturbed.peaks(group) for name, group in groups.items()}
    one, other = (disturbed.strength(found[n], "angular") for n in ("mod", "hol"))
    return one - other


means = {
    "Z6.3-gap": disturbed.critic_gap(large),
    "Z6.3-mod": mean_auc["mod"] - mean_auc["homo"],
    "Z6.4-sign": np.mean(opposing),
    "Z6.4-linear": linear["mod"] / linear["hol"],
    "Z6.5": times["forward"] - turning,
    "Z6.9-rate": disturbed.critic_gap(rate),
}
chapter.judge(
    {
        "Z6.1-mod": rise["mod"] - 0.5 * rise["hol"],
        "Z6.1-homo": stats.resampled(between, rise),
        "Z6.4-angular": stats.resampled(stronger, two_kinds),
        "Z6.9-td": stats.resampled(
            disturbed.critic_gap, {name: -v for name, v in deviation.items()}
        ),
        "Z6.2-mod": strong["mod"],
        "Z6.2-hol": strong["hol"],
        **{name: stats.exact(value, base.n_seeds) for name, value in means.items()},
    }
)

# %% [markdown]
# Two kinds of claims are in this table. That every agent steers against a push, that the largest ones throw the holistic agent out of the reward zone and take the modular one about to
# its edge, and that a turn is countered sooner than a displacement, are about what recurrent agents do. That the *critic* decides how well they do it is the paper's point, and it does
# not show under the fast recipe. There the mixed agent with a modular actor is nearer to the modular agent, and the one with a modular critic farther from it, than in the paper. A likely
# cause is the warm start: it trains the actor directly, through the equations of the world, before any critic has a say, and the training that follows is too short to make up for it.
#
# ## Exercises
#
# ```{exercise} How far does a push go?
# :label: zh-push-size
# Add up the bell. Where would the strongest forward push leave an agent that does not notice and would have stopped on the target? And a turn of 120 °/s?
# ```
#
# ````{solution} zh-push-size
# :class: dropdown
# The eleven values of the bell add up to almost five, so with steps of 0.1 s a push displaces by half a second of its peak: 200 cm/s make a metre, which is more than the
# 65 cm of the reward zone. The turn makes 60°; what that costs depends on how much of the way is still to go: all of it, if the push comes early.
# ````
#
# ```{exercise} Steering against, or starting anew
# :label: zh-push-strategy
# The compensation of a forward push ends as a negative number long after the push. Does this show that the agent brakes?
# ```
#
# ````{solution} zh-push-strategy
# :class: dropdown
# Not necessarily. An agent that was pushed forward arrives earlier and stops earlier. After its stop its action counts as zero, and the difference from the normal trial, which still
# runs, is negative. Only the first half second is free of this: compare the sign there.
# ````
#
# ```{exercise} The grey line
# :label: zh-push-line
# Why is the error without a reaction not zero for the smallest pushes, and why is it there not that of the agents?
# ```
#
# ````{solution} zh-push-line
# :class: dropdown
# Agents stop a little off the target without any push. The replayed actions run without noise of the motion: the agent who chose them saw a noisy velocity and corrected for
# it, and these corrections are applied where there is nothing to correct.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's agents are trained by our own recipe: see {ref}`zh-fast-recipe`. Tests in the course of training are at the trials of that recipe; published points of the
#   end of training stand at the right edge.
# - The paper gives the agents the targets, pushes and start times of a monkey's trials. Here they are drawn from the distribution that these were designed by, unless you have the
#   recordings: see {doc}`own_monkey`. Panel C of the first figure is empty without them.
# - The running mean takes a tenth of the trials, as the paper's does, however many there are. The grey line of the agents is ours; the paper has one for monkeys.
# - Pushed and normal trials share the noise of each step here, which makes their difference smoother. In the original the noise streams part when the trials' lengths differ.
# - The example's trial and seeds are chosen by a rule; the paper's were chosen by hand.
# - The original cuts the curve of the AUC at the largest error of the panel; here it is complete.

# %%
chapter.footer(*(agent for group in pool.values() for agent in group))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
