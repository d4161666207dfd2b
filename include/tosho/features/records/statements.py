"""What a company had earned and forecast, after the last document of each session in which it disclosed something.

The base is `as_disclosed`, document by document. A revised forecast renews the forecasts and carries the figures of the
newest statement. Of several documents in one session only the state after the last one is kept, and "before" means
after the session before: a revision and the statement that repeats it, published together, are one piece of news.

All figures are totals in yen, none is by share. Prices are compared with them through the shares outstanding, which
follow splits; what companies say by share is in the unit of its day, and nobody says by how much that has changed.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.features.records.places import places
from tosho.features.records.recent import recent_statements
from tosho.features.records.record import Grain, Records, Tables
from tosho.point_in_time.asof import as_of
from tosho.point_in_time.forecasts import FORECASTS, is_statement
from tosho.point_in_time.months import months_before
from tosho.point_in_time.statements import BALANCES, FLOWS, as_disclosed

_OP: Final = "operating_profit"
_COLUMNS: Final = {
    "fund_sales": "sales",
    "fund_sales_year_ago": "sales_year_ago",
    "fund_sales_trailing": "sales_trailing",
    "fund_op": _OP,
    "fund_op_year_ago": f"{_OP}_year_ago",
    "fund_op_trailing": f"{_OP}_trailing",
    "fund_profit_trailing": "net_profit_trailing",
    "fund_equity": "equity",
    "fund_equity_ratio": "equity_ratio",
    "fund_cash_flow": "cash_flow",
    "fund_cash_profit": "cash_profit",
    "fund_cash_assets": "cash_assets",
    "fund_dividend": "dividend",
    "fund_plan_op": "plan",
    "fund_forecast_op": f"forecast_{_OP}",
    "fund_forecast_op_before": f"forecast_{_OP}_before",
    "fund_forecast_profit": "forecast_net_profit",
    "fund_forecast_profit_before": "forecast_net_profit_before",
    "fund_surprise": "surprise",
    "fund_stated": "stated",
}
"""Column given, and what it is called here."""

FUND_AGE = pl.col("fund_age")
"""Sessions since the company last disclosed anything."""
SALES, SALES_YEAR_AGO, SALES_TRAILING = (pl.col(f"fund_sales{of}") for of in ("", "_year_ago", "_trailing"))
"""Since the start of the fiscal year, the same a year before, and of twelve months."""
OP, OP_YEAR_AGO, OP_TRAILING = (pl.col(f"fund_op{of}") for of in ("", "_year_ago", "_trailing"))
"""Operating profit, likewise."""
PROFIT_TRAILING = pl.col("fund_profit_trailing")
"""Net profit of twelve months."""
EQUITY, EQUITY_RATIO = pl.col("fund_equity"), pl.col("fund_equity_ratio")
"""Net assets in yen, and the ratio of equity to assets as stated, a fraction."""
CASH_FLOW, CASH_PROFIT, CASH_ASSETS = (pl.col(f"fund_cash_{of}") for of in ("flow", "profit", "assets"))
"""Cash from operations and net profit of the newest twelve months with stated cash flows, and assets at their end."""
DIVIDEND = pl.col("fund_dividend")
"""Annual dividend forecast for the fiscal year in progress, times the shares outstanding when that was said."""
PLAN_OP = pl.col("fund_plan_op")
"""Operating profit forecast for the fiscal year of the newest statement; of a finished year, as last forecast."""
FORECAST_OP, FORECAST_OP_BEFORE = pl.col("fund_forecast_op"), pl.col("fund_forecast_op_before")
"""Operating profit forecast for the fiscal year in progress, and the forecast of the same year before that."""
FORECAST_PROFIT, FORECAST_PROFIT_BEFORE = pl.col("fund_forecast_profit"), pl.col("fund_forecast_profit_before")
"""Net profit, likewise."""
SURPRISE, STATED = pl.col("fund_surprise"), pl.col("fund_stated")
"""Sign of what the newest period's first statement was beside what was to be expected, and its session's number."""

_DOCUMENT: Final = ("session", "code", "number")


def fundamentals(tables: Tables) -> pl.DataFrame:
    """Return for each code and session with a document what was known after it; see the constants for the columns.

    Null where `as_disclosed` has null. Beyond it:

    - cash flows are stated every half-year by most companies. What is made of them is of the newest period with cash
      flows, all figures of that same period, until the newest period lies twelve months on;
    - a dividend holds until the next statement or revised dividend forecast; a blank one there is withdrawn;
    - the forecast before is the last one said in a session before that of the newest, and null if there was none.
    """
    if tables["statements"].is_empty():
        return _states(tables)
    codes = pl.concat([tables[name]["code"] for name in FUND.tables]).unique().sort()
    known = _states({name: _numbered(tables[name], codes) for name in FUND.tables})
    return known.with_columns(codes.gather(known["code"]).alias("code"))


def _numbered(rows: pl.DataFrame, codes: pl.Series) -> pl.DataFrame:
    """Return rows with a number in the place of the code: what follows compares and sorts by it a hundred times."""
    return rows.with_columns(rows["code"].replace_strict(codes, range(codes.len()), return_dtype=pl.Int64))


def _states(tables: Tables) -> pl.DataFrame:
    statements = tables["statements"]
    disclosed = as_disclosed(statements, ("sales", _OP, "net_profit"))
    documents = statements.join(disclosed.select(*_DOCUMENT, "place"), on=_DOCUMENT)
    states = _last_of_session(disclosed, "code").sort("code", "session")
    states = _with_equity_ratio(states, documents)
    states = _with_cash_flows(states, statements)
    states = _with_dividend(states, documents, tables["shares"])
    states = _with_forecast_before(_with_forecast_before(states, documents, _OP), documents, "net_profit")
    states = _with_surprise(_with_plan(states))
    return states.select("session", "code", *(pl.col(name).alias(given) for given, name in _COLUMNS.items()))


def _last_of_session(rows: pl.DataFrame, *key: str) -> pl.DataFrame:
    """Return of each key and session the row of the last document."""
    return rows.sort("place", maintain_order=True).unique([*key, "session"], keep="last", maintain_order=True)


def _known(states: pl.DataFrame, records: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Join to each state the last record of its code and `by` up to its session."""
    whole = records.drop_nulls(["code", *by])
    return as_of(states, whole, by=("code", *by), cutoff="session", known_at="session")


def _with_equity_ratio(states: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    says_something = pl.any_horizontal(pl.col(*FLOWS, *BALANCES).is_not_null())
    stated = _last_of_session(documents.filter(is_statement(), says_something), "code", "period_end")
    return _known(states, stated.select("session", "code", "period_end", "equity_ratio"), "period_end")


def _with_cash_flows(states: pl.DataFrame, statements: pl.DataFrame) -> pl.DataFrame:
    stating = statements.filter(is_statement(), pl.col("cash_from_operations").is_not_null())
    stating = as_disclosed(stating, ("net_profit", "cash_from_operations"))
    sums = {"cash_flow": "cash_from_operations_trailing", "cash_profit": "net_profit_trailing"}
    sums |= {"cash_assets": "total_assets", "cash_end": "period_end"}
    known = _last_of_session(stating, "code").select(
        "session", "code", *(pl.col(name).alias(given) for given, name in sums.items())
    )
    recent = pl.col("cash_end") > months_before(pl.col("period_end"), 12)
    return _known(states, known).with_columns(
        pl.when(recent).then(name).alias(name) for name in ("cash_flow", "cash_profit", "cash_assets")
    )


def _with_dividend(states: pl.DataFrame, documents: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    this, following = (pl.col(f"{whose}forecast_dividend_annual").is_not_null() for whose in ("", "next_"))
    revised = pl.col("document").str.contains("DividendForecastRevision")
    said = _said(
        documents,
        "dividend_annual",
        this=(is_statement() & ~_of_full_year()) | (~is_statement() & (this | (revised & ~following))),
        following=_of_full_year() | following,
    )
    stated = shares.sort("session", "code", "known_at").unique(["session", "code"], keep="last", maintain_order=True)
    said = _known(said, stated.select("session", "code", "shares_outstanding"))
    total = (pl.col("said") * pl.col("shares_outstanding")).alias("dividend")
    return _known(states, said.select("session", "code", "forecast_year_end", total), "forecast_year_end")


def _with_forecast_before(states: pl.DataFrame, documents: pl.DataFrame, figure: str) -> pl.DataFrame:
    this, following = (pl.col(f"{whose}forecast_{figure}").is_not_null() for whose in ("", "next_"))
    revised = pl.col("document").str.contains("EarnForecastRevision")
    said = _said(
        documents,
        figure,
        this=this & ((is_statement() & ~_of_full_year()) | revised),
        following=following,
    )
    before = pl.col("said").shift(1).over("code", "forecast_year_end", order_by="session")
    earlier = said.select("session", "code", "forecast_year_end", before.alias(f"forecast_{figure}_before"))
    return _known(states, earlier, "forecast_year_end")


def _of_full_year() -> pl.Expr:
    return is_statement() & (pl.col("period") == "FY")


def _said(documents: pl.DataFrame, figure: str, *, this: pl.Expr, following: pl.Expr) -> pl.DataFrame:
    """Return what was last said in each session of the figure of a fiscal year: `forecast_year_end`, `said`.

    Args:
        documents: With `place`.
        figure: The forecast's name.
        this: Which documents speak of their fiscal year.
        following: Which of the one after it.
    """
    both = [
        documents.filter(speaks).select(
            "session", "code", "place", pl.col(f"{whose}year_end").alias("forecast_year_end"),
            pl.col(f"{whose}forecast_{figure}").alias("said"),
        )
        for whose, speaks in (("", this), ("next_", following))
    ]  # fmt: skip
    said = pl.concat(both).filter(pl.col("forecast_year_end").is_not_null())
    return _last_of_session(said, "code", "forecast_year_end").drop("place")


def _with_plan(states: pl.DataFrame) -> pl.DataFrame:
    """Add `plan`: the forecast of the newest statement's year, which for a finished year is the last one before it."""
    in_force = states.select(
        "session", "code", pl.col("forecast_year_end").alias("year_end"), pl.col(f"forecast_{_OP}").alias("plan")
    )
    return _known(states, in_force, "year_end")


def _with_surprise(states: pl.DataFrame) -> pl.DataFrame:
    """Add `surprise`, a sign, and `stated`, both of the session in which the newest period was first stated."""
    end, last_end = pl.col("period_end"), _before("period_end")
    first = end.is_not_null() & (last_end.is_null() | (end > last_end))
    news = states.select("session", "code", _surprise().sign().alias("surprise"), first.alias("first"))
    news = news.filter("first").drop("first")
    return _known(states, news.with_columns(places(news["session"]).alias("stated")))


def _surprise() -> pl.Expr:
    """Operating profit beside the forecast in force before the session, else beside the year before.

    A full year is compared with its forecast. A part of one is compared by progress: its share of the forecast, less
    the share of the full result that the same part of the year before had made. Without a forecast or such a year
    before, the quarter is compared with that a year before.
    """
    plan = pl.when(_before("forecast_year_end") == pl.col("year_end")).then(_before(f"forecast_{_OP}"))
    now, ago = pl.col(_OP), pl.col(f"{_OP}_year_ago")
    year_before = pl.col(f"{_OP}_trailing") - now + ago
    return (
        pl.when((pl.col("period_end") == pl.col("year_end")) & plan.is_not_null())
        .then(now - plan)
        .when((plan > 0) & (year_before > 0))
        .then(now / plan - ago / year_before)
        .otherwise(pl.col(f"{_OP}_quarter") - pl.col(f"{_OP}_quarter_year_ago"))
    )


def _before(name: str) -> pl.Expr:
    """What a column was after the company's session before; states come ordered by code and session."""
    return pl.col(name).shift(1).over("code")


READS: Final = (
    *("session", "code", "disclosed_on", "disclosed_at", "number", "document"),
    *("period", "period_end", "year_start", "year_end", "next_year_end", *FLOWS, *BALANCES, "equity_ratio"),
    *("forecast_dividend_annual", "next_forecast_dividend_annual"),
    *(f"{whose}forecast_{figure}{half}" for half in ("_2q", "") for whose in ("", "next_") for figure in FORECASTS),
    "known_at",
)
"""The columns of `statements` that `fundamentals` needs, of 113."""

FUND: Final = Records(
    *("fund", Grain.CODE, ("statements", "shares"), tuple(_COLUMNS), fundamentals),
    reads={"statements": READS},
    recent=recent_statements,
)
"""Known since the edition of 18:00, or of half past midnight, in which the document is."""
