"""Tables in memory as a source of pieces: for the command line, and to compare the engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tosho.features.tables import Tables

ROW_GROUP = 32_768
"""Rows that a worker reads at least, of a file ordered by session."""

_LARGE = ("bars", "securities")


@dataclass(frozen=True)
class FolderSource:
    """A file a table, ordered by session. Other tables than bars and listings come whole, with the first sessions."""

    folder: Path
    first: date

    @classmethod
    def of(cls, tables: Tables, folder: Path, first: date) -> FolderSource:
        """Return the source of some tables, written into a new folder. `first` is the first session that is read."""
        folder.mkdir()
        given = {"bars": tables.bars, "securities": tables.securities, "shares": tables.shares, **tables.others}
        for name, frame in given.items():
            if frame is not None and "code" in frame.columns:
                frame.sort("session").write_parquet(folder / f"{name}.parquet", row_group_size=ROW_GROUP)
        return cls(folder, first)

    def read(self, full: list[date], ever: list[date], bars: Sequence[str] | None = None) -> dict[str, pl.DataFrame]:
        """Return all rows of some sessions, which follow one another; with the first of others, the other tables."""
        tables = {path.stem: pl.scan_parquet(path) for path in sorted(self.folder.glob("*.parquet"))}
        read = {name: rows for name, rows in tables.items() if name not in _LARGE and self.first in ever}
        if full:
            within = pl.col("session").is_between(full[0], full[-1])
            read |= {name: rows.filter(within) for name, rows in tables.items() if name in _LARGE}
            if bars is not None:
                read["bars"] = read["bars"].select(bars)
        return {name: rows.collect() for name, rows in read.items()}
