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
# # Trained agents
#
# Zhang, Pitkow & Angelaki (2024), figure 1 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Four kinds of agents at the task in which they were trained. They steer to where the target was, and stop a little short of it. By what they do here you would hardly
# guess that one of them is made of modules and another is not. What their units tell differs a little more.

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

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.zhang2024 import (
    analysis,
    courses,
    evaluation,
    figures,
    groups,
    monkey_trials,
    monkeys,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig1_trained", globals(), Pool, "n_trials", own=("monkey_data",)
)
base = chapter.experiment
subjects = monkeys.read_subjects(monkey_data, ["normal"]) if monkey_data else []
recorded = monkey_trials.normal_sets(subjects, base.n_trials) if subjects else {}

# %% [markdown]
# ## The idea
#
# How good is an agent? The share of rewarded trials depends on how large the reward zone happens to be. Let the zone have any radius $b$. An agent that stops at distances $d_i$ from its targets would
# be rewarded in a share $\text{TPR}(b)$ of the trials; with the targets of *other* trials, at distances $d_i^*$, by chance in a share $\text{FPR}(b)$:
#
# $$
# \text{TPR}(b) = \frac1n \sum_i [d_i < b], \qquad \text{FPR}(b) = \frac1n \sum_i [d_i^* < b], \qquad
# \text{AUC} = \int \text{TPR} \; d\,\text{FPR}.
# $$
#
# The area is one half if stops have nothing to do with targets, and one if every stop is closer to its own target than any stop is to a foreign one {footcite:p}`zhang2024inductive`.

# %%
print(inspect.getsource(analysis.roc).split('"""')[2])

# %% [markdown]
# Where the agent stops can also be compared with the target coordinate by coordinate. A line through the origin, stop $= k \cdot$ target, for the distance and for the angle from straight ahead, has
# $k < 1$ where the agent stops short.
#
# And what do its units know? A linear **decoder** $\hat{\mathbf y}_t = W \mathbf h_t + \mathbf c$ reads velocities, distance and angle to the target and the movement from the activity
# $\mathbf h_t$ of a layer. It is fitted to the first seven tenths of the trials with a quadratic penalty on $W$, and tested on the rest. In a modular actor there are two places to look at:
# the LSTM, which must know the state, and the memoryless layers (MLP) behind it, which need to know no more than what to do.

# %%
print(evaluation.LAYERS["actor LSTM"][1])

# %% [markdown]
# ## The experiment
#
# All agents do the same trials with the same noise, without exploration.

# %%
agents = groups.trained(groups.main(base), "gain1x")
world = agents["hol"][0].world
trials = evaluation.normal_trials(base.n_trials, world, recorded)
did = {name: evaluation.behave(group, trials) for name, group in agents.items()}
best = {name: courses.best_seed(group) for name, group in agents.items()}
for name, one in did.items():
    print(
        f"{figures.LABELS[name]}: {len(trials)} trials, rewarded "
        f"{one.rewarded.mean():.3f}, best seed {agents[name][best[name]].run.seed}"
    )

# %% [markdown]
# The *best seed* of a kind is the one that is rewarded at the highest rate at gain 1. It stands for its kind where single trials are shown.

# %%
rocs = {name: one.rocs(400) for name, one in did.items()}
auc = {name: one.auc for name, one in did.items()}
fits = {name: one.stop_fits() for name, one in did.items()}
read = {
    (name, layer): evaluation.read_out(did[name], layer)
    for name, layers in (
        ("hol", ("actor LSTM", "critic LSTM")),
        ("mod", ("actor LSTM", "actor MLP", "critic LSTM", "critic MLP")),
    )
    for layer in layers
}
monkey_rocs = {
    name: analysis.roc(one.end, one.target) for name, one in recorded.items()
}
monkey_colours = dict(zip(recorded, ("darkblue", "olive"), strict=False))

# %% [markdown]
# ## The figures
#
# First the course of training, and how much closer to its own target an agent stops than to another one. The dotted lines of the agents in B are what chance would give.

# %% mystnb={"image": {"alt": "Four panels. A: rewarded share at gain 1 against training trials for four kinds of agents; all lines are near one at the end. B: share of trials within a boundary against the boundary, steep solid lines for the own target and slow dotted ones for another trial's target. C: receiver operating curves of the four kinds, close to the upper left corner. D: bars of the area under them, all above nine tenths and of nearly equal height."}, "figure": {"caption": "A (1f): rewarded share at gain 1 in the course of training, mean and 95 % confidence interval over seeds. B (1j): share of trials that end within a boundary of their own (solid) and of another trial's target (dotted); vertical line: the reward zone. C, D (1k): one against the other, and the area, with a point per seed. Open markers: published; those of A stand at their own trials in full mode, in fast mode only the last ones, at the right margin.", "name": "fig-zhang-trained-course"}}
published_trials = [500, 1500, 2000, 2500, 5000, 10_000]
published = {  # panel 1f
    "hol": [0.25, 0.70, 0.79, 0.82, 0.93, 0.97],
    "moho": [0.26, 0.65, 0.64, 0.74, 0.89, 0.85],
    "homo": [0.14, 0.69, 0.86, 0.96, 0.995, 0.99],
    "mod": [0.22, 0.84, 0.965, 0.976, 0.98, 0.98],
}
published_auc = {"hol": 0.956, "moho": 0.943, "homo": 0.938, "mod": 0.927}  # 1k
fig, axes = plt.subplots(1, 4, figsize=(15, 3.9))
curves = {
    name: courses.table_mean(group, ["gain1x"], "reward_fraction")
    for name, group in agents.items()
}
course = agents["hol"][0].trials
figures.draw_curves(course, curves, ax=axes[0])
last = None if base.recipe == "original" else course.max()
figures.draw_published_course(published_trials, published, last=last, ax=axes[0])
axes[0].set(ylabel="rewarded, gain 1", ylim=(-0.03, 1.03))
axes[0].legend(fontsize="x-small")
for name, of_seeds in rocs.items():
    colour = figures.COLOURS[name]
    own, other = (
        np.stack([getattr(roc, part) for roc in of_seeds])
        for part in ("true", "false")
    )
    plots.mean_band(np.arange(401), own, ax=axes[1], color=colour)
    axes[1].plot(other.mean(0), ":", color=colour)
    axes[2].plot(other.mean(0), own.mean(0), color=colour)
figures.draw_seeds(auc, ax=axes[3], published=published_auc)
for name, roc in monkey_rocs.items():
    colour = monkey_colours[name]
    axes[1].plot(roc.true[:401], color=colour)
    axes[1].plot(roc.false[:401], ":", color=colour)
    axes[2].plot(roc.false, roc.true, color=colour)
    axes[3].axhline(roc.area, color=colour, lw=1.5, label=f"monkey {name}")
    axes[3].legend(fontsize="x-small", loc="lower right", frameon=True)
axes[1].axvline(65, color=plots.GREY, lw=1)
axes[1].set(xlabel="boundary (cm)", ylabel="share of trials within", ylim=(0, 1.03))
axes[2].plot([0, 1], [0, 1], ls=":", color=plots.GREY)
axes[2].set(xlabel="another's target", ylabel="own target", aspect="equal")
axes[3].set(ylabel="AUC, gain 1", ylim=(0.5, 1))
axes[3].tick_params(axis="x", labelsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# What do the paths look like? In A every kind goes to the same target: it is the first one that is far and to the side and that both the holistic and the modular agent are rewarded for. Then many paths of
# each of these two.

# %% mystnb={"image": {"alt": "Three panels seen from above. A: paths of the four kinds of agents from the origin to one target with its reward zone; they bend in different ways and end inside of the zone or at its border. B and C: a fan of many paths from the origin upwards, of the modular and the holistic agent, with dots at the targets; nearly all dots are of the colour of rewarded ones."}, "figure": {"caption": "A (1g): one trial, best seed of each kind; the disc is the reward zone, dashed lines are the distances of target and stop of the modular agent. B (1h), C (S1c): the first 500 trials, best seed of the modular and of the holistic agent; points are targets, brown where the trial was rewarded, blue where not.", "name": "fig-zhang-trained-paths"}}
fig, axes = plt.subplots(1, 3, figsize=(13, 4.4))
shown = {name: one.paths[best[name]] for name, one in did.items()}
won = {name: one.rewarded[best[name]] for name, one in did.items()}
target = shown["mod"].target
k = evaluation.example_trial(target, won["hol"], won["mod"])
axes[0].add_patch(plt.Circle(target[k], 65, color="rosybrown", alpha=0.35, lw=0))
for name, p in shown.items():
    colour, label = figures.COLOURS[name], figures.LABELS[name]
    axes[0].plot(*p.place[k].T, color=colour, label=label, lw=2)
    axes[0].plot(*p.end[k], "s", color=colour, ms=5)
for name, recordings in recorded.items():
    axes[0].plot(
        *recordings.path(k).T, color=monkey_colours[name], label=f"monkey {name}"
    )
for place in (target[k], shown["mod"].end[k]):
    axes[0].plot(*zip((0, 0), place, strict=True), "--", color="black", lw=0.8)
axes[0].plot(*target[k], "o", color="rosybrown", ms=6)
axes[0].legend(fontsize="x-small")
for ax, name in zip(axes[1:], ("mod", "hol"), strict=True):
    ax.plot(
        *np.moveaxis(shown[name].place[:500], -1, 0).swapaxes(1, 2),
        lw=0.3,
        color=plots.GREY,
    )
    for which, colour in ((won[name], "rosybrown"), (~won[name], "dodgerblue")):
        ax.plot(*target[:500][which[:500]].T, ".", ms=4, color=colour)
    ax.set_title(figures.LABELS[name])
for ax in axes:
    ax.set(xlabel="x (cm)", ylabel="y (cm)", aspect="equal")
plots.panel_letters(axes)

# %% [markdown]
# Stops follow targets closely, in distance and in angle (A, B). But points lie below the diagonal where the target is far: with the discount, and with noise that grows with speed, there is
# nothing to be won by going on to the middle of the zone. In angle (B) there are two kinds of trials: where the target is far, stops lie at the diagonal; where it is near, the zone covers many degrees and a bend is hardly
# worth the effort.

# %% mystnb={"image": {"alt": "Four panels. A: distance of the stop against distance of the target, points of the holistic and the modular agent along the diagonal, a little below it. B: the same for the angle. C: correlation of stop and target by kind of agent, for distance and angle, all above nine tenths. D: slopes, most between three quarters and one."}, "figure": {"caption": "A, B (1i): where the best seeds of the holistic and the modular agent stop, against where the target is, in the first 500 trials: distance, and angle from straight ahead; dashed: identity. C (S1d): correlation of stop and target. D (S1e): slope of the line through the origin. Circles: distance; squares: angle. Filled: best seed; grey: all seeds; open: published, best of eight seeds.", "name": "fig-zhang-trained-stops"}}
published = {  # panels S1d, S1e
    "correlation": {
        "radial": {"hol": 0.982, "moho": 0.976, "homo": 0.989, "mod": 0.991},
        "angular": {"hol": 0.966, "moho": 0.946, "homo": 0.961, "mod": 0.973},
    },
    "slope": {
        "radial": {"hol": 0.922, "moho": 0.944, "homo": 0.871, "mod": 0.862},
        "angular": {"hol": 0.849, "moho": 0.796, "homo": 0.939, "mod": 0.915},
    },
}
fig, axes = plt.subplots(1, 4, figsize=(15, 3.9))
ends = {
    figures.LABELS[n]: (shown[n].end, figures.COLOURS[n]) for n in ("hol", "mod")
}
ends |= {f"monkey {n}": (r.end, monkey_colours[n]) for n, r in recorded.items()}
for label, (end, colour) in ends.items():
    pairs = zip(
        analysis.polar(target[:500]), analysis.polar(end[:500]), strict=True
    )
    for ax, (wanted, found) in zip(axes, pairs, strict=False):
        ax.plot(wanted, found, ".", ms=2.5, color=colour, label=label)
for ax, ends_of, what in zip(
    axes, ((0, 420), (-40, 40)), ("distance (cm)", "angle (°)"), strict=False
):
    ax.plot(ends_of, ends_of, "--", color="black", lw=1)
    ax.set(xlabel=f"target's {what}", ylabel=f"stop's {what}")
axes[0].legend(fontsize="x-small", markerscale=3)
for ax, part in zip(axes[2:], published, strict=True):
    for k, (name, of_seeds) in enumerate(fits.items()):
        for shift, kind, marker in ((-0.2, "radial", "o"), (0.15, "angular", "s")):
            values = [getattr(fit[kind], part) for fit in of_seeds]
            ax.plot(
                [k + shift] * len(values), values, marker, ms=3, color=plots.GREY
            )
            style = {"color": figures.COLOURS[name], "ms": 7, "zorder": 3}
            ax.plot(k + shift, values[best[name]], marker, **style)
            theirs = published[part][kind][name]
            plots.published_points(k + shift + 0.14, theirs, ax=ax, marker=marker)
    ax.set_xticks(
        range(len(fits)), [figures.SHORT[n] for n in fits], fontsize="x-small"
    )
    ax.set_ylabel(f"{part}, stop and target")
plots.chance_line(1, ax=axes[3])
plots.panel_letters(axes)

# %% [markdown]
# Now look inside. In the modular agents compare the two layers: velocities fade from the LSTM to the MLP, and in the actor the movement becomes clearer. A holistic actor has no such division; its one memory
# holds both.

# %% mystnb={"image": {"alt": "Two panels with correlations of decoded and true values by variable, for the holistic LSTM, the modular LSTM and the modular MLP. A, actors: all are high; in the modular agent the two velocities are lower in the MLP than in the LSTM, the two actions higher. B, critics: velocities are lower in the MLP than in the LSTM, distance to the target is equally high."}, "figure": {"caption": "Correlation of decoded and true values on trials that were held out. A (1l): from the actors. B (S1f): from the critics. Bars are means over seeds, points are seeds; open markers: published, best seed.", "name": "fig-zhang-trained-decoding"}}
published = {  # panels 1l, S1f; variables in the order of the axes
    ("hol", "actor LSTM"): [0.954, 0.994, 0.995, 0.994, 0.999, 0.972],
    ("mod", "actor LSTM"): [0.958, 0.984, 0.987, 0.978, 0.954, 0.936],
    ("mod", "actor MLP"): [0.925, 0.976, 0.996, 0.978, 0.996, 0.994],
    ("hol", "critic LSTM"): [0.944, 0.991, 0.998, 0.994],
    ("mod", "critic LSTM"): [0.963, 0.984, 0.998, 0.982],
    ("mod", "critic MLP"): [0.922, 0.961, 0.998, 0.972],
}
words = ["velocity", "turning", "distance\nto target", "angle\nto target"]
words += ["action,\nforwards", "action,\nturn"]
colours = {
    ("hol", "LSTM"): "salmon",
    ("mod", "LSTM"): "lightseagreen",
    ("mod", "MLP"): "#0b5e58",
}
fig, axes = plt.subplots(1, 2, figsize=(13, 4.2), width_ratios=(6, 4))
for ax, module in zip(axes, ("actor", "critic"), strict=True):
    for shift, ((name, layer), colour) in zip(
        (-0.27, 0, 0.27), colours.items(), strict=True
    ):
        found = read[name, f"{module} {layer}"]
        for k, (variable, theirs) in enumerate(
            zip(found, published[name, f"{module} {layer}"], strict=True)
        ):
            at = k + shift
            label = None if k else f"{figures.LABELS[name]}, {layer}"
            ax.plot(
                [at - 0.09, at + 0.05],
                [found[variable].mean()] * 2,
                color=colour,
                lw=3,
                label=label,
            )
            ax.plot(
                np.full(len(found[variable]), at - 0.02),
                found[variable],
                ".",
                color="black",
                ms=4,
            )
            plots.published_points(
                at + 0.1, theirs, ax=ax, label=None, color=colour, ms=5
            )
    ax.set_xticks(range(len(found)), words[: len(found)], fontsize="small")
    ax.set(ylabel="correlation, decoded and true", title=f"{module}s")
axes[1].legend(fontsize="small", loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
n = base.n_seeds
measured = {}
for name, group in agents.items():
    share = courses.at_end(group, "reward_fraction")
    measured[f"Z1.1-{name}"] = stats.exact(evaluation.mean(share), n)
means = {name: areas.mean() for name, areas in auc.items()}
measured["Z1.3-level"] = stats.exact(min(means.values()), n)
measured["Z1.3-gap"] = stats.exact(means["hol"] - means["mod"], n)
lines = [fit for name in fits for fit in fits[name][best[name]].values()]
measured["Z1.4-r"] = stats.exact(min(line.correlation for line in lines), n)
measured["Z1.4-low"] = stats.exact(min(line.slope for line in lines), n)
measured["Z1.4-high"] = stats.exact(max(line.slope for line in lines), n)
levels = [
    values.mean()
    for (_, layer), found in read.items()
    if layer.startswith("actor")
    for values in found.values()
]
measured["Z1.5-level"] = stats.exact(min(levels), n)
memory, layers = read["mod", "actor LSTM"], read["mod", "actor MLP"]
measured["Z1.5-v"] = memory["pos_v"] - layers["pos_v"]
measured["Z1.5-av"] = layers["action_v"] - memory["action_v"]
measured["Z1.5-aw"] = layers["action_w"] - memory["action_w"]
memory, layers = read["mod", "critic LSTM"], read["mod", "critic MLP"]
measured["Z1.6-v"] = memory["pos_v"] - layers["pos_v"]
measured["Z1.6-w"] = memory["pos_w"] - layers["pos_w"]
chapter.judge(measured)

# %% [markdown]
# In the task itself there is little to choose between the four. If anything, agents with a holistic critic stop closer to their targets: it is those with a modular one that make most of the width of the reward zone. So nothing
# in this chapter prepares you for {doc}`fig4_gain_behaviour`. What does differ is where things can be read. The division of labour that the wiring of a modular agent *allows* is one that it makes use of, in the actor as in
# the critic; velocities, out of which the position is added up, are left behind on the way to the output.
#
# The level of decoding is a weaker claim than it looks: with smaller layers there is less room for what a layer does not need.

# %% [markdown]
# ## Exercises
#
# ```{exercise} Chance has a shape
# :label: zh-chance-shape
# An agent always stops in the middle of the area where targets can be, whatever it sees. What are its TPR, its FPR and its AUC? And why does the dotted line of panel B depend on the agent at all?
# ```
#
# ````{solution} zh-chance-shape
# :class: dropdown
# Its own targets and the shuffled ones are the same numbers at the same distances: TPR equals FPR for every boundary, and the area is one half. That it is rewarded now and then does not help it. The dotted line
# depends on where stops are: those that are close to the middle of all targets have short distances to foreign targets, too.
# ````
#
# ```{exercise} Stopping short
# :label: zh-stopping-short
# Inside of the reward zone every stop is worth the same. Where should an agent stop that knows its position exactly? And one that does not?
# ```
#
# ````{solution} zh-stopping-short
# :class: dropdown
# As soon as it enters the zone: each further step costs three hundredths of the reward by the discount. If the position is uncertain, stopping at the border loses half of the rewards, so the agent must go deeper, until the
# chance that a further step brings it in is smaller than the discount. Slopes below one are the signature. An agent that stops at the centre is either unsure, or slow to notice that it could stop.
# ````
#
# ```{exercise} Does it need its velocity?
# :label: zh-need-velocity
# If velocity is hard to read from the MLP of the actor, is it then not used?
# ```
#
# ````{solution} zh-need-velocity
# :class: dropdown
# That does not follow. A decoder tells what *can* be read linearly. The LSTM before it has the velocity and needs it to update its belief. The MLP gets the belief and has to give out a movement; the best movement depends on where
# the agent is and hardly on how fast it goes, since velocity has no inertia here.
# ````
#
# ## Where this differs from the original
#
# - The agents of the fast mode are smaller and trained by another recipe: see {ref}`zh-fast-recipe`. It also takes their last weights, where the original takes, per seed, the checkpoint with the highest reward rate at gain 1.
# - The monkeys' recordings are not ours to ship. Without a folder of recordings, targets are those that the original's environment draws; with one, they are the first monkey's, as in the original. See {doc}`own_monkey`.
# - AUC is the area under the complete curve. The original's boundary ends at 399 cm in these panels, where the false share is nearly one.
# - The trial in the first panel of the paths is chosen by a rule; the original shows one that was picked by hand, of other seeds than its best ones.
# - Decoders and line fits are made for every seed. The original shows those of the best.

# %%
chapter.footer(*(agent for group in agents.values() for agent in group))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
