"""equities/bars/daily to table `bars`: unadjusted prices and the factor. Adjusted ones are derived by the project."""

from __future__ import annotations

from typing import Final

from tosho.contracts import BARS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, flag, number, text
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Source
from tosho.ingest.sources.stand_ins import bars_stand_ins

_NEEDED: Final = ("Date", "Code", "O", "H", "L", "C", "UL", "LL", "Vo", "Va", "AdjFactor")
_ADJUSTED: Final = ("AdjO", "AdjH", "AdjL", "AdjC", "AdjVo")
_OF_HALF: Final = ("O", "H", "L", "C", "UL", "LL", "Vo", "Va", *_ADJUSTED)
_NOT_READ: Final = (*_ADJUSTED, *(half + name for half in "MA" for name in _OF_HALF))
KNOWN: Final = frozenset({*_NEEDED, *_NOT_READ})


to_bars: Final = Reading(
    CONTRACT,
    "bars_daily",
    _NEEDED,
    (
        day("Date").alias("session"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in zip("OHLC", ("open", "high", "low", "close"), strict=True)),
        number("Vo").alias("volume"),
        number("Va").alias("turnover_yen"),
        number("AdjFactor").alias("adj_factor"),
        flag("UL").alias("upper_limit_hit"),
        flag("LL").alias("lower_limit_hit"),
    ),
    CONTRACT.dated,
    ignored=_NOT_READ,
)


BARS: Final = Source("bars", "bars_daily", plans.BARS, to_bars, always=True, stand_ins=bars_stand_ins)
