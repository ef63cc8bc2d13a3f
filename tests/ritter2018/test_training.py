import numpy as np
import pytest
import torch

from mempaper.ensemble import member_generators
from mempaper.memory import EpisodicMemory
from mempaper.ritter2018 import sequential, training
from mempaper.ritter2018.analysis import recall_ceiling, separation
from mempaper.ritter2018.model import Agent, DNDLSTMCell, MLPActorCritic
from mempaper.ritter2018.task import ContextualChoice
from mempaper.ritter2018.training import EpochBatch, ReadRule, TrainingSettings

TASK = ContextualChoice(n_unique=50)
SETTINGS = TrainingSettings(n_epochs=10, n_evaluation=1)


@pytest.fixture(scope="module")
def ensemble():
    return training.train(TASK, ReadRule(), SETTINGS, 0, 16)


@pytest.mark.parametrize("member", [0, 7, 15])
def test_a_member_equals_the_network_trained_alone_for_1000_updates(ensemble, member):
    alone = training.train(TASK, ReadRule(), SETTINGS, member, 1)
    for name, array in alone.items():
        if name.startswith("weights/") or name in ("correct", "values"):
            assert np.array_equal(array[0], ensemble[name][member]), name
        else:
            assert np.allclose(array[0], ensemble[name][member], atol=1e-6), name


def test_the_memory_holds_the_first_encounters_in_order(ensemble):
    (rng,) = member_generators(0, 1, training.TRAINING_STREAM, SETTINGS.n_epochs - 1)
    epoch = TASK.sample_epoch(rng)
    assert np.allclose(ensemble["keys"][0], epoch.x[:50, -1])
    assert np.array_equal(ensemble["labels"][0], epoch.y[:50, 0])


def test_learning_beats_chance_where_only_memory_can_tell(ensemble):
    frozen = ensemble["p_correct"][:, 0]
    assert frozen[:, 50:, 0].mean() > 0.65
    assert 0.43 < frozen[:, :50, :5].mean() < 0.57
    assert 0.43 < ensemble["p_correct_off"][:, 0, 50:, :5].mean() < 0.57


@pytest.mark.parametrize("kernel", ["l2", "l1", "cosine"])
@pytest.mark.parametrize("capacity", [100, 4])
def test_searches_made_ahead_equal_the_memory_step_by_step(kernel, capacity):
    task = ContextualChoice(n_unique=8, obs_dim=6, trial_length=4, t_noise_off=2)
    rule = ReadRule(kernel=kernel, capacity=capacity)
    agents = training.new_agents(task, TrainingSettings(hidden_size=5), 0, 1)
    batch = EpochBatch.sample(task, member_generators(0, 1, 9), 5)
    ahead, values = training.frozen_epoch(agents, batch, 8, rule)
    memory = EpisodicMemory(capacity, 5, kernel=kernel)
    agent = Agent(agents, memory, np.random.default_rng(0))
    with torch.no_grad():
        for trial in range(16):
            h, c = batch.initial[:, :, trial : trial + 1]
            for t in range(4):
                memory.encoding = trial < 8 and t == 3
                step, (h, c) = agent.step(batch.x[0, trial, t], h, c)
                p = step.policy[batch.y[0, trial, t]]
                assert torch.allclose(p, ahead[0, trial, t], atol=1e-6)
    assert torch.allclose(memory.values, values[0, -min(capacity, 8) :], atol=1e-6)


def test_step_and_unroll_agree_for_every_variant():
    rng = torch.Generator().manual_seed(0)
    x, recalled = torch.randn(2, 3, 4, 6, generator=rng), torch.randn(2, 3, 4, 5, generator=rng)
    for variant in ("gate", "nogate", "input", "none"):
        cell = DNDLSTMCell(member_generators(0, 2), 6, 5, variant=variant)
        h = c = torch.zeros(2, 3, 5)
        hidden, cells = cell.unroll(x, h, c, recalled)
        for t in range(4):
            h, c, _ = cell.step(cell.project(x[:, :, t], recalled[:, :, t]), h, c, recalled[:, :, t])
            assert torch.allclose(h, hidden[:, :, t], atol=1e-6)
            assert torch.allclose(c, cells[:, :, t], atol=1e-6)


def test_without_recall_the_cell_is_a_plain_lstm():
    cell = DNDLSTMCell(member_generators(0, 1), 6, 5)
    lstm = torch.nn.LSTM(6, 5, batch_first=True)
    f, i, o, _, n = (slice(5 * k, 5 * k + 5) for k in range(5))
    order = torch.cat([torch.arange(25)[s] for s in (i, f, n, o)])  # torch's order of the blocks
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(cell.i2h.weight[0].T[order])
        lstm.weight_hh_l0.copy_(cell.h2h.weight[0].T[order])
        lstm.bias_ih_l0.zero_()
        lstm.bias_hh_l0.zero_()
    x = torch.randn(1, 3, 7, 6, generator=torch.Generator().manual_seed(0))
    h = torch.zeros(1, 3, 5)
    hidden, _ = cell.unroll(x, h, h, None)
    zeros, _ = cell.unroll(x, h, h, torch.zeros(1, 3, 7, 5))
    assert torch.allclose(hidden[0], lstm(x[0])[0], atol=1e-6)
    assert torch.equal(hidden, zeros)


def test_a_diverging_training_is_stopped():
    wild = TrainingSettings(n_epochs=3, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="training diverged in epoch"):
        training.train(ContextualChoice(n_unique=4), ReadRule(), wild, 0, 1)


def test_the_recall_ceiling_depends_on_the_key():
    _, label = recall_ceiling(TASK, ReadRule(), 0, 20)
    entry, context_label = recall_ceiling(TASK, ReadRule(context_key=True), 0, 5)
    assert np.array_equal(entry, np.ones(10))
    assert np.array_equal(context_label, np.ones(10))
    assert 0.7 < label[0] < 0.9
    assert label[-1] == 1


def test_separation_by_hand():
    scores = np.array([-2.0, -1.0, 1.0, 2.0])
    labels = np.array([1, 1, 0, 0])
    assert separation(scores, labels) == pytest.approx((1.0, 6.0))
    with pytest.raises(ValueError, match="both classes"):
        separation(scores, np.zeros(4))


def test_temperatures_must_be_positive():
    with pytest.raises(ValueError, match="beta is 0"):
        MLPActorCritic(3, 4, 2)(torch.zeros(1, 3), beta=0)


@pytest.mark.parametrize(
    "rule", [ReadRule(), ReadRule(kernel="cosine", capacity=5), ReadRule(retrieval=False)]
)
def test_the_ensemble_loop_equals_the_loop_one_step_at_a_time(rule):
    task = ContextualChoice(n_unique=12)
    batch = EpochBatch.sample(task, member_generators(3, 1, 5), 32)
    weights, correct = [], []
    for loop in (training.train_epoch, sequential.train_epoch):
        network = training.new_agents(task, SETTINGS, 3, 1)
        optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)
        found = loop(network, optimizer, batch, 12, rule, 0.5)
        correct.append(found if isinstance(found, np.ndarray) else found.correct[0].numpy())
        weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert np.array_equal(correct[0], correct[1])
    assert torch.allclose(weights[0], weights[1], atol=1e-5)
