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
# # The water maze: going straight to where the goal was
#
# Ritter et al. (2018), contextual water maze, on a grid · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** A hidden goal whose place depends on the context. Agents with memory search once and then
# swim straight; agents without search each time.

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
mode: str = "fast"  # smoke (seconds, not judged) | fast (4 by 4) | full (6 by 6)
seed: int = 0  # of the first network; the others follow it
n_seeds: int = None  # how many networks; None takes the mode's number
n_epochs: int = None  # training epochs; None takes the mode's number
side: int = None  # the grid is side by side cells; None takes the mode's number
n_contexts: int = None  # contexts and goals; None takes the mode's number

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.ritter2018.maze import MazeEpoch
from mempaper.ritter2018.recurring import WaterMaze

chapter = Chapter(
    "ritter2018/s3_water_maze",
    globals(),
    WaterMaze,
    "n_epochs",
    "side",
    "n_contexts",
)

# %% [markdown]
# ## The idea
#
# A water maze hides a platform under the surface. Here it is a cell of a grid, one for each context of an
# epoch. The agent sees its position, its last move and reward, and the context. Entering the goal cell
# pays 1 and sets it back to a random place, so knowing where the goal is pays again and again within an
# episode {footcite:p}`ritter2018been`. One move of all environments at once:

# %%
print(inspect.getsource(MazeEpoch.step))

# %% [markdown]
# ## The experiment

# %%
base = chapter.experiment
memory = base.result()
control = base.replace(variant="none").result()

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Left: steps to the first goal by encounter, falling steeply with memory, flat without. Middle: reward per episode by encounter, rising with memory, flat without. Right: steps to the first goal over training epochs at the last encounter."}, "figure": {"caption": "The water maze. A: moves until the goal is first reached. B: goals reached per episode. C: moves at the last encounter over training. Bands: 95 % confidence intervals over networks.", "name": "fig-ritter-maze"}}
shown = {
    "memory": (memory, plots.BLUE),
    "no memory": (control, plots.GREY),
}
encounters = np.arange(1, base.n_repetitions + 1)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.5))
for name, (run, colour) in shown.items():
    plots.mean_band(
        encounters, run["steps_by_encounter"], ax=axes[0], color=colour, label=name
    )
    plots.mean_band(
        encounters, run["reward_by_encounter"], ax=axes[1], color=colour
    )
    curve = run["steps_curve"][:, :, -1]
    plots.mean_band(np.arange(curve.shape[1]), curve, ax=axes[2], color=colour)
for ax in axes[:2]:
    ax.set(xlabel="encounter", xticks=encounters, ylim=(0, None))
axes[0].set_ylabel("steps to the first goal")
axes[1].set_ylabel("reward per episode")
axes[2].set(xlabel="training epoch", ylabel="steps, last encounter", ylim=(0, None))
axes[0].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims


# %%
steps_off = control["steps_by_encounter"]
chapter.judge(
    {
        "S3-1": stats.slopes(encounters, memory["steps_by_encounter"]),
        "S3-2": steps_off[:, -1] - steps_off[:, 0],
        "S3-3": stats.slopes(encounters, memory["reward_by_encounter"]),
        "S3-4": memory["reward_by_encounter"][:, -1]
        - control["reward_by_encounter"][:, -1],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} The best possible
# :label: ritter-shortest
# How many steps does an agent need on average that knows the goal, on a 4 by 4 grid, from a random other cell?
# ```
#
# ````{solution} ritter-shortest
# :class: dropdown
# The mean city-block distance of two random cells of an $n \times n$ grid is $2 (n^2 - 1)/(3n)$, which is 2.5 for
# $n = 4$; leaving out equal cells multiplies it by $16/15$: 2.67. What the agents need at the last
# encounter is a little more.
# ````
#
# ## Where this differs from the paper
#
# The paper's agents navigate a continuous space with visual input. The grid is ours, and so are its sizes.
# No curves of the paper are known to us; the expectations come from prototypes.

# %%
chapter.footer(memory, control)

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
