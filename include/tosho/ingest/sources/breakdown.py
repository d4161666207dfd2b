"""markets/breakdown to table `breakdown`: trades by cash, margin and short. Premium."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import published_on
from tosho.contracts import BREAKDOWN as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, read, require, text
from tosho.ingest.sources.knowledge import known_from
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


def to_breakdown(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row a code and session, in yen and shares.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("breakdown", rows, _SENT, _SENT)
    found = read(
        "breakdown",
        rows,
        day("Date").alias("traded_on"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    )
    published = partial(published_on, "breakdown")
    return known_from(found, "traded_on", published).select(CONTRACT.schema.names())


BREAKDOWN: Final = Source("breakdown", "breakdown", plans.BREAKDOWN, to_breakdown)
