"""Cash, short and margin trading of a synthetic market's bars, as markets/breakdown gives it; derived."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.ingest import plans
from tosho.simulation.chance import chance
from tosho.simulation.fields import FIELDS

SELLERS: Final = {"ShrtNoMrgn": (0.25, 11), "MrgnSellNew": (0.08, 12), "MrgnSellClose": (0.18, 13)}
BUYERS: Final = {"MrgnBuyNew": (0.20, 14), "MrgnBuyClose": (0.07, 15)}
"""Largest share of the turnover, and the salt of the draw; cash trading is the rest."""


def breakdown(bars: pl.DataFrame) -> pl.DataFrame:
    """Return one row an official bar; sellers and buyers each add up to its volume and turnover, 0 without a trade."""
    parts = [
        (pl.col(unit).fill_null(0.0) * share * chance(salt)).floor().alias(f"{name}{unit}")
        for unit in ("Va", "Vo")
        for name, (share, salt) in (SELLERS | BUYERS).items()
    ]
    rest = [
        (pl.col(unit).fill_null(0.0) - pl.sum_horizontal(f"{name}{unit}" for name in others)).alias(f"{cash}{unit}")
        for unit in ("Va", "Vo")
        for cash, others in (("LongSell", SELLERS), ("LongBuy", BUYERS))
    ]
    return bars.with_columns(parts).with_columns(rest).select(FIELDS[plans.BREAKDOWN])
