"""markets/margin-interest to table `margin_interest`: balances of margin trades at the end of a week. Standard plan."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import first_session_knowing, offset, published_at, week_end
from tosho.contracts import MARGIN_INTEREST as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, read, require, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.source import Days, Source, each_of

_NUMBERS: Final = {
    "ShrtVol": "short_volume", "LongVol": "long_volume", "ShrtNegVol": "short_negotiable_volume",
    "LongNegVol": "long_negotiable_volume", "ShrtStdVol": "short_standardized_volume",
    "LongStdVol": "long_standardized_volume",
}  # fmt: skip
_NEEDED: Final = ("Date", "Code", *_NUMBERS, "IssType")
_LATER: Final = ("PubDate", "ShrtVal", "LongVal", "ShrtNegVal", "LongNegVal", "ShrtStdVal", "LongStdVal")
"""Which newer answers have beside them, and Tosho does not need: yen are volumes at prices that it knows."""


def to_margin_interest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return balances in shares. A week is known on the second session after its last one, at 16:30.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("margin_interest", rows, _NEEDED, (*_NEEDED, *_LATER))
    found = read(
        "margin_interest",
        rows,
        day("Date").alias("week_end"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
        text("IssType").alias("issue_type"),
    )
    published = partial(published_at, "margin_interest")
    return known_from(found, "week_end", published).select(CONTRACT.schema.names())


def week_due(session: date) -> Days | None:
    """Return the last session of the week whose balances appear on a session; none on most."""
    before = offset(session, -2)
    due = week_end(before) == before and first_session_knowing(published_at("margin_interest", before)) == session
    return Days(before, before) if due else None


MARGIN_INTEREST: Final = Source(
    "margin_interest", "margin_interest", plans.MARGIN_INTEREST, to_margin_interest,
    ask=each_of(week_due), days=week_due, day=pl.col("week_end"),
)  # fmt: skip
