"""Frequency adaptive normalisation: take each window's strongest frequencies off, and predict how they go on.

Source: Ye et al., Frequency Adaptive Normalization for Non-stationary Time Series Forecasting, NeurIPS 2024,
arXiv 2409.20371. There the series forecasts itself, and the predicted part is added to the forecast. Here returns are
forecast, so that the prediction joins the state after the encoder; and it is learnt inside the window, from its
beginning for its end, so that no later session is needed.
"""

from __future__ import annotations

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: TID253, N812

from tosho.models.atft.normalised import Normalised, mean_where
from tosho.models.atft.settings import Architecture

PARTS = 2
"""What is handed on of the removed part: its last value, and its mean over the sessions ahead."""


def strongest(x: Tensor, bins: int) -> Tensor:
    """Return the part of each series that its `bins` strongest frequencies make up; the mean is frequency 0.

    Args:
        x: `[codes, sessions, features]`, float32 and without NaN.
        bins: Of `sessions // 2 + 1`.
    """
    spectrum = torch.fft.rfft(x, dim=1)
    kept = spectrum.abs().topk(bins, dim=1).indices
    main = torch.zeros_like(spectrum).scatter(1, kept, spectrum.gather(1, kept))
    return torch.fft.irfft(main, n=x.shape[1], dim=1)


class FrequencyNormalisation(nn.Module):
    """FAN of a window, one network along time for all features."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.bins, self.ahead = shape.bins, shape.continuation
        past = shape.window - shape.continuation
        self.frequencies = nn.Linear(past, shape.normaliser_width)
        self.hidden = nn.Linear(shape.normaliser_width + past, 2 * shape.normaliser_width)
        self.out = nn.Linear(2 * shape.normaliser_width, shape.continuation)

    def forward(self, x: Tensor, present: Tensor) -> Normalised:
        """Return the window without its strongest frequencies.

        Args:
            x: `[codes, window, features]`, 0 where missing.
            present: `[codes, window]`.
        """
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            x = x.float()
            removed = strongest(x, self.bins)
            residual = (x - removed) * present.unsqueeze(-1)
        ahead = self._continue(removed[:, self.ahead :], x[:, self.ahead :])
        short = torch.stack([removed[:, -1], ahead.float().mean(dim=1)], dim=1)
        return Normalised(residual, short, self._loss(x, removed, present))

    def _loss(self, x: Tensor, removed: Tensor, present: Tensor) -> Tensor:
        if not self.training:
            return x.new_zeros(())
        past = x[:, : -self.ahead]
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            known = strongest(past, self.bins)
        wrong = self._continue(known, past) - removed[:, -self.ahead :]
        return mean_where(wrong.float().square(), present[:, -1])

    def _continue(self, main: Tensor, raw: Tensor) -> Tensor:
        """Return what follows `[codes, window - ahead, features]`, `[codes, ahead, features]`."""
        main, raw = main.transpose(1, 2), raw.transpose(1, 2)
        both = torch.cat([F.relu(self.frequencies(main)), raw], dim=-1)
        return self.out(F.relu(self.hidden(both))).transpose(1, 2)
