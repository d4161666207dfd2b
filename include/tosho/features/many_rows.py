"""Windows over many rows, by the compiled loops: what `few_rows` does without a compiler, under the same names."""

from __future__ import annotations

import numpy as np

from tosho.features import fold_kinds as kinds
from tosho.features import folding, row_loops
from tosho.features.kernels import Array


def fold(  # noqa: PLR0913 - what a fold is told
    x: Array, y: Array | None, *, window: int, kind: int, part: int, decay: float
) -> Array:
    """Return the column `part` of what `folding.fold` gives for one window."""
    column: Array = folding.fold(kind, x, (window,), y, decay)[part]
    return column


def convolution(x: Array, weights: tuple[float, ...]) -> Array:
    """Return the sum of weights[k] x[t - k], from the newest row back."""
    return row_loops.convolution(np.ascontiguousarray(x), np.array(weights))


def mean_distance(x: Array, window: int) -> Array:
    """Return the mean distance of a window's values from their mean."""
    mean = fold(x, None, window=window, kind=kinds.MEAN, part=0, decay=1.0)
    return row_loops.mean_distance(np.ascontiguousarray(x), mean, window)


def share_below(x: Array, window: int) -> Array:
    """Return the share of a window's values that lie below its newest, as `kernels.share_below` counts them."""
    return row_loops.share_below(np.ascontiguousarray(x), window)
