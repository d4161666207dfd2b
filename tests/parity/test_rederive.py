"""After a repair the stale sessions are built again, and then the lake is as if it had always been so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parity import market
from tosho.features import inputs
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet
from tosho.features.spark import job

REACH = 5
SHAPE = Shape(chunk=16, buckets=2, span=4)


@pytest.fixture
def near(core):
    """Features that look back a few sessions, so that a short market has sessions that a repair does not reach."""
    names = {"ret_1", "ret_5", "ret_overnight", "csr_ret_5", "csr_turnover"}
    short = FeatureSet(core.name, core.number, tuple(f for f in core.features if f.name in names))
    assert len(short.features) == len(names)
    assert plan(short).rows_before == REACH < plan(core).rows_before
    return short


def repair(lake, session):
    """Publish a session's bars again, the opening prices corrected."""
    lake.publish("bars", session, lake.read("bars", session).with_columns(open="close"))


def test_two_repairs_far_apart_and_nothing_else_is_built(spark, near, tmp_path):
    lake = market.publish(tmp_path / "repaired", 40, codes=8)
    days = lake.sessions("bars")
    window = window_in(lake, days[10], days[-1], plan(near).rows_before)
    job.publish(spark, lake, near, window, SHAPE)
    before = {session: lake.manifest("features", session) for session in window.wanted}
    repair(lake, days[15])
    repair(lake, days[30])

    stale = inputs.to_build(lake, window.wanted)
    assert stale == [*days[15 : 16 + REACH], *days[30 : 31 + REACH]]
    job.publish(spark, lake, near, replace(window, wanted=tuple(stale)), SHAPE)

    assert inputs.to_build(lake, window.wanted) == []
    expected = market.publish_locally(lake, market.new_lake(tmp_path / "local"), near, list(window.wanted))
    after = {session: lake.manifest("features", session) for session in window.wanted}
    assert {s: m.sha256 for s, m in after.items()} == {s: m.sha256 for s, m in expected.items()}
    assert {s: m for s, m in after.items() if s not in stale} == {s: m for s, m in before.items() if s not in stale}
    assert after[days[15]].superseded == (before[days[15]].as_version(),)
