"""chdb, ClickHouse's engine inside the process: it queries Parquet files, and counts what is about to be sent."""

from __future__ import annotations

import polars as pl

from tosho.predictions import schema
from tosho.predictions.engine import StoreError, Tally


def ask(sql: str) -> pl.DataFrame:
    """Return the answer to a query.

    Raises:
        StoreError: The engine refused it.
    """
    import chdb

    try:
        answer = chdb.query(sql, "ArrowTable")
    except RuntimeError as error:
        raise StoreError(f"chdb refused a query: {error}") from error
    return pl.DataFrame(pl.from_arrow(answer))


def tally_of(rows: pl.DataFrame) -> Tally:
    """Return count and fingerprint of rows in memory, by this engine and not by the one they are sent to."""
    import chdb

    sent = rows.to_arrow(compat_level=pl.CompatLevel.oldest())  # noqa: F841 - chdb finds it by its name
    answer = chdb.query(f"SELECT {schema.tally()} FROM Python(sent)", "ArrowTable")  # noqa: S608 - fixed text
    return Tally(**answer.to_pylist()[0])


def version() -> str:
    """Return the engine's version."""
    return str(ask("SELECT version() AS version")["version"][0])
