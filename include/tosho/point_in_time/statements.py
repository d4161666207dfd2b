"""What a company had earned, as known at each of its disclosures: quarters, twelve months, a year before, forecasts.

Statements give sums since the start of the fiscal year. Everything here is computed from the dates of periods, not
from their labels (1Q .. FY), so that fiscal years of other lengths need no rule of their own: a quarter is the three
months up to the end of a period, and is there only if both sums that it lies between are known.

Sums are taken within one basis only: consolidated or not, and one accounting standard. Where a company changes
either, what would mix the two is null until enough periods are stated on the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from tosho.point_in_time.asof import as_of
from tosho.point_in_time.forecasts import FORECASTS, is_statement, with_forecasts
from tosho.point_in_time.months import eve, months_before

FLOWS: Final = (
    *("sales", "operating_profit", "ordinary_profit", "net_profit"),
    *("cash_from_operations", "cash_from_investing", "cash_from_financing"),
)
"""Figures that add up through the fiscal year, in yen. Per-share figures do not: the number of shares changes."""

BALANCES: Final = ("total_assets", "equity", "cash")
"""Figures of the period's last day, in yen."""

_PERIOD: Final = ("period", "period_end", "year_start", "year_end")
_DOCUMENT: Final = ("session", "code", "known_at", "number", "document", "place")
_LAST_MOMENT = pl.time(23, 59, 59, 999_999)


def as_disclosed(statements: pl.DataFrame, flows: Sequence[str] = FLOWS) -> pl.DataFrame:
    """Return one row a document, with what was known of its company once it was out.

    Every document counts, in order of `known_at` and, within one publication, of disclosure. The row of a document
    without actuals (a revised forecast or dividend) carries those of the statements before it. A restatement replaces
    the figures of its period from its own row on, and in no earlier one; one of an older period leaves the newest
    period the newest, and changes what is computed from both. An as-of join on the result by code and `known_at` with
    `fact=("place",)` gives each session what it knew.

    A figure is null where it was blank in the last version of a statement it is made of (ordinary profit under IFRS
    and US-GAAP), where such a statement was never seen (a missing middle quarter, quarters without a cash-flow
    statement), or where dates, basis or fiscal years do not fit together.

    Args:
        statements: Rows of the `statements` contract, in any order.
        flows: Those whose sums are asked for. Which documents count does not depend on it.

    Returns:
        Ordered by code and place: `session`, `code`, `known_at`, `number`, `document`, and

        - `place`: the number of the document among its company's, from 0;
        - `period`, `period_end`, `year_start`, `year_end`, `basis`: of the newest statement of actuals then known;
        - `<flow>`: its sum since the start of the fiscal year, `<flow>_year_ago` the same sum a year before;
        - `<flow>_quarter`: of the three months up to `period_end`, `<flow>_quarter_year_ago` those a year before;
        - `<flow>_trailing`: of the twelve months up to `period_end`;
        - `<balance>`: on `period_end`;
        - `forecast_year_end`, `forecast_<figure>`: the newest forecast of a full year not yet stated.
    """
    placed = _placed(statements)
    actuals = placed.filter(states_something()).with_columns(pl.col("place").alias("stated"))
    newest = actuals.select("code", *_PERIOD, "next_year_end", "basis", "within", *flows, *BALANCES, "stated")
    rows = as_of(
        placed.select(_DOCUMENT), newest, by=("code",), cutoff="place", known_at="stated", fact=("period_end",)
    ).drop("stated")
    rows = _with_earlier_sums(rows, actuals, flows).with_columns(
        column for flow in flows for column in (_year_ago(flow), *_quarters(flow), _trailing(flow))
    )
    return with_forecasts(rows, placed).select(
        *(*_DOCUMENT, *_PERIOD, "basis"),
        *(f"{flow}{of}" for flow in flows for of in ("", "_year_ago", "_quarter", "_quarter_year_ago", "_trailing")),
        *(*BALANCES, "forecast_year_end", *(f"forecast_{name}" for name in FORECASTS)),
    )


def states_something() -> pl.Expr:
    """Tell whether a document states actuals of a period that can be placed: only of these sums are made."""
    dated = pl.all_horizontal(pl.col("period_end", "year_start", "year_end").is_not_null())
    return is_statement() & dated & pl.any_horizontal(pl.col(*FLOWS, *BALANCES).is_not_null())


def _placed(statements: pl.DataFrame) -> pl.DataFrame:
    """Number each company's documents in the order in which they became known, and read their basis.

    `within` numbers company and basis together: what sums are taken within is looked up by one number, not two texts.
    """
    moment = pl.col("disclosed_at").fill_null(_LAST_MOMENT)
    ordered = statements.sort("code", "known_at", "disclosed_on", moment, "number")
    basis = pl.col("document").str.extract(r"FinancialStatements_(.+)$").fill_null("")
    placed = ordered.with_columns(pl.int_range(pl.len()).over("code").alias("place"), basis.alias("basis"))
    company, of_basis = pl.col("code").rle_id().cast(pl.Int64), pl.col("basis").rank("dense")
    return placed.with_columns((company * (of_basis.max() + 1) + of_basis).alias("within"))


def _with_earlier_sums(rows: pl.DataFrame, actuals: pl.DataFrame, flows: Sequence[str]) -> pl.DataFrame:
    """Join the sums up to earlier days, each in its last version known, under the day's name."""
    sums = actuals.select("within", "stated", "period_end", "year_end", eve(pl.col("year_start")).alias("eve"), *flows)
    end = pl.col("period_end")
    rows = rows.with_columns(eve(pl.col("year_start")).alias("eve"), months_before(end, 12).alias("ago_end"))
    rows = rows.with_columns(months_before(end, 3).alias("last_end"))
    rows = rows.with_columns(months_before(pl.col("ago_end"), 3).alias("ago_last_end"), pl.col("eve").alias("full_end"))
    for name in ("last", "ago", "ago_last", "full"):
        rows = _with_sum(rows, sums, name)
    return _with_sum(rows.with_columns(pl.col("full_eve").alias("fuller_end")), sums, "fuller")


def _with_sum(rows: pl.DataFrame, sums: pl.DataFrame, name: str) -> pl.DataFrame:
    """Join the newest version of the statement whose period ended on `<name>_end`: its sums, year's end and eve."""
    end = f"{name}_end"
    own = sums.rename({column: f"{name}_{column}" for column in sums.columns if column not in ("within", "stated")})
    records = own.rename({f"{name}_period_end": end})
    return as_of(rows, records, by=("within", end), cutoff="place", known_at="stated").drop("stated")


def _year_ago(flow: str) -> pl.Expr:
    """The sum up to the day twelve months before, if its fiscal year had begun twelve months before this one."""
    alike = pl.col("ago_eve") == months_before(pl.col("eve"), 12)
    return pl.when(alike).then(f"ago_{flow}").alias(f"{flow}_year_ago")


def _quarters(flow: str) -> tuple[pl.Expr, pl.Expr]:
    now = _less(pl.col(flow), "eve", "last", flow)
    ago = _less(pl.col(f"ago_{flow}"), "ago_eve", "ago_last", flow)
    return now.alias(f"{flow}_quarter"), ago.alias(f"{flow}_quarter_year_ago")


def _trailing(flow: str) -> pl.Expr:
    """Twelve months: this year's sum and what is lacking of the years before, of which there may be two short ones."""
    this, full, fuller = (pl.col(f"{year}{flow}") for year in ("", "full_", "fuller_"))
    day = pl.col("ago_end")
    is_full, is_fuller = (pl.col(f"{year}_year_end") == pl.col(f"{year}_end") for year in ("full", "fuller"))
    return (
        pl.when(day >= pl.col("eve"))
        .then(_less(this, "eve", "ago", flow))
        .when(is_full & (day >= pl.col("full_eve")))
        .then(this + _less(full, "full_eve", "ago", flow))
        .when(is_full & is_fuller)
        .then(this + full + _less(fuller, "fuller_eve", "ago", flow))
        .alias(f"{flow}_trailing")
    )


def _less(whole: pl.Expr, eve_of_year: str, part: str, flow: str) -> pl.Expr:
    """A year's sum less its part up to `<part>_end`: nothing, if the year began after that day; null, if later yet."""
    day, before = pl.col(f"{part}_end"), pl.col(eve_of_year)
    within = (day > before) & (pl.col(f"{part}_eve") == before)
    return pl.when(day == before).then(whole).when(within).then(whole - pl.col(f"{part}_{flow}"))
