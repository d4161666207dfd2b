"""Each law is seen to catch a feature that breaks it. The offenders are built past the registry, which would refuse."""

import polars as pl
import pytest

from features.small_market import SmallMarket
from properties import laws
from tosho.features import local
from tosho.features.columns import CLOSE
from tosho.features.families.returns import ret
from tosho.features.plan import Plan
from tosho.features.spec import Feature, Scope


def offender(expression: pl.Expr, scope: Scope = Scope.SERIES) -> Plan:
    return laws.passes_of([Feature("offender", scope, "planted", expression)])


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(CLOSE.shift(-1) / CLOSE, id="next close"),
        pytest.param(CLOSE / CLOSE.shift(-1).fill_null(CLOSE) - 1, id="next close, filled"),
        pytest.param(CLOSE / CLOSE.mean().over("code"), id="mean of the code's whole history"),
        pytest.param(CLOSE / CLOSE.mean(), id="mean of the frame"),
        pytest.param(CLOSE.backward_fill() / CLOSE.shift(1), id="filled from later"),
    ],
)
def test_looking_ahead_is_caught(market: SmallMarket, expression: pl.Expr) -> None:
    assert laws.looking_ahead(market, offender(expression), cuts=(890,)) == {"offender"}


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(CLOSE / CLOSE.rolling_mean(20), id="running mean"),
        pytest.param((CLOSE / CLOSE.shift(1)).log().rolling_std(20), id="running deviation"),
        pytest.param(CLOSE / CLOSE.ewm_mean(span=5, min_samples=20), id="endless EMA"),
        pytest.param(pl.when(CLOSE.shift(5) < CLOSE).then(1.0).otherwise(0.0), id="condition that swallows a null"),
        pytest.param(CLOSE.cum_sum() / CLOSE, id="running sum"),
        pytest.param(CLOSE.forward_fill() / CLOSE.forward_fill().shift(1), id="filled from earlier"),
    ],
)
def test_a_lookback_that_is_too_small_is_caught(market: SmallMarket, expression: pl.Expr) -> None:
    passes = offender(expression)
    assert laws.lookback_too_small(market, passes, "offender", passes.lookback["offender"])


def test_a_lookback_that_is_too_large_is_caught(market: SmallMarket) -> None:
    passes = offender(CLOSE / CLOSE.shift(5))
    assert not laws.lookback_too_large(market, passes, "offender", 5)
    assert laws.lookback_too_large(market, passes, "offender", 6)


def test_a_market_value_that_is_too_early_is_caught(market: SmallMarket) -> None:
    close = pl.col("mkt_close")
    passes = offender(close / close.shift(3).fill_null(close), Scope.MARKET)
    assert laws.session_lookback_too_small(market, passes, "offender", 2)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(pl.when(CLOSE.shift(5) < CLOSE).then(1.0).otherwise(0.0), id="condition"),
        pytest.param(pl.max_horizontal(CLOSE, CLOSE.shift(5)), id="horizontal maximum"),
        pytest.param(CLOSE.rolling_mean(6, min_samples=1), id="window that need not be full"),
    ],
)
def test_a_swallowed_null_is_caught(market: SmallMarket, expression: pl.Expr) -> None:
    assert laws.survives_a_null(market, offender(expression), "offender", 5)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(CLOSE.rolling_mean(20), id="running mean"),
        pytest.param(CLOSE / CLOSE.mean(), id="mean of the frame"),
        pytest.param(CLOSE.rank().over("session"), id="rank over the session"),
        pytest.param(CLOSE.cum_sum(), id="running sum"),
    ],
)
def test_dependence_on_others_is_caught(market: SmallMarket, expression: pl.Expr) -> None:
    assert laws.dependent_on_others(market, offender(expression)) == {"offender"}


def test_dependence_on_the_order_in_a_session_is_caught(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    compute_session = local.compute_session

    def as_it_arrives(rows: pl.DataFrame, passes: Plan) -> pl.DataFrame:
        """An engine that does not order its rows by code."""
        numbered = rows.with_columns(pl.int_range(pl.len()).cast(pl.String).alias("code"))
        made = compute_session(numbered, passes)
        return made.with_columns(rows["code"].gather(made["code"].cast(pl.Int64))).sort("code")

    monkeypatch.setattr(local, "compute_session", as_it_arrives)
    assert laws.dependent_on_order(market, offender(ret(1).cum_count(), Scope.CROSS_SECTION)) == {"offender"}


def test_a_level_that_an_incremental_run_does_not_know_is_caught(market: SmallMarket) -> None:
    assert laws.not_incremental(market, offender(CLOSE.cum_count().cast(pl.Float64)), keep=3) == {"offender"}
