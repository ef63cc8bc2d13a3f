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
# # Does the task decide?
#
# Orhan & Ma (2019), temporal complexity of the task · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Seven tasks, the same networks, the same training. Where the answer hangs on what comes *after* the delay, networks remember
# by sequences, even when their units were not coupled at the start. Where the answer could be given before the delay is over, they hold it in
# persistent activity. With strong coupling that order is lost.

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

# %%
import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.orhan2019 import comparisons, figures, groups, task
from mempaper.orhan2019.experiments import DelayLearning

chapter = Chapter(
    "orhan2019/fig3_tasks",
    globals(),
    DelayLearning,
    "lambda0",
    "sigma0",
    "iterations",
)

# %% [markdown]
# ## The idea
#
# In all seven tasks something has to be known in the response phase that is not seen any more ({doc}`fig1_setup`). But what has to be kept
# through the delay is not the same:
#
# | task | before the delay | after the delay | what can be kept |
# |---|---|---|---|
# | 2AFC | left or right | – | the answer |
# | DE-1, DE-2 | one or two angles | – | the answer |
# | Sine | – | – | only time: the answer is a curve that begins with the response |
# | GDE | two angles | a cue | both angles, until one is asked for |
# | CD | an angle | the same, or another | the angle, for a comparison |
# | COMP | a number | another number | the number, for a comparison |
#
# In the last three, the network has to do something *at a certain time* with what it keeps. Orhan & Ma ask whether tasks that are more
# complex in time lead to more sequential activity {footcite:p}`orhan2019diverse`.
#
# The index ({doc}`fig2_circuit`) has two parts, and they need not go together: how far the peaks are spread over the trial (their entropy $H$), and
# how high units rise above their own background (the mean log ratio $R$).
#
# ## The experiment
#
# These are networks of {doc}`fig2_circuit`, the seven tasks with several values of $\sigma_0$. Nothing is trained anew.

# %%
base = chapter.experiment
trained = groups.trained(groups.basic(base))
measures = {
    what: {
        name: comparisons.by_sigma(found.points, found.mean(what))
        for name, found in trained.items()
    }
    for what in ("index", "entropy", "ridge", "n_active")
}
loss = {
    name: comparisons.by_sigma(found.points, found.infloss)[1]
    for name, found in trained.items()
}
sigmas = measures["index"]["2AFC"][0]


def order() -> list[str]:
    """Tasks in the order of their mean index over all networks."""
    mean = {
        name: np.nanmean(values) if np.isfinite(values).any() else np.inf
        for name, (_, values) in measures["index"].items()
    }
    return sorted(mean, key=mean.__getitem__)


# %% [markdown]
# ## The figure
#
# Look at the lightest points of A, the networks whose units were not coupled at the start. CD and GDE stand highest. B compares them with the other
# tasks, network by network.

# %% mystnb={"image": {"alt": "A: index of every network by task, three colours for the initial coupling; at weak coupling CD and GDE are highest and Sine and 2AFC lowest, at strong coupling 2AFC is among the highest. B: paired differences with intervals; CD and GDE minus Sine, 2AFC and DE-1 lie right of zero, COMP minus DE-1 does not, and 2AFC minus DE-1 changes its sign with the coupling."}, "figure": {"caption": "A: index by task, tasks in the order of their means. Points are networks, bars means; shaded: the answer depends on what comes after the delay. B: differences between tasks, paired by seed, at the smallest coupling, and in the last row at the largest. Points are pairs, thick lines the 95 % interval of their mean.", "name": "fig-orhan-tasks"}}
ordered = order()
late = ("CD", "GDE", "COMP")
contrasts = [(one, other) for one in late[:2] for other in ("SINE", "2AFC", "DE1")]
contrasts += [("GDE", "DE2"), ("COMP", "DE1"), ("2AFC", "DE1")]
rows = []
for one, other in contrasts:
    paired = comparisons.pairs(trained[one], trained[other])
    label = f"{task.title(one)} – {task.title(other)}"
    rows.append((label, paired.difference[0], figures.TASK_COLOURS[one]))
rows.append(
    (f"{label}, $\\sigma_0$ = {sigmas[-1]:.2g}", paired.at_largest(), "black")
)
fig, axes = plt.subplots(1, 2, figsize=(12, 4.6), width_ratios=(1.4, 1))
values = [(task.title(name), measures["index"][name][1]) for name in ordered]
figures.draw_by_task(values, sigmas, ax=axes[0])
for place in map(ordered.index, late):
    axes[0].axvspan(place - 0.45, place + 0.45, color=plots.GREY, alpha=0.12, lw=0)
axes[0].set_ylabel(figures.INDEX)
axes[0].legend(fontsize="small")
figures.draw_differences(rows, ax=axes[1])
axes[1].set(xlabel="difference of the index")
plots.panel_letters(axes)

# %% [markdown]
# The index is a sum. Tasks differ in both of its parts: compare in A and B the lightest points of the tasks that were shaded above with the others. They
# differ also in how many units take part at all. And they are not equally easy: the last panel shows what networks lose, and where the limit is beyond
# which they would not count.

# %% mystnb={"image": {"alt": "Four panels by task: entropy of peak times, ratio of peak to background, number of active units, and information loss with a dotted limit. Entropy and ratio rise with the coupling; the information loss is near zero in 2AFC and largest in the estimation tasks."}, "figure": {"caption": "Tasks in the order of the figure above. A: entropy of the peak times. B: mean logarithm of the activity around the peak over that elsewhere. C: active units. D: information loss; dashes are the limit of success, which is a fifth in Sine. Points are networks, bars means.", "name": "fig-orhan-parts"}}
fig, axes = plt.subplots(2, 2, figsize=(12, 7))
labels = {
    "entropy": "entropy of peaks $H$",
    "ridge": "ridge to background $R$",
    "n_active": "active units",
}
for ax, (what, label) in zip(axes.ravel(), labels.items(), strict=False):
    values = [(task.title(name), measures[what][name][1]) for name in ordered]
    figures.draw_by_task(values, sigmas, ax=ax)
    ax.set_ylabel(label)
last = axes[1, 1]
figures.draw_by_task(
    [(task.title(name), loss[name]) for name in ordered], sigmas, ax=last
)
limits = [trained[name].limit for name in ordered]
if mode != "smoke":
    last.hlines(limits, np.arange(7) - 0.4, np.arange(7) + 0.4, "black", "--", lw=1)
last.set_ylabel("information loss")
axes[0, 0].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
hardest = max(loss, key=lambda name: loss[name].mean())


def uncoupled(one: str, other: str) -> np.ndarray | None:
    """Index in one task minus that in another, without initial coupling."""
    return comparisons.pairs(trained[one], trained[other]).at(0)


six = [uncoupled(*contrast) for contrast in contrasts[:6]]
closest = None
if all(comparisons.known(samples) is not None for samples in six):
    closest = min(six, key=np.nanmean)
strong = comparisons.pairs(trained["2AFC"], trained["DE1"]).at_largest()
chapter.judge(
    {
        "F3-success": loss[hardest].ravel(),
        "F3-after": comparisons.known(closest),
        "F3-GDE": comparisons.known(uncoupled("GDE", "DE2")),
        "F3-COMP": comparisons.known(uncoupled("COMP", "DE1")),
        "F3-first": comparisons.known(uncoupled("2AFC", "DE1")),
        "F3-last": comparisons.known(strong),
    }
)

# %% [markdown]
# That a comparison of two numbers is remembered more sequentially than an angle is what the idea would suggest, since its answer depends on what comes
# after the delay. The table says whether these networks agree.
#
# ## Exercises
#
# ```{exercise} The same input
# :label: or-same-input
# DE-2 and GDE show the same two angles. Which of the differences between them could make GDE more sequential?
# ```
#
# ````{solution} or-same-input
# :class: dropdown
# In DE-2 both angles go to outputs of their own from the start, and the delay changes nothing. In GDE there is one output, and it
# has to be blind to both memories until the cue says which one counts. So the memory must be read differently after the delay than before, which a
# state that moves on through the trial makes easy. GDE also has more input in the response phase and is trained for longer in the fast mode: the
# comparison is not quite pure.
# ````
#
# ```{exercise} Nothing to remember
# :label: or-nothing-to-remember
# In Sine there is no stimulus. Why would its networks be sequential at all, and why may they be the least so?
# ```
#
# ````{solution} or-nothing-to-remember
# :class: dropdown
# The curve has to start on time, so something must tell the response phase from the delay. The noise of the input does: it is there during the
# delay and stops with it. A network that listens to the noise needs no clock and no memory.
# ````
#
# ```{exercise} Stronger still
# :label: or-stronger-still
# What do you expect of the order of tasks when $\sigma_0$ is 0.6?
# ```
#
# ````{solution} or-stronger-still
# :class: dropdown
# `papermill book/orhan2019/fig3_tasks.ipynb out.ipynb -y "sigma0: [0, 0.3, 0.6]"`. The stronger the coupling, the more the start decides and the less the
# task: the columns of A move closer together at the top.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`. Tasks are trained for different
#   numbers of updates there, according to their difficulty; in the original for the same.
# - A network counts below a limit of the information loss that is .5 in the original and .8 in the fast mode. In Sine, where a silent network
#   would pass it, our limit is a fifth of that.
# - The information loss of CD is measured against the original's ideal observer, which is not quite ideal: see {doc}`fig1_setup`.
# - Networks of a task differ here in their seed, in the original also in $\lambda_0$; the full mode takes the values that you give.
# - The paper's own order of tasks is not known to us.

# %%
chapter.footer(*trained.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
