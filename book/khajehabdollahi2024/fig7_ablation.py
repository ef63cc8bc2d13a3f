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
# # Which units carry the memory?
#
# Khajehabdollahi et al. (2024), Fig. 7 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Units are removed one at a time: the fastest ones, or the slowest. Networks with one head suffer from
# the loss of a slow unit. Networks with several heads do not even notice.

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
task: str = "parity"  # parity | dms
group: int = None  # units in each group; None: a tenth, at most 20

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import analysis, figures, perturbation
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning

chapter = Chapter(
    "khajehabdollahi2024/fig7_ablation",
    globals(),
    CurriculumLearning,
    "task",
    own=("group",),
)

# %% [markdown]
# ## The idea
#
# If memory lives in slow units, their loss must hurt; if it lives in the network, none of them matters much. A removed unit
# has no input, no recurrent weights either way, and no weight to the head that is asked. The network then answers after every
# bit of endless streams, where chance is one half, and its accuracy is given relative to the undamaged network's:
#
# $$ \frac{\text{accuracy} - \tfrac12}{\text{accuracy without damage} - \tfrac12} . $$

# %%
print(inspect.getsource(perturbation.ablate))

# %% [markdown]
# ## The experiment

# %%
base = chapter.experiment
kinds = ("single", "cumulative")
trained = {kind: base.replace(curriculum=kind).trained() for kind in kinds}
group = group or min(20, max(1, base.n_units // 10))
streams = analysis.Streams(base.seed)
limit = 10 if mode == "full" else 8
both = [n for n in trained["single"].kept if len(trained["single"].members(n)) > 1]
both = [n for n in both if n in trained["cumulative"].passed_by_all()]
probes = sorted(
    {max(n for n in both if n <= 5), max(n for n in both if n <= limit)}
)


def relative(kind: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Relative accuracy and mean time constant, each (member, fast or slow)."""
    run = trained[kind]
    head = run.head(n)
    members = run.members(n)
    found = analysis.ablation(run.network(n), base.task, n, head, group, streams)
    result = np.full((2, run.n_members, 2), np.nan)
    result[0][members], result[1][members] = found.relative(), found.tau.mean(-1)
    return result[0], result[1]


damage = {(kind, n): relative(kind, n) for kind in kinds for n in probes}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Bars of relative accuracy after removing fast or slow units, for networks with one and with several heads, at a short and a longer memory. At the longer memory slow units matter with one head only."}, "figure": {"caption": "Relative accuracy after the loss of one unit, by group of units and curriculum; tick labels give the mean time constant of the removed units. Bars: means and standard deviations over networks; dots: networks. Diamonds: the authors' networks, at N = 5 (left) and N = 30 (right).", "name": "fig-khaj-ablation"}}
published = claims.facts("khajehabdollahi2024", "ablation")
labels = {"single": "single-head", "cumulative": "cumulative"}
fig, axes = plt.subplots(
    1, len(probes), figsize=(5.2 * len(probes), 4), sharey=True
)
axes = np.atleast_1d(axes)
for ax, n, their_n in zip(axes, probes, (5, 30), strict=False):
    groups, theirs = [], []
    for kind in kinds:
        accuracy, tau = damage[kind, n]
        for which, (speed, colour) in enumerate(
            (("fast", figures.SHORT), ("slow", figures.LONG))
        ):
            label = (
                f"{figures.NAMES[kind]}\n{speed}, {np.nanmean(tau[:, which]):.2f}"
            )
            groups.append((label, accuracy[:, which], colour))
            values = published[labels[kind]][their_n][("short", "long")[which]]
            theirs.append(np.mean([v for v in values if v is not None]))
    figures.draw_bars(groups, ax=ax, published=theirs)
    ax.tick_params(axis="x", labelsize="small")
    ax.set(title=f"N = {n}", ylim=(None, 1.2))
axes[0].set_ylabel("relative accuracy")
axes[0].legend(loc="upper right")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
early, late = probes[0], probes[-1]
one, many = damage["single", late][0], damage["cumulative", late][0]
lowest = np.minimum(damage["single", early][0], damage["cumulative", early][0])
chapter.judge(
    {
        "C13a": many[:, 1] - one[:, 1],
        "C13b": one[:, 0] - many[:, 0],
        "C14": lowest.min(1),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Two at once
# :label: khaj-two-units
# Remove the two slowest units together. Is the damage the sum of the single ones?
# ```
#
# ````{solution} khaj-two-units
# :class: dropdown
# Set both units' weights to zero in a copy, as `perturbation.ablate` does for one, and ask it with `streams.accuracy`. With
# one head the damage is usually larger than the sum: the slow units stand in for each other.
# ````
#
# ## Where this differs from the original
#
# In the original code the readout of head 0 is cut for every head that is evaluated, so with several heads the head that is
# asked still reads the constant output of the removed unit; here its own weight is cut. On the authors' network with
# $N = 11$ the difference is negligible. Ours are tested at smaller $N$: what is a fact at $N = 30$ with 500 units shows in the fast
# mode because the learning rate of the time constants is larger there.

# %%
chapter.footer(*trained.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
