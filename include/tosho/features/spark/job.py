"""Building features of the lake's sessions with Spark, from one call."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyspark.sql import SparkSession  # noqa: TID253 - this package is the door to pyspark

from tosho.config import Settings
from tosho.contracts import features_contract
from tosho.features import local
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.spark.engine import Finish, Series
from tosho.features.spark.flow import flow
from tosho.features.spark.session import running_session
from tosho.features.spark.shape import Shape, shape_of
from tosho.features.spark.sink import Target
from tosho.features.spark.source import LakeSource, Window, window_in
from tosho.features.spark.stages import ComputeSeries, Read
from tosho.observability import metrics
from tosho.storage import Lake

TABLE = "features"


def build(settings: Settings, name: str, first: date, last: date) -> dict[str, Any]:
    """Compute a set's features of the sessions from `first` to `last`, and publish one partition each.

    The partitions are those that the local engine gives, byte for byte, however the work is dealt out. Under
    spark-submit it runs where that says; else on this machine.

    Args:
        settings: The installation: where the lake is.
        name: The feature set's name.
        first: First day, included.
        last: Last day, included.

    Returns:
        What was done: first, last, sessions, rows, features, feature_set.

    Raises:
        UnknownFeatureSetError: There is no such set.
        SessionsMissingError: The lake lacks bars that are needed.
        FeatureJobError: A task failed for good. No session is half published.
    """
    lake, wanted = Lake.of(settings), feature_set(name)
    window = window_in(lake, first, last, plan(wanted).rows_before)
    rows = lake.manifest("bars", window.wanted[-1]).rows
    with (
        metrics.stage(settings.metrics, "features"),
        running_session(f"tosho features {name} {first}..{last}") as spark,
    ):
        publish(spark, lake, wanted, window, shape_of(rows, window, spark.sparkContext.defaultParallelism))
    return {
        "first": window.wanted[0].isoformat(),
        "last": window.wanted[-1].isoformat(),
        "sessions": len(window.wanted),
        "rows": sum(lake.manifest(TABLE, session).rows for session in window.wanted),
        "features": len(wanted.features),
        "feature_set": name,
    }


def publish(spark: SparkSession, lake: Lake, wanted: FeatureSet, window: Window, shape: Shape) -> None:
    """Run the flow from the lake to the lake in an open session. `shape` decides speed and memory, never a value."""
    passes = plan(wanted)
    listed = lake.sessions("indices", window.needed[0], window.needed[-1])
    indices = lake.read_many("indices", listed) if listed else None
    market = local.compute_market(indices, passes, window.needed)
    flow(
        spark,
        Read(LakeSource.of(lake, window.needed[-1]), window, shape),
        ComputeSeries(Series(passes, market, window.needed, window.wanted), window, shape),
        Target(
            lake,
            TABLE,
            window.wanted,
            features_contract(wanted.names),
            {"feature_set": wanted.name, "number": wanted.number},
            Finish(passes),
        ),
    )
