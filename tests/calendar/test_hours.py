from datetime import UTC, date, datetime

import exchange_calendars  # noqa: TID253 - the oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tosho import calendar


def jst(session, hours, minutes=0):
    return datetime(session.year, session.month, session.day, hours, minutes, tzinfo=calendar.JST)


def test_a_session_opens_at_midnight_utc():
    assert calendar.open_at(date(2018, 11, 16)) == datetime(2018, 11, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("session", "hours", "minutes"),
    [(date(2024, 11, 1), 15, 0), (date(2024, 11, 5), 15, 30), (date(2026, 1, 5), 15, 30)],
)
def test_the_close_moved_in_2024(session, hours, minutes):
    assert calendar.close_at(session) == jst(session, hours, minutes)


@pytest.mark.parametrize("half", [date(2005, 12, 30), date(2006, 1, 4), date(2008, 12, 30), date(2009, 1, 5)])
def test_the_year_once_ended_and_began_with_a_morning(half):
    assert calendar.is_half_day(half)
    assert calendar.close_at(half) == jst(half, 11)


@pytest.mark.parametrize("full", [date(2005, 12, 29), date(2009, 1, 6), date(2009, 12, 30), date(2010, 1, 4)])
def test_sessions_beside_half_days_are_whole(full):
    assert not calendar.is_half_day(full)
    assert calendar.close_at(full) == jst(full, 15)


def test_there_were_two_half_days_a_year():
    halves = [s for s in calendar.sessions(date(2000, 1, 1), date(2035, 12, 27)) if calendar.is_half_day(s)]
    assert len(halves) == 9 * 2 + 1


@given(st.dates(date(2005, 1, 1), date(2025, 12, 31)))
def test_hours_are_those_of_the_library_but_for_half_days(day):
    session = calendar.next_session(day)
    oracle = exchange_calendars.get_calendar("XTKS", start="2000-01-01", end="2030-12-31")
    assert calendar.open_at(session) == oracle.session_open(session.isoformat())
    if not calendar.is_half_day(session):
        assert calendar.close_at(session) == oracle.session_close(session.isoformat())
