from datetime import date

import numpy as np
import polars as pl
import pytest

from tosho.calendar import offset, sessions
from tosho.contracts import HORIZONS
from tosho.quality import after_labels
from tosho.quality.coverage import daily_coverage

LAST = date(2024, 12, 30)
CODES = [f"{1000 + i}0" for i in range(100)]


def evening(session, width, market=0.0):
    """A session's predictions, all of +-width, and labels that are normal with a deviation of 1 around the market's."""
    rng = np.random.default_rng(session.toordinal())
    realised = {f"y_{h}": market + rng.normal(size=len(CODES)) for h in HORIZONS}
    labels = pl.DataFrame({"session": [session] * len(CODES), "code": CODES} | realised)
    parts = [
        pl.DataFrame({"session": [session] * len(CODES), "code": CODES}).with_columns(
            pl.lit(h, pl.Int32).alias("horizon"), pl.lit(-width).alias("q05"), pl.lit(width).alias("q95")
        )
        for h in HORIZONS
    ]
    return pl.concat(parts), labels


def daily(width, length=70):
    drawn = [evening(session, width) for session in sessions(offset(LAST, 1 - length), LAST)]
    return daily_coverage(pl.concat([p for p, _ in drawn]), pl.concat([labels for _, labels in drawn]))


def test_intervals_that_hold_nine_times_in_ten_pass_at_every_horizon():
    found = after_labels(daily(1.645))
    assert [v.gate for v in found] == [f"predictions.coverage_{h}" for h in HORIZONS]
    assert all(verdict.passed for verdict in found)


@pytest.mark.parametrize("width", [1.3, 2.1])
def test_intervals_that_are_too_narrow_or_too_wide_stop_a_run(width):
    assert all(verdict.stops and not verdict.passed for verdict in after_labels(daily(width)))


def test_one_horizon_alone_is_named():
    good, bad = daily(1.645), daily(1.2)
    mixed = pl.concat([good.filter(pl.col("horizon") != 5), bad.filter(pl.col("horizon") == 5)])
    assert [verdict.gate for verdict in after_labels(mixed) if not verdict.passed] == ["predictions.coverage_5"]


def test_only_the_newest_sixty_sessions_count():
    old = daily(0.5, length=120).filter(pl.col("session") < offset(LAST, -59))
    assert all(v.passed for v in after_labels(pl.concat([old, daily(1.645, length=60)])))


def test_fewer_sessions_than_sixty_only_warn():
    assert not any(verdict.stops or verdict.passed for verdict in after_labels(daily(1.2, length=59)))


def test_what_the_market_did_as_a_whole_does_not_count():
    calm, wild = (daily_coverage(*evening(LAST, 1.645, market)) for market in (0.0, 0.4))
    assert calm.equals(wild)


def test_rows_without_an_interval_or_a_label_are_left_out():
    predictions, labels = evening(LAST, 1.645)
    without = predictions.with_columns(pl.when(pl.col("code") < CODES[40]).then(None).otherwise("q05").alias("q05"))
    labels = labels.with_columns(pl.when(pl.col("code") >= CODES[90]).then(None).otherwise("y_20").alias("y_20"))
    rows = daily_coverage(without, labels)
    assert dict(rows.select("horizon", "rows").iter_rows()) == {1: 60, 5: 60, 10: 60, 20: 50}


def test_nothing_to_judge_is_no_verdict():
    predictions, labels = evening(LAST, 1.645)
    none = daily_coverage(predictions.with_columns(pl.lit(None, pl.Float64).alias("q05")), labels)
    assert after_labels(none) == []
