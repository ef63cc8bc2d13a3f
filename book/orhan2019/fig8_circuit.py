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
# # The circuit behind a sequence
#
# Orhan & Ma (2019), circuit mechanism · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Put the units of a trained network in the order in which they peak, and its weights lean forward: a unit drives those
# that follow it a little more than those before. The lean is small, and part of it was there by chance before training. A chain of units
# shows what it does: the same memory, held in place or handed on.

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
all_conditions: bool = None  # also other conditions; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.orhan2019 import analysis, figures, groups
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.trained import Trained
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig8_circuit",
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
# If activity runs through the units in some order, the weights should know this order. Sort the active units by the time at which their mean activity
# peaks, and let $V_{ij}$ be the weight from the $j$-th to the $i$-th of them. The **weight profile** is the mean of $V_{ij}$ at each lag
# $i - j$, and its **asymmetry** compares the $q$ nearest lags on both sides, a quarter of the units,
#
# $$
# A = \big\langle V_{ij} \big\rangle_{1 \le i-j \le q} - \big\langle V_{ij} \big\rangle_{-q \le i-j \le -1} .
# $$
#
# Symmetric weights have $A = 0$ in any order.

# %%
print(inspect.getsource(analysis.weight_profile))

# %% [markdown]
# A second measure needs no order. A matrix is *normal* if its modes are at right angles: each then grows or decays by itself. In a matrix
# that is not, one mode can feed another, and that one a third, in one direction only. In the Schur form $W = Q\,T\,Q^*$ this feed-forward part stands above the diagonal of
# $T$, and **Henrici's departure from normality** is its share,
#
# $$
# \frac{\sqrt{\lVert W \rVert_F^2 - \sum_k |\lambda_k|^2}}{\lVert W \rVert_F}
# = \frac{\lVert \text{part of } T \text{ above the diagonal} \rVert_F}{\lVert W \rVert_F} ,
# $$
#
# 0 for a normal matrix and 1 for a pure feed-forward one.
#
# ## The experiment
#
# Networks of all tasks, and in the fast mode those of the other conditions too. The order comes from the mean over trials. Each measure
# is also taken from the weights that the network began with: what random coupling brings along is not due to learning.

# %%
base = chapter.experiment
tested = ("DE1", "CD", "COMP", "2AFC")
runs = {("basic", t): run for t, run in groups.basic(base).items()}
if all_conditions:
    for name in ("vardelay", "dynamic", "tethered"):
        runs |= {(name, t): groups.on(base, t, condition=name) for t in tested}
    runs |= {("hebbian", t): groups.on(base, t, model="hebbian") for t in tested}
    runs |= {("history", pair): run for pair, run in groups.transfers(base).items()}
trained = groups.trained(runs)


def measure(condition: str, config: DelayLearning, found: Trained) -> list[dict]:
    """The circuit of each network; its index is missing where it fails."""
    _, h, _ = found.examples(100)
    weights = found.network.W_hh.detach().numpy()
    start = config.start_network().W_hh.detach().numpy()
    sigmas = np.repeat([point[1] for point in found.points], found.n_seeds)
    return [
        {
            "condition": condition,
            "sigma0": sigmas[m],
            "index": index,
            "asymmetry": analysis.weight_profile(h[m], weights[m]).asymmetry,
            "at start": analysis.weight_profile(h[m], start[m]).asymmetry,
            "henrici": analysis.henrici(weights[m]),
            "henrici at start": analysis.henrici(start[m]),
        }
        for m, index in enumerate(found.mean().ravel())
    ]


rows = [
    row
    for name, found in trained.items()
    for row in measure(name[0], runs[name], found)
]
circuits = pd.DataFrame(rows).dropna(subset=["index"])
sigmas = sorted(base.sigma0)
shades = dict(zip(sigmas, figures.sigma_colours(sigmas), strict=True))
colours = [shades[s] for s in circuits["sigma0"]]

# %% [markdown]
# Two networks of 2AFC serve as examples: those of the lowest and the highest index.

# %%
chosen = trained["basic", "2AFC"]
_, activity, _ = chosen.examples(100)
index = np.nan_to_num(chosen.mean().ravel(), nan=np.nanmean(chosen.mean()))
examples = {"persistent": int(index.argmin()), "sequential": int(index.argmax())}
weights = chosen.network.W_hh.detach().numpy()

# %% [markdown]
# ## Weights in the order of peaks
#
# In the persistent network the profile is much the same on both sides; in the sequential one it is higher ahead. The lean is small beside the
# spread of single weights, and shows only in the mean over many of them. Over all networks it is nearly always positive, and larger in networks of
# higher index.
#
# How much of that is learnt? Panel D takes the networks' *initial* weights in the order of the *trained* network. They were
# drawn without any order, and yet lean forward where $\sigma_0$ is large: activity has taken its order from the weights that happened to be there. What
# lies above the dashed line is what training added. Where $\sigma_0 = 0$ units were not coupled at the start, and all of it is learnt.

# %% mystnb={"image": {"alt": "A and B: mean weight against the lag in the order of peaks, with a wide band. In the persistent network it is flat; in the sequential one a short red bar ahead of lag zero is higher than the one behind it. C: asymmetry against index, a cloud mostly above zero that widens to the right. D: asymmetry of trained weights against that of the initial weights in the same order; most points are above the diagonal, those without initial coupling on a vertical line at zero."}, "figure": {"caption": "Recurrent weights by how far the receiving unit is behind the sending one in the order of peaks. A, B: mean (line) and standard deviation (band) in the 2AFC networks of the lowest and the highest index; self-weights, at lag 0, are left out; red: means of the lags that count for the asymmetry A. C: asymmetry of all networks against their index, by condition; r is the rank correlation. D: asymmetry of trained weights against that of the initial weights of the same network, both in the order of the trained network's peaks; dashed: equal.", "name": "fig-orhan-profile"}}
fig, grid = plt.subplots(2, 2, figsize=(10.5, 7.6))
axes = grid.ravel()
axes[1].sharey(axes[0])
for ax, (name, m) in zip(axes[:2], examples.items(), strict=True):
    profile = analysis.weight_profile(activity[m], weights[m])
    n, lag = len(profile.order), profile.lag
    if np.isnan(profile.asymmetry):
        continue
    many = (np.abs(lag) < n - 5) & (lag != 0)
    for side in (-1, 1):
        own = many & (side * lag > 0)
        x, mean, std = lag[own], profile.mean[own], profile.std[own]
        ax.fill_between(
            x, mean - std, mean + std, color=plots.BLUE, alpha=0.2, lw=0
        )
        ax.plot(x, mean, color=plots.BLUE, lw=1)
        near = (side * lag >= 1) & (side * lag <= max(2, n // 4))
        level = np.average(profile.mean[near], weights=n - np.abs(lag[near]))
        ax.hlines(level, *np.sort(lag[near])[[0, -1]], color=plots.RED, lw=3)
    plots.chance_line(0, ax=ax)
    title = f"{name}: index {chosen.mean().ravel()[m]:.2f}"
    ax.set(title=f"{title}, A = {profile.asymmetry:.2g}", xlabel="lag")
axes[0].set_ylabel("weight")
for condition, own in circuits.groupby("condition", sort=False):
    colour = figures.CONDITION_COLOURS[condition]
    axes[2].plot(own["index"], own["asymmetry"], "o", ms=4, alpha=0.7, color=colour)
    axes[2].plot([], [], "o", color=colour, label=condition)
r = analysis.rank_correlation(circuits["index"], circuits["asymmetry"])
axes[2].set(title=f"r = {r:.2f}", xlabel=figures.INDEX, ylabel="asymmetry")
axes[2].legend(fontsize="small", loc="upper left")
axes[3].scatter(circuits["at start"], circuits["asymmetry"], c=colours, s=14)
for s, colour in shades.items():
    axes[3].plot([], [], "o", color=colour, label=f"$\\sigma_0$ = {s:.2g}")
axes[3].axline((0, 0), slope=1, color=plots.GREY, ls="--", lw=1)
axes[3].set(xlabel="asymmetry of initial weights", ylabel="asymmetry when trained")
axes[3].legend(fontsize="small", loc="lower right")
for ax in axes[2:]:
    plots.chance_line(0, ax=ax)
axes[3].locator_params(axis="x", nbins=6)
plots.panel_letters(axes)

# %% [markdown]
# ## Departure from normality
#
# Above the diagonal of the Schur form the sequential network has weights throughout, the persistent one few. But panel C is a warning: $\sigma_0$ **alone
# makes most of it**. A random matrix is not normal, and where coupling is strong training hardly adds to what was there. Networks of larger
# $\sigma_0$ have higher indices *and* less normal weights, so that the two go together over all networks whatever links them.
#
# A fairer question is whether they go together among networks of the *same* $\sigma_0$. Panel D gives the rank correlation for each.

# %% mystnb={"image": {"alt": "A and B: images of the Schur forms of the two networks, a bright diagonal; above it hardly anything in the persistent network, and a filled triangle in the sequential one. C: departure from normality after training against that before; points without coupling start at zero and spread upward, those of the strongest coupling lie close to the diagonal. D: departure against index, one cloud per coupling, each rising to the right."}, "figure": {"caption": "Departure from normality. A, B: magnitudes of the Schur form of the two networks above; on the diagonal are the magnitudes of the eigenvalues (brightness is not linear). C: Henrici's departure of the trained weights against that of the initial weights; dashed: equal. D: the same against the index, by initial coupling; r is the rank correlation among networks of one coupling, and in the title over all.", "name": "fig-orhan-schur"}}
fig, grid = plt.subplots(2, 2, figsize=(10.5, 8.4))
axes = grid.ravel()
for ax, (name, m) in zip(axes[:2], examples.items(), strict=True):
    image = ax.imshow(
        analysis.schur_magnitude(weights[m]),
        cmap="magma",
        norm=PowerNorm(0.5, 0, 1),
    )
    departure = analysis.henrici(weights[m])
    ax.set(title=f"{name}: departure {departure:.2f}", xticks=[], yticks=[])
fig.colorbar(image, ax=axes[:2], label="magnitude", extend="max")
axes[2].scatter(circuits["henrici at start"], circuits["henrici"], c=colours, s=14)
axes[2].axline((0, 0), slope=1, color=plots.GREY, ls="--", lw=1)
axes[2].set(xlabel="departure of initial weights", ylabel="departure when trained")
for s, own in circuits.groupby("sigma0"):
    r = analysis.rank_correlation(own["index"], own["henrici"])
    label = f"$\\sigma_0$ = {s:.2g}, r = {r:.2f}"
    axes[3].plot(
        own["index"], own["henrici"], "o", ms=4, color=shades[s], label=label
    )
r = analysis.rank_correlation(circuits["index"], circuits["henrici"])
axes[3].set(title=f"r = {r:.2f}", xlabel=figures.INDEX, ylabel="departure")
axes[3].legend(fontsize="small", loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# ## A chain
#
# Does a forward lean *make* sequences? Take it to a bare minimum, $\mathbf h_t = [W \mathbf h_{t-1} + \mathbf u_t]_+$ with
#
# $$
# W = \lambda\,\big((1 - \alpha)\, I + \alpha\, S\big), \qquad S_{ij} = 1 \text{ if } i = j + 1, \text{ else } 0 .
# $$
#
# A unit keeps the share $1 - \alpha$ of its activity and hands $\alpha$ to the next. The first ten units are driven while the stimulus
# lasts. With $\alpha = 0$ they hold on by themselves. With a little $\alpha$ activity creeps along the chain, with more it runs, and with $\alpha = 1$ the chain is a
# delay line. In any case each step leaves $\lambda$ times the sum over all units: **the same memory, in another code**. Only what runs off the end is
# lost.

# %%
shares = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
chains = {alpha: analysis.chain_activity(alpha) for alpha in shares}  # (time, unit)
chain_index = np.array([sequentiality(h[None]).mean for h in chains.values()])
end_of_delay = 124
held = np.array([h[end_of_delay].sum() for h in chains.values()])

# %% mystnb={"image": {"alt": "A to D: activity of a chain of units over time. Without forward weight the first ten units stay active; with some, a band of activity widens and moves down the chain; with all, a sharp diagonal line that reaches the end. E: the index rises steeply with the forward share and then levels off. F: the summed activity is constant and drops only when nearly all weight is forward."}, "figure": {"caption": "A chain of 100 units with self-weight and forward weight. A to D: activity at four forward shares, each image over its own maximum; dashed: begin and end of the delay. E: index against the forward share. F: activity at the end of the delay, summed over units.", "name": "fig-orhan-chain"}}
fig, grid = plt.subplot_mosaic(
    [["A", "B", "C", "D"], ["E", "E", "F", "F"]], figsize=(12.5, 6.6)
)
for panel, alpha in zip("ABCD", (0.0, 0.1, 0.25, 1.0), strict=True):
    ax, h = grid[panel], chains[alpha]
    image = ax.imshow(
        (h / h.max()).T, aspect="auto", cmap="magma", norm=PowerNorm(0.5)
    )
    figures.draw_phases(figures.Geometry(), ax=ax)
    ax.set(title=f"$\\alpha$ = {alpha:g}", xlabel="step")
grid["A"].set_ylabel("unit")
fig.colorbar(image, ax=grid["D"], label="activity / its maximum")
for panel, values, label in (
    ("E", chain_index, figures.INDEX),
    ("F", held, "summed activity"),
):
    grid[panel].plot(shares, values, "o-", color=plots.BLUE)
    grid[panel].set(xlabel="forward share $\\alpha$", ylabel=label)
grid["F"].set_ylim(0, None)
plots.panel_letters(list(grid.values()))

# %% [markdown]
# ## Claims
#
# The networks count one by one, also those of the same seed. The chain has no randomness: what it gives is compared with what the
# formula gave elsewhere.

# %%
known_index = (1.85, 2.93, 3.42, 4.16, 4.62, 4.81, 4.84)
known_sum = 26.29
up_to = [shares.index(share) + 1 for share in (0.5, 0.75)]
asymmetry = circuits["asymmetry"].dropna()
together = {
    name: analysis.rank_correlation(circuits["index"], circuits[name])
    for name in ("asymmetry", "henrici")
}
chapter.judge(
    {
        "F8-forward": asymmetry,
        "F8-share": 1.0 * (asymmetry > 0),
        "F8-index": stats.exact(together["asymmetry"], len(asymmetry)),
        "F8-henrici": stats.exact(together["henrici"], len(circuits)),
        "F8-chain": stats.exact(np.abs(chain_index - known_index).max()),
        "F8-chain-rises": stats.exact(np.diff(chain_index[: up_to[1]]).min()),
        "F8-chain-memory": stats.exact(np.abs(held[: up_to[0]] - known_sum).max()),
    }
)

# %% [markdown]
# A correlation over networks of several tasks and conditions is no mechanism: $\sigma_0$ drives both sides of it. The exercises take it apart.
#
# ## Exercises
#
# ```{exercise} One coupling at a time
# :label: or-one-coupling
# Panel D of the second figure gives the rank correlation of index and departure for each $\sigma_0$. Do the same for the asymmetry, and for the part of it that is
# learnt.
# ```
#
# ````{solution} or-one-coupling
# :class: dropdown
# `circuits["learnt"] = circuits["asymmetry"] - circuits["at start"]`, then
# `{s: analysis.rank_correlation(own["index"], own["learnt"]) for s, own in circuits.groupby("sigma0")}`. Within a group the correlation with the asymmetry is weaker than over all networks,
# since $\sigma_0$ no longer helps. What remains belongs to learning: the learnt part has a mean of the same order at every $\sigma_0$, and networks that learnt
# more of it are more sequential.
# ````
#
# ```{exercise} In another order
# :label: or-another-order
# The order is that of the network's own peaks. What asymmetry would you expect in a random order, and what if the weights are made symmetric?
# ```
#
# ````{solution} or-another-order
# :class: dropdown
# None, up to chance, in both cases. `analysis.weight_profile(activity[m][:, :, np.random.default_rng(0).permutation(activity.shape[-1])], weights[m])` gives each unit
# the peak of another one; `analysis.weight_profile(activity[m], weights[m] + weights[m].T)` has $A = 0$ exactly.
# ````
#
# ```{exercise} A longer chain
# :label: or-longer-chain
# Why does the summed activity fall for the largest shares, and how would you prevent it?
# ```
#
# ````{solution} or-longer-chain
# :class: dropdown
# Activity moves $\alpha$ units per step and reaches the end of the chain before the delay is over. `analysis.chain_activity(0.75, n_units=200)[124].sum()` is that of
# the other chains again. Networks have no such end: they can go round, at the price that early and late times look alike.
# ````
#
# ## Where this differs from the original
#
# - How exactly the paper takes its statistics of weights in the order of peaks is not known to us. Which units count, how ties are ordered and how the asymmetry is
#   defined are our choices; so are the departure from normality and the chain.
# - The comparison with the initial weights is ours.
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`. In the full mode networks of other conditions are
#   trained only on demand.
# - With variable delays the steps that a trial leaves out count, with the activity frozen.

# %%
chapter.footer(*trained.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
