"""What the driver publishes, and what it takes away: no Spark needed to ask."""

from __future__ import annotations

from datetime import date

import polars as pl
import pyarrow as pa
import pytest

from tosho.contracts import features_contract
from tosho.features.pieces import blob
from tosho.features.pieces.block import packed
from tosho.features.pieces.partitions import IncompleteError, Target
from tosho.features.spark.sink import PartitionWriter
from tosho.storage import Files, Lake, layout

SESSIONS = (date(2024, 12, 19), date(2024, 12, 20))


@pytest.fixture
def lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/lake"))


@pytest.fixture
def writer(lake):
    def finish(rows, _):
        return rows.with_columns(pl.col("mom_5").cast(pl.Float32))

    return PartitionWriter(Target(lake, "features", SESSIONS, features_contract(("mom_5",)), {}, finish))


def batch(session, *codes, value=0.5):
    frame = pl.DataFrame({"session": [session] * len(codes), "code": codes, "mom_5": [value] * len(codes)})
    [rows] = packed(frame, [SESSIONS])
    return pa.RecordBatch.from_pylist([{"span": 0, "table": "rows", "blob": rows}])


def test_codes_of_a_session_are_gathered_from_several_blobs(lake, writer):
    written = writer.write(
        iter([batch(SESSIONS[0], "72030"), batch(SESSIONS[1], "13010"), batch(SESSIONS[0], "13010")])
    )
    assert lake.sessions("features") == []
    writer.commit([written])
    assert lake.sessions("features") == list(SESSIONS)
    assert lake.read("features", SESSIONS[0])["code"].to_list() == ["13010", "72030"]


def test_a_session_that_did_not_come_stops_the_others(lake, writer):
    written = writer.write(iter([batch(SESSIONS[0], "13010")]))
    with pytest.raises(IncompleteError, match="2024, 12, 20"):
        writer.commit([written, None])
    assert lake.sessions("features") == []


def test_a_session_that_came_in_two_tasks_stops_the_job(lake, writer):
    written = [writer.write(iter([batch(s, code)])) for s in SESSIONS for code in ("13010", "72030")]
    with pytest.raises(IncompleteError, match="4 came"):
        writer.commit(written)
    assert lake.sessions("features") == []


def test_abort_leaves_what_is_published_even_of_the_same_content(lake, writer):
    writer.commit([writer.write(iter([batch(s, "13010") for s in SESSIONS]))])
    before = [lake.files.names(layout.partition_path("features", s)) for s in SESSIONS]
    again = writer.write(iter([batch(SESSIONS[0], "13010"), batch(SESSIONS[1], "13010", value=0.7)]))
    writer.abort([again, None])
    assert [lake.files.names(layout.partition_path("features", s)) for s in SESSIONS] == before


def test_a_task_that_fails_takes_its_own_files_away(lake):
    """Spark's abort is told nothing of a task that failed."""

    def finish(rows, _):
        if rows["session"][0] == SESSIONS[1]:
            raise ArithmeticError("planted")
        return rows.with_columns(pl.col("mom_5").cast(pl.Float32))

    writer = PartitionWriter(Target(lake, "features", SESSIONS, features_contract(("mom_5",)), {}, finish))
    with pytest.raises(ArithmeticError, match="planted"):
        writer.write(iter([batch(session, "13010") for session in SESSIONS]))
    assert lake.files.names(layout.partition_path("features", SESSIONS[0])) == []


def test_a_blob_that_cannot_travel_is_refused(monkeypatch):
    monkeypatch.setattr(blob, "LIMIT", 1000)
    with pytest.raises(blob.BlobTooLargeError, match="more buckets"):
        blob.pack(pl.DataFrame({"x": [str(i**7) for i in range(10_000)]}))
