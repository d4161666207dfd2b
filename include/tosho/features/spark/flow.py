"""The job's shape in Spark: three stages and two shuffles, of rows that are few and heavy."""

from __future__ import annotations

from pyspark.sql import SparkSession  # noqa: TID253 - this package is the door to pyspark

from tosho.features.spark.sink import Target, sink_of
from tosho.features.spark.stages import NARROW_DDL, WIDE_DDL, ComputeSeries, Read


def flow(spark: SparkSession, read: Read, series: ComputeSeries, target: Target) -> None:
    """Read, compute by code, finish by session, publish.

    Rows go to the partition that their number names, so that no two buckets meet by an accident of hashing.

    Raises:
        pyspark.errors.PySparkException: A task failed for good. Nothing was published.
    """
    tasks = min(read.chunks(), 4 * spark.sparkContext.defaultParallelism)
    sink = sink_of(target)
    spark.dataSource.register(sink)
    (
        spark.range(0, read.chunks(), 1, tasks)
        .mapInArrow(read, NARROW_DDL)
        .repartitionById(series.shape.buckets, "bucket")
        .mapInArrow(series, WIDE_DDL)
        .repartitionById(series.spans(), "span")
        .write.format(sink.name())
        .mode("append")
        .save()
    )
