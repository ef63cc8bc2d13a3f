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
# # Playing with the authors' trained model
#
# Lu, Hasson & Norman (2022), the original code's demonstration · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** One trained network at any penalty and under both encoding policies. The authors published a checkpoint of theirs; if you
# have it, give it with `-p checkpoint FILE` and this chapter tests that network. Without a file it shows the same with our own.

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
checkpoint: str = None  # .pt or .npz file of one network; None: our own
penalty: float = 2  # of a wrong answer
simulation: int = 1  # 1: store at the end of an event; 2: midway as well
n_trials: int = 256  # of each test

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.lu2022 import curves, evaluation, figures, network_file, trials
from mempaper.lu2022.experiments import RecallLearning
from mempaper.parameters import ConfigError

chapter = Chapter(
    "lu2022/demo",
    globals(),
    RecallLearning,
    own=("checkpoint", "penalty", "simulation", "n_trials"),
)
if simulation not in (1, 2):
    raise ConfigError(f"simulation is {simulation!r}; it must be 1 or 2")
supplied = checkpoint and network_file.load_networks(checkpoint)
half = chapter.experiment.n_features // 2
own_test = curves.checked_test(
    chapter.experiment.n_features,
    penalty=penalty,
    segment=None if simulation == 1 else half,
    n_trials=n_trials,
)

# %% [markdown]
# ## The idea
#
# A trained network has its policy in its weights: when to answer, when to open the gate. What we can still change is the world. Two knobs are
# enough to see most of the paper: the **penalty** of a wrong answer, which the network is told, and whether snapshots from the **middle** of
# an event are stored.
#
# ### The file
#
# `checkpoint` takes what the authors' training saves, a `.pt` file that holds `network_state_dict`; a plain state dictionary; or an
# `.npz` file of arrays with the same names. For $H$ hidden and $D$ decision units and $I$ inputs:
#
# | name | weight | bias | what it is |
# |---|---|---|---|
# | `i2h` | $(4H + 1, I)$ | $4H + 1$ | from the input; rows: forget, output, input gate, one row without use, candidate |
# | `h2h` | $(4H + 1, H)$ | $4H + 1$ | from the last hidden state |
# | `ih` | $(D, H)$ | $D$ | decision layer |
# | `actor` | $(5, D)$ | 5 | four values and "don't know" |
# | `critic` | $(1, D)$ | 1 | value |
# | `hpc` | $(1, H + D)$ | 1 | recall gate; $(1, 2H + D)$ in the postgating model |
#
# The input holds the observed feature (16), its value (4), the queried feature (16), familiarity where the network was trained with it (1), and the
# penalty (1). Nothing in the file is executed. A tensor that is missing, unknown or of a wrong shape is named.

# %%
print(
    "network from a file"
    if supplied
    else "no file was given: our own networks are tested"
)
if supplied:
    net = supplied.network
    for name, tensor in net.state_dict().items():
        print(f"  {name:14} {tuple(tensor.shape[1:])}")
    print(f"  gate {'before' if net.gating == 'pre' else 'after'} recall")

# %% [markdown]
# ## The test

# %%
ours = chapter.experiment.trained()
networks = supplied or ours
penalties = sorted({0.0, 1.0, 2.0, 3.0, 4.0, float(penalty)})
course = {
    p: curves.curves(evaluation.evaluate(networks, replace(own_test, penalty=p)))
    for p in penalties
}
chosen = course[float(penalty)]
print("condition   right  don't know  wrong   gate")
for condition, name in enumerate(trials.CONDITIONS):
    shares = [
        chosen.mean(which, condition).mean()
        for which in ("accuracy", "dont_know", "mistake", "gate")
    ]
    print(f"{name:9}" + "".join(f"{share:9.3f}" for share in shares))
print(f"recall time {chosen.recall_time.mean():.2f}")
print(f"cumulative reward in DM {chosen.cumulative_reward.mean():.2f}")

# %% [markdown]
# ## The figure
#
# **A** to **C** show the course of the second part at the chosen penalty, **D** and **E** who opens the gate and what is recalled, **F** how accuracy
# depends on the penalty. Open markers in **F** are the authors' example network.

# %% mystnb={"image": {"alt": "A to C: stacked shares of right answers, don't know and errors over the second part in RM, DM and NM; RM is nearly all right, DM soon, NM along the diagonal. D: the gate is high at the first steps in DM and NM and near zero in RM. E: activation of the target rises early in DM; lures stay low. F: accuracy by penalty; it falls slightly in DM and NM and stays at one in RM."}, "figure": {"caption": "A trained network at one penalty. A-C: shares of right answers (blue), don't know (grey) and errors (red). D: gate. E: activation of the target (lines) and of a lure (dashes). F: accuracy against the penalty; open markers: the authors' example network.", "name": "fig-lu-demo"}}
fig, axes = plt.subplots(2, 3, figsize=(12.5, 7), constrained_layout=True)
for condition in range(3):
    figures.draw_behaviour(chosen, condition, ax=axes[0, condition])
axes[0, 0].set_ylabel("share of trials")
axes[0, 0].legend(loc="lower right", frameon=True)
figures.draw_by_condition(chosen.gate, ax=axes[1, 0])
axes[1, 0].set_ylabel("gate")
axes[1, 0].legend()
figures.draw_activation(chosen, ax=axes[1, 1])
axes[1, 1].legend()
known = claims.facts("lu2022", "example")
settings = (
    {0: "pen0", 2: "pen2", 4: "pen4"} if simulation == 1 else {2: "pen2_midway"}
)
for condition, name in enumerate(trials.CONDITIONS):
    colour = figures.COLOURS[name]
    samples = np.stack(
        [course[p].mean("accuracy", condition) for p in penalties], axis=1
    )
    plots.mean_band(penalties, samples, ax=axes[1, 2], label=name, color=colour)
    points = [known[setting]["accuracy"][name] for setting in settings.values()]
    plots.published_points(
        list(settings), points, ax=axes[1, 2], label=None, color=colour
    )
axes[1, 2].set(xlabel="penalty", ylabel="accuracy", ylim=(0, 1.03))
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# They are about the authors' network, so they need its file. The tests are those of penalty 2 with snapshots at the end.

# %%
measured = {"D1": None, "D2": None, "D3": None}
if supplied:
    their_test = curves.curves(
        evaluation.evaluate(supplied, evaluation.Test(penalty=2))
    )
    for claim, condition in zip(measured, range(3), strict=True):
        measured[claim] = their_test.mean("accuracy", condition)
chapter.judge(measured)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A cruel world
# :label: lu-cruel-world
# Networks were trained with penalties up to 4. What does one do at a penalty of 8?
# ```
#
# ````{solution} lu-cruel-world
# :class: dropdown
# Run the chapter with `-p penalty 8`. The input is a number, so the network extrapolates: it says "don't know" more often still,
# and recalls later. How far that carries depends on the network: nothing in its training asked for it.
# ````
#
# ```{exercise} One snapshot too many
# :label: lu-one-too-many
# Set `simulation` to 2 and raise the penalty from 0 to 4. Does the damage by midway memories grow?
# ```
#
# ````{solution} lu-one-too-many
# :class: dropdown
# Compare the cumulative rewards that the chapter prints. Caution keeps the share of errors down when they are costly, but each
# of them costs more, and answers are lost as well.
# ````
#
# ## Where this differs from the original
#
# The original's demonstration always loads the same network and shows it at one penalty; here the penalty runs from 0 to 4. Its test trials are drawn
# by another random generator, so shares differ by a few hundredths from run to run. Our own networks are those of {doc}`fig3_retrieval`
# ({ref}`lu-fast-recipe`).

# %%
chapter.footer(ours)

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`lu2022neural`.
#
# ```{footbibliography}
# ```
