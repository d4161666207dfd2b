"""Sessions of random codes for a network, whose labels follow two features."""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.models.atft.network import Network
from tosho.models.atft.settings import Architecture

FEATURES = 6
GROUPS = ((0, 1), (2, 5), (3, 4))
SMALL = Architecture(
    window=12,
    width=16,
    dropout=0.0,
    bins=2,
    continuation=3,
    normaliser_width=8,
    slice_length=4,
    selection_width=8,
    group_width=8,
    recurrent_layers=1,
    attention_heads=4,
    graph_heads=2,
    head_width=8,
    direct_parts=True,
)


class Session(NamedTuple):
    x: Tensor
    present: Tensor
    static: Tensor
    neighbours: Tensor
    edges: Tensor
    target: Tensor
    returns: Tensor

    @property
    def inputs(self):
        return self[:5]


def draws(seed):
    return torch.Generator().manual_seed(seed)


def random_session(codes=40, length=12, seed=0, neighbours=5):
    """A session in which some codes were absent in earlier ones; its labels follow two features of the last."""
    g = draws(seed)
    present = torch.rand(codes, length, generator=g) > 0.15
    present[:, -1] = True
    x = torch.randn(codes, length, FEATURES, generator=g) * present.unsqueeze(-1)
    table = torch.stack([torch.randperm(codes, generator=g)[:neighbours] for _ in range(codes)])
    table = torch.where(table == torch.arange(codes).unsqueeze(-1), -1, table)
    table[::3, -1] = -1
    edges = torch.rand(codes, neighbours, 3, generator=g) * (table >= 0).unsqueeze(-1)
    static = torch.randint(0, 5, (codes, 3), generator=g)
    target = torch.randn(codes, len(HORIZONS), generator=g) + (x[:, -1, :1] - 0.5 * x[:, -1, 1:2])
    return Session(x, present, static, table, edges, target, 0.01 * target)


def network_of(shape=SMALL, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(GROUPS, shape)


class Sessions:
    """A panel whose sessions are drawn anew from their number."""

    def __init__(self, codes=40, change=lambda session: session):
        self.codes, self.change, self.asked = codes, change, []

    def batch(self, i, length):
        self.asked.append(i)
        return self.change(random_session(self.codes, length, seed=i))
