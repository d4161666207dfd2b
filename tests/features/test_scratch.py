"""Blobs between two stages: all that several processes put in comes out once, in the order of their sources."""

from multiprocessing import get_context

import pytest

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
