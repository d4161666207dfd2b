"""How far a price may move in a session: the TSE's daily price limits."""

from __future__ import annotations

from typing import Final

import polars as pl

BELOW: Final = (
    *(100.0, 200.0, 500.0, 700.0, 1_000.0, 1_500.0, 2_000.0, 3_000.0, 5_000.0, 7_000.0),
    *(10_000.0, 15_000.0, 20_000.0, 30_000.0, 50_000.0, 70_000.0, 100_000.0, 150_000.0),
    *(200_000.0, 300_000.0, 500_000.0, 700_000.0, 1e6, 1.5e6, 2e6, 3e6, 5e6, 7e6, 1e7, 1.5e7, 2e7, 3e7, 5e7),
)
"""Upper ends of the bands of the base price, in yen; a band does not include its upper end."""

LIMIT: Final = (
    *(30.0, 50.0, 80.0, 100.0, 150.0, 300.0, 400.0, 500.0, 700.0, 1_000.0),
    *(1_500.0, 3_000.0, 4_000.0, 5_000.0, 7_000.0, 10_000.0, 15_000.0, 30_000.0),
    *(40_000.0, 50_000.0, 70_000.0, 100_000.0, 1.5e5, 3e5, 4e5, 5e5, 7e5, 1e6, 1.5e6, 3e6, 4e6, 5e6, 7e6, 1e7),
)
"""The limit in yen for each band, either way from the base price; one more than bands, for the one without an end.

In force since 2010-01-04. The earlier ones were as wide or narrower, so that judging older sessions by these lets
through at most what the exchange would have stopped. After two sessions locked at a limit the exchange widens that
side (twofold, since August 2020 fourfold): a few rows may lie beyond.
Source: TSE, "Trading Rules of Domestic Stocks", section on daily price limits.
"""


def price_limit(base: pl.Series) -> pl.Series:
    """Return the limit in yen for base prices in yen, none of which may be null."""
    return pl.Series("limit", LIMIT).gather(pl.Series(BELOW).search_sorted(base, side="right"))
