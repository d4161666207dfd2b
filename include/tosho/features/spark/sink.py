"""Where the job ends: workers write the data files of a lake's partitions, the driver publishes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

import polars as pl
import pyarrow as pa
from pyspark.sql.datasource import (  # noqa: TID253 - this package is the door to pyspark
    DataSource,
    DataSourceArrowWriter,
    WriterCommitMessage,
)
from pyspark.sql.types import StructType  # noqa: TID253

from tosho.contracts import Contract
from tosho.features.spark.blob import unpack
from tosho.storage import Lake, Manifest, layout


class IncompleteError(RuntimeError):
    """The workers did not bring each session once."""


Finish = Callable[[pl.DataFrame], pl.DataFrame]
"""From one session's rows, all codes, as the series stage left them, to the partition's rows."""


@dataclass(frozen=True)
class Staged(WriterCommitMessage):  # type: ignore[misc]  # pyspark is not typed for us
    """What one task wrote: the partitions, and which of their files were not there before."""

    partitions: tuple[Manifest, ...]
    created: tuple[Manifest, ...]


def _nothing_more(_: date) -> dict[str, object]:
    return {}


@dataclass(frozen=True)
class Target:
    """What to publish, all of it or nothing: the sessions of a table, and how a partition of it is made.

    `facts` are every session's. `facts_of` tells more of each: the driver asks it, so that what may be long does not
    travel from the workers.
    """

    lake: Lake
    table: str
    sessions: tuple[date, ...]
    contract: Contract
    facts: dict[str, object]
    finish: Finish
    facts_of: Callable[[date], dict[str, object]] = _nothing_more


class PartitionWriter(DataSourceArrowWriter):  # type: ignore[misc]
    """Takes (span, blob) rows. What a session's partition holds does not depend on how they were dealt out."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Staged:
        """Finish and write each session of the spans in this task; readers see none of it yet."""
        partitions: list[Manifest] = []
        created: list[Manifest] = []
        try:
            for session, rows in _by_session(iterator):
                staged, new = self._stage(session, rows)
                partitions.append(staged)
                created += [staged] * new
        except BaseException:
            self._discard(created)  # Spark tells `abort` nothing of a task that failed
            raise
        return Staged(tuple(partitions), tuple(created))

    def commit(self, messages: list[Staged | None]) -> None:
        """Publish every session: one manifest each, oldest first.

        A session is whole at every instant. A driver that dies here leaves the newer sessions as they were;
        the same job run again publishes the same bytes everywhere.

        Raises:
            IncompleteError: A session is missing or comes twice. None is published.
        """
        staged = sorted((m for message in messages if message for m in message.partitions), key=lambda m: m.session)
        if (came := [manifest.session for manifest in staged]) != list(self.target.sessions):
            raise IncompleteError(
                f"Table {self.target.table}: {len(self.target.sessions)} sessions were asked for and {len(came)} came; "
                f"missing {sorted(set(self.target.sessions) - set(came))}, repeated or not asked for "
                f"{sorted((Counter(came) - Counter(self.target.sessions)).elements())}. Nothing was published."
            )
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._publish, staged))

    def _publish(self, staged: Manifest) -> None:
        facts = {**staged.facts, **self.target.facts_of(staged.session)}
        self.target.lake.commit(replace(staged, facts=facts))

    def abort(self, messages: list[Staged | None]) -> None:
        """Remove the files that this job brought and nobody was told of."""
        self._discard([m for message in messages if message for m in message.created])

    def _stage(self, session: date, rows: pl.DataFrame) -> tuple[Manifest, bool]:
        target = self.target
        before = target.lake.files.names(layout.partition_path(target.table, session))
        frame = target.finish(rows)
        staged = target.lake.stage(target.table, session, frame, contract=target.contract, facts=target.facts)
        return staged, staged.file not in before

    def _discard(self, staged: list[Manifest]) -> None:
        for manifest in staged:
            self.target.lake.discard(manifest)


def sink_of(target: Target) -> type[DataSource]:
    """Return the data source to register for one job.

    The target travels inside the class and not in options: those are shown in Spark's plans, and a lake holds keys.
    """

    class FeatureSink(DataSource):  # type: ignore[misc]
        @classmethod
        def name(cls) -> str:
            return "tosho_features"

        def writer(self, schema: StructType, overwrite: bool) -> PartitionWriter:  # noqa: ARG002, FBT001 - its signature
            return PartitionWriter(target)

    return FeatureSink


def _by_session(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[date, pl.DataFrame]]:
    frames = [unpack(row["blob"]) for batch in batches for row in batch.to_pylist()]
    if frames:
        for (session,), rows in pl.concat(frames).partition_by("session", as_dict=True).items():
            yield session, rows
