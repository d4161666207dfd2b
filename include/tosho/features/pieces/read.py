"""The first pieces: chunks of sessions of the lake's narrow tables, split by bucket of codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tosho.features.pieces.blob import pack, split_by_bucket
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import Source, Window


@dataclass(frozen=True)
class Read:
    """From the number of a chunk to the tables' rows of its sessions."""

    source: Source
    window: Window
    shape: Shape

    def chunks(self) -> int:
        """Return how many chunks there are, earlier sessions included."""
        return -(-(len(self.window.earlier) + len(self.window.needed)) // self.shape.chunk)

    def __call__(self, chunk: int) -> Iterator[tuple[int, str, bytes]]:
        """Yield a chunk's rows as bucket, table and blob."""
        bounds = slice(chunk * self.shape.chunk, (chunk + 1) * self.shape.chunk)
        known = len(self.window.earlier)
        numbered = list(enumerate([*self.window.earlier, *self.window.needed]))[bounds]
        tables = self.source.read([s for i, s in numbered if i >= known], [s for i, s in numbered if i < known])
        for name, frame in tables.items():
            for bucket, rows in split_by_bucket(frame, self.shape.buckets):
                yield bucket, name, pack(rows)
