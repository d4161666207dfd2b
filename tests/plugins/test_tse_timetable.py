import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pendulum
import pytest
from airflow import plugins_manager
from airflow.exceptions import AirflowTimetableInvalid
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tosho import calendar

TIMETABLES = plugins_manager.get_timetables_plugins()
TseSessionTimetable = TIMETABLES["tse_timetable.TseSessionTimetable"]
TseWeeklyTimetable = TIMETABLES["tse_timetable.TseWeeklyTimetable"]
BOTH = pytest.mark.parametrize("timetable", [TseSessionTimetable("18:30"), TseWeeklyTimetable("18:30")])
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def utc(text):
    return pendulum.instance(datetime.fromisoformat(text).replace(tzinfo=UTC))


def midnight(day):
    return pendulum.instance(datetime.combine(day, time(), UTC))


def runs(timetable, first, last):
    """Walk as a backfill does: from nothing, each run from the one before."""
    restriction, info, found = TimeRestriction(first, last, catchup=True), None, []
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        found.append(info)
    return found


def days(infos):
    return [info.logical_date.date() for info in infos]


@pytest.fixture
def at_moment(monkeypatch):
    """Set the clock that `catchup=False` and `validate` look at."""

    def stop(text):
        monkeypatch.setattr(sys.modules["tse_timetable"], "_now", lambda: utc(text))

    return stop


def test_a_run_is_a_session_from_open_to_close_after_its_publication():
    [info] = runs(TseSessionTimetable("18:30"), utc("2018-11-16"), utc("2018-11-18"))
    assert info == DagRunInfo(
        run_after=utc("2018-11-16T09:30"), data_interval=DataInterval(utc("2018-11-16"), utc("2018-11-16T06:00"))
    )
    assert info.logical_date == utc("2018-11-16")


def test_the_interval_follows_the_close_of_2024():
    infos = runs(TseSessionTimetable(), utc("2024-11-01"), utc("2024-11-05"))
    assert [info.data_interval.end for info in infos] == [utc("2024-11-01T06:00"), utc("2024-11-05T06:30")]


def test_new_year_is_ten_runs():
    assert len(runs(TseSessionTimetable(), utc("2024-12-20"), utc("2025-01-08"))) == 10


def test_golden_week_and_the_closure_of_2019_are_stepped_over():
    assert days(runs(TseSessionTimetable(), utc("2019-04-26"), utc("2019-05-07"))) == [
        date(2019, 4, 26),
        date(2019, 5, 7),
    ]
    assert days(runs(TseSessionTimetable(), utc("2024-05-02"), utc("2024-05-07"))) == [
        date(2024, 5, 2),
        date(2024, 5, 7),
    ]


def test_no_run_for_the_system_failure_of_2020():
    assert days(runs(TseSessionTimetable(), utc("2020-09-30"), utc("2020-10-02"))) == [
        date(2020, 9, 30),
        date(2020, 10, 2),
    ]


def test_a_week_runs_for_its_last_session():
    # Friday the 23rd was a holiday; the week of 29 April 2019 had no session.
    assert days(runs(TseWeeklyTimetable(), utc("2018-11-12"), utc("2018-11-30"))) == [
        date(2018, 11, 16),
        date(2018, 11, 22),
        date(2018, 11, 30),
    ]
    assert days(runs(TseWeeklyTimetable(), utc("2019-04-22"), utc("2019-05-12"))) == [
        date(2019, 4, 26),
        date(2019, 5, 10),
    ]


@examples(max_examples=25)
@given(st.dates(date(2005, 1, 1), date(2025, 6, 30)), st.integers(0, 400))
def test_each_session_has_one_run_in_order(start, length):
    end = start + timedelta(days=length)
    assert days(runs(TseSessionTimetable(), midnight(start), midnight(end))) == calendar.sessions(start, end)


@examples(max_examples=25)
@given(st.dates(date(2005, 1, 1), date(2025, 6, 30)), st.integers(0, 400))
def test_each_week_has_one_run_in_order(start, length):
    end = start + timedelta(days=length)
    last_of_week = {s.isocalendar()[:2]: s for s in calendar.sessions(start, end + timedelta(days=7))}
    expected = [s for s in last_of_week.values() if s <= end]
    assert days(runs(TseWeeklyTimetable(), midnight(start), midnight(end))) == expected


def test_twenty_years_are_walked_without_a_gap():
    first, last = date(2005, 1, 1), date(2024, 12, 31)
    infos = runs(TseSessionTimetable(), midnight(first), midnight(last))
    assert days(infos) == calendar.sessions(first, last)
    assert all(info.data_interval.start < info.data_interval.end < info.run_after for info in infos)


@given(st.datetimes(datetime(2005, 1, 1), datetime(2025, 6, 30)), st.integers(1, 600))  # noqa: DTZ001
def test_both_bounds_are_kept_at_any_time_of_day(naive, hours):
    first = pendulum.instance(naive, tz="UTC")
    last = first.add(hours=hours)
    for info in runs(TseSessionTimetable(), first, last):
        assert first <= info.logical_date <= last


@given(st.datetimes(datetime(2005, 1, 1), datetime(2025, 6, 30)))  # noqa: DTZ001
def test_the_next_run_depends_on_its_arguments_alone(naive):
    restriction = TimeRestriction(pendulum.instance(naive, tz="UTC"), None, catchup=True)
    first, second = (
        TseSessionTimetable().next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
        for _ in range(2)
    )
    assert first == second


@BOTH
def test_without_a_start_date_nothing_is_caught_up(timetable):
    restriction = TimeRestriction(None, None, catchup=True)
    assert timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction) is None


@BOTH
def test_a_start_date_before_the_calendar_begins_with_its_first_session(timetable):
    info = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(utc("1970-01-01"), None, catchup=True)
    )
    assert info.logical_date.year == 2000


@BOTH
def test_a_later_start_date_moves_the_next_run(timetable):
    last = runs(timetable, utc("2018-11-16"), utc("2018-11-16"))[0].data_interval
    info = timetable.next_dagrun_info(
        last_automated_data_interval=last, restriction=TimeRestriction(utc("2019-02-01"), None, catchup=True)
    )
    assert info.logical_date == utc("2019-02-01")


@BOTH
def test_an_interval_of_another_schedule_is_followed_by_the_next_run(timetable):
    another = DataInterval(utc("2018-11-15T15:00"), utc("2018-11-16T15:00"))
    info = timetable.next_dagrun_info(
        last_automated_data_interval=another, restriction=TimeRestriction(utc("2018-01-01"), None, catchup=True)
    )
    assert info.logical_date == utc("2018-11-16")


@pytest.mark.parametrize(
    ("now", "session"),
    [("2018-11-22T09:29", "2018-11-21"), ("2018-11-22T09:30", "2018-11-22"), ("2018-11-25T00:00", "2018-11-22")],
)
def test_without_catchup_the_newest_published_session_comes_first(at_moment, now, session):
    at_moment(now)
    restriction = TimeRestriction(utc("2018-01-01"), None, catchup=False)
    info = TseSessionTimetable().next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert info.logical_date == utc(session)
    following = TseSessionTimetable().next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
    assert following.logical_date.date() == calendar.next_session(date.fromisoformat(session))


@pytest.mark.parametrize(("now", "session"), [("2018-11-22T09:29", "2018-11-16"), ("2018-11-22T09:30", "2018-11-22")])
def test_without_catchup_the_newest_published_week_comes_first(at_moment, now, session):
    at_moment(now)
    restriction = TimeRestriction(utc("2018-01-01"), None, catchup=False)
    info = TseWeeklyTimetable().next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert info.logical_date == utc(session)


def test_where_the_calendar_ends_the_walk_ends_with_an_error_and_does_not_raise(caplog):
    assert days(runs(TseSessionTimetable(), utc("2035-12-26"), None))[-1] == date(2035, 12, 28)
    assert "Every TSE session, 18:30 JST has no further run" in caplog.text
    assert "known from 2000-01-04 to 2035-12-28" in caplog.text


@BOTH
def test_an_interval_past_the_calendar_does_not_raise(timetable):
    past = DataInterval(utc("2040-01-04"), utc("2040-01-04T06:00"))
    restriction = TimeRestriction(utc("2018-01-01"), None, catchup=True)
    assert timetable.next_dagrun_info(last_automated_data_interval=past, restriction=restriction) is None


def test_a_schedule_is_refused_a_year_before_the_calendar_ends(at_moment):
    at_moment("2035-01-01")
    with pytest.raises(AirflowTimetableInvalid, match="known to 2035-12-31, 364 days from now"):
        TseSessionTimetable().validate()


def test_a_schedule_warns_two_years_before_the_calendar_ends(at_moment, caplog):
    at_moment("2034-06-01")
    TseSessionTimetable().validate()
    assert "Upgrade exchange_calendars" in caplog.text


@pytest.mark.parametrize("at", ["18.30", "24:00", "9:00", "15:29", "", "18:30 ", None, 1830])
def test_a_time_that_cannot_be_is_refused(at):
    with pytest.raises(AirflowTimetableInvalid, match="HH:MM in Japan from 15:30, the close, to 23:59"):
        TseSessionTimetable(at).validate()


@pytest.mark.parametrize("at", ["15:30", "18:30", "23:59"])
def test_a_time_after_the_close_is_taken(at):
    TseSessionTimetable(at).validate()


@BOTH
@pytest.mark.parametrize("session", ["2018-11-13", "2018-11-16"])
def test_a_run_by_hand_for_the_open_of_a_session_means_that_session(timetable, session):
    interval = timetable.infer_manual_data_interval(run_after=utc(session))
    assert interval == DataInterval(utc(session), utc(f"{session}T06:00"))


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        ("2018-11-16T09:29:59", "2018-11-15"),
        ("2018-11-16T09:30", "2018-11-16"),
        ("2018-11-17", "2018-11-16"),  # midnight of a Saturday
        ("2018-11-16T00:00:01", "2018-11-15"),
    ],
)
def test_a_run_by_hand_at_another_moment_means_the_newest_published(moment, session):
    interval = TseSessionTimetable().infer_manual_data_interval(run_after=utc(moment))
    assert interval.start == utc(session)


def test_a_weekly_run_by_hand_means_the_newest_week():
    assert TseWeeklyTimetable().infer_manual_data_interval(run_after=utc("2018-11-21T12:00")).start == utc("2018-11-16")
    assert TseWeeklyTimetable().infer_manual_data_interval(run_after=utc("2018-11-22T12:00")).start == utc("2018-11-22")


def test_a_run_by_hand_in_another_zone_means_the_same_instant():
    moment = pendulum.datetime(2018, 11, 16, 9, tz="Asia/Tokyo")
    assert TseSessionTimetable().infer_manual_data_interval(run_after=moment).start == utc("2018-11-16")


def test_a_scheduled_run_is_named_by_its_session():
    [info] = runs(TseSessionTimetable(), utc("2018-11-16"), utc("2018-11-16"))
    name = TseSessionTimetable().generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=info.run_after, data_interval=info.data_interval, partition_key=None
    )
    assert name == "scheduled__2018-11-16"
    assert DagRunType.from_run_id(name) is DagRunType.SCHEDULED


@pytest.mark.parametrize("interval", [None, DataInterval(utc("2018-11-16"), utc("2018-11-16T06:00"))])
def test_runs_by_hand_for_one_session_have_different_names(interval):
    names = {
        TseSessionTimetable().generate_run_id(run_type=DagRunType.MANUAL, run_after=utc(at), data_interval=interval)
        for at in ("2018-11-16T10:00", "2018-11-16T10:01")
    }
    assert len(names) == 2


def test_the_summary_says_what_and_when():
    assert TseSessionTimetable("18:30").summary == "Every TSE session, 18:30 JST"
    assert TseWeeklyTimetable("20:00").summary == "Last TSE session of each week, 20:00 JST"
    assert "holidays left out" in TseSessionTimetable().description


@BOTH
def test_a_dag_keeps_its_timetable_through_the_database(timetable):
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    written = DagSerialization.to_json(DAG("d", schedule=timetable, start_date=utc("2018-01-01"), catchup=True))
    read = DagSerialization.from_json(written)
    assert read.timetable == timetable
    assert (read.timetable.summary, read.timetable.at) == (timetable.summary, "18:30")
    assert days(read.iter_dagrun_infos_between(utc("2024-12-30"), utc("2025-01-10")))[-1] == date(2025, 1, 10)


def test_a_bad_time_stops_the_dag_and_not_the_scheduler():
    from airflow.sdk import DAG

    with pytest.raises(AirflowTimetableInvalid):
        DAG("d", schedule=TseSessionTimetable("noon"), start_date=utc("2018-01-01")).validate()


def test_timetables_differ_by_time_and_kind():
    assert TseSessionTimetable("18:30") == TseSessionTimetable("18:30")
    assert TseSessionTimetable("18:30") != TseSessionTimetable("18:31")
    assert TseSessionTimetable("18:30") != TseWeeklyTimetable("18:30")


def test_importing_the_plugin_loads_no_calendar_library():
    """Every parsing process of Airflow imports it."""
    code = (
        "import sys, tse_timetable as t; t.TseWeeklyTimetable().validate(); "
        "sys.exit('exchange_calendars' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PLUGINS), str(PLUGINS.parent / "include")])}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
