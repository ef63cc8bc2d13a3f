"""Gated recurrent units, for comparison with the rate networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mempaper.orhan2019.model import RateNetworks, Start, coupled, glorot_normal, outputs, spread

CLIP = 10.0  # of the gradient with respect to pre-activations
GAIN = 0.05  # of input and gate weights at the start


class GatedNetworks(nn.Module):
    """Gated recurrent units with a rectified-linear candidate, one member per start.

    ``r = s(x W_r + h U_r + b_r)``, ``z = s(x W_z + h U_z + b_z)``,
    ``c = relu(x W_c + b_c + r (h U_c))`` and ``h' = (1 - z) h + z c``. ``U_c`` begins as
    :func:`coupled`. Gradients with respect to pre-activations are clipped to [-10, 10] at every step.

    Parameters
    ----------
    starts : list of Start
    n_inputs, n_units, n_outputs : int
    choice : bool

    Attributes
    ----------
    W_in, W_hh : Parameter, shape (member, in or unit, 3 * unit)
        Reset gate, update gate, candidate.
    b_in : Parameter, shape (member, 1, 3 * unit)
    W_out, b_out : Parameter, shape (member, unit, out), (member, 1, out)
    """

    def __init__(
        self, starts: list[Start], n_inputs: int, n_units: int, n_outputs: int, *, choice: bool
    ) -> None:
        super().__init__()
        self.choice, self.n_units = choice, n_units
        w_in, w_hh, w_out = [], [], []
        for start in starts:
            rng, gain = start.rng, GAIN
            w_in.append(torch.cat([glorot_normal(rng, n_inputs, n_units, gain) for _ in range(3)], 1))
            gates = [glorot_normal(rng, n_units, n_units, gain) for _ in range(2)]
            w_hh.append(torch.cat([*gates, coupled(rng, n_units, start.lambda0, start.sigma0)], 1))
            w_out.append(glorot_normal(rng, n_units, n_outputs, 0.95))
        self.W_in, self.W_hh, self.W_out = (nn.Parameter(torch.stack(w)) for w in (w_in, w_hh, w_out))
        self.b_in, self.b_out = (
            nn.Parameter(torch.zeros(len(starts), 1, n)) for n in (3 * n_units, n_outputs)
        )

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return len(self.W_in)

    def readout(self, h: Tensor) -> Tensor:
        """As :meth:`RateNetworks.readout`."""
        return outputs(h, self.W_out, self.b_out, self.choice)

    def _run(self, x: Tensor, mask: Tensor | None) -> Tensor:
        n_members = len(self.W_in)
        members = x.repeat(n_members // len(x), 1, 1, 1).flatten(1, 2)
        projected = torch.baddbmm(self.b_in, members, self.W_in).unflatten(1, x.shape[1:3])
        goes_on = None if mask is None else spread(mask, n_members)
        h = projected.new_zeros(n_members, x.shape[1], self.n_units)
        steps = []
        for t in range(x.shape[2]):
            of_x, of_h = _limited(projected[:, :, t]), _limited(h @ self.W_hh)
            gates = torch.sigmoid((of_x + of_h)[..., : 2 * self.n_units])
            r, z = gates.chunk(2, -1)
            c = torch.relu(of_x[..., 2 * self.n_units :] + r * of_h[..., 2 * self.n_units :])
            new = (1 - z) * h + z * c
            h = new if goes_on is None else torch.where(goes_on[t], new, h)
            steps.append(h)
        return torch.stack(steps, 1)

    def unroll(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """As :meth:`RateNetworks.unroll`."""
        with torch.no_grad():
            return self._run(x, mask).transpose(1, 2)

    def tails(
        self, x: Tensor, mask: Tensor | None, n_task: int, n_penalty: int
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`RateNetworks.tails`, but the losses' gradients are clipped together."""
        h = self._run(x, mask)
        return h[:, -n_task:], h[:, -n_penalty:]


def _limited(a: Tensor) -> Tensor:
    """The same values, with a gradient that is clipped element by element."""
    if a.requires_grad:
        a.register_hook(lambda gradient: gradient.clamp(-CLIP, CLIP))
    return a


Networks = RateNetworks | GatedNetworks
