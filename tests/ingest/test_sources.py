"""Each source's rows to its table."""

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tosho.contracts import BARS, SECURITIES, SHARES, ContractError
from tosho.ingest.payload import csv_frame, read_json, rows_frame
from tosho.ingest.sources import bars
from tosho.ingest.sources.bars import to_bars
from tosho.ingest.sources.disclosures import disclosure_days
from tosho.ingest.sources.indices import to_indices
from tosho.ingest.sources.securities import to_securities
from tosho.ingest.sources.shares import to_shares

BAR = {
    "Date": "2018-11-16", "Code": "130A0", "O": 100.5, "H": 110, "L": 90, "C": 105, "UL": "0", "LL": "1",
    "Vo": 1000, "Va": 1.05e5, "AdjFactor": 1.0,
}  # fmt: skip
ISSUE = {
    "Date": "2018-11-16", "Code": "13010", "CoName": "極洋", "CoNameEn": "", "S17": "1", "S17Nm": "食品", "S33": "0050",
    "S33Nm": "水産", "ScaleCat": "-", "Mkt": "0101", "MktNm": "東証一部", "Mrgn": "", "MrgnNm": "",
}  # fmt: skip
STATEMENT = {
    "DiscDate": "2018-11-15", "DiscTime": "15:00:00", "Code": "13010", "DiscNo": "1", "ShOutFY": "1000", "TrShFY": "10",
}  # fmt: skip


def rows(*given):
    return rows_frame(read_json(json.dumps({"data": given}).encode(), "a test").rows)


def test_a_bar():
    assert to_bars(rows(BAR)).to_dicts() == [{
        "session": date(2018, 11, 16), "code": "130A0", "open": 100.5, "high": 110.0, "low": 90.0, "close": 105.0,
        "volume": 1000.0, "turnover_yen": 105000.0, "adj_factor": 1.0, "upper_limit_hit": False,
        "lower_limit_hit": True, "known_at": datetime(2018, 11, 16, 7, 30, tzinfo=UTC),
    }]  # fmt: skip


def test_a_number_may_be_sent_as_text_and_none_as_empty_text():
    sent = to_bars(rows(BAR | {"O": "100.5", "Va": "", "Vo": None, "UL": 0, "LL": 1, "Date": "20181116"}))
    assert sent.drop("volume", "turnover_yen").equals(to_bars(rows(BAR)).drop("volume", "turnover_yen"))
    assert sent.select("volume", "turnover_yen").row(0) == (None, None)


def test_json_and_csv_give_the_same_table():
    sent = rows(BAR, BAR | {"Code": "13010", "O": None, "H": None, "L": None, "C": None, "Vo": None, "Va": None})
    assert to_bars(csv_frame(sent.write_csv().encode(), "a test")).equals(to_bars(sent))


def test_the_half_day_blocks_and_adjusted_prices_are_known_and_left():
    sent = rows(BAR | dict.fromkeys(bars.KNOWN - set(BAR)))
    assert to_bars(sent).columns == BARS.schema.names()


@pytest.mark.parametrize("name", ["C", "AdjFactor", "UL", "Date"])
def test_a_missing_column_is_named(name):
    with pytest.raises(ContractError, match=rf"bars_daily lacks the column\(s\) \['{name}'\]"):
        to_bars(rows({key: value for key, value in BAR.items() if key != name}))


def test_an_unknown_column_is_named():
    with pytest.raises(ContractError, match=r"unknown column\(s\) \['VWAP'\]"):
        to_bars(rows(BAR | {"VWAP": 1}))


@pytest.mark.parametrize(("name", "value"), [("O", "abc"), ("UL", "maybe"), ("Date", "16 Nov")])
def test_a_value_that_cannot_be_read_is_shown(name, value):
    with pytest.raises(ContractError, match=rf"in column '{name}'.*{value}"):
        to_bars(rows(BAR | {name: value}))


def test_no_rows_are_an_empty_table():
    assert to_bars(rows()).equals(BARS.empty())


def test_a_security_without_product_category():
    found = to_securities(rows(ISSUE))
    assert found.columns == SECURITIES.schema.names()
    assert found.row(0, named=True) | {"session": None} == {
        "session": None, "code": "13010", "name": "極洋", "name_en": None, "sector17": "1", "sector33": "0050",
        "scale": "-", "segment": "0101", "margin_class": None, "product": None,
        "known_at": datetime(2018, 11, 16, 8, 30, tzinfo=UTC),
    }  # fmt: skip


def test_a_security_with_product_category():
    assert to_securities(rows(ISSUE | {"ProdCat": "014"}))["product"].to_list() == ["014"]


def test_topix():
    found = to_indices(rows({"Date": "2018-11-16", "O": 1, "H": 2, "L": 0.5, "C": "1.5"}))
    assert found.row(0) == (date(2018, 11, 16), "0000", 1.0, 2.0, 0.5, 1.5, datetime(2018, 11, 16, 7, 30, tzinfo=UTC))


def statement(**changes):
    return to_shares(rows(STATEMENT | changes)).row(0, named=True)


def test_shares_outstanding_are_net_of_treasury_stock():
    assert statement()["shares_outstanding"] == 990.0
    assert statement(TrShFY="")["shares_outstanding"] == 1000.0


def test_a_statement_of_the_day_is_known_at_six():
    found = statement()
    assert found["known_at"] == datetime(2018, 11, 15, 9, tzinfo=UTC)
    assert found["session"] == date(2018, 11, 15)


@pytest.mark.parametrize("at", ["9:05", "9:05:00", "09:05", "0:00", "18:00:00"])
def test_a_statement_of_the_morning_is_known_at_six_however_its_time_is_written(at):
    assert statement(DiscTime=at)["known_at"] == datetime(2018, 11, 15, 9, tzinfo=UTC)


def test_of_two_statements_the_later_one_holds_however_its_time_is_written():
    morning, noon = (
        STATEMENT | {"DiscTime": "9:30", "DiscNo": "2"},
        STATEMENT | {"DiscTime": "12:00", "ShOutFY": "2010"},
    )
    assert to_shares(rows(noon, morning))["shares_outstanding"].to_list() == [2000.0]


@pytest.mark.parametrize("at", ["25:00", "noon", "1505"])
def test_a_time_that_is_none_is_shown(at):
    with pytest.raises(ContractError, match=f"in column 'DiscTime'.*{at}"):
        statement(DiscTime=at)


@pytest.mark.parametrize("at", ["18:05:00", "18:05", "", None])
def test_a_late_statement_is_known_after_midnight_and_belongs_to_the_next_session(at):
    found = statement(DiscTime=at)
    assert found["known_at"] == datetime(2018, 11, 15, 15, 30, tzinfo=UTC)
    assert found["session"] == date(2018, 11, 16)


def test_a_statement_of_a_saturday_belongs_to_monday():
    assert statement(DiscDate="2018-11-17")["session"] == date(2018, 11, 19)


def test_documents_without_shares_say_nothing():
    assert to_shares(rows(STATEMENT | {"ShOutFY": "", "TrShFY": ""})).equals(SHARES.empty())


def test_the_last_statement_of_an_edition_holds():
    found = to_shares(rows(STATEMENT | {"DiscTime": "16:00", "DiscNo": "2", "ShOutFY": 2010}, STATEMENT))
    assert found["shares_outstanding"].to_list() == [2000.0]


def test_a_statement_without_a_date_is_refused():
    with pytest.raises(ContractError, match="without DiscDate"):
        to_shares(rows(STATEMENT, STATEMENT | {"DiscDate": ""}))


def test_the_disclosure_dates_of_a_session_reach_back_over_a_holiday():
    assert disclosure_days(date(2018, 11, 5)) == (date(2018, 11, 2), date(2018, 11, 5))


def test_text_columns_only():
    assert rows(BAR).schema == pl.Schema(dict.fromkeys(BAR, pl.String))
