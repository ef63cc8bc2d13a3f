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
# # Similar keys, similar values
#
# Ritter et al. (2018), the original code's similarity matrices · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** How alike the fifty keys in the dictionary are, and how alike the fifty values. Keys
# differ almost equally; values form two blocks.

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

from mempaper import memory as memories
from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.ritter2018 import analysis
from mempaper.ritter2018.experiments import ContextualChoiceTraining

chapter = Chapter(
    "ritter2018/fig6_similarity",
    globals(),
    ContextualChoiceTraining,
    "kernel",
    "n_epochs",
)

# %% [markdown]
# ## The idea
#
# The dictionary compares vectors with its kernel; for Euclidean distance
#
# $$ s(a, b) = -\lVert a - b + 10^{-6} \rVert_2 , $$
#
# so that 0 means identical. What should one expect of the keys? A key is the last input of a trial: 32
# observations with mean $\pm 1$ and 32 context entries with mean 0, all with unit variance. The difference of two
# keys of the same choice has 64 entries of variance 2, so their distance is about
# $\sqrt{128}$; for different choices the observations add $32 \cdot 2^2$ to the square, and it is about
# $\sqrt{256}$. The values are the network's own.

# %%
print(inspect.getsource(memories.similarity))

# %% [markdown]
# ## The experiment

# %%
run = chapter.experiment.result()

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Two heat maps of fifty by fifty similarities, trials sorted by choice. Keys: two faint blocks. Values: two bright blocks on the diagonal and dark blocks off it."}, "figure": {"caption": "Similarity of keys (A) and of values (B) in the first network's memory after training, sorted by choice. The colour scales end where the authors' do, at -18 and -30.", "name": "fig-ritter-similarity"}}
order = np.argsort(run["labels"][0], kind="stable")
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4))
for ax, name, lowest in zip(axes, ("keys", "values"), (-18, -30), strict=True):
    matrix = analysis.similarity_matrix(
        run[name][0][order], chapter.experiment.kernel
    )
    limit = lowest if chapter.experiment.kernel == "l2" else None
    plots.similarity_heatmap(
        matrix, ax=ax, vmin=limit, label=f"{chapter.experiment.kernel} similarity"
    )
    ax.set(
        title=name,
        xlabel="memory, sorted by choice",
        ylabel="memory, sorted by choice",
    )
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# The claims are about Euclidean distance, whatever kernel the network was trained with.

# %%
blocks = {
    name: np.array(
        [
            analysis.block_similarity(vectors, labels)
            for vectors, labels in zip(run[name], run["labels"], strict=True)
        ]
    )
    for name in ("keys", "values")
}
chapter.judge(
    {
        "C7a": blocks["values"][:, 0],
        "C7b": blocks["values"][:, 1],
        "C7c": blocks["keys"][:, 0],
        "C7d": blocks["keys"][:, 1],
        "C7e": analysis.similarity_matrix(run["values"]).min((1, 2)),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} The other kernels
# :label: ritter-kernels
# What do the two matrices look like under the cosine, and why are the blocks of the keys still visible?
# ```
#
# ````{solution} ritter-kernels
# :class: dropdown
# `papermill book/ritter2018/fig6_similarity.ipynb out.ipynb -p kernel cosine`. Keys of the same choice share a mean
# vector of length $\sqrt{32}$, so their cosine is about $32/96 = 1/3$; keys of different choices have the same
# with a minus sign.
# ````
#
# ## Where this differs from the original
#
# The original shows the matrices in the order of the trials; sorting them by choice makes the blocks
# visible and changes nothing else.

# %%
chapter.footer(run)

# %% [markdown]
# ## References
#
# The model is that of {footcite:t}`ritter2018been` in the form of the demonstration code
# {footcite:p}`lu2019dndlstm`.
#
# ```{footbibliography}
# ```
