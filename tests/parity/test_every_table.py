"""Set `standard`, which holds all features, on a lake with every table: the same bytes by every way there is."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from parity import market
from tosho.contracts import BARS
from tosho.features import processes
from tosho.features.pieces.blob import unpack
from tosho.features.pieces.job import Opening
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.spark import job
from tosho.storage import layout

WANTED, EARLIER = 12, 20
"""Sessions asked for, and such as lie before all that they look back on."""
TOLD = 280
"""Sessions of records: what looks back on them furthest takes 52 weeks."""
STANDARD = feature_set("standard")
OF_RECORDS = {"flows", "fundamentals", "margin", "short_selling", "options"}
REACH = plan(STANDARD).rows_before


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return market.publish(tmp_path_factory.mktemp("market"), EARLIER + REACH + WANTED, codes=14, told=TOLD)


@pytest.fixture(scope="module")
def sessions(lake):
    return lake.sessions("bars")[-WANTED:]


@pytest.fixture(scope="module")
def expected(lake, sessions, tmp_path_factory):
    """The manifests, checksums included, of what the local engine makes of the whole lake at once."""
    target = market.new_lake(tmp_path_factory.mktemp("local"))
    made = market.publish_locally(lake, target, STANDARD, sessions)
    frame = target.read_many("features", sessions)
    assert [name for name in STANDARD.names if frame[name].null_count() == frame.height] == []
    return made


@pytest.fixture
def window(lake, sessions):
    whole = window_in(lake, sessions[0], sessions[-1], REACH)
    assert len(whole.earlier) == EARLIER
    return whole


@pytest.fixture
def by_spark(lake, spark):
    def run(window, shape, wanted=STANDARD):
        forget(lake, window)
        job.publish(spark, lake, wanted, window, shape)
        return built(lake, window)

    return run


@pytest.fixture
def by_processes(lake, monkeypatch):
    def run(window, shape, wanted=STANDARD):
        forget(lake, window)
        monkeypatch.setattr("tosho.features.processes.shape_of", lambda *_: shape)
        processes.build_window(lake, wanted, window, 2)
        return built(lake, window)

    return run


def forget(lake, window):
    for session in window.wanted:
        lake.files.delete_folder(layout.partition_path("features", session))


def built(lake, window):
    return {session: lake.manifest("features", session) for session in window.wanted}


def those_of(expected, window):
    return {session: expected[session] for session in window.wanted}


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(Shape(2000, 1, 100), id="all at once"),
        pytest.param(Shape(100, 3, 5), id="buckets and spans"),
        pytest.param(Shape(300, 50, 1), id="a bucket a code, a span a session"),
    ],
)
def test_a_history_has_the_bytes_of_the_local_engine(by_spark, window, expected, shape):
    assert by_spark(window, shape) == expected


def test_processes_have_the_bytes_of_the_local_engine(by_processes, window, expected):
    assert by_processes(window, Shape(100, 5, 5)) == expected


@pytest.mark.parametrize("engine", ["by_spark", "by_processes"])
def test_a_single_session_has_the_bytes_of_the_history(request, lake, sessions, expected, engine):
    """What was told before the lookback counts, and is read."""
    one = window_in(lake, sessions[-3], sessions[-3], REACH)
    assert request.getfixturevalue(engine)(one, Shape(300, 2, 1)) == those_of(expected, one)


@pytest.mark.parametrize("engine", ["by_spark", "by_processes"])
def test_sessions_with_others_between_them_have_the_bytes_of_the_history(request, window, sessions, expected, engine):
    """As after repairs far apart. The graph of each is made of all sessions before it."""
    some = replace(window, wanted=(sessions[0], sessions[5], sessions[6], sessions[11]))
    assert request.getfixturevalue(engine)(some, Shape(200, 4, 3)) == those_of(expected, some)


@pytest.mark.parametrize("engine", ["by_spark", "by_processes"])
def test_what_was_told_before_the_window_counts(request, lake, sessions, tmp_path, engine):
    """Prices of eighty sessions are read, and records of more than a year."""
    told = FeatureSet(STANDARD.name, STANDARD.number, tuple(f for f in STANDARD.features if f.family in OF_RECORDS))
    assert plan(told).rows_before < 90
    window = window_in(lake, sessions[0], sessions[-1], plan(told).rows_before)
    expected = market.publish_locally(lake, market.new_lake(tmp_path), told, sessions)
    assert request.getfixturevalue(engine)(window, Shape(100, 3, 4), told) == expected


def columns_of_bars(read):
    """Return the columns that each chunk of sessions has of bars, the oldest first."""
    chunks = [number for number, (full, _) in enumerate(read.chunks) if full]
    return [unpack(next(blob for _, name, blob in read(number) if name == "bars")).columns for number in chunks]


def test_of_bars_far_back_only_what_long_averages_are_made_of_is_read(lake, window):
    read = Opening.of(lake, STANDARD, plan(STANDARD), window, Shape(100, 1, 5)).read
    oldest, *_, newest = columns_of_bars(read)
    assert oldest == ["session", "code", "close", "adj_factor"]
    assert newest == [name for name in BARS.schema if name != "known_at"]


def test_a_column_that_were_not_read_far_back_would_be_seen(by_processes, lake, sessions, expected, monkeypatch):
    monkeypatch.setattr("tosho.features.pieces.job.read_beyond", lambda *_: frozenset())
    one = window_in(lake, sessions[-3], sessions[-3], REACH)
    assert by_processes(one, Shape(100, 2, 1)) != those_of(expected, one)


def test_codes_that_are_gone_are_not_computed(lake, window):
    opening = Opening.of(lake, STANDARD, plan(STANDARD), window, Shape(2000, 1, 5))
    job = opening.prepare(map)
    tables = opening.read.source.read(list(window.needed), list(window.needed))
    of_late = pl.concat(
        [tables[name].filter(pl.col("session") >= window.wanted[0]).select("code") for name in ("bars", "securities")]
    )
    assert 0 < of_late["code"].n_unique() < tables["bars"]["code"].n_unique()
    assert set(job.series.computed(tables)[0]["code"]) == set(of_late["code"])
    kept = job.series.concerned(tables)
    assert {code for rows in kept.values() for code in rows["code"]} == set(of_late["code"])
