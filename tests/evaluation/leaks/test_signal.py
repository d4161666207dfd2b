"""Rank ICs as the alarm measures them, against those of evaluation and what is known of drawn numbers."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from tosho.calendar import offset
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import counts_to_bounds, rank_correlations
from tosho.evaluation.leaks import signal

FIRST, SESSIONS, CODES = date(2024, 1, 4), 60, 40


def drawn(seed=1, known=0.9, scale=1.0):
    """Values and labels of nothing: both drawn, some of them null, features that are tied among them."""
    draw = np.random.default_rng(seed)
    shape = (SESSIONS, CODES)
    key = {
        "session": [offset(FIRST, n) for n in range(SESSIONS) for _ in range(CODES)],
        "code": np.tile([f"{1300 + n}0" for n in range(CODES)], SESSIONS),
    }
    absent = draw.random(shape) > known
    values = {"plain": draw.normal(size=shape), "tied": np.round(draw.normal(size=shape))}
    values["gappy"] = np.where(absent, np.nan, values["plain"])
    values["shared"] = np.repeat(draw.normal(size=(SESSIONS, 1)), CODES, axis=1)
    labels = {f"y_{h}": scale * draw.normal(size=shape) for h in HORIZONS}
    labels["y_20"][-3:] = np.nan
    return tuple(
        pl.DataFrame(key | {n: x.ravel() for n, x in of.items()}).with_columns(pl.col(pl.Float64).fill_nan(None))
        for of in (values, labels)
    )


def test_they_are_the_rank_ics_of_evaluation():
    values, labels = drawn()
    measured = signal.rank_ics(values, labels, ["plain", "tied", "gappy"])
    bounds = counts_to_bounds(np.full(SESSIONS, CODES))
    for one in measured:
        x, y = (frame[name].to_numpy() for frame, name in ((values, one.feature), (labels, f"y_{one.horizon}")))
        daily = rank_correlations(x, y, bounds)
        assert one.value == pytest.approx(np.nanmean(daily), abs=1e-12)
        assert one.sessions == np.isfinite(daily).sum()
    assert {(one.feature, one.horizon) for one in measured} >= {("gappy", h) for h in (1, 5, 10)}
    assert not {one.horizon for one in measured} & {20}  # 57 sessions hold fewer than four labels of 20


def test_nothing_raises_no_alarm():
    for seed in range(5):
        values, labels = drawn(seed)
        assert signal.alarms(signal.rank_ics(values, labels, ["plain", "tied", "gappy", "shared"])) == {}


@pytest.mark.parametrize("sign", [1, -1])
def test_half_a_label_raises_the_alarm_of_its_horizon(sign):
    values, labels = drawn()
    values = values.with_columns(sign * (labels["y_5"] + 1.5 * values["plain"]).alias("leak"))
    found = signal.alarms(signal.rank_ics(values, labels, ["plain", "leak"]))
    assert set(found) == {"leak"}
    assert f"with the returns of 5 sessions is {'+' if sign > 0 else '-'}0.5" in found["leak"]


def test_the_market_s_return_that_follows_raises_the_alarm():
    values, labels = drawn(scale=0.1)
    tomorrow = np.repeat(np.random.default_rng(9).normal(size=SESSIONS), CODES)
    labels = labels.with_columns(pl.col("y_1") + tomorrow)
    values = values.with_columns(pl.Series("leak", tomorrow))
    assert set(signal.alarms(signal.rank_ics(values, labels, ["shared", "leak"]))) == {"leak"}


def test_few_labels_raise_the_bound():
    values, labels = drawn()
    short = values.filter(pl.col("session") < offset(FIRST, 6))
    by_length = [signal.rank_ics(rows, labels, ["plain"])[0] for rows in (values, short)]
    assert by_length[0].bound == signal.ALARM
    assert by_length[1].bound > 2 * signal.ALARM


def test_no_session_in_common_measures_nothing():
    values, labels = drawn()
    assert signal.rank_ics(values.clear(), labels, ["plain"]) == []
