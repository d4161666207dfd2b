"""Rows in pieces that fit in the processor's cache, none of which parts a code."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl


def between_codes(rows: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    """Cut rows, ordered by code, between codes, as soon as a piece has `size` rows. No rows are one piece."""
    if rows.is_empty():
        yield rows
    begin = end = 0
    for length in rows["code"].rle().struct.field("len"):
        end += length
        if end - begin >= size or end == rows.height:
            yield rows[begin:end]
            begin = end
