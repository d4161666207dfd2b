"""Static codes: what a security's sector, segment and scale are as numbers. 0 is unknown; a number never changes.

A network learns a vector for each number, and a bundle outlives the panel it was trained on: what is new is appended.
Source: J-Quants' reference data.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.point_in_time.segments import SEGMENTS

STATIC: Final = ("sector33", "segment", "scale")
"""The columns of `securities` that a panel holds, in their order."""

_SECTORS: Final = (
    *("0050", "1050", "2050", "3050", "3100", "3150", "3200", "3250", "3300", "3350", "3400", "3450", "3500", "3550"),
    *("3600", "3650", "3700", "3750", "3800", "4050", "5050", "5100", "5150", "5200", "5250", "6050", "6100", "7050"),
    *("7100", "7150", "7200", "8050", "9050", "9999"),
)
_SCALES: Final = ("-", "TOPIX Core30", "TOPIX Large70", "TOPIX Mid400", "TOPIX Small 1", "TOPIX Small 2")

VOCABULARY: Final = {"sector33": _SECTORS, "segment": tuple(segment.code for segment in SEGMENTS), "scale": _SCALES}
"""The values of each static column; the first is number 1."""

SIZES: Final = tuple(len(VOCABULARY[name]) + 1 for name in STATIC)
"""How many numbers each static column has, 0 included."""


def static_numbers(listed: pl.DataFrame) -> npt.NDArray[np.uint8]:
    """Return the numbers of sector33, segment and scale, `[rows, 3]`; 0 where null or not in the vocabulary."""
    columns = [_numbers(listed[name], VOCABULARY[name]) for name in STATIC]
    return np.stack(columns, axis=1).astype(np.uint8)


def _numbers(values: pl.Series, known: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    numbers = pl.Series(range(1, len(known) + 1), dtype=pl.UInt8)
    return values.replace_strict(pl.Series(known), numbers, default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy()
