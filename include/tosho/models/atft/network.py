"""ATFT-GAT-FAN, from a session's windows to its scores."""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253

from tosho.models.atft import fan, san
from tosho.models.atft.direct import DirectPath
from tosho.models.atft.fusion import TemporalFusion
from tosho.models.atft.gates import GatedResidual, GatedSum
from tosho.models.atft.graph import GraphAttention, with_itself
from tosho.models.atft.heads import Heads
from tosho.models.atft.normalised import Normalised
from tosho.models.atft.selection import Groups, LinearEmbedding, VariableSelection
from tosho.models.atft.settings import Architecture


class Output(NamedTuple):
    """What the network says of a session.

    Args:
        scores: `[codes, horizons]`, the higher the better; no meaning where a code is not present.
        quantiles: `[codes, horizons, 5]`, rising, of the session's z-scored returns.
        weights: `[codes, features]`, which features counted in the last step; they sum to 1.
        normalisation_loss: A scalar; 0 outside training.
    """

    scores: Tensor
    quantiles: Tensor
    weights: Tensor
    normalisation_loss: Tensor


class Network(nn.Module):
    """All blocks in order; one that is switched off has no weights."""

    def __init__(self, groups: Groups, shape: Architecture) -> None:
        super().__init__()
        features = sum(map(len, groups))
        self.shape = shape
        self.context = Context(shape)
        self.normalisation, parts = _normalisation(shape)
        self.selection = VariableSelection(groups, shape) if shape.selection else LinearEmbedding(features, shape)
        self.temporal = TemporalFusion(shape)
        self.rejoin = Rejoin(parts * features, shape) if self.normalisation else None
        self.graph = GraphAttention(shape) if shape.graph else None
        self.heads = Heads(shape)
        self.direct = DirectPath(features, shape) if shape.direct else None

    def forward(self, x: Tensor, present: Tensor, static: Tensor, neighbours: Tensor, edges: Tensor) -> Output:
        """Return scores and quantiles of one session's codes.

        Args:
            x: `[codes, window, features]`, normalised, 0 where missing.
            present: `[codes, window]` bool.
            static: `[codes, 3]` int64: sector, segment, scale; 0 unknown.
            neighbours: `[codes, k]` int64, places on the codes axis; -1 none.
            edges: `[codes, k, 3]`: correlation, same sector, same segment.
        """
        x = torch.where(present.unsqueeze(-1), x, 0.0)
        context = self.context(static)
        normalised = self.normalised(x, present)
        embedded, weights = self.selection(normalised.residual, context)
        states = self.temporal(embedded, present, context)
        if self.rejoin is not None:
            states = self.rejoin(states, normalised.removed)
        table = with_itself(neighbours, edges, present[:, -1])
        if self.graph is not None:
            states = self.graph(states, table)
        said = self.heads(states)
        scores = said.scores
        if self.direct is not None:
            scores = scores + self.direct(x[:, -1], normalised.residual[:, -1], table)
        return Output(scores, said.quantiles, weights[:, -1], normalised.loss)

    def normalised(self, x: Tensor, present: Tensor) -> Normalised:
        """Return the windows as the encoder sees them; as they came where the normalisation is switched off."""
        if self.normalisation is None:
            return Normalised(x, x[:, :0], x.new_zeros(()))
        found: Normalised = self.normalisation(x, present)
        return found


class Context(nn.Module):
    """What is known of a code itself, `[codes, width]`: its sector, segment and size; zeros when switched off."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.width = shape.width
        sizes = shape.static_sizes if shape.static else ()
        self.embed = nn.ModuleList(nn.Embedding(size, shape.width) for size in sizes)

    def forward(self, static: Tensor) -> Tensor:
        """Return the sum of the three embeddings of `[codes, 3]`."""
        if not self.embed:
            return torch.zeros(static.shape[0], self.width, device=static.device)
        return torch.stack([table(static[:, i]) for i, table in enumerate(self.embed)]).sum(dim=0)


class Rejoin(nn.Module):
    """What the normalisation took off comes back, after the encoder and through a gate."""

    def __init__(self, removed: int, shape: Architecture) -> None:
        super().__init__()
        self.embed = GatedResidual(removed, shape.group_width, shape.width, shape.dropout)
        self.sum = GatedSum(shape.width, shape.dropout)

    def forward(self, states: Tensor, removed: Tensor) -> Tensor:
        """Return `[codes, width]` of the states and `[codes, parts, features]`."""
        return self.sum(states, self.embed(removed.flatten(1)))


def _normalisation(shape: Architecture) -> tuple[nn.Module | None, int]:
    if shape.normalisation == "fan":
        return fan.FrequencyNormalisation(shape), fan.PARTS
    if shape.normalisation == "san":
        return san.SliceNormalisation(shape), san.PARTS
    return None, 0


def parameters(network: nn.Module) -> int:
    """Return how many weights are trained."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
