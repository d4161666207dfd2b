"""What was measured of ingest beside the bounds of issue 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.bounds import Ratio

PARSE_ROWS, SESSION_S, OVER_PACE = 300_000, 15.0, 1.2
FLAT_MIB = 20.0
"""MiB a thousand sessions, which count as flat: less than a hundredth of what these sessions' rows would take."""


def of(name: str, told: dict[str, Any]) -> list[Ratio]:
    """Return what a measurement says."""
    return list({"parse": _parse, "session": _session, "pace": _pace, "memory": _memory}[name](told))


def table(rows: Sequence[Ratio]) -> str:
    """Return the rows as text, one a line."""
    said = {True: "holds", False: "DOES NOT HOLD", None: ""}
    figures = [f"{row.value:,.10g} {row.unit}".strip() for row in rows]
    names, sizes = max(len(row.name) for row in rows), max(map(len, figures))
    return "".join(
        f"{row.name:<{names}}  {figure:>{sizes}}  {row.bound:<18}  {said[row.holds]}".rstrip() + "\n"
        for row, figure in zip(rows, figures, strict=True)
    )


def _at_most(name: str, value: float, bound: float, unit: str) -> Ratio:
    return Ratio(name, value, unit, f"at most {bound:,.10g}", value <= bound)


def _told(name: str, value: float, unit: str) -> Ratio:
    return Ratio(name, value, unit, "", None)


def _parse(told: dict[str, Any]) -> Iterator[Ratio]:
    value = told["rows_per_s"]
    bound = f"at least {PARSE_ROWS:,}"
    yield Ratio("bars parsed, median of batches", value, "rows/s", bound, value >= PARSE_ROWS)
    yield _told("the same, the best batch", told["rows_per_s_at_best"], "rows/s")


def _session(told: dict[str, Any]) -> Iterator[Ratio]:
    for table, rows in told["rows"].items():
        yield _told(f"  {table}", rows, "rows")
    without = len(told["without_rows"])
    yield Ratio(f"tables without a row on {told['session']}", without, f"of {told['tables']}", "none", not without)
    yield _told("requests", told["requests"], "")
    whole = f"one session, all tables, {told['codes']:,} codes"
    yield _at_most(f"{whole}, the first time", told["walls_s"][0], SESSION_S, "s")
    yield _at_most(f"{whole}, the slowest", max(told["walls_s"]), SESSION_S, "s")


def _pace(told: dict[str, Any]) -> Iterator[Ratio]:
    for way in ("files", "dates"):
        if found := told.get(way):
            years, by = found["ten_years"], f"by {way}, plan {told['plan']}"
            yield _told(f"{by}: requests of {found['sessions']} sessions", found["requests"], "")
            yield _told(f"{by}: requests under way at once, at most", found["most_at_once"], "")
            yield _told(f"{by}: what it asks a minute when no pace holds it", found["unpaced_per_minute"], "")
            yield _at_most(f"{by}: wall over the pace's bound ({found['bound_s']} s)", found["ratio"], OVER_PACE, "x")
            ten = f"{by}: 2,450 sessions, {years['requests']:,} requests, from these"
            yield _told(f"{ten}: bound", round(years["bound_s"] / 3600, 2), "h")
            yield _at_most(f"{ten}: wall over bound", years["ratio"], OVER_PACE, "x")


def _memory(told: dict[str, Any]) -> Iterator[Ratio]:
    yield _told(f"peak over {told['sessions']:,} sessions of {told['codes']} codes", told["peak_mib"], "MiB")
    yield _at_most("growth a thousand sessions", told["slope_mib_per_1000_sessions"], FLAT_MIB, "MiB")
