from datetime import date

import polars as pl

from quality.sound_lake import rows_of
from tosho.quality.agreement import trading_days

MONDAY = date(2024, 7, 1)


def failed(days, session=MONDAY):
    return {v.gate: v.value for v in trading_days(days, session) if not v.passed}


def test_a_session_that_only_one_calendar_has():
    closed = pl.when(pl.col("day") == MONDAY).then(pl.lit("0")).otherwise("division")
    assert failed(rows_of("trading_days", MONDAY).with_columns(division=closed)) == {"trading_days.calendar": 1.0}
    everything_open = rows_of("trading_days", MONDAY).with_columns(division=pl.lit("1"))
    assert failed(everything_open) == {"trading_days.calendar": 2.0}  # Saturday and Sunday


def test_a_half_day_is_a_session_and_trading_in_derivatives_alone_is_not():
    days = rows_of("trading_days", MONDAY)
    assert failed(days.with_columns(division=pl.col("division").replace("1", "2"))) == {}
    assert failed(days.with_columns(division=pl.col("division").replace("0", "3"))) == {}
    assert failed(days.with_columns(division=pl.col("division").replace("1", "3"))) == {"trading_days.calendar": 1.0}


def test_the_day_on_which_the_exchange_stood_still_is_agreed_on():
    after = date(2020, 10, 2)
    days = {"day": [date(2020, 10, 1), after], "division": ["1", "1"]}
    assert failed(pl.DataFrame(days), after) == {}


def test_a_day_that_is_not_told():
    assert failed(rows_of("trading_days", MONDAY)[1:]) == {"trading_days.every_day": 1.0}


def test_no_day_at_all_is_no_agreement():
    assert set(failed(rows_of("trading_days", MONDAY).clear())) == {"trading_days.calendar", "trading_days.every_day"}
