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
# # What was learnt before
#
# Orhan & Ma (2019), training history · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The same task, learnt to the same performance, leaves different traces in networks with a different past. Networks that
# learnt to detect changes remember left and right by a sequence from then on, even where they would have used persistent activity had
# they been given this task first.

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
mode: str = "fast"  # smoke (not judged) | fast | full (the paper's setting)
seed: int = 0  # of the first network; the others follow it
n_seeds: int = None  # networks per value; None takes the mode's number
lambda0: list = None  # initial self-weights; None takes the mode's values
sigma0: list = None  # initial couplings; None takes the mode's values
iterations: int = None  # updates in 2AFC, in proportion elsewhere; None: the mode's
all_conditions: bool = None  # also two tasks in turn; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.orhan2019 import comparisons, figures, groups, task
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.training import Trainer
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig7_history",
    globals(),
    DelayLearning,
    "lambda0",
    "sigma0",
    "iterations",
    own=("all_conditions",),
)
all_conditions = unless_full(all_conditions, mode, "all_conditions")

# %% [markdown]
# ## The idea
#
# A task does not have one solution. Gradient descent finds one near its start, and the start is what the network has become by then. If training on
# a task A has made the recurrent weights sequential, task B is learnt from sequential weights, whether it needs them or
# not. So the nature of a memory can depend on something that is not in the task, nor in the circuit at birth
# {footcite:p}`orhan2019diverse`.
#
# The second training goes on where the first one ended: with its weights, and with the running averages of its gradients.

# %%
print(inspect.getsource(Trainer.take_over))

# %% [markdown]
# ## The experiment
#
# Two tasks in turn need equal inputs and outputs: 2AFC, CD and COMP have fifty input neurons and one choice. The original has four pairs. After the second
# training the networks are tested on the second task, and compared with twins of the same start that learnt this task alone.

# %%
base = chapter.experiment
configured = groups.transfers(base)
alone = {
    name: groups.on(base, name)
    for name in dict.fromkeys(second for _, second in configured)
}
single = groups.trained(alone)
after = groups.trained(configured) if all_conditions else {}
paired = {
    (first, second): comparisons.pairs(networks, single[second])
    for (first, second), networks in after.items()
}

# %% [markdown]
# ## The figure
#
# In the first two panels the orange line lies above the black one, and most of all at the left, where there was no coupling at the start. A history can
# replace it.

# %% mystnb={"image": {"alt": "Four panels of the index against the initial coupling, for a task learnt alone and after another. 2AFC after CD and after COMP lies far above 2AFC alone at weak coupling. CD after 2AFC and COMP after 2AFC lie slightly above CD and COMP alone."}, "figure": {"caption": "Index in a task that was learnt alone (black) and after another one (orange), against the initial coupling. Points are networks, lines means, bands 95 % confidence intervals (where there are four networks or more).", "name": "fig-orhan-history"}}
order = sorted(configured, key=lambda pair: pair[1])
black = figures.CONDITION_COLOURS["basic"]
orange = figures.CONDITION_COLOURS["history"]
fig, axes = plt.subplots(1, 4, figsize=(13, 3.9), sharey=True)
for ax, (first, second) in zip(axes, order, strict=True):
    name, before = task.title(second), task.title(first)
    networks = single[second]
    sigmas, values = comparisons.by_sigma(networks.points, networks.mean())
    figures.draw_over_sigma(
        sigmas, values, ax=ax, colour=black, label=f"{name} alone"
    )
    if after:
        changed = paired[first, second].changed
        style = {"colour": orange, "label": f"after {before}", "shift": 0.02}
        figures.draw_over_sigma(sigmas, changed, ax=ax, **style)
    ax.set_title(f"{before} → {name}" if after else name)
    ax.legend(fontsize="small", loc="lower right")
for ax in axes[1:]:
    ax.set_ylabel("")
plots.panel_letters(axes)

# %% [markdown]
# The same in pairs. The direction matters: CD and COMP change how 2AFC is remembered more than 2AFC changes them (A). And of the networks that turn to 2AFC, those
# change most that had no coupling (B). Yet no direction is quite without effect: any past adds something to the index.

# %% mystnb={"image": {"alt": "A: rows of paired differences with intervals: CD to 2AFC and COMP to 2AFC far to the right of zero, 2AFC to CD and 2AFC to COMP only slightly. B: CD to 2AFC and COMP to 2AFC by coupling; the differences are largest without coupling."}, "figure": {"caption": "Index after another task minus alone, paired by coupling and seed. A: all pairs. B: the first two rows of A by coupling. Points are pairs, thick lines the 95 % interval of their mean; shaded: three tenths to either side.", "name": "fig-orhan-history-differences"}}
pooled, by_coupling = [], []
for pair in order if after else ():
    label = " → ".join(map(task.title, pair))
    both, colour = paired[pair], figures.TASK_COLOURS[pair[1]]
    pooled.append((label, both.difference, colour))
    if pair[1] == "2AFC":
        by_coupling += [
            (f"{label}, $\\sigma_0$ = {s:.2g}", difference, colour)
            for s, difference in zip(both.sigmas, both.difference, strict=True)
        ]
fig, axes = plt.subplots(1, 2, figsize=(12, 3.8), sharex=True)
for ax, rows in zip(axes, (pooled, by_coupling), strict=True):
    figures.draw_differences(rows, ax=ax, within=(-0.3, 0.3))
    ax.set(xlabel="index after the other task minus alone")
plots.panel_letters(axes)

# %% [markdown]
# Is it that networks with a past have learnt the task better? Below are those without initial coupling, where the difference is largest. The upper row
# says what they lose: both kinds arrive at about the same performance. The lower row says when the code of a memory is settled: networks with a past begin the second task
# with a high index, and go on from there.

# %% mystnb={"image": {"alt": "Upper row: information loss of the second task during training on a logarithmic axis, alone and after the first task; the curves end together. Lower row: the index during training; networks with a past begin higher; in 2AFC they stay far above the others, in CD and COMP the others come close."}, "figure": {"caption": "Training on the second task. Upper row: information loss, lower row: index, both on 100 probe trials, for networks with the smallest initial coupling that learn it alone (black) and after the first task (orange). Thin lines are networks, thick ones their medians.", "name": "fig-orhan-history-learning"}}
fig, grid = plt.subplots(2, 4, figsize=(13, 6), sharex="col", sharey="row")
for column, pair in zip(grid.T, order, strict=True):
    kinds = [(single[pair[1]], alone[pair[1]], black, "alone")]
    if after:
        kinds.append((after[pair], configured[pair], orange, "after the other"))
    for networks, config, colour, label in kinds:
        smallest = [point[1] == sigmas[0] for point in networks.points]
        for ax, what in zip(column, ("infloss", "index"), strict=True):
            course = networks.result[f"{what}_over_time"]
            course = course[np.repeat(smallest, networks.n_seeds)]
            updates = np.arange(course.shape[1]) * config.schedule().report_every
            ax.plot(updates, course.T, color=colour, lw=0.6, alpha=0.5)
            middle = np.nanmedian(course, axis=0)
            ax.plot(updates, middle, color=colour, lw=2.2, label=label)
    column[0].set(yscale="log", title=" → ".join(map(task.title, pair)))
    column[1].set(xlabel=f"updates on {task.title(pair[1])}")
grid[0, 0].set_ylabel("information loss")
grid[1, 0].set_ylabel(figures.INDEX)
grid[0, 0].legend(fontsize="small")
plots.panel_letters(grid)

# %% [markdown]
# ## Claims

# %%
gained = {
    pair: comparisons.known(paired[pair].difference) if paired else None
    for pair in configured
}
low = paired["CD", "2AFC"].at(0) if paired else None
chapter.judge(
    {
        "F7-CD-2AFC": gained["CD", "2AFC"],
        "F7-COMP-2AFC": gained["COMP", "2AFC"],
        "F7-2AFC-CD": gained["2AFC", "CD"],
        "F7-2AFC-COMP": gained["2AFC", "COMP"],
        "F7-low": comparisons.known(low),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Only more training?
# :label: or-only-more-training
# Networks with a past have had more updates. How could you tell whether it is the other task, or training as such, that makes them more sequential?
# ```
#
# ````{solution} or-only-more-training
# :class: dropdown
# Train on 2AFC alone for as long as on both tasks: `alone["2AFC"].replace(iterations=1600).trained().mean()` has as many updates as CD and 2AFC have
# together in the fast mode. The black lines of the lower row answer it in part: see whether the index of 2AFC alone still rises at the end.
# ````
#
# ```{exercise} Why not the other way round?
# :label: or-other-way-round
# 2AFC before CD changes little. Is that in the nature of 2AFC, or of CD?
# ```
#
# ````{solution} or-other-way-round
# :class: dropdown
# CD ends at a high index whatever the start ({doc}`fig3_tasks`), so there is little left to change. And it takes three times as many updates in the fast mode:
# enough to rebuild what 2AFC left behind.
# ````
#
# ```{exercise} Back and forth
# :label: or-back-and-forth
# Do networks that went on to 2AFC still know how to detect changes? How would you find out?
# ```
#
# ````{solution} or-back-and-forth
# :class: dropdown
# Test them on CD: `evaluation.run_test(after["CD", "2AFC"].network, single["CD"].task, np.random.default_rng(0), readout=base.read_at)`. Nothing
# protects the output weights of the first task, and the same output now means something else.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`. Tasks have different numbers of updates
#   there; in the original both stages have the same.
# - In the original networks that fail have index 0; here they are left out, as elsewhere.
# - The index during training and the comparison of twins are ours.
# - The full mode trains two tasks in turn only if you ask for it, with `all_conditions=True`.

# %%
chapter.footer(*single.values(), *after.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
