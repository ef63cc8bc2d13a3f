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
# # The two-step task: planning with a single memory
#
# Ritter et al. (2018), episodic two-step task, with the analysis of the companion paper · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Stay probabilities: do agents repeat a choice, depending on whether it was rewarded and
# whether the world did what it usually does? And do they do so for a choice made long ago, of which a cue reminds them?

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
mode: str = "fast"  # smoke (not judged) | fast (30 + 30 trials) | full (50 + 50)
seed: int = 0  # of the first network; the others follow it
n_seeds: int = None  # how many networks; None takes the mode's number
n_epochs: int = None  # updates, one per episode; None takes the mode's number
p_common: float = 0.9  # chance of the common transition
p_switch: float = 0.1  # chance that the good state changes before a trial

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots, stats
from mempaper.chapter import Chapter
from mempaper.ritter2018 import two_step
from mempaper.ritter2018.recurring import TwoStep

chapter = Chapter(
    "ritter2018/s4_two_step", globals(), TwoStep, "n_epochs", "p_common", "p_switch"
)

# %% [markdown]
# ## The idea
#
# A first choice leads, usually but not always, to the second stage of its own number; one of the two second
# stages pays well for a while. A learner that repeats what was rewarded (model-free) ignores *how* it got there. A
# learner that knows the transitions (model-based) draws the opposite conclusion after a rare transition: the reward
# came from the state that the *other* choice usually leads to {footcite:p}`daw2011model`. Stay probabilities tell
# them apart:
#
# $$
# \text{MB} = (\text{RC} - \text{RU}) - (\text{UC} - \text{UU}), \qquad
# \text{MF} = \tfrac12(\text{RC} + \text{RU}) - \tfrac12(\text{UC} + \text{UU}),
# $$
#
# with R/U for rewarded or not and C/U for a common or uncommon transition.
#
# In the episodic version {footcite:p}`vikbladh2017two,ritter2018episodic` the first half of an episode shows a fresh
# context with each outcome. In the second half, each trial shows one of these contexts before the choice, and reaching
# the second stage of *then* pays what it paid *then*. An agent that remembers can plan with a single episode
# of its past.

# %%
print(inspect.getsource(two_step.stay_counts))

# %% [markdown]
# ## The experiment
#
# One LSTM step per trial. The state stored for a trial is that of the next step, the first that has seen
# the trial's outcome.

# %%
base = chapter.experiment
memory = base.result()
control = base.replace(variant="none").result()
signatures = {}
for agent in ("incremental_mf", "incremental_mb", "episodic_mf", "episodic_mb"):
    counts = two_step.simulate_signature_agent(
        agent, base.task(), np.random.default_rng(base.seed)
    )
    signatures[agent] = two_step.stay_probabilities(
        counts
    )  # (analysis, rewarded, common)

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Two rows of three bar plots of stay probabilities. With memory, the uncued and episodic panels show the crossed pattern of model-based choice: high after rewarded common and unrewarded uncommon, low otherwise. Without memory the uncued panel is crossed and the episodic panel nearly flat. Open markers show published bars in the upper row."}, "figure": {"caption": "Stay probabilities of trained agents, with memory (upper row) and without (lower row). Columns: after the previous trial, uncued half; after the previous trial, cued half; after the cued past trial. C: common transition, U: uncommon. Bars: means over networks with 95 % confidence intervals; open markers: published bars, read off a copy of the figure.", "name": "fig-ritter-stay"}}
published = claims.facts("ritter2018", "stay_probability")
titles = {
    "uncued": "uncued",
    "incremental_cued": "cued, previous trial",
    "episodic": "cued, past trial",
}
names = {
    "uncued": "incremental_uncued",
    "incremental_cued": "incremental_cued",
    "episodic": "episodic",
}


def draw_stay(ax, table, half=None):
    """Bars of one stay table (rewarded, common)."""
    for row, colour in enumerate((plots.GREEN, plots.RED)):
        place = 2.5 * row + np.arange(2)
        error = None if half is None else half[row]
        ax.bar(
            place,
            table[row],
            yerr=error,
            color=colour,
            alpha=0.75,
            width=0.85,
            capsize=3,
        )
    ax.set(xticks=(0, 1, 2.5, 3.5), ylim=(0, 1.08))
    ax.set_xticklabels(["C", "U", "C", "U"])
    plots.chance_line(0.5, ax=ax)


fig, axes = plt.subplots(2, 3, figsize=(9.5, 5.6), sharey=True)
for row, (name, run) in enumerate({"memory": memory, "no memory": control}.items()):
    mean, half = stats.mean_interval(run["stay"])
    for column, analysis in enumerate(two_step.ANALYSES):
        ax = axes[row, column]
        draw_stay(ax, mean[column], half[column])
        ax.set_title(titles[analysis])
        if row == 0:
            bars = published[names[analysis]]
            plots.published_points(
                (0, 1, 2.5, 3.5), bars, ax=ax, label=None, color="black"
            )
    axes[row, 0].set_ylabel(f"{name}\nP(stay)")
for ax in axes[1]:
    ax.set_xlabel("rewarded      unrewarded")
plots.panel_letters(axes)

# %% [markdown]
# Four hand-written agents show what pure strategies look like. The incremental ones have no episodic memory, yet
# their episodic panel is not flat: the good state persists, so what was good then is a little likelier to be good now.
# That is the baseline that a trained agent's episodic index has to beat.

# %% mystnb={"image": {"alt": "Bar plots of stay probabilities for four hand-written agents in the uncued and episodic analyses. The incremental model-free agent repeats rewarded choices, the incremental model-based one shows the crossed pattern when uncued; the episodic agents show these patterns with respect to the cued trial."}, "figure": {"caption": "Signature agents (simulated). Upper row: uncued analysis; lower row: episodic analysis.", "name": "fig-ritter-signatures"}}
fig, axes = plt.subplots(2, 4, figsize=(11, 4.8), sharey=True)
for column, (agent, tables) in enumerate(signatures.items()):
    for row, analysis in enumerate((0, 2)):
        draw_stay(axes[row, column], tables[analysis])
    name = agent.replace("_mf", ",\nmodel-free").replace("_mb", ",\nmodel-based")
    axes[0, column].set_title(name, fontsize="small")
    axes[1, column].set_xlabel("rewarded  unrewarded")
axes[0, 0].set_ylabel("uncued\nP(stay)")
axes[1, 0].set_ylabel("past trial\nP(stay)")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
UNCUED, INCREMENTAL, EPISODIC = range(3)


episodic = memory["mb_index"][:, EPISODIC], control["mb_index"][:, EPISODIC]
chapter.judge(
    {
        "S4-1": memory["mb_index"][:, UNCUED],
        "S4-2": episodic[0],
        "S4-3": episodic[0] - episodic[1],
        "S4-4": memory["reward_by_half"][:, 1] - control["reward_by_half"][:, 1],
        "S4-5": memory["mb_index"][:, INCREMENTAL],
        "S4-6": episodic[1],
        "S4-7": stats.exact(
            two_step.mb_index(signatures["incremental_mb"][EPISODIC])
        ),
        "S4-8": stats.exact(two_step.mb_index(signatures["episodic_mb"][EPISODIC])),
    }
)

# %% [markdown]
# One published bar is missed by far, and instructively. In the cued half our agents with memory hardly care about the
# previous trial: the cue tells them the outcome, so nothing else is worth following. The published agents show a clear
# incremental pattern there as well. The agents *without* memory show the same pattern (lower row, middle).
#
# ## Exercises
#
# ```{exercise} A fickle world
# :label: ritter-fickle
# What happens to the episodic index of the agent *without* memory when the good state changes before every second
# trial on average?
# ```
#
# ````{solution} ritter-fickle
# :class: dropdown
# `papermill book/ritter2018/s4_two_step.ipynb out.ipynb -p p_switch 0.5`. The past then says nothing about the present, and
# the baseline index falls to zero. The agent with memory keeps its index: the cued trial fixes its own outcome.
# ````
#
# ```{exercise} Storing too early
# :label: ritter-early
# Why is the state of a trial stored one step later?
# ```
#
# ````{solution} ritter-early
# :class: dropdown
# At the moment of choice the state does not contain the outcome. A memory of that state can tell what was chosen, but
# not whether it paid; the episodic pattern all but vanishes.
# ````
#
# ## Where this differs from the paper
#
# Transition and switch probabilities are those of a public replication. Every uncued trial is cued exactly once, in
# random order (ours): cues from the same quarter of an episode would let an incremental learner profit. The fast
# mode has 30 + 30 trials instead of 50 + 50. The published bars are from the companion paper.

# %%
chapter.footer(memory, control)

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
