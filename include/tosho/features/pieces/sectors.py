"""The sectors' sums of returns, in parts of sessions: each worker reads what its own sessions need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from tosho.features.columns import REACH
from tosho.features.panel import Rows, bars_columns
from tosho.features.pieces.source import Source, Window
from tosho.features.sectors import READ, SUMS, sector_sums

SESSIONS = 400
"""Sessions of a part; another 66 are read before them."""


@dataclass(frozen=True)
class SectorSums:
    """From the number of a part to the sums of its sessions."""

    source: Source
    needed: tuple[date, ...]
    first: int  # place of the first session that counts; those before are looked at only
    each: int  # sessions of a part

    @classmethod
    def of(cls, source: Source, window: Window, rows_before: int) -> SectorSums:
        """Return the sums that a window's wanted sessions need.

        Args:
            source: Where rows come from.
            window: The sessions.
            rows_before: Earlier sessions that the sectors' features need, those that a mean is made of included.
        """
        begin = max(window.needed.index(window.wanted[0]) - rows_before, 0)
        return cls(source, window.needed[begin:], min(REACH["sector_return"], rows_before, begin), SESSIONS)

    def parts(self) -> int:
        """Return how many parts there are."""
        return -(-(len(self.needed) - self.first) // self.each)

    def __call__(self, part: int) -> pl.DataFrame:
        """Return the sums of a part's sessions."""
        begin = self.first + part * self.each
        looked_at = self.needed[max(begin - REACH["sector_return"], 0) : begin + self.each]
        tables = self.source.read(list(looked_at), [], bars_columns(READ))
        if "securities" not in tables or "bars" not in tables:
            return pl.DataFrame(schema=SUMS)
        rows = Rows.of(tables["bars"], None, tables["securities"], sessions=looked_at)
        return sector_sums(rows.panel(only=READ)).filter(pl.col("session") >= self.needed[begin])
