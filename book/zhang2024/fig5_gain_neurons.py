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
# # Where the agent thinks it is
#
# Zhang, Pitkow & Angelaki (2024), figure 5 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** An agent's position can be read from its memory by a linear decoder. With a more sensitive joystick this gets harder, much harder in holistic agents
# than in modular ones; and the better it can be read, the better the agent steers.

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
n_trials: int = None  # half of the test trials per gain; None: the mode's

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.zhang2024 import comparisons, courses, decoding, figures, gain, groups
from mempaper.zhang2024 import task_drawings as drawings
from mempaper.zhang2024.groups import Pool

chapter = Chapter("zhang2024/fig5_gain_neurons", globals(), Pool, "n_trials")

# %% [markdown]
# ## The idea
#
# {doc}`fig4_gain_behaviour` has shown that agents with a modular critic steer better with a joystick that they do not know. Is this their *control*, or do they know better where they
# are? To ask, we read the position from the hidden units $h_t$ of the actor's LSTM {footcite:p}`zhang2024inductive`,
#
# $$
# (\hat x, \hat y)_t = W^\top h_t + b, \qquad \min_{W, b} \sum_t \big\lVert (x, y)_t - (\hat x, \hat y)_t \big\rVert^2 + \alpha \lVert W \rVert^2,
# $$
#
# and call the distance between $(\hat x, \hat y)$ and the true place, in trials which the decoder has not seen, the **decoding error**. Each agent has a decoder of its own for each gain.
# A large error hence does not mean that the code has changed, but that the information is not there, or not in linear form.

# %%
print(inspect.getsource(decoding.fit_ridge))

# %% [markdown]
# ## The experiment
#
# Trials at three gains for the decoders, and a larger set at gain 2 for the comparison with behaviour.

# %%
base = chapter.experiment
agents = groups.trained(groups.main(base), "gain")
beliefs = {g: gain.believe(agents, g, 2 * base.n_trials) for g in gain.GAINS}
many = gain.believe(agents, 2.0, 5 * base.n_trials)
decoding_error = {
    g: courses.by_seed(found, lambda one: one.error) for g, found in beliefs.items()
}
area = courses.by_seed(many, lambda one: one.auc)
error = courses.by_seed(many, lambda one: one.error)

# %% [markdown]
# Many units are active in some part of the arena only, as grid and place cells are, though in other patterns. If such maps stay the same when the gain changes, the agent keeps track of where it *is*; if they
# are stretched, it keeps track of what it *did*. A unit's stability is the correlation between its maps at gains 1 and 2.

# %%
print(inspect.getsource(decoding.map_correlations))


# %%
stable = courses.by_seed(agents, lambda agent: gain.stability(agent, base.n_trials))
shown = {
    name: courses.best_seed(agents[name], gain.LABELS) for name in ("hol", "mod")
}
examples = {}
for name, which in shown.items():
    units = gain.different_units(
        gain.maps(agents[name][which], base.n_trials, (1,))[0]
    )
    examples[name] = gain.maps(agents[name][which], 2 * base.n_trials, units=units)

# %% [markdown]
# Published values, read off the paper's figures or printed in its notebooks, stand beside ours as open markers.

# %%
published = {
    "decoding": {  # 5d: at gains 1, 1.5, 2, cm
        "hol": (19.5, 30.4, 42.4),
        "moho": (21.1, 33.8, 49.1),
        "homo": (11.5, 17.0, 24.1),
        "mod": (12.7, 14.3, 15.5),
    },
    "samples": {  # S5a: means of single errors without outliers, cm
        1.0: {"hol": 16.1, "moho": 17.6, "homo": 9.6, "mod": 9.3},
        1.5: {"hol": 24.7, "moho": 29.0, "homo": 13.9, "mod": 11.0},
        2.0: {"hol": 34.7, "moho": 42.1, "homo": 19.0, "mod": 12.1},
    },
    "auc": {  # 5e: decoding error, cm, and AUC
        "hol": (42.5, 0.725),
        "moho": (49.3, 0.729),
        "homo": (23.9, 0.809),
        "mod": (15.0, 0.929),
    },
}

# %% [markdown]
# ## The figures
#
# Go along a row, from gain 1 to gain 2, and look whether the coloured regions stay.

# %% mystnb={"image": {"alt": "Eighteen maps in three rows and six columns: activity of three units of a holistic agent at gains 1, 1.5 and 2, and of three units of a modular agent, over a sector of places in front of the agent, blue for negative and red for positive. Regions keep their places better in the modular agent."}, "figure": {"caption": "Activity of units in the actor's LSTM over the arena, interpolated between visited places and smoothed; one scale of colours per unit, white is zero. Dotted: where targets are. A: holistic, B: modular agent, the best seed of each kind. First row: the unit that varies most over places; below: always the one with most variation that those above it have not.", "name": "fig-zhang-gain-maps"}}
fig, axes = plt.subplots(3, 6, figsize=(12, 6.4))
for k, (name, values) in enumerate(examples.items()):
    block = axes[:, 3 * k : 3 * k + 3]
    for row, unit in zip(block, np.swapaxes(values, 0, 1), strict=True):
        gain.draw_maps(unit, row)
    for ax, g in zip(block[0], gain.GAINS, strict=True):
        ax.set_title(f"{figures.LABELS[name]}, {g:g}", fontsize="small")
plots.panel_letters(axes[0, [0, 3]])

# %% [markdown]
# What the decoder says along a trial. The end matters most: it is there that the agent thinks it has arrived.

# %% mystnb={"image": {"alt": "Four panels with paths to a target, holistic and modular agents at gains 1 and 2; true paths as lines and decoded places as circles. At gain 2 circles of the holistic agent lie further from its path than those of the modular agent."}, "figure": {"caption": "True (line) and decoded (circles) places in one trial that no decoder has seen, the same target for both agents and both gains; thin lines join what belongs together. Agents are the best seed of each kind, the trial is the one whose decoding errors at gain 2 are nearest to their means.", "name": "fig-zhang-gain-decoded"}}
fig, axes = plt.subplots(1, 4, figsize=(10, 4.4), sharex=True, sharey=True)
of_best = {g: [beliefs[g][n][k] for n, k in shown.items()] for g in (1.0, 2.0)}
trial = gain.typical_belief(of_best[2.0])
panels = [(k, name, g) for k, name in enumerate(shown) for g in (1.0, 2.0)]
for ax, (k, name, g) in zip(axes, panels, strict=True):
    one = of_best[g][k]
    true, decoded = one.decoded.true[trial], one.decoded.predicted[trial]
    ax.plot(*np.stack([true, decoded], 1).T, color=plots.GREY, lw=0.6)
    ax.plot(*true.T, color="black")
    ax.plot(*decoded.T, "o", mfc="none", color=figures.COLOURS[name])
    target = one.rollouts.trials.target[trial].cpu().numpy() * 400
    drawings.draw_target(target, ax=ax)
    title = f"{figures.LABELS[name]}\ngain {g:g}"
    ax.set_title(title, fontsize="small", loc="right")
    ax.set_xlabel("x (cm)")
    ax.set_aspect("equal")
axes[0].set_ylabel("y (cm)")
plots.panel_letters(axes)

# %% [markdown]
# Now all trials. Noise grows with the gain, and so do all errors, since nobody sees through noise. What differs is how much.

# %% mystnb={"image": {"alt": "A: decoding error against gain for four kinds of agents; all lines rise, that of the modular agent least. B: bars of the stability of units' maps, with a point for each seed. C to E: violins of single decoding errors at gains 1, 1.5 and 2."}, "figure": {"caption": "A: mean decoding error, mean and 95 % interval over seeds. B: correlation of the units' maps at gains 1 and 2, mean over units; points: seeds. C to E: errors of all steps of all trials of all seeds without outliers; bars: means. Open markers: published.", "name": "fig-zhang-gain-decoding"}}
fig, axes = plt.subplots(1, 5, figsize=(16, 3.8), width_ratios=(1.2, 1, 1, 1, 1))
for name in agents:
    values = np.stack([decoding_error[g][name] for g in gain.GAINS], 1)
    style = {"color": figures.COLOURS[name], "label": figures.LABELS[name]}
    plots.mean_band(gain.GAINS, values, ax=axes[0], marker="o", ms=4, **style)
    at = np.array(gain.GAINS) + 0.03
    style["label"] = None
    plots.published_points(at, published["decoding"][name], ax=axes[0], **style)
axes[0].set(xlabel="gain", xticks=gain.GAINS, ylabel="decoding error (cm)")
axes[0].set_ylim(0, None)
axes[0].legend(fontsize="xx-small")
known = {name: r for name, r in stable.items() if not np.isnan(r).all()}
figures.draw_seeds(known, ax=axes[1])
axes[1].set_ylabel("stability of maps (r)")
for ax, g in zip(axes[2:], gain.GAINS, strict=True):
    samples = gain.pooled(beliefs[g], lambda one: one.decoded.samples)
    samples = {n: comparisons.without_outliers(v) for n, v in samples.items()}
    figures.draw_violins(samples, ax=ax, published=published["samples"][g])
    ax.set_title(f"gain {g:g}")
top = max(ax.get_ylim()[1] for ax in axes[2:])
for ax in axes[2:]:
    ax.set_ylim(0, top)
axes[2].set_ylabel("decoding error (cm)")
for ax in axes[1:]:
    ax.tick_params(axis="x", labelsize="xx-small")
plots.panel_letters(axes)

# %% [markdown]
# Does it matter? In A, each point is an agent: its behaviour against what can be read from it. In B to E, each trial counts: was the stop a bad one because the agent took its place for
# another? The line through the origin has slope one if a stop is wrong by as much as the belief.

# %% mystnb={"image": {"alt": "A: area under the curve against decoding error at gain 2, one point per seed in four colours; points fall from the upper left, modular, to the lower right, holistic critics. B to E: for each kind of agent, distance of stops from the target against decoding error at the end, with an ellipse that leans to the right."}, "figure": {"caption": "A: AUC and decoding error of test trials at gain 2; small points: seeds, large ones: means with standard errors. Open markers: published. B to E: distance from the target and decoding error at the end of test trials, all seeds together (at most 2000 points drawn); ellipse: one standard deviation; line: slope through the origin; r: Pearson's correlation.", "name": "fig-zhang-gain-errors-belief"}}
fig, axes = plt.subplots(1, 5, figsize=(16, 3.8), width_ratios=(1.3, 1, 1, 1, 1))
for name in agents:
    colour = figures.COLOURS[name]
    x, y = error[name], area[name]
    axes[0].plot(x, y, ".", color=colour, alpha=0.6)
    bars = {"xerr": None, "yerr": None}
    if len(x) > 1:
        sem = np.std([x, y], axis=1, ddof=1) / np.sqrt(len(x))
        bars = {"xerr": sem[0], "yerr": sem[1]}
    style = {"color": colour, "ms": 8, "label": figures.LABELS[name]}
    axes[0].errorbar(x.mean(), y.mean(), **bars, fmt="o", **style)
    place = published["auc"][name]
    plots.published_points(*place, ax=axes[0], label=None, color=colour)
axes[0].set(xlabel="decoding error, gain 2 (cm)", ylabel="AUC, gain 2")
axes[0].legend(fontsize="xx-small")
ends = gain.pooled(many, lambda one: one.decoded.end_errors)
misses = gain.pooled(many, lambda one: one.distance)
for ax, name in zip(axes[1:], agents, strict=True):
    x, y = ends[name], misses[name]
    thin = slice(None, None, max(1, len(x) // 2000))
    ax.plot(x[thin], y[thin], ".", ms=1.5, alpha=0.4, color=figures.COLOURS[name])
    centre, width, height, angle = comparisons.ellipse(x, y)
    ax.add_patch(
        Ellipse(centre, width, height, angle=angle, fill=False, ec="black", lw=2)
    )
    slope = comparisons.slope_without_intercept(x, y)
    r = np.corrcoef(x, y)[0, 1]
    ax.axline((0, 0), slope=slope, color="black", lw=1, ls="--")
    top = np.quantile(x, 0.995), np.quantile(y, 0.995)
    ax.set(xlim=(0, top[0]), ylim=(0, top[1]), xlabel="decoding error, end (cm)")
    ax.set_title(
        f"{figures.LABELS[name]}\nr = {r:.2f}, slope {slope:.2f}", fontsize=9
    )
axes[1].set_ylabel("distance from target (cm)")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims


# %%
def exact(value: float) -> stats.Estimate:
    """Of means over seeds, or of all seeds together."""
    return stats.exact(value, base.n_seeds)


def correlation(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Pearson's r of pairs of parts that belong together."""
    return np.corrcoef(*(np.hstack(part) for part in zip(*pairs, strict=True)))[
        0, 1
    ]


def in_order(groups: dict[str, np.ndarray]) -> float:
    """Smaller gap of mod < homo < the lower one of the other two, of means."""
    mean = {name: values.mean() for name, values in groups.items()}
    low = min(mean["hol"], mean["moho"])
    return stats.smallest_gap(mean["mod"], mean["homo"], low)


rise = {n: decoding_error[2.0][n] - decoding_error[1.0][n] for n in agents}
of_trials = [correlation([(ends[name], misses[name])]) for name in agents]
slopes = [
    comparisons.slope_without_intercept(ends[name], misses[name]) for name in agents
]
chapter.judge(
    {
        "Z5.1-order": stats.resampled(in_order, decoding_error[2.0]),
        "Z5.1-mod": decoding_error[2.0]["mod"],
        "Z5.2-mod": rise["mod"],
        "Z5.2-hol": exact(min(rise["hol"].mean(), rise["moho"].mean())),
        "Z5.2-ratio": exact(rise["mod"].mean() / rise["hol"].mean()),
        "Z5.3-four": exact(
            correlation([(error[n].mean(), area[n].mean()) for n in agents])
        ),
        "Z5.3-seeds": exact(correlation([(error[n], area[n]) for n in agents])),
        "Z5.4-r": exact(min(of_trials)),
        "Z5.4-low": exact(min(slopes)),
        "Z5.4-high": exact(max(slopes)),
        "Z5.5": stable["mod"] - stable["hol"],
    }
)

# %% [markdown]
# The belief of these small agents comes out much as the paper's. With a holistic critic the position fades at the new gain, with a modular one it hardly does, and the order of the agents in
# decoding is their order in steering. Also within an agent, trial by trial, a stop is wrong where the belief is, and by about as much. What differs is where the
# modular agent starts: even at gain 1 the position is not read from its memory as well as from the paper's, which has more units and a longer training. The stability of maps points the way it should, but holistic agents differ among themselves.
#
# ## Exercises
#
# ```{exercise} Chance
# :label: zh-decoding-chance
# What is the decoding error of an agent whose memory knows nothing of its place? And why does it grow with the gain?
# ```
#
# ````{solution} zh-decoding-chance
# :class: dropdown
# The decoder then says the mean place of the training trials, and the error is the mean distance from it. Agents that overshoot visit places that are further away, and
# this distance grows. So a part of what the third figure shows is not memory but motion: the further an agent goes, the more there is to be wrong about.
# ````
#
# ```{exercise} One decoder for all gains
# :label: zh-one-decoder
# Take the decoder of gain 1 and use it at gain 2. Which kind of agent do you expect to suffer?
# ```
#
# ````{solution} zh-one-decoder
# :class: dropdown
# `decoding.decode(activity, rollouts, decoder=...)` takes a fitted one; `beliefs[1.0]["mod"][0].decoded.decoder` is one. Both kinds suffer, modular agents less in cm: what their memory knows of the place is
# there, but it has partly moved to other directions of activity. The claims are about what can be known, and a downstream network that was never trained with the new gain is in the position of the old decoder.
# ````
#
# ```{exercise} The critic's memory
# :label: zh-critic-memory
# All this is about the actor. Is the position better known to the critic?
# ```
#
# ````{solution} zh-critic-memory
# :class: dropdown
# `decoding.critic_memory(agent, rollouts)` in place of `actor_memory` gives its units. In a holistic critic these mix place with value.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's agents are our own: see {ref}`zh-fast-recipe`. They have fewer units, each of them for the whole task.
# - The paper has 2000 trials per gain and 5000 at gain 2; here they are two and five times `n_trials`, of which maps use the first half of the former.
# - The units, the agents and the trial that are shown follow a rule; the original's were chosen by hand.
# - The stability of maps is our measure of what the paper shows by examples.
# - The area under the curve belongs to the complete curve; the original cuts it at the largest distance of any agent.

# %%
chapter.footer(*(agent for seeds in agents.values() for agent in seeds))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
