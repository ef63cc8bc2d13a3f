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
# # What becomes of the time constants
#
# Khajehabdollahi et al. (2024), Fig. 4b · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The same networks, the same task, two curricula: with several heads the time constants fall towards 1
# and stay alike; with one head they spread and some become long.

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
n_units: int = None  # hidden units; None takes the mode's number
tau_factor: float = None  # learning rate of the taus, in units of the other's
both_tasks: bool = None  # also the matching task; None: not in full mode

# %%
import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import figures
from mempaper.khajehabdollahi2024.experiments import (
    CurriculumLearning,
    main_trainings,
)
from mempaper.stats import slopes

chapter = Chapter(
    "khajehabdollahi2024/fig4b_trained_tau",
    globals(),
    CurriculumLearning,
    "n_units",
    "tau_factor",
    own=("both_tasks",),
)
if both_tasks is None:
    both_tasks = mode != "full"

# %% [markdown]
# ## The idea
#
# Time constants begin between 1 and 2 and follow their gradient like any weight. There is one peculiarity: the network uses
# $\max(\tau, 1)$, so a time constant that an update carries below 1 has no gradient any more and stays there for
# ever. Such units have lost their own memory for good. All values below are of $\max(\tau, 1)$.

# %% [markdown]
# ## The experiment

# %%
base = chapter.experiment
tasks = ("parity", "dms") if both_tasks else ("parity",)
runs = {
    condition: training.trained()
    for condition, training in main_trainings(base, chapter.mode, tasks).items()
}
mean = {key: run.tau_statistics()[0] for key, run in runs.items()}
spread = {key: run.tau_statistics()[1] for key, run in runs.items()}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "A: mean time constant against N; with several heads it falls in both tasks, with one head it rises steeply in the matching task. B: standard deviation over units; flat or falling with several heads, rising with one head. C: sorted time constants of one network of each kind at the largest N; the one with one head has a few very long ones."}, "figure": {"caption": "Trained time constants. A: mean over units. B: standard deviation over units. Lines and bands: means over networks and 95 % confidence intervals; open markers: the authors' networks of seed 0. C: all units of the networks of one seed, sorted, parity.", "name": "fig-khaj-trained-tau"}}
fig, axes = plt.subplots(1, 3, figsize=(12, 3.8))
for (task, kind), run in runs.items():
    style = {
        "color": figures.COLOURS[task, kind],
        "label": f"{task}, {figures.NAMES[kind]}",
    }
    figures.draw_over_n(run.ends, mean[task, kind], ax=axes[0], **style)
    figures.draw_over_n(run.ends, spread[task, kind], ax=axes[1], **style)
shipped = claims.facts("khajehabdollahi2024", "shipped_networks")
for kind, marker in (("single", "s"), ("cumulative", "o")):
    theirs = shipped[kind]
    for ax, name in zip(axes, ("tau_mean", "tau_sd"), strict=False):
        plots.published_points(
            theirs["n"],
            theirs[name],
            ax=ax,
            marker=marker,
            ms=4,
            color=figures.COLOURS["parity", kind],
            label=f"authors, {figures.NAMES[kind]}",
        )

single, several = runs["parity", "single"], runs["parity", "cumulative"]
shared = sorted(set(single.ends) & set(several.ends))
shared = [n for n in shared if len(single.members(n)) > 1 and several.members(n)]
for kind in ("single", "cumulative"):
    run = runs["parity", kind]
    last = shared[-1]
    tau = np.sort(run.tau(last)[run.members(last)[0]])
    colour = figures.COLOURS["parity", kind]
    axes[2].plot(np.linspace(0, 1, len(tau)), tau, ".-", color=colour)
axes[0].set(ylabel="mean $\\tau$")
axes[1].set(ylabel="SD of $\\tau$")
axes[2].set(xlabel="share of units", ylabel="$\\tau$", title=f"parity, N = {last}")
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
probe = max(n for n in shared if n <= (10 if mode == "full" else 8))
at = single.ends.index(probe)
one, many = mean["parity", "single"], mean["parity", "cumulative"]
final = [np.flatnonzero(~np.isnan(row))[-1:] for row in one]
rise = [
    row[k[0]] - np.nanmin(row) for row, k in zip(one, final, strict=True) if len(k)
]
if both_tasks:
    place = runs["dms", "single"].ends.index(
        min(10, runs["dms", "single"].ends[-1])
    )
    gap = (mean["dms", "single"] - mean["dms", "cumulative"])[:, place]
unequal = (spread["parity", "single"] - spread["parity", "cumulative"])[:, at]
everyone = [several.ends.index(n) for n in several.passed_by_all()]
chapter.judge(
    {
        "C7a": gap if both_tasks else None,
        "C7b": unequal,
        "C7e": unequal,
        "C7c": (one - many)[:, at],
        "C7d": rise,
        "C8a": slopes(several.passed_by_all(), many[:, everyone]),
        "C8b": spread["parity", "cumulative"][:, at],
        "C8c": many[:, several.ends.index(10)] if mode == "full" else None,
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Frozen units
# :label: khaj-frozen
# How many units end up frozen below 1, and does it depend on the curriculum? The arrays of `result()` hold `tau` as it is.
# ```
#
# ````{solution} khaj-frozen
# :class: dropdown
# `(run["tau"] < 1).mean(-1)` with `run = base.replace(curriculum="cumulative").result()`, shape (network, stage). With several heads
# the share grows with every $N$, since nothing ever brings a unit back.
# ````
#
# ```{exercise} The paper's ratio of learning rates
# :label: khaj-tau-rate
# What happens with `tau_factor = 1`, the paper's value, in small networks?
# ```
#
# ````{solution} khaj-tau-rate
# :class: dropdown
# `papermill book/khajehabdollahi2024/fig4b_trained_tau.ipynb out.ipynb -p tau_factor 1`. The time constants hardly move before training ends:
# their gradients are small, and the few thousand updates of small networks leave no time. The paper's networks had hundreds of
# epochs.
# ````
#
# ## Where this differs from the original
#
# Fast mode: see {doc}`fig3_curricula`. The published rise of the mean time constant with one head, from $N = 15$ on
# in the parity task, lies beyond what our networks reach with one head; in the matching task it comes early. Authors' values are
# those of the networks that accompany their code, up to $N = 11$.

# %%
chapter.footer(*runs.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
