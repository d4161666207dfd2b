from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tosho import calendar
from tosho.calendar import CalendarBoundError, NotASessionError, UnknownSourceError
from tosho.calendar.cutoffs import PUBLICATION, WEEKLY
from tosho.calendar.hours import in_force

FRIDAY = date(2018, 11, 16)


def jst(text):
    return datetime.fromisoformat(text).replace(tzinfo=calendar.JST)


PUBLISHED = {
    "bars_am": "2018-11-16 12:00",
    "bars_daily": "2018-11-16 16:30",
    "breakdown": "2018-11-16 18:00",
    "calendar": "2018-11-16 00:00",
    "derivatives": "2018-11-17 03:00",
    "earnings_calendar": "2018-11-16 19:00",
    "earnings_date": "2018-11-16 10:05",
    "fins_summary": "2018-11-16 18:00",
    "fins_summary_final": "2018-11-17 00:30",
    "indices": "2018-11-16 16:30",
    "margin_alert": "2018-11-16 16:30",
    "margin_interest_daily": "2018-11-16 16:30",
    "master": "2018-11-16 17:30",
    "short_ratio": "2018-11-16 16:30",
    "short_sale_report": "2018-11-16 17:30",
    "topix": "2018-11-16 16:30",
}
"""What J-Quants states of each source, for what is of a Friday."""


@pytest.mark.parametrize("source", sorted({*PUBLISHED, *PUBLICATION}))
def test_publication_by_source(source):
    assert calendar.published_at(source, FRIDAY) == jst(PUBLISHED[source])


def test_weekly_sources_come_in_the_week_after():
    assert calendar.published_at("margin_interest", date(2018, 11, 14)) == jst("2018-11-20 16:30")
    assert calendar.published_at("investor_types", date(2018, 11, 14)) == jst("2018-11-22 16:30")


def test_a_weekly_source_counts_business_days():
    assert calendar.published_at("margin_interest", date(2019, 4, 26)) == jst("2019-05-08 16:30")


def test_an_unknown_source_is_named_with_those_known():
    with pytest.raises(UnknownSourceError, match=r"source 'bars'. Known: bars_am, bars_daily"):
        calendar.published_at("bars", FRIDAY)


def test_a_day_without_a_session_publishes_nothing():
    with pytest.raises(NotASessionError):
        calendar.published_at("bars_daily", date(2018, 11, 17))


def test_the_newest_session_changes_at_its_cutoff():
    assert calendar.cutoff(FRIDAY) == jst("2018-11-16 18:30")
    assert calendar.latest_session(jst("2018-11-16 18:29:59")) == date(2018, 11, 15)
    assert calendar.latest_session(jst("2018-11-16 18:30")) == FRIDAY
    assert calendar.latest_session(jst("2018-11-19 09:00")) == FRIDAY


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        calendar.latest_session(datetime(2018, 11, 16, 18, 30))  # noqa: DTZ001


def test_a_moment_outside_the_calendar_is_refused():
    with pytest.raises(CalendarBoundError):
        calendar.latest_session(jst("1999-12-31 23:00"))
    with pytest.raises(CalendarBoundError):
        calendar.latest_session(jst("2036-01-01 00:00"))


def test_dated_times_are_in_order_and_begin_with_the_calendar():
    for dated in [*PUBLICATION.values(), *(weekly.times for weekly in WEEKLY.values())]:
        assert [since for since, _ in dated] == sorted({since for since, _ in dated})
        assert dated[0][0] == date(2000, 1, 1)


def test_a_dated_time_holds_from_its_own_session_on():
    dated = ((date(2000, 1, 1), timedelta(hours=18)), (date(2018, 11, 16), timedelta(hours=17)))
    assert in_force(dated, date(2018, 11, 15)) == timedelta(hours=18)
    assert in_force(dated, FRIDAY) == timedelta(hours=17)


@given(st.datetimes(datetime(2005, 1, 1), datetime(2025, 12, 31)))  # noqa: DTZ001 - the zone is given below
def test_cutoffs_enclose_every_moment(naive):
    moment = naive.replace(tzinfo=calendar.JST)
    session = calendar.latest_session(moment)
    assert calendar.cutoff(session) <= moment < calendar.cutoff(calendar.next_session(session))


@given(st.datetimes(datetime(2005, 1, 1), datetime(2025, 12, 31)))  # noqa: DTZ001 - the zone is given below
def test_the_first_session_after_a_moment_is_the_first(naive):
    moment = naive.replace(tzinfo=calendar.JST)
    session = calendar.first_after(moment)
    assert calendar.open_at(calendar.previous_session(session)) < moment <= calendar.open_at(session)


def test_the_first_and_last_known_days_can_be_asked_for():
    assert calendar.first_after(jst("2000-01-01 00:00")) == date(2000, 1, 4)
    assert calendar.latest_session(jst("2035-12-31 23:59")) == date(2035, 12, 28)


def test_what_appears_on_a_day_without_a_session_has_the_hour_of_the_session_before():
    assert calendar.published_on("fins_summary", date(2018, 11, 17)) == jst("2018-11-17 18:00")
    assert calendar.published_on("derivatives", date(2018, 11, 17)) == jst("2018-11-18 03:00")


def test_of_a_weekly_source_the_day_is_that_of_its_publication():
    assert calendar.published_on("investor_types", date(2018, 11, 15)) == jst("2018-11-15 16:30")


def test_the_session_at_whose_cutoff_something_is_known():
    at_cutoff = jst("2018-11-16 18:30")
    assert calendar.first_session_knowing(at_cutoff) == FRIDAY
    assert calendar.first_session_knowing(at_cutoff + timedelta(seconds=1)) == date(2018, 11, 19)
