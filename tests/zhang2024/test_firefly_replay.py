"""Memories, exploration and random policies: whatever is drawn is a trial that could have been."""

import math

import pytest
import torch

from mempaper.zhang2024.belief import Belief
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.replay import Exploration, Hindsight, TrialMemory, random_policy, scripted
from mempaper.zhang2024.rollout import Agent, Rollouts, run
from mempaper.zhang2024.task import Firefly, step_noise
from mempaper.zhang2024.trials import Conditions, draw_trials, make_trials
from mempaper.zhang2024.world import World

WORLD, SMALL = World(), Sizes(6, 5, 7, 6)
WIDE = Hindsight(0.01, 5.0, math.pi)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def roll_outs(n, architecture="Actor3Critic5", world=WORLD, noise=1.0, box=0.1, seed=0, go_on=0):
    """Trials of a random policy, of which the first ``go_on`` never stop."""
    trials = draw_trials(n, world, Conditions(), generator(seed))
    if noise == 0:
        trials = trials.with_noise(0.0, 0.0)
    actions = random_policy(n, world, generator(seed + 1))
    actions[:go_on] = 0.5
    agent = Agent(architecture, SMALL, generator())
    z = noise * step_noise(n, world, generator(seed + 2))
    return run(agent, world, trials, z, scripted(actions), box)


def marked(marks):
    """Trials of three steps whose reward is their mark."""
    n = len(marks)
    trials = make_trials(torch.ones(n, 2))
    x, states, actions = (torch.zeros(n, 35, k) for k in (5, 6, 2))
    yes = torch.ones(n, dtype=torch.bool)
    length = torch.full((n,), 3)
    return Rollouts(x, states, actions, None, length, yes, yes, torch.tensor(marks).float(), trials)


def filled(rollouts, box=0.1, hindsight=WIDE, **options):
    beliefs = rollouts.beliefs is not None
    memory = TrialMemory(len(rollouts), WORLD, beliefs=beliefs, hindsight=hindsight, **options)
    memory.push(rollouts, box)
    return memory


# What is drawn


@pytest.mark.parametrize("hindsight", [0.0, 1.0])
@pytest.mark.parametrize("world", [WORLD, World(target_fullon=True), World(reward_mode="gauss")])
def test_mirrored_trials_and_new_targets_are_exact(hindsight, world):
    """Each trial of a batch, simulated again from its target and actions, is the same."""
    rollouts = roll_outs(256, world=world, noise=0.0)
    memory = TrialMemory(256, world, hindsight=WIDE)
    memory.push(rollouts, 0.1)
    originals = {tuple(row) for row in rollouts.trials.target.tolist()}
    found = {"mirrored or new": 0, "rewarded": 0}
    g = generator(9)
    for _ in range(3):
        batch = memory.sample(32, g, hindsight=hindsight)
        lengths = batch.valid.sum(0)[:, 0].long().tolist()
        for k, n in enumerate(lengths):
            target = batch.states[0, k, 4:]
            found["mirrored or new"] += tuple(target.tolist()) not in originals
            trials = make_trials(target[None], process_noise=0, observation_noise=0)
            firefly = Firefly(world, trials, torch.zeros(1, 35, 4))
            for t in range(n):
                torch.testing.assert_close(firefly.inputs()[0], batch.states[t, k], atol=1e-6, rtol=0)
                step = firefly.step(batch.actions[t, k][None])
                assert bool(step.stopped) is (t == n - 1 and (n < 35 or bool(step.stopped)))
            reward = float(step.reward)
            assert float(batch.rewards[n - 1, k]) == pytest.approx(reward, abs=1e-3)
            found["rewarded"] += bool(step.reached & step.stopped)
    if hindsight:
        assert found["rewarded"] > 60
        assert found["mirrored or new"] > 80
    else:
        assert 20 < found["mirrored or new"] < 76
        assert found["rewarded"] < 20


def test_beliefs_are_mirrored_and_shifted_with_the_target():
    """The filter, run again on a batch's actions and observations, believes what the batch says."""
    memory = filled(roll_outs(256, "ActorEKFCritic1"))
    batch = memory.sample(32, generator(3), hindsight=0.5)
    assert batch.beliefs is not None
    for k, n in enumerate(batch.valid.sum(0)[:, 0].long().tolist()):
        belief = Belief(make_trials(batch.states[0, k, 4:][None]), WORLD.dt)
        for t in range(n):
            torch.testing.assert_close(belief.vector()[0], batch.beliefs[t, k], atol=2e-5, rtol=1e-4)
            if t + 1 < n:
                seen = batch.states[t + 1, k, :2][None]
                belief.update(batch.actions[t, k][None], seen, torch.zeros(1, 2))


def test_a_batch_holds_trials_of_similar_length():
    rollouts = roll_outs(512)
    memory = filled(rollouts)
    spread = []
    g = generator()
    for _ in range(20):
        batch = memory.sample(32, g, hindsight=0.0)
        length = batch.valid.sum(0)[:, 0]
        assert batch.states.shape == (int(length.max()), 32, 6)
        assert torch.equal(batch.done.sum(0), torch.ones(32, 1))
        last = (batch.done * torch.arange(len(batch.done))[:, None, None]).sum(0)[:, 0]
        assert torch.equal(last + 1, length)
        assert torch.equal(batch.rewards != 0, (batch.rewards != 0) & (batch.done == 1))
        spread.append(float(length.std()))
    assert max(spread) < 0.8 * float(rollouts.length.float().std())


def test_lengths_are_drawn_as_often_as_they_occur():
    memory = filled(roll_outs(512))
    g, total = generator(), 0.0
    for _ in range(150):
        total += float(memory.sample(16, g, hindsight=0.0).valid.sum())
    expected = float(memory.arrays["length"].float().mean())
    assert total / (150 * 16) == pytest.approx(expected, rel=0.05)


def test_time_outs_and_trials_at_impossible_places_keep_their_target():
    rollouts = roll_outs(256, go_on=64)
    assert rollouts.stopped.tolist() == [False] * 64 + [True] * 192
    memory = filled(rollouts, hindsight=Hindsight())
    part = memory._taken(torch.arange(256), 1.0, None, generator())
    side = torch.sign(part["states"][:, 0, 4]) != torch.sign(rollouts.trials.target[:, 0])
    target = part["states"][:, 0, 4:] * torch.where(side[:, None], torch.tensor([-1.0, 1]), 1.0)
    same = (target - rollouts.trials.target).abs().amax(1) < 1e-6
    assert same[~rollouts.stopped].all()
    assert not same[rollouts.stopped].all()
    new = part["states"][~same][:, 0, 4:]
    limits = Hindsight()
    assert limits.allows(new).all()
    assert (
        float((new - part["end"][~same]).norm(dim=1).median()) < 2
    )  # near their end, or its mirror image


def test_stops_are_shrunk_into_today_s_box():
    rollouts = roll_outs(256, box=0.4)
    memory = filled(rollouts, box=0.4)
    each, last = torch.arange(256), rollouts.length - 1
    as_made = memory._taken(each, 0.0, None, generator())["actions"]
    now = memory._taken(each, 0.0, 0.1, generator())["actions"]
    stopped = rollouts.stopped
    torch.testing.assert_close(now[each, last][stopped], 0.25 * as_made[each, last][stopped])
    assert float(now[each, last][stopped].abs().max()) <= 0.1
    now[each, last], as_made[each, last] = 0.0, 0.0
    assert torch.equal(now, as_made)


def test_transitions_are_those_of_their_trials():
    rollouts = roll_outs(300, "EKF")
    assert rollouts.beliefs is not None
    memory = filled(rollouts, critic_sees_belief=True)
    batch = memory.transitions(128, generator(), hindsight=0.0)
    assert torch.equal(batch.done == 1, batch.steps_left == 0)
    assert torch.equal(batch.rewards, batch.final_reward * batch.done)

    def key(belief):  # the same for a belief and its reflection
        return tuple(round(abs(float(belief[k])), 4) for k in (0, 1, 3, 4))

    places = {
        key(belief): (k, t)
        for k, n in enumerate(rollouts.length.tolist())
        for t, belief in enumerate(rollouts.beliefs[k, :n])
    }
    for k in range(128):
        trial, t = places[key(batch.states[k])]
        last = int(rollouts.length[trial]) - 1
        assert int(batch.steps_left[k]) == last - t
        assert float(batch.final_reward[k]) == float(rollouts.reward[trial])
        if t < last:
            assert key(batch.next_states[k]) == key(rollouts.beliefs[trial, t + 1])


def test_the_ekf_agent_s_whole_trials_are_beliefs():
    batch = filled(roll_outs(64, "EKF"), critic_sees_belief=True).sample(8, generator(), hindsight=0.0)
    assert batch.states.shape[2] == 13
    assert batch.beliefs is None


def test_the_same_seed_draws_the_same_batch():
    memory = filled(roll_outs(128))
    one, two, other = (memory.sample(8, generator(s), hindsight=0.5) for s in (1, 1, 2))
    assert torch.equal(one.states, two.states)
    assert one.states.shape != other.states.shape or not torch.equal(one.states, other.states)


# The ring


def test_the_oldest_trials_are_overwritten_but_the_protected_ones_stay():
    memory = TrialMemory(10, WORLD, protected=4)
    rewards = []
    for first in range(0, 21, 3):
        memory.push(marked(list(range(first, first + 3))), 0.1)
        rewards.append(memory.arrays["reward"][: memory.size].tolist())
    assert rewards[2] == list(range(9))
    assert rewards[3] == [0, 1, 2, 3, 10, 11, 6, 7, 8, 9]
    assert sorted(rewards[-1]) == [0, 1, 2, 3, 15, 16, 17, 18, 19, 20]
    assert memory.size == 10


def test_a_memory_without_protection_keeps_the_newest():
    memory = TrialMemory(7, WORLD)
    for first in range(0, 40, 5):
        memory.push(marked(list(range(first, first + 5))), 0.1)
    assert sorted(memory.arrays["reward"].tolist()) == list(range(33, 40))


def test_a_memory_goes_on_from_its_state():
    memory = TrialMemory(10, WORLD, protected=2)
    for first in (0, 5, 9):
        memory.push(marked(list(range(first, first + 4))), 0.1)
    copy = TrialMemory(10, WORLD, protected=2)
    copy.restore({name: t.clone() for name, t in memory.state().items()})
    for one in (memory, copy):
        one.push(marked([50, 51, 52]), 0.2)
    for name, array in memory.arrays.items():
        assert torch.equal(array, copy.arrays[name]), name
    batches = [one.sample(4, generator(), hindsight=0.5) for one in (memory, copy)]
    assert torch.equal(batches[0].rewards, batches[1].rewards)


# Policies


def test_an_intended_stop_is_executed_as_it_is():
    n = 2000
    raw = torch.cat([torch.full((n, 2), 0.09), torch.full((n, 2), 0.3)])
    explore = Exploration(torch.full((2 * n,), 0.8), 0.0, 0.0, 0.1, generator())
    action, said = explore(raw, 20, torch.arange(2 * n))
    assert torch.equal(said, raw)
    assert torch.equal(action[:n], raw[:n])
    assert float(action.abs().max()) == 1  # clipped
    inside = action[n:][(action[n:].abs() < 1).all(1)]
    assert float((action[n:] == raw[n:]).float().mean()) == 0
    assert float((action[n:, 0] >= 1).float().mean()) == pytest.approx(0.19, abs=0.04)
    assert len(inside) > 500


def test_each_trial_has_its_own_noise_whatever_the_others_do():
    std = torch.tensor([0.0, 0.1, 0.5])
    raw, index = torch.full((3, 2), 0.4), torch.arange(3)
    whole, _ = Exploration(std, 0.0, 0.2, 0.1, generator())(raw, 5, index)
    part, _ = Exploration(std, 0.0, 0.2, 0.1, generator())(raw[[2]], 5, index[[2]])
    assert torch.equal(part[0], whole[2])
    many = torch.full((3000, 2), 0.4)
    explore = Exploration(std.repeat(1000), 0.0, 0.0, 0.1, generator())
    action, _ = explore(many, 5, torch.arange(3000))
    spread = (action - many).reshape(1000, 3, 2).std((0, 2))
    assert spread.tolist() == pytest.approx([0, 0.1, 0.45], abs=0.03)


def test_stops_are_forced_after_the_third_step_only():
    raw, index = torch.full((500, 2), 0.9), torch.arange(500)
    explore = Exploration(torch.zeros(500), 0.0, 0.3, 0.2, generator())
    for t in (0, 1, 2):
        assert torch.equal(explore(raw, t, index)[0], raw)
    action, said = explore(raw, 3, index)
    forced = (action != raw).any(1)
    assert float(forced.float().mean()) == pytest.approx(0.3, abs=0.07)
    assert 0.1 < float(action[forced].abs().max()) <= 0.2
    assert torch.equal(said, raw)


def test_stops_may_be_disturbed_where_the_recipe_says_so():
    raw, index = torch.zeros(1000, 2), torch.arange(1000)
    action, _ = Exploration(torch.full((1000,), 0.5), 0.25, 0.0, 0.1, generator())(raw, 0, index)
    assert float((action != 0).any(1).float().mean()) == pytest.approx(0.25, abs=0.05)


def test_random_policies_walk_and_then_stop_for_good():
    actions = random_policy(2000, WORLD, generator())
    assert float(actions.abs().max()) <= 1
    still = (actions.abs() <= 0.1).all(2)
    rest = still.flip(1).cummin(1).values.flip(1)  # still from here to the end
    first = rest.float().argmax(1)
    assert int(first.min()) >= 1
    assert rest[:, -1].all()
    assert 15 < float(first.float().mean()) < 20
    assert float(actions[:, 0, 0].min()) >= 0
    assert float(actions[:, 0, 1].abs().max()) <= 0.6
    found = run(
        Agent("Actor3Critic5", SMALL, generator()),
        WORLD,
        draw_trials(2000, WORLD, Conditions(), generator()),
        step_noise(2000, WORLD, generator()),
        scripted(actions),
    )
    assert float(found.stopped.float().mean()) > 0.9


# Inputs that are refused


def test_impossible_memories_and_draws_are_refused():
    with pytest.raises(ValueError, match="the memory is empty"):
        TrialMemory(5, WORLD).sample(2, generator(), hindsight=0.0)
    with pytest.raises(ValueError, match="protected 5 is not within 0 and capacity 5"):
        TrialMemory(5, WORLD, protected=5)
    with pytest.raises(ValueError, match="6 trials do not fit at once into a memory with room for 5"):
        TrialMemory(5, WORLD).push(marked(list(range(6))), 0.1)
    memory = TrialMemory(5, WORLD, protected=3)
    memory.push(marked([0, 1, 2]), 0.1)
    with pytest.raises(ValueError, match="3 trials do not fit at once into a memory with room for 2"):
        memory.push(marked([3, 4, 5]), 0.1)
    with pytest.raises(ValueError, match="keeps no beliefs"):
        memory.transitions(2, generator(), hindsight=0.0)
    few = filled(roll_outs(8, "EKF"), critic_sees_belief=True)
    with pytest.raises(ValueError, match="the memory holds 8 trials, fewer than the 256 asked for"):
        few.transitions(256, generator(), hindsight=0.0)
    with pytest.raises(ValueError, match="the memory is empty"):
        TrialMemory(5, WORLD, beliefs=True).transitions(2, generator(), hindsight=0.0)
    with pytest.raises(ValueError, match="trials of 3 steps are too short"):
        random_policy(4, World(episode_time=0.3), generator())
