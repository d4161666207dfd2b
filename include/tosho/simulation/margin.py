"""Margin trading: what is bought on credit and sold short, as the weekly table of all codes gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from tosho import calendar
from tosho.calendar import JST
from tosho.ingest import plans
from tosho.simulation.fields import FIELDS
from tosho.simulation.investors import weeks
from tosho.simulation.listing import Universe
from tosho.simulation.market_tables import keys
from tosho.simulation.streams import Panel, Streams, autoregressive, persistence_of

LONG, SHORT = 0.008, 0.0015
"""Usual positions as a share of the outstanding shares."""
LONG_SWING, SHORT_SWING = 0.45, 0.7
"""Standard deviations of the positions' logs."""
HALF_LIFE: Final = 25
STANDARD: Final = 0.7
"""Share of the positions that the exchange's standard terms govern; the rest is negotiated."""
LOT: Final = 100
FEWEST_SESSIONS: Final = 3
"""A week with fewer sessions has no table."""
DAILY_SINCE: Final = date(2026, 9, 25)
"""From here the table comes every day, with its day of publication and the positions' values."""
_VOLUMES: Final = ("ShrtVol", "LongVol", "ShrtNegVol", "LongNegVol", "ShrtStdVol", "LongStdVol")


@dataclass(frozen=True)
class Positions:
    """Shares at the close, `[sessions, codes]`, whole lots: bought on credit and sold short, by terms."""

    long_standard: Panel
    long_negotiable: Panel
    short_standard: Panel
    short_negotiable: Panel


def draw_positions(streams: Streams, universe: Universe, outstanding: Panel) -> Positions:
    """Return the positions of every session. Shares are sold short on standard terms only where they can be lent."""
    fixed, codes = streams.open("margin traders"), len(universe.codes)
    long_level, short_level = (level * np.exp(fixed.normal(0.0, 0.6, codes)) for level in (LONG, SHORT))
    long = outstanding * long_level * np.exp(LONG_SWING * _swing(streams, "margin buying", outstanding.shape))
    short = outstanding * short_level * np.exp(SHORT_SWING * _swing(streams, "margin selling", outstanding.shape))
    lent = np.where(lendable(universe), STANDARD, 0.0)
    return Positions(*(_lots(shares) for shares in (
        STANDARD * long, (1 - STANDARD) * long, lent * short, 0.3 * (1 - STANDARD) * short,
    )))  # fmt: skip


def lendable(universe: Universe) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which codes are loan issues, as the master says with MarginCode 2."""
    return np.asarray(universe.scale != "-", dtype=np.bool_)


def margin_interest_table(universe: Universe, sessions: list[date], positions: Positions, close: Panel) -> pl.DataFrame:
    """Return one row a listed code and week that was published by the last session, dated on the week's last session.

    Until DAILY_SINCE there is neither a day of publication nor a value: null. From then on every session has rows.

    Args:
        universe: The market's codes.
        sessions: Its sessions.
        positions: What is held on credit.
        close: The last price known, `[sessions, codes]`, yen.
    """
    places = [place for place in _told(sessions) if _published(sessions[place]) <= sessions[-1]]
    told = np.zeros((len(sessions), len(universe.codes)), dtype=np.bool_)
    told[places] = True
    rows = told & universe.listed(len(sessions))
    volumes = _volumes(positions)
    daily = pl.col("Date") >= DAILY_SINCE
    following = {sessions[place]: _published(sessions[place]) for place in places}
    table = keys(sessions, universe, rows).with_columns(
        pl.Series("IssType", np.broadcast_to(np.where(lendable(universe), "2", "1"), rows.shape)[rows]),
        *(pl.Series(name, volumes[name][rows]) for name in _VOLUMES),
        *(pl.Series(_value(name), np.round(volumes[name][rows] * close[rows])) for name in _VOLUMES),
        pl.col("Date").replace_strict(following, return_dtype=pl.Date).alias("PubDate") if following else
        pl.col("Date").alias("PubDate"),
    )  # fmt: skip
    return table.with_columns(
        pl.when(daily).then(name).alias(name) for name in ("PubDate", *map(_value, _VOLUMES))
    ).select(FIELDS[plans.MARGIN_INTEREST])


def _told(sessions: list[date]) -> list[int]:
    """Return the places of the sessions that a table describes."""
    weekly = [places[-1] for places in weeks(sessions) if len(places) >= FEWEST_SESSIONS]
    before = [place for place in weekly if sessions[place] < DAILY_SINCE]
    return before + [place for place, session in enumerate(sessions) if session >= DAILY_SINCE]


def _published(session: date) -> date:
    if session >= DAILY_SINCE:
        return calendar.next_session(session)
    return calendar.published_at("margin_interest", session).astimezone(JST).date()


def _volumes(positions: Positions) -> dict[str, Panel]:
    return {
        "ShrtVol": positions.short_standard + positions.short_negotiable,
        "LongVol": positions.long_standard + positions.long_negotiable,
        "ShrtNegVol": positions.short_negotiable,
        "LongNegVol": positions.long_negotiable,
        "ShrtStdVol": positions.short_standard,
        "LongStdVol": positions.long_standard,
    }


def _value(volume: str) -> str:
    return volume.replace("Vol", "Val")


def _swing(streams: Streams, name: str, shape: tuple[int, ...]) -> Panel:
    start = streams.open(f"{name} before").standard_normal(shape[1])
    return autoregressive(streams.open(name).standard_normal(shape), persistence_of(HALF_LIFE), start)


def _lots(shares: Panel) -> Panel:
    return np.asarray(np.floor(shares / LOT) * LOT)
