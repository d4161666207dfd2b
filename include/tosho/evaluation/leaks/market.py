"""A market as the tables that features are made of, and all that may be done to it which must not change a feature."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import polars as pl

from tosho.contracts import BARS, INGESTED
from tosho.features.plan import Plan
from tosho.features.records import Grain
from tosho.point_in_time.prices import splits_of
from tosho.storage import Lake

CORE = ("bars", "securities", "shares", "indices")
"""Tables that every set is made of, beside those of its records."""

OF_CODES = ("bars", "securities", "shares")
"""Those of them whose rows are about codes."""

TIMES = 1.7
_SEED = 5
_TOGETHER = 64
"""Sessions of a lake that are in memory with all their codes."""


@dataclass(frozen=True)
class Market:
    """Rows by table, with the columns of their contracts, and the sessions that there were, in order.

    `of_codes` names the tables that are about codes.
    """

    tables: Mapping[str, pl.DataFrame]
    sessions: tuple[date, ...]
    of_codes: frozenset[str]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All codes with bars, in order."""
        return tuple(self.tables["bars"]["code"].unique().sort())

    def until(self, session: date) -> Market:
        """Return the market as it is known at a session: every table ends there."""
        ended = self.each(lambda _, rows: rows.filter(pl.col("session") <= session))
        return replace(ended, sessions=tuple(known for known in self.sessions if known <= session))

    def of(self, codes: Collection[str]) -> Market:
        """Return the market without the other codes, in every table that is about codes."""
        kept = pl.Series(list(codes), dtype=pl.String).implode()
        return self.each(lambda name, rows: rows.filter(pl.col("code").is_in(kept)) if name in self.of_codes else rows)

    def each(self, change: Callable[[str, pl.DataFrame], pl.DataFrame]) -> Market:
        """Return the market with every table changed."""
        return replace(self, tables={name: change(name, rows) for name, rows in self.tables.items()})


def tables_of(passes: Plan) -> tuple[str, ...]:
    """Return the tables that a plan's features are made of."""
    return tuple(dict.fromkeys((*CORE, *passes.tables)))


def about_codes(passes: Plan) -> frozenset[str]:
    """Return those of them that are about codes."""
    return frozenset((*OF_CODES, *(table for kind in passes.records(Grain.CODE) for table in kind.tables)))


def market_of(tables: Mapping[str, pl.DataFrame], passes: Plan) -> Market:
    """Return the market of these tables, whose sessions are those of its bars; a table that is absent has no rows."""
    there = {table: tables[table] if table in tables else INGESTED[table].empty() for table in tables_of(passes)}
    return Market(there, tuple(there["bars"]["session"].unique().sort()), about_codes(passes))


def read_market(
    lake: Lake, passes: Plan, sessions: Sequence[date], codes: Collection[str], window: int | None = None
) -> Market:
    """Return what a lake holds of some sessions and codes, and nothing of any later session.

    Rows of other codes are kept in the tables that records of the market or of sectors are made of.

    Args:
        lake: Where.
        passes: The plan whose tables are read.
        sessions: Which, in order, each with bars.
        codes: Those whose rows are kept in the tables that are about codes.
        window: How many of the sessions, the newest, are read of tables of which earlier rows do not count; all if
            left out. The market's sessions are these.
    """
    newest = sessions if window is None else sessions[-window:]
    of_all = {table for kind in passes.records(Grain.MARKET, Grain.SECTOR) for table in kind.tables}
    tables = {}
    for table in tables_of(passes):
        kinds = [kind for kind in passes.records() if table in kind.tables]
        lasting = table == "shares" or any(kind.lasts is None for kind in kinds)
        kept = list(codes) if table in about_codes(passes) - of_all else None
        reads = kinds[0].reads.get(table) if len(kinds) == 1 else None
        if parts := list(_parts(lake, table, sessions if lasting else newest, kept, reads)):
            tables[table] = pl.concat(parts)
    return replace(market_of(tables, passes), sessions=tuple(newest))


def read_splits(lake: Lake, sessions: Sequence[date], codes: Collection[str]) -> pl.DataFrame:
    """Return the splits of some codes in some sessions."""
    parts = _parts(lake, "bars", sessions, list(codes), ("session", "code", "adj_factor"))
    return pl.concat([splits_of(BARS.empty()), *(splits_of(part) for part in parts)])


def _parts(
    lake: Lake, table: str, sessions: Sequence[date], codes: Sequence[str] | None, columns: Sequence[str] | None
) -> Iterator[pl.DataFrame]:
    there = frozenset(lake.sessions(table, sessions[0], sessions[-1])) if sessions else frozenset()
    found = [session for session in sessions if session in there]
    for begin in range(0, len(found), _TOGETHER):
        rows = lake.read_many(table, found[begin : begin + _TOGETHER], columns)
        yield rows if codes is None else rows.filter(pl.col("code").is_in(codes))


def multiplied(rows: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """Return a table in which every number of some rows is 1.7 times what it was."""
    return rows.with_columns(pl.when(where).then(pl.col(pl.Float64) * TIMES).otherwise(pl.col(pl.Float64)).name.keep())


def emptied(name: str, rows: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """Return a table in which everything that may be null is null in some rows."""
    contract = INGESTED[name]
    free = [c.name for c in contract.columns if not c.required and c.name not in contract.key]
    return rows.with_columns(pl.when(~where).then(pl.col(n)).alias(n) for n in free if n in rows.columns)


def shuffled(name: str, rows: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """Return a table in which some rows have changed places under their keys; a row's values stay together."""
    fixed = {"session", *INGESTED[name].key}
    moved = rows.filter(where)
    values = moved.select(n for n in rows.columns if n not in fixed)
    values = values.sample(fraction=1, shuffle=True, seed=_SEED) if values.width else values
    stays = moved.select(n for n in rows.columns if n in fixed)
    return pl.concat([rows.filter(~where), stays.hstack(values).select(rows.columns)])


def disturbed_after(market: Market, session: date) -> Iterator[tuple[str, Market]]:
    """Yield what may become of a market after a session, with the words that say what was done."""
    later = pl.col("session") > session
    yield "shuffled", market.each(lambda name, rows: shuffled(name, rows, later))
    yield "multiplied by 1.7", market.each(lambda _, rows: multiplied(rows, later))
    yield "replaced by nulls", market.each(lambda name, rows: emptied(name, rows, later))


def in_another_order(market: Market) -> Market:
    """Return the market with the rows of every table in another order."""
    return market.each(lambda _, rows: rows.sample(fraction=1, shuffle=True, seed=_SEED))


def with_others_multiplied(market: Market, kept: Collection[str]) -> Market:
    """Return the market in which all numbers of the other codes are 1.7 times what they were."""
    others = ~pl.col("code").is_in(pl.Series(list(kept), dtype=pl.String).implode())
    return market.each(lambda name, rows: multiplied(rows, others) if name in market.of_codes else rows)
