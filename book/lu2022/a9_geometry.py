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
# # The geometry of states
#
# Lu, Hasson & Norman (2022), appendix · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Where the cell states lie. When errors are costly they keep away from stored states of other events. The
# decision layer is less active when the network does not know. And states of the two parts of a trial are alike in a way that shows what
# recall has brought back.

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
n_seeds: int = None  # how many networks; None takes the mode's number
penalty: float = 2  # of a wrong answer, for activity and states
highest: float = 4  # the largest penalty that lures are compared at
n_trials: int = 256  # of each test

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import analysis, curves, figures, geometry, trials
from mempaper.lu2022.evaluation import evaluate
from mempaper.lu2022.experiments import RecallLearning

chapter = Chapter(
    "lu2022/a9_geometry",
    globals(),
    RecallLearning,
    own=("penalty", "highest", "n_trials"),
)
n_steps = chapter.experiment.n_features
asked = curves.checked_test(n_steps, penalty=penalty, n_trials=n_trials)
costly = curves.checked_test(n_steps, penalty=highest, n_trials=n_trials)

# %% [markdown]
# ## The idea
#
# A memory is recalled when its cosine with the present state $\mathbf c'_t$ is large and the gate is open:
#
# $$
# s_k = \frac{\mathbf c'_t \cdot \mathbf m_k}{\lVert\mathbf c'_t\rVert \lVert\mathbf m_k\rVert} .
# $$
#
# A network can therefore avoid {term}`lures <lure>` in two ways: it shuts the gate, or it moves its state. The penalty is one of the inputs
# from the first step on, so both are possible within a trial. The first part of this chapter asks whether networks move.
#
# The second looks at how active the decision layer is, $\lVert\mathbf d_t\rVert$. Its units cannot be negative, and what they say must win against "don't
# know".
#
# The third compares the state at any step of part 1 with the state at any step of part 2 of the same trial, by their cosine:

# %%
print(inspect.getsource(geometry.state_similarity))

# %% [markdown]
# ## The experiment

# %%
networks = chapter.experiment.trained()
penalties = (0.0, costly.penalty / 2, costly.penalty)
tests = {p: evaluate(networks, replace(asked, penalty=p)) for p in penalties}
test = evaluate(networks, asked)
lure_cosine = np.stack([curves.lure_cosine(one) for one in tests.values()], -1)

part = curves.second_part(test)
norm = geometry.activity_norm(test.decision[:, :, part])
answers = analysis.behaviour(test.policy[:, :, part], test.trials.values)
kept = (test.condition >= 0)[..., None]
silent = analysis.pooled_mean(norm, answers.dont_know & kept)
spoken = analysis.pooled_mean(norm, ~answers.dont_know & kept)
not_seen, seen = curves.split_by_source(test, norm)

first, second = np.split(test.c, 2, axis=2)
components = geometry.principal_components(first, test.condition >= 0)
alike = [
    geometry.state_similarity(first, second, test.condition == c) for c in range(3)
]

# %% [markdown]
# ## Lures and activity
#
# The lines of panel A fall. In B each bar is the fall from the lowest penalty to the highest. It is smallest in RM, where hardly anything is
# recalled and least is to be gained. In C, answers that must come from recall go with weaker activity than answers from what was just seen, and
# both grow over the part.

# %% mystnb={"image": {"alt": "A: cosine to lures against penalty, a falling line for each condition. B: bars of the fall from penalty 0 to the highest one, positive in all conditions, largest in NM. C: norm of the decision layer over part 2 in DM, higher for features that were seen recently. D: bars, answers have a higher norm than don't know."}, "figure": {"caption": "Lures and activity. A: mean cosine in part 2 between the state before recall and stored states of other events. B: its fall from penalty 0 to the highest; open diamonds: the authors' 15 models. C: length of the decision layer's activity in DM, by whether the queried feature was seen in part 2. D: the same where the network said don't know and where it answered, all conditions. Bands: 95 % confidence intervals over networks; dots are networks.", "name": "fig-lu-geometry"}}
fig, axes = plt.subplots(1, 4, figsize=(14, 3.8))
ledger = claims.load("lu2022")
fall = lure_cosine[..., 0] - lure_cosine[..., -1]  # (member, condition)
bars = []
for condition, name in enumerate(trials.CONDITIONS):
    colour, samples = figures.COLOURS[name], lure_cosine[:, condition]
    plots.mean_band(
        penalties, samples, ax=axes[0], color=colour, label=name, marker="o"
    )
    bars.append((name, fall[:, condition], colour))
published = [ledger[f"A9-{name}"].published.value for name in trials.CONDITIONS]
figures.draw_bars(bars, ax=axes[1], published=published if highest == 4 else None)
axes[0].set(xlabel="penalty", ylabel="cosine to lures", xticks=penalties)
axes[1].set_ylabel("fall of the cosine")
axes[0].legend()
steps = np.arange(n_steps)
plots.mean_band(steps, seen, ax=axes[2], color=plots.GREY, label="seen recently")
plots.mean_band(steps, not_seen, ax=axes[2], color=figures.TARGET, label="not seen")
axes[2].set(xlabel="step of part 2", ylabel="activity in DM", ylim=(0, None))
axes[2].legend()
kinds = (("don't know", silent, plots.GREY), ("answer", spoken, figures.CORRECT))
figures.draw_bars(kinds, ax=axes[3])
axes[3].set_ylabel("activity in part 2")
plots.panel_letters(axes)

# %% [markdown]
# ## Where part 1 leads
#
# The principal components of the states of part 1 show time: at first all states lie together, then they spread, as each event takes its own way. How
# much of the variance the first few components hold is a measure of what different events have in common.

# %% mystnb={"image": {"alt": "A: cloud of states on two principal components, coloured by step, with early states in the middle and later ones further out; a black line of means. B: cumulated variance against the number of components, one line for each network, below the open markers of the authors' network at first."}, "figure": {"caption": "States of part 1. A: first two principal components of one network, colour is the step, the line joins the means of the steps. B: cumulated share of variance, a line for each network; open markers: the authors' example model, with about three times as many units.", "name": "fig-lu-pca"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 4))
scores = components.scores[0][test.condition[0] >= 0]  # (trial, step, component)
figures.draw_states(scores, ax=axes[0])
count = np.arange(1, components.cumulative.shape[1] + 1)
lines = axes[1].plot(count, components.cumulative.T, color=figures.TARGET, lw=1)
lines[0].set_label("our networks")
theirs = claims.facts("lu2022", "example_pca")["cumulative"]
plots.published_points(np.arange(1, len(theirs) + 1), theirs, ax=axes[1], ms=4)
axes[1].set(xlabel="components", ylabel="share of variance", ylim=(0, 1.02))
axes[1].legend()
plots.panel_letters(axes)

# %% [markdown]
# ## States of part 1 and of part 2
#
# In RM the state begins part 2 where it ended part 1, in the bottom row. In NM only the diagonal fills, as the same features come in again. DM
# begins like NM and then, within a few steps, the bottom row lights up: recall has put the end of part 1 back.

# %% mystnb={"image": {"alt": "Three heat maps of cosine, steps of part 1 down, steps of part 2 across. RM: the bottom rows are bright throughout. DM: the bottom rows become bright after about three steps. NM: brightness grows along the diagonal towards the lower right corner."}, "figure": {"caption": "Cosine between the state at each step of part 1 (rows) and at each step of part 2 (columns), mean over trials and networks.", "name": "fig-lu-state-cosine"}}
fig, axes = plt.subplots(1, 3, figsize=(12, 4.2))
for ax, name, matrix in zip(axes, trials.CONDITIONS, alike, strict=True):
    image = ax.imshow(matrix.mean(0), vmin=0, vmax=1, cmap="viridis")
    ax.set(xlabel="step of part 2", ylabel="step of part 1", title=name)
fig.colorbar(image, ax=axes, label="cosine", shrink=0.8)
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
both = np.isfinite(seen) & np.isfinite(not_seen)
chapter.judge(
    {
        "A9-RM": fall[:, trials.RM],
        "A9-DM": fall[:, trials.DM],
        "A9-NM": fall[:, trials.NM],
        "A10a": spoken - silent,
        "A10b": np.where(both, seen - not_seen, np.nan)[:, both.any(0)].mean(1),
        "A11": components.cumulative[:, 2],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Why move in RM?
# :label: lu-move-rm
# In RM the gate is nearly shut. Why does the penalty move the state even there?
# ```
#
# ````{solution} lu-move-rm
# :class: dropdown
# The penalty is an input, and the weights that carry it to the cell are the same in all conditions: a network does not know which
# condition it is in other than by what is in its working memory. What helps in DM and NM moves the state in RM as well, if less.
# ````
#
# ```{exercise} The middle rows
# :label: lu-middle-rows
# In NM, which row is the brightest in the first steps of part 2, and what does it mean for a store that keeps snapshots of the middle of events?
# ```
#
# ````{solution} lu-middle-rows
# :class: dropdown
# The rows of the first and middle steps. States that hold only a few features are alike, for any event, so half-filled snapshots of the wrong event would be
# recalled. {doc}`fig4_encoding` stores such snapshots and measures the damage.
# ````
#
# ## Where this differs from the original
#
# The fast mode adds a term to the loss that makes states of different events less alike ({ref}`the fast recipe <lu-fast-recipe>`), so there is
# less for a first component to hold, and cosines to lures are smaller throughout than in the authors' networks. Their fall with the penalty is what is
# compared. The principal components are those of each network by itself, as in the original.

# %%
chapter.footer(networks)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
