"""The leak gate of an evening: a session's published features against what can be known of it, for some codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from zlib import crc32

import polars as pl

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.evaluation.leaks import signal
from tosho.evaluation.leaks.canaries import planted
from tosho.evaluation.leaks.market import read_market, read_splits
from tosho.evaluation.leaks.values import changed, narrowed, through_time
from tosho.features.columns import KEY, MARKET
from tosho.features.pieces.universe import topix_begins
from tosho.features.plan import Plan
from tosho.features.session_pass import STORED_AS
from tosho.features.spec import Scope
from tosho.features.universe import before_topix
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_most
from tosho.storage import Lake

CODES = 50
"""Codes whose features are computed again; other ones each evening."""

TURNS = 3
"""Evenings in which features of every kind of records are computed again once."""

LABELLED, LABELLED_CODES = 8, 400
"""Sessions and codes by which rank ICs are measured."""

APART = 1 + max(HORIZONS)
"""Sessions from one of these to the next: their labels do not overlap."""

OF_ALL = frozenset({"sector_return"})
"""Columns given to features that are made of all codes."""

_NAMED = 3


def judge_leaks(lake: Lake, session: date, passes: Plan) -> list[Verdict]:
    """Return whether a session's features are what its own past gives, and whether any knows what follows."""
    return [_recomputed(lake, session, passes), _rank_ic(lake, session, passes)]


def comparable(passes: Plan, of_all: Collection[str] = OF_ALL) -> list[str]:
    """Return the columns that one code's rows, the market and published records give, without any other code's bars.

    Args:
        passes: The plan.
        of_all: Columns that are made of all codes.
    """
    tainted = set(of_all)
    for level in passes.market:
        tainted |= {f.name for f in level if tainted.intersection(f.inputs)}
    for level in (*passes.sector, *passes.series, *passes.session):
        tainted |= {f.name for f in level if f.scope is not Scope.SERIES or tainted.intersection(f.inputs)}
    return [name for name in passes.names if name not in tainted]


def due(passes: Plan, names: Sequence[str], session: date) -> list[str]:
    """Return the columns whose turn it is: those of bars each evening, those of a kind of records each third one.

    Records are many small files, and some count from the lake's beginning on.
    """
    kinds, turn = passes.records(), calendar.place(session) % TURNS
    by_kind = {column: number for number, kind in enumerate(kinds) for column in kind.given}
    read: dict[str, int] = dict(by_kind)
    for level in (*passes.market, *passes.sector, *passes.series):
        for feature in level:
            if of := [read[name] for name in feature.inputs if name in read]:
                read[feature.name] = min(of)
    return [name for name in names if read.get(name, turn) % TURNS == turn]


def sample(codes: Sequence[str], session: date, count: int) -> list[str]:
    """Return so many codes, the same whenever this is asked of a session, and other ones for another session."""
    return sorted(sorted(codes, key=lambda code: crc32(f"{session} {code}".encode()))[:count])


def _recomputed(lake: Lake, session: date, passes: Plan) -> Verdict:
    """Compute some codes again from tables that end at the session, and compare every bit."""
    names = due(passes, comparable(passes, _of_all(lake, session, passes)), session)
    published = lake.read("features", session, [*KEY, *names])
    codes = sample(published["code"].to_list(), session, CODES)
    of_codes = published.filter(pl.col("code").is_in(codes)).sort(KEY)
    again = _again(lake, session, passes, names, codes)
    told = changed(of_codes, again, names)
    some = "; ".join(f"{name}: {seen}" for name, seen in list(told.items())[:_NAMED])
    return at_most(
        "features.recomputed",
        float(len(told)) if of_codes.height and names else NOT_MEASURED,
        0,
        f"{len(names)} features of {of_codes.height} codes were computed again from what was known at {session}; not "
        f"the published bits have: {some or 'none'}.",
        "Build the session's features again. If they differ again, they were made of later data or an engine errs: "
        "run `make leaks`.",
    )


def _of_all(lake: Lake, session: date, passes: Plan) -> frozenset[str]:
    """Return the columns made of all codes: the index among them, where the universe stands in for it."""
    read = lake.sessions("bars", last=session)[-passes.rows_before - 1 :]
    stands_in = before_topix(read[:1], topix_begins(lake, session))
    return OF_ALL | set(MARKET) - {"session"} if stands_in else OF_ALL


def _again(lake: Lake, session: date, passes: Plan, names: Sequence[str], codes: Sequence[str]) -> pl.DataFrame:
    wanted = narrowed(planted(passes, ()), names)
    sessions, rows = lake.sessions("bars", last=session), wanted.rows_before + 1
    market = read_market(lake, wanted, sessions, codes, rows)
    splits = read_splits(lake, sessions[:-rows], codes)
    none = pl.DataFrame(schema=MARKET)  # a sample of codes is no universe
    made = through_time(market, wanted, [session], splits=splits, universe=none).rows
    return made.select(*KEY, *(pl.col(name).cast(STORED_AS) for name in names))


def _rank_ic(lake: Lake, session: date, passes: Plan) -> Verdict:
    """Compare the newest sessions whose labels are known, so far apart that these do not overlap."""
    labelled = lake.sessions("labels", last=session)[::-1][::APART][:LABELLED]
    number = _number(lake, session)
    known = [day for day in labelled if _number(lake, day) == number]
    parts = [_with_labels(lake, day) for day in known] if len(known) >= signal.LABELS_AT_LEAST else []
    told: dict[str, str] = {}
    if parts:
        values, labels = (pl.concat(frames) for frames in zip(*parts, strict=True))
        told = dict(signal.alarms(signal.rank_ics(values, labels, passes.names, APART)))
    measured = (
        f"over {len(known)} sessions with labels" if parts else f"no reference: {len(known)} sessions with labels"
    )
    some = " ".join(f"{name}: {seen}" for name, seen in list(told.items())[:_NAMED])
    alarm = at_most(
        "features.rank_ic",
        len(told),
        0,
        f"Features that order the returns that follow beyond {signal.ALARM}, {measured}: {some or 'none'}.",
        "No honest feature does: run `make leaks`, and look at what the named ones are made of.",
    )
    return replace(alarm, stops=False)


def _number(lake: Lake, session: date) -> object:
    """Return the number of the feature set that a session's features are of; None where there are none."""
    return lake.manifest("features", session).facts.get("number") if lake.has("features", session) else None


def _with_labels(lake: Lake, session: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    values, labels = lake.read("features", session), lake.read("labels", session)
    codes = sample(labels["code"].to_list(), session, LABELLED_CODES)
    return values.filter(pl.col("code").is_in(codes)), labels.filter(pl.col("code").is_in(codes))
