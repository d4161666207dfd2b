"""What a load leaves, on both engines."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from predictions.frames import SESSION, predictions
from tosho.predictions import SessionMissingError
from tosho.predictions.versioned import VersionedStore


def test_what_is_read_is_what_was_loaded(store: VersionedStore) -> None:
    frame = predictions()
    report = store.load(SESSION, frame)
    assert report.state == "loaded"
    assert report.rows == frame.height == store.count(SESSION)
    assert report.fingerprint == store.fingerprint(SESSION)
    assert_frame_equal(store.read(SESSION), frame)


def test_loading_the_same_rows_again_changes_nothing(store: VersionedStore) -> None:
    first = store.load(SESSION, predictions())
    again = store.load(SESSION, predictions().sample(fraction=1.0, shuffle=True, seed=1))
    assert again == first._replace(state="already there")
    assert store.engine.newest(SESSION).sequence == 1


def test_other_content_takes_the_place_of_the_session(store: VersionedStore) -> None:
    store.load(SESSION, predictions(seed=1))
    store.load(SESSION, predictions(seed=2, codes=40))
    assert_frame_equal(store.read(SESSION), predictions(seed=2, codes=40))
    assert store.verify(SESSION).rows == 160


def test_going_back_to_earlier_content_is_a_load(store: VersionedStore) -> None:
    for seed in (1, 2, 1):
        assert store.load(SESSION, predictions(seed=seed)).state == "loaded"
    assert_frame_equal(store.read(SESSION), predictions(seed=1))


def test_only_the_newest_load_and_the_one_before_it_are_kept(store: VersionedStore) -> None:
    ids = [store.load(SESSION, predictions(seed=seed)).load_id for seed in (1, 2, 3)]
    assert [store.engine.tally(SESSION, load_id).row_count for load_id in ids] == [0, 240, 240]


def test_a_load_leaves_other_sessions_alone(store: VersionedStore) -> None:
    later = SESSION + timedelta(3)
    store.load(SESSION, predictions())
    before = store.fingerprint(SESSION)
    store.load(later, predictions(later, seed=5))
    assert store.fingerprint(SESSION) == before
    assert store.sessions() == [SESSION, later]


def test_a_session_that_was_never_loaded_counts_nothing_and_cannot_be_read(store: VersionedStore) -> None:
    assert store.sessions() == []
    assert store.count(SESSION) == 0
    with pytest.raises(SessionMissingError, match=r"No predictions of session 2018-11-16 .* holds no session"):
        store.read(SESSION)


def test_top_is_the_best_ranks_of_the_horizon(store: VersionedStore) -> None:
    store.load(SESSION, predictions())
    top = store.top(SESSION, horizon=5, n=3)
    expected = predictions().filter(pl.col("horizon") == 5).sort("score", descending=True).head(3)
    assert_frame_equal(top, expected)
    assert top["rank"].to_list() == [1, 2, 3]


def test_top_without_a_model_gives_the_best_of_each(store: VersionedStore) -> None:
    both = pl.concat([predictions(model="a"), predictions(seed=1, model="b")])
    store.load(SESSION, both)
    assert store.top(SESSION, 1, n=2).select("rank", "model").rows() == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert store.top(SESSION, 1, n=2, model="b")["model"].to_list() == ["b", "b"]


def test_a_model_is_read_by_its_name_whatever_is_in_it(store: VersionedStore) -> None:
    name = r"Kurt's \ 東証 %s {x} \' OR 1"
    store.load(SESSION, pl.concat([predictions(model=name), predictions(model="plain")]))
    assert_frame_equal(
        store.read(SESSION, horizon=10, model=name), predictions(model=name).filter(pl.col("horizon") == 10)
    )


def test_retention_drops_what_is_older(store: VersionedStore) -> None:
    days = [SESSION + timedelta(n) for n in range(4)]
    for day in days:
        store.load(day, predictions(day))
    assert store.drop_before(days[2]) == days[:2]
    assert store.sessions() == days[2:]
    assert store.count(days[0]) == 0
    assert store.drop_before(days[2]) == []


def test_a_dropped_session_can_be_loaded_again(store: VersionedStore) -> None:
    store.load(SESSION, predictions())
    store.drop_before(SESSION + timedelta(1))
    assert store.load(SESSION, predictions()).state == "loaded"
    assert store.count(SESSION) == 240


def test_the_store_tells_where_it_is_and_what_it_runs(store: VersionedStore) -> None:
    assert store.ping().startswith(("chdb 2", "ClickHouse 18.16"))
    assert "store" in store.describe() or "127.0.0.1" in store.describe()
