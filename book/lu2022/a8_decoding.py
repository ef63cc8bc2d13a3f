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
# # What can be read from the cell state
#
# Lu, Hasson & Norman (2022), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Classifiers that read the event from the cell state, feature by feature. In part 1 the readable part grows with each
# observation. In part 2, after a delay, it jumps when the networks recall.

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
n_trials: int = 256  # of the test, all in DM
silenced: bool = False  # silence recall throughout part 2
paper_grid: bool = False  # choose the regularisation as the paper does: slow

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import analysis, curves, decoding, evaluation, figures
from mempaper.lu2022.experiments import RecallLearning

chapter = Chapter(
    "lu2022/a8_decoding",
    globals(),
    RecallLearning,
    own=("penalty", "n_trials", "silenced", "paper_grid"),
)
n_steps = chapter.experiment.n_features
silent = tuple(range(n_steps)) if silenced else ()
asked = curves.checked_test(
    n_steps, penalty=penalty, n_trials=n_trials, condition="DM", silence=silent
)

# %% [markdown]
# ## The idea
#
# The answers tell what a network says about *one* feature, the queried one. What does it know about the other fifteen? For each feature $f$ a
# logistic regression predicts its label from the cell state, at all time points together:
#
# $$
# \hat y_f(t) = \arg\max_k\ \mathbf a_{f,k} \cdot \mathbf c_t + b_{f,k} .
# $$
#
# The label is the feature's value as soon as it has been observed in this part, and "unknown" before. In part 2 there is one more rule: from the *moment of
# recall* on, the step at which the gate is largest, all features count as known. The labels thus say what the state *should* hold, and the
# classifiers find out whether it does. Each is fit on four fifths of the trials and tested on the others.

# %%
print(inspect.getsource(decoding.labels))

# %% [markdown]
# ## The experiment
#
# All trials are in DM: working memory is emptied between the parts.

# %%
networks = chapter.experiment.trained()
test = evaluation.evaluate(networks, asked)
kept = analysis.full_memory(test.condition * 0)[0]  # the first ones fill the store
order, values = test.trials.order[:, kept], test.trials.values[:, kept]
gate = test.gate[:, kept, n_steps:]
labels = decoding.labels(order, values, gate)
grid = decoding.PAPER_GRID if paper_grid else decoding.FAST_GRID
predictions = decoding.decode(test.c[:, kept], labels, grid=grid)
share = decoding.decoded(predictions, labels)
offsets = range(-3, 8)
around = decoding.around_recall(
    predictions[:, :, n_steps:], values, order[:, :, 1], gate, offsets
)

# %% [markdown]
# ## The figure
#
# In A the line of part 1 climbs by a sixteenth per step: what is observed is kept. Part 2 begins at the bottom again, as the state was
# emptied, and gets in a few steps as far as part 1 did in a dozen. B takes each trial from its own moment of recall. Features seen in part 2 are
# readable at any time. Those that have *not* been seen in part 2 become readable around the moment of recall, most of them at once; what
# is missing are trials in which recall failed or was partial. C shows one trial. The staircase of part 1 begins anew after the line, and then a whole column
# fills.

# %% mystnb={"image": {"alt": "A: share of decoded values over the 32 steps; a straight climb to nearly one in part 1, a drop at the boundary, then a jump within four steps. B: share against time from the moment of recall; unseen features jump from near zero to about three quarters at zero, seen ones are near one throughout. C: raster of one trial, sixteen features by 32 steps, coloured squares fill in as features are observed, and nearly all at once after recall."}, "figure": {"caption": "Decoding the cell state. A: share of trials and features whose value is decoded, at each time; dotted: share that is labelled with a value; the line marks the boundary. B: share of values decoded around the moment of recall, for features seen and not seen in part 2. C: predictions in one trial of one network; colours are values, white is unknown, crosses are wrong. Bands: 95 % confidence intervals over networks.", "name": "fig-lu-decoding"}}
fig, axes = plt.subplots(1, 3, figsize=(13, 3.8))
time = np.arange(2 * n_steps)
plots.mean_band(
    time[:n_steps], share.known[:, :n_steps], ax=axes[0], color=figures.TARGET
)
plots.mean_band(
    time[n_steps:], share.known[:, n_steps:], ax=axes[0], color=figures.TARGET
)
axes[0].plot(time, (labels != decoding.UNKNOWN).mean((0, 1, 3)), ":", color="black")
axes[0].axvline(n_steps - 0.5, color=plots.GREY, lw=1)
axes[0].set(xlabel="time", ylabel="share decoded", ylim=(0, 1.03))
for name, colour in (("seen", plots.GREY), ("unseen", figures.TARGET)):
    shares = getattr(around, name)
    plots.mean_band(offsets, shares, ax=axes[1], color=colour, label=name)
axes[1].axvline(0, color=plots.GREY, ls=":", lw=1)
axes[1].set(xlabel="steps from recall", ylabel="share decoded", ylim=(0, 1.03))
axes[1].legend()
figures.draw_decoded(predictions[0, -1], values[0, -1], ax=axes[2])
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
known = share.known
chapter.judge(
    {
        "A8a": known[:, n_steps - 1] - known[:, 0],
        "A8b": known[:, n_steps + 4] - known[:, 4],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Decoding without recall
# :label: lu-decode-silent
# Run the chapter with `silenced` true. The labels still count everything as known from the largest gate on. What do the classifiers make of that?
# ```
#
# ````{solution} lu-decode-silent
# :class: dropdown
# `papermill book/lu2022/a8_decoding.ipynb out.ipynb -y "silenced: true"`. The values are not in the state, and no classifier can find them. In A part 2
# climbs like part 1, and in B the unseen features stay low: what jumps with recall intact is not an artefact of the labels.
# ````
#
# ```{exercise} Unknown is an answer too
# :label: lu-decode-unknown
# `share.agreement` also counts "unknown" where the label is "unknown". Plot it. Why does it dip after the boundary?
# ```
#
# ````{solution} lu-decode-unknown
# :class: dropdown
# Before recall and after it the labels are easy to satisfy. In between they are sharp, all or nothing at the step of the largest gate, while recall
# takes a few steps and sometimes brings little. The dip counts trials that are earlier or later than their label says.
# ````
#
# ## Where this differs from the original
#
# The original chooses the strength of the regularisation from six values for each feature and fold; so does `paper_grid`. By default it is 1 throughout, which predicts as well
# here and takes a fraction of the time. The original's inner folds cover only part of the rows, and its scaler sees the test fold, both
# by slips; here folds are by trial and the scaler is that of the training trials. The paper has fourteen networks. Panels B and C are ours.
# In the fast mode networks are trained by {ref}`a shorter recipe <lu-fast-recipe>`.

# %%
chapter.footer(networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
