"""When the simulated companies report and what: one row a company and quarter, future ones included."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from tosho import calendar
from tosho.simulation.books import (
    QUARTERS_A_YEAR,
    Books,
    Places,
    flows,
    keep_books,
    periods,
    quarter_ends,
    sum_of_last,
)
from tosho.simulation.listing import Universe
from tosho.simulation.streams import Panel, Streams

DISCLOSED_AFTER: Final = (26, 45)
"""Days from the end of the period to its statement, from .. to."""
_TIMES: Final = ("11:30:00", "13:00:00", "14:00:00", "15:00:00", "15:30:00", "16:00:00")
_LATE_TIMES: Final = ("17:45:00", "18:00:00", "18:30:00", "20:00:00")
LATE: Final = 0.04
"""Share of the documents that come around the evening's first edition instead of at the company's usual time."""
GROWTH: Final = 1.03
"""What companies promise for a year, against the last four quarters."""
AHEAD: Final = timedelta(days=120)
"""How far beyond the market's end reports are dated: their schedules are known before."""


def draw_reports(streams: Streams, universe: Universe, sessions: list[date], outstanding: Panel) -> pl.DataFrame:
    """Return every report with its dates and figures; many lie before the market's first session, some after its last.

    Beside the official names (figures as numbers in yen) there are `quarter` and `company`, places; `number` and
    `length`, of the quarter in its fiscal year; `is_year`; `standard`; `listed` and `delisted`, the company's days.

    Args:
        streams: The market's random numbers.
        universe: Its codes; funds report nothing.
        sessions: Its sessions.
        outstanding: Shares outstanding, `[sessions, codes]`.
    """
    stocks = np.flatnonzero(universe.is_stock)
    ends = quarter_ends(sessions)
    books = keep_books(streams, universe, stocks, len(ends))
    rows = _dated(_grid(streams, universe, stocks, ends, books, sessions), ends)
    return rows.with_columns(_figures(books, rows) + _shares(universe, stocks, sessions, outstanding, rows))


def sessions_around(reports: pl.DataFrame, sessions: list[date]) -> pl.Series:
    """Return all sessions on which something can be disclosed, in order."""
    return pl.Series("session", calendar.sessions(reports["CurPerEn"].min(), sessions[-1] + AHEAD))  # type: ignore[arg-type]


def on_or_after(days: pl.Series, known: pl.Series) -> pl.Series:
    """Return for each day the first of the known sessions that is not before it; the last one where none is."""
    place = known.search_sorted(days.cast(pl.Date), side="left")
    return known.gather(place.clip(0, len(known) - 1))


def kept(reports: pl.DataFrame, sessions: list[date], day: str) -> pl.DataFrame:
    """Return the rows that came to be by the last session, dated by a column, from companies listed then."""
    on, listed, delisted = pl.col(day), pl.col("listed"), pl.col("delisted")
    early = (on < sessions[0]) & (listed < sessions[0])
    return reports.filter(early | ((on >= listed) & (on <= delisted) & (on <= sessions[-1])))


def drawn(streams: Streams, name: str, reports: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return two uniform numbers for each report, which do not depend on how many there are."""
    quarter, company = reports["quarter"].to_numpy(), reports["company"].to_numpy()
    shape = (int(quarter.max()) + 1, int(company.max()) + 1, 2)
    both = streams.open(name).random(shape)[quarter, company]
    return pl.Series(both[:, 0]), pl.Series(both[:, 1])


def _grid(  # noqa: PLR0913 - what a row is made of
    streams: Streams, universe: Universe, stocks: Places, ends: list[date], books: Books, sessions: list[date]
) -> pl.DataFrame:  # fmt: skip
    last = len(sessions) - 1
    fixed, count = streams.open("reporters"), len(stocks)
    companies = pl.DataFrame(
        {
            "company": np.arange(count),
            "Code": [universe.codes[place] for place in stocks],
            "fiscal_month": books.fiscal_month,
            "lag": fixed.integers(*DISCLOSED_AFTER, count),
            "DiscTime": [_TIMES[time] for time in fixed.integers(0, len(_TIMES), count)],
            "standard": books.standard,
            # who is there at the start has a history from before it
            "listed": [sessions[min(place, last)] if place else date.min for place in universe.first[stocks]],
            "delisted": [sessions[min(place, last)] for place in universe.last[stocks]],
        }
    )
    whole_year = pl.DataFrame({"quarter": np.arange(len(ends)), "end": ends})[QUARTERS_A_YEAR:]
    rows = companies.join(whole_year, how="cross")
    quarter, company = rows["quarter"].to_numpy(), rows["company"].to_numpy()
    place = periods(books, ends[0].month, quarter, company)
    late = streams.open("late documents").random((len(ends), count))[quarter, company]
    hour = pl.Series(_LATE_TIMES).gather(np.minimum(late / LATE * len(_LATE_TIMES), len(_LATE_TIMES) - 1).astype(int))
    return rows.with_columns(
        pl.Series("number", place.number),
        pl.Series("length", place.length),
        pl.Series("next_length", place.next_length),
        pl.Series("is_year", place.is_year),
        pl.when(pl.Series(late < LATE)).then(hour).otherwise("DiscTime").alias("DiscTime"),
    )


def _dated(rows: pl.DataFrame, ends: list[date]) -> pl.DataFrame:
    odd = pl.col("fiscal_month") % 3 != 0  # years that end in February have quarters that end a month earlier
    end = pl.when(odd).then(pl.col("end").dt.offset_by("-1mo").dt.month_end()).otherwise("end")
    rows = rows.with_columns(end.alias("CurPerEn"))
    rows = rows.with_columns(_months(pl.col("CurPerEn"), pl.col("length") - pl.col("number")).alias("CurFYEn"))
    asked = pl.col("CurPerEn") + pl.duration(days=pl.col("lag") + 3 * pl.col("is_year"))
    rows = rows.with_columns(
        _next_day(_months(pl.col("CurFYEn"), -pl.col("length"))).alias("CurFYSt"),
        _next_day(pl.col("CurFYEn")).alias("NxtFYSt"),
        _months(pl.col("CurFYEn"), pl.col("next_length")).alias("NxtFYEn"),
        asked.cast(pl.Date).alias("asked"),
    )
    known = sessions_around(rows, [ends[-1]])
    return rows.with_columns(on_or_after(rows["asked"], known).alias("DiscDate"))


def _months(day: pl.Expr, quarters: pl.Expr) -> pl.Expr:
    return day.dt.offset_by(pl.format("{}mo", 3 * quarters)).dt.month_end()


def _next_day(day: pl.Expr) -> pl.Expr:
    return day.dt.offset_by("1d")


def _figures(books: Books, rows: pl.DataFrame) -> list[pl.Series]:
    """Return actuals since the fiscal year's start, and the year that the last four quarters promise."""
    quarter, company, done, length, coming, is_year = (
        rows[name].to_numpy() for name in ("quarter", "company", "number", "length", "next_length", "is_year")
    )
    promised = GROWTH * np.where(is_year, coming, length) / QUARTERS_A_YEAR
    so_far = {name: sum_of_last(flow, quarter, company, done) for name, flow in flows(books).items()}
    year = {
        name: sum_of_last(flow, quarter, company, QUARTERS_A_YEAR) * promised for name, flow in flows(books).items()
    }
    stock = {"Eq": books.equity[quarter, company], "TA": books.assets[quarter, company]}
    forecast = {f"F{name}": values for name, values in year.items()}
    return [pl.Series(name, np.round(values, -6)) for name, values in {**so_far, **stock, **forecast}.items()]


def _shares(
    universe: Universe, stocks: Places, sessions: list[date], outstanding: Panel, rows: pl.DataFrame
) -> list[pl.Series]:
    """Return shares outstanding and treasury shares at the end of the period; before the market, those of its start."""
    place = np.searchsorted(np.array(sessions, dtype="datetime64[D]"), rows["CurPerEn"].to_numpy(), side="right") - 1
    code = stocks[rows["company"].to_numpy()]
    issued = np.where(place >= 0, outstanding[np.maximum(place, 0), code], universe.shares[code])
    return [pl.Series("ShOutFY", issued), pl.Series("TrShFY", np.round(issued * universe.treasury[code]))]
