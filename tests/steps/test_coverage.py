"""Coverage is asked on sessions that calibration did not see, and of evenings whose labels are known."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from planted.market import settings_of
from planted.restless import CODES, LAST, SLOPES, draw, part
from tosho.calendar import cutoff, offset
from tosho.contracts import HORIZONS, PREDICTIONS
from tosho.dataset.labels import REACH
from tosho.models.bundle import Bundle
from tosho.models.conformal import Mondrian, TooFewToCalibrateError
from tosho.models.registry import Registered
from tosho.quality import after_labels
from tosho.steps import scoring
from tosho.steps.coverage import held_out, judge_coverage
from tosho.storage import Lake

SMALL = Mondrian(volatility_buckets=4, size_buckets=2, least_rows=500)
LENGTH = 200
QUANTILES = ["q05", "q25", "q50", "q75", "q95"]


def slopes(*_):
    return SLOPES


def folds(samples, scores):
    return [part(samples, scores, first, first + 50) for first in range(0, LENGTH, 50)]


def test_intervals_hold_on_the_newest_sessions_which_they_did_not_see():
    samples, scores = draw(LENGTH)
    daily = held_out(SMALL, samples, folds(samples, scores), slopes).frame()
    assert daily["session"].unique().sort().to_list() == list(samples.sessions[-60:])
    assert all(v.passed and v.stops for v in after_labels(daily))


def test_a_market_that_grew_restless_where_nothing_tells_is_found_out():
    spread = np.where(np.arange(LENGTH) < LENGTH - 60, 1.0, 1.5)
    samples, scores = draw(LENGTH, spread=spread)
    verdicts = after_labels(held_out(SMALL, samples, folds(samples, scores), slopes).frame())
    assert [v.gate for v in verdicts if not v.passed] == [f"predictions.coverage_{h}" for h in HORIZONS]


def test_what_is_measured_is_calibrated_on_the_sessions_before_the_folds_as_well():
    spread = np.where(np.arange(LENGTH) // 10 % 2, 0.7, 1.4)
    spread[100:150] = 0.7
    samples, scores = draw(LENGTH, spread=spread)
    late = folds(samples, scores)[2:]
    told = held_out(SMALL, samples, late, slopes).coverage().mean()
    untold = held_out(SMALL, samples.between(samples.sessions[100], LAST), late, slopes).coverage().mean()
    assert told.min() > 0.87
    assert untold.max() < 0.84


def test_a_session_without_a_known_return_has_no_coverage():
    samples, scores = draw(LENGTH)
    held = held_out(SMALL, samples, folds(samples, scores), slopes)
    returns = held.samples.returns.copy()
    returns[:CODES] = np.nan
    found = held._replace(samples=replace(held.samples, returns=returns)).frame()
    assert found["session"].unique().sort().to_list() == list(samples.sessions[-59:])


def test_no_label_reaches_into_the_sessions_held_out():
    samples, scores = draw(LENGTH)
    seen = []

    def watched(rows, _):
        seen.extend(rows.sessions)
        return SLOPES

    held_out(SMALL, samples, folds(samples, scores), watched)
    assert max(seen) == samples.sessions[LENGTH - 60 - REACH - 1]


def test_too_few_sessions_to_hold_any_out_are_a_sentence():
    samples, scores = draw(30)
    with pytest.raises(TooFewToCalibrateError, match="There are 30 out-of-sample sessions; of the 20 before"):
        held_out(SMALL, samples, [part(samples, scores, 0, 30)], slopes)


@pytest.fixture(scope="module")
def evenings():
    """A bundle calibrated on 100 sessions, and the rows of the 70 after them."""
    samples, scores = draw(170)
    intervals = SMALL.calibrate(samples, [part(samples, scores, 0, 100)], SLOPES)
    bundle = Bundle("drawn", None, samples.sessions[:2], LAST, SLOPES, (), intervals)
    object.__setattr__(bundle, "forecaster", type("Named", (), {"columns": samples.columns}))
    return bundle, samples, scores


def published(lake, evenings, flag="", length=70, wider=1.0):
    """Publish predictions and labels of the newest sessions."""
    bundle, samples, scores = evenings
    for i in range(170 - length, 170):
        rows = part(samples, scores, i, i + 1)
        frame = scoring.predictions(rows.test, rows.scores, bundle, Registered("drawn", "1", "r", {}), flag, "r")
        session = samples.sessions[i]
        key = {"session": [session] * CODES, "code": rows.test.codes.astype(str)}
        returns = {f"y_{h}": rows.test.returns[:, at].astype(np.float64) * wider for at, h in enumerate(HORIZONS)}
        lake.publish("predictions", session, frame)
        lake.publish("labels", session, pl.DataFrame(key | returns))
    return lake


@pytest.fixture
def lake(tmp_path):
    return Lake.of(settings_of(tmp_path))


def test_scoring_fills_quantiles_and_confidence(evenings):
    bundle, samples, scores = evenings
    rows = part(samples, scores, 169, 170)
    frame = scoring.predictions(rows.test, rows.scores, bundle, Registered("drawn", "1", "r", {}), "", "r")
    assert PREDICTIONS.conform(frame).height == 4 * CODES
    assert frame.select(*QUANTILES, "confidence").null_count().sum_horizontal().item() == 0
    for lower, upper in pairwise(QUANTILES):
        assert (frame[lower] < frame[upper]).all()
    assert frame["confidence"].is_between(0, 1).all()
    restless = rows.test.codes[rows.test.features[:, 0] > 0.04].astype(str)
    sure = frame.with_columns(restless=pl.col("code").is_in(restless.tolist())).group_by("restless")
    means = dict(sure.agg(pl.col("confidence").mean()).iter_rows())
    assert means[True] < 0.25 < means[False]


def test_the_expected_return_lies_within_its_interval_by_the_offsets_of_its_bucket(evenings):
    bundle, samples, scores = evenings
    rows = part(samples, scores, 169, 170)
    frame = scoring.predictions(rows.test, rows.scores, bundle, Registered("drawn", "1", "r", {}), "", "r")
    buckets = dict(zip(rows.test.codes.astype(str), bundle.intervals.grid.of(rows.test.features), strict=True))
    one = frame.filter(pl.col("horizon") == 5)
    wanted = [bundle.intervals.offsets[1, buckets[code], 4] for code in one["code"]]
    assert (one["q95"] - one["expected_return"]).to_list() == pytest.approx(wanted)


def test_a_bundle_without_intervals_leaves_nulls(evenings):
    bundle, samples, scores = evenings
    old = Bundle("drawn", bundle.forecaster, bundle.fitted, bundle.knew, SLOPES, ())
    rows = part(samples, scores, 169, 170)
    frame = scoring.predictions(rows.test, rows.scores, old, Registered("drawn", "1", "r", {}), "", "r")
    found = PREDICTIONS.conform(frame).select(*QUANTILES, "confidence")
    assert found.null_count().sum_horizontal().item() == 6 * 4 * CODES
    assert set(frame["predicted_at"]) == {cutoff(LAST)}


def test_evenings_whose_intervals_held_pass(lake, evenings):
    verdicts = judge_coverage(published(lake, evenings), LAST)
    assert [v.gate for v in verdicts] == [f"predictions.coverage_{h}" for h in HORIZONS]
    assert all(v.passed and v.stops for v in verdicts)


def test_evenings_whose_market_moved_more_than_they_said_stop_a_run(lake, evenings):
    assert not any(v.passed for v in judge_coverage(published(lake, evenings, wider=1.5), LAST))


def test_sessions_that_the_model_knew_do_not_count(lake, evenings):
    assert judge_coverage(published(lake, evenings, flag="in_sample", length=3), LAST) == []


def test_only_what_was_known_at_the_session_counts(lake, evenings):
    published(lake, evenings, length=5)
    (first, *_) = judge_coverage(lake, offset(LAST, -2))
    assert f"in 3 sessions from {offset(LAST, -4)} to {offset(LAST, -2)}" in first.detail


def test_no_predictions_are_no_verdict(lake):
    assert judge_coverage(lake, date(2024, 12, 30)) == []
