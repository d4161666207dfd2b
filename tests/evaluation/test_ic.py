import numpy as np
import pytest

from planted.market import draw, samples
from tosho.contracts import HORIZONS
from tosho.evaluation.ic import DailyIC, daily_ic, joined, summarise


@pytest.fixture(scope="module")
def market():
    return samples(draw())


def test_a_perfect_score_has_an_ic_of_one(market):
    daily = daily_ic(market.returns, market)
    assert np.allclose(daily.rank, 1.0)
    assert np.allclose(daily.pearson, 1.0)


def test_figures_by_horizon(market):
    scores = np.repeat(market.features[:, :1], len(HORIZONS), axis=1)
    daily = daily_ic(scores, market)
    for i, result in enumerate(summarise(daily)):
        rank = daily.rank[:, i]
        assert result.rank_ic == pytest.approx(rank.mean())
        assert result.icir == pytest.approx(rank.mean() / rank.std(ddof=1))
        assert result.hit_rate == pytest.approx((rank > 0).mean())
        assert result.sessions == len(market.sessions)
    assert summarise(daily)[0].t > 5


def test_the_overall_series_is_the_mean_of_what_is_known():
    rank = np.array([[0.1, 0.3, np.nan, np.nan], [np.nan] * 4])
    overall = DailyIC((1, 2), rank, rank).overall()
    assert overall[0] == pytest.approx(0.2)
    assert np.isnan(overall[1])


def test_a_series_comes_back_from_its_file(market):
    daily = daily_ic(market.returns, market)
    again = DailyIC.of_parquet(daily.to_parquet())
    assert again.sessions == daily.sessions
    assert (again.rank == daily.rank).all()


def test_later_sessions_follow_without_replacing_any(market):
    daily = daily_ic(market.returns, market)
    early, late = (
        daily_ic(-part.returns, part)
        for part in (
            market.between(market.sessions[0], market.sessions[9]),
            market.between(market.sessions[5], market.sessions[19]),
        )
    )
    both = daily_ic(market.between(*market.sessions[:10:9]).returns, market.between(*market.sessions[:10:9])).then(late)
    assert both.sessions == daily.sessions[:20]
    assert np.sign(both.rank[:, 0]).tolist() == [1.0] * 10 + [-1.0] * 10
    assert joined([early, late]).sessions == early.sessions + late.sessions
