"""fins/summary to table `shares`: shares outstanding as companies state them, and since when that was known."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import SHARES as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, read, require, text, time_of_day
from tosho.ingest.sources.disclosures import disclosed_on, disclosure_days, in_editions, last_edition
from tosho.ingest.sources.source import Source, each_of

_NEEDED: Final = ("DiscDate", "DiscTime", "Code", "DiscNo", "ShOutFY", "TrShFY")


def to_shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the shares outstanding net of treasury stock, in the columns of `shares`.

    Documents that state no number of shares (forecast revisions, for example) say nothing here. Of several by one
    code in one edition the last disclosed holds. Other columns are not looked at: table `statements` does.

    Args:
        rows: Text columns of fins/summary. No treasury stock may be sent as "".

    Raises:
        ContractError: A column is missing, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("fins_summary", rows, _NEEDED)
    issued, treasury = number("ShOutFY"), number("TrShFY").fill_null(0.0)
    stated = read(
        "fins_summary",
        rows,
        day("DiscDate").alias("disclosed_on"),
        time_of_day("DiscTime").alias("disclosed_at"),
        text("DiscNo").alias("number"),
        text("Code").alias("code"),
        (issued - treasury).alias("shares_outstanding"),
    ).filter(pl.col("shares_outstanding").is_not_null())
    known = in_editions(stated, "fins_summary").sort("disclosed_at", "number", nulls_last=True)
    return known.unique(["code", "known_at"], keep="last", maintain_order=True).select(CONTRACT.schema.names())


SHARES: Final = Source(
    "shares", "fins_summary", plans.FINS, to_shares,
    ask=each_of(disclosure_days), days=disclosure_days, day=disclosed_on(),
    late=last_edition(),
)  # fmt: skip
