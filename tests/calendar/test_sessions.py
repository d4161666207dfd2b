from datetime import date, datetime, timedelta

import exchange_calendars  # noqa: TID253 - the oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tosho import calendar
from tosho.calendar import CalendarBoundError, NotASessionError

# Twenty years, with room on both sides of the library's own answers for an offset of a year.
DAYS = st.dates(date(2005, 1, 1), date(2025, 12, 31))


@pytest.fixture(scope="module")
def oracle():
    return exchange_calendars.get_calendar("XTKS", start="2000-01-01", end="2030-12-31")


def test_new_year_is_ten_sessions():
    run = calendar.sessions(date(2024, 12, 20), date(2025, 1, 8))
    assert [s.isoformat()[5:] for s in run] == [
        *("12-20", "12-23", "12-24", "12-25", "12-26", "12-27", "12-30"),
        *("01-06", "01-07", "01-08"),
    ]


def test_golden_week_2024():
    run = calendar.sessions(date(2024, 4, 26), date(2024, 5, 7))
    assert [s.isoformat()[5:] for s in run] == ["04-26", "04-30", "05-01", "05-02", "05-07"]


def test_the_ten_day_closure_of_2019():
    assert calendar.next_session(date(2019, 4, 26)) == date(2019, 5, 7)
    assert calendar.previous_session(date(2019, 5, 7)) == date(2019, 4, 26)
    assert calendar.sessions(date(2019, 4, 27), date(2019, 5, 6)) == []


def test_the_system_failure_of_2020_is_no_session_and_says_why():
    assert not calendar.is_session(date(2020, 10, 1))
    assert calendar.sessions_between(date(2020, 9, 30), date(2020, 10, 2)) == 1
    with pytest.raises(NotASessionError, match=r"system failure.*2020-09-30 and 2020-10-02"):
        calendar.offset(date(2020, 10, 1), 0)


def test_saturday_is_no_session():
    assert not calendar.is_session(date(2018, 11, 17))
    with pytest.raises(NotASessionError, match=r"but a Saturday.*2018-11-16 and 2018-11-19"):
        calendar.open_at(date(2018, 11, 17))


def test_holiday_on_a_weekday_says_so():
    with pytest.raises(NotASessionError, match="but a holiday"):
        calendar.cutoff(date(2018, 11, 23))


def test_no_session_lies_before_the_first_day_asked_for():
    assert calendar.sessions(date(2024, 2, 2), date(2024, 2, 1)) == []


def test_week_end_steps_back_before_a_holiday_and_over_a_week_without_sessions():
    assert calendar.week_end(date(2018, 11, 19)) == date(2018, 11, 22)  # Friday was a holiday
    assert calendar.week_end(date(2018, 11, 23)) == date(2018, 11, 30)
    assert calendar.week_end(date(2019, 4, 29)) == date(2019, 5, 10)


@pytest.mark.parametrize("ask", [calendar.is_session, calendar.next_session, calendar.previous_session])
@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2036, 1, 1)])
def test_a_question_past_the_bound_is_refused(ask, day):
    with pytest.raises(CalendarBoundError, match=r"known from 2000-01-01 to 2035-12-31"):
        ask(day)


def test_a_step_over_the_bound_is_refused():
    with pytest.raises(CalendarBoundError, match="session after 2035-12-28"):
        calendar.next_session(date(2035, 12, 28))
    with pytest.raises(CalendarBoundError, match=r"\+1 from 2035-12-28"):
        calendar.offset(date(2035, 12, 28), 1)
    with pytest.raises(CalendarBoundError, match="week of 2035-12-29"):
        calendar.week_end(date(2035, 12, 29))


def test_a_datetime_is_not_taken_for_a_day():
    with pytest.raises(TypeError):
        calendar.is_session(datetime(2018, 11, 16))  # noqa: DTZ001


@given(DAYS)
def test_answers_are_those_of_the_library(oracle, day):
    stamp = day.isoformat()
    assert calendar.is_session(day) == oracle.is_session(stamp)
    after = oracle.date_to_session((day + timedelta(days=1)).isoformat(), "next").date()
    before = oracle.date_to_session((day - timedelta(days=1)).isoformat(), "previous").date()
    assert (calendar.previous_session(day), calendar.next_session(day)) == (before, after)


@given(DAYS, DAYS)
def test_a_range_is_that_of_the_library(oracle, a, b):
    first, last = sorted((a, b))
    expected = [s.date() for s in oracle.sessions_in_range(first.isoformat(), last.isoformat())]
    assert calendar.sessions(first, last) == expected


@given(DAYS, DAYS)
def test_between_undoes_offset(a, b):
    a, b = calendar.next_session(a), calendar.next_session(b)
    n = calendar.sessions_between(a, b)
    assert calendar.offset(a, n) == b
    assert calendar.sessions_between(b, a) == -n
    assert n == len(calendar.sessions(a, b)) - 1 if a <= b else n < 0


@given(DAYS, st.integers(-250, 250))
def test_offset_is_so_many_single_steps(day, n):
    session = walked = calendar.next_session(day)
    for _ in range(abs(n)):
        walked = calendar.next_session(walked) if n > 0 else calendar.previous_session(walked)
    assert calendar.offset(session, n) == walked


@given(DAYS)
def test_a_week_end_is_a_session_after_which_the_week_holds_no_other(day):
    end = calendar.week_end(day)
    assert calendar.is_session(end)
    assert end >= day
    assert calendar.next_session(end).isocalendar()[:2] != end.isocalendar()[:2]


@given(DAYS)
def test_the_week_end_before_is_the_one_before(day):
    before = calendar.week_end_before(day)
    assert before < day <= calendar.week_end(before + timedelta(days=1))
