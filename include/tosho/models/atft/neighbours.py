"""Neighbours of a session's codes by the correlation of their returns within the window, where no graph is given."""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor  # noqa: TID253

from tosho.models.atft.graph import EDGE_FEATURES


class Neighbours(NamedTuple):
    """`places` is `[codes, k]` int64, -1 none, nearest first; `edges` `[codes, k, 3]`, of which rho alone is known."""

    places: Tensor
    edges: Tensor


def correlated(returns: Tensor, most: int, least: float) -> Neighbours:
    """Return each code's neighbours: those with the highest absolute correlation of returns.

    Args:
        returns: `[codes, window]`, NaN where not known. A return that is not known counts as the code's mean, which
            weakens its correlations; a code of which fewer than half are known has no neighbour.
        most: Neighbours that a code has at most.
        least: Absolute correlation below which two codes are none.
    """
    known = torch.isfinite(returns)
    count = known.sum(dim=1, keepdim=True)
    mean = returns.where(known, 0.0).sum(dim=1, keepdim=True) / count.clamp(min=1)
    centred = (returns - mean).where(known, 0.0)
    length = centred.norm(dim=1, keepdim=True)
    inside = (2 * count >= returns.shape[1]) & (length > 0)
    unit = (centred / length).where(inside, 0.0)
    rho = (unit @ unit.T).fill_diagonal_(0.0).clamp(-1.0, 1.0)
    found = rho.abs().topk(min(most, len(rho)), dim=1)
    linked = found.values >= least
    edges = rho.new_zeros(*found.indices.shape, EDGE_FEATURES)
    edges[..., 0] = rho.gather(1, found.indices).where(linked, 0.0)
    return Neighbours(found.indices.where(linked, -1), edges)
