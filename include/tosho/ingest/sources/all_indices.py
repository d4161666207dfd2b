"""indices/bars/daily to table `all_indices`: TOPIX and its parts, the sectors, the segments. Standard plan."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import ALL_INDICES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, read, require, text
from tosho.ingest.sources.source import Source

_SENT: Final = ("Date", "Code", "O", "H", "L", "C")


def to_all_indices(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as sent, in the columns of `all_indices`, in points.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("indices", rows, _SENT, _SENT)
    found = read(
        "indices",
        rows,
        day("Date").alias("session"),
        text("Code").alias("index_code"),
        *(number(sent).alias(name) for sent, name in zip("OHLC", ("open", "high", "low", "close"), strict=True)),
    )
    return CONTRACT.dated(found)


ALL_INDICES: Final = Source("all_indices", "indices", plans.INDICES, to_all_indices, by_code=False)
