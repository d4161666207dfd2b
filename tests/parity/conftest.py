from __future__ import annotations

import pytest

from parity import market
from tosho.contracts import features_contract
from tosho.features import local, panel
from tosho.features.plan import plan
from tosho.features.sets import feature_set
from tosho.features.spark import job
from tosho.features.spark.session import open_session
from tosho.features.spark.shape import Shape
from tosho.features.spark.source import window_in
from tosho.storage import Files, Lake

SESSIONS, WANTED = 315, 36
SHAPE = Shape(chunk=16, buckets=3, span=7)


@pytest.fixture(scope="session")
def core():
    return feature_set("core")


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    """A lake with a market in it. Tests publish features there; nothing reads what another left."""
    lake = Lake(Files(f"file://{tmp_path_factory.mktemp('market')}/lake"))
    market.publish(lake, SESSIONS)
    return lake


@pytest.fixture(scope="session")
def sessions(lake):
    return lake.sessions("bars")


@pytest.fixture(scope="session")
def expected(lake, core, sessions, tmp_path_factory):
    """The manifests, checksums included, of what the local engine makes of the whole market at once."""
    target = Lake(Files(f"file://{tmp_path_factory.mktemp('local')}/lake"))
    whole = {name: lake.read_many(name, lake.sessions(name)) for name in ("bars", "shares", "securities", "indices")}
    panels = panel.build_panel(whole["bars"], whole["shares"], whole["securities"])
    frame = local.compute(panels, whole["indices"], core, sessions[-WANTED:])
    assert any(frame[name].null_count() < frame.height for name in core.names)
    facts = {"feature_set": core.name, "number": core.number}
    return {
        session: target.publish("features", session, rows, contract=features_contract(core.names), facts=facts)
        for (session,), rows in frame.partition_by("session", as_dict=True).items()
    }


@pytest.fixture(scope="session")
def spark():
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
