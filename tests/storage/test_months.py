"""Closed months and years are read from one file each, and never from a stale one."""

from __future__ import annotations

import dataclasses
from datetime import date

import polars as pl
import pytest

from tosho import calendar
from tosho.contracts import SHARES
from tosho.storage import Lake, layout
from tosho.storage.lake import parquet_bytes
from tosho.storage.months import WHOLE, View, read_months

SESSIONS = calendar.sessions(date(2017, 11, 20), date(2018, 3, 6))
OF_A_CODE = View("one", ("session", "code"), lambda rows: rows.filter(pl.col("code") == "13010"))
YEARS = dataclasses.replace(WHOLE, years=True)


def shares(session: date, times: float = 1.0) -> pl.DataFrame:
    known = calendar.cutoff(session)
    rows = [
        {"session": session, "code": code, "known_at": known, "shares_outstanding": times * number}
        for code, number in (("13010", 5.0), ("72030", 7.0))
    ]
    return pl.DataFrame(rows, schema=dict(SHARES.schema))


@pytest.fixture
def filled(lake: Lake) -> Lake:
    for session in SESSIONS:
        lake.publish("shares", session, shares(session))
    return lake


def kept(lake: Lake) -> list[str]:
    return [entry.path for entry in lake.files.tree("months")]


@pytest.mark.parametrize("view", [WHOLE, OF_A_CODE, YEARS])
def test_it_gives_what_the_partitions_give(filled: Lake, view: View) -> None:
    wanted = SESSIONS[3:-1]
    expected = view.of(filled.read_many("shares", wanted, view.columns))
    for _ in ("from the partitions", "from the files made of them"):
        assert read_months(filled, "shares", wanted, frozenset(SESSIONS), view).equals(expected)


def test_each_closed_month_has_one_file_and_the_newest_none(filled: Lake) -> None:
    read_months(filled, "shares", SESSIONS, frozenset(SESSIONS))
    folders = [path.rsplit("/", 1)[0] for path in kept(filled)]
    assert folders == [f"months/shares/month={month}" for month in ("2017-11", "2017-12", "2018-01", "2018-02")]


def test_a_closed_year_has_one_file_where_all_is_read(filled: Lake) -> None:
    read_months(filled, "shares", SESSIONS, frozenset(SESSIONS), YEARS)
    folders = [path.rsplit("/", 1)[0].rsplit("/", 1)[1] for path in kept(filled)]
    assert folders == ["month=2018-01", "month=2018-02", "year=2017"]


def test_what_is_kept_is_what_is_read(filled: Lake) -> None:
    """Else nothing would be saved: partitions whose data is gone are not missed."""
    january = [session for session in SESSIONS if (session.year, session.month) == (2018, 1)]
    expected = read_months(filled, "shares", january, frozenset(SESSIONS))
    for session in january:
        filled.files.delete(layout.data_path("shares", session, filled.manifest("shares", session).file))
    assert read_months(filled, "shares", january, frozenset(SESSIONS)).equals(expected)


def test_a_repaired_session_is_seen_and_its_month_is_kept_anew(filled: Lake) -> None:
    read_months(filled, "shares", SESSIONS, frozenset(SESSIONS))
    before = kept(filled)
    filled.publish("shares", SESSIONS[10], shares(SESSIONS[10], times=2.0))
    again = read_months(filled, "shares", SESSIONS, frozenset(SESSIONS))
    assert again.filter(pl.col("session") == SESSIONS[10]).equals(shares(SESSIONS[10], times=2.0))
    after = kept(filled)
    assert len(after) == len(before)
    assert len(set(after) - set(before)) == 1


def test_a_session_that_was_added_later_is_seen(filled: Lake) -> None:
    without = frozenset(SESSIONS) - {SESSIONS[4]}
    read_months(filled, "shares", sorted(without), without)
    assert read_months(filled, "shares", SESSIONS, frozenset(SESSIONS)).height == 2 * len(SESSIONS)


def test_a_damaged_file_is_told_and_not_believed(filled: Lake, caplog: pytest.LogCaptureFixture) -> None:
    expected = read_months(filled, "shares", SESSIONS, frozenset(SESSIONS))
    damaged = kept(filled)[0]
    filled.files.write(damaged, parquet_bytes(shares(SESSIONS[0], times=9.0)))
    assert read_months(filled, "shares", SESSIONS, frozenset(SESSIONS)).equals(expected)
    assert "is damaged; the partitions are read" in caplog.text


def test_views_of_one_month_stand_beside_each_other(filled: Lake) -> None:
    for view in (WHOLE, OF_A_CODE, WHOLE):
        read_months(filled, "shares", SESSIONS, frozenset(SESSIONS), view)
    assert len(kept(filled)) == 8


def test_other_columns_under_the_same_name_are_another_file(filled: Lake) -> None:
    narrow, wide = View("v", ("session", "code")), View("v", ("session", "code", "shares_outstanding"))
    for view in (narrow, wide):
        assert read_months(filled, "shares", SESSIONS, frozenset(SESSIONS), view).columns == list(view.columns)
