"""The project's copy of the vendor's field names, beside the vendor's own lists."""

import json
from pathlib import Path

import pytest
from jquantsapi import constants

from tosho.ingest import plans
from tosho.simulation.fields import ADDED, BARS, FIELDS, HALF_DAY_BLOCKS

DOCUMENTED = Path(__file__).parents[3] / "shared/jquants/endpoints.json"
OF_CLIENT = {
    plans.MASTER: constants.EQ_MASTER_COLUMNS_V2,
    plans.BARS_AM: constants.PRICES_PRICES_AM_COLUMNS_V2,
    plans.INDICES: constants.INDICES_COLUMNS_V2,
    plans.TOPIX: constants.INDICES_TOPIX_COLUMNS_V2,
    plans.INVESTORS: constants.EQ_INVESTOR_TYPES_COLUMNS_V2,
    plans.MARGIN_INTEREST: constants.MKT_MARGIN_INTEREST_COLUMNS_V2,
    plans.MARGIN_ALERT: constants.DAILY_MARGIN_INTEREST_COLUMNS_V2,
    plans.SHORT_RATIO: constants.MKT_SHORT_RATIO_COLUMNS_V2,
    plans.SHORT_SALE_REPORT: constants.SHORT_SELLING_POSITIONS_COLUMNS_V2,
    plans.BREAKDOWN: constants.MKT_BREAKDOWN_COLUMNS_V2,
    plans.CALENDAR: constants.MARKETS_TRADING_CALENDAR_COLUMNS_V2,
    plans.FINS: constants.FIN_SUMMARY_COLUMNS_V2,
    plans.FINS_DETAILS: constants.FINS_FS_DETAILS_COLUMNS_V2,
    plans.DIVIDENDS: constants.FINS_DIVIDEND_COLUMNS_V2,
    plans.EARNINGS_DATE: constants.FIN_EARNINGS_DATE_COLUMNS_V2,
    plans.EARNINGS_CALENDAR: constants.FINS_ANNOUNCEMENT_COLUMNS_V2,
    plans.FUTURES: constants.DERIVATIVES_FUTURES_COLUMNS_V2,
    plans.OPTIONS: constants.DERIVATIVES_OPTIONS_COLUMNS_V2,
}


def test_every_endpoint_of_every_plan_has_names():
    paged = plans.PLANS["premium"].endpoints - {plans.BULK_LIST, plans.BULK_GET}
    assert set(FIELDS) == paged


@pytest.mark.skipif(not DOCUMENTED.is_file(), reason="the vendor's lists are not on this machine")
@pytest.mark.parametrize("endpoint", FIELDS)
def test_names_are_the_documented_ones_and_the_additions(endpoint):
    documented = {e["path"]: [f["name"] for f in e["response"]["fields"]] for e in json.loads(
        DOCUMENTED.read_text(encoding="utf-8"))["endpoints"]}  # fmt: skip
    blocks = HALF_DAY_BLOCKS if endpoint == plans.BARS else ()
    ours = {*FIELDS[endpoint], *blocks} - set(ADDED.get(endpoint, {}))
    assert ours == set(documented.get(endpoint, ()))


@pytest.mark.parametrize("endpoint", OF_CLIENT)
def test_names_and_order_are_those_of_the_official_client(endpoint):
    assert list(FIELDS[endpoint]) == OF_CLIENT[endpoint]


def test_bars_are_those_of_the_official_client():
    assert [*BARS, *HALF_DAY_BLOCKS] == constants.EQ_BARS_DAILY_COLUMNS_V2
