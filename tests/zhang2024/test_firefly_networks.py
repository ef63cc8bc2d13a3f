"""Architectures: their sizes, where actions enter, and their first weights."""

import pytest
import torch

from mempaper.zhang2024.networks import (
    ACTORS,
    CRITICS,
    Actor,
    Critic,
    Sizes,
    action_features,
    initialise,
    split_architecture,
)
from mempaper.zhang2024.rollout import Agent

SMALL = Sizes(6, 5, 7, 6)
PAPER = {
    "Actor1": 201_082,
    "Actor2": 201_986,
    "Actor3": 199_234,
    "ActorEKF": 95_102,
    "Critic1": 405_242,
    "Critic2": 405_762,
    "Critic3": 399_914,
    "Critic4": 405_762,
    "Critic5": 399_066,
    "CriticEKF": 190_802,
}


def made(name, sizes=SMALL, seed=0, **options):
    network = Actor(name, sizes) if name in ACTORS else Critic(name, sizes, **options)
    initialise(network, torch.Generator().manual_seed(seed))
    return network


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", PAPER)
def test_numbers_of_parameters_at_the_paper_s_sizes(name):
    assert count(made(name, Sizes())) == PAPER[name]


def test_agents_are_matched_in_size():
    """All 15 recurrent agents have about 600,000 parameters."""
    totals = [PAPER[actor] + PAPER[critic] for actor in ACTORS[:3] for critic in CRITICS[:5]]
    assert max(totals) / min(totals) < 1.02


def test_first_weights():
    actor = made("Actor3", Sizes()).requires_grad_(False)
    assert float(actor.l2.weight.std()) == pytest.approx(0.1, rel=0.02)
    assert float(actor.l2.weight.mean()) == pytest.approx(0, abs=2e-3)
    limit = (6 / (4 * 128 + 6)) ** 0.5  # Xavier over the four gates together
    assert float(actor.rnn.weight_ih_l0.abs().max()) == pytest.approx(limit, rel=0.02)
    for name, parameter in actor.named_parameters():
        if "bias" in name:
            assert not parameter.any(), name
    critic = made("Critic5")
    assert not torch.equal(critic.rnn1.weight_hh_l0, critic.rnn2.weight_hh_l0)


@pytest.mark.parametrize("name", [*ACTORS, *CRITICS])
def test_the_same_seed_gives_the_same_weights(name):
    one, two, other = made(name), made(name), made(name, seed=1)
    pairs = list(zip(one.parameters(), two.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("name", ACTORS[:3])
def test_an_actor_step_by_step_is_the_actor_on_the_whole_sequence(name):
    actor, x = made(name), torch.rand(9, 4, 6)
    whole, _ = actor(x)
    hidden, steps = None, []
    for t in range(9):
        action, hidden = actor(x[t : t + 1], hidden)
        steps.append(action)
    torch.testing.assert_close(torch.cat(steps), whole)
    assert float(whole.detach().abs().max()) <= 1


@pytest.mark.parametrize("name", CRITICS)
def test_where_the_action_enters_a_critic(name):
    """The value of a step depends on earlier actions only where actions enter the memory."""
    critic = made(name)
    x = torch.rand(5, 3, 13 if name == "CriticEKF" else 6)
    first, second = torch.rand(5, 3, 2), torch.rand(5, 3, 2)
    second[1:] = first[1:]
    (one, _), (two, _) = critic(x, first), critic(x, second)
    assert (one[0] != two[0]).any()
    assert (one[1:] != two[1:]).any() == critic.action_enters_memory


@pytest.mark.parametrize("name", ["Actor3", "ActorEKF"])
def test_the_modular_actors_are_memoryless_after_the_belief(name):
    actor = made(name)
    m = torch.rand(4, 2, 13 if name == "ActorEKF" else 6)
    torch.testing.assert_close(actor.layers(m)[2], actor.layers(m[2]))


@pytest.mark.parametrize("name", CRITICS)
def test_the_two_copies_share_nothing(name):
    critic = made(name)
    x, action = torch.rand(5, 3, 13 if name == "CriticEKF" else 6), torch.rand(5, 3, 2)
    critic.value(x, action, 1).sum().backward()
    with_gradient = sum(p.numel() for p in critic.parameters() if p.grad is not None)
    assert 2 * with_gradient == count(critic)
    q1, q2 = critic(x, action)
    assert q1.shape == q2.shape == (5, 3, 1)
    assert not torch.equal(q1, q2)


def test_the_stop_feature_tells_stops_from_moves():
    action = torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.5, -0.9]])
    assert action_features(action, False) is action
    features = action_features(action, True)
    assert features.shape == (3, 5)
    assert features[:, 4].tolist() == pytest.approx([2, 1, 2 / 82])
    critic = made("Critic5", stop_feature=True)
    assert critic(torch.rand(2, 3, 6), torch.rand(2, 3, 2))[0].shape == (2, 3, 1)
    assert count(critic) == count(made("Critic5")) + 2 * 3 * 5


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("EKF", ("ActorEKF", "CriticEKF")),
        ("ActorEKFCritic1", ("ActorEKF", "Critic1")),
        ("Actor3Critic5", ("Actor3", "Critic5")),
    ],
)
def test_names_of_architectures(name, parts):
    assert split_architecture(name) == parts
    agent = Agent(name, SMALL)
    assert agent.has_belief is name.startswith(("EKF", "ActorEKF"))
    assert agent.critic_sees_belief is (name == "EKF")


@pytest.mark.parametrize(
    "name", ["Actor4Critic1", "Actor1Critic6", "Actor1", "Critic1Actor1", "Actor3CriticEKF", "", "ekf"]
)
def test_unknown_architectures_are_refused(name):
    with pytest.raises(ValueError, match="Unknown architecture"):
        Agent(name, SMALL)


def test_unknown_parts_and_empty_layers_are_refused():
    with pytest.raises(ValueError, match="Unknown actor 'Actor4'"):
        Actor("Actor4", SMALL)
    with pytest.raises(ValueError, match="Unknown critic 'Critic0'"):
        Critic("Critic0", SMALL)
    for size in ("rnn", "fc", "holistic", "stacked"):
        with pytest.raises(ValueError, match=f"{size} is 0"):
            Sizes(**{size: 0})


def test_weights_of_another_architecture_are_refused():
    with pytest.raises(RuntimeError, match="size mismatch"):
        Actor("Actor3", SMALL).load_state_dict(Actor("Actor3", Sizes(8, 5)).state_dict())
    with pytest.raises(RuntimeError, match="Missing key"):
        Actor("Actor3", SMALL).load_state_dict(Actor("Actor1", SMALL).state_dict())
