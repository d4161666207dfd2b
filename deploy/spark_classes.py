"""A Spark job as small as can be that goes the way of ours: `deploy/setup.sh` archives the classes that it loads.

An application class-data archive (JEP 350) is the JVM's own: a later JVM maps it instead of reading and verifying
thirteen thousand classes, which is half of what a short job costs.
"""

# ruff: noqa: INP001 - a script, not a package
from __future__ import annotations

import sys
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession  # noqa: TID253 - run by spark-submit alone


def passing(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give back what comes."""
    yield from batches


def main() -> int:
    """Run the job and return its exit status."""
    spark = SparkSession.builder.appName("classes").config("spark.sql.adaptive.enabled", "false").getOrCreate()
    numbers = spark.range(0, 4, 1, 2).selectExpr("cast(id as int) as id")
    rows = numbers.mapInArrow(passing, "id int").repartitionById(2, "id").mapInArrow(passing, "id int")
    rows.write.format("noop").mode("append").save()
    counted = rows.count()
    spark.stop()
    return 0 if counted else 1


if __name__ == "__main__":
    sys.exit(main())
