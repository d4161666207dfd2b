from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253

from planted.market import draw
from planted.returns import with_returns
from planted.windows import SMALL
from tosho.models.atft.neighbours import correlated
from tosho.models.atft.normalising import LIMIT, Scaler
from tosho.models.atft.sampled import SampledPanel
from tosho.models.atft.settings import SettingsError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def market():
    return with_returns(draw(codes=30, length=60), among=5)


def panel_of(samples, shape=SMALL):
    return SampledPanel(samples, Scaler.fitted(samples), shape, CPU)


def test_a_window_ends_with_its_session(market):
    panel = panel_of(market)
    batch = panel.batch(20, 12)
    for back in range(12):
        rows = slice(30 * (20 - back), 30 * (21 - back))
        wanted = Scaler.fitted(market).apply(market.features[rows])
        np.testing.assert_array_equal(batch.x[:, 11 - back].numpy(), wanted)
    assert batch.present.all()


def test_what_comes_before_the_first_session_is_absent(market):
    batch = panel_of(market).batch(3, 12)
    assert batch.present.sum(dim=1).tolist() == [4] * 30
    assert (batch.x[:, :8] == 0).all()


def test_a_code_without_a_row_is_absent_in_that_session(market):
    kept = np.ones(market.rows, dtype=bool)
    kept[30 * 18 + 4] = kept[30 * 20 + 7] = False
    batch = panel_of(market.where(kept)).batch(20, 12)
    assert len(batch.x) == 29
    assert batch.present[4].tolist() == [True] * 9 + [False] + [True] * 2
    np.testing.assert_array_equal(batch.returns.numpy(), market.returns[600:630][np.arange(30) != 7])


def test_later_sessions_do_not_reach_a_batch(market):
    features = market.features.copy()
    features[30 * 21 :] = 99.0
    other = SampledPanel(replace(market, features=features), Scaler.fitted(market), SMALL, CPU).batch(20, 12)
    ours = panel_of(market).batch(20, 12)
    for name in ("x", "present", "neighbours", "edges"):
        assert torch.equal(getattr(ours, name), getattr(other, name)), name


def test_codes_that_move_together_are_neighbours(market):
    batch = panel_of(market, replace(SMALL, neighbours=4, correlation=0.8)).batch(30, 12)
    linked = batch.neighbours >= 0
    own = torch.arange(30).unsqueeze(-1).expand(-1, 4)
    assert linked.float().mean() > 0.9
    assert (batch.neighbours[linked] // 5 == own[linked] // 5).float().mean() > 0.95
    assert (batch.edges[..., 0][linked].abs() >= 0.8).all()
    assert (batch.edges[~linked] == 0).all()


def test_correlations_are_those_of_numpy():
    returns = torch.randn(8, 30, generator=torch.Generator().manual_seed(0))
    found = correlated(returns, most=7, least=0.0)
    wanted = np.corrcoef(returns.numpy())
    for code in range(8):
        np.testing.assert_allclose(found.edges[code, :, 0], wanted[code, found.places[code]], atol=1e-5)
        assert code not in found.places[code].tolist()


def test_a_code_with_few_returns_has_no_neighbour():
    returns = torch.randn(4, 30).repeat(2, 1)
    returns[0, :16] = torch.nan
    found = correlated(returns, most=3, least=0.1)
    assert (found.places[0] == -1).all()
    assert not (found.places == 0).any()


def test_features_of_a_session_have_mean_zero_and_scale_one(market):
    features = market.features[:30].copy()
    features[3, 0] = np.nan
    scaled = Scaler.fitted(market).apply(features)
    assert scaled[3, 0] == 0
    x = features[:, 0].astype(float)
    wanted = np.clip((x - np.nanmean(x)) / np.nanstd(x), -LIMIT, LIMIT)
    np.testing.assert_allclose(np.delete(scaled[:, 0], 3), np.delete(wanted, 3), atol=1e-5)


def test_a_feature_of_the_whole_market_is_compared_through_time_of_the_training_sessions(market):
    features = market.features.copy()
    level = np.arange(len(market.sessions), dtype=np.float32)
    features[:, 2] = np.repeat(level, 30)
    scaler = Scaler.fitted(replace(market, features=features))
    assert np.isfinite(scaler.mean).tolist() == [False, False, True, False, False, False, False]
    one = features[30 * 5 : 30 * 6].copy()
    np.testing.assert_allclose(scaler.apply(one)[:, 2], (5 - level.mean()) / level.std(), rtol=1e-5)


def test_a_feature_that_is_never_known_becomes_zero(market):
    features = market.features.copy()
    features[:, 1] = np.nan
    assert (Scaler.fitted(replace(market, features=features)).apply(features[:30])[:, 1] == 0).all()


def test_a_graph_without_returns_is_refused(market):
    with pytest.raises(SettingsError, match="correlations of 'ret_9', which is not among the 7 features"):
        panel_of(market, replace(SMALL, return_feature="ret_9"))
