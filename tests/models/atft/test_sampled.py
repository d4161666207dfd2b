from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253

from planted.market import draw
from planted.returns import with_returns
from planted.windows import SMALL
from tosho.calendar import offset
from tosho.dataset.graph import drawn_at
from tosho.models.atft.neighbours import correlations, drawn_graph
from tosho.models.atft.normalising import LIMIT, Scaler
from tosho.models.atft.sampled import SampledPanel, context_of
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
    batch = panel_of(market, replace(SMALL, neighbours=4, correlation=0.8, graph_sessions=20)).batch(30, 12)
    linked = batch.neighbours >= 0
    own = torch.arange(30).unsqueeze(-1).expand(-1, 4)
    assert linked.float().mean() > 0.9
    assert (batch.neighbours[linked] // 5 == own[linked] // 5).float().mean() > 0.95
    assert (batch.edges[..., 0][linked].abs() >= 0.8).all()
    assert (batch.edges[~linked] == 0).all()


def test_a_weeks_sessions_have_the_graph_of_its_first(market):
    first = next(i for i in range(22, 30) if drawn_at(market.sessions[i]) == market.sessions[i])
    panel = panel_of(market, replace(SMALL, graph_sessions=20))
    week = [i for i in range(first, first + 5) if drawn_at(market.sessions[i]) == market.sessions[first]]
    assert len(week) > 1
    for i in week:
        assert torch.equal(panel.batch(i, 12).neighbours, panel.batch(first, 12).neighbours)
    assert not torch.equal(panel.batch(week[-1] + 1, 12).neighbours, panel.batch(first, 12).neighbours)


def test_a_graph_needs_no_more_sessions_than_the_context(market):
    shape = replace(SMALL, graph_sessions=20)
    for last in range(32, 37):
        few = market.between(market.sessions[last - context_of(shape)], market.sessions[last])
        ours = SampledPanel(few, Scaler.fitted(market), shape, CPU).batch(len(few.sessions) - 1, 12)
        for found, wanted in zip(ours, panel_of(market, shape).batch(last, 12), strict=True):
            assert torch.equal(found, wanted)


def test_sessions_before_give_the_first_weeks_a_graph_and_no_feature(market):
    shape = replace(SMALL, graph_sessions=20)
    before, rest = (
        market.between(market.sessions[0], offset(market.sessions[20], -1)),
        market.between(market.sessions[20], market.sessions[-1]),
    )
    with_past = SampledPanel(rest, Scaler.fitted(market), shape, CPU, before).batch(3, 12)
    wanted = panel_of(market, shape).batch(23, 12)
    assert torch.equal(with_past.neighbours, wanted.neighbours)
    assert with_past.present.sum(dim=1).tolist() == [4] * 30
    assert (panel_of(rest, shape).batch(3, 12).neighbours == -1).all()


def test_a_code_that_came_this_week_is_a_row_without_neighbours(market):
    kept = np.ones(market.rows, dtype=bool)
    kept[: 30 * 30 : 30] = False  # the first code has its first row in session 30
    batch = panel_of(market.where(kept), replace(SMALL, graph_sessions=20)).batch(31, 12)
    assert len(batch.x) == 30
    assert (batch.neighbours[0] == -1).all()
    assert not (batch.neighbours == 0).any()


def test_correlations_are_those_of_numpy():
    returns = torch.randn(8, 30, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(correlations(returns), np.corrcoef(returns.numpy()), atol=1e-5)


def graph_of(returns, static=None, **settings):
    unknown = torch.zeros(len(returns), 3, dtype=torch.int64)
    return drawn_graph(returns, unknown if static is None else static, replace(SMALL, **settings))


def test_neighbours_come_nearest_first_and_are_never_the_code_itself():
    returns = torch.randn(8, 30, generator=torch.Generator().manual_seed(0))
    found = graph_of(returns, neighbours=7, correlation=0.0)
    rho = correlations(returns)
    for code in range(8):
        order = sorted(set(range(8)) - {code}, key=lambda other: -abs(float(rho[code, other])))
        assert found.places[code].tolist() == order
        assert torch.equal(found.edges[code, :, 0], rho[code, order])


def test_a_code_with_few_returns_has_no_neighbour():
    returns = torch.randn(4, 30).repeat(2, 1)
    returns[0, :16] = torch.nan
    found = graph_of(returns, neighbours=3, correlation=0.1)
    assert (found.places[0] == -1).all()
    assert not (found.places == 0).any()


def test_some_of_the_own_sector_are_neighbours_however_weak():
    returns = torch.randn(12, 40, generator=torch.Generator().manual_seed(1))
    static = torch.stack(
        [torch.arange(12) // 4 + 1, torch.arange(12) % 2 + 1, torch.zeros(12, dtype=torch.long)], dim=1
    )
    found = graph_of(returns, static, neighbours=2, correlation=0.9, sector_neighbours=3)
    assert (found.places[:, :2] == -1).all()
    for code in range(12):
        own = set(range(code // 4 * 4, code // 4 * 4 + 4)) - {code}
        assert set(found.places[code, 2:].tolist()) == own
    assert (found.edges[:, 2:, 1] == 1).all()
    same = (found.places[:, 2:] % 2) == (torch.arange(12) % 2).unsqueeze(-1)
    assert torch.equal(found.edges[:, 2:, 2], same.float())


def test_none_is_a_neighbour_twice():
    shared = torch.randn(1, 40, generator=torch.Generator().manual_seed(2))
    returns = shared + 0.5 * torch.randn(12, 40, generator=torch.Generator().manual_seed(3))
    static = torch.ones(12, 3, dtype=torch.int64)
    found = graph_of(returns, static, neighbours=4, sector_neighbours=4)
    assert (found.places >= 0).all()
    assert all(len(set(row)) == 8 for row in found.places.tolist())


def test_what_the_listing_says_is_in_the_batch(market):
    static = np.random.default_rng(0).integers(1, 4, (market.rows, 3)).astype(np.uint8)
    batch = panel_of(replace(market, static=static)).batch(20, 12)
    np.testing.assert_array_equal(batch.static.numpy(), static[600:630])
    assert (panel_of(market).batch(20, 12).static == 0).all()


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
