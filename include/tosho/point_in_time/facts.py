"""What the records of each table are about, and which of them are versions of one fact."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from tosho.contracts import INGESTED
from tosho.point_in_time.asof import as_of, known_by


class Fact(NamedTuple):
    """`by` names what a record is about, `of` the day or document; records that agree in both are versions of one."""

    by: tuple[str, ...]
    of: tuple[str, ...] = ()


_DAILY: Final = Fact(("code",), ("session",))
_DOCUMENT: Final = Fact(("code",), ("disclosed_on", "number"))
_CONTRACT: Final = Fact(("contract", "emergency_margin"), ("traded_on",))

FACTS: Final = {
    "bars": _DAILY,
    "half_bars": Fact(("code", "half"), ("session",)),
    "morning_bars": _DAILY,
    "breakdown": _DAILY,
    "securities": _DAILY,
    "indices": Fact(("index_code",), ("session",)),
    "all_indices": Fact(("index_code",), ("session",)),
    "trading_days": Fact((), ("day",)),
    "sector_short_selling": Fact(("sector33",), ("session",)),
    "shares": Fact(("code",)),  # the last stated holds, whatever period it is of
    "statements": _DOCUMENT,
    "statement_details": _DOCUMENT,
    "dividends": Fact(("code",), ("corporate_action",)),  # a correction or deletion names the notice that it is of
    "earnings_dates": Fact(("code", "year_end", "quarter")),
    "earnings_calendar": Fact(("code", "quarter"), ("scheduled_on",)),
    "investor_flows": Fact(("section",), ("week_end",)),
    "margin_interest": Fact(("code",), ("applied_on",)),
    "margin_alerts": Fact(("code",), ("applied_on",)),
    "short_positions": Fact(("code", "seller", "manager", "fund"), ("calculated_on",)),
    "options_225": _CONTRACT,
    "futures": _CONTRACT,
    "options": _CONTRACT,
}
"""Every ingested table. A restated period is not a version here but a document of its own: see `statements`."""


class UnknownTableError(KeyError):
    """A table is none that is ingested."""

    def __str__(self) -> str:
        """Return the sentence as it is: KeyError would show it quoted."""
        return str(self.args[0])


def fact_of(table: str) -> Fact:
    """Return what a table's records are about.

    Raises:
        UnknownTableError: It is none of those that are ingested.
    """
    if table not in FACTS:
        raise UnknownTableError(
            f"Nobody says what a record of {table!r} is about. Known: {', '.join(sorted(INGESTED))}."
        )
    return FACTS[table]


def visible(table: str, records: pl.DataFrame, cutoff: datetime) -> pl.DataFrame:
    """Return what of a table was visible at an instant: of each fact the last version published by then.

    Raises:
        UnknownTableError: The table is none of those that are ingested.
        AsOfError: Two versions of a fact have one publication.
    """
    by, of = fact_of(table)
    return known_by(records, cutoff, key=list(dict.fromkeys([*by, *of])))


def newest(table: str, rows: pl.DataFrame, records: pl.DataFrame, cutoff: str = "cutoff") -> pl.DataFrame:
    """Join to each row the newest fact of a table, in its last version, that was known at the row's cutoff.

    Args:
        table: Its name.
        rows: A frame with the table's `by` columns and `cutoff`; no other column of the records but `session`.
        records: The table's rows. Their `session` stands in the result as `of_session`.
        cutoff: The column of `rows` with the instant, in UTC.

    Raises:
        UnknownTableError: The table is none of those that are ingested.
        AsOfError: As for `as_of`: for example a record whose manager, fund or corporate action is null.
    """
    by, of = fact_of(table)
    told = records.rename({"session": "of_session"})
    return as_of(rows, told, by=by, cutoff=cutoff, fact=["of_session" if name == "session" else name for name in of])
