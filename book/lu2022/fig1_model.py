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
# # The model: an LSTM that decides when to recall
#
# Lu, Hasson & Norman (2022), Fig. 1 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The network, drawn and in equations; the code of one step; and how stored memories compete to be recalled, on their
# own, without any training.

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
mode: str = "fast"  # smoke (not judged) | fast | full: the same, nothing is trained
seed: int = 0  # of the untrained network
n_seeds: int = None  # how many networks; None takes the mode's number
gating: str = "pre"  # the gate acts before recall (pre) or after it (post)
competition: float = 0.8  # inhibition between memories
leak: float = 0.0  # of the accumulators
input_strength: float = 0.2  # the gate in panels A and B

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import torch

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.lu2022 import diagrams, figures, model
from mempaper.lu2022.experiments import RecallLearning
from mempaper.memory import CompetingAccumulators

chapter = Chapter(
    "lu2022/fig1_model",
    globals(),
    RecallLearning,
    "gating",
    "competition",
    own=("leak", "input_strength"),
)
accumulators = CompetingAccumulators(competition=competition, leak=leak)

# %% [markdown]
# ## The idea
#
# Many models *have* an episodic memory. This one decides when to use it. An {term}`LSTM` is its working memory. A store holds a few {term}`cell
# states <cell state>` of the past, snapshots of what working memory held at the end of earlier events. At every step the network may add
# stored states to its present one. How much, and of which, depends on two things: how alike they are, and how far a **gate** is open. The
# gate is a unit of the network like any other, and learns with it {footcite:p}`lu2022neural`.

# %% mystnb={"image": {"alt": "Diagram. Observed feature, its value, queried feature and penalty enter the LSTM. Its cell state goes to the gate and, with the stored states, to a similarity. Gate and similarity drive a competition, whose result weights the stored states. Their sum is added to the cell state, which goes on to the decision layer, to the next step, and at the end of an event into the store. The decision layer gives a policy and an expected reward."}, "figure": {"caption": "The network. Blue: working memory. Red: the gate. Green: which memory wins. Purple: the store and what comes back from it.", "name": "fig-lu-model"}}
fig, ax = plt.subplots(figsize=(9.5, 5.2))
ax = diagrams.draw_network(chapter.experiment.gating, ax=ax)

# %% [markdown]
# One step in equations. First an LSTM as usual, with $\mathbf z = W_i \mathbf x_t + \mathbf b_i + W_h \mathbf h_{t-1} + \mathbf b_h$ cut into
# four blocks, and a first look at what it would decide:
#
# $$
# \begin{aligned}
# (\mathbf f, \mathbf o, \mathbf i) &= \sigma(\mathbf z_{1:3}), \qquad \mathbf u = \tanh(\mathbf z_4), \\
# \mathbf c'_t &= \mathbf f \odot \mathbf c_{t-1} + \mathbf i \odot \mathbf u, \qquad
# \mathbf h'_t = \mathbf o \odot \tanh(\mathbf c'_t), \qquad
# \mathbf d'_t = \mathrm{relu}(W_d \mathbf h'_t + \mathbf b_d) .
# \end{aligned}
# $$
#
# Then the gate, the competition and recall:
#
# $$
# \begin{aligned}
# g_t &= \sigma\big(\mathbf w_g\,[\mathbf c'_t; \mathbf d'_t] + b_g\big), \\
# V_k &\leftarrow \Big[\, V_k + \Delta \big( g_t \cos(\mathbf c'_t, \mathbf m_k) - \lambda V_k
#    - \beta \textstyle\sum_{j \ne k} V_j \big) \Big]_0^1
#    \quad \text{ten times from } V = 0, \\
# \mathbf c_t &= \mathbf c'_t + \textstyle\sum_k V_k \mathbf m_k .
# \end{aligned}
# $$
#
# And at last the same as at the beginning, now with what was recalled:
# $\mathbf h_t = \mathbf o \odot \tanh(\mathbf c_t)$, $\mathbf d_t = \mathrm{relu}(W_d \mathbf h_t + \mathbf b_d)$, and from $\mathbf d_t$
# a policy $\pi = \mathrm{softmax}(W_a \mathbf d_t + \mathbf b_a)$ over the values and "don't know", and an expected reward. The
# **postgating** variant (`gating="post"`) recalls with a fixed strength of 0.3, and its gate, which sees $\mathbf r_t$ too, scales what came.
#
# The code, for all networks and trials at once:

# %%
print(inspect.getsource(model.RecallLSTM.step))

# %% [markdown]
# No softmax, and the weights $V_k$ need not sum to one: with a shut gate nothing is recalled at all. Learning never reaches into the store. What was
# written stays as it is, and what is good to write is learned from its use in working memory alone.
#
# ## The experiment
#
# How many numbers does learning have to set? At the paper's size:

# %%
n_units = {"hidden_size": 194, "decision_size": 128, "n_seeds": 1}
network = chapter.experiment.replace(**n_units).new_network()
sizes = {
    "into the LSTM (i2h)": network.i2h,
    "within the LSTM (h2h)": network.h2h,
    "decision layer (ih)": network.ih,
    "policy (actor)": network.actor,
    "expected reward (critic)": network.critic,
    "gate (hpc)": network.hpc,
}
count = {
    name: sum(p[0].numel() for p in layer.parameters())
    for name, layer in sizes.items()
}
for name, n in count.items():
    print(f"{name:25} {n:8,}")
print(f"{'all':25} {sum(count.values()):8,}")

# %% [markdown]
# The gate is a small part of it. Now the competition. A target is more like the present state than a lure is; what becomes of the two?

# %%
cosines = {"target": 0.9, "lure": 0.5}
similarity = torch.tensor(list(cosines.values()))


def course(strength: float, competitors: CompetingAccumulators) -> np.ndarray:
    """Activation of target and lure at each of the ten steps, (step, memory)."""
    states = competitors.trajectory(strength * similarity)
    return np.array([np.zeros(2), *[state.clamp(0, 1).numpy() for state in states]])


lures = torch.linspace(0, 1, 101)
pairs = torch.stack([torch.full_like(lures, cosines["target"]), lures], -1)
final = accumulators(input_strength * pairs)  # (cosine of the lure, memory)
levels = torch.linspace(0.05, 1, 20)
alone = accumulators(levels[:, None])[:, 0]
rival = accumulators(levels[:, None].repeat(1, 2))[:, 0]

# %% [markdown]
# ## The figure
#
# In A both memories gain at first. Then the stronger one holds the weaker one down: the difference between them grows beyond the
# difference in likeness. In B nobody competes, and the lure comes along. C goes through all lures, and shows how close to a contest of
# winner and loser this is: only when the lure is nearly as alike as the target are both recalled, and both less. D is the price of it. Two memories that are
# *equally* alike hold each other down, unless the gate opens wide.

# %% mystnb={"image": {"alt": "A: with competition the target's activation grows over ten steps and the lure's returns to zero. B: without it both grow. C: activation after ten steps against the cosine of the lure; the target wins until the lure is almost as alike, then they change places. D: activation of one memory alone and of one beside an equal rival against the gate; the latter is much lower until both reach one."}, "figure": {"caption": "Competing accumulators. A: activation of a target (cosine 0.9) and a lure (0.5) over the ten steps, at the input strength of the parameters cell. B: the same without competition. C: activation after ten steps with lures of any cosine, target at 0.9 (dotted). D: one memory of cosine 1, alone or beside an equal one.", "name": "fig-lu-lca"}}
fig, axes = plt.subplots(1, 4, figsize=(13, 3.4))
free = CompetingAccumulators(competition=0.0, leak=leak)
for ax, competitors in ((axes[0], accumulators), (axes[1], free)):
    curves = course(input_strength, competitors)
    for memory, colour in enumerate((figures.TARGET, figures.LURE)):
        label = list(cosines)[memory]
        ax.plot(curves[:, memory], color=colour, marker="o", ms=3, label=label)
    ax.set(xlabel="step of the accumulators", xticks=range(0, 11, 2))
    ax.set_title(f"competition {competitors.competition:g}")
for memory, colour in enumerate((figures.TARGET, figures.LURE)):
    axes[2].plot(lures, final[:, memory], color=colour)
axes[2].axvline(cosines["target"], color=plots.GREY, ls=":", lw=1)
axes[2].set_xlabel("cosine of the lure")
axes[3].set_xlabel("gate $g$")
axes[3].plot(levels, alone, color=figures.TARGET, label="alone")
axes[3].plot(
    levels, rival, color=figures.TARGET, ls="--", label="with an equal rival"
)
for ax in axes:
    ax.set(ylabel="activation $V$", ylim=(-0.05, 1.05))
axes[0].legend()
axes[3].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
recalls = alone > 0
chapter.judge(
    {
        "F1": stats.exact(sum(count.values())),
        "F1-2": (alone - rival)[recalls].numpy(),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} More entries than two
# :label: lu-more-entries
# Let the store hold three lures, and then eight, instead of one: `accumulators.trajectory` takes any number of similarities. What
# becomes of the target?
# ```
#
# ````{solution} lu-more-entries
# :class: dropdown
# `accumulators.trajectory(0.2 * torch.tensor([0.9, 0.5, 0.5, 0.5]))`, clipped to [0, 1]. Three lures hold the target down for a step and are then
# gone, so it comes later. With eight all nine gain in the first step, push each other below zero in the second,
# where they are cut off, and start again: they flicker and never recall anything. The competition of this model is made for the
# two to four entries of its store.
# ````
#
# ```{exercise} Leak
# :label: lu-leak
# What does a leak of 0.5 change in A?
# ```
#
# ````{solution} lu-leak
# :class: dropdown
# Activation settles at a finite value instead of growing to the ceiling: for one memory alone at $g s / \lambda$. The gate then sets a level, where
# without leak it sets a speed.
# ````
#
# ## Where this differs from the original
#
# The original has one more row of weights into and within the LSTM, 233 numbers, that no equation uses; here they are left out, and dropped when
# the authors' network is read ({doc}`demo`). The fast mode's networks have 64 units each in the LSTM and the decision layer, and other initial weights
# ({ref}`the fast recipe <lu-fast-recipe>`). The numbers of the original code that these functions reproduce are on {doc}`../checked`.

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
