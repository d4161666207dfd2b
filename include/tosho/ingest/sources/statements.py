"""fins/summary to table `statements`: every figure of every document, as stated, and since when it was known."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Final

import polars as pl

from tosho.contracts import STATEMENTS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, flag, number, require_some, text, time_of_day
from tosho.ingest.sources.disclosures import disclosure_days, in_editions, last_edition
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Source, each_of

_RESULTS: Final = {
    "Sales": "sales", "OP": "operating_profit", "OdP": "ordinary_profit", "NP": "net_profit", "EPS": "eps",
}  # fmt: skip
_BALANCE: Final = {"TA": "total_assets", "Eq": "equity", "EqAR": "equity_ratio", "BPS": "bps"}
_CASH: Final = {
    "CFO": "cash_from_operations", "CFI": "cash_from_investing", "CFF": "cash_from_financing", "CashEq": "cash",
}  # fmt: skip
_DIVIDENDS: Final = {
    "Div1Q": "dividend_1q", "Div2Q": "dividend_2q", "Div3Q": "dividend_3q", "DivFY": "dividend_year_end",
    "DivAnn": "dividend_annual", "DivUnit": "dividend_per_unit", "PayoutRatioAnn": "payout_ratio",
}  # fmt: skip
_TOTAL: Final = {"DivTotalAnn": "dividend_total"}
_SHARES: Final = {"ShOutFY": "shares_issued", "TrShFY": "shares_treasury", "AvgSh": "shares_average"}
_LATER: Final = {
    "ShEq": "shareholders_equity", "NCShEq": "parent_shareholders_equity", "ROE": "roe", "NCROE": "parent_roe",
}  # fmt: skip
_CHANGES: Final = {
    "MatChgSub": "changed_subsidiaries", "ChgByASRev": "changed_by_standard_revision",
    "ChgNoASRev": "changed_otherwise", "ChgAcEst": "changed_estimates", "RetroRst": "restated",
}  # fmt: skip
_LATER_CHANGES: Final = {"SigChgInC": "changed_scope"}
_TEXTS: Final = {"DiscNo": "number", "Code": "code", "DocType": "document", "CurPerType": "period"}
_DAYS: Final = {
    "DiscDate": "disclosed_on", "CurPerSt": "period_start", "CurPerEn": "period_end", "CurFYSt": "year_start",
    "CurFYEn": "year_end", "NxtFYSt": "next_year_start", "NxtFYEn": "next_year_end",
}  # fmt: skip
_WHOSE: Final = {"F": "forecast_", "NxF": "next_forecast_"}
_NEXT_PROFIT: Final = {"NxFNP": "NxFNp", "NxFNP2Q": "NxFNp2Q"}
"""As J-Quants writes these two, unlike all others."""


def _forecasts() -> dict[str, str]:
    """Return what is said of this year and the next, and of their first halves: of the group and of the parent."""
    found = {f"F{sent}": f"forecast_{name}" for sent, name in {**_DIVIDENDS, **_TOTAL}.items()}
    found |= {f"NxF{sent}": f"next_forecast_{name}" for sent, name in _DIVIDENDS.items()}
    for (half, ending), (who, parent), (sent, name) in product(
        (("2Q", "_2q"), ("", "")), (("", ""), ("NC", "parent_")), _RESULTS.items()
    ):
        for when, forecast in _WHOSE.items():
            official = f"{when}{who}{sent}{half}"
            found[_NEXT_PROFIT.get(official, official)] = f"{parent}{forecast}{name}{ending}"
    return found


NUMBERS: Final = {
    **_RESULTS, "DEPS": "diluted_eps", **_BALANCE, **_CASH, **_DIVIDENDS, **_TOTAL, **_forecasts(),
    **{f"NC{sent}": f"parent_{name}" for sent, name in {**_RESULTS, **_BALANCE}.items()}, **_SHARES,
}  # fmt: skip
"""Official name to column, of every number that all documents have."""

_NEEDED: Final = (*_TEXTS, *_DAYS, "DiscTime", *NUMBERS, *_CHANGES)
KNOWN: Final = frozenset({*_NEEDED, *_LATER, *_LATER_CHANGES})

_READ: Final = {**_TEXTS, **_DAYS, **NUMBERS, **_CHANGES}
_YEAR_FORECAST: Final = ("FSales", "FOP", "FNP", "FEPS")
_OF_KIND: Final = {
    "FinancialStatements": ("EqAR", *_SHARES, *_CHANGES),
    "FinancialStatements_.*_JP": ("OdP",),
    "^FYFinancialStatements": (
        "BPS", *_CASH, "Div2Q", "DivFY", "DivAnn", "NxFSales", "NxFOP", "NxFNp", "NxFEPS", "NxtFYSt", "NxtFYEn",
    ),
    "^FYFinancialStatements_.*_JP": ("NxFOdP",),
    "^FYFinancialStatements_Consolidated_JP": ("NCSales", "NCOP", "NCOdP", "NCNP", "NCTA", "NCEq"),
    "^[123]QFinancialStatements": (*_YEAR_FORECAST, "FDivFY", "FDivAnn"),
    "^[123]QFinancialStatements_.*_JP": ("FOdP",),
    "^1QFinancialStatements": ("FSales2Q", "FOP2Q", "FNP2Q"),
    "^2QFinancialStatements": tuple(_CASH),
    "^EarnForecastRevision": _YEAR_FORECAST,
    "^DividendForecastRevision": ("FDivAnn",),
}  # fmt: skip
"""Kinds of documents, as patterns, and what so many of a kind cannot all lack, though other kinds do.

What stands here is what each kind's form asks for. Beside it there are figures that few companies have (a dividend of
the first quarter, what a fund distributes): of these the gate `emptied` knows how many a kind usually has.
"""
_MANY: Final = CONTRACT.judged_from

_read: Final = Reading(
    CONTRACT,
    "fins_summary",
    _NEEDED,
    (
        time_of_day("DiscTime").alias("disclosed_at"),
        *(text(sent).alias(name) for sent, name in _TEXTS.items()),
        *(day(sent).alias(name) for sent, name in _DAYS.items()),
        *(number(sent).alias(name) for sent, name in NUMBERS.items()),
        *(flag(sent).alias(name) for sent, name in _CHANGES.items()),
    ),
    partial(in_editions, source="fins_summary"),
    later={
        **{sent: number(sent).alias(name) for sent, name in _LATER.items()},
        **{sent: flag(sent).alias(name) for sent, name in _LATER_CHANGES.items()},
    },
)


def to_statements(rows: pl.DataFrame) -> pl.DataFrame:
    """Return every document in the columns of `statements`.

    Most figures are of some kinds of documents only, so that a column may be empty for weeks. The column of a figure
    that a kind always has is a lost one when many documents of that kind are without.

    Raises:
        ContractError: A column is missing, unknown or lost, or a value cannot be read.
    """
    found = _read(rows)
    for kind, sent in _OF_KIND.items():
        of_kind = found.filter(pl.col("document").str.contains(kind))
        if of_kind.height >= _MANY:
            lost = [name for name in sent if of_kind[_READ[name]].null_count() == of_kind.height]
            require_some("fins_summary", of_kind, [_READ[name] for name in lost], f"{', '.join(lost)} of {kind}")
    return found


STATEMENTS: Final = Source(
    "statements", "fins_summary", plans.FINS, to_statements,
    ask=each_of(disclosure_days), days=disclosure_days, day=pl.col("disclosed_on"),
    late=last_edition(),
)  # fmt: skip
