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
# # What do the agents believe?
#
# Zhang, Pitkow & Angelaki (2024), figure 2 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** An agent that lost sight of its target can rely on what it sees of its own motion, or on what it meant to do. More noise in either betrays
# which: it hurts where the agent relies on it. Filters that were told of different noises are the yardstick, and the four agents are laid along it.

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
n_seeds: int = None  # agents of each architecture; None: the mode's number
n_trials: int = None  # test trials per agent and noise; None: the mode's number
sweep: bool = None  # also agents of other training noises; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.parameters import unless_full
from mempaper.zhang2024 import (
    belief,
    comparisons,
    figures,
    grids,
    groups,
    published,
    sweep_figures,
    sweeps,
    task_drawings,
    trial_sets,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig2_belief", globals(), Pool, "n_trials", own=("sweep",)
)
sweep = unless_full(sweep, mode, "sweep")

# %% [markdown]
# ## The idea
#
# There are two ways to know one's own velocity: predict it from the last movement of the joystick, or observe it. Both are noisy. The world adds process noise to the
# movement, with standard deviation $\sigma_a$ times the gain, and observation noise with $\sigma_o$ times the gain. A Kalman filter weighs them,
#
# $$
# \hat v_t = G a_{t-1} + K \, (o_t - G a_{t-1}), \qquad K = \frac{\sigma_a^2}{\sigma_a^2 + \sigma_o^2} ,
# $$
#
# and adds up positions from there {footcite:p}`zhang2024inductive`. The smallest such filter has two numbers, a position and a velocity, and does two steps:

# %%
print(inspect.getsource(belief.toy_filter).split('"""')[2])
toys = {
    "prediction": belief.toy_filter(1.5, 1e5, -3, 3),
    "observation": belief.toy_filter(1e5, 1, -3, 3),
    "both": belief.toy_filter(1.5, 1, -3, 3),
}
for name, toy in toys.items():
    mean, sd = toy.mean[0], np.sqrt(toy.covariance[0, 0])
    print(f"{name}: position {mean:.4f}, standard deviation {sd:.4f}")

# %% [markdown]
# What an agent with recurrent networks believes is not written anywhere. But it can be asked. Test it in noisier worlds than the one it knows and look at what it
# suffers from: if it observes, observation noise will ruin its steering and process noise will not, since the agent sees what its movements became. If it
# predicts, it is the other way round.
#
# ## The experiment
#
# How well an agent steers is measured as the area under its ROC curve (AUC): how much closer to its own target than to another trial's it stops. A grid has five values of either
# noise, beginning with those of the training, and the same targets and random numbers in all of its 25 cells.

# %%
base = chapter.experiment
print(inspect.getsource(grids.noise_grid).split('"""')[2])

# %% [markdown]
# The yardsticks are EKF agents of two kinds. Their filters were told of the noises in their training, and go on assuming these when the world becomes noisier. One kind knew more process than
# observation noise ($\sigma_a = .2$, $\sigma_o = .1$, as all agents here), so it observes. The *alternative* one knew the opposite and predicts. A yardstick is the mean grid of its seeds.
#
# Two more agents are asked what training noise does: a modular one that was trained in the alternative noise, and a holistic one with still more process noise. A third, holistic one was trained ten
# times as long.

# %%
agents = groups.trained({**groups.filters(base), **groups.main(base)})
others = {}
if sweep:
    others = groups.trained(
        {
            "mod .1/.2": [base.member(groups.MOD, 0, groups.ALTERNATIVE_NOISE)],
            "hol .4/.1": [base.member(groups.HOL, 0, groups.LARGER_DIFFERENCE)],
            **groups.longer(base),
        }
    )
trials = trial_sets.gain_set(1, base.n_trials)
grid = {name: sweeps.noise_grids(group, trials) for name, group in agents.items()}
for name, group in others.items():
    start = groups.DEFAULT_NOISE if name == "hol .4/.1" else None
    grid[name] = sweeps.noise_grids(group, trials, start)

# %% [markdown]
# A filter believes; what becomes of the belief is up to the network behind it. As a control of our own, the same two filters are steered by a rule that learns nothing: turn towards the
# believed target, go there, stop when near.

# %%
print(inspect.getsource(sweeps.Rule.forward).split('"""')[2])
rule = sweeps.rule_agent()
for name, noise in (
    ("rule", groups.DEFAULT_NOISE),
    ("rule alternative", groups.ALTERNATIVE_NOISE),
):
    grid[name] = grids.noise_grid(rule, *noise, trial_set=trials)[None]
of_seeds = {name: values.mean(0) for name, values in grid.items()}
drops = {name: grids.drop(values) for name, values in of_seeds.items()}
ratio = {name: float(grids.drop_ratio(values)) for name, values in of_seeds.items()}

# %% [markdown]
# ## The figures
#
# The belief that a filter forms of two sources lies between what either would say alone, closer to the better one, and is sharper than both.

# %% mystnb={"image": {"alt": "Three bell curves over position: prediction on the left, observation on the right and narrower, and between them, nearer to observation, the narrowest one, of both together."}, "figure": {"caption": "The toy filter's belief about its position after two steps, with the movement -3 and the observation 3: by prediction alone, by observation alone, and by both. Open markers: published means, at the height of the published standard deviations.", "name": "fig-zhang-toy-filter"}}
in_paper = {"prediction": (-3, 1.5), "observation": (3, 1), "both": (1.1538, 0.832)}
fig, ax = plt.subplots(figsize=(7, 3.4))
ax = task_drawings.draw_toy_filter(ax=ax)
for mean, sd in in_paper.values():
    plots.published_points([mean], [norm.pdf(0) / sd], ax=ax, label=None)

# %% [markdown]
# Now the grids. Follow the left column upwards (more observation noise) and the lowest row to the right (more process noise): where does an agent lose more? The two EKF
# agents show what the answers look like.

# %% mystnb={"image": {"alt": "Twelve heat maps of five by five cells, ours above and published below, for the EKF agent, the alternative EKF agent and the four agents with networks. In the EKF agent values fall upwards, in the alternative one to the right; the holistic agent falls more to the right, the modular one in both directions."}, "figure": {"caption": "Change of AUC when process noise (to the right) or observation noise (upwards) is added to that of the training; means over seeds. A to F: measured here. G to L: the paper's numbers.", "name": "fig-zhang-noise-grids"}}
names = ("EKF", "EKF alternative", "hol", "moho", "homo", "mod")
printed = {
    name: published.table(
        "2b" if "EKF" in name else "2c", "auc_drop", sweeps.PUBLISHED[name]
    ).values
    for name in names
}
shown = [drops[name] for name in names]
scale = sweep_figures.limits(*shown, *printed.values())
fig, axes = plt.subplots(2, 6, figsize=(17, 6), sharex=True, sharey=True)
for column, name in zip(axes.T, names, strict=True):
    title = figures.LABELS[name]
    for ax, table in zip(column, (drops[name], printed[name]), strict=True):
        sweep_figures.draw_map(
            table, "added noise", ax=ax, limits=scale, title=title
        )
        ax.label_outer()
for ax in axes[1]:
    ax.set_title(f"{ax.get_title()}, published", fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# Is an agent's grid like that of the agent that observes, or like that of the one that predicts? Correlations over the 25 cells say it in one number each, and a bootstrap
# over cells gives them an interval.

# %%
compared = (*groups.MAIN, "mod .1/.2", "hol .4/.1", "hol longer")
for name, (panel, agent) in {
    "mod .1/.2": ("S2b", "modular_alternative"),
    "hol .4/.1": ("S2c", "holistic_larger_sigma_difference"),
    "hol longer": ("S2e", "holistic_longer_training"),
}.items():
    printed[name] = published.table(panel, "auc_drop", agent).values
nothing = np.full((5, 5), np.nan)
tables = {name: of_seeds.get(name, nothing) for name in compared}
boxes, shuffled, in_print, single = {}, {}, {}, {}
for yardstick in ("EKF", "EKF alternative", "rule", "rule alternative"):
    ours = of_seeds[yardstick]
    theirs = printed[yardstick.replace("rule", "EKF")]
    boxes[yardstick] = sweeps.likenesses(tables, ours)
    shuffled[yardstick] = sweeps.likenesses(tables, ours, shuffle=True)
    only = {name: printed[name] for name in compared}
    in_print[yardstick] = sweeps.likenesses(only, theirs)
    single[yardstick] = {
        name: [sweeps.correlation(one, ours) for one in grid.get(name, ())]
        for name in compared
    }

# %% [markdown]
# Compare A with B in each column, and C with D. The lower row has the rule's two grids as yardsticks, of the same two filters.

# %% mystnb={"image": {"alt": "Four panels with a box for each of the four agents, for the modular agent trained in the alternative noise, and for the holistic one trained with more process noise. A: correlation with the EKF agent's grid. B: with the alternative EKF agent's. C and D: with the grids of the rule. Small points are seeds, open markers published values."}, "figure": {"caption": "Correlation over 25 cells between an agent's grid and that of the EKF agent (A), which observes, of the alternative EKF agent (B), which predicts, and of the rule with the same filters (C, D). Lines: of the mean grids; boxes: their 95 % bootstrap intervals; grey boxes: with shuffled cells; points: single seeds; open markers with bars: from the paper's numbers, with their intervals, in both rows with its EKF agents. On the right agents that were trained in other noises, and longer.", "name": "fig-zhang-likeness"}}
colours = {**figures.COLOURS, "mod .1/.2": figures.COLOURS["mod"]}
colours |= dict.fromkeys(("hol .4/.1", "hol longer"), figures.COLOURS["hol"])
fig, axes = plt.subplots(2, 2, figsize=(12, 7.6), sharex=True, sharey=True)
for ax, yardstick in zip(axes.flat, boxes, strict=True):
    sweep_figures.draw_correlations(
        boxes[yardstick],
        ax=ax,
        published=in_print[yardstick],
        shuffled=shuffled[yardstick],
        seeds=single[yardstick],
        colours=colours,
    )
    ax.set(title=f"with the {figures.LABELS.get(yardstick, yardstick)}")
    ax.label_outer()
plots.panel_letters(axes)

# %% [markdown]
# The shape of a grid in one number is a ratio: what the most observation noise costs over what the most process noise costs. Here the rule stands beside the networks, and says what
# the two filters are capable of.

# %% mystnb={"image": {"alt": "Ratios of drops on a logarithmic axis for the EKF agent, the rule with the same filter, the alternative EKF agent, the rule with the alternative filter, and the four agents. The rule with the first filter lies highest, both alternative ones lowest, the others in between."}, "figure": {"caption": "Drop of AUC by most observation noise over drop by most process noise. Points: single seeds; lines: of the mean grids; open markers: from the paper's numbers. Above 1 an agent suffers more from observation noise. The rules are not in the paper.", "name": "fig-zhang-drop-ratio"}}
fig, ax = plt.subplots(figsize=(10, 3.8))
order = ("EKF", "rule", "EKF alternative", "rule alternative", *groups.MAIN)
for k, name in enumerate(order):
    colour = figures.COLOURS.get(name, "black")
    ax.plot([k - 0.25, k + 0.25], [ratio[name]] * 2, color=colour, lw=2.5)
    if len(grid[name]) > 1:
        each = grids.drop_ratio(grid[name])
        ax.plot(np.full(len(each), k), each, **sweep_figures.SEEDS)
    if name in printed:
        theirs = float(grids.drop_ratio(printed[name]))
        plots.published_points([k + 0.35], [theirs], ax=ax, label=None)
plots.chance_line(1, ax=ax)
labels = [figures.SHORT.get(name, name.replace(" ", "\n")) for name in order]
ax.set_xticks(range(len(order)), labels, fontsize="small")
ax.set_ylabel("ratio of drops")
ax.set_yscale("symlog" if min(ratio.values()) <= 0 else "log")

# %% [markdown]
# Training noise moves agents along this yardstick. Below are the grids themselves. Trained with more observation than process noise, the modular agent loses by process noise (A); trained with much more
# process noise, the holistic agent loses by observation noise (B). So it should after a ten times longer training (C).

# %% mystnb={"image": {"alt": "A to C above, published maps D to F below: the modular agent trained in the alternative noise, the holistic agent trained with more process noise, and the holistic agent after a longer training."}, "figure": {"caption": "Other trainings. A to C: change of AUC with added noise, of the modular agent trained at .1/.2, of the holistic agent trained at .4/.1 and tested from .2/.1 on, and of the holistic agent after ten times the training. D to F: the paper's numbers.", "name": "fig-zhang-other-training"}}
maps = {
    "mod .1/.2": ("S2b", "modular_alternative", "modular, trained at .1/.2"),
    "hol .4/.1": (
        "S2c",
        "holistic_larger_sigma_difference",
        "hol., trained at .4/.1",
    ),
    "hol longer": ("S2e", "holistic_longer_training", "holistic, longer training"),
}
more = {
    name: published.table(panel, "auc_drop", agent).values
    for name, (panel, agent, _) in maps.items()
}
fig, axes = plt.subplots(2, 3, figsize=(11, 6.2))
here = {"limits": sweep_figures.limits(*map(drops.get, maps), *more.values())}
for name, upper, lower in zip(maps, *axes, strict=True):
    title = maps[name][2]
    kind = "added noise"
    sweep_figures.draw_map(drops.get(name), kind, ax=upper, title=title, **here)
    title = f"{title}, published"
    sweep_figures.draw_map(more[name], kind, ax=lower, title=title, **here)
plots.panel_letters([*axes[0], *axes[1]])

# %% [markdown]
# To ignore observations has its good side. Where these become useless, the agent that never looked is better off.

# %% mystnb={"image": {"alt": "A and B: heat maps of AUC of the holistic and the modular agent; C and D: the published ones. E: AUC of single seeds of both agents with much observation noise."}, "figure": {"caption": "AUC itself. A, B: of the holistic and the modular agent, means over seeds. C, D: the paper's numbers. E: single seeds, in the upper left cell, where observation noise is nine times that of the training; bars: means; open markers: published means.", "name": "fig-zhang-noisy-observation"}}
fig, axes = plt.subplots(1, 5, figsize=(17, 3.6), width_ratios=(1, 1, 1, 1, 0.8))
tables = [of_seeds["hol"], of_seeds["mod"]]
tables += [
    published.table("S2g", "auc", "holistic").values,
    published.table("S2h", "auc", "modular").values,
]
titles = ("holistic", "modular", "holistic, published", "modular, published")
scale = sweep_figures.limits(*tables)
for ax, table, title in zip(axes, tables, titles, strict=False):
    sweep_figures.draw_map(table, "added noise", ax=ax, limits=scale, title=title)
noisy = {name: grid[name][:, -1, 0] for name in ("hol", "mod")}
in_print = dict(zip(noisy, (tables[2][-1, 0], tables[3][-1, 0]), strict=True))
figures.draw_seeds(noisy, ax=axes[4], published=in_print)
low, high = sweep_figures.limits(*noisy.values(), np.array(list(in_print.values())))
axes[4].set(ylim=(low - 0.05, high + 0.02), ylabel="AUC", title=r"$\sigma_o$ = .9")
plots.panel_letters(axes)

# %% [markdown]
# The paper compares the seeds of E with a rank test. So do we.

# %%
if base.n_seeds > 1:
    test = comparisons.mann_whitney(noisy["hol"], noisy["mod"])
    print(
        f"Mann-Whitney, holistic against modular: U = {test.u:g}, p = {test.p:.4f}"
    )

# %% [markdown]
# ## Claims

# %%
n = base.n_seeds


def leaning(name: str) -> float:
    """Correlation with the grid that observes minus that with the one that predicts."""
    return sweeps.correlation(of_seeds[name], of_seeds["EKF"]) - sweeps.correlation(
        of_seeds[name], of_seeds["EKF alternative"]
    )


def smaller_step(groups: dict) -> float:
    """Smaller gap in the ratio of mean grids: the higher holistic one < homo < mod."""
    found = {k: grids.drop_ratio(values.mean(0)) for k, values in groups.items()}
    high = max(found["hol"], found["moho"])
    return stats.smallest_gap(high, found["homo"], found["mod"])


measured = {
    "Z2.1-mean": stats.exact(toys["both"].mean[0]),
    "Z2.1-sd": stats.exact(np.sqrt(toys["both"].covariance[0, 0])),
    "Z2.2-obs": stats.exact(ratio["EKF"], len(grid["EKF"])),
    "Z2.2-pred": stats.exact(ratio["EKF alternative"], len(grid["EKF"])),
    "Z2.3-order": stats.resampled(smaller_step, {k: grid[k] for k in groups.MAIN}),
    "Z2.5": None,
    "Z2.6": None,
    "Z2.7": None,
    "Z2.8": noisy["hol"] - noisy["mod"],
    "Z2.9-order": grid["hol"][:, 0, 0] - grid["mod"][:, 0, 0],
}
for name in ("hol", "moho", "mod"):
    measured[f"Z2.3-{name}"] = stats.exact(ratio[name], n)
    measured[f"Z2.4-{name}"] = stats.exact(leaning(name), n)
for name in ("hol", "mod"):
    measured[f"Z2.9-{name}"] = stats.exact(of_seeds[name][0, 0], n)
if others:
    measured["Z2.5"] = stats.exact(leaning("mod .1/.2"))
    larger, longer, usual = (
        sweeps.correlation(of_seeds[name], of_seeds["EKF"])
        for name in ("hol .4/.1", "hol longer", "hol")
    )
    measured["Z2.6"] = stats.exact(larger - usual)
    measured["Z2.7"] = stats.exact(longer - usual)
chapter.judge(measured)

# %% [markdown]
# Read the claims together with the ratios and with the lower row of the correlations. A filter's weights decide what it suffers from: steered by a rule, both filters have ratios like the published
# ones. Networks have to make something of the belief, and the EKF agent of the fast mode, which is small and was trained for a short time, does it less well: process noise throws it off course, its
# belief notices, and its network has not learnt to correct such paths. So the agent looks less like an observer than its filter does, its grid less unlike the others, and claims that take it as
# yardstick fail or say little. With the rule as yardstick the order of the four agents is the paper's, and the holistic agent that was trained with much process noise is an observer.
# So is the one that was trained longer. Its map is close to the published one, cell by cell: what the claim asks for is there, but not with the EKF agent as yardstick, which every small holistic agent
# resembles from the start.
#
# What remains is that the small agents lean less to either side. Reward hardly presses them to: in the noise of their training either source is good enough to stop within the reward zone. That the
# holistic agent is the better one in trained noise and where observations become useless shows in small differences.
#
# ## Exercises
#
# ```{exercise} A ratio in two numbers
# :label: zh-ratio-of-drops
# A filter assumes $\sigma_a = .2$ and $\sigma_o = .1$. Which weight $K$ does it give to the observation of a velocity, and which one in the alternative case? How much does the variance of the
# believed velocity grow when $.8$ is added to one of the noises?
# ```
#
# ````{solution} zh-ratio-of-drops
# :class: dropdown
# $K$ is 0.8, and 0.2. The error of the belief is $(1-K)$ times the process noise minus $K$ times the observation noise. In the first filter its variance grows from
# $.04 \cdot .04 + .64 \cdot .01 = .008$ to $.04 \cdot 1 + .64 \cdot .01 = .046$ with process noise, and to $.04 \cdot .04 + .64 \cdot .81 = .52$ with observation noise. So the grid is far
# steeper in one direction than in the other. AUC is not linear in this variance, and process noise moves the body too.
# ````
#
# ```{exercise} What if the filter noticed?
# :label: zh-told-filter
# The EKF agents go on assuming the noises of their training. How would the two grids look if their filters were told the true noises of each cell?
# ```
#
# ````{solution} zh-told-filter
# :class: dropdown
# Like one another, but for what the two actors have learnt: both filters would weigh the sources in the same way. The grid would tell how hard a cell is, and nothing about beliefs. In
# the code: `agent.assumed_noise` stays `None`, so that a filter is told the noises of the trial; the function `assuming` of this chapter sets it for a while.
# ````
#
# ```{exercise} More noise still
# :label: zh-larger-steps
# Are the correlations robust against the choice of the grid? Try steps of .1.
# ```
#
# ````{solution} zh-larger-steps
# :class: dropdown
# `grids.noise_grid(agent, added=(0, .1, .2, .3, .4))`. Where nothing is hard, all cells are alike, and a correlation over them is mostly noise. The steps must be
# large enough to hurt.
# ````
#
# ## Where this differs from the original
#
# - In fast mode the agents are small and were trained by the quick recipe: see {ref}`zh-fast-recipe`. Their training ends with the last weights; the original takes the best of twenty
#   checkpoints at the trained gain, as the full mode does.
# - All cells of a grid, and all agents, share targets and random numbers. In the original noise is drawn trial by trial, so that it depends on how long an agent's trials last.
# - There are three EKF agents of each kind, and one agent of each further training noise. The paper has more seeds of these.
# - The points of single seeds, and the intervals of the published correlations, are ours: the latter are computed from the numbers printed in the paper's heat maps. A bootstrap over cells takes
#   these for independent, which they are not.
# - Ten times the training are ten times the rounds of the fast recipe, and a hundred thousand trials in full mode.
# - Full mode trains the agents of other noises and the longer training only if you ask for it, with `sweep=True`.

# %%
every = [*agents.values(), *others.values()]
chapter.footer(*(agent for group in every for agent in group))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
