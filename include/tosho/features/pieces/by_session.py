"""Rows ordered by session, of which any sessions are a slice: nothing is copied, and nothing searched twice."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

_EPOCH = date(1970, 1, 1).toordinal()


class BySession:
    """A frame whose rows are ordered by session."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._days = rows["session"].to_physical().to_numpy()

    def between(self, first: date, last: date) -> pl.DataFrame:
        """Return the rows of some sessions, both included, as a view."""
        begin = np.searchsorted(self._days, _day(first), "left")
        end = np.searchsorted(self._days, _day(last), "right")
        return self._rows[int(begin) : int(end)]


def _day(session: date) -> int:
    """The number by which Polars keeps a date: days since 1970."""
    return session.toordinal() - _EPOCH
