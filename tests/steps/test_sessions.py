from datetime import UTC, date, datetime

import pytest

from tosho.calendar import NotASessionError
from tosho.steps import sessions

RUN_AFTER = datetime(2018, 11, 18, 3, 0, tzinfo=UTC)  # a Sunday


def test_the_parameter_comes_first():
    interval = datetime(2018, 11, 15, tzinfo=UTC)
    assert sessions.resolve("2018-11-14", interval, interval, RUN_AFTER) == date(2018, 11, 14)


def test_else_the_interval_tells_the_session():
    assert sessions.resolve(None, RUN_AFTER, datetime(2018, 11, 15, tzinfo=UTC), RUN_AFTER) == date(2018, 11, 15)


def test_else_the_newest_published_session():
    assert sessions.resolve(None, None, None, RUN_AFTER) == date(2018, 11, 16)


@pytest.mark.parametrize("day", ["2018-11-17", "2019-05-01", "2024-12-31"])
def test_a_day_that_is_no_session_gets_a_sentence(day):
    with pytest.raises(
        NotASessionError, match=rf"{day} \(\w+\) is no session of the Tokyo Stock Exchange; the sessions"
    ):
        sessions.resolve(day, None, None, RUN_AFTER)


def test_a_logical_date_at_midnight_means_its_day_whatever_the_interval_says():
    interval = datetime(2018, 11, 16, tzinfo=UTC)
    assert sessions.resolve(None, datetime(2018, 11, 14, tzinfo=UTC), interval, RUN_AFTER) == date(2018, 11, 14)
    with pytest.raises(NotASessionError, match="Saturday"):
        sessions.resolve(None, datetime(2018, 11, 17, tzinfo=UTC), interval, RUN_AFTER)


def test_a_range_shrinks_to_its_sessions():
    found = sessions.resolve_range("2024-12-28", "2025-01-08", RUN_AFTER)
    assert found == (date(2024, 12, 30), date(2025, 1, 8))


def test_an_open_range_ends_at_the_newest_session():
    assert sessions.resolve_range("2018-11-01", None, RUN_AFTER) == (date(2018, 11, 1), date(2018, 11, 16))


def test_a_range_of_holidays_is_an_error():
    with pytest.raises(NotASessionError, match="no session of the exchange from 2024-12-31 to 2025-01-03"):
        sessions.resolve_range("2024-12-31", "2025-01-03", RUN_AFTER)
