"""Features of a market, by the local engine, with all bits that they have before they are stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from tosho.evaluation.leaks.market import Market
from tosho.features import local, session_pass
from tosho.features.columns import KEY, MARKET
from tosho.features.graph_columns import graph_returns
from tosho.features.panel import build_panel
from tosho.features.plan import Level, Plan
from tosho.features.records import Made, Records, made_of
from tosho.features.records.record import Grain
from tosho.features.sectors import sector_sums
from tosho.features.spec import Feature
from tosho.features.universe import universe_of

EXACT = pl.Float64()
_EARLIEST = 3
"""Changed values of a feature that are told, the earliest."""


@dataclass(frozen=True)
class Planted(Plan):
    """A plan with features that the registry would refuse, and with kinds of records of their own."""

    kinds: tuple[Records, ...] = ()

    def records(self, *grains: Grain) -> tuple[Records, ...]:
        """Return the records of some grains; of all, if none is named."""
        own = tuple(kind for kind in self.kinds if kind.grain in (grains or tuple(Grain)))
        return (*super().records(*grains), *own)


@dataclass(frozen=True)
class Shared:
    """What codes have in common: the market and its sectors, and the records of both."""

    index: pl.DataFrame
    sectors: pl.DataFrame | None
    made: Made


@dataclass(frozen=True)
class Through:
    """What is computed of whole codes: `rows` by session and code, and the returns that graphs are made of."""

    rows: pl.DataFrame
    returns: pl.DataFrame | None
    shared: Shared


def through_time(  # noqa: PLR0913 - what may be known already
    market: Market,
    passes: Plan,
    sessions: Collection[date] | None = None,
    *,
    splits: pl.DataFrame | None = None,
    made: Made | None = None,
    universe: pl.DataFrame | None = None,
    shared: Shared | None = None,
) -> Through:
    """Return what a plan's passes through time give, as float64.

    Args:
        market: The tables.
        passes: The plan.
        sessions: Sessions to give back; all, if left out.
        splits: Those of before the market's first bars.
        made: The records, where they are known already.
        universe: What stands in for TOPIX, where it is known already; its level begins with the market.
        shared: What codes have in common, where it is known already; else it is made of this market.
    """
    tables = market.tables
    panel = build_panel(tables["bars"], tables["shares"], tables["securities"], sessions=market.sessions, splits=splits)
    if made is None:
        made = made_of(passes.records(*((Grain.CODE,) if shared else ())), tables)
    if shared is None:
        if universe is None:
            universe = universe_of(panel, tables["indices"])
        index = local.compute_market(tables["indices"], passes, market.sessions, made, universe)
        shared = Shared(index, local.compute_sectors([sector_sums(panel)], index, passes, made), made)
    rows = local.compute_series(
        panel, shared.index, passes, sessions, sectors=shared.sectors, made=made, stored_as=EXACT
    )
    return Through(rows.sort(KEY), graph_returns(panel) if passes.reads_graph else None, shared)


def all_values(market: Market, passes: Plan, sessions: Sequence[date], newest: int) -> pl.DataFrame:
    """Return what `finished` does. All sessions are computed, so that each could look at any other."""
    return finished(through_time(market, passes), passes, sessions, newest)


def finished(through: Through, passes: Plan, sessions: Sequence[date], newest: int) -> pl.DataFrame:
    """Return session, code and every column of a plan at some sessions, ordered by session and code.

    Args:
        through: What `through_time` gives, at these sessions at least.
        passes: The plan.
        sessions: Which, in order.
        newest: In how many of them, the newest, there is what is computed of one session: float32, as stored. Null in
            the others.
    """
    rows = through.rows.filter(pl.col("session").is_in(list(sessions)))
    if not passes.session or rows.is_empty():
        return rows
    made = {feature.name for level in passes.session for feature in level}
    later = pl.col("session") >= sessions[-newest:][0]
    whole = rows.filter(later)
    parts = whole.partition_by("session", maintain_order=True)
    of_session = pl.concat([session_pass.compute_session(part, passes, through.returns) for part in parts])
    whole = whole.select(*KEY, *(of_session[name] if name in made else name for name in passes.names))
    earlier = rows.filter(~later).select(*KEY, *(name for name in passes.names if name not in made))
    return pl.concat([earlier, whole], how="diagonal").select(whole.columns)


def blank_columns(market: Market, passes: Plan) -> frozenset[str]:
    """Return the columns given to a plan's features of which a market has no value at all."""
    panel, universe = panel_and_universe(market)
    tables = market.tables
    index = local.compute_market(tables["indices"], passes, market.sessions, universe=universe).select(*MARKET)
    frames = [panel, index, *made_of(passes.records(), tables).values()]
    blank = {name for frame in frames for name in frame.columns if not frame[name].count()}
    return frozenset(blank.intersection(passes.read))


def panel_and_universe(market: Market) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a market's panel, and what stands in for TOPIX where it has none."""
    tables = market.tables
    panel = build_panel(tables["bars"], tables["shares"], tables["securities"], sessions=market.sessions)
    return panel, universe_of(panel, tables["indices"])


def narrowed(passes: Planted, names: Iterable[str]) -> Planted:
    """Return the plan of some of its columns, with what they read and nothing else."""
    by_name = {f.name: f for level in (*passes.market, *passes.sector, *passes.series, *passes.session) for f in level}
    needed: dict[str, Feature] = {}
    wanted = frozenset(names)
    waiting = list(wanted)
    while waiting:
        feature = by_name[waiting.pop()]
        needed[feature.name] = feature
        waiting = [*waiting, *(n for n in feature.inputs if n in by_name and n not in needed)]

    def kept(levels: Iterable[Level]) -> tuple[Level, ...]:
        return tuple(found for level in levels if (found := tuple(f for f in level if f.name in needed)))

    read = {name for feature in needed.values() for name in feature.inputs}
    return replace(
        passes,
        names=tuple(name for name in passes.names if name in wanted),
        market=kept(passes.market),
        sector=kept(passes.sector),
        series=kept(passes.series),
        session=kept(passes.session),
        lookback={name: passes.lookback[name] for name in needed},
        kinds=tuple(kind for kind in passes.kinds if read.intersection(kind.given)),
    )


def changed(before: pl.DataFrame, after: pl.DataFrame, names: Iterable[str]) -> Mapping[str, str]:
    """Return the columns of which not every bit, and every null, is the same, each with what changed first.

    Rows that only one of both has are told under the name of the key.
    """
    if not before.select(KEY).equals(after.select(KEY)):
        odd = before.select(KEY).join(after.select(KEY), on=KEY, how="anti").height
        return {"session, code": f"{before.height} rows became {after.height}, {odd} of them are gone"}
    return {n: _told(before, after, n) for n in names if not _bits(before[n]).equals(_bits(after[n]), null_equal=True)}


def _told(before: pl.DataFrame, after: pl.DataFrame, name: str) -> str:
    differs = _bits(before[name]).ne_missing(_bits(after[name]))
    rows = before.select(*KEY, was=name).hstack([after[name].alias("now")]).filter(differs)
    told = [
        f"{code} of {day} {_figure(was)} became {_figure(now)}" for day, code, was, now in rows.head(_EARLIEST).rows()
    ]
    return f"{rows.height:,} of {before.height:,} values changed: {'; '.join(told)}"


def _figure(value: float | None) -> str:
    return "null" if value is None else f"{value:.9g}"


def _bits(column: pl.Series) -> pl.Series:
    return column.reinterpret(signed=False) if column.dtype.is_float() else column
