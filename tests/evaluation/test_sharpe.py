import math
from statistics import NormalDist, fmean

import numpy as np
import pytest

from tosho.evaluation.sharpe import Trials, deflated, drawdown, sharpe

RNG = np.random.default_rng(9)
RETURNS = RNG.normal(0.0008, 0.01, 250) + 0.004 * (RNG.exponential(1.0, 250) - 1)


def formula(ratio, skew, kurtosis, n, trials, variance):
    """Return Bailey and Lopez de Prado's (2014) deflated Sharpe ratio from a session's ratio and moments."""
    normal, euler = NormalDist(), 0.5772156649015329
    best = (1 - euler) * normal.inv_cdf(1 - 1 / trials) + euler * normal.inv_cdf(1 - 1 / (trials * math.e))
    below = math.sqrt(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2)
    return normal.cdf((ratio - math.sqrt(variance) * best) * math.sqrt(n - 1) / below)


def by_hand(returns, trials, variance):
    """Return the same from a series, with Fisher's unbiased moments, in plain Python."""
    n, mean = len(returns), fmean(returns)
    m2, m3, m4 = (fmean((x - mean) ** k for x in returns) for k in (2, 3, 4))
    skew = m3 / m2**1.5 * math.sqrt(n * (n - 1)) / (n - 2)
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / m2**2 - 3) + 6)
    return formula(mean / math.sqrt(m2), skew, excess + 3, n, trials, variance)


def test_what_the_figures_are_compared_with_gives_the_papers_own_example():
    assert formula(2.5 / math.sqrt(250), -3, 10, 1250, 100, 0.5 / 250) == pytest.approx(0.9004, abs=1e-4)


@pytest.mark.parametrize("trials", [2, 10, 200])
def test_the_deflated_ratio_is_that_of_the_paper(trials):
    assert deflated(RETURNS, Trials(trials, 0.002)) == pytest.approx(by_hand(RETURNS.tolist(), trials, 0.002))


def test_without_the_trials_own_spread_that_of_chance_is_taken():
    assert deflated(RETURNS, Trials(40)) == pytest.approx(by_hand(RETURNS.tolist(), 40, 1 / 249))
    assert "what chance spreads is taken" in str(Trials(40))


def test_more_trials_leave_less():
    found = [deflated(RETURNS, Trials(n)) for n in (1, 10, 100)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2]


def test_the_best_of_many_without_skill_is_not_believed():
    tries = RNG.normal(0, 0.01, (200, 500))
    best = max(tries, key=sharpe)
    assert deflated(best, Trials(1)) > 0.95
    assert deflated(best, Trials(200)) < 0.95


def test_the_ratio_is_mean_over_standard_deviation_and_sessions_without_return_are_left_out():
    assert sharpe(np.array([0.01, np.nan, 0.03])) == pytest.approx(0.02 / math.sqrt(0.0002))
    holed = np.insert(RETURNS, 7, np.nan)
    assert deflated(holed, Trials(3)) == deflated(RETURNS, Trials(3))


@pytest.mark.parametrize("returns", [np.full(50, 0.2), np.array([0.1]), np.array([])])
def test_what_does_not_vary_has_no_ratio(returns):
    assert math.isnan(sharpe(returns))
    assert math.isnan(deflated(returns, Trials(2)))


def test_a_short_series_has_no_deflated_ratio():
    assert math.isnan(deflated(RETURNS[:19], Trials(2)))
    assert not math.isnan(deflated(RETURNS[:20], Trials(2)))


def test_the_drawdown_is_the_deepest_fall_from_an_earlier_height():
    assert drawdown(np.array([0.02, -0.03, np.nan, 0.01, -0.02, 0.05, -0.01])) == pytest.approx(0.04)
    assert drawdown(np.array([-0.01, -0.02])) == pytest.approx(0.03)
    assert drawdown(np.array([0.01, 0.02])) == 0.0


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 3, "variance": -1.0}, {"count": 3, "variance": np.nan}])
def test_trials_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="Count the models that were tried"):
        Trials(**wrong)
