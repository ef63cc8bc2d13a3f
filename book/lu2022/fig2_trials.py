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
# # A trial: watch, forget, watch again
#
# Lu, Hasson & Norman (2022), Fig. 2 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** What an event is, what the network is shown and asked, what happens between the two parts of a trial in each
# condition, and how well trained networks do where recall plays no part.

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
segment: int = None  # features between two encodings; None: all of them
delay: int = 0  # steps before the first query of each part
hidden: float = 0.0  # largest share of observations of part 1 whose value is hidden
n_trials: int = 256  # of the test

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import (
    analysis,
    curves,
    diagrams,
    evaluation,
    examples,
    figures,
    knowledge,
    trials,
)
from mempaper.lu2022.experiments import RecallLearning
from mempaper.lu2022.task import Trials

chapter = Chapter(
    "lu2022/fig2_trials",
    globals(),
    RecallLearning,
    own=("penalty", "segment", "delay", "hidden", "n_trials"),
)
n_steps = chapter.experiment.n_features
asked = curves.checked_test(
    n_steps,
    penalty=penalty,
    n_trials=n_trials,
    segment=segment,
    delay=delay,
    p_removed=(hidden, 0.0),
)

# %% [markdown]
# ## The idea
#
# An **event** is a list of sixteen features, each with one of four values: the weather is fair, the place is a café, the mood is tense, and so on. Any two
# events agree in a quarter of their features on average. In each part of a trial every feature is *observed* once, in any order, and every
# feature is *queried* once, in a fixed order. At step $t$ the query is feature $t$; its value may have been observed already, or not:
#
# $$
# p(\text{observed by step } t) = \frac{t + 1}{16}, \qquad t = 0, \dots, 15 .
# $$
#
# That is the best one can do in the first part. In the second part the same event is shown again, in a new order. Whoever remembers the first part
# can answer everything from the first step on.

# %%
print(inspect.getsource(Trials.inputs))

# %% [markdown]
# ## The three conditions
#
# What is in memory when the second part begins is decided by two switches. Is working memory kept, or replaced by a small random state? And was
# the event stored? Recall is off in part 1 and on in part 2; storing is the reverse. The store is never cleared: what it holds besides the
# present event, or instead of it, are {term}`lures <lure>` from trials before.

# %% mystnb={"image": {"alt": "Three rows, RM, DM and NM, each with a bar for part 1 and one for part 2. In RM an arrow leads from part 1 to part 2, in DM and NM there is a cross. Below part 1 of RM and DM an arrow marks that the state is stored at the end. Below part 2 stands what can be recalled: the event and a lure in RM and DM, lures only in NM."}, "figure": {"caption": "A trial in each condition. Arrows down: the cell state is stored. Arrow across: working memory is kept; cross: it is emptied.", "name": "fig-lu-conditions"}}
fig, ax = plt.subplots(figsize=(9, 3.6))
encode = trials.encoding_steps(n_steps, segment or n_steps, delay)
ax = diagrams.draw_conditions(encode, n_steps + delay, ax=ax)

# %% [markdown]
# In training RM, DM and NM come with probabilities ¼, ¼ and ½. A right answer earns 1, "don't know" 0, and a wrong one costs the penalty, a number from 0
# to 4 that is drawn for each trial and is an input throughout part 2; in part 1 it is 2.
#
# ## The experiment
#
# Trained networks are tested with frozen weights.

# %%
networks = chapter.experiment.trained()
test = evaluation.evaluate(networks, asked)
course = curves.curves(test)
first = slice(delay, n_steps + delay)
answers = analysis.behaviour(test.policy[:, :, first], test.trials.values)
shares = {
    name: analysis.trial_mean(share, test.condition >= 0)
    for name, share in answers._asdict().items()
}
known = knowledge.known_values(test.trials.order, test.trials.removed, delay)
ideal = known.episodic[..., :n_steps].mean((0, 1)), known.working.mean((0, 1))

# %% [markdown]
# One of its trials, as the network meets it. The third matrix is the same in all trials, and the fourth, the right answers, the network never
# sees. The left half of each is part 1, the right half part 2: same answers, other order of observations.

# %% mystnb={"image": {"alt": "Four matrices over 32 steps with a line in the middle. Observed feature: one dark cell per step at a random place. Observed value: one of four. Queried feature: a diagonal in each part. Right answer: one of four, the same sequence in both parts."}, "figure": {"caption": "The stimuli of one trial, one-hot; the line is the boundary between the parts.", "name": "fig-lu-stimulus"}}
fig, axes = plt.subplots(
    4, 1, figsize=(8, 6.5), sharex=True, height_ratios=[4, 1.4, 4, 1.4]
)
diagrams.draw_stimulus(examples.stimulus(test.trials, (0, 0)), axes)

# %% [markdown]
# ## What the networks answer
#
# In part 1 the networks are ideal observers: they answer exactly when they can (A), and say "don't know" otherwise. In part 2 (B) the same line is what
# can be known without part 1. NM follows it, with a small gain from guesses. All that lies above it in DM must have been recalled: {doc}`fig3_retrieval`
# is about how.

# %% mystnb={"image": {"alt": "A: shares of right answers, don't know and errors in part 1; right answers lie on the dotted diagonal, errors near zero. B: accuracy in part 2; RM near one, NM on the diagonal, DM rises from it to the top within a few steps."}, "figure": {"caption": "Answers. A: shares of answers in part 1. B: accuracy in part 2 by condition; open markers: the authors' 15 models. Dotted: share of queries whose feature has been observed in the part, from the trials themselves. Bands: 95 % confidence intervals over networks.", "name": "fig-lu-part-one"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8))
steps = np.arange(n_steps)
kinds = (
    ("correct", "right", figures.CORRECT),
    ("dont_know", "don't know", plots.GREY),
    ("mistake", "wrong", figures.MISTAKE),
)
for name, label, colour in kinds:
    plots.mean_band(steps, shares[name], ax=axes[0], color=colour, label=label)
comparable = (penalty, delay, hidden, segment) == (2, 0, 0, None)
published = claims.facts("lu2022", "pen2")["accuracy"] if comparable else None
figures.draw_by_condition(course.accuracy, ax=axes[1], published=published)
for ax, share in zip(axes, ideal, strict=True):
    ax.plot(steps, share, ":", color="black")
    ax.legend(fontsize="small")
axes[0].set(xlabel="step of part 1", ylabel="share of trials")
axes[1].set_ylabel("accuracy")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
seen = knowledge.seen_shares(n_steps)
right = shares["correct"]
chapter.judge(
    {
        "A12a": (right - seen).mean(1),
        "A12b": (course.accuracy[:, trials.NM] - seen).mean(1),
        "A12c": right[:, -1],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A delay
# :label: lu-delay
# With `delay=4` the queries begin four steps after the observations. Where does the ideal observer's line lie then? Do the networks follow?
# ```
#
# ````{solution} lu-delay
# :class: dropdown
# At the first query five features have been observed instead of one: the line starts higher and reaches the top four steps early. The networks have been
# trained with random delays from 0 to 4 and follow. (The claims above compare with the line without delay and fail then.)
# ````
#
# ```{exercise} Hidden values
# :label: lu-hidden
# Set `hidden=0.3`, as in training. What is different in part 1, and what in part 2 of RM?
# ```
#
# ````{solution} lu-hidden
# :class: dropdown
# Some features are named without their value. In part 1 the line bends down and does not reach the top. In part 2 RM starts below the top, too, since what was
# hidden cannot be remembered; it has to be seen.
# ````
#
# ## Where this differs from the original
#
# The sampling of trials has the original's statistics, which are compared on {doc}`../checked`. The original runs its test trials one by one; here all first
# parts run at once, and then all second parts, since in a test the first parts never read the store and the second never write it. In the fast mode
# networks are trained by {ref}`a shorter recipe <lu-fast-recipe>`.

# %%
chapter.footer(networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
