"""Spark makes the pieces of a dataset: numbers go out, JSON comes back, the arrays go from the worker to the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession  # noqa: TID253 - imported where Spark is the engine

from tosho.dataset.build import Engine, told
from tosho.dataset.pieces import Pieces
from tosho.features.spark.flow import failing
from tosho.features.spark.session import running_session

_ROUNDS = 4  # tasks that a core does before the driver hears of them: progress, at the price of a short wait for all


@contextmanager
def spark(name: str = "tosho dataset") -> Iterator[Engine]:
    """Give the engine of the running Spark session, or of one that ends with the block.

    Its answers raise FeatureJobError where a task failed for good.
    """
    with running_session(name) as session:

        def engine(pieces: Pieces, what: str) -> Iterator[str]:
            return told(pieces, _results(session, pieces, what), what)

        yield engine


def _results(session: SparkSession, pieces: Pieces, what: str) -> Iterator[str]:
    together = _ROUNDS * session.sparkContext.defaultParallelism
    for begin in range(0, pieces.count, together):
        end = min(begin + together, pieces.count)
        numbers = session.range(begin, end, 1, end - begin)
        made = numbers.mapInArrow(partial(_make, pieces=pieces), "number long, told string")
        with failing(f"makes a dataset ({what})"):
            rows = made.collect()
        yield from (row["told"] for row in sorted(rows, key=lambda row: int(row["number"])))


def _make(batches: Iterator[pa.RecordBatch], pieces: Pieces) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for number in (int(row["id"]) for row in batch.to_pylist()):
            yield pa.RecordBatch.from_pydict({"number": [number], "told": [pieces(number)]})
