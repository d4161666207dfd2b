"""The job's shape in Spark: three stages and two shuffles, of rows that are few and heavy."""

from __future__ import annotations

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException  # noqa: TID253 - this package is the door to pyspark
from pyspark.sql import SparkSession  # noqa: TID253

from tosho.features.spark.sink import Target, sink_of
from tosho.features.spark.stages import NARROW_DDL, WIDE_DDL, ComputeSeries, Read

CAUSE_CHARACTERS = 3000


class FeatureJobError(RuntimeError):
    """Spark gave up on a job. Partitions are whole: the new one or the one before."""


def flow(spark: SparkSession, read: Read, series: ComputeSeries, target: Target) -> None:
    """Read, compute by code, finish by session, publish.

    Rows go to the partition that their number names, so that no two buckets meet by an accident of hashing.

    Raises:
        FeatureJobError: A task failed for good. No session is half published.
    """
    tasks = min(read.chunks(), 4 * spark.sparkContext.defaultParallelism)
    sink = sink_of(target)
    spark.dataSource.register(sink)
    wide = (
        spark.range(0, read.chunks(), 1, tasks)
        .mapInArrow(read, NARROW_DDL)
        .repartitionById(series.shape.buckets, "bucket")
        .mapInArrow(series, WIDE_DDL)
        .repartitionById(series.spans(), "span")
    )
    try:
        wide.write.format(sink.name()).mode("append").save()
    except (PySparkException, Py4JJavaError) as error:
        first, last = read.window.wanted[0], read.window.wanted[-1]
        raise FeatureJobError(
            f"The Spark job that builds {target.table} from {first} to {last} failed; sessions it did not publish are "
            f"as they were. Mend the cause and run it again. Spark says: {_cause(error)}"
        ) from error


def _cause(error: Exception) -> str:
    """What went wrong in a worker, without the stack of the JVM around it."""
    lines = [line.strip() for line in str(error).splitlines() if not line.strip().startswith(("at ", "..."))]
    return "\n".join(lines)[:CAUSE_CHARACTERS]
