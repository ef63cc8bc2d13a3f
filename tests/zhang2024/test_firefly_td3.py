"""Updates: targets, padding, smoothing, reflections; and a learner that goes on from its state."""

import copy

import pytest
import torch

from mempaper.zhang2024.networks import Actor, Critic, Sizes, initialise, split_architecture
from mempaper.zhang2024.td3 import (
    Batch,
    Learner,
    Rates,
    lambda_returns,
    mirror_actions,
    mirror_beliefs,
    mirror_states,
    smooth,
)

SMALL = Sizes(6, 5, 7, 6)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def learner(architecture="Actor3Critic5", seed=0, **options):
    actor, critic = split_architecture(architecture)
    actor, critic = Actor(actor, SMALL), Critic(critic, SMALL)
    g = generator(seed)
    for network in (actor, critic):
        initialise(network, g)
    return Learner(actor, critic, g, **options)


def batch_of(lengths, seed=3):
    """Trials of given lengths, padded with rubbish to the longest."""
    g, most, n = generator(seed), max(lengths), len(lengths)
    length = torch.tensor(lengths)
    t = torch.arange(most)[:, None]
    done = (t == length - 1).float()[:, :, None]
    valid = (t < length).float()[:, :, None]
    states, actions = torch.randn(most, n, 6, generator=g), torch.rand(most, n, 2, generator=g)
    rewards = 10 * torch.rand(n, 1, generator=g) * done
    return Batch(states, actions, rewards, done, valid)


def weights(of):
    return {k: v for k, v in of.state().items() if "optimizer" not in k}


# Targets


def test_plain_returns_are_discounted_final_rewards():
    """With lambda 1 the critics' values do not matter."""
    rewards, done = torch.zeros(6, 2, 1), torch.zeros(6, 2, 1)
    rewards[5, 0], rewards[2, 1], done[5, 0], done[2, 1] = 10, 3, 1, 1
    y = lambda_returns(rewards, done, torch.randn(6, 2, 1), 0.9, 1.0)
    assert y[:, 0, 0].tolist() == pytest.approx([10 * 0.9 ** (5 - t) for t in range(6)])
    assert y[:3, 1, 0].tolist() == pytest.approx([3 * 0.9 ** (2 - t) for t in range(3)])


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_lambda_returns_are_the_recursion(lam):
    g = generator()
    rewards, q = (torch.randn(5, 3, 1, generator=g) for _ in range(2))
    done = torch.zeros(5, 3, 1)
    done[-1] = 1
    y = lambda_returns(rewards, done, q, 0.97, lam)
    following = torch.zeros(3, 1)
    for t in range(4, -1, -1):
        following = rewards[t] + 0.97 * (1 - done[t]) * ((1 - lam) * q[t] + lam * following)
        torch.testing.assert_close(y[t], following)


def test_targets_cut_the_bootstrap_at_the_last_step_and_take_the_smaller_critic():
    one = learner(smoothing_std=0.0)
    batch = batch_of([4, 4])
    y = one.targets(batch, 0.0)
    torch.testing.assert_close(y[-1], batch.rewards[-1])
    with torch.no_grad():
        action = one.target_actor(batch.states)[0]
        q = torch.minimum(*one.target_critic(batch.states, action))
    torch.testing.assert_close(y[:-1], batch.rewards[:-1] + 0.97 * q[1:])


@pytest.mark.parametrize("architecture", ["Actor3Critic5", "Actor1Critic1", "Actor2Critic4"])
def test_padding_does_not_change_an_update(architecture):
    """Trials of different lengths together learn what they learn one by one."""
    lengths = [9, 5, 7]
    padded, apart = learner(architecture, smoothing_std=0.0), learner(architecture, smoothing_std=0.0)
    batch = batch_of(lengths)
    rubbish = copy.deepcopy(batch)
    rubbish.states[5:, 1], rubbish.actions[7:, 2] = 100.0, -1.0
    together = padded.targets(batch, 0.7) * batch.valid
    torch.testing.assert_close(padded.targets(rubbish, 0.7) * batch.valid, together)
    for k, n in enumerate(lengths):
        parts = (batch.states, batch.actions, batch.rewards, batch.done)
        alone = Batch(*(part[:n, k : k + 1] for part in parts))
        torch.testing.assert_close(apart.targets(alone, 0.7)[:, 0], together[:n, k])
    losses = padded.update(batch, Rates())
    assert apart.update(rubbish, Rates()) == pytest.approx(losses, rel=1e-5)
    for name, tensor in weights(padded).items():
        torch.testing.assert_close(weights(apart)[name], tensor, msg=name)


def test_a_transition_s_return_mixes_its_trial_s_end_in():
    """lambda 1 is the discounted reward of the trial, 0 the one-step target."""
    one = learner("EKF", smoothing_std=0.0)
    states = torch.randn(7, 13, generator=generator())
    rest = torch.arange(7.0)[:, None]
    final = torch.full((7, 1), 10.0)
    done = (rest == 0).float()
    batch = Batch(
        states,
        torch.rand(7, 2),
        final * done,
        done,
        next_states=states.flip(0),
        final_reward=final,
        steps_left=rest,
    )
    torch.testing.assert_close(one.targets(batch, 1.0), 10 * 0.97**rest)
    plain = Batch(batch.states, batch.actions, batch.rewards, done, next_states=batch.next_states)
    torch.testing.assert_close(one.targets(batch, 0.0), one.targets(plain, 0.0))
    assert float(one.targets(plain, 0.0)[0]) == 10


# Updates


def test_actor_and_targets_change_in_every_second_update():
    one, batch = learner(), batch_of([6, 6, 6])
    changed = []
    for _ in range(4):
        before = {name: t.clone() for name, t in weights(one).items()}
        _, actor_loss = one.update(batch, Rates())
        now = weights(one)
        moved = {n.split("/")[0] for n, t in before.items() if not torch.equal(t, now[n])} - {"updates"}
        changed.append((moved, actor_loss != 0))
    everything = {"actor", "critic", "target_actor", "target_critic"}
    assert changed == [(everything, True), ({"critic"}, False)] * 2


def test_only_the_critic_learns_where_the_actor_shall_not():
    one = learner()
    before = {k: t.clone() for k, t in one.actor.state_dict().items()}
    _, actor_loss = one.update(batch_of([6, 6]), Rates(), learn_actor=False)
    assert actor_loss == 0
    assert all(torch.equal(t, one.actor.state_dict()[k]) for k, t in before.items())


def test_targets_follow_by_tau():
    one = learner()
    old = copy.deepcopy(one.target_critic.state_dict())
    one.update(batch_of([6, 6]), Rates(tau=0.25))
    for name, tensor in one.target_critic.state_dict().items():
        expected = 0.75 * old[name] + 0.25 * one.critic.state_dict()[name]
        torch.testing.assert_close(tensor, expected)
        assert not tensor.requires_grad


def test_the_critic_learns_a_constant():
    one, batch = learner(), batch_of([4] * 8)
    batch = Batch(
        batch.states, batch.actions, torch.full_like(batch.rewards, 2), torch.ones_like(batch.done)
    )
    losses = [one.update(batch, Rates(critic=1e-2), learn_actor=False)[0] for _ in range(150)]
    assert losses[-1] < 0.05 * losses[0]


def test_the_actor_climbs_the_critic_s_value():
    one, batch = learner(), batch_of([6] * 8)
    with torch.no_grad():
        for layer in (one.critic.l1, one.critic.l2, one.critic.l3):
            layer.weight *= 5  # else all values are next to nothing

    def value():
        with torch.no_grad():
            return float(one.critic.value(batch.states, one.actor(batch.states)[0]).mean())

    before = value()
    for _ in range(40):
        one.update(batch, Rates(actor=3e-3, critic=0.0))
    assert value() > before + 1e-3


def test_the_penalty_keeps_actions_from_saturating():
    batch = batch_of([6] * 8)
    sizes = []
    for saturation in (0.0, 5.0):
        one = learner()
        with torch.no_grad():
            one.actor.l3.bias += 3
        for _ in range(60):
            one.update(batch, Rates(actor=1e-2, saturation=saturation))
        sizes.append(float(one.actor.preactivation(batch.states)[0].abs().mean().detach()))
    assert sizes[1] < 0.8 * sizes[0]


def test_a_learner_goes_on_from_its_state():
    batch, rates = batch_of([6, 4, 3]), Rates(lam=0.5)
    unbroken = learner()
    for _ in range(3):
        unbroken.update(batch, rates)
    state = {name: t.clone() for name, t in unbroken.state().items()}
    stream = unbroken.generator.get_state()
    rest = [unbroken.update(batch, rates) for _ in range(3)]
    resumed = learner(seed=9)
    resumed.restore(state)
    resumed.generator.set_state(stream)
    assert [resumed.update(batch, rates) for _ in range(3)] == rest
    assert all(torch.equal(t, resumed.state()[n]) for n, t in unbroken.state().items())


def test_the_same_seed_learns_the_same():
    batch = batch_of([6, 4, 3])
    runs = [[learner(seed=s).update(batch, Rates()) for _ in range(2)] for s in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


# Smoothing and reflections


def test_smoothing_makes_no_stop_a_move_and_no_large_component_small():
    g = generator()
    action = 2 * torch.rand(20_000, 2, generator=g) - 1
    action[:5000] *= 0.1
    smoothed = smooth(action, 0.5 * torch.randn(20_000, 2, generator=g))
    stop = action.abs().amax(1) < 0.1
    assert 1000 < int(stop.sum()) < 20_000
    assert (smoothed[stop].abs() <= 0.1).all()
    large = action.abs() > 0.1
    assert (smoothed[large].abs() >= 0.1 - 1e-7).all()
    assert (smoothed[large].sign() == action[large].sign()).all()
    moved = ~stop
    limit = (smoothed[moved] - action[moved]).abs()
    assert float(limit.max()) <= 0.1 + 1e-6
    assert float(smoothed.abs().max()) <= 1
    assert (smoothed[moved][~large[moved]].abs() > 0.1).any()  # a small one may cross the threshold


def test_reflections_undo_themselves():
    for mirror, size in ((mirror_states, 6), (mirror_actions, 2), (mirror_beliefs, 13)):
        values = torch.randn(5, 3, size, generator=generator())
        torch.testing.assert_close(mirror(mirror(values)), values)
        assert not torch.equal(mirror(values), values)


# Inputs that are refused


@pytest.mark.parametrize(
    ("name", "shape"),
    [("actions", (5, 2, 2)), ("rewards", (6, 3, 1)), ("done", (6, 1)), ("beliefs", (5, 2, 13))],
)
def test_trials_of_unequal_length_are_refused(name, shape):
    parts = {
        "states": torch.zeros(6, 2, 6),
        "actions": torch.zeros(6, 2, 2),
        "rewards": torch.zeros(6, 2, 1),
        "done": torch.zeros(6, 2, 1),
    }
    with pytest.raises(ValueError, match=f"{name} has shape .* the trials of a batch have one length"):
        Batch(**parts | {name: torch.zeros(shape)})
