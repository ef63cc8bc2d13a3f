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
# # Bring your own monkey
#
# Zhang, Pitkow & Angelaki (2024), recordings · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** The paper compares its agents with two macaques. Their recordings are not ours to ship, so this book has no monkey in it, and draws nothing in its place. If you have
# the recordings, or a monkey, or a person with a joystick, this chapter tells how to bring them along, checks what you bring, and draws what they do beside the agents.

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
mode: str = "fast"  # smoke (not judged) | fast | full (the original's agents)
seed: int = 0  # of the first agent; the others follow it
n_seeds: int = None  # agents of each kind; None takes the mode's number
n_trials: int = None  # trials per condition; None takes the mode's number
monkey_data: str = None  # folder with recordings; None: there are none

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.parameters import ConfigError
from mempaper.zhang2024 import (
    analysis,
    comparisons,
    figures,
    groups,
    monkey_trials,
    monkeys,
    rollout,
    task_drawings,
    trial_sets,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/own_monkey", globals(), Pool, "n_trials", own=("monkey_data",)
)
subjects = monkeys.read_subjects(monkey_data) if monkey_data else []
print(monkeys.not_attempted(monkey_data) or f"{len(subjects)} subjects")

# %% [markdown]
# ## The idea
#
# An agent is like a monkey, or not, in what it does with the *same* targets, gains and perturbations. So the monkeys' trials come first: those of one subject are matched with those
# of the other {footcite:p}`zhang2024inductive`, and the agents are given the same. For each trial in a changed world there is also one that never was: the actions of a normal trial with a similar target, replayed
# in the changed world. It tells what a subject without any idea of the change would have done.
#
# ## The format
#
# A folder has a folder for each subject, and that has three files: `normal.npz`, `gain.npz` and `perturbation.npz`. Each holds one-dimensional arrays. Some have a number per trial, some a
# number per sample, all trials one after the other; `offsets` says where each trial begins. Lengths are in cm, angles in degrees with 90 straight ahead, actions between -1 and 1, times in s. `dt`, the time between
# samples, is 1/833 s unless it is given.

# %%
for condition in monkeys.CONDITIONS:
    print(f"{condition}.npz")
    print("  per trial: ", ", ".join(monkeys.SCALARS[condition]))
    print("  per sample:", ", ".join(monkeys.TRACES[condition]))
print("and in perturbation.npz with offsets_gauss:", ", ".join(monkeys.PROFILES))

# %% [markdown]
# Writing such a file takes one call, `numpy.savez(file, **columns)`. The released recordings are pickled data frames; `mempaper zhang2024 monkeys` converts them. What is wrong with a file is said before anything runs:

# %%
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "B" / "normal.npz"
    file.parent.mkdir()
    np.savez(file, target_x=[100.0], target_y=[250.0], offsets=[0, 3])
    try:
        monkeys.read_subjects(folder, ["normal"])
    except ConfigError as error:
        print(str(error).replace(folder, "your_folder"))

# %% [markdown]
# ## The experiment
#
# Agents get the monkeys' trials if there are any, else trials of the same design.

# %%
base = chapter.experiment
kinds = {name: groups.main(base)[name] for name in ("hol", "mod")}
agents = groups.trained(kinds)
normal = monkey_trials.normal_sets(subjects, base.n_trials) if subjects else {}
gains = monkey_trials.gain_sets(subjects, base.n_trials) if subjects else {}
pushed = monkey_trials.perturbed_sets(subjects, base.n_trials) if subjects else {}
world = next(iter(agents.values()))[0].world


def same_trials(
    agent: groups.Trained, recordings: monkeys.Recordings
) -> rollout.Rollouts:
    """What an agent does in a monkey's trials."""
    trials = monkey_trials.agent_trials(recordings, *agent.noise)
    return trial_sets.as_set(trials, agent.world).run(agent.agent)


first = next(iter(normal.values()), None)
steered = {
    name: [
        trial_sets.gain_set(1.0, base.n_trials).run(one.agent)
        if first is None
        else same_trials(one, first)
        for one in members
    ]
    for name, members in agents.items()
}

# %% [markdown]
# ## The figures

# %% mystnb={"image": {"alt": "A: example paths seen from above, of a modular agent, and of a monkey if there are recordings. B: share of trials that end within a distance of their target, against that distance, for the agents and, if there are recordings, for the monkeys; dashed, the same for shuffled targets."}, "figure": {"caption": "A: ten paths at the trained gain; discs are reward zones. B: share of trials that end within a distance of the target (solid) and of another trial's target (dashed), one line per agent.", "name": "fig-zhang-monkey-normal"}}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.6))
task_drawings.draw_arena(world, ax=axes[0])
shown = analysis.paths(steered["mod"][0])
for k in range(min(10, len(shown.length))):
    axes[0].plot(*shown.place[k].T, color=figures.COLOURS["mod"], lw=1)
    if first is not None:
        axes[0].plot(*first.path(k).T, color="darkblue", lw=1)
for name, members in steered.items():
    for k, one in enumerate(members):
        roc = analysis.rollout_roc(one, 399)
        style = {"color": figures.COLOURS[name], "lw": 1}
        label = None if k else figures.LABELS[name]
        axes[1].plot(roc.boundary, roc.true, label=label, **style)
        axes[1].plot(roc.boundary, roc.false, ls="--", **style)
for (name, trials), colour in zip(
    normal.items(), ("darkblue", "olive"), strict=False
):
    roc = analysis.roc(trials.end, trials.target, 399)
    axes[1].plot(roc.boundary, roc.true, color=colour, lw=2, label=name)
    axes[1].plot(roc.boundary, roc.false, color=colour, lw=2, ls="--")
axes[1].axvline(65, color=plots.GREY, ls=":")
axes[1].set(xlabel="distance (cm)", ylabel="share of trials")
axes[1].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# Figures 4d and 6c of the paper are about monkeys alone: how far they overshoot as the gain grows, and how far from the target a push leaves them, each beside a replay of normal actions.

# %%
errors, replays, moved = {}, {}, {}
for name, by_gain in gains.items():
    whole = next(s for s in subjects if s.name == name)["normal"]
    errors[name] = [
        analysis.signed_error(r.end, r.target) for r in by_gain.values()
    ]
    replays[name] = [
        monkey_trials.without_generalisation(r, whole).signed_error
        for r in by_gain.values()
    ]
for name, trials in pushed.items():
    size = np.hypot(*trials.peak.T)
    error = np.abs(analysis.signed_error(trials.end, trials.target))
    moved[name] = comparisons.rolling(size, error, min(100, len(size)))

# %% mystnb={"image": {"alt": "A: signed error of each monkey at gains 1, 1.5 and 2, with a replay of normal actions beside it. B: distance from the target against the size of the perturbation for each monkey. Without recordings both panels say that they were not attempted."}, "figure": {"caption": "A: signed error by gain, mean and standard deviation over trials; open: replayed normal actions. B: distance from the target against the magnitude of the perturbation, running mean over a hundred trials.", "name": "fig-zhang-monkey-changed"}}
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
if not subjects:
    for ax in axes:
        figures.draw_missing_monkeys(ax=ax)
for k, name in enumerate(errors):
    x = np.arange(3) + 0.15 * k
    means, sds = zip(*[(e.mean(), e.std()) for e in errors[name]], strict=True)
    axes[0].errorbar(x, means, sds, marker="o", label=name)
    plain = [r.mean() for r in replays[name]]
    axes[0].plot(x, plain, "o--", mfc="none", color=plots.GREY)
    axes[1].plot(moved[name].x, moved[name].mean, label=name)
if subjects:
    axes[0].set(ylabel="signed error (cm)", xticks=range(3))
    axes[0].set_xticklabels(["1", "1.5", "2"])
    axes[0].set_xlabel("gain")
    axes[1].set(xlabel="magnitude", ylabel="distance from target (cm)")
    axes[0].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# Panels with monkeys are in other chapters, too: give them the same `monkey_data`. {doc}`fig1_trained`, {doc}`fig3_behaviour`, {doc}`fig4_gain_behaviour` and {doc}`fig6_perturbation_behaviour` have one.
#
# ## Exercises
#
# ```{exercise} A subject of your own
# :label: zh-own-subject
# Which columns would you have to record from a person who plays this with a gamepad, and which could be computed afterwards?
# ```
#
# ````{solution} zh-own-subject
# :class: dropdown
# The targets, the gain, the stick's two numbers and the position over time, and whether the trial was rewarded. Distances and angles are computed if they are
# missing. For perturbed trials also their peaks, their times and their course.
# ````
#
# ```{exercise} The trial that never was
# :label: zh-never-was
# Why is the replay given the *whole* perturbation, even if the trial ended before it was over?
# ```
#
# ````{solution} zh-never-was
# :class: dropdown
# It stands for a subject that does not react. Such a subject would have been carried on, and stopping early is one of the ways to react.
# ````
#
# ## Where this differs from the original
#
# - Files are plain arrays instead of pickled data frames, which can run any code when they are opened.
# - Where the original draws two monkeys, one is enough here, except for panels that compare them.
# - Without recordings agents get targets of the same design; expect shifts of a few cm.

# %%
chapter.footer(*(one for members in agents.values() for one in members))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
