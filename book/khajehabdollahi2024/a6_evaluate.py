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
# # Evaluate a trained model
#
# Khajehabdollahi, Zeraati et al. (2024), the original code's evaluation · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** How a trained network is kept in a file, found by its name and asked: at the end of
# sequences like those of its training, and after every bit of an endless stream. It answers for the
# memories that it was trained on, and for no others. Give your own networks with
# `-p weights FOLDER`, and they are asked too.

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
task: str = "parity"  # parity | dms (delayed match to sample)
weights: str = None  # file or folder of trained networks; None: only our own

# %%
import inspect
import json
import tempfile

import matplotlib.pyplot as plt

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.khajehabdollahi2024 import evaluation, figures, naming, storage
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning

chapter = Chapter(
    "khajehabdollahi2024/a6_evaluate",
    globals(),
    CurriculumLearning,
    "task",
    own=("weights",),
)
theirs = [] if weights is None else storage.find_networks(weights)

# %% [markdown]
# ## The idea
#
# A network with several heads has one for each memory length $N$. Two questions can be put to a head.
#
# *Batch accuracy* is the share of right answers at the **end** of sequences drawn as in training, whose
# length $L$ is uniform between $N^\ast + 2$ and $4 N^\ast + 1$; $N^\ast$ is the largest $N$ asked for:
#
# $$ a_N = \frac 1 M \sum_{m=1}^{M} \bigl[\, \hat y_N(s^m_{1 \dots L}) = y_N(s^m_{L-N+1 \dots L}) \,\bigr] . $$
#
# *Streaming accuracy* is the share of right answers after **every** bit of one long sequence, in which 0
# and 1 are equally likely. A first stretch does not count. The network is never reset, so what
# is more than $N$ bits old must leave without a trace:
#
# $$ b_N = \frac 1 T \sum_{t=1}^{T} \bigl[\, \hat y_N(t) = y_N(s_{t-N+1 \dots t}) \,\bigr] . $$

# %%
print(inspect.getsource(evaluation.batch_accuracy))

# %% [markdown]
# ## The networks
#
# They are those of {doc}`fig3_curricula` that learned with several heads. Each was kept whenever it passed an
# $N$. Two of these states are asked: the largest $N$ that every network passed, and one from halfway,
# in which some heads were not trained yet.

# %%
ours = chapter.experiment.trained()
passed = ours.passed_by_all()
assert passed, "no N was passed by all networks: train longer, or fewer of them"
half, last = passed[len(passed) // 2], passed[-1]
states = {n: ours.network(n) for n in (half, last)}
asked = ours.questions(ours.ends[-1])  # (N, head) of every head there is
ours_found = {
    n: evaluation.accuracies(network, ours.settings.task, asked, seed=seed)
    for n, network in states.items()
}
print(f"{ours.n_members} networks, as they were after N = {half} and N = {last}")

# %% [markdown]
# ### In a file, and back
#
# The command `mempaper khajehabdollahi2024 train` keeps networks under the names that the original
# gives them, and `load_model` finds them by what they are. The first of our networks makes the round trip.

# %%
with tempfile.TemporaryDirectory() as base_path:
    config = chapter.experiment.replace(n_seeds=1)
    folder = naming.network_folder(config, base_path, network_number=1)
    file = storage.save_network(
        folder, states[half], config, range(2, half + 1), epoch=0
    )
    network = storage.load_model(
        "cumulative",
        config.task,
        1,
        N_max=half,
        base_path=base_path,
        affixes=naming.affixes_of(config),
    )
    stored = storage.load_network(file)
    print(f"{folder.name}/{file.name}")
    about = json.loads(file.with_suffix(".json").read_text())

for name, array in network.to_reference().items():
    print(f"  {name:7} {array.shape}")
print({k: about[k] for k in ("task", "curriculum", "trained", "Ns", "placement")})
print(f"the head for N = {half} has number {stored.head_of(half)}")

# %% [markdown]
# The `.safetensors` file holds the arrays, in the original's layout (`w_rec` is from column to row). The `.json`
# beside it says how the network was trained: all settings, the memory length of each head, a checksum,
# the versions of the software. What it says counts; a file whose name says something else is refused.
#
# ### Your own
#
# `weights` takes one file, or a folder with any number of them: `rnn_N{min}_N{max}.safetensors` as above, or
# `.npz` files with the same arrays and `Ns`, the memory length of each head.

# %%
longest = max([ours.ends[-1], *(net.trained[-1] + 3 for net in theirs)])
theirs_found = []
for net in theirs:
    questions = evaluation.questions(net, range(2, longest + 1))
    net_task = net.about.get("task", ours.settings.task)
    batch, stream = evaluation.accuracies(
        net.network, net_task, questions, seed=seed
    )
    theirs_found.append(([n for n, _ in questions], batch[0], stream[0]))
    own = [i for i, (n, _) in enumerate(questions) if n in net.trained]
    print(
        f"{net.name}, {net_task}: trained on {net.span},",
        f"batch {batch[0, own].mean():.4f} (largest {batch[0, own[-1]]:.4f}),",
        f"stream {stream[0, own].mean():.4f} (largest {stream[0, own[-1]]:.4f})",
    )
if not theirs:
    print("No weights were given; only our own networks are asked.")

# %% [markdown]
# ## The figure

# %% mystnb={"image": {"alt": "Accuracy against N in two panels, on sequences as in training and on streams. The networks that have passed the largest N are near one at every N. The same networks halfway are near one up to the N that they had passed, and drop to about one half right behind it."}, "figure": {"caption": "What the heads answer. A: at the end of sequences as in training. B: after every bit of a stream. Lines are means over networks with 95 % confidence intervals; dashed: the same networks halfway, the dotted line is the largest N they had passed. Open circles: the authors' network; grey band: its heads that were not trained. Where weights are given, a second row shows each of those networks.", "name": "fig-khajehabdollahi-evaluate"}}
rows = 1 + bool(theirs)
fig, axes = plt.subplots(
    rows, 2, figsize=(9.5, 3.7 * rows), sharey=True, squeeze=False
)
n_values = [n for n, _ in asked]
for n, style in ((last, "-"), (half, "--")):
    for ax, samples in zip(axes[0], ours_found[n], strict=True):
        figures.draw_over_n(
            n_values,
            samples,
            ax=ax,
            color=figures.MULTI,
            ls=style,
            label=f"after N = {n}",
        )
for ax, fact, what in zip(
    axes[0], ("evaluation", "streaming"), ("batch", "streaming"), strict=True
):
    known = claims.facts("khajehabdollahi2024", fact)
    plots.published_points(
        known["n"], known[f"{what}_accuracy"], ax=ax, label="the authors'"
    )
    ax.axvline(half + 0.5, color=plots.GREY, ls=":", lw=1)
    ax.set(ylabel=f"{what} accuracy")
beyond = claims.facts("khajehabdollahi2024", "evaluation")["beyond"]
axes[0, 0].fill_between(
    [half + 0.5, n_values[-1]], *beyond, color=plots.GREY, alpha=0.2, lw=0
)
axes[0, 0].legend(loc="center left", fontsize="small")

for i, (net, found) in enumerate(zip(theirs, theirs_found, strict=True)):
    for ax, accuracy in zip(axes[1], found[1:], strict=True):
        ax.plot(
            found[0],
            accuracy,
            marker="os^DvP*X<>"[i % 10],
            color=figures.SINGLE if len(net.n_values) == 1 else figures.MULTI,
            ms=4,
            lw=0.8,
            label=net.name,
        )
if theirs:
    axes[1, 0].set(xlabel="N", ylabel="batch accuracy", xlim=(1.5, longest + 0.5))
    axes[1, 1].set(xlabel="N", ylabel="streaming accuracy")
    axes[1, 1].sharex(axes[1, 0])
    axes[1, 0].xaxis.get_major_locator().set_params(integer=True)
    fig.legend(
        *axes[1, 1].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        fontsize="small",
    )
axes[0, 0].set(ylim=(0.35, 1.04))
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# They are judged on our own networks, whatever `weights` says.

# %%
untrained = [i for i, n in enumerate(n_values) if n > half]
trained = [i for i, n in enumerate(n_values) if n <= last]
batch_half, _ = ours_found[half]
_, stream_last = ours_found[last]

chapter.judge(
    {
        "S-1": stream_last[:, trained].mean(1),
        "S-2": batch_half[:, untrained].mean(1) if untrained else None,
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} More than chance without memory
# :label: khajehabdollahi-without-memory
# In the parity task each sequence has its own chance $p$ of a 1, uniform between 0 and 1. How often is the
# answer for $N = 2$ odd? Which accuracy can a head reach that has never seen the input?
# ```
#
# ````{solution} khajehabdollahi-without-memory
# :class: dropdown
# Two bits differ with probability $\int_0^1 2p(1-p)\,dp = 1/3$. Always answering "even" is right in two of
# three cases. In general the odd answers have the share $\tfrac12 (1 - \tfrac1{N+1})$ for even $N$ and one half
# for odd $N$. On streams $p$ is one half, and nothing is won by guessing.
# ````
#
# ```{exercise} One bit too many
# :label: khajehabdollahi-one-bit
# A head has learned the parity of the last $N$ bits perfectly. What is its accuracy on a stream when its
# answers are taken for the parity of the last $N + 1$ bits?
# ```
#
# ````{solution} khajehabdollahi-one-bit
# :class: dropdown
# The two parities differ by one more bit, which is 1 in half of the cases: the accuracy is one half. All but
# one of the bits are remembered, and nothing shows. That is why accuracy drops from one to chance
# in a single step of $N$.
# ````
#
# ## Where this differs from the original
#
# The original keeps a network with one hundred heads and asks them all; ours have as many as the curriculum can
# come to. An `.npz` file holds trained heads only, so longer memories cannot be asked of it, unless
# there is one head for all. Files are safetensors with a `.json` beside them, not pickled; folders and stems are
# called the same.

# %%
chapter.footer(ours)

# %% [markdown]
# ## References
#
# The networks and their evaluation are those of {footcite:t}`khajehabdollahi2024emergent`.
#
# ```{footbibliography}
# ```
