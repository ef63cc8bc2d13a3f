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
# # Synapses that change during a trial
#
# Orhan & Ma (2019), Hebbian short-term plasticity · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** If units that are active together excite each other for a moment, activity keeps itself alive, and there is less need to
# hand it on. Networks with such synapses are less sequential, most clearly those that would have been very sequential without.

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
n_seeds: int = None  # networks per value; None takes the mode's number
lambda0: list = None  # initial self-weights; None takes the mode's values
sigma0: list = None  # initial couplings; None takes the mode's values
iterations: int = None  # updates in 2AFC, in proportion elsewhere; None: the mode's
gamma: float = None  # strength of Hebbian weights; None takes the paper's
all_conditions: bool = None  # also Hebbian networks; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.orhan2019 import comparisons, figures, groups, model, task
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig5_hebbian",
    globals(),
    DelayLearning,
    "lambda0",
    "sigma0",
    "iterations",
    own=("gamma", "all_conditions"),
)
all_conditions = unless_full(all_conditions, mode, "all_conditions")
base = chapter.experiment
names = ("DE1", "CD", "COMP", "2AFC")
plasticity = {"model": "hebbian", "gamma": base.gamma if gamma is None else gamma}
configured = {name: groups.on(base, name, **plasticity) for name in names}

# %% [markdown]
# ## The idea
#
# Besides its learnt weights, a Hebbian network has fast ones, which are made anew at each step from what has just been active:
#
# $$
# \mathbf h_t = \Big[\mathbf x_t W_{\text{in}} + \mathbf h_{t-1} W_{\text{hh}} + \mathbf b
# + \gamma\, \mathbf h_{t-1} \big(\mathbf h_{t-2}^{\mathsf T} \mathbf h_{t-2}\big) \Big]_+ .
# $$
#
# The matrix $\mathbf h_{t-2}^{\mathsf T} \mathbf h_{t-2}$ has an entry for each pair of units, large where both were active: cells that fire together wire
# together. It is **symmetric**, so it has no direction. What it feeds back is $\mathbf h_{t-2}$ itself, times the scalar product
# $\mathbf h_{t-1} \mathbf h_{t-2}^{\mathsf T}$, which is limited to the range from 0 to 100: the more the present resembles the past, the more of the past is added. Such a
# term can hold a pattern, but cannot move it {footcite:p}`orhan2019diverse`.

# %%
print(inspect.getsource(model.RateNetworks.step))

# %% [markdown]
# ## The experiment
#
# The four tasks are learnt with and without fast weights, from the same initial weights. $\gamma$ is given, all other weights are learnt. The scalar product grows with the number of units,
# so that smaller networks get a larger $\gamma$ in proportion.

# %%
hebbian = groups.trained(configured) if all_conditions else {}
plain = groups.trained({name: groups.on(base, name) for name in names})
paired = {name: comparisons.pairs(h, plain[name]) for name, h in hebbian.items()}

# %% [markdown]
# ## The figure
#
# The lines fall, and the dark ones, which start high, fall furthest.

# %% mystnb={"image": {"alt": "Four panels, one per task, with two columns each: without and with Hebbian weights. Most lines fall from left to right; lines of strong initial coupling fall most, in 2AFC those without coupling rise slightly."}, "figure": {"caption": "Index without and with Hebbian weights. Thin lines join a network with its twin, coloured by the initial coupling; black: means.", "name": "fig-orhan-hebbian"}}
fig, axes = plt.subplots(1, 4, figsize=(13, 4), sharey=True)
for ax, name in zip(axes, names, strict=True):
    sigmas, alone = comparisons.by_sigma(plain[name].points, plain[name].mean())
    columns = [("without", alone)]
    if name in paired:
        pair = paired[name]
        columns = [("without", pair.basic), ("Hebbian", pair.changed)]
    figures.draw_pairs(columns, sigmas, ax=ax)
    ax.set_title(task.title(name))
for ax in axes[1:]:
    ax.set_ylabel("")
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# In 2AFC the initial coupling makes all the difference without Hebbian weights and little with them (A). What the start has to say about the code is
# overruled.

# %% mystnb={"image": {"alt": "A: index against the initial coupling in 2AFC; the line without Hebbian weights rises steeply, the one with them stays low. B: paired differences with intervals by task, left of zero; 2AFC by coupling goes from zero or slightly above to far below."}, "figure": {"caption": "A: index against the initial coupling in 2AFC; points are networks, lines means, bands 95 % confidence intervals. B: with minus without Hebbian weights, paired by coupling and seed; black: 2AFC by coupling. Points are pairs, thick lines the 95 % interval of their mean.", "name": "fig-orhan-hebbian-slope"}}
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.2), width_ratios=(1, 1.2))
sigmas, alone = comparisons.by_sigma(plain["2AFC"].points, plain["2AFC"].mean())
black = figures.CONDITION_COLOURS["basic"]
figures.draw_over_sigma(sigmas, alone, ax=axes[0], colour=black, label="without")
rows = []
if paired:
    choice = paired["2AFC"]
    style = {"colour": figures.CONDITION_COLOURS["hebbian"], "label": "Hebbian"}
    figures.draw_over_sigma(
        sigmas, choice.changed, ax=axes[0], shift=0.015, **style
    )
    for name in names:
        colour = figures.TASK_COLOURS[name]
        rows.append((task.title(name), paired[name].difference, colour))
    for s, difference in zip(sigmas, choice.difference, strict=True):
        rows.append((f"2AFC, $\\sigma_0$ = {s:.2g}", difference, "black"))
axes[0].set_title("2AFC")
axes[0].legend(fontsize="small")
figures.draw_differences(rows, ax=axes[1])
axes[1].set(xlabel="index, with minus without Hebbian weights")
plots.panel_letters(axes)

# %% [markdown]
# How do they remember? Below is the same trial in a strongly coupled network and in its Hebbian twin. And a word of caution: after the same
# number of updates the Hebbian networks of CD and COMP still lose more information than their twins (C). A network that has not learnt as much is not quite the same as
# one that has learnt another code. In 2AFC and DE-1 there is no such doubt.

# %% mystnb={"image": {"alt": "A: activity of a network without Hebbian weights, a diagonal band of peaks. B: its Hebbian twin, with fewer units, most of which stay active or ramp up to the end. C: information loss of every network by task, without and with Hebbian weights; it is larger with them in CD and COMP."}, "figure": {"caption": "A, B: one trial of 2AFC in the first network with the largest initial coupling, without and with Hebbian weights; active units in the order of their peaks, each divided by its maximum. C: information loss of the networks; lines join twins, coloured by the initial coupling.", "name": "fig-orhan-hebbian-examples"}}
fig, axes = plt.subplots(1, 3, figsize=(13, 3.9), width_ratios=(1, 1.25, 1.4))
compared = {"without": plain["2AFC"]} | (
    {"Hebbian": hebbian["2AFC"]} if hebbian else {}
)
place = plain["2AFC"].points.index(
    (max(base.lambda0), max(base.sigma0), base.rho[0])
)
for ax, (kind, found) in zip(axes, compared.items(), strict=False):
    trials, h, _ = found.examples(20)
    trial = int(np.argmax(trials.stimuli.answer[:, 0]))
    member = place * found.n_seeds
    image = figures.draw_activity(h[member, trial], base.geometry, ax=ax)
    ax.set_title(f"{kind}: index {found.mean()[place, 0]:.2f}")
fig.colorbar(image, ax=axes[len(compared) - 1], label="activity / its maximum")
shades = figures.sigma_colours(sigmas)
for start, name in enumerate(names):
    if name not in hebbian:
        continue
    n = hebbian[name].n_seeds
    before, after = (
        comparisons.by_sigma(found.points, found.infloss[:, :n])[1]
        for found in (plain[name], hebbian[name])
    )
    for shade, left, right in zip(shades, before, after, strict=True):
        axes[2].plot([start - 0.2, start + 0.2], [left, right], "o-", c=shade, ms=3)
axes[2].set_xticks(range(len(names)), [task.title(name) for name in names])
axes[2].set_ylabel("information loss")
if not hebbian:
    for ax in axes[1:]:
        figures.draw_nothing(ax=ax)
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
measured = dict.fromkeys(
    f"F5-{what}" for what in ["DE1", "CD", "COMP", "2AFC", "slope", "low", "high"]
)
if paired:
    for name in names:
        measured[f"F5-{name}"] = comparisons.known(paired[name].difference)
    measured["F5-slope"] = comparisons.known(paired["2AFC"].steeper)
    measured["F5-low"] = comparisons.known(paired["2AFC"].at(0))
    measured["F5-high"] = comparisons.known(paired["2AFC"].at_largest())
chapter.judge(measured)

# %% [markdown]
# ## Exercises
#
# ```{exercise} How strong is it?
# :label: or-how-strong
# What is the largest weight that the Hebbian term can add from the state two steps ago? Compare with the self-weight $\lambda_0$.
# ```
#
# ````{solution} or-how-strong
# :class: dropdown
# The scalar product is at most 100, so with the paper's $\gamma = 7\cdot10^{-4}$ at most $0.07\,\mathbf h_{t-2}$ is added. That looks little next to 0.98. But it is
# enough to turn a slow decay into none: $0.98 + 0.07 > 1$. The smaller networks of the fast mode get 500/64 times as large a $\gamma$.
# ````
#
# ```{exercise} A direction in time
# :label: or-direction-in-time
# Which change of the Hebbian term would make it favour sequences?
# ```
#
# ````{solution} or-direction-in-time
# :class: dropdown
# One that is not symmetric: $\mathbf h_{t-2}^{\mathsf T} \mathbf h_{t-1}$ strengthens connections from units that were active earlier to units that were active later. Applied to
# $\mathbf h_{t-1}$ it would replay the order in which units became active.
# ````
#
# ```{exercise} More and less of it
# :label: or-more-and-less
# Halve $\gamma$ and double it. Is the effect on the index in proportion?
# ```
#
# ````{solution} or-more-and-less
# :class: dropdown
# `papermill book/orhan2019/fig5_hebbian.ipynb out.ipynb -p gamma 0.0014` trains Hebbian networks with twice the strength; the others stay as they are. See in the last panel whether
# they still learn: where feedback is strong, activity runs away.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`.
# - The original has 500 units built into its Hebbian layer. That $\gamma$ grows with fewer units is our choice.
# - Equal numbers of updates are compared, as in the original; Hebbian networks would need more of them.
# - The full mode trains Hebbian networks only if you ask for it, with `all_conditions=True`.

# %%
chapter.footer(*plain.values(), *hebbian.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
