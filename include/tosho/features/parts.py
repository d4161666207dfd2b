"""The series pass in parts by lookback: what looks back twenty rows is not computed over eight hundred.

An evening asks for one session. A few averages need the 799 rows before it, most features a tenth of that. A value is
made of its own window's rows alone, so it has the same bits over any stretch of rows that holds its window.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tosho.features.plan import Level, Plan

BOUNDS: Final = (4, 24, 64, 130, 260, 520)
"""Rows before a row over which features are computed together, beside the plan's longest lookback."""

WORTHWHILE: Final = 512
"""Sessions asked for from which on one part does: the rows before them no longer matter."""


@dataclass(frozen=True)
class Part:
    """Columns of the series pass that need no more than `rows_before` rows before a row."""

    columns: tuple[str, ...]
    levels: tuple[Level, ...]
    rows_before: int

    @cached_property
    def reads(self) -> frozenset[str]:
        """All columns that its features read, and those it passes on."""
        return frozenset((*self.columns, *(name for level in self.levels for f in level for name in f.inputs)))


def parts_of(passes: Plan, sessions: int, wanted: Collection[str]) -> Iterator[Part]:
    """Yield the parts in which a number of sessions is computed; their columns together are those wanted."""
    longest = max((0, *passes.lookback.values()))
    bounds = [bound for bound in BOUNDS if bound < longest] if is_parted(sessions) else []
    made = {f.name for level in passes.series for f in level}
    before = -1
    for bound in (*bounds, longest):
        reach = {name: passes.lookback[name] if name in made else 0 for name in wanted}
        names = tuple(name for name in wanted if before < reach[name] <= bound)
        if names:
            yield Part(names, tuple(_needed(passes.series, names)), bound)
        before = bound


def is_parted(sessions: int) -> bool:
    """Return whether so many sessions are computed in parts."""
    return sessions < WORTHWHILE


def read_beyond(passes: Plan, rows: int) -> frozenset[str]:
    """Return the columns that features of the series pass read which look further back than so many rows."""
    further = [name for name, bound in passes.lookback.items() if bound > rows]
    return frozenset(name for level in _needed(passes.series, further) for f in level for name in f.inputs)


def rows_read(passes: Plan, columns: Collection[str]) -> int:
    """Return over how many rows before a row features read some columns at most; 0, if of the row itself alone."""
    bounds = sorted({0, *passes.lookback.values()})
    return next(rows for rows in bounds if read_beyond(passes, rows).isdisjoint(columns))


def _needed(levels: Iterable[Level], names: Iterable[str]) -> list[Level]:
    """Return of each level what some columns need."""
    needed, kept = set(names), []
    for level in reversed(tuple(levels)):
        kept.append(tuple(f for f in level if f.name in needed))
        needed.update(name for f in kept[-1] for name in f.inputs)
    return [level for level in reversed(kept) if level]
