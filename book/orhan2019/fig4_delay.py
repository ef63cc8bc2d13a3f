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
# # When the delay is not known
#
# Orhan & Ma (2019), delay variability · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** A sequence that ends when the response begins needs to know when that will be. Networks that are trained with delays of
# different lengths have a lower sequentiality index, as the paper says. But little of that is left when trials of equal length are compared, and the third
# figure shows where it comes from.

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
all_conditions: bool = None  # also variable delays; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.orhan2019 import comparisons, evaluation, figures, groups, task
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.trained import Trained
from mempaper.parameters import unless_full

chapter = Chapter(
    "orhan2019/fig4_delay",
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
# With a fixed delay, time is as good as a cue: a network may be anywhere at step 10 as long as it is in the right place at the end. When the delay of
# each trial is drawn from four lengths $d$, the memory has to be readable at four times, and what is easiest to read at any time is what does not
# change {footcite:p}`orhan2019diverse`.
#
# Trials of all lengths fill the same array. In a trial of a shorter delay, the steps after $d$ do not take place. Activity waits:
#
# $$
# \mathbf h_t = \begin{cases} \big[\mathbf x_t W_{\text{in}} + \mathbf h_{t-1} W_{\text{hh}} + \mathbf b\big]_+ & \text{where the trial goes on,} \\
# \mathbf h_{t-1} & \text{where it is masked.} \end{cases}
# $$

# %%
print(inspect.getsource(task.DelayTask.mask))

# %% [markdown]
# The sequentiality index of a trial is taken from the whole array, masked steps included, as in the original. So it can be low for two
# reasons: since the network is persistent, or since there was little time to be anything else. We therefore look at **all** trials, and at
# those with the **longest** delay, which last as long as every trial of the fixed condition.
#
# ## The experiment
#
# Four tasks, once with fixed and once with variable delays. Networks are paired: both begin with the same weights.

# %%
base = chapter.experiment
names = ("DE1", "CD", "COMP", "2AFC")
changed = {name: groups.on(base, name, condition="vardelay") for name in names}
variable = groups.trained(changed) if all_conditions else {}
fixed = groups.trained({name: groups.on(base, name) for name in names})
every = {name: comparisons.pairs(v, fixed[name]) for name, v in variable.items()}
longest = {
    name: comparisons.pairs(v, fixed[name], v.longest)
    for name, v in variable.items()
}

# %% [markdown]
# As a control, networks that were trained with a *fixed* delay are tested with variable ones. Whatever their index does when a trial is
# cut short is not due to training.


# %%
def by_delay(networks: Trained) -> np.ndarray:
    """Index over 300 trials of variable delays, (sigma0 and seed, delay)."""
    variable_task = networks.task.with_condition("vardelay")
    trials = variable_task.sample(300, np.random.default_rng(base.seed))
    h, _ = evaluation.respond(networks.network, trials)
    index = np.stack([sequentiality(one).index for one in h])
    of_delay = [trials.stimuli.delay == d for d in networks.task.geometry.delays]
    means = np.stack([index[:, these].mean(1) for these in of_delay], 1)
    return np.where(networks.passed.reshape(-1, 1), means, np.nan)


courses = {
    name: {"basic": by_delay(fixed[name]), "vardelay": by_delay(v)}
    for name, v in variable.items()
}


def by_training(name: str) -> np.ndarray:
    """Trained with variable minus with fixed delays, on the same trials, by pair."""
    once, other = (
        courses[name][kind].mean(1).reshape(len(networks.points), -1)
        for kind, networks in (("basic", fixed[name]), ("vardelay", variable[name]))
    )
    return other - once[:, : other.shape[1]]


# %% [markdown]
# ## The figure
#
# Follow the lines from left to right: from a network with a fixed delay, to its twin with variable delays on all trials, to the same twin on trials of
# the longest delay.

# %% mystnb={"image": {"alt": "Four panels, one per task, with three columns each: fixed delays, variable delays on all trials, and variable delays on the longest trials. In DE-1, CD and COMP the lines fall from the first to the second column and rise again to the third. In 2AFC light lines, of weak coupling, rise and dark ones fall."}, "figure": {"caption": "Index with fixed delays, with variable delays over all trials, and over trials with the longest delay. Thin lines join a network with its twin, coloured by the initial coupling; black: means.", "name": "fig-orhan-delay"}}
fig, axes = plt.subplots(1, 4, figsize=(13, 4), sharey=True)
for ax, name in zip(axes, names, strict=True):
    sigmas, alone = comparisons.by_sigma(fixed[name].points, fixed[name].mean())
    columns = [("fixed", alone)]
    if name in every:
        columns = [
            ("fixed", every[name].basic),
            ("variable,\nall", every[name].changed),
            ("variable,\nlongest", longest[name].changed),
        ]
    figures.draw_pairs(columns, sigmas, ax=ax)
    ax.set_title(task.title(name))
for ax in axes[1:]:
    ax.set_ylabel("")
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# What differs is told by B, pair by pair. In 2AFC the effect depends on the start (A): over all trials, the index of networks that would be
# persistent rises, and that of networks that would be sequential falls. What the coupling decided before now matters much less.

# %% mystnb={"image": {"alt": "A: index against the initial coupling in 2AFC; the line of fixed delays rises steeply, that of variable delays over all trials is flat, that over the longest trials is higher and flat. B: paired differences with intervals by task, over all trials left of zero, over the longest trials close to zero or right of it; 2AFC at weak and strong coupling lie on opposite sides."}, "figure": {"caption": "A: index against the initial coupling in 2AFC; points are networks, lines means, bands 95 % confidence intervals. B: variable minus fixed delays, paired by coupling and seed, over all trials of a task and over the longest; black: 2AFC by coupling. Points are pairs, thick lines the 95 % interval of their mean.", "name": "fig-orhan-delay-slope"}}
blue = figures.CONDITION_COLOURS["vardelay"]
black = figures.CONDITION_COLOURS["basic"]
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.6), width_ratios=(1, 1.2))
sigmas, alone = comparisons.by_sigma(fixed["2AFC"].points, fixed["2AFC"].mean())
figures.draw_over_sigma(sigmas, alone, ax=axes[0], colour=black, label="fixed")
rows = []
if variable:
    for pairs, label, line, shift in (
        (every, "variable, all", "-", 0.015),
        (longest, "variable, longest", "--", 0.03),
    ):
        figures.draw_over_sigma(
            sigmas,
            pairs["2AFC"].changed,
            ax=axes[0],
            colour=blue,
            label=label,
            shift=shift,
            ls=line,
        )
    for name in names:
        colour = figures.TASK_COLOURS[name]
        rows.append((task.title(name), every[name].difference, colour))
        rows.append(("longest", longest[name].difference, colour))
    for row, s in enumerate(sigmas):
        difference = every["2AFC"].difference[row]
        rows.append((f"2AFC, $\\sigma_0$ = {s:.2g}", difference, "black"))
axes[0].set_title("2AFC")
axes[0].legend(fontsize="small")
figures.draw_differences(rows, ax=axes[1])
axes[1].set(xlabel="index, variable minus fixed delays")
plots.panel_letters(axes)

# %% [markdown]
# Why is the index so much lower over all trials than over the longest? Below, both kinds of networks do the same variable trials. The longer the
# delay the higher the index, in both: a short trial, with its frozen steps, leaves less room for peaks. This lowers the mean over all trials, whatever the networks
# have learnt. What *training* with variable delays does is no more than the distance between the two lines (E).

# %% mystnb={"image": {"alt": "A to D, one per task: the index of a trial against the length of its delay, for networks trained with fixed and with variable delays. All lines rise with the delay; in most panels the two lines lie close together. E: differences between the two kinds on the same trials, close to zero in DE-1, CD and COMP and above it in 2AFC."}, "figure": {"caption": "A to D: mean index of trials by their delay, in networks that were trained with fixed (black) and with variable delays (blue), both tested with the same variable ones. Bands: 95 % confidence intervals over networks. E: difference between the two, mean over delays, paired by coupling and seed; thick lines are the 95 % interval of the mean.", "name": "fig-orhan-delay-length"}}
fig, axes = plt.subplots(1, 5, figsize=(15, 3.6))
for ax in axes[1:4]:
    ax.sharey(axes[0])
labels = {"basic": "trained with fixed", "vardelay": "trained with variable"}
delays = base.geometry.delays
for ax, name in zip(axes, names, strict=False):
    for kind, values in courses.get(name, {}).items():
        colour = figures.CONDITION_COLOURS[kind]
        style = {"color": colour, "marker": "o", "label": labels[kind]}
        plots.mean_band(delays, values, ax=ax, **style)
    ax.set(title=task.title(name), xlabel="delay", xticks=delays)
    if name not in courses:
        figures.draw_nothing(ax=ax)
axes[0].set_ylabel(figures.INDEX)
if courses:
    axes[0].legend(fontsize="small")
rows = [
    (task.title(name), by_training(name), figures.TASK_COLOURS[name])
    for name in courses
]
figures.draw_differences(rows, ax=axes[4])
axes[4].set(xlabel="variable minus fixed", title="same trials")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
measured = dict.fromkeys(
    f"F4-{what}"
    for what in [
        "DE1",
        "CD",
        "COMP",
        "slope",
        "low",
        "high",
        "long-CD",
        "long-2AFC",
    ]
)
if variable:
    for name in ("DE1", "CD", "COMP"):
        measured[f"F4-{name}"] = comparisons.known(every[name].difference)
    choice = every["2AFC"]
    measured["F4-slope"] = comparisons.known(choice.steeper)
    measured["F4-low"] = comparisons.known(choice.at(0))
    measured["F4-high"] = comparisons.known(choice.at_largest())
    for name in ("CD", "2AFC"):
        measured[f"F4-long-{name}"] = comparisons.known(longest[name].difference)
chapter.judge(measured)

# %% [markdown]
# Read the first three claims together with the third figure. They hold for the index as the original takes it, over all trials; the control says how
# much of that is in the trials and not in the networks. In 2AFC, where training does change the networks, on equal trials it makes them more sequential and not less,
# most of all those without coupling. This is why the last claim fails.

# %% [markdown]
# ## Exercises
#
# ```{exercise} A steady state
# :label: or-steady-state
# Why is a persistent state easy to read after a delay of any length? And what would a network have to do to read a sequence as well?
# ```
#
# ````{solution} or-steady-state
# :class: dropdown
# If $\mathbf h_t$ does not change, one set of output weights serves all times. In a sequence different units are active at different times, and the output
# weights must fit all of them: left-preferring units need the same sign, whenever they peak. With a binary choice that is easy to
# arrange, with an angle it is not.
# ````
#
# ```{exercise} What freezing does
# :label: or-what-freezing-does
# A trial is frozen from step $25 + d$ on. What happens to a unit whose activity is largest at that step? And to its ratio of peak and background?
# ```
#
# ````{solution} or-what-freezing-does
# :class: dropdown
# It stays at its maximum for the whole gap. The peak is the first step of it, and the gap counts as background, so the ratio $R$ falls towards
# 0. All units that would have peaked later have their maximum at that step, too, or in the response phase: the entropy $H$ falls as well.
# ````
#
# ```{exercise} Another start
# :label: or-another-start
# Does the flat line of panel A stay flat when couplings are stronger?
# ```
#
# ````{solution} or-another-start
# :class: dropdown
# `papermill book/orhan2019/fig4_delay.ipynb out.ipynb -y "sigma0: [0, 0.3, 0.6]"` trains networks with these. In the fast mode this takes some
# minutes.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's networks, trials and training are our own: see {ref}`or-fast-recipe`. Its delays are a tenth, four, seven and ten tenths of
#   20 steps, the paper's of 100.
# - The original's program for variable delays runs only with choices: it gives angles a sigmoid output, which cannot reach
#   them. Here DE-1 has its linear output.
# - In DE-1, as in the original, spontaneous input in the response phase is weaker under variable delays; with five spikes more or less
#   per trial that hardly matters.
# - The index of the longest trials alone, and the test of fixed networks with variable delays, are ours.
# - The full mode trains networks with variable delays only if you ask for it, with `all_conditions=True`.

# %%
chapter.footer(*fixed.values(), *variable.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
