"""Morning and afternoon of a synthetic market's bars: halves that together are the day, derived when asked for."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.simulation.chance import chance
from tosho.simulation.fields import BARS, HALF_DAY_BLOCKS

_PRICES = ("O", "H", "L", "C")
EVEN: Final = 0.5
NOON: Final = ((0.35, "O"), (0.45, "H"), (0.55, "L"))
"""Up to which chance the price before or after noon is which of the day's; above, it is the close."""
MORNING: Final = (0.3, 0.3)
"""Least share of the day's volume that falls in the morning, and how much more it can be."""


def half_days(bars: pl.DataFrame) -> pl.DataFrame:
    """Return official bars with the M* and A* columns. A day without a trade has halves without one.

    The morning opens where the day does and the afternoon closes where it does; at noon the price is one of the day's
    four, so it is on the tick grid. Each half keeps the extremes that it must; the other one may not reach them.
    """
    early, low_early = chance(3) < EVEN, chance(4) < EVEN
    rows = bars.with_columns(_one_price(1).alias("MC"), _one_price(2).alias("AO"))
    share = MORNING[0] + MORNING[1] * chance(5)
    rows = rows.with_columns(pl.col("O").alias("MO"), pl.col("C").alias("AC"))
    rows = rows.with_columns(
        _extreme("H", pl.max_horizontal("MO", "MC"), early).alias("MH"),
        _extreme("H", pl.max_horizontal("AO", "AC"), ~early).alias("AH"),
        _extreme("L", pl.min_horizontal("MO", "MC"), low_early).alias("ML"),
        _extreme("L", pl.min_horizontal("AO", "AC"), ~low_early).alias("AL"),
        (pl.col("Vo") * share).floor().alias("MVo"),
        (pl.col("Va") * share).floor().alias("MVa"),
    )
    rows = rows.with_columns((pl.col(each) - pl.col(f"M{each}")).alias(f"A{each}") for each in ("Vo", "Va"))
    level = pl.col("AdjVo") / pl.col("Vo")
    return rows.with_columns(
        *(_flag(half, limit, price) for half in "MA" for limit, price in (("UL", "H"), ("LL", "L"))),
        *((pl.col(f"{half}{each}") / level).alias(f"{half}Adj{each}") for half in "MA" for each in _PRICES),
        *((pl.col(f"{half}Vo") * level).alias(f"{half}AdjVo") for half in "MA"),
    ).select(*BARS, *HALF_DAY_BLOCKS)


def _one_price(salt: int) -> pl.Expr:
    """Return one of the day's four prices, mostly open or close."""
    at = chance(salt)
    found = pl.col("C")
    for upto, price in reversed(NOON):
        found = pl.when(at < upto).then(price).otherwise(found)
    return found


def _extreme(name: str, needed: pl.Expr, here: pl.Expr) -> pl.Expr:
    return pl.when(here).then(name).otherwise(needed)


def _flag(half: str, limit: str, price: str) -> pl.Expr:
    touched = pl.col(f"{half}{price}") == pl.col(price)
    return pl.when(touched).then(limit).when(pl.col(limit).is_not_null()).then(pl.lit("0")).alias(f"{half}{limit}")
