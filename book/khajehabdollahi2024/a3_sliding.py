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
# # A sliding window of memory lengths
#
# Khajehabdollahi et al. (2024), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Ten memory lengths trained at once, without any curriculum, are learned one after the other: networks
# make a curriculum of their own. Then the window slides on, and it matters a great deal whether a head keeps its question.

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
n_seeds: int = None  # how many sliding networks; None takes 4, in smoke mode 2
init_heads: int = None  # memory lengths in the window; None takes 10
forget_heads: int = None  # how many of them a slide exchanges; None takes 5
n_units: int = None  # hidden units; None takes the mode's number
max_epochs: int = None  # epochs at most; None takes the mode's number

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import figures, groups, sliding
from mempaper.khajehabdollahi2024.curriculum import Curriculum
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.stats import mean_interval

chapter = Chapter(
    "khajehabdollahi2024/a3_sliding",
    globals(),
    CurriculumLearning,
    "n_units",
    "max_epochs",
    own=("init_heads", "forget_heads"),
)

# %% [markdown]
# ## The idea
#
# A network with a sliding window has $m$ heads. When all of its memory lengths are known, the $f$ shortest are dropped and $f$
# longer ones come in: it has many heads, like a network that keeps everything, but it forgets, like one with a
# single head. Two things can happen to the heads. In the original code a head belongs to a *place* in the list, so that
# after a slide every head is asked something else than before. It can also belong to its *N*: then only the new
# heads have to learn.

# %%
print(inspect.getsource(Curriculum.after))
print(inspect.getsource(Curriculum.heads))

# %% [markdown]
# ## The experiment
#
# Both orders of heads, beside the networks with one head and with several of {doc}`fig3_curricula`. Training ends with the
# second window. Until the first slide the two orders are the same training.

# %%
base = chapter.experiment
windows = groups.sliding(
    base,
    chapter.mode,
    init_heads=init_heads,
    forget_heads=forget_heads,
    n_seeds=n_seeds,
    max_epochs=max_epochs,
)
slid = {order: run.trained() for order, run in windows.items()}
steady = {k: run.trained() for k, run in groups.by_curriculum(base).items()}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Six panels. A: accuracy of ten heads of one network against updates; they rise one after the other in the order of N. B: updates until a head is above 98 percent, growing with N. C: accuracy around the slide; when heads belong to places all drop far and recover slowly, when they belong to N the staying ones remain near one and only the new ones start low. D: largest N passed against updates. E, F: mean and standard deviation of tau at each pass; the sliding networks lie between one head and several, or spread more."}, "figure": {"caption": "A window of memory lengths. A: accuracy on each N of the first window, first network. B: updates until the accuracy on an N is above 98 %. C: accuracy around the slide on the N that stay in the window (solid) and on new ones (dashed), when heads belong to places in the list or to an N. D: largest N passed; the window counts with its last N. E, F: mean and standard deviation over units of the time constants at each pass. Means over networks and 95 % confidence intervals; open markers: the authors' networks of seed 0 (500 units).", "name": "fig-khaj-sliding"}}
orders = {"position": plots.PURPLE, "n": plots.BLUE}
names = {"position": "heads by place", "n": "heads by N"}
window = windows["n"]
first = window.settings().stages[0]
fig, axes = plt.subplots(2, 3, figsize=(12, 7))
(learning, learned, slide), (progress, *tau_axes) = axes

by_n = slid["n"]
shown = by_n.accuracy()[0, :, : len(first)]
until = by_n.updates_to_pass()[0, 0] / window.updates_per_epoch
shown = shown[: len(shown) if np.isnan(until) else int(until)]
shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(first)))
for n, accuracy, shade in zip(first, shown.T, shades, strict=True):
    updates = np.arange(1, len(accuracy) + 1) * window.updates_per_epoch
    learning.plot(updates, accuracy, color=shade, label=f"N = {n}")
plots.chance_line(0.98, ax=learning)
learning.set(xlabel="updates", ylabel="accuracy", ylim=(0.45, 1.02))
learning.legend(fontsize="xx-small", ncol=2)

epochs = sliding.epochs_to_learn(by_n)
figures.draw_over_n(
    first, epochs * window.updates_per_epoch, ax=learned, color=plots.BLUE
)
learned.set(ylabel="updates until accuracy > 98 %")

n_epochs = max(run.accuracy().shape[1] for run in slid.values())
for order, colour in orders.items():
    run = slid[order]
    since, staying, new = sliding.around_slide(run, 4, n_epochs)
    everyone = len(run.members(first[-1]))  # that slid
    tested = (~np.isnan(staying)).sum(0) == everyone
    x = since[tested] * window.updates_per_epoch
    style = {"ax": slide, "color": colour}
    plots.mean_band(
        x, staying[:, tested], label=f"{names[order]}, staying", **style
    )
    plots.mean_band(
        x, new[:, tested], ls="--", label=f"{names[order]}, new", **style
    )
    style = {"ax": progress, "label": names[order], "colour": colour}
    largest = run.largest_passed(n_epochs)
    figures.draw_progress(largest, window.updates_per_epoch, **style)
slide.set(xlabel="updates since the slide", ylabel="accuracy", ylim=(0.45, 1.02))
slide.legend(fontsize="x-small")

for kind, run in steady.items():
    style = {"label": figures.NAMES[kind]}
    colour = figures.COLOURS["parity", kind]
    largest = run.largest_passed(n_epochs)
    figures.draw_progress(
        largest, base.updates_per_epoch, ax=progress, colour=colour, **style
    )
    for ax, values in zip(tau_axes, run.tau_statistics(), strict=True):
        figures.draw_over_n(run.ends, values, ax=ax, color=colour, **style)
progress.legend(fontsize="x-small")
for (order, colour), shift in zip(orders.items(), (-0.15, 0.15), strict=True):
    run = slid[order]
    style = {"color": colour, "ls": "none", "marker": "o", "label": names[order]}
    for ax, values in zip(tau_axes, run.tau_statistics(), strict=True):
        mean, half = mean_interval(values)
        ax.errorbar(np.array(run.ends) + shift, mean, half, capsize=2, **style)
published = claims.facts("khajehabdollahi2024", "shipped_networks")
for kind, colour, marker in (
    ("single", figures.SINGLE, "s"),
    ("cumulative", figures.MULTI, "o"),
    ("sliding_10_5", plots.PURPLE, "D"),
):
    theirs = published[kind]
    style = {"color": colour, "marker": marker, "ms": 4, "label": None}
    for ax, name in zip(tau_axes, ("tau_mean", "tau_sd"), strict=True):
        plots.published_points(theirs["n"], theirs[name], ax=ax, **style)
tau_axes[0].set(ylabel="mean $\\tau$")
tau_axes[1].set(ylabel="SD of $\\tau$")
tau_axes[1].legend(fontsize="x-small", loc="upper left")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# They are about a window of ten memory lengths, and about the phase before the first slide, which both orders of heads
# share.

# %%
faithful = slid["position"]
untrained = np.maximum(faithful.untrained().tau.detach().numpy(), 1)
measured = {
    "C20a": faithful.largest_passed()[:, -1],
    "C20b": sliding.rank_correlation(first, sliding.epochs_to_learn(faithful)),
    "C20c": untrained.mean((1, 2)) - faithful.tau(first[-1]).mean(1),
}
chapter.judge(measured if len(first) == 10 else dict.fromkeys(measured))

# %% [markdown]
# That short memories come first is not built in: the loss is the sum over all heads from the first update on. But a head for $N + 1$
# can build on what serves $N$, and without that its gradient is as good as none, as networks show that begin with a long memory alone
# ({doc}`fig3_curricula`).
#
# Panels E and F belong to the last claim. It compares the mean time constant with where it began; how it compares with
# networks that came to the same $N$ step by step, and how alike the units are, is another matter.
#
# ## Exercises
#
# ```{exercise} A gentler slide
# :label: khaj-gentle
# With heads that belong to places, is it better to slide by one than by five?
# ```
#
# ````{solution} khaj-gentle
# :class: dropdown
# `papermill book/khajehabdollahi2024/a3_sliding.ipynb out.ipynb -p forget_heads 1`. After a slide by one every head is asked for one bit
# more than before, which is what a network with one head goes through at every pass, ten times at once. Parity of $N + 1$ bits is
# independent of that of $N$ bits: no head can use its old answer, but the states that hold all answers are there.
# ````
#
# ```{exercise} The same up to here
# :label: khaj-same-up-to-here
# Why are the two orders the same training up to the first slide, and in which sense do their networks still differ?
# ```
#
# ````{solution} khaj-same-up-to-here
# :class: dropdown
# The first list is 2 to $m + 1$ and head $i$ answers for its $i$-th place in both. Networks with a head for each $N$
# have more heads, which wait; initial values are drawn head by head, so the heads in use begin alike. What differs is
# rounding, when networks of one ensemble are in different windows and sequences are filled up to the longest.
# ````
#
# ## Where this differs from the original
#
# Fast mode: see {doc}`fig3_curricula` for sizes and rates; sliding networks are four and train for 3,000 updates, in which
# they do not get to the end of the second window. The authors' network of seed 0, with 500 units and 600 updates per epoch, drops
# less at its first slide and recovers faster. Heads that belong to their $N$ are ours. The damage that the loss of single units does to sliding
# networks is in the published table that {doc}`fig7_ablation` shows. We did not run the full mode of this chapter.

# %%
chapter.footer(*slid.values(), *steady.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
