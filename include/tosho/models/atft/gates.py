"""Gates that let a block be passed by: what is added is scaled by what the state itself asks for.

Source: Lim et al., Temporal Fusion Transformers, arXiv 1912.09363, section 4.1.
"""

from __future__ import annotations

from torch import Tensor, nn  # noqa: TID253 - models/atft is torch's door
from torch.nn import functional as F  # noqa: TID253, N812


class GatedSum(nn.Module):
    """`LayerNorm(skipped + GLU(added))`: with its gate shut, the block that made `added` is not there."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gate = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)

    def forward(self, skipped: Tensor, added: Tensor) -> Tensor:
        """Return `[..., width]`."""
        return self.norm(skipped + F.glu(self.gate(self.dropout(added)), dim=-1))


class GatedResidual(nn.Module):
    """Gated residual network: two layers, of which the gate takes as much as helps. Maps `inputs` to `outputs`."""

    def __init__(self, inputs: int, hidden: int, outputs: int, dropout: float, context: int = 0) -> None:
        super().__init__()
        self.skip = nn.Linear(inputs, outputs) if inputs != outputs else nn.Identity()
        self.first = nn.Linear(inputs, hidden)
        self.context = nn.Linear(context, hidden, bias=False) if context else None
        self.second = nn.Linear(hidden, outputs)
        self.sum = GatedSum(outputs, dropout)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Return `[..., outputs]`; `context` is what is known beside x, and fits its leading dimensions."""
        hidden = self.first(x)
        if self.context is not None:
            hidden = hidden + self.context(context)
        return self.sum(self.skip(x), self.second(F.elu(hidden)))
