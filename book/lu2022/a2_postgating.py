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
# # A gate behind the store
#
# Lu, Hasson & Norman (2022), appendix: postgating · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The gate can stand behind the store as well as before it: recall happens at every step, and the network decides afterwards
# whether to let it in. The same policy emerges, with one difference. This gate has seen what was recalled, and it opens for useful content.

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
penalty: float = 2  # of a wrong answer, in the tests of panels A to D
midway: bool = False  # store midway too, in training and test
n_trials: int = 256  # of each test

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import curves, evaluation, figures, groups, trials
from mempaper.lu2022.experiments import RecallLearning
from mempaper.lu2022.model import RecallLSTM

chapter = Chapter(
    "lu2022/a2_postgating",
    globals(),
    RecallLearning,
    own=("penalty", "midway", "n_trials"),
)
features = chapter.experiment.n_features
asked = curves.checked_test(
    features,
    penalty=penalty,
    segment=features // 2 if midway else None,
    n_trials=n_trials,
)

# %% [markdown]
# ## The idea
#
# The gate of {doc}`fig3_retrieval` stands *before* the store. It scales the drive of the {term}`leaky competing accumulators`, and has to decide
# before it has seen anything. In the **postgating** network all memories are driven with the same strength $0.3$, and a gate that also sees
# what came, $\mathbf r$, scales it:
#
# $$
# \mathbf V = \mathrm{LCA}\big(0.3 \cos(\mathbf c', \mathbf m_k)\big), \quad \mathbf r = \sum_k V_k\, \mathbf m_k, \quad
# g = \sigma\big(\mathbf w_g [\mathbf r; \mathbf c'; \mathbf d'] + b_g\big), \quad \mathbf c = \mathbf c' + g\, \mathbf r .
# $$
#
# The activation of a memory is now $g V_k$, the share of it that gets through. Both kinds in code, one step each:

# %%
print(inspect.getsource(RecallLSTM.step))

# %% [markdown]
# ## The experiment

# %%
before = chapter.experiment.trained()
name = "vary-test-penalty-postgate" + ("-midway" if midway else "")
behind = groups.group(chapter.experiment, name).trained()
tests = {
    (kind, p): evaluation.evaluate(networks, replace(asked, penalty=p))
    for kind, networks in (("before", before), ("behind", behind))
    for p in sorted({0, 2, 4, penalty})
}
course = {key: curves.curves(test) for key, test in tests.items()}

# %% [markdown]
# ## The figure
#
# The first five panels are those of the figure in {doc}`fig3_retrieval`, for networks with the gate behind the store. Answers (A) look the same, and the gate
# (C) is again open in the beginning of DM and much less so in RM. The difference is NM: a gate before the store opens there for longest, since it finds nothing and
# tries again; a gate behind it sees that what comes is of little use. F puts the two side by side.

# %% mystnb={"image": {"alt": "A: stacked shares of answers for the three conditions, as with a gate before the store. B: the target's activation in DM has a peak early, lures stay low. C: the gate over time is highest in DM. D: in DM the gate by whether the feature was seen recently. E: recall time of each network at three penalties. F: bars of the mean gate by condition; before the store NM is highest, behind it DM. G: ROC curves of both kinds."}, "figure": {"caption": "The gate behind the store. A: shares of right answers (blue), don't know (grey) and errors (red). B: activation of the target (lines) and per lure (dashes). C: gate. D: gate in DM, split by whether the feature was seen in the second part. E: recall time at three penalties. F: mean gate for both places of the gate; dots are networks. G: recall ROC of both. Lines are means over networks, bands their 95 % confidence intervals; thin lines in E are networks.", "name": "fig-lu-postgating"}}
shown, test = course["behind", penalty], tests["behind", penalty]
fig, grid = plt.subplot_mosaic(
    [["RM", "DM", "NM"], ["B", "C", "D"], ["E", "F", "G"]], figsize=(12, 10)
)
for condition, key in enumerate(trials.CONDITIONS):
    figures.draw_behaviour(shown, condition, ax=grid[key])
grid["RM"].set_ylabel("share of trials")
grid["RM"].legend(loc="lower right", frameon=True)
figures.draw_activation(shown, ax=grid["B"])
grid["B"].legend(fontsize="x-small")
figures.draw_by_condition(shown.gate, ax=grid["C"])
grid["C"].set_ylabel("gate")
grid["C"].legend()
figures.draw_split(test, ax=grid["D"])
grid["D"].legend()
figures.draw_paired(
    [course["behind", p].recall_time for p in (0, 2, 4)],
    ["0", "2", "4"],
    ax=grid["E"],
)
grid["E"].set(xlabel="penalty", ylabel="recall time")
bars = [
    (f"{key}\n{kind}", course[kind, penalty].mean("gate", c), figures.COLOURS[key])
    for kind in ("before", "behind")
    for c, key in enumerate(trials.CONDITIONS)
]
figures.draw_bars(bars, ax=grid["F"])
grid["F"].set_ylabel("mean gate")
grid["F"].tick_params(axis="x", labelsize="x-small")
for kind, colour in (("before", plots.GREY), ("behind", figures.TARGET)):
    figures.draw_rocs(
        tests[kind, penalty], ax=grid["G"], color=colour, label=f"gate {kind}"
    )
grid["G"].legend()
plots.panel_letters([grid[x] for x in "BCDEFG"], "BCDEFG")
plots.panel_letters([grid["RM"]])

# %% [markdown]
# ## Claims

# %%
RM, DM, NM = trials.RM, trials.DM, trials.NM
post = {p: course["behind", p].mean for p in (0, 2, 4)}
steps = [
    mean("accuracy", more) - mean("accuracy", less)
    for mean in post.values()
    for more, less in ((RM, DM), (DM, NM))
]
chapter.judge(
    {
        "A2a": np.min(steps, 0),
        "A2b": post[2]("gate", DM) - post[2]("gate", NM),
        "A2c": post[2]("gate", DM) - post[2]("gate", RM),
        "A2d": post[2]("target", DM) - post[2]("lure", DM),
        "A2e": course["behind", 4].recall_time - course["behind", 0].recall_time,
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} What the gate is worth
# :label: lu-gate-worth
# With a gate behind the store, memories compete at every step with the same strength. Why does the network still need a gate?
# ```
#
# ````{solution} lu-gate-worth
# :class: dropdown
# Because competition only decides *which* memory comes, and in NM whatever wins is a lure. And in RM the target is liker to the state than ever, so that
# it would be added again and again to a state that already contains it.
# ````
#
# ```{exercise} The original's launcher
# :label: lu-postgate-midway
# The original's launcher trains postgating networks that store midway, too. Does that change the comparison?
# ```
#
# ````{solution} lu-postgate-midway
# :class: dropdown
# `papermill book/lu2022/a2_postgating.ipynb out.ipynb -y "midway: true"` trains them and tests both kinds with that policy. Note that networks with
# the gate before the store have never met midway memories in training ({doc}`fig4_encoding` shows what these do to them), while
# these have, and can learn to cope.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's training is our own: see {ref}`lu-fast-recipe`. The first phase is shared with the other networks; the weights of the gate start
#   as they were drawn.
# - By its instructions the original varies the penalty in this simulation; its launcher, though, stores midway in training. The default
#   here follows the instructions, `midway` the launcher.
# - The original's analysis takes $\mathbf c - \mathbf r$ for the state before recall, where it should be $\mathbf c - g\,\mathbf r$, by a slip; here it is the
#   state itself.
# - No values of these networks were published that we could draw. What the ledger gives for comparison is an earlier prototype of our own.

# %%
chapter.footer(before, behind)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
