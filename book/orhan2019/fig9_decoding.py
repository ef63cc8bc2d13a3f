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
# # A code that moves, and how it is learnt
#
# Orhan & Ma (2019), decoding and learning · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** At each moment the stimulus can be read from activity, equally well in all networks. But a reader who has learnt to read at one
# moment fails at another, the more so the more sequential the network: its code moves. In networks with random coupling it does so before they have
# learnt anything. The index of nearly all networks grows while they learn.

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
ridge: float = 1.0  # penalty of the decoder, above 0
all_conditions: bool = None  # also other conditions; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.orhan2019 import (
    analysis,
    comparisons,
    evaluation,
    figures,
    groups,
    task,
)
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.gated import Networks
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig9_decoding",
    globals(),
    DelayLearning,
    "lambda0",
    "sigma0",
    "iterations",
    own=("ridge", "all_conditions"),
)
all_conditions = unless_full(all_conditions, mode, "all_conditions")

# %% [markdown]
# ## The idea
#
# Take DE-1, where an angle $S$ between 0 and $\pi$ is to be remembered. For each step $t$ of the delay, a linear decoder is fitted to the activity
# at that step, and then applied to activity at *all* steps $t'$ of other trials:
#
# $$
# \big(\widehat{\cos 2S},\ \widehat{\sin 2S}\big)_{t,t'} = \mathbf a_t + \mathbf h_{t'} B_t, \qquad
# B_t \text{ minimises } \sum_{\text{trials}} \big\lVert (\cos 2S, \sin 2S) - \mathbf a_t - \mathbf h_t B_t \big\rVert^2 + \text{ridge} \cdot \lVert B_t \rVert^2 .
# $$
#
# The angle is doubled because 0 and $\pi$ are the same orientation. The error is the mean circular distance; guessing gives $\pi / 4$.
#
# - If the same units hold the angle in the same way throughout, one decoder does for the whole delay.
# - If activity moves on from unit to unit, each step has a code of its own. Whatever reads this memory must know what time it is.

# %%
print(inspect.getsource(analysis.cross_temporal_error))

# %% [markdown]
# ## The experiment
#
# All networks see the same trials. Those that were trained with variable delays get the longest one here, so that all have the same steps to
# decode.

# %%
n_train, n_test = 250, 150
base = chapter.experiment
trained = groups.trained(groups.basic(base))
angles = trained["DE1"]
rng = np.random.default_rng(base.seed)
trials = angles.task.sample(n_train + n_test, rng)
stimulus = trials.stimuli.answer[:, 0]
phases = angles.task.geometry
delay = slice(phases.stimulus, phases.stimulus + phases.delay)
half = phases.delay // 2


def decode(networks: Networks) -> np.ndarray:
    """Decoding error during the delay, (network, step of the fit, step of the test)."""
    h, _ = evaluation.respond(networks, trials)
    s, s_test = stimulus[:n_train], stimulus[n_train:]
    return np.stack(
        [
            analysis.cross_temporal_error(
                one[:n_train], s, one[n_train:], s_test, ridge
            )
            for one in h[:, :, delay]
        ]
    )


# %% [markdown]
# A network's error *at the same step* is the mean over the diagonal, its error *far away* that over all pairs of steps that are at least half of the
# delay apart. The same is done with the networks of DE-1 as they were before training.

# %%
conditions = {"basic": angles}
if all_conditions:
    variable = groups.on(base, "DE1", condition="vardelay")
    plastic = groups.on(base, "DE1", model="hebbian")
    conditions |= {"vardelay": variable.trained(), "hebbian": plastic.trained()}
untrained = decode(groups.on(base, "DE1").start_network())
error, same, far = {}, {}, {}
for name, found in conditions.items():
    error[name] = decode(found.network)
    for values, least, most in ((same, 0, 0), (far, half, None)):
        mean = analysis.mean_over_lags(error[name], least, most)
        values[name] = np.where(
            found.passed, mean.reshape(found.passed.shape), np.nan
        )
sigmas, index = comparisons.by_sigma(
    angles.points, angles.mean()
)  # (sigma0, network)
shades = figures.sigma_colours(sigmas)

# %% [markdown]
# ## One decoder for all times?
#
# In the network of low index the dark area of small errors is wide: what was learnt in the middle of the delay can be used
# at its end. In the other one only a band around the diagonal is dark.
#
# Panel C has the same for all networks, as a function of the distance in time. At the same step they are alike (D); far away they differ, and the
# index tells how much (E), much of it again through $\sigma_0$. The dashed lines are the untrained networks. Their memory fades, so that less can be read at
# any step. But where units are coupled the code moves already, even more than after training; where they are not it stands still, and it is learning that
# sets it in motion. The networks of other conditions (F) are few; what they show is a trend and no claim.

# %% mystnb={"image": {"alt": "A and B: images of the decoding error by step of training and step of test; in the network of low index a broad dark area, in that of high index a dark band along the diagonal. C: error against distance in time, rising from a small value; the stronger the coupling the steeper, and dashed lines of untrained networks begin higher; without coupling the dashed line is flat. D: error at the same step against index, flat. E: error far away against index, rising. F: error far away in three conditions, overlapping."}, "figure": {"caption": "Decoding the angle from activity in DE-1. A, B: error of decoders fitted at one step of the delay (rows) and tested at another (columns) in the networks of the lowest and the highest index. C: error against the distance between the two steps; lines are means over networks, bands 95 % confidence intervals; dashed: the same networks before training. D: error at the same step against the index; points are networks. E: error at distances of half the delay or more against the index; r is the rank correlation. F: the same for networks of three conditions with the smallest initial coupling; bars are means. Dotted: chance.", "name": "fig-orhan-decoding"}}
fig, grid = plt.subplots(2, 3, figsize=(13, 7.6))
axes = grid.ravel()
every = np.where(
    np.isfinite(angles.mean()), angles.mean(), np.nanmean(angles.mean())
)
for ax, m in zip(axes, (every.argmin(), every.argmax()), strict=False):
    image = ax.imshow(
        error["basic"][m], cmap="viridis", vmin=0, vmax=analysis.CHANCE
    )
    ax.set(
        title=f"index {every.ravel()[m]:.2f}", xlabel="tested at step of the delay"
    )
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
axes[0].set_ylabel("fitted at step of the delay")
fig.colorbar(image, ax=axes[1], label="error (rad)", extend="max")
lags = range(phases.delay)
of_lag, at_start = (
    np.stack([analysis.mean_over_lags(e, k, k) for k in lags], 1)
    for e in (error["basic"], untrained)
)  # (network, lag)
of_lag[~angles.passed.ravel()] = np.nan
for row, (s, colour) in enumerate(zip(sigmas, shades, strict=True)):
    own = np.repeat([point[1] == s for point in angles.points], angles.n_seeds)
    label = f"$\\sigma_0$ = {s:.2g}"
    plots.mean_band(lags, of_lag[own], ax=axes[2], color=colour, label=label)
    axes[2].plot(lags, at_start[own].mean(0), color=colour, ls="--", lw=1)
    for ax, values in ((axes[3], same), (axes[4], far)):
        _, y = comparisons.by_sigma(angles.points, values["basic"])
        ax.plot(index[row], y[row], "o", color=colour, ms=5)
r = analysis.rank_correlation(angles.mean(), far["basic"])
axes[2].axvline(half, color=plots.GREY, lw=1)
axes[2].set(xlabel="distance (steps)", ylabel="error (rad)")
axes[2].legend(fontsize="small", loc="lower right")
axes[3].set(xlabel=figures.INDEX, ylabel="error at the same step")
axes[4].set(xlabel=figures.INDEX, ylabel="error far away", title=f"r = {r:.2f}")
for place, (name, found) in enumerate(conditions.items()):
    y = comparisons.by_sigma(found.points, far[name])[1][0]
    colour = figures.CONDITION_COLOURS[name]
    axes[5].plot(np.full(len(y), place), y, "o", color=colour, alpha=0.6)
    axes[5].plot(place, stats.estimate(y).value, "_", color=colour, ms=30, mew=3)
axes[5].set_xticks(range(len(conditions)), list(conditions))
axes[5].set(xlim=(-0.5, len(conditions) - 0.5), ylabel="error far away")
for ax in axes[2:]:
    plots.chance_line(analysis.CHANCE, ax=ax)
    ax.set_ylim(0, 0.85)
plots.panel_letters(axes)

# %% [markdown]
# ## How sequences grow
#
# While they learnt, all networks were looked at again and again with the same trials. The dotted lines are the untrained networks: in most tasks strongly
# coupled ones have a higher index from the start, as they pass on what they get. Learning adds to that. It also goes on adding when the task is
# long solved: in 2AFC the loss is gone after a small part of the training, and the index still rises. Sequences are not what makes the
# difference between failure and success.
#
# Sine is special. There is nothing to remember in it, and the input of the delay is noise; untrained units that keep their activity follow this noise and peak
# at any time, until learning makes them more alike.

# %% mystnb={"image": {"alt": "Two rows of seven panels, one column per task. Above, the index against iterations: curves rise from dotted lines, those of stronger coupling lie higher; in Sine without coupling the curve falls. Below, the information loss falls toward zero, at once in 2AFC and Sine and slowly elsewhere."}, "figure": {"caption": "Index (above) and information loss (below; 0 is the ideal observer, values beyond the frame are cut) while the networks learn, for seven tasks, by initial coupling. Lines are means over the networks that succeed in the end, bands 95 % confidence intervals. Dotted: index before training.", "name": "fig-orhan-growth"}}
fig, grid = plt.subplots(2, 7, figsize=(15, 5.6), sharex="col", sharey="row")
for column, (name, found) in zip(grid.T, trained.items(), strict=True):
    config = found.provenance["config"]
    passed = found.passed[..., None]
    for ax, what in zip(column, ("index", "infloss"), strict=True):
        values = found.result[f"{what}_over_time"]
        x = config["report_every"] * np.arange(values.shape[1])
        values = np.where(passed, values.reshape(*found.passed.shape, -1), np.nan)
        for s, colour in zip(sigmas, shades, strict=True):
            own = [point[1] == s for point in found.points]
            curves = values[own].reshape(-1, len(x))
            plots.mean_band(x, curves, ax=ax, color=colour, label=f"{s:.2g}")
            if what == "index":
                start = stats.estimate(curves[:, 0]).value
                ax.axhline(start, color=colour, ls=":", lw=1)
    column[0].set_title(task.title(name))
    column[1].set_xlabel("iteration")
    plots.chance_line(0, ax=column[1])
grid[1, 0].set_ylim(-0.3, 2.2)
grid[0, 0].set_ylabel(figures.INDEX)
grid[1, 0].set_ylabel("information loss")
grid[1, -1].legend(title="$\\sigma_0$", fontsize="small", loc="upper right")
plots.panel_letters(grid[:, 0])

# %% [markdown]
# ## Claims
#
# Claims that compare networks of one seed need several of them.

# %%
choice = trained["2AFC"]
looks = choice.result["index_over_time"]
gain = np.where(choice.passed.ravel(), looks[:, -1] - looks[:, 0], np.nan)
_, gain = comparisons.by_sigma(choice.points, gain.reshape(choice.passed.shape))
several = base.n_seeds > 1
enough = angles.passed.size > 2
rise = comparisons.rise(*comparisons.by_sigma(angles.points, far["basic"]))
chapter.judge(
    {
        "F9-same-time": same["basic"].ravel(),
        "F9-far": rise if several else None,
        "F9-index": stats.exact(r, angles.passed.sum()) if enough else None,
        "F9-training": gain[-1] if several else None,
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} One reader for the whole delay
# :label: or-one-reader
# Fit a single decoder to activity of all steps of the delay together. Would it fail in sequential networks?
# ```
#
# ````{solution} or-one-reader
# :class: dropdown
# In the fast mode (there are too many steps in the full one) put the steps side by side as if they were trials:
# `h = evaluation.respond(angles.network, trials)[0][0, :, delay]`, then give `h[:n_train].reshape(-1, 1, h.shape[-1])` with `np.repeat(stimulus[:n_train], phases.delay)` to
# `analysis.cross_temporal_error`, and the other trials likewise. It hardly does worse than a decoder at its own step, in sequential networks too. That a
# decoder of *one* step fails elsewhere does not mean that no fixed reader exists: with many units the codes of all steps can be served at once.
# ````
#
# ```{exercise} A stronger penalty
# :label: or-ridge
# What happens to the errors at the same step and far away if `ridge` is 100?
# ```
#
# ````{solution} or-ridge
# :class: dropdown
# `papermill book/orhan2019/fig9_decoding.ipynb out.ipynb -p ridge 100`. A stronger penalty spreads the decoder over all units that know the angle. Where coupling is weak such a decoder
# depends less on the few units that are best at one step, and travels farther in time. Where it is strong the code moves all the same. With 1000 it reads worse at
# its own step, too.
# ````
#
# ```{exercise} There and back
# :label: or-there-and-back
# In panels A and B the corner below the diagonal is worse than the one above. What does this mean, and is it so before training?
# ```
#
# ````{solution} or-there-and-back
# :class: dropdown
# Below the diagonal a decoder was fitted late and is tested early. `t = np.arange(phases.delay); late = t[:, None] - t >= half`, then compare `error["basic"][:, late].mean(1)` with
# `error["basic"][:, late.T].mean(1)`, and the same for `untrained`. Units that come in late are silent early, so that whoever listens to them hears nothing; units that were
# driven by the stimulus are still there late, if weaker. In untrained networks the two corners are much alike: units that wait for their turn
# are made by learning.
# ````
#
# ## Where this differs from the original
#
# - These analyses are ours; whether the paper has their like we do not know. Decoder, penalty and the numbers of trials are our choices.
# - The fast mode's delay has twenty steps, the paper's a hundred; "far away" is half of the delay in both. See {ref}`or-fast-recipe`.
# - In the full mode there is one network for each $\lambda_0$ and $\sigma_0$, so that networks of one seed cannot be compared, and networks of other
#   conditions are trained only on demand.
# - The index during training is taken from fewer trials than that of the trained networks, the same at every look.

# %%
chapter.footer(*trained.values(), *list(conditions.values())[1:])

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
