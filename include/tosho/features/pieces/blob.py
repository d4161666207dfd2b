"""Frames as bytes: wide columns cross the JVM as one opaque value a block, never as Spark columns."""

from __future__ import annotations

import io
import zlib
from collections.abc import Container, Iterator
from functools import lru_cache
from typing import TypeAlias

import polars as pl
import pyarrow as pa

Blob: TypeAlias = bytes | memoryview
"""What travels: as it was made, or where a stage finds it in a file."""

LIMIT = 512 * 1024 * 1024
"""Bytes of one blob: an Arrow buffer ends at 2 GB. They are planned to be below 64 MB, see `shape`."""

_FEW = 4
"""Buckets up to which a look at all rows for each of them is faster than one that deals them out."""


class BlobTooLargeError(ValueError):
    """A block of rows is larger than what can travel."""


def pack(frame: pl.DataFrame) -> bytes:
    """Return a frame as an Arrow stream; `unpack` gives back the same bits.

    It is not compressed: of float columns that saves a fifth of the bytes, for a third of the time that they took.
    """
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return small_enough(buffer.getvalue(), frame.height, frame.width)


def small_enough(blob: bytes, rows: int, columns: int) -> bytes:
    """Return a blob of some rows and columns.

    Raises:
        BlobTooLargeError: It has more than `LIMIT` bytes.
    """
    if len(blob) > LIMIT:
        raise BlobTooLargeError(
            f"A block of {rows} rows and {columns} columns takes {len(blob)} bytes; the bound is {LIMIT}. "
            "Ask for more buckets."
        )
    return blob


def unpack(blob: Blob) -> pl.DataFrame:
    """Return the frame that `pack` took."""
    return pl.read_ipc_stream(io.BytesIO(blob))


def unpack_in_place(blob: Blob) -> pl.DataFrame:
    """Return the frame that `pack` took. Its columns lie in the blob: nothing is copied where that is aligned.

    A large frame that was packed from several chunks is several batches, which are put together.

    Raises:
        ArrowNotImplementedError: A column is of a type that Polars alone has, such as integers of 128 bits.
    """
    with pa.ipc.open_stream(pa.py_buffer(blob)) as stream:
        return pl.DataFrame(stream.read_all())


@lru_cache(1 << 14)  # each chunk of sessions asks for the same codes
def bucket_of(code: str, buckets: int) -> int:
    """Return the bucket of a code: the same on every machine and in every version.

    >>> [bucket_of(code, 7) for code in ("13010", "72030", "130A0")]
    [0, 4, 5]
    """
    return zlib.crc32(code.encode()) % buckets


def split_by_bucket(
    frame: pl.DataFrame, buckets: int, wanted: Container[str] | None = None
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield a frame's rows by the bucket of their code, row order kept; buckets without rows are left out.

    Args:
        frame: With `code`.
        buckets: How many there are.
        wanted: The codes whose rows are wanted; all if left out.
    """
    codes = frame["code"].unique().to_list()
    numbers = [bucket_of(code, buckets) if wanted is None or code in wanted else None for code in codes]
    key = frame["code"].replace_strict(codes, pl.Series(numbers, dtype=pl.Int32), return_dtype=pl.Int32)
    if buckets <= _FEW:
        found = {bucket: frame.filter(key == bucket) for bucket in range(buckets)}
    else:
        parts = frame.with_columns(key.alias("_bucket")).partition_by("_bucket", as_dict=True, include_key=False)
        found = {bucket: rows for (bucket,), rows in parts.items() if bucket is not None}
    yield from ((bucket, rows) for bucket, rows in found.items() if rows.height)
