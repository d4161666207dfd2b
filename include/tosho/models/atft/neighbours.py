"""Neighbours of codes by the correlation of their returns and by sector, where no graph is given."""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor  # noqa: TID253

from tosho.models.atft.graph import EDGE_FEATURES
from tosho.models.atft.settings import Architecture

SECTOR, SEGMENT = 0, 1
"""Places of the two in what is known of a code."""


class Neighbours(NamedTuple):
    """`places` is `[codes, k]` int64, -1 none, nearest first; `edges` `[codes, k, 3]`: rho, same sector, segment."""

    places: Tensor
    edges: Tensor


def drawn_graph(returns: Tensor, static: Tensor, shape: Architecture) -> Neighbours:
    """Return each code's neighbours: those with the highest absolute correlation, and some of its sector besides.

    Args:
        returns: `[codes, sessions]`, NaN where not known. A return that is not known counts as the code's mean, which
            weakens its correlations; a code of which fewer than half are known has no neighbour.
        static: `[codes, 3]` int64: sector, segment, scale; 0 unknown.
        shape: How many neighbours, and how correlated.
    """
    known = 2 * torch.isfinite(returns).sum(dim=1) >= returns.shape[1]
    rho = correlations(returns)
    strength = rho.abs().masked_fill(~(known & known[:, None]), -1.0).fill_diagonal_(-1.0)
    found = strength.topk(min(shape.neighbours, len(rho)), dim=1)
    places = found.indices.where(found.values >= shape.correlation, -1)
    same = [(static[:, i] == static[:, i, None]) & (static[:, i] > 0) for i in (SECTOR, SEGMENT)]
    if shape.sector_neighbours and bool((static[:, SECTOR] > 0).any()):
        near = strength.masked_fill(~same[SECTOR], -1.0)
        near.scatter_(1, found.indices, near.gather(1, found.indices).where(places < 0, -1.0))
        more = near.topk(min(shape.sector_neighbours, len(rho)), dim=1)
        places = torch.cat([places, more.indices.where(more.values >= 0, -1)], dim=1)
    linked, at = places >= 0, places.clamp(min=0)
    features = [matrix.gather(1, at).where(linked, 0.0) for matrix in (rho, *(m.float() for m in same))]
    return Neighbours(places, torch.stack(features, dim=-1))


def correlations(returns: Tensor) -> Tensor:
    """Return the correlation of each pair of codes, `[codes, codes]`; 0 where one did not move.

    Args:
        returns: `[codes, sessions]`, NaN where not known.
    """
    known = torch.isfinite(returns)
    mean = returns.where(known, 0.0).sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True).clamp(min=1)
    centred = (returns - mean).where(known, 0.0)
    length = centred.norm(dim=1, keepdim=True)
    unit = (centred / length).where(length > 0, 0.0)
    return (unit @ unit.T).clamp(-1.0, 1.0)


def nobody(codes: int, device: torch.device) -> Neighbours:
    """Return a graph without an edge, where none is wanted."""
    none = torch.full((codes, 0), -1, dtype=torch.int64, device=device)
    return Neighbours(none, torch.zeros(codes, 0, EDGE_FEATURES, device=device))
