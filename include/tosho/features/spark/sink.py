"""Where the job ends in Spark: a data source whose writers stage partitions, and whose commit publishes them.

Spark opens the data source, and then its writer, in processes of their own that do nothing with it. So the target
travels packed, and what it is made of is imported where it is written to and published: this module is light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.serializers import CloudPickleSerializer  # noqa: TID253 - this package is the door to pyspark
from pyspark.sql.datasource import DataSource, DataSourceArrowWriter, WriterCommitMessage  # noqa: TID253
from pyspark.sql.types import StructType  # noqa: TID253

if TYPE_CHECKING:
    import pyarrow as pa

    from tosho.features.pieces.partitions import Staged, Target

_PICKLE = CloudPickleSerializer()


@dataclass(frozen=True)
class Brought(WriterCommitMessage):  # type: ignore[misc]  # pyspark is not typed for us
    """What one task wrote."""

    staged: Staged


class PartitionWriter(DataSourceArrowWriter):  # type: ignore[misc]
    """Takes (span, table, blob) rows. What a session's partition holds does not depend on how they were dealt out."""

    def __init__(self, target: Target) -> None:
        self._packed: bytes = _PICKLE.dumps(target)

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Brought:
        """Finish and write each session of the spans in this task; Spark's abort is told nothing of one that fails."""
        from tosho.features.pieces.job import by_key  # noqa: PLC0415 - not where a writer is only opened

        rows = ((row["span"], row["table"], row["blob"]) for batch in iterator for row in batch.to_pylist())
        return Brought(self._target.stage(by_key(rows).values()))

    def commit(self, messages: list[Brought | None]) -> None:
        """Publish every session.

        Raises:
            IncompleteError: A session is missing or comes twice. None is published.
        """
        self._target.commit(message.staged for message in messages if message)

    def abort(self, messages: list[Brought | None]) -> None:
        """Remove the files that this job brought and nobody was told of."""
        self._target.abort(message.staged for message in messages if message)

    @property
    def _target(self) -> Target:
        target: Target = _PICKLE.loads(self._packed)
        return target


def sink_of(target: Target) -> type[DataSource]:
    """Return the data source to register for one job.

    The target travels inside the class and not in options: those are shown in Spark's plans, and a lake holds keys.
    """
    writer = PartitionWriter(target)

    class FeatureSink(DataSource):  # type: ignore[misc]
        @classmethod
        def name(cls) -> str:
            return "tosho_features"

        def writer(self, schema: StructType, overwrite: bool) -> PartitionWriter:  # noqa: ARG002, FBT001 - its signature
            return writer

    return FeatureSink
