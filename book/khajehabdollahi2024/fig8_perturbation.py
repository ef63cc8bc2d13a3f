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
# # Noise, and learning anew
#
# Khajehabdollahi et al. (2024), Fig. 8 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Noise on the weights or the time constants destroys the memory of networks with one head long before that of
# networks with several. And networks with several heads learn a longer memory better afterwards.

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
fresh_head: bool = None  # retrain with a new head; None: with the head for N
retrain: bool = None  # also retrain; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import analysis, figures, perturbation
from mempaper.khajehabdollahi2024.follow_ups import Retraining

chapter = Chapter(
    "khajehabdollahi2024/fig8_perturbation",
    globals(),
    Retraining,
    "task",
    "fresh_head",
    own=("retrain",),
)
if retrain is None:
    retrain = mode != "full"

# %% [markdown]
# ## The idea
#
# Noise of relative size $\varepsilon$ is added to all recurrent weights, or to all time constants, which then only grow:
#
# $$
# W \leftarrow W + \varepsilon\, \lVert W \rVert \frac{D}{\lVert D \rVert}, \qquad
# \tau \leftarrow \tau + \varepsilon\, \lVert \tau \rVert \frac{|d|}{\lVert d \rVert},
# $$
#
# with $D$ and $d$ normally distributed. Each of ten draws is tested on a stream of its own.

# %%
print(inspect.getsource(perturbation.perturbed))

# %% [markdown]
# ## The experiment

# %%
base = chapter.experiment
kinds = ("single", "cumulative")
again = {kind: base.replace(curriculum=kind) for kind in kinds}
trained = {kind: run.source().trained() for kind, run in again.items()}
limit = 10 if mode == "full" else 8
both = [n for n in trained["single"].kept if len(trained["single"].members(n)) > 1]
probe = max(n for n in both if n <= limit and n in trained["cumulative"].kept)
streams = analysis.Streams(base.seed)
sizes = {
    "w_rec": np.r_[0, np.logspace(-2, 1, 10)],
    "tau": np.r_[0, np.logspace(-3, 1, 13)],
}
accuracy = {}
for kind in kinds:
    run = trained[kind]
    head = run.head(probe)
    for what, values in sizes.items():
        found = np.full((run.n_members, len(values), streams.n_streams), np.nan)
        found[run.members(probe)] = analysis.perturbation(
            run.network(probe), base.task, probe, head, what, values, streams
        )
        undamaged = found[:, :1].mean(2, keepdims=True)
        relative = perturbation.relative_accuracy(found, undamaged)
        accuracy[kind, what] = relative.mean(2)  # (member, size)

# %% [markdown]
# Retraining starts from networks that have passed a moderate $N$. The head that solved it goes on alone, on a larger $N'$ only, for
# a short time.

# %%
retrained = {kind: run.result() for kind, run in again.items()} if retrain else {}
print(inspect.getsource(Retraining._retrain))

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "A and B: relative accuracy against the size of the noise on a logarithmic axis, for weights and for time constants. The curves of several heads fall later than those of one head. C: relative accuracy after retraining against the new N; several heads are higher."}, "figure": {"caption": "Robustness. A: noise on the recurrent weights. B: noise on the time constants. Lines and bands: means over networks and 95 % confidence intervals; open markers: the authors' networks at N = 30. C: accuracy on a longer memory after brief retraining, relative to a perfect one.", "name": "fig-khaj-perturbation"}}
labels = {"single": "single-head", "cumulative": "cumulative"}
fig, axes = plt.subplots(
    1, 3 if retrain else 2, figsize=(12 if retrain else 8, 3.8)
)
for ax, what, fact in zip(
    axes, sizes, ("perturb_rnn", "perturb_tau"), strict=False
):
    published = claims.facts("khajehabdollahi2024", fact)
    for kind in kinds:
        colour = figures.COLOURS[base.task, kind]
        plots.mean_band(
            sizes[what][1:],
            accuracy[kind, what][:, 1:],
            ax=ax,
            color=colour,
            label=f"{figures.NAMES[kind]}, N = {probe}",
        )
        theirs = np.array(published[labels[kind]], float)  # (network, size)
        plots.published_points(
            published["eps"][1:],
            np.nanmean(theirs, axis=0)[1:],
            ax=ax,
            color=colour,
            ms=4,
            label="authors, N = 30",
        )
    ax.set(xscale="log", xlabel="size of the noise", ylabel="relative accuracy")
axes[0].set_title("weights")
axes[1].set_title("time constants")
axes[0].legend(fontsize="x-small")
for kind, run in retrained.items():
    style = {
        "color": figures.COLOURS[base.task, kind],
        "label": figures.NAMES[kind],
    }
    relative = perturbation.relative_accuracy(run["accuracy"], 1.0)
    figures.draw_over_n(run["targets"], relative, ax=axes[2], **style)
    axes[2].set(title="retrained", xlabel="N'", ylabel="relative accuracy")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
gap = {
    what: accuracy["cumulative", what] - accuracy["single", what] for what in sizes
}


def gap_at(what: str, size: float) -> np.ndarray:
    """Several heads minus one head at the size of noise nearest to ``size``."""
    return gap[what][:, np.abs(sizes[what] - size).argmin()]


better = {}
if retrain:
    step = retrained["single"]["targets"] - base.passed_n
    more = retrained["cumulative"]["accuracy"] - retrained["single"]["accuracy"]
    better = {int(s): 2 * more[:, i] for i, s in enumerate(step)}
chapter.judge(
    {
        "C15a": gap_at("w_rec", 0.215),
        "C15b": gap_at("w_rec", 0.464),
        "C16a": gap_at("tau", 0.1),
        "C16b": gap_at("tau", 0.215),
        "C17a": better.get(2),
        "C17b": better.get(4),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A new head
# :label: khaj-new-head
# Does it matter that retraining starts with the head that solved the old task?
# ```
#
# ````{solution} khaj-new-head
# :class: dropdown
# `papermill book/khajehabdollahi2024/fig8_perturbation.ipynb out.ipynb -p fresh_head True`. The difference between
# curricula stays: what helps is in the recurrent network.
# ````
#
# ```{exercise} Multiplicative noise
# :label: khaj-multiplicative
# `perturbation.perturbed` knows two further kinds of noise. Under which of them does a weight of zero stay zero?
# ```
#
# ````{solution} khaj-multiplicative
# :class: dropdown
# Under the multiplicative kind, `x (1 + size d)`. It damages less, since the many small weights hardly change.
# ````
#
# ## Where this differs from the original
#
# The authors test networks at $N = 30$, we at the $N$ of the legend. The script for retraining is not part of their code, and the paper's
# description leaves open which head is used; ours keeps the head for $N$. In the fast mode networks are small; for
# details of training see {doc}`fig3_curricula`.

# %%
chapter.footer(*trained.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
