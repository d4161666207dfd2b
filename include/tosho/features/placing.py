"""Columns that are computed in one order of rows and wanted in another: no row is moved twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES
from tosho.features.in_memory import Bits, in_memory
from tosho.features.kernels import Array

Places = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]


class Placed:
    """Columns computed in one order of rows, in another: each value is put where it lies at last."""

    def __init__(self, names: Sequence[str], order: Places) -> None:
        """Make room.

        Args:
            names: The columns.
            order: Which row, in the order in which they come, is the first at last, the second, and so on.
        """
        self._names = names
        self._values = np.empty((len(names), order.size), np.float32)
        self._places = np.empty_like(order)
        self._places[order] = np.arange(order.size)
        self._taken = 0

    def take(self, rows: pl.DataFrame, counts: pl.Series) -> None:
        """Take the next rows; where `counts` is false there is none."""
        kept = counts.to_numpy()
        number = int(np.count_nonzero(kept))
        places = np.full(rows.height, -1)
        places[kept] = self._places[self._taken : self._taken + number]
        self._taken += number
        for name, out in zip(self._names, self._values, strict=True):
            _put(*in_memory(rows[name].cast(pl.Float64)), places, out)

    def columns(self) -> Iterator[pl.Series]:
        """Yield the columns as float32, null where there is no number."""
        for name, values in zip(self._names, self._values, strict=True):
            yield pl.Series(name, values, nan_to_null=True)


@compiled(f"void({SERIES}, Array(uint8, 1, 'C', readonly=True), int64, int64[::1], float32[::1])")
def _put(values: Array, known: Bits, offset: int, places: Places, out: Values) -> None:
    """Put each value at its place, NaN for null; nowhere, where the place is below 0."""
    for row in range(places.size):
        bit = offset + row
        if places[row] >= 0:
            is_known = not known.size or known[bit >> 3] >> np.uint8(bit & 7) & np.uint8(1)
            out[places[row]] = np.float32(values[row]) if is_known else np.float32(np.nan)
