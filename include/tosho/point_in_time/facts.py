"""What the records of each table are about, and which of them are versions of one fact."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from tosho.contracts import INGESTED
from tosho.point_in_time.asof import as_of, known_by


class Fact(NamedTuple):
    """`by` names what a record is about, `of` the day or document; records that agree in both are versions of one.

    Of versions that were published at one instant the last by `then` holds.
    """

    by: tuple[str, ...]
    of: tuple[str, ...] = ()
    then: tuple[str, ...] = ()

    def one_an_instant(self, records: pl.DataFrame) -> pl.DataFrame:
        """Return the records without those that another one replaced before anybody could see them."""
        if not self.then:
            return records
        ordered = records.sort(*self.then, maintain_order=True)
        return ordered.unique([*self.by, *self.of, "known_at"], keep="last", maintain_order=True)


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
    # a correction or deletion names the notice that it is of, and may be told within the same hour
    "dividends": Fact(("code",), ("corporate_action",), ("published_at", "reference")),
    "earnings_dates": Fact(("code", "year_end", "quarter")),
    "earnings_calendar": Fact(("code", "quarter"), ("scheduled_on",)),
    "investor_flows": Fact(("section",), ("week_end",)),
    "margin_interest": Fact(("code",), ("applied_on",)),
    "margin_alerts": Fact(("code",), ("applied_on",)),
    # two private sellers have one name: of what they report on one day the larger position stands for both
    "short_positions": Fact(("code", "seller", "manager", "fund"), ("calculated_on",), ("position_shares",)),
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
    fact = fact_of(table)
    return known_by(fact.one_an_instant(records), cutoff, key=list(dict.fromkeys([*fact.by, *fact.of])))


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
    fact = fact_of(table)
    told = fact.one_an_instant(records).rename({"session": "of_session"})
    of = ["of_session" if name == "session" else name for name in fact.of]
    return as_of(rows, told, by=fact.by, cutoff=cutoff, fact=of)
