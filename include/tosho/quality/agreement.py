"""Gates between what two sources say of the same thing: trading days and the calendar, TOPIX and TOPIX."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import polars as pl

from tosho import calendar
from tosho.calendar.xtks import DISAGREEMENTS
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_most, some

TOPIX: Final = "0000"
OPEN: Final = ("1", "2")
"""Divisions of days on which shares are traded: a whole day, and half of one."""

AGREED: Final = frozenset((known.day, known.division) for known in DISAGREEMENTS)
"""Days that J-Quants calls by another name than this project, with a reason: see calendar/xtks.py."""

_PRICES: Final = ("open", "high", "low", "close")


def trading_days(days: pl.DataFrame, session: date) -> list[Verdict]:
    """Return whether J-Quants has the sessions that the project has, and tells of every day since the one before."""
    rows = list(days.select("day", "division").iter_rows())
    odd = [f"{day} is {division}" for day, division in rows if not _agree(day, division)]
    before = calendar.previous_session(session)
    wanted = {before + timedelta(days=n) for n in range(1, (session - before).days + 1)}
    missing = wanted ^ {day for day, _ in rows}
    return [
        at_most(
            "trading_days.calendar",
            float(len(odd)) if rows else NOT_MEASURED,
            0,
            f"Days on which J-Quants and XTKS disagree (1 and 2 are sessions, 0 and 3 none): {some(odd)}.",
            "Find out which is right: note the day with its reason in DISAGREEMENTS of calendar/xtks.py, or upgrade "
            "exchange_calendars.",
        ),
        replace(
            at_most(
                "trading_days.every_day",
                len(missing),
                0,
                f"Days after {before} and up to {session} without a row, or outside: {some(map(str, missing))}.",
                "Fetch the session again.",
            ),
            stops=False,
        ),
    ]


def _agree(day: date, division: str) -> bool:
    return (division in OPEN) == calendar.is_session(day) or (day, division) in AGREED


def topix(indices: pl.DataFrame, all_indices: pl.DataFrame) -> Verdict:
    """Return whether both tables that have TOPIX have the same one."""
    one, other = (frame.filter(pl.col("index_code") == TOPIX).select(_PRICES) for frame in (indices, all_indices))
    odd = [
        f"{name} {a:g} and {b:g}" for name in _PRICES for a, b in zip(one[name], other[name], strict=False) if a != b
    ]
    verdict = at_most(
        "indices.agree",
        float(len(odd)) if one.height == other.height == 1 else NOT_MEASURED,
        0,
        f"TOPIX in indices and in all_indices, {one.height} and {other.height} rows; they differ in: {some(odd)}.",
        "One of them is of another session or was corrected since: fetch the session again.",
    )
    return replace(verdict, stops=False)  # predictions are made of the one whose own gates have passed
