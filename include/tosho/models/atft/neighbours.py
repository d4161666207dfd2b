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
    strength = rho.abs().masked_fill_(~(known & known[:, None]), -1.0).fill_diagonal_(-1.0)
    found = strength.topk(min(shape.neighbours, len(rho)), dim=1)
    places = found.indices.where(found.values >= shape.correlation, -1)
    if shape.sector_neighbours and bool((static[:, SECTOR] > 0).any()):
        strength.scatter_(1, found.indices, found.values.where(places < 0, -1.0))  # nobody is a neighbour twice
        places = torch.cat([places, _of_sector(strength, static[:, SECTOR], shape.sector_neighbours)], dim=1)
    linked, at = places >= 0, places.clamp(min=0)
    alike = ((static[at, i] == static[:, i, None]) & (static[:, i, None] > 0) for i in (SECTOR, SEGMENT))
    features = [edge.where(linked, 0.0) for edge in (rho.gather(1, at), *(same.float() for same in alike))]
    return Neighbours(places, torch.stack(features, dim=-1))


def _of_sector(strength: Tensor, sector: Tensor, most: int) -> Tensor:
    """Return the places of each code's strongest others of its own sector, `[codes, most]`; -1 none."""
    found = torch.full((len(sector), min(most, len(sector))), -1, dtype=torch.int64, device=sector.device)
    for number in sector[sector > 0].unique().tolist():
        members = (sector == number).nonzero().squeeze(1)
        near = strength[members][:, members].topk(min(most, len(members)), dim=1)
        found[members, : near.indices.shape[1]] = members[near.indices].where(near.values >= 0, -1)
    return found


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
