import pickle
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tosho.contracts import ContractError
from tosho.storage import CorruptPartitionError, PartitionMissingError, StorageError, layout, raw

SESSION = date(2018, 11, 16)
LATER = date(2018, 11, 19)


def bytes_of(lake, table="indices", session=SESSION):
    folder = layout.partition_path(table, session)
    return {name: lake.files.read(f"{folder}/{name}") for name in lake.files.names(folder)}


def test_what_is_published_can_be_read(lake, index):
    lake.publish("indices", SESSION, index(), quarantined={"low_is_lowest": 2}, facts={"plan": "light"})
    assert lake.read("indices", SESSION, index().columns).equals(index())
    manifest = lake.manifest("indices", SESSION)
    assert (manifest.rows, dict(manifest.quarantined), dict(manifest.facts)) == (
        1,
        {"low_is_lowest": 2},
        {"plan": "light"},
    )


def test_publishing_again_leaves_the_same_bytes(lake, index):
    lake.publish("indices", SESSION, index())
    before = bytes_of(lake)
    lake.publish("indices", SESSION, index())
    assert bytes_of(lake) == before


def test_row_order_does_not_change_the_bytes(local_lake):
    rows = [{"session": SESSION, "code": code, "ret_1": 0.5} for code in ("20000", "10000")]
    from tosho.contracts import features_contract

    contract = features_contract(("ret_1",))
    first = local_lake.publish("features", SESSION, pl.DataFrame(rows), contract=contract)
    second = local_lake.publish("features", SESSION, pl.DataFrame(rows[::-1]), contract=contract)
    assert first.sha256 == second.sha256


def test_a_replaced_partition_shows_only_the_new_rows(lake, index):
    lake.publish("indices", SESSION, index(100.0))
    lake.publish("indices", SESSION, index(200.0))
    assert lake.read("indices", SESSION)["close"].to_list() == [200.0]


def test_a_partition_that_breaks_its_contract_is_refused(lake, index):
    lake.publish("indices", SESSION, index(100.0))
    with pytest.raises(ContractError):
        lake.publish("indices", SESSION, index(-1.0))
    assert lake.read("indices", SESSION)["close"].to_list() == [100.0]


def test_sessions_are_those_published_within_bounds(lake, index):
    for session in (LATER, SESSION):
        lake.publish("indices", session, index(session=session))
    assert lake.sessions("indices") == [SESSION, LATER]
    assert lake.sessions("indices", first=LATER) == [LATER]
    assert lake.sessions("nothing") == []
    assert lake.read_many("indices", [SESSION, LATER]).height == 2


def test_a_data_file_without_a_manifest_does_not_exist(local_lake, index):
    local_lake.publish("indices", SESSION, index())
    local_lake.files.delete(layout.manifest_path("indices", SESSION))
    assert local_lake.sessions("indices") == []
    with pytest.raises(PartitionMissingError, match="has no partition for session 2018-11-16"):
        local_lake.read("indices", SESSION)


def test_a_flipped_byte_is_found(local_lake, index):
    manifest = local_lake.publish("indices", SESSION, index())
    path = f"{layout.partition_path('indices', SESSION)}/{manifest.file}"
    data = bytearray(local_lake.files.read(path))
    data[len(data) // 2] ^= 1
    local_lake.files.write(path, bytes(data))
    with pytest.raises(CorruptPartitionError, match="another checksum"):
        local_lake.read("indices", SESSION)


def test_quarantine_replaces_the_earlier_rows(lake, index):
    lake.quarantine("indices", SESSION, index().with_columns(rule=pl.lit("low_is_lowest")))
    path = f"{layout.quarantine_path('indices', SESSION)}/rows.parquet"
    assert lake.files.exists(path)
    lake.quarantine("indices", SESSION, index().clear())
    assert not lake.files.exists(path)


def test_a_lake_travels_as_settings_alone(lake, index):
    lake.publish("indices", SESSION, index())
    there = pickle.loads(pickle.dumps(lake))
    assert there.read("indices", SESSION, index().columns).equals(index())


def test_an_unknown_scheme_is_named():
    from tosho.storage import Files

    with pytest.raises(StorageError, match="must begin with file:// or s3://"):
        Files("ftp://somewhere").exists("x")


def test_a_payload_is_kept_once(lake):
    first = raw.keep(lake, "bars_daily", "date=2018-11-16", b'{"data": []}')
    again = raw.keep(lake, "bars_daily", "date=2018-11-16", b'{"data": []}')
    assert first == again
    assert raw.payload(lake, "bars_daily", first) == b'{"data": []}'


_PUBLISH_FOR_EVER = """
import sys
from datetime import date
import polars as pl
from tosho.storage import Files, Lake
lake = Lake(Files(sys.argv[1]))
n = 0
while True:
    n += 1
    close = 100.0 + n % 2
    codes = [f"{i:04d}" for i in range(5000)]
    frame = pl.DataFrame({"session": [date(2018, 11, 16)] * 5000, "index_code": codes})
    frame = frame.with_columns(pl.lit(close).alias(c) for c in ("open", "high", "low", "close"))
    lake.publish("indices", date(2018, 11, 16), frame)
    print(n, flush=True)
"""


def test_a_killed_publisher_leaves_a_whole_partition(local_lake):
    for wait in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", _PUBLISH_FOR_EVER, local_lake.files.root],
            env={"PYTHONPATH": str(Path(__file__).parents[2] / "include")},
            stdout=subprocess.PIPE,
        )
        for _ in range(2 + wait):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        closes = local_lake.read("indices", SESSION)["close"]
        assert closes.len() == 5000
        assert closes.n_unique() == 1


_PUBLISH_ON_A_FULL_DISK = """
import resource, signal, sys
from tosho.storage import Files, StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    Files(sys.argv[1]).write("tables/x", bytes(100_000))
except StorageError as error:
    print(error)
"""


def test_a_disk_without_room_gets_a_sentence_and_nothing_is_lost(local_lake):
    local_lake.files.write("tables/x", b"before")
    told = subprocess.run(
        [sys.executable, "-c", _PUBLISH_ON_A_FULL_DISK, local_lake.files.root],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "include")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Could not write 100000 bytes" in told
    assert "Nothing was published" in told
    assert local_lake.files.read("tables/x") == b"before"
    assert local_lake.files.names("tables") == ["x"]
    assert len(list((Path(local_lake.files.root.removeprefix("file://")) / "tables").iterdir())) == 1


def test_wrong_s3_keys_get_a_sentence(s3, tmp_path):
    from tosho.config import S3
    from tosho.storage import Files

    nobody = Files("s3://no-such-bucket/x", S3(endpoint=s3.endpoint, access_key="key", secret_key="hidden"))
    with pytest.raises(StorageError, match="Could not write") as caught:
        nobody.write("y", b"z")
    assert "hidden" not in str(caught.value)
