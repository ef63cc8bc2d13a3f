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
# # Input that moves, and a state that must return
#
# Orhan & Ma (2019), structured input and tethering · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Two changes of the experiment. In one, a bump of activity moves through fifty more input neurons while the network
# waits; it says nothing about the stimulus, but it tells the time, and where it is strong networks follow it in sequence. In the other, activity
# has to be back at rest when the trial ends. That makes networks no less sequential.

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
all_conditions: bool = None  # also these conditions; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.orhan2019 import comparisons, figures, groups, learning, task
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig6_input",
    globals(),
    DelayLearning,
    "lambda0",
    "sigma0",
    "iterations",
    own=("all_conditions",),
)
all_conditions = unless_full(all_conditions, mode, "all_conditions")

# %% [markdown]
# ## The idea
#
# **Dynamic input.** In the tasks so far, the input during the delay is a few random spikes. An animal that runs through a maze sees walls go by. The dynamic condition
# has a bump whose centre $c_t$ moves once through the range of the neurons' preferred values $\phi_i$ in the course of a trial. Neuron $i$ fires
#
# $$
# g\, \exp\!\big({-10}\,(c_t - \phi_i)^2\big)
# $$
#
# spikes per step on average, with $g = 1$, or $0.1$ in CD and COMP {footcite:p}`orhan2019diverse`.

# %%
print(inspect.getsource(task.DelayTask.bump))

# %% [markdown]
# Mind the units: $\phi_i$ are angles from 0 to $\pi$ in DE-1 and CD, but positions from −40 to 40 or −50 to 50 in 2AFC and COMP. With the same factor
# of 10 the bump is there narrower than the distance between two neurons, and most of the time falls between them. Together with $g$ this
# makes the condition a strong one in DE-1 only, as the next figure shows.
#
# **Tethering.** The penalty on activity in the last five steps is a thousand times as large as usual,
#
# $$
# L = L_{\text{task}} + c\, \big\langle h^2 \big\rangle_{\text{last steps}}, \qquad c = 10^{-1} \text{ instead of } 10^{-4},
# $$
#
# and answers are read a little earlier. A persistent network has to switch itself off.

# %%
print(inspect.getsource(learning.activity_penalty))

# %% [markdown]
# ## The experiment
#
# Four tasks under three conditions; the basic networks are those of the other chapters. A tethered network begins
# with the weights of its basic twin. With the bump there are more input weights to draw, so that twins share their seed, $\lambda_0$ and $\sigma_0$.

# %%
base = chapter.experiment
names = ("DE1", "CD", "COMP", "2AFC")
kinds = {"dynamic": "bump", "tethered": "tether"}
configured = {
    (kind, name): groups.on(base, name, condition=kind)
    for kind in kinds
    for name in names
}
networks = groups.trained(configured) if all_conditions else {}
basic = groups.trained({name: groups.on(base, name) for name in names})
trained = {
    kind: {name: found for (k, name), found in networks.items() if k == kind}
    for kind in kinds
}
paired = {
    kind: {name: comparisons.pairs(t, basic[name]) for name, t in found.items()}
    for kind, found in trained.items()
}
moving = {
    name: task.DelayTask(name, "dynamic", base.geometry).sample(
        200, np.random.default_rng(base.seed)
    )
    for name in names
}

# %% [markdown]
# ## The bump
#
# The same trial structure in two tasks: in DE-1 the bump is a broad ramp through the lower half of the channels, in 2AFC a few spikes.

# %% mystnb={"image": {"alt": "A: input raster of DE-1; a dense diagonal band runs through the lower fifty channels over the whole trial, sparse spikes in the upper fifty. B: raster of 2AFC with only a few spikes on the diagonal. C: bars of spikes per trial in stimulus and bump for four tasks; the bump exceeds the stimulus many times in DE-1 only."}, "figure": {"caption": "A, B: input of one trial with the bump in channels 0 to 49 and the stimulus in the others; dashed: begin and end of the delay. C: mean spikes per trial in the stimulus phase of the stimulus neurons (dark) and in the bump (light).", "name": "fig-orhan-bump"}}
fig, axes = plt.subplots(1, 3, figsize=(13, 3.9), width_ratios=(1, 1, 0.9))
for ax, name in zip(axes, ("DE1", "2AFC"), strict=False):
    figures.draw_raster(moving[name].inputs[0], base.geometry, ax=ax)
    ax.set_title(task.title(name))
for place, name in enumerate(names):
    x, colour = moving[name].inputs, figures.TASK_COLOURS[name]
    stimulus = x[:, : base.geometry.stimulus, 50:].sum((1, 2)).mean()
    bump = x[:, :, :50].sum((1, 2)).mean()
    axes[2].bar(place - 0.2, stimulus, 0.4, color=colour)
    axes[2].bar(place + 0.2, bump, 0.4, color=colour, alpha=0.45)
axes[2].set_xticks(range(len(names)), [task.title(name) for name in names])
axes[2].set(yscale="log", ylim=(0.3, None), ylabel="spikes per trial")
axes[2].set_title("stimulus and bump")
plots.panel_letters(axes)

# %% [markdown]
# What it does to a DE-1 network without initial coupling: units that would stay active take turns.

# %% mystnb={"image": {"alt": "Two or three heat maps of activity sorted by the time of the peak. Basic: broad bands. With the bump: a clear diagonal. Tethered: broad bands, some of which end with the delay."}, "figure": {"caption": "One trial of DE-1 in the first network with the smallest initial coupling, in the basic, dynamic and tethered conditions. Active units in the order of their peaks, each divided by its maximum; dashed: begin and end of the delay.", "name": "fig-orhan-input-examples"}}
shown = {"basic": basic["DE1"]} | {
    label: trained[kind]["DE1"] for kind, label in kinds.items() if trained[kind]
}
place = basic["DE1"].points.index(
    (max(base.lambda0), min(base.sigma0), base.rho[0])
)
fig, axes = plt.subplots(
    1, len(shown), figsize=(1 + 4 * len(shown), 3.8), squeeze=False
)
for ax, (kind, found) in zip(axes[0], shown.items(), strict=True):
    member = place * found.n_seeds
    h = found.examples(1)[1][member, 0]
    image = figures.draw_activity(h, base.geometry, ax=ax)
    ax.set_title(f"{kind}: index {found.mean()[place, 0]:.2f}")
fig.colorbar(image, ax=axes, label="activity / its maximum")
plots.panel_letters(axes)

# %% [markdown]
# ## The figure
#
# Basic networks are in the middle of each panel. To the left, the same networks with the bump, to the right with the tether.

# %% mystnb={"image": {"alt": "Four panels, one per task, with three columns each: bump, basic, tether. In DE-1 the lines rise steeply from basic to bump; in the other tasks they are nearly flat. From basic to tether the lines rise slightly, in 2AFC those of weak coupling rise most."}, "figure": {"caption": "Index in the dynamic condition (bump), the basic one and the tethered one. Thin lines join a network with its twins, coloured by the initial coupling; black: means.", "name": "fig-orhan-input"}}
fig, axes = plt.subplots(1, 4, figsize=(13, 4), sharey=True)
for ax, name in zip(axes, names, strict=True):
    sigmas, alone = comparisons.by_sigma(basic[name].points, basic[name].mean())
    columns = [("basic", alone)]
    if all_conditions:
        bump, tether = (paired[kind][name] for kind in kinds)
        columns = [
            ("bump", bump.changed),
            ("basic", bump.basic),
            ("tether", tether.changed),
        ]
    figures.draw_pairs(columns, sigmas, ax=ax)
    ax.set_title(task.title(name))
for ax in axes[1:]:
    ax.set_ylabel("")
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# The differences, pair by pair. "No change" needs a margin, since networks differ anyway; the shaded ranges are those of the claims.

# %% mystnb={"image": {"alt": "A: differences between the bump and the basic condition; DE-1 lies far to the right of the shaded range, the others inside it. B: differences between the tethered and the basic condition, around zero or right of it; 2AFC without coupling lies furthest to the right."}, "figure": {"caption": "Differences of the index from the basic condition, paired by coupling and seed. A: with the bump. B: tethered. Black: 2AFC by coupling. Shaded: what counts as no change. Points are pairs, thick lines the 95 % interval of their mean.", "name": "fig-orhan-input-differences"}}
fig, axes = plt.subplots(1, 2, figsize=(12, 4), sharex=True)
for ax, (kind, label), margin in zip(axes, kinds.items(), (0.3, 0.2), strict=True):
    rows = [
        (task.title(name), pair.difference, figures.TASK_COLOURS[name])
        for name, pair in paired[kind].items()
    ]
    if rows:
        choice = paired[kind]["2AFC"]
        for s, difference in zip(choice.sigmas, choice.difference, strict=True):
            rows.append((f"2AFC, $\\sigma_0$ = {s:.2g}", difference, "black"))
    figures.draw_differences(rows, ax=ax, within=(-margin, margin))
    ax.set(xlabel=f"index, {label} minus basic")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
measured = dict.fromkeys(
    [f"F6-{what}-{name}" for what in ("bump", "tether") for name in names]
    + ["F6-tether-low"]
)
if all_conditions:
    for name in names:
        bump, tether = (paired[kind][name].difference for kind in kinds)
        measured[f"F6-bump-{name}"] = comparisons.known(bump)
        measured[f"F6-tether-{name}"] = comparisons.known(-tether)
    measured["F6-tether-low"] = comparisons.known(paired["tethered"]["2AFC"].at(0))
chapter.judge(measured)

# %% [markdown]
# ## Exercises
#
# ```{exercise} How narrow?
# :label: or-how-narrow
# What are the standard deviation of the bump and the distance between two neurons' preferred values in DE-1, and in 2AFC?
# ```
#
# ````{solution} or-how-narrow
# :class: dropdown
# $\exp(-10\,x^2)$ has a standard deviation of $1/\sqrt{20} = 0.22$. In DE-1 the fifty neurons are $\pi/49 = 0.064$ apart, so the bump covers several of them at any
# time. In 2AFC they are $80/49 = 1.6$ apart: seven standard deviations. The bump is between two neurons nearly all of the time.
# ````
#
# ```{exercise} What does the bump say?
# :label: or-what-the-bump-says
# The bump is the same in every trial. Could a network use it? And does it have to?
# ```
#
# ````{solution} or-what-the-bump-says
# :class: dropdown
# It tells the time, which nobody asks for. Nothing in the task rewards that units follow it. But input weights are random at the start, so units are
# driven by the bump at different times, and to learn to ignore it would be an effort that is not needed as long as the memory survives. Compare the
# information loss: `trained["dynamic"]["DE1"].infloss`.
# ````
#
# ```{exercise} Back to rest
# :label: or-back-to-rest
# Why might the tether raise the index of networks that are otherwise persistent?
# ```
#
# ````{solution} or-back-to-rest
# :class: dropdown
# What persists to the end counts as background of an earlier peak, or makes the end the peak. If activity must be gone by then, its peak lies earlier and
# stands out more: the ratio $R$ rises even if nothing moves during the delay. Look at
# `trained["tethered"]["2AFC"].mean("ridge")` and `mean("entropy")` next to those of the basic networks.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`. The bump goes through its course in the steps that a trial has, so that
#   there are fewer spikes of it in the fast mode, and the five penalised steps are the whole response phase.
# - That the bump is so narrow in 2AFC and COMP is a property of the original's program; whether it was meant to be is not known to us.
# - The full mode trains these networks only if you ask for it, with `all_conditions=True`.

# %%
chapter.footer(
    *basic.values(), *(t for found in trained.values() for t in found.values())
)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
