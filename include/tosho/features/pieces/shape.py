"""How the work is dealt out: into chunks of sessions, buckets of codes, spans of sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import ceil

from tosho.features.pieces.source import Window

CHUNK_SESSIONS = 40
GIVEN = 20
"""Columns of a row before features are computed."""
BUCKET_VALUES = 3 << 25
"""Values of a group of codes: 403 MB of 4 bytes, and a few times that while they are computed. Each group has its own
cost, mostly for what is known of statements: a history of set `full` took 6 s less with 30 groups than with 45."""
BUCKET_ROWS = 5 << 16
"""Rows of a group of codes. More of few columns save nothing: set `core` took 6 s more with 15 groups than with 45."""
SPAN_VALUES = 1 << 24
"""Values finished together, of all codes: 67 MB."""
SPAN_SESSIONS = 64
"""Sessions finished together at most."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the pieces. They decide speed and memory, never a value."""

    chunk: int  # sessions read at once
    buckets: int  # groups of whole codes
    span: int  # sessions finished at once

    def spans(self, window: Window) -> int:
        """Return how many spans the wanted sessions make."""
        return -(-len(window.wanted) // self.span)

    def sessions_of(self, span: int, window: Window) -> tuple[date, ...]:
        """Return the wanted sessions of a span."""
        return window.wanted[span * self.span : (span + 1) * self.span]


def shape_of(rows: int, columns: int, window: Window, tasks: int) -> Shape:
    """Return the shape for a window.

    Args:
        rows: Rows of one session.
        columns: Columns of one row, as the series pass leaves it.
        window: The sessions.
        tasks: How many can run at once: there are at least as many buckets.

    >>> from datetime import date
    >>> days = tuple(date(2024, 1, day) for day in range(4, 20))
    >>> shape_of(40_000, 110, Window((), days, days[-2:]), 2)
    Shape(chunk=40, buckets=2, span=3)
    >>> [shape_of(40_000, 110, Window((), days * 9, days * 9), tasks).buckets for tasks in (1, 2, 4)]
    [18, 18, 20]
    """
    values = rows * (GIVEN * len(window.needed) + columns * len(window.wanted))
    buckets = max(values / BUCKET_VALUES, rows * len(window.wanted) / BUCKET_ROWS)
    buckets = tasks * max(1, ceil(buckets / tasks))  # so that none waits while others do the last
    span = max(1, min(SPAN_SESSIONS, SPAN_VALUES // max(rows * columns, 1)))
    return Shape(CHUNK_SESSIONS, min(buckets, max(rows, 1)), span)
