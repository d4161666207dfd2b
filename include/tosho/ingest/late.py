"""What came too late for the session that it is of: it is known from the next one on, whatever its own time says."""

from __future__ import annotations

from datetime import date

import polars as pl

from tosho.calendar import previous_session
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
    earlier = rows.filter(pl.col("session") == before)
    if source.late is None or not earlier.height or not lake.has(source.table, before):
        return rows.clear()
    key = [name for name in source.contract.key if name != "session"]
    missing = earlier.join(lake.read(source.table, before, key), on=key, how="anti", nulls_equal=True)
    if missing.height:
        _log.warning("%s: %d rows of %s were late; known from %s on", source.table, missing.height, before, session)
    return missing.with_columns(source.late.cast(AT).alias("known_at"), pl.lit(session).alias("session"))
