"""The loop that puts a column's values where they lie at last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES
from tosho.features.in_memory import Bits, in_memory
from tosho.features.kernels import Array

Places = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]


def put(column: pl.Series, places: Places, out: Values) -> None:
    """Put each value of a float64 column at its place, NaN for null; nowhere, where the place is below 0."""
    values, known, offset = in_memory(column)
    _put(values, known, offset, places, out)


@compiled(f"void({SERIES}, Array(uint8, 1, 'C', readonly=True), int64, int64[::1], float32[::1])")
def _put(values: Array, known: Bits, offset: int, places: Places, out: Values) -> None:
    for row in range(places.size):
        bit = offset + row
        if places[row] >= 0:
            is_known = not known.size or known[bit >> 3] >> np.uint8(bit & 7) & np.uint8(1)
            out[places[row]] = np.float32(values[row]) if is_known else np.float32(np.nan)
