"""Updates a second of rate networks, at the paper's size and by the quick recipe: `make bench`.

The plain implementation trains one network under autograd, step by step, as the equations are
written, with two backward passes because the two losses are clipped apart.
"""

import pytest
import rates
import torch

from mempaper.ensemble import member_generators
from mempaper.orhan2019 import experiments, learning, training

ROUND = {"full": 2, "fast": 20}  # updates


class PlainNetwork:
    def __init__(self, run):
        start = run.start_network()
        self.run, self.clip = run, run.gradient_clip
        self.p = {n: p.detach()[0].clone().requires_grad_() for n, p in start.named_parameters()}
        self.optimizer = torch.optim.Adam(self.p.values(), lr=run.learning_rate)

    def activity(self, x):
        p, h, steps = self.p, torch.zeros(x.shape[0], self.run.hidden_size), []
        before = h
        for t in range(x.shape[1]):
            a = x[:, t] @ p["W_in"] + p["b_in"] + h @ p["W_hh"] + p["b_hh"]
            if self.clip is not None:
                a.register_hook(lambda gradient: gradient.clamp(-self.clip, self.clip))
            if self.run.model == "hebbian":
                product = (before * h).sum(-1, keepdim=True).clamp(0, 100)
                a = a + self.run.effective_gamma * before * product
            before, h = h, torch.relu(a)
            steps.append(h)
        return torch.stack(steps)

    def update(self, x, targets):
        n = self.run.response_steps
        h = self.activity(x)
        y = torch.sigmoid(h[-n:] @ self.p["W_out"] + self.p["b_out"])
        wanted = targets[:, -n:].transpose(0, 1)
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


@pytest.mark.parametrize("model", ["leinit", "hebbian"])
@pytest.mark.parametrize(("mode", "n_networks"), [("full", 1), ("fast", 18)])
def test_updates(benchmark, product_rate, mode, n_networks, model):
    sigmas = (0.0,) if n_networks == 1 else (0.0, 0.2, 0.4)
    n_seeds = n_networks // len(sigmas)
    run = experiments.DelayLearning.preset(
        mode, lambda0=0.98, sigma0=sigmas, n_seeds=n_seeds, model=model
    )
    ours = training.Trainer(
        run.start_network(),
        run.delay_task(),
        run.schedule(),
        torch.zeros(n_networks).numpy(),
        0,
        n_seeds,
        run.names(),
    )
    plain, task, iteration = PlainNetwork(run), run.delay_task(), iter(range(10**6))
    (rng,) = member_generators(0, 1, 1)

    def plain_round():
        for _ in range(ROUND[mode]):
            drawn = task.sample(run.batch_size, rng)
            plain.update(torch.as_tensor(drawn.inputs), torch.as_tensor(drawn.targets))

    def our_round():
        for _ in range(ROUND[mode]):
            ours.update(next(iteration))

    mine, theirs = rates.take_turns(benchmark, our_round, plain_round, rounds=4)
    many = f"{n_networks} network{'s' * (n_networks > 1)}"
    rates.keep(
        benchmark,
        "orhan2019/delay",
        f"{run.hidden_size} units, {many}{', Hebbian' * (model == 'hebbian')}",
        "one step of all trials, one network",
        ours=n_networks * ROUND[mode] / mine,
        theirs=ROUND[mode] / theirs,
        operations_per_update=rates.operations(our_round) / n_networks / ROUND[mode],
        rate=product_rate,
    )
