"""The job's shape in Spark: three stages and two shuffles, of rows that are few and heavy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import polars as pl
import pyarrow as pa
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException  # noqa: TID253 - this package is the door to pyspark
from pyspark.sql import SparkSession  # noqa: TID253

from tosho.features.pieces.blob import pack, unpack
from tosho.features.pieces.job import Job, Sums, by_key
from tosho.features.pieces.read import Read
from tosho.features.pieces.series import Series
from tosho.features.spark.sink import sink_of

CAUSE_CHARACTERS = 3000

Batches = Iterator[pa.RecordBatch]
_NARROW: dict[str, pa.DataType] = {"bucket": pa.int32(), "table": pa.string(), "blob": pa.binary()}
_WIDE: dict[str, pa.DataType] = {"span": pa.int32(), "table": pa.string(), "blob": pa.binary()}
_BLOB: dict[str, pa.DataType] = {"blob": pa.binary()}
_NARROW_DDL = "bucket int, `table` string, blob binary"
_WIDE_DDL = "span int, `table` string, blob binary"


class FeatureJobError(RuntimeError):
    """Spark gave up on a job. Partitions are whole: the new one or the one before."""


def flow(spark: SparkSession, job: Job) -> None:
    """Read, compute by code, finish by session, publish.

    Rows go to the partition that their number names, so that no two buckets meet by an accident of hashing.

    Raises:
        FeatureJobError: A task failed for good. No session is half published.
    """
    tasks = min(len(job.read.chunks), 4 * spark.sparkContext.defaultParallelism)
    sink = sink_of(job.target)
    spark.dataSource.register(sink)
    wide = (
        spark.range(0, len(job.read.chunks), 1, tasks)
        .mapInArrow(partial(_read, read=job.read), _NARROW_DDL)
        .repartitionById(job.shape.buckets, "bucket")
        .mapInArrow(partial(_compute, series=job.series), _WIDE_DDL)
        .repartitionById(job.shape.spans(job.window), "span")
    )
    with failing(f"builds {job.target.table} from {job.window.wanted[0]} to {job.window.wanted[-1]}"):
        wide.write.format(sink.name()).mode("append").save()


def spread(spark: SparkSession, sums: Sums, parts: Sequence[int]) -> list[pl.DataFrame]:
    """Return the sums of each part.

    Raises:
        FeatureJobError: A task failed for good.
    """
    frame = spark.range(0, len(parts), 1, len(parts)).mapInArrow(partial(_sum, sums=sums), "blob binary")
    with failing("adds up the returns of sectors, or of the universe"):
        return [unpack(bytes(row["blob"])) for row in frame.collect()]


@contextmanager
def failing(doing: str) -> Iterator[None]:
    """Turn what Spark raises into a sentence."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise FeatureJobError(
            f"The Spark job that {doing} failed; sessions it did not publish are as they were. "
            f"Mend the cause and run it again. Spark says: {_cause(error)}"
        ) from error


def _read(batches: Batches, read: Read) -> Batches:
    for number in _numbers(batches):
        yield from _rows(read(number), _NARROW)


def _compute(batches: Batches, series: Series) -> Batches:
    """Compute the codes that came to this task, bucket by bucket: it may be dealt several."""
    buckets = dict(by_key((row["bucket"], row["table"], row["blob"]) for batch in batches for row in batch.to_pylist()))
    for bucket in sorted(buckets):
        yield from _rows(series(buckets.pop(bucket)), _WIDE)


def _sum(batches: Batches, sums: Sums) -> Batches:
    yield from _rows(((pack(sums(number)),) for number in _numbers(batches)), _BLOB)


def _numbers(batches: Batches) -> Iterator[int]:
    for batch in batches:
        yield from (int(row["id"]) for row in batch.to_pylist())


def _rows(rows: Iterable[tuple[object, ...]], columns: dict[str, pa.DataType]) -> Batches:
    """Yield each row as a batch of its own, so that one blob at a time is in memory."""
    for row in rows:
        values = [pa.array([value], kind) for value, kind in zip(row, columns.values(), strict=True)]
        yield pa.RecordBatch.from_arrays(values, names=list(columns))


def _cause(error: Exception) -> str:
    """What went wrong in a worker, without the stack of the JVM around it."""
    lines = [line.strip() for line in str(error).splitlines() if not line.strip().startswith(("at ", "..."))]
    return "\n".join(lines)[:CAUSE_CHARACTERS]
