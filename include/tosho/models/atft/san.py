"""Slice-wise normalisation: each slice of the window loses its mean and scale, and the next slice's are predicted.

Source: Liu et al., Adaptive Normalization for Non-stationary Time Series Forecasting: A Temporal Slice Perspective,
NeurIPS 2023. As with FAN, the prediction is learnt inside the window and joins the state after the encoder.
"""

from __future__ import annotations

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: TID253, N812

from tosho.models.atft.normalised import Normalised, mean_where
from tosho.models.atft.settings import Architecture

PARTS = 4
"""What is handed on: mean and log scale of the last slice, and those predicted for the next."""

_SMALLEST = 1e-2  # of a slice's scale, in standard deviations of the session: a constant feature stays one


class SliceNormalisation(nn.Module):
    """SAN of a window, one network along the slices for all features."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.slice_length, self.slices = shape.slice_length, shape.window // shape.slice_length
        self.hidden = nn.Linear(2 * (self.slices - 1), shape.normaliser_width)
        self.out = nn.Linear(shape.normaliser_width, 2)

    def forward(self, x: Tensor, present: Tensor) -> Normalised:
        """Return the window with each slice at mean 0 and scale 1.

        Args:
            x: `[codes, window, features]`, 0 where missing.
            present: `[codes, window]`.
        """
        x = x.float()
        sliced = x.unflatten(1, (self.slices, self.slice_length))
        mean = sliced.mean(dim=2)
        scale = sliced.std(dim=2, unbiased=False).clamp(min=_SMALLEST)
        residual = ((sliced - mean.unsqueeze(2)) / scale.unsqueeze(2)).flatten(1, 2) * present.unsqueeze(-1)
        moments = torch.stack([mean, scale.log()], dim=2)
        removed = torch.cat([moments[:, -1], self._next(moments[:, 1:]).float()], dim=1)
        return Normalised(residual, removed, self._loss(moments, present))

    def _loss(self, moments: Tensor, present: Tensor) -> Tensor:
        if not self.training:
            return moments.new_zeros(())
        wrong = self._next(moments[:, :-1]) - moments[:, -1]
        return mean_where(wrong.float().square(), present[:, -1])

    def _next(self, moments: Tensor) -> Tensor:
        """Return mean and log scale of the slice after `[codes, slices - 1, 2, features]`, `[codes, 2, features]`."""
        by_feature = moments.permute(0, 3, 1, 2).flatten(2)
        return self.out(F.relu(self.hidden(by_feature))).transpose(1, 2)
