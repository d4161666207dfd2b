"""What the workers run: rows in, rows out, each a key and a blob. The mathematics is the local engine's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from tosho.features.spark.blob import pack, split_by_bucket, unpack
from tosho.features.spark.shape import Shape
from tosho.features.spark.source import Source, Tables, Window

_NARROW: dict[str, pa.DataType] = {"bucket": pa.int32(), "table": pa.string(), "blob": pa.binary()}
_WIDE: dict[str, pa.DataType] = {"span": pa.int32(), "blob": pa.binary()}
NARROW_DDL = "bucket int, `table` string, blob binary"
WIDE_DDL = "span int, blob binary"

Batches = Iterator[pa.RecordBatch]
Series = Callable[[Tables], pl.DataFrame]
"""From the tables of whole codes to the wide rows that the cross-section needs, of every session there is."""


@dataclass(frozen=True)
class Read:
    """Stage 0: from numbers of chunks to the tables' rows, by bucket of codes."""

    source: Source
    window: Window
    shape: Shape

    def chunks(self) -> int:
        """Return how many chunks there are, earlier sessions included."""
        return -(-self._sessions() // self.shape.chunk)

    def __call__(self, batches: Batches) -> Batches:
        """Read the chunks that came to this task."""
        for batch in batches:
            for row in batch.to_pylist():
                yield from _rows(self._read(row["id"]), _NARROW)

    def _sessions(self) -> int:
        return len(self.window.earlier) + len(self.window.needed)

    def _read(self, chunk: int) -> Iterator[tuple[int, str, bytes]]:
        bounds = slice(chunk * self.shape.chunk, (chunk + 1) * self.shape.chunk)
        known = len(self.window.earlier)
        numbered = list(enumerate([*self.window.earlier, *self.window.needed]))[bounds]
        tables = self.source.read([s for i, s in numbered if i >= known], [s for i, s in numbered if i < known])
        for name, frame in tables.items():
            for bucket, rows in split_by_bucket(frame, self.shape.buckets):
                yield bucket, name, pack(rows)


@dataclass(frozen=True)
class ComputeSeries:
    """Stage 1: from whole codes to wide rows, by span of sessions. A task may be dealt several buckets."""

    series: Series
    window: Window
    shape: Shape

    def __call__(self, batches: Batches) -> Batches:
        """Compute the codes that came to this task, bucket by bucket."""
        buckets: dict[int, dict[str, list[bytes]]] = {}
        for batch in batches:
            for row in batch.to_pylist():
                buckets.setdefault(row["bucket"], {}).setdefault(row["table"], []).append(row["blob"])
        for bucket in sorted(buckets):
            yield from _rows(self._compute(buckets.pop(bucket)), _WIDE)

    def _compute(self, blobs: dict[str, list[bytes]]) -> Iterator[tuple[int, bytes]]:
        wide = self.series({name: pl.concat(map(unpack, packed)) for name, packed in blobs.items()})
        wanted = wide.filter(pl.col("session") >= self.window.wanted[0])
        del wide
        for number in range(self.spans()):
            sessions = self.window.wanted[number * self.shape.span : (number + 1) * self.shape.span]
            rows = wanted.filter(pl.col("session").is_between(sessions[0], sessions[-1]))
            if rows.height:
                yield number, pack(rows)

    def spans(self) -> int:
        """Return how many spans the wanted sessions make."""
        return -(-len(self.window.wanted) // self.shape.span)


def _rows(rows: Iterable[tuple[object, ...]], columns: dict[str, pa.DataType]) -> Batches:
    """Yield each row as a batch of its own, so that one blob at a time is in memory."""
    for row in rows:
        values = [pa.array([value], kind) for value, kind in zip(row, columns.values(), strict=True)]
        yield pa.RecordBatch.from_arrays(values, names=list(columns))
