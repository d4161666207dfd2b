"""Where J-Quants' calendar and this one differ: each day known, with its reason, and no other."""

from datetime import date, timedelta

import pytest

from tosho import calendar
from tosho.calendar.xtks import DISAGREEMENTS, SYSTEM_FAILURE
from tosho.simulation.days import holiday_division

OPEN_BY_JQUANTS = ("1", "2")


@pytest.mark.parametrize("known", DISAGREEMENTS, ids=lambda known: str(known.day))
def test_each_is_a_real_one_and_this_calendar_says_what_the_table_says(known):
    assert calendar.is_session(known.day) == known.is_session
    assert (known.division in OPEN_BY_JQUANTS) != known.is_session


def test_the_one_on_record_is_the_failure_of_2020():
    assert [known.day for known in DISAGREEMENTS] == [date(2020, 10, 1)] == [SYSTEM_FAILURE]


def test_why_a_day_is_no_session_is_said_in_the_error():
    with pytest.raises(calendar.NotASessionError, match="no session of the TSE: a system failure stopped all trading"):
        calendar.cutoff(SYSTEM_FAILURE)


def test_nothing_of_the_day_is_known_and_what_came_before_it_is_known_after_it():
    before, after = date(2020, 9, 30), date(2020, 10, 2)
    assert calendar.next_session(before) == after
    assert calendar.first_session_knowing(calendar.cutoff(before) + timedelta(seconds=1)) == after


def test_the_simulated_calendar_differs_on_these_days_and_no_other():
    days = [date(2008, 5, 7) + timedelta(days=n) for n in range(17 * 365)]
    differing = [day for day in days if (holiday_division(day) in OPEN_BY_JQUANTS) != calendar.is_session(day)]
    assert differing == [known.day for known in DISAGREEMENTS]
    assert [holiday_division(day) for day in differing] == [known.division for known in DISAGREEMENTS]
