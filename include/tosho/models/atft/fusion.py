"""Temporal fusion: an LSTM reads the window, and the last session looks back at all of it.

Source: arXiv 1912.09363, sections 4.3 to 4.5.
"""

from __future__ import annotations

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: TID253, N812

from tosho.models.atft.gates import GatedResidual, GatedSum
from tosho.models.atft.settings import Architecture


class TemporalFusion(nn.Module):
    """LSTM and causal attention with gated residuals, read out at the last step."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        width = shape.width
        self.absent = nn.Parameter(torch.zeros(width))
        self.lstm = (
            nn.LSTM(width, width, shape.recurrent_layers, batch_first=True, dropout=_between(shape))
            if shape.recurrence
            else None
        )
        self.read = GatedSum(width, shape.dropout) if shape.recurrence else None
        self.enrich = GatedResidual(width, width, width, shape.dropout, context=width)
        layers = shape.attention_layers if shape.attention else 0
        self.attention = nn.ModuleList(CausalAttention(shape) for _ in range(layers))

    def forward(self, embedded: Tensor, present: Tensor, context: Tensor) -> Tensor:
        """Return the state of each code after its last session, `[codes, width]`.

        Args:
            embedded: `[codes, window, width]`.
            present: `[codes, window]`; what stands where a code is not present does not reach the state.
            context: `[codes, width]`, what is known of the code itself.
        """
        states = torch.where(present.unsqueeze(-1), embedded, self.absent.to(embedded.dtype))
        if self.lstm is not None and self.read is not None:
            states = self.read(states, self.lstm(states)[0])
        states = self.enrich(states, context.unsqueeze(1))
        for layer in self.attention[:-1]:
            states = layer(states, states, present)
        for layer in self.attention[-1:]:
            states = layer(states[:, -1:], states, present)  # only the last step is read: nothing else need ask
        return states[:, -1]


class CausalAttention(nn.Module):
    """Multi-head attention to the present steps up to the asking one, and a gated residual network after it."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.heads, self.dropout = shape.attention_heads, shape.dropout
        self.ask = nn.Linear(shape.width, shape.width)
        self.answer = nn.Linear(shape.width, 2 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.sum = GatedSum(shape.width, shape.dropout)
        self.after = GatedResidual(shape.width, shape.width, shape.width, shape.dropout)

    def forward(self, asking: Tensor, states: Tensor, present: Tensor) -> Tensor:
        """Return `[codes, steps, width]` for the last `steps` of the window.

        Args:
            asking: `[codes, steps, width]`, the last steps of `states`.
            states: `[codes, window, width]`.
            present: `[codes, window]`.
        """
        query = self._by_head(self.ask(asking))
        key, value = (self._by_head(part) for part in self.answer(states).chunk(2, dim=-1))
        seen = F.scaled_dot_product_attention(
            query, key, value, _visible(present, asking.shape[1]), self.dropout if self.training else 0.0
        )
        return self.after(self.sum(asking, self.out(seen.transpose(1, 2).flatten(2))))

    def _by_head(self, states: Tensor) -> Tensor:
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _visible(present: Tensor, steps: int) -> Tensor:
    """Return which of the window each of its last `steps` may see, `[codes, 1, steps, window]`: itself always."""
    window = present.shape[1]
    place = torch.arange(window, device=present.device)
    asking = place[window - steps :].unsqueeze(-1)
    visible = (place < asking) & present.unsqueeze(1) | (place == asking)
    return visible.unsqueeze(1)


def _between(shape: Architecture) -> float:
    return shape.dropout if shape.recurrent_layers > 1 else 0.0
