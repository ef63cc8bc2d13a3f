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
# # Other activation functions
#
# Khajehabdollahi et al. (2024), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The same two curricula with four activation functions. With three of them networks get far, and several heads
# drive their time constants down, with tanh nearly all the way to 1. The fourth, the sigmoid, is a different matter.

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
n_seeds: int = None  # how many networks; None takes 4, in smoke mode 2
n_units: int = None  # hidden units; None takes the mode's number
max_n: int = None  # a network that passes this N is finished; None: the mode's
max_epochs: int = None  # epochs at most; None takes the mode's number
learning_rate: float = None  # of Nesterov descent; None takes the mode's

# %%
from typing import get_args

import matplotlib.pyplot as plt
import numpy as np
import torch

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import figures, groups, model
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning

chapter = Chapter(
    "khajehabdollahi2024/a2_activations",
    globals(),
    CurriculumLearning,
    "n_units",
    "max_n",
    "max_epochs",
    "learning_rate",
)

# %% [markdown]
# ## The idea
#
# With the non-linearity inside the leak ({doc}`a1_nonlinearity`) any function can take the place of the leaky rectifier, since the
# leak stays linear:
#
# $$h_t = \big(1-\tfrac1\tau\big)\, h_{t-1} + \tfrac1\tau\, \phi(u_t) .$$
#
# What a function is good for here depends on its slope, too: an error at the end of a sequence reaches a bit $m$ steps back
# through the product of $m$ matrices $\big(1-\tfrac1\tau\big) I + \tfrac1\tau\, \mathrm{diag}\,\phi'(u)\, W$.

# %% mystnb={"image": {"alt": "Left: four activation functions; leaky ReLU and ReLU are zero below zero and the identity above, tanh saturates at minus and plus one, the sigmoid runs from zero to one. Right: their slopes; at most one for the first three, a quarter for the sigmoid."}, "figure": {"caption": "The activation functions (A) and their slopes (B).", "name": "fig-khaj-four-functions"}}
activations = get_args(model.Activation)
colours = dict(
    zip(
        activations,
        (plots.BLUE, plots.SKY, plots.ORANGE, plots.PURPLE),
        strict=True,
    )
)
u = torch.linspace(-4, 4, 401, requires_grad=True)
fig, axes = plt.subplots(1, 2, figsize=(9, 2.8))
for name, colour in colours.items():
    style = {"color": colour, "ls": "--" if name == "relu" else "-"}
    value = model.ACTIVATIONS[name](u)
    (slope,) = torch.autograd.grad(value.sum(), u)
    axes[0].plot(u.detach(), value.detach(), label=name, **style)
    axes[1].plot(u.detach(), slope, **style)
axes[0].set(xlabel="u", ylabel="$\\phi(u)$", ylim=(-1.3, 2.5))
axes[1].set(xlabel="u", ylabel="$\\phi'(u)$")
axes[0].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# ## The experiment
#
# Networks of all functions begin with the same weights and time constants.

# %%
base = chapter.experiment
inside = groups.inside(base, chapter.mode, n_seeds=n_seeds, max_epochs=max_epochs)
kinds = ("cumulative", "single")
runs = {key: run.trained() for key, run in inside.items()}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Six panels, several heads above, one head below. Left: largest N passed against updates; leaky ReLU, ReLU and tanh rise together, faster with several heads; the sigmoid stays at the bottom. Middle: mean tau against N, falling; with several heads and tanh it comes close to one. Right: standard deviation of tau, smaller with several heads."}, "figure": {"caption": "Four activation functions. A to C: several heads; D to F: one head. A, D: largest N passed. B, E: mean, and C, F: standard deviation over units of the time constants at each pass, where three or more networks passed. Means over networks and 95 % confidence intervals.", "name": "fig-khaj-activations"}}
fig, axes = plt.subplots(2, 3, figsize=(12, 7), sharex="col", sharey="col")
n_epochs = max(run.accuracy().shape[1] for run in runs.values())
updates = np.arange(1, n_epochs + 1) * base.updates_per_epoch
for row, kind in zip(axes, kinds, strict=True):
    for name, colour in colours.items():
        run = runs[name, kind]
        style = {"color": colour, "ls": "--" if name == "relu" else "-"}
        largest = np.maximum(run.largest_passed(n_epochs), 1)
        plots.mean_band(updates, largest, ax=row[0], label=name, **style)
        for ax, values in zip(row[1:], run.tau_statistics(), strict=True):
            figures.draw_over_n(
                run.ends, values, ax=ax, at_least=min(3, len(values)), **style
            )
    row[0].set(
        xlabel="updates", ylabel="largest N passed", title=figures.NAMES[kind]
    )
    row[1].set(ylabel="mean $\\tau$")
    row[2].set(ylabel="SD of $\\tau$")
axes[0, 0].legend(fontsize="small", loc="upper left")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims


# %%
def ahead(name: str) -> np.ndarray:
    """Largest N passed with several heads, minus that with leaky ReLU."""
    compared = runs[name, "cumulative"], runs["leakyrelu", "cumulative"]
    n_epochs = min(run.accuracy().shape[1] for run in compared)
    one, other = (run.largest_passed(n_epochs)[:, -1] for run in compared)
    return one - other


single, several = runs["tanh", "single"], runs["tanh", "cumulative"]
shared = [
    n
    for n in several.ends
    if len(single.members(n)) == len(several.members(n)) == base.n_seeds
]
longer = None
if shared:
    longer = single.tau(shared[-1]).mean(1) - several.tau(shared[-1]).mean(1)
    print(f"C19b is measured at N = {shared[-1]}")
chapter.judge({"C19a": ahead("relu"), "C19b": longer, "C19c": ahead("sigmoid")})

# %% [markdown]
# ## Exercises
#
# ```{exercise} A quarter
# :label: khaj-quarter
# By what factor is the error of a unit with $\tau = 1$ weaker five steps back with a sigmoid than with tanh, at $u = 0$ and with the
# same weights?
# ```
#
# ````{solution} khaj-quarter
# :class: dropdown
# The slopes at 0 are $\tfrac14$ and 1, and they enter once per step: $4^5 = 1024$. Weights four times as large would make up for
# it, since $\sigma(u) = \tfrac12 + \tfrac12 \tanh(u/2)$. But all networks start with weights of the same size, and the
# constant $\tfrac12$ adds to every drive.
# ````
#
# ```{exercise} A larger step
# :label: khaj-larger-step
# Does a larger learning rate help the sigmoid? What does it do to the others?
# ```
#
# ````{solution} khaj-larger-step
# :class: dropdown
# `papermill book/khajehabdollahi2024/a2_activations.ipynb out.ipynb -p learning_rate 1` repeats the chapter with five times the fast mode's rate
# for all of them. Now the sigmoid works its way up, too, and about as fast as the leaky rectifier, which suffers from so large
# steps. Mind that the rate of the time constants is a multiple of this one: with tanh they now grow. What looks like a
# property of the activation function is in part one of its learning rate.
# ````
#
# ## Where this differs from the original
#
# Fast mode: see {doc}`fig3_curricula` for sizes and rates; networks are four per condition and train for 2,000 updates. The
# paper's appendix shows these functions, sigmoid included, for networks of 500 units and much longer training; its
# numbers are not available to us. What small sigmoid networks do in a short time says nothing about theirs. We did not
# run the full mode of this chapter.

# %%
chapter.footer(*runs.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
