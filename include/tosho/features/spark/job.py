"""Building features of the lake's sessions with Spark, from one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from pyspark.sql import SparkSession  # noqa: TID253 - this package is the door to pyspark

from tosho.config import Settings
from tosho.contracts import features_contract
from tosho.features import local
from tosho.features.inputs import FACT, Published, to_build
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


class Which(StrEnum):
    """Which sessions of a range are built: all, or those without features or with stale ones."""

    ALL = "all"
    STALE = "stale"


def build(settings: Settings, name: str, first: date, last: date, which: Which = Which.ALL) -> dict[str, Any]:
    """Compute a set's features of the sessions from `first` to `last`, and publish one partition each.

    The partitions are those that the local engine gives, byte for byte, however the work is dealt out. Under
    spark-submit it runs where that says; else on this machine.

    Args:
        settings: The installation: where the lake is.
        name: The feature set's name.
        first: First day, included.
        last: Last day, included.
        which: All of these sessions, or those whose features are missing or were made from other data than is
            published now.

    Returns:
        What was done: first, last, sessions, rows, features, feature_set. `first` and `last` are those asked for;
        `sessions` counts what was built.

    Raises:
        UnknownFeatureSetError: There is no such set.
        SessionsMissingError: The lake lacks bars that are needed.
        FeatureJobError: A task failed for good. No session is half published.
    """
    lake, wanted = Lake.of(settings), feature_set(name)
    asked = window_in(lake, first, last, plan(wanted).rows_before)
    sessions = asked.wanted if which is Which.ALL else to_build(lake, asked.wanted, wanted.number)
    if sessions:
        _build(settings, lake, wanted, sessions)
    return {
        "first": asked.wanted[0].isoformat(),
        "last": asked.wanted[-1].isoformat(),
        "sessions": len(sessions),
        "rows": sum(lake.manifest(TABLE, session).rows for session in sessions),
        "features": len(wanted.features),
        "feature_set": name,
    }


def _build(settings: Settings, lake: Lake, wanted: FeatureSet, sessions: Sequence[date]) -> None:
    """Build the features of some sessions, reading what lies between the first and the last of them once."""
    window = replace(window_in(lake, sessions[0], sessions[-1], plan(wanted).rows_before), wanted=tuple(sessions))
    rows = lake.manifest("bars", window.wanted[-1]).rows
    with (
        metrics.stage(settings.metrics, "features"),
        running_session(f"tosho features {wanted.name} {sessions[0]}..{sessions[-1]}") as spark,
    ):
        publish(spark, lake, wanted, window, shape_of(rows, window, spark.sparkContext.defaultParallelism))


def publish(spark: SparkSession, lake: Lake, wanted: FeatureSet, window: Window, shape: Shape) -> None:
    """Run the flow from the lake to the lake in an open session. `shape` decides speed and memory, never a value."""
    passes = plan(wanted)
    listed = lake.sessions("indices", window.needed[0], window.needed[-1])
    indices = lake.read_many("indices", listed) if listed else None
    market = local.compute_market(indices, passes, window.needed)
    published = Published.of(lake, window.wanted[-1], window.needed[0])  # before it is read: a change meanwhile is seen
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
            partial(_made_from, published, passes.rows_before),
        ),
    )


def _made_from(published: Published, lookback: int, session: date) -> dict[str, object]:
    return {FACT: published.made_from(session, lookback)}
