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
# # Seven tasks, six conditions
#
# Orhan & Ma (2019), experimental setup · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** What the networks are made of, one trial of each task as the input neurons fire it, what the six conditions change, and
# how well each task can be done at all: what an ideal observer makes of the same spikes.

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
seed: int = 0  # of the trials
n_seeds: int = 1  # without effect here: nothing is trained
task: str = "DE1"  # whose conditions are drawn; any but Sine
n_trials: int = 20_000  # of each task, for the ideal observers

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import xlogy

from mempaper import claims, plots
from mempaper.chapter import Chapter
from mempaper.orhan2019 import diagrams, figures, observers
from mempaper.orhan2019 import task as tasks
from mempaper.orhan2019.experiments import DelayLearning
from mempaper.parameters import ConfigError

chapter = Chapter(
    "orhan2019/fig1_setup", globals(), DelayLearning, "task", own=("n_trials",)
)
if not isinstance(n_trials, int) or n_trials < 100:
    raise ConfigError(
        f"n_trials is {n_trials!r}; give a whole number of at least 100"
    )
shown = chapter.experiment.task
if shown in ("SINE", "CD2"):
    raise ConfigError(
        f"task is {shown}, which has not all conditions; give another"
    )
geometry = tasks.Geometry()  # the paper's: 25, 100 and 25 steps

# %% [markdown]
# ## The idea
#
# A network sees a stimulus for 25 steps, must hold on to it for 100 steps, and answers in the 25 steps after that. Nothing tells it *how*
# to hold on.

# %% mystnb={"image": {"alt": "Three boxes at the left, two locations of 50 neurons each and a moving bump, with tuning curves beside them, lead to a ring of eight units with arrows among them, one of which has an arrow to itself. The ring leads to a box, the output."}, "figure": {"caption": "The network. Dashed: only in some tasks and conditions.", "name": "fig-orhan-network"}}
fig, ax = plt.subplots(figsize=(9, 4.2))
ax = diagrams.draw_network(ax=ax)

# %% [markdown]
# The recurrent units are rectified, and everything about them is trained:
#
# $$
# \mathbf h_t = \big[\mathbf x_t W_{\text{in}} + \mathbf h_{t-1} W_{\text{hh}} + \mathbf b\big]_+, \qquad
# \mathbf y_t = g(\mathbf h_t W_{\text{out}} + \mathbf b_{\text{out}}), \qquad \mathbf h_0 = 0 ,
# $$
#
# with $g$ the identity for estimates and a sigmoid for decisions. Inputs are spikes. Each location has 50 neurons with bell-shaped tuning curves, around
# angles $\phi_i$ for instance, and their spike counts in each step are Poisson:
#
# $$
# x_{t,i} \sim \mathrm{Poisson}\big(f_i(S)/25\big), \qquad f_i(S) = e^{\,\kappa\,(\cos 2(S - \phi_i) - 1)}, \qquad \kappa = 2 .
# $$
#
# A rate is divided by the duration of its phase, so that the number of spikes does not depend on it. When nothing is shown each neuron fires 0.1 spikes per phase.

# %%
print(inspect.getsource(tasks.DelayTask.tuning))

# %% [markdown]
# ## The tasks
#
# | task | code | before the delay | after the delay | what is asked |
# |---|---|---|---|---|
# | **DE-1**, delayed estimation | 0 | an angle | nothing | the angle |
# | **DE-2** | 1 | an angle at each of two locations | nothing | both angles |
# | **CD**, change detection | 2 | an angle | an angle, in half of the trials the same | has it changed? |
# | **GDE**, gated estimation | 4 | an angle at each of two locations | one location fires more: the cue | the angle of the cued location |
# | **2AFC**, two alternatives | 6 | left or right | nothing | which? |
# | **Sine** | 7 | nothing (there is noise *in* the delay) | silence | the beginning of a sine wave |
# | **COMP**, comparison | 8 | a number | another number | was the first one larger? |
#
# Codes are those of the original's scripts, which `mempaper orhan2019` takes as well. Codes 3 and 5 are there, too: change detection at two locations, and
# DE-1 with variable delays.
#
# In four of the tasks the answer is settled before the delay, or always the same. In CD, GDE and COMP it depends on what comes after: the network
# cannot prepare it. Keep this in mind for {doc}`fig3_tasks`.

# %%
rng = np.random.default_rng(chapter.experiment.seed)
examples = {}
for name in tasks.TASKS:
    own = tasks.DelayTask(name)
    examples[name] = own, own.sample(1, rng)

# %% mystnb={"image": {"alt": "Seven panels with spikes as black dots over time and neurons, and below each the target. Before the first dashed line dots cluster around one or two neurons; during the delay there are few; after the second line there is a second cluster in CD and COMP, a dense band in GDE. Sine has coloured noise during the delay and a rising target at the end. The eighth panel shows bell-shaped tuning curves."}, "figure": {"caption": "A trial of each task: spikes of the input neurons, and below what the output should be; only the last phase (thick) counts. Dashed: begin and end of the delay. In tasks with two locations the first 50 neurons are those of location 1. H: expected spikes of five neurons in the stimulus phase of DE-1, against the angle.", "name": "fig-orhan-trials"}}
fig, grid = plt.subplots(4, 4, figsize=(13, 7.5), height_ratios=[3, 1, 3, 1])
rasters, targets = grid[::2].ravel(), grid[1::2].ravel()
answer = geometry.steps - geometry.response
for place, (name, (own, trials)) in enumerate(examples.items()):
    image = figures.draw_raster(trials.inputs[0], geometry, ax=rasters[place])
    image.set_clim(0, 1)
    if name == "SINE":
        image.set(cmap="RdBu_r", clim=(-0.3, 0.3))
    rasters[place].set(title=tasks.title(name), xlabel="", xticks=[])
    rasters[place].set_yticks([0, 49] if own.n_locations == 1 else [0, 49, 99])
    for target in trials.targets[0].T:
        colour = figures.TASK_COLOURS[name]
        targets[place].plot(target, color=colour, lw=1)
        steps = np.arange(answer, geometry.steps)
        targets[place].plot(steps, target[answer:], color=colour, lw=3.5)
    figures.draw_phases(geometry, ax=targets[place], color=plots.BLUE)
    top = np.pi if name in tasks.ESTIMATION else 1
    targets[place].set(xlim=(-0.5, 149.5), ylim=(-0.1 * top, 1.1 * top))
    targets[place].set(xlabel="step", yticks=[0, top])
    targets[place].set_yticklabels(["0", "π" if top > 1 else "1"])
for ax in rasters[[1, 2, 3, 5, 6]]:
    ax.set_ylabel("")
for ax in targets[[0, 4]]:
    ax.set_ylabel("target")
for ax in (rasters[7], targets[7]):
    ax.remove()
tuning = fig.add_subplot(grid[0, 0].get_gridspec()[2:, 3])
angle = np.linspace(0, np.pi, 200)
tuning.plot(angle, examples["DE1"][0].tuning(angle[:, None])[:, 5::10])
tuning.set(title="tuning", ylabel="spikes", xlabel="angle", xticks=[0, np.pi])
tuning.set_xticklabels(["0", "π"])
plots.panel_letters([*rasters[:7], tuning])

# %% [markdown]
# ## The conditions
#
# | condition | what is different from *basic* | command |
# |---|---|---|
# | **basic** | | `mempaper orhan2019 basic` |
# | **Hebbian plasticity** | synapses between units that were active one after the other are stronger for a step: $\gamma\,\mathbf h_{t-2}\,(\mathbf h_{t-2}\!\cdot\mathbf h_{t-1})$ is added to the units' input | `... basic --model 1` |
# | **tethered** | activity in the last steps costs a thousand times more, so that the network returns to rest; its output is read five steps earlier | `... tethered` |
# | **dynamic input** | 50 more neurons fire a bump that moves once through their range during the trial | `... dynamic` |
# | **variable delay** | the delay lasts 10, 40, 70 or 100 steps | `... vardelay` |
# | **training history** | the network has learnt another task before | `... multitask` |
#
# The bump says nothing about the stimulus, but it tells the time. With variable delays nothing does. All trials have the same number of steps in the
# computer; what a shorter delay leaves out is frozen.

# %%
bump = tasks.DelayTask(shown, "dynamic")
varied = tasks.DelayTask(shown, "vardelay")
with_bump = bump.sample(1, rng)
with_delays = varied.sample(40, rng)
second = varied.geometry.delays[1]
trial = int(np.argmin(np.abs(with_delays.stimuli.delay - second)))

# %% mystnb={"image": {"alt": "Left: spikes of 100 neurons; in the lower half a dense diagonal band from the bottom left to the top right, in the upper half the sparse spikes of the stimulus. Right: spikes of a trial in which most of the delay is covered by a grey bar, the steps that do not take place."}, "figure": {"caption": "A: dynamic input; the first 50 neurons fire the moving bump, the others are those of the basic condition. B: a trial with one of the shorter delays; grey: steps that do not take place.", "name": "fig-orhan-conditions"}}
fig, axes = plt.subplots(1, 2, figsize=(11, 3.8))
figures.draw_raster(with_bump.inputs[0], geometry, ax=axes[0]).set_clim(0, 1)
figures.draw_raster(with_delays.inputs[trial], geometry, ax=axes[1]).set_clim(0, 1)
axes[0].axhline(49.5, color=plots.GREY, lw=0.8)
frozen = np.flatnonzero(~with_delays.mask[trial])
if frozen.size:
    span = frozen[0] - 0.5, frozen[-1] + 0.5
    axes[1].axvspan(*span, color=plots.GREY, alpha=0.4, lw=0)
lasting = with_delays.stimuli.delay[trial]
axes[0].set_title(f"{tasks.title(shown)}, dynamic input")
axes[1].set_title(f"{tasks.title(shown)}, a delay of {lasting} steps")
plots.panel_letters(axes)

# %% [markdown]
# ## What can be known
#
# Spikes are few and random, so that nobody can be right always. What is the best that can be done with them? The **ideal observer** sees the counts $c_i$ of
# each phase, and has no need to remember. An angle is where the population vector points; left or right is told by a weighted sum; and the larger of two numbers by
# comparing means, each with its uncertainty $v = 100/\sum_i c_i$:
#
# $$
# \hat S = \tfrac12 \arg \sum_i c_i\, e^{2 i \phi_i}, \qquad
# P(\text{right}) = \sigma\Big(\tfrac{30}{225} \sum_i c_i \phi_i\Big), \qquad
# P(S_1 > S_2) = \Phi\!\left(\frac{m_1 - m_2}{\sqrt{v_1 + v_2}}\right) .
# $$
#
# A change is the more probable the less the two population vectors $\mathbf r_1$, $\mathbf r_2$ add up. By Bayes' rule, with
# $\mathbf r = \kappa \sum_i c_i e^{2 i \phi_i}$,
#
# $$
# \frac{P(\text{change})}{P(\text{no change})} = \frac{I_0(|\mathbf r_1|)\, I_0(|\mathbf r_2|)}{I_0(|\mathbf r_1 + \mathbf r_2|)} .
# $$
#
# The original has lengths there that are taken from $\sum_i c_i e^{i \phi_i}$, without $\kappa$ and without doubling the angle. That observer is not ideal, but
# its answers are what networks are compared with, there and here.

# %%
print(inspect.getsource(observers.true_change_probability))

# %% [markdown]
# Networks are judged by their **{term}`information loss`**. For an estimate it is the excess of the mean error over the ideal observer's, as a share of the latter. For a
# decision it is the Kullback-Leibler divergence of the network's probabilities from the ideal ones, as a share of the information in these: 0 is ideal, 1 is guessing.
# A network counts as successful below 0.5.
#
# ## The experiment
#
# Many trials of each task, on the paper's timing.

# %%
n = n_trials if chapter.mode != "smoke" else 200


def watch(own: tasks.DelayTask, n: int) -> dict[str, np.ndarray]:
    """Spikes by phase, what is asked, and the ideal answer; trial first."""
    kept = []
    for start in range(0, n, 250):
        t = own.sample(min(250, n - start), rng)
        before, after = own.counts(t.inputs)  # (trial, location, neuron)
        delay = t.inputs[:, geometry.stimulus : -geometry.response]
        ideal = observers.ideal_answers(own, t.inputs, t.stimuli)
        cue = np.zeros(len(before)) if t.stimuli.cue is None else t.stimuli.cue
        some = (before, after, delay.sum((1, 2)), t.stimuli.answer, ideal, cue)
        kept.append(some)
    names = ("before", "after", "delay", "answer", "ideal", "cue")
    arrays = (np.concatenate(part) for part in zip(*kept, strict=True))
    return dict(zip(names, arrays, strict=True))


seen = {
    name: watch(own, n) for name, (own, _) in examples.items() if name != "SINE"
}

# %%
angles = {name: seen[name] for name in tasks.ESTIMATION}
wrapped = {
    k: observers.wrapped_error(s["ideal"], s["answer"]) for k, s in angles.items()
}
circular = {k: np.minimum(error, np.pi - error) for k, error in wrapped.items()}


def is_right(p: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Whether the more probable answer is right, of trials that have one."""
    return ((p > 0.5) == (answer > 0.5))[np.isfinite(p)]


def information(p: np.ndarray) -> np.ndarray:
    """Of each trial in nats; certain trials drop out, as in the original."""
    p = p[(p > 0) & (p < 1)]
    return xlogy(p, 2 * p) + xlogy(1 - p, 2 - 2 * p)


answers = {
    tasks.title(k): (seen[k]["ideal"], seen[k]["answer"])
    for k in tasks.CHOICE
    if k in seen
}
cd = seen["CD"]
bayes = observers.true_change_probability(
    cd["before"][:, 0], cd["after"][:, 0], examples["CD"][0].preferred
)[:, None]
answers["CD by Bayes"] = bayes, cd["answer"]
right = {label: is_right(*pair) for label, pair in answers.items()}
nats = {label: information(p) for label, (p, _) in answers.items()}
excess = observers.information_loss("CD", cd["answer"], cd["ideal"], bayes)
guess = observers.information_loss(
    "DE1", seen["DE1"]["answer"], seen["DE1"]["ideal"], np.full((n, 1), np.pi / 2)
)
print(f"an observer by Bayes' rule in CD has an information loss of {excess:.3f}")
print(f"one who always answers pi / 2 in DE-1 has {guess:.2f}")
certain = 1 - nats["2AFC"].size / n
print(f"in 2AFC {certain:.0%} of the trials have an ideal probability of 1")

# %% mystnb={"image": {"alt": "A: bars of the mean error of estimates in DE-1, DE-2 and GDE, the error modulo pi about twice the circular error, both far below the dotted line of guessing. B: share of right answers, lowest in CD, somewhat higher for the Bayesian observer, nearly one in COMP, one in 2AFC. C: information in nats, about half of the maximum in CD, nearly all of it in 2AFC."}, "figure": {"caption": "Ideal observers. A: mean error of angles, modulo π as in the loss (dark) and around the circle (light). B: share of right answers. C: information per trial. Light bars in B and C: the observer who follows Bayes' rule. Open markers: a run of the original code. Dotted: guessing in A and B, certainty in C.", "name": "fig-orhan-ideal"}}
reference = {
    k: c.reference.value for k, c in claims.load("orhan2019").items() if c.reference
}
fig, axes = plt.subplots(1, 3, figsize=(12, 3.8), width_ratios=[3, 4, 4])
for shift, errors, shade in ((-0.2, wrapped, 1), (0.2, circular, 0.4)):
    heights = [error.mean() for error in errors.values()]
    label = "modulo π" if shade == 1 else "circular"
    axes[0].bar(
        np.arange(3) + shift,
        heights,
        0.38,
        color=plots.BLUE,
        alpha=shade,
        label=label,
    )
names = [tasks.title(name) for name in wrapped]
axes[0].set(ylabel="mean error (rad)", ylim=(0, 0.9))
axes[0].set_xticks(range(3), names)
original = [reference["F1-ideal-DE1"], reference["F1-ideal-circular"]]
place = names.index("DE-1")
plots.published_points([place - 0.2, place + 0.2], original, ax=axes[0], label=None)
plots.chance_line(np.pi / 4, ax=axes[0])
axes[0].legend()
order = ("CD", "CD by Bayes", "COMP", "2AFC")
for ax, values, prefix in (
    (axes[1], right, "F1-ideal"),
    (axes[2], nats, "F1-bits"),
):
    alphas = [0.4 if "Bayes" in label else 1 for label in order]
    for x, (label, alpha) in enumerate(zip(order, alphas, strict=True)):
        ax.bar(x, values[label].mean(), 0.7, color=plots.GREEN, alpha=alpha)
        if f"{prefix}-{label}" in reference:
            point = reference[f"{prefix}-{label}"]
            plots.published_points(x, point, ax=ax, label=None)
    ax.set_xticks(range(4), [label.replace(" by", "\nby") for label in order])
axes[1].set(ylabel="share of right answers", ylim=(0, 1.08))
axes[2].set(ylabel="information (nats)", ylim=(0, 0.75))
plots.chance_line(0.5, ax=axes[1])
plots.chance_line(np.log(2), ax=axes[2])
plots.panel_letters(axes)

# %% [markdown]
# ## Claims
#
# These are about trials, not networks, and so are the intervals.

# %%
in_cue = np.take_along_axis(
    seen["GDE"]["after"].sum(2), seen["GDE"]["cue"][:, None].astype(int), 1
)
moving = tasks.DelayTask("DE1", "dynamic")
batches = [moving.sample(250, rng) for _ in range(max(1, min(n, 2000) // 250))]
of_bump = np.concatenate([t.inputs[:, :, :50].sum((1, 2)) for t in batches])
chapter.judge(
    {
        "F1-spikes-DE1": seen["DE1"]["before"].sum((1, 2)),
        "F1-spikes-2AFC": seen["2AFC"]["before"].sum((1, 2)),
        "F1-spikes-COMP": seen["COMP"]["before"].sum((1, 2)),
        "F1-spikes-delay": seen["DE1"]["delay"],
        "F1-spikes-cue": in_cue.ravel(),
        "F1-spikes-bump": of_bump,
        "F1-ideal-DE1": wrapped["DE1"].ravel(),
        "F1-ideal-circular": circular["DE1"].ravel(),
        "F1-ideal-CD": right["CD"],
        "F1-ideal-2AFC": right["2AFC"],
        "F1-ideal-COMP": right["COMP"],
        "F1-bits-CD": nats["CD"],
        "F1-bits-COMP": nats["COMP"],
    }
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Nearly round
# :label: or-nearly-round
# The loss of estimates is $|y - S|$ modulo $\pi$. Is that the distance of two angles? What error does an answer of $0.01$ have if the angle is $\pi - 0.01$?
# ```
#
# ````{solution} or-nearly-round
# :class: dropdown
# No: the two are 0.02 apart, but the error is $\pi - 0.02$. An error just below $\pi$ is almost none, and yet it counts most. So an answer that
# falls on the wrong side of the wrap is expensive, which doubles the ideal observer's mean error. Networks learn to keep away from 0 and $\pi$ when in doubt, and
# can even beat the observer, who does not hedge: their information loss is then negative.
# ````
#
# ```{exercise} How many spikes does one need?
# :label: or-how-many-spikes
# Which task has the most spikes per stimulus, and is it also the most certain? What would double counts do for CD?
# ```
#
# ````{solution} or-how-many-spikes
# :class: dropdown
# 2AFC has most, and its two stimuli are two widths of a tuning curve apart: it is certain. In CD the number of spikes is not the only limit, since a
# new angle may happen to lie close to the first. To see what is left with twice as many spikes, call `draw_inputs` twice for the same stimuli and
# give the sum of the counts to `true_change_probability`.
# ````
#
# ```{exercise} Certain trials
# :label: or-certain-trials
# In 2AFC the ideal probability is often exactly 1 in floating-point numbers, and never exactly 0. Why? And what happens to such trials?
# ```
#
# ````{solution} or-certain-trials
# :class: dropdown
# Numbers just below 1 are $10^{-16}$ apart, those near 0 far closer: from a log-odds of 37 on the sigmoid is 1, while at $-37$ it is still $10^{-16}$. With $P = 1$ the
# formula has $0 \ln 0$. The original gets "not a number" there and leaves the trial out, and so does the information loss here. The share of such trials, all
# of them with the answer "right", is printed above.
# ````
#
# ## Where this differs from the original
#
# - The statistics of our trials are compared with those of the original's generators on {doc}`../checked`. Spikes are drawn one by one
#   instead of a Poisson number per neuron and step, which is the same distribution and much faster.
# - The original's change observer needs seconds for a batch of fifty trials; a closed form gives the same numbers.
# - Its script for variable delays has a sigmoid output in all tasks, so that it can only be used for decisions; here estimates have a linear one.
# - Networks are trained on shorter trials in the fast mode ({ref}`or-fast-recipe`), which leaves the spike counts as they are, but for the bump's.
# - No number of the paper could be read. What the claims are compared with are statistics of the original code's generators.

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`orhan2019diverse`.
#
# ```{footbibliography}
# ```
