from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from planted.market import draw, samples
from tosho.contracts import HORIZONS, QUANTILES
from tosho.evaluation.calibration import ForecastShapeError, calibration, coverage

MARKET = samples(draw(codes=60, length=120, strength=0.0))
RNG = np.random.default_rng(3)
NOISE = replace(MARKET, returns=RNG.normal(0, 0.02, MARKET.returns.shape).astype(np.float32))


def forecasts(spread):
    levels = [NormalDist(0, spread).inv_cdf(q) for q in QUANTILES]
    return np.broadcast_to(levels, (MARKET.rows, len(HORIZONS), len(QUANTILES))).copy()


def test_the_true_quantiles_are_calibrated():
    found = calibration(forecasts(0.02), NOISE, QUANTILES)
    assert np.abs(found.found - QUANTILES).max() < 0.02
    assert (np.abs(found.found - QUANTILES) < 4 * found.error).all()


def test_quantiles_of_too_small_a_spread_are_seen():
    found = calibration(forecasts(0.01), NOISE, QUANTILES).found
    assert (found[:, 0] > 0.15).all()
    assert (found[:, -1] < 0.85).all()


def test_a_share_is_the_mean_of_the_sessions_shares():
    known = NOISE.returns.copy()
    known[:50, 0] = np.nan  # most of the first session: it weighs as much as any other
    market = replace(NOISE, returns=known)
    shares = []
    for i in range(len(market.sessions)):
        day = [x for x in known[market.bounds[i] : market.bounds[i + 1], 0].tolist() if np.isfinite(x)]
        shares.append(sum(x <= 0.0 for x in day) / len(day))
    found = calibration(np.zeros((market.rows, 4, 1)), market, [0.5]).found[0, 0]
    assert found == pytest.approx(np.mean(shares))


def test_coverage_is_the_share_within_each_session():
    wide = np.stack([forecasts(0.02)[..., 0], forecasts(0.02)[..., -1]], axis=2)
    found = coverage(wide, NOISE)
    day = NOISE.returns[60:120, 2]
    assert found.daily[1, 2] == pytest.approx(np.mean([abs(x) <= 0.02 * 1.6448536 for x in day]))
    assert np.abs(found.mean() - 0.9).max() < 0.02


def test_rolling_coverage_is_the_mean_of_the_last_sessions():
    wide = np.stack([forecasts(0.02)[..., 0], forecasts(0.02)[..., -1]], axis=2)
    wide[60:120] = np.nan  # nothing is promised for the second session
    found = coverage(wide, NOISE)
    rolling = found.rolling(10)
    assert np.isnan(rolling[:9]).all()
    assert rolling[9, 1] == pytest.approx(np.nanmean(found.daily[:10, 1]))
    assert rolling[-1, 3] == pytest.approx(np.mean(found.daily[-10:, 3]))


def test_a_history_shorter_than_the_window_has_no_rolling_coverage():
    wide = np.stack([forecasts(0.02)[..., 0], forecasts(0.02)[..., -1]], axis=2)
    assert np.isnan(coverage(wide, NOISE).rolling(500)).all()


def test_quantiles_that_cross_are_refused():
    crossed = forecasts(0.02)
    crossed[7, 1] = crossed[7, 1, ::-1]
    with pytest.raises(ForecastShapeError, match="1 of 23760 forecasts have a lower quantile above a higher one"):
        calibration(crossed, NOISE, QUANTILES)


def test_forecasts_of_other_rows_are_refused():
    with pytest.raises(ForecastShapeError, match=r"shape \(10, 4, 5\) were given; for these rows it is"):
        calibration(forecasts(0.02)[:10], NOISE, QUANTILES)
    with pytest.raises(ForecastShapeError, match="for these rows it is"):
        coverage(forecasts(0.02), NOISE)
