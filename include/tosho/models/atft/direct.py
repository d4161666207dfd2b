"""The direct path: a straight line from the last session's features to the scores, beside the depths of the network.

Source: Cheng et al., Wide & Deep Learning for Recommender Systems, arXiv 1606.07792. What a weighted sum of features
says needs few sessions to be learnt; the depths, which learn the market's moods of the training sessions by heart long
before they have found it, add what it cannot say. What the graph and the normalisation show has a weighted sum, too:
neighbours' features enter as their mean (Wu et al., Simplifying Graph Convolutional Networks, arXiv 1902.07153), and
what the normalisation left of a code's own as it stands.
"""

from __future__ import annotations

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.models.atft.graph import Table
from tosho.models.atft.settings import Architecture

_TINY = 1e-6


class DirectPath(nn.Module):
    """One weight for each feature and horizon, of each part. All are zero until a ridge or a step sets them."""

    def __init__(self, features: int, shape: Architecture) -> None:
        super().__init__()
        self.weigh = _weights(features)
        self.weigh_peers = _weights(features) if shape.graph and shape.direct_parts else None
        self.weigh_residual = _weights(features) if shape.normalisation != "none" and shape.direct_parts else None

    def forward(self, last: Tensor, residual: Tensor, table: Table) -> Tensor:
        """Return what is added to the scores, `[codes, horizons]` float32.

        Args:
            last: `[codes, features]` of the last session, normalised, 0 where missing.
            residual: `[codes, features]`, what the normalisation left of it.
            table: Each code itself, and its neighbours.
        """
        layers = (self.weigh, self.weigh_peers, self.weigh_residual)
        there = [layer for layer in layers if layer is not None]
        parts = zip(there, self.seen(last, residual, table), strict=True)
        return torch.stack([layer(x).float() for layer, x in parts]).sum(dim=0)

    def seen(self, last: Tensor, residual: Tensor, table: Table) -> list[Tensor]:
        """Return what each part of the path weighs, `[codes, features]` each."""
        found = [last]
        if self.weigh_peers is not None:
            found.append(mean_of_neighbours(last, table))
        if self.weigh_residual is not None:
            found.append(residual.to(last.dtype))
        return found


def mean_of_neighbours(last: Tensor, table: Table) -> Tensor:
    """Return the mean of each code's neighbours, weighted by their correlation, `[codes, features]`; 0 without any.

    A neighbour with a negative correlation, or a code itself, has no weight.
    """
    known, rho = table.known[:, 1:], table.edges[:, 1:, 0]
    weights = torch.where(known, rho.clamp(min=0.0), 0.0)
    weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=_TINY)
    return torch.einsum("ck,ckf->cf", weights.to(last.dtype), last[table.places[:, 1:]])


def _weights(features: int) -> nn.Linear:
    found = nn.Linear(features, len(HORIZONS), bias=False)  # an offset would order nothing
    nn.init.zeros_(found.weight)
    return found
