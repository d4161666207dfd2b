"""What a row of features knows beside bars: the newest record of its code, its sector or the market at its session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import polars as pl

from tosho import calendar
from tosho.contracts import INGESTED
from tosho.point_in_time.asof import as_of

Tables = Mapping[str, pl.DataFrame]
"""Rows by table of the lake, with the columns of their contracts."""

Made = Mapping[str, pl.DataFrame]
"""Records by the name of their kind."""


class Grain(StrEnum):
    """What a record is about."""

    CODE = "code"
    SECTOR = "sector33"
    MARKET = "market"

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify what a record is about."""
        return () if self is Grain.MARKET else (self.value,)


@dataclass(frozen=True)
class Records:
    """Columns that come from tables of the lake other than bars.

    `make` takes all rows of `tables` known so far and returns what is known from each session on: `session`, the key
    of the grain and `columns`, at most one row for each key and session, in any order. It reads each key by itself,
    and what it says of a session is made of rows of that session and earlier ones alone: the engines prove both.

    Where `lasts` is given, what it says of a session is made of that session's rows alone, and counts for so many
    sessions more at most: then no worker needs to read what lies further back, nor have all of it in memory.

    Where `recent` is given, it drops from the tables what counts for nothing known from some session on, and for no
    state before that but each key's last: what an evening need not look at.

    Beside `columns` a row is given `<name>_age`: sessions since the session of its record, 0 in it.
    """

    name: str
    grain: Grain
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    make: Callable[[Tables], pl.DataFrame]
    lasts: int | None = None
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # columns of a wide table that it needs
    recent: Callable[[Tables, date], Tables] | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """All columns that a row is given."""
        return (*self.columns, f"{self.name}_age")

    def made_of(self, tables: Tables, since: date | None = None) -> pl.DataFrame:
        """Return the records of some tables, of which one that is absent has no rows.

        Args:
            tables: The rows.
            since: Up to which session only each key's last record need be right; of all, where left out.
        """
        there: Tables = {name: tables[name] if name in tables else INGESTED[name].empty() for name in self.tables}
        if since and self.recent:
            there = self.recent(there, since)
        key = ("session", *self.grain.key)
        return self.make(there).select(*key, *(pl.col(name).cast(pl.Float64) for name in self.columns))


def made_of(wanted: Iterable[Records], tables: Tables) -> Made:
    """Return the records of each kind that some tables give."""
    return {records.name: records.made_of(tables) for records in wanted}


def with_records(rows: pl.DataFrame, wanted: Iterable[Records], made: Made) -> pl.DataFrame:
    """Return rows with the columns of some records, as float64, as known at each row's session.

    A row without a record, or whose key is null, has nulls.

    Args:
        rows: With `session` and the keys of the records.
        wanted: The records, all of one grain or of several.
        made: The records of each kind; where there are none of a kind, its columns are null.
    """
    for records in wanted:
        rows = _joined(rows, records, made.get(records.name))
    return rows


def _joined(rows: pl.DataFrame, records: Records, known: pl.DataFrame | None) -> pl.DataFrame:
    if known is None or known.is_empty() or rows.is_empty():
        return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in records.given)
    told = known.drop_nulls(records.grain.key).with_columns(_place(known["session"]).alias("_told"))
    joined = as_of(rows, told, by=records.grain.key, cutoff="session", known_at="session")
    age = (_place(joined["session"]) - joined["_told"]).cast(pl.Float64)
    joined = joined.with_columns(age.alias(f"{records.name}_age")).drop("_told")
    if records.lasts is None:
        return joined
    in_time = pl.col(f"{records.name}_age") <= records.lasts
    return joined.with_columns(pl.when(in_time).then(pl.col(name)) for name in records.given)


def _place(sessions: pl.Series) -> pl.Series:
    """Return the numbers of sessions, counted from the calendar's first."""
    days = sessions.unique().drop_nulls()
    numbers = pl.Series([calendar.place(day) for day in days], dtype=pl.Int32)
    return sessions.replace_strict(days, numbers, return_dtype=pl.Int32)
