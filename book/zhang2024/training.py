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
# # Training an agent
#
# Zhang, Pitkow & Angelaki (2024), training · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Two agents learn to steer in front of you, one holistic and one modular. Both solve the task in which they are trained soon, or can do so from
# the start where they had a warm one. What they do when the joystick becomes more sensitive is another matter, and it changes long after the task itself is solved.

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
mode: str = "fast"  # smoke (not judged) | fast | full (the paper's training)
seed: int = 0  # of the first agent; the others follow it
n_seeds: int = None  # agents of each main kind; None takes the mode's number
rounds: int = 800  # of the agents that are trained here, 64 trials each (fast)
total_trials: int = None  # of the original's training; None: the paper's (full)
architectures: list = ["Actor1Critic1", "Actor3Critic5"]  # what is trained here

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import mannwhitneyu

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.zhang2024 import (
    courses,
    figures,
    groups,
    networks,
    quick,
    td3,
    training,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/training",
    globals(),
    Pool,
    "total_trials",
    own=("rounds", "architectures"),
)
for architecture in architectures:
    networks.split_architecture(architecture)

# %% [markdown]
# ## The idea
#
# An agent is a pair: an **actor** turns what it has seen into the joystick's two numbers, a **critic** says what a joystick movement is worth. The critic learns from
# rewards, the actor from the critic. The rule is TD3 {footcite:p}`zhang2024inductive`. Two critics $Q_1, Q_2$ with the same wiring and different weights are drawn to
#
# $$
# y_t = r_t + \gamma \, (1 - \text{done}_t) \min_{i=1,2} Q_i'\big(s_{0:t+1},\, \tilde a_{t+1}\big),
# \qquad \tilde a = \text{smoothed } \pi'(s_{0:t+1}),
# $$
#
# where primes stand for copies that follow slowly, and the actor climbs $Q_1(s_{0:t}, \pi(s_{0:t}))$ at every second update. An agent that has a memory must learn
# from whole trials: the sequence is run from its begin, and the value of a movement depends on all that was seen before.
#
# Smoothing adds a little noise to the movements that are judged, with one exception that the task asks for: it makes no stop a move, and no move a stop.

# %%
print(inspect.getsource(td3.smooth).split('"""')[2])

# %% [markdown]
# Every trial is as good in the mirror. Reflected at the $y$ axis it is another trial, for free:

# %%
print(f"network inputs that change their sign: {td3.MIRRORED_INPUTS}")
print(inspect.getsource(td3.mirror_beliefs))

# %% [markdown]
# **The original's training** has three phases. In the first, exploration is wild and observation is perfect, until a fifth of the trials is rewarded; nobody knows how
# long that takes. Then the memory is emptied, noise comes in, and trials are counted from zero. When a validation shows that four fifths of the trials are rewarded, steps
# become small. The full mode does just that:

# %%
print(inspect.getsource(training.Trainer._block_ends))

# %% [markdown]
# **The fast recipe** ({ref}`zh-fast-recipe`) has the same rule and a shorter way. The first phase becomes a *warm start*: for a few seconds the actor alone descends the gradient
# of its distance from the target through the world's equations, which we happen to know. Then the critic comes in, and the actor belongs to it. Its targets look further ahead,
#
# $$
# y_t = r_t + \gamma (1 - \text{done}_t) \big[(1 - \lambda)\, Q'_{t+1} + \lambda\, y_{t+1}\big],
# $$
#
# with $\lambda$ from 1 to 0.8 in the course of the training, and a trial that ended in a stop anywhere is sometimes told that this is where the target was. The loop:

# %%
print(inspect.getsource(quick.QuickTrainer.round))

# %% [markdown]
# ## The experiment
#
# In fast mode, the agents named above are trained here and now, in `rounds` rounds. The book's pool of agents, which all other chapters look at, had 1200 rounds of the same
# recipe. In full mode it is the original's training, of which the pool's agents are the result.

# %%
base = chapter.experiment
is_quick = base.recipe != "original"
fresh = groups.trained(groups.fresh(base, architectures, rounds))
filters = groups.trained(groups.fresh_filters(base))
pool = groups.trained(groups.main(base))
named = {name: short for short, name in groups.MAIN.items()}


def start(agent: groups.Trained) -> str:
    """How an agent's training began."""
    kind = figures.LABELS.get(named.get(agent.run.architecture, ""), "")
    return f"{agent.run.architecture} {kind}".strip()


for agents in (*fresh.values(), *filters.values()):
    last = agents[0]
    print(
        f"{start(last)}, noise {last.noise[0]:g}/{last.noise[1]:g}: "
        f"{last.trials[-1]} trials, rewarded at gain 1, 1.5 and 2: "
        + ", ".join(f"{last.curve(f'gain{g:g}x')[-1]:.2f}" for g in (1, 1.5, 2))
    )

# %% [markdown]
# ## The figures
#
# Look at A first: after a warm start the task is solved before the first trial that counts, and what follows must not lose that again. (The warm start saw 128 new trials in each of its
# updates; they are on no axis here.) In B the gain is twice what it was in training, and nobody tells the agent; it has to notice by its own
# velocity. C says what goes wrong: the path is far too long.

# %% mystnb={"image": {"alt": "Three panels against training trials. A: rewarded share at gain 1; all lines are near one soon. B: rewarded share at gain 2; lines of modular agents rise late and far above those of holistic ones. C: signed error at gain 2 in cm; all start far above zero, modular agents come down to the reward zone, holistic ones hardly."}, "figure": {"caption": "The course of training, tested with noise and without exploration. Thin lines: agents trained in this chapter; thick lines with bands: the pool, mean and 95 % confidence interval over seeds. A: rewarded share at the trained gain. B: the same at twice the gain. C: signed error at twice the gain; the grey band is the reward zone.", "name": "fig-zhang-training"}}
fig, axes = plt.subplots(1, 3, figsize=(13, 4))
panels = (
    ("gain1x", "reward_fraction", "rewarded, gain 1"),
    ("gain2x", "reward_fraction", "rewarded, gain 2"),
    ("gain2x", "error_distance_shoot", "signed error, gain 2 (cm)"),
)
for ax, (label, column, title) in zip(axes, panels, strict=True):
    curves = {
        name: courses.table_mean(agents, [label], column)
        for name, agents in pool.items()
    }
    trials = next(iter(pool.values()))[0].trials
    figures.draw_curves(trials, curves, ax=ax, lw=2.5)
    for agents in fresh.values():
        colour = figures.COLOURS.get(
            named.get(agents[0].run.architecture, ""), "black"
        )
        course = agents[0].curve(label, column)
        ax.plot(agents[0].trials, course, color=colour, lw=1, marker=".")
    ax.set_ylabel(title)
for ax in axes[:2]:
    ax.set_ylim(-0.03, 1.03)
axes[2].axhspan(-65, 65, color=plots.GREY, alpha=0.15, lw=0)
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# The EKF agents have no memory to learn: a filter that knows the task's equations tells them where they are, with its uncertainty, and they learn to act on that. Two are trained
# here, too, from random trials alone; those that serve as yardsticks in {doc}`fig2_belief` had the same training. One is told the noise of the other agents, one has more noise in its observation than in its movements.

# %% mystnb={"image": {"alt": "Two panels. A: rewarded share at gain 1 against training trials for the two EKF agents; both rise. B: loss of the critics on a logarithmic axis against rounds, falling, for all agents trained here."}, "figure": {"caption": "A: rewarded share at gain 1 in the course of training, EKF agents. B: loss of the critics, mean of a round, running mean over twenty rounds (full mode: of a hundred trials).", "name": "fig-zhang-training-ekf"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8))
for name, agents in filters.items():
    colour = figures.COLOURS[name]
    one = agents[0]
    label = f"{name} ({one.noise[0]:g}/{one.noise[1]:g})"
    axes[0].plot(
        one.trials, one.curve("gain1x"), color=colour, marker=".", label=label
    )
axes[0].set(xlabel="training trials", ylabel="rewarded, gain 1", ylim=(-0.03, 1.03))
axes[0].legend(fontsize="small")
named_filters = {name: agents[0] for name, agents in filters.items()}
trained_here = {start(agents[0]): agents[0] for agents in fresh.values()}
for name, agent in {**trained_here, **named_filters}.items():
    colour = figures.COLOURS.get(named.get(agent.run.architecture, name), None)
    width = min(20, len(agent.losses))
    smoothed = np.convolve(agent.losses, np.ones(width) / width, "valid")
    axes[1].plot(smoothed, label=name, lw=1, color=colour)
axes[1].set(
    xlabel="round" if is_quick else "hundred trials",
    ylabel="loss of the critics",
    yscale="log",
)
axes[1].legend(fontsize="x-small")
plots.panel_letters(axes)

# %% [markdown]
# Which agent learns *faster*? A warm start removes that question. So here are agents of the fast mode that had none: they begin with nothing but random trials in their memory.
# It is a bumpy road. An agent that steers well may lose its stops and find them again, which is why the recipe keeps the best weights.

# %%
scratch = {}
if is_quick:
    scratch = groups.trained(groups.from_scratch(base))

# %% mystnb={"image": {"alt": "Two panels. A: rewarded share at gain 1 against training trials for agents without a warm start, one thin line per seed; modular ones rise earlier. B: trials until nine tenths are rewarded, one point per seed, for both architectures."}, "figure": {"caption": "Training without a warm start. A: rewarded share at gain 1, one line per seed. B: trials until nine tenths of the test trials are rewarded; a seed that never gets there counts its whole training.", "name": "fig-zhang-training-speed"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=(2, 1))
for name, agents in scratch.items():
    for k, agent in enumerate(agents):
        axes[0].plot(
            agent.trials,
            agent.curve("gain1x"),
            color=figures.COLOURS[name],
            label=None if k else figures.LABELS[name],
        )
if scratch:
    axes[0].legend(fontsize="small")
    reached = {name: groups.reached(agents) for name, agents in scratch.items()}
    figures.draw_seeds(reached, ax=axes[1])
else:
    for ax in axes:
        ax.text(0.5, 0.5, "fast mode only", ha="center", transform=ax.transAxes)
plots.chance_line(0.9, ax=axes[0])
axes[0].set(xlabel="training trials", ylabel="rewarded, gain 1")
axes[1].set_ylabel("trials until .9 are rewarded")
plots.panel_letters(axes)

# %% [markdown]
# ## The original's training
#
# By the original's recipe an agent takes a quarter of an hour of one core *after* its first phase, and nobody knows beforehand how long it stays there. The paper does not count those
# trials. But the tables that came with the first version of the authors' [repository](https://github.com/ryzhang1/Inductive_bias) (its folder `model/training_curve/gain`) have rows of the
# first phase too, with negative numbers, one for every 500 trials. They show that agents with a holistic critic wait longest for their first rewards: the first phase alone tells
# who learns faster, and by far more than the trials that the paper does count. Seeds whose first phase did not end are not among them; the gaps in the numbering suggest that there were some.

# %%
first_phases = {  # published: trials up to the last row of the first phase, by seed
    "EKF": [6000, 4000, 25000, 3500, 2000, 3000, 2500, 4000],
    "hol": [22500, 17000, 15000, 16000, 20500, 16500, 10000, 17500],
    "moho": [34500, 9500, 26500, 15500, 22500, 23000, 18500, 26500],
    "homo": [22500, 26000, 9000, 8000, 10000, 5500, 4500, 4000],
    "mod": [6500, 10500, 3500, 6000],  # of the other four there is no table
}
for other in ("hol", "moho", "homo"):
    test = mannwhitneyu(first_phases["mod"], first_phases[other])
    print(
        f"modular and {figures.LABELS[other]}: U = {test.statistic:g}, p = {test.pvalue:.3f}"
    )

# %% [markdown]
# The code that lies beside these tables takes its steps by RAdam, which begins with small ones, the published code by Adam, and so does the full mode. Here are the agents that were
# trained in either way and come with the book; in full mode all of the pool are. A seed that did not leave its first phase is named; in the pool the next seed takes its place.

# %%
originals = groups.at_hand(groups.originals(base))
learnt = {
    name: [agent for agent in agents if agent.first_phase[1]]
    for name, agents in originals.items()
}


def called(name: str, agent: groups.Training) -> str:
    """Kind, optimiser and seed of an agent."""
    kind = figures.LABELS.get(name, name)
    return f"{kind}, {agent.run.optimizer}, seed {agent.run.seed}"


for name, agents in originals.items():
    for agent in agents:
        trials, ended = agent.first_phase
        if not ended:
            print(
                f"{called(name, agent)}: given up in phase I after {trials} trials"
            )
            continue
        print(
            f"{called(name, agent)}: left phase I after {trials} trials; "
            "rewarded at gain 1, 1.5 and 2"
        )
        best = agent.best()
        for row, when in (
            (best, f"at best, {agent.trials[best]} later"),
            (-1, "at last"),
        ):
            shares = [f"{agent.curve(f'gain{g:g}x')[row]:.2f}" for g in (1, 1.5, 2)]
            print(f"    {', '.join(shares)} {when}")

# %% mystnb={"image": {"alt": "Trials of the first phase, one point per agent, on a logarithmic axis, for the EKF agent and the four main ones. Published points are lowest for the EKF and the modular agent, and highest for the two with a holistic critic."}, "figure": {"caption": "How long agents stayed in the first phase. Open markers: published, one per seed. Filled: ours, circles by Adam, diamonds by RAdam. Triangles: ours that were given up there.", "name": "fig-zhang-training-first-phase"}}
fig, ax = plt.subplots(figsize=(7, 3.8))
ax.set_xticks(range(len(first_phases)), [figures.SHORT[k] for k in first_phases])
ax.set(ylabel="trials of the first phase", yscale="log")
for k, (name, published) in enumerate(first_phases.items()):
    beside = k - np.linspace(0.32, 0.08, len(published))
    plots.published_points(beside, published, ax=ax, label=None)
    ours = originals.get(name, [])
    for x, agent in zip(np.linspace(0.08, 0.32, len(ours)), ours, strict=True):
        trials, ended = agent.first_phase
        marker = {"adam": "o", "radam": "D"}[agent.run.optimizer] if ended else "^"
        ax.plot(k + x, trials, marker, color=figures.COLOURS[name])

# %% [markdown]
# Phases two and three, of those that came so far. Not every agent ends where it was best: of the eight published holistic agents, too, three were rewarded in less than six tenths of
# the trials at their last checkpoint. This is why a checkpoint is selected before anything is analysed.

# %% mystnb={"image": {"alt": "Two panels of rewarded share against training trials, for agents trained by the original's recipe, one line per seed: A at gain 1, B at gain 2."}, "figure": {"caption": "The original's training after its first phase, one line per agent. A: rewarded share at gain 1. B: the same at gain 2, which was never trained.", "name": "fig-zhang-training-original"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
for name, agents in learnt.items():
    for k, agent in enumerate(agents):
        label = None if k else figures.LABELS.get(name, name)
        for ax, gain in zip(axes, (1, 2), strict=True):
            curve = agent.curve(f"gain{gain}x")
            ax.plot(agent.trials, curve, color=figures.COLOURS[name], label=label)
for ax, gain in zip(axes, (1, 2), strict=True):
    ax.set(xlabel="training trials", ylim=(-0.03, 1.03))
    ax.set_ylabel(f"rewarded, gain {gain}")
if axes[0].lines:
    axes[0].legend(fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# Some of what the paper says of its agents takes this training to be seen: the fast recipe makes the critics of all agents alike ({doc}`fig3_behaviour`). One agent of a kind is no
# statistics, but here is the best checkpoint of each, by reward at gain 1, next to the paper's means. Errors count as negative where the path is too short.

# %%
published = {"hol": (0.55, 165.0), "mod": (0.72, 31.0)}  # figures 3 and 4
print(
    f"{'':36}{'rewards/s':>11}{'TD error':>10}{'error (cm)':>12}{'published':>17}"
)
print(f"{'':36}{'gain 1':>11}{'gain 1':>10}{'gain 2':>12}{'rewards/s, error':>17}")
for name, agents in learnt.items():
    for agent in agents:
        best = agent.best()
        rate, td_error, error = (
            agent.curve(label, column)[best]
            for label, column in (
                ("gain1x", "reward_rate"),
                ("gain1x", "TD_error_abs"),
                ("gain2x", "error_distance_shoot"),
            )
        )
        theirs = published.get(name)
        beside = f"{theirs[0]:>8.2f}{theirs[1]:>9.0f}" if theirs else ""
        row = f"{called(name, agent):36}{rate:>11.2f}{td_error:>10.2f}"
        print(f"{row}{error:>12.0f}{beside}")

# %% [markdown]
# ## Claims

# %%
measured = {"Z1.2-mod": None, "Z1.2-mixed": None}
if scratch:
    measured["Z1.2-mod"] = groups.reached(scratch["mod"]) - groups.reached(
        scratch["hol"]
    )
elif not is_quick:
    reached = {name: groups.reached(agents) for name, agents in pool.items()}
    measured["Z1.2-mod"] = reached["mod"] - reached["hol"]
    measured["Z1.2-mixed"] = reached["homo"] - reached["moho"]
chapter.judge(measured)

# %% [markdown]
# ## Exercises
#
# ```{exercise} A stop is a small thing
# :label: zh-small-stop
# A joystick movement is two numbers between -1 and 1. The agent stops if both are below 0.1. What share of all movements is that, and what does a stop one step too early
# or late cost? Why may a critic have difficulties with it?
# ```
#
# ````{solution} zh-small-stop
# :class: dropdown
# A hundredth of the square. One step more costs three hundredths of the reward, by the discount. So a small box on a large plane must be valued three per cent above its
# surroundings: much finer than what a critic tells apart at first. In the fast recipe a fixed function of the movement that peaks in the box is among the critic's inputs.
# ````
#
# ```{exercise} Hindsight
# :label: zh-hindsight
# A trial's target is replaced by a point near its end, and its reward is computed anew. Why is the result a trial that could have happened, and when would it not be?
# ```
#
# ````{solution} zh-hindsight
# :class: dropdown
# The world's motion does not depend on the target. The agent's movements did: it would have gone elsewhere, had it seen the other target. TD3 does not mind, since it learns
# from movements of whatever origin. It would be wrong for a trial that was not stopped on purpose, or if the visible target changed the motion.
# ````
#
# ```{exercise} Train another one
# :label: zh-train-another
# Which of the fifteen architectures would you expect to be good at new gains? Train it.
# ```
#
# ````{solution} zh-train-another
# :class: dropdown
# `papermill book/zhang2024/training.ipynb out.ipynb -y 'architectures: [Actor2Critic5]'`.
# ````
#
# ## Where this differs from the original
#
# - The fast mode's training is our own: see {ref}`zh-fast-recipe`. Agents begin from a warm start there, so that their speed of learning says nothing; without it only the
#   holistic and the modular agent learn.
# - The original keeps a checkpoint every 500 trials and looks at the best one for each question. The fast mode looks at the last weights, but in training without a warm
#   start at those that steered best at gain 1.
# - Evaluations use the same trials and noise for all agents and checkpoints. In the original, noise depends on the order of evaluation.
# - The original's first phase is recognised by the size of the exploration noise; here it has a name. Its trials may be many, and some seeds never leave it.
# - The original gives up a first phase after fifty thousand trials, and also after as many as the later phases have, ten thousand by its default. Most of the published recurrent agents
#   stayed longer, so they were not trained that way; here fifty thousand is the only limit.
# - Agents of the tables with the first phases were probably trained by RAdam: `mempaper zhang2024 train modular -p optimizer radam` does it. The pool's are trained by Adam.

# %%
every = [*fresh.values(), *filters.values(), *pool.values(), *scratch.values()]
chapter.footer(*(agent for agents in every for agent in agents))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
