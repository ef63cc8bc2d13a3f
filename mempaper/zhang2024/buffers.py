"""The original's replay buffers: whole trials of one length at a time, or single transitions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mempaper.zhang2024.networks import ACTIONS, INPUTS
from mempaper.zhang2024.td3 import Batch, mirror_actions, mirror_beliefs, mirror_states

CANDIDATES = 10  # a tenth of the capacity is looked at when a batch is drawn


class EqualLengthMemory:
    """Ring buffer of whole trials; all trials of a batch have the same length (section 6.1).

    The original draws a random tenth of its capacity, of these a trial whose length decides, and from
    those of that length up to ``batch_size``. Only how many of them lie within the tenth matters, and
    that number is hypergeometric: it is drawn here, instead of the tenth.

    Parameters
    ----------
    capacity : int
        Trials.
    n_steps : int
        Of the longest trial.
    n_beliefs : int
        Entries of a belief that is stored beside each state; 0 for none.
    """

    def __init__(self, capacity: int, n_steps: int, n_beliefs: int = 0) -> None:
        self.capacity, self.n_steps = capacity, n_steps
        self.arrays = {
            "states": torch.zeros(capacity, n_steps, INPUTS),
            "actions": torch.zeros(capacity, n_steps, ACTIONS),
            "reward": torch.zeros(capacity),
            "length": torch.zeros(capacity, dtype=torch.long),
        }
        if n_beliefs:
            self.arrays["beliefs"] = torch.zeros(capacity, n_steps, n_beliefs)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.size, self.place = 0, 0
        self._of_length: list[list[int]] = [[] for _ in range(self.n_steps + 1)]
        self._slot: dict[int, int] = {}

    def __len__(self) -> int:
        return self.size

    def push(
        self, states: Tensor, actions: Tensor, reward: float, beliefs: Tensor | None = None
    ) -> None:
        """Keep a trial: ``states`` (step, 6), ``actions`` (step, 2), ``beliefs`` (step, 13)."""
        if len(states) != len(actions):
            raise ValueError(f"a trial has {len(states)} states and {len(actions)} actions")
        i, n = self.place, len(states)
        if self.size == self.capacity:
            self._forget(i)
        self.arrays["states"][i, :n], self.arrays["actions"][i, :n] = states, actions
        self.arrays["reward"][i], self.arrays["length"][i] = reward, n
        if beliefs is not None:
            self.arrays["beliefs"][i, :n] = beliefs
        self._file(i, n)
        self.place, self.size = (i + 1) % self.capacity, min(self.size + 1, self.capacity)

    def push_mirrored(
        self, states: Tensor, actions: Tensor, reward: float, beliefs: Tensor | None = None
    ) -> None:
        """Keep a trial's reflection at the y axis."""
        mirrored = None if beliefs is None else mirror_beliefs(beliefs)
        self.push(mirror_states(states), mirror_actions(actions), reward, mirrored)

    def _file(self, i: int, length: int) -> None:
        same = self._of_length[length]
        self._slot[i] = len(same)
        same.append(i)

    def _forget(self, i: int) -> None:
        same = self._of_length[int(self.arrays["length"][i])]
        slot, last = self._slot.pop(i), same.pop()
        if last != i:
            same[slot], self._slot[last] = last, slot

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """Up to ``batch_size`` trials of one length.

        Raises
        ------
        ValueError
            The memory is empty.
        """
        if self.size == 0:
            raise ValueError("the memory is empty: nothing can be drawn from it")
        length = int(self.arrays["length"][int(rng.integers(self.size))])
        same = self._of_length[length]
        looked_at = max(1, self.capacity // CANDIDATES)
        available = len(same)
        if self.size >= looked_at:
            others = self.size - available
            available = 1 + int(rng.hypergeometric(available - 1, others, looked_at - 1))
        n = min(batch_size, available)
        index = torch.tensor([same[k] for k in rng.choice(len(same), n, replace=False)])
        states, actions = (self.arrays[k][index, :length].transpose(0, 1) for k in ("states", "actions"))
        done = torch.zeros(length, n, 1)
        done[-1] = 1
        rewards = torch.zeros(length, n, 1)
        rewards[-1, :, 0] = self.arrays["reward"][index]
        beliefs = None
        if "beliefs" in self.arrays:
            beliefs = self.arrays["beliefs"][index, :length].transpose(0, 1).contiguous()
        return Batch(states.contiguous(), actions.contiguous(), rewards, done, beliefs=beliefs)

    def state(self) -> dict[str, Tensor]:
        """What :meth:`restore` needs."""
        kept = {name: array[: self.size] for name, array in self.arrays.items()}
        order = [i for same in self._of_length for i in same]
        return {**kept, "place": torch.tensor(self.place), "order": torch.tensor(order).long()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put what :meth:`state` gave back in place."""
        self.clear()
        self.place, self.size = int(state["place"]), len(state["length"])
        for name, array in self.arrays.items():
            array[: self.size] = state[name]
        for i in state["order"].tolist():
            self._file(i, int(self.arrays["length"][i]))


class TransitionMemory:
    """Ring buffer of single transitions of the EKF agent (section 6.1).

    Parameters
    ----------
    capacity : int
    n_beliefs : int
        Entries of a belief vector.
    """

    def __init__(self, capacity: int, n_beliefs: int) -> None:
        self.capacity = capacity
        self.arrays = {
            "states": torch.zeros(capacity, n_beliefs),
            "actions": torch.zeros(capacity, ACTIONS),
            "next_states": torch.zeros(capacity, n_beliefs),
            "rewards": torch.zeros(capacity, 1),
            "done": torch.zeros(capacity, 1),
        }
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.size, self.place = 0, 0

    def __len__(self) -> int:
        return self.size

    def push(self, state: Tensor, action: Tensor, next_state: Tensor, reward: float, done: bool) -> None:
        """Keep one transition."""
        self.arrays["states"][self.place] = state
        self.arrays["actions"][self.place] = action
        self.arrays["next_states"][self.place] = next_state
        self.arrays["rewards"][self.place] = reward
        self.arrays["done"][self.place] = float(done)
        self.place = (self.place + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)

    def push_mirrored(
        self, state: Tensor, action: Tensor, next_state: Tensor, reward: float, done: bool
    ) -> None:
        """Keep a transition's reflection at the y axis."""
        self.push(
            mirror_beliefs(state), mirror_actions(action), mirror_beliefs(next_state), reward, done
        )

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """``batch_size`` different transitions.

        Raises
        ------
        ValueError
            Fewer are stored.
        """
        if self.size < batch_size:
            raise ValueError(f"the memory holds {self.size} transitions, fewer than {batch_size}")
        index = torch.as_tensor(rng.choice(self.size, batch_size, replace=False, shuffle=False))
        taken = {name: array[index] for name, array in self.arrays.items()}
        return Batch(**taken)

    def state(self) -> dict[str, Tensor]:
        """What :meth:`restore` needs."""
        kept = {name: array[: self.size] for name, array in self.arrays.items()}
        return {**kept, "place": torch.tensor(self.place)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put what :meth:`state` gave back in place."""
        self.place, self.size = int(state["place"]), len(state["done"])
        for name, array in self.arrays.items():
            array[: self.size] = state[name]
