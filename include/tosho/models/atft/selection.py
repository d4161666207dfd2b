"""Variable selection: which features count, said anew for every code and session by softmax weights.

Source: arXiv 1912.09363, section 4.2. There each variable has a network of its own; with some two hundred features
it is each group of them (a family of the catalogue), and the weights are still one a feature.
"""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253

from tosho.models.atft.gates import GatedResidual
from tosho.models.atft.settings import Architecture

Groups = tuple[tuple[int, ...], ...]
"""Places of each group's features; every feature is in one group."""


class Selected(NamedTuple):
    """`embedded` is `[codes, window, width]`; `weights` `[codes, window, features]` sum to 1 over the features."""

    embedded: Tensor
    weights: Tensor


class VariableSelection(nn.Module):
    """Weighs the features and embeds each group."""

    def __init__(self, groups: Groups, shape: Architecture) -> None:
        super().__init__()
        features = sum(map(len, groups))
        self.groups = groups
        self.weigh = GatedResidual(features, shape.selection_width, features, shape.dropout, context=shape.width)
        self.embed = nn.ModuleList(
            GatedResidual(len(group), shape.group_width, shape.width, shape.dropout) for group in groups
        )
        for i, group in enumerate(groups):
            self.register_buffer(f"group_{i}", torch.tensor(group), persistent=False)

    def forward(self, x: Tensor, context: Tensor) -> Selected:
        """Return the embedded features and their weights.

        Args:
            x: `[codes, window, features]`.
            context: `[codes, width]`, what is known of the code itself.
        """
        weights = self.weigh(x, context.unsqueeze(1)).float().softmax(dim=-1)
        weighed = x * weights * x.shape[-1]  # on average a feature keeps its size
        embedded = 0.0
        for i, network in enumerate(self.embed):
            places = getattr(self, f"group_{i}")
            share = weights.index_select(-1, places).sum(dim=-1, keepdim=True)
            embedded = embedded + network(weighed.index_select(-1, places)) * share * len(self.groups)
        return Selected(embedded, weights)


class LinearEmbedding(nn.Module):
    """What stands in when selection is switched off: all features, weighed once for all sessions."""

    def __init__(self, features: int, shape: Architecture) -> None:
        super().__init__()
        self.embed = nn.Linear(features, shape.width)

    def forward(self, x: Tensor, context: Tensor) -> Selected:
        """Return the embedding, and as weights each feature's share of the embedding's coefficients."""
        sizes = self.embed.weight.detach().float().abs().sum(dim=0)
        weights = (sizes / sizes.sum()).expand(x.shape)
        return Selected(self.embed(x) + context.unsqueeze(1), weights)
