from datetime import date

import pytest
from typer.testing import CliRunner

from quality.sound_lake import LAST, RECENT, fill
from tosho.__main__ import app
from tosho.config import Settings
from tosho.storage import Lake


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    monkeypatch.delenv("TOSHO_LAKE", raising=False)
    return fill(Lake.of(Settings.from_environment()), RECENT, ("bars", "securities", "indices", "breakdown"))


def report(session=LAST):
    return CliRunner().invoke(app, ["lake", "report", "--session", session.isoformat()])


def test_the_page_of_a_session_is_written_and_its_place_printed(lake):
    told = report()
    assert told.exit_code == 0
    assert told.stdout.strip() == lake.files.uri(f"reports/session={LAST}/quality.html")
    assert b"Every gate is passed" in lake.files.read(f"reports/session={LAST}/quality.html")


def test_what_failed_is_told_and_nothing_is_stopped(lake):
    lake.files.delete_folder(f"tables/breakdown/session={LAST}")
    lake.files.delete_folder(f"tables/indices/session={LAST}")
    told = report()
    assert told.exit_code == 0
    assert "stops: Gate breakdown.lost" in told.stderr
    assert b"The run was stopped" in lake.files.read(f"reports/session={LAST}/quality.html")


def test_a_session_that_was_never_ingested_has_no_page(lake):
    told = report(date(2024, 7, 4))
    assert told.exit_code == 1
    assert "Ingest or compute it first" in str(told.exception)
    assert lake.files.names("reports") == []
