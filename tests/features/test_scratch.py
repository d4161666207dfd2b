"""Blobs between two stages: all that several processes put in comes out once, in the order of their sources."""

from multiprocessing import get_context

import numpy as np
import polars as pl
import pytest

from tosho.features.pieces.blob import pack, unpack_in_place
from tosho.features.pieces.scratch import Scratch


@pytest.fixture
def scratch(tmp_path):
    return Scratch(tmp_path)


def test_a_number_gets_its_own_blobs_by_name_in_the_order_of_their_sources(scratch):
    scratch.put("buckets", [(0, "bars", b"later"), (1, "bars", b"other")], source=7)
    scratch.put("buckets", [(0, "bars", b"sooner"), (0, "shares", b"")], source=2)
    assert scratch.take("buckets", 0) == {"bars": [b"sooner", b"later"], "shares": [b""]}
    assert scratch.take("buckets", 1) == {"bars": [b"other"]}


def test_what_was_taken_is_forgotten_and_nobody_elses_number_with_it(scratch):
    scratch.put("spans", [(1, "rows", b"one"), (11, "rows", b"eleven")], source=0)
    assert scratch.take("spans", 1)
    assert not scratch.take("spans", 1)
    assert scratch.take("spans", 11) == {"rows": [b"eleven"]}


def test_stages_do_not_see_each_other(scratch):
    scratch.put("buckets", [(0, "rows", b"a bucket's")], source=0)
    assert not scratch.take("spans", 0)


def test_processes_that_write_at_once_lose_nothing(scratch):
    blobs = {source: bytes([source]) * 100_000 for source in range(8)}
    with get_context("spawn").Pool(4) as pool:
        pool.starmap(scratch.put, [("spans", [(0, "rows", blob)], source) for source, blob in blobs.items()])
    assert scratch.take("spans", 0) == {"rows": [blobs[source] for source in sorted(blobs)]}


def test_columns_lie_where_arrow_reads_them_in_place_whatever_came_before(scratch):
    frame = pl.DataFrame({"code": ["13010", None], "close": [1.5, 2.5]})
    scratch.put("buckets", [(0, "odd", b"x"), (0, "bars", pack(frame))], source=3)
    taken = scratch.take("buckets", 0)["bars"][0]
    begin = np.frombuffer(taken, np.uint8).ctypes.data
    close = unpack_in_place(taken)["close"].to_numpy()
    assert begin <= close.ctypes.data < begin + len(taken)
    assert unpack_in_place(taken).equals(frame)


def test_a_blob_that_lies_anywhere_is_unpacked_all_the_same():
    frame = pl.DataFrame({"code": ["13010", "a code that does not fit into a view"], "close": [1.5, None]})
    for before in range(1, 9):
        assert unpack_in_place(memoryview(bytes(before) + pack(frame))[before:]).equals(frame)
