"""What waits in the lake's quarantine."""

from __future__ import annotations

import io
from datetime import date

import polars as pl

from tosho.contracts import RULE, TABLES
from tosho.storage import Lake, layout


def read(lake: Lake, table: str, session: date) -> pl.DataFrame:
    """Return a session's rows that broke the contract, with column `rule`; no row where none did."""
    path = f"{layout.quarantine_path(table, session)}/rows.parquet"
    if not lake.files.exists(path):
        return TABLES[table].empty().with_columns(pl.lit(None, pl.String).alias(RULE))
    return pl.read_parquet(io.BytesIO(lake.files.read(path)))
