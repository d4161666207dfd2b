"""What companies disclose: statements, dividends, and when they will speak next."""

from __future__ import annotations

from itertools import product

import polars as pl

from tosho.contracts.contract import FEW, Column, Contract, Rule
from tosho.contracts.vocabulary import CODE, CODE_FORM, KNOWN_AT, SESSION, days, numbers, texts

PERIODS = ("1Q", "2Q", "3Q", "4Q", "5Q", "FY")

RESULTS = ("sales", "operating_profit", "ordinary_profit", "net_profit", "eps")
"""Cumulative from the start of the fiscal year. Ordinary profit is blank under IFRS and US-GAAP."""

BALANCE = ("total_assets", "equity", "equity_ratio", "bps")
CASH = ("cash_from_operations", "cash_from_investing", "cash_from_financing", "cash")
DIVIDENDS_PAID = tuple(f"dividend_{what}" for what in ("1q", "2q", "3q", "year_end", "annual", "per_unit", "total"))
PAYOUT = "payout_ratio"

FORECASTS = (
    *(f"forecast_{name}" for name in (*DIVIDENDS_PAID, PAYOUT)),
    *(f"next_forecast_{name}" for name in (*DIVIDENDS_PAID[:-1], PAYOUT)),
    *(f"{whose}_{name}{half}" for half, whose, name in product(("_2q", ""), ("forecast", "next_forecast"), RESULTS)),
)
PARENT = (
    *(f"parent_{name}" for name in (*RESULTS, *BALANCE)),
    *(
        f"parent_{whose}_{name}{half}"
        for half, whose, name in product(("_2q", ""), ("forecast", "next_forecast"), RESULTS)
    ),
)
"""The company without its subsidiaries (non-consolidated)."""

LATER = ("shareholders_equity", "parent_shareholders_equity", "roe", "parent_roe")
"""Fields that J-Quants added in 2026; null in older files."""

CHANGES = (
    *("changed_subsidiaries", "changed_scope", "changed_by_standard_revision"),
    *("changed_otherwise", "changed_estimates", "restated"),
)
SHARE_COUNTS = ("shares_issued", "shares_treasury", "shares_average")

ALWAYS_SOME = ("sales", "operating_profit", "net_profit", "eps", "total_assets", "equity")
"""Figures that an evening with many documents cannot be without."""

OF_SOME_KINDS = "only some kinds of documents have it; what each kind has, `ingest.sources.statements` demands"
LATER_FIELD = "J-Quants has it since 2026, and older files do not"

_FIGURES = (
    *RESULTS, "diluted_eps", *BALANCE, *CASH, *DIVIDENDS_PAID, PAYOUT, *FORECASTS, *PARENT, *LATER, *SHARE_COUNTS,
)  # fmt: skip


def _why_empty(figure: str) -> str:
    if figure in ALWAYS_SOME:
        return ""
    return LATER_FIELD if figure in LATER else OF_SOME_KINDS


STATEMENTS = Contract(
    "statements",
    (
        SESSION,
        CODE,
        Column("disclosed_on", pl.Date(), required=True),
        Column("disclosed_at", pl.Time(), "time of day in Japan; null if not told"),
        Column("number", pl.String(), "the document's own", required=True),
        Column("document", pl.String(), "kind: statements by period and standard, revised forecast", required=True),
        Column("period", pl.String(), "1Q 2Q 3Q 4Q 5Q FY"),
        *days(("period_start", "period_end", "year_start", "year_end")),
        *days(("next_year_start", "next_year_end"), may_be_empty=OF_SOME_KINDS),
        *(Column(name, pl.Float64(), "yen, yen a share, fraction or shares", may_be_empty=why)
          for name, why in zip(_FIGURES, map(_why_empty, _FIGURES), strict=True)),
        *(Column(name, pl.Boolean(), may_be_empty=OF_SOME_KINDS) for name in CHANGES),
        KNOWN_AT,
    ),
    key=("session", "code", "number"),
    rules=(CODE_FORM, Rule("period_is_known", pl.col("period").is_in(PERIODS))),
    judged_from=50,
)  # fmt: skip

STATEMENT_DETAILS = Contract(
    "statement_details",
    (
        SESSION,
        CODE,
        Column("disclosed_on", pl.Date(), required=True),
        Column("disclosed_at", pl.Time(), "time of day in Japan; null if not told", judged_from=FEW),
        Column("number", pl.String(), required=True),
        Column("document", pl.String(), required=True),
        Column("items", pl.String(), "balance sheet, profit and loss, cash flow: JSON, name to value", required=True),
        KNOWN_AT,
    ),
    key=("session", "code", "number"),
    rules=(CODE_FORM,),
)

EARNINGS_DATES = Contract(
    "earnings_dates",
    (
        SESSION,
        CODE,
        Column("published_on", pl.Date(), required=True),
        Column("scheduled_on", pl.Date(), "null while undecided", judged_from=50),
        Column("quarter", pl.String(), "as J-Quants names it", required=True),
        Column("year_end", pl.String(), "end of the fiscal year, as written", required=True),
        *texts(("name", "name_en"), judged_from=FEW),
        KNOWN_AT,
    ),
    key=("session", "code", "year_end", "quarter", "published_on"),
    rules=(CODE_FORM,),
)

EARNINGS_CALENDAR = Contract(
    "earnings_calendar",
    (
        SESSION,
        CODE,
        Column("scheduled_on", pl.Date(), required=True),
        *texts(("name", "year_end", "sector", "quarter", "section"), judged_from=FEW),
        KNOWN_AT,
    ),
    key=("session", "code", "scheduled_on", "quarter"),
    rules=(CODE_FORM,),
)

_PAID_OUT_OF = (
    *("distribution", "retained_earnings", "deemed_dividend", "deemed_capital_gains", "net_asset_decrease"),
)
_OCCASIONAL = ("commemorative_rate", "special_rate")

DIVIDENDS = Contract(
    "dividends",
    (
        SESSION,
        CODE,
        Column("published_on", pl.Date(), required=True),
        Column("published_at", pl.Time(), "time of day in Japan"),
        Column("reference", pl.String(), "the notice's own number", required=True),
        Column("status", pl.String(), "1 new, 2 corrected, 3 deleted", required=True),
        *days(("resolved_on", "record_on", "ex_on", "actual_record_on")),
        *days(("payable_on",), may_be_empty="undecided in forecasts, of which an evening may have nothing else"),
        *texts(("interim_or_final", "forecast_or_result", "term", "corporate_action", "commemorative_or_special")),
        Column("rate", pl.Float64(), "yen a share; null while undecided", judged_from=50),
        *numbers(_PAID_OUT_OF, "yen a share", may_be_empty="only of what is not paid out of retained earnings"),
        *numbers(_OCCASIONAL, "yen a share", may_be_empty="only where an occasion is part of the dividend"),
        KNOWN_AT,
    ),
    key=("session", "code", "reference", "status", "published_at"),
    rules=(CODE_FORM,),
    judged_from=FEW,
)
