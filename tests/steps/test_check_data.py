"""The step that judges what came in: it stops or goes on, and leaves a page either way."""

import logging
from datetime import date

import pytest

from quality.sound_lake import LAST, RECENT, fill
from tosho.config import Settings
from tosho.contracts import INGESTED
from tosho.quality import GateFailedError
from tosho.steps import daily, history
from tosho.storage import Lake


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment({"TOSHO_HOME": str(tmp_path)})


@pytest.fixture
def lake(settings):
    tables = ("bars", "securities", "indices", "breakdown", "trading_days")
    return fill(Lake.of(settings), RECENT, tables)


def page(lake, session=LAST):
    return lake.files.read(f"reports/session={session}/quality.html").decode()


def test_a_sound_session_goes_on_and_its_page_is_named(lake, settings, caplog):
    caplog.set_level(logging.INFO)
    done = daily.check_data(LAST, settings)
    assert done["session"] == LAST.isoformat()
    assert done["gates"] > 40
    assert done["report"] == lake.files.uri(f"reports/session={LAST}/quality.html")
    assert done["report"] in caplog.text
    assert "Every gate is passed" in page(lake)


def test_a_session_that_is_stopped_has_its_page_too(lake, settings):
    lake.files.delete_folder(f"tables/breakdown/session={LAST}")
    with pytest.raises(GateFailedError, match=r"Gate breakdown.lost.*Ingest the session again"):
        daily.check_data(LAST, settings)
    assert "The run was stopped" in page(lake)


def test_a_warning_is_logged_and_stops_nothing(lake, settings, caplog):
    lake.publish("breakdown", LAST, INGESTED["breakdown"].empty())
    daily.check_data(LAST, settings)
    assert "warning Gate breakdown.age" in caplog.text
    assert "The run goes on" in page(lake)


def test_the_same_session_judged_again_leaves_the_same_bytes(lake, settings):
    daily.check_data(LAST, settings)
    first = page(lake)
    daily.check_data(LAST, settings)
    assert page(lake) == first


def test_a_range_counts_warnings_and_has_a_page_of_its_last_session(lake, settings):
    lake.publish("breakdown", RECENT[2], INGESTED["breakdown"].empty())
    judged = history.check_data(RECENT[0], LAST, settings)
    assert (judged["sessions"], judged["warnings"], judged["defects"]) == (4, 1, {})
    assert list(judged["reports"]) == [LAST.isoformat()]
    assert page(lake)


def test_a_range_has_a_page_of_each_defective_session(lake, settings, monkeypatch):
    monkeypatch.setattr("tosho.steps.gates.DEFECTIVE_AT_MOST", 0.5)
    lake.files.delete_folder(f"tables/breakdown/session={RECENT[1]}")
    judged = history.check_data(RECENT[0], date(2024, 7, 2), settings)
    assert list(judged["defects"]) == list(judged["reports"])[:1] == [RECENT[1].isoformat()]
    assert "breakdown.lost" in judged["defects"][RECENT[1].isoformat()]
    assert "The run was stopped" in page(lake, RECENT[1])
