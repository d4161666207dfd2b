"""Which J-Quants plan a feature and a set need, and that a set beyond the plan is refused by name."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from tosho.config import JQuants, Settings
from tosho.features import columns, records
from tosho.features.build import build
from tosho.features.plan import plan
from tosho.features.reach import NOT_DEMANDED, demand_reach, demanded, endpoint_of, least_plan, tables_of
from tosho.features.sets import feature_set, feature_sets
from tosho.ingest import PlanTooSmallError
from tosho.ingest.plans import PLANS
from tosho.ingest.sources import SOURCES

LEAST = {"core": "free", "alpha158": "free", "full": "light", "standard": "standard"}
SIZES = list(PLANS)


@pytest.fixture(scope="module")
def tables():
    return tables_of(plan(feature_set("standard")))


@pytest.mark.parametrize("name", feature_sets())
@pytest.mark.parametrize("declared", PLANS)
def test_a_plan_as_large_as_the_set_s_is_enough_and_none_below_is(name, declared):
    wanted = feature_set(name)
    if SIZES.index(declared) >= SIZES.index(LEAST[name]):
        demand_reach(wanted, declared)
    else:
        with pytest.raises(PlanTooSmallError, match=rf"set '{name}' needs .* plan '{declared}'.* '{LEAST[name]}' \("):
            demand_reach(wanted, declared)


def test_the_refusal_names_table_endpoint_plan_and_the_sets_that_are_left():
    with pytest.raises(PlanTooSmallError) as told:
        demand_reach(feature_set("full"), "free")
    assert str(told.value) == (
        "Feature set 'full' needs investor_flows (/equities/investor-types, from plan 'light' on); the settings "
        "declare plan 'free', which lacks these. Declare 'light' (TOSHO_JQUANTS_PLAN), if it is yours, or take a set "
        "that 'free' fills: core, alpha158."
    )


def test_every_table_that_is_lacking_is_named():
    with pytest.raises(PlanTooSmallError) as told:
        demand_reach(feature_set("standard"), "light")
    lacking = {"margin_interest", "margin_alerts", "sector_short_selling", "short_positions", "options_225"}
    assert all(f"{table} ({endpoint_of(table)}, from plan 'standard' on)" in str(told.value) for table in lacking)
    assert "investor_flows" not in str(told.value)


def test_the_index_is_read_by_core_and_not_demanded(tables):
    read = frozenset().union(*(tables[name] for name in feature_set("core").names))
    assert "indices" in read
    assert demanded(feature_set("core")) == sorted(read - NOT_DEMANDED)


@pytest.mark.parametrize(
    ("feature", "read", "least"),
    [
        ("ret_5", {"bars"}, "free"),
        ("turnover", {"bars", "shares"}, "free"),
        ("rank_in_sec_va", {"bars", "securities"}, "free"),  # of a group: only its scope says that it needs sectors
        ("dow", set(), "free"),
        ("mkt_ret_1", {"indices"}, "light"),
        ("csr_resid_mom_20", {"bars", "indices"}, "light"),  # three features from the index
        ("frgn_net", {"investor_flows"}, "light"),
        ("days_to_earn", {"earnings_dates"}, "free"),
        ("earn_yield", {"bars", "shares", "statements"}, "free"),
        ("g_degree", {"bars"}, "free"),
        ("sec_short_share", {"securities", "sector_short_selling"}, "standard"),
        ("vrp", {"options_225"}, "standard"),
    ],
)
def test_a_feature_s_tables_are_those_of_all_that_it_is_made_of(tables, feature, read, least):
    assert tables[feature] == read
    assert least_plan(tables[feature]) == least


def test_every_column_that_definitions_are_given_comes_from_tables_that_a_source_fills(tables):
    given = {*columns.PANEL, *columns.SECTOR, *columns.MARKET, *columns.CALENDAR, *columns.GRAPH}
    given |= {name for kind in records.ALL for name in kind.given}
    assert given <= set(tables)
    assert frozenset().union(*tables.values()) <= {source.table for source in SOURCES}


def test_a_larger_plan_has_all_that_a_smaller_one_has():
    assert all(small.endpoints <= large.endpoints for small, large in pairwise(PLANS.values()))


def test_a_build_is_refused_before_the_lake_is_looked_at(tmp_path: Path):
    settings = Settings(lake=f"file://{tmp_path}/none", jquants=JQuants(plan="free"))
    day = date(2024, 12, 30)
    with pytest.raises(PlanTooSmallError, match="set 'standard'"):
        build(settings, "standard", day, day, engine=lambda *_: pytest.fail("the engine was called"))
