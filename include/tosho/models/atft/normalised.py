"""What a normalisation hands on: the window without what it took off, and what it knows of that."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor  # noqa: TID253 - models/atft is torch's door


class Normalised(NamedTuple):
    """A normalised window.

    Args:
        residual: `[codes, window, features]`, what the encoder sees; 0 where a code is not present.
        removed: `[codes, parts, features]`, what was taken off, in short: it joins the state after the encoder, so
            that nothing is lost.
        loss: How badly the removed part's continuation was predicted, inside the window; 0 outside training.
    """

    residual: Tensor
    removed: Tensor
    loss: Tensor


def mean_where(values: Tensor, known: Tensor) -> Tensor:
    """Return the mean of the values over the codes that are marked, a scalar; 0 where none is.

    Args:
        values: `[codes, ...]`.
        known: `[codes]`.
    """
    by_code = values.float().flatten(1).mean(dim=1)
    return (by_code * known).sum() / known.sum().clamp(min=1)
