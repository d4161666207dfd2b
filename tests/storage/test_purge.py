"""A vendor's data goes, on disk and in an object store; nothing else does, and nothing outside of the lake."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from tosho.contracts import features_contract
from tosho.storage import StorageError, layout, purge, raw

SESSION = date(2018, 11, 16)


@pytest.fixture
def filled(lake, index):
    raw.keep(lake, "indices", "date=2018-11-16", b"{}")
    lake.publish("indices", SESSION, index(100.0))
    lake.publish("indices", SESSION, index(200.0))
    lake.quarantine("indices", SESSION, index().with_columns(rule=pl.lit("low_is_lowest")))
    frame = pl.DataFrame({"session": [SESSION], "code": ["13010"], "mom_5": [0.5]})
    lake.publish("features", SESSION, frame, contract=features_contract(("mom_5",)))
    lake.files.write("tables/of_an_earlier_release/session=2018-11-16/part-1.parquet", b"vendor's")
    lake.files.write("tables/predictions/session=2018-11-16/manifest.json", b"ours")
    lake.files.write("notes.txt", b"not the lake's")
    return lake


def paths(lake):
    return [entry.path for entry in lake.files.tree("")]


def test_everything_but_our_own_tables_is_listed_with_counts_and_bytes(filled):
    going = purge.of_vendor(purge.parts(filled))
    assert [(part.path, part.files) for part in going] == [
        ("quarantine/indices", 1),
        ("raw/indices", 2),
        ("tables/features", 2),
        ("tables/indices", 3),
        ("tables/of_an_earlier_release", 1),
    ]
    sizes = {entry.path: entry.size for entry in filled.files.tree("")}
    assert {part.path: part.size for part in going} == {
        part.path: sum(size for path, size in sizes.items() if path.startswith(f"{part.path}/")) for part in going
    }


def test_what_is_listed_goes_and_the_rest_stays(filled):
    told = []
    purge.purge(filled, purge.of_vendor(purge.parts(filled)), lambda *progress: told.append(progress[1:]))
    assert paths(filled) == ["notes.txt", "tables/predictions/session=2018-11-16/manifest.json"]
    assert told == [(n, 5) for n in range(1, 6)]


def test_our_own_tables_go_when_asked_for(filled):
    purge.purge(filled, purge.of_vendor(purge.parts(filled), ()), lambda *_: None)
    assert paths(filled) == ["notes.txt"]


def test_another_lake_beside_it_whose_name_begins_alike_stays(filled):
    other = replace(filled, files=replace(filled.files, root=f"{filled.files.root}-of-others"))
    raw.keep(other, "indices", "date=2018-11-16", b"{}")
    purge.purge(filled, purge.of_vendor(purge.parts(filled)), lambda *_: None)
    assert len(paths(other)) == 2


def test_interrupted_and_run_again_it_completes(filled):
    def dying(path, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purge.purge(filled, purge.of_vendor(purge.parts(filled)), dying)
    assert [part.path for part in purge.of_vendor(purge.parts(filled))][:1] == ["tables/features"]
    purge.purge(filled, purge.of_vendor(purge.parts(filled)), lambda *_: None)
    assert paths(filled) == ["notes.txt", "tables/predictions/session=2018-11-16/manifest.json"]
    assert purge.of_vendor(purge.parts(filled)) == []


def test_a_task_that_writes_meanwhile_is_noticed(filled, index):
    def writing(path, done, total):
        if done == total:
            filled.publish("indices", SESSION, index())

    with pytest.raises(purge.LeftOverError, match=r"2 files are in .* again, the first tables/indices"):
        purge.purge(filled, purge.of_vendor(purge.parts(filled)), writing)


def test_an_empty_lake_has_nothing_to_purge(local_lake):
    assert purge.parts(local_lake) == []


def test_a_link_in_a_table_is_removed_and_what_it_leads_to_stays(local_lake, index, tmp_path):
    local_lake.publish("indices", SESSION, index())
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    (tmp_path / "lake/tables/indices/session=2018-11-19").symlink_to(outside)
    (tmp_path / "lake" / layout.partition_path("indices", SESSION) / "link").symlink_to(outside / "precious")
    purge.purge(local_lake, purge.of_vendor(purge.parts(local_lake)), lambda *_: None)
    assert (outside / "precious").read_bytes() == b"x"
    assert paths(local_lake) == []


@pytest.mark.parametrize("link", ["tables", "tables/indices"])
def test_a_link_that_leads_out_of_the_lake_is_refused(local_lake, index, tmp_path, link):
    local_lake.publish("indices", SESSION, index())
    place, outside = tmp_path / "lake" / link, tmp_path / "outside"
    place.rename(outside)
    place.symlink_to(outside)
    before = sorted(outside.rglob("*"))
    with pytest.raises(StorageError, match="is a link that leads out of the lake"):
        purge.purge(local_lake, purge.of_vendor(purge.parts(local_lake)), lambda *_: None)
    assert sorted(outside.rglob("*")) == before


@pytest.mark.parametrize("path", ["", "/", "tables/../.."])
def test_only_a_folder_below_the_root_can_be_deleted(local_lake, path):
    with pytest.raises(StorageError, match="is no folder in"):
        local_lake.files.delete_folder(path)
