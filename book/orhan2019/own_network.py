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
# # Your own network
#
# Orhan & Ma (2019), any task, condition and start · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** A few networks of your choice: how they learn, what their units do while they remember, and where they lie between persistent
# activity and a sequence. All other chapters vary one thing at a time; here you may vary everything.

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
n_seeds: int = None  # networks per start; None takes the mode's number
task: str = "2AFC"  # DE1 DE2 CD GDE 2AFC SINE COMP CD2, or the original's code
condition: str = "basic"  # basic | tethered | dynamic | vardelay
model: str = "leinit"  # leinit | hebbian | orthogonal | gru
first_task: str = None  # what is learnt before; as many inputs and outputs
lambda0: float = 0.98  # initial self-weight in [0, 1]; or a list
sigma0: list = [0.0, 0.4]  # initial couplings; "0,0.4" will do, too
rho: float = 0.0  # penalty on weights; or a list
delay_steps: int = None  # None takes the mode's number, like the next two
hidden_size: int = None  # units
iterations: int = None  # updates; the quick recipe has its own for each task

# %%
import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.orhan2019 import analysis, figures
from mempaper.orhan2019 import sequentiality as sequence
from mempaper.orhan2019 import task as tasks
from mempaper.orhan2019.experiments import DelayLearning

chapter = Chapter(
    "orhan2019/own_network",
    globals(),
    DelayLearning,
    "task",
    "condition",
    "model",
    "first_task",
    "lambda0",
    "sigma0",
    "rho",
    "delay_steps",
    "hidden_size",
    "iterations",
)

# %% [markdown]
# ## The idea
#
# A network that has learnt to remember has found one of many solutions. Which one is not a matter of the task alone: it depends on how the network began
# ($\lambda_0$, $\sigma_0$; {doc}`fig2_circuit`), on the task ({doc}`fig3_tasks`), on whether the delay is known ({doc}`fig4_delay`), on fast synapses
# ({doc}`fig5_hebbian`), on what else comes in ({doc}`fig6_input`), and on what was learnt before ({doc}`fig7_history`). The {term}`sequentiality index`
# puts all solutions on one line,
#
# $$
# \text{index} = \underbrace{\frac1n \sum_n \ln \frac{\text{activity of unit } n \text{ around its peak}}{\text{at all other times}}}_{\text{ridge to background}}
# \;+\; \underbrace{-\sum_b p_b \ln p_b}_{\text{entropy of peak times}} ,
# $$
#
# over units that are active at all; $p_b$ is the share of peaks in the $b$-th of twenty bins of time.
#
# What would be *persistent*, what a *sequence*? A chain of units, each of which passes on a share of its activity at every step, can be computed without
# any training ({doc}`fig8_circuit`). If the share is 0 it is purely persistent; if it is 1 a pulse runs along the chain. On trials with the
# same phases these two have the indices that are the ends of our ruler.
#
# ## The experiment

# %%
base = chapter.experiment
networks = base.trained()
index, entropy, ridge = (networks.mean(k) for k in ("index", "entropy", "ridge"))


def chain_index(share: float) -> float:
    """Index of a chain on a trial of the same phases."""
    steps = {"n_steps": base.geometry.steps, "stimulus_steps": base.stimulus_steps}
    return sequence.sequentiality(
        analysis.chain_activity(share, **steps)[None]
    ).mean


persistent, moving = chain_index(0.0), chain_index(1.0)
place = (index - persistent) / (moving - persistent)  # (start, network)

starts = [f"λ₀ {a:g}, σ₀ {b:.3g}, ρ {c:g}" for a, b, c in networks.points]
by_start = (len(starts), networks.n_seeds, -1)
loss = networks.result["loss"].reshape(by_start)  # (start, network, update)
course = networks.result["index_over_time"].reshape(by_start)
reported = np.arange(course.shape[-1]) * base.schedule().report_every

# %% [markdown]
# ## How they learn

# %% mystnb={"image": {"alt": "Left: the loss of each network falls over the updates and levels off. Right: the index over the updates, one line with a band per start, between two dotted lines; the lines of different couplings part during training."}, "figure": {"caption": "Learning, coloured by start. A: loss of each network (thin) and their mean, smoothed over the updates, on a logarithmic scale. B: index on the same trials at each report; points are networks, lines means, bands 95 % confidence intervals. Dotted: the two chains.", "name": "fig-orhan-own-learning"}}
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
width = max(1, base.iterations // 40)
colours = figures.sigma_colours(starts)
for start, colour, losses, indices in zip(
    starts, colours, loss, course, strict=True
):
    thin = [(one, {"lw": 0.7, "alpha": 0.3}) for one in losses]
    for one, line in [*thin, (losses.mean(0), {"lw": 2})]:
        smooth = np.convolve(one, np.ones(width) / width, "valid")
        updates = width + np.arange(smooth.size)
        axes[0].plot(updates, smooth, color=colour, **line)
    axes[1].plot(reported, indices.T, ".", color=colour, ms=3, alpha=0.5)
    plots.mean_band(reported, indices, ax=axes[1], color=colour, label=start)
for chain in (persistent, moving):
    plots.chance_line(chain, ax=axes[1])
axes[0].set(xlabel="updates", ylabel="loss", yscale="log")
axes[1].set(xlabel="updates", ylabel=figures.INDEX)
axes[1].legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
plots.panel_letters(axes)

# %% [markdown]
# ## What their units do
#
# Of all networks that solve the task, the least and the most sequential one.

# %%
known = np.flatnonzero(np.isfinite(index))
if not known.size:
    print(
        "No network solves the task with active units; shown are the smallest and "
        "the largest loss."
    )
ranked = index if known.size else networks.infloss
extremes = sorted(
    {int(np.nanargmin(ranked)), int(np.nanargmax(ranked))},
    key=lambda m: ranked.flat[m],
)
trials, h, _ = networks.examples(100)
whole = trials.stimuli.delay == base.delay_steps  # where delays vary, the longest
activity = {member: h[member][whole].mean(0) for member in extremes}  # (time, unit)

# %% mystnb={"image": {"alt": "Two heat maps of units by time, sorted by the time of their peak. In the left one many rows are bright for long and peak together, in the right one bright spots are short and form a diagonal."}, "figure": {"caption": "Activity of the least (A) and the most sequential network (B), mean over trials. Rows are active units in the order of their peaks, each divided by its maximum; dashed: begin and end of the delay.", "name": "fig-orhan-own-activity"}}
fig, axes = plt.subplots(
    1, len(extremes), figsize=(5.2 * len(extremes), 4), squeeze=False
)
for ax, (member, shown) in zip(axes[0], activity.items(), strict=True):
    image = figures.draw_activity(shown, base.geometry, ax=ax)
    start, number = divmod(member, networks.n_seeds)
    of = f"σ₀ = {networks.points[start][1]:.3g}, seed {base.seed + number}"
    ax.set_title(f"{of}: index {index.flat[member]:.2f}")
fig.colorbar(image, ax=axes, label="activity / its maximum")
plots.panel_letters(axes)

# %% [markdown]
# ## A sequence, or persistent?

# %% mystnb={"image": {"alt": "Bars of the index for each start, made of two parts, ridge to background below and entropy above, with points for the networks, between the dotted lines of the two chains."}, "figure": {"caption": "Index and its two parts, means over the networks that solve the task; points are networks. Dotted: the persistent (lower) and the moving chain (upper).", "name": "fig-orhan-own-index"}}
fig, ax = plt.subplots(figsize=(2.5 + 1.3 * len(networks.points), 4))
x = np.arange(len(networks.points))
parts = [stats.mean_interval(part, axis=1)[0] for part in (ridge, entropy)]
ax.bar(x, parts[0], 0.6, color=plots.SKY, label="ridge to background")
ax.bar(
    x,
    parts[1],
    0.6,
    bottom=parts[0],
    color=plots.ORANGE,
    label="entropy of peak times",
)
ax.plot(x, index, "o", color="black", ms=4)
for chain in (persistent, moving):
    plots.chance_line(chain, ax=ax)
ax.set_xticks(x, [start.replace(", ", "\n") for start in starts])
ax.set(ylabel=figures.INDEX, xlim=(-0.6, len(x) - 0.4))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plots.panel_letters([ax])

# %% [markdown]
# In words: a start whose networks lie in the lower third of the ruler is called persistent here, one in the upper third a sequence. The borders are ours; there
# is no natural one.

# %%
about = f"{tasks.title(base.task)}, {base.condition}, {base.model}"
print(f"{about}; limit of the loss {networks.limit:g}")
head = ("loss", "solved", "units", "entropy", "ridge", "index", "ruler")
print(f"{'start':28}" + "".join(f"{word:>9}" for word in head))
columns = [
    networks.infloss,
    networks.mean("n_active"),
    entropy,
    ridge,
    index,
    place,
]
for k, start in enumerate(starts):
    lost, units, *rest = (stats.estimate(values[k]).value for values in columns)
    solved = f"{networks.passed[k].sum()} of {networks.n_seeds}"
    numbers = "".join(f"{value:9.2f}" for value in rest)
    word = "not solved"
    if np.isfinite(rest[-1]):
        thirds = np.digitize(rest[-1], [1 / 3, 2 / 3])
        word = ("persistent", "in between", "a sequence")[thirds]
    print(f"{start:28}{lost:9.3f}{solved:>9}{units:9.0f}{numbers}  {word}")
print(f"ruler: {persistent:.2f} (persistent chain) to {moving:.2f} (moving chain)")

# %% [markdown]
# ## Claims

# %%
chapter.judge({"O1": networks.infloss.ravel()})

# %% [markdown]
# ## Exercises
#
# ```{exercise} As persistent as can be
# :label: or-most-persistent
# Find parameters with the smallest index of networks that still solve their task.
# ```
#
# ````{solution} or-most-persistent
# :class: dropdown
# Everything that the other chapters name helps: no coupling, a simple task, a penalty on weights. Try
# `mempaper run orhan2019/own_network -p sigma0 0 -p rho 0.001 -p lambda0 0.8`, and look at which of the two parts of the index falls.
# ````
#
# ```{exercise} A longer delay
# :label: or-longer-delay
# What happens with `delay_steps=60`, with and without coupling?
# ```
#
# ````{solution} or-longer-delay
# :class: dropdown
# The number of updates is the same, and activity that is to last longer is harder to learn; see whether the loss still gets below the limit, and raise `iterations` if
# not. Note that the ruler changes, too: a peak of the same width stands out more from a longer trial. Compare places on the ruler, not indices.
# ````
#
# ```{exercise} Gates
# :label: or-gates
# Networks with gates can hold on to a value without any sequence. Do they?
# ```
#
# ````{solution} or-gates
# :class: dropdown
# `mempaper run orhan2019/own_network -p model gru`. The original's code has these networks as well, with the same start of the candidate's weights, but we
# know of no result for them: this one is yours.
# ````
#
# ## Where this differs from the original
#
# This chapter has no counterpart there; it is the original's training script with pictures. The same networks, one at a time and at the paper's
# scale, can be trained on the command line: `mempaper orhan2019 basic -h`. The fast mode's recipe is ours ({ref}`or-fast-recipe`), and so are
# the chain as a ruler and its thirds. In full mode networks with $\lambda_0 + \sigma_0$ well above 1 often fail; take a smaller $\sigma_0$.

# %%
chapter.footer(networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
