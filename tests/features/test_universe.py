"""What stands in for TOPIX, against plain Python: the universe's return, weighted by turnover."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from features import oracle
from features.small_market import CODES, STEADY, THIN, SmallMarket
from features.test_golden import assert_same
from tosho.features import local
from tosho.features.families import market as family
from tosho.features.panel import build_panel
from tosho.features.plan import Plan, plan_of
from tosho.features.spec import Scope, features
from tosho.features.universe import universe_index, universe_of, universe_sums

OF_MARKET = [f for f in features().values() if f.scope is Scope.MARKET and f.family == family.__name__.split(".")[-1]]
OF_CODES = [f for f in features().values() if f.family == "relative"]
NEEDS_A_RANGE = "mkt_natr14"
BEGINS = 700
"""The session, by place, in which TOPIX begins."""


@pytest.fixture(scope="module")
def passes() -> Plan:
    return plan_of([f for f in (*OF_MARKET, *OF_CODES) if f.published], features())


@pytest.fixture(scope="module")
def panel(market: SmallMarket) -> pl.DataFrame:
    return build_panel(market.bars, market.shares, market.securities)


@pytest.fixture(scope="module")
def level(market: SmallMarket) -> np.ndarray:
    """1,000 times what each session's turnover earned since the first, by loops."""
    moves: dict = {session: [] for session in market.sessions}
    for rows in (oracle.rows_of(market, code) for code in CODES):
        returns = oracle.div(rows.c, oracle.back(rows.c, 1)) - 1
        for session, ret_1, yen in zip(rows.sessions, returns, rows.va, strict=True):
            if not math.isnan(ret_1 + yen) and yen > 0:
                moves[session].append((yen, ret_1))
    now, found = 1000.0, []
    for told in moves.values():
        if told:
            now *= 1 + math.fsum(yen * ret_1 for yen, ret_1 in told) / math.fsum(yen for yen, _ in told)
        found.append(now)
    return np.array(found)


def evaluated(panel: pl.DataFrame, indices: pl.DataFrame | None, passes: Plan) -> pl.DataFrame:
    sessions = panel["session"].unique().sort()
    index = local.compute_market(indices, passes, sessions, universe=universe_of(panel, indices))
    return local.compute_series(panel, index, passes, stored_as=pl.Float64())


@pytest.fixture(scope="module")
def computed(panel: pl.DataFrame, passes: Plan) -> pl.DataFrame:
    return evaluated(panel, None, passes).filter(pl.col("code") == STEADY)


def test_the_level_is_what_the_turnover_earned(panel: pl.DataFrame, level: np.ndarray) -> None:
    made = universe_of(panel, None)
    np.testing.assert_allclose(made["mkt_close"].to_numpy(), level, rtol=1e-10)
    assert made.select("mkt_open", "mkt_high", "mkt_low").null_count().row(0) == (made.height,) * 3


def test_features_of_the_market_are_made_of_it(
    market: SmallMarket, computed: pl.DataFrame, level: np.ndarray, passes: Plan
) -> None:
    bars = {"session": market.sessions, "index_code": "0000", "close": level}
    index = pl.DataFrame(bars).with_columns(pl.lit(math.nan).alias(name) for name in ("high", "low"))
    expected = oracle.of_market(replace(market, indices=index))
    assert np.isnan(expected[NEEDS_A_RANGE]).all()
    for name in expected:
        assert_same(computed[name], expected[name])
    assert {name for name in passes.names if computed[name].null_count() == computed.height} == {NEEDS_A_RANGE}


def test_features_of_codes_are_made_of_it(market: SmallMarket, computed: pl.DataFrame, level: np.ndarray) -> None:
    expected = oracle.of_code(replace(oracle.rows_of(market, STEADY), m=level))
    for f in OF_CODES:
        assert_same(computed[f.name], expected[f.name])


def test_codes_and_sessions_may_be_dealt_out_in_any_way(market: SmallMarket, panel: pl.DataFrame) -> None:
    whole, session = universe_of(panel, None), pl.col("session")
    by_code = [universe_sums(rows) for rows in panel.partition_by("code")[::-1]]
    assert universe_index(by_code, market.sessions).equals(whole)
    begin = market.sessions[400]
    parts = [
        universe_sums(panel.filter(session < begin)),
        universe_sums(panel.filter(session >= market.sessions[399])).filter(session >= begin),
    ]
    assert universe_index(parts, market.sessions).equals(whole)


def test_it_ends_where_topix_begins(market: SmallMarket, panel: pl.DataFrame, passes: Plan) -> None:
    """And nothing is carried from one to the other but what windows of a code look back on."""
    begins = pl.col("session") >= market.sessions[BEGINS]
    late = market.indices.filter(begins)
    days = market.sessions
    universe = universe_of(panel, late)
    both = local.compute_market(late, passes, days, universe=universe)
    assert universe["session"].to_list() == days[:BEGINS]
    assert both.filter(begins).equals(local.compute_market(late, passes, days).filter(begins))
    assert both.filter(~begins).equals(
        local.compute_market(None, passes, days, universe=universe_of(panel, None)).filter(~begins)
    )


def test_a_session_changes_nothing_before_it(market: SmallMarket, panel: pl.DataFrame) -> None:
    last = market.sessions[BEGINS]
    whole, ended = universe_of(panel, None), universe_of(panel.filter(pl.col("session") <= last), None)
    assert ended.equals(whole.head(BEGINS + 1))


def test_where_nobody_has_a_return_there_is_no_level(market: SmallMarket, panel: pl.DataFrame) -> None:
    """THIN has no turnover in three sessions; alone it is the universe."""
    alone = panel.filter(pl.col("code") == THIN)
    made = universe_of(alone, None)
    idle = alone.filter(pl.col("turnover_yen") == 0)["session"].to_list()
    assert len(idle) == 3
    assert made.filter(pl.col("mkt_close").is_null())["session"].to_list() == idle


def test_with_topix_from_the_first_session_on_nothing_stands_in(market: SmallMarket, panel: pl.DataFrame) -> None:
    assert universe_of(panel, market.indices).is_empty()
