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
# # What paths look like
#
# Zhang, Pitkow & Angelaki (2024), figure 3 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Agents that are rewarded equally often may take different ways. Those with a modular critic take straighter ones, and the modular agent is rewarded most often *per second*. In the original, a holistic critic
# also costs length, time and accuracy of values; in the agents of the fast mode it costs little of these.

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
mode: str = "fast"  # smoke (not judged) | fast | full (the paper's agents)
seed: int = 0  # of the first agent; the others follow it
n_seeds: int = None  # agents of each architecture; None takes the mode's number
n_trials: int = None  # that each agent is tested in; None takes the mode's number
monkey_data: str = None  # folder with recordings; None: monkeys are left out
hol_ekf: bool = None  # also the holistic-EKF agent; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.parameters import unless_full
from mempaper.zhang2024 import (
    analysis,
    courses,
    evaluation,
    figures,
    groups,
    monkey_trials,
    monkeys,
    sweeps,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig3_behaviour",
    globals(),
    Pool,
    "n_trials",
    own=("monkey_data", "hol_ekf"),
)
base = chapter.experiment
hol_ekf = unless_full(hol_ekf, mode, "hol_ekf")
subjects = monkeys.read_subjects(monkey_data, ["normal"]) if monkey_data else []
recorded = monkey_trials.normal_sets(subjects, base.n_trials) if subjects else {}

# %% [markdown]
# ## The idea
#
# An agent is paid per stop, but lives in time. Of $n$ trials with lengths $L_i$ steps of $\Delta t$, it gets
#
# $$
# \text{reward rate} = \frac{\#\,\text{rewarded}}{\Delta t \sum_i (L_i - 1)},
# $$
#
# so a detour costs, even if the trial ends well. Two numbers describe a path: its length, and the mean over its steps of the curvature
#
# $$
# \kappa = \frac{|x' y'' - y' x''|}{(x'^2 + y'^2)^{3/2}},
# $$
#
# the inverse of the radius of the circle that fits the path best at that place. When the agent nearly rests that radius becomes arbitrary; so the largest twentieth of each trial is left out {footcite:p}`zhang2024inductive`.

# %%
print(inspect.getsource(analysis.curvature).split('"""')[2])

# %% [markdown]
# What drives the agent to one path rather than another is its critic: the actor climbs on the critic's opinion $Q$. How good is that opinion? Over a trial it should be consistent with itself,
#
# $$
# \delta_t = r_t + \gamma\, Q_{t+1} - Q_t \approx 0 .
# $$
#
# The mean of $|\delta_t|$, the **TD error**, measures that, with noise and all: even a perfect critic cannot foresee noise.
#
# The **holistic-EKF** agent (S3c) separates the two. Its actor gets a perfect belief from a Kalman filter; its critic is the holistic one. If only the belief mattered, it should do well.
#
# ## The experiment
#
# The same agents and the same trials as in {doc}`fig1_trained`.

# %%
agents = groups.trained(groups.main(base), "gain1x")
filtered = {}
if hol_ekf:
    seeds = base.seeds(groups.HOL_EKF, sweeps.HOL_EKF_SEEDS)
    filtered = groups.trained({"holEKF": seeds}, "gain1x")
every = {**agents, **filtered}
world = agents["hol"][0].world
trials = evaluation.normal_trials(base.n_trials, world, recorded)
did = {name: evaluation.behave(group, trials) for name, group in every.items()}

# %% [markdown]
# Paths are compared in rewarded trials: those that were rewarded for all monkeys or, without recordings, for the agent at hand. As in the original, trials of all seeds are put together and outliers removed.

# %%
both = evaluation.rewarded_to_all(recorded) if recorded else None
kept = {n: one.rewarded if both is None else both for n, one in did.items()}
curved = {n: evaluation.pooled(d.curvature, kept[n]) for n, d in did.items()}
long = {n: evaluation.pooled(d.path_length, kept[n]) for n, d in did.items()}
rate, td = (
    {n: courses.table_mean(group, ["gain1x"], column) for n, group in every.items()}
    for column in ("reward_rate", "TD_error_abs")
)
for name, one in did.items():
    print(
        f"{figures.LABELS[name]}: rewarded {one.rewarded.mean():.3f}, "
        f"{one.reward_rate.mean():.3f} per s, "
        f"path {long[name].mean() if long[name].size else np.nan:.0f} cm"
    )

# %% [markdown]
# With recordings, each path is also set against the path of the first monkey in the very same trial, and so are the paths of the second monkey.

# %%
apart = {}
if recorded:
    alike = {name: did[name] for name in agents}
    apart = evaluation.differences(alike, recorded)

# %% [markdown]
# ## The figures
#
# In the course of training the reward rate goes on rising when the share of rewarded trials has long reached its ceiling: trials become shorter.

# %% mystnb={"image": {"alt": "Two panels against training trials, a line with a band for each of four kinds of agents. A: reward rate at gain 1, rising; at the end the modular agent is highest. B: absolute TD error at gain 1, falling; at the end the lines lie close together in fast mode."}, "figure": {"caption": "A (3c): rewards per second at gain 1 in the course of training. B (3d): absolute TD error at gain 1, each line from where six tenths of the trials are rewarded. Mean and 95 % confidence interval over seeds. Open markers: published; at their own trials in full mode, in fast mode only the last ones, at the right margin.", "name": "fig-zhang-behaviour-course"}}
published_trials = [500, 1500, 2000, 2500, 5000, 7500, 10_000]
nan = np.nan
published_rate = {  # panel 3c
    "hol": [0.12, 0.37, 0.42, 0.45, 0.53, nan, 0.55],
    "moho": [0.13, 0.32, 0.325, 0.38, 0.46, nan, 0.43],
    "homo": [0.08, 0.44, 0.54, 0.62, 0.68, nan, 0.705],
    "mod": [0.16, 0.55, 0.63, 0.68, 0.69, nan, 0.72],
}
published_td = {  # panel 3d
    "hol": [nan, nan, 0.37, 0.34, 0.23, 0.195, 0.16],
    "moho": [nan, 0.39, 0.38, 0.35, 0.26, 0.23, 0.235],
    "homo": [nan, 0.43, 0.37, 0.265, 0.10, 0.09, 0.07],
    "mod": [nan, 0.38, 0.25, 0.18, 0.086, 0.072, 0.07],
}
course = agents["hol"][0].trials
last = None if base.recipe == "original" else course.max()
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
figures.draw_curves(course, {n: rate[n] for n in agents}, ax=axes[0])
for name in agents:
    k = courses.learned_row(agents[name])
    figures.draw_curves(course[k:], {name: td[name][:, k:]}, ax=axes[1])
for ax, theirs in zip(axes, (published_rate, published_td), strict=True):
    figures.draw_published_course(published_trials, theirs, last=last, ax=ax)
axes[0].set(ylabel="reward rate, gain 1 (1/s)", ylim=(0, None))
axes[1].set(ylabel="absolute TD error, gain 1", ylim=(0, None))
axes[0].legend(fontsize="x-small", loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# Here are the paths themselves. Seeds differ, too (C): curvature is a matter of style that the reward leaves open.

# %% mystnb={"image": {"alt": "Three panels by kind of agent. A: violins of trial curvature; with a holistic critic they reach higher. B: violins of path length, nearly alike. C: mean curvature of each seed against its reward rate; points of one kind scatter widely in curvature, and modular ones lie at high rates."}, "figure": {"caption": "A (S3a): mean curvature of rewarded trials at gain 1. B (S3b): length of the path. Violins: trials of all seeds without outliers; white bar: mean; open markers: published. C: mean curvature of each seed against its reward rate.", "name": "fig-zhang-behaviour-paths"}}
published_curvature = {
    "hol": 0.0038,
    "moho": 0.00375,
    "homo": 0.00232,
    "mod": 0.00228,
}
published_length = {"hol": 267, "moho": 260, "homo": 221, "mod": 213}
fig, axes = plt.subplots(1, 3, figsize=(14, 4))
for ax, values, theirs in zip(
    axes, (curved, long), (published_curvature, published_length), strict=False
):
    drawn = {n: values[n] for n in agents if values[n].size}
    figures.draw_violins(drawn, ax=ax, published=theirs)
axes[0].set_ylabel("curvature (1/cm)")
axes[1].set_ylabel("length of path (cm)")
for name in agents:
    seeds = zip(did[name].curvature, did[name].rewarded, strict=True)
    of_seed = [evaluation.pooled(values, won) for values, won in seeds]
    y = [values.mean() if values.size else np.nan for values in of_seed]
    style = {"color": figures.COLOURS[name], "label": figures.LABELS[name]}
    axes[2].plot(did[name].reward_rate, y, "o", **style)
axes[2].set(xlabel="reward rate (1/s)", ylabel="mean curvature (1/cm)")
axes[2].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# Whose paths are like a monkey's? That takes recordings.

# %% mystnb={"image": {"alt": "Two panels that compare paths of agents with those of a monkey, in curvature and length. Without recordings both say that they were not attempted."}, "figure": {"caption": "A (3a): absolute difference in curvature between an agent's path and the first monkey's in the same trial. B (3b): the same for the length. Horizontal line: the same for two monkeys. Open markers: published. Without recordings nothing is drawn.", "name": "fig-zhang-behaviour-monkeys"}}
published = {  # panels 3a, 3b
    "curvature": {"hol": 0.00212, "moho": 0.00218, "homo": 0.00081, "mod": 0.00075},
    "length": {"hol": 47.3, "moho": 42.6, "homo": 25.5, "mod": 27.1},
}
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
for ax, (what, theirs) in zip(axes, published.items(), strict=True):
    if not apart:
        figures.draw_missing_monkeys(ax=ax)
        continue
    drawn = {n: v for n, v in apart[what].items() if n in agents and v.size}
    figures.draw_violins(drawn, ax=ax, published=theirs)
    ax.set_ylabel(f"difference in {what}, agent and monkey")
    if "monkey" in apart[what]:
        ax.axhline(apart[what]["monkey"].mean(), color="olive", label="two monkeys")
        ax.legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# Last, the agent with a perfect belief and a holistic critic.

# %% mystnb={"image": {"alt": "Four panels comparing the holistic-EKF agent with the modular one. A: violins of curvature. B: violins of path length. C: reward rate in the course of training. D: absolute TD error in the course of training."}, "figure": {"caption": "The holistic-EKF agent beside the modular and the holistic agent. A (S3d): curvature. B (S3e): length of the path. C (S3f): reward rate at gain 1. D (S3g): absolute TD error. Open markers: published. If the agent is left out, so are its data.", "name": "fig-zhang-behaviour-filter"}}
published_curvature |= {"holEKF": 0.00254}  # S3d
published_length |= {"holEKF": 233}  # S3e
published_rate |= {"holEKF": [0.12, 0.30, 0.32, 0.36, 0.52, 0.59, 0.55]}  # S3f
published_td |= {"holEKF": [nan, 0.42, 0.39, 0.35, 0.21, 0.18, 0.175]}  # S3g
names = [name for name in ("hol", "holEKF", "mod") if name in every]
fig, axes = plt.subplots(1, 4, figsize=(15, 3.9))
for ax, values, theirs in zip(
    axes, (curved, long), (published_curvature, published_length), strict=False
):
    drawn = {n: values[n] for n in names if values[n].size}
    figures.draw_violins(drawn, ax=ax, published=theirs)
for ax, values, theirs in zip(
    axes[2:], (rate, td), (published_rate, published_td), strict=True
):
    for name in names:
        k = courses.learned_row(every[name]) if values is td else 0
        own = every[name][0].trials[k:]
        figures.draw_curves(own, {name: values[name][:, k:]}, ax=ax)
    theirs = {name: theirs[name] for name in names}
    figures.draw_published_course(published_trials, theirs, last=last, ax=ax)
    ax.set_ylim(0, None)
axes[0].set(
    ylabel="curvature (1/cm)", title="" if filtered else "holistic-EKF left out"
)
axes[1].set_ylabel("length of path (cm)")
axes[2].set_ylabel("reward rate, gain 1 (1/s)")
axes[3].set_ylabel("absolute TD error, gain 1")
axes[2].legend(fontsize="x-small", loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims


# %%
def average(values: np.ndarray) -> float:
    """Mean of the trials of a violin, not a number where there are none."""
    return float(values.mean()) if values.size else np.nan


def rewarded(name: str) -> np.ndarray:
    """Trials that count, (seed, trial)."""
    return np.broadcast_to(kept[name], did[name].curvature.shape)


def straighter(groups: dict) -> float:
    """Mean curvature without outliers, holistic-EKF over holistic agent."""
    mean = {
        name: average(evaluation.pooled(*map(np.array, zip(*seeds, strict=True))))
        for name, seeds in groups.items()
    }
    return mean["holEKF"] / mean["hol"]


n = base.n_seeds
end_rate, end_td = (
    {
        name: float(evaluation.mean(courses.at_end(group, column)))
        for name, group in every.items()
    }
    for column in ("reward_rate", "TD_error_abs")
)
curve, length = (
    {n: average(v) for n, v in part.items()} for part in (curved, long)
)
modular = min(end_rate["homo"], end_rate["mod"])
holistic = max(end_rate["hol"], end_rate["moho"])
measured = {
    "Z3.1-gap": modular - holistic,
    "Z3.1-mod": end_rate["mod"],
    "Z3.1-hol": end_rate["hol"],
    "Z3.2": end_td["hol"] / end_td["mod"],
    "Z3.3-hol": curve["hol"] / curve["mod"],
    "Z3.3-moho": curve["moho"] / curve["homo"],
    "Z3.4": length["hol"] - length["mod"],
}
if filtered:
    measured["Z3.6-rate"] = end_rate["holEKF"] - end_rate["mod"]
    measured["Z3.6-td"] = end_td["holEKF"] / end_td["mod"]
if apart:
    ratios = [average(v["mod"]) / average(v["hol"]) for v in apart.values()]
    measured["Z3.5"] = max(ratios)
measured = {name: stats.exact(value, n) for name, value in measured.items()}
if filtered:
    bent = {k: list(zip(did[k].curvature, rewarded(k), strict=True)) for k in names}
    measured["Z3.6-curve"] = stats.resampled(straighter, bent)
left_out = ("Z3.5", "Z3.6-rate", "Z3.6-td", "Z3.6-curve")
chapter.judge({**dict.fromkeys(left_out), **measured})

# %% [markdown]
# In the fast mode, the shape of a path is the critic's: with either actor, a holistic critic makes it more curved, about as much as in the paper. And the modular agent gets the highest reward rate, near the published
# one.
#
# What the fast mode does not show is that holistic critics stay behind in the trained task. Its recipe, with a warm start and returns that look further ahead, takes all critics to about the same TD error, and the agents of holistic
# critics to higher reward rates than the original's. In rate, the actor now matters as much as the critic: the mixed agent with the modular actor is ahead of the one with the modular critic. The difference in length has the sign of the published one and is smaller. Part of
# the published difference is where agents stop, and here the holistic agent, too, stops short of the target.
#
# Read this with care. In the trained task almost every trial is rewarded, and a bent path costs a tenth of a second or two. Which of two nearly equal styles an agent ends up with varies from seed to seed.

# %% [markdown]
# ## Exercises
#
# ```{exercise} The straightest path
# :label: zh-straightest-path
# The agent starts with its heading straight ahead. A path with constant speed and constant turning is a part of a circle. What is its curvature, for a target at distance $d$ and angle $\varphi$ from straight ahead? How small can the mean curvature of an
# agent be?
# ```
#
# ````{solution} zh-straightest-path
# :class: dropdown
# The circle is tangent to the heading and passes through the target, so its radius is $d / (2 \sin\varphi)$ and $\kappa = 2 \sin\varphi / d$. For a target 280 cm away and 17° to the side that is about .002 per cm. An agent may turn at once and then go straight:
# most of its steps then have no curvature at all, and since the largest twentieth is left out, its mean can be below that of the circle.
# ````
#
# ```{exercise} Rate and share
# :label: zh-rate-and-share
# Two agents are rewarded in 98 % of their trials. One has twice the reward rate of the other. Can both be optimal?
# ```
#
# ````{solution} zh-rate-and-share
# :class: dropdown
# Not for the same discount: each step costs three hundredths of the reward. But neither was trained for the *rate*. An agent that maximises the discounted reward of a trial does not count the time that it takes from the next trial.
# ````
#
# ```{exercise} A mixed comparison
# :label: zh-mixed-comparison
# The holistic-EKF agent has a better belief than any other here. Why might its critic still err more than a modular one?
# ```
#
# ````{solution} zh-mixed-comparison
# :class: dropdown
# The filter tells the actor, not the critic. The critic has to find out from observations where the agent is, and its LSTM sees the movement that it is to judge at the same time as the past ones: what it should remember and what it
# should judge arrive by the same door. `papermill book/zhang2024/fig3_behaviour.ipynb out.ipynb -y 'hol_ekf: true'` shows this agent in every mode.
# ````
#
# ## Where this differs from the original
#
# - The agents of the fast mode are smaller and trained by another recipe: see {ref}`zh-fast-recipe`. Its returns look further ahead, which makes the TD errors of all critics alike.
# - Without recordings, curvature and length are those of the trials that were rewarded for the agent at hand, instead of the trials that were rewarded for both monkeys, which are other targets and other lengths; and 3a and 3b are not drawn. See {doc}`own_monkey`.
# - In S3g the original draws both curves from the step at which the modular agent's begins. Here each begins at its own.
# - The holistic-EKF agent is trained in full mode only if you ask for it.
# - The panel of single seeds is ours.

# %%
chapter.footer(*(agent for group in every.values() for agent in group))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
