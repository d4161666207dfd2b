"""A feature job, from the lake to the lake: all its pieces, made once by the driver and handed to the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial

import polars as pl

from tosho.contracts import features_contract
from tosho.features import local
from tosho.features.columns import LISTING_AGE
from tosho.features.inputs import FACT, Published
from tosho.features.panel import bars_columns
from tosho.features.parts import read_beyond
from tosho.features.pieces.blob import Blob
from tosho.features.pieces.partitions import Target
from tosho.features.pieces.read import Read
from tosho.features.pieces.sectors import SectorSums
from tosho.features.pieces.series import Series
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import FAR, LakeSource, Window, codes_in, read_tables
from tosho.features.pieces.universe import UniverseSums, topix_begins
from tosho.features.plan import Plan
from tosho.features.records import Grain, Made
from tosho.features.session_pass import STORED_AS, SessionPass
from tosho.features.sets import FeatureSet
from tosho.features.universe import FACT as WITHOUT_TOPIX
from tosho.features.universe import before_topix, topix_of, universe_index
from tosho.storage import Lake
from tosho.storage.months import View, read_months

TABLE = "features"

_FEW = 64
"""Wanted sessions up to which it is worth looking first which codes they have: of ten years, most codes of the lake."""

_TOPIX = View("topix", keep=topix_of, years=True)

Sums = SectorSums | UniverseSums
Spread = Callable[[Sums, Sequence[int]], Iterable[pl.DataFrame]]
"""Does a piece for each of some numbers, wherever there is a worker."""


@dataclass(frozen=True)
class Job:
    """The pieces of a job, in the order in which they are done."""

    read: Read
    series: Series
    target: Target

    @property
    def shape(self) -> Shape:
        """How the work is dealt out."""
        return self.read.shape

    @property
    def window(self) -> Window:
        """The sessions."""
        return self.read.window


@dataclass(frozen=True)
class Finish:
    """From one session's rows of all codes to the partition's.

    `market` has a row a session, with the plan's columns `of_market` as the series pass would leave them.
    """

    passes: Plan
    market: pl.DataFrame

    def __call__(self, rows: pl.DataFrame, returns: pl.DataFrame | None) -> pl.DataFrame:
        """Return session, code and the set's columns, ordered by code."""
        place = self._places[rows["session"][0]]
        told = [self.market[name].new_from_index(place, rows.height) for name in self.passes.of_market]
        return self._pass(rows.hstack(told), returns)

    @cached_property
    def _places(self) -> dict[date, int]:
        return {session: at for at, session in enumerate(self.market["session"])}

    @cached_property
    def _pass(self) -> SessionPass:
        return SessionPass.of(self.passes)  # by the worker: expressions need not travel


@dataclass(frozen=True)
class Opening:
    """A job whose reading may begin: what is published was noted first, so that a change meanwhile is seen."""

    lake: Lake
    wanted: FeatureSet
    passes: Plan
    published: Published
    read: Read

    @classmethod
    def of(cls, lake: Lake, wanted: FeatureSet, passes: Plan, window: Window, shape: Shape) -> Opening:
        """Return the opening of the job that builds a set's features of a window's sessions from a lake.

        Args:
            lake: From where, and where to.
            wanted: The feature set.
            passes: Its plan.
            window: The sessions.
            shape: It decides speed and memory, never a value.
        """
        published = Published.of(lake, window.wanted[-1], window.needed[0], passes.records())
        begin = window.needed.index(window.wanted[0])
        listing_from = window.needed[max(begin - max(passes.sector_rows_before, LISTING_AGE), 0)]
        source = LakeSource.of(lake, window, passes.records(Grain.CODE), listing_from)
        far = bars_columns(read_beyond(passes, FAR))
        codes = codes_in(lake, window.wanted) if len(window.wanted) <= _FEW else None
        return cls(lake, wanted, passes, published, Read(source, window, shape, far, codes))

    def prepare(self, spread: Spread) -> Job:
        """Return the whole job. What is one for all codes is computed here: the market, the sectors, their records.

        Args:
            spread: Who computes the sums of the sectors, and of the universe where there is no TOPIX.
        """
        passes, lake, window = self.passes, self.lake, self.read.window
        topix_from = topix_begins(lake, window.needed[-1])
        listed = lake.sessions("indices", window.needed[0], window.needed[-1])
        indices = read_months(lake, "indices", listed, frozenset(lake.sessions("indices")), _TOPIX) if listed else None
        target = partial(
            Target,
            *(lake, TABLE, window.wanted, features_contract(self.wanted.names)),
            {"feature_set": self.wanted.name, "number": self.wanted.number},
            facts_of=partial(_facts_of, self.published, passes, topix_from),
        )
        return assemble(self.read, passes, indices, made_in(lake, passes, window), target, spread, topix_from)


def assemble(  # noqa: PLR0913 - what a source is not
    read: Read,
    passes: Plan,
    indices: pl.DataFrame | None,
    made: Made,
    target: Callable[[Finish], Target],
    spread: Spread,
    topix_from: date | None,
) -> Job:
    """Return the job of a source.

    Args:
        read: The first piece.
        passes: The plan.
        indices: Rows of the `indices` contract.
        made: The records of the market and of sectors.
        target: Makes the last piece, of how a session is finished.
        spread: As for `Opening.prepare`.
        topix_from: The first session with TOPIX there is; None without any.
    """
    window = read.window
    market = local.compute_market(indices, passes, window.needed, made, _universe(read, passes, spread, topix_from))
    told = market.select("session", *(pl.col(name).cast(STORED_AS) for name in passes.of_market))
    sums = SectorSums.of(read.source, window, passes.sector_rows_before)
    sectors = local.compute_sectors(_summed(sums, spread) if passes.reads_sectors else (), market, passes, made)
    series = Series(passes, market, sectors, window, read.shape, read.codes is not None)
    return Job(read, series, target(Finish(passes, told)))


def made_in(lake: Lake, passes: Plan, window: Window) -> Made:
    """Return the records of the market and of sectors that a lake holds, as far as the window needs them."""
    made: dict[str, pl.DataFrame] = {}
    for records in passes.records(Grain.MARKET, Grain.SECTOR):
        sessions = [*(window.earlier if records.lasts is None else ()), *window.needed]
        parts = read_tables(lake, records, sessions)
        made[records.name] = pl.concat([records.made_of(tables) for tables in parts])
    return made


def _universe(read: Read, passes: Plan, spread: Spread, topix_from: date | None) -> pl.DataFrame | None:
    """Return what stands in for TOPIX in the needed sessions before it begins, from the lake's first one on."""
    window = read.window
    if not (passes.reads_index and before_topix(window.needed[:1], topix_from)):
        return None
    sums = UniverseSums.of(read.source, before_topix((*window.earlier, *window.needed), topix_from))
    return universe_index(_summed(sums, spread), sums.sessions)


def _summed(sums: Sums, spread: Spread) -> Iterable[pl.DataFrame]:
    """Return the sums of each part. One part alone is computed here: it is sooner done than dealt out."""
    parts = range(sums.parts())
    return spread(sums, parts) if len(parts) > 1 else map(sums, parts)


def _facts_of(published: Published, passes: Plan, topix_from: date | None, session: date) -> dict[str, object]:
    without = WITHOUT_TOPIX if passes.reads_index and before_topix((session,), topix_from) else {}
    return {FACT: published.made_from(session, passes.rows_before), **without}


def by_key(blobs: Iterable[tuple[int, str, Blob]]) -> Mapping[int, Mapping[str, list[Blob]]]:
    """Return blobs by number and name."""
    found: dict[int, dict[str, list[Blob]]] = {}
    for number, name, blob in blobs:
        found.setdefault(number, {}).setdefault(name, []).append(blob)
    return found
