"""What `look` finds wrong, each planted; and what `sweep` takes away."""

import gc
import tracemalloc
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tosho.contracts import INDICES, features_contract
from tosho.storage import Files, Lake, layout, look, parquet_bytes, sweep
from tosho.storage.manifest import Manifest

SESSION, LATER = date(2018, 11, 16), date(2018, 11, 19)
FOLDER = layout.partition_path("indices", SESSION)
EVER = datetime(2100, 1, 1, tzinfo=UTC)


def faults(lake):
    return [fault for looked in look(lake, lake.tables()) for fault in looked.faults]


def orphans(lake):
    return [orphan.path for looked in look(lake, lake.tables()) for orphan in looked.orphans]


@pytest.fixture
def sound(lake, index):
    lake.publish("indices", SESSION, index(100.0))
    lake.publish("indices", SESSION, index(200.0))
    lake.publish("indices", LATER, index(session=LATER))
    frame = pl.DataFrame({"session": [SESSION], "code": ["13010"], "mom_5": [0.5]})
    lake.publish("features", SESSION, frame, contract=features_contract(("mom_5",)))
    return lake


def change(lake, **told):
    path = layout.manifest_path("indices", SESSION)
    manifest = lake.manifest("indices", SESSION)
    lake.files.write(path, Manifest(**{**vars(manifest), **told}).to_json())


def test_a_sound_lake_has_no_fault(sound):
    done = []
    found = list(look(sound, sound.tables(), told=lambda *told: done.append(told)))
    assert [looked.path for looked in found] == [f"tables/features/session={SESSION}", FOLDER, FOLDER[:-2] + "19"]
    assert [(looked.faults, looked.orphans, looked.lost) for looked in found] == [((), (), ())] * 3
    assert [told[1:] for told in done] == [(1, 3), (2, 3), (3, 3)]


def test_only_the_sessions_asked_for_are_looked_at(sound):
    assert [looked.path for looked in look(sound, ["indices"], LATER, LATER)] == [FOLDER[:-2] + "19"]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"rows": 2}, "holds 1 rows in .* its manifest says 2"),
        ({"size": 7}, "its manifest says 1 in 7"),
        ({"sha256": "0" * 64}, "another checksum"),
        ({"file": "part-gone.parquet"}, "cannot be read: FileNotFoundError"),
        ({"session": LATER}, "has the manifest of indices of 2018-11-19"),
    ],
)
def test_a_manifest_that_does_not_fit_is_named(sound, told, sentence):
    change(sound, **told)
    (fault,) = faults(sound)
    assert pl.Series([fault]).str.contains(sentence).all(), fault


def test_a_damaged_manifest_is_named_and_the_others_are_still_looked_at(sound):
    sound.files.write(layout.manifest_path("indices", SESSION), b"{")
    (fault,) = faults(sound)
    assert "indices of 2018-11-16 cannot be read" in fault
    assert orphans(sound) == []


def test_columns_of_another_contract_are_named(sound, index, monkeypatch):
    from tosho.contracts import TABLES, Contract

    monkeypatch.setitem(TABLES, "indices", Contract("indices", INDICES.columns[:-1], INDICES.key))
    sound.publish("indices", LATER, sound.read("indices", LATER).select(INDICES.schema.names()[:-1]))
    monkeypatch.undo()
    (fault,) = faults(sound)
    assert (
        f"indices of {LATER} has other columns than its contract, different in ['{INDICES.columns[-1].name}']" in fault
    )


def test_a_table_without_a_contract_is_named(sound, index):
    sound.publish("weather", SESSION, index(), contract=INDICES)
    assert "no contract has that name" in faults(sound)[0]


def test_a_folder_that_is_no_partition_is_named(sound):
    sound.files.write("tables/indices/backup/part.parquet", b"")
    assert "tables/indices/backup is no partition" in faults(sound)[0]


def test_an_earlier_version_that_is_damaged_is_named_and_swept_and_its_record_stays(sound):
    version = sound.manifest("indices", SESSION).superseded[0]
    sound.files.write(f"{FOLDER}/{version.file}", b"spoilt")
    (fault,) = faults(sound)
    assert "It is an earlier version's: see `lake sweep`." in fault
    for looked in look(sound, ["indices"]):
        sweep(sound, looked, EVER)
    assert faults(sound) == []
    assert [known.sha256 for known in sound.manifest("indices", SESSION).superseded] == [version.sha256]
    assert sound.read("indices", SESSION)["close"].item() == 200.0


def test_an_earlier_version_that_cannot_be_read_just_now_is_a_fault_and_stays(sound, monkeypatch):
    earlier = sound.manifest("indices", SESSION).superseded[0]
    read = Files.read

    def away_for_a_moment(files, path):
        if path.endswith(earlier.file):
            raise TimeoutError("the object store does not answer")
        return read(files, path)

    monkeypatch.setattr(Files, "read", away_for_a_moment)
    [looked] = look(sound, ["indices"], SESSION, SESSION)
    assert "does not answer" in looked.faults[0]
    assert looked.lost == ()
    monkeypatch.undo()
    sweep(sound, looked, EVER)
    assert sound.read_version("indices", SESSION, earlier.sha256)["close"].item() == 100.0


def test_an_orphan_that_was_published_since_is_left(sound, index):
    staged = sound.stage("indices", SESSION, index(300.0))
    [looked] = look(sound, ["indices"], SESSION, SESSION)
    assert [orphan.path for orphan in looked.orphans] == [f"{FOLDER}/{staged.file}"]
    sound.commit(staged)
    sweep(sound, looked, EVER)
    assert sound.read("indices", SESSION)["close"].item() == 300.0


def test_a_stray_folder_hides_no_session(sound):
    sound.files.write("tables/indices/.DS_Store", b"")
    assert sound.sessions("indices") == [SESSION, LATER]


def test_what_a_killed_task_leaves_is_an_orphan_and_is_swept(sound, index):
    staged = sound.stage("indices", SESSION, index(300.0))
    fresh = sound.stage("indices", date(2018, 11, 20), index(session=date(2018, 11, 20)))
    left = [f"{FOLDER}/{staged.file}", layout.data_path("indices", fresh.session, fresh.file)]
    assert sorted(orphans(sound)) == sorted(left)
    assert faults(sound) == []
    for looked in look(sound, ["indices"]):
        sweep(sound, looked, datetime(2018, 1, 1, tzinfo=UTC))
    assert sorted(orphans(sound)) == sorted(left)  # too young
    for looked in look(sound, ["indices"]):
        sweep(sound, looked, EVER)
    assert orphans(sound) == []
    assert sound.sessions("indices") == [SESSION, LATER]


def test_an_unfinished_write_is_an_orphan(tmp_path, index):
    lake = Lake(Files(f"file://{tmp_path}/lake"))
    lake.publish("indices", SESSION, index())
    (tmp_path / "lake" / FOLDER / "part-1.parquet.abc.tmp").write_bytes(b"half")
    assert orphans(lake) == [f"{FOLDER}/part-1.parquet.abc.tmp"]


def test_memory_does_not_grow_with_the_lake(tmp_path, index):
    """Each look at a partition leaves nothing behind: ten times as many take no more at the peak."""
    lake = Lake(Files(f"file://{tmp_path}/lake"))
    frame = pl.concat([index().with_columns(index_code=pl.format("{}", pl.lit(f"{n:04d}"))) for n in range(500)])
    data = parquet_bytes(frame)
    first = lake.publish("indices", SESSION, frame.with_columns(session=pl.lit(SESSION)))
    assert len(data) > 1000
    content = lake.files.read(layout.data_path("indices", SESSION, first.file))

    def peak_of(days):
        for n in range(days):
            day = date.fromordinal(SESSION.toordinal() + n)
            manifest = Manifest(**{**vars(first), "session": day})
            lake.files.write(layout.data_path("indices", day, first.file), content)
            lake.files.write(layout.manifest_path("indices", day), manifest.to_json())
        gc.collect()
        gc.freeze()  # else cycles wait the longer to be collected, the more other tests have left in memory
        tracemalloc.start()
        count = sum(1 for _ in look(lake, ["indices"]))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.unfreeze()
        assert count == days
        return peak

    small = peak_of(64)
    assert peak_of(400) < 2 * small
