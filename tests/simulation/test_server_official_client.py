"""The vendor's own client, unchanged but for the address, reads the simulated server."""

import gzip
import io
from datetime import date, datetime

import pandas as pd
import polars as pl
import pytest
from jquantsapi import ClientV2, constants

from services.jquants import (
    COMMON,
    GONE,
    HALTED_ON,
    KEY,
    LETTERS,
    NEW,
    SPLIT,
    SPLIT_ON,
    STRANGER,
    serving,
    write_market,
)
from tosho.calendar import JST
from tosho.simulation.server import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = write_market(tmp_path_factory.mktemp("market"))
    with serving(create_app(folder, api_key=KEY, plan="standard", page_rows=4)) as url:
        client = ClientV2(api_key=KEY)
        client.JQUANTS_API_BASE = f"{url}/v2"
        yield client


def test_bars_of_a_session_come_over_several_pages(client):
    bars = client.get_eq_bars_daily(date_yyyymmdd="20181116")
    assert bars["Code"].tolist() == [COMMON, LETTERS, NEW, SPLIT, STRANGER]
    assert bars["C"].notna().all()


def test_a_listed_code_without_a_bar_is_a_row_of_nulls(client):
    bars = client.get_eq_bars_daily(date_yyyymmdd=f"{HALTED_ON:%Y-%m-%d}").set_index("Code")
    row = bars.loc[COMMON]
    assert row[["O", "H", "L", "C", "Vo", "Va", "AdjO", "AdjC", "AdjVo"]].isna().all()
    assert row["AdjFactor"] == 1.0


def test_a_split_is_carried_back_to_the_oldest_row(client):
    bars = client.get_eq_bars_daily(code=SPLIT).set_index("Date")
    before, after = bars[bars.index < pd.Timestamp(SPLIT_ON)], bars[bars.index >= pd.Timestamp(SPLIT_ON)]
    assert (before["AdjC"] == before["C"] * 0.5).all()
    assert (before["AdjVo"] == before["Vo"] * 2).all()
    assert (after["AdjC"] == after["C"]).all()


def test_four_characters_mean_the_ordinary_share(client):
    assert set(client.get_eq_bars_daily(code="1301")["Code"]) == {COMMON}


def test_master_has_the_codes_of_the_day(client):
    early, late = client.get_eq_master(date="20181026"), client.get_eq_master(date="20181116")
    assert early["Code"].tolist() == [COMMON, LETTERS, GONE, SPLIT]
    assert late["Code"].tolist() == [COMMON, LETTERS, NEW, SPLIT]
    assert list(late.columns) == constants.EQ_MASTER_COLUMNS_V2


def test_master_of_a_holiday_is_that_of_the_next_session(client):
    assert client.get_eq_master(date="20181103")["Date"].unique().tolist() == [pd.Timestamp("2018-11-05")]


def test_calendar_tells_sessions_from_holidays(client):
    days = client.get_mkt_calendar(from_yyyymmdd="20181122", to_yyyymmdd="20181126")
    assert days["HolDiv"].tolist() == ["1", "0", "0", "0", "1"]
    assert len(client.get_mkt_calendar(holiday_division="1", from_yyyymmdd="20180101", to_yyyymmdd="20181231")) == 245


def test_topix(client):
    assert len(client.get_idx_bars_daily_topix(from_yyyymmdd="20181101", to_yyyymmdd="20181116")) == 12


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_statements_have_the_official_columns(client):
    found = client.get_fin_summary(date_yyyymmdd="20181031")
    assert found["Code"].tolist() == [COMMON, LETTERS]
    assert found["ShOutFY"].tolist() == ["1000000", "2000000"]
    assert found["EPS"].tolist() == ["12.5", "12.5"]
    assert found["OdP"].tolist() == ["", ""]


def test_bulk_files_hold_what_the_answers_hold(client, tmp_path):
    listed = client.get_bulk_list(endpoint="/equities/bars/daily")
    assert listed["Key"][0] == "equities/bars/daily/historical/2018/equities_bars_daily_201810.csv.gz"
    assert listed["Key"][1] == "equities/bars/daily/live/equities_bars_daily_20181101.csv.gz"
    client.download_bulk(listed["Key"].iloc[-1], str(tmp_path / "day.csv.gz"))
    data = (tmp_path / "day.csv.gz").read_bytes()
    assert len(data) == listed["Size"].iloc[-1]
    rows = pl.read_csv(io.BytesIO(gzip.decompress(data)), schema_overrides={"Code": pl.String})
    answer = client.get_eq_bars_daily(date_yyyymmdd="20181116")
    assert rows["C"].to_list() == answer["C"].tolist()
    assert rows.columns == list(answer.columns)


def test_a_bulk_file_is_found_by_endpoint_and_month(client, tmp_path):
    client.download_bulk_by_endpoint("/equities/master", "2018-10", str(tmp_path / "month.csv.gz"))
    rows = pl.read_csv(tmp_path / "month.csv.gz", schema_overrides={"Code": pl.String}, try_parse_dates=True)
    assert rows["Date"].unique().sort().to_list()[-1] == date(2018, 10, 31)


# --- every other endpoint, of a synthetic market


@pytest.fixture(scope="module")
def premium(synthetic):
    with serving(
        create_app(synthetic, api_key=KEY, plan="premium", clock=lambda: EVENING, rate_per_minute=None)
    ) as url:
        client = ClientV2(api_key=KEY)
        client.JQUANTS_API_BASE = f"{url}/v2"
        yield client


DAY = "20250130"
READS = {
    "get_eq_bars_daily": ({"date_yyyymmdd": DAY}, constants.EQ_BARS_DAILY_COLUMNS_V2),
    "get_eq_bars_daily_am": ({}, constants.PRICES_PRICES_AM_COLUMNS_V2),
    "get_eq_investor_types": ({"section": "TSEPrime"}, constants.EQ_INVESTOR_TYPES_COLUMNS_V2),
    "get_eq_earnings_cal": ({}, constants.FINS_ANNOUNCEMENT_COLUMNS_V2),
    "get_fin_summary": ({"date_yyyymmdd": DAY}, constants.FIN_SUMMARY_COLUMNS_V2),
    "get_fin_details": ({"date_yyyymmdd": DAY}, constants.FINS_FS_DETAILS_COLUMNS_V2),
    "get_fin_dividend": ({"date_yyyymmdd": DAY}, constants.FINS_DIVIDEND_COLUMNS_V2),
    "get_fin_earnings_date": ({"scheduled_date_yyyymmdd": "20250131"}, constants.FIN_EARNINGS_DATE_COLUMNS_V2),
    "get_mkt_short_ratio": ({"date_yyyymmdd": DAY}, constants.MKT_SHORT_RATIO_COLUMNS_V2),
    "get_mkt_short_sale_report": ({"disclosed_date": DAY}, constants.SHORT_SELLING_POSITIONS_COLUMNS_V2),
    "get_mkt_margin_interest": ({"date_yyyymmdd": "20250124"}, constants.MKT_MARGIN_INTEREST_COLUMNS_V2),
    "get_mkt_margin_alert": ({"date_yyyymmdd": DAY}, constants.DAILY_MARGIN_INTEREST_COLUMNS_V2),
    "get_mkt_breakdown": ({"date_yyyymmdd": DAY}, constants.MKT_BREAKDOWN_COLUMNS_V2),
    "get_idx_bars_daily": ({"date_yyyymmdd": DAY}, constants.INDICES_COLUMNS_V2),
    "get_drv_bars_daily_fut": ({"date_yyyymmdd": "20250129"}, constants.DERIVATIVES_FUTURES_COLUMNS_V2),
    "get_drv_bars_daily_opt": ({"date_yyyymmdd": "20250129"}, constants.DERIVATIVES_OPTIONS_COLUMNS_V2),
    "get_drv_bars_daily_opt_225": ({"date_yyyymmdd": "20250129"}, None),
}
EVENING = datetime(2025, 1, 30, 20, tzinfo=JST)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", READS)
def test_the_official_client_reads_every_endpoint(premium, method):
    query, columns = READS[method]
    found = getattr(premium, method)(**query)
    assert len(found) > 0
    if columns is not None:
        assert list(found.columns) == columns


def test_the_official_client_follows_a_code_s_margin_positions(premium, read):
    code = read("margin_interest")["Code"][0]
    weeks = premium.get_mkt_margin_interest(code=code, from_yyyymmdd="20241201", to_yyyymmdd="20250131")
    assert weeks["Date"].is_monotonic_increasing
    assert (weeks["ShrtVol"] == weeks["ShrtNegVol"] + weeks["ShrtStdVol"]).all()
    assert weeks["PubDate"].isna().all()
