"""The Spark session of a feature job: what must be set for blobs of Arrow to pass, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession  # noqa: TID253 - this package is the door to pyspark

import tosho
from tosho.config import spark_jvm
from tosho.features.pieces.worker import WORKER

_OF_SUBMIT = "PYSPARK_GATEWAY_PORT"
"""The variable by which spark-submit tells a program where its JVM listens."""

_NEEDED = {
    # Rows are few and heavy: a handful to a batch keeps every Arrow buffer far below its 2 GB.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "8",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 * 1024 * 1024),
    # The number of partitions is ours: one a bucket or span. Adaptive execution would coalesce or split them.
    "spark.sql.adaptive.enabled": "false",
    # The blobs are compressed already.
    "spark.shuffle.compress": "false",
    "spark.shuffle.spill.compress": "false",
    # Two attempts of one task at once would write, and on failure remove, the same files.
    "spark.speculation": "false",
    # One thread a task: Spark has as many tasks at once as cores.
    **{f"spark.executorEnv.{name}": value for name, value in WORKER.items()},
}


def open_session(name: str, master: str = "") -> SparkSession:
    """Return the running session, or start one.

    Args:
        name: What the cluster shows as the application's name.
        master: Where to run, as `local[2]`. Empty under spark-submit, which says it.
    """
    # The workers must run this very Python; on a cluster where it lies elsewhere the caller's variable wins.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    if master:
        builder = builder.master(master).config("spark.ui.enabled", "false")
        spark_jvm.prefer_quick_start(os.environ)
    # Workers on this machine find the package where the driver found it; others get it by --py-files.
    builder = builder.config("spark.executorEnv.PYTHONPATH", _python_path())
    for key, value in _NEEDED.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


@contextmanager
def running_session(name: str, master: str = "") -> Iterator[SparkSession]:
    """Give the running session, or one that is started as `open_session` does and stopped with the block.

    Under spark-submit it ends with the program: spark-submit stops it then (SPARK-34674), and does not wait, as `stop`
    does for up to a second, until the server of accumulators looks up.
    """
    running = SparkSession.getActiveSession()
    session = open_session(name, master)
    try:
        yield session
    finally:
        if running is None and _OF_SUBMIT not in os.environ:
            session.stop()


def _python_path() -> str:
    package = str(Path(tosho.__file__).parents[1])
    return os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH", "")])])
