import pytest
import torch

from mempaper import rl


def test_returns_by_hand():
    rewards = torch.tensor([1.0, 0.0, 2.0])
    assert torch.allclose(rl.discounted_returns(rewards, 0.5), torch.tensor([1.5, 1.0, 2.0]))
    assert torch.equal(rl.discounted_returns(rewards, 0.0), rewards)
    normalized = rl.discounted_returns(rewards, 0.9, normalize=True)
    assert normalized.mean().abs() < 1e-6
    assert abs(normalized.std().item() - 1) < 1e-5


def test_impossible_discount_is_refused():
    with pytest.raises(ValueError, match=r"gamma is 1\.5"):
        rl.discounted_returns(torch.zeros(3), 1.5)


def test_actions_are_drawn_with_the_policys_probabilities():
    policy = torch.tensor([0.2, 0.5, 0.3]).expand(30000, 3)
    uniform = torch.rand(30000, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(rl.sample_actions(policy, uniform), minlength=3) / 30000
    assert torch.allclose(counts, policy[0], atol=0.01)
    assert rl.sample_actions(torch.tensor([[0.0, 1.0]]), torch.tensor([0.0])) == 1


def test_policy_loss_does_not_move_the_value():
    values = torch.tensor([0.3, 0.7], requires_grad=True)
    log_prob = torch.tensor([-0.5, -1.0], requires_grad=True)
    loss = rl.actor_critic_loss(log_prob, values, torch.tensor([1.0, 3.0]))
    assert loss.policy.item() == pytest.approx(0.5 * 0.7 + 1.0 * 2.3)
    assert loss.value.item() == pytest.approx(0.5 * 0.7**2 + (2.3 - 0.5))
    loss.policy.backward()
    assert values.grad is None
    assert torch.allclose(log_prob.grad, torch.tensor([-0.7, -2.3]))


def test_entropies():
    policy = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    assert torch.allclose(rl.entropy_bits(policy), torch.tensor([1.0, 0.0]))
