"""A reader that is overtaken by loads between learning of a commit and reading its rows, planted exactly there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from predictions.frames import SESSION, predictions
from tosho.predictions import StoreBusyError, versioned
from tosho.predictions.versioned import VersionedStore


class Overtaken:
    """An engine that lets others load, as often as told, before each of its readings."""

    def __init__(self, engine: Any, loads: Iterator[int]) -> None:
        self.engine, self.loads = engine, loads
        self.readings = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def select(self, *args: Any) -> pl.DataFrame:
        self.readings += 1
        for seed in islice(self.loads, 2):
            VersionedStore(self.engine).load(SESSION, predictions(seed=seed, codes=2))
        return self.engine.select(*args)


def test_a_reader_overtaken_once_ends_with_the_load_it_began_with(store: VersionedStore) -> None:
    store.load(SESSION, predictions(seed=0, codes=2))
    slow = Overtaken(store.engine, iter([1]))
    assert_frame_equal(VersionedStore(slow).read(SESSION), predictions(seed=0, codes=2))
    assert slow.readings == 1


def test_a_reader_overtaken_twice_begins_anew(store: VersionedStore) -> None:
    store.load(SESSION, predictions(seed=0, codes=2))
    slow = Overtaken(store.engine, iter([1, 2]))
    assert_frame_equal(VersionedStore(slow).read(SESSION), predictions(seed=2, codes=2))
    assert slow.readings == 2


def test_a_reader_overtaken_without_end_says_so(store: VersionedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versioned, "READ_ATTEMPTS", 3)
    store.load(SESSION, predictions(seed=0, codes=2))
    slow = Overtaken(store.engine, count(1))
    with pytest.raises(StoreBusyError, match=r"was replaced at least twice during each of 3 readings"):
        VersionedStore(slow).read(SESSION)
