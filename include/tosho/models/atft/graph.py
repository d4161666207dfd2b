"""Graph attention over the codes of a session: GATv2 with edge features, gated against the state before the graph.

Source: Brody et al., How Attentive are Graph Attention Networks?, arXiv 2105.14491. torch-geometric's `GATv2Conv` holds
the weights. Where each code has a fixed number of neighbours, gathering them from a table gives the same without a
list of edges whose length changes from session to session.
"""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: TID253, N812
from torch_geometric.nn import GATv2Conv

from tosho.models.atft.gates import GatedSum
from tosho.models.atft.settings import Architecture

EDGE_FEATURES = 3


class Table(NamedTuple):
    """Neighbours of each code, itself among them.

    Args:
        places: `[codes, k]` int64, on the codes axis; any where there is none.
        edges: `[codes, k, 3]`: correlation, same sector, same segment.
        known: `[codes, k]`, whether there is one.
    """

    places: Tensor
    edges: Tensor
    known: Tensor


def with_itself(neighbours: Tensor, edges: Tensor, present: Tensor) -> Table:
    """Return the table to attend over: the neighbours that are present, and each code's own state.

    Args:
        neighbours: `[codes, k]` int64, -1 for none.
        edges: `[codes, k, 3]`.
        present: `[codes]`; a code that is not present in the session itself is nobody's neighbour.
    """
    codes = neighbours.shape[0]
    itself = torch.arange(codes, device=neighbours.device).unsqueeze(-1)
    known = (neighbours >= 0) & (neighbours != itself) & present[neighbours.clamp(min=0)]
    return Table(
        torch.cat([itself, neighbours.clamp(min=0)], dim=1),
        torch.cat([edges.new_ones(codes, 1, EDGE_FEATURES), edges], dim=1),
        torch.cat([torch.ones_like(itself, dtype=torch.bool), known], dim=1),
    )


def by_table(layer: GATv2Conv, x: Tensor, table: Table) -> Tensor:
    """Return what the layer gives, `[codes, width]`, by gathering neighbours; equal to `by_edges`."""
    heads = (layer.heads, layer.out_channels)
    gathered = layer.lin_l(x).index_select(0, table.places.flatten())  # adds up in order, back to the sources
    sources = gathered.unflatten(-1, heads).unflatten(0, table.places.shape)
    asked = layer.lin_r(x).unflatten(-1, heads).unsqueeze(1)
    pairs = sources + asked + layer.lin_edge(table.edges).unflatten(-1, heads)
    energy = (F.leaky_relu(pairs, layer.negative_slope) * layer.att).sum(dim=-1).float()
    attention = energy.masked_fill(~table.known.unsqueeze(-1), -torch.inf).softmax(dim=1)
    return (sources * attention.unsqueeze(-1).to(sources.dtype)).sum(dim=1).flatten(1) + layer.bias


def by_edges(layer: GATv2Conv, x: Tensor, table: Table) -> Tensor:
    """Return what the layer gives, `[codes, width]`, by torch-geometric's own way."""
    target, column = table.known.nonzero(as_tuple=True)
    return layer(x, torch.stack([table.places[target, column], target]), table.edges[target, column])


class GraphAttention(nn.Module):
    """Layers of GATv2, and a gate between the state before and after them."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        width, heads = shape.width, shape.graph_heads
        self.apply_layer = by_table if shape.graph_path == "table" else by_edges
        self.layers = nn.ModuleList(
            GATv2Conv(width, width // heads, heads, edge_dim=EDGE_FEATURES, add_self_loops=False)
            for _ in range(shape.graph_layers)
        )
        self.sums = nn.ModuleList(GatedSum(width, shape.dropout) for _ in range(shape.graph_layers))
        self.gate = nn.Linear(2 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, table: Table) -> Tensor:
        """Return the states, `[codes, width]`, with what the neighbours add.

        Args:
            states: `[codes, width]`.
            table: Each code itself, and its neighbours.
        """
        after = states
        for layer, gated in zip(self.layers, self.sums, strict=True):
            after = gated(after, F.elu(self.apply_layer(layer, after, table)))
        opened = self.gate(torch.cat([states, after], dim=-1)).sigmoid()
        return self.norm(opened * after + (1 - opened) * states)
