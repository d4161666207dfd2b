"""The laws hold of every registered feature and intermediate: the loop is over the registry, not over a list."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import polars as pl
import pytest

from features.small_market import STEADY, SmallMarket
from properties import laws
from tosho.features import columns, records
from tosho.features.plan import Plan
from tosho.features.sets import feature_set
from tosho.features.spec import Feature, Scope, features

REGISTERED = tuple(features().values())
SERIES = tuple(f for f in REGISTERED if f.scope is Scope.SERIES)
GRAPH = tuple(f for f in REGISTERED if f.scope is Scope.GRAPH)
"""Made of the sessions that have a return, at least 40 of the 60: one more or less is no null."""

KNOWN_OF_EVERY_ROW = {"code", "segment", "scale", *columns.CALENDAR}
KEPT = {name for kind in records.ALL if kind.lasts is None for name in kind.given}
"""What was last told of these holds in a row of nulls too."""
COUNTS_ABSENCE = {"zero_vol_days_20"}
"""Reads whether there was volume, which is known of every row too."""
COMPARES_WHAT_IS_THERE = {"unsplit_20", "long_wow", "short_wow"}
"""Look whether trades had another unit of shares; a session without one had none."""
PASSES_NULLS = [
    f
    for f in REGISTERED
    if f not in GRAPH and f.name not in COUNTS_ABSENCE | COMPARES_WHAT_IS_THERE | {"sec_small"}
]  # fmt: skip

Law = Callable[[laws.Given, Plan, Iterable[str], int], set[str]]


@pytest.fixture(scope="module")
def passes() -> Plan:
    assert set(feature_set("standard").features) < set(REGISTERED)
    return laws.passes_of(REGISTERED)


@pytest.fixture(scope="module")
def given(market: SmallMarket, passes: Plan) -> laws.Given:
    return laws.given_by(market, passes)


def breaking(law: Law, given: laws.Given, wanted: Iterable[Feature]) -> set[str]:
    found = [law(given, passes, names, lookback) for lookback, passes, names in laws.by_lookback(wanted)]
    assert len(found) > 0
    return set().union(*found)


def reads_what_may_be_null(name: str) -> bool:
    f = features().get(name)
    return any(map(reads_what_may_be_null, f.inputs)) if f else name not in KNOWN_OF_EVERY_ROW | KEPT


def test_values_do_not_change_with_what_comes_later(market: SmallMarket, passes: Plan) -> None:
    assert laws.looking_ahead(market, passes, cuts=(830, 900, 945)) == set()


def test_values_do_not_depend_on_other_codes_or_the_partition(market: SmallMarket, passes: Plan) -> None:
    assert laws.dependent_on_others(market, passes) == set()


@pytest.mark.parametrize("sector", ["5250", "7050"])
def test_values_through_time_do_not_depend_on_other_sectors(market: SmallMarket, passes: Plan, sector: str) -> None:
    assert laws.dependent_on_other_sectors(market, passes, sector) == set()


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


@pytest.mark.parametrize("told", [893, 955])
def test_each_feature_alone_has_as_many_sessions_read_as_it_needs(market: SmallMarket, told: int) -> None:
    """Not only because another of its set has more read. The sector of STEADY is told for the last time."""
    ends = (pl.col("code") == STEADY) & (pl.col("session") > market.sessions[told])
    silent = replace(market, securities=market.securities.filter(~ends))
    assert set().union(*(laws.not_incremental(silent, alone, keep=3) for alone in laws.by_reach(REGISTERED))) == set()


def test_lookback_of_a_series_is_enough(given: laws.Given) -> None:
    assert breaking(laws.lookback_too_small, given, SERIES) == set()


def test_lookback_of_a_session_is_enough(given: laws.Given) -> None:
    assert breaking(laws.session_lookback_too_small, given, [f for f in REGISTERED if f not in SERIES]) == set()


def test_lookback_is_needed(given: laws.Given) -> None:
    assert breaking(laws.lookback_too_large, given, [f for f in REGISTERED if f not in GRAPH]) == set()


def test_the_graph_reads_its_oldest_session(given: laws.Given) -> None:
    assert laws.deaf_to_the_oldest(given, laws.passes_of(GRAPH), columns.GRAPH_REACH) == set()


def test_a_null_in_the_window_is_passed_on(given: laws.Given) -> None:
    passing = [f for f in PASSES_NULLS if reads_what_may_be_null(f.name)]
    assert breaking(laws.surviving_a_null, given, passing) == set()


def test_what_no_record_tells_is_null(market: SmallMarket, passes: Plan) -> None:
    assert laws.without_its_records(market, passes) == set()


def test_every_feature_has_values(market: SmallMarket, given: laws.Given, passes: Plan) -> None:
    made = laws.values(given, passes, market.sessions[-200:])
    assert [name for name in passes.names if made[name].null_count() == made.height] == []


def test_a_feature_is_shared_by_all_codes_of_a_session_when_it_says_so(
    market: SmallMarket, given: laws.Given, passes: Plan
) -> None:
    made = laws.values(given, passes, market.sessions[-200:])
    names = [f.name for f in REGISTERED]
    values = made.group_by("session").agg(pl.col(names).drop_nulls().n_unique()).select(pl.col(names).max())
    alike = {name for name, most in values.row(0, named=True).items() if most == 1}
    alike.remove("sec_small")  # by chance: every sector of this market is
    assert alike == {f.name for f in REGISTERED if f.is_shared}
