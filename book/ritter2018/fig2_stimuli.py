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
# # The stimuli: noise, evidence and a context
#
# Ritter et al. (2018), the original code's stimulus figure · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Two trials of the contextual choice task as the network sees them, and a check that
# the early steps carry nothing about the answer.

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
mode: str = "fast"  # smoke | fast | full: the same here, nothing is trained
seed: int = 0  # of the first data set; the others follow it
n_seeds: int = None  # how many data sets; None takes the mode's number
obs_dim: int = 20  # length of observation and context in the figure
trial_length: int = 10  # steps per trial
t_noise_off: int = 5  # first step with evidence

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.ritter2018 import figures
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.ritter2018.task import ContextualChoice

chapter = Chapter(
    "ritter2018/fig2_stimuli",
    globals(),
    ContextualChoiceTraining,
    "obs_dim",
    "trial_length",
    "t_noise_off",
)

# %% [markdown]
# ## The idea
#
# Think of dots that drift to the left or to the right while the first frames are pure noise. The
# direction $d \in \{-1, +1\}$ is drawn for each trial, and
#
# $$
# e_t \sim \begin{cases} \mathcal N(0, 1) & t < t_\text{off} \\ \mathcal N(d, 1) & t \ge t_\text{off} \end{cases}
# \qquad y = [\,d > 0\,], \qquad k \sim \mathcal N(0, 1), \qquad x_t = [e_t, k] .
# $$
#
# The context $k$ stands still through the trial. An epoch shows each of its trials once and then all of
# them again, in random order, with identical numbers, noise included. The whole generator:

# %%
print(inspect.getsource(ContextualChoice.sample_unique))
print(inspect.getsource(ContextualChoice.sample_epoch))

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Two heat maps of input against time, one trial with answer 0 and one with answer 1. The upper half, the observation, is speckled until the dotted line and then mostly blue for answer 0 and mostly red for answer 1. The lower half, the context, has rows of constant colour."}, "figure": {"caption": "Two trials. Upper half: observation; lower half: context, below the dashed line. The dotted line marks the end of the noise.", "name": "fig-ritter-stimuli"}}
task = chapter.experiment.task()
x, y = task.sample_unique(20, np.random.default_rng(chapter.experiment.seed))

fig, axes = plt.subplots(1, 2, figsize=(9, 4.2))
for answer, ax in enumerate(axes):
    trial = np.flatnonzero(y[:, 0] == answer)[0]
    figures.draw_stimulus(x[trial], answer, task.t_noise_off, ax=ax)
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# Moments over many trials, one data set per seed.

# %%
measured = {"R1a": [], "R1b": [], "R1c": [], "R1d": []}
for data_seed in range(
    chapter.experiment.seed, chapter.experiment.seed + chapter.experiment.n_seeds
):
    x, y = task.sample_unique(2000, np.random.default_rng(data_seed))
    answer, off, width = y[:, 0], task.t_noise_off, task.obs_dim
    context = x[:, :, width:]
    measured["R1a"].append(np.abs(context - context[:, :1]).max())
    measured["R1b"].append(x[answer == 1, off:, :width].mean())
    measured["R1c"].append(x[answer == 0, off:, :width].mean())
    measured["R1d"].append(
        ((2 * answer - 1)[:, None, None] * x[:, :off, :width]).mean()
    )

chapter.judge(measured)

# %% [markdown]
# ## Exercises
#
# ```{exercise} How fast is the evidence?
# :label: ritter-evidence
# How likely is it that the sign of the summed observation at the first informative step gives the
# wrong answer, for 20 observation entries? And for 1?
# ```
#
# ````{solution} ritter-evidence
# :class: dropdown
# The sum of $n$ entries has mean $\pm n$ and standard deviation $\sqrt n$, so the error is
# $\Phi(-\sqrt n)$: about 4 in a million for 20 entries and 16 % for one. A single step of evidence settles
# the task, so whatever happens before that step is memory.
# ````
#
# ## Where this differs from the original
#
# The figure uses 20 observation entries, as the original's does; training uses 32. Drawn from numpy's legacy
# generator the arrays equal the original's bit by bit (see {doc}`/book/checked`).

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# The task is that of the demonstration code {footcite:p}`lu2019dndlstm`.
#
# ```{footbibliography}
# ```
