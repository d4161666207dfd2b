"""Heads: for each horizon a score, and quantiles that cannot cross."""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: TID253, N812

from tosho.contracts import HORIZONS
from tosho.models.atft.gates import GatedResidual
from tosho.models.atft.settings import QUANTILES, Architecture

_MIDDLE = len(QUANTILES) // 2


class Predicted(NamedTuple):
    """`scores` is `[codes, horizons]`; `quantiles` `[codes, horizons, 5]`, of the session's z-scored returns."""

    scores: Tensor
    quantiles: Tensor


class Heads(nn.Module):
    """One small network a horizon."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(
            GatedResidual(shape.width, shape.head_width, shape.head_width, shape.dropout) for _ in HORIZONS
        )
        self.out = nn.ModuleList(nn.Linear(shape.head_width, 1 + len(QUANTILES)) for _ in HORIZONS)

    def forward(self, states: Tensor) -> Predicted:
        """Return scores and quantiles of `[codes, width]`."""
        raw = torch.stack([o(h(states)) for h, o in zip(self.hidden, self.out, strict=True)], dim=1).float()
        return Predicted(raw[..., 0], rising(raw[..., 1:]))

    def restart(self) -> None:
        """Draw all weights anew, from torch's present seed."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.LayerNorm):
                module.reset_parameters()


def rising(raw: Tensor) -> Tensor:
    """Return quantiles that cannot cross, `[..., 5]`: the middle one, and steps up and down from it that are positive.

    Args:
        raw: `[..., 5]`, any numbers; the middle one is the median itself.
    """
    steps = F.softplus(raw)
    middle = raw[..., _MIDDLE : _MIDDLE + 1]
    below = middle - steps[..., :_MIDDLE].flip(-1).cumsum(dim=-1).flip(-1)
    above = middle + steps[..., _MIDDLE + 1 :].cumsum(dim=-1)
    return torch.cat([below, middle, above], dim=-1)
