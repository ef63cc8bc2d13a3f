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
# # When all events are alike
#
# Lu, Hasson & Norman (2022), appendix: event similarity and penalty · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Two worlds: in one, events that follow each other have little in common, in the other much. Where events are alike, the wrong memory
# comes more easily, and so there is more reason not to recall when errors are costly.

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
low_max: float = 0.4  # largest similarity of successive events, first group
high_min: float = 0.35  # least similarity of successive events, second group
n_trials: int = 256  # of each test

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import curves, evaluation, groups, task, trials
from mempaper.lu2022.experiments import RecallLearning

chapter = Chapter(
    "lu2022/a3_similarity",
    globals(),
    RecallLearning,
    own=("low_max", "high_min", "n_trials"),
)
base = chapter.experiment
worlds = {
    "low": groups.group(base, "similarity-low").replace(similarity_max=low_max),
    "high": groups.group(base, "similarity-high").replace(similarity_min=high_min),
}
asked = curves.checked_test(base.n_features, n_trials=n_trials)

# %% [markdown]
# ## The idea
#
# Two events are as similar as the share of features in which they agree; of random events with four values per feature a quarter agrees. A new event
# is drawn again until its similarity $s$ to each of the two before it lies within bounds:
#
# $$ s_\text{low} \in [0, 0.4], \qquad s_\text{high} \in [0.35, 0.9] . $$
#
# The store holds just those events: the present one and the one before. The more alike they are, the more often the few features seen so far fit
# both, and the more easily the {term}`lure` is recalled instead of the right memory.

# %%
print(inspect.getsource(task.sample_events))

# %% [markdown]
# ## The experiment
#
# One group of networks is trained and tested in each world. For both, the penalty is drawn for each trial in training and fixed in the test.

# %%
penalties = (0, 2, 4)
trained = {world: group.trained() for world, group in worlds.items()}
tests = {
    (world, p): evaluation.evaluate(networks, replace(asked, penalty=p))
    for world, networks in trained.items()
    for p in penalties
}
course = {key: curves.curves(test) for key, test in tests.items()}


def by_penalty(world: str, name: str, condition: int) -> np.ndarray:
    """Mean over the second part at each penalty, (member, penalty)."""
    means = [course[world, p].mean(name, condition) for p in penalties]
    return np.stack(means, 1)


# %% [markdown]
# ## The figure
#
# The paper asks for an interaction: does the penalty lower recall *more* where events are alike? Look at how the two lines run relative to each
# other in B and C, not only at how high they lie.

# %% mystnb={"image": {"alt": "A: histograms of the similarity of successive events; in the low world they lie below 0.4, in the high world above 0.35. B: target activation in DM against the penalty for both worlds. C: gate in DM against the penalty. D: activation per lure in NM; it is higher in the world of high similarity. E: accuracy in DM falls with the penalty. F: area under the recall ROC."}, "figure": {"caption": "Two worlds, three penalties. A: similarity of successive events in the tests. B: activation of the target in DM. C: gate in DM. D: activation per lure in NM. E: accuracy in DM. F: area under the recall ROC. Lines are means over networks, bands their 95 % confidence intervals.", "name": "fig-lu-similarity"}}
DM, NM = trials.DM, trials.NM
fig, grid = plt.subplots(2, 3, figsize=(11.5, 6.8))
axes = grid.ravel()
panels = (
    ("target", DM, "target activation in DM"),
    ("gate", DM, "gate in DM"),
    ("lure", NM, "activation per lure in NM"),
    ("accuracy", DM, "accuracy in DM"),
)
for world, colour in (("low", plots.SKY), ("high", plots.RED)):
    style = {"color": colour, "label": f"{world} similarity"}
    events = tests[world, 2].trials.values
    alike = task.similarity(events[:, 1:], events[:, :-1])
    edges = (np.arange(base.n_features + 2) - 0.5) / base.n_features
    axes[0].hist(alike.ravel(), edges, density=True, alpha=0.6, **style)
    for ax, (name, condition, label) in zip(axes[1:5], panels, strict=True):
        means = by_penalty(world, name, condition)
        plots.mean_band(penalties, means, ax=ax, marker="o", **style)
        ax.set(xlabel="penalty", ylabel=label, xticks=penalties)
    area = np.stack([course[world, p].recall_auc for p in penalties], 1)
    plots.mean_band(penalties, area, ax=axes[5], marker="o", **style)
axes[0].set(xlabel="similarity of successive events", ylabel="density")
axes[0].legend(fontsize="small")
axes[5].set(xlabel="penalty", ylabel="area under the ROC", xticks=penalties)
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
change = {
    (world, name): by_penalty(world, name, DM)[:, 2]
    - by_penalty(world, name, DM)[:, 0]
    for world in worlds
    for name in ("target", "gate")
}
lures = {world: course[world, 2].mean("lure", NM) for world in worlds}
chapter.judge(
    {
        "A3a": change["low", "target"] - change["high", "target"],
        "A3b": change["low", "gate"] - change["high", "gate"],
        "A3c": lures["high"] - lures["low"],
        "A3d": -change["high", "target"],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Abroad
# :label: lu-abroad
# Test each group in the other one's world. Is it the events of the test that lower recall, or what was learned from those in training?
# ```
#
# ````{solution} lu-abroad
# :class: dropdown
# A group's world is a field of what was trained: `replace(trained["high"], task=trained["low"].task)` are the networks of the second group in the world
# of the first. Test them with `evaluation.evaluate(..., replace(asked, penalty=4))` and compare `curves.curves(...).mean("gate", trials.DM)` with panel C. The gate stays
# almost what it is at home: caution was learned. What the events of the test change is which memory comes, to be seen from the lures and from the area
# under the ROC curve.
# ````
#
# ```{exercise} Room for likeness
# :label: lu-room
# What is the largest `high_min` that is possible with sixteen features and four values?
# ```
#
# ````{solution} lu-room
# :class: dropdown
# Similarities are multiples of $1/16$, and the upper bound of 0.9 allows 14 of 16. But an event has to be found by chance: the probability that two
# events agree in at least $k$ features falls quickly with $k$, and the package gives up after 100 000 draws for one event, with a message that names
# the largest similarity it saw.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's training is our own: see {ref}`lu-fast-recipe`. Each group has its own first phase.
# - The original compares the target's activation; the gate, lures, accuracy and ROC are additions.
# - In the original the test of each network draws its events with the bounds of its training; so it is here.
# - No values of these networks were published that we could draw. What the ledger gives for comparison is an earlier prototype of our own, with
#   two networks per group, in which the interaction was not to be seen in the target's activation.

# %%
chapter.footer(*trained.values())

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
