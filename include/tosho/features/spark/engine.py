"""The local engine's functions, as the stages call them: one definition of every feature, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from tosho.contracts import BARS
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.plan import Plan
from tosho.features.spark.source import Tables


@dataclass(frozen=True)
class Series:
    """From the tables of whole codes to what the pass over sessions needs."""

    passes: Plan
    market: pl.DataFrame
    sessions: tuple[date, ...]  # of the window: these codes' own bars need not show them all
    wanted: tuple[date, ...]

    def __call__(self, tables: Tables) -> pl.DataFrame:
        """Return the wanted sessions' rows, ordered by code and session."""
        bars = tables.get("bars", BARS.empty())
        listing, shares, splits = (tables.get(name) for name in ("securities", "shares", "splits"))
        panel = build_panel(bars, shares, listing, sessions=self.sessions, splits=splits)
        return local.compute_series(panel, self.market, self.passes, self.wanted)


@dataclass(frozen=True)
class Finish:
    """From one session's rows of all codes to the partition's."""

    passes: Plan

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return session, code and the set's columns, ordered by code."""
        return local.compute_session(rows, self.passes)
