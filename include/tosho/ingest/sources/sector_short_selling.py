"""markets/short-ratio to table `sector_short_selling`: how much of a sector's selling was short. Standard plan."""

from __future__ import annotations

from typing import Final

from tosho.contracts import SECTOR_SHORT_SELLING as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading, published_in
from tosho.ingest.sources.source import Source

_NUMBERS: Final = {
    "SellExShortVa": "sell_yen", "ShrtWithResVa": "short_restricted_yen", "ShrtNoResVa": "short_unrestricted_yen",
}  # fmt: skip
_SENT: Final = ("Date", "S33", *_NUMBERS)


to_sector_short_selling: Final = Reading(
    CONTRACT,
    "short_ratio",
    _SENT,
    (
        day("Date").alias("traded_on"),
        text("S33").alias("sector33"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    ),
    published_in("traded_on", "short_ratio"),
)


SECTOR_SHORT_SELLING: Final = Source(
    "sector_short_selling", "short_ratio", plans.SHORT_RATIO, to_sector_short_selling, by_code=False
)
