import doctest
import importlib
import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from tosho.calendar import CalendarBoundError, bound_warning, sessions_left, xtks


def noon(year, month, day):
    return datetime(year, month, day, 12, tzinfo=UTC)


def test_far_from_the_end_nothing_is_said():
    assert bound_warning(noon(2033, 12, 31)) == ""


def test_two_years_before_the_end_a_warning_says_what_to_do():
    assert "known to 2035-12-31, 729 days from now" in bound_warning(noon(2034, 1, 1))
    assert "Upgrade exchange_calendars" in bound_warning(noon(2034, 1, 1))


def test_a_year_before_the_end_schedules_are_refused():
    xtks.refuse_near_bound(noon(2034, 12, 31))
    with pytest.raises(CalendarBoundError, match="364 days from now"):
        xtks.refuse_near_bound(noon(2035, 1, 1))


def test_sessions_left_are_counted():
    assert sessions_left(noon(2035, 12, 25)) == 3
    assert sessions_left(noon(2036, 1, 1)) == 0


def test_the_library_knows_every_equinox_within_the_bounds():
    """Equinoxes are a list in the library, not a rule: past its end it would call them sessions."""
    from exchange_calendars import xtks_holidays

    for listed in (xtks_holidays.VernalEquinoxes, xtks_holidays.AutumnalEquinoxes):
        years = {stamp.year for stamp in listed}
        assert set(range(xtks.FIRST.year, xtks.LAST.year + 1)) <= years


def test_bounds_do_not_move_with_the_clock():
    assert xtks.all_sessions()[0] == date(2000, 1, 4)
    assert xtks.all_sessions()[-1] == date(2035, 12, 28)


def test_importing_the_calendar_loads_no_heavy_library():
    code = (
        "import sys, tosho.calendar; "
        "sys.exit(', '.join({'pandas', 'numpy', 'exchange_calendars', 'polars'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["sessions", "hours", "cutoffs"])
def test_examples_are_true(module):
    assert doctest.testmod(importlib.import_module(f"tosho.calendar.{module}")).failed == 0
