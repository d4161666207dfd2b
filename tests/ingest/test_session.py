from datetime import date

import polars as pl
import pytest

from services.jquants import COMMON, HALTED_ON, LETTERS, NEW, SPLIT, SPLIT_ON, STRANGER
from tosho import contracts
from tosho.calendar import NotASessionError, published_at
from tosho.contracts import RULE, ContractError
from tosho.ingest import JQuantsClient, NotYetPublishedError, PayloadError, ingest_session, quarantine
from tosho.ingest.sources import bars as bars_module
from tosho.storage import PartitionMissingError, raw

SESSION = date(2018, 11, 16)
BARS, MASTER, TOPIX = "/v2/equities/bars/daily", "/v2/equities/master", "/v2/indices/bars/daily/topix"


def changing(path, change):
    """Return a tamperer that passes the rows of one path through a function."""
    return lambda asked, rows: change(rows) if asked == path else rows


def setting(code, **values):
    return changing(BARS, lambda rows: [row | values if row["Code"] == code else row for row in rows])


def test_a_session_fills_the_tables_that_the_plan_has(lake, client):
    report = ingest_session(SESSION, lake, client)
    assert {table: told["rows"] for table, told in report.items() if "skipped" not in told} == {
        "trading_days": 1, "securities": 4, "indices": 1, "statements": 3, "shares": 1, "earnings_dates": 0,
        "earnings_calendar": 0, "investor_flows": 0, "bars": 5,
    }  # fmt: skip
    assert report["margin_interest"]["skipped"] == "plan light has no /markets/margin-interest"
    assert all(told.get("quarantined", {}) == {} for told in report.values())
    assert lake.read("bars", SESSION)["code"].to_list() == [COMMON, LETTERS, NEW, SPLIT, STRANGER]
    assert lake.read("securities", SESSION)["segment"].unique().to_list() == ["0101"]
    assert lake.read("shares", SESSION)["shares_outstanding"].to_list() == [2_999_999.0]


def test_every_page_is_kept_as_it_came_and_named_in_the_manifest(lake, client):
    ingest_session(SESSION, lake, client)
    sources = lake.manifest("bars", SESSION).sources
    assert [source.request for source in sources] == ["date=2018-11-16,page=1", "date=2018-11-16,page=2"]
    assert b'"pagination_key"' in raw.payload(lake, "bars_daily", sources[0])
    assert b'"99990"' in raw.payload(lake, "bars_daily", sources[1])


def test_a_listed_code_that_did_not_trade_has_a_row_of_nulls(lake, client):
    ingest_session(HALTED_ON, lake, client)
    row = lake.read("bars", HALTED_ON).row(by_predicate=pl.col("code") == COMMON, named=True)
    assert row["close"] is row["volume"] is None
    assert row["adj_factor"] == 1.0


def test_a_late_statement_is_in_the_next_session(lake, client):
    ingest_session(date(2018, 10, 31), lake, client)
    ingest_session(date(2018, 11, 1), lake, client)
    assert lake.read("shares", date(2018, 10, 31))["code"].to_list() == [COMMON]
    assert lake.read("shares", date(2018, 11, 1))["code"].to_list() == [LETTERS]


def test_doing_it_twice_leaves_every_byte(lake, client, tmp_path):
    def everything():
        return {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()}

    ingest_session(SESSION, lake, client)
    before = everything()
    ingest_session(SESSION, lake, client)
    assert everything() == before


def test_a_day_that_is_no_session(lake, client):
    with pytest.raises(NotASessionError):
        ingest_session(date(2018, 11, 17), lake, client)


@pytest.mark.parametrize("path", [BARS, MASTER, TOPIX])
def test_an_empty_source_is_not_yet_published_and_nothing_is(lake, client, tampering, path):
    tampering.rows = changing(path, lambda _: [])
    with pytest.raises(NotYetPublishedError, match="2018-11-16"):
        ingest_session(SESSION, lake, client)
    assert lake.tables() == []


def test_a_missing_column_stops_the_session(lake, client, tampering):
    tampering.rows = changing(BARS, lambda rows: [{k: v for k, v in row.items() if k != "Va"} for row in rows])
    with pytest.raises(ContractError, match=r"\['Va'\]"):
        ingest_session(SESSION, lake, client)
    assert lake.tables() == []


def test_a_column_that_only_one_page_has_stops_the_session(lake, client, tampering):
    tampering.rows = changing(
        BARS, lambda rows: [{k: v for k, v in row.items() if k != "Va"} for row in rows] if len(rows) == 1 else rows
    )
    with pytest.raises(ContractError, match=r"\['Va'\] are on some pages only"):
        ingest_session(SESSION, lake, client)


def test_a_column_of_nulls_stops_the_session(lake, client, tampering):
    tampering.rows = changing(BARS, lambda rows: [row | {"Va": None} for row in rows])
    with pytest.raises(ContractError, match=r"\['turnover_yen'\] are null in all 5 rows"):
        ingest_session(SESSION, lake, client)
    assert lake.tables() == []


def test_an_answer_about_another_session_is_refused(lake, client, tampering):
    tampering.rows = changing(MASTER, lambda rows: [row | {"Date": "2018-11-19"} for row in rows])
    with pytest.raises(PayloadError, match="2018-11-19"):
        ingest_session(SESSION, lake, client)


def test_a_truncated_answer_stops_the_session(lake, client, tampering):
    tampering.body = lambda path, body: body[:-30] if path == BARS else body
    with pytest.raises(PayloadError, match="cut short"):
        ingest_session(SESSION, lake, client)
    assert lake.tables() == []


def test_rows_that_break_the_contract_are_set_aside_with_the_rule(lake, client, tampering):
    tampering.rows = setting(SPLIT, H=1.0)
    report = ingest_session(SESSION, lake, client)
    assert report["bars"] == {"rows": 5, "quarantined": {"high_is_highest": 1}}
    assert quarantine.read(lake, "bars", SESSION).select("code", RULE).rows() == [(SPLIT, "high_is_highest")]
    assert lake.manifest("bars", SESSION).quarantined == {"high_is_highest": 1}


def bar(lake, session, code):
    return lake.read("bars", session).row(by_predicate=pl.col("code") == code, named=True)


def repeating(code, **changes):
    """Return a tamperer that sends a code's bar a second time, with changes."""
    return changing(BARS, lambda rows: rows + [row | changes for row in rows if row["Code"] == code])


@pytest.mark.parametrize("fault", [{"L": 9999.0}, {"Vo": -1}, {"C": None}])
def test_a_bad_bar_of_an_ex_date_leaves_its_factor_and_counts_as_no_trade(lake, client, tampering, fault):
    tampering.rows = setting(SPLIT, **fault)
    ingest_session(SPLIT_ON, lake, client)
    said = {"session": SPLIT_ON, "code": SPLIT, "adj_factor": 0.5, "known_at": published_at("bars_daily", SPLIT_ON)}
    nothing = dict.fromkeys(set(contracts.BARS.schema) - set(said))
    assert bar(lake, SPLIT_ON, SPLIT) == {**said, **nothing}
    assert quarantine.read(lake, "bars", SPLIT_ON)["code"].to_list() == [SPLIT]


@pytest.mark.parametrize("fault", [{"AdjFactor": 0}, {"AdjFactor": None}, {"Code": "869"}])
def test_a_bar_whose_factor_or_code_is_bad_has_no_stand_in(lake, client, tampering, fault):
    tampering.rows = setting(SPLIT, **fault)
    assert ingest_session(SPLIT_ON, lake, client)["bars"]["rows"] == 4
    assert SPLIT not in lake.read("bars", SPLIT_ON)["code"].to_list()


def test_a_bar_sent_twice_is_published_once(lake, other_lake, client, tampering):
    ingest_session(SESSION, other_lake, client)
    tampering.rows = repeating(COMMON)
    report = ingest_session(SESSION, lake, client)
    assert report["bars"] == {"rows": 5, "quarantined": {"repeated_row": 1}}
    assert lake.read("bars", SESSION).equals(other_lake.read("bars", SESSION))


def test_two_bars_of_one_code_that_differ_leave_the_factor_they_agree_on(lake, client, tampering):
    tampering.rows = repeating(SPLIT, Vo=7)
    report = ingest_session(SPLIT_ON, lake, client)
    assert report["bars"] == {"rows": 5, "quarantined": {"duplicate_key": 2}}
    found = bar(lake, SPLIT_ON, SPLIT)
    assert (found["close"], found["adj_factor"]) == (None, 0.5)


def test_two_bars_of_one_code_that_differ_in_the_factor_leave_none(lake, client, tampering):
    tampering.rows = repeating(SPLIT, AdjFactor=1.0)
    report = ingest_session(SPLIT_ON, lake, client)
    assert report["bars"] == {"rows": 4, "quarantined": {"duplicate_key": 2}}


def test_a_session_of_bad_bars_only_is_stopped(lake, client, tampering):
    tampering.rows = changing(BARS, lambda rows: [row | {"H": 1.0} for row in rows])
    with pytest.raises(ContractError, match="Of session 2018-11-16 not one bar"):
        ingest_session(SESSION, lake, client)
    assert lake.tables() == []


def test_the_free_plan_goes_without_topix_and_says_so(lake, free_client):
    report = ingest_session(SESSION, lake, free_client)
    assert report["indices"] == {"skipped": "plan free has no /indices/bars/daily/topix", "rows": 0}
    assert lake.tables() == ["bars", "earnings_dates", "securities", "shares", "statements", "trading_days"]


class TestSomeCodesAgain:
    def test_their_rows_are_replaced_and_the_others_stay(self, lake, client, tampering):
        ingest_session(SESSION, lake, client)
        before = lake.read("bars", SESSION)
        tampering.rows = changing(BARS, lambda rows: [row | {"Vo": 7} for row in rows])
        report = ingest_session(SESSION, lake, client, ["1301"])
        after = lake.read("bars", SESSION)
        others = pl.col("code") != COMMON
        assert after.filter(others).equals(before.filter(others))
        assert after.filter(~others)["volume"].to_list() == [7.0]
        assert report["bars"] == {"rows": 5, "quarantined": {}}

    def test_only_they_are_asked_for(self, lake, client, tampering):
        ingest_session(SESSION, lake, client)
        tampering.asked.clear()
        ingest_session(SESSION, lake, client, [SPLIT])
        assert {f"code={SPLIT}" in query for _, query in tampering.asked} == {True}

    def test_a_mended_row_leaves_the_quarantine(self, lake, client, tampering):
        tampering.rows = setting(SPLIT, H=1.0)
        ingest_session(SESSION, lake, client)
        tampering.honest()
        report = ingest_session(SESSION, lake, client, [SPLIT])
        assert report["bars"] == {"rows": 5, "quarantined": {}}
        assert quarantine.read(lake, "bars", SESSION).height == 0

    def test_what_others_left_in_quarantine_stays(self, lake, client, tampering):
        tampering.rows = setting(SPLIT, H=1.0)
        ingest_session(SESSION, lake, client)
        report = ingest_session(SESSION, lake, client, [COMMON])
        assert report["bars"] == {"rows": 5, "quarantined": {"high_is_highest": 1}}
        assert bar(lake, SESSION, SPLIT)["close"] is None

    def test_a_code_without_a_trade_is_no_lost_column(self, lake, client):
        ingest_session(HALTED_ON, lake, client)
        assert ingest_session(HALTED_ON, lake, client, [COMMON])["bars"]["rows"] == 5

    def test_again_and_again_leaves_every_byte(self, lake, client, data_files):
        ingest_session(SESSION, lake, client)
        whole = data_files(lake)
        ingest_session(SESSION, lake, client, [COMMON, SPLIT])
        first = lake.manifest("bars", SESSION)
        ingest_session(SESSION, lake, client, [SPLIT, COMMON])
        assert data_files(lake) == whole
        assert lake.manifest("bars", SESSION) == first

    def test_a_code_that_nobody_knows(self, lake, client):
        ingest_session(SESSION, lake, client)
        with pytest.raises(NotYetPublishedError, match="bars/daily for code 12340"):
            ingest_session(SESSION, lake, client, ["1234"])

    def test_a_bad_bar_does_not_replace_a_good_one(self, lake, client, tampering):
        ingest_session(SESSION, lake, client)
        before = lake.read("bars", SESSION)
        tampering.rows = setting(SPLIT, H=1.0)
        report = ingest_session(SESSION, lake, client, [SPLIT])
        assert report["bars"] == {"rows": 5, "quarantined": {"high_is_highest": 1}}
        assert lake.read("bars", SESSION).equals(before)
        assert quarantine.read(lake, "bars", SESSION)["code"].to_list() == [SPLIT]

    def test_a_bad_bar_after_a_bad_one_says_what_the_factor_is(self, lake, client, tampering):
        tampering.rows = setting(SPLIT, H=1.0)
        ingest_session(SESSION, lake, client)
        tampering.rows = setting(SPLIT, H=1.0, AdjFactor=0.25)
        ingest_session(SESSION, lake, client, [SPLIT])
        found = bar(lake, SESSION, SPLIT)
        assert (found["close"], found["adj_factor"]) == (None, 0.25)

    def test_a_listed_code_that_the_master_does_not_answer_for_leaves_all_as_it_was(
        self, lake, client, tampering, data_files
    ):
        ingest_session(SESSION, lake, client)
        before = data_files(lake)
        tampering.rows = changing(MASTER, lambda rows: [row for row in rows if row["Code"] != SPLIT])
        with pytest.raises(NotYetPublishedError, match=f"master for code {SPLIT}"):
            ingest_session(SESSION, lake, client, [COMMON, SPLIT])
        assert data_files(lake) == before

    def test_a_code_with_a_bar_that_was_never_listed(self, lake, client):
        ingest_session(SESSION, lake, client)
        assert ingest_session(SESSION, lake, client, [STRANGER])["securities"]["rows"] == 4

    def test_a_bad_row_of_the_master_does_not_replace_a_good_one(self, lake, client, tampering):
        ingest_session(SESSION, lake, client)
        before = lake.read("securities", SESSION)
        tampering.rows = changing(MASTER, lambda rows: [row | {"CoName": ""} for row in rows])
        report = ingest_session(SESSION, lake, client, [SPLIT])
        assert report["securities"] == {"rows": 4, "quarantined": {"name_missing": 1}}
        assert lake.read("securities", SESSION).equals(before)

    def test_a_statement_that_is_not_answered_again_stays(self, lake, client, tampering):
        ingest_session(SESSION, lake, client)
        tampering.rows = changing("/v2/fins/summary", lambda _: [])
        ingest_session(SESSION, lake, client, [SPLIT])
        assert lake.read("shares", SESSION)["code"].to_list() == [SPLIT]

    def test_a_row_without_a_code_stays_in_quarantine(self, lake, client, tampering):
        tampering.rows = setting(SPLIT, Code="")
        ingest_session(SESSION, lake, client)
        tampering.honest()
        report = ingest_session(SESSION, lake, client, [COMMON])
        assert report["bars"]["quarantined"] == {"code_missing": 1}

    @pytest.mark.parametrize(
        ("field", "value"), [("Code", "99990"), ("Code", ""), ("Date", "2018-11-15"), ("Date", "")]
    )
    def test_an_answer_about_something_else_is_refused(self, lake, client, tampering, field, value):
        ingest_session(SESSION, lake, client)
        tampering.rows = setting(SPLIT, **{field: value})
        with pytest.raises(PayloadError, match="was asked for"):
            ingest_session(SESSION, lake, client, [SPLIT])

    def test_of_a_session_that_was_never_published(self, lake, client):
        with pytest.raises(PartitionMissingError):
            ingest_session(SESSION, lake, client, [COMMON])


def test_a_page_of_four_thousand_rows_is_read_without_losing_one():
    row = dict.fromkeys(bars_module.KNOWN, "1") | {"Date": "2018-11-16"}
    many = pl.DataFrame([row | {"Code": f"{n:05d}"} for n in range(4000)])
    assert bars_module.to_bars(many)["code"].n_unique() == 4000


def test_the_client_is_importable_where_the_steps_look_for_it():
    assert JQuantsClient.__module__ == "tosho.ingest.jquants"
