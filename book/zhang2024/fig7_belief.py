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
# # The noise of the training decides
#
# Zhang, Pitkow & Angelaki (2024), figure 7 · [open in Colab](@colab@) · [open in Binder](@binder@)
#
# **What you will see.** A holistic and a modular agent were trained in each of sixteen noises. Agents that could not trust their movements learnt to look, and these steer
# well when the joystick changes or somebody pushes them. In the paper the modular agent is ahead in every noise; is it here?

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
seed: int = 0  # of all agents
n_seeds: int = None  # without effect here: one agent of each kind and noise
n_trials: int = None  # test trials per agent and condition; None: the mode's number
sweep: bool = None  # all sixteen noises; None: not in full mode

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

from mempaper import plots, stats
from mempaper.chapter import Chapter
from mempaper.parameters import unless_full
from mempaper.zhang2024 import (
    figures,
    grids,
    groups,
    sweep_figures,
    sweeps,
    trial_sets,
)
from mempaper.zhang2024.groups import Pool

chapter = Chapter(
    "zhang2024/fig7_belief", globals(), Pool, "n_trials", own=("sweep",)
)
sweep = unless_full(sweep, mode, "sweep")

# %% [markdown]
# ## The idea
#
# What a velocity is can be predicted from the joystick's movement $a$, or observed, and the best weight of the observation is
#
# $$
# K = \frac{\sigma_a^2}{\sigma_a^2 + \sigma_o^2} ,
# $$
#
# with the process noise $\sigma_a$ and the observation noise $\sigma_o$, see {doc}`fig2_belief`. Now let the joystick's gain be twice what it was in training, and nobody tells the agent. A
# prediction is then wrong by a factor of two. Of the true velocity $2 G a$ the agent believes $(1 - K)\, G a + K \cdot 2 G a = (1 + K)\, G a$. The smaller $K$, the
# further it goes astray. The same holds for a push from outside, which no movement of the joystick predicts.
#
# So there should be a chain from the noise of the training to beliefs, and from beliefs to generalisation {footcite:p}`zhang2024inductive`. Both links can be seen in agents that were
# trained in different noises.
#
# ## The experiment
#
# Noises $\sigma_a$ and $\sigma_o$ are 0, .1, .2 or .3. Each agent is tested in the noise in which it was trained, in three ways: with noise added step by step (its *grid*, as in
# {doc}`fig2_belief`); with twice the gain; and with perturbations that begin at once, small ones excluded.

# %%
base = chapter.experiment
print(inspect.getsource(sweeps.noises).split('"""')[2])
runs = sweeps.noises(base, sweep)
filters = groups.trained(groups.filters(base))
agents = groups.trained(runs, "gain1x+2x")
n = base.n_trials
plain = trial_sets.gain_set(1, n)
yardsticks = {k: sweeps.noise_grids(v, plain).mean(0) for k, v in filters.items()}
grid = {
    key: sweeps.noise_grids(group, plain).mean(0) for key, group in agents.items()
}

# %% [markdown]
# A grid has 25 cells. Its correlation with the grid of the EKF agent, whose filter trusts observation, says how much an agent *favours observation*; that with the alternative one,
# how much it *favours prediction*.

# %%
favours = {"EKF": "favours obs.", "EKF alternative": "favours pred."}
likeness = {
    label: sweeps.noise_tables(
        {key: sweeps.correlation(g, yardsticks[name]) for key, g in grid.items()}
    )
    for name, label in favours.items()
}


def tested(agents: dict, trials: trial_sets.TrialSet) -> dict[str, np.ndarray]:
    """AUC of all agents in the noise of their training, by name, (observation, process)."""
    found = sweeps.measure(agents, trials, "auc", own_noise=True)["auc"]
    return sweeps.noise_tables(sweeps.means(found))


auc = {
    "gain 2": tested(agents, trial_sets.gain_set(2, n)),
    "perturbed": tested(
        agents, trial_sets.perturbation_set("excluded", n, start=0)
    ),
}

# %% [markdown]
# The EKF agents' actors are networks as well, and may steer badly in noise that they never met. As a second yardstick, the same two filters are steered by the rule of
# {doc}`fig2_belief`, which learns nothing.

# %%
rule = sweeps.rule_agent()
print("yardsticks steered by rule; trainings with more process noise, with less:")
for name, noise in (
    ("favours obs.", groups.DEFAULT_NOISE),
    ("favours pred.", groups.ALTERNATIVE_NOISE),
):
    yardstick = grids.noise_grid(rule, *noise, trial_set=plain)
    tables = sweeps.noise_tables(
        {key: sweeps.correlation(g, yardstick) for key, g in grid.items()}
    )
    for agent, table in tables.items():
        more, less = sweeps.by_larger_noise(table)
        print(f"{figures.LABELS[agent]}, {name}: {more:.2f}, {less:.2f}")

# %% [markdown]
# Two harder tests follow: gains between 3 and 4, and perturbations several times as large, at any time. In full mode they have their own checkpoints, as in the original.

# %%
harder = {
    "gains 3 to 4": tested(
        groups.trained(runs, "gain"), trial_sets.random_gain_set(n=n)
    ),
    "large pert.": tested(
        groups.trained(runs, "perturbation"),
        trial_sets.perturbation_set("large excluded", n),
    ),
}
printed_likeness = sweeps.printed_noise_tables(
    "7a",
    {"favours obs.": "corr_with_EKF", "favours pred.": "corr_with_EKF_alternative"},
)
printed_auc = sweeps.printed_noise_tables(
    "7b", {"gain 2": "gain2x_auc", "perturbed": "perturbation_auc"}
)
printed_harder = sweeps.printed_noise_tables(
    "S7c",
    {"gains 3 to 4": "gain3to4x_auc", "large pert.": "large_perturbation_auc"},
    "_extensive",
)
printed_longer = {
    **sweeps.printed_noise_tables(
        "S7a",
        {
            "favours obs.": "corr_with_EKF",
            "favours pred.": "corr_with_EKF_alternative",
        },
        "_extensive",
    ),
    **sweeps.printed_noise_tables(
        "S7b",
        {"gain 2": "gain2x_auc", "perturbed": "perturbation_auc"},
        "_extensive",
    ),
}

# %% [markdown]
# ## The figures
#
# Look at the triangles on both sides of the dashed line. Below it there was more process noise in training, above it more observation noise.

# %% mystnb={"image": {"alt": "Eight heat maps over training noises, holistic agents above and modular ones below. Columns: correlation with the EKF agent's grid, measured and published, and with the alternative EKF agent's grid, measured and published. The first is large below the diagonal, the second above it."}, "figure": {"caption": "Beliefs after training in sixteen noises. A, E: correlation of a holistic (A) or modular (E) agent's grid with that of the EKF agent (it favours observation). B, F: the paper's. C, G: correlation with the alternative EKF agent's grid (it favours prediction). D, H: the paper's. Dashed: both noises are equal.", "name": "fig-zhang-beliefs-by-noise"}}
fig, axes = plt.subplots(2, 4, figsize=(15, 6.6), sharex=True, sharey=True)
sweep_figures.draw_noise_pairs(axes, likeness, printed_likeness, (0.2, 1))
plots.panel_letters(axes)

# %% [markdown]
# And how well do they generalise? The maps of AUC have the same shape: what lies below the dashed line is bright. Compare the upper row with the lower one, cell by cell.

# %% mystnb={"image": {"alt": "Eight heat maps over training noises, holistic agents above and modular ones below. Columns: AUC at gain 2, measured and published, and AUC under perturbations, measured and published. Values rise to the lower right; those of modular agents are higher."}, "figure": {"caption": "Generalisation after training in sixteen noises. A, E: AUC at twice the gain, of holistic (A) and modular (E) agents, tested in the noise of their training. B, F: the paper's. C, G: AUC under perturbations that begin with the trial, small ones excluded. D, H: the paper's.", "name": "fig-zhang-generalisation-by-noise"}}
fig, axes = plt.subplots(2, 4, figsize=(15, 6.6), sharex=True, sharey=True)
sweep_figures.draw_noise_pairs(axes, auc, printed_auc)
plots.panel_letters(axes)

# %% [markdown]
# The second link of the chain, from belief to generalisation: each point below is one training.

# %%
links, in_paper = {}, {}
names = {"gain": "gain 2", "perturbation": "perturbed"}
for agent in ("hol", "mod"):
    for test, name in names.items():
        for kind in ("obs", "pred"):
            key, belief = f"{agent}-{test}-{kind}", f"favours {kind}."
            links[key] = sweeps.boxed_correlation(
                auc[name][agent], likeness[belief][agent]
            )
            in_paper[key] = sweeps.boxed_correlation(
                printed_auc[name][agent], printed_likeness[belief][agent]
            )

# %% mystnb={"image": {"alt": "A and B: AUC at gain 2 and under perturbations against how much an agent favours observation, one filled point per training, open ones from the paper, in two colours for holistic and modular agents; points rise to the right. C and D: correlations with boxes for both kinds of agents, positive for favouring observation and negative for favouring prediction."}, "figure": {"caption": "Beliefs and generalisation over sixteen trainings. A: AUC at gain 2 against the correlation with the EKF agent's grid; filled: measured here, open: the paper's. B: the same under perturbations. C, D: correlation of AUC with favouring observation (obs.) and prediction (pred.), with 95 % bootstrap intervals, for holistic (C) and modular (D) agents; open markers with bars: from the paper's numbers.", "name": "fig-zhang-belief-generalises"}}
fig, axes = plt.subplots(1, 4, figsize=(16, 4))
for ax, name in zip(axes, auc, strict=False):
    for agent in ("hol", "mod"):
        sweep_figures.draw_against(
            likeness["favours obs."][agent],
            auc[name][agent],
            (printed_likeness["favours obs."][agent], printed_auc[name][agent]),
            ax=ax,
            colour=figures.COLOURS[agent],
            label=figures.LABELS[agent],
        )
    ax.set(xlabel="favours observation", ylabel=f"AUC, {name}")
axes[0].legend(fontsize="small")
for ax, agent in zip(axes[2:], ("hol", "mod"), strict=True):
    here = {
        f"{short}\n{kind}.": f"{agent}-{test}-{kind}"
        for test, short in (("gain", "gain"), ("perturbation", "pert."))
        for kind in ("obs", "pred")
    }
    sweep_figures.draw_correlations(
        {label: links[key] for label, key in here.items()},
        ax=ax,
        published={label: in_paper[key] for label, key in here.items()},
        colours=dict.fromkeys(here, figures.COLOURS[agent]),
    )
    ax.set_title(figures.LABELS[agent])
plots.panel_letters(axes)

# %% [markdown]
# The harder tests. The paper makes them with agents that were trained ten times as long, ours had the same training as above.

# %% mystnb={"image": {"alt": "Eight heat maps over training noises as before, for gains of 3 to 4 and for large perturbations; measured values are lower than the published ones of agents that were trained longer."}, "figure": {"caption": "Harder tests. A, E: AUC at gains of 3 to 4, of holistic (A) and modular (E) agents. B, F: the paper's, of agents that were trained ten times as long as those of the figures before. C, G: AUC under large perturbations, small ones excluded. D, H: the paper's, likewise.", "name": "fig-zhang-harder-by-noise"}}
fig, axes = plt.subplots(2, 4, figsize=(15, 6.6), sharex=True, sharey=True)
sweep_figures.draw_noise_pairs(axes, harder, printed_harder)
plots.panel_letters(axes)

# %% [markdown]
# And what would ten times the training have done? In the paper beliefs move apart (S7a): agents that favoured observation do so more, holistic ones most of all, and the others less. Nearly all become
# better at gain 2, and modular ones remain ahead (S7b). Ours would be thirty-two trainings, each ten times as long; they are not attempted. One of them is in {doc}`fig2_belief`.

# %% mystnb={"image": {"alt": "Four panels with published values only, after ten times the training against those before, one open point per training noise, in two colours for holistic and modular agents. At gain 2 nearly all points lie above the diagonal; in favouring observation those on the right do, those on the left lie below it."}, "figure": {"caption": "The paper's agents after ten times the training, against the same before; one point per training noise, holistic and modular. A: correlation with the EKF agent's grid. B: with the alternative EKF agent's. C: AUC at gain 2. D: AUC under perturbations. Dashed: no change. Nothing of this is ours.", "name": "fig-zhang-longer-training"}}
before = printed_likeness | printed_auc
fig, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
for ax, (name, tables) in zip(axes, printed_longer.items(), strict=True):
    for agent, table in tables.items():
        style = {"color": figures.COLOURS[agent], "label": figures.LABELS[agent]}
        plots.published_points(
            before[name][agent].ravel(), table.ravel(), ax=ax, **style
        )
    ax.axline((0.8, 0.8), slope=1, color=plots.GREY, ls="--", lw=0.8)
    ax.set(xlabel="before", ylabel="after", title=f"{name}, published")
axes[0].legend(fontsize="x-small")
plots.panel_letters(axes)
print("mean over training noises, published, before and after:")
for name, tables in printed_longer.items():
    for agent, table in tables.items():
        mean = before[name][agent].mean()
        print(f"{name}, {figures.LABELS[agent]}: {mean:.3f}, {table.mean():.3f}")

# %% [markdown]
# ## Claims
#
# All of them are about sixteen trainings; without these, none is judged.

# %%
measured = dict.fromkeys(
    [f"Z7.4-{key}" for key in links]
    + [f"Z7.1-{what}-{test}" for what in ("count", "gap") for test in names]
    + ["Z7.2-hol", "Z7.2-mod", "Z7.3", "Z7.5", "Z7.5-hol"]
    + [f"Z7.6-{test}" for test in names]
)
if sweep:
    better = {name: table["mod"] - table["hol"] for name, table in auc.items()}
    ahead = {name: table["mod"] - table["hol"] for name, table in harder.items()}
    for test, name in names.items():
        measured[f"Z7.1-count-{test}"] = stats.exact((better[name] > 0).sum())
        measured[f"Z7.1-gap-{test}"] = stats.exact(np.nanmean(better[name]))
    for test, table in zip(names, ahead.values(), strict=True):
        measured[f"Z7.6-{test}"] = stats.exact(np.nanmean(table))
    for agent, table in likeness["favours obs."].items():
        more, less = sweeps.by_larger_noise(table)
        measured[f"Z7.2-{agent}"] = stats.exact(more - less)
    predicts = likeness["favours pred."]
    least = {agent: np.nanmin(table) for agent, table in predicts.items()}
    measured["Z7.3"] = stats.exact(least["hol"] - least["mod"])
    measured |= {f"Z7.4-{key}": stats.exact(one.r) for key, one in links.items()}
chapter.judge(measured)

# %% [markdown]
# The paper's chain has two links, and the claims say of each how far it holds here. Z7.1 and Z7.6 compare the two agents, Z7.2 and Z7.3 ask what training noise did to
# beliefs, Z7.4 what beliefs do to generalisation. The EKF agents are the yardsticks of the last two. Those of the fast mode are imperfect ones: {doc}`fig2_belief` shows that their actors, not
# their filters, make the two grids more alike than they should be. So what an agent's likeness *is* says less than how it changes with the noise, and Z7.3 asks for the first.
#
# ## Exercises
#
# ```{exercise} How far too far?
# :label: zh-how-far
# An agent was trained in noises $\sigma_a$, $\sigma_o$ and weighs its sources optimally for them. Its gain is doubled. By which factor does it overshoot if it stops as soon as it believes
# to have arrived? Take the noises .2/.1 and .1/.2.
# ```
#
# ````{solution} zh-how-far
# :class: dropdown
# It believes $(1 + K)/2$ of the true velocity, and so goes $2/(1 + K)$ times too far. With .2/.1, $K = .8$ and the factor is 1.1; with .1/.2, $K = .2$ and it is 1.7. Without any
# process noise $K = 0$, and the overshoot is a whole target distance. No agent is that consistent: see the errors in {doc}`fig4_gain_behaviour`.
# ````
#
# ```{exercise} The diagonal
# :label: zh-diagonal
# On the dashed line $K$ is one half, whatever the noise. Are the maps constant along it? Why might they not be?
# ```
#
# ````{solution} zh-diagonal
# :class: dropdown
# They are tested in the noise of their training, which makes the test itself harder along the line. And with little noise of both kinds no weight matters for reward, so that training does
# not press towards the optimal one. In the corner 0/0 there is no optimum at all.
# ````
#
# ```{exercise} Sixteen points
# :label: zh-sixteen-points
# The correlations of belief and generalisation are taken over trainings in different noises. Is a belief the cause of good generalisation, then?
# ```
#
# ````{solution} zh-sixteen-points
# :class: dropdown
# It may be, but the noise changes both, and may do so in two ways: directly, since agents that were trained in strong process noise have met more velocities, and by the belief. One could keep the noise
# and change the belief, as the two EKF agents of {doc}`fig2_belief` allow: their filters can be told anything.
# ````
#
# ## Where this differs from the original
#
# - In fast mode the agents are small and were trained by the quick recipe: see {ref}`zh-fast-recipe`. There is one agent of each kind and noise; the paper averages over seeds whose number is
#   not known to us. A cell's value is that of one seed, then.
# - The paper's agents of this figure come from trainings of a hundred thousand trials, of which the first ten thousand count; the full mode's training ends there. What became of the agents later
#   (figures S7a and S7b) is shown as published only, and the harder tests (S7c) are made with agents of the shorter training.
# - The original selects the checkpoints for perturbations by their performance at gains 1 and 2, and those of the harder tests in another noise than they are tested in. The full mode does the
#   first, and selects for the second in the noise of the training.
# - Targets, noise and perturbations are the same for all agents, and a rollout's random numbers do not depend on how long a trial lasts.
# - Full mode trains the other noises only if you ask for it, with `sweep=True`; otherwise only the default noise is there.

# %%
every = [*filters.values(), *agents.values()]
chapter.footer(*(agent for group in every for agent in group))

# %% [markdown]
# ## References
#
# The paper is {footcite:t}`zhang2024inductive`.
#
# ```{footbibliography}
# ```
