"""What futures and options of the simulated indices share: months, last days, sessions of night and day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from tosho import calendar
from tosho.simulation.chance import chance
from tosho.simulation.listing import Floats

NIKKEI: Final = 14.0
"""The Nikkei 225 of the simulated market, in points of TOPIX."""
NORMAL_SETTLEMENT: Final = "002"
"""EmMrgnTrgDiv where no emergency margin was called for."""
FRIDAY, SECOND_WEEK = 4, 8
NIGHTS: Final = 0.7
"""Share of the traded contracts that trade at night too."""


@dataclass(frozen=True)
class Underlying:
    """An index by session: `[sessions]`, points. `before` is the close of the session before."""

    sessions: list[date]
    before: Floats
    open: Floats
    high: Floats
    low: Floats
    close: Floats

    @classmethod
    def of(cls, sessions: list[date], points: Floats, times: float) -> Underlying:
        """Return an index of open, high, low and close, `[sessions, 4]`, times a number."""
        opened, high, low, close = np.round(times * points, 2).T
        return cls(sessions, np.append(opened[:1], close[:-1]), opened, high, low, close)


@dataclass(frozen=True)
class Month:
    """A contract month: its last trading day, the day of settlement, and how many months lie before it on a session.

    Attributes:
        places: Places of the sessions on which it is listed.
        rank: 0 while it is the nearest, one for each place.
    """

    name: str
    last: date
    settled: date
    places: np.ndarray[tuple[int], np.dtype[np.int64]]
    rank: np.ndarray[tuple[int], np.dtype[np.int64]]


def months(sessions: list[date], every: int, listed: int) -> Iterator[Month]:
    """Yield the contract months of a market that lists so many at a time, one `every` so many calendar months."""
    begin = sessions[0].year * 12 + sessions[0].month - 1
    numbers = [
        n for n in range(begin, begin + 12 * len(sessions) // 200 + (listed + 2) * every) if (n + 1) % every == 0
    ]
    settled = {number: _second_friday(number // 12, number % 12 + 1) for number in numbers}
    lasts = np.array([calendar.previous_session(day) for day in settled.values()], dtype="datetime64[D]")
    nearest = np.searchsorted(lasts, np.array(sessions, dtype="datetime64[D]"), side="left")
    for order, (number, day) in enumerate(settled.items()):
        places = np.flatnonzero((order - nearest >= 0) & (order - nearest < listed))
        if places.size:
            name = f"{number // 12}-{number % 12 + 1:02d}"
            yield Month(name, lasts[order].item(), day, places, order - nearest[places])


def with_blocks(rows: pl.DataFrame, multiplier: float) -> pl.DataFrame:
    """Add the prices of the whole day, and what was not traded as zeros, to rows with night and day prices and Vo.

    A contract's first session has no night: null. Without volume all prices are 0, as the vendor writes them.
    """
    night, day = ("EO", "EH", "EL", "EC"), ("AO", "AH", "AL", "AC")
    traded = pl.col("Vo") > 0
    first = pl.col("Date") == pl.col("Date").min().over("Code")
    fresh = first & (pl.col("Date") > pl.col("Date").min())  # what is listed when the market begins was there before
    rows = rows.with_columns(fresh.alias("fresh"))
    at_night = traded & ~pl.col("fresh") & (chance(21) < NIGHTS)
    rows = rows.with_columns(
        *(pl.when(at_night).then(name).otherwise(0.0).alias(name) for name in night),
        *(pl.when(traded).then(name).otherwise(0.0).alias(name) for name in day),
        at_night.alias("at_night"),
    )
    return rows.with_columns(
        pl.when("at_night").then("EO").otherwise("AO").alias("O"),
        pl.max_horizontal("EH", "AH").alias("H"),
        pl.when("at_night").then(pl.min_horizontal("EL", "AL")).otherwise("AL").alias("L"),
        pl.col("AC").alias("C"),
        (pl.col("Vo") * multiplier * (pl.col("AO") + pl.col("AC")) / 2).round().alias("Va"),
        (pl.col("Vo") * 0.05).floor().alias("VoOA"),
        pl.lit(NORMAL_SETTLEMENT).alias("EmMrgnTrgDiv"),
        *(pl.lit(None, pl.Float64).alias(name) for name in ("MO", "MH", "ML", "MC")),
    ).with_columns(pl.when(~pl.col("fresh")).then(name).alias(name) for name in night)


def _second_friday(year: int, month: int) -> date:
    day = date(year, month, SECOND_WEEK)
    day += timedelta(days=(FRIDAY - day.weekday()) % 7)
    return day if calendar.is_session(day) else calendar.previous_session(day)
