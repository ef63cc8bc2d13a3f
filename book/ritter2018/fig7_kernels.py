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
# # How to search a memory: kernels and averages
#
# Our own comparison, with the original code's kernels · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Accuracy at the first step of a second encounter for three kernels, beside the
# best that each search allows; and what is lost when the nearest entry gives way to an average.

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
n_epochs: int = None  # training epochs; None takes the mode's number
obs_dim: int = 32  # length of observation and context

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import memory as memories
from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.ritter2018 import analysis, groups
from mempaper.ritter2018.experiments import ContextualChoiceTraining

chapter = Chapter(
    "ritter2018/fig7_kernels",
    globals(),
    ContextualChoiceTraining,
    "n_epochs",
    "obs_dim",
)

# %% [markdown]
# ## The idea
#
# The original offers three similarities for its search of the single nearest entry: negative Euclidean
# distance (l2), negative city-block distance (l1), and the cosine. The search is a hard
# choice, and no gradient passes it. A soft alternative averages over entries,
#
# $$
# m = \sum_n w_n v_n, \qquad w_n \propto \exp(s_n / \tau) \quad\text{or}\quad
# w_n \propto \frac{1}{\lVert q - k_n \rVert^2 + \delta},
# $$
#
# the second as in neural episodic control {footcite:p}`pritzel2017neural`. The original names this option
# without having it; the definition here is ours. One function covers all:

# %%
print(inspect.getsource(memories.recall_weights))

# %% [markdown]
# ## The experiment
#
# Keys and queries are inputs, so how often the search finds the right entry at step $t$ is a property of the
# task and the kernel, not of the network: the **recall ceiling**. Each network then has to
# make the best of what it is given.

# %%
base = chapter.experiment
rules = groups.RULES
for name, rule in rules.items():
    print(f"{name}: {rule}")
configs = {name: base.replace(**rule) for name, rule in rules.items()}
runs = {name: config.result() for name, config in configs.items()}

n_epochs_for_ceiling = 150 if chapter.mode != "smoke" else 2
kernels = ("l1", "cosine", "l2")
ceilings = {
    name: analysis.recall_ceiling(
        base.task(), configs[name].rule(), base.seed, n_epochs_for_ceiling
    )
    for name in kernels
}
context_rule = base.replace(context_key=True).rule()
context_ceiling = analysis.recall_ceiling(
    base.task(), context_rule, base.seed, n_epochs_for_ceiling
)

# Probability of the right action on second encounters with frozen weights: (network, time).
second = {
    name: analysis.by_encounter(run["p_correct"].mean(1))[1].mean(1)
    for name, run in runs.items()
}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Left: accuracy at the first step of the second encounter for each way to read the memory: city-block distance is best, then cosine, then Euclidean distance; averages are lower, and no memory is at chance. Open markers show the recall ceiling just above each kernel's bar. Right: accuracy against time for the same conditions."}, "figure": {"caption": "Reading the memory. A: probability of the right action at the first step of second encounters, frozen weights, mean over networks with 95 % confidence interval; open markers: share of trials whose nearest entry has the right label. B: the same over time.", "name": "fig-ritter-kernels"}}
colours = [
    plots.BLUE,
    plots.SKY,
    plots.GREEN,
    plots.ORANGE,
    plots.RED,
    plots.PURPLE,
    "black",
    plots.GREY,
]
fig, axes = plt.subplots(1, 2, figsize=(11, 3.9), width_ratios=(1, 1.2))
for position, (name, colour) in enumerate(zip(rules, colours, strict=True)):
    mean, half = stats.mean_interval(second[name])
    axes[0].errorbar(
        mean[0], -position, xerr=half[0], marker="o", color=colour, capsize=3
    )
    plots.mean_band(
        np.arange(len(mean)), second[name], ax=axes[1], color=colour, label=name
    )
for name in kernels:
    label = "recall ceiling" if name == "l1" else None
    position = -list(rules).index(name)
    plots.published_points(
        ceilings[name][1][0], position, ax=axes[0], label=label, ms=9
    )
axes[0].axvline(0.5, color=plots.GREY, ls=":", lw=1)
axes[0].set(xlabel="accuracy at the first step", xlim=(0.45, 1.03))
axes[0].set_yticks(-np.arange(len(rules)), list(rules))
axes[0].legend(loc="lower right")
axes[1].set(
    xlabel="time step", ylabel="accuracy, second encounter", ylim=(0.45, 1.03)
)
axes[1].legend(loc="lower right", fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
start = {name: values[:, 0] for name, values in second.items()}
excess = np.max([start[name] - ceilings[name][1][0] for name in kernels], axis=0)
all_first, all_second = analysis.by_encounter(
    runs["inverse, all"]["p_correct"].mean(1)
)
early = slice(0, base.t_noise_off)


chapter.judge(
    {
        "C8a": start["l1"] - start["cosine"],
        "C8b": start["cosine"] - start["l2"],
        "C8c": excess,
        **{f"C8d-{name}": stats.exact(ceilings[name][0][0]) for name in kernels},
        **{f"C8e-{name}": start[name] for name in kernels},
        "C8d-context": stats.exact(context_ceiling[0][0]),
        "C8f-sharp": start["softmax, τ = .25"],
        "C8f-soft": start["softmax, τ = 1"],
        "C8f-near": start["inverse, 5 nearest"],
        "C8f-all": start["inverse, all"],
        "C8g": (all_second - all_first)[..., early].mean((1, 2)),
    }
)

# %% [markdown]
# Recall, not gating, limits the first step: no kernel exceeds its ceiling, and l1 comes close to being perfect
# where l2 is not. At the first step the observation half of the query is fresh noise, while the observation
# half of every key leans to one side; squared differences let that half outvote the context
# more often than absolute ones. Averages suffer for another reason. In 64 dimensions, the right entry is
# not much nearer than all others, so weights that fall with distance are nearly uniform unless they
# fall very steeply.
#
# ## Exercises
#
# ```{exercise} How much nearer?
# :label: ritter-nearer
# At the first step, how far is the right entry from the query in Euclidean distance, and how far is a wrong one?
# Use this to predict the weights of the inverse kernel.
# ```
#
# ````{solution} ritter-nearer
# :class: dropdown
# The right key shares the context; its 32 observation entries differ by a variance of 2 and a mean of 1:
# squared distance $32 \cdot 3 = 96$. A wrong key adds $32 \cdot 2 = 64$ for the context: 160. Inverse weights
# differ by a factor of 1.7, and forty-nine wrong entries share the rest: the right one gets about 3 %.
# ````
#
# ## Where this differs from the original
#
# Averages, the recall ceiling and the comparison itself are ours. The published run uses l2.

# %%
chapter.footer(*runs.values())

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
