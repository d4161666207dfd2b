"""markets/breakdown to table `breakdown`: trades by cash, margin and short. Premium."""

from __future__ import annotations

from typing import Final

from tosho.contracts import BREAKDOWN as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading, published_in
from tosho.ingest.sources.source import Source

_KINDS: Final = {
    "LongSell": "long_sell", "ShrtNoMrgn": "short_not_margin", "MrgnSellNew": "margin_sell_new",
    "MrgnSellClose": "margin_sell_close", "LongBuy": "long_buy", "MrgnBuyNew": "margin_buy_new",
    "MrgnBuyClose": "margin_buy_close",
}  # fmt: skip
_NUMBERS: Final = {
    f"{sent}{unit}": f"{name}_{of}" for unit, of in (("Va", "yen"), ("Vo", "volume")) for sent, name in _KINDS.items()
}
_SENT: Final = ("Date", "Code", *_NUMBERS)


to_breakdown: Final = Reading(
    CONTRACT,
    "breakdown",
    _SENT,
    (
        day("Date").alias("traded_on"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    ),
    published_in("traded_on", "breakdown"),
)


BREAKDOWN: Final = Source("breakdown", "breakdown", plans.BREAKDOWN, to_breakdown)
