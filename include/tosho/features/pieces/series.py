"""The pieces in the middle: whole codes, computed through time and split by span of sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from tosho.contracts import BARS
from tosho.features import local
from tosho.features.columns import GRAPH_REACH
from tosho.features.graph_columns import graph_returns
from tosho.features.panel import Rows
from tosho.features.parts import is_parted, read_beyond, rows_read
from tosho.features.pieces.blob import Blob, pack, unpack_in_place
from tosho.features.pieces.block import packed
from tosho.features.pieces.by_session import BySession
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import FAR, Tables, Window
from tosho.features.plan import Plan
from tosho.features.records import Grain, Records

ROWS, RETURNS = "rows", "returns"
"""What a span gets of each bucket: the rows of its sessions, and the returns that their graphs are made of."""


@dataclass(frozen=True)
class Series:
    """From the tables of a bucket's codes to what the sessions are finished with."""

    passes: Plan
    market: pl.DataFrame
    sectors: pl.DataFrame | None
    window: Window
    shape: Shape
    of_concerned: bool = False  # whether the rows that come are those of the codes concerned alone

    def __call__(self, blobs: Mapping[str, Sequence[Blob]]) -> Iterator[tuple[int, str, bytes]]:
        """Yield a bucket's results as span, RETURNS or ROWS, and blob."""
        found, returns = self.computed({name: _together(parts) for name, parts in blobs.items()})
        known = None if returns is None else BySession(returns.sort("session", maintain_order=True))
        spans = [self.shape.sessions_of(number, self.window) for number in range(self.shape.spans(self.window))]
        rows = packed(found, [(sessions[0], sessions[-1]) for sessions in spans])
        for number, (sessions, blob) in enumerate(zip(spans, rows, strict=True)):
            if known is not None:
                yield number, RETURNS, pack(known.between(self._graph_begins(sessions[0]), sessions[-1]))
            if blob is not None:
                yield number, ROWS, blob

    def computed(self, tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """Return the wanted sessions' rows, ordered by code and session, and the returns that graphs are made of."""
        tables = tables if self.of_concerned else self.concerned(tables)
        bars = tables.get("bars", BARS.empty())
        listing, shares, splits = (tables.get(name) for name in ("securities", "shares", "splits"))
        # these codes' own bars need not show all sessions that there were
        given = Rows.of(bars, shares, listing, sessions=self.window.needed, splits=splits)
        panel = given.panel(self.window.near_from if self._far else None)
        rows = local.compute_series(
            panel,
            self.market,
            self.passes,
            self.window.wanted,
            sectors=self.sectors,
            made={records.name: records.made_of(tables, self._read_from(records)) for records in self._records},
            beyond=given.panel(only=self._far) if self._far else None,
            without=self.passes.of_market,
        )
        return rows, self._graph_returns(panel) if self.passes.reads_graph else None

    def concerned(self, tables: Tables) -> Tables:
        """Return the rows of the codes that have a bar or a listing since the first wanted session: no other has one.

        On the last evening of the bench's ten years 18 % of its codes are gone.
        """
        since = pl.col("session") >= self.window.wanted[0]
        there = [tables[name] for name in ("bars", "securities") if name in tables]
        codes = pl.concat([rows.filter(since)["code"] for rows in there] or [pl.Series("code", [], pl.String)]).unique()
        return {name: rows.filter(pl.col("code").is_in(codes.implode())) for name, rows in tables.items()}

    @property
    def _far(self) -> frozenset[str]:
        """What is read beyond the rows that all features look back at, where these are not the most; else nothing."""
        return read_beyond(self.passes, FAR) if is_parted(len(self.window.wanted)) else frozenset()

    @property
    def _records(self) -> tuple[Records, ...]:
        return self.passes.records(Grain.CODE)

    def _read_from(self, records: Records) -> date:
        """Return the first session whose records a feature reads; a row before it may be given others."""
        place = self.window.needed.index(self.window.wanted[0])
        return self.window.needed[max(place - rows_read(self.passes, records.given), 0)]

    def _graph_returns(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Return the returns of the sessions that graphs are made of; the oldest looks one session further back."""
        begin = self._graph_begins(self.window.wanted[0])
        before = self.window.needed[max(self.window.needed.index(begin) - 1, 0)]
        return graph_returns(panel.filter(pl.col("session") >= before))

    def _graph_begins(self, session: date) -> date:
        place = self.window.needed.index(session)
        return self.window.needed[max(place - GRAPH_REACH + 1, 0)]


def _together(parts: Sequence[Blob]) -> pl.DataFrame:
    """Return the rows of some blobs; those read with fewer columns have nulls in the others."""
    return pl.concat(map(unpack_in_place, parts), how="diagonal")
