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
# # The cell: an LSTM with a dictionary
#
# Ritter et al. (2018), the model · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The five gates of the cell, drawn; one step of it taken apart in numbers;
# and what happens to the cell state when the reinstatement gate lets a memory in.

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
mode: str = "fast"  # smoke | fast | full: the same here, nothing is trained
seed: int = 0  # of the network and of the memory's content
n_seeds: int = None  # how many networks; None takes the mode's number
kernel: str = "l2"  # similarity of query and key: l2 | l1 | cosine
hidden_size: int = None  # LSTM units; None takes the original's 32

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import torch

from mempaper.chapter import Chapter
from mempaper.memory import EpisodicMemory
from mempaper.ritter2018 import figures
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.ritter2018.model import DNDLSTM, Agent, DNDLSTMCell

chapter = Chapter(
    "ritter2018/fig1_cell",
    globals(),
    ContextualChoiceTraining,
    "kernel",
    "hidden_size",
)

# %% [markdown]
# ## The idea
#
# A recurrent network that learned to learn forgets everything when its episode ends. The cell below
# has a way back: what it knew in a similar situation is stored in a dictionary, and a gate
# decides how much of it returns {footcite:p}`ritter2018been`.

# %% mystnb={"image": {"alt": "Diagram of the cell. The cell state runs along a line from left to right; a forget gate multiplies it, input gate times candidate is added, then the dictionary's answer, squashed by tanh and multiplied by the reinstatement gate, is added. The new cell state is written into the dictionary and, times the output gate, becomes the hidden state."}, "figure": {"caption": "The cell. Compared with a plain LSTM it has a fifth gate, $r_t$ (red), and a second sum on the cell-state line. What is stored is the cell state itself; the tanh is taken on reading.", "name": "fig-ritter-cell"}}
fig, ax = plt.subplots(figsize=(9, 4.4))
figures.draw_cell(ax)
plt.show()

# %% [markdown]
# In equations, with $p_t = W_i x_t + b_i + W_h h_{t-1} + b_h$ cut into five blocks of rows, in this order:
#
# $$
# \begin{aligned}
# (f_t, i_t, o_t, r_t) &= \sigma\big(p_t^{(0)}, p_t^{(1)}, p_t^{(2)}, p_t^{(3)}\big), \qquad
# n_t = \tanh\big(p_t^{(4)}\big), \\
# m_t &= \tanh\big(\mathrm{read}(x_t)\big), \\
# c_t &= f_t \odot c_{t-1} + i_t \odot n_t + r_t \odot m_t, \qquad h_t = o_t \odot \tanh(c_t) .
# \end{aligned}
# $$
#
# Policy and value are linear in $h_t$. The order of the blocks differs from PyTorch's own LSTM; the
# page {doc}`/book/checked` shows that ours gives the numbers of the original code
# {footcite:p}`lu2019dndlstm`. The step, as it runs for all networks of an
# ensemble at once:

# %%
print(inspect.getsource(DNDLSTMCell.step))

# %% [markdown]
# ## One step, in numbers
#
# An untrained network meets a context for the second time. Nothing has been learned, so the
# gates are all half open, but the recalled state is there.

# %%
task = chapter.experiment.task()
rng = np.random.default_rng(chapter.experiment.seed)
network = DNDLSTM(
    [rng], task.input_size, chapter.experiment.hidden_size, n_actions=2
)
memory = EpisodicMemory(
    100, chapter.experiment.hidden_size, kernel=chapter.experiment.kernel
)
agent = Agent(network, memory, rng)
x = torch.as_tensor(
    task.sample_unique(5, rng)[0], dtype=torch.float32
)  # (trial, time, input)

with torch.no_grad():
    for trial in x:
        h, c = agent.initial_state()
        for t, observation in enumerate(trial):
            memory.encoding = t == len(trial) - 1
            _, (h, c) = agent.step(observation, h, c)
    memory.encoding = False
    again, _ = agent.step(x[2, 0], *agent.initial_state())

print(
    f"entries in memory: {len(memory)}; weights of the read: {memory.weights(x[2, 0]).tolist()}"
)
for name, gate in again.gates._asdict().items():
    print(
        f"{name:14} gate: mean {gate.mean():.2f}, from {gate.min():.2f} to {gate.max():.2f}"
    )
share = (again.gates.reinstatement * again.recalled).norm() / again.c.norm()
print(f"norm of the reinstated part over norm of the new cell state: {share:.2f}")

# %% [markdown]
# ## What can be stored and how it is read
#
# The memory has the options that versions of this model use: what happens to a key that is stored
# already (`append`, `overwrite`, `reject`), which of several equal matches is returned (`oldest`,
# `newest`), how sure writing and reading are, and whether the answer is the nearest entry or an average.
# No gradient reaches what was stored or the search for it: learning happens in the gate, in
# the read-out and in everything after them. That is easy to see:

# %%
hidden, cell = network.cell.unroll(
    x[None, :1], *(torch.zeros(1, 1, h.shape[-1]) for _ in range(2)), None
)
memory.encoding = True
memory.save(x[0, -1], cell[0, 0, -1])
print("the cell state carries a gradient:", cell.requires_grad)
print("its stored copy does:", memory.values[-1].requires_grad)

# %% [markdown]
# ## Exercises
#
# ```{exercise} An empty memory
# :label: ritter-empty
# What does the cell compute while its dictionary is empty, and why is that convenient at the start of an
# epoch?
# ```
#
# ````{solution} ritter-empty
# :class: dropdown
# An empty memory answers with zeros, tanh(0) = 0, and the reinstatement term vanishes whatever the gate
# says: the cell is a plain LSTM. The first trial needs no special case.
# ````
#
# ```{exercise} Why a gate?
# :label: ritter-gate
# Remove the gate (`variant="nogate"`). Which trials suffer?
# ```
#
# ````{solution} ritter-gate
# :class: dropdown
# First encounters: the nearest entry belongs to some other trial, and its decision is poured into the
# cell state regardless. {doc}`s1_barcode_bandit` measures the difference.
# ````
#
# ## Where this differs from the paper
#
# This is the form of the original code: the key is the whole input and retrieval happens at every step. The
# paper's agents look up the context alone; the chapters S1 to S4 do that too. This chapter makes no claim,
# so it has no table of claims; the numbers of the original code that the cell reproduces are on
# {doc}`/book/checked`.

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
