from __future__ import annotations

from pathlib import Path

import pytest

from parity import market
from tosho.features import columns
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.spark import job
from tosho.features.spark.session import open_session

SESSIONS, WANTED = 190, 24
LOOKBACK = 130
"""Features that look further back are left out, so that the market may be small."""
SHAPE = Shape(chunk=16, buckets=3, span=7)


def _reach(column: str) -> int:
    return columns.REACH.get(column, 0)


@pytest.fixture(scope="session")
def core():
    """All features of the set that a short market can fill."""
    whole = feature_set("core")
    reach = plan(whole).lookback
    near = tuple(f for f in whole.features if max(reach[f.name], *map(_reach, ("", *f.inputs))) <= LOOKBACK)
    short = FeatureSet(whole.name, whole.number, near)
    assert plan(short).rows_before <= LOOKBACK  # else nothing lies before the window, and that is not tested
    return short


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    """A lake with a market in it. Tests publish features there; nothing reads what another left."""
    return market.publish(tmp_path_factory.mktemp("market"), SESSIONS, codes=30)


@pytest.fixture(scope="session")
def sessions(lake):
    return lake.sessions("bars")


@pytest.fixture(scope="session")
def expected(lake, core, sessions, tmp_path_factory):
    """The manifests, checksums included, of what the local engine makes of the whole market at once."""
    target = market.new_lake(tmp_path_factory.mktemp("local"))
    made = market.publish_locally(lake, target, core, sessions[-WANTED:])
    newest = target.read("features", sessions[-1])
    assert all(newest[name].null_count() < newest.height for name in core.names)
    return made


@pytest.fixture(scope="session")
def spark():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # workers import what the tests plant
        session = open_session("parity", "local[2]")
        session.sparkContext.setLogLevel("OFF")  # the failures planted here are read from the exception
        yield session
        session.stop()


@pytest.fixture
def build(lake, spark, core):
    """Build features of a range with a shape of the test's choice."""

    def run(first, last, *, shape=SHAPE, wanted=core):
        window = window_in(lake, first, last, plan(core).rows_before)
        job.publish(spark, lake, wanted, window, shape)
        return {session: lake.manifest("features", session) for session in window.wanted}

    return run
