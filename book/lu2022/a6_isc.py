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
# # Synchrony between networks
#
# Lu, Hasson & Norman (2022), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The same event makes different networks alike, as the same film makes brains alike. Networks that
# lost their working memory at the boundary are less like those that did not, until they recall.

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
n_seeds: int = None  # how many networks; None takes the mode's number
penalty: float = 2  # of a wrong answer in part 2
n_trials: int = None  # in each condition; None: 1024, in full mode 512
n_shared: int = None  # dimensions of the shared space; None: 16 at most
width: int = 5  # steps of a sliding window, 2 to 8

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import curves, figures, isc, synchrony
from mempaper.lu2022.experiments import RecallLearning
from mempaper.parameters import ConfigError

chapter = Chapter(
    "lu2022/a6_isc",
    globals(),
    RecallLearning,
    own=("penalty", "n_trials", "n_shared", "width"),
)
n_steps, n_units = chapter.experiment.n_features, chapter.experiment.decision_size
if n_trials is None:
    n_trials = 512 if mode == "full" else 1024
asked = curves.checked_test(n_steps, penalty=penalty, n_trials=n_trials)
n_shared = min(isc.N_FEATURES, n_units) if n_shared is None else n_shared
if not 1 <= n_shared <= n_units:
    raise ConfigError(f"n_shared is {n_shared}; the networks have {n_units} units")
if chapter.experiment.n_seeds < 2:
    raise ConfigError(
        "n_seeds is 1; correlation between networks needs two at least"
    )
if width not in range(2, synchrony.LAST_STEP):
    raise ConfigError(
        f"width is {width}; windows have 2 to {synchrony.LAST_STEP - 1} steps"
    )

# %% [markdown]
# ## The idea
#
# In the experiments behind this paper people watch the second half of a film. Some have just seen the first half (recent
# memory), some saw it a day before (distant memory), some never (no memory). How alike are their brains? **Inter-subject correlation** (ISC)
# answers it: correlate one viewer's activity with another's. If viewers with a distant memory are at first unlike those with
# a recent one and then become alike, they have recalled what the others still had in mind.
#
# Networks are our viewers. Each runs the same trials in RM, in DM and in NM, in tests of their own, so that trial $i$ is the
# same event for all. Their units have nothing to do with each other, so a *shared response model* finds a common space first. With $X_i$ (sample ×
# unit) the decision layer's activity of network $i$,
#
# $$
# \min_{S,\,W_i}\ \sum_i \lVert X_i - S\, W_i^{\top} \rVert^2, \qquad W_i^{\top} W_i = I .
# $$
#
# The space is found on one half of the trials, and everything below is measured on the other half.

# %%
print(inspect.getsource(isc.SharedResponse.fit))

# %% [markdown]
# *Spatial* ISC correlates patterns over the shared dimensions, at one step. *Temporal* ISC correlates the course of each
# dimension, here within a short sliding window. A pair is always one network in RM and another one in the condition in question.

# %% [markdown]
# ## The experiment
#
# Three times: as it is, with scrambled observations, and with recall silenced ({doc}`a7_disturbed` explains both). In tests with NM in all
# trials nothing is ever stored, so NM here is a network with an empty store.

# %%
networks = chapter.experiment.trained()
silent = replace(asked, silence=tuple(range(n_steps)))
tests = {
    "intact": asked,
    "scrambled": replace(asked, scramble=True),
    "recall silenced": silent,
}
found = {
    name: synchrony.synchrony(networks, test, n_shared, width)
    for name, test in tests.items()
}

# %% [markdown]
# ## The figure
#
# First column, top: RM–DM begins as low as RM–NM. Within a few steps it comes close to RM–RM, while RM–NM comes up late, when the
# event has been seen again anyway. With recall silenced (bottom) DM is NM. The second column says the same about
# courses in time.
#
# The third column asks about single trials. Where more of the target is recalled, do two networks become more alike in the next window? In RM–DM
# they do, a little; in RM–RM there is nothing to catch up on. The bottom row is a warning, though. There nothing is recalled, and the
# "recall" is only what *would* come. It goes with a rise of RM–DM all the same: a trial that is going well by itself brings the state near to the
# target *and* near to the other networks. The correlation alone does not show that recall is the cause. Silencing does.

# %% mystnb={"image": {"alt": "Three rows of three panels. Spatial correlation over part 2: RM-RM is high throughout, RM-DM begins low and reaches RM-RM within about four steps, RM-NM stays lower until the end; with recall silenced RM-DM equals RM-NM. Sliding temporal correlation shows the same order. Correlation of recall with the change of temporal correlation is above zero for RM-DM and near zero for RM-RM; with recall silenced it is largest for RM-DM."}, "figure": {"caption": "Correlation between networks. Left: spatial ISC at each step of part 2. Middle: temporal ISC in sliding windows, by first step of the window. Right: correlation over trials between recall of the target in a window and the change of temporal ISC to the next. Rows: intact, scrambled observations, recall silenced. Lines: means over networks, each with its mean over all pairs that it is part of; bands: 95 % confidence intervals over networks.", "name": "fig-lu-isc"}}
fig, axes = plt.subplots(3, 3, figsize=(11, 9), sharey="col")
labels = {
    "spatial": "spatial ISC",
    "sliding": "temporal ISC",
    "link": "recall and change of ISC",
}
for row, (name, one) in zip(axes, found.items(), strict=True):
    for ax, what in zip(row, labels, strict=True):
        for condition, values in getattr(one, what).items():
            samples = synchrony.by_network(values)
            style = {
                "label": f"RM–{condition}",
                "color": figures.COLOURS[condition],
            }
            plots.mean_band(np.arange(samples.shape[1]), samples, ax=ax, **style)
        ax.set(xlabel="step of part 2", ylabel=labels[what])
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    row[0].set_title(name, loc="right")
    plots.chance_line(0, ax=row[2])
axes[0, 0].legend(loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# The same for any two times of the whole trial, intact. The decision layer holds the answer to the present query, so the diagonals stand out, also
# across the boundary, where the same feature is asked for again. Now look at the upper edge, right of the line. Just after the boundary
# networks in DM (B) are like any network at the very beginning of part 1, which knows nothing yet. Networks in RM (A) are not.

# %% mystnb={"image": {"alt": "A and B: heat maps of spatial correlation between all 32 steps of RM in one network and of RM or DM in another, with a line at the boundary between the parts. The diagonals are bright. In B the first steps after the boundary are like the first steps of part 1. C: temporal correlation of each shared dimension in falling order, RM-RM above RM-DM above RM-NM."}, "figure": {"caption": "Any two times. A, B: spatial ISC between each time of RM (rows) in one network and each time of RM or DM (columns) in another; lines mark the boundary. C: temporal ISC over all of part 2, by shared dimension, sorted by RM–RM.", "name": "fig-lu-isc-matrix"}}
fig, axes = plt.subplots(1, 3, figsize=(12, 3.8))
one = found["intact"]
for ax, condition in zip(axes, ("RM", "DM"), strict=False):
    image = ax.imshow(one.matrix[condition], vmin=-0.2, vmax=0.8, cmap="viridis")
    ax.axvline(n_steps - 0.5, color="white", lw=1)
    ax.axhline(n_steps - 0.5, color="white", lw=1)
    ax.set(xlabel=f"time, {condition}", ylabel="time, RM", title=f"RM–{condition}")
fig.colorbar(image, ax=axes[:2], label="spatial ISC", shrink=0.8)
order = one.temporal["RM"].mean(0).argsort()[::-1]
for condition, values in one.temporal.items():
    samples = synchrony.by_network(values)[:, order]
    style = {"label": f"RM–{condition}", "color": figures.COLOURS[condition]}
    plots.mean_band(np.arange(1, n_shared + 1), samples, ax=axes[2], **style)
axes[2].set(xlabel="shared dimension", ylabel="temporal ISC")
axes[2].legend()
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
spatial = {k: synchrony.by_network(v) for k, v in one.spatial.items()}
link = {k: synchrony.by_network(v).mean(1) for k, v in one.link.items()}
gap = spatial["RM"] - spatial["DM"]
chapter.judge(
    {
        "A6a": gap[:, :4].mean(1),
        "A6b": gap[:, :4].mean(1) - gap[:, 10:16].mean(1),
        "A6c": (spatial["DM"] - spatial["NM"])[:, 2:7].mean(1),
        "A6d": link["DM"] - link["RM"],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Without a shared space
# :label: lu-no-srm
# What would the ISC be if units were correlated as they are, unit 1 with unit 1?
# ```
#
# ````{solution} lu-no-srm
# :class: dropdown
# Around zero. The number of a unit is arbitrary, and networks from different seeds have no reason to agree on it. {doc}`examples` shows the shared response
# model on data of which the shared part is known.
# ````
#
# ```{exercise} How many dimensions?
# :label: lu-n-shared
# Run the chapter with `n_shared` 4 and with the number of all units. What changes, and why does the order of the curves not?
# ```
#
# ````{solution} lu-n-shared
# :class: dropdown
# Few dimensions keep what all networks share most, such as how surely they answer, and correlations grow. All dimensions keep what each network does in its own
# way as well, and correlations fall. Both act on all conditions alike.
# ````
#
# ## Where this differs from the original
#
# The original fits the probabilistic shared response model, here it is the deterministic one. In the original a pair's recall is
# $a_i + a_j/2$, by a slip; here it is the mean. The original tests 256 trials of fifteen
# networks. The correlation of recall with ISC is so small that the draw of the trials matters, which is common to all networks and
# therefore not in their intervals; hence more trials here. With 256 it is above zero in some draws and not in others. Intervals are over networks, each entering
# with its mean over pairs; these means are not independent. In the fast mode networks are trained by
# {ref}`a shorter recipe <lu-fast-recipe>`.

# %%
chapter.footer(networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
