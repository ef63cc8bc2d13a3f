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
# # One unit's timescale, and the network's
#
# Khajehabdollahi et al. (2024), Fig. 1 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** A leaky unit on its own forgets with its own time constant. The same unit within a trained
# network can remember much longer, because others pass on what it has lost. The autocorrelation of its activity
# shows both.

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
curriculum: str = "cumulative"  # of the network shown: cumulative | single
n_steps: int = None  # steps of the simulation; None takes the mode's number

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import torch

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import activity, figures, timescales
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity
from mempaper.khajehabdollahi2024.model import LeakyRNN

chapter = Chapter(
    "khajehabdollahi2024/fig1_timescales",
    globals(),
    NetworkActivity,
    "curriculum",
    "n_steps",
)

# %% [markdown]
# ## The idea
#
# The networks of this paper consist of leaky units. With $\tau_i \ge 1$ the time constant of unit $i$, $W$ the
# recurrent weights (no unit connects to itself) and $S_t$ the input bit,
#
# $$
# h_i(t+1) = \phi\!\left[\left(1 - \tfrac{1}{\tau_i}\right) h_i(t)
#   + \tfrac{1}{\tau_i}\Big(\sum_{j \ne i} W_{ij} h_j(t) + b_i + w_i S_{t+1}\Big)\right],
# $$
#
# where $\phi$ is a leaky ReLU of slope 0.01. The time constants are *trained together with the weights*: this is what
# sets these networks apart. Without recurrence each step keeps a share $1 - 1/\tau$ of the state, so a unit alone
# forgets exponentially, with the timescale $-1/\ln(1 - 1/\tau)$.
#
# In the network the decay of a unit's autocorrelation tells its **network-mediated timescale** $\tau_\mathrm{net}$: fit
# one exponential, and a sum of two; let Akaike's criterion choose; take the slower of two. The fit of the original code
# starts where both exponentials are alike, and rounding errors then decide which becomes the slow one. For figures we
# therefore use a fit that searches a grid, and accept a slow exponential only if it weighs more than 5 %.

# %%
print(inspect.getsource(LeakyRNN.unroll))

# %% [markdown]
# ## The experiment
#
# First units without recurrence, driven by random bits; then the trained networks at every $N$ that they have passed.
# Their input is random, too, and in each of ten trials a 1 has another chance.

# %%
alone = np.array([2.0, 3, 5, 8, 12, 20])
units = LeakyRNN([np.random.default_rng(0)], len(alone), 1)
with torch.no_grad():
    for p in (units.w_rec, units.b_rec, units.b_in):
        p.zero_()
    units.w_in.fill_(1.0)
    units.tau[0, 0] = torch.as_tensor(alone)
steps = 5 * chapter.experiment.n_steps
isolated = activity.simulate(units, steps, chapter.experiment.seed, n_lags=31)
isolated = timescales.normalised(isolated.autocovariance)[0]
expected = -1 / np.log(1 - 1 / alone)
fitted, _ = timescales.robust_timescales(isolated)

trained = chapter.experiment.source().trained()
observed = chapter.experiment.result()
correlation = timescales.normalised(observed["autocovariance"])
tau_net, kind = timescales.robust_timescales(correlation)

# %% [markdown]
# ## The figure
#
# Straight lines on a logarithmic axis (A, B) are single exponentials.

# %% mystnb={"image": {"alt": "Three panels of autocorrelation against lag, the first two on a logarithmic axis. A: straight lines for isolated units, flatter for larger time constants, on top of their predictions. B: three units of a trained network; their curves fall steeply at first and then more slowly, and double exponentials follow them. C: the summed activity of networks after short and long memories."}, "figure": {"caption": "Timescales. A: autocorrelation of units without recurrence (points) and what their time constant predicts (lines). B: three units of a trained network at the largest N that all networks passed, with single (dotted) and double (solid) exponentials. C: activity summed over all units, mean over networks, at the smallest and the largest N.", "name": "fig-khaj-timescales"}}
lag = np.arange(timescales.FITTED_LAGS)
last = trained.passed_by_all()[-1]
place = trained.kept.index(last)

fig, axes = plt.subplots(1, 3, figsize=(12, 3.8))
for tau, points, predicted in zip(alone, isolated, expected, strict=True):
    (line,) = axes[0].plot(lag, np.exp(-lag / predicted), lw=1)
    axes[0].plot(lag, points, "o", ms=3, color=line.get_color(), label=f"{tau:g}")
axes[0].legend(title="$\\tau$", ncol=3, fontsize="x-small", loc="upper right")

order = np.argsort(tau_net[0, place])
order = order[np.isfinite(tau_net[0, place][order])]
shown = order[[len(order) // 2, (3 * len(order)) // 4, -1]]
for unit, colour in zip(
    shown, (figures.SHORT, figures.LONG, figures.MULTI), strict=True
):
    y = correlation[0, place, unit, : len(lag)]
    axes[1].plot(lag, y, "o", ms=3, color=colour)
    single, double = timescales.fitted_curves(y)
    axes[1].plot(lag, single, ":", color=colour)
    label = f"$\\tau_{{net}}$ = {tau_net[0, place, unit]:.1f}"
    axes[1].plot(lag, double, color=colour, label=label)
axes[1].legend(fontsize="small")

population = timescales.normalised(observed["population"])
for n, colour in ((trained.kept[0], plots.GREY), (last, figures.MULTI)):
    curve = population[:, trained.kept.index(n), : len(lag)]
    plots.mean_band(lag, curve, ax=axes[2], color=colour, label=f"N = {n}")
axes[2].legend()
titles = ("units alone", f"units of a network, N = {last}", "summed activity")
for ax, title in zip(axes, titles, strict=True):
    ax.set(xlabel="lag (steps)", ylabel="autocorrelation", title=title)
for ax in axes[:2]:
    ax.set(yscale="log", ylim=(1e-2, 6))
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
fits = np.isfinite(tau_net).all(-1)
share = np.where(fits, (kind == 2).mean(-1), np.nan)
print(f"units that could not be fitted: {int((~np.isfinite(tau_net[fits])).sum())}")
chapter.judge(
    {
        "F1-1": fitted / expected,
        "F1-2": share[:, place] - share[:, 0],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A time constant of one
# :label: khaj-tau-one
# What does a unit with $\tau = 1$ remember by itself? Why can a network of such units still have a memory?
# ```
#
# ````{solution} khaj-tau-one
# :class: dropdown
# Nothing: $1 - 1/\tau = 0$, and the state is a function of the input and of the other units one step before. But these
# hold what happened then, and pass it on: $W$ alone can keep a bit going round for ever. Networks whose $\tau$ are all fixed at 1
# are the subject of {doc}`fig4a_fixed_tau`.
# ````
#
# ## Where this differs from the original
#
# The published figure is a drawing; here the same is measured. In the fast mode networks have 48 units and simulations are
# shorter. The ten chances of a 1 are spread evenly between 0 and 1 instead of drawn, since timescales
# depend on them and ten draws scatter. The original code's own fit is part of the package, and is compared with its
# numbers in {doc}`../checked`.

# %%
chapter.footer(trained, observed)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
