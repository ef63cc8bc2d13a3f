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
# # Where the non-linearity stands
#
# Khajehabdollahi et al. (2024), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** A leaky unit can apply its non-linearity to the leaky sum or to its input alone. Networks of
# both kinds go through both curricula. Does it matter for how far they get, for their time constants, and for the
# timescales of the network?

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
n_units: int = None  # hidden units; None takes the mode's number
max_n: int = None  # a network that passes this N is finished; None: the mode's
max_epochs: int = None  # epochs at most; None takes the mode's number
n_steps: int = None  # steps of the simulations; None takes the mode's number

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import figures, groups, timescales
from mempaper.khajehabdollahi2024.follow_ups import NetworkActivity
from mempaper.khajehabdollahi2024.model import LeakyRNN
from mempaper.stats import slopes

chapter = Chapter(
    "khajehabdollahi2024/a1_nonlinearity",
    globals(),
    NetworkActivity,
    "n_units",
    "max_n",
    "max_epochs",
    "n_steps",
)

# %% [markdown]
# ## The idea
#
# With the drive $u_t = W h_{t-1} + w_\text{in} s_t + b$ and $\phi$ a leaky rectifier, the networks of all other chapters have it
# *outside* the leak,
#
# $$h_t = \phi\Big(\big(1-\tfrac1\tau\big)\, h_{t-1} + \tfrac1\tau\, u_t\Big) ,$$
#
# and those of this chapter beside them *inside*,
#
# $$h_t = \big(1-\tfrac1\tau\big)\, h_{t-1} + \tfrac1\tau\, \phi(u_t) .$$
#
# Where state and drive are positive the two are the same. They part when the drive is negative: outside, strong inhibition resets
# a unit within one step, whatever its time constant; inside, the unit can only forget at the pace of its leak. In the
# code the first form is folded into one matrix product per step:

# %%
steps = inspect.getsource(LeakyRNN.unroll)
print(steps[steps.index("        rate = 1") :])

# %% [markdown]
# ## The experiment
#
# The networks with the non-linearity outside are those of {doc}`fig4b_trained_tau` and {doc}`fig5_network_timescales`. Those with
# it inside begin with the same weights. In the fast mode they are fewer and train for fewer updates; what is compared is then
# the same networks after equally many updates.

# %%
base = chapter.experiment
inside = groups.inside(
    base, chapter.mode, ("leakyrelu",), n_seeds=n_seeds, max_epochs=max_epochs
)
kinds = ("single", "cumulative")
observed = {("outside", k): run for k, run in groups.by_curriculum(base).items()}
observed |= {("inside", kind): inside["leakyrelu", kind] for kind in kinds}
runs = {key: config.source().trained() for key, config in observed.items()}
activity = {key: config.result() for key, config in observed.items()}

# %% [markdown]
# Timescales of the network are fitted to the autocorrelation of each unit under random bits. As in the paper, mean and
# standard deviation are over the units whose timescale is above one step.


# %%
def network_timescales(autocovariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD over units of tau_net > 1; (member, N, unit, lag) gives (member, N)."""
    tau_net, _ = timescales.robust_timescales(timescales.normalised(autocovariance))
    above = np.ma.masked_array(tau_net, ~(tau_net > 1))
    return above.mean(-1).filled(np.nan), above.std(-1).filled(np.nan)


drawn = {}  # each (mean tau, SD tau) at all N passed, (mean tau_net, SD tau_net) where kept
for key, run in runs.items():
    drawn[key] = (
        *((run.ends, values) for values in run.tau_statistics()),
        *(
            (run.kept, values)
            for values in network_timescales(activity[key]["autocovariance"])
        ),
    )

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Five panels, each with four lines: one head and several heads, with the non-linearity outside and inside the leak. A: largest N passed against updates; outside and inside run close together, several heads far above one head. B, C: mean and standard deviation of tau against N. D, E: mean and standard deviation of the timescales of the network. In all of them the lines of both kinds of network follow each other."}, "figure": {"caption": "The non-linearity outside (solid) and inside the leak (dashed), with one head and with several. A: largest N passed. B, C: mean and standard deviation over units of the time constants at each pass. D, E: the same for timescales of the network above one step. Means over networks and 95 % confidence intervals, where three or more passed; open markers: the authors' networks of seed 0 (500 units, outside).", "name": "fig-khaj-nonlinearity"}}
fig, axes = plt.subplots(2, 3, figsize=(12, 7))
(progress, *tau_axes), (legend, *net_axes) = axes
panels = [*tau_axes, *net_axes]
n_epochs = max(runs["inside", kind].accuracy().shape[1] for kind in kinds)
updates = np.arange(1, n_epochs + 1) * base.updates_per_epoch
for (place, kind), run in runs.items():
    style = {
        "color": figures.COLOURS["parity", kind],
        "ls": "-" if place == "outside" else "--",
        "label": f"{place}, {figures.NAMES[kind]}",
    }
    plots.mean_band(updates, run.largest_passed(n_epochs), ax=progress, **style)
    for ax, (n_values, values) in zip(panels, drawn[place, kind], strict=True):
        figures.draw_over_n(
            n_values, values, ax=ax, at_least=min(3, len(values)), **style
        )
shipped = claims.facts("khajehabdollahi2024", "shipped_networks")
for kind, marker in zip(kinds, "so", strict=True):
    published = {
        "color": figures.COLOURS["parity", kind],
        "marker": marker,
        "ms": 4,
    }
    names = ("tau_mean", "tau_sd", "taunet_mean", "taunet_sd")
    for ax, name in zip(panels, names, strict=True):
        theirs = np.array(shipped[kind][name], float)
        label = f"authors, {figures.NAMES[kind]}"
        plots.published_points(
            shipped[kind]["n"], theirs, ax=ax, label=label, **published
        )
labels = (
    "mean $\\tau$",
    "SD of $\\tau$",
    "mean $\\tau_{net} > 1$",
    "SD of $\\tau_{net} > 1$",
)
for ax, label in zip(panels, labels, strict=True):
    ax.set_ylabel(label)
progress.set(xlabel="updates", ylabel="largest N passed")
legend.legend(
    *panels[0].get_legend_handles_labels(), loc="center", fontsize="small"
)
legend.axis("off")
plots.panel_letters([progress, *panels])

# %% [markdown]
# ## Claims

# %%
one, other = runs["inside", "cumulative"], runs["outside", "cumulative"]
n_epochs = min(run.accuracy().shape[1] for run in (one, other))
same = slice(one.n_members)  # the networks that both have
ahead = one.largest_passed(n_epochs) - other.largest_passed(n_epochs)[same]
n = min(8, one.ends[-1])
tau_apart = one.tau(n).mean(1) - other.tau(n)[same].mean(1)
passed = [m for m in one.ends if len(one.members(m)) == one.n_members]
means = np.array([one.tau(m).mean(1) for m in passed]).T
chapter.judge(
    {
        "C18a": ahead[:, -1],
        "C18b": tau_apart if n == 8 else None,
        "C18c": slopes(passed, means) if len(passed) > 1 else None,
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} When there is no difference
# :label: khaj-no-difference
# For which $\tau$ are the two equations the same? Why does this make it likely that networks with several heads do not
# care where the non-linearity stands?
# ```
#
# ````{solution} khaj-no-difference
# :class: dropdown
# For $\tau = 1$: both are $h_t = \phi(u_t)$. With several heads the time constants fall towards 1, so that with growing $N$ the two
# kinds of network become the same network.
# ````
#
# ```{exercise} A reset
# :label: khaj-reset
# A unit has $\tau = 5$ and the state 1. Which drive brings it to 0 in one step, outside and inside?
# ```
#
# ````{solution} khaj-reset
# :class: dropdown
# Outside, $\tfrac45 + \tfrac15 u = 0$ gives $u = -4$. Inside there is hardly any: $\phi(u)$ must be $-4$, which with a slope of 0.01 takes
# $u = -400$. A slow unit can be a counter that is set back only in the first form; in the second, what sets it back must
# come through its leak or be subtracted by the units that read it.
# ````
#
# ## Where this differs from the original
#
# Fast mode: see {doc}`fig3_curricula` for sizes and rates; networks with the non-linearity inside are four and train for
# 2,000 updates. The published curves go on to $N$ of about 40 with one head, where those of the two forms begin to part; ours end
# earlier. Timescales of the network are fitted by the robust procedure of {doc}`fig5_network_timescales`, the authors' by
# their own, so that the open markers in D and E are for orientation. We did not run the full mode of this chapter.

# %%
chapter.footer(*activity.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
