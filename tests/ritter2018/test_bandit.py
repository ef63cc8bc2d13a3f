import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.ritter2018.bandit import BarcodeBanditTask, NoisyContextTask, bayes_bandit
from mempaper.ritter2018.contexts import distinct_contexts, mean_by_encounter, shuffled_bag

SMALL = BarcodeBanditTask(
    n_arms=4, n_contexts=6, context_length=6, n_repetitions=3, n_pulls=5, min_distance=2
)


def generators(n=2, seed=0):
    return member_generators(seed, n, 1)


@pytest.mark.parametrize("task", [SMALL, BarcodeBanditTask()], ids=["small", "full"])
def test_epoch_holds_each_context_and_its_arm_equally_often(task):
    epoch = task.sample(generators(), 7)
    for member in range(2):
        for env in range(7):
            order = epoch.order[member, env]
            arms = epoch.best_arm[member, env]
            pairs, counts = np.unique(np.stack([order, arms]), axis=1, return_counts=True)
            assert pairs.shape[1] == task.n_contexts  # one arm per context
            assert (counts == task.n_repetitions).all()
            assert set(pairs[1]) == set(range(task.n_arms))  # every arm is the best one somewhere
            codes = torch.unique(epoch.cues[member, env], dim=0)
            assert len(codes) == task.n_contexts
            distance = torch.cdist(codes, codes, p=0)
            distance.fill_diagonal_(task.context_length)
            assert distance.min() >= task.min_distance
            for episode in range(task.n_episodes):
                earlier = (order[:episode] == order[episode]).sum()
                assert epoch.encounter[member, env, episode] == earlier
                same = order == order[episode]
                assert (epoch.cues[member, env, same] == epoch.cues[member, env, episode]).all()
    assert torch.equal(epoch.keys, 2 * epoch.cues - 1)


def test_member_draws_the_same_epoch_alone_and_in_an_ensemble():
    together = SMALL.sample(generators(3, seed=5), 4)
    alone = SMALL.sample(generators(1, seed=7), 4)
    for name in ("keys", "order", "encounter", "best_arm", "reward_draws"):
        assert torch.equal(getattr(together, name)[2:], getattr(alone, name))


def test_arms_pay_with_their_probabilities():
    task = BarcodeBanditTask(n_arms=3, n_contexts=3, context_length=4, n_repetitions=4, n_pulls=5)
    epoch = task.sample(generators(1), 1000)
    paid = {"best": [], "other": []}
    for episode in range(task.n_episodes):
        best = epoch.best_arm[..., episode]
        for pull in range(task.n_pulls):
            paid["best"].append(epoch.step(episode, pull, best)[0].mean())
            paid["other"].append(epoch.step(episode, pull, (best + 1) % 3)[0].mean())
    assert np.mean(paid["best"]) == pytest.approx(0.9, abs=0.005)
    assert np.mean(paid["other"]) == pytest.approx(0.1, abs=0.005)


def test_observation_tells_the_last_action_and_reward():
    epoch = SMALL.sample(generators(), 3)
    assert (epoch.start(0) == 0).all()
    arm = torch.tensor([[0, 1, 2], [3, 2, 1]])
    reward, observation = epoch.step(0, 0, arm)
    assert torch.equal(observation[..., :-1].argmax(-1), arm)
    assert (observation[..., :-1].sum(-1) == 1).all()
    assert torch.equal(observation[..., -1], reward)


def test_noisy_contexts_flip_at_the_given_rate_and_stay_hidden_from_the_network():
    task = NoisyContextTask(p_flip=0.25)
    noisy = task.sample(generators(1), 200)
    clean = NoisyContextTask(p_flip=0.0).sample(generators(1), 200)
    assert torch.equal(noisy.order, clean.order)
    assert (noisy.keys != clean.keys).double().mean().item() == pytest.approx(0.25, abs=0.005)
    assert noisy.cue(0).shape == (1, 200, 0)
    assert task.shows_outcome


def test_contexts_that_cannot_exist_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="there are no 5 strings of 2 bits"):
        distinct_contexts(rng, 1, 5, 2)
    with pytest.raises(ValueError, match="found no 9 strings of 4 bits that differ in 2"):
        distinct_contexts(rng, 1, 9, 4, min_distance=2)  # there are just eight
    with pytest.raises(ValueError, match="at least as many contexts as arms"):
        BarcodeBanditTask(n_arms=5, n_contexts=4)


def test_sets_of_distinct_contexts_are_equally_likely():
    bits = distinct_contexts(np.random.default_rng(0), 6000, 2, 2)
    codes = (bits @ [2, 1]).astype(int)
    pairs, counts = np.unique(codes, axis=0, return_counts=True)
    assert len(pairs) == 12
    assert abs(counts - 500).max() < 4.5 * np.sqrt(500)


def test_mean_by_encounter():
    rng = np.random.default_rng(0)
    _, encounter = shuffled_bag(rng, 2 * 5, 3, 4)
    encounter = torch.as_tensor(encounter).view(2, 5, 12)
    x = torch.as_tensor(rng.random((2, 5, 12, 3)), dtype=torch.float32)
    found = mean_by_encounter(x, encounter, 4)
    for member in range(2):
        for e in range(4):
            expected = x[member][encounter[member] == e].mean(0)
            torch.testing.assert_close(found[member, e], expected)


def test_measure_counts_pulls_of_the_best_arm():
    epoch = SMALL.sample(generators(), 3)
    actions = epoch.best_arm.unsqueeze(-1).repeat(1, 1, 1, SMALL.n_pulls)
    actions[..., 0] = (actions[..., 0] + 1) % SMALL.n_arms
    p_best = SMALL.measure(epoch, actions, actions)["p_best"]
    assert p_best.shape == (2, *SMALL.log_shapes()["p_best"])
    assert (p_best[..., 0] == 0).all()
    assert (p_best[..., 1:] == 1).all()


# Values that this project's notes list from an independent simulation.
BAYES = {
    10: {
        "greedy": [0.10, 0.18, 0.26, 0.33, 0.40, 0.47, 0.54, 0.61, 0.68, 0.75],
        "greedy mean": 0.431,
        "thompson mean": 0.365,
        "remembering mean": [0.893, 0.980, 0.996],
        "remembering first pull": [0.786, 0.960],
    },
    4: {
        "greedy": [0.25, 0.46, 0.63, 0.81, 0.84, 0.90],
        "greedy mean": 0.649,
        "thompson mean": 0.599,
        "remembering mean": [0.966, 0.996],
        "remembering first pull": [0.926, 0.992],
    },
}


@pytest.mark.parametrize("n_arms", BAYES)
def test_bayes_lines(n_arms):
    listed = BAYES[n_arms]
    n_pulls, n_later = len(listed["greedy"]), len(listed["remembering mean"])
    sizes = {"n_arms": n_arms, "n_pulls": n_pulls}
    rng = np.random.default_rng(0)
    greedy = bayes_bandit(rng, **sizes, n_encounters=1 + n_later)
    thompson = bayes_bandit(rng, **sizes, n_encounters=1, choice="thompson")
    without = greedy.without_memory.mean(0)
    np.testing.assert_allclose(without, listed["greedy"], atol=0.015)
    assert without.mean() == pytest.approx(listed["greedy mean"], abs=0.01)
    assert thompson.without_memory.mean() == pytest.approx(listed["thompson mean"], abs=0.01)
    later = greedy.with_memory[1:]
    np.testing.assert_allclose(later.mean(1), listed["remembering mean"], atol=0.01)
    first = listed["remembering first pull"]
    np.testing.assert_allclose(later[: len(first), 0], first, atol=0.012)


def test_bayes_lines_refuse_an_unknown_choice():
    with pytest.raises(ValueError, match="choice is 'greedi'"):
        bayes_bandit(np.random.default_rng(0), n_arms=2, n_pulls=1, n_encounters=1, choice="greedi")
