"""indices/bars/daily/topix to table `indices`."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import INDICES
from tosho.ingest.columns import day, number, read, require

TOPIX_CODE: Final = "0000"
_SENT: Final = ("Date", "O", "H", "L", "C")


def to_indices(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as sent, in the columns of `indices`, in points.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return INDICES.empty()
    require("topix", rows, _SENT, _SENT)
    return read(
        "topix",
        rows,
        day("Date").alias("session"),
        pl.lit(TOPIX_CODE).alias("index_code"),
        *(number(sent).alias(name) for sent, name in zip("OHLC", ("open", "high", "low", "close"), strict=True)),
    )
