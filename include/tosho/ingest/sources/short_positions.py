"""markets/short-sale-report to table `short_positions`: who is short by half a percent or more. Standard plan."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import SHORT_POSITIONS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading, published_with
from tosho.ingest.sources.source import Source, each_business_day, since_business_began

_TEXTS: Final = {
    "Code": "code", "SSName": "seller", "SSAddr": "seller_address", "DICName": "manager", "DICAddr": "manager_address",
    "FundName": "fund", "Notes": "notes",
}  # fmt: skip
_DAYS: Final = {"DiscDate": "disclosed_on", "CalcDate": "calculated_on", "PrevRptDate": "previous_report_on"}
_NUMBERS: Final = {
    "ShrtPosToSO": "position_to_listed", "ShrtPosShares": "position_shares", "ShrtPosUnits": "position_units",
    "PrevRptRatio": "previous_position_to_listed",
}  # fmt: skip
_SENT: Final = (*_TEXTS, *_DAYS, *_NUMBERS)
_BLANK: Final = "-"
"""What J-Quants writes where there was no report before."""


to_short_positions: Final = Reading(
    CONTRACT,
    "short_sale_report",
    _SENT,
    (
        *(text(sent).alias(name) for sent, name in _TEXTS.items()),
        *(day(sent, _BLANK).alias(name) for sent, name in _DAYS.items()),
        *(number(sent, _BLANK).alias(name) for sent, name in _NUMBERS.items()),
    ),
    published_with("disclosed_on", "short_sale_report"),
)


SHORT_POSITIONS: Final = Source(
    "short_positions", "short_sale_report", plans.SHORT_SALE_REPORT, to_short_positions,
    ask=each_business_day("disc_date"), days=since_business_began, day=pl.col("disclosed_on"),
)  # fmt: skip
