"""Each law is seen to catch a feature that breaks it. The offenders are built past the registry, which would refuse."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from features.small_market import THIN, SmallMarket
from properties import laws
from tosho.features import columns, graph_columns, records, session_pass
from tosho.features.columns import CLOSE, SECTOR_RETURN
from tosho.features.families.graph import g_mean_corr
from tosho.features.families.returns import ret
from tosho.features.plan import Plan
from tosho.features.records import Grain, Records, Tables
from tosho.features.spec import Feature, Scope

BALANCE = pl.col("planted_balance")


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Return what plants records of balances, and gives the plan of a feature that reads them."""

    def planted(make: Callable[[Tables], pl.DataFrame], lasts: int | None = None) -> Plan:
        kind = Records("planted", Grain.CODE, ("margin_interest",), ("planted_balance",), make, lasts)
        monkeypatch.setattr(records, "ALL", (*records.ALL, kind))
        return offender(BALANCE)

    return planted


def told(tables: Tables, value: pl.Expr) -> pl.DataFrame:
    rows = tables["margin_interest"].unique(["session", "code"], keep="any", maintain_order=True)
    return rows.select("session", "code", value.cast(pl.Float64).alias("planted_balance"))


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
    given = laws.given_by(market, passes)
    assert laws.lookback_too_small(given, passes, ["offender"], passes.lookback["offender"]) == {"offender"}


def test_a_lookback_that_is_too_large_is_caught(market: SmallMarket) -> None:
    passes = offender(CLOSE / CLOSE.shift(5))
    given = laws.given_by(market, passes)
    assert laws.lookback_too_large(given, passes, ["offender"], 5) == set()
    assert laws.lookback_too_large(given, passes, ["offender"], 6) == {"offender"}


def test_a_market_value_that_is_too_early_is_caught(market: SmallMarket) -> None:
    close = pl.col("mkt_close")
    passes = offender(close / close.shift(3).fill_null(close), Scope.MARKET)
    assert laws.session_lookback_too_small(laws.given_by(market, passes), passes, ["offender"], 2) == {"offender"}


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(pl.when(CLOSE.shift(5) < CLOSE).then(1.0).otherwise(0.0), id="condition"),
        pytest.param(pl.max_horizontal(CLOSE, CLOSE.shift(5)), id="horizontal maximum"),
        pytest.param(CLOSE.rolling_mean(6, min_samples=1), id="window that need not be full"),
    ],
)
def test_a_swallowed_null_is_caught(market: SmallMarket, expression: pl.Expr) -> None:
    passes = offender(expression)
    assert laws.surviving_a_null(laws.given_by(market, passes), passes, ["offender"], 5) == {"offender"}


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
    compute_session = session_pass.compute_session

    def as_it_arrives(rows: pl.DataFrame, passes: Plan, returns: pl.DataFrame | None) -> pl.DataFrame:
        """An engine that does not order its rows by code."""
        numbered = rows.with_columns(pl.int_range(pl.len()).cast(pl.String).alias("code"))
        made = compute_session(numbered, passes, returns)
        return made.with_columns(rows["code"].gather(made["code"].cast(pl.Int64))).sort("code")

    monkeypatch.setattr(session_pass, "compute_session", as_it_arrives)
    assert laws.dependent_on_order(market, offender(ret(1).cum_count(), Scope.CROSS_SECTION)) == {"offender"}


def test_a_level_that_an_incremental_run_does_not_know_is_caught(market: SmallMarket) -> None:
    assert laws.not_incremental(market, offender(CLOSE.cum_count().cast(pl.Float64)), keep=3) == {"offender"}


LONG, TOLD = pl.col("long_volume"), pl.col("session")


@pytest.mark.parametrize(
    "balance",
    [
        pytest.param(LONG.sum().over("code"), id="of the code's whole history"),
        pytest.param(LONG.sort_by(TOLD).shift(-1).over("code"), id="next balance"),
        pytest.param(LONG / LONG.mean(), id="beside the mean of all"),
    ],
)
def test_a_record_that_is_made_of_later_rows_is_caught(
    market: SmallMarket, plant: Callable[..., Plan], balance: pl.Expr
) -> None:
    assert laws.looking_ahead(market, plant(lambda tables: told(tables, balance)), cuts=(890,)) == {"offender"}


@pytest.mark.parametrize(
    "balance",
    [
        pytest.param(LONG.rank().over(TOLD), id="rank among the codes"),
        pytest.param(LONG.cum_sum(), id="running sum"),
        pytest.param(LONG.cum_count().over("code"), id="number in the order of rows"),
    ],
)
def test_a_record_that_depends_on_other_rows_is_caught(
    market: SmallMarket, plant: Callable[..., Plan], balance: pl.Expr
) -> None:
    assert laws.dependent_on_others(market, plant(lambda tables: told(tables, balance))) == {"offender"}


def test_a_record_that_does_not_last_as_long_as_it_is_made_of_is_caught(
    market: SmallMarket, plant: Callable[..., Plan]
) -> None:
    number = LONG.is_not_null().cum_sum().over("code", order_by=TOLD)
    assert laws.not_incremental(market, plant(lambda tables: told(tables, number), lasts=7), keep=3) == {"offender"}


def test_a_value_that_no_record_tells_is_caught(market: SmallMarket, plant: Callable[..., Plan]) -> None:
    plant(lambda tables: told(tables, LONG))
    assert laws.without_its_records(market, offender(BALANCE.fill_null(0))) == {"offender"}


def test_a_sector_made_of_other_sectors_is_caught(market: SmallMarket) -> None:
    passes = offender(SECTOR_RETURN - SECTOR_RETURN.mean().over("session"), Scope.SECTOR)
    assert laws.dependent_on_other_sectors(market, passes, "5250") == {"offender"}


def test_an_incremental_run_that_reads_too_little_for_a_sector_is_caught(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sector of THIN is told long before, and not again."""
    thin = (pl.col("code") == THIN) & (pl.col("session") > market.sessions[897])
    silent = replace(market, securities=market.securities.filter(~thin))
    passes = offender(SECTOR_RETURN.rolling_mean(20))
    assert laws.not_incremental(silent, passes, keep=3) == set()
    monkeypatch.setitem(columns.REACH, "sector_return", 1)
    assert laws.not_incremental(silent, offender(SECTOR_RETURN.rolling_mean(20)), keep=3) == {"offender"}


def test_a_graph_that_is_made_of_too_few_sessions_is_caught(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that forgets the oldest of its sixty sessions."""
    window = graph_columns._window

    def forgetful(rows: pl.DataFrame, returns: pl.DataFrame) -> np.ndarray:
        found = window(rows, returns)
        found[0] = np.nan
        return found

    passes = offender(g_mean_corr(), Scope.CROSS_SECTION)
    given = laws.given_by(market, passes)
    assert laws.deaf_to_the_oldest(given, passes, columns.GRAPH_REACH) == set()
    monkeypatch.setattr(graph_columns, "_window", forgetful)
    assert laws.deaf_to_the_oldest(given, passes, columns.GRAPH_REACH) == {"offender"}
