"""Faults planted in the engine: the protocol must catch each, and leave readers what they had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from predictions.frames import SESSION, predictions
from tosho.predictions import LoadMismatchError
from tosho.predictions.rows import stored
from tosho.predictions.versioned import VersionedStore


class PowerCutError(Exception):
    pass


@dataclass
class Faulty:
    """An engine whose `put` bends the rows, or that dies before or after one of its operations."""

    engine: Any
    bend: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows
    dies_before: str = ""
    dies_after: str = ""

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.engine, name)
        if name not in {self.dies_before, self.dies_after}:
            return operation

        def cut(*args: Any) -> Any:
            if name == self.dies_after:
                operation(*args)
            raise PowerCutError(name)

        return cut

    def put(self, session: Any, load_id: str, rows: pl.DataFrame) -> None:
        if self.dies_before == "put":
            raise PowerCutError("put")
        self.engine.put(session, load_id, self.bend(rows))
        if self.dies_after == "put":
            raise PowerCutError("put")


BENT = {
    "a row lost": lambda rows: rows.tail(-1),
    "a row twice": lambda rows: pl.concat([rows, rows.head(1)]),
    "one row three times, two lost": lambda rows: pl.concat([rows.head(1)] * 3 + [rows.tail(-3)]),
    "a last bit of a score": lambda rows: rows.with_columns(
        score=pl.when(pl.int_range(pl.len()) == 7).then(pl.col("score") * (1 + 2**-52)).otherwise("score")
    ),
    "a null that became zero": lambda rows: rows.with_columns(pl.col("q50").fill_null(0.0)),
    "two columns exchanged": lambda rows: rows.with_columns(
        q05=pl.col("expected_return"), expected_return=pl.col("q05")
    ),
    "two codes exchanged": lambda rows: rows.with_columns(
        code=pl.col("code").replace({"10001": "10002", "10002": "10001"})
    ),
    "a microsecond": lambda rows: rows.with_columns(pl.col("predicted_at_us") + 1),
    "a narrowed rank": lambda rows: rows.with_columns(pl.col("rank") % 16),
}


@pytest.mark.parametrize("bend", BENT.values(), ids=BENT.keys())
def test_rows_that_changed_on_the_way_are_refused(
    store: VersionedStore, bend: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    store.load(SESSION, predictions(seed=1))
    with pytest.raises(LoadMismatchError, match=r"240 rows with fingerprint \w{16} were sent"):
        VersionedStore(Faulty(store.engine, bend)).load(SESSION, predictions(seed=2))
    assert_frame_equal(store.read(SESSION), predictions(seed=1))
    assert store.load(SESSION, predictions(seed=2)).state == "loaded"
    assert_frame_equal(store.read(SESSION), predictions(seed=2))


DEATHS = [
    *({"dies_before": step} for step in ("put", "commit", "keep_only")),
    *({"dies_after": step} for step in ("put", "commit", "keep_only")),
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: "-".join(*death.items()))
def test_a_load_that_dies_between_two_steps_is_seen_whole_or_not_at_all(
    store: VersionedStore, death: dict[str, str]
) -> None:
    store.load(SESSION, predictions(seed=1))
    with pytest.raises(PowerCutError):
        VersionedStore(Faulty(store.engine, **death)).load(SESSION, predictions(seed=2))
    seen = 2 if death in ({"dies_after": "commit"}, {"dies_before": "keep_only"}, {"dies_after": "keep_only"}) else 1
    assert_frame_equal(store.read(SESSION), predictions(seed=seen))
    store.load(SESSION, predictions(seed=2))
    assert_frame_equal(store.read(SESSION), predictions(seed=2))


def test_a_stored_load_that_went_bad_is_found_and_loaded_anew(store: VersionedStore) -> None:
    load_id = store.load(SESSION, predictions()).load_id
    store.engine.put(SESSION, load_id, stored(predictions()).with_columns(pl.col("score") + 1))
    with pytest.raises(LoadMismatchError, match="must be equal"):
        store.verify(SESSION)
    assert store.load(SESSION, predictions()).state == "loaded"
    assert store.verify(SESSION).rows == 240
    assert_frame_equal(store.read(SESSION), predictions())
