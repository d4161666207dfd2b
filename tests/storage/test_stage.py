"""The two halves of `publish`, for a worker that writes and a driver that publishes."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from tosho.contracts import features_contract
from tosho.storage import Files, Lake, PartitionMissingError, layout

SESSION = date(2024, 12, 20)
CONTRACT = features_contract(("mom_5",))


def frame(value):
    return pl.DataFrame({"session": [SESSION], "code": ["13010"], "mom_5": [value]})


@pytest.fixture
def lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/lake"))


def test_a_staged_partition_is_unseen_until_committed(lake):
    staged = lake.stage("features", SESSION, frame(0.5), contract=CONTRACT)
    assert not lake.has("features", SESSION)
    lake.commit(staged)
    assert lake.read("features", SESSION)["mom_5"].item() == 0.5


def test_the_two_halves_leave_the_bytes_that_publish_leaves(lake, tmp_path):
    other = Lake(Files(f"file://{tmp_path}/other"))
    lake.commit(lake.stage("features", SESSION, frame(0.5), contract=CONTRACT))
    other.publish("features", SESSION, frame(0.5), contract=CONTRACT)
    path = layout.partition_path("features", SESSION)
    assert lake.files.names(path) == other.files.names(path)
    assert all(lake.files.read(f"{path}/{n}") == other.files.read(f"{path}/{n}") for n in lake.files.names(path))


def test_discarding_removes_what_was_staged_and_keeps_what_is_published(lake):
    published = lake.publish("features", SESSION, frame(0.5), contract=CONTRACT)
    lake.discard(lake.stage("features", SESSION, frame(0.7), contract=CONTRACT))
    lake.discard(lake.stage("features", SESSION, frame(0.5), contract=CONTRACT))
    assert lake.files.names(layout.partition_path("features", SESSION)) == ["manifest.json", published.file]


def test_a_staged_file_that_vanished_is_not_published(lake):
    before = lake.publish("features", SESSION, frame(0.5), contract=CONTRACT)
    staged = lake.stage("features", SESSION, frame(0.7), contract=CONTRACT)
    lake.discard(staged)
    with pytest.raises(PartitionMissingError, match="run the task again"):
        lake.commit(staged)
    assert lake.manifest("features", SESSION) == before
