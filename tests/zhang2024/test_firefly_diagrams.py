"""Drawings contain what they are about, and their numbers come from the networks and the task."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Circle, Wedge

from mempaper.zhang2024 import diagrams, task_drawings
from mempaper.zhang2024.belief import Belief
from mempaper.zhang2024.networks import ACTORS, CRITICS, Sizes
from mempaper.zhang2024.trials import make_trials
from mempaper.zhang2024.world import LINEAR_SCALE, World

WORLD = World()
PUBLISHED = {  # panel S9a
    **{"Actor1": 201_082, "Actor2": 201_986, "Actor3": 199_234},
    **{"Critic1": 202_621, "Critic2": 202_881, "Critic3": 199_957},
    **{"Critic4": 202_881, "Critic5": 199_533},
}


@pytest.fixture
def ax():
    fig, ax = plt.subplots(figsize=(7, 4))
    yield ax
    fig.canvas.draw()
    plt.close(fig)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def overlapping(ax):
    """Pairs of texts of a drawing, at its final size, that lie on one another."""
    ax.figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in ax.texts if t.get_text()]
    return [(a, b) for i, (a, x) in enumerate(boxes) for b, y in boxes[:i] if x.overlaps(y)]


def test_weights_are_those_of_the_paper():
    assert {name: diagrams.count_weights(name) for name in PUBLISHED} == PUBLISHED
    assert diagrams.count_weights("ActorEKF") == 95_102
    assert 2 * diagrams.count_weights("CriticEKF") == 190_802
    with pytest.raises(ValueError, match="Unknown network 'Critic6'"):
        diagrams.count_weights("Critic6")


@pytest.mark.parametrize("name", [*ACTORS, *CRITICS])
def test_networks(ax, name):
    sizes = Sizes(rnn=11, fc=22, holistic=33, stacked=44)
    ax.figure.set_size_inches(1.8, 4.2)
    assert diagrams.draw_network(name, sizes=sizes, ax=ax) is ax
    written = texts(ax)
    assert f"{name}\n{diagrams.count_weights(name, sizes):,} weights" in written
    units = {"1": "LSTM 33", "2": "LSTM 44", "4": "LSTM 44"}.get(name[-1], "LSTM 11")
    expected = 0 if "EKF" in name else 2 if name in ("Actor2", "Critic2", "Critic4") else 1
    assert written.count(units) == expected
    deep = name in ("Actor3", "ActorEKF", "Critic3", "Critic5", "CriticEKF")
    assert written.count("ReLU 22") == 2 * deep
    assert ("$a_t$" in written) == (name in CRITICS)
    assert overlapping(ax) == []


def test_rows_of_networks():
    fig, axes = plt.subplots(1, 5, figsize=(9, 4.2))
    diagrams.draw_critics(axes)
    titles = " ".join(" ".join(texts(ax)) for ax in axes)
    assert all(f"Critic{k}" in titles for k in range(1, 6))
    assert "Actor" not in titles
    plt.close(fig)
    fig, axes = plt.subplots(1, 3)
    assert diagrams.draw_actors(axes) is axes
    assert "199,234 weights" in texts(axes[2])[-1]
    plt.close(fig)


@pytest.mark.parametrize(
    ("draw", "size", "words"),
    [
        (diagrams.draw_loop, (9, 5.2), ["world", "belief", "action", "value", "reward"]),
        (diagrams.draw_ekf_agent, (9.2, 2.8), ["Kalman", "13 numbers", "ReLU 300, 300", "twice"]),
        (diagrams.draw_holistic_ekf_agent, (9.2, 3.3), ["Kalman", "LSTM 220", "ReLU 300, 300"]),
    ],
)
def test_agents(ax, draw, size, words):
    ax.figure.set_size_inches(*size)
    assert draw(ax=ax) is ax
    written = " ".join(texts(ax))
    assert [word for word in words if word not in written] == []
    assert overlapping(ax) == []


def test_counts(ax):
    diagrams.draw_counts(ax=ax)
    assert [bar.get_width() for bar in ax.patches] == list(PUBLISHED.values())
    assert [label.get_text() for label in ax.get_yticklabels()] == list(PUBLISHED)
    assert overlapping(ax) == []
    small = diagrams.draw_counts(sizes=Sizes(4, 4, 4, 4), ax=plt.figure().subplots()).patches[-1]
    plt.close()
    assert small.get_width() == diagrams.count_weights("Critic5", Sizes(4, 4, 4, 4))


# The task


@pytest.fixture
def course():
    target = torch.tensor([[0.2, 0.6], [0.0, 0.5]])
    trials = make_trials(target, process_noise=0, observation_noise=0)
    plan = task_drawings.circle_plan(target, WORLD)
    return task_drawings.follow(plan, trials, WORLD, torch.zeros(2, WORLD.n_steps, 4))


def test_circles_lead_to_the_targets(course):
    target = LINEAR_SCALE * course.trials.target.numpy()
    for trial in range(2):
        path = course.path(trial)
        assert len(path) == course.length[trial]
        assert np.hypot(*(path[-1] - target[trial])) < 15
    assert course.reward.tolist() == [10, 10]
    assert course.visible.tolist() == [True] * 4 + [False] * 31
    assert course.length[0] > course.length[1] == 16
    np.testing.assert_allclose(course.path(1)[-1], [0, 200], atol=1e-3)
    assert (course.x[1, 15:] == course.x[1, 15]).all()


def test_a_plan_keeps_to_its_effort_and_to_the_time():
    ahead = task_drawings.circle_plan(torch.tensor([[0.0, 0.5]]), WORLD, effort=1.0)
    torch.testing.assert_close(ahead[0, 0], torch.tensor([1.0, 0.0]))
    assert (ahead[0, :, 0] > 0).sum() == 11
    far = torch.tensor([[0.0, 1.0]])
    assert task_drawings.circle_plan(far, WORLD, effort=0.8).abs().max() == pytest.approx(0.8)
    with pytest.raises(ValueError, match=r"effort 0.5 is too little to be there within 34 steps"):
        task_drawings.circle_plan(far, WORLD, effort=0.5)


def test_follow_ends_with_a_stop_or_with_the_actions():
    trials = make_trials(torch.tensor([[0.0, 0.5]]))
    noise = torch.zeros(1, 35, 4)
    plan = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]])
    made = task_drawings.follow(plan, trials, WORLD, noise)
    assert made.length.tolist() == [3]
    assert made.reward.item() == pytest.approx(0.01)
    made = task_drawings.follow(plan[:, :2], trials, WORLD, noise)
    assert made.length.tolist() == [2]
    assert made.reward.item() == 0


def test_arena(ax):
    task_drawings.draw_arena(ax=ax)
    (sector,) = (p for p in ax.patches if isinstance(p, Wedge))
    assert (sector.r, sector.width) == pytest.approx((400, 300))
    assert (sector.theta1, sector.theta2) == pytest.approx((55, 125))
    assert texts(ax)[:3] == ["100 cm", "400 cm", "70°"]
    assert overlapping(ax) == []
    task_drawings.draw_target([10, 200], ax=ax)
    (zone,) = (p for p in ax.patches if isinstance(p, Circle))
    assert zone.radius == 65


def test_variables(ax, course):
    task_drawings.draw_variables(course, ax=ax)
    assert [text.split("\n")[0] for text in texts(ax)] == ["target", "stop"]
    np.testing.assert_allclose(ax.lines[1].get_xydata(), course.path(0))


def test_course(course):
    fig, axes = plt.subplots(4)
    assert task_drawings.draw_course(course, WORLD, axes) is axes
    n = int(course.length[0])
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), course.actions[0, :n, 0])
    observed = axes[3].lines[1].get_ydata()
    np.testing.assert_allclose(observed, math.degrees(1) * course.observation[0, :n, 1])
    plt.close(fig)


def test_rewards(ax):
    task_drawings.draw_rewards(ax=ax)
    mixed, gauss, const = (line.get_ydata() for line in ax.lines[:3])
    distance = ax.lines[0].get_xdata()
    at = [int(np.argmin(np.abs(distance - d))) for d in (64, 66)]
    assert mixed[at[0]] == const[at[0]] == 10
    assert mixed[at[1]] == pytest.approx(3.2, abs=0.2)
    assert const[at[1]] == 0
    assert gauss[0] == 10


def test_perturbation(ax):
    assert task_drawings.displacement() == pytest.approx(0.4986, abs=1e-4)
    task_drawings.draw_perturbation(ax=ax)
    written = [text.get_text() for text in ax.get_legend().get_texts()]
    assert written == ["200 cm/s: moves by 99.7 cm", "120 °/s: turns by 59.8°"]
    assert ax.lines[1].get_ydata().max() == 120


def test_gains(ax):
    task_drawings.draw_gains(ax=ax)
    points = np.concatenate([line.get_xydata() for line in ax.lines[1:]])
    np.testing.assert_allclose(points, [(200, 90), (300, 135), (400, 180)])
    assert texts(ax) == ["1×, trained", "1.5×", "2×"]
    assert overlapping(ax) == []


def test_toy_filter(ax):
    ax.figure.set_size_inches(6, 3)
    task_drawings.draw_toy_filter(ax=ax)
    first = {text.split("\n")[0]: text.split("\n")[1] for text in texts(ax)}
    assert first == {
        "prediction": "−3.00 ± 1.50",
        "observation": "3.00 ± 1.00",
        "both": "1.15 ± 0.83",
    }
    peaks = [line.get_xdata()[line.get_ydata().argmax()] for line in ax.lines]
    np.testing.assert_allclose(peaks, [-3, 3, 1.15], atol=0.05)
    assert overlapping(ax) == []


def test_ellipse_of_a_belief(ax):
    trials = make_trials(torch.tensor([[0.0, 0.5]]))
    belief = Belief(trials, WORLD.dt)
    for _ in range(10):
        belief.update(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.0]]), torch.zeros(1, 2))
    covariance = belief.covariance[0, :2, :2].numpy() * LINEAR_SCALE**2
    task_drawings.draw_ellipse((0, 0), covariance, 2, ax=ax)
    outline = ax.patches[0].get_path().transformed(ax.patches[0].get_patch_transform())
    placed = outline.interpolated(1).to_polygons(closed_only=False)[0]
    within = np.einsum("ni,ij,nj->n", placed, np.linalg.inv(covariance), placed)
    np.testing.assert_allclose(within, 4, rtol=0.02)  # an outline is made of curves
    longest = np.sqrt(np.linalg.eigvalsh(covariance).max())
    assert np.hypot(*placed.T).max() == pytest.approx(2 * longest, rel=0.02)
