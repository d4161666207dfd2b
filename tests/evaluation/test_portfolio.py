import numpy as np
import pytest

from tosho.evaluation.portfolio import quantile_returns, slope, spread

RNG = np.random.default_rng(6)
BOUNDS = np.array([0, 200, 400, 405])


def test_quantiles_hold_the_mean_return_of_their_scores():
    scores = np.tile(np.arange(200.0), 3)[:405]
    by_quantile = quantile_returns(scores, scores, BOUNDS)
    assert by_quantile[0].tolist() == [9.5 + 20 * i for i in range(10)]
    assert spread(by_quantile)[:2].tolist() == [180.0, 180.0]
    assert np.isnan(by_quantile[2]).all()


def test_rows_without_a_return_are_left_out():
    scores, returns = np.arange(405.0), np.ones(405)
    returns[:20] = np.nan
    assert np.allclose(quantile_returns(scores, returns, BOUNDS)[:2], 1.0)


def test_the_slope_is_the_return_that_goes_with_a_standard_deviation():
    scores = RNG.normal(5.0, 3.0, 405)
    returns = 0.01 * (scores - 5.0) / 3.0 + RNG.normal(0, 0.001, 405)
    assert slope(scores, returns, BOUNDS) == pytest.approx(0.01, rel=0.1)


def test_scores_that_order_returns_the_wrong_way_promise_nothing():
    scores = RNG.normal(size=405)
    assert slope(scores, -scores, BOUNDS) == 0.0
    assert slope(np.zeros(405), scores, BOUNDS) == 0.0
