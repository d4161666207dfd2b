"""The forecast that was in force: what a company last said of the fiscal year it was in."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.point_in_time.asof import as_of

FORECASTS: Final = ("sales", "operating_profit", "ordinary_profit", "net_profit", "eps")

_THIS = [f"forecast_{name}" for name in FORECASTS]
_NEXT = [f"next_forecast_{name}" for name in FORECASTS]
_HALF = [f"{name}_2q" for name in (*_THIS, *_NEXT)]
_FOR, _SAID = "forecast_year_end", "said"


def is_statement() -> pl.Expr:
    """Tell whether a document is a statement of a period; only these carry actuals."""
    return pl.col("document").str.contains("FinancialStatements")


def with_forecasts(rows: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `forecast_year_end`, the fiscal year in progress, and what was last forecast of it.

    That year is the one after the newest full year stated; before any statement, the last one forecast. Each
    statement of a quarter and each revised earnings forecast replaces the forecast as a whole: a figure it leaves
    blank is withdrawn, not kept from before. A revision of the half year only, or of dividends, leaves it as it was.

    Args:
        rows: code, place, and of the newest actuals known `period_end`, `year_end`, `next_year_end`.
        placed: Statements with `place`, their number among those of their company.
    """
    said = _said(placed)
    newest = as_of(
        rows.select("code", "place"), said.select("code", _FOR, _SAID), by=("code",), cutoff="place", known_at=_SAID,
        fact=(_FOR,),
    )[_FOR]  # fmt: skip
    full = pl.col("period_end") == pl.col("year_end")
    year = pl.when(full).then("next_year_end").when(~full).then("year_end").otherwise(newest)
    rows = rows.with_columns(year.alias(_FOR))
    return as_of(rows, said, by=("code", _FOR), cutoff="place", known_at=_SAID).drop(_SAID)


def _said(placed: pl.DataFrame) -> pl.DataFrame:
    """Return what each document says of which fiscal year: code, year's end, `said` (its place), figures."""
    some_this, some_next, some_half = (
        pl.any_horizontal(pl.col(name).is_not_null() for name in names) for names in (_THIS, _NEXT, _HALF)
    )
    revision = pl.col("document").str.contains("EarnForecastRevision")
    yearly = pl.col("period") == "FY"
    of_this = (is_statement() & ~yearly) | (revision & (some_this | ~(some_next | some_half)))
    of_next = (is_statement() & yearly) | some_next
    this = placed.filter(of_this).select("code", pl.col("year_end").alias(_FOR), pl.col("place").alias(_SAID), *_THIS)
    following = placed.filter(of_next).select(
        "code", pl.col("next_year_end").alias(_FOR), pl.col("place").alias(_SAID),
        *(pl.col(there).alias(here) for there, here in zip(_NEXT, _THIS, strict=True)),
    )  # fmt: skip
    both = pl.concat([this, following]).filter(pl.col(_FOR).is_not_null())
    return both.unique(["code", _FOR, _SAID], keep="last", maintain_order=True)
