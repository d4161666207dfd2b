"""What must hold of every feature, each law as a function that names the columns which break it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from features.small_market import HALTED, STEADY, SmallMarket
from tosho.features import local, session_pass
from tosho.features.graph_columns import graph_returns
from tosho.features.panel import build_panel
from tosho.features.plan import Plan, plan_of
from tosho.features.records import Grain, Made, made_of
from tosho.features.sectors import sector_sums
from tosho.features.spec import Feature, features
from tosho.point_in_time.prices import splits_of

KEY = ["session", "code"]
EXACT = pl.Float64()
"""Bits are compared before what is stored rounds them."""


def passes_of(wanted: Iterable[Feature]) -> Plan:
    wanted = tuple(wanted)
    return plan_of(wanted, {**features(), **{f.name: f for f in wanted}})


def panel_of(market: SmallMarket, sessions: list[date] | None = None) -> pl.DataFrame:
    return build_panel(market.bars, market.shares, market.securities, sessions=sessions)


@dataclass(frozen=True)
class Given:
    """What `local.compute` makes of a market's tables before it evaluates a definition."""

    panel: pl.DataFrame
    indices: pl.DataFrame
    sums: pl.DataFrame
    returns: pl.DataFrame | None
    made: Made


def given_by(market: SmallMarket, passes: Plan, sessions: list[date] | None = None) -> Given:
    made = made_of(passes.records(), market.tables)
    return given_from(panel_of(market, sessions), market.indices, passes, made)


def given_from(panel: pl.DataFrame, indices: pl.DataFrame, passes: Plan, made: Made) -> Given:
    returns = graph_returns(panel) if passes.reads_graph else None
    return Given(panel, indices, sector_sums(panel), returns, made)


def series_of(given: Given, passes: Plan, sessions: Collection[date] | None = None) -> pl.DataFrame:
    """What the series pass hands on, ordered by session and code."""
    days = given.panel["session"].unique()
    market = local.compute_market(given.indices, passes, days, given.made)
    sectors = local.compute_sectors([given.sums], market, passes, given.made)
    series = local.compute_series(
        given.panel, market, passes, sessions, sectors=sectors, made=given.made, stored_as=EXACT
    )
    return series.sort(KEY)


def finished(series: pl.DataFrame, given: Given, passes: Plan) -> pl.DataFrame:
    by_session = series.partition_by("session", maintain_order=True)
    return pl.concat([session_pass.compute_session(rows, passes, given.returns) for rows in by_session])


def values(given: Given, passes: Plan, sessions: Collection[date]) -> pl.DataFrame:
    """All columns of a plan of some sessions, by a run that was asked for these."""
    return finished(series_of(given, passes, sessions), given, passes)


def values_of_history(given: Given, passes: Plan, sessions: Collection[date]) -> pl.DataFrame:
    """All columns of a plan of some sessions, by a run that was asked for all there are."""
    series = series_of(given, passes).filter(pl.col("session").is_in(list(sessions)))
    return finished(series, given, passes)


def differing(a: pl.DataFrame, b: pl.DataFrame, names: Iterable[str]) -> set[str]:
    """The columns of which not every bit, and every null, is the same."""
    assert a.height > 0
    assert a.select(KEY).equals(b.select(KEY))
    return {name for name in names if not _bits(a[name]).equals(_bits(b[name]), null_equal=True)}


def _bits(column: pl.Series) -> pl.Series:
    return column.reinterpret(signed=False) if column.dtype.is_float() else column


def looking_ahead(market: SmallMarket, passes: Plan, cuts: Iterable[int]) -> set[str]:
    """Columns whose values up to a session change when every table after it is cut off, shuffled or multiplied."""
    cuts, sessions = tuple(cuts), market.sessions
    looked_at = {place: sessions[place - 30 : place + 1] for place in cuts}
    full = values_of_history(given_by(market, passes), passes, {day for days in looked_at.values() for day in days})
    broken: set[str] = set()
    for place, days in looked_at.items():
        now = full.filter(pl.col("session").is_in(days))
        for after in (_nothing, _shuffled, _multiplied):
            other = market.each(lambda frame, cut=days[-1], after=after: _changed_after(frame, cut, after))
            known = given_by(other, passes, sessions[: place + 1] + other.sessions)
            broken |= differing(now, values(known, passes, days), passes.names)
    return broken


def _changed_after(frame: pl.DataFrame, cut: date, change: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    later = pl.col("session") > cut
    return pl.concat([frame.filter(~later), change(frame.filter(later))])


def _nothing(later: pl.DataFrame) -> pl.DataFrame:
    return later.clear()


def _shuffled(later: pl.DataFrame) -> pl.DataFrame:
    """Each column by itself, within a code, an index or a sector."""
    key = next((name for name in ("code", "index_code", "sector33") if name in later.columns), None)
    moved = (name for name in later.columns if name not in {"session", "known_at", key})
    shuffled = (pl.col(name).shuffle(seed=5) for name in moved)
    return later.with_columns(column.over(key) if key else column for column in shuffled)


def _multiplied(later: pl.DataFrame) -> pl.DataFrame:
    return later.with_columns(pl.col(pl.Float64) * 1.7)


def by_reach(wanted: Iterable[Feature]) -> Iterator[Plan]:
    """The plans of features that by themselves would have as many earlier sessions read."""
    wanted = tuple(wanted)
    reach = {f: passes_of([f]).rows_before for f in wanted}
    for rows in sorted(set(reach.values())):
        passes = passes_of([f for f in wanted if reach[f] == rows])
        assert passes.rows_before == rows
        yield passes


def by_lookback(wanted: Iterable[Feature]) -> Iterator[tuple[int, Plan, list[str]]]:
    """Features of each lookback by themselves: the lookback, their plan, their names."""
    wanted = tuple(wanted)
    found = passes_of(wanted).lookback
    for lookback in sorted({found[f.name] for f in wanted}):
        alike = [f for f in wanted if found[f.name] == lookback]
        yield lookback, passes_of(alike), [f.name for f in alike]


def lookback_too_small(given: Given, passes: Plan, names: Iterable[str], lookback: int) -> set[str]:
    """Columns that differ when a code has only `lookback` rows before a row, in any of many places.

    Its sector, the market and what the records tell are as they are: columns of the row, of which only those of the
    rows that are there can be looked at.
    """
    pieces = _pieces(given.panel, _places(given.panel, lookback, most=6_000 // (lookback + 1)), lookback + 1)
    few = replace(given, panel=pieces, made=_named_as(pieces, given.made))
    newest = series_of(few, passes).group_by("code", maintain_order=True).last()
    same = newest.with_columns(pl.col("code").str.head(5)).sort(KEY)
    expected = series_of(given, passes).join(same, on=KEY, how="semi").sort(KEY)
    return differing(expected, same, names)


def session_lookback_too_small(given: Given, passes: Plan, names: Iterable[str], lookback: int) -> set[str]:
    """As `lookback_too_small` of the last session, the market, the sectors and the returns of the graph cut off too."""
    sessions = given.panel["session"].unique().sort()
    last, first = sessions[-1], sessions[-1 - lookback]
    recent = pl.col("session") >= first
    few = given_from(given.panel.filter(recent), given.indices.filter(recent), passes, given.made)
    few = replace(few, sums=given.sums.filter(recent))
    return differing(values_of_history(given, passes, [last]), values(few, passes, [last]), names)


def lookback_too_large(given: Given, passes: Plan, names: Iterable[str], lookback: int) -> set[str]:
    """Columns that have a value already with one row fewer, the engine's own nulls set aside, in any place."""
    names = tuple(names)
    if lookback == 0:
        return set()
    unguarded = replace(passes, lookback=dict.fromkeys(passes.lookback, 0))
    broken: set[str] = set()
    for place in _places(given.panel, lookback):
        rows = _pieces(given.panel.filter(pl.col("code") == STEADY), [place], lookback)  # nothing before to look into
        there = pl.col("session").is_in(rows["session"].unique().implode())
        few = given_from(rows, given.indices.filter(there), passes, _named_as(rows, given.made))
        made = values_of_history(replace(few, sums=given.sums.filter(there)), unguarded, [rows["session"].max()])
        broken |= {name for name in names if made[name].null_count() < made.height}
    return broken


def surviving_a_null(given: Given, passes: Plan, names: Iterable[str], lookback: int) -> set[str]:
    """Columns with a value though the oldest row of its window, of code, sector and index, is one of nulls.

    What was last told of anything else is known in that row too.
    """
    sessions = given.panel["session"].unique().sort()
    places = _places(given.panel, lookback)
    oldest = pl.col("session").is_in(sessions.gather([place - lookback for place in places]).implode())
    emptied = given.panel.with_columns(pl.when(~oldest).then(pl.col(pl.Float64, pl.Boolean)).name.keep())
    sums = given.sums.with_columns(
        pl.when(~oldest).then(name).otherwise(0).alias(name) for name in ("total", "members")
    )
    of_the_day = {kind.name for kind in passes.records() if kind.lasts == 0}
    told = {name: frame.filter(~oldest) if name in of_the_day else frame for name, frame in given.made.items()}
    few = given_from(emptied, given.indices.filter(~oldest), passes, told)
    made = values(replace(few, sums=sums), passes, sessions.gather(places).to_list())
    return {name for name in names if made[name].is_not_null().any()}


def without_its_records(market: SmallMarket, passes: Plan) -> set[str]:
    """Columns that read a record and have a value though no table tells any."""
    told = {name for kind in passes.records() for name in kind.given}
    levels = (*passes.market, *passes.sector, *passes.series, *passes.session)
    names = [f.name for level in levels for f in level if told.intersection(f.inputs)]
    assert names
    untold = market.each_table(pl.DataFrame.clear)
    made = values(given_by(untold, passes), passes, market.sessions[-60:])
    return {name for name in names if made[name].is_not_null().any()}


def deaf_to_the_oldest(given: Given, passes: Plan, lookback: int) -> set[str]:
    """Columns that never change when the returns of the oldest session of the graph's window are not told."""
    assert given.returns is not None
    sessions = given.panel["session"].unique().sort()
    heard: set[str] = set()
    for place in _places(given.panel, lookback):
        oldest = pl.col("session") == sessions[place - lookback + 1]
        deaf = replace(
            given, returns=given.returns.with_columns(pl.when(~oldest).then("graph_return").alias("graph_return"))
        )
        heard |= differing(*(values(x, passes, [sessions[place]]) for x in (given, deaf)), passes.names)
    return set(passes.names) - heard


def _places(panel: pl.DataFrame, lookback: int, most: int = 8) -> list[int]:
    """Sessions at which to look, from the last one back, spread over the history that the lookback leaves."""
    last = panel["session"].n_unique() - 1
    return sorted({last, *range(last, lookback, -max((last - lookback) // most, 1))})


def _pieces(panel: pl.DataFrame, places: list[int], rows: int) -> pl.DataFrame:
    """The `rows` rows up to each place as a panel of their own, each code that is in it named anew: `13010@172@959`.

    The number in the middle keeps pieces apart that follow each other, lest one lend its rows to the next.
    """
    sessions = panel["session"].unique().sort()
    pieces = []
    for place in places:
        piece = panel.filter(pl.col("session").is_between(sessions[place - rows + 1], sessions[place]))
        there = piece.filter(pl.col("session") == sessions[place]).select("code")
        pieces.append(
            piece.join(there, on="code", how="semi").with_columns(pl.col("code") + f"@{place * 7919 % 997}@{place}")
        )
    return pl.concat(pieces)


def _named_as(pieces: pl.DataFrame, made: Made) -> Made:
    """The records of codes under the names that pieces have."""
    named = pieces.select(pl.col("code").unique().alias("piece")).with_columns(
        pl.col("piece").str.head(5).alias("code")
    )
    return {
        name: frame.join(named, on="code").drop("code").rename({"piece": "code"}) if "code" in frame.columns else frame
        for name, frame in made.items()
    }


def dependent_on_others(market: SmallMarket, passes: Plan) -> set[str]:
    """SERIES columns of a code that change with other codes' rows, the order of rows, or the partition."""
    given, sessions = given_by(market, passes), market.sessions
    full = series_of(given, passes)
    codes = given.panel["code"].unique()
    alone = pl.concat([series_of(_of_codes(market, [code], given, passes), passes) for code in codes]).sort(KEY)
    backwards = given_by(market.each(pl.DataFrame.reverse), passes)
    backwards = replace(backwards, panel=backwards.panel.reverse())
    others = market.each(_others_multiplied)
    of_others = replace(given_by(others, passes, sessions), sums=given.sums)
    own = pl.col("code") == HALTED
    return (
        differing(full, alone, passes.handed_on)
        | differing(full, series_of(backwards, passes), passes.handed_on)
        | differing(full.filter(own), series_of(of_others, passes).filter(own), passes.handed_on)
    )


def _of_codes(market: SmallMarket, codes: list[str], given: Given, passes: Plan) -> Given:
    """What a worker has that was dealt some codes: their tables, and what the driver made of all."""
    dealt = market.each(lambda frame: frame.filter(pl.col("code").is_in(codes)) if "code" in frame.columns else frame)
    own = made_of(passes.records(Grain.CODE), dealt.tables)
    panel = panel_of(dealt, market.sessions)
    return replace(given, panel=panel, made={**given.made, **own})


def _others_multiplied(frame: pl.DataFrame) -> pl.DataFrame:
    numbers = pl.col(pl.Float64)
    if "code" not in frame.columns:
        return frame
    return frame.with_columns(pl.when(pl.col("code") == HALTED).then(numbers).otherwise(numbers * 3.3).name.keep())


def dependent_on_other_sectors(market: SmallMarket, passes: Plan, sector: str) -> set[str]:
    """Columns through time of a sector's codes, none of which ever left it, that change when there is no other."""
    given = given_by(market, passes)
    codes = market.securities.filter(pl.col("sector33") == sector)["code"].unique().to_list()
    dealt = _of_codes(market, codes, given, passes)
    told = {name: frame.filter(pl.col("sector33") == sector) if "sector33" in frame.columns else frame
            for name, frame in market.tables.items()}  # fmt: skip
    of_sector = made_of(passes.records(Grain.SECTOR), told)
    alone = replace(dealt, sums=sector_sums(dealt.panel), made={**dealt.made, **of_sector})
    own = series_of(given, passes).filter(pl.col("code").is_in(codes))
    return differing(own, series_of(alone, passes), passes.handed_on)


def dependent_on_order(market: SmallMarket, passes: Plan) -> set[str]:
    """Columns of a session that change with the order in which its rows, and the returns of its graph, arrive."""
    given = given_by(market, passes)
    rows = series_of(given, passes, [market.sessions[-1]])
    returns = None if given.returns is None else given.returns.sample(fraction=1, shuffle=True, seed=2)
    shuffled = session_pass.compute_session(rows.sample(fraction=1, shuffle=True, seed=1), passes, returns)
    return differing(session_pass.compute_session(rows, passes, given.returns), shuffled, passes.names)


def not_incremental(market: SmallMarket, passes: Plan, keep: int) -> set[str]:
    """Columns of the last sessions that change when of earlier ones only splits and records that last are read.

    Whether a row is there must not change at all.
    """
    sessions = market.sessions
    first = sessions[-keep - passes.rows_before]
    recent = market.since(first)
    earlier = splits_of(market.bars.filter(pl.col("session") < first))
    panel = build_panel(recent.bars, market.shares, recent.securities, splits=earlier)
    read = {
        kind.name: kind.made_of(market.tables if kind.lasts is None else recent.tables) for kind in passes.records()
    }
    evening = values(given_from(panel, recent.indices, passes, read), passes, sessions[-keep:])
    return differing(values_of_history(given_by(market, passes), passes, sessions[-keep:]), evening, passes.names)
