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
# # The task and the agents
#
# Zhang, Pitkow & Angelaki (2024), task and models · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** Trials of the firefly task, what an agent is shown and rewarded for, what a Kalman filter makes of it, and the wiring of all
# agents of the paper with their numbers of weights. Nothing is trained here.

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
mode: str = "fast"  # smoke (fewer trials) | fast | full; nothing is trained
seed: int = 0  # of the trials
n_seeds: int = 1  # without effect here
process_noise: float = 0.2  # of the movement, a fraction of the joystick gain
observation_noise: float = 0.1  # of what is seen of it, likewise
reward_mode: str = "mixed"  # mixed | gauss | const
n_trials: int = 2000  # drawn for the statistics

# %%
import inspect
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import torch

from mempaper import plots
from mempaper.chapter import Chapter
from mempaper.parameters import ConfigError
from mempaper.zhang2024 import belief as filters
from mempaper.zhang2024 import diagrams, networks
from mempaper.zhang2024 import task_drawings as drawings
from mempaper.zhang2024 import world as arena
from mempaper.zhang2024.environment import FireflyEnv
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.task import Firefly, move, step_noise
from mempaper.zhang2024.trials import draw_trials

chapter = Chapter(
    "zhang2024/task_and_models",
    globals(),
    QuickAgent,
    "process_noise",
    "observation_noise",
    "reward_mode",
    own=("n_trials",),
)
if not isinstance(n_trials, int) or n_trials < 100:
    raise ConfigError(
        f"n_trials is {n_trials!r}; give a whole number of at least 100"
    )
world, conditions = chapter.experiment.world(), chapter.experiment.conditions()
random = torch.Generator().manual_seed(chapter.experiment.seed)
CM = arena.LINEAR_SCALE  # lengths are computed in units of this many cm

# %% [markdown]
# ## The idea
#
# You stand on a plane without landmarks. A firefly flashes somewhere ahead of you, for 300 ms, and is gone. You have a joystick. Go there, and stop.
#
# To do this you need to know where you are, and nobody tells you: there is only the flow of the ground, from which you guess how fast you are moving
# and turning. Where you are now is a sum over all that happened since the start, so that you must keep a **belief** and update it all the time. And you
# need to decide: which way, how fast, and when to stop. Macaques do this well. What would the network look like that does it?
#
# It could be one pool of recurrent units that does everything. Or it could have parts: a recurrent one that keeps the belief, and one without any memory
# that decides. The paper trains both kinds, of the same size, on the same data, and asks which learns faster, which resembles the monkeys, and
# which still works when the world changes.

# %% mystnb={"image": {"alt": "A box on the left, the world. From it noisy velocity, last action and target lead into two frames, actor and critic, each with a belief that has an arrow to itself. The actor's belief leads to an action, which goes back to the world as joystick and down to the critic's value. The reward leads from the world to the value, and from there a dashed arrow to the action: what would be better."}, "figure": {"caption": "An agent in its world. The actor acts, the critic judges; each has its own belief. Dashed: by this the actor learns.", "name": "fig-zhang-loop"}}
fig, ax = plt.subplots(figsize=(9, 5.2))
ax = diagrams.draw_loop(ax=ax)

# %% [markdown]
# ## The world
#
# The state is position, heading, and two velocities. In each step of 0.1 s
#
# $$
# \begin{aligned}
# \mathbf p_{t+1} &= \mathbf p_t + v_t \begin{pmatrix} \cos\phi_t \\ \sin\phi_t \end{pmatrix} \Delta t, &
# v_{t+1} &= G_v\, a^v_t + \eta^v_t + u^v_t, & o^v_{t+1} &= v_{t+1} + \zeta^v_{t+1}, \\
# \phi_{t+1} &= \phi_t + \omega_t\, \Delta t, &
# \omega_{t+1} &= G_\omega\, a^\omega_t + \eta^\omega_t + u^\omega_t, & o^\omega_{t+1} &= \omega_{t+1} + \zeta^\omega_{t+1},
# \end{aligned}
# $$
#
# where $a$ is the joystick, between $-1$ and 1, and $G$ its **gain**: 200 cm/s and 90°/s. The velocities have two kinds of noise. **Process noise** $\eta$, with a standard deviation of
# $\sigma_a G$, makes the agent move differently than it wants to. **Observation noise** $\zeta$, of $\sigma_o G$, makes it see something else than what happens. A **perturbation** $u$
# pushes the agent in some tests. There is no inertia: velocity is replaced in every step.

# %%
print(inspect.getsource(move))

# %% [markdown]
# Let us draw targets, and send somebody there who sees the target, plans a circle, and follows this plan with closed eyes.

# %%
n = n_trials if chapter.mode != "smoke" else 200
trials = draw_trials(n, world, conditions, random)
plan = drawings.circle_plan(trials.target, world)
noise = step_noise(n, world, random)
course = drawings.follow(plan, trials, world, noise)


def misses(course: drawings.Course) -> torch.Tensor:
    """Distance (trial,) of the stop from the target, cm."""
    last = course.x[torch.arange(len(course.x)), course.length - 1]
    return (last[:, :2] - course.trials.target).norm(dim=1) * CM


miss = misses(course)
print(f"mean distance of targets: {trials.target.norm(dim=1).mean() * CM:.0f} cm")
print(f"mean distance of the stops from them: {miss.mean():.0f} cm")

# %% mystnb={"image": {"alt": "Left: a grey sector ahead of a triangle at the origin with many small dots in it, and curved paths from the triangle, each to the neighbourhood of a larger dot. Right: one curved path; dashed lines from the origin to the target in its round zone and to the stop beside it."}, "figure": {"caption": "A: the arena from above, with targets and paths of the blind plan to some of them, which process noise makes uneven. B: what is measured of a trial: distance and angle of the target and of the stop. The disc is the reward zone.", "name": "fig-zhang-arena"}}
fig, axes = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=[3, 2])
drawings.draw_arena(world, ax=axes[0])
axes[0].plot(*trials.target[:150].T.numpy() * CM, ".", color=drawings.TARGET, ms=3)
for trial in range(12):
    axes[0].plot(*course.path(trial).T, color=plots.BLUE, lw=1)
    axes[0].plot(*trials.target[trial].numpy() * CM, "o", color=plots.BLUE, ms=4)
at_the_right = trials.target[:, 0] * CM > 90
typical = int(torch.where(at_the_right, (miss - 50).abs(), torch.inf).argmin())
drawings.draw_variables(course, typical, ax=axes[1])
plots.panel_letters(axes)

# %% [markdown]
# ### What an agent is shown
#
# In each step an agent is given six numbers: the two observed velocities, its last action, and the target's place, which is zero from the fourth step
# on. It is never told where it is.

# %%
firefly = Firefly(world, trials[:1], noise[:1])
print("    o_v    o_w    a_v    a_w  target")
for t in range(6):
    print(" ".join(f"{value:6.2f}" for value in firefly.inputs()[0]))
    firefly.step(plan[:1, t])

# %% mystnb={"image": {"alt": "Four panels over time. The target is shown for the first 0.3 seconds. The joystick is constant, forwards and to one side, then zero at the end, within a grey band. Linear velocity rises at once to a noisy plateau with open circles scattered about it; angular velocity likewise."}, "figure": {"caption": "The trial of the figure before, over time: when the target is seen, the joystick with the band in which an action counts as a stop, and the velocities. Lines: true velocities, which process noise makes uneven. Open circles: what is observed of them.", "name": "fig-zhang-course"}}
fig, axes = plt.subplots(4, 1, figsize=(9, 5.4), height_ratios=[0.6, 1.3, 1, 1])
axes = drawings.draw_course(course, world, axes, typical)

# %% [markdown]
# ### Reward, gains, perturbations
#
# A trial ends with a **stop**: once started, both components of the action below 0.1. Only then, and only once, is there a reward, which depends on the distance. In mode
# *mixed*, which the paper uses, it is 10 within 65 cm and falls off like a Gaussian beyond. After 3.5 s the trial ends without reward.
#
# All agents are trained at a gain of 1 and without perturbations. What they are tested with is new to them: larger gains, where the same action
# leads further, and pushes of one second with a Gaussian time course. Neither is announced: they can only be noticed in the observations.

# %% mystnb={"image": {"alt": "Left: reward against distance in three modes; mixed is 10 up to 65 cm, then jumps to about a third and decays; gauss is bell-shaped, const a step. Middle: two bell-shaped courses over one second with eleven points each. Right: a line from 200 cm per second and 90 degrees per second, marked trained, to twice that, with points at 1.5 and 2."}, "figure": {"caption": "A: reward of a stop in the three modes; dotted: radius of the zone. B: the largest perturbation, and how far it moves or turns the agent. C: gains that are trained and tested.", "name": "fig-zhang-manipulations"}}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.4))
drawings.draw_rewards(world, ax=axes[0])
drawings.draw_perturbation(world=world, ax=axes[1])
drawings.draw_gains(ax=axes[2])
plots.panel_letters(axes)

# %%
pushed = draw_trials(n, world, replace(conditions, peaks=world.peaks), random)
changed = {f"gain {gain:g}": trials.with_gain(gain) for gain in (1, 1.5, 2)}
changed["perturbed"] = replace(trials, peak=pushed.peak, start=pushed.start)
for name, some in changed.items():
    own = drawings.follow(plan, some, world, noise)
    blind = misses(own)
    share = (blind < some.radius * CM).float().mean()
    print(
        f"{name:10} {share:5.0%} within the zone, {blind.mean():4.0f} cm from target"
    )

# %% [markdown]
# The blind plan is a yardstick for all that follows. With the noises of the training, closed eyes are no great loss in the world that the plan was made
# for: who trains only there need not learn to look. In the other rows they are.
#
# ## What can be believed
#
# There are two sources of knowledge about the own velocity: the command, and the observation. The best that can be done with both is well known for
# linear worlds with Gaussian noise, the **Kalman filter**: predict by the command, then correct by the observation, each weighted by how certain it is.
#
# In the paper's toy example the state is position and velocity, and the command says that velocity is $-3$ while the observation says 3. After
# two steps, where are you? It depends on whom you trust.

# %% mystnb={"image": {"alt": "Three bell-shaped densities over position: prediction around minus 3, the widest; observation around 3; both between them, nearer to the observation, and narrower than either."}, "figure": {"caption": "Belief about the position after two steps of the toy filter, whose command says −3 and whose observation says 3 in each step. Prediction: observations are taken for worthless. Observation: commands are. Both: each has its noise.", "name": "fig-zhang-toy"}}
fig, ax = plt.subplots(figsize=(7.5, 3.6))
ax = drawings.draw_toy_filter(ax=ax)

# %% [markdown]
# Our world is not linear, since heading enters by sine and cosine. The **extended** Kalman filter linearises it around the current belief. With the
# mean $\mathbf m$ and covariance $P$ of the state, relative to the target,
#
# $$
# \mathbf m' = f(\mathbf m, a), \quad P' = F P F^\top + Q, \qquad
# K = P' H^\top (H P' H^\top + R)^{-1}, \quad \mathbf m \leftarrow \mathbf m' + K (\mathbf o - H \mathbf m'), \quad P \leftarrow (I - K H) P' .
# $$

# %%
print(inspect.getsource(filters.Belief.update))

# %% [markdown]
# Let it watch the blind planner. It is told the commands and the noisy observations, and what it then believes of the place is compared with the truth. It may also
# be made to trust only the commands (by telling it that observations are very noisy), or only the observations.


# %%
def track(course, process_std, observation_std):
    """Means (trial, step, 5) and covariances of the filter along given courses."""
    belief = filters.Belief(
        course.trials,
        world.dt,
        process_std.clamp(min=filters.SMALL),
        observation_std,
    )
    means, covariances = [belief.mean], [belief.covariance]
    for t in range(course.x.shape[1] - 1):
        seen = course.observation[:, t + 1]
        belief.update(course.actions[:, t], seen, course.push[:, t])
        means.append(belief.mean)
        covariances.append(belief.covariance)
    return torch.stack(means, 1), torch.stack(covariances, 1)


def final_error(course, means):
    """Distance (trial,) of the believed from the true place at the end, cm."""
    which = torch.arange(len(course.x)), course.length - 1
    place = means[which][:, :2] + course.trials.target  # relative to the target
    return (place - course.x[which][:, :2]).norm(dim=1) * CM


WORTHLESS = 10.0  # noise, as a fraction of the gain, of what is not trusted
errors = {}
for pair in ((0.2, 0.1), (0.1, 0.2), (0.3, 0.3)):
    noisy = trials.with_noise(*pair)
    own = drawings.follow(plan, noisy, world, noise)
    p, o = noisy.process_std, noisy.observation_std
    trusted = {
        "prediction": (p, WORTHLESS * noisy.gain),
        "observation": (WORTHLESS * noisy.gain, o),
        "both": (p, o),
    }
    errors[pair] = {
        name: final_error(own, track(own, *stds)[0])
        for name, stds in trusted.items()
    }

# %% mystnb={"image": {"alt": "Left: a curved path with ellipses along it that grow from the start to the stop, and a second line, the believed path, which stays within the ellipses. Right: three groups of three bars. In the first, where process noise is larger, prediction has the largest error; in the second observation has; both together have the smallest error in each group."}, "figure": {"caption": "Belief of the extended Kalman filter. A: the trial of the figures before; black: true path, green: believed path, with ellipses of two standard deviations at every third step. B: mean distance of the believed from the true place at the end, if the filter trusts only commands, only observations, or both by their noises, in three pairs of noises; lines are 95 % confidence intervals over trials.", "name": "fig-zhang-belief"}}
shown = course.trials[typical : typical + 1]
one = drawings.follow(plan[typical][None], shown, world, noise[typical][None])
means, covariances = track(one, shown.process_std, shown.observation_std)
fig, axes = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=[2, 3])
places = (means[0, :, :2] + shown.target[0]).numpy() * CM
steps = int(one.length[0])
for t in range(2, steps, 3):
    covariance = covariances[0, t, :2, :2].numpy() * CM**2
    drawings.draw_ellipse(places[t], covariance, ax=axes[0])
drawings.draw_target(shown.target[0].numpy() * CM, ax=axes[0])
axes[0].plot(*one.path(0).T, color="black", lw=3, label="truth")
axes[0].plot(*places[:steps].T, color=plots.GREEN, lw=1.5, label="belief")
axes[0].set(xlabel="x (cm)", ylabel="y (cm)", aspect="equal")
axes[0].legend(loc="lower right", fontsize="small")
colours = (plots.PURPLE, plots.GREEN, plots.BLUE)
for group, by_trust in enumerate(errors.values()):
    for bar, ((name, error), colour) in enumerate(
        zip(by_trust.items(), colours, strict=True)
    ):
        half = 1.96 * float(error.std()) / len(error) ** 0.5
        axes[1].bar(
            group + 0.26 * (bar - 1),
            float(error.mean()),
            0.24,
            yerr=half,
            color=colour,
            label=name if group == 0 else None,
        )
labels = [f"$\\sigma_a$ = {a:g}, $\\sigma_o$ = {b:g}" for a, b in errors]
axes[1].set_xticks(range(len(errors)), labels)
axes[1].set(ylabel="error of the belief (cm)")
axes[1].legend(title="trusts", fontsize="small")
plots.panel_letters(axes)

# %% [markdown]
# This is the logic of the paper's noises. With less observation than process noise, as in the training of most agents, a good belief follows the observations, and
# therefore notices new gains and perturbations. With the opposite noises it follows the commands, and is blind to both.
#
# ## The agents
#
# Everything that is learnt sits in two networks. The **actor** gives the action, and the **critic** the value of an action, by which the actor is taught ({term}`actor-critic`).
# Two copies of the critic learn independently, and the lower value counts. Both networks see the six numbers above; the critic also sees the action that it judges.

# %% mystnb={"image": {"alt": "Three columns of boxes from inputs to an action. Actor1: one LSTM of 220 units, then a linear readout. Actor2: two LSTMs of 128 units. Actor3: an LSTM of 128 units, then two layers of 300 rectified units. A fourth column, ActorEKF, has the two layers on the belief of the filter. Each has the number of its weights as title."}, "figure": {"caption": "Actors. Blue: recurrent layers; an arrow back into a box is memory. Orange: layers without memory. Actor1 is the paper's holistic actor, Actor3 its modular one.", "name": "fig-zhang-actors"}}
fig, axes = plt.subplots(1, 4, figsize=(8.2, 4.7))
diagrams.draw_actors(axes[:3])
axes[3] = diagrams.draw_network("ActorEKF", ax=axes[3])

# %% mystnb={"image": {"alt": "Five columns of boxes from inputs to a value. In Critic1 to Critic3 the action enters the first LSTM together with the inputs; Critic1 has one LSTM of 220 units, Critic2 two LSTMs, Critic3 an LSTM and two rectified layers. In Critic4 and Critic5 the action enters later, in the second LSTM or the first rectified layer."}, "figure": {"caption": "Critics, one copy of each. Red: where the action that is judged comes in. Only in Critic5, the modular one, is the belief free of it and all that follows free of memory.", "name": "fig-zhang-critics"}}
fig, axes = plt.subplots(1, 5, figsize=(9, 4.2))
axes = diagrams.draw_critics(axes)

# %% [markdown]
# Any actor goes with any critic, which makes 15 architectures. Four of them are in most figures:
#
# | agent | actor | critic | original name |
# |---|---|---|---|
# | **holistic** | one LSTM | one LSTM | Actor1Critic1 |
# | modular actor, holistic critic | LSTM, then layers | one LSTM | Actor3Critic1 |
# | holistic actor, modular critic | one LSTM | LSTM, then layers | Actor1Critic5 |
# | **modular** | LSTM, then layers | LSTM, then layers | Actor3Critic5 |
#
# The comparison is only fair if no network is larger than another.

# %% mystnb={"image": {"alt": "Horizontal bars of the numbers of weights of three actors and five critics, all close to 200 thousand."}, "figure": {"caption": "Weights of the actors, and of one copy of each critic, counted in the networks.", "name": "fig-zhang-counts"}}
fig, ax = plt.subplots(figsize=(7.5, 3.8))
ax = diagrams.draw_counts(ax=ax)

# %%
sizes = networks.Sizes()
recurrent = [*networks.ACTORS[:3], *networks.CRITICS[:5]]
counts = np.array([diagrams.count_weights(name) for name in recurrent])
print(
    f"the largest has {counts.max() / counts.min() - 1:.1%} more weights than the smallest"
)
units = {name: sizes.memory(name) for name in recurrent}
print("units of each LSTM:", ", ".join(f"{k} {v}" for k, v in units.items()))

# %% [markdown]
# Two more agents are not asked to find a belief: they are given one. The **EKF agent** learns to act upon the belief of an extended Kalman filter, and is what
# others are compared with in {doc}`fig2_belief`. The **holistic-EKF agent** has the same actor and a holistic critic. If *its* behaviour is poor, the belief is
# not to blame. Both are told more than the other agents ever are: gain, noises, where the target is, and even the perturbation.

# %% mystnb={"image": {"alt": "Noisy velocity, last action and what is told lead into an extended Kalman filter, which gives 13 numbers. These lead to an actor with two layers of 300 units and to a critic of the same kind, which also gets the action."}, "figure": {"caption": "The EKF agent: no recurrent network at all. Purple: what the filter is told.", "name": "fig-zhang-ekf"}}
fig, ax = plt.subplots(figsize=(9.2, 2.8))
ax = diagrams.draw_ekf_agent(ax=ax)

# %% mystnb={"image": {"alt": "The same filter and actor as before. Below them a critic with an LSTM of 220 units that sees the velocity, the last action and the target, and gets the action."}, "figure": {"caption": "The holistic-EKF agent: the critic is that of the holistic agent.", "name": "fig-zhang-holistic-ekf"}}
fig, ax = plt.subplots(figsize=(9.2, 3.3))
ax = diagrams.draw_holistic_ekf_agent(ax=ax)

# %% [markdown]
# ## Your own agent
#
# The task is a Gymnasium environment, too. An observation is the six numbers, an action the two of the joystick. A valid stop terminates the
# episode, and the last step truncates it. `gymnasium.make("mempaper/Firefly-v0")` gives the same once the module is imported.

# %%
env = FireflyEnv(conditions, world)
observation, info = env.reset(seed=chapter.experiment.seed)
print("observations:", env.observation_space)
print("actions:", env.action_space)
blind = drawings.circle_plan(torch.tensor(observation[None, 4:]), world)[0]
total, is_over, t = 0.0, False, 0
while not is_over:
    observation, reward, terminated, truncated, info = env.step(blind[t].numpy())
    total, t, is_over = total + reward, t + 1, terminated or truncated
print(f"{t} steps, {info['distance']:.0f} cm from the target, reward {total:.2f}")

# %% [markdown]
# ## Exercises
#
# ```{exercise} Whom does the filter trust?
# :label: zh-whom-to-trust
# Velocity is replaced in every step, so that nothing is left of the old one. What then is the share $K$ with which the filter corrects its velocity by an observation, as a
# function of $\sigma_a$ and $\sigma_o$? How large is it in the two pairs of noises between which {doc}`fig2_belief` distinguishes, (0.2, 0.1) and (0.1, 0.2)?
# ```
#
# ````{solution} zh-whom-to-trust
# :class: dropdown
# The predicted velocity is the command, with variance $\sigma_a^2 G^2$; that of the observation is $\sigma_o^2 G^2$. So $K = \sigma_a^2 / (\sigma_a^2 + \sigma_o^2)$ in every
# step: 0.8 and 0.2. Position and heading are not observed at all. They are corrected one step later, as sums of the corrected velocities, which is why a
# network needs little more than two weighted sums and an integral to have the filter's mean.
# ````
#
# ```{exercise} The last action
# :label: zh-last-action
# A trial is scored at the place where the stop is decided. Which is the last action that had an influence on it?
# ```
#
# ````{solution} zh-last-action
# :class: dropdown
# Action $a_t$ sets the velocity of step $t+1$, which moves the agent from step $t+1$ to $t+2$. If the stop is decided at $T$, the place $\mathbf p_T$ contains actions up to
# $a_{T-2}$. The velocity that $a_{T-1}$ sets is never travelled, and the plan above counts one step less for this reason.
# ````
#
# ```{exercise} A world with certainty
# :label: zh-certainty
# Run this chapter with `process_noise` 0. Which trust is then the best, and does the blind planner still miss?
# ```
#
# ````{solution} zh-certainty
# :class: dropdown
# Commands are then exact, the blind plan is a perfect one, and looking can only do harm: all noise is in the eyes. The pairs of noises in the bars stay
# as they are, so compare the printed share of reached targets and the ellipses, which vanish.
# ````
#
# ```{exercise} Belief without the action
# :label: zh-without-action
# In Critic1 to Critic3 the action that is judged enters the recurrent layer. What happens to the critic's belief if it judges an action that is *not* executed
# afterwards?
# ```
#
# ````{solution} zh-without-action
# :class: dropdown
# Its memory then contains an action that never was. In training the actor's actions replace the executed ones in the critic's input, while the "last action" in
# the inputs remains the executed one: the two disagree, and what the LSTM keeps mixes the world's past with what the actor would do now. In Critic5 the LSTM only
# sees what happened, and the action is judged by layers without memory.
# ````
#
# ## Where this differs from the original
#
# - The paper's own drawings of task and variables could not be seen; these show the same quantities, as the code has them.
# - Weights are counted in the networks that the other chapters train in their full mode. The quick recipe has smaller ones ({doc}`training`).
# - Many trials run side by side, so that random numbers come in another order than in the original, where trials are run one by one. With its order the same
#   numbers come out, which {doc}`../checked` shows.
# - Stops and starts in the Gymnasium environment are decided by the actions that it is handed, as it cannot know of noise that an agent adds to them.
# - A target straight ahead has no circle; the straight line is taken instead.

# %%
chapter.footer()

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
