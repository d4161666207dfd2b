"""The direct path: a straight line from the last session's features to the scores, beside the depths of the network.

Source: Cheng et al., Wide & Deep Learning for Recommender Systems, arXiv 1606.07792. What a weighted sum of features
says needs few sessions to be learnt; the depths, which learn the market's moods of the training sessions by heart long
before they have found it, add what it cannot say.
"""

from __future__ import annotations

from torch import Tensor, nn  # noqa: TID253 - models/atft is torch's door

from tosho.contracts import HORIZONS


class DirectPath(nn.Module):
    """One weight for each feature and horizon. All begin at zero, so that chance says nothing here."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(features, len(HORIZONS), bias=False)  # an offset would order nothing
        nn.init.zeros_(self.weigh.weight)

    def forward(self, last: Tensor) -> Tensor:
        """Return what is added to the scores, `[codes, horizons]` float32.

        Args:
            last: `[codes, features]` of the last session, normalised, 0 where missing.
        """
        return self.weigh(last).float()
