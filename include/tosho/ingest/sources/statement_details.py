"""fins/details to table `statement_details`: the whole balance sheet, profit and loss, and cash flow. Premium."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import STATEMENT_DETAILS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, read, require, text, time_of_day
from tosho.ingest.sources.disclosures import disclosure_days, in_editions
from tosho.ingest.sources.source import Source, each_of

_SENT: Final = ("DiscDate", "DiscTime", "Code", "DiscNo", "DocType", "FS")


def to_statement_details(rows: pl.DataFrame) -> pl.DataFrame:
    """Return documents in the columns of `statement_details`; their items stay JSON, name to value.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("fins_details", rows, _SENT, _SENT)
    found = read(
        "fins_details",
        rows,
        day("DiscDate").alias("disclosed_on"),
        time_of_day("DiscTime").alias("disclosed_at"),
        text("Code").alias("code"),
        text("DiscNo").alias("number"),
        text("DocType").alias("document"),
        text("FS").alias("items"),
    )
    return in_editions(found, "fins_details").select(CONTRACT.schema.names())


STATEMENT_DETAILS: Final = Source(
    "statement_details", "fins_details", plans.FINS_DETAILS, to_statement_details,
    ask=each_of(disclosure_days), days=disclosure_days, day=pl.col("disclosed_on"),
)  # fmt: skip
