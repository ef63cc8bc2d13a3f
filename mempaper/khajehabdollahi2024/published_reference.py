"""Recomputes what the book draws of the authors' result tables, and replays their training logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mempaper.claims import facts
from mempaper.khajehabdollahi2024.curriculum import Curriculum, passed
from mempaper.khajehabdollahi2024.naming import SLIDING
from mempaper.khajehabdollahi2024.perturbation import relative_accuracy
from mempaper.verify import Comparison, Family, Fixture, Skipped

PAPER = "khajehabdollahi2024"
PRINTED = 1e-4  # four decimals in the ledger

Found = Iterator[Comparison | Skipped]


def _members(labels: np.ndarray) -> np.ndarray:
    """Numbers of the networks, from labels such as ``network_3``."""
    return np.array([int(str(label).rpartition("_")[2]) for label in labels])


def check_max_n(f: Fixture) -> Found:
    """Largest N of each network, by curriculum and time constant."""
    ledger = facts(PAPER, "max_n")
    missing = []
    conditions = list(zip(f["curriculum"], f["tau_condition"], strict=True))
    function = "facts of the ledger"
    for curriculum, condition in dict.fromkeys(conditions):
        name = f"{curriculum}_{condition if condition == 'trained' else f'tau{condition}'}"
        here = np.array([c == (curriculum, condition) for c in conditions])
        if name not in ledger:
            missing.append(name)
            continue
        ours = np.array(ledger[name])[f["network"][here].astype(int) - 1]
        yield Comparison(function, name, ours, f["max_N"][here], 0)
    if missing:
        yield Skipped(function, f"not in the ledger: {', '.join(missing)}")


def check_ablation(f: Fixture) -> Found:
    """Accuracy without one neuron, relative to the best undamaged stream; means over two groups.

    The first half of the neurons has the shortest time constants, the second the longest. The
    ledger has the networks that the figures draw.
    """
    ledger = facts(PAPER, "ablation")
    half = f["accuracies"].shape[1] // 2
    for i, (kind, network, n) in enumerate(
        zip(f["network_type"], _members(f["network"]), f["N"], strict=True)
    ):
        if int(n) not in ledger.get(str(kind), {}) or network not in ledger["network"]:
            continue
        fact = ledger[str(kind)][int(n)]
        relative = relative_accuracy(f["accuracies"][i], f["baseline_accuracy"][i].max()).mean(-1)
        place = ledger["network"].index(network)
        for name, theirs in (
            ("short", relative[:half].mean()),
            ("long", relative[half:].mean()),
            ("short_tau", f["tau_ablated"][i, :half].mean()),
            ("long_tau", f["tau_ablated"][i, half:].mean()),
        ):
            ours = np.array(fact[name], float)[place]
            label = f"{kind} network {network} N={n} {name}"
            function = "time constants" if "tau" in name else "relative_accuracy"
            yield Comparison(f"{function} and ledger", label, ours, theirs, PRINTED)


def _check_perturbed(f: Fixture, name: str) -> Found:
    """Accuracy by size of the perturbation, relative to the mean of the undamaged streams."""
    ledger = facts(PAPER, name)
    accuracy = np.stack([f[key] for key in f if key.startswith("accuracy_trial")], -1)
    networks, ledger_sizes = _members(f["network"]), np.array(ledger["eps"])
    for kind, network in dict.fromkeys(zip(f["network_type"].tolist(), networks.tolist(), strict=True)):
        here = (f["network_type"] == kind) & (networks == network) & (f["N"] == ledger["n"])
        if not here.any() or kind not in ledger or network not in ledger["network"]:
            continue
        here = np.flatnonzero(here)[np.argsort(f["epsilon"][here], kind="stable")]
        sizes, label = f["epsilon"][here], f"{kind} network {network}"
        undamaged = accuracy[here][sizes == 0].mean()
        theirs = relative_accuracy(accuracy[here], undamaged).mean(-1)
        place = np.abs(ledger_sizes - sizes[:, None]).argmin(1)
        ours = np.array(ledger[kind][ledger["network"].index(network)])[place]
        function = "relative_accuracy and ledger"
        yield Comparison(function, f"{label} epsilon", ledger_sizes[place], sizes, 1e-5)
        yield Comparison(function, label, ours, theirs, PRINTED)


def check_perturb_rnn(f: Fixture) -> Found:
    """Perturbed recurrent weights."""
    yield from _check_perturbed(f, "perturb_rnn")


def check_perturb_tau(f: Fixture) -> Found:
    """Perturbed time constants."""
    yield from _check_perturbed(f, "perturb_tau")


def _curriculum(run: str, start: tuple[int, ...]) -> Curriculum:
    """The curriculum that a run is named after, begun with the memory lengths ``start``."""
    sliding = SLIDING.fullmatch(run)
    if sliding:
        return Curriculum("sliding", int(sliding[1]), forget_heads=int(sliding[2]), first_n=start[0])
    kind: Any = run
    return Curriculum(kind, len(start), first_n=start[0])


def check_history(f: Fixture) -> Found:
    """The accuracies of an epoch decide, by our rule, the memory lengths of the next one."""
    for run in dict.fromkeys(f["run"].tolist()):
        lists, accuracies = [], []
        epochs = f["epoch"][f["run"] == run]
        for epoch in np.unique(epochs):
            here = np.flatnonzero((f["run"] == run) & (f["epoch"] == epoch))
            here = here[np.argsort(f["N"][here])]
            lists.append(tuple(f["N"][here].astype(int).tolist()))
            accuracies.append(f["accuracy_percent"][here] / 100)
        curriculum = _curriculum(run, lists[0])
        replayed = [curriculum.start]
        for accuracy in accuracies[:-1]:
            following = curriculum.after(replayed[-1]) if passed(accuracy) else replayed[-1]
            replayed.append(following or replayed[-1])
        width = max(map(len, (*lists, *replayed)))
        ours, theirs = (
            np.array([(*ns, *[0] * (width - len(ns))) for ns in table]) for table in (replayed, lists)
        )
        yield Comparison("Curriculum.after, passed", run, ours, theirs, 0)


PUBLISHED_FAMILIES: dict[str, Family] = {
    "published_max_N": check_max_n,
    "published_ablation": check_ablation,
    "published_perturb_rnn": check_perturb_rnn,
    "published_perturb_tau": check_perturb_tau,
    "training_history": check_history,
}
