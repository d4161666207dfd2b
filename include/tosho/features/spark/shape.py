"""How the work is dealt out: into chunks of sessions, buckets of codes, spans of sessions."""

from __future__ import annotations

from dataclasses import dataclass

from tosho.features.spark.source import Window

CHUNK_SESSIONS = 16
BUCKET_ROWS = 131_072
"""Rows of a group of codes: 50 MB with 100 features of 4 bytes, and a few times that while they are computed."""
SPAN_ROWS = 65_536
"""Rows finished together, of all codes: 25 MB with 100 features."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the pieces. They decide speed and memory, never a value."""

    chunk: int  # sessions read at once
    buckets: int  # groups of whole codes
    span: int  # sessions finished at once


def shape_of(rows: int, window: Window, tasks: int) -> Shape:
    """Return the shape for a window.

    Args:
        rows: Rows of one session.
        window: The sessions.
        tasks: How many can run at once: there are at least as many buckets.

    >>> from datetime import date
    >>> days = tuple(date(2024, 1, day) for day in range(4, 20))
    >>> shape_of(40_000, Window((), days, days[-2:]), 2)
    Shape(chunk=16, buckets=5, span=1)
    """
    buckets = max(tasks, -(-rows * len(window.needed) // BUCKET_ROWS))
    return Shape(CHUNK_SESSIONS, min(buckets, max(rows, 1)), max(1, SPAN_ROWS // max(rows, 1)))
