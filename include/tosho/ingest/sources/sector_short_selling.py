"""markets/short-ratio to table `sector_short_selling`: how much of a sector's selling was short. Standard plan."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import published_on
from tosho.contracts import SECTOR_SHORT_SELLING as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, read, require, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.source import Source

_NUMBERS: Final = {
    "SellExShortVa": "sell_yen", "ShrtWithResVa": "short_restricted_yen", "ShrtNoResVa": "short_unrestricted_yen",
}  # fmt: skip
_SENT: Final = ("Date", "S33", *_NUMBERS)


def to_sector_short_selling(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row a session and sector, in yen.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("short_ratio", rows, _SENT, _SENT)
    found = read(
        "short_ratio",
        rows,
        day("Date").alias("traded_on"),
        text("S33").alias("sector33"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    )
    published = partial(published_on, "short_ratio")
    return known_from(found, "traded_on", published).select(CONTRACT.schema.names())


SECTOR_SHORT_SELLING: Final = Source(
    "sector_short_selling", "short_ratio", plans.SHORT_RATIO, to_sector_short_selling, by_code=False
)
