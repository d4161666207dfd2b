"""A column of numbers as it lies in memory, for loops that read it where it is."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Bits: TypeAlias = npt.NDArray[np.uint8]
_ALL_KNOWN: Bits = np.empty(0, np.uint8)


def in_memory(column: pl.Series) -> tuple[npt.NDArray[Any], Bits, int]:
    """Return a column's numbers, which are anything where it is null; Arrow's bits; and the number of the first bit.

    A bit is 1 where there is a number. There is none if no value is null. Neither array can be written to.
    """
    array = column.rechunk().to_arrow()
    bits, numbers = array.buffers()
    assert numbers is not None  # Arrow leaves out the bits alone
    known = _ALL_KNOWN if bits is None else np.frombuffer(memoryview(bits), np.uint8)
    kind = array.type.to_pandas_dtype()
    return np.frombuffer(memoryview(numbers), kind)[array.offset :], known, array.offset
