"""What came too late for the session that it is of: it is known from the next one on, whatever its own time says."""

from __future__ import annotations

from datetime import date

import polars as pl

from tosho.calendar import next_session, previous_session
from tosho.ingest.sources import Source
from tosho.ingest.sources.knowledge import AT
from tosho.observability.log import logger
from tosho.storage import Lake

_log = logger(__name__)


def late_rows(source: Source, session: date, rows: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """Return the rows of the session before that are not in its partition, as rows of this session.

    A document of three o'clock that J-Quants had not yet at half past six was not known that evening. Its `known_at`
    becomes that of the source's last edition. Where the session before was never taken in, nothing can be told late.

    Args:
        source: One that says how its late rows are dated.
        session: Which is taken in.
        rows: What was answered, those of the session before among it.
        lake: Where that session was published.
    """
    before = previous_session(session)
    earlier = of(before, rows)
    if source.late is None or not earlier.height or not lake.has(source.table, before):
        return rows.clear()
    missing = without(earlier, lake.read(source.table, before, key_of(source)), source)
    if missing.height:
        _log.warning("%s: %d rows of %s were late; known from %s on", source.table, missing.height, before, session)
    return without(dated(source, session, missing), of(session, rows), source)


def recorded(source: Source, session: date, rows: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """Return the rows of a session, by their own time, that stand as late ones in the partition of the next.

    What was once known later is never made known earlier. A table whose rows are told apart by nothing but their time
    could take a row of the evening for a late one of the same code: the next session's own rows are none.

    Args:
        source: Where the rows are from.
        session: Whose they are.
        rows: What was answered or filed, also that of the evening, which belongs to the next session.
        lake: Where the next session may have been published.
    """
    mine = of(session, rows)
    if source.late is None or not mine.height or not lake.has(source.table, after := next_session(session)):
        return mine.clear()
    there = without(last_known(source, lake.read(source.table, after)), of(after, rows), source)
    as_late = mine.with_columns(pl.col("known_at").alias("_own"), source.late.cast(AT).alias("known_at"))
    found = as_late.join(there, on=key_of(source), how="semi", nulls_equal=True)
    return found.with_columns(pl.col("_own").alias("known_at")).drop("_own")


def last_known(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that bear the time of late ones: that of the source's last edition."""
    return rows.clear() if source.late is None else rows.filter(pl.col("known_at") == source.late.cast(AT))


def dated(source: Source, session: date, missing: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the session before as they are known late."""
    if source.late is None:
        return missing.clear()
    return missing.with_columns(source.late.cast(AT).alias("known_at"), pl.lit(session).alias("session"))


def of(session: date, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a session."""
    return rows.filter(pl.col("session") == session)


def without(rows: pl.DataFrame, others: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Return the rows that are not among others, of whatever session these are."""
    return rows.join(others, on=key_of(source), how="anti", nulls_equal=True)


def key_of(source: Source) -> list[str]:
    """Return what tells a source's rows apart, but for their session."""
    return [name for name in source.contract.key if name != "session"]
