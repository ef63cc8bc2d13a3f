"""Actors and critics: where the memory sits decides whether an agent is modular (section 4).

Tensors are ``(time, trial, feature)``. Parameters bear the original's names, so that its weights fit.
The fused ``nn.LSTM`` is used because here it is faster than a cell written by hand (see benchmarks);
wide layers multiply by oneDNN, as the LSTM does.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mempaper.ensemble import WideLinear
from mempaper.zhang2024.belief import BELIEF_SIZE

INPUTS, ACTIONS = 6, 2
ActorName = Literal["Actor1", "Actor2", "Actor3", "ActorEKF"]
CriticName = Literal["Critic1", "Critic2", "Critic3", "Critic4", "Critic5", "CriticEKF"]
ACTORS: tuple[ActorName, ...] = get_args(ActorName)
CRITICS: tuple[CriticName, ...] = get_args(CriticName)
Hidden = tuple[Tensor, Tensor]


class Sizes:
    """Widths of the layers: see the fields of :class:`~mempaper.zhang2024.steering.Steering`."""

    def __init__(self, rnn: int = 128, fc: int = 300, holistic: int = 220, stacked: int = 128) -> None:
        sizes = {"rnn": rnn, "fc": fc, "holistic": holistic, "stacked": stacked}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} is {size}: a layer needs at least one unit")
        self.rnn, self.fc, self.holistic, self.stacked = rnn, fc, holistic, stacked

    def memory(self, name: str) -> int:
        """Units of the LSTM, or of each of two LSTMs, of an actor or critic."""
        if name in ("Actor1", "Critic1"):
            return self.holistic
        return self.stacked if name in ("Actor2", "Critic2", "Critic4") else self.rnn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights: dense ones N(0, .1^2), recurrent ones Xavier-uniform, biases zero."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.1, generator=generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM):
            for name, parameter in module.named_parameters():
                if "weight" in name:
                    nn.init.xavier_uniform_(parameter, generator=generator)
                else:
                    nn.init.zeros_(parameter)


def action_features(action: Tensor, stop_feature: bool) -> Tensor:
    """What a critic is told of an action: the action, or with it how close it is to a stop.

    With ``stop_feature`` (a, tanh 5a, phi), phi = 2 / (1 + (max |a| / .1)^2): the stop box is small
    beside the range of actions, and a small critic does not find it in a short training by itself.
    """
    if not stop_feature:
        return action
    largest = action.abs().amax(-1, keepdim=True)
    return torch.cat([action, torch.tanh(5 * action), 2 / (1 + (10 * largest).square())], -1)


class Actor(nn.Module):
    """Actor1 (LSTM), Actor2 (two LSTMs), Actor3 (LSTM, then memoryless layers) or ActorEKF.

    ``forward`` maps inputs (time, trial, 6), for ActorEKF (..., 13), to actions in [-1, 1].
    """

    def __init__(self, name: ActorName, sizes: Sizes) -> None:
        super().__init__()
        if name not in ACTORS:
            raise ValueError(f"Unknown actor {name!r}; allowed are {', '.join(ACTORS)}")
        self.name = name
        width = BELIEF_SIZE
        if name != "ActorEKF":
            width = sizes.memory(name)
            self.rnn = nn.LSTM(INPUTS, width, num_layers=2 if name == "Actor2" else 1)
        if name in ("Actor1", "Actor2"):
            self.l1 = nn.Linear(width, ACTIONS)
        else:
            self.l1 = WideLinear(width, sizes.fc)
            self.l2 = WideLinear(sizes.fc, sizes.fc)
            self.l3 = nn.Linear(sizes.fc, ACTIONS)

    @property
    def is_recurrent(self) -> bool:
        """Whether the actor has a memory of its own."""
        return self.name != "ActorEKF"

    def memory(self, x: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, Hidden | None]:
        """Output (time, trial, unit) of the last LSTM and its state at the end."""
        return self.rnn(x, hidden) if self.is_recurrent else (x, None)

    def layers(self, m: Tensor) -> Tensor:
        """Second memoryless layer (..., fc) of Actor3 and ActorEKF."""
        return F.relu(self.l2(F.relu(self.l1(m))))

    def preactivation(self, x: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, Hidden | None]:
        """Actions before tanh, and the LSTM's state at the end."""
        m, hidden = self.memory(x, hidden)
        return (self.l1(m) if self.name in ("Actor1", "Actor2") else self.l3(self.layers(m))), hidden

    def forward(self, x: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, Hidden | None]:
        """Actions, and the LSTM's state at the end."""
        u, hidden = self.preactivation(x, hidden)
        return torch.tanh(u), hidden


class Critic(nn.Module):
    """Critic1 to Critic5 or the EKF agent's: two independent estimates of the value of an action.

    ``forward`` maps inputs (time, trial, 6), for CriticEKF (..., 13), and actions (..., 2) to both.
    """

    def __init__(self, name: CriticName, sizes: Sizes, *, stop_feature: bool = False) -> None:
        super().__init__()
        if name not in CRITICS:
            raise ValueError(f"Unknown critic {name!r}; allowed are {', '.join(CRITICS)}")
        self.name, self.stop_feature = name, stop_feature
        a = 5 if stop_feature else ACTIONS
        width = sizes.memory(name)
        for copy in (1, 2):
            if name == "Critic4":
                setattr(self, f"rnn{2 * copy - 1}", nn.LSTM(INPUTS, width))
                setattr(self, f"rnn{2 * copy}", nn.LSTM(width + a, width))
            elif name != "CriticEKF":
                seen = INPUTS if name == "Critic5" else INPUTS + a
                setattr(self, f"rnn{copy}", nn.LSTM(seen, width, 2 if name == "Critic2" else 1))
            if not self.has_layers:
                setattr(self, f"l{copy}", nn.Linear(width, 1))
                continue
            first = {"Critic3": width, "Critic5": width + a, "CriticEKF": BELIEF_SIZE + a}[name]
            for k, (n_in, n_out) in enumerate([(first, sizes.fc), (sizes.fc, sizes.fc), (sizes.fc, 1)]):
                setattr(self, f"l{3 * copy - 2 + k}", WideLinear(n_in, n_out))

    @property
    def has_layers(self) -> bool:
        """Whether memoryless layers follow the memory."""
        return self.name in ("Critic3", "Critic5", "CriticEKF")

    @property
    def action_enters_memory(self) -> bool:
        """Whether the memory depends on the action that is judged."""
        return self.name in ("Critic1", "Critic2", "Critic3", "Critic4")

    def second_copy(self) -> set[str]:
        """Names of the second estimate's weights, with ``critic.`` before them."""
        layers = {
            "Critic4": ("rnn3", "rnn4", "l2"),
            "CriticEKF": ("l4", "l5", "l6"),
        }.get(self.name, ("rnn2", "l4", "l5", "l6") if self.has_layers else ("rnn2", "l2"))
        return {f"critic.{n}" for n in self.state_dict() if n.split(".")[0] in layers}

    def memory(self, x: Tensor, action: Tensor, copy: int = 1) -> Tensor:
        """Output (time, trial, unit) of one copy's last LSTM."""
        a = action_features(action, self.stop_feature)
        if self.name == "CriticEKF":
            return x
        if self.name == "Critic5":
            return getattr(self, f"rnn{copy}")(x)[0]
        if self.name == "Critic4":
            belief = getattr(self, f"rnn{2 * copy - 1}")(x)[0]
            return getattr(self, f"rnn{2 * copy}")(torch.cat([belief, a], -1))[0]
        return getattr(self, f"rnn{copy}")(torch.cat([x, a], -1))[0]

    def layers(self, m: Tensor, action: Tensor, copy: int = 1) -> Tensor:
        """Second memoryless layer (..., fc) of one copy."""
        if self.name != "Critic3":
            m = torch.cat([m, action_features(action, self.stop_feature)], -1)
        first, second = (getattr(self, f"l{3 * copy - 2 + k}") for k in (0, 1))
        return F.relu(second(F.relu(first(m))))

    def value(self, x: Tensor, action: Tensor, copy: int = 1) -> Tensor:
        """One copy's estimate (..., 1)."""
        m = self.memory(x, action, copy)
        if not self.has_layers:
            return getattr(self, f"l{copy}")(m)
        return getattr(self, f"l{3 * copy}")(self.layers(m, action, copy))

    def forward(self, x: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Both estimates, each (..., 1)."""
        return self.value(x, action, 1), self.value(x, action, 2)


def split_architecture(name: str) -> tuple[ActorName, CriticName]:
    """Actor and critic of an architecture such as Actor3Critic5, ActorEKFCritic1 or EKF.

    Raises
    ------
    ValueError
        Unknown architecture.
    """
    if name == "EKF":
        return "ActorEKF", "CriticEKF"
    for actor in ACTORS:
        for critic in CRITICS[:5]:
            if name == actor + critic:
                return actor, critic
    raise ValueError(
        f"Unknown architecture {name!r}: EKF, or one of {', '.join(ACTORS)} followed by one of "
        f"{', '.join(CRITICS[:5])}, for example Actor3Critic5 (modular) or Actor1Critic1 (holistic)"
    )
