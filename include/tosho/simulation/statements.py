"""Quarterly statements of the simulated companies, as fins/summary gives them: cumulative within the fiscal year.

They are noise as far as prices go. What matters is their form: when they are disclosed, that they accumulate, that
forecasts stand beside actuals, and that the shares outstanding follow the splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tosho import calendar
from tosho.simulation.fields import STATEMENTS
from tosho.simulation.listing import Floats, Universe
from tosho.simulation.streams import Panel, Streams

HISTORY: Final = 5
"""Quarters before the market's first session whose statements are there already: a year of growth can be computed."""
_QUARTERS_A_YEAR: Final = 4
FISCAL_YEAR_ENDS: Final = ((3, 0.70), (12, 0.15), (2, 0.06), (6, 0.05), (9, 0.04))
"""Month in which the fiscal year ends, and the share of companies."""
DISCLOSED_AFTER: Final = (26, 45)
"""Days from the end of the period to its statement, from .. to."""
_TIMES: Final = ("11:30:00", "13:00:00", "14:00:00", "15:00:00", "15:30:00", "16:00:00")
_IFRS_SHARE: Final = 0.08
_NUMBERS: Final = "Sales OP OdP NP EPS TA Eq EqAR BPS CFO CFI CFF CashEq Div2Q DivFY DivAnn".split()  # noqa: SIM905
_FLAGS: Final = "MatChgSub SigChgInC ChgByASRev ChgNoASRev ChgAcEst RetroRst".split()  # noqa: SIM905


@dataclass(frozen=True)
class _Books:
    """What the companies earn and own: `[quarters, stocks]`, yen a quarter or at its end; `[stocks]` for the rest."""

    sales: Panel
    profit: Panel
    equity: Panel
    assets: Panel
    fiscal_month: NDArray[np.int64]
    lag: NDArray[np.int64]
    time: NDArray[np.int64]
    ifrs: NDArray[np.bool_]


def statements_table(streams: Streams, universe: Universe, sessions: list[date], outstanding: Panel) -> pl.DataFrame:
    """Return every statement disclosed up to the last session by a company then listed, all fields as text.

    Numbers are in yen and shares, "" where a field is not used.

    Args:
        streams: The market's random numbers.
        universe: Its codes; funds state nothing.
        sessions: Its sessions.
        outstanding: Shares outstanding, `[sessions, codes]`.
    """
    stocks = np.flatnonzero(universe.is_stock)
    quarters = _quarters(sessions)
    books = _keep_books(streams, universe, stocks, len(quarters))
    grid = _grid(universe, stocks, quarters, books, sessions)
    rows = grid.with_columns(_figures(books, grid) + _shares(universe, stocks, sessions, outstanding, grid))
    return _official(_disclosed(rows, sessions))


def _quarters(sessions: list[date]) -> list[date]:
    """Return the last days of calendar quarters, early enough that HISTORY of them have a whole year before them."""
    start = sessions[0].year * 4 + (sessions[0].month - 1) // 3 - HISTORY - _QUARTERS_A_YEAR
    end = sessions[-1].year * 4 + (sessions[-1].month - 1) // 3
    return [_month_end(number // 4, number % 4 * 3 + 3) for number in range(start, end + 1)]


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _keep_books(streams: Streams, universe: Universe, stocks: NDArray[np.int64], quarters: int) -> _Books:
    fixed, count = streams.open("companies"), len(stocks)
    value = (universe.shares * universe.price)[stocks]
    months, shares = zip(*FISCAL_YEAR_ENDS, strict=True)
    level = value * np.exp(fixed.normal(0.0, 0.5, count)) / _QUARTERS_A_YEAR
    margin = fixed.normal(0.07, 0.03, count)
    growth = np.cumsum(streams.open("growth").normal(0.005, 0.04, (quarters, count)), axis=0)
    sales = level * np.exp(growth)
    profit = sales * (margin + streams.open("margins").normal(0.0, 0.02, (quarters, count)))
    equity = np.maximum(value * np.exp(fixed.normal(-0.1, 0.4, count)) + np.cumsum(0.5 * profit, axis=0), 0.05 * value)
    return _Books(
        sales=sales,
        profit=profit,
        equity=equity,
        assets=equity * fixed.uniform(1.3, 4.0, count),
        fiscal_month=fixed.choice(np.array(months), count, p=shares),
        lag=fixed.integers(*DISCLOSED_AFTER, count),
        time=fixed.integers(0, len(_TIMES), count),
        ifrs=fixed.random(count) < _IFRS_SHARE,
    )


def _grid(
    universe: Universe, stocks: NDArray[np.int64], quarters: list[date], books: _Books, sessions: list[date]
) -> pl.DataFrame:
    """Return one row a company and quarter, with the period's dates and the place of its quarter and company."""
    last = len(sessions) - 1
    companies = pl.DataFrame(
        {
            "company": np.arange(len(stocks)),
            "Code": [universe.codes[place] for place in stocks],
            "fiscal_month": books.fiscal_month,
            "lag": books.lag,
            "DiscTime": [_TIMES[time] for time in books.time],
            "standard": np.where(books.ifrs, "IFRS", "JP"),
            # who is there at the start has a history from before it
            "listed": [sessions[min(place, last)] if place else date.min for place in universe.first[stocks]],
            "delisted": [sessions[min(place, last)] for place in universe.last[stocks]],
        }
    )
    whole_year = pl.DataFrame({"quarter": np.arange(len(quarters)), "end": quarters})[_QUARTERS_A_YEAR:]
    odd = pl.col("fiscal_month") % 3 != 0  # years that end in February have quarters that end a month earlier
    end = pl.when(odd).then(pl.col("end").dt.offset_by("-1mo").dt.month_end()).otherwise("end")
    done = (pl.col("CurPerEn").dt.month().cast(pl.Int64) - pl.col("fiscal_month") - 1) % 12 // 3 + 1
    return (
        companies.join(whole_year, how="cross")
        .with_columns(end.alias("CurPerEn"))
        .with_columns(done.alias("number"))
        .with_columns(
            pl.col("CurPerEn")
            .dt.offset_by(pl.format("{}mo", 12 - 3 * pl.col("number")))
            .dt.month_end()
            .alias("CurFYEn")
        )
        .with_columns(_next_day(pl.col("CurFYEn").dt.offset_by("-12mo").dt.month_end()).alias("CurFYSt"))
    )


def _next_day(day: pl.Expr) -> pl.Expr:
    return day.dt.offset_by("1d")


def _figures(books: _Books, grid: pl.DataFrame) -> list[pl.Series]:
    """Return actuals since the fiscal year's start, and the year that the last four quarters promise."""
    quarter, company, done = (grid[name].to_numpy() for name in ("quarter", "company", "number"))
    so_far = {name: _sum_of_last(flow, quarter, company, done) for name, flow in _flows(books).items()}
    year = {name: _sum_of_last(flow, quarter, company, 4) * 1.03 for name, flow in _flows(books).items()}
    stock = {"Eq": books.equity[quarter, company], "TA": books.assets[quarter, company]}
    forecast = {f"F{name}": values for name, values in year.items()}
    return [pl.Series(name, np.round(values, -6)) for name, values in {**so_far, **stock, **forecast}.items()]


def _flows(books: _Books) -> dict[str, Panel]:
    profit = books.profit
    return {"Sales": books.sales, "OP": profit, "OdP": 1.02 * profit, "NP": 0.69 * profit, "CFO": 1.1 * profit}


def _sum_of_last(
    flow: Panel, quarter: NDArray[np.int64], company: NDArray[np.int64], count: NDArray[np.int64] | int
) -> Floats:
    total = np.cumsum(flow, axis=0)
    return np.asarray(total[quarter, company] - total[quarter - count, company], dtype=np.float64)


def _shares(
    universe: Universe, stocks: NDArray[np.int64], sessions: list[date], outstanding: Panel, grid: pl.DataFrame
) -> list[pl.Series]:
    """Return shares outstanding and treasury shares at the end of the period; before the market, those of its start."""
    place = np.searchsorted(np.array(sessions, dtype="datetime64[D]"), grid["CurPerEn"].to_numpy(), side="right") - 1
    code = stocks[grid["company"].to_numpy()]
    issued = np.where(place >= 0, outstanding[np.maximum(place, 0), code], universe.shares[code])
    return [pl.Series("ShOutFY", issued), pl.Series("TrShFY", np.round(issued * universe.treasury[code]))]


def _disclosed(rows: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """Keep what was disclosed by the last session by a company then listed, each on the session after its lag."""
    asked = pl.col("CurPerEn") + pl.duration(days=pl.col("lag") + 3 * (pl.col("number") == _QUARTERS_A_YEAR))
    days = calendar.sessions(rows["CurPerEn"].min(), calendar.next_session(sessions[-1]))  # type: ignore[arg-type]
    known = pl.DataFrame({"DiscDate": days}).sort("DiscDate")
    dated = rows.with_columns(asked.cast(pl.Date).alias("asked")).sort("asked")
    dated = dated.join_asof(known, left_on="asked", right_on="DiscDate", strategy="forward", coalesce=False)
    there = (pl.col("DiscDate") >= pl.col("listed")) & (pl.col("DiscDate") <= pl.col("delisted"))
    early = pl.col("DiscDate") < sessions[0]
    kept = dated.filter((early & (pl.col("listed") < sessions[0])) | (there & (pl.col("DiscDate") <= sessions[-1])))
    order = pl.int_range(1, pl.len() + 1).over("DiscDate").cast(pl.String).str.zfill(6)
    return kept.sort("DiscDate", "DiscTime", "Code").with_columns(
        (pl.col("DiscDate").dt.strftime("%Y%m%d") + order).alias("DiscNo")
    )


def _official(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows under the official names: text throughout, "" for what a document of the kind does not give."""
    year = pl.col("number") == _QUARTERS_A_YEAR
    kind = pl.when(year).then(pl.lit("FY")).otherwise(pl.format("{}Q", "number"))
    held = pl.col("ShOutFY") - pl.col("TrShFY")
    dividend = (pl.max_horizontal(0.3 * pl.col("FNP") / held, pl.lit(0.0))).round(1)
    next_year = {"NxFSales": "FSales", "NxFOP": "FOP", "NxFOdP": "FOdP", "NxFNp": "FNP"}
    named = (
        rows.with_columns(
            pl.format("{}FinancialStatements_Consolidated_{}", kind, "standard").alias("DocType"),
            kind.alias("CurPerType"),
            pl.col("CurFYSt").alias("CurPerSt"),
            _next_day(pl.col("CurFYEn")).alias("NxtFYSt"),
            pl.col("CurFYEn").dt.offset_by("12mo").dt.month_end().alias("NxtFYEn"),
            *(pl.when(pl.col("standard") == "JP").then(name).alias(name) for name in ("OdP", "FOdP")),
            (pl.col("NP") / held).round(2).alias("EPS"),
            (pl.col("Eq") / pl.col("TA")).round(3).alias("EqAR"),
            (pl.col("Eq") / held).round(2).alias("BPS"),
            held.alias("AvgSh"),
            *(pl.when(pl.col("number") % 2 == 0).then(flow).alias(name) for name, flow in _CASH.items()),
            pl.when(year).then(dividend).alias("DivAnn"),
            pl.when(~year).then(dividend).alias("FDivAnn"),
        )
        .with_columns(
            *(pl.when(year).then(name).alias(new) for new, name in next_year.items()),
            pl.when(year).then((pl.col("FNP") / held).round(2)).alias("NxFEPS"),
            pl.when(~year).then((pl.col("FNP") / held).round(2)).alias("FEPS"),
            *(pl.lit("false").alias(name) for name in _FLAGS),
        )
        .with_columns(pl.when(~year).then(name).alias(name) for name in ("FSales", "FOP", "FOdP", "FNP"))
    )
    absent = [pl.lit("").alias(name) for name in STATEMENTS if name not in named.columns]
    return named.with_columns(absent).select(_text(name, named.schema.get(name)) for name in STATEMENTS)


def _millions(yen: pl.Expr) -> pl.Expr:
    return (yen / 1e6).round() * 1e6


_CASH: Final = {
    "CFO": pl.col("CFO"),
    "CFI": _millions(-0.6 * pl.col("CFO").abs()),
    "CFF": _millions(-0.2 * pl.col("CFO").abs()),
    "CashEq": _millions(0.15 * pl.col("TA")),
}
"""Cash flows, which half-year and full-year statements give."""


def _text(name: str, dtype: pl.DataType | None) -> pl.Expr:
    column = pl.col(name)
    if dtype is not None and dtype.is_float():  # whole numbers without ".0", as the vendor writes them
        whole = pl.when(column == column.round()).then(column.cast(pl.Int64).cast(pl.String))
        return whole.otherwise(column.cast(pl.String)).fill_null("").alias(name)
    return column.cast(pl.String).fill_null("").alias(name)
