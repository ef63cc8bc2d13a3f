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
# # Where it believes to be
#
# Zhang, Pitkow & Angelaki (2024), figure 6 f–h · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** An agent that is pushed may notice it or not. Its memory tells: a linear decoder reads from it where the agent believes to be. After a push the
# belief stays behind the body, least in the modular agent. And trials in which the belief is wrong end farther from the target.

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
n_trials: int = None  # a fifth of the trials per agent; None: the mode's number

# %%
import inspect
from operator import attrgetter

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.zhang2024 import (
    courses,
    decoding,
    disturbed,
    figures,
    groups,
    task_drawings,
    trial_sets,
)
from mempaper.zhang2024 import perturbation as perturbations
from mempaper.zhang2024.analysis import paths
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig6_perturbation_neurons", globals(), Pool, "n_trials"
)

# %% [markdown]
# ## The idea
#
# What an agent believes about its position is nowhere written down. But if the activity $\mathbf h_t$ of its actor's LSTM holds it in a simple form, a ridge regression finds
# it {footcite:p}`zhang2024inductive`:
#
# $$
# \hat{\mathbf p}_t = W \mathbf h_t + \mathbf b, \qquad
# W, \mathbf b = \arg\min \sum_{t} \lVert \mathbf p_t - W \mathbf h_t - \mathbf b \rVert^2 + \alpha \lVert W \rVert^2 .
# $$
#
# A decoder of its own is fitted for each agent, to seven tenths of its trials, and tested on the others. Its error mixes two things: how badly the agent knows
# where it is, and how badly a line reads what it knows.
#
# A push separates the two. Let $\Delta$ be the displacement that was delivered until the end of the trial, and compare the decoded with the true distance from the start:
#
# $$
# \lVert \hat{\mathbf p}_{\text{end}} \rVert - \lVert \mathbf p_{\text{end}} \rVert \approx s\, \Delta .
# $$
#
# A belief that follows the push has $s = 0$, a belief made of intentions alone $s = -1$. What is best lies in between. In each step the velocity is what the joystick asked for plus
# noise of variance $\sigma_a^2$, and is seen with noise of variance $\sigma_o^2$, both in units of the gain. A filter that was made for these noises moves its belief by
# $K = \sigma_a^2 / (\sigma_a^2 + \sigma_o^2)$ of what it sees and did not expect. It takes a push for an unlikely noise and misses a share $1 - K$ of it:
#
# $$
# s = K - 1 = - \frac{\sigma_o^2}{\sigma_a^2 + \sigma_o^2} .
# $$

# %%
print(inspect.getsource(decoding.belief_errors).split('"""')[2])

# %% [markdown]
# ## The experiment
#
# Two sets of pushes, with the same targets and start times: the full range, and one without small pushes. There are five times as many trials as in other chapters, since
# the correlations are over trials.

# %%
base = chapter.experiment
pool = groups.trained(groups.main(base), "perturbation")
world = pool["mod"][0].world
n = 5 * base.n_trials
full = disturbed.memory(pool, trial_sets.perturbation_set("full", n, world=world))
strong = disturbed.memory(
    pool, trial_sets.perturbation_set("excluded", n, world=world)
)
process, observation = trial_sets.PROCESS**2, trial_sets.OBSERVATION**2
filter_slope = -observation / (process + observation)
print(
    f"slope of a filter that was made for the noises of training: {filter_slope:.2f}"
)

# %% [markdown]
# For an example we take the seed with the highest reward rate of the holistic and of the modular agent, and, of the tenth of the test trials with
# the largest pushes, the one where the difference between their decoding errors is the median.

# %%
shown = {
    name: strong[name][disturbed.best(strong[name])] for name in ("mod", "hol")
}
off = {name: np.nanmean(one.decoded.errors, 1) for name, one in shown.items()}
magnitude = perturbations.magnitude(shown["mod"].tested.trials)
example = disturbed.typical(
    off["hol"] - off["mod"], magnitude > np.quantile(magnitude, 0.9)
)

# %% [markdown]
# ## The figures
#
# The path of a body, and the path that its memory tells.

# %% mystnb={"image": {"alt": "Two panels seen from above, the modular and the holistic agent in the same pushed trial. A solid line is the true path to the target with its reward zone; open circles are the decoded positions, which follow it, with short grey lines that join them to the true ones."}, "figure": {"caption": "A pushed trial. Line: where the agent was; circles: where its memory says it was, joined to the true place of the same step. The disc is the reward zone. A: modular agent. B: holistic agent.", "name": "fig-zhang-belief-path"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 4.4))
for ax, (name, one) in zip(axes, shown.items(), strict=True):
    own, colour = paths(one.tested), figures.COLOURS[name]
    believed, steps = one.decoded.predicted[example], own.length[example]
    place = own.place[example, : len(believed)]
    task_drawings.draw_target(own.target[example], ax=ax)
    ax.plot(*np.stack([place, believed]).transpose(2, 0, 1), color="0.75", lw=0.8)
    ax.plot(*place.T, color=colour, lw=2.2, label="true path")
    ax.plot(*believed.T, "o", ms=5, mfc="none", color=colour, label="decoded")
    ax.plot(0, 0, "^", color="black", ms=8)
    ax.set(xlabel="x (cm)", ylabel="y (cm)", title=figures.LABELS[name])
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# Belief errors against what was delivered. The linear clouds (A to D) fall: pushed forward, the agent believes to be nearer to its start than it is. How steeply they fall is the
# share of a push that the belief misses (E).

# %% mystnb={"image": {"alt": "Two rows. First row, A to D: error of the believed distance against the delivered displacement, a cloud of trials for each kind of agent with its ellipse and a falling line, steepest in the holistic agents. E and F: bars of slope and correlation by agent, most negative for the holistic ones. Second row: the same for angles, with flatter clouds."}, "figure": {"caption": "Belief error at the end of a trial against what the push delivered. Upper row: distance from the start against displacement; lower row: direction of the position against turn. A–D, G–J: test trials of all seeds with the ellipse of one standard deviation and the line through the origin. E, K: slopes, F, L: correlations; points are seeds, bars means, open markers published. Dotted in E: a filter that was made for the noises of training.", "name": "fig-zhang-belief-error"}}
published = {  # read off panel 6g (slopes); printed by the authors' notebooks (r)
    ("linear", "slope"): (-0.619, -0.535, -0.247, -0.139),
    ("linear", "r"): (-0.667, -0.686, -0.420, -0.303),
    ("angular", "slope"): (-0.1155, -0.1225, -0.0805, -0.0665),
    ("angular", "r"): (-0.303, -0.309, -0.261, -0.186),
}
rows = (
    ("linear", "pushed_distance", "distance_error", "displacement (cm)"),
    ("angular", "pushed_angle", "angle_error", "turn (°)"),
)
fig, axes = plt.subplots(2, 6, figsize=(17, 6.2))
for line, (kind, given, found, label) in zip(axes, rows, strict=True):
    for ax, (name, group) in zip(line, full.items(), strict=False):
        x, y = (
            np.concatenate([getattr(one.pushed, k) for one in group])
            for k in (given, found)
        )
        disturbed.draw_scatter(x, y, colour=figures.COLOURS[name], ax=ax)
        ax.set_xlabel(label)
        ax.set_title(figures.LABELS[name], loc="right", fontsize="x-small")
        if ax is not line[0]:
            ax.sharey(line[0])
    for ax, number in zip(line[4:], ("slope", "r"), strict=True):
        values = disturbed.fits(full, kind, number)
        marks = dict(zip(full, published[kind, number], strict=True))
        figures.draw_seeds(values, ax=ax, published=marks)
        ax.set_ylabel(f"{kind} {number}")
        ax.set_xticklabels(full)
        ax.axhline(0, color="black", lw=0.8)
axes[0, 0].set_ylabel("error of distance (cm)")
axes[1, 0].set_ylabel("error of direction (°)")
plots.chance_line(filter_slope, ax=axes[0, 4])
plots.panel_letters(axes)

# %% [markdown]
# Does it matter? A compares agents: does a position that can be read better go with stops that are closer to the target? B to F compare trials of an agent: when
# its belief is off at the end, so is the stop, more or less.

# %% mystnb={"image": {"alt": "A: area under the curve against decoding error, small points for seeds, large ones for means; agents with low error have high area. B to E: distance from the target against decoding error at the end, a rising cloud for each kind of agent. F: bars of their correlation."}, "figure": {"caption": "Belief and behaviour without small pushes, test trials. A: area under the ROC against decoding error; small points are seeds, large ones means, open markers published. B–E: distance from the target against the decoding error at the end of a trial, all seeds. F: their correlation; points are seeds, bars means, open markers published.", "name": "fig-zhang-belief-behaviour"}}
published_means = {  # panel 6h, read off: cm, AUC
    "hol": (30.7, 0.831),
    "moho": (31.9, 0.825),
    "homo": (16.8, 0.891),
    "mod": (17.1, 0.912),
}
published_r = {
    "hol": 0.449,
    "moho": 0.399,
    "homo": 0.339,
    "mod": 0.233,
}  # S6g, printed
error, auc = (
    courses.by_seed(strong, attrgetter(what)) for what in ("error", "auc")
)
fig, axes = plt.subplots(
    1, 6, figsize=(17, 3.8), width_ratios=(1.7, 1, 1, 1, 1, 1.2)
)
for name, place in published_means.items():
    colour = figures.COLOURS[name]
    axes[0].plot(error[name], auc[name], ".", color=colour, alpha=0.7)
    mean = error[name].mean(), auc[name].mean()
    axes[0].plot(*mean, "o", ms=9, color=colour, label=figures.LABELS[name])
    plots.published_points(*place, ax=axes[0], label=None, color=colour, ms=8)
axes[0].set(xlabel="decoding error (cm)", ylabel="AUC")
axes[0].legend(fontsize="x-small")
for ax, (name, group) in zip(axes[1:5], strong.items(), strict=True):
    x = np.concatenate([one.decoded.end_errors for one in group])
    y = np.concatenate([one.distance for one in group])
    disturbed.draw_scatter(x, y, colour=figures.COLOURS[name], ax=ax)
    ax.set_xlabel("error of belief (cm)")
    ax.set_title(figures.LABELS[name], loc="right", fontsize="x-small")
    if ax is not axes[1]:
        ax.sharey(axes[1])
axes[1].set_ylabel("distance from target (cm)")
together = disturbed.fits(strong, "behaviour", "r")
figures.draw_seeds(together, ax=axes[5], published=published_r)
axes[5].set_ylabel("correlation")
axes[5].set_xticklabels(strong)
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
slopes = {
    kind: disturbed.fits(full, kind, "slope") for kind in ("linear", "angular")
}


def ascending(groups: dict) -> float:
    """Smaller gap in r of linear pushes: the higher holistic one < homo < mod."""
    found = {k: disturbed.pooled_r(group, "linear") for k, group in groups.items()}
    high = max(found["hol"], found["moho"])
    return stats.smallest_gap(high, found["homo"], found["mod"])


def largest(groups: dict) -> float:
    """The largest mean over seeds."""
    return max(disturbed.means(groups).values())


means = {
    f"Z6.7-{kind}-{name}": disturbed.pooled_r(group, kind)
    for kind in slopes
    for name, group in full.items()
}
means["Z6.10-all"] = min(
    disturbed.pooled_r(group, "behaviour") for group in strong.values()
)
every_slope = {(k, n): v for k, s in slopes.items() for n, v in s.items()}
size = {kind: {k: np.abs(v) for k, v in s.items()} for kind, s in slopes.items()}
chapter.judge(
    {
        "Z6.6-sign": stats.resampled(largest, every_slope),
        "Z6.6-linear": size["linear"]["mod"] - 0.6 * size["linear"]["hol"],
        "Z6.6-angular": size["angular"]["mod"] - size["angular"]["hol"],
        "Z6.7-order": stats.resampled(ascending, full),
        "Z6.8": stats.resampled(
            lambda e: -disturbed.critic_gap({k: -v for k, v in e.items()}, 0.75),
            error,
        ),
        "Z6.10-order": together["mod"] - together["hol"],
        **{name: stats.exact(value, base.n_seeds) for name, value in means.items()},
    }
)

# %% [markdown]
# The order that the paper finds along the four agents is there for linear pushes: the belief of the holistic agent misses most of them, that of the modular agent least, about what a filter
# would miss. With few seeds that differ a lot, intervals of the paired comparisons are wide, so that some of these claims hold for the mean only. For turns the order is weaker; the
# mixed agent with a modular actor misses nothing of them on average. The decoding error is lower where the critic is modular, but by less than in the paper. Under the fast
# recipe the actors' memories have much in common, whichever critic trained them: all begin with a warm start that knows no critic.
#
# ## Exercises
#
# ```{exercise} Which share is best?
# :label: zh-best-share
# The filter was made for the noises of training, in which there were no pushes. Would an agent that is tested with pushes do better with a slope closer to zero? What would it cost?
# ```
#
# ````{solution} zh-best-share
# :class: dropdown
# A slope of zero means to trust what is seen completely ($K = 1$). It would follow every push, and take all of the observation noise into the belief, in each step of each trial.
# With the noises of training that is a little worse than the filter without pushes, and much better with them. The published modular agent is on that side of the filter.
# ````
#
# ```{exercise} A turn is not a displacement
# :label: zh-turn-slope
# Why are the angular slopes so much smaller than the linear ones, even for an agent that misses every push?
# ```
#
# ````{solution} zh-turn-slope
# :class: dropdown
# The lower row compares the *direction of the position*, seen from the start, with a turn of the *body*. What was travelled before the turn is not rotated by it, and a late turn
# moves nothing. Besides, a push that comes near the end has no steps left in which the position could change. Only a turn at the very begin would rotate the whole path.
# ````
#
# ```{exercise} Wrong belief or bad decoder
# :label: zh-belief-or-decoder
# The decoding error is the same if an agent knows its place badly, and if it knows it well in a form that no line can read. Which panel speaks for the first?
# ```
#
# ````{solution} zh-belief-or-decoder
# :class: dropdown
# The correlation over trials with the distance from the target: where the decoder is wrong at the end of a trial the *agent* stops in the wrong place. A decoder's own mistakes would
# not do that. The sign of the slopes tells the same: the decoder errs in the direction in which a belief would err that missed a push.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's agents are trained by our own recipe: see {ref}`zh-fast-recipe`. They have fewer units than the paper's, so that less can be read from them.
# - Slopes and correlations are computed for each seed and then averaged, which gives points to compare by seed. The paper pools the trials of all seeds.
# - Full and large pushes have the same targets, start times and noises, as in the original; the numbers are drawn in another order.
# - The dotted line of the filter is ours.
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
