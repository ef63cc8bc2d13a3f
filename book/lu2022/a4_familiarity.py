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
# # Have I seen this before?
#
# Lu, Hasson & Norman (2022), appendix: familiarity · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Networks that are told whether the event is an old or a new one use it to open and shut the gate. Lied to afterwards,
# they believe it: they recall what is of no use and leave alone what is.

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
penalty: float = 2  # of a wrong answer, in the tests of the figure
n_trials: int = 256  # of each test
competition: float = None  # inhibition between memories; None: the paper's 0.8

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import curves, evaluation, figures, groups, trials
from mempaper.lu2022.experiments import RecallLearning

chapter = Chapter(
    "lu2022/a4_familiarity",
    globals(),
    RecallLearning,
    "competition",
    own=("penalty", "n_trials"),
)
asked = curves.checked_test(
    chapter.experiment.n_features, penalty=penalty, n_trials=n_trials
)

# %% [markdown]
# ## The idea
#
# After the gap a network of {doc}`fig3_retrieval` cannot know whether its store holds the present event (DM) or not (NM). So it looks, in both
# cases, and some of what it finds in NM is a {term}`lure`. People have something better: a feeling of *familiarity*, which comes fast and says that there is
# something to recall, not yet what.
#
# Here it is given as one more input $\phi$ to the network. It is 0 in the first part, and in the second
#
# $$
# \phi_t = \begin{cases} +1 & \text{in RM and DM: this event has been seen,} \\ -1 & \text{in NM: it is new.} \end{cases}
# $$
#
# Networks are trained with it from the moment on at which they get their store. What have they learned from it? To see that, the sign
# is reversed in a second test.

# %%
print(inspect.getsource(trials.TrialSettings.extra_inputs))

# %% [markdown]
# ## The experiment
#
# The group with the signal has fewer networks than the main one; of the latter those with the same seeds are taken.

# %%
told = groups.group(chapter.experiment, "familiarity").trained()
plain = chapter.experiment.trained().first(told.network.n_members)
settings = {
    "no signal": (plain, asked),
    "told": (told, asked),
    "lied to": (told, replace(asked, reverse_familiarity=True)),
}
course = {
    (name, p): curves.curves(
        evaluation.evaluate(networks, replace(test, penalty=p))
    )
    for name, (networks, test) in settings.items()
    for p in {2, penalty}
}

# %% [markdown]
# ## The figure
#
# Follow the gate (lower row) from left to right. Without the signal it opens in DM and NM alike, and differs only after some steps. With it
# the gate opens in DM alone and at once, right answers come much earlier, and NM is nearly free of errors. With the sign reversed DM and NM
# change places. In RM the gate stays shut in all three, since working memory has the answers; but told that the event is new, the networks
# trust it a little less in the beginning.

# %% mystnb={"image": {"alt": "Upper row: share of right answers over time without the signal, with it, and with it reversed. With the signal DM rises at once; reversed, it stays on the diagonal with NM. Lower row: the gate opens in DM and NM without the signal, in DM alone with it, and in NM alone when it is reversed. Right: accuracy in DM and errors in NM of each network in the three settings."}, "figure": {"caption": "A: share of right answers by condition, without a familiarity signal, with it, and with its sign reversed in the test. B: accuracy in DM. C: gate. D: share of errors in NM. Lines in A and C are means over networks, bands their 95 % confidence intervals; thin lines in B and D are networks.", "name": "fig-lu-familiarity"}}
fig, axes = plt.subplots(2, 4, figsize=(14, 6.6))
for column, name in enumerate(settings):
    here = course[name, penalty]
    if column:
        axes[1, column].sharey(axes[1, 0])
    figures.draw_by_condition(here.accuracy, ax=axes[0, column])
    figures.draw_by_condition(here.gate, ax=axes[1, column])
    axes[0, column].set(ylim=(0, 1.02), title=name)
axes[0, 0].set_ylabel("share right")
axes[1, 0].set_ylabel("gate")
axes[0, 0].legend(loc="lower right")
for row, what, condition, label in (
    (0, "accuracy", trials.DM, "accuracy in DM"),
    (1, "mistake", trials.NM, "errors in NM"),
):
    figures.draw_paired(
        [course[name, penalty].mean(what, condition) for name in settings],
        list(settings),
        ax=axes[row, 3],
    )
    axes[row, 3].set_ylabel(label)
plots.panel_letters([axes[0, 0], axes[0, 3], axes[1, 0], axes[1, 3]], "ABCD")

# %% [markdown]
# ## Claims

# %%
DM, NM = trials.DM, trials.NM
none, right, reverse = (course[name, 2].mean for name in settings)
chapter.judge(
    {
        "A4a": right("accuracy", DM) - none("accuracy", DM),
        "A4b": none("gate", NM) - right("gate", NM),
        "A4c": right("gate", DM) - right("gate", NM),
        "A4d": reverse("gate", NM) - reverse("gate", DM),
        "A4e": right("accuracy", DM) - reverse("accuracy", DM),
        "A4f": reverse("mistake", NM) - right("mistake", NM),
        "A4g": right("gate", NM),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A careless network
# :label: lu-careless
# How much do lies cost when errors are free?
# ```
#
# ````{solution} lu-careless
# :class: dropdown
# `papermill book/lu2022/a4_familiarity.ipynb out.ipynb -p penalty 0`. In NM lures are recalled and answered without hesitation, but
# without them the answers would be guesses, three quarters of them wrong too. Reward is lost mostly in DM, where the right memory stays in the
# store.
# ````
#
# ```{exercise} Other ways to tell
# :label: lu-other-ways
# The networks without the signal distinguish DM from NM after some steps, too. How can they?
# ```
#
# ````{solution} lu-other-ways
# :class: dropdown
# By what recall brings. A target fits what is observed, and later observations confirm it; a lure does not. The gate sees the cell state and the
# decision layer, both of which contain what was recalled at the steps before.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's training is our own: see {ref}`lu-fast-recipe`. There the first phase, without a store, is shared with the
#   networks that get no signal; the weights of the new input start as they were drawn.
# - We know this simulation from the original's code; no values of it were published that we could draw. What the ledger gives
#   for comparison is an earlier prototype of our own.

# %%
chapter.footer(plain, told)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
