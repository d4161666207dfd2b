"""equities/investor-types to table `investor_flows`: who bought and sold in a week, published the week after."""

from __future__ import annotations

from itertools import product
from typing import Final

import polars as pl

from tosho.contracts import INVESTOR_FLOWS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading, published_with
from tosho.ingest.sources.source import Source, range_of, since_the_session_before

_WHO: Final = {
    "Prop": "proprietary", "Brk": "brokerage", "Tot": "total", "Ind": "individuals", "Frgn": "foreigners",
    "SecCo": "securities_companies", "InvTr": "investment_trusts", "BusCo": "business_companies",
    "OthCo": "other_companies", "InsCo": "insurers", "Bank": "banks", "TrstBnk": "trust_banks",
    "OthFin": "other_financials",
}  # fmt: skip
_FLOWS: Final = {"Sell": "sell", "Buy": "buy", "Tot": "total", "Bal": "balance"}
_NUMBERS: Final = {f"{who}{flow}": f"{_WHO[who]}_{_FLOWS[flow]}" for who, flow in product(_WHO, _FLOWS)}
_DAYS: Final = {"PubDate": "published_on", "StDate": "week_start", "EnDate": "week_end"}
_SENT: Final = (*_DAYS, "Section", *_NUMBERS)


to_investor_flows: Final = Reading(
    CONTRACT,
    "investor_types",
    _SENT,
    (
        *(day(sent).alias(name) for sent, name in _DAYS.items()),
        text("Section").alias("section"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
    ),
    published_with("published_on", "investor_types"),
)


INVESTOR_FLOWS: Final = Source(
    "investor_flows", "investor_types", plans.INVESTORS, to_investor_flows,
    ask=range_of(since_the_session_before), days=since_the_session_before, day=pl.col("published_on"), by_code=False,
)  # fmt: skip
