"""Curricula: which memory lengths a network trains, and what follows when it has passed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

HeadOrder = Literal["position", "n"]
Kind = Literal["cumulative", "sliding", "single", "single_nocurr"]
KINDS: tuple[Kind, ...] = ("cumulative", "sliding", "single", "single_nocurr")
PASS_MARK = 0.98


@dataclass(frozen=True)
class Curriculum:
    """Order in which memory lengths are learned; head ``i`` answers for the ``i``-th of the list.

    Parameters
    ----------
    kind : {'cumulative', 'sliding', 'single', 'single_nocurr'}
        ``cumulative``: further N are added and all earlier ones stay. ``sliding``: the smallest are
        dropped as larger ones come; see ``head_order``. ``single``: one head, N after N.
        ``single_nocurr``: one head, one N.
    init_heads, add_heads, forget_heads : int
        How many N there are at first, how many a pass adds (cumulative), and how many a pass
        exchanges (sliding).
    first_n : int
        Smallest N at the start.
    head_order : {'position', 'n'}
        In the sliding curriculum: heads belong to places in the list, as in the original, or each N
        has a head of its own. The others know no difference.
    """

    kind: Kind = "cumulative"
    init_heads: int = 1
    add_heads: int = 1
    forget_heads: int = 1
    first_n: int = 2
    head_order: HeadOrder = "position"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"curriculum is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        for name in ("init_heads", "add_heads", "forget_heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.head_order not in ("position", "n"):
            raise ValueError(f"head_order is {self.head_order!r}; it must be 'position' or 'n'")
        if self.first_n < 2:
            raise ValueError(f"first_n is {self.first_n}; the shortest memory is 2 bits")

    @property
    def start(self) -> tuple[int, ...]:
        """The memory lengths trained first."""
        n_heads = {"cumulative": self.init_heads, "sliding": max(self.init_heads, self.forget_heads)}
        return tuple(range(self.first_n, self.first_n + n_heads.get(self.kind, 1)))

    def after(self, n_values: tuple[int, ...]) -> tuple[int, ...] | None:
        """The memory lengths trained once ``n_values`` are passed; None at the end."""
        last = n_values[-1]
        if self.kind == "cumulative":
            return (*n_values, *range(last + 1, last + 1 + self.add_heads))
        if self.kind == "sliding":
            further = range(last + 1, last + 1 + self.forget_heads)
            return (*n_values[self.forget_heads :], *further)
        return (last + 1,) if self.kind == "single" else None

    def n_heads(self, max_n: int) -> int:
        """How many heads a network needs to get to ``max_n``."""
        if self.kind == "cumulative" or (self.kind == "sliding" and self.head_order == "n"):
            return max_n - self.first_n + 1
        return len(self.start)

    def heads(self, lists: list[tuple[int, ...]]) -> Tensor | None:
        """Heads that answer for each member's list, (member, head); None where they are the first."""
        if self.kind != "sliding" or self.head_order == "position":
            return None
        return torch.tensor([[n - self.first_n for n in ns] for ns in lists])


def passed(accuracy: np.ndarray, mark: float = PASS_MARK) -> bool:
    """Whether the mean over heads and the last head alone are above the mark, 98 % correct."""
    return bool(accuracy.mean() > mark and accuracy[-1] > mark)
