"""What the series pass leaves of some rows: one matrix of float32, and a frame of the columns that are none.

Hundreds of columns as an Arrow stream cost a call each, for each of the thousands of blobs of a history; a matrix costs
what its bytes do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tosho.features.in_memory import in_memory
from tosho.features.pieces.blob import Blob, pack, small_enough, unpack

Values: TypeAlias = npt.NDArray[np.float32]
Numbers: TypeAlias = npt.NDArray[np.int64]

_HEAD = struct.Struct("<qq")  # bytes of the names, and of the rest
_NO_DAY = np.iinfo(np.int32).min


@dataclass(frozen=True)
class Block:
    """Rows. `rest` are session, code and what is not float32.

    Of the others a row has the value number n, in the order of `names`, at `begin + n * step` of `values`; NaN for
    null.
    """

    names: tuple[str, ...]
    rest: pl.DataFrame
    values: Values
    begin: Numbers
    step: Numbers

    @classmethod
    def together(cls, blobs: Sequence[Blob]) -> Block:
        """Return the rows of some blobs of the same columns, one blob's after the other's."""
        names, rests, values = zip(*map(_unpacked, blobs), strict=True)
        if len(set(names)) > 1:
            raise ValueError(
                f"Blocks of the columns {' and '.join(map(str, set(names)))} came for the same sessions; rows that are "
                "put together have the same. They were made by two versions: run the job again."
            )
        rows = np.array([rest.height for rest in rests])
        first, step = np.cumsum(rows) - rows, np.repeat(rows, rows)
        # within a blob rows lie one after the other, column after column
        begin = np.arange(rows.sum()) + np.repeat(first * (len(names[0]) - 1), rows)
        return cls(names[0], pl.concat(rests, rechunk=True), np.concatenate(values), begin, step)

    def sessions(self) -> Iterator[tuple[date, pl.DataFrame]]:
        """Yield each session and its rows, in the order of their codes."""
        order = self.rest.select(pl.arg_sort_by("session", "code")).to_series()
        rest, places = self.rest[order], order.to_numpy()
        ends = np.flatnonzero(np.diff(_days(rest), append=_NO_DAY)) + 1
        for begin, end in pairwise((0, *ends.tolist())):
            found = self._values_of(places[begin:end])
            yield rest["session"][begin], pl.concat([rest[begin:end], found], how="horizontal")

    def _values_of(self, places: npt.NDArray[np.uint32]) -> pl.DataFrame:
        from tosho.features.pieces.block_loops import pick  # noqa: PLC0415 - as in `_laid`

        values, known = pick(self.values, self.begin[places], self.step[places], len(self.names))
        arrays = [
            pa.Array.from_buffers(pa.float32(), places.size, [pa.py_buffer(bits), pa.py_buffer(row)])
            for bits, row in zip(known, values, strict=True)
        ]
        return pl.DataFrame(pa.Table.from_arrays(arrays, names=list(self.names)))


def packed(frame: pl.DataFrame, spans: Sequence[tuple[date, date]]) -> Iterator[bytes | None]:
    """Yield the rows of each span of sessions as bytes, None where there are none.

    A NaN among float32 would come back as null: the series pass leaves none.

    Args:
        frame: With session and code.
        spans: The first and last session of each, in order; they hold the sessions of all rows, and none lies in two.
    """
    names = [name for name, kind in frame.schema.items() if kind == pl.Float32]
    rest, told = frame.drop(names), "\n".join(names).encode()
    lasts = pl.Series([last for _, last in spans], dtype=pl.Date)
    span = lasts.search_sorted(rest["session"]).to_numpy().astype(np.int64)
    # a session's rows lie together: who takes them out again reads no other session's
    order, rows = np.argsort(_days(rest), kind="stable"), np.bincount(span, minlength=len(spans))
    values = _laid(frame.select(names), span, order, rows)
    ends = np.cumsum(rows)
    for begin, end in zip(ends - rows, ends, strict=True):
        if begin == end:
            yield None
            continue
        others = pack(rest[order[begin:end]])
        head = _HEAD.pack(len(told), len(others))
        blob = b"".join((head, told, others, values[len(names) * begin : len(names) * end].data))
        yield small_enough(blob, int(end - begin), frame.width)


def _days(rest: pl.DataFrame) -> npt.NDArray[np.int32]:
    return rest["session"].to_physical().to_numpy()


def _laid(frame: pl.DataFrame, span: Numbers, order: Numbers, rows: Numbers) -> Values:
    """Return the columns `[columns, rows]` of the first span's rows, then those of the second's, and so on."""
    from tosho.features.pieces.block_loops import lay  # noqa: PLC0415 - Numba, only where values are laid out

    values, begin = np.empty(frame.width * span.size, np.float32), np.empty(span.size, np.int64)
    begin[order] = np.arange(span.size)
    begin += (frame.width - 1) * (np.cumsum(rows) - rows)[span]  # what the spans before take
    step = rows[span]
    for number, column in enumerate(frame.iter_columns()):
        lay(*in_memory(column), begin, step, number, values)
    return values


def _unpacked(blob: Blob) -> tuple[tuple[str, ...], pl.DataFrame, Values]:
    of_names, of_rest = _HEAD.unpack_from(blob)
    begin = _HEAD.size + of_names
    names = tuple(bytes(blob[_HEAD.size : begin]).decode().split("\n")) if of_names else ()
    return names, unpack(blob[begin : begin + of_rest]), np.frombuffer(blob, np.float32, offset=begin + of_rest)
