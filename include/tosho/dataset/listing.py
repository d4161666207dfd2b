"""Who belongs to a dataset in a session, and what kind of security it was then."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import polars as pl

from tosho import calendar
from tosho.dataset.vocabulary import STATIC
from tosho.features.columns import LISTING_AGE
from tosho.storage import Lake

_READ = ("code", *STATIC, "product")
_STOCK = "011"


class Universe(StrEnum):
    """Which codes a dataset holds: all, shares of companies, or those of Prime (until 2022-04 the first section)."""

    ALL = "all"
    STOCKS = "stocks"
    PRIME = "prime"

    def holds(self) -> pl.Expr:
        """Return whether a row of a listing belongs to it; what was not told of a code keeps it out, but from all."""
        if self is Universe.ALL:
            return pl.lit(value=True)
        stock = (pl.col("product") == _STOCK).fill_null(value=False)
        return stock if self is Universe.STOCKS else stock & pl.col("segment").is_in(["0101", "0111"])


def listing_at(lake: Lake, session: date) -> pl.DataFrame:
    """Return code, sector33, segment, scale and product as a session's listing has them, one row a code.

    Where the session has none, the newest of the 65 sessions before holds; without one there is no row.
    """
    for age in range(LISTING_AGE + 1):
        day = calendar.offset(session, -age)
        if lake.has("securities", day):
            return lake.read("securities", day, _READ)
    return pl.DataFrame(schema=dict.fromkeys(_READ, pl.String()))


def within(universe: Universe, codes: pl.DataFrame, listing: pl.DataFrame) -> pl.DataFrame:
    """Return rows of a session, those of the universe alone, with the columns of the listing; null where it has none.

    Args:
        universe: Which codes are kept.
        codes: With a column code; the order of rows stays.
        listing: What `listing_at` gives.
    """
    told = codes.join(listing, on="code", how="left", maintain_order="left")
    return told.filter(universe.holds())
