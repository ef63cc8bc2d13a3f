"""Updates a second of recall networks, at the paper's size and by the fast recipe: `make bench`.

Ours trains eight networks side by side in one process; the plain implementation trains one, trial by
trial and step by step, as the equations are written.
"""

import dataclasses

import pytest
import rates
import torch
import torch.nn.functional as F
from torch import nn

from mempaper.ensemble import member_generators
from mempaper.lu2022 import experiments, training, trials

N_NETWORKS, DELAY = 8, 2
UPDATES = {"full": 16, "fast": 2}  # of a round
STAGES = {"pretraining": experiments.Pretraining, "recall": experiments.RecallLearning}


class PlainNetwork(nn.Module):
    def __init__(self, run):
        super().__init__()
        n, d = run.hidden_size, run.decision_size
        self.n = n
        self.i2h = nn.Linear(run.trial_settings().input_size(run.task()), 4 * n)
        self.h2h, self.ih = nn.Linear(n, 4 * n), nn.Linear(n, d)
        self.actor, self.critic, self.hpc = nn.Linear(d, 5), nn.Linear(d, 1), nn.Linear(n + d, 1)

    def forward(self, x, h, c, memories):
        z = self.i2h(x) + self.h2h(h)
        f, o, i = z[: 3 * self.n].sigmoid().chunk(3)
        c = f * c + i * z[3 * self.n :].tanh()
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


class PlainTrainer:
    """One trial of one stream after the other; each stream has its own list of memories."""

    def __init__(self, run, phase):
        self.run, self.phase = run, phase
        self.network = PlainNetwork(run)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=phase.learning_rate)
        self.memories = [[] for _ in range(phase.n_streams)]
        (self.rng,) = member_generators(0, 1, 1)

    def loss(self, batch, stream):
        h, c = batch.start[:, 0, stream]
        length, memories, phase = batch.part_length, self.memories[stream], self.phase
        condition, y = batch.condition[0, stream], batch.y[0, stream]
        policy, value = [], []
        for t, x in enumerate(batch.x[0, stream]):
            if t == length and phase.recall:
                if condition != trials.NM:
                    memories.append(c.detach())
                    del memories[:-2]
                if condition != trials.RM:
                    h, c = batch.fresh[:, 0, stream]
            with torch.set_grad_enabled(phase.first_part_graph or t >= length):
                h, c, p, v = self.network(x, h, c, memories if t >= length else [])
            policy.append(p)
            value.append(v)
        if phase.objective == "prediction":
            return sum(F.mse_loss(p[:4], row) for p, row in zip(policy, y, strict=True))
        first = 0 if phase.first_part_graph else length
        policy, v, y = torch.stack(policy[first:]), torch.cat(value[first:]), y[first:]
        action = torch.distributions.Categorical(policy).sample()
        right = (F.one_hot(action, 5)[:, :4] * y).sum(-1)
        r = right - batch.penalty_now[0, stream, first:] * ((action < 4) * (1 - right))
        r = (r - r.mean()) / (r.std() + 1e-7)
        log_p = policy.gather(-1, action[:, None])[:, 0].log()
        loss = -(log_p * (r - v.detach())).sum() + F.smooth_l1_loss(v, r, reduction="sum")
        return loss + 0.1 * (policy * policy.log2()).sum()

    def updates(self, n):
        settings, task, streams = self.run.trial_settings(), self.run.task(), self.phase.n_streams
        own = ([self.rng], [task.table(0)], streams, n, self.run.hidden_size)
        drawn = trials.Draws.sample(task, settings, *own, max_delay=DELAY)
        for number in range(n):
            batch = drawn.batch(settings, number, DELAY)
            self.optimizer.zero_grad()
            (sum(self.loss(batch, stream) for stream in range(streams)) / streams).backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()


@pytest.mark.parametrize("mode", UPDATES)
@pytest.mark.parametrize("stage", STAGES)
def test_updates(benchmark, product_rate, stage, mode):
    run = STAGES[stage].preset(mode, delay=DELAY, n_seeds=N_NETWORKS)
    n = UPDATES[mode]
    phase = dataclasses.replace(run.phases()[-1], n_epochs=1, updates_per_epoch=n)
    ours = training.Trainer(
        run.new_network(), run.task(), run.trial_settings(), [phase], 0, delays=run.delays()
    )
    plain = PlainTrainer(run, phase)
    n_plain = n if mode == "full" else 1
    mine, theirs = rates.take_turns(benchmark, ours.run, lambda: plain.updates(n_plain), rounds=4)
    streams = f", {phase.n_streams} streams" if phase.n_streams > 1 else ""
    rates.keep(
        benchmark,
        f"lu2022/{stage}",
        f"{run.hidden_size} units, {N_NETWORKS} networks{streams}",
        "one step of one trial",
        ours=N_NETWORKS * n / mine,
        theirs=n_plain / theirs,
        operations_per_update=rates.operations(ours.run) / N_NETWORKS / n,
        rate=product_rate,
    )
