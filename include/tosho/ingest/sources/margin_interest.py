"""markets/margin-interest to table `margin_interest`: balances of margin trades by code. Standard plan."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import (
    MARGIN_DAILY_SINCE,
    first_session_knowing,
    offset,
    previous_session,
    published_at,
    published_on,
    week_end,
)
from tosho.contracts import MARGIN_INTEREST as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, or_null, read, require, require_some, text
from tosho.ingest.sources.knowledge import known_from
from tosho.ingest.sources.source import Days, Query, Source, each_of

_NUMBERS: Final = {
    "ShrtVol": "short_volume", "LongVol": "long_volume", "ShrtNegVol": "short_negotiable_volume",
    "LongNegVol": "long_negotiable_volume", "ShrtStdVol": "short_standardized_volume",
    "LongStdVol": "long_standardized_volume",
}  # fmt: skip
_NEEDED: Final = ("Date", "Code", *_NUMBERS, "IssType")
_LATER: Final = ("PubDate", "ShrtVal", "LongVal", "ShrtNegVal", "LongNegVal", "ShrtStdVal", "LongStdVal")
"""Which newer answers have beside them, and Tosho does not need: yen are volumes at prices that it knows."""


LATE_BY: Final = 60
"""Sessions by which balances may be late and still be found in the files."""


def to_margin_interest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return balances in shares. They are known at 16:30 of the day of publication that they tell.

    Those of a week, before 2026-09-25, tell none: they are known on the second session after its last one. Since then
    one that tells none is of no session, and its row bad.

    Raises:
        ContractError: A column is missing or unknown, a value cannot be read, or no daily balance tells its day.
    """
    if not rows.height:
        return CONTRACT.empty()
    require("margin_interest", rows, _NEEDED, (*_NEEDED, *_LATER))
    found = read(
        "margin_interest",
        rows,
        day("Date").alias("applied_on"),
        or_null(rows, "PubDate", day("PubDate")).cast(pl.Date).alias("published_on"),
        text("Code").alias("code"),
        *(number(sent).alias(name) for sent, name in _NUMBERS.items()),
        text("IssType").alias("issue_type"),
    )
    told, daily = pl.col("published_on").is_not_null(), pl.col("applied_on") >= MARGIN_DAILY_SINCE
    require_some("margin_interest", found.filter(daily), ["published_on"], "PubDate")
    dated = known_from(found.filter(told), "published_on", partial(published_on, "margin_interest_daily"))
    weeks = found.filter(~told).with_columns(pl.when(~daily).then("applied_on").alias("week_end"))
    weekly = known_from(weeks, "week_end", partial(published_at, "margin_interest")).drop("week_end")
    return pl.concat([weekly, dated]).select(CONTRACT.schema.names())


def balances_due(session: date) -> Days | None:
    """Return the sessions whose balances appear on a session: the ones before, or the last of a week; else none."""
    before = previous_session(session)
    if before >= MARGIN_DAILY_SINCE:
        return Days(max(MARGIN_DAILY_SINCE, offset(session, -LATE_BY)), before)
    last = offset(session, -2)
    due = week_end(last) == last and first_session_knowing(published_at("margin_interest", last)) == session
    return Days(last, last) if due else None


def ask_balances(session: date) -> list[Query]:
    """Ask for what was published on a session, or, before that can be asked for, for the last session of a week."""
    if previous_session(session) >= MARGIN_DAILY_SINCE:
        return [{"published_date": session.isoformat()}]
    return each_of(balances_due)(session)


MARGIN_INTEREST: Final = Source(
    "margin_interest", "margin_interest", plans.MARGIN_INTEREST, to_margin_interest,
    ask=ask_balances, days=balances_due, day=pl.col("applied_on"),
)  # fmt: skip
