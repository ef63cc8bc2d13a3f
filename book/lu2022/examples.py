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
# # Warm-up: small examples
#
# Lu, Hasson & Norman (2022), the original's examples · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Nine small pictures of what the rest is made of, each computed in an instant: what recall is worth, how alike events are, what a
# schema is, what a trial looks like, what can be known, and how different brains can be compared. Nothing is trained.

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
mode: str = "fast"  # smoke (not judged) | fast | full: the same, nothing is trained
seed: int = 0  # of everything random
n_seeds: int = None  # how many networks; None takes the mode's number; none is used
n_features: int = 15  # of an event
n_values: int = 4  # of a feature
delay: int = 3  # steps before the first query
removed: float = 0.5  # largest share of hidden observations
n_repeats: int = 10  # of what is repeated

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import diagrams, examples, figures, task
from mempaper.lu2022.experiments import RecallLearning
from mempaper.stats import exact

chapter = Chapter(
    "lu2022/examples",
    globals(),
    RecallLearning,
    own=("n_features", "n_values", "delay", "removed", "n_repeats"),
)
world = task.EventTask(
    n_features, n_values, schema_strength=1 / n_values, p_removed=(removed, removed)
)
rng = np.random.default_rng(chapter.experiment.seed)

# %% [markdown]
# ## What is recall worth?
#
# Suppose that recall is free of error. An event has $T$ features, one is revealed per step, and guesses are right with probability $p$. Without recall
# accuracy at step $t$ is $b(t) = p\,\frac{T-t}{T} + \frac{t}{T}$. Recall at step $\tau$ makes it 1 from there on, which gains a triangle:
#
# $$
# \text{benefit}(\tau) = \tfrac12\, \big(1 - b(\tau)\big)\, (T - \tau) .
# $$
#
# With each step there is less to gain, for less time, so the benefit falls with the *square* of what is left (B). Whoever waits for better evidence pays
# for it. And when the first question comes late, much has been observed by then, and recall is worth less from the start (C).

# %%
print(inspect.getsource(examples.recall_benefit))

# %% mystnb={"image": {"alt": "A: accuracy without recall rises in a straight line from one third to one; the triangle between it and one, from step 5 on, is filled. B: benefit against the time of recall, a curve that falls below the straight line. C: sum of benefits, three curves shifted to the left with longer delays."}, "figure": {"caption": "The benefit of recall. A: accuracy without recall, and what recall at step 5 adds. B: benefit by the time of recall as a share of the largest; dotted: linear decline. C: sum of the benefits from a step on, with the first question after 1, 6 and 12 steps.", "name": "fig-lu-benefit"}}
worth = examples.recall_benefit(30, chance=1 / 3)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.4))
time = np.arange(31)
axes[0].plot(time, worth.baseline, color="black", label="without recall")
axes[0].fill_between(
    time[5:], worth.baseline[5:], 1, alpha=0.4, label="gained at step 5"
)
axes[0].set(xlabel="step", ylabel="accuracy", ylim=(0, 1.03))
axes[0].legend(loc="lower right")
axes[1].plot(time[:-1], worth.normalised, color=figures.TARGET)
axes[1].plot(time, 1 - time / 30, ":", color="black")
axes[1].set(xlabel="step of recall", ylabel="benefit, share of the largest")
for first, shade in ((1, 0.35), (6, 0.65), (12, 1.0)):
    left = worth.cumulative[first - 1 :]
    axes[2].plot(left, color=figures.TARGET, alpha=shade, label=f"{first} steps")
axes[2].set(xlabel="step", ylabel="summed benefit")
axes[2].legend(title="first question after")
plots.panel_letters(axes)

# %% [markdown]
# ## How alike are events?
#
# Two random events agree in a feature with probability $1/K$, and the share of equal features has the standard deviation of a binomial, $\sqrt{p(1-p)/T}$. So
# the number of values decides how alike events are (C), and the number of features how much that varies (D).

# %% mystnb={"image": {"alt": "A: heat map of similarity of 101 events, bright diagonal, speckled elsewhere. B: histogram of similarity around one quarter. C: mean similarity against the number of values on the curve one over K. D: mean and standard deviation against the number of features; the mean is flat, the standard deviation falls along the binomial curve."}, "figure": {"caption": "Similarity of random events. A: between 101 events. B: of all pairs. C: mean against the number of values; line: 1/K. D: mean (circles) and standard deviation (triangles) against the number of features, three values; lines: binomial.", "name": "fig-lu-random-similarity"}}
events = examples.uniform_events(rng, n_features, n_values, 101)
matrix = examples.similarity_matrix(events)
alike = examples.pair_similarities(matrix)
values, features = np.array([2, 4, 8, 16]), np.array([4, 8, 16, 32])
by_values, _ = examples.similarity_by_size([(15, int(k)) for k in values], 101, rng)
by_features = examples.similarity_by_size([(int(t), 3) for t in features], 101, rng)
binomial_sd = np.sqrt(1 / 3 * 2 / 3 / features)

fig, axes = plt.subplots(1, 4, figsize=(13, 3.3))
image = axes[0].imshow(matrix, cmap="viridis", vmin=0, vmax=1)
fig.colorbar(image, ax=axes[0], shrink=0.7)
axes[0].set(xlabel="event", ylabel="event")
bins = (np.arange(n_features + 2) - 0.5) / n_features
axes[1].hist(alike, bins, color=figures.TARGET)
axes[1].set(xlabel="similarity", ylabel="pairs")
smooth = np.linspace(2, 16, 100)
axes[2].plot(smooth, 1 / smooth, color="black", lw=1)
axes[2].plot(values, by_values, "o", color=figures.TARGET)
axes[2].set(
    xlabel="values", ylabel="mean similarity", ylim=(0, None), xticks=values
)
axes[3].plot(features, [1 / 3] * 4, color="black", lw=1)
axes[3].plot(features, binomial_sd, color="black", lw=1)
axes[3].plot(features, by_features[0], "o", color=figures.TARGET, label="mean")
axes[3].plot(features, by_features[1], "^", color=figures.LURE, label="sd")
axes[3].set(xlabel="features", ylabel="similarity", ylim=(0, 0.5), xticks=features)
axes[3].legend(ncol=2, loc="upper right")
plots.panel_letters(axes)

# %% [markdown]
# ## Making events more or less alike
#
# An event is drawn again until its similarity to each of the last few lies within bounds. This is how the simulations make memories more or less
# confusable. The bounds reach only as far back as they are told to: older events are as alike as chance has it (A). Tight bounds take long to
# satisfy (C).

# %%
print(inspect.getsource(task.sample_events).split('"""')[2])

# %%
recent, distant = [], []
by_lag = np.empty((n_repeats, 12))
for repeat in range(n_repeats):
    capped = examples.uniform_events(rng, 15, 4, 101, (0.0, 0.35), lag=4)
    capped = examples.similarity_matrix(capped)
    recent.append(examples.pair_similarities(capped, 1, 4).mean())
    distant.append(examples.pair_similarities(capped, 5).mean())
    for lag in range(1, 13):
        by_lag[repeat, lag - 1] = examples.pair_similarities(
            capped, lag, lag
        ).mean()
caps = {0.0: (0.35, 0.45, 0.55, 0.65, 0.75), 0.2: (0.35, 0.45, 0.55, 0.65, 0.75)}
caps[0.4] = (0.55, 0.65, 0.75)
bounded = {
    low: examples.vary_bounds([(low, high) for high in highs], rng, n_repeats=3)
    for low, highs in caps.items()
}
regimes = {
    name: examples.pair_similarities(
        examples.similarity_matrix(
            examples.uniform_events(rng, 16, 4, 1000, bounds)
        ),
        1,
        1,
    )
    for name, bounds in examples.REGIMES.items()
}

# %% mystnb={"image": {"alt": "A: mean similarity against lag; low at lags 1 to 4, at chance from 5 on. B: mean similarity against the upper bound, three rising lines for three lower bounds. C: sampling time; by far longest for the lower bound 0.4. D: histograms of the similarity of successive events in four regimes."}, "figure": {"caption": "Bounds on similarity. A: similarity by lag with an upper bound of 0.35 on the last four events; dotted: chance. B: mean similarity within the last four by upper and lower bound. C: seconds to draw 256 events. D: similarity of successive events in the regimes of the simulations.", "name": "fig-lu-bounds"}}
fig, axes = plt.subplots(1, 4, figsize=(13, 3.3))
plots.mean_band(
    np.arange(1, 13), by_lag, ax=axes[0], color=figures.TARGET, marker="o"
)
plots.chance_line(1 / 4, ax=axes[0])
axes[0].set(xlabel="lag (events)", ylabel="mean similarity", xticks=(1, 4, 8, 12))
for (low, (seconds, mean)), shade in zip(
    bounded.items(), (0.35, 0.65, 1.0), strict=True
):
    style = {"color": figures.TARGET, "alpha": shade, "marker": "o", "ms": 4}
    axes[1].plot(caps[low], mean.mean(1), label=f"from {low:g}", **style)
    axes[2].plot(caps[low], seconds.mean(1), **style)
axes[1].set(xlabel="upper bound", ylabel="mean similarity")
axes[2].set(xlabel="upper bound", ylabel="seconds")
axes[1].legend()
for name, found in regimes.items():
    edges = (np.arange(18) - 0.5) / 16
    axes[3].stairs(np.histogram(found, edges, density=True)[0], edges, label=name)
axes[3].set(xlabel="similarity", ylabel="density")
axes[3].legend()
plots.panel_letters(axes)

# %% [markdown]
# ## What a schema is
#
# A schema makes one value of some features likely: in a café someone orders, as a rule. A shows how often each value occurs at each of ten steps, five of which are
# schematic. How much a schema says is the height of one bar above the others (B). C is a sketch of an older idea: memory may be good for
# what fits a schema *and* for what contradicts it, a U shape. The chapters on schemas ask something else, when one recalls at all.

# %% mystnb={"image": {"alt": "A: heat map of value frequencies over ten steps; every other column has one bright cell. B: bars of four values for a strong and a weak schema, with a dotted line at one quarter. C: three bars, congruent and incongruent high, control low."}, "figure": {"caption": "Schemas. A: frequency of each value at each step in 500 events, schema of strength 0.95 at every other step. B: probabilities under a strong and a weak schema; dotted: chance. C: sketch of memory for events that agree with a schema, have none, or contradict it.", "name": "fig-lu-schema-example"}}
prototype = rng.integers(4, size=10)
table = task.transition_table(prototype, np.arange(10) % 2 == 0, 0.95, 4)
drawn = task.sample_events(rng, table, 1, 500, bounds=(0, 1))[0]
fig, axes = plt.subplots(1, 3, figsize=(11, 3.2))
frequencies = examples.value_frequencies(drawn, 4)
image = axes[0].imshow(frequencies.T, cmap="viridis", vmin=0, vmax=1, aspect="auto")
fig.colorbar(image, ax=axes[0], label="frequency")
axes[0].set(xlabel="step", ylabel="value", yticks=range(4))
for shift, (name, heights) in zip(
    (-0.2, 0.2), examples.SCHEMA_BARS.items(), strict=True
):
    axes[1].bar(np.arange(4) + shift, heights, 0.38, label=f"{name} regularity")
plots.chance_line(1 / 4, ax=axes[1])
axes[1].set(xlabel="value", ylabel="probability", xticks=range(4))
axes[1].legend()
axes[2].bar(list(examples.SLIMM), list(examples.SLIMM.values()), color=plots.GREY)
axes[2].set(ylabel="memory (sketch)", yticks=[])
plots.panel_letters(axes)

# %% [markdown]
# ## One trial
#
# Questions begin after a delay, and some of the observed values are hidden: empty columns in the second matrix.

# %% mystnb={"image": {"alt": "Four matrices over the two parts of a trial: observed feature, observed value with gaps, queried feature along a diagonal that begins after the delay, and the right answer."}, "figure": {"caption": "What one trial shows and asks; the line is the boundary between the parts.", "name": "fig-lu-one-trial"}}
shown = world.sample(rng, 1, 256, delay=delay)
fig, axes = plt.subplots(
    4, 1, figsize=(8, 6.5), sharex=True, height_ratios=[4, 1.4, 4, 1.4]
)
diagrams.draw_stimulus(examples.stimulus(shown, (0, 0)), axes)

# %% [markdown]
# ## What can be known
#
# Whether a query can be answered is an objective matter: has the value been observed by now? With episodic memory everything observed in part 1 counts in part 2
# as well. A shows the share of answerable queries; one minus it is how often an ideal network would say "don't know". Even perfect memory
# does not help where a value was hidden in both parts. B divides part 2: only the blue area is what recall is for.

# %%
print(inspect.getsource(examples.knowledge_over_time).split('"""')[2])

# %% mystnb={"image": {"alt": "A: share of queries that can be answered over both parts. In part 1 all lines rise. In part 2 the line with episodic memory starts high, the one without starts low again. With hidden values all are lower. B: stacked areas over part 2, known from both, from part 1 alone, and unknown."}, "figure": {"caption": "What can be known. A: share of queries that can be answered, with memory of part 1 (blue) and without (orange), with hidden values (dashes) and none. Bands: 95 % confidence intervals over repetitions. B: where answers of part 2 can come from, with hidden values.", "name": "fig-lu-knowledge"}}
open_world = replace(world, p_removed=(0.0, 0.0))
known = {}
for name, place in (("none hidden", open_world), ("hidden", world)):
    samples = [place.sample(rng, 1, 256, delay=delay) for _ in range(n_repeats)]
    known[name] = [
        examples.knowledge_over_time(s.order[0], s.removed[0], delay)
        for s in samples
    ]
fig, axes = plt.subplots(1, 2, figsize=(10, 3.6))
time, second = np.arange(2 * n_features), np.arange(n_features)
for (name, found), line in zip(known.items(), ("-", "--"), strict=True):
    for what, colour in (("remembering", plots.BLUE), ("forgetting", plots.RED)):
        share = np.array([getattr(one, what) for one in found])
        style = {"color": colour, "ls": line, "label": f"{what}, {name}"}
        plots.mean_band(time, share, ax=axes[0], **style)
axes[0].axvline(n_features - 0.5, color=plots.GREY, lw=1)
axes[0].set(xlabel="query", ylabel="can be answered", ylim=(0, 1.03))
axes[0].legend(
    fontsize="x-small", ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.2)
)
parts = {"both": "part 2", "episodic_only": "part 1 alone", "neither": "unknown"}
areas = [
    np.mean([getattr(one, name) for one in known["hidden"]], 0) for name in parts
]
colours = (plots.GREEN, plots.SKY, figures.DONT_KNOW)
axes[1].stackplot(second, areas, labels=list(parts.values()), colors=colours)
axes[1].set(
    xlabel="query of part 2", ylabel="share", ylim=(0, 1), xlim=(0, n_features - 1)
)
axes[1].legend(loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# ## Comparing brains
#
# Two viewers whose activity follows the same story are correlated however noisy each is; two whose activity follows stories of their own are not
# (A, B). That is the logic of comparing a patient without memory with healthy viewers. But what if each brain codes the story in its own way? C shows the
# same signal in two subjects' own coordinates: no resemblance. A shared response model finds, from what happens at the same time, how to rotate each into a
# common space, and there they agree (D). {doc}`a6_isc` does this with networks.

# %% mystnb={"image": {"alt": "A: two noisy curves that follow a common walk. B: two noisy curves that go separate ways. C: the first two coordinates of a signal in two subjects, different shapes. D: the same after alignment, the shapes nearly coincide."}, "figure": {"caption": "Comparing brains. A: two noisy copies of one random walk (black). B: two walks of their own. C: seven samples of a three-dimensional signal in two subjects' own coordinates, first two coordinates. D: aligned by a shared response model.", "name": "fig-lu-brains"}}
walks = examples.walks(rng)
toys = [examples.function_alignment(rng) for _ in range(20)]
fig, axes = plt.subplots(1, 4, figsize=(13, 3.3))
for ax, pair, r in zip(axes, walks[1:], walks.correlations, strict=False):
    ax.plot(pair.T, lw=0.8)
    ax.set(xlabel="time", ylabel="activity", title=f"r = {r:.2f}")
axes[0].plot(walks.cause, color="black", lw=1.5)
for ax, subjects in zip(axes[2:], (toys[0].native, toys[0].aligned), strict=True):
    for coordinates, marker in zip(subjects, ("o", "s"), strict=True):
        ax.plot(*coordinates[:, :2].T, marker=marker, ms=5, lw=1)
    ax.set(xlabel="first coordinate", ylabel="second coordinate")
axes[2].set_title("native")
axes[3].set_title("aligned")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%


def resemblance(subjects: np.ndarray) -> float:
    """Correlation of all numbers of two subjects."""
    return np.corrcoef(subjects.reshape(2, -1))[0, 1]


gained = [
    (one.remembering - one.forgetting)[n_features:].mean()
    for one in known["hidden"]
]
chapter.judge(
    {
        "E1": exact(worth.normalised[15] - 1 / 2),
        "E2-1": exact(alike.mean(), len(alike)),
        "E2-2": exact((by_features[1] / binomial_sd).mean(), 4),
        "E3": np.subtract(distant, recent),
        "E4-low": exact(regimes["low"].mean(), len(regimes["low"])),
        "E4-normal": exact(regimes["normal"].mean(), len(regimes["normal"])),
        "E4-high": exact(regimes["high"].mean(), len(regimes["high"])),
        "E8": gained,
        "E9": [resemblance(toy.aligned) - resemblance(toy.native) for toy in toys],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Chance and the benefit
# :label: lu-benefit-chance
# Does the number of values change the shape of the curve in panel B of the first figure?
# ```
#
# ````{solution} lu-benefit-chance
# :class: dropdown
# No. $1 - b(\tau) = (1 - p)(T - \tau)/T$, so the benefit is $(1-p)(T-\tau)^2 / 2T$, and as a share of the largest $(1 - \tau/T)^2$: neither $p$ nor $T$ by
# itself matters.
# ````
#
# ```{exercise} Impossible bounds
# :label: lu-bounds
# Why do bounds from 0.4 to 0.45 take so long with 15 features, and what happens with bounds from 0.41 to 0.45?
# ```
#
# ````{solution} lu-bounds
# :class: dropdown
# Similarities are multiples of 1/15. Between 0.4 and 0.45 there is only 6/15 = 0.4, which each of the last four events must hit exactly. Between 0.41 and
# 0.45 there is none: `sample_events` gives up and says so.
# ````
#
# ```{exercise} Too flexible?
# :label: lu-srm-overfit
# With seven samples of three coordinates, could alignment make *unrelated* signals agree? Try `mempaper.lu2022.isc.SharedResponse` on two random arrays.
# ```
#
# ````{solution} lu-srm-overfit
# :class: dropdown
# To a degree: with few samples some rotation always helps, and correlations of unrelated signals rise well above zero. This is why {doc}`a6_isc` finds the
# shared space on one half of the trials and measures on the other.
# ````
#
# ## Where this differs from the original
#
# The original has a script for each example; they are functions here. Figures are drawn anew. The benefit of recall and the statistics of events
# are compared with the original's numbers on {doc}`../checked`.

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
