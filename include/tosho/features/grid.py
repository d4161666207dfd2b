"""Codes by sessions as a grid of numbers, by which the rows of tables find each other without a join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.features import columns

Numbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """All codes by all sessions, as numbers that rise with code and session; no two codes are near each other."""

    codes: pl.Series
    days: pl.Series

    @classmethod
    def of(cls, sessions: pl.Series, *tables: pl.DataFrame) -> Grid:
        """Return the grid of all codes of some tables, by their sessions and some more."""
        codes = pl.concat([table["code"].unique() for table in tables]).unique().sort()
        return cls(codes, pl.concat([sessions, *(table["session"].unique() for table in tables)]).unique().sort())

    @property
    def width(self) -> int:
        """Numbers from a code's first session to the next code's."""
        return self.days.len() + columns.LISTED_CAP

    def places(self, table: pl.DataFrame) -> Numbers:
        """Return the numbers of a table's rows."""
        codes = table["code"].replace_strict(self.codes, pl.Series(range(self.codes.len()), dtype=pl.Int64))
        codes = codes.cast(pl.Int64)  # of no rows Polars leaves texts
        sessions = self.days.search_sorted(table["session"])
        return (codes * self.width + sessions.cast(pl.Int64)).to_numpy()

    def marked(self, places: Numbers) -> npt.NDArray[np.bool_]:
        """Tell of every number whether it is among the places."""
        marks = np.zeros(self.codes.len() * self.width, np.bool_)
        marks[places] = True
        return marks

    def keys(self, at: Numbers) -> pl.DataFrame:
        """Return session and code of some numbers."""
        return pl.DataFrame([self.days.gather(at % self.width), self.codes.gather(at // self.width)])

    def before(self, counts: Numbers, at: Numbers) -> Numbers:
        """Return how many rows lie `LISTED_CAP` sessions or more before each number."""
        past = at - columns.LISTED_CAP
        return np.where(past >= 0, counts[np.maximum(past, 0)], 0)

    def rows_at(self, places: Numbers, at: Numbers) -> pl.Series:
        """Return the row of a table that is at each number, null where there is none."""
        rows = np.full(self.codes.len() * self.width, -1, np.int64)
        rows[places] = np.arange(places.size)
        return _or_null(rows[at])

    def rows_up_to(self, places: Numbers, at: Numbers, age: int) -> pl.Series:
        """Return the row of a table that is at each number or at most `age` before, the newest; null without one."""
        last = np.full(self.codes.len() * self.width, -self.width, np.int64)
        last[places] = places
        newest = np.maximum.accumulate(last)[at]
        rows = np.full(last.size, -1, np.int64)
        rows[places] = np.arange(places.size)
        return _or_null(np.where(at - newest <= age, rows[np.maximum(newest, 0)], -1))


def _or_null(rows: Numbers) -> pl.Series:
    return pl.Series(rows).cast(pl.UInt32, strict=False)  # no row, -1, becomes null
