"""A lake without TOPIX, or with TOPIX from some session on: the same bytes by every way there is."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from parity import market
from tosho.features import processes
from tosho.features.panel import build_panel
from tosho.features.pieces import universe
from tosho.features.pieces.job import Opening
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.spark import job
from tosho.features.universe import universe_of
from tosho.storage import layout

WANTED, COUNT = 14, 90
NAMES = {"mkt_ret_5", "mkt_vol_20", "beta_20", "rel_strength_20", "ret_1"}
SHAPE = Shape(chunk=16, buckets=3, span=5)
TOLD = "turnover-weighted return of the universe"


@pytest.fixture(scope="module")
def few():
    """Features that look back on fewer sessions than the lake has."""
    core = feature_set("core")
    wanted = tuple(f for f in core.features if f.name in NAMES)
    found = FeatureSet(core.name, core.number, wanted)
    assert plan(found).rows_before < COUNT - WANTED
    return found


@pytest.fixture(scope="module", params=[None, -6], ids=["never", "from the sixth last session on"])
def lake(request, tmp_path_factory):
    """The market whose TOPIX begins at a place, or never."""
    made = market.publish(tmp_path_factory.mktemp("market"), COUNT, codes=9)
    for session in made.sessions("indices")[: request.param]:
        made.files.delete_folder(layout.partition_path("indices", session))
    return made


@pytest.fixture(scope="module")
def expected(lake, few, tmp_path_factory):
    """The checksums of what the local engine makes of the whole lake at once."""
    target = market.new_lake(tmp_path_factory.mktemp("local"))
    made = market.publish_locally(lake, target, few, lake.sessions("bars")[-WANTED:])
    last = target.read("features", lake.sessions("bars")[-7])
    assert [name for name in few.names if last[name].null_count() == last.height] == []
    return {session: manifest.sha256 for session, manifest in made.items()}


@pytest.fixture(autouse=True)
def in_parts(monkeypatch):
    monkeypatch.setattr(universe, "SESSIONS", 25)


@pytest.fixture
def build(request, lake, few, monkeypatch):
    """Build the features of some sessions by an engine; return their manifests."""

    def run(engine, first, last):
        window = window_in(lake, first, last, plan(few).rows_before)
        assert window.earlier
        for session in window.wanted:
            lake.files.delete_folder(layout.partition_path("features", session))
        if engine == "spark":
            job.publish(request.getfixturevalue("spark"), lake, few, window, SHAPE)
        else:
            monkeypatch.setattr("tosho.features.processes.shape_of", lambda *_: SHAPE)
            processes.build_window(lake, few, window, 2)
        return {session: lake.manifest("features", session) for session in window.wanted}

    return run


@pytest.mark.parametrize("engine", ["spark", "processes"])
def test_a_history_has_the_bytes_of_the_local_engine(build, lake, expected, engine):
    sessions = lake.sessions("bars")[-WANTED:]
    assert {at: made.sha256 for at, made in build(engine, sessions[0], sessions[-1]).items()} == expected


@pytest.mark.parametrize("back", [1, 7])
def test_a_single_session_has_the_bytes_of_the_history(build, lake, expected, back):
    """Though the level of the universe begins long before what it reads."""
    session = lake.sessions("bars")[-back]
    assert {at: made.sha256 for at, made in build("processes", session, session).items()} == {
        session: expected[session]
    }


def test_an_evening_has_the_level_of_a_history(lake, few):
    """To bits that stored features would not show."""
    session, passes = lake.sessions("bars")[-8], plan(few)
    window = window_in(lake, session, session, passes.rows_before)
    opening = Opening.of(lake, few, passes, window, SHAPE)
    evening = opening.prepare(lambda sums, parts: [sums(part) for part in parts]).series.market
    bars, listed = (lake.read_many(table, lake.sessions(table)) for table in ("bars", "securities"))
    history = universe_of(build_panel(bars, None, listed), None)
    history = history.filter(pl.col("session").is_in(evening["session"].implode()))
    assert history.height == evening.height > 1
    assert evening["mkt_close"].equals(history["mkt_close"])


def test_manifests_say_of_which_sessions_the_market_is_the_universe(build, lake):
    sessions, with_topix = lake.sessions("bars")[-WANTED:], lake.sessions("indices")
    for session, made in build("processes", sessions[0], sessions[-1]).items():
        assert made.facts.get("market") == (None if session in with_topix else TOLD)


def test_a_set_that_reads_no_index_does_not_say_so(lake, few, monkeypatch):
    alone = replace(few, features=tuple(f for f in few.features if f.name == "ret_1"))
    monkeypatch.setattr(universe.UniverseSums, "__call__", None)
    session = lake.sessions("bars")[-8]
    processes.build_window(lake, alone, window_in(lake, session, session, plan(alone).rows_before), 1)
    assert "market" not in lake.manifest("features", session).facts
