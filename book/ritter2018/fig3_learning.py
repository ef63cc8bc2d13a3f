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
# # Learning: reward alone teaches to remember
#
# Ritter et al. (2018), the original code's learning curves · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Return per trial and value loss over training, with memory and without; and a
# plain advantage actor-critic in a few lines.

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
kernel: str = "l2"  # similarity of query and key: l2 | l1 | cosine
n_epochs: int = None  # training epochs; None takes the mode's number
learning_rate: float = None  # of Adam; None takes the original's 5e-4
gamma: float = 0.0  # discount of future reward; the original uses none

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
import torch

from mempaper import claims, plots, rl
from mempaper.chapter import Chapter
from mempaper.ensemble import member_generators
from mempaper.ritter2018 import training
from mempaper.ritter2018.experiments import ContextualChoiceTraining
from mempaper.ritter2018.model import DNDLSTM

chapter = Chapter(
    "ritter2018/fig3_learning",
    globals(),
    ContextualChoiceTraining,
    "kernel",
    "n_epochs",
    "learning_rate",
    "gamma",
)

# %% [markdown]
# ## The idea
#
# The agent learns from reward alone. After each trial, with $R_t = r_t + \gamma R_{t+1}$,
#
# $$
# L = -\sum_t \log \pi(a_t)\,(R_t - v_t) \;+\; \sum_t \mathrm{smooth}_{L_1}(v_t, R_t),
# $$
#
# where $v_t$ is held fixed in the first sum. That is the advantage actor-critic without an entropy
# bonus. Both sums in code, and one epoch of training, all networks at once:

# %%
print(inspect.getsource(rl.actor_critic_loss))
print(inspect.getsource(training.train_epoch))

# %% [markdown]
# ## The experiment

# %%
memory = chapter.experiment.result()
control = chapter.experiment.replace(retrieval=False).result()

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Left: return per trial against epoch, rising quickly and then slowly; the curve with memory ends above the curve without. Right: value loss against epoch, falling in both. Published points lie near the curve with memory."}, "figure": {"caption": "Learning. A: return per trial, of at most one per step. B: value loss per trial. Open markers: log of the authors' run; lines and bands: means over networks and 95 % confidence intervals. The dotted line is what evidence alone allows.", "name": "fig-ritter-learning"}}
published = claims.facts("ritter2018", "learning_curve")
runs = {"with memory": (memory, plots.BLUE), "retrieval off": (control, plots.GREY)}
returns = {name: run["correct"].sum(-1).mean(-1) for name, (run, _) in runs.items()}

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4))
for name, (run, colour) in runs.items():
    epochs = np.arange(returns[name].shape[1])
    plots.mean_band(epochs, returns[name], ax=axes[0], color=colour, label=name)
    plots.mean_band(epochs, run["value_loss"], ax=axes[1], color=colour, label=name)
plots.published_points(published["epoch"], published["return"], ax=axes[0], ms=4)
plots.published_points(
    published["epoch"], published["value_loss"], ax=axes[1], ms=4
)
steps, off = chapter.experiment.trial_length, chapter.experiment.t_noise_off
plots.chance_line(0.5 * off + (steps - off), ax=axes[0])
axes[0].set(xlabel="epoch", ylabel="return per trial")
axes[1].set(xlabel="epoch", ylabel="value loss per trial", ylim=(0, None))
axes[0].legend(loc="lower right")
plots.panel_letters(axes)

# %% [markdown]
# ## Claims

# %%
late = {name: values[:, -5:].mean(1) for name, values in returns.items()}
chapter.judge(
    {
        "C1a": late["with memory"],
        "C1b": late["retrieval off"],
        "C1c": memory["value_loss"][:, -1] / memory["value_loss"][:, 0],
        "C1d": late["with memory"] - late["retrieval off"],
    }
)

# %% [markdown]
# ## A plain actor-critic in a few lines
#
# The paper trains with asynchronous actors, A3C {footcite:p}`mnih2016asynchronous`: several copies of the
# agent send gradients computed with slightly stale parameters. Its synchronous sibling A2C waits for all
# and averages. With a batch of $B$ environments it is the loop below; the original code, and the figure
# above, have $B = 1$. Memory is off here, so this is a plain LSTM that learns to use evidence.

# %%
n_environments = 16
task = chapter.experiment.task()
n_updates = 150 if chapter.mode != "smoke" else 3
(init,) = member_generators(chapter.experiment.seed, 1, 3)
(rng,) = member_generators(chapter.experiment.seed, 1, 4)
network = DNDLSTM(
    [init],
    task.input_size,
    chapter.experiment.hidden_size,
    n_actions=2,
    variant="none",
)
optimizer = torch.optim.Adam(
    network.parameters(), lr=chapter.experiment.learning_rate
)

curve = []
for _ in range(n_updates):
    x, y = task.sample_unique(n_environments, rng)
    x, y = (
        torch.as_tensor(x, dtype=torch.float32)[None],
        torch.as_tensor(y)[None],
    )  # one member
    zeros = torch.zeros(1, n_environments, chapter.experiment.hidden_size)
    hidden, _ = network.cell.unroll(x, zeros, zeros, None)
    policy, value = network.heads(
        hidden
    )  # (1, environment, time, action), (1, environment, time)
    uniform = torch.as_tensor(rng.random(y.shape), dtype=torch.float32)
    actions = rl.sample_actions(policy, uniform)
    rewards = (actions == y).float()
    found = rl.discounted_returns(rewards, chapter.experiment.gamma)
    loss = rl.actor_critic_loss(rl.chosen_log_prob(policy, actions), value, found)
    optimizer.zero_grad()
    (loss.policy + loss.value).mean().backward()
    optimizer.step()
    curve.append(rewards.sum(-1).mean().item())

first, last = (
    np.mean(curve[: n_updates // 10 + 1]),
    np.mean(curve[-(n_updates // 10 + 1) :]),
)
print(
    f"return per trial, {n_environments} environments: {first:.2f} at first, {last:.2f} at last"
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Look ahead
# :label: ritter-gamma
# Rewards of this task depend on the present action alone. What should a discount of .9 change?
# ```
#
# ````{solution} ritter-gamma
# :class: dropdown
# `papermill book/ritter2018/fig3_learning.ipynb out.ipynb -p gamma 0.9`. The best policy stays the same, but each
# action is now credited with rewards that it has not caused: the gradient is noisier, learning slower, and the
# value loss much larger, because there is more to predict.
# ````
#
# ## Where this differs from the paper
#
# The published curves are one run; here the lines are means over networks. The control without retrieval is
# ours: the claim that memory helps needs it.

# %%
chapter.footer(memory, control)

# %% [markdown]
# ## References
#
# ```{footbibliography}
# ```
