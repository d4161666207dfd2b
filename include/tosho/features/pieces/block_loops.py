"""The loops that lay the columns of a block out, and take some of its rows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled

Values: TypeAlias = npt.NDArray[np.float32]
Bits: TypeAlias = npt.NDArray[np.uint8]
BitsOf: TypeAlias = npt.NDArray[np.uint8]
Matrix: TypeAlias = npt.NDArray[np.float32]
Numbers: TypeAlias = npt.NDArray[np.int64]


_READ = "Array(float32, 1, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True)"  # Arrow's memory


@compiled(f"void({_READ}, int64, int64[::1], int64[::1], int64, float32[::1])")
def lay(  # noqa: PLR0913 - arrays, not objects, are what is compiled
    values: Values, known: Bits, offset: int, begin: Numbers, step: Numbers, column: int, out: Values
) -> None:
    """Put a column's value of each row at `begin + column * step` of the row; NaN for null.

    Args:
        values: The column.
        known: Arrow's bits, of which number `offset` is that of the first row; none, if no value is null.
        offset: See `known`.
        begin: Where each row's first column lies.
        step: How far each row's columns lie apart.
        column: The number of the column.
        out: Where to.
    """
    for row in range(begin.size):
        at, bit = begin[row] + column * step[row], offset + row
        is_known = not known.size or known[bit >> 3] >> np.uint8(bit & 7) & np.uint8(1)
        out[at] = values[row] if is_known else np.float32(np.nan)


@compiled("uint8(float32)")
def _is_known(value: np.float32) -> np.uint8:
    return np.uint8(value == value)  # noqa: PLR0124 - not NaN


@compiled("Tuple((float32[:, ::1], uint8[:, ::1]))(float32[::1], int64[::1], int64[::1], int64)")
def pick(values: Values, begin: Numbers, step: Numbers, columns: int) -> tuple[Matrix, BitsOf]:
    """Return the columns of some rows, `[columns, rows]`, and Arrow's bits of each column: which are no NaN.

    Args:
        values: Where from: see `Block`.
        begin: See there, of these rows.
        step: See there, of these rows.
        columns: How many there are.
    """
    found = np.empty((columns, begin.size), np.float32)
    known = np.zeros((columns, -(-begin.size // 8)), np.uint8)
    whole = begin.size // 8
    for column in range(columns):
        own, bits = found[column], known[column]
        for row in range(begin.size):
            own[row] = values[begin[row] + column * step[row]]
        for byte in range(whole):
            for bit in range(8):
                bits[byte] |= _is_known(own[8 * byte + bit]) << np.uint8(bit)
        for row in range(8 * whole, begin.size):
            bits[whole] |= _is_known(own[row]) << np.uint8(row & 7)
    return found, known
