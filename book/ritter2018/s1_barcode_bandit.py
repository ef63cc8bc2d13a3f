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
# # The barcode bandit: exploring once is enough
#
# Ritter et al. (2018), episodic bandits · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Bandits that come back under the same barcode. An agent with memory pulls the best arm
# from the first pull on when it meets a bandit again; one without has to find it anew each time. And what
# the reinstatement gate adds.

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
mode: str = "fast"  # smoke (seconds, not judged) | fast (4 arms) | full (10 arms, as in the paper)
seed: int = 0  # of the first network; the others follow it
n_seeds: int = None  # how many networks; None takes the mode's number
n_arms: int = None  # arms; None takes the mode's number
n_contexts: int = None  # contexts per epoch; None takes the mode's number
n_epochs: int = None  # training epochs; None takes the mode's number
p_best: float = 0.9  # chance that the best arm pays

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.ritter2018 import recurring_memory, recurring_training
from mempaper.ritter2018.bandit import bayes_bandit
from mempaper.ritter2018.recurring import BarcodeBandit

chapter = Chapter(
    "ritter2018/s1_barcode_bandit",
    globals(),
    BarcodeBandit,
    "n_arms",
    "n_contexts",
    "n_epochs",
    "p_best",
)

# %% [markdown]
# ## The idea
#
# An epoch draws a few contexts, the barcodes, and pairs each with an arm that pays well
# {footcite:p}`ritter2018been`. Every context comes up several times, in random order, for a short episode of
# pulls. Within an episode the agent must explore; across episodes it could know. The input is the barcode, the
# last action and the last reward; the LSTM starts each episode afresh; at the episode's end its cell state
# goes into memory under the barcode.
#
# What is the best an agent without memory can do? Start each episode with a flat belief over which arm is the
# best, and after each pull apply Bayes' rule: a win multiplies the odds of that arm by
# $p_\text{best}/p_\text{other}$, a loss by $(1-p_\text{best})/(1-p_\text{other})$. With a perfect
# memory the belief is kept for the next encounter. Both lines are simulated below.
#
# One detail matters. On a **first** encounter a nearest-neighbour search returns the state of some *other*
# context, whose best arm is surely wrong here. The agents below therefore read an exact match only, and zeros
# where the context is new; the plain search is shown beside it. All searches of an epoch, made ahead:

# %%
print(inspect.getsource(recurring_memory.search))
print(inspect.getsource(recurring_training.roll_out))

# %% [markdown]
# ## The experiment
#
# Four agents see the same bandits: the paper's gate; reinstatement without a gate; the recalled state as a
# further input instead; no memory. A fifth uses the plain search. The comparison of the
# first four is ours.

# %%
base = chapter.experiment
variants = ("gate", "nogate", "input", "none")
runs = {variant: base.replace(variant=variant).result() for variant in variants}
nearest = base.replace(miss="nearest").result()
bayes = bayes_bandit(
    np.random.default_rng(base.seed),
    n_arms=base.n_arms,
    n_pulls=base.n_pulls,
    n_encounters=base.n_repetitions,
    p_best=base.p_best,
    p_other=base.p_other,
)
p_best_arm = {
    variant: run["p_best"] for variant, run in runs.items()
}  # (network, encounter, pull)
by_encounter = {variant: p.mean(2) for variant, p in p_best_arm.items()}

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Four panels. A: probability of the best arm against pull; with memory the second and last encounters start high, the first encounter and the agent without memory start at chance and rise along the Bayes line. B: mean probability against encounter number; rising with memory, flat without. C: regret per episode, falling with memory, flat without. D: mean over later encounters for four variants, gate highest, none lowest."}, "figure": {"caption": "The barcode bandit. A: probability of the best arm by pull, with memory (blue, for the first, second and last encounter) and without (grey); dashed: Bayes-optimal agents without and with episodic memory. B: mean over pulls by encounter. C: regret. D: four ways to use what is recalled, one point per network. Bands and bars: 95 % confidence intervals over networks.", "name": "fig-ritter-bandit"}}
pulls = np.arange(1, base.n_pulls + 1)
encounters = np.arange(1, base.n_repetitions + 1)
fig, axes = plt.subplots(2, 2, figsize=(10, 7))
ax = axes[0, 0]
for encounter, alpha in ((0, 0.4), (1, 0.7), (base.n_repetitions - 1, 1.0)):
    label = f"memory, encounter {encounter + 1}"
    plots.mean_band(
        pulls,
        p_best_arm["gate"][:, encounter],
        ax=ax,
        color=plots.BLUE,
        alpha=alpha,
        label=label,
    )
plots.mean_band(
    pulls, p_best_arm["none"].mean(1), ax=ax, color=plots.GREY, label="no memory"
)
ax.plot(
    pulls,
    bayes.without_memory[0],
    "--",
    color="black",
    lw=1,
    label="Bayes, one episode",
)
ax.plot(
    pulls,
    bayes.with_memory[1],
    "--",
    color=plots.BLUE,
    lw=1,
    label="Bayes, encounter 2",
)
plots.chance_line(1 / base.n_arms, ax=ax)
ax.set(xlabel="pull", ylabel="P(best arm)", ylim=(0, 1.03))
ax.legend(fontsize="x-small", loc="lower right")

ax = axes[0, 1]
plots.mean_band(
    encounters,
    by_encounter["gate"],
    ax=ax,
    color=plots.BLUE,
    label="memory, exact match",
)
plots.mean_band(
    encounters,
    nearest["p_best"].mean(2),
    ax=ax,
    color=plots.SKY,
    label="memory, nearest",
)
plots.mean_band(
    encounters, by_encounter["none"], ax=ax, color=plots.GREY, label="no memory"
)
ax.plot(
    encounters,
    bayes.with_memory.mean(1),
    "--",
    color=plots.BLUE,
    lw=1,
    label="Bayes with memory",
)
ax.plot(
    encounters,
    bayes.without_memory.mean(1),
    "--",
    color="black",
    lw=1,
    label="Bayes without",
)
ax.set(xlabel="encounter", ylabel="P(best arm)", ylim=(0, 1.03))
ax.legend(fontsize="x-small", loc="lower right")

ax = axes[1, 0]
for variant, colour in (("gate", plots.BLUE), ("none", plots.GREY)):
    plots.mean_band(
        encounters, runs[variant]["regret"], ax=ax, color=colour, label=variant
    )
ax.set(xlabel="encounter", ylabel="regret per episode", ylim=(0, None))

ax = axes[1, 1]
later = {variant: values[:, 1:].mean(1) for variant, values in by_encounter.items()}
for position, variant in enumerate(variants):
    mean, half = stats.mean_interval(later[variant])
    jitter = position + np.linspace(-0.15, 0.15, len(later[variant]))
    ax.plot(jitter, later[variant], "o", color=plots.PURPLE, alpha=0.5)
    ax.errorbar(position, mean, half, marker="_", ms=18, color="black", capsize=4)
ax.set_xticks(range(4), variants)
ax.set(ylabel="P(best arm), encounters 2 on")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
chance = 1 / base.n_arms
first_pull = {variant: p[:, :, 0] for variant, p in p_best_arm.items()}


flat = by_encounter["none"].mean(0)
chapter.judge(
    {
        "S1-1": first_pull["gate"][:, 0] - chance,
        "S1-2": first_pull["none"][:, 0] - chance,
        "S1-3": first_pull["gate"][:, 1],
        "S1-4": first_pull["gate"][:, -1],
        "S1-5": stats.exact(
            np.abs(first_pull["none"].mean(0) - chance).max(), base.n_seeds
        ),
        "S1-6": p_best_arm["none"][:, 0, -1] - bayes.without_memory[:, -1].mean(),
        "S1-7": stats.slopes(encounters, by_encounter["gate"]),
        "S1-8": stats.exact(flat.max() - flat.min(), base.n_seeds),
        "S1-9": by_encounter["gate"][:, 0] - by_encounter["none"][:, 0],
        "S1-10": by_encounter["gate"][:, -1],
        "S1-11": by_encounter["none"].mean(1) - bayes.without_memory.mean(),
        "S1c-1": later["gate"] - later["nogate"],
        "S1c-2": later["gate"] - later["input"],
        "S1c-3": np.minimum(later["nogate"], later["input"]) - later["none"],
    }
)

# %% [markdown]
# Look at the first encounter in panel B: the agent with memory explores a little *less* well than the
# one without. It has learned that exploring pays only once.
#
# ## Exercises
#
# ```{exercise} A more reliable bandit
# :label: ritter-reliable
# What should happen to the difference between the two agents when the best arm pays with probability .99?
# ```
#
# ````{solution} ritter-reliable
# :class: dropdown
# `papermill book/ritter2018/s1_barcode_bandit.ipynb out.ipynb -p p_best 0.99`. One win then settles the matter, so
# within an episode both agents are quicker and the plain one's mean rises. The first pull of a later
# encounter still separates them completely.
# ````
#
# ```{exercise} The nearest stranger
# :label: ritter-stranger
# Why does the plain nearest-neighbour search lie *below* chance at the first pull of a first encounter?
# ```
#
# ````{solution} ritter-stranger
# :class: dropdown
# It recalls the state of another context. In a one-to-one pairing of contexts and arms, that context's best arm
# is never the best here, so the recalled preference is worse than a guess. Only in the very first episode of an epoch
# is the memory empty.
# ````
#
# ## Where this differs from the paper
#
# The paper's network size, learning rate and curves are not known to us, so its values are absent and the
# expectations come from prototypes. The fast mode has 4 arms, 4 contexts of 8 bits, and 6 encounters; the full mode has 10
# of each. Training is synchronous (A2C over many environments); the paper's is asynchronous.

# %%
chapter.footer(*runs.values(), nearest)

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
