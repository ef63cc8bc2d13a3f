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
# # Timescales of the network
#
# Khajehabdollahi et al. (2024), Fig. 5 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The longer the memory, the slower the activity decays, whatever the curriculum. With several heads this
# happens while the units themselves get *faster*: the timescales move from the units into the network.

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
task: str = "parity"  # parity | dms
n_steps: int = None  # steps of the simulation; None takes the mode's number

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import figures, timescales
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity

chapter = Chapter(
    "khajehabdollahi2024/fig5_network_timescales",
    globals(),
    NetworkActivity,
    "task",
    "n_steps",
)

# %% [markdown]
# ## The idea
#
# Let the network run on endless random bits and take the autocovariance of each unit's activity,
#
# $$
# \mathrm{AC}(l) = \frac{1}{n - 1 - l} \sum_t x'_t\, x'_{t+l} ,
# $$
#
# where $x'$ is the activity minus its mean in the trial, averaged over ten trials. To its first 31 lags fit
# $a\,e^{-l/t_1}$ and $a\,(c\,e^{-l/t_1} + (1-c)\,e^{-l/t_2})$; $\tau_\mathrm{net}$ is the slower time constant of the fit
# that Akaike's criterion prefers. Most units of such networks forget within a step, and their $\tau_\mathrm{net}$ is below one. We
# show the median over all units, which no outlier can move, and the original's measure, the mean of those above one.

# %%
print(inspect.getsource(timescales.robust_timescales))

# %% [markdown]
# ## The experiment

# %%
kinds = ("single", "cumulative")
observed = {kind: chapter.experiment.replace(curriculum=kind) for kind in kinds}
trained = {kind: run.source().trained() for kind, run in observed.items()}
observed = {kind: run.result() for kind, run in observed.items()}
tau_net = {}
for kind, run in observed.items():
    correlation = timescales.normalised(run["autocovariance"])
    tau_net[kind], _ = timescales.robust_timescales(correlation)
    tried = np.isfinite(correlation).all(-1).sum()
    passed = ~np.isnan(run["dimensions"]).any(-1)
    constant = int(passed.sum() * tau_net[kind].shape[-1] - tried)
    print(
        f"{figures.NAMES[kind]}: {tried} curves fitted, {constant} constant units"
    )

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "A: autocorrelations of all units of one network with several heads at the largest N, most fall within a step, some decay slowly. B: median network timescale against N, rising with several heads. C: mean of the timescales above one against N, rising with both curricula, with open markers of the authors' networks. D: mean tau against median network timescale; with several heads one falls as the other rises."}, "figure": {"caption": "Network-mediated timescales. A: autocorrelations of the units of one network with several heads at its last N, the mean in black. B: median over units. C: mean of the units above one step, as the original reports it; open markers: the authors' networks of seed 0 with their fit. D: mean time constant of the units against the median timescale in the network, from N = 2 (open) on. Bands: 95 % confidence intervals over networks.", "name": "fig-khaj-network-timescales"}}
median, above = {}, {}
for kind in kinds:
    t = tau_net[kind]
    known = ~np.isnan(t).all(-1)
    median[kind] = np.full(known.shape, np.nan)
    median[kind][known] = np.nanmedian(t[known], axis=-1)
    slow = np.where(t > 1, t, np.nan)
    above[kind] = np.full(known.shape, np.nan)
    some = (~np.isnan(slow)).any(-1)
    above[kind][some] = np.nanmean(slow[some], axis=-1)

fig, axes = plt.subplots(2, 2, figsize=(9.5, 7))
axes = axes.ravel()
last = trained["cumulative"].passed_by_all()[-1]
place = trained["cumulative"].kept.index(last)
curves = timescales.normalised(observed["cumulative"]["autocovariance"][0, place])
lag = np.arange(timescales.FITTED_LAGS)
axes[0].plot(lag, curves[:, : len(lag)].T, color=figures.MULTI, lw=0.5, alpha=0.5)
axes[0].plot(lag, np.nanmean(curves, axis=0)[: len(lag)], color="black")
axes[0].set(xlabel="lag (steps)", ylabel="autocorrelation", title=f"N = {last}")
shipped = claims.facts("khajehabdollahi2024", "shipped_networks")
colours = {kind: figures.COLOURS[chapter.experiment.task, kind] for kind in kinds}
for kind in kinds:
    style = {"color": colours[kind], "label": figures.NAMES[kind]}
    figures.draw_over_n(trained[kind].kept, median[kind], ax=axes[1], **style)
    figures.draw_over_n(trained[kind].kept, above[kind], ax=axes[2], **style)
    if chapter.experiment.task == "parity":
        theirs = shipped[kind]
        known = [i for i, v in enumerate(theirs["taunet_mean"]) if v is not None]
        plots.published_points(
            [theirs["n"][i] for i in known],
            [theirs["taunet_mean"][i] for i in known],
            ax=axes[2],
            color=colours[kind],
            label=f"authors, {figures.NAMES[kind]}",
        )
    stages = [trained[kind].ends.index(n) for n in trained[kind].kept]
    tau = trained[kind].tau_statistics()[0][:, stages]
    enough = (~np.isnan(median[kind])).sum(0) > 1
    x, y = (np.nanmean(v[:, enough], axis=0) for v in (tau, median[kind]))
    axes[3].plot(x, y, "-o", ms=4, **style)
    axes[3].plot(x[:1], y[:1], "o", ms=7, mfc="white", color=colours[kind])
axes[1].set(ylabel="median $\\tau_{net}$")
axes[2].set(ylabel="mean of $\\tau_{net} > 1$")
axes[3].set(xlabel="mean $\\tau$", ylabel="median $\\tau_{net}$")
axes[1].legend()
axes[2].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# The claims are about the parity task.

# %%
several = trained["cumulative"]
everyone = [several.kept.index(n) for n in several.passed_by_all()]
stages = [several.ends.index(n) for n in several.passed_by_all()]
probe = max(n for n in several.passed_by_all() if n <= 8)
tau = several.tau_statistics()[0][:, stages]
together = [
    np.corrcoef(a, b)[0, 1] if np.ptp(a) and np.ptp(b) else np.nan
    for a, b in zip(tau, median["cumulative"][:, everyone], strict=True)
]
one_last = trained["single"].kept.index(trained["single"].passed_by_all()[-1])
growth = (
    median["cumulative"][:, several.kept.index(probe)] / median["cumulative"][:, 0]
)
chapter.judge(
    {
        "C9a": growth,
        "C9b": above["single"][:, one_last] - above["single"][:, 0],
        "C10": together,
    }
)

# %% [markdown]
# ## The original's fit
#
# The same autocorrelations, fitted as in the original code: the mean over units above one step then depends on a few units with an accepted slow
# exponential of negligible weight.

# %%
units = slice(None, None, 4)
reference, _ = timescales.fit_timescales(
    timescales.normalised(observed["cumulative"]["autocovariance"][0, place, units])
)
robust = tau_net["cumulative"][0, place, units]
for name, values in (("original", reference), ("robust", robust)):
    values = values[np.isfinite(values)]
    slow = values[values > 1]
    print(
        f"{name:9} median {np.median(values):.2f}, mean above one {slow.mean():.2f}, "
        f"largest {values.max():.1f}, of {len(values)} units"
    )

# %% [markdown]
# ## Exercises
#
# ```{exercise} One bias or many
# :label: khaj-bias
# Why must the trials have *different* chances of a 1? Simulate with all of them at one half.
# ```
#
# ````{solution} khaj-bias
# :class: dropdown
# `activity.simulate(network, 4000, 0, probabilities=np.full(10, 0.5))`. At one half the bits carry no order that a parity
# network could follow slowly, and most units look memoryless. At chances near 0 or 1 long runs of equal bits drive
# the network along its counting states, which decay slowly. The published measure averages over both.
# ````
#
# ## Where this differs from the original
#
# Fits for the figure are the robust ones. The ten chances of a 1 are spread evenly. In the fast mode networks are small and
# simulations have fewer steps; for details of training see {doc}`fig3_curricula`.

# %%
chapter.footer(*trained.values(), *observed.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
