"""The exchange's indices: sectors, sizes, segments and REITs, each the value of its members, chained like TOPIX."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import polars as pl

from tosho.calendar.xtks import SYSTEM_FAILURE
from tosho.simulation.listing import REIT, Flags, Floats, Universe
from tosho.simulation.prices import Prices
from tosho.simulation.returns import MARKET_VOLATILITY
from tosho.simulation.sectors import SECTORS, SEGMENTS_CHANGED, SERIES_NAMES
from tosho.simulation.streams import Panel, Streams

TOPIX: Final = "0000"
FIRST_CLOSE: Final = 1_000.0
SECTOR_FROM, SERIES_FROM = 0x40, 0x80
"""Sector indices are numbered on from here, in hexadecimal and in the order of the sectors' codes."""
SEGMENT_INDICES: Final = {"0500": "0111", "0501": "0112", "0502": "0113"}
"""They began with the segments."""


def indices_table(  # noqa: PLR0913 - what an index is made of
    streams: Streams, universe: Universe, sessions: list[date], prices: Prices, outstanding: Panel, topix: Floats
) -> pl.DataFrame:
    """Return one row an index and session, points of two decimals; no index without a member.

    Args:
        streams: The market's random numbers.
        universe: Its codes.
        sessions: Its sessions.
        prices: What they traded at.
        outstanding: Shares outstanding, `[sessions, codes]`.
        topix: Open, high, low and close, `[sessions, 4]`, served as index 0000 too.
    """
    members = {code: flags for code, flags in sorted(_members(universe).items()) if flags.any()}
    weights = np.stack(list(members.values()), axis=1).astype(np.float64)
    opened, close = _levels(universe, prices, outstanding, weights)
    room = streams.open("indices").standard_exponential((len(sessions), 2, 0x100))[:, :, : len(members)]
    high = np.maximum(opened, close) * (1 + MARKET_VOLATILITY / 2 * room[:, 0])
    low = np.minimum(opened, close) * (1 - MARKET_VOLATILITY / 2 * room[:, 1])
    points = np.concatenate([topix[:, None], np.round(np.stack([opened, high, low, close], axis=2), 2)], axis=1)
    day, index = np.indices(points.shape[:2])
    rows = pl.DataFrame(
        {
            "Date": pl.Series(sessions, dtype=pl.Date).gather(day.ravel()),
            "Code": pl.Series([TOPIX, *members]).gather(index.ravel()),
            **{name: points[:, :, place].ravel() for place, name in enumerate("OHLC")},
        }
    )
    early = pl.col("Code").is_in(list(SEGMENT_INDICES)) & (pl.col("Date") < SEGMENTS_CHANGED)
    return with_failure(rows.filter(~early))


def with_failure(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the day on which nothing traded, where rows (Date, O, H, L, C) span it: all prices the previous close."""
    before, after = rows.filter(pl.col("Date") < SYSTEM_FAILURE), rows.filter(pl.col("Date") > SYSTEM_FAILURE)
    if before.is_empty() or after.is_empty():
        return rows
    last = before.filter(pl.col("Date") == before["Date"].max())
    flat = last.with_columns(pl.lit(SYSTEM_FAILURE).alias("Date"), *(pl.col("C").alias(name) for name in "OHL"))
    return pl.concat([before, flat.select(rows.columns), after])


def _levels(universe: Universe, prices: Prices, outstanding: Panel, weights: Panel) -> tuple[Panel, Panel]:
    """Return opens and closes, `[sessions, indices]`. An index stands still while it has no member."""
    listed = universe.listed(len(outstanding))
    held = listed[1:] & listed[:-1]
    value = outstanding * prices.last
    opening = np.where(prices.traded, prices.open * outstanding, np.vstack([value[:1], value[:-1]]))
    before, at_open, at_close = ((held * each) @ weights for each in (value[:-1], opening[1:], value[1:]))
    empty = before == 0
    moved, gap = (np.where(empty, 1.0, each / np.where(empty, 1.0, before)) for each in (at_close, at_open))
    close = FIRST_CLOSE * np.cumprod(np.vstack([np.ones_like(moved[:1]), moved]), axis=0)
    return np.vstack([close[:1], close[:-1] * gap]), close


def _members(universe: Universe) -> dict[str, Flags]:
    stock, segment = universe.is_stock, universe.segment
    prime = stock & (segment == "0111")
    found = {
        "0028": prime & (universe.scale == "TOPIX Core30"),
        "0070": stock & (segment == "0113"),
        "0075": universe.product == REIT,
        **{code: stock & (segment == each) for code, each in SEGMENT_INDICES.items()},
    }
    for place in range(len(SECTORS)):
        found[f"{SECTOR_FROM + place:04X}"] = prime & (universe.sector == place)
    for turn, series in enumerate(name for name in SERIES_NAMES if name != "99"):
        within = [place for place, sector in enumerate(SECTORS) if sector.series == series]
        found[f"{SERIES_FROM + turn:04X}"] = prime & np.isin(universe.sector, within)
    return found
