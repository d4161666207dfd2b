"""After a repair the stale sessions are built again, and then the lake is as if it had always been so."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from parity import market
from tosho.features import inputs, records
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
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


def test_what_looks_back_on_nothing_is_stale_in_the_repaired_session_alone(core, tmp_path):
    lake = market.publish(tmp_path / "market", 30, codes=4)
    days = lake.sessions("bars")
    of_the_day = FeatureSet(core.name, core.number, tuple(f for f in core.features if f.name == "body_ratio"))
    assert plan(of_the_day).rows_before == 0
    market.publish_locally(lake, lake, of_the_day, days)
    repair(lake, days[15])
    assert [stale.session for stale in inputs.stale(lake)] == [days[15]]


class TestRecords:
    """Tables beside bars: who reads them from the lake's beginning on is stale from the repair on."""

    RECORDS = frozenset({
        "roe", "days_to_earn", "frgn_net", "mrg_ratio", "alert_on", "sec_short_share", "ssp_ratio", "n225_iv_atm30",
    })  # fmt: skip
    OF_WINDOW = "options_225"
    """A row of these counts in its own session alone."""

    @pytest.fixture(scope="class")
    def told(self):
        whole = feature_set("standard")
        some = tuple(f for f in whole.features if f.name in self.RECORDS)
        return FeatureSet(whole.name, whole.number, some)

    @pytest.fixture(scope="class")
    def tables(self, told):
        found = plan(told).tables
        assert set(found) == {table for kind in records.ALL for table in kind.tables}
        return found

    @pytest.fixture
    def lake(self, told, tmp_path):
        reach = plan(told).rows_before
        lake = market.publish(tmp_path / "market", reach + 30, codes=8, told=reach + 30)
        market.publish_locally(lake, lake, told, lake.sessions("bars")[-20:])
        return lake

    def told_since(self, lake, table, since):
        return next(session for session in lake.sessions(table, since) if lake.read(table, session).height)

    def repair(self, lake, table, session):
        """Publish a session of a table again with other numbers; without rows, where it has no numbers."""
        rows = lake.read(table, session)
        floats = [name for name, kind in rows.schema.items() if kind.is_float()]
        numbers = rows.with_columns(pl.col(name) * (2 + place) for place, name in enumerate(floats))
        lake.publish(table, session, rows.clear() if numbers.equals(rows) else numbers)
        return rows

    def test_each_table_makes_stale_what_was_made_of_it_and_nothing_else(self, lake, told, tables):
        reach, days = plan(told).rows_before, lake.sessions("bars")
        built = days[-20:]
        assert list(inputs.stale(lake)) == []
        for table in tables:
            if table == self.OF_WINDOW:
                session = days[days.index(built[6]) - reach]
                expected = built[:7]
            else:
                session = self.told_since(lake, table, built[3])
                expected = built[built.index(session) :]
            assert 0 < len(expected) < len(built)
            before = self.repair(lake, table, session)
            found = list(inputs.stale(lake))
            assert [stale.session for stale in found] == expected, table
            assert all(stale.why.startswith(f"{table} of {session} was ") for stale in found)
            lake.publish(table, session, before)
        assert list(inputs.stale(lake)) == []

    def test_what_is_built_again_is_what_it_would_always_have_been(self, spark, lake, told, tables, tmp_path):
        days = lake.sessions("bars")
        window = window_in(lake, days[-20], days[-1], plan(told).rows_before)
        before = {session: lake.manifest("features", session) for session in window.wanted}
        for table in tables:
            self.repair(lake, table, self.told_since(lake, table, days[-17]))
        again = inputs.to_build(lake, window.wanted)
        job.publish(spark, lake, told, replace(window, wanted=tuple(again)), SHAPE)

        assert inputs.to_build(lake, window.wanted) == []
        expected = market.publish_locally(lake, market.new_lake(tmp_path / "local"), told, again)
        after = {session: lake.manifest("features", session) for session in window.wanted}
        assert {s: (m.sha256, m.facts) for s, m in after.items() if s in again} == {
            s: (m.sha256, m.facts) for s, m in expected.items()
        }
        assert {s: m for s, m in after.items() if s not in again} == {s: m for s, m in before.items() if s not in again}
        assert any(after[session].sha256 != before[session].sha256 for session in again)
