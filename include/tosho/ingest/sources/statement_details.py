"""fins/details to table `statement_details`: the whole balance sheet, profit and loss, and cash flow. Premium."""

from __future__ import annotations

from functools import partial
from typing import Final

import polars as pl

from tosho.contracts import STATEMENT_DETAILS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, text, time_of_day
from tosho.ingest.sources.disclosures import disclosure_days, in_editions, last_edition
from tosho.ingest.sources.reading import Reading
from tosho.ingest.sources.source import Source, each_of

_SENT: Final = ("DiscDate", "DiscTime", "Code", "DiscNo", "DocType", "FS")


to_statement_details: Final = Reading(
    CONTRACT,
    "fins_details",
    _SENT,
    (
        day("DiscDate").alias("disclosed_on"),
        time_of_day("DiscTime").alias("disclosed_at"),
        text("Code").alias("code"),
        text("DiscNo").alias("number"),
        text("DocType").alias("document"),
        text("FS").alias("items"),
    ),
    partial(in_editions, source="fins_details"),
)


STATEMENT_DETAILS: Final = Source(
    "statement_details", "fins_details", plans.FINS_DETAILS, to_statement_details,
    ask=each_of(disclosure_days), days=disclosure_days, day=pl.col("disclosed_on"),
    late=last_edition(),
)  # fmt: skip
