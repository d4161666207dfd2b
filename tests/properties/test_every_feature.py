"""The laws hold of every registered feature and intermediate: the loop is over the registry, not over a list."""

from dataclasses import replace

import polars as pl
import pytest

from features.small_market import STEADY, SmallMarket
from properties import laws
from tosho.features import columns, families
from tosho.features.plan import Plan
from tosho.features.spec import Feature, Scope, features

REGISTERED = tuple(features().values())
SERIES = tuple(f for f in REGISTERED if f.scope is Scope.SERIES)
KNOWN_OF_EVERY_ROW = {"code", "segment", "scale", *columns.CALENDAR}
COUNTS_ABSENCE = {"zero_vol_days_20"}
"""Reads whether there was volume, which is known of every row too."""
PASSES_NULLS = [
    f
    for f in REGISTERED
    if f.name not in COUNTS_ABSENCE | {"sec_small"} and not KNOWN_OF_EVERY_ROW.issuperset(f.inputs)
]


@pytest.fixture(scope="module")
def passes() -> Plan:
    assert families.CORE
    return laws.passes_of(REGISTERED)


def test_values_do_not_change_with_what_comes_later(market: SmallMarket, passes: Plan) -> None:
    assert laws.looking_ahead(market, passes, cuts=(830, 900, 945)) == set()


def test_values_do_not_depend_on_other_codes_or_the_partition(market: SmallMarket, passes: Plan) -> None:
    assert laws.dependent_on_others(market, passes) == set()


def test_values_do_not_depend_on_the_order_within_a_session(market: SmallMarket, passes: Plan) -> None:
    assert laws.dependent_on_order(market, passes) == set()


def test_an_incremental_run_has_the_bits_of_a_full_one(market: SmallMarket, passes: Plan) -> None:
    assert laws.not_incremental(market, passes, keep=3) == set()


@pytest.mark.parametrize(
    "away",
    [
        pytest.param(slice(100, 110), id="before the lookback"),
        pytest.param(slice(150, 165), id="where the lookback begins"),
        pytest.param(slice(150, 950), id="from before the lookback to its end"),
        pytest.param(slice(930, 940), id="within"),
        pytest.param(slice(948, 958), id="to the sessions asked for"),
    ],
)
def test_a_code_that_comes_back_has_the_same_bits_in_every_run(market: SmallMarket, passes: Plan, away: slice) -> None:
    """And a row in the same sessions."""
    gappy = market.without(STEADY, market.sessions[away])
    assert laws.not_incremental(gappy, passes, keep=3) == set()
    assert laws.looking_ahead(gappy, passes, cuts=[away.stop - 5]) == set()


@pytest.mark.parametrize("told", [100, 150, 890, 893, 897, 955])
def test_a_listing_that_ends_has_the_same_bits_in_every_run(market: SmallMarket, passes: Plan, told: int) -> None:
    """The code trades on, and its sector is known for a while."""
    ends = (pl.col("code") == STEADY) & (pl.col("session") > market.sessions[told])
    silent = replace(market, securities=market.securities.filter(~ends))
    assert laws.not_incremental(silent, passes, keep=3) == set()
    assert laws.looking_ahead(silent, passes, cuts=[940]) == set()


@pytest.mark.parametrize("feature", SERIES, ids=lambda f: f.name)
def test_lookback_of_a_series_is_enough(market: SmallMarket, feature: Feature) -> None:
    passes = laws.passes_of([feature])
    assert not laws.lookback_too_small(market, passes, feature.name, passes.lookback[feature.name])


@pytest.mark.parametrize("feature", [f for f in REGISTERED if f not in SERIES], ids=lambda f: f.name)
def test_lookback_of_a_session_is_enough(market: SmallMarket, feature: Feature) -> None:
    passes = laws.passes_of([feature])
    assert not laws.session_lookback_too_small(market, passes, feature.name, passes.lookback[feature.name])


@pytest.mark.parametrize("feature", REGISTERED, ids=lambda f: f.name)
def test_lookback_is_needed(market: SmallMarket, feature: Feature) -> None:
    passes = laws.passes_of([feature])
    assert not laws.lookback_too_large(market, passes, feature.name, passes.lookback[feature.name])


@pytest.mark.parametrize("feature", PASSES_NULLS, ids=lambda f: f.name)
def test_a_null_in_the_window_is_passed_on(market: SmallMarket, feature: Feature) -> None:
    passes = laws.passes_of([feature])
    assert not laws.survives_a_null(market, passes, feature.name, passes.lookback[feature.name])


def test_every_feature_has_values(market: SmallMarket, passes: Plan) -> None:
    made = laws.values(laws.panel_of(market), market.indices, passes, market.sessions[-200:])
    assert [name for name in passes.names if made[name].null_count() == made.height] == []
