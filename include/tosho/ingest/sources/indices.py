"""indices/bars/daily/topix to table `indices`: TOPIX, which every paid plan has."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import INDICES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Source, range_of, same_day

TOPIX_CODE: Final = "0000"
_SENT: Final = ("Date", "O", "H", "L", "C")


to_indices: Final = Reading(
    CONTRACT,
    "topix",
    _SENT,
    (
        day("Date").alias("session"),
        pl.lit(TOPIX_CODE).alias("index_code"),
        *(number(sent).alias(name) for sent, name in zip("OHLC", ("open", "high", "low", "close"), strict=True)),
    ),
    CONTRACT.dated,
)


INDICES: Final = Source("indices", "topix", plans.TOPIX, to_indices, ask=range_of(same_day), always=True, by_code=False)
