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
# # A penalty that never changes
#
# Lu, Hasson & Norman (2022), appendix: fixed penalties · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Networks that grow up where errors cost nothing recall early and always answer. Networks that grow up where they are
# costly wait, and say that they do not know. The policy is learned from the world as well as adjusted to the moment.

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
seed: int = 0  # of the first network; any other than 0 trains anew
n_seeds: int = None  # how many networks; None takes the mode's number
low: float = 0  # penalty in training and test of the first group
high: float = 4  # and of the second group
n_trials: int = 256  # of each test

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import (
    curves,
    evaluation,
    figures,
    groups,
    learning,
    trials,
)
from mempaper.lu2022.experiments import RecallLearning
from mempaper.parameters import ConfigError

chapter = Chapter(
    "lu2022/a1_fixed_penalty",
    globals(),
    RecallLearning,
    own=("low", "high", "n_trials"),
)
asked = {
    p: curves.checked_test(
        chapter.experiment.n_features, penalty=p, n_trials=n_trials
    )
    for p in (low, high)
}
if not low < high:
    raise ConfigError(
        f"low is {low} and high is {high}; low must be the smaller one"
    )

# %% [markdown]
# ## The idea
#
# In {doc}`fig3_retrieval` one network knows all penalties and shifts its recall from trial to trial, because the penalty is one of its inputs. Does
# the same trade-off show between networks that each know a single penalty?
#
# The reward of an answer $a$ to a question with the right value $y$ is
#
# $$
# r(a) = \begin{cases} 0 & a = \text{don't know} \\ 1 & a = y \\ -p & \text{otherwise.} \end{cases}
# $$
#
# An answer that is right with probability $q$ is worth $q - (1 - q)\,p$, which is positive if $q > p / (1 + p)$: at $p = 0$ one should always
# answer, at $p = 4$ only if one is right in more than four of five cases.

# %%
print(inspect.getsource(learning.rewards))

# %% [markdown]
# ## The experiment
#
# Two groups of networks are trained and tested at one penalty each. The penalty in the first part is half of it. Networks with the same number in
# both groups start from the same weights after the first phase of training.
#
# As every group besides the main one, they have three networks for its four.
#
# In the fast mode these networks come with the book: they were trained once, with the same recipe as those of the other chapters. Another `seed` or
# another penalty trains them anew, which takes some minutes.

# %%
base = chapter.experiment
mixed_networks = base.trained()
trained = {p: groups.fixed_penalty(base, p).trained() for p in asked}
course = {
    p: curves.curves(evaluation.evaluate(trained[p], test))
    for p, test in asked.items()
}
mixed = {
    p: curves.curves(evaluation.evaluate(mixed_networks, test))
    for p, test in asked.items()
}

# %% [markdown]
# ## The figure
#
# Compare the grey areas in A. Where errors are free there are none: what is not known is guessed, and three guesses in four are wrong. Where errors are
# costly most of what cannot be known is left open. The gate (B) is less open at first in the careful group, and stays open for longer. C puts it in one number, next to
# the networks that have known all penalties: their shift goes in the same direction.

# %% mystnb={"image": {"alt": "A: stacked shares of answers in DM and NM for networks trained without and with a penalty; the first never say don't know. B: gate in DM over time; it is higher at first and shuts earlier in the group without penalty. C: recall time of each pair of networks rises from the group without to the group with penalty; beside it the smaller rise of networks trained with all penalties."}, "figure": {"caption": "Two groups, each trained and tested at one penalty. A: shares of right answers (blue), don't know (grey) and errors (red). B: gate in DM. C: recall time, left of the two groups, joined by seed, and right of networks trained with random penalties. Lines in B are means over networks, bands their 95 % confidence intervals; thin lines in C are networks.", "name": "fig-lu-fixed-penalty"}}
fig, grid = plt.subplot_mosaic(
    [["DM0", "NM0", "B", "B"], ["DM1", "NM1", "C", "D"]], figsize=(13, 6.8)
)
for row, p in enumerate(course):
    for condition in (trials.DM, trials.NM):
        name = trials.CONDITIONS[condition]
        ax = grid[f"{name}{row}"]
        figures.draw_behaviour(course[p], condition, ax=ax)
        ax.set_title(f"{name}, penalty {p:g}")
    grid[f"DM{row}"].set_ylabel("share of trials")
grid["NM0"].legend(loc="lower right", frameon=True)
for p, colour in zip(course, (plots.ORANGE, plots.BLUE), strict=True):
    gate = course[p].gate[:, trials.DM]
    plots.mean_band(
        np.arange(gate.shape[-1]),
        gate,
        ax=grid["B"],
        color=colour,
        label=f"penalty {p:g}",
    )
grid["B"].set(xlabel="step of part 2", ylabel="gate in DM")
grid["B"].legend()
grid["D"].sharey(grid["C"])
for panel, courses, title in (
    ("C", course, "own penalty"),
    ("D", mixed, "all penalties"),
):
    figures.draw_paired(
        [one.recall_time for one in courses.values()],
        [f"{p:g}" for p in courses],
        ax=grid[panel],
    )
    grid[panel].set(xlabel="penalty", title=title)
grid["C"].set_ylabel("recall time")
plots.panel_letters([grid[x] for x in ("DM0", "B", "C")])

# %% [markdown]
# ## Claims

# %%
DM, NM = trials.DM, trials.NM
free, costly = course[low], course[high]
chapter.judge(
    {
        "A1a": costly.recall_time - free.recall_time,
        "A1b": free.mean("dont_know", DM),
        "A1c": costly.mean("accuracy", DM) - costly.mean("accuracy", NM),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} When to answer
# :label: lu-when-to-answer
# A network of the careful group guesses among the four values after having excluded one. What is that guess worth to it, and what to a network of the other
# group?
# ```
#
# ````{solution} lu-when-to-answer
# :class: dropdown
# With $q = 1/3$: at $p = 4$ the answer is worth $1/3 - 2/3 \cdot 4 = -7/3$, at $p = 0$ it is worth $1/3$.
# ````
#
# ```{exercise} Somewhere between
# :label: lu-between
# Where do networks lie that are trained at penalty 2?
# ```
#
# ````{solution} lu-between
# :class: dropdown
# `papermill book/lu2022/a1_fixed_penalty.ipynb out.ipynb -p high 2` trains them. At $p = 2$ answering pays from $q = 2/3$ on, so their "don't
# know" is nearly as frequent as at $p = 4$: between those two bounds there is little to know. (For the claims about penalty 4 the table then says
# something about penalty 2.)
# ````
#
# ## Where this differs from the original
#
# - The fast mode's training is our own: see {ref}`lu-fast-recipe`. There the first phase, without a store, has random penalties, because it is
#   shared by all groups.
# - At penalty 4 alone wrong recall would be punished before right recall is found. In the fast mode penalties therefore grow from 0 to their size
#   over the first updates with rewards, in this group too.
# - No values of these networks were published that we could draw. What the ledger gives for comparison is an earlier prototype of our
#   own.

# %%
chapter.footer(*trained.values(), mixed_networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
