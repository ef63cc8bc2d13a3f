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
# # Recall when it is needed
#
# Lu, Hasson & Norman (2022), Fig. 3 A–E · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Nobody tells the networks when to look into their episodic memory. They learn to do so just after a gap that emptied
# working memory, for what they have not seen since, and a little later when errors are costly. When working memory still holds
# the event, the gate stays shut.

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
penalty: float = 2  # of a wrong answer, in panels A to D
n_trials: int = 1024  # of each test (the paper: 256); more make recall times exact
permute_observations: bool = True  # features are observed in random order
reinforcement: bool = True  # learn from rewards; False goes on predicting

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots, stats
from mempaper.chapter import Chapter
from mempaper.lu2022 import analysis, curves, evaluation, figures, trials
from mempaper.lu2022.experiments import RecallLearning

chapter = Chapter(
    "lu2022/fig3_retrieval",
    globals(),
    RecallLearning,
    "permute_observations",
    "reinforcement",
    own=("penalty", "n_trials"),
)
asked = curves.checked_test(
    chapter.experiment.n_features, penalty=penalty, n_trials=n_trials
)

# %% [markdown]
# ## The idea
#
# A network watches an event of sixteen features and is asked for one feature after the other. Then it watches the same event again. In
# between, its working memory is left as it is (**RM**, recent memory), or emptied (**DM**, distant memory). In both cases a
# snapshot of its {term}`cell state` at the end of the first part lies in the store, next to one of another event: a {term}`lure`. In
# the third condition (**NM**, no memory) working memory is emptied too, and all that lies in the store are lures.
#
# Recall is not free. A recalled lure brings back the values of another event, and a wrong answer costs the *penalty*, while "don't
# know" costs nothing. So there is something to decide at every step. The gate $g_t$ is how the network decides it: it scales the drive of the
# {term}`leaky competing accumulators` of the stored states $\mathbf m_k$,
#
# $$
# \mathbf V_t = \mathrm{LCA}\big(g_t \cos(\mathbf c'_t, \mathbf m_k)\big), \qquad
# \mathbf c_t = \mathbf c'_t + \sum_k V_{k,t}\,\mathbf m_k ,
# $$
#
# and $V_{k,t}$ is called the *activation* of memory $k$. With $g_t = 0$ nothing is recalled, whatever the store holds
# {footcite:p}`lu2022neural`.
#
# *When* a network recalls is told by one number, the mean step of the second part, counted from 1 and weighted with the gate in DM:

# %%
print(inspect.getsource(analysis.recall_time))

# %% [markdown]
# ## The experiment
#
# The networks are trained with penalties from 0 to 4, drawn anew for each trial and told to the network. Now weights are frozen, and each network
# is tested at fixed penalties with 256 new trials. Its answer is the most probable action. The first trials, before
# the store is full, do not count.

# %%
trained = chapter.experiment.trained()
tests = {
    p: evaluation.evaluate(trained, replace(asked, penalty=p))
    for p in sorted({0, 2, 4, penalty})
}
course = {p: curves.curves(test) for p, test in tests.items()}

# %% [markdown]
# ## When the gate opens
#
# Look at DM first (panel A, middle). In the beginning the network does not know, as it must. Then the gate opens for a few steps (C), the right
# memory becomes active (B), and from there on most answers are right, long before the features have been seen again. In NM the gate
# opens as well, for a network cannot know that its store is of no use until it has looked; a few errors are the price. In RM there is no
# need to look, and the gate stays shut.
#
# Panel D divides the steps of DM by what the network can know. Where the queried feature has come up since the gap, working memory
# has the answer, and the gate is lower than at the same step of other trials, where only recall can help.

# %% mystnb={"image": {"alt": "A: stacked shares of right answers, don't know and errors over the sixteen steps of the second part. In RM all answers are right; in DM don't know gives way to right answers within a few steps; in NM right answers grow slowly along a diagonal and some are wrong. B: the target's activation in DM has a peak in the first steps, lures stay low. C: the gate has a peak at steps 1 to 3 in DM and NM and is near zero in RM. D: in DM the gate is higher for features not seen recently. E: recall time of each network is latest at the highest penalty."}, "figure": {"caption": "The learned policy. A: shares of right answers (blue), don't know (grey) and errors (red) by condition. B: activation of the target (lines) and per lure (dashes). C: gate. D: gate in DM, split by whether the queried feature was seen in the second part. E: recall time at test penalties 0, 2 and 4; thin lines are networks. Lines are means over networks, bands their 95 % confidence intervals. Open markers: the authors' 15 models, in D their example model.", "name": "fig-lu-retrieval"}}
shown, test = course[penalty], tests[penalty]
theirs = {p: claims.facts("lu2022", f"pen{p}") for p in (0, 2, 4)}
fig, grid = plt.subplot_mosaic(
    [["RM"] * 4 + ["DM"] * 4 + ["NM"] * 4, [x for x in "BCDE" for _ in range(3)]],
    figsize=(13, 7),
)
for condition, name in enumerate(trials.CONDITIONS):
    figures.draw_behaviour(
        shown, condition, ax=grid[name], published=theirs.get(penalty)
    )
grid["RM"].set_ylabel("share of trials")
grid["RM"].legend(loc="lower right", frameon=True)
figures.draw_activation(shown, ax=grid["B"], published=theirs.get(penalty))
grid["B"].legend(fontsize="x-small")
gates = theirs.get(penalty, {}).get("gate")
figures.draw_by_condition(shown.gate, ax=grid["C"], published=gates)
grid["C"].set_ylabel("gate")
grid["C"].legend()
example = claims.facts("lu2022", "example_split")
figures.draw_split(
    test,
    ax=grid["D"],
    published=(example["gate_not_seen"], example["gate_seen"])
    if penalty == 2
    else None,
)
grid["D"].legend()
figures.draw_paired(
    [course[p].recall_time for p in theirs],
    [str(p) for p in theirs],
    ax=grid["E"],
    published=[facts["recall_time"] for facts in theirs.values()],
)
grid["E"].set(xlabel="penalty", ylabel="recall time")
plots.panel_letters([grid[name] for name in ("B", "C", "D", "E")], "BCDE")
plots.panel_letters([grid["RM"]])

# %% [markdown]
# ## What the penalty changes
#
# When errors cost nothing, "don't know" is never the best answer. The higher the penalty, the more often the networks say it, and the fewer errors are left
# (panel A). They also become choosier in what they recall. The score of a trial is the largest activation of any memory at any step; the
# area under the ROC curve (B, C) is about the probability that a target in DM scores higher than the lures in NM. And the *likeness* to the
# target (D), which says how strongly the target would be recalled by an open gate, stays high to the end. It is the gate, not the
# store, that ends recall.

# %% mystnb={"image": {"alt": "A: don't know rises and errors fall with the penalty, in DM and NM. B: three ROC curves above the diagonal, the one of penalty 4 highest. C: area under the curve for each network rises with the penalty. D: cosine of the state with the target in DM and RM is high at all later steps, that with lures stays low."}, "figure": {"caption": "Tests at three penalties. A: shares of don't know (full lines) and of errors (dashes) in DM and NM. B: recall ROC, targets in DM against lures in NM, mean over networks. C: area under it; thin lines are networks. D: cosine between the cell state before recall and the target (lines) or a lure (dashes), penalty of the first figure. Open markers: the authors' 15 models.", "name": "fig-lu-penalty"}}
fig, grid = plt.subplots(2, 2, figsize=(10, 7.6))
axes = grid.ravel()
penalties = list(theirs)
for condition in (trials.DM, trials.NM):
    name = trials.CONDITIONS[condition]
    for what, line, marker in (("dont_know", "-", "o"), ("mistake", "--", "^")):
        colour = figures.COLOURS[name]
        shares = [course[p].mean(what, condition) for p in penalties]
        plots.mean_band(
            penalties,
            np.stack(shares, 1),
            ax=axes[0],
            color=colour,
            ls=line,
            label=f"{name} {'don’t know' if what == 'dont_know' else 'error'}",
        )
        published = [np.mean(theirs[p][what][name]) for p in penalties]
        plots.published_points(
            penalties,
            published,
            ax=axes[0],
            color=colour,
            marker=marker,
            label=None,
        )
axes[0].set(xlabel="penalty", ylabel="share of answers", xticks=penalties)
axes[0].legend(
    fontsize="x-small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1)
)
for p, shade in zip(penalties, (0.35, 0.65, 1.0), strict=True):
    figures.draw_rocs(
        tests[p],
        ax=axes[1],
        color=figures.TARGET,
        alpha=shade,
        label=f"penalty {p}",
    )
axes[1].legend(fontsize="small")
figures.draw_paired(
    [course[p].recall_auc for p in penalties],
    [str(p) for p in penalties],
    ax=axes[2],
    published=[theirs[p]["auc"] for p in penalties],
)
axes[2].set(xlabel="penalty", ylabel="area under the ROC curve")
figures.draw_likeness(test, ax=axes[3])
axes[3].legend(fontsize="x-small", loc="center right")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
RM, DM, NM = trials.RM, trials.DM, trials.NM
pen = {p: course[p].mean for p in (0, 2, 4)}


def smallest(name: str, more: int, less: int) -> np.ndarray:
    """Difference between two conditions, the smallest over penalties."""
    return np.min([mean(name, more) - mean(name, less) for mean in pen.values()], 0)


def helped(p: int) -> np.ndarray:
    """Accuracy in DM minus NM."""
    return pen[p]("accuracy", DM) - pen[p]("accuracy", NM)


def early(name: str) -> np.ndarray:
    """Not recently seen minus seen in DM at penalty 2, mean over steps 1 to 4."""
    part = curves.second_part(tests[2])
    target = analysis.target_and_lure(tests[2].activation, tests[2].condition)[0]
    values = {"gate": tests[2].gate, "target": target}[name][:, :, part]
    no, yes = curves.split_by_source(tests[2], values)
    return (no - yes)[:, 1:5].mean(1)


gate = course[2].gate
later = course[4].recall_time - course[0].recall_time
chapter.judge(
    {
        "C3.1a": pen[2]("accuracy", RM),
        "C3.1b": pen[2]("accuracy", DM),
        "C3.1c": stats.exact(helped(2).min()),
        "C3.1d": pen[2]("mistake", DM),
        "C3.1e": smallest("accuracy", RM, DM),
        "C3.1f": smallest("accuracy", DM, NM),
        "C3.2a": stats.exact(helped(0).min()),
        "C3.2b": helped(4),
        "C3.2c": pen[4]("dont_know", DM) - pen[0]("dont_know", DM),
        "C3.2d": pen[4]("dont_know", NM) - pen[0]("dont_know", NM),
        "C3.2e": pen[0]("mistake", DM) - pen[4]("mistake", DM),
        "C3.2f": pen[0]("mistake", NM) - pen[4]("mistake", NM),
        "C3.3a": smallest("gate", DM, RM),
        "C3.3b": pen[2]("gate", DM),
        "C3.3c": pen[2]("gate", NM) - pen[2]("gate", DM),
        "C3.3d": stats.exact(gate[:, DM].mean(0).argmax()),
        "C3.3e": gate[:, RM].max(-1),
        "C3.4a": pen[2]("target", DM),
        "C3.4b": pen[2]("target", DM) - pen[2]("lure", DM),
        "C3.4c": pen[2]("target", DM) - pen[2]("target", RM),
        "C3.4d": pen[2]("lure", NM) - pen[2]("lure", DM),
        "C3.5a": early("gate"),
        "C3.5b": early("target"),
        "C3.6a": later,
        "C3.6b": stats.exact(later.min()),
        "C3.6c": course[2].recall_time,
        "C3.6d": course[2].recall_time - course[0].recall_time,
        "C3.8": course[4].recall_auc - course[0].recall_auc,
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Always in the same order
# :label: lu-fixed-order
# With `permute_observations` false, each feature is observed at the very step at which it is asked for. What will the gate learn?
# ```
#
# ````{solution} lu-fixed-order
# :class: dropdown
# `papermill book/lu2022/fig3_retrieval.ipynb out.ipynb -y "permute_observations: false"` trains these networks (the original has a launcher for
# them, `vary-test-penalty-fixobs`, which passes the option in a way that has no effect). In a test every answer is in
# the present input, so neither working memory nor recall is worth anything, and rewards give the gate no reason to open in one condition rather than in
# another.
# ````
#
# ```{exercise} A best time to recall
# :label: lu-best-time
# A network that recalls at the first step of the second part would have the benefit of all sixteen steps. Why do networks wait for a step
# or two?
# ```
#
# ````{solution} lu-best-time
# :class: dropdown
# Memories compete by their likeness to the present state. Right after the gap the state is random, and the target is hardly
# liker to it than a lure (panel D of the second figure). Each observation brings the state closer to the target. Waiting pays when
# mistakes cost more than missed answers: hence the shift with the penalty.
# ````
#
# ```{exercise} What rewards teach
# :label: lu-no-rewards
# With `reinforcement` false the networks go on predicting values and never learn from penalties. Which panels change?
# ```
#
# ````{solution} lu-no-rewards
# :class: dropdown
# `papermill book/lu2022/fig3_retrieval.ipynb out.ipynb -y "reinforcement: false"`. "Don't know" is not worth anything any more, since the loss looks at the probabilities of the
# values alone, and the penalty input has no meaning: there is no reason for panel E to rise. Recall itself remains useful, because it
# helps to predict.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's training is our own: see {ref}`lu-fast-recipe`. Smaller networks, trained for a shorter time, know a little less in RM
#   and in DM at high penalties than the authors'.
# - Each network has its own test trials; in the original all are tested with the same ones.
# - In NM the original's bars of activation are those of its last model for all of them, by a slip; here each network has its own.
# - Intervals are Student's over networks, where the original draws one standard error.

# %%
chapter.footer(trained)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
