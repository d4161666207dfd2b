"""Building features of the lake's sessions with Spark, from one call."""

from __future__ import annotations

from functools import partial

from pyspark.sql import SparkSession  # noqa: TID253 - this package is the door to pyspark

from tosho.features.pieces.job import Opening
from tosho.features.pieces.shape import Shape, shape_of
from tosho.features.pieces.source import Window
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet
from tosho.features.spark.flow import flow, spread
from tosho.features.spark.session import running_session
from tosho.storage import Lake


def build_window(lake: Lake, wanted: FeatureSet, window: Window) -> None:
    """Build a set's features of a window's sessions. Under spark-submit it runs where that says; else on this machine.

    Raises:
        FeatureJobError: A task failed for good. No session is half published.
    """
    rows, columns = lake.manifest("bars", window.wanted[-1]).rows, len(plan(wanted).handed_on)
    with running_session(f"tosho features {wanted.name} {window.wanted[0]}..{window.wanted[-1]}") as spark:
        publish(spark, lake, wanted, window, shape_of(rows, columns, window, spark.sparkContext.defaultParallelism))


def publish(spark: SparkSession, lake: Lake, wanted: FeatureSet, window: Window, shape: Shape) -> None:
    """Run the flow from the lake to the lake in an open session. `shape` decides speed and memory, never a value."""
    flow(spark, Opening.of(lake, wanted, plan(wanted), window, shape).prepare(partial(spread, spark)))
