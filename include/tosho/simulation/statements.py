"""The documents in which the simulated companies report, as fins/summary gives them: cumulative within the fiscal year.

They are noise as far as prices go. What matters is their form: when they are disclosed, that they accumulate, that
forecasts stand beside actuals, that some documents revise a forecast alone and some state a period once more, and that
the shares outstanding follow the splits.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from tosho.simulation.fields import STATEMENTS
from tosho.simulation.official_rows import as_text
from tosho.simulation.reports import drawn, kept, on_or_after, sessions_around
from tosho.simulation.streams import Streams

REVISED, DIVIDEND_REVISED, RESTATED = 0.07, 0.03, 0.015
"""Shares of the reports after which a forecast is revised, a dividend's forecast is, the report itself is corrected."""
REVISED_AFTER, RESTATED_AFTER = (5, 60), (4, 70)
"""Days from a report to such a document, from .. to."""
RESTATED_BY: Final = 0.92
_FLAGS: Final = tuple("MatChgSub SigChgInC ChgByASRev ChgNoASRev ChgAcEst RetroRst".split())  # noqa: SIM905
_RESULTS: Final = ("OP", "OdP", "NP")
_YEAR: Final = ("FSales", "FOP", "FOdP", "FNP")


def statements_table(streams: Streams, reports: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """Return every document disclosed up to the last session by a company then listed, all fields as text.

    Numbers are in yen and shares, "" where a field is not used.

    Args:
        streams: The market's random numbers.
        reports: As `reports.draw_reports` returns them.
        sessions: The market's sessions.
    """
    documents = [
        _results(reports),
        _results(_restated(streams, reports, sessions)),
        _forecast(_revised(streams, reports, sessions, "earnings revisions", REVISED), "EarnForecastRevision"),
        _forecast(
            _revised(streams, reports, sessions, "dividend revisions", DIVIDEND_REVISED), "DividendForecastRevision"
        ),
    ]
    there = [kept(each, sessions, "DiscDate") for each in documents]
    return _numbered(pl.concat([_as_text(each) for each in there]))


def _later(reports: pl.DataFrame, sessions: list[date], chance: pl.Series, bounds: tuple[int, int]) -> pl.DataFrame:
    days = (bounds[0] + (bounds[1] - bounds[0]) * chance).cast(pl.Int64)
    asked = reports.select(pl.col("DiscDate") + pl.duration(days=pl.lit(days))).to_series()
    known = sessions_around(reports, sessions)
    return reports.with_columns(on_or_after(asked, known).alias("DiscDate"))


def _restated(streams: Streams, reports: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    chance, when = drawn(streams, "restatements", reports)
    lower = _later(reports, sessions, when, RESTATED_AFTER).with_columns(
        _millions(RESTATED_BY * pl.col(name)).alias(name) for name in _RESULTS
    )
    return lower.filter(chance < RESTATED)


def _revised(streams: Streams, reports: pl.DataFrame, sessions: list[date], name: str, share: float) -> pl.DataFrame:
    chance, when = drawn(streams, name, reports)
    moved = 0.85 + 0.3 * when
    later = _later(reports, sessions, when, REVISED_AFTER).with_columns(
        _millions(moved * pl.col(name)).alias(name) for name in _YEAR
    )
    return later.filter((chance < share) & ~pl.col("is_year"))


def _held() -> pl.Expr:
    return pl.col("ShOutFY") - pl.col("TrShFY")


def _dividend(profit: str) -> pl.Expr:
    """Return what is paid out of a year's profit, yen a share."""
    return pl.max_horizontal(0.3 * pl.col(profit) / _held(), pl.lit(0.0)).round(1)


def _in_japan(*names: str) -> list[pl.Expr]:
    """Return profits that only the Japanese standard knows."""
    return [pl.when(pl.col("standard") == "JP").then(name).alias(name) for name in names]


def _forecast(rows: pl.DataFrame, document: str) -> pl.DataFrame:
    """Return documents that hold forecasts of the year alone; the period that they speak of is the whole year."""
    earnings = document == "EarnForecastRevision"
    told = (
        [pl.col("FSales", "FOP", "FNP"), *_in_japan("FOdP"), (pl.col("FNP") / _held()).round(2).alias("FEPS")]
        if earnings
        else [
            _dividend("FNP").alias("FDivAnn"),
            (_dividend("FNP") / 2).round(1).alias("FDiv2Q"),
            (_dividend("FNP") - (_dividend("FNP") / 2).round(1)).round(1).alias("FDivFY"),
        ]
    )
    return rows.select(
        "DiscDate", "DiscTime", "Code", "listed", "delisted", "CurFYSt", "CurFYEn",
        pl.lit(document).alias("DocType"), pl.lit("FY").alias("CurPerType"),
        pl.col("CurFYSt").alias("CurPerSt"), pl.col("CurFYEn").alias("CurPerEn"), *told,
    )  # fmt: skip


def _results(rows: pl.DataFrame) -> pl.DataFrame:
    """Return results, with what a document of the kind gives beside them."""
    year, even = pl.col("is_year"), (pl.col("number") % 2 == 0) | pl.col("is_year")
    kind = pl.when(year).then(pl.lit("FY")).otherwise(pl.format("{}Q", "number"))
    half = (_dividend("FNP") / 2).round(1)
    next_year = {"NxFSales": "FSales", "NxFOP": "FOP", "NxFOdP": "FOdP", "NxFNp": "FNP"}
    parent = {"NCSales": "Sales", "NCOP": "OP", "NCOdP": "OdP", "NCNP": "NP", "NCTA": "TA", "NCEq": "Eq"}
    named = rows.with_columns(
        pl.format("{}FinancialStatements_Consolidated_{}", kind, "standard").alias("DocType"),
        kind.alias("CurPerType"), pl.col("CurFYSt").alias("CurPerSt"), *_in_japan("OdP", "FOdP"),
        (pl.col("NP") / _held()).round(2).alias("EPS"), (pl.col("Eq") / pl.col("TA")).round(3).alias("EqAR"),
        (pl.col("Eq") / _held()).round(2).alias("BPS"), _held().alias("AvgSh"),
        *(pl.when(even).then(flow).alias(name) for name, flow in _CASH.items()),
        *(pl.when(year).then(value).alias(name) for name, value in {
            "Div2Q": half, "DivFY": _dividend("FNP") - half, "DivAnn": _dividend("FNP")}.items()),
        *(pl.when(~year).then(value).alias(name) for name, value in {
            "FDiv2Q": half, "FDivFY": _dividend("FNP") - half, "FDivAnn": _dividend("FNP")}.items()),
    )  # fmt: skip
    named = named.with_columns(
        *(pl.when(year).then(name).alias(new) for new, name in next_year.items()),
        *(pl.when(year & (pl.col("standard") == "JP")).then(_millions(0.6 * pl.col(name))).alias(new)
          for new, name in parent.items()),
        *(pl.when(pl.col("number") == 1).then(_millions(0.48 * pl.col(name))).alias(f"{name}2Q") for name in _YEAR),
        pl.when(year).then((pl.col("FNP") / _held()).round(2)).alias("NxFEPS"),
        pl.when(~year).then((pl.col("FNP") / _held()).round(2)).alias("FEPS"),
        *(pl.lit("false").alias(name) for name in _FLAGS),
    )  # fmt: skip
    return named.with_columns(pl.when(~year).then(name).alias(name) for name in _YEAR)


def _as_text(rows: pl.DataFrame) -> pl.DataFrame:
    absent = [pl.lit("").alias(name) for name in STATEMENTS if name not in rows.columns]
    return (
        rows.select(as_text(name, rows.schema[name]) for name in STATEMENTS if name in rows.columns)
        .with_columns(absent)
        .select(STATEMENTS)
    )


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    order = pl.int_range(1, pl.len() + 1).over("DiscDate").cast(pl.String).str.zfill(6)
    return rows.sort("DiscDate", "DiscTime", "Code", "DocType").with_columns(
        (pl.col("DiscDate").str.replace_all("-", "") + order).alias("DiscNo")
    )


def _millions(yen: pl.Expr) -> pl.Expr:
    return (yen / 1e6).round() * 1e6


_CASH: Final = {
    "CFO": pl.col("CFO"),
    "CFI": _millions(-0.6 * pl.col("CFO").abs()),
    "CFF": _millions(-0.2 * pl.col("CFO").abs()),
    "CashEq": _millions(0.15 * pl.col("TA")),
}
"""Cash flows, which half-year and full-year statements give."""
