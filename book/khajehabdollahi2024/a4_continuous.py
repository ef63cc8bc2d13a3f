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
# # Continuous time
#
# Khajehabdollahi et al. (2024), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Time constants in units of time instead of steps: each bit lasts one unit, cut into $k$ steps. Networks that
# train with several $k$ at once go on to answer when steps are ever finer; a network that knows one $k$ alone does
# less well, and coarser steps spoil all of them.

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
n_seeds: int = None  # how many networks; None takes 6, in smoke mode 2, in full 4
n_units: int = None  # hidden units; None takes the mode's number
max_n: int = None  # a network that passes this N is finished; None: the mode's
several_steps: list = None  # steps per bit that are trained together; None: mode's
one_step: int = None  # steps per bit that are trained alone; None: the mode's

# %%
import inspect

import matplotlib.pyplot as plt

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import continuous, figures, groups
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.khajehabdollahi2024.model import LeakyRNN

chapter = Chapter(
    "khajehabdollahi2024/a4_continuous",
    globals(),
    CurriculumLearning,
    "n_units",
    "max_n",
    own=("several_steps", "one_step"),
)

# %% [markdown]
# ## The idea
#
# A network with the non-linearity inside the leak is a discretised differential equation,
#
# $$\tau\, \frac{dh}{dt} = -h + \phi\big(W h + w_\text{in} s + b\big)
# \quad\Longrightarrow\quad
# h_{t+dt} = \Big(1-\frac{dt}{\tau}\Big) h_t + \frac{dt}{\tau}\, \phi(u_t) ,$$
#
# and the step $dt = 1/k$ was 1 so far. With $k$ steps per bit the input repeats each bit $k$ times, and $k\tau$ takes the
# place of $\tau$:

# %%
print(inspect.getsource(LeakyRNN.time_constants))

# %% [markdown]
# If a network had learned the differential equation, it would work for every small $dt$. If it counts steps, it works for
# the $k$ of its training alone. Networks with several $k$ make one update for each of them in turn.
#
# ## The experiment
#
# Three trainings: several $k$ with several heads, several $k$ with one head, one $k$ with several heads. Networks that have passed
# an $N$ are then asked for this $N$ at many other $k$.

# %%
trainings = groups.continuous(
    chapter.experiment,
    chapter.mode,
    several_steps,
    one_step,
    n_seeds=n_seeds,
    max_n=max_n,
)
runs = {name: training.trained() for name, training in trainings.items()}
together = trainings["several k, several heads"]
n_values = together.settings().stages[-1]  # every N from 2 on
finer = 2 * max(together.duplicates)  # steps half as long as the training's finest
tested = {
    "smoke": (1, 2, 3, 5),
    "fast": (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50),
    "full": (*range(1, 21), *range(25, 51, 5), *range(60, 101, 10), 150, 200),
}
tested_steps = sorted({*tested[chapter.mode], finer})
accuracy = {
    name: continuous.generalisation(run, n_values, tested_steps, together.seed)
    for name, run in runs.items()
}  # each (network, N, k)

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Five panels. A: mean tau against N; it falls with several heads, and with one head turns up again. B: standard deviation of tau, rising with one head. C to E: accuracy against dt on a logarithmic axis, one line per N, training range shaded. Accuracy is one within the range, falls steeply to chance for coarser steps, and slightly for finer ones; it falls most in the network trained with one k, and more for larger N."}, "figure": {"caption": "Continuous networks. A, B: mean and standard deviation over units of the time constants, in units of the duration of a bit, at each pass. C to E: accuracy of networks that have just passed an N on this N, with steps of other lengths; shaded: the steps of the training. Means over networks; bands: 95 % confidence intervals.", "name": "fig-khaj-continuous"}}
fig, axes = plt.subplots(2, 3, figsize=(12, 7))
(mean_ax, sd_ax, legend), panels = axes
looks = (
    {"color": figures.MULTI},
    {"color": figures.SINGLE},
    {"color": figures.MULTI, "ls": "--"},
)
for (name, run), look in zip(runs.items(), looks, strict=True):
    for ax, values in zip((mean_ax, sd_ax), run.tau_statistics(), strict=True):
        figures.draw_over_n(run.ends, values, ax=ax, label=name, **look)
mean_ax.set(ylabel="mean $\\tau$")
sd_ax.set(ylabel="SD of $\\tau$")
mean_ax.legend(fontsize="x-small")
for ax, (name, found) in zip(panels, accuracy.items(), strict=True):
    steps = trainings[name].duplicates
    figures.draw_over_steps(tested_steps, found, n_values, steps, ax=ax)
    ax.set_title(name)
legend.legend(*panels[0].get_legend_handles_labels(), loc="center", ncol=2)
legend.axis("off")
plots.panel_letters([mean_ax, sd_ax, *panels])

# %% [markdown]
# ## Claims
#
# They are about $N = 6$ at its pass, and steps half as long as the finest of the training; networks that did not pass are left out.

# %%
n = min(6, n_values[-1])
place = n_values.index(n), tested_steps.index(finer)
several, _, one = (found[:, *place] for found in accuracy.values())
tau = {name: run.tau(n).mean(1) for name, run in runs.items()}
measured = {
    "C21a": several,
    "C21b": several - one,
    "C21c": tau["several k, one head"] - tau["several k, several heads"],
}
chapter.judge(measured if n == 6 else dict.fromkeys(measured))

# %% [markdown]
# ## Exercises
#
# ```{exercise} Too coarse
# :label: khaj-too-coarse
# Why do all networks fail at $dt = 1$, while they get along with steps much finer than any they have seen?
# ```
#
# ````{solution} khaj-too-coarse
# :class: dropdown
# As $dt$ becomes smaller the states approach a solution of the differential equation, so that all fine steps are alike: the curves level
# off. Towards coarser ones nothing converges. At $k = 1$ a unit with $\tau = 1$ takes one step where it took several, and a
# signal that passes on over several units during one bit no longer has the time.
# ````
#
# ```{exercise} Which steps to train on
# :label: khaj-which-steps
# Is it the number of different $k$ that helps, or that some of them are large?
# ```
#
# ````{solution} khaj-which-steps
# :class: dropdown
# `papermill book/khajehabdollahi2024/a4_continuous.ipynb out.ipynb -p one_step 5` trains the third group with the finest step of
# the first. Compare panels C and E again at the right of the shaded range. `-y "several_steps: [2, 6]"` goes the other way: few, but far
# apart.
# ````
#
# ## Where this differs from the original
#
# The paper trains 500 units with $k$ of 7 to 10 together, and of 10 alone, one network each. The fast mode has 48 units, $k$ of
# 3 to 5, and of 4 alone, epochs of 60 updates for each $k$, a learning rate of 0.2 and five times that for the time
# constants, and ends at $N = 6$. The fast mode's networks were
# trained once with exactly these settings and come with the book, since their training takes minutes; under other
# parameters they are trained anew. The paper's values of these panels are not available to us; the claims are what the
# design of its figure suggests. Its code has no matching task for continuous networks, and neither has ours. We did not run
# the full mode of this chapter.

# %%
chapter.footer(*runs.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
