"""indices/bars/daily to table `all_indices`: TOPIX and its parts, the sectors, the segments. Standard plan."""

from __future__ import annotations

from typing import Final

from tosho.contracts import ALL_INDICES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Source

_SENT: Final = ("Date", "Code", "O", "H", "L", "C")


to_all_indices: Final = Reading(
    CONTRACT,
    "indices",
    _SENT,
    (
        day("Date").alias("session"),
        text("Code").alias("index_code"),
        *(number(sent).alias(name) for sent, name in zip("OHLC", ("open", "high", "low", "close"), strict=True)),
    ),
    CONTRACT.dated,
)


ALL_INDICES: Final = Source("all_indices", "indices", plans.INDICES, to_all_indices, by_code=False)
