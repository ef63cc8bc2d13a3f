"""Rewards and losses."""

import dataclasses

import numpy as np
import pytest
import torch

from mempaper.lu2022.learning import (
    answer_rates,
    decorrelation,
    prediction_loss,
    reinforcement_loss,
    rewards,
)
from mempaper.lu2022.model import Heads
from mempaper.lu2022.trials import Batch

K, STEPS = 3, 6  # values, and steps of both parts; the first of each part is without a query


def batch(n_members=2, n_trials=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    right = torch.randint(K, (n_members, n_trials, STEPS), generator=rng)
    y = torch.nn.functional.one_hot(right, K).float()
    y[:, :, [0, 3]] = 0
    shape = (n_members, n_trials)
    return Batch(
        x=torch.zeros(*shape, STEPS, 1),
        y=y,
        condition=torch.zeros(shape, dtype=torch.int64),
        penalty=torch.tensor([2.0, 3.0]).expand(*shape, 2),
        start=torch.zeros(2, *shape, 1),
        fresh=torch.zeros(2, *shape, 1),
        uniform=torch.rand(*shape, STEPS, generator=rng),
        encode=[2],
    )


def heads(shape, seed=1):
    rng = torch.Generator().manual_seed(seed)
    policy = torch.randn(*shape, STEPS, K + 1, generator=rng).softmax(-1).requires_grad_()
    return Heads(policy, torch.randn(*shape, STEPS, generator=rng).requires_grad_(), torch.zeros(1))


def test_rewards():
    y = torch.tensor([[0.0, 1, 0], [0, 0, 0]])
    found = {
        action: rewards(torch.tensor([action, action]), y, torch.tensor([2.0, 4.0])).tolist()
        for action in range(4)
    }
    assert found == {0: [-2, -4], 1: [1, -4], 2: [-2, -4], 3: [0, 0]}


def test_prediction_loss_is_a_mean_over_values_and_a_sum_over_steps():
    b, h = batch(), heads((2, 4))
    by_hand = sum(((h.policy[:, :, t, :K] - b.y[:, :, t]) ** 2).mean(-1) for t in range(STEPS))
    assert torch.allclose(prediction_loss(h.policy, b.y), by_hand)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("steps", [slice(None), slice(3, None)])
def test_reinforcement_loss_by_hand(normalize, steps):
    b, h = batch(), heads((2, 4))
    actions = torch.randint(K + 1, (2, 4, STEPS), generator=torch.Generator().manual_seed(2))
    found = reinforcement_loss(h, b, actions, entropy_weight=0.1, normalize=normalize, steps=steps)
    for m, n in np.ndindex(2, 4):
        reward = rewards(actions[m, n], b.y[m, n], torch.tensor([2.0] * 3 + [3.0] * 3))
        # returns are normalised over the steps of both parts, whichever are learned from
        returns = (reward - reward.mean()) / (reward.std() + 1.19e-7) if normalize else reward
        loss = 0.0
        for t in range(STEPS)[steps]:
            p, v = h.policy[m, n, t], h.value[m, n, t]
            loss -= p[actions[m, n, t]].log() * (returns[t] - v.detach())
            loss += torch.nn.functional.smooth_l1_loss(v, returns[t])
            loss += 0.1 * (p * p.log2()).sum()
        assert torch.allclose(found[m, n], loss, atol=1e-5)


def test_only_the_chosen_steps_have_gradients():
    b, h = batch(), heads((2, 4))
    actions = torch.zeros(2, 4, STEPS, dtype=torch.int64)
    reinforcement_loss(h, b, actions, entropy_weight=0.1, steps=slice(3, None)).sum().backward()
    assert h.policy.grad[:, :, :3].eq(0).all()
    assert h.value.grad[:, :, :3].eq(0).all()
    assert h.policy.grad[:, :, 3:].ne(0).any()


def test_decorrelation_is_a_mean_over_pairs_of_trials():
    c = torch.randn(2, 5, 3, 7, generator=torch.Generator().manual_seed(0))
    by_hand = torch.zeros(2)
    for m in range(2):
        squares = [
            torch.cosine_similarity(c[m, a, t], c[m, b, t], dim=0) ** 2
            for t in range(3)
            for a in range(5)
            for b in range(5)
            if a != b
        ]
        by_hand[m] = torch.stack(squares).mean()
    assert torch.allclose(decorrelation(c), by_hand, atol=1e-6)
    same = torch.ones(1, 4, 2, 3)
    assert torch.allclose(decorrelation(same), torch.ones(1))


def test_shares_of_right_and_wrong_answers_among_queries():
    b = batch(1, 1)
    right = b.y[0, 0].argmax(-1)
    actions = right.clone()
    actions[1], actions[4], actions[5] = K, (right[4] + 1) % K, K
    actions[0] = 1  # nothing is asked: counts for nothing
    b = dataclasses.replace(b)
    correct, wrong = answer_rates(actions[None, None], b)
    assert correct[0, 0].tolist() == [0.5, 0]
    assert wrong[0, 0].tolist() == [0, 0.5]
