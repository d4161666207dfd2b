"""How cost grows with the market: sizes to measure, and a power of the rows fitted to what they took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.results import Entries

AXES = ("codes", "sessions")
COSTS = ("work_cpu_s", "work_s")
LEAST = (50, 30)
"""Codes and sessions of the smallest market that can be simulated."""
_CODES = (500, 1000, 2000, 4000)
_SESSIONS = (250, 500, 1000, 2450)


@dataclass(frozen=True)
class Fit:
    """`cost = factor * rows ** exponent`; `last` is the exponent between the two largest sizes alone."""

    exponent: float
    factor: float
    last: float


def sizes(codes: int, sessions: int) -> dict[str, list[tuple[int, int]]]:
    """Return the markets to measure by axis, as codes and sessions: those of the issue, scaled to the largest asked.

    The other axis is held where a measurement takes seconds: a tenth of the sessions, an eighth of the codes.

    >>> sizes(4000, 2450)["codes"]
    [(500, 250), (1000, 250), (2000, 250), (4000, 250)]
    >>> sizes(4000, 2450)["sessions"]
    [(500, 250), (500, 500), (500, 1000), (500, 2450)]
    """
    by_codes = dict.fromkeys(max(codes * n // _CODES[-1], LEAST[0]) for n in _CODES)
    by_sessions = dict.fromkeys(max(sessions * n // _SESSIONS[-1], LEAST[1]) for n in _SESSIONS)
    return {
        "codes": [(n, min(by_sessions)) for n in by_codes],
        "sessions": [(min(by_codes), n) for n in by_sessions],
    }


def fit(points: Iterable[tuple[float, float]]) -> Fit | None:
    """Fit a power of the rows to costs by least squares of their logarithms; None where fewer than three were measured.

    >>> fit([(10, 2), (100, 20), (1000, 200)])
    Fit(exponent=1.0, factor=0.2, last=1.0)
    """
    logs = sorted((math.log(rows), math.log(cost)) for rows, cost in points if rows > 0 and cost > 0)
    if len(logs) < 3:  # noqa: PLR2004 - through two points there is always a line
        return None
    x, y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    exponent = sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)
    (a, c), (b, d) = list(pairwise(logs))[-1]
    return Fit(round(exponent, 3), round(math.exp(y - exponent * x), 9), round((d - c) / (b - a), 3))


def points(entries: Entries, axis: str, cost: str) -> Sequence[tuple[float, float]]:
    """Return rows and cost of what was measured along an axis, by rows."""
    found = (entry for name, entry in entries.items() if name.startswith(f"growth/{axis}/") and cost in entry)
    return sorted((entry["rows"], entry[cost]) for entry in found)


def exponents(entries: Entries) -> dict[str, dict[str, Fit]]:
    """Return the fits by axis and cost, as far as they were measured."""
    told = {axis: {cost: fit(points(entries, axis, cost)) for cost in COSTS} for axis in AXES}
    return {axis: {c: f for c, f in by_cost.items() if f} for axis, by_cost in told.items() if any(by_cost.values())}
