"""What the gate asks of every feature, each question a function that names the features which fail it, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import groupby

import polars as pl

from tosho.contracts import INGESTED, TABLES
from tosho.evaluation.leaks import market as markets
from tosho.evaluation.leaks.market import Market
from tosho.evaluation.leaks.values import (
    Planted,
    Through,
    all_values,
    blank_columns,
    changed,
    finished,
    narrowed,
    panel_and_universe,
    through_time,
)
from tosho.features.columns import KEY
from tosho.features.grammar import is_label
from tosho.features.panel import rows_of
from tosho.features.records import made_of
from tosho.features.spec import Feature, Scope
from tosho.point_in_time.prices import splits_of

LOOKED_AT = 25
"""Sessions before a cut, the cut among them, whose values are compared: more than the longest horizon."""

FINISHED = 5
"""How many of these, the newest, have what is computed of one session: it looks at no other."""

EVERY = 3
"""One code in so many is kept while the others are removed or multiplied."""

MADE_LATER = frozenset(TABLES).difference(INGESTED)
"""Tables that Tosho makes of what came after a session: labels and predictions."""

Found = Mapping[str, str]
"""Features that fail, each with what was seen."""


@dataclass(frozen=True)
class Subject:
    """A market, the plan whose features are judged on it, and the sessions at which it is cut."""

    market: Market
    passes: Planted
    cuts: tuple[date, ...]

    @cached_property
    def through(self) -> Through:
        """The values through time of the market as it is, of all sessions."""
        return through_time(self.market, self.passes)

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """Every feature of the plan, by name, those that only others read among them."""
        passes = self.passes
        return {f.name: f for level in (*passes.market, *passes.sector, *passes.series, *passes.session) for f in level}

    @cached_property
    def of_session(self) -> frozenset[str]:
        """The columns that are computed of one session's rows together."""
        return frozenset(feature.name for level in self.passes.session for feature in level)

    @property
    def through_time(self) -> list[str]:
        """The other columns, of whole codes, the market and the sectors."""
        return [name for name in self.passes.names if name not in self.of_session]

    @cached_property
    def without_value(self) -> list[str]:
        """The columns that have no value in the sessions that are compared at the last cut."""
        values = self.values(self.looked_at(max(self.cuts)))
        return [name for name in self.passes.names if not values[name].count()]

    def looked_at(self, cut: date) -> tuple[date, ...]:
        """Return the sessions before a cut whose values are compared."""
        sessions = self.market.sessions
        at = sessions.index(cut) + 1
        return sessions[max(at - LOOKED_AT, 0) : at]

    def values(self, sessions: Sequence[date], newest: int = FINISHED) -> pl.DataFrame:
        """Return all columns of some sessions, of the market as it is; see `finished`."""
        return finished(self.through, self.passes, sessions, newest)


def prefix(subject: Subject) -> Found:
    """Values up to a session must have the same bits when every table ends there."""
    found: dict[str, str] = {}
    for cut in subject.cuts:
        looked_at = subject.looked_at(cut)
        then = all_values(subject.market.until(cut), subject.passes, looked_at, FINISHED)
        told = changed(subject.values(looked_at), then, subject.passes.names)
        found = _sentences(told, f"With every table ended at {cut}") | found
    return found


def suffix(subject: Subject) -> Found:
    """Values up to a session must have the same bits whatever stands in the rows after it."""
    found: dict[str, str] = {}
    for cut in subject.cuts:
        looked_at = subject.looked_at(cut)
        now = subject.values(looked_at)
        for how, market in markets.disturbed_after(subject.market, cut):
            told = changed(now, all_values(market, subject.passes, looked_at, FINISHED), subject.passes.names)
            found = _sentences(told, f"With the rows after {cut} {how}") | found
    return found


def order(subject: Subject) -> Found:
    """No value may depend on the order in which rows are given."""
    looked_at = subject.looked_at(subject.cuts[0])
    then = all_values(markets.in_another_order(subject.market), subject.passes, looked_at, FINISHED)
    return _sentences(
        changed(subject.values(looked_at), then, subject.passes.names), "With the rows of every table in another order"
    )


def others(subject: Subject) -> Found:
    """A value through time may not depend on rows of other codes, which may go or change.

    The market, its sectors and the records of both stay as they are: they are made of all codes, and say so.
    """
    kept = subject.market.codes[::EVERY]
    of_kept = pl.col("code").is_in(pl.Series(kept).implode())
    now, names = subject.through.rows.filter(of_kept), subject.through_time
    found: dict[str, str] = {}
    for how, market in (
        ("removed", subject.market.of(kept)),
        ("multiplied by 1.7", markets.with_others_multiplied(subject.market, kept)),
    ):
        then = through_time(market, subject.passes, shared=subject.through.shared).rows.filter(of_kept)
        found = _sentences(changed(now, then, names), f"With the rows of other codes {how}") | found
    return found


def warm_up(subject: Subject) -> Found:
    """A value may be there only where the declared lookback is full, is there then, and needs no row more."""
    return _too_early(subject) | _never(subject) | _too_short(subject)


def names(subject: Subject) -> Found:
    """No feature, nothing that it reads and no table may bear the name of a label or of a prediction."""
    found = {}
    for feature in subject.features.values():
        if odd := sorted(name for name in {feature.name, *feature.inputs} if is_label(name)):
            found[feature.name] = f"It reads or is called {', '.join(odd)}, which is the name of a label."
    for kind in subject.passes.records():
        if odd := sorted(name for name in {*kind.tables, *kind.given} if is_label(name) or name in MADE_LATER):
            found[kind.name] = f"Its records are made of or give {', '.join(odd)}, which is known later."
    return found


def unfed(subject: Subject) -> dict[str, str]:
    """Return the features without any value that read a column of which the market has none: nobody can judge them."""
    blank = blank_columns(subject.market, subject.passes)
    told: dict[str, str] = {name: name for name in blank}
    passes = subject.passes
    for level in (*passes.market, *passes.sector, *passes.series, *passes.session):
        for feature in level:
            if lacks := sorted({told[name] for name in feature.inputs if name in told}):
                told[feature.name] = ", ".join(lacks)
    return {name: f"The market has no {told[name]}." for name in subject.without_value if name in told}


def _too_early(subject: Subject) -> dict[str, str]:
    rows = subject.through.rows.join(_numbered(subject), on=KEY, how="left", maintain_order="left")
    found = {}
    for name in subject.through_time:
        least = subject.passes.lookback[name]
        since = "row_of_run" if subject.features[name].scope is Scope.SERIES else "place"
        early = rows.filter((pl.col(since) < least) & pl.col(name).is_not_null())
        if early.height:
            day, code = early.select("session", "code").row(0)
            found[name] = (
                f"{early.height:,} values stand where fewer than {least} rows lie before them, the first of {code} "
                f"at {day}."
            )
    return found


def _numbered(subject: Subject) -> pl.DataFrame:
    """Return the number of each row of the panel in its run, and that of its session, both from 0."""
    days = pl.DataFrame({"session": subject.market.sessions}).with_row_index("place")
    keys = rows_of(subject.market.tables["bars"], subject.market.tables["securities"])
    placed = keys.join(days, on="session").sort("code", "session").with_columns(pl.col("place").cast(pl.Int64))
    run = (pl.col("place").diff().over("code") != 1).fill_null(value=True).cum_sum()
    return (
        placed.with_columns(run.alias("run"))
        .with_columns(pl.int_range(pl.len()).over("run", order_by="place").alias("row_of_run"))
        .select(*KEY, "place", "row_of_run")
    )


def _never(subject: Subject) -> dict[str, str]:
    before, without = subject.market.sessions.index(max(subject.cuts)), unfed(subject)
    return {
        name: f"It has no value at the last cut, with {before} sessions before it and a lookback of "
        f"{subject.passes.lookback[name]}."
        for name in subject.without_value
        if name not in without and subject.passes.lookback[name] <= before
    }


def _too_short(subject: Subject) -> dict[str, str]:
    """Return the columns whose values change when nothing stands before what they declare to look back on."""
    cut = subject.cuts[0]
    market = subject.market.until(cut)
    made = made_of(subject.passes.records(), market.tables)
    _, universe = panel_and_universe(market)
    lookback = subject.passes.lookback
    found: dict[str, str] = {}
    for rows, group in groupby(
        sorted(subject.through_time, key=lambda name: (lookback[name], name)), key=lookback.__getitem__
    ):
        names = list(group)
        passes = narrowed(subject.passes, names)
        short, splits = _since(market, passes.rows_before)
        then = through_time(short, passes, [cut], splits=splits, made=made, universe=universe).rows
        told = changed(subject.values([cut]), then, names)
        found |= _sentences(told, f"With {rows} rows before {cut}")
    return found


def _since(market: Market, rows_before: int) -> tuple[Market, pl.DataFrame]:
    """Return the market's newest sessions, and the splits of before them; records have been made already."""
    sessions = market.sessions[-1 - rows_before :]
    bars = market.tables["bars"]
    recent = {
        name: market.tables[name].filter(pl.col("session") >= sessions[0]) for name in ("bars", "securities", "indices")
    }
    return (
        replace(market, tables={**market.tables, **recent}, sessions=sessions),
        splits_of(bars.filter(pl.col("session") < sessions[0])),
    )


def _sentences(told: Found, what: str) -> dict[str, str]:
    return {name: f"{what}, {seen}." for name, seen in told.items()}
