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
# # Silenced recall, scrambled observations
#
# Lu, Hasson & Norman (2022), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The same trained networks under two disturbances. Without recall, a distant memory is as good as none: whatever
# DM gains over NM comes from the store. Scrambled observations change next to nothing, for the networks never relied on their order.

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
silent_from: int = 0  # first step of part 2 without recall
silent_until: int = None  # first step with recall again; None: never
n_trials: int = 256  # of each test

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import curves, evaluation, figures, knowledge, trials
from mempaper.lu2022.experiments import RecallLearning

chapter = Chapter(
    "lu2022/a7_disturbed",
    globals(),
    RecallLearning,
    own=("penalty", "silent_from", "silent_until", "n_trials"),
)
n_steps = chapter.experiment.n_features
silent = range(silent_from, n_steps if silent_until is None else silent_until)
asked = curves.checked_test(
    n_steps, penalty=penalty, n_trials=n_trials, silence=tuple(silent)
)
tests = {
    "intact": replace(asked, silence=()),
    "silenced": asked,
    "scrambled": replace(asked, silence=(), scramble=True),
}

# %% [markdown]
# ## The idea
#
# In DM the event was seen, stored, and wiped out of working memory; in NM it was not even stored. If the answers in DM are better, is it because of
# recall? **Silencing** tests it: at the chosen steps of part 2 nothing is added to the cell state,
#
# $$
# \mathbf{c}_t = \mathbf{c}'_t + \mathbf{r}_t, \qquad \mathbf{r}_t = 0 \ \text{ where silenced.}
# $$
#
# The gate is still computed, so we can see what the network asks for in vain.
#
# **Scrambling** cuts the observations of the whole trial, both parts, into four blocks and presents the blocks in reverse order. What was
# observed first in part 1 now comes last in part 2. The queries stay as they were. Each part still shows every feature once, so whatever can be known
# at a step can still be known, only from other observations.

# %%
print(inspect.getsource(evaluation.scrambled))

# %% [markdown]
# ## The experiment
#
# Nothing is trained anew. Every network meets the same trials three times.

# %%
networks = chapter.experiment.trained()
course = {
    name: curves.curves(evaluation.evaluate(networks, test))
    for name, test in tests.items()
}

# %% [markdown]
# ## The figure
#
# Look at B first: with recall the answers leave the dotted line within a few steps; without it they stay on it to the end. In D
# the gate of the silenced networks stays open for longer. They go on asking, as nothing comes.

# %% mystnb={"image": {"alt": "A: bars of accuracy in three conditions. RM is at ceiling throughout; DM is high intact and scrambled, and falls to the level of NM when silenced. B and C: accuracy over part 2 in DM and NM with a dotted line for what was seen in part 2; only intact and scrambled DM rise above it. D: mean gate in DM over part 2, early peak, higher when silenced."}, "figure": {"caption": "Networks disturbed. A: mean accuracy in part 2 by condition; dots are networks, open diamonds the authors' example model. B, C: accuracy over part 2 in DM and in NM; dotted: share of features seen in part 2 so far. D: mean gate in DM, computed whether or not recall is silenced. Bands: 95 % confidence intervals over networks.", "name": "fig-lu-disturbed"}}
colours = dict(zip(tests, (plots.BLUE, plots.RED, plots.GREEN), strict=True))
example = claims.facts("lu2022", "example")
entries = ("pen2", "pen2_recall_silenced", "pen2_scrambled")
bars, theirs = [], []
for condition, name in enumerate(trials.CONDITIONS):
    for test, entry in zip(tests, entries, strict=True):
        accuracy = course[test].mean("accuracy", condition)
        bars.append(("", accuracy, colours[test]))
        theirs.append(example[entry]["accuracy"][name] if penalty == 2 else None)

fig, axes = plt.subplots(2, 2, figsize=(10, 7))
figures.draw_bars(bars, ax=axes[0, 0], published=theirs if penalty == 2 else None)
axes[0, 0].set(ylim=(0, 1.05), ylabel="accuracy in part 2")
axes[0, 0].set_xticks((1, 4, 7), trials.CONDITIONS)
steps = np.arange(n_steps)
panels = (
    (axes[0, 1], "accuracy", trials.DM),
    (axes[1, 0], "accuracy", trials.NM),
    (axes[1, 1], "gate", trials.DM),
)
for ax, what, condition in panels:
    for test, found in course.items():
        samples = getattr(found, what)[:, condition]
        plots.mean_band(steps, samples, ax=ax, color=colours[test], label=test)
    ax.set(xlabel="step of part 2", ylabel=what, title=trials.CONDITIONS[condition])
    if what == "accuracy":
        ax.plot(steps, knowledge.seen_shares(n_steps), ":", color="black")
axes[0, 1].legend()
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
dm = {name: found.mean("accuracy", trials.DM) for name, found in course.items()}
chapter.judge(
    {
        "A7a": dm["silenced"] - course["silenced"].mean("accuracy", trials.NM),
        "A7b": dm["intact"] - dm["silenced"],
        "A7c": dm["scrambled"] - dm["intact"],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} One window for recall
# :label: lu-silent-window
# Silence only the first four steps (`silent_until=4`), and then all but the first four (`silent_from=4`). Which costs more?
# ```
#
# ````{solution} lu-silent-window
# :class: dropdown
# The first four. What comes later costs a little, as some trials recall late. After a silent start the store answers again, but
# the gate falls over the part whether or not something came: by then most of the moment has passed, and the answers
# in DM recover only in part. So the gate depends on what the network knows *and* on the time.
# ````
#
# ```{exercise} Why does silencing hardly touch RM?
# :label: lu-silent-rm
# And what would it mean if it did?
# ```
#
# ````{solution} lu-silent-rm
# :class: dropdown
# In RM working memory holds the event and the gate is nearly shut, so little is there to silence. A loss would mean that the
# network leans on recall although it need not. The fast recipe gives a trace of this, because its working memory has been trained
# less than the paper's.
# ````
#
# ## Where this differs from the original
#
# The published values are of one network, the authors' example; here are several. The three tests share their trials, which makes the
# comparison paired. In the fast mode networks are trained by {ref}`a shorter recipe <lu-fast-recipe>`.

# %%
chapter.footer(networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
