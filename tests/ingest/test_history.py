import gzip
import shutil
from datetime import date

import polars as pl
import pytest

from services.jquants import FIRST, KEY, LAST, serving
from tosho.calendar import sessions
from tosho.config import JQuants
from tosho.contracts import ContractError
from tosho.ingest import JQuantsClient, NotYetPublishedError, PayloadError, ingest_history, ingest_session, quarantine
from tosho.ingest.strays import NO_SESSION, NOT_A_SESSION, NOT_OF_ITS_FILE
from tosho.simulation.server import create_app

ALL = sessions(FIRST, LAST)


def silent(stage, done, of):
    pass


def listing(change):
    """Return a tamperer that changes the list of files."""
    return lambda path, rows: change(rows) if path == "/v2/bulk/list" else rows


def spoiling(part, change):
    """Return a tamperer that changes the text of the files whose path has a part."""
    return lambda path, packed: gzip.compress(change(gzip.decompress(packed))) if part in path else packed


def test_files_and_single_sessions_make_the_same_data(lake, other_lake, client, data_files):
    ingest_history(FIRST, LAST, lake, client, silent)
    for session in ALL:
        ingest_session(session, other_lake, client)
    assert data_files(lake) == data_files(other_lake)
    lasting = {
        "trading_days",
        "securities",
        "indices",
        "statements",
        "shares",
        "earnings_dates",
        "investor_flows",
        "bars",
    }
    assert set(lake.tables()) == lasting
    assert len(data_files(lake)) == len(lasting) * len(ALL)


def test_what_it_reports(lake, client):
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert {name: count for name, count in report.items() if name != "tables"} == {
        "sessions": 17, "published": 17, "skipped": 0, "from_files": 17,
    }  # fmt: skip
    assert report["tables"]["bars"] == {"rows": 84, "quarantined": {}}
    assert report["tables"]["shares"] == {"rows": 3, "quarantined": {}}


def test_progress_counts_sessions(lake, client):
    told = []
    ingest_history(FIRST, LAST, lake, client, lambda *step: told.append(step))
    assert told[:2] == [("trading_days of 2018-10-25", 1, 17), ("trading_days of 2018-10-26", 2, 17)]
    assert told[-2:] == [("2018-10", 5, 17), ("2018-11", 17, 17)]


def test_the_second_time_nothing_is_downloaded_or_written(lake, client, tampering):
    ingest_history(FIRST, LAST, lake, client, silent)
    tampering.asked.clear()
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert (report["published"], report["skipped"]) == (0, 17)
    assert {path for path, _ in tampering.asked} == {"/v2/bulk/list"}


def test_it_goes_on_where_it_stopped(lake, other_lake, client, data_files):
    ingest_history(FIRST, date(2018, 11, 7), lake, client, silent)
    report = ingest_history(FIRST, LAST, lake, client, silent)
    ingest_history(FIRST, LAST, other_lake, client, silent)
    assert (report["published"], report["skipped"]) == (7, 10)
    assert data_files(lake) == data_files(other_lake)


def test_a_range_within_a_month_leaves_the_rest_out(lake, client):
    ingest_history(date(2018, 10, 30), date(2018, 11, 1), lake, client, silent)
    assert lake.sessions("bars") == [date(2018, 10, 30), date(2018, 10, 31), date(2018, 11, 1)]


def test_a_file_that_was_written_anew_is_taken_in_again(lake, client, tampering):
    ingest_history(FIRST, LAST, lake, client, silent)
    tampering.rows = listing(lambda files: [file | {"LastModified": "2019-01-01T00:00:00Z"} for file in files])
    assert ingest_history(LAST, LAST, lake, client, silent)["published"] == 1


def test_sessions_that_no_file_holds_are_asked_for_singly(lake, other_lake, client, data_files, tampering):
    tampering.rows = listing(lambda files: [file for file in files if "_20181116." not in file["Key"]])
    report = ingest_history(FIRST, LAST, lake, client, silent)
    tampering.honest()
    ingest_history(FIRST, LAST, other_lake, client, silent)
    assert (report["published"], report["from_files"]) == (17, 16)
    assert data_files(lake) == data_files(other_lake)


def test_sessions_that_a_file_lacks_are_asked_for_singly(lake, other_lake, client, data_files, tampering):
    def without(body):
        return b"".join(line for line in body.splitlines(keepends=True) if b"2018-10-30" not in line)

    tampering.file = spoiling("topix_201810", without)
    report = ingest_history(FIRST, LAST, lake, client, silent)
    tampering.honest()
    ingest_history(FIRST, LAST, other_lake, client, silent)
    assert (report["published"], report["from_files"]) == (17, 16)
    assert data_files(lake) == data_files(other_lake)


def test_a_plan_without_files_goes_session_by_session(lake, other_lake, free_client, client, data_files):
    report = ingest_history(date(2018, 11, 12), LAST, lake, free_client, silent)
    assert (report["published"], report["from_files"]) == (5, 0)
    assert report["tables"]["indices"]["skipped"]
    ingest_history(date(2018, 11, 12), LAST, other_lake, client, silent)
    with_topix = data_files(other_lake)
    paid = ("/indices/", "/investor_flows/")
    assert data_files(lake) == {path: data for path, data in with_topix.items() if not any(p in path for p in paid)}
    assert ingest_history(date(2018, 11, 12), LAST, lake, free_client, silent)["skipped"] == 5


def test_a_session_that_is_not_there_yet_is_named_and_the_ones_before_are_kept(lake, client):
    with pytest.raises(NotYetPublishedError, match="2018-11-19"):
        ingest_history(FIRST, date(2018, 11, 19), lake, client, silent)
    assert lake.sessions("bars") == ALL


def test_bad_rows_of_a_file_are_set_aside_session_by_session(lake, client, tampering):
    tampering.file = spoiling("bars", lambda body: body.replace(b"13010,1030.0,1035.0", b"13010,1030.0,1.0"))
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert report["tables"]["bars"] == {"rows": 84, "quarantined": {"high_is_highest": 1}}
    assert lake.read("bars", ALL[3])["close"].null_count() == 1
    assert quarantine.read(lake, "bars", ALL[3])["code"].to_list() == ["13010"]
    assert lake.manifest("bars", ALL[3]).quarantined == {"high_is_highest": 1}


def test_rows_for_a_day_without_trading_go_to_quarantine(lake, client, tampering):
    def with_a_saturday(body):
        return body + body.splitlines()[1].replace(b"2018-10-25", b"2018-10-27") + b"\n"

    tampering.file = spoiling("bars_daily_201810", with_a_saturday)
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert quarantine.read(lake, "bars", date(2018, 10, 27))["rule"].to_list() == [NOT_A_SESSION]
    assert not lake.has("bars", date(2018, 10, 27))
    assert report["tables"]["bars"] == {"rows": 84, "quarantined": {NOT_A_SESSION: 1}}


@pytest.mark.parametrize(
    ("day", "rule"),
    [(b"", NO_SESSION), (b"2018-09-28", NOT_OF_ITS_FILE), (b"2018-09-29", NOT_OF_ITS_FILE),
     (b"2018-11-05", NOT_OF_ITS_FILE)],
)  # fmt: skip
def test_rows_of_no_day_or_another_month_go_to_quarantine_and_are_counted(
    lake, other_lake, client, tampering, day, rule
):
    def with_a_stray(body):
        return body + body.splitlines()[1].replace(b"2018-10-25", day) + b"\n"

    ingest_history(FIRST, LAST, other_lake, client, silent)
    tampering.file = spoiling("bars_daily_201810", with_a_stray)
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert report["tables"]["bars"] == {"rows": 84, "quarantined": {rule: 1}}
    assert quarantine.read(lake, "bars", FIRST)["rule"].to_list() == [rule]
    assert all(lake.read("bars", day).equals(other_lake.read("bars", day)) for day in ALL)


def test_a_statement_of_another_month_goes_to_quarantine(lake, client, tampering):
    tampering.file = spoiling(
        "fins_summary_20181116", lambda body: body.replace(b"2018-11-16,12:00", b"2018-10-03,12:00")
    )
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert report["tables"]["shares"] == {"rows": 2, "quarantined": {NOT_OF_ITS_FILE: 1}}


def test_a_file_of_another_month_altogether_is_refused(lake, client, tampering):
    tampering.file = spoiling("bars_daily_201810", lambda body: body.replace(b"2018-10-", b"2018-08-"))
    with pytest.raises(PayloadError, match="not of 2018-10-01 to 2018-10-31"):
        ingest_history(FIRST, LAST, lake, client, silent)
    assert not {"bars", "securities", "indices"} & set(lake.tables())


def test_a_list_without_files_of_statements_is_no_proof_that_there_are_none(
    lake, other_lake, client, data_files, tampering
):
    tampering.rows = listing(lambda files: [file for file in files if "fins" not in file["Key"]])
    report = ingest_history(FIRST, LAST, lake, client, silent)
    tampering.honest()
    ingest_history(FIRST, LAST, other_lake, client, silent)
    assert (report["published"], report["from_files"]) == (17, 17)  # the statements alone are asked for singly
    assert report["tables"]["shares"]["rows"] == 3
    assert all(lake.manifest("shares", session).sources for session in ALL)
    assert data_files(lake) == data_files(other_lake)


def test_statements_of_the_session_before_are_needed_too(lake, client, tampering):
    tampering.rows = listing(lambda files: [file for file in files if "summary_20181105." not in file["Key"]])
    ingest_history(FIRST, LAST, lake, client, silent)
    asked = {query for path, query in tampering.asked if path == "/v2/fins/summary"}
    assert asked == {"date=2018-11-02", "date=2018-11-03", "date=2018-11-04", "date=2018-11-05", "date=2018-11-06"}


def test_a_session_whose_statements_came_from_nowhere_is_not_complete(lake, client, tampering):
    ingest_history(FIRST, LAST, lake, client, silent)
    lake.publish("shares", LAST, lake.read("shares", LAST).clear(), sources=())
    tampering.rows = listing(lambda files: [])
    assert ingest_history(FIRST, LAST, lake, client, silent)["published"] == 1
    assert lake.read("shares", LAST).height == 1


class TestAfterCodesWereFetchedAgain:
    @pytest.fixture
    def repair(self, lake, client, tampering):
        """Fetch a code of the last session again, with another volume."""

        def again():
            tampering.rows = lambda path, rows: [row | {"Vo": 7} for row in rows] if path.endswith("daily") else rows
            ingest_session(LAST, lake, client, ["13010"])
            tampering.honest()

        return again

    @pytest.fixture
    def volume(self, lake):
        """Return the code's volume as it is published."""

        def read():
            return lake.read("bars", LAST).filter(pl.col("code") == "13010")["volume"].item()

        return read

    def test_history_does_not_undo_it(self, lake, client, repair, volume):
        ingest_history(FIRST, LAST, lake, client, silent)
        repair()
        assert ingest_history(FIRST, LAST, lake, client, silent)["published"] == 0
        assert volume() == 7.0

    def test_nor_where_the_session_had_come_singly(self, lake, client, repair, volume):
        ingest_session(LAST, lake, client)
        repair()
        ingest_history(FIRST, LAST, lake, client, silent)
        assert volume() == 7.0

    def test_a_stray_of_the_file_waits_on(self, lake, client, repair, tampering):
        def with_a_stray(body):
            return body + b"\n".join(row.replace(b"2018-11-16", b"2018-09-28") for row in body.splitlines()[1:]) + b"\n"

        tampering.file = spoiling("bars_daily_20181116", with_a_stray)
        ingest_history(FIRST, LAST, lake, client, silent)
        repair()
        assert lake.manifest("bars", LAST).quarantined == {NOT_OF_ITS_FILE: 5}

    def test_a_file_that_was_written_later_does(self, lake, client, repair, volume, tampering):
        ingest_history(FIRST, LAST, lake, client, silent)
        repair()
        tampering.rows = listing(lambda files: [file | {"LastModified": "2999-01-01T00:00:00Z"} for file in files])
        assert ingest_history(LAST, LAST, lake, client, silent)["published"] == 1
        assert volume() != 7.0

    def test_a_file_that_does_not_say_when_it_was_written_is_refused(self, lake, client, repair, tampering):
        ingest_session(LAST, lake, client)
        repair()
        tampering.rows = listing(lambda files: [file | {"LastModified": "lately"} for file in files])
        with pytest.raises(PayloadError, match="'lately', which is no ISO time"):
            ingest_history(LAST, LAST, lake, client, silent)


def test_a_session_that_came_singly_is_taken_from_the_file_of_the_night_after(lake, client, tampering):
    ingest_session(LAST, lake, client)
    tampering.rows = listing(lambda files: [file | {"LastModified": "2999-01-01T00:00:00Z"} for file in files])
    assert ingest_history(LAST, LAST, lake, client, silent)["from_files"] == 1


def test_a_column_that_a_file_lacks_stops_it(lake, client, tampering):
    tampering.file = spoiling("bars_daily", lambda body: body.replace(b",Va,", b",Vb,", 1))
    with pytest.raises(ContractError, match=r"lacks the column\(s\) \['Va'\]"):
        ingest_history(FIRST, LAST, lake, client, silent)
    assert not {"bars", "securities", "indices"} & set(lake.tables())


def test_a_list_without_keys_is_refused(lake, client, tampering):
    tampering.rows = listing(lambda files: [{"Name": file["Key"]} for file in files])
    with pytest.raises(PayloadError, match="without a Key"):
        ingest_history(FIRST, LAST, lake, client, silent)


def test_a_truncated_file_stops_it(lake, client, tampering):
    tampering.file = lambda path, packed: packed[:-9]
    with pytest.raises(PayloadError, match="Download it again"):
        ingest_history(FIRST, LAST, lake, client, silent)
    assert not {"bars", "securities", "indices"} & set(lake.tables())


def test_files_with_names_of_another_kind_are_refused(lake, client, tampering):
    tampering.rows = listing(lambda files: [file | {"Key": "equities/bars/daily/2018.csv.gz"} for file in files])
    with pytest.raises(PayloadError, match="named neither"):
        ingest_history(FIRST, LAST, lake, client, silent)


def test_no_session_between_the_days_is_no_work(lake, client):
    report = ingest_history(date(2018, 11, 17), date(2018, 11, 18), lake, client, silent)
    assert report["sessions"] == report["published"] == 0


def test_a_premium_plan_makes_the_same_data_and_more(lake, other_lake, market, client, data_files, tmp_path):
    invented = shutil.copytree(market, tmp_path / "market")
    (invented / "truth.json").write_text("{}")  # only of an invented market are halves of days served
    app = create_app(invented, api_key=KEY, plan="premium", rate_per_minute=None)
    with serving(app) as url, JQuantsClient(JQuants(f"{url}/v2", KEY, "premium")) as premium:
        ingest_history(FIRST, LAST, lake, premium, silent)
    ingest_history(FIRST, LAST, other_lake, client, silent)
    light = {path: data for path, data in data_files(other_lake).items() if "/securities/" not in path}
    assert {path: data for path, data in data_files(lake).items() if path in light} == light
    told, blank = (pl.concat([held.read("securities", s) for s in ALL]) for held in (lake, other_lake))
    assert told.drop("margin_class").equals(blank.drop("margin_class"))
    assert (told["margin_class"].null_count(), blank["margin_class"].count()) == (0, 0)
    assert pl.concat([lake.read("bars", session) for session in ALL]).height == 84
    assert pl.concat([lake.read("half_bars", session) for session in ALL]).height == 2 * 84
