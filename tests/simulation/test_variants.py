"""What the variants of the synthetic market plant, that it can be seen, and that the plain market stays as it was."""

import hashlib
import json
from datetime import date

import numpy as np
import pytest

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.dataset.graph import GraphPlan
from tosho.simulation.drawing import draw_market
from tosho.simulation.market import simulate
from tosho.simulation.signal import DELAY, drift
from tosho.simulation.truth import attainable, labels, rank_ic
from tosho.simulation.variants import ERA, Variant, draw_groups, lag_behind_peers

LAST, CODES, SESSIONS = date(2025, 3, 31), 240, 120
PLAIN_OF_50_CODES = "7972e661fa27dd6fcecda929e81da61f36525d72623998abc3cdd755e52f5d4c"
"""Checksum of a plain market's prices, volumes and index, as it was before there were variants."""


def draw(variant, codes=CODES, sessions=SESSIONS, last=LAST):
    return draw_market(codes=codes, sessions=sessions, last=last, seed=7, variant=variant)


@pytest.fixture(scope="module")
def plain():
    return draw(Variant.PLAIN)


@pytest.fixture(scope="module")
def neighbours():
    return draw(Variant.NEIGHBOURS)


def returns_of(market):
    prices = market.prices
    adjusted = np.where(prices.traded, prices.close, np.nan) / np.cumprod(prices.factor, axis=0)
    return np.diff(np.log(adjusted), axis=0, prepend=np.nan)


def mean_ic(market, score, horizon=1):
    realised = labels(market.prices, horizon)
    known = market.prices.traded & np.isfinite(realised) & np.isfinite(score)
    daily = [rank_ic(s[k], r[k]) for s, r, k in zip(score, realised, known, strict=True) if k.sum() > 50]
    return np.mean(daily), np.mean(daily) / np.std(daily) * np.sqrt(len(daily))


def test_the_plain_market_is_what_it_was():
    market = draw_market(codes=50, sessions=60, last=LAST, seed=7)
    prices, volumes = market.prices, market.volumes
    digest = hashlib.sha256()
    for values in (prices.open, prices.high, prices.low, prices.close, volumes.shares, volumes.turnover_yen):
        digest.update(values.round(6).tobytes())
    digest.update(market.topix.round(6).tobytes())
    assert digest.hexdigest() == PLAIN_OF_50_CODES


def test_the_plain_markets_truth_names_no_variant(tmp_path):
    simulate(tmp_path, codes=50, sessions=30, last=LAST)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert "variant" not in told
    assert set(told["effects"]) == {"overshoot", "attention", "unrest"}


@pytest.mark.parametrize("variant", [Variant.NEIGHBOURS, Variant.REGIMES])
def test_a_variant_says_what_it_is_and_what_can_be_attained(tmp_path, variant):
    summary = simulate(tmp_path, codes=50, sessions=60, last=LAST, variant=variant)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert told["variant"] == variant.value
    assert ("catch_up" in told["effects"]) == (variant is Variant.NEIGHBOURS)
    assert {h: told["attainable"][str(h)]["rank_ic"] for h in HORIZONS} == {
        h: found.rank_ic for h, found in summary.attainable.items()
    }


@pytest.mark.parametrize("variant", list(Variant))
def test_a_longer_market_begins_like_the_shorter_one(variant):
    short = draw(variant, codes=60, sessions=60)
    longer = draw(variant, codes=60, sessions=80, last=calendar.offset(LAST, 20))
    assert np.array_equal(longer.prices.close[:60], short.prices.close)
    assert np.array_equal(longer.volumes.shares[:60], short.volumes.shares)
    assert all(np.array_equal(longer.forecasts()[h][:60], forecast) for h, forecast in short.forecasts().items())


def test_peers_move_together_and_the_graph_finds_them(neighbours):
    groups = draw_groups(neighbours.streams, neighbours.universe)
    moves = returns_of(neighbours)[-60:]
    whole = ~np.isnan(moves).any(axis=0) & (groups >= 0)
    rho, among = np.corrcoef(moves[:, whole], rowvar=False), groups[whole]
    same, others = among[:, None] == among, ~np.eye(among.size, dtype=bool)
    assert np.median(rho[same & others]) > 0.5
    assert np.median(rho[~same]) < 0.3
    nobody = np.full(CODES, "")
    table = GraphPlan(11, 0).draw(moves, np.ones(CODES, bool), nobody, nobody).table
    linked = (table >= 0) & (groups >= 0)[:, None]
    assert (groups[table] == groups[:, None])[linked].mean() > 0.85


def test_groups_are_no_sectors(neighbours):
    groups, sector = draw_groups(neighbours.streams, neighbours.universe), neighbours.universe.sector
    same = (groups[:, None] == groups) & (groups >= 0) & ~np.eye(CODES, dtype=bool)
    alike = sector[:, None] == sector
    assert alike[same].mean() == pytest.approx(alike[~np.eye(CODES, dtype=bool)].mean(), abs=0.03)


def test_who_lags_its_peers_catches_up(neighbours, plain):
    """What is seen of the peers' returns predicts; the same look at a market without peers finds nothing like it."""
    found = {}
    for market in (neighbours, plain):
        groups = draw_groups(neighbours.streams, neighbours.universe)
        lag = lag_behind_peers(groups, np.nan_to_num(returns_of(market)))
        lag[0] = np.nan  # no return is known yet
        found[market is neighbours] = mean_ic(market, lag)
    own = mean_ic(neighbours, -returns_of(neighbours))
    (ic, t), (without, _) = found[True], found[False]
    assert t > 4
    assert ic > 1.4 * max(own[0], without)


def test_the_forecast_of_catching_up_is_exact(neighbours):
    """The drifts that come, summed over the horizon, scatter about the forecast without bias."""
    states = neighbours.returns.states
    total = np.cumsum(np.vstack([np.zeros(CODES), drift(states)]), axis=0)
    for horizon in HORIZONS:
        to_come = total[DELAY + horizon :] - total[DELAY:-horizon] - states.carry * horizon
        kept = neighbours.forecasts()[horizon][: len(to_come)] - states.carry * horizon
        assert np.sum(kept * to_come) / np.sum(kept**2) == pytest.approx(1.0, abs=0.1), horizon


def test_lag_is_made_of_past_shocks_alone(neighbours):
    groups = draw_groups(neighbours.streams, neighbours.universe)
    shocks = neighbours.returns.surprise.copy()
    before = lag_behind_peers(groups, shocks)
    shocks[70:] *= -1
    after = lag_behind_peers(groups, shocks)
    assert np.array_equal(after[:70], before[:70])
    assert not np.array_equal(after[70], before[70])


def test_newcomers_have_no_peers(neighbours):
    late = neighbours.universe.first > 0
    assert late.any()
    assert (draw_groups(neighbours.streams, neighbours.universe)[late] == -1).all()
    assert not neighbours.returns.states.lag[:, late].any()


def test_regimes_change_volumes_and_nothing_else(plain):
    regimes = draw(Variant.REGIMES)
    assert np.array_equal(regimes.prices.close, plain.prices.close)
    assert regimes.forecasts()[5].tobytes() == plain.forecasts()[5].tobytes()
    assert not np.array_equal(regimes.volumes.shares, plain.volumes.shares)


def test_in_wide_eras_a_ratio_to_past_volume_says_less_of_attention():
    market = draw(Variant.REGIMES, codes=100, sessions=2 * ERA)
    log_volume, listed = np.log(market.volumes.shares), market.universe.first == 0
    days = np.arange(60, 2 * ERA)
    ratio = np.array([log_volume[t] - log_volume[t - 20 : t].mean(axis=0) for t in days])
    attention = market.returns.states.attention[days][:, listed]
    pairs = zip(ratio[:, listed], attention, strict=True)
    seen = np.array([np.corrcoef(*pair)[0, 1] for pair in pairs])
    calm, wide = seen[days < ERA].mean(), seen[days >= ERA + 20].mean()
    assert calm > 0.8
    assert wide < calm - 0.15


def test_what_can_be_attained_in_regimes_is_what_the_plain_market_has(plain):
    regimes = draw(Variant.REGIMES)
    found, wanted = (
        attainable(market.forecasts()[5], labels(market.prices, 5), market.prices.traded, 5)
        for market in (regimes, plain)
    )
    assert found == wanted
