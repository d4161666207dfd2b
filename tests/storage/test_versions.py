"""What a replaced partition was: its manifest tells, and its data can be read."""

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tosho.contracts import features_contract
from tosho.storage import CorruptPartitionError, Lake, PartitionMissingError, Source, layout
from tosho.storage.manifest import VERSIONS_KEPT

SESSION = date(2018, 11, 16)
FOLDER = layout.partition_path("indices", SESSION)


def files_of(lake):
    return {name: lake.files.read(f"{FOLDER}/{name}") for name in lake.files.names(FOLDER)}


def source(number):
    return Source(f"date=2018-11-16&page={number}", f"{number:064d}", f"2018-11-16T08:0{number}:00+00:00")


def test_both_versions_are_told_and_can_be_read(lake, index):
    first = lake.publish("indices", SESSION, index(100.0), sources=[source(1)], quarantined={"low_is_lowest": 2})
    second = lake.publish("indices", SESSION, index(200.0), sources=[source(2)])
    told = lake.manifest("indices", SESSION)
    assert told == second
    assert told.superseded == (first.as_version(),)
    assert (told.superseded[0].sources, told.superseded[0].quarantined) == ((source(1),), {"low_is_lowest": 2})
    assert lake.read_version("indices", SESSION, first.sha256)["close"].item() == 100.0
    assert lake.read_version("indices", SESSION, second.sha256[:16])["close"].item() == 200.0
    assert lake.read("indices", SESSION)["close"].item() == 200.0


def test_equal_content_published_again_makes_no_version_and_changes_no_byte(lake, index):
    lake.publish("indices", SESSION, index(100.0))
    lake.publish("indices", SESSION, index(200.0), sources=[source(1)])
    before = files_of(lake)
    lake.publish("indices", SESSION, index(200.0), sources=[source(1)])
    assert files_of(lake) == before


def test_equal_data_of_another_source_is_told_and_is_no_version(local_lake, index):
    local_lake.publish("indices", SESSION, index(), sources=[source(1)])
    assert local_lake.publish("indices", SESSION, index(), sources=[source(1), source(2)]).superseded == ()


def test_a_manifest_of_before_there_were_versions_is_read_and_stays_as_it_is(local_lake, index):
    local_lake.publish("indices", SESSION, index())
    path = layout.manifest_path("indices", SESSION)
    stored = json.loads(local_lake.files.read(path))
    assert "superseded" not in stored
    assert local_lake.publish("indices", SESSION, index()) == local_lake.manifest("indices", SESSION)
    assert json.loads(local_lake.files.read(path)) == stored


def test_of_the_oldest_versions_only_the_record_stays(local_lake, index):
    made = [local_lake.publish("indices", SESSION, index(100.0 + n)) for n in range(VERSIONS_KEPT + 3)]
    told = local_lake.manifest("indices", SESSION).superseded
    assert [version.sha256 for version in told] == [manifest.sha256 for manifest in made[:-1]]
    assert [version.kept for version in told] == [False, False] + [True] * VERSIONS_KEPT
    assert len(local_lake.files.names(FOLDER)) == 1 + VERSIONS_KEPT + 1
    with pytest.raises(PartitionMissingError, match=r"\(record\)"):
        local_lake.read_version("indices", SESSION, made[0].sha256)
    assert local_lake.read_version("indices", SESSION, made[2].sha256)["close"].item() == 102.0


def test_features_can_be_made_again_and_keep_one_version(local_lake):
    for value in (0.1, 0.2, 0.3):
        frame = pl.DataFrame({"session": [SESSION], "code": ["13010"], "mom_5": [value]})
        local_lake.publish("features", SESSION, frame, contract=features_contract(("mom_5",)))
    assert [version.kept for version in local_lake.manifest("features", SESSION).superseded] == [False, True]


def test_content_that_comes_back_is_published_and_listed_once(local_lake, index):
    made = [local_lake.publish("indices", SESSION, index(100.0 + n % 2)).sha256 for n in range(25)]
    told = local_lake.manifest("indices", SESSION)
    assert told.sha256 == made[-1]
    assert [version.sha256 for version in told.superseded] == made[:2]
    assert local_lake.read_version("indices", SESSION, made[0])["close"].item() == 100.0


def test_content_that_comes_back_after_its_data_was_dropped_is_there(local_lake, index):
    first = local_lake.publish("indices", SESSION, index(100.0))
    for n in range(1, VERSIONS_KEPT + 3):
        local_lake.publish("indices", SESSION, index(100.0 + n))
    local_lake.publish("indices", SESSION, index(100.0))
    assert local_lake.read("indices", SESSION)["close"].item() == 100.0
    assert local_lake.read_version("indices", SESSION, first.sha256)["close"].item() == 100.0


def test_discarding_leaves_the_data_of_an_earlier_version(local_lake, index):
    first = local_lake.publish("indices", SESSION, index(100.0))
    local_lake.publish("indices", SESSION, index(200.0))
    local_lake.discard(local_lake.stage("indices", SESSION, index(100.0)))
    assert local_lake.read_version("indices", SESSION, first.sha256)["close"].item() == 100.0


def test_an_earlier_version_whose_bytes_changed_is_not_read(local_lake, index):
    first = local_lake.publish("indices", SESSION, index(100.0))
    local_lake.publish("indices", SESSION, index(200.0))
    local_lake.files.write(f"{FOLDER}/{first.file}", b"spoilt")
    with pytest.raises(CorruptPartitionError, match="another checksum"):
        local_lake.read_version("indices", SESSION, first.sha256)


def test_a_damaged_manifest_is_named_and_can_be_replaced(local_lake, index):
    local_lake.publish("indices", SESSION, index(100.0))
    local_lake.files.write(layout.manifest_path("indices", SESSION), b'{"rows": 1}')
    with pytest.raises(CorruptPartitionError, match=r"its manifest is no manifest .* Publish the session again"):
        local_lake.read("indices", SESSION)
    local_lake.publish("indices", SESSION, index(200.0))
    assert local_lake.read("indices", SESSION)["close"].item() == 200.0


_PUBLISH_AND_DIE = """
import os, signal, sys
from datetime import date
import polars as pl
from tosho.storage import Files, Lake
root, fatal, close = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
count = 0
def dying(call, before):
    def wrapped(*given):
        global count
        count += 1
        if before and count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*given)
        if not before and count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapped
os.fsync, os.replace = dying(os.fsync, True), dying(os.replace, False)
row = {"session": date(2018, 11, 16), "index_code": "0000"} | dict.fromkeys(("open", "high", "low", "close"), close)
Lake(Files(root)).publish("indices", date(2018, 11, 16), pl.DataFrame([row]))
"""


@pytest.mark.parametrize("point", [1, 2, 3, 4])
def test_a_repair_killed_at_any_point_and_run_again_leaves_the_same_bytes(tmp_path, index, point):
    from tosho.storage import Files, Lake

    left_alone, killed = (Lake(Files(f"file://{tmp_path}/{name}")) for name in ("left-alone", "killed"))
    for lake in (left_alone, killed):
        for n in range(VERSIONS_KEPT + 1):
            lake.publish("indices", SESSION, index(100.0 + n))
    dead = subprocess.run(
        [sys.executable, "-c", _PUBLISH_AND_DIE, killed.files.root, str(point), "500.0"],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "include")},
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL
    assert killed.read("indices", SESSION)["close"].item() in {500.0, 100.0 + VERSIONS_KEPT}
    for lake in (left_alone, killed):
        lake.publish("indices", SESSION, index(500.0))
    assert files_of(killed) == files_of(left_alone)


def test_a_reader_that_two_commits_overtake_reads_the_newest(lake, index, monkeypatch):
    """Of features one earlier version is kept, so that the file of the manifest that was read may be gone."""
    lake.publish("indices", SESSION, index(100.0))
    old = lake.manifest("indices", SESSION)
    lake.publish("indices", SESSION, index(200.0))
    lake.files.delete(f"{FOLDER}/{old.file}")
    told = iter([old, lake.manifest("indices", SESSION)])
    monkeypatch.setattr(type(lake), "manifest", lambda *_: next(told))
    assert lake.read("indices", SESSION)["close"].item() == 200.0


def test_a_data_file_that_is_gone_is_no_newer_version(lake, index):
    published = lake.publish("indices", SESSION, index(100.0))
    lake.files.delete(f"{FOLDER}/{published.file}")
    with pytest.raises(FileNotFoundError):
        lake.read("indices", SESSION)


def test_of_two_that_publish_at_once_each_has_the_other_as_a_version(local_lake, index, monkeypatch):
    published = Lake._published

    def slowly(self, table, session):
        found = published(self, table, session)
        time.sleep(0.02)  # long enough for the other to come in between, were it let in
        return found

    def publish(closes):
        for close in closes:
            local_lake.publish("indices", SESSION, index(close))

    monkeypatch.setattr(Lake, "_published", slowly)
    runs = [threading.Thread(target=publish, args=([start, start + 1, start + 2],)) for start in (100.0, 200.0)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    versions = local_lake.manifest("indices", SESSION).versions()
    closes = [local_lake.read_version("indices", SESSION, version.sha256)["close"].item() for version in versions]
    assert sorted(closes) == [100.0, 101.0, 102.0, 200.0, 201.0, 202.0]
