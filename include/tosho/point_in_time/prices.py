"""Adjusted prices from raw prices and `adj_factor`: no jump at a split, and nothing from a split that is to come.

The vendor's own adjusted prices change through all of history with every split, so that they say on a past session
what was not known then. Here they are derived, from what each session knew.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from tosho.point_in_time.asof import as_of

PRICES: Final = ("open", "high", "low", "close")
FACTOR: Final = "factor"
_KEY: Final = ("session", "code")


def splits_of(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in which a split took effect: session, code, adj_factor. They are few, and worth keeping."""
    return bars.filter(pl.col("adj_factor") != 1).select("session", "code", "adj_factor").sort("code", "session")


def cumulative_factors(bars: pl.DataFrame, splits: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return session, code and factor: the product of the code's `adj_factor` up to each split, in order of time.

    Args:
        bars: Rows of the `bars` contract.
        splits: What `splits_of` gives for bars earlier than these. With them the factors of a part of the history
            have the same bits as those of the whole.
    """
    own = splits_of(bars)
    if splits is not None and bars.height:
        first = bars["session"].min()
        own = pl.concat([splits.filter(pl.col("session") < first).select(own.columns), own])
    ordered = own.sort("code", "session")
    return ordered.select(*_KEY, pl.col("adj_factor").cum_prod().over("code").alias(FACTOR)).sort(_KEY)


def with_factor(rows: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the `factor` in force on their session; 1 before the code's first split.

    Args:
        rows: Any frame with session and code.
        factors: What `cumulative_factors` gives.

    Raises:
        AsOfError: A code has two factors on one session.
    """
    known = as_of(rows, factors, by=("code",), cutoff="session", known_at="session")
    return known.with_columns(pl.col(FACTOR).fill_null(1.0))


def adjusted() -> list[pl.Expr]:
    """Return prices and volume in the level of the code's first session, of rows that have `factor`.

    Prices are divided, and volume multiplied, by the factor F_t of the row's own session. A later split changes no
    earlier value. What is made of them should be ratios, in which the level cancels.
    """
    return [*(pl.col(name) / pl.col(FACTOR) for name in PRICES), pl.col("volume") * pl.col(FACTOR)]


def adjusted_as_known(bars: pl.DataFrame, session: date, splits: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the bars up to a session with prices and volume in its level: what the vendor's Adj* said that evening.

    The prices of the code's newest bar are those traded; the older ones times F_s / F_t.

    Args:
        bars: Rows of the `bars` contract; those after the session are not looked at.
        session: As known when.
        splits: Of earlier bars, as for `cumulative_factors`.
    """
    seen = bars.filter(pl.col("session") <= session)
    rows = with_factor(seen, cumulative_factors(seen, splits))
    return rows.with_columns(pl.col(FACTOR) / pl.col(FACTOR).sort_by("session").last().over("code")).with_columns(
        adjusted()
    ).drop(FACTOR)  # fmt: skip
