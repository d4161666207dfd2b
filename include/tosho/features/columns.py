"""The columns a definition may read, as typed constants. Prices and volume are adjusted as known at the session."""

from __future__ import annotations

import polars as pl

KEY = ("session", "code")

OPEN, HIGH, LOW, CLOSE = (pl.col(name) for name in ("open", "high", "low", "close"))
VOLUME = pl.col("volume")
CLOSE_RAW, VOLUME_RAW = pl.col("close_raw"), pl.col("volume_raw")
TURNOVER = pl.col("turnover_yen")
VWAP = TURNOVER / VOLUME
"""Mean price of the session's trades, adjusted as volume is."""
UPPER_LIMIT, LOWER_LIMIT = pl.col("upper_limit_hit"), pl.col("lower_limit_hit")
SHARES = pl.col("shares_outstanding")
CODE, SEGMENT, SCALE = pl.col("code"), pl.col("segment"), pl.col("scale")
PLACE = pl.col("place")  # of `families.dates`: the session's number in the exchange's calendar
SESSIONS_LISTED = pl.col("sessions_listed")

LISTED_CAP = 750
"""Newest sessions in which `sessions_listed` counts."""

MARKET_OPEN, MARKET_HIGH, MARKET_LOW, MARKET_CLOSE = (
    pl.col(name) for name in ("mkt_open", "mkt_high", "mkt_low", "mkt_close")
)

PANEL = pl.Schema(
    {
        "session": pl.Date(),
        "code": pl.String(),
        **{name: pl.Float64() for name in ("open", "high", "low", "close", "volume", "close_raw", "volume_raw")},
        "turnover_yen": pl.Float64(),
        "upper_limit_hit": pl.Boolean(),
        "lower_limit_hit": pl.Boolean(),
        "shares_outstanding": pl.Float64(),
        "follows": pl.Boolean(),
        "adj_factor": pl.Float64(),
        "sessions_listed": pl.Float64(),
        "sector33": pl.String(),
        "segment": pl.String(),
        "scale": pl.String(),
    }
)
"""What `build_panel` gives: one row for every code and session in which it was listed, ordered by code and session.

Two are the engine's: `follows`, whether the code's row before is that of the session before, and `adj_factor`.
"""

ENGINES_OWN = ("follows", "adj_factor")

SECTOR_RETURN = pl.col("sector_return")
SECTOR = pl.Schema({"session": pl.Date(), "sector33": pl.String(), "sector_return": pl.Float64()})
"""What definitions of scope SECTOR read: one row a session and sector; see `sectors`."""

GRAPH = tuple(
    f"graph_{name}"
    for name in ("degree", "mean_corr", "max_corr", "clust", "pagerank", "core", "neighbour_ret_1", "neighbour_ret_5")
)
"""What definitions of scope GRAPH read: see `graph`."""

MARKET = pl.Schema({"session": pl.Date(), **{f"mkt_{name}": pl.Float64() for name in ("open", "high", "low", "close")}})
"""What definitions of scope MARKET read: one row a session, the bars of TOPIX."""

CALENDAR = pl.Schema(
    {
        name: pl.Int32()
        for name in (
            *("day_of_week", "month", "place_in_month", "left_in_month", "to_sq", "in_sq_week"),
            *("to_holiday", "since_holiday", "closed_before", "number"),
        )
    }
)
"""What else they read, where one of them does: see `dates`."""

LISTING_AGE = 65
"""Sessions for which a listing tells sector, segment and scale, where no newer one does."""

GRAPH_REACH = 60
"""Sessions whose returns a session's graph is made of; the oldest return looks one further back."""

REACH = {
    "sessions_listed": LISTED_CAP - 1,
    **dict.fromkeys(("sector33", "segment", "scale"), LISTING_AGE),
    "sector_return": LISTING_AGE + 1,  # listings of its members, and the session before
}
"""Earlier sessions that the engine makes a given column from."""
