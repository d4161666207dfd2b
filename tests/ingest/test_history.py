import gzip
from datetime import date

import polars as pl
import pytest

from services.jquants import FIRST, KEY, LAST
from tosho.calendar import sessions
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, NotYetPublishedError, PayloadError, ingest_history, ingest_session, quarantine
from tosho.ingest.jquants import File
from tosho.ingest.month import NOT_A_SESSION

ALL = sessions(FIRST, LAST)


def silent(stage, done, of):
    pass


def test_files_and_single_sessions_make_the_same_data(lake, other_lake, client, data_files):
    ingest_history(FIRST, LAST, lake, client, silent)
    for session in ALL:
        ingest_session(session, other_lake, client)
    assert data_files(lake) == data_files(other_lake)
    assert len(data_files(lake)) == 4 * len(ALL)


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
    assert told == [("2018-10", 5, 17), ("2018-11", 17, 17)]


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


def test_a_file_that_was_written_anew_is_taken_in_again(lake, client, monkeypatch):
    ingest_history(FIRST, LAST, lake, client, silent)
    listed = JQuantsClient.files

    def newer(self, *asked):
        return [File(file.key, file.modified.replace("2018", "2019"), file.size) for file in listed(self, *asked)]

    monkeypatch.setattr(JQuantsClient, "files", newer)
    assert ingest_history(LAST, LAST, lake, client, silent)["published"] == 1


def test_sessions_that_no_file_holds_are_asked_for_singly(lake, other_lake, client, data_files, monkeypatch):
    listed = JQuantsClient.files
    late = "_20181116.csv.gz"
    monkeypatch.setattr(
        JQuantsClient, "files", lambda self, *asked: [f for f in listed(self, *asked) if late not in f.key]
    )
    report = ingest_history(FIRST, LAST, lake, client, silent)
    monkeypatch.undo()
    ingest_history(FIRST, LAST, other_lake, client, silent)
    assert (report["published"], report["from_files"]) == (17, 16)
    assert data_files(lake) == data_files(other_lake)


def test_a_plan_without_files_goes_session_by_session(lake, other_lake, free_client, client, data_files):
    report = ingest_history(date(2018, 11, 12), LAST, lake, free_client, silent)
    assert (report["published"], report["from_files"]) == (5, 0)
    assert report["tables"]["indices"]["skipped"]
    ingest_history(date(2018, 11, 12), LAST, other_lake, client, silent)
    with_topix = data_files(other_lake)
    assert data_files(lake) == {path: data for path, data in with_topix.items() if "/indices/" not in path}
    assert ingest_history(date(2018, 11, 12), LAST, lake, free_client, silent)["skipped"] == 5


def test_a_session_that_is_not_there_yet_is_named_and_the_ones_before_are_kept(lake, client):
    with pytest.raises(NotYetPublishedError, match="2018-11-19"):
        ingest_history(FIRST, date(2018, 11, 19), lake, client, silent)
    assert lake.sessions("bars") == ALL


def test_bad_rows_of_a_file_are_set_aside_session_by_session(lake, client, monkeypatch):
    whole = JQuantsClient.download

    def spoiled(self, key):
        body = whole(self, key)
        return body.replace(b"13010,1030.0,1035.0", b"13010,1030.0,1.0") if "bars" in key else body

    monkeypatch.setattr(JQuantsClient, "download", spoiled)
    report = ingest_history(FIRST, LAST, lake, client, silent)
    assert report["tables"]["bars"] == {"rows": 83, "quarantined": {"high_is_highest": 1}}
    assert quarantine.read(lake, "bars", ALL[3])["code"].to_list() == ["13010"]
    assert lake.manifest("bars", ALL[3]).quarantined == {"high_is_highest": 1}


def test_rows_for_a_day_without_trading_go_to_quarantine(lake, other_lake, client, data_files, monkeypatch):
    whole = JQuantsClient.download

    def with_a_saturday(self, key):
        body = whole(self, key)
        header, first, *_ = body.splitlines()
        strange = first.replace(b"2018-10-25", b"2018-10-27")
        return body + strange + b"\n" if "bars_daily_201810" in key else body

    monkeypatch.setattr(JQuantsClient, "download", with_a_saturday)
    ingest_history(FIRST, LAST, lake, client, silent)
    assert quarantine.read(lake, "bars", date(2018, 10, 27))["rule"].to_list() == [NOT_A_SESSION]
    assert not lake.has("bars", date(2018, 10, 27))


def test_a_truncated_file_stops_it(lake, client, tampering, monkeypatch):
    monkeypatch.setattr(gzip, "decompress", _cut(gzip.decompress))
    with pytest.raises(PayloadError, match="Download it again"):
        ingest_history(FIRST, LAST, lake, client, silent)
    assert lake.tables() == []


def _cut(decompress):
    return lambda body: decompress(body[:-9])


def test_files_with_names_of_another_kind_are_refused(lake, client, monkeypatch):
    monkeypatch.setattr(JQuantsClient, "files", lambda *_: [File("equities/bars/daily/2018.csv.gz", "", "1")])
    with pytest.raises(PayloadError, match="named neither"):
        ingest_history(FIRST, LAST, lake, client, silent)


def test_no_session_between_the_days_is_no_work(lake, client):
    report = ingest_history(date(2018, 11, 17), date(2018, 11, 18), lake, client, silent)
    assert report["sessions"] == report["published"] == 0


def test_a_premium_plan_makes_the_same_data(lake, other_lake, market, client, data_files):
    from services.jquants import serving
    from tosho.simulation.server import create_app

    app = create_app(market, api_key=KEY, plan="premium", rate_per_minute=None)
    with serving(app) as url, JQuantsClient(JQuants(f"{url}/v2", KEY, "premium")) as premium:
        ingest_history(FIRST, LAST, lake, premium, silent)
    ingest_history(FIRST, LAST, other_lake, client, silent)
    assert data_files(lake) == data_files(other_lake)
    assert pl.concat([lake.read("bars", session) for session in ALL]).height == 84
