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
# # LSTM and GRU: several heads help there too
#
# Khajehabdollahi et al. (2024), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Gated networks learn the parity of longer and longer sequences, with one head or with a head for each
# length. With several heads they are much faster, and their units learn to forget sooner.

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
learning_rate: float = None  # of Adam; None takes the mode's
max_epochs: int = None  # epochs at most; None takes the mode's number
max_n: int = None  # a network that passes this N is finished; None: the mode's

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import figures, groups
from mempaper.khajehabdollahi2024.gated import GatedRNN
from mempaper.khajehabdollahi2024.gated_experiments import GatedLearning

chapter = Chapter(
    "khajehabdollahi2024/a5_gated",
    globals(),
    GatedLearning,
    "n_units",
    "learning_rate",
    "max_epochs",
    "max_n",
)

# %% [markdown]
# ## The idea
#
# The leaky units of the other chapters have one time constant each. An LSTM {footcite:p}`hochreiter1997long` decides at every
# step how much of its cell state stays, and a GRU {footcite:p}`cho2014learning` how much of its hidden state:
#
# $$
# c_t = f_t \odot c_{t-1} + i_t \odot g_t , \qquad
# h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1} .
# $$
#
# The forget gate $f$ and the update gate $z$ take the place of $1 - 1/\tau$. A gate that always had the value $g$ would make the
# memory fade with the time constant $1/(1-g)$. That gives three timescales:
#
# | | what is measured |
# |---|---|
# | $\tau_\mathrm{bias}$ | $1/(1 - \sigma(b))$ with $b$ the gate's two biases together; mean over units |
# | $\tau_\mathrm{gate}$ | $1/(1 - \bar g)$ with $\bar g$ the gate's mean while the network runs on random bits |
# | $\tau_\mathrm{net}$ | the autocorrelation of the memory itself, $c$ or $h$, as in {doc}`fig5_network_timescales` |
#
# One step, for both kinds of network:

# %%
print(inspect.getsource(GatedRNN.step))

# %% [markdown]
# ## The experiment
#
# The task is parity with fair bits, seen as $-1$ and $+1$. Curricula and the mark for a pass are those of
# {doc}`fig3_curricula`; the optimiser is Adam. Networks of one kind begin with the same weights in both curricula.

# %%
base = chapter.experiment
runs = {key: run.trained() for key, run in groups.gated(base).items()}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "A and B: largest N passed against updates for LSTM and GRU; with several heads it rises steeply to the end, with one head slowly, and some networks get stuck. C: timescale by the biases against N, falling with several heads in both, about level with one head in the LSTM and rising in the GRU. D: timescale by the mean gate, the same picture. E: median timescale of the memory, rising with one head, staying near one step with several."}, "figure": {"caption": "Gated networks. A, B: largest N passed; thin lines are networks, thick lines their means. C: timescale of forgetting by the biases of the gate. D: by the gate's mean. E: median over units of the timescale of the memory's activity. C to E: colours as above, solid lines LSTM, dashed lines GRU; means over networks that passed and 95 % confidence intervals.", "name": "fig-khaj-gated"}}
fig, axes = plt.subplot_mosaic("AAABBB;CCDDEE", figsize=(11, 7))
lines = {"lstm": "-", "gru": "--"}
for (kind, curriculum), run in runs.items():
    colour = figures.COLOURS["parity", curriculum]
    figures.draw_progress(
        run.largest_passed(base.max_epochs),
        base.updates_per_epoch,
        ax=axes["A" if kind == "lstm" else "B"],
        label=figures.NAMES[curriculum],
        colour=colour,
    )
    known = ~np.isnan(run.gate_timescales())
    median = np.full(known.shape, np.nan)
    median[known] = np.nanmedian(run.memory_timescales()[known], axis=-1)
    for letter, n_values, samples in (
        ("C", run.ends, run.tau_statistics()[0]),
        ("D", run.kept, run.gate_timescales()),
        ("E", run.kept, median),
    ):
        style = {"color": colour, "ls": lines[kind]}
        figures.draw_over_n(n_values, samples, ax=axes[letter], **style)
axes["A"].set(title="LSTM")
axes["B"].set(title="GRU")
axes["A"].legend(fontsize="small")
axes["C"].set(ylabel="$\\tau_\\mathrm{bias}$ (steps)")
axes["D"].set(ylabel="$\\tau_\\mathrm{gate}$ (steps)")
axes["E"].set(ylabel="median $\\tau_\\mathrm{net}$ (steps)")
for kind, line in lines.items():
    axes["E"].plot([], [], color=plots.GREY, ls=line, label=kind.upper())
axes["E"].legend(fontsize="small", loc="upper right")
plots.panel_letters(list(axes.values()))

# %% [markdown]
# ## Claims

# %%
measured = {}
probe = min(8, base.max_n)
for kind, lead, ratio in (("lstm", "C22a", "C22c"), ("gru", "C22b", "C22d")):
    several, single = runs[kind, "cumulative"], runs[kind, "single"]
    largest = [run.largest_passed(base.max_epochs) for run in (several, single)]
    measured[lead] = (largest[0] - largest[1]).mean(1)
    all_updates = base.max_epochs * base.updates_per_epoch
    slow, fast = (
        np.nan_to_num(
            run.updates_to_pass()[:, run.ends.index(probe)], nan=all_updates
        )
        for run in (single, several)
    )
    measured[ratio] = slow / fast
change = {key: run.bias_timescale_change() for key, run in runs.items()}
measured["C23a"] = change["lstm", "cumulative"] - change["lstm", "single"]
measured["C23b"] = change["lstm", "cumulative"]
chapter.judge(measured)

# %% [markdown]
# The gates repeat what the time constants of leaky units do in {doc}`fig4b_trained_tau`: with several heads a unit by itself
# forgets sooner. What differs is the activity as a whole. Here it is the networks with one head whose memory gets
# slower, while that of networks with several heads stays almost as fast as the input. This is no contradiction: one way to
# hold the last $N$ bits is to hand them on from unit to unit, and that takes no slow unit at all.
#
# ## Exercises
#
# ```{exercise} Before training
# :label: khaj-gated-start
# Both biases of a gate start uniform between $-a$ and $a$, with $a = 1/\sqrt{n}$. What is the mean of $\tau_\mathrm{bias}$ then?
# ```
#
# ````{solution} khaj-gated-start
# :class: dropdown
# Since $1/(1-\sigma(b)) = 1 + e^b$ and the two biases are independent, the mean is $1 + (\sinh(a)/a)^2$, a little above 2. Compare
# `base.result()["initial_tau"].mean(-1)`.
# ````
#
# ```{exercise} More time for one head
# :label: khaj-gated-time
# Do networks with one head catch up when they have three times as many epochs?
# ```
#
# ````{solution} khaj-gated-time
# :class: dropdown
# `papermill book/khajehabdollahi2024/a5_gated.ipynb out.ipynb -p max_epochs 90`. The time for a pass grows with $N$, so the curves
# flatten, and a network that is stuck stays stuck. Networks with several heads are not affected, because they are finished long before.
# ````
#
# ## Where this differs from the original
#
# Of these experiments we know the code for the LSTM and the sentence in the abstract; there are no published numbers to draw. The
# GRU's settings are taken from the LSTM, and its two gate timescales are defined here, by analogy. Fast mode
# has smaller networks, a larger learning rate and shorter epochs, and it stops long before networks with several heads
# fail. The random bits of the simulation are fair, as in the training. We show the median of $\tau_\mathrm{net}$ over all units;
# fast mode fits it robustly, full mode as the original does (see {doc}`fig5_network_timescales`).

# %%
chapter.footer(*runs.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
