"""The local engine: a plan evaluated with Polars, over frames that fit in memory chunk by chunk.

SERIES definitions run over whole codes laid one after another, as if they were one series; then each feature's first
`lookback` rows of every run of a code's rows, which looked into what lies before, become null. That is several times
faster than `.over("code")` and gives the same bits. A run ends where the code is absent for a session: see `panel`.
Within a pass values are float64; what a pass hands on is float32, as stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

import polars as pl

from tosho.features import columns
from tosho.features.chunks import between_codes
from tosho.features.dates import calendar_columns
from tosho.features.graph_columns import graph_returns
from tosho.features.levels import ROW, Levels
from tosho.features.panel import by_code
from tosho.features.parts import Part, parts_of
from tosho.features.plan import Plan, plan
from tosho.features.records import Grain, Made, Tables, made_of, with_records
from tosho.features.sectors import sector_returns, sector_sums
from tosho.features.session_pass import STORED_AS, SessionPass, compute_session, stored
from tosho.features.sets import FeatureSet
from tosho.features.universe import topix_of, universe_of

NONE: Mapping[str, pl.DataFrame] = MappingProxyType({})
CHUNK_ROWS = 131_072
"""Rows evaluated together: few enough to stay in the processor's cache, enough to hide the cost of a call."""

_SESSION = "session_of_row"


def compute(
    panel: pl.DataFrame,
    indices: pl.DataFrame | None,
    feature_set: FeatureSet,
    sessions: Collection[date] | None = None,
    tables: Tables = NONE,
) -> pl.DataFrame:
    """Return session, code and the set's columns as float32, ordered by session and code.

    Args:
        panel: What `build_panel` gives.
        indices: Rows of the `indices` contract. In sessions before the first one with TOPIX the universe stands in for
            it: see `universe`. Its level begins with the panel.
        feature_set: The columns to compute.
        sessions: Sessions to give back; all of the panel when left out. Earlier rows are what windows look into.
        tables: Rows of the tables that the set's records are made of. Without one, what needs it is null.
    """
    passes, days = plan(feature_set), panel["session"].unique()
    made = made_of(passes.records(), tables)
    universe = universe_of(panel, indices) if passes.reads_index else None
    market = compute_market(indices, passes, days, made, universe)
    sectors = compute_sectors([sector_sums(panel)], market, passes, made)
    series = compute_series(panel, market, passes, sessions, sectors=sectors, made=made).sort(columns.KEY)
    if series.is_empty():
        return compute_session(series, passes)
    if not passes.session:
        return stored(series, passes)
    returns, finish = graph_returns(panel) if passes.reads_graph else None, SessionPass.of(passes)
    return pl.concat([finish(rows, returns) for rows in _by_session(series)])


def compute_market(
    indices: pl.DataFrame | None,
    passes: Plan,
    sessions: Iterable[date] | None = None,
    made: Made = NONE,
    universe: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row a session: session, the bars of TOPIX and the features of scope MARKET, float64.

    Args:
        indices: Rows of the `indices` contract, of which TOPIX is taken. None makes every value null.
        passes: The plan.
        sessions: Sessions that must have a row; one that the index lacks is a row of nulls, as in a panel.
        made: Records of the market.
        universe: What stands in for TOPIX in the sessions before it begins, which are all of these: `columns.MARKET`.
    """
    bars = pl.DataFrame(schema=columns.MARKET)
    if indices is not None:
        bars = topix_of(indices).select(pl.col(name.removeprefix("mkt_")).alias(name) for name in columns.MARKET)
    wanted = pl.DataFrame({"session": [] if sessions is None else list(sessions)}, schema={"session": pl.Date})
    days = pl.concat([bars.select("session"), wanted]).unique().sort("session")
    found = _market_of(bars, days, passes, made)
    if universe is None or universe.is_empty():
        return found
    before = pl.col("session").is_in(universe["session"].implode())
    return pl.concat([_market_of(universe, days.filter(before), passes, made), found.filter(~before)])


def _market_of(bars: pl.DataFrame, days: pl.DataFrame, passes: Plan, made: Made) -> pl.DataFrame:
    rows = days.join(bars, on="session", how="left", maintain_order="left")
    if passes.reads_calendar:
        rows = rows.join(calendar_columns(rows["session"]), on="session", maintain_order="left")
    rows = with_records(rows, passes.records(Grain.MARKET), made)
    return Levels.of(passes.market, passes.lookback)(rows.with_columns(pl.int_range(pl.len()).alias(ROW))).drop(ROW)


def compute_sectors(
    sums: Iterable[pl.DataFrame], market: pl.DataFrame, passes: Plan, made: Made = NONE
) -> pl.DataFrame | None:
    """Return one row a session and sector: its mean return, its records and the features of scope SECTOR, float64.

    None where the plan reads nothing of the kind.

    Args:
        sums: What `sector_sums` gives for parts of the codes that are all codes together.
        market: What `compute_market` gives; its sessions tell which follows which.
        passes: The plan.
        made: Records of sectors.
    """
    if not passes.reads_sectors:
        return None
    rows = with_records(sector_returns(sums), passes.records(Grain.SECTOR), made)
    days = market["session"].sort()
    at = days.search_sorted(rows["session"]).cast(pl.Int64)
    follows = (at.diff() == 1).fill_null(value=False).alias("follows")
    rows = _numbered(rows.with_columns(follows), by="sector33").join(market, on="session", maintain_order="left")
    return Levels.of(passes.sector, passes.lookback)(rows).drop(ROW, "follows", *market.columns[1:])


def compute_series(  # noqa: PLR0913 - what rows of one code look at
    panel: pl.DataFrame,
    market: pl.DataFrame,
    passes: Plan,
    sessions: Collection[date] | None = None,
    *,
    sectors: pl.DataFrame | None = None,
    made: Made = NONE,
    stored_as: pl.DataType = STORED_AS,
    beyond: pl.DataFrame | None = None,
    without: Collection[str] = (),
) -> pl.DataFrame:
    """Return session, code and what the plan hands on, features as float32, ordered by code and session.

    Args:
        panel: Whole codes of a panel, in any order.
        market: What `compute_market` gives.
        passes: The plan.
        sessions: Sessions to give back; all of the panel when left out.
        sectors: What `compute_sectors` gives. Without it what needs a sector through time is null.
        made: Records of these codes.
        stored_as: Type of the features handed on.
        beyond: The same codes' rows, and those before them that only features read which look further back than the
            panel does, with the columns that these read.
        without: Columns that are not wanted of what the plan hands on.
    """
    handed_on = [name for name in passes.handed_on if name not in without]
    near = _numbered(by_code(panel), by="code")
    far = near if beyond is None else _numbered(by_code(beyond), by="code")
    days = market["session"].sort()
    wanted = days if sessions is None else pl.Series("session", sorted(sessions), pl.Date)
    if sectors is None:
        sectors = compute_sectors((), market, passes)
    context = [told for told in (market, sectors) if told is not None]
    found = [near.filter(pl.col("session").is_in(wanted.implode())).select(columns.KEY)]
    rows, near_from = far, near["session"].min()
    for part in sorted(parts_of(passes, wanted.len(), handed_on), key=lambda part: -part.rows_before):
        if wanted.len():  # each part's rows are among those of the part before
            first = days[max(int(days.search_sorted(wanted[0])) - part.rows_before, 0)]
            rows = near if near_from is not None and near_from <= first else rows
            rows = rows if rows["session"].min() == first else rows.filter(pl.col("session") >= first)
        read = [name for name in rows.columns if name in part.reads or name in (*columns.KEY, "sector33", ROW)]
        known = [kind for kind in passes.records(Grain.CODE) if part.reads.intersection(kind.given)]
        levels = Levels.of(part.levels, passes.lookback)
        parts = (
            _part_of(chunk, context, part, levels, wanted)
            for chunk in between_codes(with_records(rows.select(read), known, made), CHUNK_ROWS)
        )
        found.append(pl.concat([_stored(frame, passes, stored_as) for frame in parts]))
    return pl.concat(found, how="horizontal").select(*columns.KEY, *handed_on)


def _stored(rows: pl.DataFrame, passes: Plan, stored_as: pl.DataType) -> pl.DataFrame:
    computed = {f.name for level in (*passes.market, *passes.sector, *passes.series) for f in level}
    return rows.with_columns(pl.col(name).cast(stored_as) for name in rows.columns if name in computed)


def _part_of(
    chunk: pl.DataFrame, context: Iterable[pl.DataFrame], part: Part, levels: Levels, wanted: pl.Series
) -> pl.DataFrame:
    """Return the columns of a part, of the wanted sessions among a chunk's rows, in their order."""
    for told in context:
        key = [name for name in ("session", "sector33") if name in told.columns]
        there = {*key, *chunk.columns}
        read = [name for name in told.columns if name in part.reads and name not in there]
        if read:
            chunk = chunk.join(told.select(*key, *read), on=key, how="left", maintain_order="left")
    made = levels(chunk).select(*part.columns, pl.col("session").alias(_SESSION))
    of_wanted = made[_SESSION].is_in(wanted.implode())
    return (made if of_wanted.all() else made.filter(of_wanted)).drop(_SESSION)


def _by_session(series: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """One session's rows after the other, as views of rows ordered by session: no second copy."""
    begin = 0
    for rows in series["session"].rle().struct.field("len"):
        yield series[begin : begin + rows]
        begin += rows


def _numbered(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """Number the rows of each run, from 0."""
    place = pl.int_range(pl.len(), dtype=pl.Int32)
    goes_on = pl.col("follows") & (pl.col(by) == pl.col(by).shift(1))
    begin = pl.when(~goes_on.fill_null(value=False)).then(place).forward_fill()
    return rows.with_columns((place - begin).alias(ROW))
