"""equities/bars/daily to table `bars`: unadjusted prices and the factor. Adjusted ones are derived by the project."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import BARS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, flag, number, read, require, text
from tosho.ingest.sources.source import Source
from tosho.ingest.sources.stand_ins import bars_stand_ins

_NEEDED: Final = ("Date", "Code", "O", "H", "L", "C", "UL", "LL", "Vo", "Va", "AdjFactor")
_ADJUSTED: Final = ("AdjO", "AdjH", "AdjL", "AdjC", "AdjVo")
_OF_HALF: Final = ("O", "H", "L", "C", "UL", "LL", "Vo", "Va", *_ADJUSTED)
KNOWN: Final = frozenset({*_NEEDED, *_ADJUSTED, *(half + name for half in "MA" for name in _OF_HALF)})


def to_bars(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as sent, in the columns of `bars`.

    Args:
        rows: Text columns. A session without a trade has nulls, or "", for prices, volume and turnover.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("bars_daily", rows, _NEEDED, KNOWN)
    found = read(
        "bars_daily",
        rows,
        day("Date").alias("session"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in zip("OHLC", ("open", "high", "low", "close"), strict=True)),
        number("Vo").alias("volume"),
        number("Va").alias("turnover_yen"),
        number("AdjFactor").alias("adj_factor"),
        flag("UL").alias("upper_limit_hit"),
        flag("LL").alias("lower_limit_hit"),
    )
    return CONTRACT.dated(found)


BARS: Final = Source("bars", "bars_daily", plans.BARS, to_bars, always=True, stand_ins=bars_stand_ins)
