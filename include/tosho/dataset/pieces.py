"""The pieces of a dataset, each of which a worker makes alone from the lake: what is there, sessions, weeks.

A piece is asked for by its number and tells what it made as JSON, so that any engine can deal pieces out. A worker
holds one session at a time, or a chunk of weeks' closes: memory does not grow with the range.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.dataset.assemble import numbered
from tosho.dataset.cross_section import z_scores
from tosho.dataset.graph import REACH, GraphPlan, log_returns
from tosho.dataset.labels import LABEL_COLUMNS
from tosho.dataset.listing import Universe, listing_at, within
from tosho.dataset.normalise import Normaliser, Scaler
from tosho.dataset.panel_files import PanelManifest, Piece, Precision
from tosho.dataset.panel_store import PanelStore
from tosho.dataset.samples import TARGET_LIMIT, Columns
from tosho.dataset.vocabulary import static_numbers
from tosho.storage import Lake

Float32s = npt.NDArray[np.float32]
_BARS = ("session", "code", "close", "adj_factor")


@dataclass(frozen=True)
class DatasetPlan:
    """What a dataset is made of, and how.

    Args:
        columns: The features.
        shared: Those that are one value a session: they are scaled through time.
        universe: Which codes.
        normaliser: Of all other features.
        graph: How many neighbours.
        precision: Of the stored features.
    """

    columns: Columns
    shared: tuple[str, ...] = ()
    universe: Universe = Universe.ALL
    normaliser: Normaliser = field(default_factory=Normaliser)
    graph: GraphPlan = field(default_factory=GraphPlan)
    precision: Precision = "float32"


class Pieces(Protocol):
    """Pieces by number, from 0."""

    @property
    def count(self) -> int:
        """How many there are."""

    def __call__(self, number: int) -> str:
        """Make one, and tell of it as JSON."""


@dataclass(frozen=True)
class Survey:
    """Which codes a chunk of sessions has, and the values that are one a session."""

    lake: Lake
    plan: DatasetPlan
    sessions: tuple[date, ...]
    chunk: int = 16

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return -(-len(self.sessions) // self.chunk)

    def __call__(self, number: int) -> str:
        """Return `codes` and, by session, `shared`.

        Raises:
            ColumnsError: The features are of another set or number.
        """
        codes: set[str] = set()
        shared: list[list[float | None]] = []
        for session in _chunk(self.sessions, number, self.chunk):
            rows = _rows(self.lake, self.plan, session, ("code", *self.plan.shared))
            codes.update(rows["code"])
            told = rows.select(pl.col(name).drop_nulls().first() for name in self.plan.shared)
            shared.append(list(told.row(0)) if self.plan.shared else [])
        return json.dumps({"codes": sorted(codes), "shared": shared})


@dataclass(frozen=True)
class Sessions:
    """The arrays of sessions, written as pieces of the panel."""

    lake: Lake
    plan: DatasetPlan
    store: PanelStore
    manifest: PanelManifest
    scaler: Scaler | None
    chunk: int = 4

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return -(-len(self.manifest.sessions) // self.chunk)

    def __call__(self, number: int) -> str:
        """Return the pieces of a chunk.

        Raises:
            ColumnsError: The features are of another set, number or order.
            StorageError: The lake could not be written.
        """
        days = _chunk(self.manifest.sessions, number, self.chunk)
        return _told(self.store.put(self.manifest, day, self.arrays(day)) for day in days)

    def arrays(self, session: date) -> dict[str, npt.NDArray[Any]]:
        """Return the slices of a session, by name; see `Panel`."""
        rows = _rows(self.lake, self.plan, session)
        place = _places(self.manifest.codes, rows["code"])
        returns = self._returns(session, rows["code"])
        bounds = np.array([0, rows.height])
        targets = [z_scores(column, bounds, TARGET_LIMIT) for column in returns.T]
        codes = len(self.manifest.codes)

        def spread(values: npt.NDArray[Any], absent: float) -> npt.NDArray[Any]:
            out = np.full((codes, *values.shape[1:]), absent, values.dtype)
            out[place] = values
            return out

        return {
            "features": spread(self._features(rows), 0),
            "present": spread(np.ones(rows.height, np.uint8), 0),
            "returns": spread(returns, np.nan),
            "targets": spread(np.stack(targets, axis=1).astype(np.float32), np.nan),
            "static": spread(static_numbers(rows), 0),
        }

    def _features(self, rows: pl.DataFrame) -> Float32s:
        names = self.plan.columns.names
        values = rows.select(pl.col(names).cast(pl.Float32).fill_null(float("nan"))).to_numpy()
        scores = self.plan.normaliser(values)
        if self.scaler:
            at = [names.index(name) for name in self.plan.shared]
            scores[:, at] = self.scaler(values[:, at], self.plan.normaliser.limit)
        return scores

    def _returns(self, session: date, codes: pl.Series) -> Float32s:
        known = self.manifest.labelled
        if known is None or session > known:
            return np.full((codes.len(), len(HORIZONS)), np.nan, np.float32)
        labels = codes.to_frame().join(self.lake.read("labels", session), on="code", how="left", maintain_order="left")
        return labels.select(pl.col(LABEL_COLUMNS).cast(pl.Float32).fill_null(float("nan"))).to_numpy()


@dataclass(frozen=True)
class Weeks:
    """The graphs, written as pieces of the panel."""

    lake: Lake
    plan: DatasetPlan
    store: PanelStore
    manifest: PanelManifest
    chunk: int = 8

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return -(-len(self.manifest.weeks) // self.chunk)

    def __call__(self, number: int) -> str:
        """Return the pieces of a chunk.

        Raises:
            StorageError: The lake could not be written.
        """
        weeks = _chunk(self.manifest.weeks, number, self.chunk)
        there = self.lake.sessions("bars", calendar.offset(weeks[0], 1 - REACH), weeks[-1])
        if there:
            bars = self.lake.read_many("bars", there, _BARS)
        else:
            bars = pl.DataFrame(schema=dict.fromkeys(_BARS, pl.Float64()) | {"session": pl.Date(), "code": pl.String()})
        return _told(self.store.put(self.manifest, week, self.arrays(week, bars)) for week in weeks)

    def arrays(self, week: date, bars: pl.DataFrame) -> dict[str, npt.NDArray[Any]]:
        """Return the slices of a week, by name; see `Panel`. Of `bars` no later session is looked at."""
        codes = pl.Series("code", self.manifest.codes, pl.String)
        listing = listing_at(self.lake, week)
        traded = bars.filter(pl.col("session") == week)["code"]
        here = codes.to_frame().filter(codes.is_in(pl.concat([traded, listing["code"]]).implode()))
        rows = within(self.plan.universe, here, listing)
        told = codes.to_frame().join(rows, on="code", how="left", maintain_order="left")
        graph = self.plan.graph.draw(
            log_returns(bars, week, codes),
            codes.is_in(rows["code"].implode()).to_numpy(),
            *(told[name].fill_null("").to_numpy().astype(str) for name in ("sector33", "segment")),
        )
        return {"neighbours": graph.table, "edges": graph.edges}


def _rows(lake: Lake, plan: DatasetPlan, session: date, read: Sequence[str] | None = None) -> pl.DataFrame:
    """Return a session's features of the universe, ordered by code, with what its listing says."""
    where = f"The features of {session}"
    found = numbered(lake.manifest("features", session), plan.columns.names)
    plan.columns.demand(found, where)
    frame = lake.read("features", session, read)
    if read is None:
        plan.columns.demand(plan.columns._replace(names=tuple(frame.columns[2:])), where)
    return within(plan.universe, frame, listing_at(lake, session))


def _places(codes: Sequence[str], wanted: pl.Series) -> npt.NDArray[np.int64]:
    return pl.Series(codes).search_sorted(wanted).to_numpy().astype(np.int64)


def _chunk(days: tuple[date, ...], number: int, chunk: int) -> tuple[date, ...]:
    return days[number * chunk : (number + 1) * chunk]


def _told(pieces: Iterable[Piece]) -> str:
    return json.dumps([[piece.day.isoformat(), piece.file, piece.sha256] for piece in pieces])
