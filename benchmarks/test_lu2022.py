"""Trials a second of recall networks at the paper's size, one trial per update: `make bench`.

Ours trains eight networks side by side in one process; the plain implementation trains one, step by
step, as the equations are written. They take turns, so that both meet the same machine.
`extra_info` holds trials per second of both and their ratio.
"""

import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mempaper.ensemble import member_generators
from mempaper.lu2022 import experiments, training, trials

N_NETWORKS, HIDDEN, DECISION, DELAY, ROUND = 8, 194, 128, 2, 16
FULL = experiments.RecallLearning.preset("full", delay=DELAY)


class PlainNetwork(nn.Module):
    def __init__(self, n_inputs):
        super().__init__()
        self.i2h, self.h2h = nn.Linear(n_inputs, 4 * HIDDEN), nn.Linear(HIDDEN, 4 * HIDDEN)
        self.ih, self.actor = nn.Linear(HIDDEN, DECISION), nn.Linear(DECISION, 5)
        self.critic, self.hpc = nn.Linear(DECISION, 1), nn.Linear(HIDDEN + DECISION, 1)

    def forward(self, x, h, c, memories):
        z = self.i2h(x) + self.h2h(h)
        f, o, i = z[: 3 * HIDDEN].sigmoid().chunk(3)
        c = f * c + i * z[3 * HIDDEN :].tanh()
        d = self.ih(o * c.tanh()).relu()
        gate = self.hpc(torch.cat([c, d])).sigmoid()
        if memories:
            similarity = torch.stack([F.cosine_similarity(c, m, dim=0) for m in memories])
            v = torch.zeros(len(memories))
            for _ in range(10):
                v = (v + 0.6 * (gate * similarity - 0.8 * (v.sum() - v))).clamp(0, 1)
            c = c + sum(v[k] * m for k, m in enumerate(memories))
        h = o * c.tanh()
        d = self.ih(h).relu()
        return h, c, self.actor(d).softmax(-1), self.critic(d)


def plain_trials(reinforcement):
    settings, task = FULL.trial_settings(), FULL.task()
    network = PlainNetwork(settings.input_size(task))
    optimizer = torch.optim.Adam(network.parameters(), lr=7e-4)
    (rng,) = member_generators(0, 1, 1)
    memories = []

    def trial(batch):
        (h, c), length = batch.start[:, 0, 0], batch.part_length
        policy, value = [], []
        for t, x in enumerate(batch.x[0, 0]):
            if t == length and reinforcement:
                if batch.condition[0, 0] != trials.NM:
                    memories.append(c.detach())
                    del memories[:-2]
                if batch.condition[0, 0] != trials.RM:
                    h, c = batch.fresh[:, 0, 0]
            h, c, p, v = network(x, h, c, memories if t >= length else [])
            policy.append(p)
            value.append(v)
        policy, y = torch.stack(policy), batch.y[0, 0]
        if reinforcement:
            action = torch.distributions.Categorical(policy).sample()
            right = (F.one_hot(action, 5)[:, :4] * y).sum(-1)
            r = right - batch.penalty_now[0, 0] * ((action < 4) * (1 - right))
            r = (r - r.mean()) / (r.std() + 1e-7)
            log_p = policy.gather(-1, action[:, None])[:, 0].log()
            v = torch.cat(value)
            loss = -(log_p * (r - v.detach())).sum() + F.smooth_l1_loss(v, r, reduction="sum")
            loss = loss + 0.1 * (policy * policy.log2()).sum()
        else:
            loss = sum(F.mse_loss(p[:4], row) for p, row in zip(policy, y, strict=True))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    def several():
        drawn = trials.Draws.sample(
            task, settings, [rng], [task.table(0)], 1, ROUND, HIDDEN, max_delay=DELAY
        )
        for number in range(ROUND):
            trial(drawn.batch(settings, number, DELAY))

    return several


def our_trials(reinforcement):
    objective = "reinforcement" if reinforcement else "prediction"
    phase = training.Phase(objective, objective, reinforcement, 1, updates_per_epoch=ROUND)
    trainer = training.Trainer(
        FULL.new_network(0, N_NETWORKS),
        FULL.task(),
        FULL.trial_settings(),
        [phase],
        0,
        delays=FULL.delays(),
    )
    return trainer.run


@pytest.mark.parametrize("reinforcement", [False, True], ids=["prediction", "rewards"])
def test_trials(benchmark, reinforcement):
    torch.set_num_threads(1)
    plain, spent = plain_trials(reinforcement), []

    def turn():
        start = time.perf_counter()
        plain()
        spent.append(time.perf_counter() - start)

    benchmark.pedantic(our_trials(reinforcement), setup=turn, rounds=8, warmup_rounds=1)
    ours = N_NETWORKS * ROUND / benchmark.stats["mean"]
    theirs = ROUND / (sum(spent[1:]) / len(spent[1:]))
    benchmark.extra_info |= {"trials_per_second": ours, "plain": theirs, "ratio_to_plain": ours / theirs}
