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
# # A belief alone does not make an action
#
# Zhang, Pitkow & Angelaki (2024), figure S8 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Give a holistic agent's actor the belief of a filter that is told everything: the gain, the noise, every push. Its critic stays as it was. In worlds that none of them was
# trained in, is it as good as the modular agent, which has to find out by itself?

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
seed: int = 0  # of the first agent; the others follow it
n_seeds: int = None  # agents of each kind (holistic-EKF: three at most)
n_trials: int = None  # test trials per agent and condition; None: the mode's number
hol_ekf: bool = None  # also the holistic-EKF agent; None: not in full mode

# %%
import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.parameters import unless_full
from mempaper.zhang2024 import (
    analysis,
    diagrams,
    figures,
    groups,
    sweep_figures,
    sweeps,
    trial_sets,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig7_action", globals(), Pool, "n_trials", own=("hol_ekf",)
)
hol_ekf = unless_full(hol_ekf, mode, "hol_ekf")

# %% [markdown]
# ## The idea
#
# Modular agents generalise better. Is it since their belief is better? Then a perfect belief should make up for the lack of modules. The **holistic-EKF agent**
# {footcite:p}`zhang2024inductive` is a test of that: its actor is a network without memory on the belief of an extended Kalman filter,
#
# $$
# a_t = \pi\big(\hat x_t, \Sigma_t\big), \qquad (\hat x_t, \Sigma_t) = \text{EKF}\big(o_{1:t}, a_{0:t-1};\, G, \sigma_a, \sigma_o, \text{perturbation}\big) ,
# $$
#
# where the filter knows the true gain, both noises and every push, and no recurrent agent knows any of these. Its critic is the holistic one, an LSTM on everything, from
# which the actor has to learn.

# %% mystnb={"image": {"alt": "Noisy velocity, last action and what the filter is told lead into an extended Kalman filter; its thirteen numbers lead to the actor and on to the action. Below, observations and target lead into a recurrent critic together with the action."}, "figure": {"caption": "The holistic-EKF agent.", "name": "fig-zhang-holistic-ekf-again"}}
fig, ax = plt.subplots(figsize=(9.5, 3.8))
ax = diagrams.draw_holistic_ekf_agent(ax=ax)

# %% [markdown]
# ## The experiment
#
# There are two new worlds: gains between 3 and 4, drawn for each trial, and perturbations up to 800 cm/s and 180 deg/s at any time. In each, we ask how often agents are rewarded per second, how
# well their stops tell targets apart (AUC), and what their paths are like.

# %%
base = chapter.experiment
runs = {name: base.seeds(groups.MAIN[name]) for name in ("hol", "mod")}
if hol_ekf:
    more = base.seeds(groups.HOL_EKF, sweeps.HOL_EKF_SEEDS)
    runs = {"hol": runs["hol"], "holEKF": more, "mod": runs["mod"]}
worlds = {
    "gain": trial_sets.random_gain_set(n=base.n_trials),
    "perturbation": trial_sets.perturbation_set("wide", base.n_trials),
}
names = ("reward_rate", "auc", "curvature", "length")
agents = {label: groups.trained(runs, label) for label in worlds}
found = {
    label: sweeps.measure(agents[label], trials, *names)
    for label, trials in worlds.items()
}
easier = sweeps.measure(
    agents["gain"], trial_sets.gain_set(2, base.n_trials), *names
)

# %% [markdown]
# ## The figures
#
# In the paper the agent with the filter lies between the others (A, B, E, F, open markers), and its paths are as curved as the holistic agent's.

# %% mystnb={"image": {"alt": "Eight panels of bars with points for seeds and open published markers, for the holistic, the holistic-EKF and the modular agent. Upper row: gains of 3 to 4; lower row: large perturbations. Columns: reward rate, AUC, curvature, length of path."}, "figure": {"caption": "New worlds. A to D: gains of 3 to 4; E to H: large perturbations. From left to right: rewarded trials per second; AUC; curvature, mean over all time points of all trials; length of path. Points: seeds; bars: means; open markers: published, of agents that were trained ten times as long.", "name": "fig-zhang-action"}}
published = {  # panels S8a and S8b, read off by pixel
    "gain": {
        "reward_rate": {"hol": 0.215, "holEKF": 0.674, "mod": 1.243},
        "auc": {"hol": 0.759, "holEKF": 0.852, "mod": 0.906},
        "curvature": {"hol": 0.0200, "holEKF": 0.0214, "mod": 0.0038},
        "length": {"hol": 611, "holEKF": 402, "mod": 314},
    },
    "perturbation": {
        "reward_rate": {"hol": 0.279, "holEKF": 0.407, "mod": 0.596},
        "auc": {"hol": 0.805, "holEKF": 0.843, "mod": 0.916},
        "curvature": {"hol": 0.0202, "holEKF": 0.0121, "mod": 0.0053},
        "length": {"hol": 347, "holEKF": 335, "mod": 268},
    },
}
titles = ("reward rate (1/s)", "AUC", "curvature (1/cm)", "length of path (cm)")
fig, axes = plt.subplots(2, 4, figsize=(15, 7.2))
for row, (label, values) in zip(axes, found.items(), strict=True):
    for ax, name, title in zip(row, names, titles, strict=True):
        there = published[label][name]
        figures.draw_seeds(values[name], ax=ax, published=there)
        ax.set_ylabel(title)
        if name == "auc":
            every = np.concatenate([*values[name].values(), [*there.values()]])
            ax.set_ylim(every.min() - 0.05, every.max() + 0.03)
plots.panel_letters(axes)
if not hol_ekf:
    print("The holistic-EKF agent was not run.")

# %% [markdown]
# What does that look like? Below are the first trials of each world, the same for all agents.

# %%
N_SHOWN = 5
shown = {
    label: {
        name: analysis.paths(trials.run(group[0].agent)[:N_SHOWN])
        for name, group in agents[label].items()
    }
    for label, trials in worlds.items()
}

# %% mystnb={"image": {"alt": "Two rows of panels with coloured paths from the origin, targets with discs around them and squares where agents stop: gains of 3 to 4 above and large perturbations below; a column for each kind of agent."}, "figure": {"caption": "Paths of the first seed of each kind of agent at gains of 3 to 4 (upper row) and under large perturbations (lower row). Colours are trials; discs: where stopping is rewarded; squares: where the agent stopped.", "name": "fig-zhang-action-paths"}}
fig, axes = plt.subplots(
    2, len(runs), figsize=(4.4 * len(runs), 7), sharex="row", sharey="row"
)
for row, of_agents in zip(axes, shown.values(), strict=True):
    for ax, (name, path) in zip(row, of_agents.items(), strict=True):
        sweep_figures.draw_paths(path, ax=ax)
        ax.set_title(figures.LABELS[name])
    for ax in row[1:]:
        ax.set_ylabel("")
plots.panel_letters(axes)

# %% [markdown]
# At gains of 3 to 4 the small agents of the fast mode are near the end of what they can do. Here are the same numbers at a gain of 2, for which nothing is claimed.

# %%
for name in names:
    row = ", ".join(f"{k} {v.mean():.3g}" for k, v in easier[name].items())
    print(f"{name} at gain 2: {row}")

# %% [markdown]
# ## Claims

# %%


def in_order(groups: dict) -> float:
    """Smaller gap of hol < holEKF < mod, of means over seeds."""
    mean = sweeps.means(groups)
    return stats.smallest_gap(mean["hol"], mean["holEKF"], mean["mod"])


def longer(groups: dict) -> float:
    """By how much the modular agent's paths are shorter than the others'."""
    mean = sweeps.means(groups)
    return min(mean["hol"], mean["holEKF"]) - mean["mod"]


n = base.n_seeds
stems = ["Z7.7-rate-", "Z7.7-auc-", "Z7.8-length-", "Z7.8-curve-"]
measured = dict.fromkeys(stem + label for stem in stems for label in worlds)
for label, values in found.items():
    rate, auc, curve, length = (values[name] for name in names)
    bend = sweeps.means(curve)
    measured[f"Z7.8-curve-{label}"] = stats.exact(bend["hol"] / bend["mod"], n)
    if hol_ekf:
        measured["Z7.7-rate-" + label] = stats.resampled(in_order, rate)
        measured["Z7.7-auc-" + label] = stats.resampled(in_order, auc)
        measured["Z7.8-length-" + label] = stats.resampled(longer, length)
chapter.judge(measured)

# %% [markdown]
# The order of the holistic and the modular agent says what {doc}`fig8_architectures` says, with the paths added. The place of the holistic-EKF agent is a matter of how it was trained. In the fast recipe
# its actor begins by descending the error of a world whose equations are known, at the trained gain, on a belief that knows them, too; what the paper shows of the limits of its critic need not
# show after that. The filter then tells it the truth in the new worlds, but its network has never met velocities or beliefs like these: it notices that it went too far, and has not learnt well what to do
# about it.
#
# ## Exercises
#
# ```{exercise} What the filter is told
# :label: zh-what-filter-is-told
# Which of the things that the filter is told could a recurrent network find out by itself in the course of a trial, and which not?
# ```
#
# ````{solution} zh-what-filter-is-told
# :class: dropdown
# The gain: by comparing the observed velocity with its last action, over some steps. A push: likewise, from the difference, if observations are good. The noises' standard deviations hardly, in a single trial of some
# twenty steps; it has to rely on those of its training.
# ````
#
# ```{exercise} Two limits
# :label: zh-two-limits
# The paper concludes that the holistic critic limits the policy even if the belief is good. Which agent would show the opposite case, a good critic and a poor belief?
# ```
#
# ````{solution} zh-two-limits
# :class: dropdown
# The holistic actor with the modular critic (Actor1Critic5), whose belief is mixed up with its action. It lies between the others in most figures: both limits count.
# ````
#
# ```{exercise} Curved or noisy?
# :label: zh-curved-or-noisy
# Curvature is computed from positions in steps of 0.1 s with process noise in them. What would the curvature of an agent be that holds the joystick still in a straight line?
# ```
#
# ````{solution} zh-curved-or-noisy
# :class: dropdown
# Not zero: noise turns the heading in each step, by a few degrees times the gain. The slower an agent moves, the larger a turn is per centimetre, so that slow steps dominate a mean over all time
# points. Run the task's `circle_plan` (see {doc}`task_and_models`) at gain 3 to see how much of the bars that is.
# ````
#
# ## Where this differs from the original
#
# - In fast mode agents are small and were trained by the quick recipe: see {ref}`zh-fast-recipe`, the holistic-EKF agent with its actor's warm start like all others. The paper's had a training of a hundred thousand
#   trials, ten times that of the full mode.
# - The original selects checkpoints by gains 1 to 4, or by three sizes of perturbations. The full mode selects by gains 1, 1.5 and 2, or by none and normal perturbations.
# - As in the original, curvature is pooled over all time points of an agent's trials here, and over trials in {doc}`fig3_behaviour`.
# - Full mode trains the holistic-EKF agent only if you ask for it, with `hol_ekf=True`.

# %%
chapter.footer(*(agent for group in agents["gain"].values() for agent in group))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
