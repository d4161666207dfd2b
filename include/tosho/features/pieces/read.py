"""The first pieces: chunks of sessions of the lake's narrow tables, split by bucket of codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tosho.features.pieces.blob import pack, split_by_bucket
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import Source, Window


@dataclass(frozen=True)
class Read:
    """From the number of a chunk to the tables' rows of its sessions.

    Of bars that lie further back than `source.FAR` sessions only the columns `far` are read; all, if that is None. Rows
    of other codes than `codes` are left out; of none, if that is None.
    """

    source: Source
    window: Window
    shape: Shape
    far: tuple[str, ...] | None = None
    codes: frozenset[str] | None = None

    @cached_property
    def chunks(self) -> list[tuple[list[date], list[date]]]:
        """The sessions of each chunk: those read in full, and earlier ones."""
        return self.window.chunks(self.shape.chunk)

    def __call__(self, chunk: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield a chunk's rows as bucket, table and blob."""
        full, ever = self.chunks[chunk]
        bars = self.far if full and full[-1] < self.window.near_from else None
        for name, frame in self.source.read(full, ever, bars).items():
            for bucket, rows in split_by_bucket(frame, self.shape.buckets, self.codes):
                yield bucket, name, pack(rows)
