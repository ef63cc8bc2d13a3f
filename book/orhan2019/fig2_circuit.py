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
# # What the circuit brings along
#
# Orhan & Ma (2019), intrinsic circuit properties · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Networks that solve the same task in the same way from outside, and yet differ inside: in one, each unit is
# active for a moment and hands over to the next; in the other, the same units stay active throughout. Which of the two a network
# becomes is largely settled before it has learnt anything, by how strongly its units are coupled at the start.

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
all_conditions: bool = None  # also with decaying weights; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.orhan2019 import comparisons, evaluation, figures, groups, model, task
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig2_circuit",
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
# The units of these networks are rectified: $\mathbf h_t = [\mathbf x_t W_{\text{in}} + \mathbf h_{t-1} W_{\text{hh}} + \mathbf b]_+$. Before training, the recurrent weights are
#
# $$
# W_{\text{hh}} = \lambda_0 I + \Sigma, \qquad \Sigma_{ij} \sim \mathcal N\big(0, \sigma_0^2 / N\big) \ \text{ for } i \ne j, \qquad \Sigma_{ii} = 0 .
# $$
#
# So a circuit has two numbers of its own. The **self-weight** $\lambda_0$ is how much of its activity a unit keeps by itself from step to step; left
# alone it decays with a time constant of $-1/\ln\lambda_0$ steps. The **coupling** $\sigma_0$ is how strongly units drive each other, without any order. The eigenvalues
# of $W_{\text{hh}}$ fill a disc of radius $\sigma_0$ around $\lambda_0$ {footcite:p}`orhan2019diverse`.

# %%
print(inspect.getsource(model.coupled))

# %% [markdown]
# Whether activity is sequential or persistent is measured by the **sequentiality index** of a trial. For each active unit $n$, $R_n$ is the logarithm of
# the mean activity around its peak over that at all other times; and $p_b$ is the share of peaks in the $b$-th of twenty bins of
# time. Then
#
# $$
# \text{index} = \underbrace{\textstyle\frac1n\sum_n R_n}_{\text{how transient}} \;+\; \underbrace{\textstyle-\sum_b p_b \ln p_b}_{\text{how spread out}} .
# $$
#
# Persistent activity has indices of 2 to 3, clear sequences more than 4.
#
# A third number belongs to the training: $\rho$ is the weight of a penalty on the squares of all weights.
#
# ## The experiment
#
# Every task is learnt from several values of $\sigma_0$; networks of one seed begin with the same random numbers, only scaled. Two tasks are
# learnt over a grid of $\lambda_0$ and $\sigma_0$, and with several $\rho$. A network counts if it loses little of what an
# ideal observer of the same spikes knows ({doc}`fig1_setup`).

# %%
base = chapter.experiment
trained = groups.trained(groups.basic(base))
two_tasks = ("2AFC", "DE1")
grids = groups.trained({name: groups.grid(base, name) for name in two_tasks})
decayed = (
    groups.trained({name: groups.decayed(base, name) for name in two_tasks})
    if all_conditions
    else {}
)

# %% [markdown]
# And some networks are not trained at all: how active do networks of the paper's size become in a trial of the paper's length?

# %%
couplings = (0.0, 0.1, 0.2, 0.3, 0.4)


def untrained_activity(lambda0: float, sigma0: float) -> np.ndarray:
    """Mean activity of three untrained networks in 2AFC, (network, step)."""
    large = DelayLearning(lambda0=lambda0, sigma0=sigma0, seed=base.seed, n_seeds=3)
    trials = large.delay_task().sample(10, np.random.default_rng(base.seed))
    h, _ = evaluation.respond(large.start_network(), trials)
    return h.mean((1, 3))


exploded = {
    self_weight: np.stack([untrained_activity(self_weight, s) for s in couplings])
    for self_weight in (0.98, 0.8)
}  # (sigma0, network, step)

# %% [markdown]
# ## Two ways to remember
#
# Two networks that remember which of two stimuli there was. They begin with the same random numbers. In the left one these are scaled
# to zero; in the right one they have the largest $\sigma_0$. Each row is a unit.

# %% mystnb={"image": {"alt": "Two heat maps of units by time, sorted by the time of their peak. Left, without initial coupling: most rows are bright over much of the trial and many peak together. Right, with strong coupling: narrow bright spots form a diagonal from the upper left to the lower right."}, "figure": {"caption": "One trial of 2AFC in the first network without (A) and with strong initial coupling (B). Rows are active units in the order of their peaks, each divided by its maximum; dashed: begin and end of the delay. The index is the network's mean over trials.", "name": "fig-orhan-examples"}}
largest = max(base.sigma0)
shown = trained["2AFC"]
trials, h, _ = shown.examples(20)
trial = int(np.argmax(trials.stimuli.answer[:, 0]))  # the first whose answer is 1
examples = [
    shown.points.index(point)
    for point in (
        (max(base.lambda0), s, base.rho[0]) for s in (min(base.sigma0), largest)
    )
]
fig, axes = plt.subplots(1, 2, figsize=(10, 4))
for ax, point in zip(axes, examples, strict=True):
    image = figures.draw_activity(
        h[point * shown.n_seeds, trial], base.geometry, ax=ax
    )
    index = shown.mean()[point, 0]
    ax.set_title(f"$\\sigma_0$ = {shown.points[point][1]:.2g}: index {index:.2f}")
fig.colorbar(image, ax=axes, label="activity / its maximum")
plots.panel_letters(axes)

# %% [markdown]
# ## In every task
#
# The index rises with $\sigma_0$ in each of the seven tasks, but not equally fast. The grey line is the same networks before training. Part of the effect is
# there from the start: coupled units pass activity on, whatever they are trained for. But the trained networks do not simply stay
# where they began. (Sine is special: its only input is noise. Untrained units without coupling take a random walk through it, and their peaks fall
# anywhere.)

# %% mystnb={"image": {"alt": "Seven panels, one per task: the index of trained networks rises with the initial coupling, most steeply in 2AFC; a grey line of untrained networks lies lower, except in Sine without coupling. Eighth panel: paired differences between the largest and the smallest coupling with their intervals, one row per task, nearly all to the right of zero."}, "figure": {"caption": "A to G: index of trained (coloured) and untrained networks (grey) against the initial coupling. Points are networks, lines means, bands 95 % confidence intervals. H: index at the largest minus the smallest coupling, paired by seed, with the 95 % interval of the mean.", "name": "fig-orhan-coupling"}}
fig, grid = plt.subplots(2, 4, figsize=(13, 6.4))
axes = grid.ravel()
for ax in axes[1:7]:
    ax.sharey(axes[0])
index, rises = {}, []
for ax, (name, found) in zip(axes, trained.items(), strict=False):
    colour = figures.TASK_COLOURS[name]
    sigmas, index[name] = comparisons.by_sigma(found.points, found.mean())
    start = found.result["index_over_time"][:, 0].reshape(len(found.points), -1)
    before = comparisons.by_sigma(found.points, start)[1]
    style = {"colour": figures.CONDITION_COLOURS["untrained"], "ls": "--"}
    figures.draw_over_sigma(sigmas, before, ax=ax, label="untrained", **style)
    figures.draw_over_sigma(
        sigmas, index[name], ax=ax, colour=colour, label="trained"
    )
    ax.set_title(task.title(name))
    rise = comparisons.rise(sigmas, index[name])
    rises.append((task.title(name), rise, colour))
for ax in [*axes[1:4], *axes[5:7]]:
    ax.set_ylabel("")
axes[0].legend(fontsize="small")
figures.draw_differences(rises, ax=axes[7])
axes[7].set(xlabel="largest minus smallest $\\sigma_0$", title="rise of the index")
plots.panel_letters(axes)

# %% [markdown]
# ## Over a grid of starts
#
# In the maps the index brightens from bottom to top: more coupling, more sequence. From left to right there is much less to see. The lower maps show what the networks lose against the ideal observer.

# %% mystnb={"image": {"alt": "Four heat maps over lambda0 and sigma0. Above, the index of 2AFC and DE-1: low in the bottom rows, high in the top rows. Below, the information loss: near zero throughout in 2AFC, larger and uneven in DE-1."}, "figure": {"caption": "Networks that start from other self-weights and couplings. A, B: index; hatched cells have no successful network. C, D: information loss; 0 is the ideal observer, and above the limit on the colour bar a network fails.", "name": "fig-orhan-grid"}}
fig, rows = plt.subplots(2, 2, figsize=(9.5, 7), sharex="col", sharey=True)
indices = np.concatenate([found.mean().ravel() for found in grids.values()])
some = indices[np.isfinite(indices)]
span = {"vmin": some.min(), "vmax": some.max()} if some.size else {}
for k, (name, found) in enumerate(grids.items()):
    top = figures.draw_grid(
        found.points, found.mean(), ax=rows[0, k], cmap="viridis", **span
    )
    bottom = figures.draw_grid(
        found.points,
        found.infloss,
        ax=rows[1, k],
        cmap="cividis_r",
        vmin=0,
        vmax=min(found.limit, 1),
    )
    rows[0, k].set(title=task.title(name), xlabel="")
for ax in rows[:, 1]:
    ax.set_ylabel("")
fig.colorbar(top, ax=rows[0], label=figures.INDEX)
fig.colorbar(bottom, ax=rows[1], label="information loss", extend="both")
plots.panel_letters(rows)

# %% [markdown]
# The same networks, one number at a time. Next to $\sigma_0$ the self-weight counts little, except perhaps in 2AFC networks without coupling, the lowest
# points of B. A penalty on the weights matters only where it is
# strong, and more in 2AFC than in DE-1: networks with small weights can answer left or right, but cannot pass activity on.

# %% mystnb={"image": {"alt": "Six panels, 2AFC above and DE-1 below. Left: the index rises with sigma0 in both. Middle: against lambda0 the points of each column are far apart and the mean changes little. Right: against rho the index is flat except for a fall at the largest rho in 2AFC."}, "figure": {"caption": "Index against the initial coupling (A, D) and the initial self-weight (B, E) over the grid, and against the weight of the penalty (C, F). Points are networks, lines means; r is Pearson's correlation over the networks. In C and F the axis is not to scale.", "name": "fig-orhan-initial"}}
fig, rows = plt.subplots(2, 3, figsize=(12, 6.6), sharey="row", sharex="col")
for row, (name, found) in zip(rows, grids.items(), strict=True):
    colour = figures.TASK_COLOURS[name]
    for ax, which, label in (
        (row[0], 1, figures.SIGMA),
        (row[1], 0, "initial self-weight $\\lambda_0$"),
    ):
        x = np.array([point[which] for point in found.points])
        r = comparisons.correlation(x[:, None], found.mean())
        means = [stats.estimate(found.mean()[x == v]).value for v in np.unique(x)]
        ax.plot(x, found.mean(), "o", color=colour, alpha=0.6)
        ax.plot(np.unique(x), means, color=colour, lw=2)
        ax.set(title=f"{task.title(name)}, r = {r:.2f}", xlabel=label)
    row[0].set_ylabel(figures.INDEX)
    if name in decayed:
        penalised, ax = decayed[name], row[2]
        rhos = [point[2] for point in penalised.points]
        r = comparisons.correlation(np.array(rhos)[:, None], penalised.mean())
        places = np.searchsorted(groups.RHOS, rhos)
        colours = figures.sigma_colours(groups.RHO_SIGMAS)
        for s, shade in zip(groups.RHO_SIGMAS, colours, strict=True):
            own = np.array([point[1] == s for point in penalised.points])
            values = penalised.mean()[own]
            ax.plot(places[own], values, "o", color=shade, alpha=0.6, ms=4)
            mean = stats.mean_interval(values, axis=1)[0]
            ax.plot(places[own], mean, color=shade, label=f"$\\sigma_0$ = {s:g}")
        ax.set_xticks(range(len(groups.RHOS)), [f"{v:g}" for v in groups.RHOS])
        ax.set(title=f"{task.title(name)}, r = {r:.2f}", xlabel="penalty $\\rho$")
        ax.legend(fontsize="small")
    else:
        figures.draw_nothing(ax=row[2])
for ax in rows[0]:
    ax.set_xlabel("")
plots.panel_letters(rows)

# %% [markdown]
# ## Starts that explode
#
# There is a price. Where $\lambda_0 + \sigma_0$ is above 1, the largest eigenvalue is too, and activity grows from step to step. Such networks have to be tamed by training before they can learn anything.

# %% mystnb={"image": {"alt": "A: mean activity on a logarithmic axis against the step of the trial, one line per coupling; without coupling it stays small, otherwise the lines are straight and steeper for stronger coupling. B: activity at the end against the coupling. With self-weights of .98 it grows by many powers of ten; with .80 it stays small until the coupling exceeds .2."}, "figure": {"caption": "Mean activity of untrained networks of 500 units in 2AFC. A: in the course of a trial of 150 steps, with a self-weight of .98; mean of the logarithm over networks. B: at the end; points are networks. Dotted: 1.", "name": "fig-orhan-exploding"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8))
for activity, sigma, colour in zip(
    exploded[0.98], couplings, figures.sigma_colours(couplings), strict=True
):
    middle = 10 ** np.log10(np.maximum(activity, 1e-4)).mean(0)
    axes[0].plot(middle, color=colour, label=f"$\\sigma_0$ = {sigma:g}")
axes[0].set(yscale="log", xlabel="step", ylabel="activity")
for (self_weight, activity), colour in zip(
    exploded.items(), (plots.RED, plots.BLUE), strict=True
):
    end = activity[..., -1]
    axes[1].plot(couplings, end, "o", color=colour, alpha=0.5, ms=4)
    label = f"$\\lambda_0$ = {self_weight:g}"
    axes[1].plot(couplings, 10 ** np.log10(end).mean(1), color=colour, label=label)
axes[1].set(yscale="log", xlabel=figures.SIGMA, ylabel="activity at the end")
for ax in axes:
    plots.chance_line(1, ax=ax)
    ax.legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# Not every difference above is a claim. That the index depends on $\lambda_0$ is none: with networks of another size, in a prototype of ours, it rose in one
# of the two tasks and not in the other.

# %%
measured = {
    f"F2-sigma-{name}": comparisons.known(comparisons.rise(sigmas, values))
    for name, values in index.items()
}
for name, found in grids.items():
    x = np.array([point[1] for point in found.points])[:, None]
    r = comparisons.correlation(x, found.mean())
    measured[f"F2-r-{name}"] = stats.exact(r, x.size) if np.isfinite(r) else None
uncoupled = None
if 0 in base.sigma0:
    uncoupled = shown.at(shown.mean(), lambda0=max(base.lambda0), sigma0=0)
measured["F2-level"] = comparisons.known(uncoupled, at_least=1)
weakened = None
if decayed:
    of_rho = decayed["2AFC"]
    none, strong = (
        of_rho.at(of_rho.mean(), sigma0=0, rho=rho)
        for rho in (groups.RHOS[0], groups.RHOS[-1])
    )
    weakened = comparisons.known(none - strong)
measured["F2-rho"] = weakened
end = exploded[0.98][..., -1]
measured["F2-explode"] = np.log10(end[-1] / end[0])
chapter.judge(measured)

# %% [markdown]
# ## Exercises
#
# ```{exercise} How high can it get?
# :label: or-highest-index
# What is the largest possible spread of peaks in the index? And what does an index of 3 say about a network whose units all peak at
# the same step?
# ```
#
# ````{solution} or-highest-index
# :class: dropdown
# Twenty bins filled alike give $\ln 20 \approx 3.0$. If all units peak together, only the first term is left (and a little from the constant 0.1
# that is added to each bin): activity around the peak would be $e^3 \approx 20$ times that of the rest of the trial. A short burst and a
# sequence can have the same index; that is why {doc}`fig3_tasks` shows the two terms apart.
# ````
#
# ```{exercise} Short-lived units
# :label: or-short-lived
# Take $\lambda_0 = 0.8$ and no coupling. How can such a network remember anything over twenty steps?
# ```
#
# ````{solution} or-short-lived
# :class: dropdown
# `papermill book/orhan2019/fig2_circuit.ipynb out.ipynb -y "lambda0: [0.8]"`. Left alone, a unit keeps $0.8^{20} \approx 0.01$ of its activity over the delay: little, but
# not nothing, and training can raise the self-weights or couple units to each other. Over the paper's hundred steps it would be
# $2\cdot10^{-10}$, and learning has nothing to begin with.
# ````
#
# ```{exercise} By what factor?
# :label: or-by-what-factor
# Read from the last figure by what factor activity grows per step at $\lambda_0 = 0.98$ and $\sigma_0 = 0.4$. What would you have expected?
# ```
#
# ````{solution} or-by-what-factor
# :class: dropdown
# The eigenvalues of a random matrix would suggest $0.98 + 0.4 = 1.38$ per step, which makes $10^{21}$ over 150 steps. The figure has fewer powers of ten: units
# are rectified, and where half of them are silent the others form a network of half the size, with a disc of radius $0.4/\sqrt2$.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`. In particular it clips the norm of gradients, so that
#   strongly coupled networks learn; the original's often do not get below the limit.
# - The grid of the fast mode is 4 by 4, the paper's 10 by 10; the full mode takes the values of `lambda0` and `sigma0` that you give.
# - Which values of $\rho$ the paper used is not known; these are ours.
# - Units whose peak or background is silent have an infinite ratio; the original lets it through, and here they are left out.
# - We could read the paper's abstract but not its numbers. What the claims compare with are runs of the original code and of a
#   prototype of ours.

# %%
chapter.footer(*trained.values(), *grids.values(), *decayed.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
