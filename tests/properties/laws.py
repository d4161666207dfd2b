"""What must hold of every feature, each law as a function that names the columns which break it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import polars as pl

from features.small_market import HALTED, STEADY, SmallMarket
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.plan import Plan, plan_of
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


def values(
    panel: pl.DataFrame, indices: pl.DataFrame | None, passes: Plan, sessions: list[date] | None = None
) -> pl.DataFrame:
    """All columns of a plan, ordered by session and code."""
    market = local.compute_market(indices, passes, panel["session"].unique())
    series = local.compute_series(panel, market, passes, sessions, stored_as=EXACT)
    by_session = series.sort(KEY).partition_by("session", maintain_order=True)
    return pl.concat([local.compute_session(rows, passes) for rows in by_session])


def differing(a: pl.DataFrame, b: pl.DataFrame, names: Iterable[str]) -> set[str]:
    """The columns of which not every bit, and every null, is the same."""
    assert a.height > 0
    assert a.select(KEY).equals(b.select(KEY))
    return {name for name in names if not _bits(a[name]).equals(_bits(b[name]), null_equal=True)}


def _bits(column: pl.Series) -> pl.Series:
    return column.reinterpret(signed=False) if column.dtype.is_float() else column


def looking_ahead(market: SmallMarket, passes: Plan, cuts: Iterable[int]) -> set[str]:
    """Columns whose values up to a session change when everything after it is cut off, shuffled or multiplied."""
    sessions = market.sessions
    full = values(panel_of(market), market.indices, passes)
    broken: set[str] = set()
    for place in cuts:
        cut, looked_at = sessions[place], sessions[place - 30 : place + 1]
        now = full.filter(pl.col("session").is_in(looked_at))
        for other in (market.until(cut), _shuffled_after(market, cut), _multiplied_after(market, cut)):
            then = values(panel_of(other, sessions[: place + 1] + other.sessions), other.indices, passes, looked_at)
            broken |= differing(now, then, passes.names)
    return broken


def _shuffled_after(market: SmallMarket, cut: date) -> SmallMarket:
    def shuffle(frame: pl.DataFrame, key: str) -> pl.DataFrame:
        later = frame.filter(pl.col("session") > cut)
        moved = [pl.col(n).shuffle(seed=5).over(key) for n in frame.columns if n not in {"session", key}]
        return pl.concat([frame.filter(pl.col("session") <= cut), later.with_columns(moved)])

    return replace(market, bars=shuffle(market.bars, "code"), indices=shuffle(market.indices, "index_code"))


def _multiplied_after(market: SmallMarket, cut: date) -> SmallMarket:
    def multiply(frame: pl.DataFrame) -> pl.DataFrame:
        numbers = pl.col(pl.Float64)
        return frame.with_columns(pl.when(pl.col("session") > cut).then(numbers * 1.7).otherwise(numbers).name.keep())

    frames = {name: multiply(getattr(market, name)) for name in ("bars", "indices", "shares")}
    return replace(market, **frames)


def lookback_too_small(market: SmallMarket, passes: Plan, name: str, lookback: int) -> bool:
    """Tell whether a value differs when there are only `lookback` rows before it, in any of many places."""
    panel = panel_of(market)
    index = local.compute_market(market.indices, passes, panel["session"].unique())
    full = local.compute_series(panel, index, passes, stored_as=EXACT)
    pieces = _pieces(panel, _places(panel, lookback, most=6_000 // (lookback + 1)), lookback + 1)
    newest = local.compute_series(pieces, index, passes, stored_as=EXACT).group_by("code", maintain_order=True).last()
    same = newest.with_columns(pl.col("code").str.head(5)).sort(KEY)
    expected = full.join(same, on=KEY, how="semi").sort(KEY)
    return bool(differing(expected, same, [name]))


def session_lookback_too_small(market: SmallMarket, passes: Plan, name: str, lookback: int) -> bool:
    """As `lookback_too_small` of the whole market's last session, the index cut off too."""
    panel = panel_of(market)
    last, first = market.sessions[-1], market.sessions[-1 - lookback]
    full = values(panel, market.indices, passes, [last])
    recent = market.indices.filter(pl.col("session") >= first)
    return bool(differing(full, values(panel.filter(pl.col("session") >= first), recent, passes, [last]), [name]))


def lookback_too_large(market: SmallMarket, passes: Plan, name: str, lookback: int) -> bool:
    """Tell whether there is a value already with one row fewer, the engine's own nulls set aside, in any place."""
    if lookback == 0:
        return False
    unguarded = replace(passes, lookback=dict.fromkeys(passes.lookback, 0))
    panel = panel_of(market)
    for place in _places(panel, lookback):
        rows = _pieces(panel.filter(pl.col("code") == STEADY), [place], lookback)  # nothing before it to look into
        indices = market.indices.filter(pl.col("session").is_in(rows["session"].unique().implode()))
        made = values(rows, indices, unguarded, [rows["session"].max()])
        if made[name].null_count() < made.height:
            return True
    return False


def survives_a_null(market: SmallMarket, passes: Plan, name: str, lookback: int) -> bool:
    """Tell whether a value survives that the oldest row of its window, code's and index's, is one of nulls."""
    panel = panel_of(market)
    places = _places(panel, lookback)
    oldest = panel["session"].unique().sort().gather([place - lookback for place in places])
    numbers = pl.col(pl.Float64, pl.Boolean)
    emptied = panel.with_columns(pl.when(~pl.col("session").is_in(oldest.implode())).then(numbers).name.keep())
    indices = market.indices.filter(~pl.col("session").is_in(oldest.implode()))
    sessions = panel["session"].unique().sort().gather(places).to_list()
    return values(emptied, indices, passes, sessions)[name].is_not_null().any()


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


def dependent_on_others(market: SmallMarket, passes: Plan) -> set[str]:
    """SERIES columns of a code that change with other codes' rows, the order of rows, or the partition."""
    panel = panel_of(market)
    index = local.compute_market(market.indices, passes, panel["session"].unique())
    names = [n for n in passes.names if n in passes.handed_on]
    full = local.compute_series(panel, index, passes, stored_as=EXACT).sort(KEY)
    alone = pl.concat(
        [local.compute_series(p, index, passes, stored_as=EXACT) for p in panel.partition_by("code")]
    ).sort(KEY)
    backwards = local.compute_series(panel.reverse(), index, passes, stored_as=EXACT).sort(KEY)
    others = panel.with_columns(
        pl.when(pl.col("code") == HALTED).then(pl.col(pl.Float64)).otherwise(pl.col(pl.Float64) * 3.3).name.keep()
    )
    of_others = local.compute_series(others, index, passes, stored_as=EXACT).sort(KEY)
    own = pl.col("code") == HALTED
    return (
        differing(full, alone, names)
        | differing(full, backwards, names)
        | differing(full.filter(own), of_others.filter(own), names)
    )


def dependent_on_order(market: SmallMarket, passes: Plan) -> set[str]:
    """Columns of a session that change with the order in which its rows arrive."""
    panel = panel_of(market)
    index = local.compute_market(market.indices, passes, panel["session"].unique())
    rows = local.compute_series(panel, index, passes, stored_as=EXACT).filter(
        pl.col("session") == panel["session"].max()
    )
    sorted_by_code = local.compute_session(rows, passes)
    return differing(
        sorted_by_code, local.compute_session(rows.sample(fraction=1, shuffle=True, seed=1), passes), passes.names
    )


def not_incremental(market: SmallMarket, passes: Plan, keep: int) -> set[str]:
    """Columns of the last sessions that change when earlier bars are gone but for their splits.

    Whether a row is there must not change at all.
    """
    sessions = market.sessions
    first = sessions[-keep - passes.rows_before]
    recent = market.since(first)
    earlier = splits_of(market.bars.filter(pl.col("session") < first))
    panel = build_panel(
        recent.bars, market.shares, market.securities.filter(pl.col("session") >= first), splits=earlier
    )
    full = values(panel_of(market), market.indices, passes, sessions[-keep:])
    return differing(full, values(panel, recent.indices, passes, sessions[-keep:]), passes.names)
