from datetime import date

import polars as pl
import pytest

from quality.sound_market import SESSION, bars_of
from tosho import calendar
from tosho.quality.runs import FEW, RUN_AT_MOST, constant_run, first_runs, next_runs


def runs_of(days):
    counted = first_runs(days[0])
    for bars in days[1:]:
        counted = next_runs(counted, bars)
    return dict(counted.select("code", "run").iter_rows())


def test_a_run_counts_the_sessions_in_which_a_bar_is_the_same():
    same, other = bars_of(SESSION, 1), bars_of(SESSION, 2)
    assert set(runs_of([same, same, same]).values()) == {3}
    assert set(runs_of([same, same, other]).values()) == {1}
    assert set(runs_of([same, other, other]).values()) == {2}


def test_a_code_that_comes_anew_begins_its_run():
    bars = bars_of(SESSION, 1)
    assert runs_of([bars[1:], bars])[bars["code"][0]] == 1


def test_bars_without_volume_are_no_run():
    nothing = bars_of(SESSION, 1).with_columns(volume=0.0)
    assert set(runs_of([nothing, nothing]).values()) == {1}


def test_the_bound_is_the_last_length_that_passes():
    day = bars_of(SESSION, 1)
    counted = first_runs(day)
    for _ in range(RUN_AT_MOST - 1):
        counted = next_runs(counted, day)
    assert constant_run(counted).passed
    assert not constant_run(next_runs(counted, day)).passed


def test_a_few_quiet_codes_stop_no_run():
    day = bars_of(SESSION, 1)
    counted = first_runs(day)
    for place in range(RUN_AT_MOST):
        moving = bars_of(SESSION, 2 + place % 2)
        counted = next_runs(counted, pl.concat([day[:FEW], moving[FEW:]]))
    assert counted.filter(pl.col("run") > RUN_AT_MOST).height == FEW
    assert constant_run(counted).passed


def test_no_bar_is_no_pass():
    assert not constant_run(first_runs(bars_of(SESSION, 1).clear())).passed


@pytest.mark.parametrize("last", [date(2015, 1, 15)])
def test_the_longest_run_of_the_real_market_passes(real_market, last):
    """A company of which one lot a session was traded at 403 yen, for eight sessions."""
    days = [real_market(calendar.offset(last, -back))[0].good for back in range(10, -1, -1)]
    runs = first_runs(days[0])
    for bars in days[1:]:
        runs = next_runs(runs, bars)
        found = constant_run(runs)
        assert found.passed
    assert runs_of(days)["66530"] == 8
