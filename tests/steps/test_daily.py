from datetime import date

import polars as pl
import pytest

from tosho.steps.daily import GAP_AT_MOST, GapTooLongError, gap
from tosho.storage import Files, Lake

FRIDAY, MONDAY, WEDNESDAY = date(2018, 11, 16), date(2018, 11, 19), date(2018, 11, 21)


@pytest.fixture
def lake(tmp_path):
    made = Lake(Files(f"file://{tmp_path}"))
    row = {"session": FRIDAY, "code": "13010", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}
    frame = pl.DataFrame([row | {"turnover_yen": 1.0, "adj_factor": 1.0}])
    flags = (pl.lit(None, pl.Boolean).alias(name) for name in ("upper_limit_hit", "lower_limit_hit"))
    made.publish("bars", FRIDAY, frame.with_columns(flags))
    return made


def test_the_next_session_has_no_gap_before_it(lake):
    assert gap(lake, MONDAY) == []


def test_sessions_missing_in_between_are_named_holidays_are_not(lake):
    assert gap(lake, date(2018, 11, 26)) == [date(2018, 11, 19 + n) for n in range(4)]  # the 23rd is a holiday


def test_a_session_that_is_there_already_has_no_gap(lake):
    assert gap(lake, FRIDAY) == []


def test_an_empty_lake_has_no_gap(tmp_path):
    assert gap(Lake(Files(f"file://{tmp_path}/none")), MONDAY) == []


def test_a_long_gap_is_a_job_for_history(lake):
    with pytest.raises(GapTooLongError, match=rf"the bound is {GAP_AT_MOST}. Run the Dag `history`"):
        gap(lake, date(2019, 1, 4))
