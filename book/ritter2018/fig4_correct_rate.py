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
# # Recall answers before evidence does
#
# Ritter et al. (2018), the original code's result figure · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Agents decide between two actions. For five steps they see only noise, then
# evidence comes. Each trial of an epoch is met twice. At the second encounter the agents choose well
# from the very first step, when nothing but memory can tell them how.

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
kernel: str = "l2"  # similarity of query and key: l2 | l1 | cosine
context_key: bool = False  # recall by the context alone instead of the whole input
n_epochs: int = None  # training epochs; None takes the mode's number
learning_rate: float = None  # of Adam; None takes the original's 5e-4

# %%
import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.ritter2018 import analysis
from mempaper.ritter2018.experiments import ContextualChoiceTraining

chapter = Chapter(
    "ritter2018/fig4_correct_rate",
    globals(),
    ContextualChoiceTraining,
    "kernel",
    "context_key",
    "n_epochs",
    "learning_rate",
)

# %% [markdown]
# ## The idea
#
# A trial is a context $k$ and a stream of observations $e_t$; the input is $x_t = [e_t, k]$. The
# dictionary holds, for each trial met before, its last input as key and the cell state
# $c$ of that moment as value. At every step the nearest key answers,
#
# $$m_t = \tanh\!\big(v_{n^*}\big), \qquad n^* = \arg\max_n s(x_t, k_n), \qquad
# s(x, k) = -\lVert x - k \rVert_2 ,$$
#
# and the reinstatement gate $r_t$ decides how much of it enters the cell state
# {footcite:p}`ritter2018been`:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot n_t + r_t \odot m_t .$$
#
# Reward is 1 for each step with the right action. Nothing rewards storing: the stored state is useful
# because it holds the decision of its own trial, and the network only has to learn to read its own
# code. In code:

# %%
import inspect

from mempaper.ritter2018.model import DNDLSTMCell

print(inspect.getsource(DNDLSTMCell.step))

# %% [markdown]
# ## The experiment
#
# Two groups of networks see the same trials: one with the memory, one with retrieval switched off,
# which is a plain LSTM meta-learner.

# %%
memory = chapter.experiment.result()
control = chapter.experiment.replace(retrieval=False).result()

# %% [markdown]
# ## The figure
#
# The published protocol looks at the last training epoch: weights still change, actions are sampled.
# Beside it stand the same networks with frozen weights on fresh epochs, as the probability of the right
# action, which has less noise and no help from learning.

# %% mystnb={"image": {"alt": "Correct rate against time for first and second encounters. With memory, second encounters start far above chance and reach 1 when evidence comes, first encounters stay at chance until then. Without memory both stay at chance until evidence comes."}, "figure": {"caption": "Correct rate by time within a trial. A: last training epoch, as published (open markers: the authors' saved figure, one run; bars: two standard errors over its 50 trials). B: frozen weights. C: frozen weights with retrieval off. Lines are means over networks, bands their 95 % confidence intervals; the dashed line marks the end of the noise.", "name": "fig-ritter-correct-rate"}}
published = claims.facts("ritter2018", "correct_rate")
last = analysis.by_encounter(memory["correct"][:, -1].astype(float))
frozen = analysis.by_encounter(memory["p_correct"].mean(1))
frozen_off = analysis.by_encounter(control["p_correct"].mean(1))
panels = {
    "last training epoch": last,
    "frozen weights": frozen,
    "no memory": frozen_off,
}

fig, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), sharey=True)
for ax, (title, (first, second)) in zip(axes, panels.items(), strict=True):
    time = np.arange(first.shape[-1])
    plots.mean_band(
        time, second.mean(1), ax=ax, color=plots.BLUE, label="second encounter"
    )
    plots.mean_band(
        time, first.mean(1), ax=ax, color=plots.ORANGE, label="first encounter"
    )
    plots.chance_line(0.5, ax=ax)
    ax.axvline(chapter.experiment.t_noise_off, color=plots.GREY, ls="--", lw=1)
    ax.set(xlabel="time step", title=title, ylim=(0.3, 1.03))
for name, colour in (
    ("second_encounter", plots.BLUE),
    ("first_encounter", plots.ORANGE),
):
    p = np.array(published[name])
    bars = 2 * np.sqrt(p * (1 - p) / 49)
    axes[0].errorbar(
        published["time"],
        p,
        bars,
        color=colour,
        marker="o",
        mfc="white",
        ls="none",
        lw=1,
    )
axes[0].set_ylabel("correct rate")
axes[2].legend(loc="lower right", bbox_to_anchor=(1, 0.15))
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
early, noise = (
    slice(0, chapter.experiment.t_noise_off),
    chapter.experiment.t_noise_off,
)
recent = analysis.by_encounter(memory["correct"][:, -3:].astype(float))
recent_off = analysis.by_encounter(control["correct"][:, -3:].astype(float))
first_return, second_return = analysis.returns_by_encounter(
    memory["correct"][:, -1]
)
off_returns = analysis.returns_by_encounter(control["correct"][:, -1])

chapter.judge(
    {
        "C2": recent[0][..., early].mean((1, 2, 3)),
        "C3a": last[1][..., 0].mean(1),
        "C3b": (last[1] - last[0])[..., early].mean((1, 2)),
        "C4a": last[0][..., noise].mean(1),
        "C4b": last[0][..., noise + 1 :].mean((1, 2)),
        "C4c": last[1][..., noise:].mean((1, 2)),
        "C5a": second_return - first_return,
        "C5b": off_returns[1] - off_returns[0],
        "C9a": (frozen_off[1] - frozen_off[0])[..., early].mean((1, 2)),
        "C9b": (recent_off[1] - recent_off[0])[..., early].mean((1, 2, 3)),
    }
)

# %% [markdown]
# Two things in this table deserve a second look. Recall at the first step is imperfect *by design*: the
# key is the whole input, noise included, so the nearest key is sometimes that of another trial
# ({doc}`fig7_kernels` measures how often). And while weights are still being learned, the
# plain LSTM does a little better on second encounters too: fifty updates of the first phase leave a trace
# of the contexts in the weights. The frozen evaluation shows the effect of memory alone.
#
# ## Exercises
#
# ```{exercise} A better key
# :label: ritter-key
# Run this chapter with `context_key` set to true. What happens at the first step of a second encounter,
# and why does the curve not reach 1 at once in the last training epoch?
# ```
#
# ````{solution} ritter-key
# :class: dropdown
# `papermill book/ritter2018/fig4_correct_rate.ipynb out.ipynb -y "context_key: true"`. Contexts repeat exactly
# and are distinct, so the search never errs and the curve starts near 1. What is missing is not
# recall but reading: the gate and the read-out have to learn to trust a recalled state, and what was stored
# early in an epoch was written by slightly older weights.
# ````
#
# ```{exercise} Later evidence
# :label: ritter-late
# What do you expect at the second encounter when evidence never comes at the first one?
# ```
#
# ````{solution} ritter-late
# :class: dropdown
# A stored cell state can only hold a decision that was made. Without evidence the first encounter ends
# at chance and recall brings back a coin toss. The package refuses `t_noise_off >= trial_length`, but
# `t_noise_off = trial_length - 1` leaves one informative step, which is enough.
# ````
#
# ## Where this differs from the paper
#
# The task is the demonstration of the original code, not one of the paper's own experiments; those are the
# chapters S1 to S4. The published figure is one epoch of one run; here several networks are trained as one
# ensemble with the same update rule, one Adam step per trial. The original trains with one
# environment (an advantage actor-critic, A2C) where the paper uses asynchronous actors (A3C).

# %%
chapter.footer(memory, control)

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
