import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.ritter2018.maze import WaterMazeTask, neighbours

TASK = WaterMazeTask(side=4, n_contexts=5, context_length=6, n_repetitions=3, n_moves=12)
UP, DOWN, LEFT, RIGHT = range(4)


def sample(n_envs=6, task=TASK):
    return task.sample(member_generators(0, 2, 1), n_envs)


def test_walls_stop_moves():
    table = neighbours(3)
    assert table[0].tolist() == [0, 3, 0, 1]
    assert table[4].tolist() == [1, 7, 3, 5]
    assert table[8].tolist() == [5, 8, 7, 8]


def test_goals_are_distinct_and_belong_to_contexts():
    epoch = sample()
    for member in range(2):
        for env in range(6):
            pairs = torch.stack([epoch.order[member, env], epoch.goal[member, env]])
            assert len(torch.unique(pairs, dim=1).T) == TASK.n_contexts
            assert len(torch.unique(pairs[1])) == TASK.n_contexts


def test_swimmer_is_never_put_on_the_goal_but_anywhere_else():
    task = WaterMazeTask(side=3, n_contexts=2, context_length=3, n_repetitions=2, n_moves=10)
    epoch = sample(300, task)
    assert (epoch.places != epoch.goal.unsqueeze(-1)).all()
    offset = (epoch.places - epoch.goal.unsqueeze(-1)) % 9
    counts = torch.bincount(offset.flatten(), minlength=9)[1:].double()
    assert (counts / counts.mean() - 1).abs().max() < 0.06


def toward(position, goal, side):
    """A shortest way: rows first, then columns."""
    row, goal_row = position // side, goal // side
    column, goal_column = position % side, goal % side
    sideways = torch.where(column > goal_column, LEFT, RIGHT)
    upright = torch.where(row > goal_row, UP, DOWN)
    return torch.where(row != goal_row, upright, sideways)


def test_who_knows_the_goal_needs_the_shortest_way_and_is_put_back():
    epoch = sample()
    actions, rewards = [], []
    for episode in range(TASK.n_episodes):
        goal = epoch.goal[:, :, episode]
        observation = epoch.start(episode)
        assert torch.equal(epoch.position, epoch.places[:, :, episode, 0])
        for move in range(TASK.n_moves):
            assert torch.equal(observation[..., :16].argmax(-1), epoch.position)
            action = toward(epoch.position, goal, TASK.side)
            reward, observation = epoch.step(episode, move, action)
            assert torch.equal(observation[..., 16:20].argmax(-1), action)
            assert torch.equal(observation[..., -1], reward)
            back = epoch.places[:, :, episode, move + 1]
            assert (epoch.position == back)[reward == 1].all()
            assert (epoch.position != goal).all()
            actions.append(action)
            rewards.append(reward)
    shape = (TASK.n_episodes, TASK.n_moves, *rewards[0].shape)
    rewards = torch.stack(rewards).view(shape).permute(2, 3, 0, 1)
    actions = torch.stack(actions).view(shape).permute(2, 3, 0, 1)
    start, goal = epoch.places[..., 0], epoch.goal
    distance = (start // 4 - goal // 4).abs() + (start % 4 - goal % 4).abs()
    measured = TASK.measure(epoch, actions, rewards)
    for e in range(TASK.n_repetitions):
        expected = torch.stack([distance[m][epoch.encounter[m] == e].double().mean() for m in range(2)])
        np.testing.assert_allclose(measured["steps_by_encounter"][:, e], expected, rtol=1e-6)


def test_steps_to_a_goal_never_found_are_all_moves():
    epoch = sample()
    nothing = torch.zeros(2, 6, TASK.n_episodes, TASK.n_moves)
    measured = TASK.measure(epoch, nothing, nothing)
    assert (measured["steps_by_encounter"] == TASK.n_moves).all()
    at_last = nothing.clone()
    at_last[..., -1] = 1
    assert (TASK.measure(epoch, at_last, at_last)["steps_by_encounter"] == TASK.n_moves).all()
    at_last[..., 2] = 1
    measured = TASK.measure(epoch, at_last, at_last)
    assert (measured["steps_by_encounter"] == 3).all()
    assert (measured["reward_by_encounter"] == 2).all()


def test_too_many_goals_are_refused():
    with pytest.raises(ValueError, match="no 5 distinct goals"):
        WaterMazeTask(side=2, n_contexts=5)
