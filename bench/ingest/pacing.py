"""A history of ten years at a plan's real pace, by bulk files and date by date, held against what the pace alone takes.

Ten years of 4,000 codes are hours. What is run is the smallest history that is held up by the pace `windows` times,
at the plan's own number a minute and from a server that is far away. Two figures come of it:

- `ratio`: its wall over its bound. The last requests' own work comes on top of the bound, which a long history would do
  while it waits: the ratio of few windows is the worse one.
- `ten_years`: by how many requests a session takes, those of 2,450 and their bound; and the wall, as many windows, each
  as long as the longer of the pace's own and the work of a window's requests when nothing holds them up.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from bench.ingest.service import Counting, WithoutFiles, asking, serving
from tosho.config import Plan
from tosho.ingest import ingest_history
from tosho.ingest.pace import WINDOW_MS
from tosho.ingest.plans import PLANS, per_minute
from tosho.simulation.market import simulate
from tosho.storage import Files, Lake

CODES, TEN_YEARS = 4_000, 2_450
LATENCY_MS = 100
WAYS = {"files": Counting, "dates": WithoutFiles}
TRIED = {"files": 40, "dates": 4}
"""Sessions of the run without a pace, which says what a session asks and takes: of files two months."""
LONGEST = 250


class TooFewRequestsError(ValueError):
    """A history is not held up by the pace, so that there is nothing to hold its time against."""


@dataclass(frozen=True)
class Taken:
    """What a history of so many sessions asked, by endpoint, and how long it took."""

    sessions: int
    asked: Counter[str]
    wall_s: float
    most_at_once: int


def pace(
    plan: Plan = "standard", windows: int = 1, latency_ms: int = LATENCY_MS, codes: int = CODES,
    ways: Sequence[str] = tuple(WAYS),
) -> dict[str, Any]:  # fmt: skip
    """Take histories in both ways at a plan's pace."""
    with TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        simulate(market, codes=codes, sessions=LONGEST)
        days = pl.read_parquet(market / "topix.parquet", columns=["Date"])["Date"].to_list()
        general = PLANS[plan].per_minute
        told = {}
        for way in ways:
            run = _Run(Path(folder), way, plan, latency_ms)
            tried = run.take(days[: TRIED[way]], None)
            told[way] = described(tried, run.held_up(days, tried, general, windows), general)
        return {"plan": plan, "per_minute": general, "latency_ms": latency_ms, "codes": codes, **told}


@dataclass(frozen=True)
class _Run:
    """Histories of one market in one way."""

    folder: Path
    way: str
    plan: Plan
    latency_ms: int

    def held_up(self, days: Sequence[date], tried: Taken, general: int, windows: int) -> Taken:
        """Take in as many days as the pace holds up so often: more, where they ask for less than those tried did."""
        taken = tried
        while taken is tried or least_windows(taken.asked, general) < windows:
            taken = self.take(days[: sessions_needed(taken, general, windows)], general)
        return taken

    def take(self, days: Sequence[date], rate: int | None) -> Taken:
        """Take some days in at a rate, or as fast as it goes, into a lake of their own: another's answers are kept.

        The requests are counted in a file of a home, as those of a Dag's run are.
        """
        home = f"{self.folder}/{self.way}-{rate}-{len(days)}"
        lake = Lake(Files(f"file://{home}/lake"))
        with (
            serving(self.folder / "market", self.plan, rate or 0, self.latency_ms) as url,
            WAYS[self.way](asking(url, self.plan), per_minute=rate, home=home) as client,
        ):
            began = time.perf_counter()
            ingest_history(days[0], days[-1], lake, client, lambda *_: None)
            return Taken(len(days), client.asked, time.perf_counter() - began, max(client.at_once))


def by_limit(asked: Mapping[str, int], general: int) -> dict[int, int]:
    """Return the requests that each limit a minute counts: all of them, and those of the endpoints that have another.

    >>> by_limit({"/equities/bars/daily": 400, "/fins/summary": 90}, 500)
    {500: 490, 60: 90}
    >>> by_limit({"/equities/bars/daily": 400, "/fins/summary": 90}, 60)
    {60: 490}
    """
    counts = {general: sum(asked.values())}
    for endpoint, count in asked.items():
        if (limit := per_minute(endpoint, general)) != general:
            counts[limit] = counts.get(limit, 0) + count
    return counts


def least_windows(asked: Mapping[str, float], general: int) -> int:
    """Return how often a minute must pass before the last request may be sent: the first minute's may all go at once.

    >>> [least_windows({"/markets/calendar": n}, 120) for n in (1, 120, 121, 240, 241)]
    [0, 0, 1, 1, 2]
    >>> least_windows({"/equities/bars/daily": 400, "/fins/summary": 121}, 500)
    2
    """
    return max((math.ceil(count) - 1) // limit for limit, count in by_limit(asked, general).items())


def sessions_needed(tried: Taken, general: int, windows: int) -> int:
    """Return the sessions whose requests the pace holds up so often.

    Raises:
        TooFewRequestsError: There are not so many in the market.
    """
    for count in range(tried.sessions, LONGEST + 1):
        if least_windows(_asked_of(tried, count), general) >= windows:
            return count
    raise TooFewRequestsError(
        f"{tried.asked.total()} requests for {tried.sessions} sessions: {LONGEST} sessions are not held up {windows} "
        f"times at {general} a minute. Ask for fewer windows or a slower plan."
    )


def described(tried: Taken, taken: Taken, general: int) -> dict[str, Any]:
    """Return what was measured, and what it says of ten years.

    Raises:
        TooFewRequestsError: The pace never held it up.
    """
    windows = least_windows(taken.asked, general)
    if not windows:
        raise TooFewRequestsError(
            f"{taken.asked.total()} requests for {taken.sessions} sessions go in the first minute at {general} a "
            "minute, so that there is no bound to hold their time against. Take more sessions."
        )
    years = least_windows(_asked_of(taken, TEN_YEARS), general)
    work = tried.wall_s / tried.sessions * TEN_YEARS
    wall = max(years * WINDOW_MS / 1000, work)
    return {
        "sessions": taken.sessions, "requests": taken.asked.total(), "most_at_once": taken.most_at_once,
        "wall_s": round(taken.wall_s, 1), "bound_s": 60 * windows, "ratio": round(taken.wall_s / 60 / windows, 3),
        "unpaced_per_minute": round(60 * tried.asked.total() / tried.wall_s),
        "ten_years": {
            "requests": round(_asked_of(taken, TEN_YEARS).total()), "bound_s": 60 * years, "work_s": round(work),
            "wall_s": round(wall), "ratio": round(wall / 60 / years, 3),
        },
    }  # fmt: skip


def _asked_of(taken: Taken, sessions: int) -> Counter[str]:
    return Counter({name: round(count * sessions / taken.sessions) for name, count in taken.asked.items()})
