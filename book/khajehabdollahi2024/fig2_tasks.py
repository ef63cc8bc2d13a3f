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
# # Two tasks and three curricula
#
# Khajehabdollahi et al. (2024), Fig. 2 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** What the networks are asked: the parity of the last $N$ bits, or whether the bit $N$ places back
# equals the last one. And in which order the memory lengths $N$ are trained.

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
seed: int = 0  # of the random sequences
n_seeds: int = None  # how many networks; None takes the mode's number
init_heads: int = 1  # how many N a curriculum of several heads begins with
add_heads: int = 1  # how many N a pass adds (cumulative)
forget_heads: int = 1  # how many N a pass exchanges (sliding)
window: int = 3  # how many N the sliding window holds

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import HTML, display
from matplotlib.ticker import MultipleLocator

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.ensemble import member_generators
from mempaper.khajehabdollahi2024 import curriculum as curricula
from mempaper.khajehabdollahi2024 import figures, task
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning

chapter = Chapter(
    "khajehabdollahi2024/fig2_tasks",
    globals(),
    CurriculumLearning,
    "init_heads",
    "add_heads",
    "forget_heads",
    own=("window",),
)

# %% [markdown]
# ## The idea
#
# One bit comes per step, and nothing else: no noise, no delay, no cue. After the last one the network answers.
#
# - **N-parity**: is the number of ones among the last $N$ bits odd? A running sum modulo 2 is easy to keep. The hard part
#   is to take out the bit of $N$ steps ago, which takes an exact memory of the order of all $N$.
# - **N-DMS** (delayed match to sample): is the bit $N$ places from the end, itself counted, equal to the last one?
#
# How long the sequence will be is not known beforehand, so the answer must be ready after every bit. All labels for
# all $N$ at once:

# %%
print(inspect.getsource(task.labels))

# %% [markdown]
# A network with **one head** learns $N = 2$, then with the same readout $N = 3$, and so on. A network with **several heads** gets a
# new readout for every further $N$ and goes on training the earlier ones. A **sliding window** has several heads, too, but
# drops the shortest memories as longer ones come. Whenever the test after an epoch gives more than 98 %, averaged over
# the heads and for the newest head alone, the curriculum goes on.

# %%
print(inspect.getsource(curricula.Curriculum.after))
print(inspect.getsource(curricula.passed))

# %% [markdown]
# ## The tasks, drawn
#
# A sequence of ten bits and its right answers:

# %% mystnb={"image": {"alt": "Ten squares, black for one and white for zero, with brackets below that mark the last two, four and seven bits."}, "figure": {"caption": "The same sequence asks about many memory lengths. Brackets: the bits that matter for three of them.", "name": "fig-khaj-sequence"}}
rng = np.random.default_rng(chapter.experiment.seed)
bits = torch.from_numpy(rng.integers(0, 2, 10))
fig, ax = plt.subplots(figsize=(8, 2.6))
ax.set_title("bits, the last one at the right", loc="left")
ax = figures.draw_sequence(bits.tolist(), (2, 4, 7), ax=ax)

# %%
asked = range(2, 9)
rows = {name: task.labels(name, bits, asked).tolist() for name in ("parity", "dms")}
head = "".join(f"<th>N = {n}</th>" for n in asked)
body = "".join(
    f"<tr><th>{name}</th>" + "".join(f"<td>{answer}</td>" for answer in answers)
    for name, answers in rows.items()
)
display(HTML(f"<table><tr><th>right answer</th>{head}</tr>{body}</table>"))

# %% [markdown]
# ## The curricula, drawn

# %% mystnb={"image": {"alt": "Three grids of N against the step of the curriculum. Several heads: columns that grow by one square at the top. Sliding: a window that moves up. One head: a diagonal of single squares."}, "figure": {"caption": "Memory lengths in training at each step of a curriculum; outlined where they are new. Each step lasts until the network passes the test.", "name": "fig-khaj-curricula"}}
own = chapter.experiment
kinds = {
    "cumulative": ("several heads", figures.MULTI, own.init_heads),
    "sliding": ("sliding window", figures.LONG, window),
    "single": ("one head", figures.SINGLE, 1),
}
fig, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True)
for ax, (kind, (name, colour, first)) in zip(axes, kinds.items(), strict=True):
    plan = curricula.Curriculum(kind, first, own.add_heads, own.forget_heads)
    stages = [plan.start]
    while len(stages) < 5:
        stages.append(plan.after(stages[-1]))
    figures.draw_curriculum(stages, ax=ax, colour=colour)
    ax.set_title(name)
axes[0].set(ylim=(1.3, max(ax.dataLim.y1 for ax in axes) + 0.3))
axes[0].yaxis.set_major_locator(MultipleLocator(1))
for ax in axes[1:]:
    ax.set_ylabel("")
plots.panel_letters(axes)

# %% [markdown]
# ## How hard is guessing?
#
# In the parity task every sequence has its own chance $p$ of a 1, uniform between 0 and 1. This has a consequence that is
# easy to miss: for even $N$ the answers are not balanced. The chance of an odd sum is $\tfrac12 (1 - (1-2p)^N)$, and its mean
# over $p$ is $\tfrac12\left(1 - \tfrac{1}{N+1}\right)$. Under the training distribution a network that always says "even" is right in
# two thirds of the cases at $N = 2$. Later analyses therefore use streams with $p = \tfrac12$, where chance is one half.

# %%
n_batches = 600 if chapter.mode != "smoke" else 3
generators = member_generators(own.seed, 1)


def drawn(name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of 1 among the answers and length of the sequences, for each batch."""
    batches = [
        task.sample_trials(name, [[n]], 256, generators) for _ in range(n_batches)
    ]
    answers = np.array([b.labels.float().mean() for b in batches])
    return answers, np.array([b.bits.shape[-1] for b in batches])


odd = {n: drawn("parity", n) for n in (2, 3, 4, 6, 10)}
match, _ = drawn("dms", 10)
for n, (answers, _) in odd.items():
    theory = 0.5 * (1 - (1 / (n + 1) if n % 2 == 0 else 0))
    print(f"N = {n:2}: {answers.mean():.3f} odd, expected {theory:.3f}")

# %% [markdown]
# ## Claims

# %%
from mempaper.stats import exact

chapter.judge(
    {
        "T-1": exact(odd[2][0].mean(), n_batches),
        "T-2": exact(odd[10][0].mean(), n_batches),
        "T-3": exact(match.mean(), n_batches),
        "T-4": exact((odd[10][1].mean() - 1.5) / 10, n_batches),
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A finite machine
# :label: khaj-machine
# How many states does a machine need that answers $N$-parity after every bit, without error? And one for $N$-DMS? Count the last
# $N$ bits that must be known.
# ```
#
# ````{solution} khaj-machine
# :class: dropdown
# After each bit the oldest of the last $N$ drops out, and one has to know what it was; then the next, and so on. So all of the
# last $N$ bits are needed, $2^N$ states, although the answer is a single bit. For DMS it is the same: any of the last
# $N - 1$ bits will be the sample sooner or later. The two tasks ask for the same memory and differ in what is read from it.
# ````
#
# ```{exercise} Chance
# :label: khaj-chance
# Derive the share of odd answers for all $p$ uniform, and check it for an odd $N$.
# ```
#
# ````{solution} khaj-chance
# :class: dropdown
# $$
# \int_0^1 \tfrac12\,(1 - (1-2p)^N)\,dp = \tfrac12 - \tfrac12 \int_{-1}^{1} \tfrac{u^N}{2}\,du
# $$
#
# The integral on the right is $\tfrac{1}{N+1}$ for even $N$
# and 0 for odd $N$, where answers are balanced.
# ````
#
# ## Where this differs from the original
#
# The sequences have the original's distribution; their statistics are compared with it in {doc}`../checked`. Labels are
# computed for all sequences and memory lengths at once instead of one by one.

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
