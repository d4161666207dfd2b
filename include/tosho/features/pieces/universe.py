"""The sums of what stands in for TOPIX, in parts of sessions: each worker reads what its own sessions need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from tosho.features.panel import bars_columns, build_panel
from tosho.features.pieces.sectors import SESSIONS
from tosho.features.pieces.source import Source
from tosho.features.universe import SUMS, universe_sums
from tosho.storage import Lake


def topix_begins(lake: Lake, last: date) -> date | None:
    """Return a lake's first session up to `last` with an index, which is TOPIX; None where there is none.

    A partition without rows, as a source leaves that was asked and had nothing, is none.
    """
    published = lake.sessions("indices", last=last)
    return next((session for session in published if lake.stamp("indices", session).rows), None)


@dataclass(frozen=True)
class UniverseSums:
    """From the number of a part to the sums of its sessions; the one before them is read too."""

    source: Source
    sessions: tuple[date, ...]
    each: int  # sessions of a part

    @classmethod
    def of(cls, source: Source, sessions: tuple[date, ...]) -> UniverseSums:
        """Return the sums of some sessions, which follow one another from the first there is."""
        return cls(source, sessions, SESSIONS)

    def parts(self) -> int:
        """Return how many parts there are."""
        return -(-len(self.sessions) // self.each)

    def __call__(self, part: int) -> pl.DataFrame:
        """Return the sums of a part's sessions."""
        begin = part * self.each
        looked_at = self.sessions[max(begin - 1, 0) : begin + self.each]
        tables = self.source.read(list(looked_at), [], bars_columns(["close_raw", "turnover_yen"]))
        if "bars" not in tables:
            return pl.DataFrame(schema=SUMS)
        panel = build_panel(tables["bars"], None, tables.get("securities"), sessions=looked_at)
        return universe_sums(panel).filter(pl.col("session") >= self.sessions[begin])
