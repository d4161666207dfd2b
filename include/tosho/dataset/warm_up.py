"""From which session on a set's windows are full enough to be learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.dataset.assemble import frames_of
from tosho.dataset.cross_section import slices
from tosho.dataset.samples import Columns, Samples
from tosho.storage import Lake

_FULL = 0.5  # share of known values from which on a session is past its features' warm-up
Counts = npt.NDArray[np.int64]


class NeverFullError(LookupError):
    """In no session are enough features known."""


class Known(NamedTuple):
    """How much is known of sessions: their rows, `[sessions]`, and of these the known ones, `[sessions, features]`."""

    sessions: tuple[date, ...]
    rows: Counts
    known: Counts

    @classmethod
    def of(cls, samples: Samples) -> Known:
        """Return what is known of samples."""
        known = [np.isfinite(samples.features[rows]).sum(axis=0) for rows in slices(samples.bounds)]
        return cls(samples.sessions, np.diff(samples.bounds), np.array(known, dtype=np.int64))

    @classmethod
    def in_lake(cls, lake: Lake, columns: Columns, sessions: Sequence[date]) -> Known:
        """Return the same of sessions in a lake, of which one at a time is held in memory.

        Raises:
            ColumnsError: A session's features are of another set, number or order.
        """
        found = [(f.height, f.select(pl.col(columns.names).count()).row(0)) for f in frames_of(lake, columns, sessions)]
        rows, known = zip(*found, strict=True)
        return cls(tuple(sessions), np.array(rows, dtype=np.int64), np.array(known, dtype=np.int64))

    def full(self) -> tuple[date, ...]:
        """Return the sessions from the first on in which half of the values are known, of the features that ever are.

        Raises:
            NeverFullError: There is none.
        """
        ever = self.known.any(axis=0)
        filled = (self.rows > 0) & (self.known.sum(axis=1) >= _FULL * self.rows * max(ever.sum(), 1))
        if not filled.any():
            raise NeverFullError(
                f"In none of the {len(self.sessions)} sessions from {self.sessions[0]} are half of the features known. "
                "Take in a longer history, so that the features' windows can fill."
            )
        return self.sessions[int(filled.argmax()) :]
