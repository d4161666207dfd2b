"""Intervals are as wide as their bucket needs, and hold as often as they say on sessions that came later."""

from dataclasses import replace

import numpy as np
import pytest
from crepes import ConformalPredictiveSystem  # noqa: TID253 - the oracle

from planted.restless import CODES, LAST, SLOPES, draw, part
from tosho.contracts import HORIZONS, QUANTILES
from tosho.dataset.samples import Samples
from tosho.models.conformal import Mondrian, TooFewToCalibrateError
from tosho.models.intervals import Intervals, above_the_mean, expected_returns
from tosho.models.walk import Walked

SMALL = Mondrian(volatility_buckets=4, size_buckets=2, least_rows=500)


@pytest.fixture(scope="module")
def market():
    return draw()


@pytest.fixture(scope="module")
def calibrated(market):
    samples, scores = market
    return SMALL.calibrate(samples, [part(samples, scores, 0, 30), part(samples, scores, 30, 60)], SLOPES)


def coverage(found, samples, scores, kept=slice(None)):
    """Return the share of the later half's rows within their interval, by horizon."""
    later = part(samples, scores, 60, 120)
    quantiles, _ = found.of(later.test.features, expected_returns(later.scores, later.test.bounds, SLOPES))
    returns = above_the_mean(later.test.returns, later.test.bounds)
    inside = (returns >= quantiles[:, :, 0]) & (returns <= quantiles[:, :, -1])
    return inside[kept].mean(axis=0)


def test_nine_in_ten_of_later_rows_lie_inside_at_every_horizon(calibrated, market):
    assert coverage(calibrated, *market) == pytest.approx(0.90, abs=0.02)


def test_they_do_so_in_every_bucket(calibrated, market):
    buckets = calibrated.grid.of(part(*market, 60, 120).test.features)
    for bucket in range(8):
        assert coverage(calibrated, *market, kept=buckets == bucket) == pytest.approx(0.90, abs=0.03), bucket


def test_without_buckets_the_restless_are_covered_too_rarely(market):
    samples, scores = market
    one = Mondrian(1, 1).calibrate(samples, [part(samples, scores, 0, 60)], SLOPES)
    restless = part(*market, 60, 120).test.features[:, 0] > 0.03
    assert coverage(one, samples, scores, kept=restless).max() < 0.80


def test_intervals_calibrated_on_a_calmer_market_are_found_out(market):
    calm, scores = draw(seed=6, spread=0.5)
    found = SMALL.calibrate(calm, [part(calm, scores, 0, 60)], SLOPES)
    assert coverage(found, *market).max() < 0.80


def test_quantiles_are_those_of_crepes(calibrated, market):
    samples, scores = market
    first, later = part(samples, scores, 0, 60), part(samples, scores, 60, 62)
    expected = expected_returns(first.scores, first.test.bounds, SLOPES)
    residuals = above_the_mean(first.test.returns, first.test.bounds) - expected
    wanted = expected_returns(later.scores, later.test.bounds, SLOPES)
    grid = calibrated.grid
    for i in range(len(HORIZONS)):
        system = ConformalPredictiveSystem().fit(residuals[:, i], bins=grid.of(first.test.features))
        asked = {"lower_percentiles": [5, 25, 50], "higher_percentiles": [75, 95]}
        theirs = system.predict_percentiles(wanted[:, i], bins=grid.of(later.test.features), **asked)
        assert calibrated.of(later.test.features, wanted)[0][:, i] == pytest.approx(theirs, abs=1e-12)


def test_quantiles_do_not_cross(calibrated, market):
    samples, _ = market
    quantiles, _ = calibrated.of(samples.features, np.zeros((samples.rows, len(HORIZONS))))
    assert quantiles.shape[2] == len(QUANTILES)
    assert (np.diff(quantiles, axis=2) > 0).all()


def test_confidence_is_the_share_of_rows_that_are_less_sure(calibrated, market):
    samples, _ = market
    quantiles, confidence = calibrated.of(samples.features, np.zeros((samples.rows, len(HORIZONS))))
    width = quantiles[:, 0, -1] - quantiles[:, 0, 0]
    for row in range(0, samples.rows, 3001):
        share = (width > width[row]).mean() + (width == width[row]).mean() / 2
        assert confidence[row, 0] == pytest.approx(share, abs=1e-9)
    assert 0 <= confidence.min() < 0.1
    assert 0.9 < confidence.max() <= 1


def test_a_null_volatility_counts_as_the_highest_and_a_null_size_as_the_smallest(calibrated):
    rows = np.array([[np.nan, np.nan, 0], [9, 1, 0], [9, np.inf, 0]], dtype=np.float32)
    assert calibrated.grid.of(rows).tolist() == [6, 6, 7]


def test_few_rows_make_a_coarser_grid(market):
    samples, scores = market
    assert Mondrian(10, 5, least_rows=1000).calibrate(samples, [part(samples, scores, 0, 60)], SLOPES).grid.buckets == 8
    assert (
        Mondrian(10, 5, least_rows=12_000).calibrate(samples, [part(samples, scores, 0, 60)], SLOPES).grid.buckets == 1
    )


def test_a_set_without_the_two_features_gets_one_bucket_and_says_so():
    samples, scores = draw(names=("a", "b", "c"))
    found = Mondrian().calibrate(samples, [part(samples, scores, 0, 60)], SLOPES)
    assert found.grid.buckets == 1
    assert set(found.of(samples.features, scores)[1].ravel()) == {0.5}
    assert "drawn has no volatility (vol_20) and no size (adv20, log_va)" in found.told_apart(samples.columns)
    assert coverage(found, samples, scores) == pytest.approx(0.90, abs=0.02)


def test_a_feature_that_is_never_known_is_none(market):
    samples, scores = market
    features = samples.features.copy()
    features[:, 1] = np.nan
    blank = Samples(samples.columns, samples.sessions, samples.bounds, samples.codes, features, samples.returns)
    found = SMALL.calibrate(blank, [part(blank, scores, 0, 60)], SLOPES)
    assert found.told_apart(samples.columns) == "Intervals are calibrated in 4 buckets of vol_20."


def test_a_row_without_a_label_calibrates_nothing(calibrated, market):
    samples, scores = market
    returns = samples.returns.copy()
    returns[: 10 * CODES] = np.nan
    gaps = replace(samples, returns=returns)
    whole = SMALL.calibrate(samples.between(samples.sessions[10], LAST), [part(samples, scores, 10, 60)], SLOPES)
    assert (whole.offsets == SMALL.calibrate(gaps, [part(gaps, scores, 10, 60)], SLOPES).offsets).all()
    assert (whole.offsets == SMALL.calibrate(gaps, [part(gaps, scores, 0, 60)], SLOPES).offsets).all()


def test_sessions_before_the_first_fold_count_with_a_promise_of_nothing(market):
    samples, scores = market
    nothing = np.vstack([np.zeros((20 * CODES, len(HORIZONS))), scores[20 * CODES :]])
    found = SMALL.calibrate(samples, [part(samples, scores, 20, 40), part(samples, scores, 40, 60)], SLOPES)
    told = SMALL.calibrate(samples, [part(samples, nothing, first, first + 20) for first in (0, 20, 40)], SLOPES)
    assert found.to_bytes() == told.to_bytes()


def test_no_session_after_the_folds_counts(market):
    samples, scores = market
    returns = samples.returns.copy()
    returns[60 * CODES :] *= 3
    later = replace(samples, returns=returns)
    found, other = (SMALL.calibrate(rows, [part(rows, scores, 20, 60)], SLOPES) for rows in (samples, later))
    assert found.to_bytes() == other.to_bytes()


def test_a_calm_spell_that_the_folds_alone_saw_does_not_make_intervals_narrow():
    moods = np.where(np.arange(120) // 15 % 2, 0.7, 1.4)
    samples, scores = draw(spread=moods)
    calm = [part(samples, scores, 45, 60)]
    told = coverage(SMALL.calibrate(samples, calm, SLOPES), samples, scores)
    untold = coverage(SMALL.calibrate(samples.between(samples.sessions[45], LAST), calm, SLOPES), samples, scores)
    assert told == pytest.approx(0.90, abs=0.02)
    assert untold.max() < 0.85


def test_too_few_rows_are_refused(market):
    samples, scores = market
    samples = samples.where(np.arange(samples.rows) % CODES < 30)
    short = Walked(None, None, samples.between(*samples.sessions[:3:2]), scores[:90])
    with pytest.raises(TooFewToCalibrateError, match="A horizon has 90 labelled rows out of sample"):
        Mondrian().calibrate(samples, [short], SLOPES)


def test_bytes_come_back_and_are_equal_for_equal_intervals(calibrated, market):
    again = Intervals.of_bytes(calibrated.to_bytes())
    assert again.to_bytes() == calibrated.to_bytes()
    features = market[0].features
    zero = np.zeros((len(features), len(HORIZONS)))
    assert all((a == b).all() for a, b in zip(again.of(features, zero), calibrated.of(features, zero), strict=True))


def test_a_session_of_equal_scores_promises_nothing():
    flat = np.vstack([np.ones((3, 4)), [[0.0] * 4, [1.0] * 4]])
    found = expected_returns(flat, np.array([0, 3, 5]), SLOPES)
    assert found[:, 0].tolist() == [0, 0, 0, -0.004, 0.004]


def test_a_return_that_is_not_known_takes_no_part_in_the_mean():
    returns = np.array([[0.0] * 4, [2.0] * 4, [np.nan] * 4, [np.nan] * 4])
    found = above_the_mean(returns, np.array([0, 3, 4]))
    assert found[:2, 0].tolist() == [-1, 1]
    assert np.isnan(found[2:]).all()
