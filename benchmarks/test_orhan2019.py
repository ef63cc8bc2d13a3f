"""Updates a second of rate networks, at the paper's size and by the quick recipe: `make bench`.

The plain implementation trains one network under autograd, step by step, as the equations are
written, with two backward passes because the two losses are clipped apart. It takes turns with
ours, so that both meet the same machine. `extra_info` holds seconds per update of both, per network,
and their ratio.
"""

import time

import pytest
import torch

from mempaper.orhan2019 import experiments, learning, training

ROUND = {"full": 2, "fast": 20}


class PlainNetwork:
    def __init__(self, run):
        start = run.start_network()
        self.run, self.clip = run, run.gradient_clip
        self.p = {n: p.detach()[0].clone().requires_grad_() for n, p in start.named_parameters()}
        self.optimizer = torch.optim.Adam(self.p.values(), lr=run.learning_rate)

    def activity(self, x):
        p, h, steps = self.p, torch.zeros(x.shape[0], self.run.hidden_size), []
        for t in range(x.shape[1]):
            a = x[:, t] @ p["W_in"] + p["b_in"] + h @ p["W_hh"] + p["b_hh"]
            if self.clip is not None:
                a.register_hook(lambda gradient: gradient.clamp(-self.clip, self.clip))
            h = torch.relu(a)
            steps.append(h)
        return torch.stack(steps)

    def update(self, x, targets):
        n = self.run.response_steps
        h = self.activity(x[0])
        y = torch.sigmoid(h[-n:] @ self.p["W_out"] + self.p["b_out"])
        wanted = targets[0, :, -n:].transpose(0, 1)
        loss = learning.task_loss(self.run.task, y[None], wanted[None]).sum()
        penalty = learning.activity_penalty(h[None, -5:], 1e-4).sum()
        self.optimizer.zero_grad()
        if self.clip is None:
            (loss + penalty).backward()
            torch.nn.utils.clip_grad_norm_(self.p.values(), self.run.norm_clip)
        else:
            loss.backward(retain_graph=True)
            penalty.backward()
        self.optimizer.step()


@pytest.mark.parametrize(("mode", "n_networks"), [("full", 1), ("fast", 6), ("fast", 18)])
def test_update(benchmark, mode, n_networks):
    torch.set_num_threads(1)
    sigmas = (0.0,) if n_networks == 1 else (0.0, 0.2, 0.4)
    n_seeds = n_networks // len(sigmas)
    run = experiments.DelayLearning.preset(mode, lambda0=0.98, sigma0=sigmas, n_seeds=n_seeds)
    rho = torch.zeros(n_networks).numpy()
    ours = training.Trainer(
        run.start_network(), run.delay_task(), run.schedule(), rho, 0, n_seeds, run.names()
    )
    plain, seconds, iteration = PlainNetwork(run), [], iter(range(10**6))

    def plain_round():
        for _ in range(ROUND[mode]):
            x, targets, _ = ours.batch(next(iteration))
            plain.update(x[:1], targets[:1])

    def take_turns():
        start = time.perf_counter()
        plain_round()
        seconds.append((time.perf_counter() - start) / ROUND[mode])
        return (), {}

    def our_round():
        for _ in range(ROUND[mode]):
            ours.update(next(iteration))

    our_round()
    plain_round()
    benchmark.pedantic(our_round, setup=take_turns, rounds=5)
    per_network = benchmark.stats.stats.min / ROUND[mode] / n_networks
    benchmark.extra_info |= {
        "seconds_per_update": per_network * n_networks,
        "seconds_per_update_and_network": per_network,
        "plain_seconds_per_update": min(seconds),
        "ratio": min(seconds) / per_network,
    }
