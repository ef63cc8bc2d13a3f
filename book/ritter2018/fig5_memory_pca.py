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
# # What is stored: the choice, in the cell state
#
# Ritter et al. (2018), the original code's memory figure · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The values in the dictionary fall into two clusters, one per choice. And a
# caution: they do so in networks that never recall anything.

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
n_epochs: int = None  # training epochs; None takes the mode's number

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.ritter2018 import analysis, figures
from mempaper.ritter2018.experiments import ContextualChoiceTraining

chapter = Chapter(
    "ritter2018/fig5_memory_pca",
    globals(),
    ContextualChoiceTraining,
    "kernel",
    "n_epochs",
)

# %% [markdown]
# ## The idea
#
# At the end of each first encounter the cell state $c_T$ goes into the dictionary. If it is to help
# later it must hold the decision. Principal components show what the stored states have in common: centre
# the matrix of values $V$ (memory by unit), take $V = U S W^\top$, and look at the scores $U S$.
# How far two clusters are apart on the first component is
#
# $$ d' = \frac{\lvert \mu_1 - \mu_0 \rvert}{\sqrt{(\sigma_1^2 + \sigma_0^2)/2}} . $$

# %%
print(inspect.getsource(analysis.principal_components))
print(inspect.getsource(analysis.separation))

# %% [markdown]
# ## The experiment
#
# The same networks as in {doc}`fig3_learning`; nothing is trained anew. The memory is the one that
# the last training epoch leaves.

# %%
memory = chapter.experiment.result()
control = chapter.experiment.replace(retrieval=False).result()


def describe(run):
    """Scores, explained variance, sign accuracy and d' of every network's memory."""
    found = [analysis.principal_components(values) for values in run["values"]]
    apart = [
        analysis.separation(scores[:, 0], labels)
        for (scores, _), labels in zip(found, run["labels"], strict=True)
    ]
    return [s for s, _ in found], np.array([e for _, e in found]), np.array(apart)


scores, explained, apart = describe(memory)
scores_off, explained_off, apart_off = describe(control)

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Scatter plots of stored cell states on two principal components, with memory in use on the left and retrieval off in the middle: in both, blue and red points form two clusters on either side of zero. On the right, d-prime per network: higher with retrieval off."}, "figure": {"caption": "What the dictionary holds. A: stored cell states of the first network on the first two principal components, coloured by the right choice. B: the same for the network that never recalls. C: separation of the clusters, one point per network. The shaded ranges in A are where the authors' clusters lie.", "name": "fig-ritter-memories"}}
fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), width_ratios=(1.2, 1.2, 0.8))
for ax, found, run, title in (
    (axes[0], scores, memory, "memory in use"),
    (axes[1], scores_off, control, "retrieval off"),
):
    labels = run["labels"][0]
    side = np.sign(
        found[0][labels == 1, 0].mean()
    )  # the sign of a component is free
    figures.draw_memories(
        found[0] * np.array([side] + [1] * (found[0].shape[1] - 1)), labels, ax=ax
    )
    ax.set_title(title)
for low, high in ((-14, -5), (4, 16)):
    axes[0].axvspan(low, high, color=plots.GREY, alpha=0.12, lw=0)
axes[1].legend(loc="upper center", fontsize="small")
for column, values in enumerate((apart[:, 1], apart_off[:, 1])):
    axes[2].plot(
        np.full(len(values), column), values, "o", color=plots.PURPLE, alpha=0.6
    )
axes[2].set(xticks=(0, 1), xlim=(-0.5, 1.5), ylim=(0, None), ylabel="d'")
axes[2].set_xticklabels(["in use", "off"])
plots.panel_letters(axes)

# %% [markdown]
# ## Claims


# %%
def gap(found, labels):
    """Distance between the clusters' nearest members on the first component; negative if they overlap."""
    one, zero = found[labels == 1, 0], found[labels == 0, 0]
    return max(one.min() - zero.max(), zero.min() - one.max())


chapter.judge(
    {
        "C6a": apart[:, 0],
        "C6b": explained[:, 0],
        "C6c": apart[:, 1],
        "C6d": [
            gap(s, labels)
            for s, labels in zip(scores, memory["labels"], strict=True)
        ],
        "C6e": apart_off[:, 1] - apart[:, 1],
    }
)

# %% [markdown]
# The control matters. Nothing rewards storing, and no gradient flows through it: the cell state holds the
# choice because the network needs it *within* the trial. That makes it useful later, but a clean
# picture of the memory does not show that the memory is used. {doc}`fig4_correct_rate` shows that.
#
# ## Exercises
#
# ```{exercise} Why is it cleaner without recall?
# :label: ritter-cleaner
# Suggest a reason why the clusters are further apart, relative to their width, in networks that never recall.
# ```
#
# ````{solution} ritter-cleaner
# :class: dropdown
# With retrieval on, first encounters recall states of *other* trials. What is let in adds a component
# that has nothing to do with the present choice and widens the clusters. Without recall, only the evidence
# moves the state.
# ````
#
# ## Where this differs from the original
#
# The published scatter plot is one run; the claims here are over networks. The control is ours.

# %%
chapter.footer(memory, control)

# %% [markdown]
# ## References
#
# The model is that of {footcite:t}`ritter2018been` in the form of the demonstration code
# {footcite:p}`lu2019dndlstm`.
#
# ```{footbibliography}
# ```
