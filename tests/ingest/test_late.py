"""What J-Quants has later than it should: nothing of it is lost, and nothing of it is known before it came."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from services.jquants import COMMON, KEY, LETTERS
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, ingest_history, ingest_session, quarantine

BEFORE, SESSION = date(2018, 10, 31), date(2018, 11, 1)
FINS, TOPIX = "/v2/fins/summary", "/v2/indices/bars/daily/topix"


def without(code):
    return lambda path, rows: [row for row in rows if path != FINS or row["Code"] != code]


@pytest.mark.parametrize("table", ["statements", "shares"])
def test_a_document_that_came_late_is_known_from_the_next_session_on(lake, client, tampering, table):
    tampering.rows = without(COMMON)  # it was disclosed at 15:00 and is not there at half past six
    ingest_session(BEFORE, lake, client)
    tampering.honest()
    ingest_session(SESSION, lake, client)
    assert COMMON not in lake.read(table, BEFORE)["code"].to_list()
    late = lake.read(table, SESSION).filter(
        pl.col("code") == COMMON, pl.col("known_at") < datetime(2018, 11, 1, tzinfo=UTC)
    )
    assert set(late["known_at"]) == {datetime(2018, 10, 31, 15, 30, tzinfo=UTC)}


def test_a_late_document_outlives_a_repair_of_its_code(lake, client, tampering):
    tampering.rows = without(COMMON)
    ingest_session(BEFORE, lake, client)
    tampering.honest()
    ingest_session(SESSION, lake, client)
    published = lake.read("statements", SESSION)
    ingest_session(SESSION, lake, client, [COMMON])
    assert lake.read("statements", SESSION).equals(published)


def test_what_was_in_time_is_not_taken_in_twice(lake, client):
    for session in (BEFORE, SESSION):
        ingest_session(session, lake, client)
    first, second = (lake.read("statements", session)["number"].to_list() for session in (BEFORE, SESSION))
    assert not set(first) & set(second)
    assert LETTERS in lake.read("shares", SESSION)["code"].to_list()  # that of 18:20 was in the late edition


def test_an_answer_that_has_become_empty_replaces_nothing(lake, client, tampering, caplog):
    ingest_session(BEFORE, lake, client)
    published = lake.read("statements", BEFORE)
    tampering.rows = lambda path, rows: [] if path == FINS else rows
    ingest_session(BEFORE, lake, client)
    assert lake.read("statements", BEFORE).equals(published)
    assert "no good row any more" in caplog.text


def test_an_answer_of_bad_rows_only_replaces_nothing_and_waits_in_quarantine(lake, client, tampering):
    ingest_session(BEFORE, lake, client)
    published = lake.read("statements", BEFORE)
    spoilt = {"CurPerType": "7Q"}
    tampering.rows = lambda path, rows: [row | spoilt for row in rows] if path == FINS else rows
    ingest_session(BEFORE, lake, client)
    assert lake.read("statements", BEFORE).equals(published)
    assert set(quarantine.read(lake, "statements", BEFORE)["rule"]) == {"period_is_known"}


def test_a_table_that_the_key_is_refused_is_skipped_with_what_was_said(lake, url):
    with JQuantsClient(JQuants(url, KEY, "standard")) as client:  # the key is a light one
        report = ingest_session(SESSION, lake, client)
    assert "/markets/margin-alert" in report["margin_alerts"]["skipped"]
    assert report["bars"]["rows"] > 0
    assert not lake.has("margin_alerts", SESSION)


def test_history_skips_it_too(lake, url):
    with JQuantsClient(JQuants(url, KEY, "standard")) as client:
        report = ingest_history(BEFORE, SESSION, lake, client, lambda *_: None)
    assert report["tables"]["margin_alerts"]["skipped"]
    assert report["published"] == 2
