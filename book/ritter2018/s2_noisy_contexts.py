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
# # Contexts that never look the same twice
#
# Ritter et al. (2018), bandits with image contexts, with a stand-in of ours · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The bandits of {doc}`s1_barcode_bandit`, but each time the barcode is smudged. Search by
# similarity finds the right memory anyway, most of the time. Is the nearest memory better than an average?

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
mode: str = "fast"  # smoke (seconds, not judged) | fast | full (more networks)
seed: int = 0  # of the first network; the others follow it
n_seeds: int = None  # how many networks; None takes the mode's number
n_epochs: int = None  # training epochs; None takes the mode's number
context_length: int = None  # entries of a context; None takes the mode's number
tau: float = 2.0  # temperature of the softmax average

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.ritter2018.bandit import NoisyContextTask
from mempaper.ritter2018.recurring import NoisyContexts

chapter = Chapter(
    "ritter2018/s2_noisy_contexts",
    globals(),
    NoisyContexts,
    "n_epochs",
    "context_length",
    "tau",
)

# %% [markdown]
# ## The idea
#
# In the paper a context is a handwritten character, a new exemplar each time, seen through a fixed
# embedding {footcite:p}`ritter2018been`. The stand-in here needs no images: a context class is a random
# string of $\pm 1$, and each episode shows it with every entry flipped with some probability. Memory keeps every
# exemplar and answers with the most similar one, the newest if several are equally similar. The network itself sees
# only its last action and reward; what it knows of the context, it knows from memory.

# %%
print(inspect.getsource(NoisyContextTask._draw))

# %% [markdown]
# ## The experiment
#
# Two flip rates with nearest-neighbour recall; a softmax average over all memories at the higher rate;
# and no memory. Without memory the context plays no part, so one control serves both rates.

# %%
base = chapter.experiment
noisy = base.replace(p_flip=0.25).result()
clear = base.replace(p_flip=0.1).result()
average = base.replace(p_flip=0.25, recall="softmax").result()
control = base.replace(p_flip=0.25, variant="none").result()

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Left: probability of the best arm by encounter: rising for both flip rates with memory, more for the lower one; the softmax average rises less; flat without memory. Middle: probability at the first pull. Right: recall hit rate by encounter, near one for the lower flip rate."}, "figure": {"caption": "Noisy contexts. A: probability of the best arm, mean over pulls. B: at the first pull; the dotted line is chance. C: how often what is recalled belongs to the right class; for the average, the weight on the right class. Bands: 95 % confidence intervals over networks.", "name": "fig-ritter-noisy"}}
shown = {
    "10 % flipped": (clear, plots.BLUE),
    "25 % flipped": (noisy, plots.ORANGE),
    "25 %, average": (average, plots.PURPLE),
    "no memory": (control, plots.GREY),
}
encounters = np.arange(1, base.n_repetitions + 1)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.5))
for name, (run, colour) in shown.items():
    plots.mean_band(
        encounters, run["p_best"].mean(2), ax=axes[0], color=colour, label=name
    )
    plots.mean_band(encounters, run["p_best"][:, :, 0], ax=axes[1], color=colour)
    if name != "no memory":
        plots.mean_band(encounters, run["hit_rate"], ax=axes[2], color=colour)
plots.chance_line(1 / base.n_arms, ax=axes[1])
axes[0].set(xlabel="encounter", ylabel="P(best arm)", ylim=(0, 1.03))
axes[1].set(xlabel="encounter", ylabel="P(best arm), first pull", ylim=(0, 1.03))
axes[2].set(xlabel="encounter", ylabel="recall hit rate", ylim=(0, 1.03))
axes[0].legend(fontsize="small", loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims


# %%
def later(run):
    """P(best arm) over encounters from the second on, for each network."""
    return run["p_best"][:, 1:].mean((1, 2))


chapter.judge(
    {
        "S2-1": later(noisy) - later(control),
        "S2-2": later(clear) - later(control),
        "S2-3": noisy["hit_rate"][:, 1:].mean(1),
        "S2-4": clear["hit_rate"][:, 1:].mean(1),
        "S2-5": clear["p_best"][:, 0, 0] - 1 / base.n_arms,
        "S2-6": average["p_best"][:, 1:, 0].mean(1) - 1 / base.n_arms,
    }
)

# %% [markdown]
# The last claim is a prediction of ours that came from a single network: that an average over all memories, unlike
# the nearest one, is of no use at the first pull. With more networks it does not hold. At this temperature most of
# the weight lies on memories of the right class (panel C), and what they hold is alike, so that their average is a
# usable state. In the contextual choice task averaging did fail ({doc}`fig7_kernels`), because distances there
# hardly differ between right and wrong entries. What matters is how sharply similarity separates them.
#
# ## Exercises
#
# ```{exercise} Longer codes
# :label: ritter-codes
# How does the hit rate at a quarter flipped change with 48 entries instead of 24, and why?
# ```
#
# ````{solution} ritter-codes
# :class: dropdown
# `papermill book/ritter2018/s2_noisy_contexts.ipynb out.ipynb -p context_length 48`. Two exemplars of a class agree in
# an entry with probability $.75^2 + .25^2 = .625$, two of different classes with .5. The number of agreements
# over $L$ entries differs by $.125 L$ on average, with a standard deviation of about $\sqrt{L}/2$; doubling $L$
# improves the separation by $\sqrt 2$.
# ````
#
# ## Where this differs from the paper
#
# Images and their embedding are replaced by flipped binary strings (ours). Memory reads the nearest exemplar
# whether or not it matches, so on a first encounter it misleads: the first pull lies below chance.

# %%
chapter.footer(noisy, clear, average, control)

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
